"""kill -9 of the till's program and of the service at any moment: nothing is lost, nothing counts twice."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from service_process import CITY, VALUE, Desk, Service, add_shop, trust_folder

from ardente import TrustStore
from ardente.core import reasons
from ardente.ledger import Ledger
from ardente.vouchers import VoucherClient

WALK = Path(__file__).with_name("till_walk.py")
BOTH_ENGINES = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
RUNS, SOAK_RUNS = 4, 125
EACH = 8


@pytest.fixture
def url(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> str:
    if request.param == "postgresql":
        address: str = request.getfixturevalue("database")
        return address
    return str(shutil.copyfile(migrated_file, tmp_path / "ledger.db"))


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    return trust_folder(tmp_path / "trust")


@pytest.fixture
def service(url: str, trust: Path) -> Iterator[Service]:
    service = Service(url, trust)
    yield service
    service.stop()


def runs(number: int, marks: tuple[pytest.MarkDecorator, ...] = ()) -> list[object]:
    return [pytest.param(number, marks=marks, id=str(number))]


EITHER = [*runs(RUNS, (pytest.mark.slow,)), *runs(SOAK_RUNS, (pytest.mark.soak, pytest.mark.timeout(3600)))]


@pytest.mark.parametrize("times", EITHER)
@BOTH_ENGINES
def test_a_till_that_is_killed_takes_each_voucher_once(
    service: Service, url: str, trust: Path, tmp_path: Path, times: int
) -> None:
    with Ledger.open(url) as ledger:
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        vouchers = [CITY.voucher_text(serial, VALUE) for serial in range(EACH * times)]
        accepted: Counter[int] = Counter()
        for run in range(times):
            todo = range(EACH * run, EACH * (run + 1))
            # A till of its own, since a campaign caps what one may take unseen, and the service how often one may fail.
            token, journal = add_shop(ledger, f"Shop {run}")[2], tmp_path / f"till-{run}"
            if rng.random() < 0.5:
                service.kill()
            said = _killed_walk(service.address, token, trust, journal, [vouchers[n] for n in todo], rng)
            accepted.update(todo[number] for number, outcome, _ in said if outcome in ("redeemed", "taken"))
            if service.process is None:
                service.start()
            # What the killed program did not get to is tried again, as a cashier would.
            with VoucherClient(service.address, token, TrustStore(trust), journal) as till:
                for number in todo:
                    answer = till.redeem(vouchers[number])
                    if answer:
                        accepted[number] += 1
                    else:
                        assert (answer.outcome, answer.reason) == ("refused", reasons.ALREADY_USED), seed
                till.send()
        assert set(accepted) == set(range(len(vouchers))), seed
        (totals, *_) = ledger.totals()
        assert totals.redeemed + totals.pending == VALUE * len(vouchers), seed
        assert ledger.check() == [], seed


def _killed_walk(
    address: str, token: str, trust: Path, journal: Path, vouchers: list[str], rng: random.Random
) -> list[tuple[int, str, str]]:
    """Let the program redeem ``vouchers`` and kill it while it does; return what it had said."""
    walk = subprocess.Popen(
        [sys.executable, str(WALK), address, token, str(trust), str(journal)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert walk.stdin is not None
    assert walk.stdout is not None
    walk.stdin.write("".join(f"{voucher}\n" for voucher in vouchers))
    walk.stdin.flush()
    said = [walk.stdout.readline()]
    time.sleep(rng.uniform(0, 0.3))
    walk.kill()
    said += walk.communicate()[0].splitlines()
    return [json.loads(line) for line in said if line.rstrip().endswith("]")]


@pytest.mark.parametrize("times", EITHER)
@BOTH_ENGINES
def test_a_service_that_is_killed_loses_no_answer(service: Service, url: str, times: int) -> None:
    with Ledger.open(url) as ledger:
        tokens = [add_shop(ledger, f"Shop {number}")[2] for number in range(3)]
        paid: list[str] = []
        done = threading.Event()
        sales = itertools.count()

        def work(token: str) -> None:
            with httpx.Client(base_url=service.address, timeout=10) as client:
                desk = Desk(service.address, token, client)
                while not done.is_set():
                    answer = _until_answered(desk, next(sales))
                    assert answer.status_code == 201, answer.text
                    paid.append(answer.json()["id"])

        with ThreadPoolExecutor(len(tokens)) as pool:
            tills = [pool.submit(work, token) for token in tokens]
            for _ in range(times):
                time.sleep(random.uniform(0.1, 0.5))
                service.kill()
                service.start()
            done.set()
            for till in tills:
                till.result()
        assert paid
        (totals, *_) = ledger.totals()
        assert (totals.redemptions, totals.redeemed) == (len(paid), len(paid))
        assert len(set(paid)) == len(paid)
        assert ledger.check() == []


def _until_answered(desk: Desk, sale: int) -> httpx.Response:
    """Redeem a cent of a voucher; ask again under the same key for as long as no answer comes."""
    while True:
        try:
            answer = desk.redeem(CITY.voucher_text(sale % 1000, VALUE), key=f"sale-{sale}", amount=1)
        except httpx.TransportError:
            time.sleep(0.02)
            continue
        if answer.status_code < 500:
            return answer


@BOTH_ENGINES
def test_of_64_that_try_one_voucher_at_once_one_is_paid(service: Service, url: str) -> None:
    voucher = CITY.voucher_text(1, VALUE)
    with Ledger.open(url) as ledger:
        tokens = [add_shop(ledger, f"Shop {number}")[2] for number in range(8)]
        barrier = threading.Barrier(64)

        def try_it(number: int) -> httpx.Response:
            with httpx.Client(base_url=service.address, timeout=60) as client:
                desk = Desk(service.address, tokens[number % 8], client)
                barrier.wait()
                return desk.redeem(voucher, key=f"try-{number}")

        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(try_it, range(64)))
        said = Counter(answer.json().get("reason", "ok") for answer in answers)
        assert said == {"ok": 1, reasons.ALREADY_USED: 63}
        assert ledger.totals()[0].redeemed == VALUE
        assert ledger.check() == []
