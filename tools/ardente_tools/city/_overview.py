"""What a city's folder holds, in words and as JSON."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ardente.core.root import ROLE_BUNDLE, Root

from . import _keys
from ._cards import CURRENT, GONE, REPLACED, REVOKED, VALID, CardTable
from ._folder import City, parse_root_file
from ._money import decimal
from ._outgoing import outgoing
from ._published import Published, read_published
from ._roots import ROLE_NUMBERS

_DAY_S = 86400
_ROOT_WARNING_S = 90 * _DAY_S
_FULL_SHARE = 0.75


@dataclass(frozen=True)
class KeyOverview:
    """One card key: its number, what it does now, and how much of its list is taken, from 0 to 1."""

    kid: int
    state: str
    signs_until: str
    list_uri: str
    list_used: float


@dataclass(frozen=True)
class BatchOverview:
    """One batch of vouchers: ``value`` in cents; ``done`` of ``vouchers`` are made, ``revoked`` one by one."""

    number: int
    state: str
    value: int
    vouchers: int
    done: int
    revoked: int


@dataclass(frozen=True)
class CampaignOverview:
    """One campaign that is in the bundle, or will be."""

    number: int
    name: str
    currency: str
    over_from: str
    batches: list[BatchOverview]

    def lines(self) -> list[str]:
        """The same for people."""
        return [f"Campaign {self.number} ({self.name}): over from {self.over_from}", *map(self._batch, self.batches)]

    def _batch(self, batch: BatchOverview) -> str:
        made = f"{batch.done:,}" if batch.done == batch.vouchers else f"{batch.done:,} of {batch.vouchers:,}"
        revoked = f", {batch.revoked:,} of them revoked" if batch.revoked else ""
        value = f"{decimal(batch.value)} {self.currency}"
        return f"  batch {batch.number} ({batch.state}): {made} vouchers of {value}{revoked}"


@dataclass(frozen=True)
class Overview:
    """A city at a glance. Days are ISO 8601 dates in UTC, "" for none.

    ``cards_waiting`` are the folders for which a cut run has issued a card that is not there yet; ``cards_cut`` are
    the folders with what other cut runs left of a card.
    """

    id: str
    name: str
    root_version: int
    root_until: str
    thresholds: dict[str, str]
    bundle_version: int
    bundle_of: str
    bundle_until: str
    cards_valid: int
    cards_revoked: int
    card_keys: list[KeyOverview]
    campaigns: list[CampaignOverview]
    batches: list[str]
    cards_waiting: list[str]
    cards_cut: list[str]
    unused_keys: list[str]
    next_step: str

    def to_dict(self) -> dict[str, Any]:
        """What JSON carries."""
        return asdict(self)

    def lines(self, command: str) -> list[str]:
        """The same for people; ``command`` is `City.command`."""
        root = f"root {self.root_version} until {self.root_until}" if self.root_version else "no root yet"
        bundle = f"{self.bundle_version} of {self.bundle_of}, valid until {self.bundle_until}"
        lines = [
            f"{self.name} ({self.id}), {root}",
            *(f"  {role}: {threshold} must sign" for role, threshold in self.thresholds.items()),
            f"Bundle: {bundle if self.bundle_version else 'none published yet'}",
            f"Cards: {self.cards_valid} valid, {self.cards_revoked} revoked",
        ]
        for key in self.card_keys:
            lines.append(
                f"  key {key.kid} ({key.state}): list {key.list_used:.0%} taken, cards until {key.signs_until}"
            )
        for campaign in self.campaigns:
            lines += campaign.lines()
        lines += [f"Batch {batch} is not done" for batch in self.batches]
        lines += [
            f"A card for {folder} is issued and not there yet: {command} issue -o {shlex.quote(folder)}"
            for folder in self.cards_waiting
        ]
        lines += [f"A cut run left {path}; the next `ardente city issue` deletes it" for path in self.cards_cut]
        lines += [f"No longer used, delete it: {path}" for path in self.unused_keys]
        return [*lines, f"Next: {self.next_step}"]


def overview(city: City, now: int) -> Overview:
    """Look at a city; changes nothing. Raises `CityError`."""
    chain = city.roots()
    root = city.newest_root() if chain else None
    published = read_published(city, chain)
    manifest = published.manifest if published else None
    with city.cards() as table:
        keys = _key_overviews(table)
        cards = outgoing(city)
        return Overview(
            city.config.id,
            city.config.name,
            root.version if root else 0,
            day(root.exp) if root else "",
            _thresholds(root) if root else {},
            manifest.version if manifest else 0,
            day(manifest.iat) if manifest else "",
            day(manifest.exp) if manifest else "",
            table.count_cards(VALID, now),
            table.count_cards(REVOKED, now) + table.count_cards(REPLACED, now),
            keys,
            _campaign_overviews(city),
            [batch.id for batch in table.batches()],
            [str(card.destination) for card in cards if card.is_waiting(table)],
            [str(card.path) for card in cards if not card.is_waiting(table)],
            _unused_keys(city, published),
            _next_step(city, root, published, keys, now),
        )


def _key_overviews(table: CardTable) -> list[KeyOverview]:
    return [
        KeyOverview(key.kid, key.state, day(key.latest_exp), key.list_uri, table.used_entries(key.kid) / key.entries)
        for key in table.card_keys()
        if key.state != GONE
    ]


def _campaign_overviews(city: City) -> list[CampaignOverview]:
    with city.vouchers() as table:
        return [
            CampaignOverview(
                campaign.number,
                campaign.name,
                campaign.currency,
                day(campaign.over_at),
                [
                    BatchOverview(batch.number, batch.state, batch.value, batch.vouchers, batch.done, batch.revoked)
                    for batch in table.batches(campaign.number)
                ],
            )
            for campaign in table.campaigns()
            if not campaign.gone
        ]


def _thresholds(root: Root) -> dict[str, str]:
    roles = {role: root.roles[number] for role, number in ROLE_NUMBERS.items()}
    return {name: f"{role.threshold} of {len(role.keys)} keys" for name, role in roles.items()}


def _unused_keys(city: City, published: Published | None) -> list[str]:
    """Bundle keys that have left the root, with which no partner would take a bundle any more.

    A key that is not in the root yet looks the same, so only keys that a former root listed count.
    """
    if published is None:
        return []
    former: set[bytes] = set()
    for number, data in enumerate(city.roots()[: published.root_version], start=1):
        listed = parse_root_file(data, f"Root {number}").roles[ROLE_BUNDLE].keys
        former = (former | set(listed)) if number < published.root_version else former - set(listed)
    return [str(city.key_path(public)) for public in city.public_keys(_keys.BUNDLE) if public.public_key in former]


def _next_step(city: City, root: Root | None, published: Published | None, keys: list[KeyOverview], now: int) -> str:
    if root is None:
        return f"make three root keys and a firmware key (ardente city root new-key), then: {city.command} root propose"
    if now + _ROOT_WARNING_S > root.exp:
        return f"the root ends soon: {city.command} root propose"
    if published is None or published.root_version < root.version or published.manifest.iat // _DAY_S < now // _DAY_S:
        return f"{city.command} publish"
    if any(key.state == CURRENT and key.list_used > _FULL_SHARE for key in keys):
        return f"the status list is filling up: {city.command} rotate-keys"
    return f"{city.command} issue"


def day(moment: int) -> str:
    """Return the UTC day of a moment in epoch seconds."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
