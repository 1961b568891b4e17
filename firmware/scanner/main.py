"""What a scanner runs when it starts."""

import os
import sys
import time

from config import Config, ConfigError, board_named_in, load
from signals import FAULT, Signals
from unconfigured import Unconfigured
from uptime import Uptime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from app import Board

_CONFIG = "/config.json"
_PAUSE_MS = 10


def main() -> None:
    """Open the gate for cards, for ever; where that cannot begin, keep it shut and show a fault.

    A configuration that cannot be used is waited for, on the serial line. What else is missing may be there after a
    restart: the watchdog brings it.
    """
    board = None
    source = None
    try:
        try:
            board = _made(load(_CONFIG))
        except ConfigError as error:
            sys.stderr.write(str(error) + "\n")
            board = _unconfigured()
            source = Unconfigured(board.rest)
        _make_folder(board.flash)
        # Here, for without PSRAM its modules may not find room.
        from app import App

        app = App(board, source)
    except Exception as error:
        _stand_still(board, "The scanner cannot start: %s." % type(error).__name__)
    while True:
        app.step()


def _made(config: Config) -> "Board":
    module = __import__("boards." + config.board, None, None, ("make",))
    board: "Board" = module.make(config)
    return board


def _unconfigured() -> "Board":
    """The board that the configuration names, for its light: what else it says is not believed."""
    config = Config()
    config.board = board_named_in(_CONFIG)
    try:
        if config.board:
            return _made(config)
    except ConfigError:
        pass
    from boards.board import UnknownBoard

    return UnknownBoard()


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path)
    except OSError:
        pass  # It is there, or the store says that nothing is.


def _stand_still(board: "Board | None", sentence: str) -> None:
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
        time.sleep_ms(_PAUSE_MS)


if __name__ == "__main__":
    main()
