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
from card_cases import (
    BUNDLE,
    IAT,
    KINDS,
    ODD_KEYS,
    ROOT,
    Case,
    bundle_with_odd_key,
    cards_of_odd_key,
    cases,
)
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


def desk_answers(folder: Path, bundle: bytes, asked: list[Case]) -> list[Answer]:
    """What the partner's SDK answers, with libsodium and its own trust store."""
    store = TrustStore(folder, allow_test_city=True, clock=lambda: IAT)
    store.init(ROOT, hashlib.sha256(ROOT).hexdigest())
    store.install(bundle)
    now = [IAT]
    validators = {
        grace_s: Validator(
            store,
            grace=timedelta(seconds=grace_s),
            age_classes={name: [name] for name in AGE_CLASSES},
            clock=lambda: now[0],
            allow_test_city=True,
        )
        for grace_s in {case.grace_s for case in asked}
    }
    answers = []
    for case in asked:
        now[0] = case.now
        verdict = validators[case.grace_s].check(case.text)
        answers.append([verdict.reason, "".join(verdict.age_classes)])
    return answers


def gate_answers(interpreter: Interpreter, folder: Path, bundle: bytes, asked: list[Case]) -> list[Answer]:
    """What the scanner answers, with its own arithmetic and the bits on its flash, or in RAM where it has no files."""
    files = [folder / name for name in ("root", "bundle")]
    for file, data in zip(files, (ROOT, bundle), strict=True):
        file.write_bytes(data)
    flash = []
    if interpreter.name != "rv32":
        flash = [str(folder / "flash")]
        (folder / "flash").mkdir()
    result = interpreter.run(
        HERE / "agreement_device.py",
        *files,
        *flash,
        paths=[FIRMWARE],
        stdin="".join(json.dumps([case.text, case.now, case.grace_s]) + "\n" for case in asked),
        timeout_s=300,
    )
    return [json.loads(line) for line in result.stdout.splitlines()]


def differing(asked: list[Case], desk: list[Answer], gate: list[Answer]) -> list[str]:
    return [
        f"{case}: desk {theirs}, gate {ours}"
        for case, theirs, ours in zip(asked, desk, gate, strict=True)
        if theirs != ours
    ]


@pytest.fixture(scope="module")
def at_the_desk(all_cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    return desk_answers(tmp_path_factory.mktemp("desk"), BUNDLE, all_cases)


ON_DEVICES = pytest.mark.parametrize(
    "interpreter",
    [
        "micropython",
        pytest.param("micropython32", marks=pytest.mark.mp32),
        pytest.param("rv32", marks=pytest.mark.rv32),
    ],
    indirect=True,
)


@ON_DEVICES
def test_the_gate_answers_as_the_desk(
    interpreter: Interpreter, all_cases: list[Case], at_the_desk: list[Answer], tmp_path: Path
) -> None:
    count = COUNT_RV32 if interpreter.name == "rv32" else COUNT
    asked = all_cases[:count]
    at_the_gate = gate_answers(interpreter, tmp_path, BUNDLE, asked)
    assert differing(asked, at_the_desk[:count], at_the_gate)[:5] == [], f"seed {SEED}"


@ON_DEVICES
@pytest.mark.parametrize("public_key", ODD_KEYS.values(), ids=ODD_KEYS)
def test_the_gate_answers_as_the_desk_where_a_city_lists_a_key_that_is_none(
    interpreter: Interpreter, public_key: bytes, tmp_path: Path
) -> None:
    """For some of these keys anybody can make a signature that meets the bare equation."""
    bundle = bundle_with_odd_key(public_key)
    asked = cards_of_odd_key(SEED)
    desk = desk_answers(tmp_path / "desk", bundle, asked)
    gate = gate_answers(interpreter, tmp_path, bundle, asked)
    assert differing(asked, desk, gate) == [], f"seed {SEED}"
    assert {reason for reason, _ in desk} == {reasons.BAD_SIGNATURE, reasons.OK}


def test_the_cases_reach_every_answer(at_the_desk: list[Answer], all_cases: list[Case]) -> None:
    """What comes after the rule book apart, each reason and each age class, and none by a handful of cases alone."""
    counts = Counter(reason for reason, _ in at_the_desk)
    elsewhere = {reasons.ALREADY_USED, reasons.DAILY_CAP}
    assert set(counts) == set(reasons.CARD_REASONS) - elsewhere, f"seed {SEED}"
    assert min(counts.values()) >= COUNT // 100, f"seed {SEED}: {counts}"
    assert {age for _, age in at_the_desk} == {"", *AGE_CLASSES}
    assert {case.kind for case in all_cases} == {kind.__name__ for kind in KINDS}
