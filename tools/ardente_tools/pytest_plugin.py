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
def _ardente_rig() -> Iterator[ExitStack]:
    """What a test made, which ends in the opposite order, whatever fixtures it came from."""
    with ExitStack() as made:
        yield made


@pytest.fixture
def ardente_line(_ardente_rig: ExitStack) -> Callable[..., Line]:
    """Make lines, with the arguments of `ardente_tools.rig.Line`; they end with the test."""
    from ardente_tools.rig import Line

    return lambda **options: _ardente_rig.enter_context(Line(**options))


@pytest.fixture
def ardente_device(_ardente_rig: ExitStack, tmp_path: Path) -> Callable[..., SimulatedDevice]:
    """Make scanners that run, of the public test city, each with an empty flash unless ``folder`` names one.

    The arguments are those of `ardente_tools.rig.SimulatedDevice`; they end with the test.
    """
    from ardente_tools.rig import SimulatedDevice

    def make(folder: Path | None = None, **options: Any) -> SimulatedDevice:
        options.setdefault("allow_test_city", True)
        return _ardente_rig.enter_context(SimulatedDevice(folder or _free(tmp_path, "scanner"), **options))

    return make


@pytest.fixture
def ardente_board(_ardente_rig: ExitStack, tmp_path: Path) -> Callable[..., SimulatedBoard]:
    """Make boards with nothing on their flash, which wait in the ROM loader.

    The arguments are those of `ardente_tools.rig.SimulatedBoard`; they end with the test.
    """
    from ardente_tools.rig import SimulatedBoard

    def make(folder: Path | None = None, **options: Any) -> SimulatedBoard:
        options.setdefault("allow_test_city", True)
        return _ardente_rig.enter_context(SimulatedBoard(folder or _free(tmp_path, "board"), **options))

    return make


def _free(parent: Path, name: str) -> Path:
    return next(path for number in range(1000) if not (path := parent / f"{name}-{number}").exists())
