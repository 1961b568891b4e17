"""What became of a campaign: issued, redeemed, expired, by day and by district of the shop.

Counts below `LEAST` are left out, and with them as many as it takes that the totals do not tell them either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from ardente._liege import day_of
from ardente.ledger import ActivityLine, Ledger

from ._errors import CampaignError
from ._folder import City
from ._orders import last_day
from ._tables import csv_bytes
from ._vouchers import WITHDRAWN, Batch, Campaign

LEAST = 5


@dataclass(frozen=True)
class Share:
    """What was redeemed on one day or in one district: how often, and the cents; both None where left out."""

    name: str
    redemptions: int | None
    amount: int | None


@dataclass(frozen=True)
class Report:
    """A campaign until the end of ``last_day``. ``redeemed`` vouchers were, in parts or whole.

    ``redeemed``, ``redemptions`` and ``amount`` (cents) are None where they are left out, ``expired`` until the
    campaign is over as well.
    """

    campaign: int
    name: str
    currency: str
    first_day: date
    last_day: date
    is_over: bool
    issued: int
    revoked: int
    not_active: int
    redeemed: int | None
    redemptions: int | None
    amount: int | None
    expired: int | None
    days: list[Share]
    districts: list[Share]

    def to_dict(self) -> dict[str, Any]:
        """What JSON carries."""
        dates = {"first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat()}
        return {**asdict(self), **dates}

    def lines(self) -> list[str]:
        """The same for people, without the days."""
        amount = "" if self.amount is None else f", {self.amount / 100:,.2f} {self.currency}"
        lines = [
            f"Campaign {self.campaign} ({self.name}), until the end of {self.last_day}",
            f"Issued:   {self.issued:,} ({self.revoked:,} revoked, {self.not_active:,} not active)",
            f"Redeemed: {_shown(self.redeemed)}{amount}",
        ]
        if self.is_over:
            lines.append(f"Expired:  {_shown(self.expired)}")
        lines += ["Redemptions by district of the shop:"] if self.districts else []
        return [*lines, *(f"  {share.name}: {_shown(share.redemptions)}" for share in self.districts)]

    def tables(self) -> dict[str, bytes]:
        """The days and the districts as CSV files, by name; what is left out is empty."""
        return {
            f"{what}s.csv": csv_bytes((what, "redemptions", "cents"), map(_row, shares))
            for what, shares in (("day", self.days), ("district", self.districts))
        }


def report(city: City, number: int, ledger: Ledger, now: int) -> Report:
    """Return the report on a campaign, of the days in Liège that are over at ``now``. Raises `CityError`."""
    with city.vouchers() as vouchers:
        campaign, batches = vouchers.campaign(number), vouchers.batches(number)
    _require_known(campaign, ledger)
    today = day_of(now)
    activity = ledger.activity(number, today)
    redemptions = sum(line.redemptions for line in activity.lines)
    is_shown = redemptions >= LEAST and activity.vouchers >= LEAST
    issued, revoked, not_active = _counts(batches)
    is_over = campaign.over_at <= now
    return Report(
        number,
        campaign.name,
        campaign.currency,
        day_of(campaign.start),
        min(date.fromordinal(today.toordinal() - 1), last_day(campaign.end)),
        is_over,
        issued,
        revoked,
        not_active,
        activity.vouchers if is_shown else None,
        redemptions if is_shown else None,
        sum(line.amount for line in activity.lines) if is_shown else None,
        max(issued - revoked - not_active - activity.vouchers, 0) if is_shown and is_over else None,
        shares((line.day.isoformat(), line) for line in activity.lines),
        shares((line.district, line) for line in activity.lines),
    )


def shares(named: Iterable[tuple[str, ActivityLine]]) -> list[Share]:
    """Add the lines of each name up, leave out what is too few, and return the rest by name."""
    redemptions: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for name, line in named:
        redemptions[name] += line.redemptions
        amounts[name] += line.amount
    hidden = left_out(redemptions)
    return [
        Share(name, None, None) if name in hidden else Share(name, redemptions[name], amounts[name])
        for name in sorted(redemptions)
    ]


def left_out(counts: Counter[str]) -> set[str]:
    """Return the names whose count must not be told: those below `LEAST`, and what else their total needs.

    Where one alone is left out, or all that are make less than `LEAST`, the total less the others would tell.
    """
    ascending = sorted(counts, key=lambda name: (counts[name], name))
    hidden: set[str] = set()
    total = 0
    for name in ascending:
        if counts[name] >= LEAST and (not hidden or (len(hidden) > 1 and total >= LEAST)):
            break
        hidden.add(name)
        total += counts[name]
    return hidden


def _require_known(campaign: Campaign, ledger: Ledger) -> None:
    names = {total.campaign: total.name for total in ledger.totals()}
    if names.get(campaign.number) != campaign.label:
        raise CampaignError(
            f"This ledger does not know campaign {campaign.number} ({campaign.name}): is it this city's, and has it "
            "the newest bundle?"
        )


def _counts(batches: Iterable[Batch]) -> tuple[int, int, int]:
    """Return how many vouchers were issued, and of these how many are revoked, and not active."""
    issued = revoked = not_active = 0
    for batch in batches:
        issued += batch.done
        revoked += batch.done if batch.state == WITHDRAWN else batch.revoked
        not_active += batch.done - batch.revoked if batch.state == "inactive" else 0
    return issued, revoked, not_active


def _row(share: Share) -> tuple[str | int, ...]:
    return share.name, _cell(share.redemptions), _cell(share.amount)


def _cell(value: int | None) -> str | int:
    return "" if value is None else value


def _shown(count: int | None) -> str:
    return "left out" if count is None else f"{count:,}"
