"""`make demo`: the whole of it runs, fits on two screens, and leaves nothing behind."""

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
        timeout=110,
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


def test_a_voucher_is_paid_once_and_one_taken_offline_too(story: tuple[str, Path]) -> None:
    text, _ = story
    final = text.index("F I N A L")
    again = text.index("redeemed already")
    provisional = text.index("P R O V I S I O N A L")
    settled = text.index("is closed: 10.00 EUR for 1 merchant.")
    assert final < again < provisional < settled < text.index("The books add up.")
    assert text.count("is closed: 10.00 EUR") == 2
    assert "still owed €0.00" in text


def test_each_of_its_two_acts_fits_on_a_screen(story: tuple[str, Path]) -> None:
    card, vouchers = story[0].split("\n\n")
    assert len(card.splitlines()) <= 25
    assert len(vouchers.splitlines()) <= 40
    lines = story[0].splitlines()
    assert max(map(len, lines)) <= 140


def test_it_shows_no_card_no_slip_no_voucher_and_no_token(story: tuple[str, Path]) -> None:
    assert not re.search(r"\d{40}|\b\w{6}-\w{6}-\w{6}\b|\b[\w-]{43}\b", story[0])


def test_it_leaves_nothing_behind(story: tuple[str, Path]) -> None:
    assert list(story[1].iterdir()) == []
