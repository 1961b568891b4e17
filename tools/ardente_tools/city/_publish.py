"""Publishing: the bundle that partners fetch, with one status list for each card key and voucher campaign.

A list shows its bits to everybody, every day. So that they tell neither how many tokens are revoked nor how many were
yesterday, bits of indices that none has are set and cleared beside them: how many bits change is drawn first, from
the days that have passed alone, and decoys make up what true changes leave of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ardente._ed25519 import verify
from ardente._files import PUBLIC_FILE_MODE, write_file
from ardente._trust import read_bits
from ardente.core.errors import TrustError
from ardente.core.keys import TokenKey
from ardente.core.reader import BytesReader
from ardente.core.root import ROLE_BUNDLE, Root
from ardente.core.trust import open_bundle, open_root
from ardente.issuing import SigningKey, bundle, status_list

from . import _card_keys
from ._campaigns import remove_private_parts, turn_campaigns
from ._cards import GONE, CardTable
from ._errors import PublishError
from ._folder import City
from ._keys import BUNDLE, STATUS, AskPassphrase
from ._lists import ListTable
from ._manifest import key_set
from ._published import Published, read_published
from ._vouchers import VoucherTable

_DAY_S = 86400
_LIST_TTL_S = _DAY_S
_ROOT_WARNING_S = 90 * _DAY_S
# The first list of a key shows this part of its entries as set, up to twice as many.
_BASE_SHARE = 256
# Reinstated cards are fewer than revoked ones, by about this factor.
_CLEARED_SHARE = 8
# Days without a publication count up to here.
_MAX_DAYS = 45

_random = random.SystemRandom()


class _List(NamedTuple):
    """The list of one key, and when its decoys end where it has no token yet."""

    table: ListTable
    key: TokenKey
    exps: list[int]


@dataclass(frozen=True)
class Publication:
    """What was published: times in epoch seconds, size in bytes, and until when the root allows it."""

    version: int
    iat: int
    exp: int
    size_bytes: int
    root_exp: int

    @property
    def root_ends_soon(self) -> bool:
        """Whether a new root should be signed in the next 90 days."""
        return self.iat + _ROOT_WARNING_S > self.root_exp


def publish(city: City, ask: AskPassphrase, now: int, *, force: bool = False) -> Publication:
    """Make and publish the next bundle; loads the bundle and status keys and no other. Raises `PublishError`.

    At most one a day (UTC) unless ``force``, so that the hour of a revocation stays hidden.
    """
    with city.lock(), city.cards() as table, city.vouchers() as vouchers:
        chain = city.roots()
        root = city.newest_root()
        before = read_published(city, chain)
        _check_time(root, before, now, force)
        bundle_keys, status_key = _signing_keys(city, root, ask)
        version = _begin(city, table, vouchers, before, now)
        in_use = [*_card_lists(city, table, now), *_voucher_lists(vouchers)]
        exp = now + city.config.periods.bundle_valid_days * _DAY_S
        lists = {
            each.key.list_uri: status_list(status_key, each.key.list_uri, now, exp, _LIST_TTL_S, _bits(each, now))
            for each in in_use
        }
        data = bundle(
            bundle_keys,
            chain,
            lists,
            city=city.config.id,
            version=version,
            iat=now,
            exp=exp,
            key_set=key_set([each.key for each in in_use], status_key.public_key),
            campaigns=[campaign.published for campaign in vouchers.campaigns() if not campaign.gone],
            refresh_after_s=city.config.periods.refresh_after_days * _DAY_S,
            max_grace_s=city.config.periods.max_grace_days * _DAY_S,
        )
        _check_bundle(data, chain[0], now)
        _write(city, data, {each.key.kid: lists[each.key.list_uri] for each in in_use})
        _card_keys.remember_announced(city, table, now)
        remove_private_parts(city, vouchers, now)
        table.forget_order()
        vouchers.forget_order()
        return Publication(version, now, exp, len(data), root.exp)


def _begin(city: City, table: CardTable, vouchers: VoucherTable, before: Published | None, now: int) -> int:
    """Bring the tables up to today and return the version of the new bundle.

    On the disk before any bundle shows it: a decoy that partners see must never be a free index here.
    """
    with vouchers.transaction():
        turn_campaigns(vouchers, now)
        for each in _voucher_lists(vouchers):
            _hide_changes(city, each, before, now)
    with table.transaction():
        table.purge(now - _longest_use_s(city))
        _card_keys.turn_keys(city, table, now)
        for each in _card_lists(city, table, now):
            _hide_changes(city, each, before, now)
        version = max(table.version(), before.manifest.version if before else 0) + 1
        table.set_version(version)
    return version


def _check_time(root: Root, before: Published | None, now: int, force: bool) -> None:
    if now >= root.exp:
        raise PublishError(f"Root {root.version} has expired. Propose a new one: ardente city root propose")
    if now < root.iat:
        raise PublishError(f"This computer's clock is before the root, of {_when(root.iat)}. Set the clock.")
    if before is None:
        return
    last = before.manifest.iat
    if now < last:
        raise PublishError(f"This computer's clock is before the last bundle, of {_when(last)}. Set the clock.")
    if now == last or (now // _DAY_S == last // _DAY_S and not force):
        raise PublishError(f"Today's bundle was published at {_when(last)}; --force makes another.")


def _signing_keys(city: City, root: Root, ask: AskPassphrase) -> tuple[list[SigningKey], SigningKey]:
    role = root.roles[ROLE_BUNDLE]
    bundle_keys = [public for public in city.public_keys(BUNDLE) if public.public_key in role.keys]
    if len(bundle_keys) < role.threshold:
        raise PublishError(
            f"The root asks for {role.threshold} of its bundle keys; {city.keys_path} has {len(bundle_keys)} of them."
        )
    status_keys = city.public_keys(STATUS)
    if len(status_keys) != 1:
        raise PublishError(
            f"One status key is needed, and {city.keys_path} has {len(status_keys)}. Run: ardente city rotate-keys "
            "--role status"
        )
    return [city.read_key(public, ask) for public in bundle_keys[: role.threshold]], city.read_key(status_keys[0], ask)


def _longest_use_s(city: City) -> int:
    """How long a reader may go by a bundle: so long after its `exp` an index is not used again."""
    periods = city.config.periods
    return (periods.bundle_valid_days + periods.max_grace_days) * _DAY_S


def _card_lists(city: City, table: CardTable, now: int) -> list[_List]:
    quarters = range(1, city.config.periods.longest_card_quarters + 1)
    exps = [_card_keys.quarter_exp(now, quarter) for quarter in quarters]
    return [_List(table, key.token_key, exps) for key in table.card_keys() if key.state != GONE]


def _voucher_lists(vouchers: VoucherTable) -> list[_List]:
    in_use = [campaign for campaign in vouchers.campaigns() if not campaign.gone]
    return [_List(vouchers, campaign.token_key, [campaign.end]) for campaign in in_use]


def _hide_changes(city: City, changed: _List, before: Published | None, now: int) -> None:
    """Set and clear decoys until as many bits have changed as was drawn. Belongs in a transaction."""
    table, key = changed.table, changed.key
    per_day = city.config.lists.decoys_per_day
    old = _indices(before.bits[key.list_uri]) if before and key.list_uri in before.bits else None
    new = set(table.set_bits(key.kid, now))
    if before is None or old is None:
        most = max(key.entries // _BASE_SHARE, per_day)
        _add_decoys(changed, _padding(most, 1, len(new)), now)
        return
    days = min(max((now - before.manifest.iat) // _DAY_S, 1), _MAX_DAYS)
    _add_decoys(changed, _padding(per_day, days, len(new - old)), now)
    # What the calendar clears is no change that anybody made.
    cleared = sum(1 for index in old - new if table.is_cleared(key.kid, index, now))
    decoys = [index for index in table.decoys(key.kid, now) if index in old]
    count = _padding(max(per_day // _CLEARED_SHARE, 1), days, cleared)
    table.spend_decoys(key.kid, _random.sample(decoys, min(count, len(decoys))))


def _padding(least: int, days: int, true_changes: int) -> int:
    """How many decoys to change beside ``true_changes``, for a total of ``least`` to twice as many a day."""
    drawn = sum(_random.randint(least, 2 * least) for _ in range(days))
    return drawn - true_changes if drawn >= true_changes else _random.randint(0, least)


def _add_decoys(changed: _List, count: int, now: int) -> None:
    """Set random free indices, each to last as long as some token of the list does."""
    table, key = changed.table, changed.key
    exps = table.expiries(key.kid, now) or dict.fromkeys(changed.exps, 1)
    # Tokens come first where a list runs full.
    count = min(count, (key.entries - table.used_entries(key.kid)) // 2)
    drawn = _random.choices(list(exps), list(exps.values()), k=count)
    table.add_decoys(key.kid, zip(table.free_indices(key, count), drawn, strict=True))


def _bits(published: _List, now: int) -> bytes:
    bits = bytearray(published.key.entries // 8)
    for index in published.table.set_bits(published.key.kid, now):
        bits[index >> 3] |= 1 << (index & 7)
    return bytes(bits)


def _indices(bits: bytes) -> set[int]:
    return {at * 8 + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1}


def _check_bundle(data: bytes, first_root: bytes, now: int) -> None:
    """Take the new bundle as a partner would who knows the first root only."""
    try:
        offer = open_bundle(BytesReader(data), len(data), open_root(first_root, verify), now, verify)
        for span in offer.lists:
            read_bits(data, offer, span)
    except TrustError as error:
        raise PublishError(f"No partner would take the new bundle ({error.reason}), so it is not published.") from None


def _write(city: City, data: bytes, lists: dict[int, bytes]) -> None:
    for kid, token in lists.items():
        _write_public(city.lists_path / f"{kid}.cwt", token)
    _write_public(city.bundle_path, data)
    for path in city.lists_path.glob("*.cwt"):
        if path.name not in {f"{kid}.cwt" for kid in lists}:
            path.unlink()


def _write_public(path: Path, data: bytes) -> None:
    """Write a file for everybody to read, whatever the umask says."""
    write_file(path, data, PUBLIC_FILE_MODE)
    path.chmod(PUBLIC_FILE_MODE)


def _when(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
