"""The host's measures: what a till, a turnstile's computer and the city's printer wait for."""

from __future__ import annotations

import hashlib
import io
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cwt
import nacl.bindings
import pytest
import segno

from ardente import TrustStore, Validator
from ardente.core.token import parse_card
from ardente.testing import FakeClock, TestCity

CARDS = 10_000
Ratio = Callable[..., float]


@pytest.fixture(scope="module")
def city() -> TestCity:
    return TestCity()


@pytest.fixture(scope="module")
def validator(city: TestCity, tmp_path_factory: pytest.TempPathFactory) -> Validator:
    clock = FakeClock()
    store = TrustStore(tmp_path_factory.mktemp("trust"), allow_test_city=True, clock=clock)
    root = city.root()
    store.init(root, hashlib.sha256(root).hexdigest())
    store.install(city.bundle())
    return Validator(store, allow_test_city=True, clock=clock)


@pytest.fixture(scope="module")
def verify_alone(city: TestCity) -> Callable[[], object]:
    """libsodium's check of the signature on the card of `text`, and nothing else."""
    card = parse_card(city.card(7))
    assert card is not None
    signed = card.signature + card.message
    public_key = city.key("card-1").public_key
    return lambda: nacl.bindings.crypto_sign_open(signed, public_key)


def test_check(report, ratio: Ratio, city, validator, verify_alone) -> None:
    text = city.card_text(7)
    assert validator.check(text)
    value = ratio(lambda: validator.check(text), verify_alone)
    report.row("host-check", value, 1.25, "× libsodium")


def test_check_against_python_cwt(report, ratio: Ratio, city, validator) -> None:
    text, token = city.card_text(7), city.card(7)
    key = cwt.COSEKey.new(
        {1: 1, 2: b"\x01", 3: -19, -1: 6, -2: city.key("card-1").public_key},
    )
    assert cwt.decode(token, key)
    value = ratio(lambda: validator.check(text), lambda: cwt.decode(token, key))
    report.row("host-check-vs-python-cwt", value, 0.75, "× python-cwt")


def test_refuse_noise(report, ratio: Ratio, city, validator) -> None:
    noise = "".join(random.Random(1).choices("0123456789", k=200))
    text = city.card_text(7)
    assert validator.check(noise).reason == "not_a_card"
    value = ratio(lambda: validator.check(noise), lambda: validator.check(text), calls=4000, reference_calls=1000)
    report.row("host-refuse", value, 0.25, "× accepted")


def _per_second(function: Callable[[], object], threads: int, calls: int = 8000) -> float:
    def work() -> None:
        for _ in range(calls // threads):
            function()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return calls / (time.perf_counter() - start)


def test_threads(report, benchmark, city, validator, verify_alone) -> None:
    text = city.card_text(7)

    def gain(function: Callable[[], object]) -> float:
        return _per_second(function, 2) / _per_second(function, 1)

    gains = []
    benchmark.pedantic(
        lambda: gains.append(gain(lambda: validator.check(text)) / gain(verify_alone)), rounds=9, warmup_rounds=1
    )
    report.row("host-threads", statistics.median(gains), 0.85, "× libsodium's gain", at_least=True)


def test_import(report, ratio: Ratio) -> None:
    def process(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    value = ratio(process("import ardente"), process("import nacl.signing"), calls=1, rounds=15)
    report.row("import-time", value, 1.5, "× nacl.signing")


def test_batch(report, benchmark, city, tmp_path: Path) -> None:
    year = datetime.now(UTC).year
    orders = tmp_path / "orders.csv"
    orders.write_text("quarters\n" + "4\n" * CARDS)
    texts = [city.card_text(number % 1024, exp=datetime(year + 1, 1, 1, tzinfo=UTC)) for number in range(CARDS)]

    def segno_alone() -> None:
        for text in texts:
            code = segno.make(text, version=6, error="m", mode="numeric", boost_error=False)
            code.save(io.BytesIO(), kind="svg")

    def run(*arguments: str) -> None:
        command = [sys.executable, "-m", "ardente", "city", "--folder", str(tmp_path / "city"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run("init", "--id", "bench", "--name", "Bench", "--demo", "--no-passphrase")
    start = time.perf_counter()
    segno_alone()
    reference_s = time.perf_counter() - start

    cards = tmp_path / "cards"
    benchmark.pedantic(lambda: run("issue", "--format", "svg", "--output", str(cards), str(orders)), rounds=1)
    assert sum(1 for _ in cards.rglob("*.svg")) == CARDS
    report.row("batch-issue", benchmark.stats.stats.min / reference_s, 1.25, "× segno alone")
