"""The tail that a cashier waits for: redemptions over HTTP, eight tills at once."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from pathlib import Path

import httpx

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "ledger"))

from service_process import CITY, Desk, Service, add_shop, trust_folder

from ardente.ledger import Ledger

CLIENTS, WARM_UP, REQUESTS = 8, 20, 250


def test_tail(report, tmp_path: Path) -> None:
    url = str(tmp_path / "ledger.db")
    with Ledger.open(url) as ledger:
        ledger.migrate()
        tokens = [add_shop(ledger, f"Shop {number}")[2] for number in range(CLIENTS)]
    texts = [CITY.voucher_text(serial, 1000) for serial in range(1000)]
    service = Service(url, trust_folder(tmp_path / "trust"))
    seconds: list[float] = []
    barrier = threading.Barrier(CLIENTS)

    def work(number: int) -> None:
        with httpx.Client(base_url=service.address, timeout=60) as client:
            desk = Desk(service.address, tokens[number], client)
            barrier.wait()
            for sale in range(WARM_UP + REQUESTS):
                began_s = time.perf_counter()
                answer = desk.redeem(texts[(number * 125 + sale) % 1000], key=f"sale-{sale}", amount=1)
                if sale >= WARM_UP:
                    seconds.append(time.perf_counter() - began_s)
                assert answer.status_code == 201

    try:
        tills = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
        for till in tills:
            till.start()
        for till in tills:
            till.join()
    finally:
        service.stop()
    assert len(seconds) == CLIENTS * REQUESTS
    report.row("ledger-http-tail", statistics.quantiles(seconds, n=100)[98] / statistics.median(seconds), 5, "× median")
