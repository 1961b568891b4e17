"""The simulated scanner on a terminal."""

from __future__ import annotations

import io
from random import Random

from rich.console import Console

from ardente_tools.simulate import scenes
from ardente_tools.simulate._frames import EMPTY
from ardente_tools.simulate._view import View, half_blocks


def test_a_frame_fits_a_terminal_of_80_columns() -> None:
    lines = half_blocks(scenes.frame(Random(1))).plain.splitlines()
    assert len(lines) == 30
    assert {len(line) for line in lines} == {80}


def test_light_and_dark_halves_of_a_frame_are_told_apart() -> None:
    pixels = (b"\x00" * 160 + b"\xff" * 160) * 240
    styles = [str(span.style) for span in half_blocks(pixels).spans[:80]]
    assert styles[0] == "rgb(0,0,0) on rgb(0,0,0)"
    assert styles[-1] == "rgb(255,255,255) on rgb(255,255,255)"


def test_it_counts_who_was_let_in_and_shows_the_relay() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=90, height=60)
    with View(console) as view:
        view.show(0, EMPTY, [{"event": "accepted", "at_ms": 0}, {"event": "relay", "at_ms": 0, "on": True}])
        view.show(300, EMPTY, [{"event": "relay", "at_ms": 300, "on": False}, {"event": "pass", "at_ms": 300}])
        assert view._counts == {"accepted": 1, "relay": 1, "pass": 1}
        assert not view._on["relay"]
