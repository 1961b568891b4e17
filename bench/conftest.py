"""Collects the rows that the measurements report, prints them beside their goals and writes build/bench.json.

A speed is a ratio within one run: each round times the reference right before the subject, so that a machine that
slows down slows both.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interpreters import InterpreterMissingError, rv32
from rv32 import Rv32Interpreter

OUTPUT = Path(__file__).resolve().parent.parent / "build" / "bench.json"
# Below this are the seeds that the decoder was made with.
FIRST_UNSEEN_SEED = 1_000_000
_rows: list[dict[str, Any]] = []


class Report:
    """Takes rows of value beside goal; a goal is a bound from above unless ``at_least``."""

    def row(self, name: str, value: float | None, goal: float, unit: str, *, at_least: bool = False) -> None:
        """Add a row. A value of None says that it could not be measured here, which is not ok."""
        ok = value is not None and (value >= goal if at_least else value <= goal)
        value = None if value is None else round(value, 4)
        _rows.append({"name": name, "value": value, "goal": goal, "at_least": at_least, "unit": unit, "ok": ok})

    def record(self, name: str, value: float | None, unit: str) -> None:
        """Add a row that has no goal: a number to know."""
        value = None if value is None else round(value, 4)
        _rows.append({"name": name, "value": value, "goal": None, "at_least": False, "unit": unit, "ok": True})


@pytest.fixture
def report() -> Report:
    return Report()


@pytest.fixture(scope="session")
def chip() -> Rv32Interpreter | None:
    try:
        return rv32()
    except InterpreterMissingError:
        return None


@pytest.fixture(scope="session")
def seed() -> int:
    return int(os.environ.get("BENCH_SEED") or random.SystemRandom().randrange(FIRST_UNSEEN_SEED, 1 << 31))


@pytest.fixture
def ratio(benchmark: Any) -> Callable[..., float]:
    """Return a function that times ``subject`` against ``reference`` in turn and gives the median ratio per call."""

    def measure(
        subject: Callable[[], object],
        reference: Callable[[], object],
        *,
        calls: int = 1000,
        reference_calls: int | None = None,
        rounds: int = 31,
    ) -> float:
        reference_s: list[float] = []
        subject_s: list[float] = []

        def timed(function: Callable[[], object], count: int) -> float:
            start = time.perf_counter()
            for _ in range(count):
                function()
            return (time.perf_counter() - start) / count

        def before_round() -> None:
            reference_s.append(timed(reference, reference_calls or calls))

        def round_of_subject() -> None:
            subject_s.append(timed(subject, calls))

        benchmark.pedantic(round_of_subject, setup=before_round, rounds=rounds, warmup_rounds=2)
        return statistics.median(ours / theirs for ours, theirs in zip(subject_s, reference_s, strict=True))

    return measure


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    if not _rows:
        return
    OUTPUT.parent.mkdir(exist_ok=True)
    temporary = OUTPUT.with_suffix(".tmp")
    temporary.write_text(json.dumps(_rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(OUTPUT)


def _lines() -> Iterator[str]:
    width = max(len(row["name"]) for row in _rows)
    for row in _rows:
        value = "not measured" if row["value"] is None else f"{row['value']:.3f}"
        if row["goal"] is None:
            yield f"{row['name']:<{width}}  {value:>12}  {row['unit']}".rstrip()
            continue
        goal = f"{'≥' if row['at_least'] else '≤'} {row['goal']:g} {row['unit']}"
        yield f"{row['name']:<{width}}  {value:>12}  {goal:<28} {'ok' if row['ok'] else 'NOT OK'}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _rows:
        terminalreporter.section("value beside goal")
        for line in _lines():
            terminalreporter.write_line(line)
