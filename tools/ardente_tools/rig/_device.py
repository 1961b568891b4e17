"""A scanner that exists only as a program: the real firmware, behind a simulated line."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

from ardente_tools.simulate._frames import EMPTY, grey
from ardente_tools.simulate._program import environment, firmware, interpreter
from ardente_tools.simulate._scanner import FRAME_BYTES

from ._errors import RigError
from ._line import Line

if TYPE_CHECKING:
    from PIL import Image

Event = dict[str, Any]

# What an ESP32's console takes before bytes are lost, and the largest packet that fits in it.
CONSOLE_RING_BYTES: Final = 259
CONSOLE_BUFFER_BYTES: Final = 180
# The exit status by which the firmware asks to be started again.
_RESET: Final = 75
_START_TIMEOUT_S: Final = 30.0
_END_TIMEOUT_S: Final = 10.0


class Events:
    """What happened, in order; safe to read while more happens."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = threading.Condition()

    def add(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._events)

    def since(self, start: int = 0) -> list[Event]:
        with self._changed:
            return self._events[start:]

    def wait(self, wanted: Callable[[Event], bool], timeout_s: float, start: int = 0) -> Event:
        """Return the first event from the ``start``-th on that is ``wanted``. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for event in self._events[start:]:
                    if wanted(event):
                        return event
                rest_s = deadline - time.monotonic()
                if rest_s <= 0 or not self._changed.wait(rest_s):
                    raise TimeoutError(f"The scanner did not do that in {timeout_s:g} s.")


class SimulatedDevice:
    """The firmware on a folder that is its flash, at the end of a line. It starts again by itself after a reset.

    The folder outlives the device. Without a ``line`` it has that of an ESP32's console, 115,200 baud; ``buffer_bytes``
    is the largest packet that the device says it takes. ``allow_test_city`` is for the keys that everybody has. As a
    context the device runs. ``events`` is what it tells. Raises `SimulatorError` where MicroPython or the firmware is
    missing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        line: Line | None = None,
        buffer_bytes: int = CONSOLE_BUFFER_BYTES,
        allow_test_city: bool = False,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._interpreter = interpreter()
        self._firmware = firmware()
        self._own_line = line is None
        self.line = line or Line(ring_bytes=CONSOLE_RING_BYTES)
        self._buffer_bytes = buffer_bytes
        self._allow_test_city = allow_test_city
        self._view = tempfile.TemporaryDirectory(prefix="ardente-camera-")
        self._frame = Path(self._view.name, "frame")
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._wanted = False
        self._switch = threading.Lock()
        self.events = Events()

    @property
    def port(self) -> str:
        return self.line.port

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Switch the device on and wait until its firmware runs; nothing where it is on. Raises `RigError`."""
        if self._watcher is not None:
            return
        since = len(self.events)
        self._wanted = True
        self._process = self._begin()
        self._watcher = threading.Thread(target=self._watch, args=(self._process,), daemon=True)
        self._watcher.start()
        try:
            begun = self.events.wait(lambda event: event["event"] != "start", _START_TIMEOUT_S, since)
        except TimeoutError:
            begun = {"event": "end"}
        if begun["event"] in ("end", "printed"):
            self.stop()
            raise RigError(f"The firmware did not start: {begun.get('text', 'it says nothing')}.")

    def stop(self) -> None:
        """End the firmware where it is, as a pulled plug does. What it has written stays."""
        with self._switch:
            self._wanted = False
            if self._process is not None:
                self._process.kill()
        if self._watcher is not None:
            self._watcher.join(_END_TIMEOUT_S)
        self._watcher = None

    def power_cycle(self) -> None:
        self.stop()
        self.start()

    def show(self, picture: Path | Image.Image | bytes | None) -> None:
        """Hold a picture before the camera, or a frame of 320 x 240 grey levels, until another is shown; None: a wall.

        Raises `RigError` where the file is no picture.
        """
        pixels = _pixels(picture)
        new = self._frame.with_suffix(".new")
        new.write_bytes(pixels)
        new.replace(self._frame)

    def wait_for(self, name: str, timeout_s: float = 10.0, since: int = 0) -> Event:
        """Wait for the event of that name from the ``since``-th event on. Raises `TimeoutError`."""
        return self.events.wait(lambda event: event.get("event") == name, timeout_s, since)

    def output(self, name: str) -> bool:
        """Whether the relay, the led or the buzzer is on now."""
        last = [event for event in self.events.since() if event.get("event") == name]
        return bool(last and last[-1].get("on"))

    def close(self) -> None:
        self.stop()
        if self._own_line:
            self.line.close()
        self._view.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> subprocess.Popen[bytes]:
        self.line.drain()
        self.events.add({"event": "start"})
        return subprocess.Popen(
            self._command(),
            stdin=self.line.device.fileno(),
            stdout=self.line.device.fileno(),
            stderr=subprocess.PIPE,
            env=self._environment(),
            # Ctrl-C is for whoever runs the device, who then ends it.
            process_group=0,
        )

    def _command(self) -> list[str]:
        options = ["--frame", str(self._frame), "--buffer", str(self._buffer_bytes)]
        if self._allow_test_city:
            options.append("--test-city")
        return [str(self._interpreter), str(self._start()), *options, str(self.folder.resolve())]

    def _start(self) -> Path:
        """The start that lies on the flash, which takes an application from there; else that of these tools."""
        flashed = self.folder / "main.py"
        return flashed if flashed.is_file() else self._firmware / "board_serial.py"

    def _environment(self) -> dict[str, str]:
        found = environment(self._firmware)
        if self._start().parent == self.folder:
            # What runs is what was flashed, to the last module.
            found["MICROPYPATH"] = ""
        return found

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            assert process.stderr is not None
            self._follow(process.stderr)
            status = process.wait()
            process.stderr.close()
            self.events.add({"event": "end", "status": status})
            with self._switch:
                if status != _RESET or not self._wanted:
                    return
                self._process = process = self._begin()

    def _follow(self, stream: IO[bytes]) -> None:
        for line in stream:
            try:
                event = json.loads(line)
            except ValueError:
                # The traceback of a firmware that fails.
                event = {"event": "printed", "text": line.decode(errors="replace").rstrip()}
            if isinstance(event, dict) and "event" in event:
                self.events.add(event)


def _pixels(picture: Path | Image.Image | bytes | None) -> bytes:
    if picture is None:
        return EMPTY
    if isinstance(picture, bytes):
        if len(picture) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes")
        return picture
    if not isinstance(picture, Path):
        return grey(picture)
    from PIL import Image

    try:
        with Image.open(picture) as image:
            return grey(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise RigError(f"{picture} cannot be read as a picture.") from None
