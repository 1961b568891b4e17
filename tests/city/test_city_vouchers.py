"""Voucher campaigns: made, published, activated, revoked, closed, and told to the ledger."""

from __future__ import annotations

import re
import sqlite3
from datetime import date
from pathlib import Path

import pytest
from city_desk import NOW_S, no_passphrase
from city_partner import DAY_S, issue
from city_voucher_office import END, TEN, TODAY, TWENTY, Market, Office, market, serial_of

from ardente.core import reasons
from ardente.core.digits import decode
from ardente.core.token import MAX_TOKEN_SIZE
from ardente.issuing import to_digits, voucher
from ardente.ledger import LedgerError
from ardente_tools.city import _campaigns, _card_keys, _render
from ardente_tools.city._errors import CampaignError, CardError, CityError, ListFullError
from ardente_tools.city._folder import City
from ardente_tools.city._publish import publish


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "city")


def close(office: Office, number: int = 1) -> bool:
    return _campaigns.close(office.city, number, office.now_s)


# Campaigns


def test_what_was_ordered_is_what_tills_read_in_the_bundle(office: Office) -> None:
    office.create(partial=True, merchants=("food", "books", "food"), bearer=2)
    manifest = office.judge().manifest
    (campaign,) = manifest.campaigns.values()
    assert (campaign.campaign, campaign.name, campaign.currency) == (1, "Bons de fin d'annee", "EUR")
    assert (campaign.values, campaign.merchants) == ([TEN, TWENTY], ["books", "food"])
    assert (campaign.start, campaign.end) == (_campaigns.start_of_day(TODAY), END)
    assert (campaign.partial, campaign.bearer, campaign.offline) == (True, 2, (5, 10_000, 3600))
    key = manifest.keys.tokens[campaign.kid]
    assert (key.latest_exp, key.entries, key.list_uri) == (END, 1024, "https://liege.example/status/2")


def test_cards_and_vouchers_never_share_a_key_number(office: Office) -> None:
    assert office.create().kid == 2
    assert _card_keys.announce_key(office.city, None, NOW_S, at_once=True).kid == 3
    assert office.create().kid == 4


def test_an_old_backup_repeats_neither_key_nor_campaign_numbers(office: Office) -> None:
    backup = (office.city.path / "vouchers.sqlite").read_bytes()
    office.create()
    office.publish()
    (office.city.path / "vouchers.sqlite").write_bytes(backup)
    again = office.create()
    assert (again.number, again.kid) == (2, 3)


def test_the_list_has_twice_as_many_entries_as_vouchers(office: Office) -> None:
    sizes = {vouchers: office.create(vouchers=vouchers).entries for vouchers in (1, 512, 513, 200_000)}
    assert sizes == {1: 1024, 512: 1024, 513: 2048, 200_000: 1 << 19}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"values": ()}, "1 to 16 values"),
        ({"values": (TEN, TEN)}, "each of them once"),
        ({"values": (0,)}, "more than nothing"),
        ({"values": (1 << 32,)}, "at most 42,949,672.95"),
        ({"last_day": date(2026, 11, 22)}, "before the first, or past"),
        ({"first_day": date(2026, 1, 1), "last_day": date(2026, 2, 1)}, "before the first, or past"),
        ({"vouchers": 0}, "1 to 4,194,304 vouchers"),
        ({"offline": (5, 0, 3600)}, "all more than nothing"),
        ({"offline": (70_000, 1, 1)}, "at most 65,535 vouchers"),
        ({"offline": (1, 1, 401 * DAY_S)}, "within 9,600 hours"),
        ({"name": ""}, "1 to 64 Latin letters"),
        ({"name": "x" * 65}, "1 to 64 Latin letters"),
        ({"name": "Χαρά"}, "1 to 64 Latin letters"),
        ({"name": "a\nb"}, "on one line"),
        ({"currency": "eur"}, "cannot be published"),
        ({"merchants": ("é",)}, "cannot be published"),
        ({"last_day": date(2120, 1, 1)}, "cannot be published"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_and_leaves_no_key(
    office: Office, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(CityError, match=sentence):
        office.create(**changes)
    assert office.city.public_keys("voucher") == []
    with office.city.vouchers() as table:
        assert table.campaigns() == []


def test_campaigns_end_where_the_bundle_is_full_and_it_can_still_be_published(office: Office) -> None:
    groups = tuple(f"group {number:02} of the merchants" for number in range(32))
    for _ in range(6):
        office.create(merchants=groups)
    with pytest.raises(CityError, match="no room for another campaign"):
        office.create(merchants=groups)
    assert len(office.publish().installed.manifest.campaigns) == 6  # type: ignore[union-attr]
    assert len(office.city.public_keys("voucher")) == 6


def test_an_active_voucher_is_good_from_the_first_day_to_the_last(office: Office) -> None:
    office.create(first_day=date(2026, 12, 1))
    (digits,) = office.issue(1, value=TWENTY, exp=_campaigns.start_of_day(date(2026, 12, 25)))
    judge = office.judge()
    begin = _campaigns.start_of_day(date(2026, 12, 1))
    times = {
        begin - 1: reasons.NOT_YET_VALID,
        begin: reasons.OK,
        begin + 24 * DAY_S - 1: reasons.OK,
        begin + 24 * DAY_S: reasons.EXPIRED,
    }
    assert {at: judge.voucher(digits, at).reason for at in times} == times
    judgement = judge.voucher(digits, begin)
    assert (judgement.value, judgement.campaign and judgement.campaign.campaign) == (TWENTY, 1)


def test_a_voucher_fits_its_symbol_whatever_its_numbers(office: Office) -> None:
    office.create(values=(0xFFFFFFFF,), last_day=date(2099, 12, 31), vouchers=200_000)
    (digits,) = office.issue(1, value=0xFFFFFFFF, exp=_campaigns.start_of_day(date(2099, 12, 31)))
    token = decode(digits)
    assert token is not None
    assert len(token) <= MAX_TOKEN_SIZE
    assert _render.symbol(digits).version == 6


def test_a_card_is_no_voucher_and_a_voucher_no_card(office: Office) -> None:
    office.create()
    (digits,) = office.issue(1)
    (card,) = issue(office.city, NOW_S)
    judge = office.judge()
    assert judge.voucher(card.digits, office.now_s).reason == reasons.NOT_A_VOUCHER
    assert judge.card(digits, office.now_s).reason == reasons.NOT_A_CARD
    assert judge.card(card.digits, office.now_s).reason == judge.voucher(digits, office.now_s).reason == reasons.OK


# Activated, revoked


def test_posted_vouchers_are_refused_until_their_batch_is_activated(office: Office) -> None:
    office.create()
    posted, others = office.issue(3, active=False), office.issue(2, active=False)
    assert set(office.reasons(posted + others)) == {reasons.REVOKED}
    assert _campaigns.activate_batch(office.city, 1, 1, office.now_s)
    assert office.reasons(posted + others) == [reasons.OK] * 3 + [reasons.REVOKED] * 2
    assert _campaigns.activate_batch(office.city, 1, 1, office.now_s) is None


def test_a_revoked_batch_stays_so(office: Office) -> None:
    office.create()
    stolen, others = office.issue(3), office.issue(2)
    assert _campaigns.revoke_batch(office.city, 1, 1)
    assert office.reasons(stolen + others) == [reasons.REVOKED] * 3 + [reasons.OK] * 2
    assert _campaigns.revoke_batch(office.city, 1, 1) is None
    with pytest.raises(CampaignError, match="for good"):
        _campaigns.activate_batch(office.city, 1, 1, office.now_s)


def test_one_voucher_is_revoked_by_its_scan_and_stays_so_when_its_batch_is_activated(office: Office) -> None:
    office.create()
    vouchers = office.issue(3, active=False)
    assert _campaigns.revoke_voucher(office.city, 1, vouchers[1])
    assert not _campaigns.revoke_voucher(office.city, 1, vouchers[1])
    _campaigns.activate_batch(office.city, 1, 1, office.now_s)
    assert office.reasons(vouchers) == [reasons.OK, reasons.REVOKED, reasons.OK]
    with office.city.vouchers() as table:
        assert table.batch(1, 1).revoked == 1


def test_a_scan_of_anything_else_revokes_nothing(office: Office, tmp_path: Path) -> None:
    office.create()
    office.create()
    (digits,) = office.issue(1)
    other = Office(tmp_path / "other")
    other.create()
    (foreign,) = other.issue(1)
    (card,) = issue(office.city, NOW_S)
    for number, text in ((1, card.digits), (1, "7" * 250), (1, ""), (1, foreign), (2, digits)):
        with pytest.raises(CardError) as refusal:
            _campaigns.revoke_voucher(office.city, number, text)
        assert not re.search(r"[0-9]{6}", str(refusal.value))
    assert office.reasons([digits]) == [reasons.OK]


@pytest.mark.parametrize(("campaign", "batch"), [(2, 1), (1, 2)])
def test_numbers_that_are_not_there_are_said(office: Office, campaign: int, batch: int) -> None:
    office.create()
    office.issue(1)
    with pytest.raises(CityError, match=r"has no (campaign|batch) 2"):
        _campaigns.revoke_batch(office.city, campaign, batch)


# What the lists tell


def test_single_revocations_hide_among_decoys(office: Office) -> None:
    office.create()
    vouchers = office.issue(100)
    shown = office.publish().set_bits(2)
    assert 4 <= len(shown) <= 8
    for digits in vouchers[:3]:
        _campaigns.revoke_voucher(office.city, 1, digits)
    office.now_s += DAY_S
    changed = office.publish().set_bits(2) - shown
    assert {serial_of(digits) for digits in vouchers[:3]} < changed
    assert 4 <= len(changed) <= 8


def test_a_decoy_is_never_issued(office: Office) -> None:
    office.create()
    decoys = office.publish().set_bits(2)
    assert not decoys & {serial_of(digits) for digits in office.issue(400)}


# The end


def test_a_closed_campaign_is_known_as_such_until_its_last_voucher_has_expired(office: Office) -> None:
    campaign = office.create()
    (digits,) = office.issue(1)
    assert office.reasons([digits]) == [reasons.OK]
    office.now_s += DAY_S
    assert close(office)
    assert not close(office)
    assert office.reasons([digits]) == [reasons.CAMPAIGN_CLOSED]
    for late_s, is_there in ((-60, True), (2 * 3600 - 120, True), (2 * 3600, False)):
        office.now_s = END + late_s
        assert (campaign.number in office.judge().manifest.campaigns) == is_there
    assert office.reasons([digits]) == [reasons.UNKNOWN_KEY]
    assert office.create(first_day=date(2027, 3, 2), last_day=date(2027, 4, 1)).kid == campaign.kid + 1


def test_a_campaign_that_is_closed_before_it_began_is_not_published(office: Office) -> None:
    office.create(first_day=date(2026, 12, 1))
    assert close(office)
    assert office.judge().manifest.campaigns == {}


@pytest.mark.parametrize("how", ["closed", "ended"])
def test_nothing_is_issued_when_it_is_over_and_its_private_key_is_gone(
    office: Office, how: str, tmp_path: Path
) -> None:
    office.create()
    office.issue(1, active=False)
    assert len(office.city.public_keys("voucher")) == 1
    if how == "closed":
        close(office)
    else:
        office.now_s = END
    office.publish()
    assert office.city.public_keys("voucher") == []
    with pytest.raises(CampaignError, match="Campaign 1 is over"):
        office.issue(1)
    with pytest.raises(CampaignError, match="Campaign 1 is over"):
        _campaigns.activate_batch(office.city, 1, 1, office.now_s)


def test_serials_are_forgotten_when_a_campaign_has_left(office: Office) -> None:
    office.create()
    office.issue(20)
    office.publish()
    office.now_s = END + DAY_S
    office.publish()
    with sqlite3.connect(office.city.path / "vouchers.sqlite") as db:
        assert db.execute("SELECT count(*) FROM voucher").fetchone() == (0,)
    db.close()
    with office.city.vouchers() as table:
        assert table.batch(1, 1).done == 20


def test_a_lost_voucher_table_publishes_nothing(office: Office) -> None:
    office.create()
    office.publish()
    (office.city.path / "vouchers.sqlite").unlink()
    with pytest.raises(CityError, match=r"vouchers\.sqlite is missing\. Restore it"):
        publish(City(office.city.path), no_passphrase, office.now_s + DAY_S)


def test_a_full_list_is_said_before_anything_is_made(office: Office, tmp_path: Path) -> None:
    office.create()
    with pytest.raises(ListFullError, match="Make another campaign"):
        office.batch(office.order(1025), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# What the ledger is told


@pytest.fixture
def shop(office: Office, tmp_path: Path):  # type: ignore[no-untyped-def]
    office.create()
    with market(office, tmp_path / "ledger.db") as opened:
        opened.add_shop("Librairie", "Centre")
        yield opened


def refusal(market: Market, digits: str) -> str:
    """What the ledger says where the till's bundle is older than its export."""
    judgement = market.judge.voucher(digits, market.now_s)
    judgement.reason = reasons.OK
    with pytest.raises(LedgerError) as raised:
        market.ledger.redeem(market._tills["Librairie"], judgement, key=digits[-16:])
    return raised.value.reason


def test_the_ledger_takes_active_vouchers_and_no_others(office: Office, shop: Market) -> None:
    active, posted, stolen = office.issue(3), office.issue(2, active=False), office.issue(2, value=TWENTY)
    _campaigns.revoke_batch(office.city, 1, 3)
    _campaigns.revoke_voucher(office.city, 1, active[1])
    shop.load()
    shop.redeem("Librairie", active[0])
    # One voucher's revocation is in the status list alone.
    assert shop.judge.voucher(active[1], shop.now_s).reason == reasons.REVOKED
    assert refusal(shop, posted[0]) == reasons.NOT_ACTIVE
    assert refusal(shop, stolen[0]) == reasons.REVOKED
    _campaigns.activate_batch(office.city, 1, 2, office.now_s)
    shop.load()
    shop.redeem("Librairie", posted[1])
    assert shop.ledger.check() == []


def test_a_voucher_that_the_table_does_not_know_is_not_redeemed(office: Office, shop: Market) -> None:
    """Signed by a thief of the key, say."""
    backup = (office.city.path / "vouchers.sqlite").read_bytes()
    (forged,) = office.issue(1)
    (office.city.path / "vouchers.sqlite").write_bytes(backup)
    office.issue(3)
    shop.load()
    assert refusal(shop, forged) == reasons.NOT_ACTIVE


def test_a_voucher_is_not_redeemed_for_another_of_the_campaigns_values(office: Office, shop: Market) -> None:
    """Signed anew by a thief of the key who has one voucher, say."""
    first, second = office.issue(2)
    shop.load()
    with office.city.vouchers() as table:
        campaign = table.campaign(1)
    key = office.city.voucher_signing_key(campaign, no_passphrase)
    forged = [to_digits(voucher(key, campaign.kid, END, 1, serial_of(digits), TWENTY)) for digits in (first, second)]
    # Also where the ledger knows the serial's batch already.
    assert refusal(shop, forged[0]) == reasons.UNKNOWN_CAMPAIGN
    shop.redeem("Librairie", first)
    assert refusal(shop, forged[1]) == reasons.UNKNOWN_CAMPAIGN
    shop.redeem("Librairie", second)
