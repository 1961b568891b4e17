"""Scans as they come in at a terminal or from a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from ..scan import Scan

# MAX_CHARACTERS of a scan, each of up to four bytes.
_MAX_LINE_BYTES: Final = 4 * 4096
_SKIP_BYTES: Final = 65536


def scans() -> Iterator[Scan]:
    """Scans from standard input. A terminal shows nothing of them; from a pipe there is one for each line."""
    if not sys.stdin.isatty():
        yield from _lines(sys.stdin.buffer)
        return
    from ..scan import KeyboardSource

    with KeyboardSource() as source:
        yield from source


def _lines(stream: BinaryIO) -> Iterator[Scan]:
    from ..scan import Problem, Scan, read_text

    while line := stream.readline(_MAX_LINE_BYTES + 1):
        if len(line) <= _MAX_LINE_BYTES:
            yield read_text(line.decode("utf-8-sig", "replace"), typed=True)
            continue
        while not line.endswith(b"\n") and line:
            line = stream.readline(_SKIP_BYTES)
        yield Scan(problem=Problem.TOO_LONG)
