"""Passback and daily caps: a use is counted once, for as long as it counts, and leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ardente import DailyCap, Passback, StoreError, TrustStore, Validator
from ardente._passback import UseRule
from ardente.core import reasons
from ardente.core.tag import tag
from ardente.core.token import parse_card
from ardente.testing import FakeClock, TestCity

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
# Midnight in Liège, in summer.
MIDNIGHT = datetime(2026, 6, 1, 22, 0, tzinfo=UTC)
CITY = TestCity()
CARDS = [CITY.card_text(index) for index in range(186, 196)]
ADA, BOB = CARDS[:2]

Gate = Callable[[UseRule], Validator]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "uses" / "uses.db"


@pytest.fixture(autouse=True)
def folder(path: Path) -> None:
    path.parent.mkdir()


@pytest.fixture
def gate(ardente_trust_store: TrustStore, ardente_clock: FakeClock) -> Gate:
    def gate(*rules: UseRule) -> Validator:
        arguments = {"daily_cap" if isinstance(rule, DailyCap) else "passback": rule for rule in rules}
        return Validator(ardente_trust_store, clock=ardente_clock, allow_test_city=True, **arguments)  # type: ignore[arg-type]

    return gate


def signature(text: str) -> bytes:
    from ardente.core.digits import decode

    card = parse_card(decode(text) or b"")
    assert card is not None
    return card.signature


def raw(path: Path) -> bytes:
    """All bytes of the database's files: itself, and whatever journal lies beside it."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def kept(path: Path) -> list[bytes]:
    """The secrets and tags that the database holds."""
    database = sqlite3.connect(path)
    try:
        secrets = [row[0] for row in database.execute("SELECT secret FROM keys")]
        return secrets + [row[0] for row in database.execute("SELECT tag FROM uses")]
    finally:
        database.close()


class TestPassback:
    def test_refuses_a_card_within_the_window_and_not_after(
        self, gate: Gate, path: Path, ardente_clock: FakeClock
    ) -> None:
        validator = gate(Passback(path, HOUR))
        assert validator.check(ADA)
        ardente_clock.advance(HOUR - SECOND)
        assert validator.check(ADA).reason == reasons.ALREADY_USED
        assert validator.check(BOB)
        ardente_clock.advance(SECOND)
        assert validator.check(ADA)

    def test_a_refusal_does_not_make_the_window_longer(self, gate: Gate, path: Path, ardente_clock: FakeClock) -> None:
        validator = gate(Passback(path, HOUR))
        validator.check(ADA)
        for _ in range(6):
            ardente_clock.advance(HOUR / 6 - SECOND)
            assert not validator.check(ADA)
        ardente_clock.advance(6 * SECOND)
        assert validator.check(ADA)

    def test_records_accepted_cards_only(self, gate: Gate, path: Path) -> None:
        validator = gate(Passback(path, HOUR))
        for text in ("noise", CITY.card_text(77), CITY.voucher_text(12, 1000)):
            validator.check(text)
            assert validator.check(text).reason != reasons.ALREADY_USED
        assert kept(path) == []

    def test_can_be_asked_without_being_counted(self, gate: Gate, path: Path) -> None:
        validator = gate(Passback(path, HOUR))
        assert validator.check(ADA, record=False)
        assert validator.check(ADA, record=False)
        assert validator.check(ADA)
        assert validator.check(ADA, record=False).reason == reasons.ALREADY_USED

    def test_survives_a_restart(self, gate: Gate, path: Path) -> None:
        gate(Passback(path, HOUR)).check(ADA)
        assert gate(Passback(path, HOUR)).check(ADA).reason == reasons.ALREADY_USED

    def test_holds_over_midnight(self, gate: Gate, path: Path, ardente_clock: FakeClock) -> None:
        validator = gate(Passback(path, HOUR))
        ardente_clock.now = MIDNIGHT - 10 * SECOND
        validator.check(ADA)
        ardente_clock.now = MIDNIGHT + 10 * SECOND
        assert validator.check(ADA).reason == reasons.ALREADY_USED
        assert validator.check(BOB)
        assert validator.check(BOB).reason == reasons.ALREADY_USED
        ardente_clock.now = MIDNIGHT - 10 * SECOND + HOUR
        assert validator.check(ADA)

    def test_two_shops_share_nothing(self, gate: Gate, path: Path) -> None:
        other = path.with_name("other.db")
        assert gate(Passback(path, HOUR)).check(ADA)
        assert gate(Passback(other, HOUR)).check(ADA)
        assert not set(kept(path)) & set(kept(other))

    @pytest.mark.parametrize("back", [SECOND, 2 * HOUR, DAY, 3650 * DAY])
    def test_a_clock_set_back_opens_nothing_early_and_locks_for_one_window_at_most(
        self, gate: Gate, path: Path, ardente_clock: FakeClock, back: timedelta
    ) -> None:
        validator = gate(Passback(path, HOUR))
        validator.check(ADA)
        ardente_clock.advance(-back)
        assert validator.check(ADA).reason == reasons.ALREADY_USED
        ardente_clock.advance(HOUR - SECOND)
        assert validator.check(ADA).reason == reasons.ALREADY_USED
        ardente_clock.advance(min(back, SECOND))
        assert validator.check(ADA)

    def test_a_shorter_window_holds_at_once(self, gate: Gate, path: Path, ardente_clock: FakeClock) -> None:
        gate(Passback(path, DAY)).check(ADA)
        validator = gate(Passback(path, HOUR))
        assert validator.check(ADA).reason == reasons.ALREADY_USED
        ardente_clock.advance(HOUR)
        assert validator.check(ADA)

    @pytest.mark.parametrize("window", [timedelta(0), timedelta(milliseconds=900), -HOUR])
    def test_a_window_is_a_second_at_least(self, path: Path, window: timedelta) -> None:
        with pytest.raises(ValueError, match="window"):
            Passback(path, window)


class TestDailyCap:
    def test_refuses_a_card_after_so_many_uses_until_midnight(
        self, gate: Gate, path: Path, ardente_clock: FakeClock
    ) -> None:
        validator = gate(DailyCap(path, 2))
        answers = [validator.check(ADA).reason for _ in range(4)]
        assert answers == [reasons.OK, reasons.OK, reasons.DAILY_CAP, reasons.DAILY_CAP]
        assert validator.check(BOB)
        ardente_clock.now = MIDNIGHT - SECOND
        assert not validator.check(ADA)
        ardente_clock.now = MIDNIGHT
        assert [validator.check(ADA).reason for _ in range(3)] == [reasons.OK, reasons.OK, reasons.DAILY_CAP]

    def test_it_is_midnight_where_the_partner_is(self, gate: Gate, path: Path, ardente_clock: FakeClock) -> None:
        validator = gate(DailyCap(path, 1, time_zone="America/Montreal"))
        ardente_clock.now = MIDNIGHT - SECOND
        validator.check(ADA)
        ardente_clock.now = MIDNIGHT + SECOND
        assert not validator.check(ADA)
        ardente_clock.now = datetime(2026, 6, 2, 4, 0, tzinfo=UTC)
        assert validator.check(ADA)

    @pytest.mark.parametrize(
        ("start", "hours"), [(datetime(2026, 3, 28, 23, tzinfo=UTC), 23), (datetime(2026, 10, 24, 22, tzinfo=UTC), 25)]
    )
    def test_a_day_on_which_the_hour_changes_is_one_day(
        self, ardente_test_city: TestCity, tmp_path: Path, path: Path, start: datetime, hours: int
    ) -> None:
        clock = FakeClock(start)
        validator = Validator(
            new_store(tmp_path, clock), clock=clock, daily_cap=DailyCap(path, 1), allow_test_city=True
        )
        assert validator.check(ADA)
        clock.advance(hours * HOUR - SECOND)
        assert not validator.check(ADA)
        clock.advance(SECOND)
        assert validator.check(ADA)

    def test_survives_a_restart(self, gate: Gate, path: Path) -> None:
        gate(DailyCap(path, 2)).check(ADA)
        validator = gate(DailyCap(path, 2))
        assert validator.check(ADA)
        assert not validator.check(ADA)

    def test_a_clock_that_steps_back_over_midnight_does_not_count_the_day_before_from_nothing(
        self, gate: Gate, path: Path, ardente_clock: FakeClock
    ) -> None:
        validator = gate(DailyCap(path, 1))
        ardente_clock.now = MIDNIGHT - SECOND
        assert validator.check(ADA)
        ardente_clock.now = MIDNIGHT + SECOND
        assert validator.check(ADA)
        ardente_clock.now = MIDNIGHT - SECOND
        assert not validator.check(ADA)
        assert validator.check(BOB)
        ardente_clock.now = MIDNIGHT + SECOND
        assert not validator.check(ADA)
        assert not validator.check(BOB)

    @pytest.mark.parametrize("ahead", [HOUR, DAY, 40 * DAY, 3650 * DAY])
    def test_a_clock_that_was_ahead_locks_nobody_out_for_good(
        self, ardente_test_city: TestCity, tmp_path: Path, path: Path, ahead: timedelta
    ) -> None:
        clock = FakeClock()
        clock.advance(ahead)
        validator = Validator(
            new_store(tmp_path, clock), clock=clock, daily_cap=DailyCap(path, 1), allow_test_city=True
        )
        assert validator.check(ADA)
        clock.advance(-ahead)
        assert not validator.check(ADA)
        clock.advance(2 * DAY)
        assert validator.check(ADA)

    def test_a_limit_is_one_at_least(self, path: Path) -> None:
        with pytest.raises(ValueError, match="limit"):
            DailyCap(path, 0)


class TestBoth:
    @pytest.mark.parametrize("files", [("uses.db", "uses.db"), ("passback.db", "cap.db")])
    def test_a_use_counts_only_where_both_agree(
        self, gate: Gate, path: Path, ardente_clock: FakeClock, files: tuple[str, str]
    ) -> None:
        validator = gate(Passback(path.with_name(files[0]), HOUR), DailyCap(path.with_name(files[1]), 2))
        answers = []
        for _ in range(6):
            answers.append(validator.check(ADA).reason)
            ardente_clock.advance(HOUR / 2)
        used, capped = reasons.ALREADY_USED, reasons.DAILY_CAP
        assert answers == [reasons.OK, used, reasons.OK, used, capped, capped]

    def test_their_tags_of_one_card_differ(self, gate: Gate, path: Path) -> None:
        gate(Passback(path, HOUR), DailyCap(path, 2)).check(ADA)
        assert len(set(kept(path))) == 4


class TestForgetting:
    """Nothing of a use is left in any file of the database once it has stopped to count."""

    @pytest.mark.parametrize("make", [lambda path: Passback(path, HOUR), lambda path: DailyCap(path, 1)])
    def test_tags_and_keys_are_gone_from_the_raw_files(
        self, gate: Gate, path: Path, ardente_clock: FakeClock, make: Callable[[Path], UseRule]
    ) -> None:
        rule = make(path)
        validator = gate(rule)
        for text in CARDS:
            assert validator.check(text)
        secrets = kept(path)
        assert len(secrets) == 1 + len(CARDS)
        assert all(secret in raw(path) for secret in secrets)
        ardente_clock.advance(DAY)
        rule.forget()
        halves = [half for secret in secrets for half in (secret[: len(secret) // 2], secret[len(secret) // 2 :])]
        assert not any(half in raw(path) for half in halves)
        assert kept(path) == []

    def test_a_busy_day_leaves_what_still_counts_and_nothing_else(
        self, gate: Gate, path: Path, ardente_clock: FakeClock
    ) -> None:
        validator = gate(Passback(path, HOUR))
        seen: set[bytes] = set()
        texts = [CITY.card_text(index) for index in range(100, 400)]
        for text in texts:
            validator.check(text)
            seen.update(kept(path))
            ardente_clock.advance(60 * SECOND)
        counting = set(kept(path))
        assert 60 <= len(counting) <= 62
        left = raw(path)
        assert len(seen) > 250
        assert [secret for secret in seen - counting if secret in left] == []

    def test_another_program_that_has_the_file_open_keeps_nothing_alive(
        self, gate: Gate, path: Path, ardente_clock: FakeClock
    ) -> None:
        rule = Passback(path, HOUR)
        validator = gate(rule)
        validator.check(ADA)
        other = sqlite3.connect(path)
        try:
            assert other.execute("SELECT COUNT(*) FROM uses").fetchone() == (1,)
            validator.check(BOB)
            secrets = kept(path)
            ardente_clock.advance(HOUR)
            rule.forget()
            assert not any(secret in raw(path) for secret in secrets)
        finally:
            other.close()

    def test_a_restart_forgets_what_is_past(self, gate: Gate, path: Path, ardente_clock: FakeClock) -> None:
        gate(Passback(path, HOUR)).check(ADA)
        secrets = kept(path)
        ardente_clock.advance(HOUR)
        gate(Passback(path, HOUR))
        assert not any(secret in raw(path) for secret in secrets)

    def test_it_happens_by_itself_where_no_one_comes(
        self, ardente_trust_store: TrustStore, path: Path, ardente_clock: FakeClock
    ) -> None:
        ahead = ardente_clock() - time.time()
        validator = Validator(
            ardente_trust_store,
            clock=lambda: time.time() + ahead,
            passback=Passback(path, SECOND),
            allow_test_city=True,
        )
        validator.check(ADA)
        secrets = kept(path)
        assert secrets
        deadline = time.monotonic() + 10
        while any(secret in raw(path) for secret in secrets) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(secret in raw(path) for secret in secrets)

    def test_one_timer_waits_however_many_cards_come(self, gate: Gate, path: Path) -> None:
        before = threading.active_count()
        validator = gate(Passback(path, HOUR))
        for text in CARDS:
            validator.check(text)
        assert threading.active_count() <= before + 1

    def test_keys_are_drawn_and_not_derived(self, gate: Gate, path: Path, ardente_clock: FakeClock) -> None:
        validator = gate(Passback(path, HOUR))
        validator.check(ADA)
        first = set(kept(path))
        ardente_clock.advance(HOUR)
        validator.check(ADA)
        assert not first & set(kept(path))

    def test_what_is_kept_is_a_tag_of_the_signature(self, gate: Gate, path: Path) -> None:
        gate(Passback(path, HOUR)).check(ADA)
        secret, kept_tag = kept(path)
        assert kept_tag == tag(secret, reasons.ALREADY_USED, signature(ADA))


class TestSeveralGates:
    def test_never_accept_one_card_twice(self, ardente_trust_store: TrustStore, path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        arguments = (str(ardente_trust_store.folder), str(path))
        with context.Pool(4) as pool:
            gates = [pool.apply_async(accepted_cards, arguments) for _ in range(4)]
            accepted = [text for gate in gates for text in gate.get(90)]
        assert sorted(accepted) == sorted(CARDS)

    def test_threads_of_one_gate_neither(self, gate: Gate, path: Path) -> None:
        validator = gate(Passback(path, HOUR))
        accepted: list[str] = []
        threads = [
            threading.Thread(target=lambda: accepted.extend(text for text in CARDS if validator.check(text)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(accepted) == sorted(CARDS)


class TestDatabase:
    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
    def test_is_for_its_owner_alone(self, gate: Gate, path: Path) -> None:
        gate(Passback(path, HOUR)).check(ADA)
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}

    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
    def test_that_others_can_read_is_not_used(self, gate: Gate, path: Path) -> None:
        path.touch()
        path.chmod(0o644)
        with pytest.raises(StoreError, match="chmod o-rwx"):
            gate(Passback(path, HOUR))
        path.chmod(0o660)
        assert gate(Passback(path, HOUR)).check(ADA)

    def test_that_is_damaged_is_an_error_and_accepts_nobody(self, gate: Gate, path: Path) -> None:
        validator = gate(Passback(path, HOUR))
        path.write_bytes(b"not a database, but as long as the head of one, which has a hundred bytes. " * 8)
        with pytest.raises(StoreError, match=r"uses\.db cannot be used") as caught:
            validator.check(ADA)
        assert ADA not in str(caught.value)

    def test_that_another_program_holds_is_an_error_after_a_while(
        self, gate: Gate, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ardente._passback._BUSY_TIMEOUT_S", 0.05)
        validator = gate(Passback(path, HOUR))
        other = sqlite3.connect(path, isolation_level=None)
        try:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreError, match="locked"):
                validator.check(ADA)
            other.execute("ROLLBACK")
            assert validator.check(ADA)
        finally:
            other.close()

    def test_that_was_deleted_begins_again(self, gate: Gate, path: Path) -> None:
        validator = gate(Passback(path, HOUR))
        validator.check(ADA)
        for file in path.parent.iterdir():
            file.unlink()
        assert validator.check(ADA)
        assert validator.check(ADA).reason == reasons.ALREADY_USED

    def test_in_a_folder_that_is_missing_is_an_error_at_the_start(self, gate: Gate, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="check the file and its folder"):
            gate(Passback(tmp_path / "absent" / "uses.db", HOUR))


def new_store(tmp_path: Path, clock: FakeClock) -> TrustStore:
    import hashlib

    store = TrustStore(tmp_path / "own-trust", clock=clock, allow_test_city=True)
    root = CITY.root()
    store.init(root, hashlib.sha256(root).hexdigest())
    store.install(CITY.bundle(iat=clock.now))
    return store


def accepted_cards(folder: str, path: str) -> list[str]:
    clock = FakeClock()
    store = TrustStore(folder, clock=clock, allow_test_city=True)
    validator = Validator(store, clock=clock, passback=Passback(path, HOUR), allow_test_city=True)
    return [text for text in CARDS if validator.check(text)]
