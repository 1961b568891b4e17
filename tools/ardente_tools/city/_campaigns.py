"""Voucher campaigns: made, closed, their batches activated and revoked. All of it holds from the next bundle on."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from ardente._ed25519 import verify
from ardente.core.digits import decode
from ardente.core.manifest import MAX_CAMPAIGN
from ardente.core.token import MAX_DIGITS, parse_voucher

from . import _keys
from ._card_keys import next_kid
from ._cards import GONE
from ._errors import CampaignError, CardError
from ._folder import City
from ._keys import PublicKey
from ._manifest import require_room
from ._published import read_published
from ._vouchers import ACTIVE, WITHDRAWN, Batch, Campaign, VoucherTable

MAX_VOUCHERS = 1 << 22
_LEAST_ENTRIES = 1024
_MAX_CENTS = 0xFFFFFFFF
_MAX_OFFLINE_S = 400 * 86400
_DASHES_AND_QUOTES = str.maketrans("‐‑–—‘’“”«»\N{NO-BREAK SPACE}", '----\'\'"""" ')


class CampaignOrder(NamedTuple):
    """What a new campaign is to be. Days are in UTC, amounts cents; ``vouchers`` is how many there may be in all.

    ``offline`` is what one till may take unseen: (vouchers, cents, seconds).
    """

    name: str
    currency: str
    values: tuple[int, ...]
    first_day: date
    last_day: date
    partial: bool
    bearer: int
    merchants: tuple[str, ...]
    offline: tuple[int, int, int]
    vouchers: int


def start_of_day(day: date) -> int:
    """Return 00:00 UTC of ``day`` in epoch seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def create(city: City, order: CampaignOrder, passphrase: str | None, now: int) -> Campaign:
    """Make a campaign with a voucher key and a list of its own; ``passphrase`` encrypts the key.

    Raises `CampaignError` and other `CityError`.
    """
    _check(order, now)
    with city.lock(), city.cards() as cards, city.vouchers() as vouchers:
        draft = _draft(city, order, _next_number(city, vouchers), next_kid(city, cards, vouchers))
        campaigns = [*(each for each in vouchers.campaigns() if not each.gone), draft]
        keys = [key.token_key for key in cards.card_keys() if key.state != GONE]
        keys += [each.token_key for each in campaigns]
        require_room(city.config.id, keys, [each.published for each in campaigns], now)
        public = _keys.create_key_in(city.keys_path, _keys.VOUCHER, passphrase)
        campaign = draft._replace(public_key=public.public_key)
        with vouchers.transaction():
            vouchers.add_campaign(campaign)
        return campaign


def close(city: City, number: int, now: int) -> bool:
    """Close a campaign for good and remove its private key; tell whether it was open. Raises `CityError`."""
    with city.lock(), city.vouchers() as vouchers:
        campaign = vouchers.campaign(number)
        if campaign.over_at > now:
            with vouchers.transaction():
                vouchers.close_campaign(number, now)
        remove_private_parts(city, vouchers, now)
        return campaign.over_at > now


def activate_batch(city: City, number: int, batch_number: int, now: int) -> Batch | None:
    """Let the vouchers of a batch be redeemed; None where they could be. Raises `CityError`."""
    with city.lock(), city.vouchers() as vouchers:
        campaign, batch = _open(vouchers, number, now), vouchers.batch(number, batch_number)
        if batch.state == WITHDRAWN:
            raise CampaignError(f"Batch {batch_number} is revoked, for good. Issue its vouchers anew.")
        if batch.done < batch.vouchers:
            raise CampaignError(
                f"Batch {batch_number} is not finished: give its command again. Then activate it when it has arrived."
            )
        return None if batch.state == ACTIVE else _set_state(vouchers, campaign, batch, ACTIVE)


def revoke_batch(city: City, number: int, batch_number: int) -> Batch | None:
    """Revoke the vouchers of a batch for good; None where they were. Raises `CityError`."""
    with city.lock(), city.vouchers() as vouchers:
        campaign, batch = vouchers.campaign(number), vouchers.batch(number, batch_number)
        return None if batch.state == WITHDRAWN else _set_state(vouchers, campaign, batch, WITHDRAWN)


def revoke_voucher(city: City, number: int, text: str) -> bool:
    """Revoke the one voucher of the campaign that ``text`` is, for good; tell whether it was not. Raises `CardError`.

    It counts only with the campaign's signature, or a voucher of another campaign with the same serial would do.
    """
    text = text.strip()
    data = decode(text) if len(text) <= MAX_DIGITS else None
    voucher = parse_voucher(data) if data else None
    if voucher is None:
        raise CardError("This is not the text of a voucher; scan it again.")
    with city.lock(), city.vouchers() as vouchers:
        campaign = vouchers.campaign(number)
        if voucher.campaign != number or not verify(campaign.public_key, voucher.signature, voucher.message):
            raise CardError(f"This is no voucher of campaign {number} of this city.")
        with vouchers.transaction():
            changed = vouchers.revoke_voucher(campaign, voucher.index)
        if changed is None:
            raise CardError("This voucher is not in the voucher table; was that restored from an old backup?")
        vouchers.forget_order()
        return changed


def turn_campaigns(vouchers: VoucherTable, now: int) -> None:
    """Let campaigns that are over leave the bundle. Belongs in the transaction of a publication."""
    for campaign in vouchers.campaigns():
        if not campaign.gone and now >= _leaves_at(vouchers, campaign):
            vouchers.let_go(campaign)


def remove_private_parts(city: City, vouchers: VoucherTable, now: int) -> None:
    """Remove the private part of voucher keys that sign no more."""
    for campaign in vouchers.campaigns():
        public = PublicKey(_keys.VOUCHER, campaign.public_key)
        if campaign.over_at <= now and city.has_key(public):
            city.remove_key(public)


def _leaves_at(vouchers: VoucherTable, campaign: Campaign) -> int:
    if campaign.over_at <= campaign.start:
        return 0
    # Tills that were offline are judged by the bundle too, and may be late by a window after their own.
    last_exp = max((batch.exp for batch in vouchers.batches(campaign.number)), default=campaign.over_at)
    return last_exp + 2 * campaign.offline_s


def _open(vouchers: VoucherTable, number: int, now: int) -> Campaign:
    campaign = vouchers.campaign(number)
    if campaign.over_at <= now:
        raise CampaignError(f"Campaign {number} is over.")
    return campaign


def _set_state(vouchers: VoucherTable, campaign: Campaign, batch: Batch, state: str) -> Batch:
    with vouchers.transaction():
        vouchers.set_batch_state(campaign, batch, state)
    vouchers.forget_order()
    return vouchers.batch(campaign.number, batch.number)


def _check(order: CampaignOrder, now: int) -> None:
    if not 1 <= len(order.values) <= 16 or len(set(order.values)) < len(order.values):
        raise CampaignError("A campaign has 1 to 16 values, each of them once.")
    if not all(0 < value <= _MAX_CENTS for value in order.values):
        raise CampaignError("The value of a voucher is more than nothing, and at most 42,949,672.95.")
    if order.last_day < order.first_day or start_of_day(order.last_day) < now - 86400:
        raise CampaignError("The last day is before the first, or past.")
    if not 1 <= order.vouchers <= MAX_VOUCHERS:
        raise CampaignError(f"A campaign has 1 to {MAX_VOUCHERS:,} vouchers.")
    count, cents, seconds = order.offline
    if any(order.offline) and not all(order.offline):
        raise CampaignError("What a till may take offline has a number, an amount and hours, all more than nothing.")
    if count > 0xFFFF or cents > _MAX_CENTS or seconds > _MAX_OFFLINE_S or min(order.offline) < 0:
        raise CampaignError("A till takes at most 65,535 vouchers and 42,949,672.95 offline, within 9,600 hours.")


def _draft(city: City, order: CampaignOrder, number: int, kid: int) -> Campaign:
    """The campaign, without its key."""
    return Campaign(
        number,
        order.name,
        _label(order.name),
        order.currency,
        tuple(sorted(order.values)),
        start_of_day(order.first_day),
        start_of_day(order.last_day + timedelta(days=1)),
        order.partial,
        order.bearer,
        tuple(sorted(set(order.merchants))),
        *order.offline,
        kid,
        kid.to_bytes(32, "big"),
        f"{city.config.lists.base_uri}/{kid}",
        _entries(order.vouchers),
        0,
        False,
    )


def _entries(vouchers: int) -> int:
    """Twice as many as vouchers, so that random serials are found soon and decoys have room."""
    return max(_LEAST_ENTRIES, 1 << (2 * vouchers - 1).bit_length())


def _next_number(city: City, vouchers: VoucherTable) -> int:
    used = {campaign.number for campaign in vouchers.campaigns()}
    # An old backup of the table does not know the newest campaigns; partners do.
    published = read_published(city, city.roots())
    used |= set(published.manifest.campaigns) if published else set()
    number = max(used, default=0) + 1
    if number > MAX_CAMPAIGN:
        raise CampaignError("This city has had all the campaigns that there are numbers for.")
    return number


def _label(name: str) -> str:
    """The name without accents: the bundle has ASCII only."""
    plain = unicodedata.normalize("NFKD", name.translate(_DASHES_AND_QUOTES).replace("œ", "oe").replace("ß", "ss"))
    label = "".join(character for character in plain if not unicodedata.combining(character))
    if not 0 < len(label) <= 64 or not label.isascii() or not label.isprintable():
        raise CampaignError("A campaign's name has 1 to 64 Latin letters, digits and signs, on one line.")
    return label
