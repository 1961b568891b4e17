"""The simulated scanner on a terminal: what its camera sees, its lamp and buzzer, the relay, and what it counted."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Final, Self

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ._scanner import FRAME_HEIGHT, FRAME_WIDTH, Event

_COLUMNS: Final = 80
# Two pixels, one above the other, fill one character.
_STEP_PX: Final = FRAME_WIDTH // _COLUMNS
_UPPER_HALF: Final = "\N{UPPER HALF BLOCK}"
_STATES: Final = ("ready", "accepted", "refused", "stale", "fault")
_COLOURS: Final = {"ready": "blue", "accepted": "green", "refused": "red", "stale": "yellow", "fault": "magenta"}


class View:
    """As a context it takes the terminal, and leaves its last picture there."""

    def __init__(self, console: Console | None = None) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._state = "starting"
        self._on = {"led": False, "buzzer": False, "relay": False}
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, at_ms: int, pixels: bytes, events: list[Event]) -> None:
        """Draw one frame and what came of it."""
        for event in events:
            self._take(event)
        self._live.update(Group(half_blocks(pixels), self._panel(at_ms)), refresh=True)

    def _take(self, event: Event) -> None:
        name = event["event"]
        if name in _STATES:
            self._state = name
        if name in self._on:
            self._on[name] = bool(event.get("on", True))
        if name in ("accepted", "refused", "fault", "pass") or (name == "relay" and self._on["relay"]):
            self._counts[name] += 1

    def _panel(self, at_ms: int) -> Columns:
        lamps = Table.grid(padding=(0, 2))
        seconds = at_ms // 1000
        lamps.add_row("time", f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}")
        lamps.add_row("state", Text(self._state, style=_COLOURS.get(self._state, "")))
        for name, is_on in self._on.items():
            lamps.add_row(name, Text("on", style="bold green") if is_on else Text("off", style="dim"))
        counts = Table.grid(padding=(0, 2))
        for name, label in (
            ("accepted", "accepted"),
            ("refused", "refused"),
            ("relay", "gate opened"),
            ("pass", "walked in"),
            ("fault", "faults"),
        ):
            counts.add_row(label, str(self._counts[name]))
        return Columns([Panel(lamps, title="scanner"), Panel(counts, title="counted")])


def half_blocks(pixels: bytes) -> Text:
    """Return a frame as 80 x 30 characters of two grey levels each."""
    text = Text(no_wrap=True)
    for top in range(0, FRAME_HEIGHT, 2 * _STEP_PX):
        for left in range(0, FRAME_WIDTH, _STEP_PX):
            upper = _mean(pixels, left, top)
            lower = _mean(pixels, left, top + _STEP_PX)
            text.append(_UPPER_HALF, style=f"rgb({upper},{upper},{upper}) on rgb({lower},{lower},{lower})")
        text.append("\n")
    return text


def _mean(pixels: bytes, left: int, top: int) -> int:
    rows = range(top * FRAME_WIDTH + left, (top + _STEP_PX) * FRAME_WIDTH + left, FRAME_WIDTH)
    return sum(sum(pixels[row : row + _STEP_PX]) for row in rows) // (_STEP_PX * _STEP_PX)
