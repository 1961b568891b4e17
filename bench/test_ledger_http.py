"""The tail that a cashier waits for: redemptions over HTTP, eight tills at once."""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "ledger"))

from service_process import CITY, Desk, Service, add_shop, trust_folder

from ardente.ledger import Ledger

CLIENTS, ROUNDS, REQUESTS = 8, 7, 50


def test_tail(report, tmp_path: Path) -> None:
    """The median of rounds, so that one hiccup of the machine is not the service's."""
    url = str(tmp_path / "ledger.db")
    with Ledger.open(url) as ledger:
        ledger.migrate()
        tokens = [add_shop(ledger, f"Shop {number}")[2] for number in range(CLIENTS)]
    service = Service(url, trust_folder(tmp_path / "trust"))
    try:
        with ExitStack() as stack:
            desks = []
            for token in tokens:
                client = stack.enter_context(httpx.Client(base_url=service.address, timeout=60))
                desks.append(Desk(service.address, token, client))
            # The first round only warms up.
            ratios = [_tail(desks, number) for number in range(ROUNDS + 1)][1:]
    finally:
        service.stop()
    report.row("ledger-http-tail", statistics.median(ratios), 5, "× median")


def _tail(desks: list[Desk], number: int) -> float:
    """Let every till redeem at once, and return the 99th percentile of what one waits, against the median."""
    seconds: list[float] = []

    def work(till: int, desk: Desk) -> None:
        for sale in range(REQUESTS):
            text = CITY.voucher_text(till * REQUESTS + sale, 1000)
            began_s = time.perf_counter()
            answer = desk.redeem(text, key=f"{number}-{sale}", amount=1)
            seconds.append(time.perf_counter() - began_s)
            assert answer.status_code == 201

    with ThreadPoolExecutor(len(desks)) as pool:
        for done in [pool.submit(work, till, desk) for till, desk in enumerate(desks)]:
            done.result()
    return statistics.quantiles(seconds, n=100)[98] / statistics.median(seconds)
