"""A terminal, and a demonstration city in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from city_terminal import Terminal

from ardente_tools.city import _keys
from ardente_tools.city._folder import City


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_keys, "COST", _keys.Cost(1, 8))
    monkeypatch.setenv("LC_ALL", "en")
    return Terminal(monkeypatch)


@pytest.fixture
def demo(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> City:
    terminal(
        *("--folder", "liege", "init", "--demo", "--no-passphrase", "--id", "liege", "--name", "Liège"),
        *("--entries", "1024"),
    )
    monkeypatch.setenv("ARDENTE_CITY", "liege")
    return City(Path("liege"))
