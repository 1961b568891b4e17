"""A flash without room: the bundle before stays in force, nothing is left behind, and later it goes through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from store_scenarios import HERE, ROOT

from interpreters import FIRMWARE, Interpreter
from test_trust_attacks import FIRST, SECOND

pytestmark = pytest.mark.parametrize(
    "interpreter", ["micropython", pytest.param("micropython32", marks=pytest.mark.mp32)], indirect=True
)


def test_whatever_room_there_is(interpreter: Interpreter, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("root", "first", "second")]
    for file, data in zip(files, (ROOT, FIRST, SECOND), strict=True):
        file.write_bytes(data)
    result = interpreter.run(HERE / "store_full_flash.py", *files, paths=[FIRMWARE, HERE], timeout_s=300)
    told = json.loads(result.stdout)
    answers = [answer for answer, *_ in told]
    assert set(answers) == {"StoreError", "installed"}
    assert answers == sorted(answers)
    for answer, version, lists, after_start, left, later, at_last in told:
        assert (version, after_start) == ((2, 2) if answer == "installed" else (1, 1))
        assert lists == 3
        assert answer == "installed" or left == []
        assert (later, at_last) == ("unchanged" if answer == "installed" else "installed", 2)
