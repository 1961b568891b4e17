"""A simulated board for people: a serial port to open, a folder to drop pictures into, a line for what happens."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click
from filelock import FileLock, Timeout

from ardente_tools.rig import CONSOLE_RING_BYTES, Event, Line, RigError, SimulatedBoard

from ._errors import SimulatorError

_LOOK_S: Final = 0.2
_HOLD_S: Final = 2.0
# A code counts again once it was out of view for 2 s.
_PAUSE_S: Final = 2.5
_STILL_S: Final = 3.0
_TEXTS: Final = {
    "rom": "in the ROM loader, ready to be flashed",
    "erasing": "the flash is being written",
    "written": "the image is written",
    "start": "the firmware starts",
    "unconfigured": "has no configuration yet",
    "ready": "ready for cards",
    "stale": "has no bundle in force",
    "fault": "out of order",
    "accepted": "card accepted",
    "refused": "card refused",
    "pass": "somebody went through",
}


def run(folder: Path, *, baud: int, chip: str, bootloader: bool, as_json: bool) -> None:
    """Run a board until Ctrl-C. Raises `SimulatorError` and `RigError`."""
    folder = folder.resolve()
    camera = folder / "camera"
    try:
        camera.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SimulatorError(f"{folder} cannot be the board's folder: {error.strerror}.") from None
    with (
        _alone(folder),
        _until_told() as end,
        Line(baud=baud, ring_bytes=CONSOLE_RING_BYTES, port=folder / "port") as line,
    ):
        with SimulatedBoard(folder, chip=chip, line=line, start_in_bootloader=bootloader) as board:
            if not as_json:
                click.echo(f"The board's port is {board.port}")
                click.echo(f"To show it a card, copy a picture into {camera}.")
                click.echo("Enter pulls the cable out, and plugs it in again. Ctrl-C switches the board off.")
            _attend(board, Album(camera), end, as_json)


class Album:
    """The pictures of a folder that are new, or were written again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shown = self._look()
        self._coming: dict[Path, tuple[int, int]] = {}

    def next(self) -> Path | None:
        """Return a picture to show now, None where there is none. One that is still being written waits."""
        now = self._look()
        coming, self._coming = self._coming, {path: is_ for path, is_ in now.items() if self._shown.get(path) != is_}
        for path in sorted(self._coming):
            if coming.get(path) == self._coming[path]:
                self._shown[path] = self._coming[path]
                return path
        return None

    def _look(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in self._folder.iterdir():
            try:
                status = path.stat()
            except OSError:
                continue
            if not path.name.startswith(".") and path.is_file():
                found[path] = (status.st_mtime_ns, status.st_size)
        return found


def _attend(board: SimulatedBoard, album: Album, end: threading.Event, as_json: bool) -> None:
    told = 0
    teller = _print_json if as_json else Teller()
    free_s = hidden_s = 0.0
    keys = Keys()
    while not end.wait(_LOOK_S):
        now_s = time.monotonic()
        if keys.entered():
            _move_cable(board.line)
            teller({"event": "cable", "in": board.line.plugged})
        if hidden_s and now_s >= hidden_s:
            board.show(None)
            hidden_s = 0.0
        if now_s >= free_s and (picture := album.next()):
            if _show(board, picture, teller):
                hidden_s, free_s = now_s + _HOLD_S, now_s + _HOLD_S + _PAUSE_S
        events = board.events.since(told)
        told += len(events)
        for event in events:
            teller(event)


class Keys:
    """Enter at the terminal, where this program is the one that is typed to."""

    def __init__(self) -> None:
        self._open = sys.stdin is not None and not sys.stdin.closed

    def entered(self) -> bool:
        """Return whether Enter was typed since the last time."""
        if not self._open or (sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp()):
            return False
        entered = False
        while self._open and select.select([sys.stdin], [], [], 0)[0]:
            typed = os.read(sys.stdin.fileno(), 1024)
            self._open = bool(typed)
            entered = entered or b"\n" in typed
        return entered


def _move_cable(line: Line) -> None:
    if line.plugged:
        line.cut()
    else:
        line.plug()


def _show(board: SimulatedBoard, picture: Path, teller: Callable[[Event], None]) -> bool:
    try:
        board.show(picture)
    except RigError as error:
        click.echo(str(error), err=True)
        return False
    teller({"event": "shown", "picture": picture.name})
    return True


def _print_json(event: Event) -> None:
    click.echo(json.dumps(event))


class Teller:
    """Tells people what happens; of a lamp that blinks once, when it begins to."""

    def __init__(self) -> None:
        self._blinked_s = 0.0

    def __call__(self, event: Event) -> None:
        if event["event"] == "led":
            now_s = time.monotonic()
            before_s, self._blinked_s = self._blinked_s, now_s
            if now_s - before_s < _STILL_S:
                return
        click.echo(f"{time.strftime('%H:%M:%S')}  {_text(event)}")


def _text(event: Event) -> str:
    name = str(event["event"])
    if name == "led":
        return "the lamp blinks or changes"
    if name == "relay":
        return "the gate opens" if event["on"] else "the gate closes"
    if "on" in event:
        return f"{name} {'on' if event['on'] else 'off'}"
    if name == "baud":
        return f"the line goes on at {event['baud']} baud"
    if name == "cable":
        return "the cable is plugged in" if event["in"] else "the cable is pulled out"
    if name == "shown":
        return f"{event['picture']} is before the camera"
    if name == "end":
        return "the firmware restarts" if event["status"] == 75 else "the firmware has ended"
    return _TEXTS.get(name) or str(event.get("text", name))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise SimulatorError(f"Another simulated board runs in {folder}: end it, or name another folder.") from None


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, and whoever ends the program."""
    end = threading.Event()

    def set_end(_signal: int, _frame: FrameType | None) -> None:
        end.set()

    before = {number: signal.signal(number, set_end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
