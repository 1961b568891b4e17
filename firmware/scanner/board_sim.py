"""A board without hardware, for MicroPython's unix port: frames come in on stdin, events go out on stdout.

    micropython board_sim.py [--test-city] FOLDER                    run on frames from stdin until it ends
    micropython board_sim.py [--test-city] FOLDER --install ROOT BUNDLE   provision and install; - for neither

FOLDER stands for the flash, with config.json in it. A frame is a line of JSON and then its bytes, width x height grey
levels: {"at_ms": 1000} is when it is taken, "pass": true that the PASS contact closes then, "frame": false that the
camera gives none (and no bytes follow), "fail": true that it raises. Time is what the frames say, so that an afternoon
takes seconds. An event is a line of JSON {"event": ..., "at_ms": ...}: ready, stale, fault, accepted, refused, pass;
relay, led and buzzer with "on"; and "frame" when the work on one is done.
"""

import gc
import json
import sys

from app import App
from camera_source import CameraSource
from config import FRAME_SIZES, SIMULATED, Config, ConfigError, load
from core.errors import TrustError
from qr import Scanner
from store import StoreError
from version_floor import FileFloor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    from gate import Output, PassContact
    from smp.frames import Serial
    from version_floor import VersionFloor

# How long the run goes on after the last frame, so that a pulse and an answer come to their end.
_REST_MS = 3000
_CHUNK_BYTES = 512
_USAGE = "board_sim.py [--test-city] FOLDER [--install ROOT BUNDLE]\n"
_MAX_HEADER_BYTES = 256
# By this exit status the program asks to be started again.
RESET_STATUS = 75


class SimOutput:
    """Tells when it changes."""

    def __init__(self, board: "SimBoard", name: str) -> None:
        self._board = board
        self._name = name
        self._on = False

    def on(self) -> None:
        self._set(True)

    def off(self) -> None:
        self._set(False)

    def _set(self, on: bool) -> None:
        if on != self._on:
            self._on = on
            self._board.emit({"event": self._name, "at_ms": self._board.at_ms, "on": on})


class SimContact:
    def __init__(self) -> None:
        self.closed = False

    def taken(self) -> bool:
        closed = self.closed
        self.closed = False
        return closed


class SimCamera:
    """Gives one frame; between frames it sees nothing but grey."""

    def __init__(self, frame_bytes: int) -> None:
        self._grey = memoryview(bytes([128]) * frame_bytes)
        self.frame: "memoryview | None" = None
        self.gives_none = False
        self.fails = False

    def capture(self) -> "memoryview | None":
        if self.fails:
            raise OSError("The camera failed.")
        if self.gives_none:
            return None
        frame = self.frame
        self.frame = None
        return self._grey if frame is None else frame

    def frame_available(self) -> bool:
        return True

    def deinit(self) -> None:
        pass

    def open(self) -> "SimCamera":
        if self.fails:
            raise OSError("There is no camera.")
        return self


class SimBoard:
    """The surface of `boards.board.Board`."""

    family = SIMULATED

    def __init__(
        self, flash: str, config: Config, emit: "Callable[[dict[str, Any]], None]", allow_test_city: bool = False
    ) -> None:
        self.flash = flash
        self.applications = flash + "/app"
        self.config_path = flash + "/config.json"
        self.config = config
        self.emit = emit
        self.allow_test_city = allow_test_city
        self.at_ms = 0
        self.fed = 0
        width, height = FRAME_SIZES[config.frame_size]
        self.frame_bytes = width * height
        self.camera = SimCamera(self.frame_bytes)
        self.contact = SimContact()
        self._decoder = Scanner(width, height)

    def ticks_ms(self) -> int:
        return self.at_ms

    def tell(self, event: str) -> None:
        self.emit({"event": event, "at_ms": self.at_ms})

    def relay(self) -> "Output":
        return SimOutput(self, "relay")

    def light(self) -> "Output | None":
        return SimOutput(self, "led")

    def buzzer(self) -> "Output | None":
        return SimOutput(self, "buzzer")

    def pass_contact(self) -> "PassContact | None":
        return self.contact

    def version_floor(self) -> "VersionFloor":
        return FileFloor(self.flash + "/floor")

    def application_floor(self) -> "VersionFloor":
        return FileFloor(self.flash + "/application-floor")

    def feed_watchdog(self) -> None:
        self.fed += 1

    def serial(self) -> "Serial | None":
        return None

    def rest(self) -> None:
        """Time is what the frames say."""

    def security_level(self) -> str:
        return "L0"

    def reset(self) -> None:
        sys.exit(RESET_STATUS)

    def source(self, ticks: "Callable[[], int]") -> CameraSource:
        return CameraSource(self.camera.open, self._decoder, ticks)


def show(app: App, board: SimBoard, header: "dict[str, Any]", frame: "memoryview | None") -> None:
    """Let the time pass up to a frame, and hand it to the application."""
    let_pass(app, board, header["at_ms"])
    board.contact.closed = board.contact.closed or header.get("pass") is True
    board.camera.frame = frame
    board.camera.gives_none = header.get("frame") is False
    board.camera.fails = header.get("fail") is True
    app.step()
    # One that was not taken is gone, as from a camera that is never read.
    board.camera.frame = None


def let_pass(app: App, board: SimBoard, at_ms: int) -> None:
    """Do what is due before `at_ms`, each thing at its time."""
    while True:
        next_ms = app.next_ms()
        due_ms = board.at_ms + max(next_ms - app.now_ms, 1)
        if next_ms < 0 or due_ms >= at_ms:
            break
        board.at_ms = due_ms
        app.step()
    board.at_ms = at_ms


def run(app: App, board: SimBoard, stream: "BinaryIO") -> None:
    """Run on the frames of a stream until it ends."""
    buffer = bytearray(board.frame_bytes)
    view = memoryview(buffer)
    first = True
    while True:
        line = stream.readline(_MAX_HEADER_BYTES)
        if not line:
            break
        header = json.loads(line)
        has_frame = header.get("frame") is not False and header.get("fail") is not True
        if has_frame and not _fill(stream, view):
            break
        if first:
            board.at_ms = header["at_ms"]
            app.step()
            first = False
        show(app, board, header, view if has_frame else None)
        board.tell("frame")
    let_pass(app, board, board.at_ms + _REST_MS)
    app.counters.save()


def install(app: App, root: str, bundle: str) -> "dict[str, Any]":
    """Provision a root and install a bundle, from files, through the store; return the event.

    {"event": "installed", "version": ...}; "refused" by the rules of trust, with "reason"; "failed", with "sentence".
    """
    try:
        if root != "-":
            with open(root, "rb") as file:
                app.store.provision(file.read())
        if bundle != "-":
            with open(bundle, "rb") as file:
                length = file.seek(0, 2)
                file.seek(0)
                app.store.begin(length)
                offset = 0
                while offset < length:
                    offset = app.store.write(offset, file.read(_CHUNK_BYTES))
            if app.store.finish():
                app.trust_changed()
                app.store.seal()
    except TrustError as error:
        return {"event": "refused", "reason": error.reason}
    except StoreError as error:
        return {"event": "failed", "sentence": str(error)}
    installed = app.store.installed
    manifest = installed.manifest if installed else None
    return {"event": "installed", "version": manifest.version if manifest else 0}


def _fill(stream: "BinaryIO", view: memoryview) -> bool:
    filled = 0
    while filled < len(view):
        part = stream.read(len(view) - filled)
        if not part:
            return False
        view[filled : filled + len(part)] = part
        filled += len(part)
    return True


def _print(event: "dict[str, Any]") -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    if event["event"] == "frame" and hasattr(sys.stdout, "flush"):
        sys.stdout.flush()


def main(arguments: "list[str]") -> int:
    """Run the program; return its exit status."""
    test_city = "--test-city" in arguments
    arguments = [argument for argument in arguments if argument != "--test-city"]
    installs = len(arguments) == 4 and arguments[1] == "--install"
    if len(arguments) != 1 and not installs:
        sys.stderr.write(_USAGE)
        return 2
    try:
        config = load(arguments[0] + "/config.json")
    except ConfigError as error:
        sys.stderr.write(str(error) + "\n")
        return 2
    if installs:
        event = install(App(SimBoard(arguments[0], config, lambda event: None, test_city)), *arguments[2:])
        _print(event)
        return 0 if event["event"] == "installed" else 1
    board = SimBoard(arguments[0], config, _print, test_city)
    app = App(board)
    gc.collect()
    run(app, board, sys.stdin.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
