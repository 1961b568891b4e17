"""Many at once, cut off, killed, out of room: each cent once, and a clear error."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from ledger_city import NOW, PARTS, VALUE, Shop, manifest, refusal, voucher, window_at
from sqlalchemy import event

from ardente.core import reasons
from ardente.ledger import Ledger, LedgerError
from ardente.testing import FakeClock

TRIES = 64


def at_once(*asked: Callable[[], object]) -> Counter[str]:
    """Call all at one moment and count how they end."""
    barrier = threading.Barrier(len(asked))
    ends: list[str] = []

    def one(asked: Callable[[], object]) -> None:
        barrier.wait()
        ends.append(refusal(asked))

    threads = [threading.Thread(target=one, args=(one_asked,)) for one_asked in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(ends)


class TestAtOnce:
    def test_of_64_tries_at_one_voucher_one_succeeds(self, ledger: Ledger, shop: Shop) -> None:
        tries = [partial(shop.redeem, voucher(1), key=f"t{number}") for number in range(TRIES)]
        assert at_once(*tries) == {reasons.OK: 1, reasons.ALREADY_USED: TRIES - 1}

    def test_of_64_parts_as_many_as_the_voucher_has(self, ledger: Ledger, shop: Shop) -> None:
        tries = [partial(shop.redeem, voucher(1), 300, key=f"t{number}") for number in range(TRIES)]
        ends = at_once(*tries)
        assert ends == {reasons.OK: 3, reasons.AMOUNT_TOO_HIGH: TRIES - 3}

    def test_one_request_sent_many_times_is_one(self, ledger: Ledger, shop: Shop) -> None:
        answers = []
        redeem = lambda: answers.append(shop.redeem(voucher(1), key="a"))  # noqa: E731
        assert at_once(*[redeem] * 16) == {reasons.OK: 16}
        assert len(set(answers)) == 1

    def test_one_refund_sent_many_times_is_one(self, ledger: Ledger, shop: Shop) -> None:
        paid = shop.redeem(voucher(1))
        answers = []
        refund = lambda: answers.append(shop.refund(paid, 100, key="r"))  # noqa: E731
        assert at_once(*[refund] * 16) == {reasons.OK: 16}
        assert {answer.refunded for answer in answers} == {100}

    def test_refunds_never_give_back_more_than_was_paid(self, ledger: Ledger, shop: Shop) -> None:
        paid = shop.redeem(voucher(1))
        refunds = [partial(shop.refund, paid, 300, key=f"r{number}") for number in range(16)]
        assert at_once(*refunds) == {reasons.OK: 3, reasons.AMOUNT_TOO_HIGH: 13}

    def test_a_reservation_is_confirmed_or_lapses_and_never_both(
        self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock
    ) -> None:
        """Two services whose clocks differ by a second: one thinks that it lapsed, the other that it did not."""
        held = [shop.reserve(voucher(serial)) for serial in range(12)]
        clock.advance(timedelta(minutes=15))
        early = Ledger(ledger._database, lambda: clock() - 1)
        asked: list[Callable[[], object]] = []
        for serial, one in enumerate(held):
            asked.append(partial(early.confirm, shop.till, one.id, key=f"c{serial}"))
            asked.append(partial(other.redeem, voucher(serial)))
        ends = at_once(*asked)
        assert ends[reasons.OK] == len(held)
        assert ends[reasons.RESERVATION_LAPSED] + ends[reasons.ALREADY_USED] == len(held)

    def test_a_claim_and_a_redemption_are_paid_once(
        self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock
    ) -> None:
        window = window_at(NOW)
        claims = [shop.journal(voucher(serial), window) for serial in range(3)]
        asked = [partial(shop.claim, claim) for claim in claims]
        asked += [partial(other.redeem, voucher(serial)) for serial in range(3)]
        at_once(*asked)
        clock.advance(timedelta(hours=3))
        decisions = at_once(*[ledger.decide_windows] * 4)
        assert decisions == {reasons.OK: 4}
        (parts,) = (total for total in ledger.totals() if total.campaign == PARTS)
        assert (parts.redeemed, parts.pending) == (3 * VALUE, 0)

    def test_a_cap_is_counted_once_for_requests_that_cross(self, ledger: Ledger, shop: Shop) -> None:
        answers: list[str] = []
        claims = [shop.journal(voucher(serial), window_at(NOW)) for serial in range(12)]
        take = lambda claim: answers.append(shop.claim(claim)[0].reason)  # noqa: E731
        at_once(*[partial(take, claim) for claim in claims])
        assert Counter(answers) == {reasons.OK: 3, reasons.OFFLINE_CAP: 9}

    def test_a_day_that_closes_meanwhile_pays_every_row_once(
        self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock
    ) -> None:
        yesterday = Ledger(ledger._database, clock)
        late = FakeClock(clock.now)
        clock.advance(timedelta(days=1))
        slow = Ledger(ledger._database, late)
        paid = [slow.redeem(shop.till, voucher(serial), key=f"p{serial}") for serial in range(8)]
        asked: list[Callable[[], object]] = [partial(ledger.close_day, None, late.now.date())] * 2
        asked += [partial(slow.redeem, shop.till, voucher(100 + n), key=f"n{n}") for n in range(8)]
        asked += [partial(yesterday.refund, shop.till, one.id, key=f"r{n}") for n, one in enumerate(paid[:4])]
        ends = at_once(*asked)
        clock.advance(timedelta(days=1))
        ledger.close_day(None, clock.now.date() - timedelta(days=1))
        (parts,) = (total for total in ledger.totals() if total.campaign == PARTS)
        assert parts.owed == 0
        assert parts.settled == parts.redeemed - parts.refunded
        assert ends[reasons.OK] + ends[reasons.DAY_CLOSED] == len(asked)


CLIENT = f"""
import sys
from ardente.core.manifest import Campaign
from ardente.core.verdict import VoucherJudgement
from ardente.ledger import Ledger, LedgerError
url, token, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
campaign = Campaign({PARTS}, "", "EUR", [{VALUE}], 0, 1 << 32, True, 1, [], (0, 0, 0), 9)
with Ledger.open(url, clock=lambda: {NOW}) as ledger:
    till = ledger.till(token)
    print("ready", flush=True)
    for serial in range(first, first + count):
        judgement = VoucherJudgement("ok", campaign, serial, {VALUE})
        held = ledger.reserve(till, judgement, key=f"a{{serial}}", amount=600)
        ledger.confirm(till, held.id, key=f"b{{serial}}")
        paid = ledger.redeem(till, judgement, key=f"c{{serial}}", amount=400)
        ledger.refund(till, paid.id, key=f"d{{serial}}", amount=150)
        print(serial, flush=True)
"""


def killed_runs(ledger: Ledger, url: str, shop: Shop, runs: int) -> None:
    """Kill clients at random moments, let the next go on with the same keys, and hold the books to the cent."""
    chance = random.Random(runs)
    first, count = 0, 40
    for run in range(runs):
        arguments = [sys.executable, "-c", CLIENT, url, shop.token, str(first), str(count)]
        client = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        with client.stdout as output:
            assert output.readline() == "ready\n"
            time.sleep(chance.uniform(0, 0.08))
            client.kill()
            done = [int(line) for line in output.read().splitlines()]
        client.wait()
        assert ledger.check() == [], run
        (parts,) = (total for total in ledger.totals() if total.campaign == PARTS)
        finished = len(done)
        first += finished
        # What was answered is in the books; of the next voucher any step may be.
        settled = 850 * first
        assert settled <= parts.redeemed - parts.refunded <= settled + VALUE, run


class TestKilled:
    def test_a_client_at_a_random_moment_loses_and_doubles_nothing(self, ledger: Ledger, url: str, shop: Shop) -> None:
        killed_runs(ledger, url, shop, 7)

    @pytest.mark.soak
    def test_so_do_500(self, ledger: Ledger, url: str, shop: Shop) -> None:
        killed_runs(ledger, url, shop, 500)

    def test_so_does_the_database(self, database: str, clock: FakeClock) -> None:
        """A backend that is killed takes all of PostgreSQL down with it, and through its recovery."""
        with Ledger.open(database, clock=clock) as ledger:
            ledger.load_campaigns(manifest())
            shop = Shop(ledger, "Shop")
            chance = random.Random(6)
            for serial in range(30):
                if serial % 10 == 5:
                    with psycopg.connect(database) as connection:
                        victim = connection.info.backend_pid
                        killer = threading.Timer(chance.uniform(0, 0.02), os.kill, (victim, signal.SIGKILL))
                        killer.start()
                        until_answered(partial(shop.redeem, voucher(serial), 600, key=f"a{serial}"))
                        killer.join()
                until_answered(partial(shop.redeem, voucher(serial), 600, key=f"a{serial}"))
                until_answered(partial(shop.redeem, voucher(serial), 400, key=f"b{serial}"))
            assert ledger.check() == []
            (parts,) = (total for total in ledger.totals() if total.campaign == PARTS)
            assert (parts.redemptions, parts.redeemed) == (60, 30 * VALUE)


class TestUnavailable:
    def test_a_database_that_is_gone_says_so_and_is_used_again_when_it_is_back(
        self, empty_database: str, clock: FakeClock
    ) -> None:
        with Ledger.open(empty_database, clock=clock) as ledger:
            ledger.migrate()
            ledger.load_campaigns(manifest())
            shop = Shop(ledger, "Shop")
            shop.redeem(voucher(1), key="a")
            admin, name = empty_database.replace(name_of(empty_database), "postgres"), name_of(empty_database)
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false".encode())
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
                with pytest.raises(LedgerError) as gone:
                    shop.redeem(voucher(2), key="b")
                assert gone.value.reason == reasons.UNAVAILABLE
                assert gone.value.__cause__ is None
                connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true".encode())
            assert shop.redeem(voucher(2), key="b").final
            assert shop.redeem(voucher(1), key="a").final
            assert ledger.check() == []

    def test_connections_that_died_in_the_pool_are_not_noticed(self, database: str, clock: FakeClock) -> None:
        with Ledger.open(database, clock=clock) as ledger:
            ledger.load_campaigns(manifest())
            shop = Shop(ledger, "Shop")
            shop.redeem(voucher(1))
            with psycopg.connect(database, autocommit=True) as connection:
                own = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                connection.execute(own + " AND pid <> pg_backend_pid()")
            assert shop.redeem(voucher(2)).final

    def test_a_full_disk_is_named_and_the_books_add_up(self, migrated_file: Path, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        path.write_bytes(migrated_file.read_bytes())
        with Ledger.open(path, clock=FakeClock()) as ledger:
            ledger.load_campaigns(manifest())
            shop = Shop(ledger, "Shop")
            with ledger._database.engine.connect() as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            ledger._database.engine.dispose()
            limit = lambda driver, _: driver.execute(f"PRAGMA max_page_count = {pages + 4}")  # noqa: E731
            event.listen(ledger._database.engine, "connect", limit)
            with pytest.raises(LedgerError, match="disk is full") as full:
                redeem_many(shop, 1000)
            assert full.value.reason == reasons.UNAVAILABLE
            assert ledger.check() == []
            redeemed = sum(total.redemptions for total in ledger.totals())
            assert redeemed > 0
            event.remove(ledger._database.engine, "connect", limit)
            ledger._database.engine.dispose()
            assert shop.redeem(voucher(redeemed), key=f"k{redeemed}").final
            assert shop.redeem(voucher(0), key="k0").final

    def test_a_file_that_is_locked_too_long_is_given_up(
        self, migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ardente.ledger._database._BUSY_TIMEOUT_S", 0.01)
        path = tmp_path / "ledger.db"
        path.write_bytes(migrated_file.read_bytes())
        with Ledger.open(path, clock=FakeClock()) as ledger:
            ledger.load_campaigns(manifest())
            shop = Shop(ledger, "Shop")
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            assert refusal(partial(shop.redeem, voucher(1), key="a")) == reasons.UNAVAILABLE
            other.execute("COMMIT")
            other.close()
            assert shop.redeem(voucher(1), key="a").final

    def test_tables_that_are_not_there_are_named(self, tmp_path: Path, empty_database: str) -> None:
        for address in (str(tmp_path / "new.db"), empty_database):
            with Ledger.open(address) as ledger, pytest.raises(LedgerError, match="ledger migrate"):
                ledger.totals()

    def test_a_file_is_its_owners_alone(self, tmp_path: Path) -> None:
        with Ledger.open(tmp_path / "new.db") as ledger:
            ledger.migrate()
            files = list(tmp_path.iterdir())
            assert files
            assert {file.stat().st_mode & 0o777 for file in files} == {0o600}

    def test_an_address_that_is_none_is_refused(self, tmp_path: Path) -> None:
        for address in ("mysql://x/y", "sqlite://", "://", tmp_path / "missing" / "ledger.db"):
            assert refusal(partial(Ledger.open, address)) == reasons.UNAVAILABLE

    def test_garbage_in_place_of_the_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        path.write_bytes(b"no database" * 1000)
        with Ledger.open(path) as ledger, pytest.raises(LedgerError, match="cannot be read or written"):
            ledger.migrate()


def until_answered(asked: Callable[[], object]) -> None:
    """Ask again under the same key, as a till does, until the database is back."""
    deadline = time.monotonic() + 60
    while (reason := refusal(asked)) == reasons.UNAVAILABLE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert reason == reasons.OK


def redeem_many(shop: Shop, count: int) -> None:
    for serial in range(count):
        shop.redeem(voucher(serial), key=f"k{serial}")


def name_of(address: str) -> str:
    return address.partition("?")[0].rpartition("/")[2]
