"""Fixtures for tests that talk to scanners over serial lines; pytest finds them where this is installed.

def test_a_host_outlives_a_pulled_cable(ardente_device):
    device = ardente_device()
    device.line.cut()
    ...
    device.line.mend()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# What a suite that uses none of this pays at its start is this file alone.
if TYPE_CHECKING:
    from ardente_tools.rig import Line, SimulatedBoard, SimulatedDevice


@pytest.fixture
def ardente_line() -> Iterator[Callable[..., Line]]:
    """Make lines, with the arguments of `ardente_tools.rig.Line`; they end with the test."""
    from ardente_tools.rig import Line

    with ExitStack() as lines:
        yield lambda **options: lines.enter_context(Line(**options))


@pytest.fixture
def ardente_device(tmp_path: Path) -> Iterator[Callable[..., SimulatedDevice]]:
    """Make scanners that run, of the public test city, each with an empty flash unless ``folder`` names one.

    The arguments are those of `ardente_tools.rig.SimulatedDevice`; they end with the test.
    """
    from ardente_tools.rig import SimulatedDevice

    with ExitStack() as devices:

        def make(folder: Path | None = None, **options: Any) -> SimulatedDevice:
            options.setdefault("allow_test_city", True)
            return devices.enter_context(SimulatedDevice(_free(folder, tmp_path, "scanner"), **options))

        yield make


@pytest.fixture
def ardente_board(tmp_path: Path) -> Iterator[Callable[..., SimulatedBoard]]:
    """Make boards with nothing on their flash, which wait in the ROM loader.

    The arguments are those of `ardente_tools.rig.SimulatedBoard`; they end with the test.
    """
    from ardente_tools.rig import SimulatedBoard

    with ExitStack() as boards:

        def make(folder: Path | None = None, **options: Any) -> SimulatedBoard:
            options.setdefault("allow_test_city", True)
            return boards.enter_context(SimulatedBoard(_free(folder, tmp_path, "board"), **options))

        yield make


def _free(folder: Path | None, parent: Path, name: str) -> Path:
    return folder or next(path for number in range(1000) if not (path := parent / f"{name}-{number}").exists())
