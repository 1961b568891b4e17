"""`make demo`: the whole of it runs, fits on a screen, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    temporary = tmp_path_factory.mktemp("temporary")
    run = subprocess.run(
        [sys.executable, "-m", "ardente_tools.demo"],
        env={**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, temporary


def test_the_card_is_accepted_priced_and_after_its_revocation_refused(story: tuple[str, Path]) -> None:
    text, _ = story
    accepted = text.index("Card accepted")
    price = text.index("Total")
    refused = text.index("Card not accepted")
    assert accepted < price < text.index("revoke") < refused


def test_it_fits_on_a_screen(story: tuple[str, Path]) -> None:
    lines = story[0].splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 140


def test_it_shows_no_card_and_no_slip(story: tuple[str, Path]) -> None:
    assert not re.search(r"\d{40}|\b\w{6}-\w{6}-\w{6}\b", story[0])


def test_it_leaves_nothing_behind(story: tuple[str, Path]) -> None:
    assert list(story[1].iterdir()) == []
