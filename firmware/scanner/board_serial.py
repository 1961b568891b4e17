"""A board without hardware, alive on a serial line, for MicroPython's unix port: the time is the world's.

    micropython board_serial.py [--test-city] [--frame FILE] [--buffer BYTES] FLASH

The line is standard input and output, the terminal's side of a pty. FLASH is a folder with what a flash has:
config.json, and the store in trust/. An event is a line of JSON on standard error, as of `board_sim`. The camera sees
what FILE holds, width x height grey levels, put there by a rename; nothing but grey while there is none. BYTES is the
largest packet that the line takes; 180, as of an ESP32's console, unless told.

Ends with status 75 where it asks to be started again, as after a reset, and with 0 when the line is gone.
"""

import json
import os
import select
import sys
import termios
import time

from app import App
from board_sim import SimBoard, SimCamera
from config import Config, ConfigError, load
from unconfigured import Unconfigured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from smp.frames import Serial

# Of an ESP32's console, whose ring holds 260 bytes: what base64 makes of it fits.
CONSOLE_BUFFER_BYTES = 180
_FRAME_MS = 83
# A host that takes nothing for so long is gone.
_WRITE_MS = 50
# Places in what termios says of a terminal, on Linux.
_CONTROL, _VTIME, _VMIN = 6, 5, 6
_USAGE = "board_serial.py [--test-city] [--frame FILE] [--buffer BYTES] FLASH\n"


class TerminalSerial:
    """Standard input and output, a terminal, as a serial line."""

    def __init__(self, buffer_bytes: int) -> None:
        self.buffer_bytes = buffer_bytes
        self._input = sys.stdin.buffer
        self._output = sys.stdout.buffer
        self._writing = select.poll()
        self._writing.register(self._output.fileno(), select.POLLOUT)
        # A read of a terminal that is gone looks like one of nothing.
        self._gone = select.poll()
        self._gone.register(self._input.fileno(), 0)
        _set_raw(self._input.fileno())

    def readinto(self, buffer: "bytearray | memoryview") -> int:
        try:
            count = self._input.readinto(buffer) or 0
        except OSError:
            sys.exit(0)
        if not count:
            for _ in self._gone.ipoll(0):
                sys.exit(0)
        return count

    def write(self, data: bytes) -> None:
        if self._writing.poll(_WRITE_MS):
            self._output.write(data)


class LiveCamera(SimCamera):
    """Takes a frame every 83 ms, as an OV2640 does, of what a file holds at that moment."""

    def __init__(self, frame_bytes: int, path: "str | None") -> None:
        super().__init__(frame_bytes)
        self._path = path
        self._picture = bytearray(frame_bytes)
        self._next_ms = time.ticks_ms()
        self._number = 0

    def frame_available(self) -> bool:
        rest_ms: int = time.ticks_diff(self._next_ms, time.ticks_ms())
        return rest_ms <= 0

    def capture(self) -> "memoryview | None":
        rest_ms = time.ticks_diff(self._next_ms, time.ticks_ms())
        if rest_ms > 0:
            time.sleep_ms(rest_ms)
        self._next_ms = time.ticks_add(time.ticks_ms(), _FRAME_MS)
        self._number += 1
        if self._path and self._look(self._path):
            # No sensor gives the same frame twice.
            self._picture[self._number % len(self._picture)] ^= 1
            self.frame = memoryview(self._picture)
        return super().capture()

    def _look(self, path: str) -> bool:
        try:
            with open(path, "rb") as file:
                return (file.readinto(self._picture) or 0) == len(self._picture)
        except OSError:
            return False


class LiveBoard(SimBoard):
    def __init__(self, root: str, config: Config, test_city: bool, frame: "str | None", buffer_bytes: int) -> None:
        super().__init__(root + "/trust", config, _tell, test_city)
        self.applications = root + "/app"
        self.config_path = root + "/config.json"
        self.camera = LiveCamera(self.frame_bytes, frame)
        self._buffer_bytes = buffer_bytes

    def ticks_ms(self) -> int:
        self.at_ms = time.ticks_ms()  # type: ignore[assignment]
        return self.at_ms

    def serial(self) -> "Serial | None":
        return TerminalSerial(self._buffer_bytes)

    def rest(self) -> None:
        time.sleep_ms(1)


def _set_raw(file: int) -> None:
    """Let a read take what is there, and wait for nothing."""
    termios.setraw(file)
    attributes = termios.tcgetattr(file)
    attributes[_CONTROL][_VMIN] = attributes[_CONTROL][_VTIME] = 0
    termios.tcsetattr(file, termios.TCSANOW, attributes)


def _tell(event: "dict[str, Any]") -> None:
    sys.stderr.write(json.dumps(event) + "\n")


def _option(arguments: "list[str]", name: str) -> "str | None":
    if name not in arguments:
        return None
    at = arguments.index(name)
    value = arguments[at + 1]
    del arguments[at : at + 2]
    return value


def main(arguments: "list[str]") -> int:
    """Run the program; return its exit status."""
    test_city = "--test-city" in arguments
    arguments = [argument for argument in arguments if argument != "--test-city"]
    try:
        frame = _option(arguments, "--frame")
        buffer_bytes = int(_option(arguments, "--buffer") or CONSOLE_BUFFER_BYTES)
        (root,) = arguments
    except (IndexError, ValueError):
        sys.stderr.write(_USAGE)
        return 2
    try:
        config = load(root + "/config.json")
    except ConfigError as error:
        sys.stderr.write(json.dumps({"event": "unconfigured", "sentence": str(error)}) + "\n")
        config = None
    try:
        os.mkdir(root + "/trust")
    except OSError:
        pass
    board = LiveBoard(root, config or Config(), test_city, frame, buffer_bytes)
    app = App(board, None if config else Unconfigured(board.rest))
    while True:
        app.step()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
