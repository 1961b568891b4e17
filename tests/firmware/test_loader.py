"""The start of a scanner: the confirmed application runs; one on trial that ends, hangs or is cut runs once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from application_images import BOOT, image, install, run, send, test

from interpreters import Interpreter, micropython

RESTART = 75
pytestmark = pytest.mark.parametrize("interpreter", ["micropython"], indirect=True)
START = """\
import sys
sys.path.insert(0, sys.argv[1])
import loader
loader._PAUSE_S = 0
loader.start(sys.argv[2])
"""


def application(version: int, body: str) -> bytes:
    source = f"import sys\ndef main():\n    print({version}, sys.path[0][-5:])\n    {body}\n"
    return image(version, {"main.py": source.encode(), "core/x.py": b"x"})


GOOD, BETTER = application(5, "sys.exit(0)"), application(6, "sys.exit(0)")


def start(flash: Path, timeout_s: float = 30) -> tuple[int, str, str]:
    """Start the scanner; return its exit status, what it printed, and what it said of an error."""
    result = subprocess.run(
        [micropython().command[0], "-c", START, str(BOOT), str(flash)],  # type: ignore[attr-defined]
        capture_output=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )
    return result.returncode, result.stdout.strip(), result.stderr.strip()


@pytest.fixture
def flash(interpreter: Interpreter, tmp_path: Path) -> Path:
    run(interpreter, tmp_path / "app", install(GOOD))
    return tmp_path


def try_out(interpreter: Interpreter, flash: Path, data: bytes) -> None:
    assert run(interpreter, flash / "app", ("restart",), send(data), test(data))[2] is None


def test_the_confirmed_application_runs_from_its_slot(flash: Path, interpreter: Interpreter) -> None:
    assert start(flash) == start(flash) == (0, "5 app/0", "")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("raise ValueError('12345')", RESTART, "The application ended: ValueError"),
        ("return", RESTART, ""),
        ("x = bytearray(1 << 40)", RESTART, "The application ended: MemoryError"),
        ("import missing", RESTART, "The application ended: ImportError"),
        # As a board does to be started again.
        ("sys.exit(75)", RESTART, ""),
    ],
)
def test_a_trial_that_ends_is_followed_by_the_confirmed_one(
    flash: Path, interpreter: Interpreter, body: str, status: int, said: str
) -> None:
    try_out(interpreter, flash, application(6, body))
    assert start(flash) == (status, "6 app/1", said)
    assert start(flash) == (0, "5 app/0", "")


def test_a_trial_that_hangs_is_followed_by_the_confirmed_one(flash: Path, interpreter: Interpreter) -> None:
    try_out(interpreter, flash, application(6, "while True: pass"))
    with pytest.raises(subprocess.TimeoutExpired):
        start(flash, timeout_s=1)
    assert start(flash) == (0, "5 app/0", "")


def test_a_start_that_cannot_be_noted_is_none(flash: Path, interpreter: Interpreter) -> None:
    try_out(interpreter, flash, BETTER)
    # Else a trial that crashes would begin again and again.
    (flash / "app" / "state.new").mkdir()
    assert start(flash) == (0, "5 app/0", "")
    (flash / "app" / "state.new").rmdir()
    assert start(flash) == (0, "6 app/1", "")


def test_with_both_slots_damaged_it_still_tries_the_confirmed_one(flash: Path, interpreter: Interpreter) -> None:
    (flash / "app" / "0" / "core" / "x.py").write_bytes(b"y")
    assert start(flash) == (0, "5 app/0", "")
