"""The self-test sees what a scanner lacks, and a trial ends by it: confirmed, or reset when its time is over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from application_images import image, install, run, send, test
from store_scenarios import CITY, HERE, ROOT, paths

from interpreters import Interpreter

pytestmark = pytest.mark.parametrize(
    "interpreter", ["micropython", pytest.param("micropython32", marks=pytest.mark.mp32)], indirect=True
)


def test_a_trial_is_confirmed_when_everything_works_and_not_before(interpreter: Interpreter, tmp_path: Path) -> None:
    trust, slots = tmp_path / "trust", tmp_path / "app"
    trust.mkdir()
    run(interpreter, slots, install(image(5)), ("restart",), send(image(6)), test(image(6)), ("restart",))
    for name, data in (("root", ROOT), ("bundle", CITY.bundle())):
        (tmp_path / name).write_bytes(data)
    result = interpreter.run(
        HERE / "self_test_device.py", trust, slots, tmp_path / "root", tmp_path / "bundle", paths=paths(interpreter)
    )
    camera, bundle, all_of_it = True, True, True
    assert json.loads(result.stdout) == {
        "card": True,
        "a verifier that accepts all": False,
        "a verifier that accepts none": False,
        "nothing": [False, False, False],
        "a camera": [camera, False, False],
        "a root": [camera, False, False],
        "goes on": [True, True, 0],
        "too late": [True, 1, 5],
        "a bundle": [camera, bundle, all_of_it],
        "no frame": [False, bundle, False],
        "confirmed": [False, 1, False, 6],
        "a flash that fails": [camera, False, False],
    }
