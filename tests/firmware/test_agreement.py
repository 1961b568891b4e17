"""One rule book: desk and gate answer the same on 10,000 cards and what is nearly one."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from ardente import TrustStore, Validator
from ardente.core import reasons
from card_cases import BUNDLE, IAT, KINDS, ROOT, Case, cases
from interpreters import FIRMWARE, Interpreter

HERE = Path(__file__).resolve().parent
COUNT = 10_000
# The emulated chip takes a share of them, from the front.
COUNT_RV32 = 2500
SEED = 4 if os.environ.get("CI") else random.randrange(1 << 32)
AGE_CLASSES = ("child", "youth", "senior")

Answer = list[str]


@pytest.fixture(scope="module")
def all_cases() -> list[Case]:
    return cases(SEED, COUNT)


@pytest.fixture(scope="module")
def at_the_desk(all_cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    """What the partner's SDK answers, with libsodium and its own trust store."""
    store = TrustStore(tmp_path_factory.mktemp("desk"), allow_test_city=True, clock=lambda: IAT)
    store.init(ROOT, hashlib.sha256(ROOT).hexdigest())
    store.install(BUNDLE)
    now = [IAT]
    validators = {
        grace_s: Validator(
            store,
            grace=timedelta(seconds=grace_s),
            age_classes={name: [name] for name in AGE_CLASSES},
            clock=lambda: now[0],
            allow_test_city=True,
        )
        for grace_s in {case.grace_s for case in all_cases}
    }
    answers = []
    for case in all_cases:
        now[0] = case.now
        verdict = validators[case.grace_s].check(case.text)
        answers.append([verdict.reason, "".join(verdict.age_classes)])
    return answers


@pytest.mark.parametrize(
    "interpreter",
    [
        "micropython",
        pytest.param("micropython32", marks=pytest.mark.mp32),
        pytest.param("rv32", marks=pytest.mark.rv32),
    ],
    indirect=True,
)
def test_the_gate_answers_as_the_desk(
    interpreter: Interpreter, all_cases: list[Case], at_the_desk: list[Answer], tmp_path: Path
) -> None:
    asked = all_cases[:COUNT_RV32] if interpreter.name == "rv32" else all_cases
    files = [tmp_path / name for name in ("root", "bundle")]
    for file, data in zip(files, (ROOT, BUNDLE), strict=True):
        file.write_bytes(data)
    flash = []
    if interpreter.name != "rv32":
        flash = [str(tmp_path / "flash")]
        (tmp_path / "flash").mkdir()
    result = interpreter.run(
        HERE / "agreement_device.py",
        *files,
        *flash,
        paths=[FIRMWARE],
        stdin="".join(json.dumps([case.text, case.now, case.grace_s]) + "\n" for case in asked),
        timeout_s=300,
    )
    at_the_gate = [json.loads(line) for line in result.stdout.splitlines()]
    differing = [
        f"{case}: desk {desk}, gate {gate}"
        for case, desk, gate in zip(asked, at_the_desk, at_the_gate, strict=False)
        if desk != gate
    ]
    assert (len(at_the_gate), differing[:5]) == (len(asked), []), f"seed {SEED}"


def test_the_cases_reach_every_answer(at_the_desk: list[Answer], all_cases: list[Case]) -> None:
    """What comes after the rule book apart, each reason and each age class, and none by a handful of cases alone."""
    counts = Counter(reason for reason, _ in at_the_desk)
    elsewhere = {reasons.ALREADY_USED, reasons.DAILY_CAP}
    assert set(counts) == set(reasons.CARD_REASONS) - elsewhere, f"seed {SEED}"
    assert min(counts.values()) >= COUNT // 100, f"seed {SEED}: {counts}"
    assert {age for _, age in at_the_desk} == {"", *AGE_CLASSES}
    assert {case.kind for case in all_cases} == {kind.__name__ for kind in KINDS}
