"""The time on a device without a clock: never before what is signed, and on from there while there is power."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_scenarios import WITH_FILES, run

from interpreters import Interpreter

pytestmark = WITH_FILES
IAT = 1_800_000_000
EXP = IAT + 45 * 86400
HOUR_MS = 3_600_000


def times(interpreter: Interpreter, folder: Path, *steps: tuple[object, ...]) -> list[int]:
    answers = run(interpreter, folder, ("start",), *steps)
    return [answer for step, answer in zip(steps, answers[1:], strict=True) if step[0] == "now"]


def test_it_goes_on_from_the_signed_floor_while_there_is_power(interpreter: Interpreter, tmp_path: Path) -> None:
    steps = [("set_floor", IAT), ("now",), *[("pass_ms", 999)] * 3, ("now",), ("pass_ms", 3), ("now",)]
    assert times(interpreter, tmp_path, *steps) == [IAT, IAT + 2, IAT + 3]


def test_a_reset_loses_less_than_an_hour(interpreter: Interpreter, tmp_path: Path) -> None:
    hours = [("pass_ms", 60_000)] * 150
    assert times(interpreter, tmp_path, ("set_floor", IAT), *hours, ("now",), ("start",), ("now",)) == [
        IAT + 9000,
        IAT + 7200,
    ]


def test_a_tick_counter_that_wraps_loses_nothing(interpreter: Interpreter, tmp_path: Path) -> None:
    days = [("pass_ms", 24 * HOUR_MS)] * 40
    assert times(interpreter, tmp_path, ("set_floor", IAT), *days, ("now",)) == [IAT + 40 * 86400]


def test_a_tick_counter_that_steps_back_stands_still(interpreter: Interpreter, tmp_path: Path) -> None:
    steps = [("set_floor", IAT), ("pass_ms", HOUR_MS), ("pass_ms", -HOUR_MS), ("now",), ("pass_ms", 1000), ("now",)]
    assert times(interpreter, tmp_path, *steps) == [IAT + 3600, IAT + 3601]


def test_the_floor_never_goes_down_but_in_a_recovery(interpreter: Interpreter, tmp_path: Path) -> None:
    steps = [("set_floor", IAT), ("set_floor", IAT - 9), ("now",), ("restart", IAT - 9), ("now",), ("start",), ("now",)]
    assert times(interpreter, tmp_path, *steps) == [IAT, IAT - 9, IAT - 9]


def test_a_floor_behind_the_estimate_sets_nothing_back(interpreter: Interpreter, tmp_path: Path) -> None:
    steps = [("set_floor", IAT), ("pass_ms", 2 * HOUR_MS), ("set_floor", IAT + 60), ("now",)]
    assert times(interpreter, tmp_path, *steps) == [IAT + 7200]


@pytest.mark.parametrize(
    ("hint", "seen"),
    [
        (IAT + 86400, IAT + 86400),
        (IAT - 86400, IAT),
        (EXP + 90 * 86400, EXP + 30 * 86400),
        (1 << 40, EXP + 30 * 86400),
        (0, IAT),
    ],
    ids=["ahead", "behind", "too far", "absurd", "no time"],
)
def test_a_hint_is_bounded_and_lost_at_a_reset(interpreter: Interpreter, tmp_path: Path, hint: int, seen: int) -> None:
    steps = [("set_floor", IAT), ("hint", hint, EXP), ("now",), ("pass_ms", 2 * HOUR_MS), ("start",), ("now",)]
    assert times(interpreter, tmp_path, *steps) == [seen, IAT + 7200]


def test_a_hint_goes_on_with_time_up_to_its_bound(interpreter: Interpreter, tmp_path: Path) -> None:
    limit = EXP + 30 * 86400
    steps = [("set_floor", IAT), ("hint", limit - 60, EXP), ("pass_ms", 30_000), ("now",), ("pass_ms", 90_000)]
    assert times(interpreter, tmp_path, *steps, ("now",)) == [limit - 30, limit]


def test_a_later_hint_corrects_an_earlier_one(interpreter: Interpreter, tmp_path: Path) -> None:
    steps = [("set_floor", IAT), ("hint", IAT + 9000, EXP), ("hint", IAT + 60, EXP), ("now",)]
    assert times(interpreter, tmp_path, *steps) == [IAT + 60]


@pytest.mark.parametrize("damage", ["missing", "cut", "changed", "longer"])
def test_a_damaged_file_is_no_time_until_a_floor_is_set(interpreter: Interpreter, tmp_path: Path, damage: str) -> None:
    run(interpreter, tmp_path, ("start",), ("set_floor", IAT))
    file = tmp_path / "clock"
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        changed = content[:-1] + bytes([content[-1] ^ 1])
        file.write_bytes({"cut": content[:20], "changed": changed, "longer": content + b"\0"}[damage])
    assert times(interpreter, tmp_path, ("now",), ("set_floor", IAT), ("now",)) == [0, IAT]
