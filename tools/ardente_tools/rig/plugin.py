"""Fixtures for tests that talk to scanners over serial lines; pytest finds them where this is installed.

def test_a_host_outlives_a_pulled_cable(ardente_line):
    line = ardente_line(baud=115_200)
    ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

# What a suite that uses none of this pays at its start is this file alone.
if TYPE_CHECKING:
    from ardente_tools.rig import Line


@pytest.fixture
def ardente_line() -> Iterator[Callable[..., Line]]:
    """Make lines, with the arguments of `ardente_tools.rig.Line`; they end with the test."""
    from ardente_tools.rig import Line

    with ExitStack() as lines:
        yield lambda **options: lines.enter_context(Line(**options))
