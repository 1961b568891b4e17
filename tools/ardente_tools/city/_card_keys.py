"""The life of a card key: announced in the bundle, then signing, then only known, then gone.

Partners refuse a card whose key they have not seen, so a new key signs only when every bundle still in use names it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ardente.core.calendar import quarter_start

from . import _keys
from ._cards import CURRENT, GONE, NEXT, OLD, VALID, CardKey, CardTable
from ._errors import CityError
from ._folder import City
from ._keys import PublicKey
from ._published import read_published
from ._vouchers import VoucherTable

_DAY_S = 86400
_KIDS = range(1, 256)


def quarter_exp(now: int, quarters: int) -> int:
    """Return the `exp` of a card that is valid for ``quarters`` quarters, the current one included."""
    today = datetime.fromtimestamp(now, UTC)
    number = today.year * 4 + (today.month - 1) // 3 + quarters
    return quarter_start(number // 4, number % 4 + 1)


def add_card_key(city: City, table: CardTable, public: PublicKey, state: str, now: int) -> CardKey:
    """Enter a key whose file is written, with a list of its own. Belongs in a transaction. Raises `CityError`."""
    with city.vouchers() as vouchers:
        kid = next_kid(city, table, vouchers)
    lists = city.config.lists
    latest_exp = quarter_exp(now, city.config.periods.longest_card_quarters)
    key = CardKey(kid, public.public_key, f"{lists.base_uri}/{kid}", lists.entries, latest_exp, 0, state)
    table.add_card_key(key)
    return key


def next_kid(city: City, table: CardTable, vouchers: VoucherTable) -> int:
    """Return a number that no card or voucher key of the city ever had. Raises `CityError`."""
    used = {key.kid for key in table.card_keys()} | {campaign.kid for campaign in vouchers.campaigns()}
    # An old backup of the tables does not know the newest keys; partners do.
    published = read_published(city, city.roots())
    used |= set(published.manifest.keys.tokens) if published else set()
    kid = max(used, default=0) + 1
    if kid not in _KIDS:
        raise CityError(
            "This city has had 255 card and voucher keys, and a number is never used twice; found a new city."
        )
    return kid


def announce_key(city: City, passphrase: str | None, now: int, *, at_once: bool = False) -> CardKey:
    """Make the next card key. It signs once it has been published for a while, or ``at_once``. Raises `CityError`."""
    with city.lock(), city.cards() as table:
        waiting = [key for key in table.card_keys() if key.state == NEXT]
        if waiting and not at_once:
            raise CityError(
                "A next card key is waiting already, and signs when every partner knows it. For it to sign now: --now"
            )
        public = None if waiting else _keys.create_key_in(city.keys_path, _keys.CARD, passphrase)
        with table.transaction():
            key = add_card_key(city, table, public, NEXT, now) if public else waiting[0]
            current = [each for each in table.card_keys() if each.state == CURRENT]
            # A key that no partner has seen yet has signed nothing that could wait for it.
            if at_once or not current or not current[0].announced_at:
                key = _promote(table, key)
        _remove_private_parts(city, table)
        return key


def drop_compromised(city: City, passphrase: str | None, now: int, kids: frozenset[int]) -> tuple[list[CardKey], int]:
    """Drop stolen card keys from the next bundle on; return them, and how many valid cards must be printed again.

    Without ``kids``, those whose private part is on this machine: the one that signs and the next. A new key takes the
    place of the one that signs. Raises `CityError`.
    """
    with city.lock(), city.cards() as table:
        known = {key.kid: key for key in table.card_keys() if key.state != GONE}
        if unknown := sorted(kids - known.keys()):
            raise CityError(f"Card key {unknown[0]} is not in use in this city; see: ardente city show")
        stolen = [key for key in known.values() if key.kid in kids or (not kids and key.state in (CURRENT, NEXT))]
        current_is_stolen = any(key.state == CURRENT for key in stolen)
        left = [key for key in known.values() if key.state == NEXT and key not in stolen]
        public = None
        if current_is_stolen and not left:
            public = _keys.create_key_in(city.keys_path, _keys.CARD, passphrase)
        with table.transaction():
            count = 0
            for key in stolen:
                table.update_card_key(key._replace(state=GONE))
                count += table.count_cards(VALID, now, key.kid)
            if public:
                add_card_key(city, table, public, CURRENT, now)
            elif current_is_stolen:
                _promote(table, left[0])
        _remove_private_parts(city, table)
        return stolen, count


def turn_keys(city: City, table: CardTable, now: int) -> None:
    """Let time pass: what is announced for long enough signs, what can have no valid card is gone.

    Belongs in the transaction of a publication.
    """
    periods = city.config.periods
    for key in table.card_keys():
        if key.state == OLD and key.latest_exp <= now:
            table.update_card_key(key._replace(state=GONE))
        elif key.state in (CURRENT, NEXT):
            latest_exp = max(key.latest_exp, quarter_exp(now, periods.longest_card_quarters))
            table.update_card_key(key._replace(latest_exp=latest_exp))
    for key in table.card_keys():
        if key.state == NEXT and key.announced_at and key.announced_at + periods.announce_key_days * _DAY_S <= now:
            _promote(table, key)


def remember_announced(city: City, table: CardTable, iat: int) -> None:
    """Keep that the keys in use are published, and remove the private part of those that sign no more."""
    with table.transaction():
        for key in table.card_keys():
            if key.state != GONE and not key.announced_at:
                table.update_card_key(key._replace(announced_at=iat))
    _remove_private_parts(city, table)


def _promote(table: CardTable, key: CardKey) -> CardKey:
    for other in table.card_keys():
        if other.state == CURRENT:
            table.update_card_key(other._replace(state=OLD))
    promoted = key._replace(state=CURRENT)
    table.update_card_key(promoted)
    return promoted


def _remove_private_parts(city: City, table: CardTable) -> None:
    for key in table.card_keys():
        public = PublicKey(_keys.CARD, key.public_key)
        if key.state in (OLD, GONE) and city.has_key(public):
            city.remove_key(public)
