"""The scanner's firmware as a program of this computer: MicroPython's unix port runs it on a folder for a flash.

Frames go in at its standard input, each after a line of JSON that says when it is and whether the visitor stands in
the turnstile; what it does comes out as lines of JSON. The time is the frames': an afternoon takes as long as the work.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Final, Self

from ardente._files import PUBLIC_FILE_MODE, write_file
from ardente.core import reasons
from ardente.core.errors import TrustError

from ._errors import SimulatorError
from ._program import environment, firmware, interpreter

FRAME_WIDTH: Final = 320
FRAME_HEIGHT: Final = 240
FRAME_BYTES: Final = FRAME_WIDTH * FRAME_HEIGHT

Event = dict[str, Any]

CONFIGURATION: Final = "config.json"
_DEFAULT_CONFIGURATION: Final = {"label": "simulated", "board": "generic"}
_ANSWER_TIMEOUT_S: Final = 60.0
_END_TIMEOUT_S: Final = 10.0
# The exit status by which the firmware says in a sentence what is wrong with its configuration.
_NOT_CONFIGURED: Final = 2
_MAX_LINE_BYTES: Final = 4096
_MAX_CONFIGURATION_BYTES: Final = 4096


class Scanner:
    """One scanner and its flash, a folder that outlives it. As a context it is switched on, and off at the end.

    Raises `SimulatorError` where MicroPython, the firmware or the folder is missing, or the firmware fails.
    """

    def __init__(self, flash: Path) -> None:
        self._interpreter = interpreter()
        self._firmware = firmware()
        self._flash = flash
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._received = b""
        try:
            flash.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SimulatorError(f"{flash} cannot be the scanner's flash: {error.strerror}.") from None

    def configure(self, file: Path | None = None) -> None:
        """Write the configuration in ``file`` to the flash; without one, the default where the flash has none."""
        target = self._flash / CONFIGURATION
        if file is None:
            if not target.exists():
                write_file(target, json.dumps(_DEFAULT_CONFIGURATION).encode(), PUBLIC_FILE_MODE)
            return
        write_file(target, _read(file, _MAX_CONFIGURATION_BYTES), PUBLIC_FILE_MODE)

    def install(self, root: Path | None = None, bundle: Path | None = None) -> int | None:
        """Let the firmware believe the first ``root``, take ``bundle``, or both; return the version in force.

        The firmware's own store judges them, as it does what comes over the cable. Raises `TrustError` where it
        refuses; what it had before stays in force.
        """
        for file in (root, bundle):
            if file is not None and not file.is_file():
                raise SimulatorError(f"There is no file {file}.")
        run = subprocess.run(
            self._command("--install", *(str(file.resolve()) if file else "-" for file in (root, bundle))),
            env=environment(self._firmware),
            capture_output=True,
            timeout=_ANSWER_TIMEOUT_S,
            check=False,
        )
        lines = run.stdout.splitlines()
        answer = _event(lines[-1]) if lines else {}
        if answer.get("event") == "refused" and answer.get("reason") in reasons.TRUST_REASONS:
            raise TrustError(str(answer["reason"]))
        if answer.get("event") == "failed":
            raise SimulatorError(str(answer.get("sentence")))
        if run.returncode != 0 or answer.get("event") != "installed":
            raise _failure(run.returncode, run.stderr or run.stdout)
        version = answer.get("version")
        return version if isinstance(version, int) else None

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command(),
            env=environment(self._firmware),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._errors:
            self._errors.close()

    def see(self, at_ms: int, pixels: bytes | None, passed: bool = False) -> list[Event]:
        """Show one frame and return what came of it. ``pixels`` None: the camera has nothing.

        A frame is 320 x 240 grey levels, row by row; ``at_ms`` counts from the moment of switching on and never goes
        back. ``passed`` while the turnstile reports that somebody walks through.
        """
        if pixels is not None and len(pixels) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes")
        header: dict[str, Any] = {"at_ms": at_ms, "pass": passed}
        if pixels is None:
            header["frame"] = False
        process = self._running()
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(header).encode() + b"\n" + (pixels or b""))
            process.stdin.flush()
        except BrokenPipeError:
            raise self._failed() from None
        events: list[Event] = []
        while True:
            event = self._next_event()
            if event["event"] == "frame":
                return events
            events.append(event)

    def _command(self, *arguments: str) -> list[str]:
        program = self._firmware / "board_sim.py"
        return [str(self._interpreter), str(program), str(self._flash.resolve()), *arguments]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the scanner is switched off")
        return self._process

    def _next_event(self) -> Event:
        stream = self._running().stdout
        assert stream is not None
        deadline = time.monotonic() + _ANSWER_TIMEOUT_S
        while b"\n" not in self._received:
            if len(self._received) > _MAX_LINE_BYTES:
                raise SimulatorError("The firmware sent a line without end.")
            ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise SimulatorError(f"The firmware gave no answer for {_ANSWER_TIMEOUT_S:.0f} s.")
            part = os.read(stream.fileno(), 65536)
            if not part:
                raise self._failed()
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        event = _event(line)
        if not event:
            # The traceback of a firmware that ends: MicroPython prints it where the events go.
            raise self._failed(line + b"\n" + self._received)
        return event

    def _failed(self, printed: bytes = b"") -> SimulatorError:
        assert self._errors is not None
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            status = process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return SimulatorError("The firmware printed something that is no event.")
        self._errors.seek(0)
        return _failure(status, self._errors.read() or printed + process.stdout.read(_MAX_LINE_BYTES))


def _event(line: bytes) -> Event:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and isinstance(value.get("event"), str) else {}


def _failure(status: int, errors: bytes) -> SimulatorError:
    lines = errors.decode(errors="replace").strip().splitlines()
    if status == _NOT_CONFIGURED and lines:
        return SimulatorError(lines[-1])
    return SimulatorError(f"The firmware ended: {lines[-1] if lines else 'it said nothing'}.")


def _read(file: Path, limit_bytes: int) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(limit_bytes + 1)
    except OSError as error:
        raise SimulatorError(f"{file}: {error.strerror}.") from None
    if len(data) > limit_bytes:
        raise SimulatorError(f"{file} is larger than {limit_bytes >> 10} KB, so it is no configuration.")
    return data
