"""The power may go at any operation of the flash: what the scanner starts with is the old bundle or the new one, whole.

It runs on littlefs, the scanner's own file system, over a flash in RAM that stops after any number of operations.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from store_scenarios import CITY, HERE, ROOT

from ardente.testing._clock import START
from interpreters import FIRMWARE, Interpreter
from test_trust_attacks import FIRST, SECOND, UNDER_ROOT2, day, epoch_s, issue_day

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize(
        "interpreter", ["micropython", pytest.param("micropython32", marks=pytest.mark.mp32)], indirect=True
    ),
]
RUN_AHEAD = CITY.bundle(
    0xFFFFFFFF, iat=datetime(2090, 1, 1, tzinfo=START.tzinfo), exp=datetime(2090, 2, 1, tzinfo=START.tzinfo)
)


@dataclass(frozen=True)
class Walk:
    bundles: tuple[bytes, ...]
    old: int
    new: int
    tables: str = "none"


WALKS = {
    "the first bundle": (Walk((FIRST,), 0, 1), "half"),
    "the second bundle": (Walk((FIRST, SECOND), 1, 2), "half"),
    "the second bundle, no operation torn": (Walk((FIRST, SECOND), 1, 2), "whole"),
    "the second bundle, torn into noise": (Walk((FIRST, SECOND), 1, 2), "noise"),
    "a bundle over two": (Walk((FIRST, SECOND, UNDER_ROOT2), 2, 3), "noise"),
    "a recovery": (Walk((RUN_AHEAD, UNDER_ROOT2), 0xFFFFFFFF, 3), "half"),
    "with tables": (Walk((FIRST, SECOND), 1, 2, "tables"), "half"),
}


@pytest.mark.parametrize(("walk", "torn"), WALKS.values(), ids=WALKS)
def test_a_cut_at_any_operation_leaves_the_old_or_the_new(
    interpreter: Interpreter, walk: Walk, torn: str, tmp_path: Path
) -> None:
    files = []
    for number, data in enumerate((ROOT, *walk.bundles)):
        files.append(tmp_path / f"{number}")
        files[-1].write_bytes(data)
    result = interpreter.run(
        HERE / "store_power_cut.py", torn, walk.tables, *files, paths=[FIRMWARE, HERE], timeout_s=300
    )
    told = json.loads(result.stdout)
    assert (told["old"][1], told["new"][1]) == (walk.old, walk.new)
    # Also in a recovery, where it is years before.
    assert told["new"][-1] == epoch_s(day(issue_day(walk.bundles[-1])))
    found = [(bool(old), bool(new)) for old, new, _ in told["found"]]
    assert len(found) > 100
    assert set(found) == {(True, False), (False, True)}
    # Once in force it stays so: no later cut brings the old one back.
    assert found == sorted(found, reverse=True)
    assert not any(left for _, _, left in told["found"])
