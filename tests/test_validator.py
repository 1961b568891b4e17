"""The check of a card: one verdict for whatever was scanned."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ardente import DailyCap, PartnerKey, Passback, StoreError, TrustError, TrustStore, Validator, Verdict
from ardente.core import reasons
from ardente.core.tag import tag
from ardente.core.token import parse_card
from ardente.testing import TEST_CARDS, FakeClock, TestCard, TestCity

DAY = timedelta(days=1)
CARDS = {card.name: card for card in TEST_CARDS}
RESIDENT = CARDS["resident"].text
REVOKED = CARDS["revoked"].text


@pytest.fixture
def make(ardente_trust_store: TrustStore, ardente_clock: FakeClock) -> Callable[..., Validator]:
    """Makes a validator of the test city."""

    def make(**arguments: object) -> Validator:
        return Validator(ardente_trust_store, **({"clock": ardente_clock, "allow_test_city": True} | arguments))  # type: ignore[arg-type]

    return make


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Turns on the clock by which a validator looks for a new bundle."""
    now = [1000.0]
    monkeypatch.setattr("ardente._validator.time.monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


@pytest.fixture(scope="module")
def shared_validator(tmp_path_factory: pytest.TempPathFactory, ardente_test_city: TestCity) -> Validator:
    """One validator for tests that change nothing."""
    clock = FakeClock()
    store = installed(tmp_path_factory.mktemp("trust"), ardente_test_city, clock)
    return Validator(store, clock=clock, allow_test_city=True)


class TestEveryReason:
    @pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.name)
    def test_each_test_card_has_its_answer(
        self, make: Callable[..., Validator], ardente_clock: FakeClock, tmp_path: Path, card: TestCard
    ) -> None:
        rules = {
            reasons.ALREADY_USED: {"passback": Passback(tmp_path / "uses.db", timedelta(hours=1))},
            reasons.DAILY_CAP: {"daily_cap": DailyCap(tmp_path / "uses.db", 1)},
        }
        ardente_clock.advance(card.days_later * DAY)
        validator = make(
            **rules.get(card.reason, {}), age_classes={name: {name} for name in ("child", "youth", "senior")}
        )
        verdicts = [validator.check(card.text) for _ in range(card.scans)]
        assert verdicts[-1].reason == card.reason
        assert verdicts[-1].accepted == card.accepted
        assert verdicts[-1].age_classes == ({card.age_class} - {""})
        assert all(verdict.accepted for verdict in verdicts[:-1])

    def test_the_test_cards_are_of_every_reason(self) -> None:
        assert {card.reason for card in TEST_CARDS} == set(reasons.CARD_REASONS)


class TestWhateverIsScanned:
    @given(text=st.one_of(st.text(), st.text("0123456789", max_size=400), st.characters(codec=None).map(str)))
    def test_it_is_refused_with_a_verdict(self, shared_validator: Validator, text: str) -> None:
        verdict = shared_validator.check(text)
        assert verdict.reason == reasons.NOT_A_CARD
        assert not verdict

    @given(data=st.data())
    def test_a_card_with_one_wrong_digit_is_refused(self, shared_validator: Validator, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(RESIDENT) - 1))
        wrong = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != RESIDENT[at]))
        assert not shared_validator.check(RESIDENT[:at] + wrong + RESIDENT[at + 1 :])

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\t", " "])
    def test_the_end_of_a_line_is_no_part_of_it(self, shared_validator: Validator, end: str) -> None:
        assert shared_validator.check(RESIDENT + end)

    @pytest.mark.parametrize("end", ["\x00", "\u2003", "\ufeff", "\x1d", "a"])
    def test_anything_else_around_it_is(self, shared_validator: Validator, end: str) -> None:
        assert shared_validator.check(RESIDENT + end).reason == reasons.NOT_A_CARD
        assert shared_validator.check(end + RESIDENT).reason == reasons.NOT_A_CARD

    def test_a_long_text_costs_no_more_than_a_short_one(self, shared_validator: Validator) -> None:
        assert shared_validator.check("7" * 10_000_000).reason == reasons.NOT_A_CARD

    @pytest.mark.parametrize("thing", [None, RESIDENT.encode(), 12, [RESIDENT]])
    def test_what_is_not_text_is_the_programs_mistake(self, shared_validator: Validator, thing: object) -> None:
        with pytest.raises(TypeError, match="str") as caught:
            shared_validator.check(thing)  # type: ignore[arg-type]
        assert RESIDENT not in str(caught.value)


class TestAge:
    """The bundle of these tests expires after 45 days; the city allows a grace of 30."""

    def test_a_new_bundle_is_fresh(self, make: Callable[..., Validator]) -> None:
        assert make().check(RESIDENT).freshness == (1, timedelta(0), "fresh", False)

    def test_after_a_week_a_newer_one_is_due(self, make: Callable[..., Validator], ardente_clock: FakeClock) -> None:
        validator = make()
        ardente_clock.advance(7 * DAY)
        assert not validator.check(RESIDENT).freshness.refresh_due
        ardente_clock.advance(timedelta(seconds=1))
        verdict = validator.check(RESIDENT)
        assert verdict.freshness == (1, 7 * DAY + timedelta(seconds=1), "fresh", True)
        assert verdict.accepted

    @pytest.mark.parametrize(
        ("grace_days", "days", "state"),
        [
            (0, 45, "stale-refused"),
            (14, 45, "stale-accepted"),
            (14, 59, "stale-refused"),
            (1000, 74, "stale-accepted"),
            (1000, 75, "stale-refused"),
        ],
    )
    def test_past_its_expiry_the_partners_grace_decides_within_what_the_city_allows(
        self, make: Callable[..., Validator], ardente_clock: FakeClock, grace_days: int, days: int, state: str
    ) -> None:
        validator = make(grace=grace_days * DAY)
        ardente_clock.advance(days * DAY)
        verdict = validator.check(RESIDENT)
        assert verdict.freshness.state == state
        assert verdict.reason == (reasons.OK if state == "stale-accepted" else reasons.STALE_TRUST)

    def test_a_second_before_it_expires_it_is_fresh_without_grace(
        self, make: Callable[..., Validator], ardente_clock: FakeClock
    ) -> None:
        validator = make(grace=timedelta(0))
        ardente_clock.advance(45 * DAY - timedelta(seconds=1))
        assert validator.check(RESIDENT).freshness.state == "fresh"

    def test_a_desk_has_two_weeks_of_grace_unless_told_otherwise(
        self, make: Callable[..., Validator], ardente_clock: FakeClock
    ) -> None:
        validator = make()
        ardente_clock.advance(59 * DAY - timedelta(seconds=1))
        assert validator.check(RESIDENT).freshness.state == "stale-accepted"
        ardente_clock.advance(timedelta(seconds=1))
        assert validator.check(RESIDENT).freshness.state == "stale-refused"

    def test_stale_trust_is_answered_before_the_card_is_read(
        self, make: Callable[..., Validator], ardente_clock: FakeClock
    ) -> None:
        validator = make()
        ardente_clock.advance(100 * DAY)
        assert {validator.check(text).reason for text in (RESIDENT, REVOKED, "noise")} == {reasons.STALE_TRUST}

    def test_a_clock_set_back_makes_the_bundle_no_younger_than_new(
        self, make: Callable[..., Validator], ardente_clock: FakeClock
    ) -> None:
        validator = make()
        ardente_clock.advance(-10_000 * DAY)
        assert validator.check(RESIDENT).freshness == (1, timedelta(0), "fresh", False)
        assert validator.check(CARDS["expired"].text).reason == reasons.EXPIRED

    def test_a_display_can_ask_before_any_card_comes(
        self, make: Callable[..., Validator], ardente_clock: FakeClock
    ) -> None:
        validator = make()
        ardente_clock.advance(3 * DAY)
        assert validator.freshness == validator.check(RESIDENT).freshness


class TestAgeClasses:
    def test_are_named_in_the_tariffs_own_terms(self, make: Callable[..., Validator]) -> None:
        validator = make(age_classes={"under_18": ["child", "youth"], "reduced": ("child", "senior")})
        classes = {name: set(validator.check(CARDS[name].text).age_classes) for name in ("resident", "child", "youth")}
        assert classes == {"resident": set(), "child": {"under_18", "reduced"}, "youth": {"under_18"}}

    def test_none_is_told_to_a_partner_without_age_tariffs(self, make: Callable[..., Validator]) -> None:
        assert make().check(CARDS["senior"].text).age_classes == frozenset()

    def test_a_class_that_no_card_has_is_a_mistake(self, make: Callable[..., Validator]) -> None:
        with pytest.raises(ValueError, match="child, senior, youth"):
            make(age_classes={"student": {"student"}})

    def test_a_refused_card_tells_none(self, make: Callable[..., Validator], tmp_path: Path) -> None:
        validator = make(age_classes={"child": ["child"]}, passback=Passback(tmp_path / "uses.db", DAY))
        assert validator.check(CARDS["child"].text).age_classes == {"child"}
        assert validator.check(CARDS["child"].text).age_classes == frozenset()


class TestTag:
    KEY = PartnerKey(bytes(range(32)))

    def test_there_is_none_without_a_partner_key(self, make: Callable[..., Validator]) -> None:
        assert make().check(RESIDENT).tag is None

    def test_it_is_the_rule_books_over_the_cards_signature(
        self, make: Callable[..., Validator], ardente_test_city: TestCity
    ) -> None:
        card = parse_card(ardente_test_city.card(186))
        assert card is not None
        verdict = make(partner_key=self.KEY, purpose="library account").check(ardente_test_city.card_text(186))
        assert verdict.tag == tag(self.KEY.secret, "library account", card.signature)

    def test_it_is_the_same_each_time_and_another_for_each_card_key_and_purpose(
        self, make: Callable[..., Validator]
    ) -> None:
        validator = make(partner_key=self.KEY)
        tags = [
            validator.check(RESIDENT).tag,
            validator.check(CARDS["senior"].text).tag,
            make(partner_key=PartnerKey.new()).check(RESIDENT).tag,
            make(partner_key=self.KEY, purpose="reservation").check(RESIDENT).tag,
        ]
        assert validator.check(RESIDENT).tag == tags[0]
        assert len(set(tags)) == len(tags)

    def test_a_refused_card_has_none(self, make: Callable[..., Validator]) -> None:
        validator = make(partner_key=self.KEY)
        assert all(
            validator.check(card.text).tag is None
            for card in TEST_CARDS
            if not card.accepted and card.scans == 1 and not card.days_later
        )

    @pytest.mark.parametrize("purpose", ["", "x" * 65, "caf\u00e9", "a\x00b"])
    def test_a_purpose_is_short_plain_text(self, make: Callable[..., Validator], purpose: str) -> None:
        with pytest.raises(ValueError, match="purpose"):
            make(partner_key=self.KEY, purpose=purpose)


class TestNewBundle:
    def test_is_taken_in_by_a_running_validator(
        self,
        make: Callable[..., Validator],
        ardente_trust_store: TrustStore,
        ardente_test_city: TestCity,
        monotonic: Callable[[float], None],
    ) -> None:
        validator = make()
        assert validator.check(RESIDENT)
        ardente_trust_store.install(ardente_test_city.bundle(2, revoked={"card-1": frozenset({186})}))
        assert validator.check(RESIDENT).freshness.bundle_version == 1
        monotonic(2.0)
        verdict = validator.check(RESIDENT)
        assert verdict.reason == reasons.REVOKED
        assert verdict.freshness.bundle_version == 2
        assert validator.reload_error is None

    @pytest.mark.parametrize("damage", ["truncated", "noise", "gone", "folder"])
    def test_that_cannot_be_used_leaves_the_one_before_in_force_and_is_reported(
        self,
        make: Callable[..., Validator],
        ardente_trust_store: TrustStore,
        ardente_test_city: TestCity,
        monotonic: Callable[[float], None],
        damage: str,
    ) -> None:
        validator = make()
        path = ardente_trust_store.folder / "bundle.cbor"
        good = path.read_bytes()
        path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage != "gone":
            path.write_bytes(good[:-1] if damage == "truncated" else b"noise")
        for _ in range(2):
            monotonic(2.0)
            assert validator.check(RESIDENT)
            assert isinstance(validator.reload_error, TrustError | StoreError)
        if damage == "folder":
            path.rmdir()
        ardente_trust_store.install(ardente_test_city.bundle(2))
        monotonic(2.0)
        assert validator.check(RESIDENT).freshness.bundle_version == 2
        assert validator.reload_error is None

    def test_where_the_folder_cannot_be_reached_the_one_before_stays_in_force(
        self,
        make: Callable[..., Validator],
        ardente_trust_store: TrustStore,
        monotonic: Callable[[float], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        validator = make()
        stat = os.stat

        def stale(path: object, *arguments: object, **options: object) -> os.stat_result:
            """A share that went away; as root, no mode of a folder would refuse."""
            if str(path).startswith(str(ardente_trust_store.folder)):
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
            return stat(path, *arguments, **options)  # type: ignore[arg-type, call-overload, no-any-return]

        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", stale)
            monotonic(2.0)
            assert validator.check(RESIDENT)
            assert isinstance(validator.reload_error, StoreError)
            for call in (ardente_trust_store.show, ardente_trust_store.load, lambda: ardente_trust_store.install(b"")):
                with pytest.raises(StoreError, match=r"cannot be (read|written)"):
                    call()
        monotonic(2.0)
        assert validator.check(RESIDENT)
        assert validator.reload_error is None

    def test_is_looked_for_no_more_than_every_two_seconds(
        self, make: Callable[..., Validator], monotonic: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = []
        stamp = TrustStore.stamp
        monkeypatch.setattr(TrustStore, "stamp", lambda store: looks.append(1) or stamp(store))
        validator = make()
        for _ in range(40):
            monotonic(0.25)
            validator.check(RESIDENT)
        assert len(looks) == 5

    def test_threads_check_on_while_one_of_them_loads_it(
        self,
        make: Callable[..., Validator],
        ardente_trust_store: TrustStore,
        ardente_test_city: TestCity,
        monotonic: Callable[[float], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        validator = make()
        ardente_trust_store.install(ardente_test_city.bundle(2))
        loading, release = threading.Event(), threading.Event()
        load = TrustStore.load

        def slow_load(store: TrustStore, *, allow_test_city: bool = True) -> object:
            loading.set()
            assert release.wait(10)
            return load(store, allow_test_city=allow_test_city)

        monkeypatch.setattr(TrustStore, "load", slow_load)
        monotonic(2.0)
        versions: list[int] = []
        thread = threading.Thread(target=lambda: versions.append(validator.check(RESIDENT).freshness.bundle_version))
        thread.start()
        assert loading.wait(10)
        versions.append(validator.check(RESIDENT).freshness.bundle_version)
        release.set()
        thread.join(10)
        assert versions == [1, 2]


class TestConstruction:
    def test_without_a_bundle_there_is_nothing_to_judge_by(self, tmp_path: Path, ardente_test_city: TestCity) -> None:
        store = TrustStore(tmp_path / "trust", allow_test_city=True)
        with pytest.raises(StoreError, match="trust init"):
            Validator(store, allow_test_city=True)
        initialise(store, ardente_test_city.root())
        with pytest.raises(StoreError, match=r"trust update URL.* trust install FILE"):
            Validator(store, allow_test_city=True)

    @pytest.mark.parametrize(("by_store", "by_validator"), [(False, True), (True, False), (False, False)])
    def test_the_test_city_is_let_in_by_store_and_validator_together_only(
        self, ardente_trust_store: TrustStore, by_store: bool, by_validator: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("ARDENTE_ALLOW_TEST_CITY", "ALLOW_TEST_CITY", "PYTEST_CURRENT_TEST", "ARDENTE_TEST"):
            monkeypatch.setitem(os.environ, name, "1")
        store = TrustStore(ardente_trust_store.folder, allow_test_city=by_store)
        with pytest.raises(TrustError, match="test city") as caught:
            Validator(store, allow_test_city=by_validator)
        assert caught.value.reason == reasons.TEST_CITY

    def test_a_negative_grace_is_a_mistake(self, make: Callable[..., Validator]) -> None:
        with pytest.raises(ValueError, match="grace"):
            make(grace=-DAY)

    @pytest.mark.parametrize("clock", [0, lambda: None, lambda: datetime.now(UTC), lambda: "1795429440"])
    def test_a_clock_that_does_not_give_a_number_is_a_mistake(
        self, make: Callable[..., Validator], clock: object
    ) -> None:
        with pytest.raises(TypeError, match="epoch seconds"):
            make(clock=clock)


def test_two_threads_get_the_same_answers_as_one(make: Callable[..., Validator]) -> None:
    cards = [replace(card) for card in TEST_CARDS if card.scans == 1 and not card.days_later]
    validator = make()
    wrong: list[Verdict] = []

    def check_all() -> None:
        for _ in range(50):
            wrong.extend(verdict for card in cards if (verdict := validator.check(card.text)).reason != card.reason)

    threads = [threading.Thread(target=check_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def initialise(store: TrustStore, root: bytes) -> None:
    import hashlib

    store.init(root, hashlib.sha256(root).hexdigest())


def installed(folder: Path, city: TestCity, clock: FakeClock) -> TrustStore:
    store = TrustStore(folder, clock=clock, allow_test_city=True)
    initialise(store, city.root())
    store.install(city.bundle(iat=clock.now))
    return store
