"""The power may go at any operation of the flash: a start finds a whole application, the old or the new one.

It runs on littlefs, the scanner's own file system, over a flash in RAM that stops after any number of operations.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from application_images import BOOT, image, parts_of
from store_scenarios import HERE, ROOT

from interpreters import FIRMWARE, Interpreter

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("interpreter", ["micropython"], indirect=True)]
OTHER, OLD, NEW = [image(version, {**parts_of(version), "qr.mpy": b"%d" % version * 5000}) for version in (4, 5, 6)]
# What runs, whether on trial, and the floor.
IS_OLD, ON_TRIAL, FLOOR_BEHIND, IS_NEW = [5, False, 5], [6, True, 5], [6, False, 5], [6, False, 6]


def walk(interpreter: Interpreter, folder: Path, mode: str, torn: str) -> list[list[object]]:
    """What a start found after each cut; from there the change always comes to its end."""
    files = []
    for number, data in enumerate((ROOT, OLD, OTHER, NEW)):
        files.append(folder / f"{number}")
        files[-1].write_bytes(data)
    result = interpreter.run(
        HERE / "application_power_cut.py", torn, mode, *files, paths=[FIRMWARE, BOOT, HERE], timeout_s=300
    )
    told = json.loads(result.stdout)
    assert told["old"] == IS_OLD
    assert all(after == IS_NEW for _, after in told["found"])
    assert len(told["found"]) > 60
    return [found for found, _ in told["found"]]


@pytest.mark.parametrize("torn", ["half", "noise"])
def test_a_cut_at_any_operation_of_an_update_leaves_the_old_or_the_new(
    interpreter: Interpreter, torn: str, tmp_path: Path
) -> None:
    found = walk(interpreter, tmp_path, "update", torn)
    assert FLOOR_BEHIND not in found  # A start raises it.
    # Old until the trial is marked; then tried at the next start; old again where the trial was cut; then new for good.
    steps = [found[0]]
    for told in found:
        if told != steps[-1]:
            steps.append(told)
    assert steps == [IS_OLD, ON_TRIAL, IS_OLD, IS_NEW]


@pytest.mark.parametrize("torn", ["noise"])
def test_a_cut_at_any_operation_of_a_rollback_leaves_the_old(
    interpreter: Interpreter, torn: str, tmp_path: Path
) -> None:
    found = walk(interpreter, tmp_path, "rollback", torn)
    assert found[-1] == IS_OLD
    on_trial = [number for number, told in enumerate(found) if told == ON_TRIAL]
    assert on_trial
    assert all(told in (IS_OLD, ON_TRIAL) for told in found)
    # Once it was started it never is again.
    assert on_trial == list(range(on_trial[0], on_trial[-1] + 1))
    assert on_trial[-1] < len(found) - 1
