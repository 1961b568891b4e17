"""What a scanner runs when it starts."""

import os
import sys
import time

from config import Config, ConfigError, board_named_in, load
from signals import FAULT, Signals
from uptime import Uptime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from app import Board

_CONFIG = "/config.json"
_PAUSE_MS = 10


def main() -> None:
    """Open the gate for cards, for ever; where that cannot begin, keep it shut and show a fault.

    A configuration that cannot be used is waited for. What else is missing may be there after a restart: the watchdog
    brings it.
    """
    board = None
    try:
        board = _made(load(_CONFIG))
        _make_folder(board.flash)
        # Here, for without PSRAM its modules may not find room.
        from app import App

        app = App(board)
    except ConfigError as error:
        _stand_still(_unconfigured(), str(error), True)
    except Exception as error:
        _stand_still(board, "The scanner cannot start: %s." % type(error).__name__, False)
    while True:
        app.step()


def _made(config: Config) -> "Board":
    module = __import__("boards." + config.board, None, None, ("make",))
    board: "Board" = module.make(config)
    return board


def _unconfigured() -> "Board | None":
    """The board that the configuration names, for its light: what else it says is not believed."""
    config = Config()
    config.board = board_named_in(_CONFIG)
    try:
        return _made(config) if config.board else None
    except Exception:
        return None


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path)
    except OSError:
        pass  # It is there, or the store says that nothing is.


def _stand_still(board: "Board | None", sentence: str, feeds: bool) -> None:
    """Never return."""
    sys.stderr.write(sentence + "\n")
    if board:
        # As an output at its idle level the relay's pin does not float.
        board.relay().off()
        signals = Signals(board.light(), None, board.tell)
        uptime = Uptime(board.ticks_ms)
        signals.stand(FAULT, uptime.ms())
    while True:
        if board:
            signals.poll(uptime.ms())
            if feeds:
                board.feed_watchdog()
        time.sleep_ms(_PAUSE_MS)


if __name__ == "__main__":
    main()
