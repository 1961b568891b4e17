"""Instruction counts on the emulated chip are exact, the same in every run, and tell what a call takes of the heap."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from interpreters import InterpreterMissingError, rv32
from rv32 import Rv32Interpreter

pytestmark = pytest.mark.rv32

SCRIPT = """\
import array, counter, micropython

@micropython.asm_rv32
def rounds(a0):
    label(AGAIN)
    addi(a0, a0, -1)
    addi(a1, a1, 3)
    bne(a0, zero, AGAIN)

def call(turns):
    return counter.instructions(rounds, turns)

call(1)
small = call(1)
counter.tell("rounds", three_each=call(100_001) - small)

def keep(size):
    return bytearray(size)

def drop(size):
    for _ in range(10):
        array.array("B", bytearray(size))

def nothing():
    pass

for name, function, size in [("keep", keep, 5000), ("drop", drop, 5000), ("keep_again", keep, 5000)]:
    answer, cost = counter.measure(function, size)
    counter.tell(name, heap_bytes=cost.heap_bytes, garbage_bytes=cost.garbage_bytes)
_, cost = counter.measure(nothing)
counter.tell("nothing", heap_bytes=cost.heap_bytes, instructions=cost.instructions)

import gc
ballast = counter.leave_heap(110 * 1024)
counter.tell("left", free_bytes=gc.mem_free())
"""


@pytest.fixture(scope="module")
def chip() -> Rv32Interpreter:
    try:
        return rv32()
    except InterpreterMissingError as error:
        if os.environ.get("REQUIRE_RV32") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("counter") / "script.py"
    file.write_text(SCRIPT)
    return file


@pytest.fixture(scope="module")
def told(chip: Rv32Interpreter, script: Path) -> dict[str, dict[str, Any]]:
    return chip.count(script)


def test_a_loop_of_known_length_counts_as_that(told: dict[str, dict[str, Any]]) -> None:
    """Exactly where nothing is allocated, as `counter` itself insists; here not quite: an argument is allocated."""
    assert abs(told["rounds"]["three_each"] - 300_000) < 200


def test_a_count_is_the_same_in_every_run(chip: Rv32Interpreter, script: Path, told: dict[str, dict[str, Any]]) -> None:
    assert chip.count(script) == told


def test_an_empty_call_costs_little_and_holds_nothing(told: dict[str, dict[str, Any]]) -> None:
    assert 0 < told["nothing"]["instructions"] < 2000
    assert told["nothing"]["heap_bytes"] <= 64


def test_what_an_answer_takes_is_told(told: dict[str, dict[str, Any]]) -> None:
    assert 5000 <= told["keep"]["heap_bytes"] <= 5200
    assert 5000 <= told["keep"]["garbage_bytes"] <= 5200


def test_an_earlier_peak_hides_nothing(told: dict[str, dict[str, Any]]) -> None:
    assert told["drop"]["garbage_bytes"] > 10 * 2 * 5000
    assert told["keep_again"]["heap_bytes"] == told["keep"]["heap_bytes"]


def test_the_heap_can_be_made_as_small_as_a_scanners(told: dict[str, dict[str, Any]]) -> None:
    assert 110 * 1024 <= told["left"]["free_bytes"] <= 112 * 1024


def test_a_run_that_does_not_count_says_so(chip: Rv32Interpreter, script: Path) -> None:
    assert "does not count" in chip.run(script, check=False).stderr
