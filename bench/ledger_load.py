"""Processes that load a ledger, and the bare database that it is held against, on command."""

from __future__ import annotations

import itertools
import multiprocessing
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from ardente.core.manifest import BEARER_CITY, Campaign, Manifest
from ardente.core.verdict import VoucherJudgement
from ardente.ledger import Ledger

NOW, VALUE = 1_800_000_000, 1000
CAMPAIGN = Campaign(
    1, "Bench", "EUR", [VALUE], NOW - 86400, NOW + 86400, False, BEARER_CITY, [], (20, 20_000, 86400), 9
)
# A row as the ledger writes it, without its serial and id.
COLUMNS = (
    "city, campaign, serial, sequence, id, till_id, merchant_id, value, amount, refunded, free, currency, state, kind, "
    "created_at, lapses_at, day, receipt, request_sha256, settled_on"
)
ROW = (
    f"'bench', 1, {{serial}}, 1, {{id}}, '{'b' * 32}', '{'c' * 32}', {VALUE}, {VALUE}, 0, 0, 'EUR', 'confirmed', "
    f"'online', {NOW}, NULL, '2027-01-15', 'R1', '{'d' * 64}', NULL"
)
SELECT = "SELECT sequence, amount, refunded, state FROM redemption WHERE city = 'bench' AND campaign = 1 AND serial = ?"
INSERT = f"INSERT INTO redemption ({COLUMNS}) VALUES ({ROW.format(serial='?', id='?')})"


def new_ledger(url: str | Path) -> tuple[Ledger, str]:
    """Make the books of one campaign with one till, and return them with the till's token."""
    ledger = Ledger.open(url, clock=lambda: NOW)
    ledger.migrate()
    manifest = Manifest.__new__(Manifest)
    manifest.city, manifest.campaigns = "bench", {1: CAMPAIGN}
    ledger.load_campaigns(manifest)
    return ledger, ledger.add_till(ledger.add_merchant("Shop", "Centre"), "Till")[1]


def redeemer(ledger: Ledger, token: str) -> Callable[[int], None]:
    """Return a function that redeems the voucher of a serial."""
    till = ledger.till(token)

    def redeem(serial: int) -> None:
        judgement = VoucherJudgement("ok", CAMPAIGN, serial, VALUE)
        ledger.redeem(till, judgement, key=secrets.token_hex(8), receipt="R1")

    return redeem


def bare(path: str | Path) -> tuple[Callable[[int], None], Callable[[int], None]]:
    """Return (select and insert in one BEGIN IMMEDIATE, insert alone) through bare sqlite3, durable as the ledger."""
    database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")

    def select_and_insert(serial: int) -> None:
        database.execute("BEGIN IMMEDIATE")
        database.execute(SELECT, (serial,)).fetchall()
        database.execute(INSERT, (serial, secrets.token_hex(16)))
        database.execute("COMMIT")

    def insert(serial: int) -> None:
        database.execute(INSERT, (serial, secrets.token_hex(16)))

    return select_and_insert, insert


def _work(pipe: Connection, first: int, threads: int, url: str, token: str, reference: str) -> None:
    """Do what the pipe says, in threads that share one ledger as those of a service do."""
    calls: dict[str, Callable[[int], None]] = {"redeem": redeemer(Ledger.open(url, clock=lambda: NOW), token)}
    if reference:
        calls["select and insert"], calls["insert"] = bare(reference)
    serials = itertools.count(first)
    pipe.send(0)
    while command := pipe.recv():
        what, seconds = command
        with ThreadPoolExecutor(threads) as pool:
            counts = [pool.submit(_repeat, calls[what], serials, seconds) for _ in range(threads)]
        pipe.send(sum(count.result() for count in counts))


def _repeat(call: Callable[[int], None], serials: Iterator[int], seconds: float) -> int:
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        call(next(serials))
        count += 1
    return count


class Load:
    """Worker processes that all do one thing for a while, and are counted."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def rate(self, what: str, seconds: float) -> float:
        """Let all do ``what`` and return how many were done a second."""
        for pipe in self._pipes:
            pipe.send((what, seconds))
        return sum(pipe.recv() for pipe in self._pipes) / seconds


@contextmanager
def load(processes: int, threads: int, url: str | Path, token: str, reference: str = "") -> Iterator[Load]:
    """Start processes with a ledger of their own."""
    context = multiprocessing.get_context("spawn")
    pipes, workers = [], []
    for number in range(processes):
        ours, theirs = context.Pipe()
        arguments = (theirs, number << 24, threads, str(url), token, reference)
        workers.append(context.Process(target=_work, args=arguments, daemon=True))
        workers[-1].start()
        pipes.append(ours)
    try:
        for pipe in pipes:
            pipe.recv()
        yield Load(pipes)
    finally:
        for pipe in pipes:
            pipe.send(None)
        for worker in workers:
            worker.join()
