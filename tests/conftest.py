"""What every test file may ask for."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

from interpreters import INTERPRETERS, Interpreter, InterpreterMissingError

# No deadline: the machine is shared, and a slow moment is not a failure. In CI the same examples come every time.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

# A shell starts its background jobs deaf to Ctrl-C, and so their children: here tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MARKS = {"micropython32": [pytest.mark.mp32], "rv32": [pytest.mark.rv32]}
# What a newcomer's machine need not have, and the variable by which CI says that it must be there.
REQUIRED_BY = {"micropython32": "REQUIRE_MP32", "rv32": "REQUIRE_RV32"}


@pytest.fixture(
    scope="session", params=[pytest.param(name, marks=MARKS.get(name, []), id=name) for name in INTERPRETERS]
)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    """Each interpreter in turn. Those that a script fetches or builds are skipped where they are missing."""
    try:
        return INTERPRETERS[request.param]()
    except InterpreterMissingError as error:
        variable = REQUIRED_BY.get(request.param)
        if variable is not None and os.environ.get(variable) != "1":
            pytest.skip(str(error))
        pytest.fail(str(error))
