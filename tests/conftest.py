"""What every test file may ask for."""

from __future__ import annotations

import os

import hypothesis
import pytest

from interpreters import INTERPRETERS, Interpreter, InterpreterMissingError

# No deadline: the machine is shared, and a slow moment is not a failure. In CI the same examples come every time.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

MARKS = {"micropython32": [pytest.mark.mp32]}


@pytest.fixture(
    scope="session", params=[pytest.param(name, marks=MARKS.get(name, []), id=name) for name in INTERPRETERS]
)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    """Each interpreter in turn. The 32-bit one is skipped where it is missing, unless REQUIRE_MP32=1."""
    try:
        return INTERPRETERS[request.param]()
    except InterpreterMissingError as error:
        if request.param == "micropython32" and os.environ.get("REQUIRE_MP32") != "1":
            pytest.skip(str(error))
        pytest.fail(str(error))
