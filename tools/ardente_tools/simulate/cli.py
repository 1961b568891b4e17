"""`ardente simulate`: show the scanner's firmware pictures, and see what it does."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from ._errors import SimulatorError
from ._frames import EMPTY, Frame, pictures, raw
from ._scanner import Event, Scanner

_FILE = click.Path(path_type=Path, dir_okay=False)
# A visitor takes so long from the click of the gate to the contact behind its arms.
_WALK_MS: Final = 800
_AFTER_MS: Final = 3_000
_STEP_MS: Final = 100

Shower = Callable[[int, bytes, list[Event]], None]


@click.command()
@click.argument("source", metavar="PICTURES", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--serial",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run a whole board on a serial port instead, with FOLDER for a flash, empty at first.",
)
@click.option(
    "--baud", type=click.IntRange(9600, 4_000_000), default=115_200, show_default=True, help="How fast that port is."
)
@click.option("--chip", type=click.Choice(["esp32", "esp32s3"]), default="esp32", show_default=True, help="Its chip.")
@click.option("--bootloader", is_flag=True, help="Hold its IO0 to GND: begin in the ROM loader, ready to be flashed.")
@click.option("--root", type=_FILE, help="The city's root, for a scanner that has none yet.")
@click.option("--bundle", type=_FILE, help="The city's bundle to install first.")
@click.option("--config", type=_FILE, help="The scanner's configuration.  [default: one without PASS contact]")
@click.option(
    "--flash",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep what the scanner stores in FOLDER.  [default: forget it]",
)
@click.option("--fps", type=click.FloatRange(1, 60), default=10.0, show_default=True, help="Frames a second.")
@click.option(
    "--hold",
    "hold_s",
    metavar="SECONDS",
    type=click.FloatRange(0, 600),
    help="Hold each picture so long, then take it away; 0 for a recording.  [default: 1, 0 for .gray]",
)
@click.option("--walk/--no-walk", default=True, show_default=True, help="Walk through when the gate opens.")
@click.option("--json", "as_json", is_flag=True, help="A line for each event; as where the output is no terminal.")
def simulate(
    source: Path | None,
    serial: Path | None,
    baud: int,
    chip: str,
    bootloader: bool,
    root: Path | None,
    bundle: Path | None,
    config: Path | None,
    flash: Path | None,
    fps: float,
    hold_s: float | None,
    walk: bool,
    as_json: bool,
) -> None:
    """Run the scanner's firmware on this computer, and show its camera PICTURES; or a whole board, with --serial.

    PICTURES is a picture, a folder of them, an animation, or raw frames of 320 x 240 bytes of grey: a .gray file, or
    a pipe where PICTURES is -. A recording is a folder of its frames, with --hold 0.

    \b
    ardente simulate card.png --root city/roots/1.cbor --bundle city/published/bundle.cbor
    ffmpeg -i gate.mp4 -s 320x240 -pix_fmt gray -f rawvideo - | ardente simulate - --flash scanner

    With --serial FOLDER the board answers at FOLDER/port, as one on a cable does, until Ctrl-C; `ardente device` is for
    that. A picture that is copied into FOLDER/camera is held before its camera for two seconds.

    \b
    ardente simulate --serial board
    """
    if serial is not None:
        if source is not None:
            raise click.UsageError("A board on a serial port is shown pictures through its folder: leave PICTURES out.")
        if not hasattr(os, "openpty"):
            raise SimulatorError("A simulated board needs pseudo-terminals, which this system has not: use Linux.")
        from ._serial import run

        run(serial, baud=baud, chip=chip, bootloader=bootloader, as_json=as_json or not sys.stdout.isatty())
        return
    if source is None:
        raise click.UsageError("Name PICTURES to show, or --serial FOLDER.")
    frames = _frames(source, fps, hold_s)
    with _flash(flash) as folder:
        scanner = Scanner(folder)
        scanner.configure(config)
        if root or bundle:
            scanner.install(root, bundle)
        with scanner, _shower(as_json) as show:
            _play(scanner, frames, walk, show)


def _frames(source: Path, fps: float, hold_s: float | None) -> Iterator[Frame]:
    if str(source) == "-":
        return raw(sys.stdin.buffer, fps)
    if hold_s is None:
        hold_s = 0.0 if source.suffix.lower() == ".gray" else 1.0
    return pictures(source, fps, hold_s)


def _play(scanner: Scanner, frames: Iterable[Frame], walk: bool, show: Shower) -> None:
    at_ms = 0
    pass_ms: int | None = None

    def turn(pixels: bytes) -> None:
        nonlocal pass_ms
        passing = walk and pass_ms is not None and at_ms >= pass_ms
        events = scanner.see(at_ms, pixels, passing)
        if passing:
            pass_ms = None
        if any(event["event"] == "relay" and event.get("on", True) for event in events):
            pass_ms = at_ms + _WALK_MS
        show(at_ms, pixels, events)

    turn(EMPTY)
    for frame in frames:
        at_ms = frame.at_ms
        turn(frame.pixels)
    # The pulse ends, and who was let in walks.
    for _ in range(_AFTER_MS // _STEP_MS):
        at_ms += _STEP_MS
        turn(EMPTY)


@contextmanager
def _flash(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="ardente-scanner-") as temporary:
        yield Path(temporary)


@contextmanager
def _shower(as_json: bool) -> Iterator[Shower]:
    if as_json or not sys.stdout.isatty():
        yield _print_json
        return
    from ._view import View

    started_s = time.monotonic()
    with View() as view:

        def show(at_ms: int, pixels: bytes, events: list[Event]) -> None:
            time.sleep(max(0.0, started_s + at_ms / 1000 - time.monotonic()))
            view.show(at_ms, pixels, events)

        yield show


def _print_json(_at_ms: int, _pixels: bytes, events: list[Event]) -> None:
    for event in events:
        click.echo(json.dumps(event))
