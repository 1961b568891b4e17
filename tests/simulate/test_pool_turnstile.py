"""The example of a pool's turnstile: its afternoon, its count of who is inside, its drawing."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "pool_turnstile"


def run(program: str, *args: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLE / program), *args],
        input=typed,
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "100"},
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")
def test_an_afternoon_lets_good_cards_in_and_no_other() -> None:
    result = run("afternoon.py", "--visitors", "60", "--seed", "3")
    assert result.returncode == 0, result.stderr
    rows = {}
    for line in result.stdout.splitlines():
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if len(cells) == 6 and cells[1].isdecimal():
            rows[cells[0]] = [int(cell) for cell in cells[1:5]]
    visitors, let_in, refused, _ = rows.pop("good card")
    assert refused == 0
    assert let_in >= 0.8 * visitors
    assert set(rows) == {
        *("revoked card", "expired card", "card of another city", "photograph of a used card", "no card")
    }
    assert all(row[1] == 0 for row in rows.values())
    assert sum(row[2] for row in rows.values()) > 0
    assert f"{let_in} walked in" in result.stdout


def test_the_count_goes_by_passes_and_exits_and_never_below_none() -> None:
    events = ["exit", "accepted", "pass", "pass", "relay", "exit", "pass"]
    lines = "".join(f'{{"event": "{event}", "at_ms": 5}}\n' for event in events)
    result = run("occupancy.py", "--capacity", "2", typed=f"boot noise\n[1]\n{lines}")
    assert result.stdout.splitlines() == [
        "1 inside, 1 place left",
        "2 inside, 0 places left - FULL",
        "1 inside, 1 place left",
        "2 inside, 0 places left - FULL",
    ]


def test_the_drawing_is_what_its_script_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    import wiring

    assert wiring.drawing() == (EXAMPLE / "wiring.svg").read_text(encoding="utf-8")
    ET.fromstring(wiring.drawing())
