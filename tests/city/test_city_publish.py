"""Publishing: what partners get, how often, and what the lists do not tell."""

from __future__ import annotations

import os
import random
import stat
import time
from pathlib import Path

import pytest
from city_desk import NOW_S, found
from city_partner import DAY_S, Partner, issue, no_passphrase

from ardente._ed25519 import verify
from ardente.core import reasons
from ardente.core.errors import TrustError
from ardente.core.status import verify_list
from ardente_tools.city import _card_keys, _keys, _publish
from ardente_tools.city._card_keys import quarter_exp
from ardente_tools.city._cards import CURRENT, REVOKED
from ardente_tools.city._errors import CityError, KeyFileError, ListFullError, PublishError
from ardente_tools.city._folder import City, Config, Lists
from ardente_tools.city._founding import FirstPassphrases, found_city, found_demo_city
from ardente_tools.city._publish import publish
from ardente_tools.city._revocation import reinstate, revoke

PER_DAY = 16
BUNDLE_LIFE_S = 75 * DAY_S  # 45 days valid, and 30 of the partner's longest grace


@pytest.fixture
def city(tmp_path: Path) -> City:
    lists = Lists("https://liege.example/status", entries=8192, decoys_per_day=PER_DAY)
    return found_demo_city(tmp_path / "city", Config("liege", "Liège", lists), None, NOW_S)


def publish_on(city: City, day: float, *, force: bool = False) -> _publish.Publication:
    return publish(city, no_passphrase, NOW_S + int(day * DAY_S), force=force)


def test_partners_who_believe_the_first_root_take_every_bundle(city: City) -> None:
    (card,) = issue(city, NOW_S)
    publish_on(city, 0)
    partner = Partner(city)
    offer = partner.install(NOW_S)
    assert offer.manifest.exp == NOW_S + 45 * DAY_S
    assert (offer.manifest.refresh_after_s, offer.manifest.max_grace_s) == (7 * DAY_S, 30 * DAY_S)
    assert partner.judge(card.digits, NOW_S) == reasons.OK
    revoke(city, card.digits)
    assert publish_on(city, 1).version == 2
    partner.install(NOW_S + DAY_S)
    assert partner.judge(card.digits, NOW_S + DAY_S) == reasons.REVOKED
    reinstate(city, card.digits)
    publish_on(city, 2)
    partner.install(NOW_S + 2 * DAY_S)
    assert partner.judge(card.digits, NOW_S + 2 * DAY_S) == reasons.OK


@pytest.mark.skipif(os.name != "posix", reason="there are no modes")
def test_whoever_can_reach_what_is_published_can_read_it_and_nothing_else(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        city = found(tmp_path / "city")
        publish(city, no_passphrase, NOW_S)
    finally:
        os.umask(before)
    assert stat.S_IMODE(city.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(city.keys_path.stat().st_mode) == 0o700
    published = [city.published_path, *city.published_path.rglob("*")]
    assert {path.name for path in published} == {"published", "bundle.cbor", "lists", "1.cwt"}
    for path in published:
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_each_list_also_stands_alone(city: City) -> None:
    publish_on(city, 0)
    partner = Partner(city)
    keys = partner.install(NOW_S).manifest.keys
    (path,) = city.lists_path.iterdir()
    assert verify_list(path.read_bytes(), keys, verify).uri == "https://liege.example/status/1"


def test_one_bundle_a_day_unless_forced(city: City) -> None:
    publish_on(city, 0)
    before = city.bundle_path.read_bytes()
    with pytest.raises(PublishError, match=r"^Today's bundle was published at 2026-11-23 10:00 UTC; --force"):
        publish_on(city, 0.5)
    assert city.bundle_path.read_bytes() == before
    assert publish_on(city, 0.5, force=True).version == 2
    # A day is a calendar day, so that a timer may come a little early.
    assert publish_on(city, 0.99).version == 3


def test_a_clock_set_back_is_said_and_publishes_nothing(city: City) -> None:
    publish_on(city, 3)
    for force in (False, True):
        with pytest.raises(PublishError, match=r"clock is before the last bundle, of 2026-11-26 10:00 UTC"):
            publish_on(city, 1, force=force)
        with pytest.raises(PublishError):
            publish_on(city, 3, force=force)
    with pytest.raises(PublishError, match="clock is before the root"):
        publish_on(city, -1)


def test_an_expired_root_publishes_nothing_and_says_what_to_do(city: City) -> None:
    assert publish_on(city, 650).root_ends_soon
    with pytest.raises(PublishError, match=r"has expired\. Propose a new one: ardente city root propose"):
        publish_on(city, 730)


def test_a_city_without_a_root_is_told_the_ceremony(tmp_path: Path) -> None:
    lists = Lists("https://liege.example/status", entries=1024)
    fresh = found_city(tmp_path / "city", Config("liege", "Liège", lists), FirstPassphrases(None, None), NOW_S)
    with pytest.raises(CityError, match=r"no root yet\. Run: ardente city root propose"):
        publish_on(fresh, 0)


def test_publishing_needs_the_bundle_and_status_keys_and_no_other(city: City) -> None:
    for role in ("root", "firmware", "card"):
        for public in city.public_keys(role):
            city.key_path(public).unlink()
    publish_on(city, 0)
    (status,) = city.public_keys("status")
    city.remove_key(status)
    with pytest.raises(PublishError, match="One status key is needed"):
        publish_on(city, 1)
    assert Partner(city).install(NOW_S).manifest.version == 1


def test_a_wrong_passphrase_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_keys, "COST", _keys.Cost(1, 8))
    lists = Lists("https://liege.example/status", entries=1024)
    locked = found_demo_city(tmp_path / "city", Config("liege", "Liège", lists), "gouttes de pluie", NOW_S)
    with pytest.raises(KeyFileError, match="wrong"):
        publish(locked, lambda _: "gouttes de soleil", NOW_S)
    with locked.cards() as table:
        assert table.version() == 0
        assert table.used_entries(1) == 0
    asked = []
    publish(locked, lambda path: asked.append(path.name.split("-")[0]) or "gouttes de pluie", NOW_S)
    assert asked == ["bundle", "status"]


def test_a_bundle_that_no_partner_would_take_does_not_replace_a_good_one(city: City) -> None:
    publish_on(city, 0)
    before = city.bundle_path.read_bytes()
    config = city.path / "city.toml"
    config.write_text(config.read_text().replace('id = "liege"', 'id = "namur"'))
    with pytest.raises(PublishError, match=r"No partner would take the new bundle \(wrong_city\)"):
        publish_on(City(city.path), 1)
    assert city.bundle_path.read_bytes() == before
    config.write_text(config.read_text().replace('id = "namur"', 'id = "liege"'))
    publish_on(City(city.path), 1)


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ("\n" + "a." * 20_000 + "a = 1\n", r"line \d+: a key of more than 32 parts"),
        ("#" * 65_536, "too long for a city.toml"),
    ],
)
def test_a_city_toml_beyond_all_bounds_is_refused_in_no_time(city: City, added: str, sentence: str) -> None:
    config = city.path / "city.toml"
    config.write_text(config.read_text() + added)
    begun = time.process_time()
    with pytest.raises(CityError, match=sentence):
        City(city.path)
    assert time.process_time() - begun < 0.5


def test_versions_go_up_even_where_what_was_published_is_lost(city: City) -> None:
    for day in range(3):
        publish_on(city, day)
    partner = Partner(city)
    partner.install(NOW_S + 2 * DAY_S)
    city.bundle_path.write_bytes(b"lost")
    assert publish_on(city, 3).version == 4
    partner.install(NOW_S + 3 * DAY_S)


def test_versions_go_up_even_where_the_card_table_is_an_old_backup(city: City) -> None:
    backup = (city.path / "cards.sqlite").read_bytes()
    for day in range(3):
        publish_on(city, day)
    (city.path / "cards.sqlite").write_bytes(backup)
    assert publish_on(city, 3).version == 4


def test_a_key_number_that_partners_know_is_not_used_again_by_an_old_backup(city: City) -> None:
    publish_on(city, 0)
    backup = (city.path / "cards.sqlite").read_bytes()
    assert _card_keys.announce_key(city, None, NOW_S, at_once=True).kid == 2
    publish_on(city, 1)
    (city.path / "cards.sqlite").write_bytes(backup)
    assert _card_keys.announce_key(city, None, NOW_S, at_once=True).kid == 3


@pytest.mark.parametrize("revocations", [0, 1, 5, PER_DAY])
def test_how_many_bits_change_a_day_does_not_depend_on_revocations(city: City, revocations: int) -> None:
    cards = issue(city, NOW_S, 100)
    publish_on(city, 0)
    partner = Partner(city)
    partner.install(NOW_S)
    shown = partner.set_bits()
    # The first list hides how many were revoked before it.
    assert 8192 // 256 <= len(shown) <= 2 * 8192 // 256
    for day in range(1, 5):
        for card in cards[(day - 1) * revocations : day * revocations]:
            revoke(city, card.digits)
        publish_on(city, day)
        partner.install(NOW_S + day * DAY_S)
        set_now, cleared = partner.set_bits() - shown, shown - partner.set_bits()
        assert PER_DAY <= len(set_now) <= 2 * PER_DAY
        assert PER_DAY // 8 <= len(cleared) <= 2 * (PER_DAY // 8)
        assert {card.row.index for card in cards[(day - 1) * revocations : day * revocations]} <= set_now
        shown = partner.set_bits()


def test_the_total_is_drawn_before_the_true_changes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def totals(true_changes: int) -> list[int]:
        monkeypatch.setattr(_publish, "_random", random.Random(11))
        return [_publish._padding(32, days, true_changes) + true_changes for days in (1, 1, 2, 7)]

    assert totals(0) == totals(7) == totals(32)
    assert len(set(totals(0))) > 1


def test_more_revocations_than_were_drawn_are_still_not_counted_exactly() -> None:
    assert len({_publish._padding(32, 1, 1000) for _ in range(200)}) > 20


def test_days_without_a_bundle_are_made_up_for(city: City) -> None:
    publish_on(city, 0)
    partner = Partner(city)
    partner.install(NOW_S)
    before = partner.set_bits()
    publish_on(city, 5)
    partner.install(NOW_S + 5 * DAY_S)
    assert 5 * PER_DAY <= len(partner.set_bits() - before) <= 10 * PER_DAY


def test_reinstated_cards_hide_among_decoys_that_are_cleared(city: City) -> None:
    cards = issue(city, NOW_S, 20)
    for card in cards:
        revoke(city, card.digits)
    publish_on(city, 0)
    partner = Partner(city)
    partner.install(NOW_S)
    before = partner.set_bits()
    reinstate(city, cards[0].digits)
    publish_on(city, 1)
    partner.install(NOW_S + DAY_S)
    cleared = before - partner.set_bits()
    assert cards[0].row.index in cleared
    assert PER_DAY // 8 <= len(cleared) <= 2 * (PER_DAY // 8)


def test_decoys_stay_and_are_never_issued(tmp_path: Path) -> None:
    city = found(tmp_path / "city", 1024)
    shown: set[int] = set()
    partner = Partner(city)
    for day in range(8):
        publish_on(city, day)
        partner.install(NOW_S + day * DAY_S)
        shown |= partner.set_bits()
    with city.cards() as table:
        free = 1024 - table.used_entries(1)
    cards = issue(city, NOW_S, free)
    # Not even those whose bit was cleared again: somebody may still have a bundle in which it is set.
    assert {card.row.index for card in cards} == set(range(1024)) - shown
    with pytest.raises(ListFullError):
        issue(city, NOW_S)
    # A full list still revokes, and publishes.
    revoke(city, cards[0].digits)
    publish_on(city, 9)
    partner.install(NOW_S + 9 * DAY_S)
    assert partner.judge(cards[0].digits, NOW_S + 9 * DAY_S) == reasons.REVOKED


def test_decoys_last_as_long_as_cards_do(city: City) -> None:
    issue(city, NOW_S, 50, quarters=2)
    ends = (quarter_exp(NOW_S, 2) - NOW_S) / DAY_S
    partner = Partner(city)
    publish_on(city, ends - 2)
    partner.install(int(NOW_S + (ends - 2) * DAY_S))
    first = partner.set_bits()
    publish_on(city, ends - 1)
    partner.install(int(NOW_S + (ends - 1) * DAY_S))
    assert len(first & partner.set_bits()) > len(first) / 2
    publish_on(city, ends)
    partner.install(int(NOW_S + ends * DAY_S))
    assert not first & partner.set_bits()


def test_an_index_is_free_again_only_when_no_bundle_can_say_otherwise(city: City) -> None:
    (card,) = issue(city, NOW_S, quarters=1)
    revoke(city, card.slip.text)
    exp = card.row.exp
    publish(city, no_passphrase, exp - 1)

    def known() -> bool:
        with city.cards() as table:
            return table.card(1, card.row.index) is not None

    publish(city, no_passphrase, exp + BUNDLE_LIFE_S - DAY_S)
    assert known()
    publish(city, no_passphrase, exp + BUNDLE_LIFE_S)
    assert not known()
    assert card.slip.sha256 not in (city.path / "cards.sqlite").read_bytes()


def test_the_card_table_keeps_no_order_after_a_publication(city: City) -> None:
    issue(city, NOW_S, 200)
    publish_on(city, 0)
    before = (city.path / "cards.sqlite").read_bytes()
    with city.cards() as table:
        table.forget_order()
    after = (city.path / "cards.sqlite").read_bytes()
    # The header counts transactions; beside it nothing moves any more.
    assert before[100:] == after[100:]


def test_a_new_card_key_is_announced_before_it_signs(city: City) -> None:
    old_cards = issue(city, NOW_S, 3)
    publish_on(city, 0)
    partner = Partner(city)
    partner.install(NOW_S)
    assert _card_keys.announce_key(city, None, NOW_S).state == "next"
    with pytest.raises(CityError, match="waiting already"):
        _card_keys.announce_key(city, None, NOW_S)
    publish_on(city, 1)
    # Partners have 45 days to learn the new key; until then the old one signs.
    publish_on(city, 45)
    (still_old,) = issue(city, NOW_S + 45 * DAY_S)
    assert still_old.row.list_number == 1
    publish_on(city, 46)
    (new_card,) = issue(city, NOW_S + 46 * DAY_S)
    assert new_card.row.list_number == 2
    # A partner who updated 45 days ago knows it, and the old cards stay good.
    for moment in (1, 46):
        partner.install(NOW_S + 46 * DAY_S)
        for card in (*old_cards, still_old, new_card):
            assert partner.judge(card.digits, NOW_S + moment * DAY_S) == reasons.OK
    assert len(city.public_keys("card")) == 1


def test_a_first_key_that_nobody_has_seen_is_replaced_at_once(city: City) -> None:
    assert _card_keys.announce_key(city, None, NOW_S).state == CURRENT
    publish_on(city, 0)
    assert issue(city, NOW_S)[0].row.list_number == 2


def test_a_full_list_gets_a_new_key_now(city: City) -> None:
    publish_on(city, 0)
    _card_keys.announce_key(city, None, NOW_S)
    assert _card_keys.announce_key(city, None, NOW_S, at_once=True).kid == 2
    (card,) = issue(city, NOW_S)
    publish_on(city, 1)
    partner = Partner(city)
    partner.install(NOW_S + DAY_S)
    assert partner.judge(card.digits, NOW_S + DAY_S) == reasons.OK
    assert sorted(path.name for path in city.lists_path.iterdir()) == ["1.cwt", "2.cwt"]


def test_an_old_key_leaves_when_its_last_card_has_expired(city: City) -> None:
    publish_on(city, 0)
    with city.cards() as table:
        latest = table.current_key().latest_exp
    _card_keys.announce_key(city, None, NOW_S, at_once=True)
    much_later = 700
    publish_on(city, much_later)
    assert len(list(city.lists_path.iterdir())) == 2
    with city.cards() as table, table.transaction():
        (old, current) = table.card_keys()
        assert old.latest_exp == latest
        assert current.latest_exp == quarter_exp(NOW_S + much_later * DAY_S, 21)
        table.update_card_key(old._replace(latest_exp=NOW_S + 701 * DAY_S))
    publish_on(city, 702)
    assert [path.name for path in city.lists_path.iterdir()] == ["2.cwt"]
    partner = Partner(city)
    assert list(partner.install(NOW_S + 702 * DAY_S).manifest.keys.tokens) == [2]


def test_the_cards_of_a_stolen_key_are_refused_and_counted(city: City) -> None:
    stolen_cards = issue(city, NOW_S, 5)
    revoke(city, stolen_cards[0].digits)
    publish_on(city, 0)
    stolen, count = _card_keys.drop_compromised(city, None, NOW_S, frozenset())
    assert ([key.kid for key in stolen], count) == ([1], 4)
    publish_on(city, 0.1, force=True)
    (new_card,) = issue(city, NOW_S)
    partner = Partner(city)
    now = NOW_S + DAY_S // 10
    partner.install(now)
    assert partner.judge(stolen_cards[1].digits, now) == reasons.UNKNOWN_KEY
    assert partner.judge(new_card.digits, now) == reasons.OK
    assert new_card.row.list_number == 2
    assert len(city.public_keys("card")) == 1
    # Its holders still show their slips when they come for new cards.
    revoke(city, stolen_cards[1].slip.text)


def test_an_old_key_that_leaked_is_dropped_alone(city: City) -> None:
    old_cards = issue(city, NOW_S, 2)
    publish_on(city, 0)
    _card_keys.announce_key(city, None, NOW_S, at_once=True)
    stolen, count = _card_keys.drop_compromised(city, None, NOW_S, frozenset({1}))
    assert ([key.kid for key in stolen], count) == ([1], 2)
    with city.cards() as table:
        assert table.current_key().kid == 2
    publish_on(city, 1)
    partner = Partner(city)
    partner.install(NOW_S + DAY_S)
    assert partner.judge(old_cards[0].digits, NOW_S + DAY_S) == reasons.UNKNOWN_KEY
    for kid in (1, 7):
        with pytest.raises(CityError, match=f"Card key {kid} is not in use"):
            _card_keys.drop_compromised(city, None, NOW_S, frozenset({kid}))


def test_a_key_that_waits_takes_the_place_of_a_stolen_one(city: City) -> None:
    publish_on(city, 0)
    _card_keys.announce_key(city, None, NOW_S)
    _card_keys.drop_compromised(city, None, NOW_S, frozenset({1}))
    with city.cards() as table:
        assert table.current_key().kid == 2
        assert len(table.card_keys()) == 2


def test_a_key_number_is_never_used_twice_and_they_end(city: City) -> None:
    for kid in range(2, 256):
        _card_keys.drop_compromised(city, None, NOW_S, frozenset())
        with city.cards() as table:
            assert table.current_key().kid == kid
    with pytest.raises(CityError, match="255 card and voucher keys"):
        _card_keys.drop_compromised(city, None, NOW_S, frozenset())
    with city.cards() as table:
        assert table.current_key().kid == 255
    publish_on(city, 0)


def test_a_card_lasts_no_longer_than_its_key_may_sign(city: City) -> None:
    with city.cards() as table:
        assert table.current_key().latest_exp == quarter_exp(NOW_S, 21)
    (card,) = issue(city, NOW_S, quarters=22)
    publish_on(city, 0)
    partner = Partner(city)
    partner.install(NOW_S)
    assert partner.judge(card.digits, NOW_S) == reasons.UNKNOWN_KEY


def test_a_quarter_is_counted_with_the_current_one() -> None:
    assert quarter_exp(NOW_S, 1) == 1798761600  # 2027-01-01
    assert quarter_exp(NOW_S, 4) == 1822348800  # 2027-10-01


def test_an_old_bundle_shown_again_is_refused(city: City) -> None:
    publish_on(city, 0)
    old = city.bundle_path.read_bytes()
    publish_on(city, 1)
    partner = Partner(city)
    partner.install(NOW_S + DAY_S)
    city.bundle_path.write_bytes(old)
    with pytest.raises(TrustError) as refused:
        partner.install(NOW_S + DAY_S)
    assert refused.value.reason == reasons.OLDER_BUNDLE


def test_an_expired_card_is_counted_no_more(city: City) -> None:
    cards = issue(city, NOW_S, 3)
    revoke(city, cards[0].digits)
    publish_on(city, 0)
    with city.cards() as table:
        assert table.count_cards(REVOKED, NOW_S) == 1
        assert table.count_cards(REVOKED, cards[0].row.exp) == 0
