"""Adding up: statements, the closing of days, and the check that the books agree with themselves.

A closed day pays exactly the rows that its closing marked. A row that was being written meanwhile is not lost and not
paid twice: the next closing marks it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select, update

from .._errors import LedgerError
from .._liege import day_of
from ..core import reasons
from ._answers import Activity, ActivityLine, Settlement, StatementLine, Totals
from ._database import Database
from ._redemptions import live_amount
from ._schema import (
    CAMPAIGN,
    CLAIM,
    CLOSED_DAY,
    CONFIRMED,
    LOST,
    MERCHANT,
    OFFLINE,
    PENDING,
    REDEMPTION,
    REFUND,
    RESERVED,
    VOID,
    WON,
)

_NET: Final = REDEMPTION.c.amount - REDEMPTION.c.refunded
_IS_CONFIRMED: Final = REDEMPTION.c.state == CONFIRMED


class Books:
    """Reads what was redeemed, and closes days."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def statement(self, merchant_id: str, first_day: date, last_day: date) -> list[StatementLine]:
        first, last = first_day.isoformat(), last_day.isoformat()

        def work(connection: Connection) -> list[StatementLine]:
            lines = [_redemption_line(row) for row in connection.execute(_redeemed(merchant_id, first, last))]
            lines += [_refund_line(row) for row in connection.execute(_refunded(merchant_id, first, last))]
            claims = map(_claim_line, connection.execute(_claimed(merchant_id)))
            lines += [line for line in claims if first_day <= line.day <= last_day]
            return sorted(lines, key=lambda line: line.day)

        return self._database.read(work)

    def close_day(self, merchant_id: str | None, day: date) -> int:
        """Close ``day`` for one merchant, or all, and return the cents that are owed for what it closed."""
        now = int(self._clock())
        if day >= day_of(now):
            raise LedgerError(reasons.NOT_ALLOWED, "A day is closed when it is over: try again tomorrow.")
        found = select(MERCHANT.c.id).order_by(MERCHANT.c.id)
        if merchant_id is not None:
            found = found.where(MERCHANT.c.id == merchant_id)
        merchants = self._database.read(lambda connection: connection.execute(found).scalars().all())
        if merchant_id is not None and not merchants:
            raise LedgerError(reasons.BAD_REQUEST, "No such merchant is known: check its id.")
        return sum(
            self._database.begin(partial(self._close, merchant_id=one, day=day.isoformat(), now=now))
            for one in merchants
        )

    def settlement(self, day: date) -> list[Settlement]:
        paid = (
            select(
                MERCHANT.c.id,
                MERCHANT.c.name,
                MERCHANT.c.district,
                REDEMPTION.c.currency,
                func.count(),
                func.sum(REDEMPTION.c.amount),
                func.sum(REDEMPTION.c.refunded),
            )
            .join_from(REDEMPTION, MERCHANT, MERCHANT.c.id == REDEMPTION.c.merchant_id)
            .where(REDEMPTION.c.settled_on == day.isoformat())
            .group_by(MERCHANT.c.id, MERCHANT.c.name, MERCHANT.c.district, REDEMPTION.c.currency)
            .order_by(MERCHANT.c.name, MERCHANT.c.id, REDEMPTION.c.currency)
        )
        rows = self._database.read(lambda connection: connection.execute(paid).all())
        return [
            Settlement(merchant_id, name, district, day, currency, count, int(amount), int(refunded))
            for merchant_id, name, district, currency, count, amount, refunded in rows
        ]

    def activity(self, campaign: int, before: date) -> Activity:
        counted = and_(
            REDEMPTION.c.campaign == campaign, REDEMPTION.c.day < before.isoformat(), _IS_CONFIRMED, _NET > 0
        )
        vouchers = select(func.count(REDEMPTION.c.serial.distinct())).where(counted)
        lines = (
            select(REDEMPTION.c.day, MERCHANT.c.district, func.count(), func.sum(_NET))
            .join_from(REDEMPTION, MERCHANT, MERCHANT.c.id == REDEMPTION.c.merchant_id)
            .where(counted)
            .group_by(REDEMPTION.c.day, MERCHANT.c.district)
            .order_by(REDEMPTION.c.day, MERCHANT.c.district)
        )

        def work(connection: Connection) -> Activity:
            rows = connection.execute(lines)
            return Activity(
                connection.execute(vouchers).scalar_one(),
                [
                    ActivityLine(date.fromisoformat(day), district, count, int(amount))
                    for day, district, count, amount in rows
                ],
            )

        return self._database.read(work)

    def totals(self) -> list[Totals]:
        return self._database.read(_totals)

    def check(self) -> list[str]:
        return self._database.read(_faults)

    def _close(self, connection: Connection, merchant_id: str, day: str, now: int) -> int:
        key = and_(CLOSED_DAY.c.merchant_id == merchant_id, CLOSED_DAY.c.day == day)
        opened = (
            self._database.insert(CLOSED_DAY)
            .values(merchant_id=merchant_id, day=day, closed_at=now, total=0)
            .on_conflict_do_nothing()
            .returning(CLOSED_DAY.c.day)
        )
        if connection.execute(opened).one_or_none() is not None:
            due = and_(
                REDEMPTION.c.merchant_id == merchant_id,
                REDEMPTION.c.day <= day,
                _IS_CONFIRMED,
                REDEMPTION.c.settled_on.is_(None),
            )
            connection.execute(update(REDEMPTION).where(due).values(settled_on=day))
            paid = and_(REDEMPTION.c.merchant_id == merchant_id, REDEMPTION.c.settled_on == day)
            total = connection.execute(select(func.coalesce(func.sum(_NET), 0)).where(paid)).scalar_one()
            connection.execute(update(CLOSED_DAY).where(key).values(total=int(total)))
        return int(connection.execute(select(CLOSED_DAY.c.total).where(key)).scalar_one())


def _redeemed(merchant_id: str, first: str, last: str) -> Select[Any]:
    return (
        select(REDEMPTION)
        .where(
            REDEMPTION.c.merchant_id == merchant_id,
            REDEMPTION.c.day.between(first, last),
            REDEMPTION.c.state != VOID,
        )
        .order_by(REDEMPTION.c.created_at, REDEMPTION.c.id)
    )


def _refunded(merchant_id: str, first: str, last: str) -> Select[Any]:
    return (
        select(REFUND.c.day, REFUND.c.amount, REDEMPTION.c.currency, REDEMPTION.c.receipt, REDEMPTION.c.settled_on)
        .join_from(REFUND, REDEMPTION, REDEMPTION.c.id == REFUND.c.redemption_id)
        .where(REFUND.c.merchant_id == merchant_id, REFUND.c.day.between(first, last))
        .order_by(REFUND.c.created_at, REFUND.c.id)
    )


def _claimed(merchant_id: str) -> Select[Any]:
    undecided = CLAIM.c.state.in_([PENDING, LOST])
    return select(CLAIM).where(CLAIM.c.merchant_id == merchant_id, undecided).order_by(CLAIM.c.arrived_at, CLAIM.c.id)


def _redemption_line(row: Row[Any]) -> StatementLine:
    settled_on = None if row.settled_on is None else date.fromisoformat(row.settled_on)
    return StatementLine(date.fromisoformat(row.day), row.amount, row.currency, row.receipt, row.state, settled_on)


def _refund_line(row: Row[Any]) -> StatementLine:
    settled_on = None if row.settled_on is None else date.fromisoformat(row.settled_on)
    return StatementLine(date.fromisoformat(row.day), -row.amount, row.currency, row.receipt, "refund", settled_on)


def _claim_line(row: Row[Any]) -> StatementLine:
    return StatementLine(day_of(row.arrived_at), row.amount, row.currency, row.receipt, row.state)


def _sum_where(condition: Any, amount: Any) -> Any:
    return func.coalesce(func.sum(case((condition, amount), else_=0)), 0)


def _totals(connection: Connection) -> list[Totals]:
    """Add up every campaign from its rows."""
    sums = {
        (row[0], row[1]): [int(number) for number in row[2:]]
        for row in connection.execute(
            select(
                REDEMPTION.c.city,
                REDEMPTION.c.campaign,
                _sum_where(_IS_CONFIRMED, 1),
                _sum_where(_IS_CONFIRMED, REDEMPTION.c.amount),
                _sum_where(_IS_CONFIRMED, REDEMPTION.c.refunded),
                _sum_where(REDEMPTION.c.state == RESERVED, REDEMPTION.c.amount),
                _sum_where(REDEMPTION.c.settled_on.is_not(None), _NET),
                _sum_where(and_(_IS_CONFIRMED, REDEMPTION.c.settled_on.is_(None)), _NET),
            ).group_by(REDEMPTION.c.city, REDEMPTION.c.campaign)
        )
    }
    pending = {
        (city, campaign): int(amount)
        for city, campaign, amount in connection.execute(
            select(CLAIM.c.city, CLAIM.c.campaign, func.sum(CLAIM.c.amount))
            .where(CLAIM.c.state == PENDING)
            .group_by(CLAIM.c.city, CLAIM.c.campaign)
        )
    }
    totals = []
    for campaign in connection.execute(select(CAMPAIGN).order_by(CAMPAIGN.c.city, CAMPAIGN.c.campaign)):
        key = (campaign.city, campaign.campaign)
        count, redeemed, refunded, reserved, settled, owed = sums.get(key, [0] * 6)
        waiting = pending.get(key, 0)
        totals.append(
            Totals(
                campaign.campaign,
                campaign.name,
                campaign.currency,
                count,
                redeemed,
                refunded,
                reserved,
                waiting,
                settled,
                owed,
            )
        )
    return totals


# What must not be, each counted by one query from scratch.
def _faults(connection: Connection) -> list[str]:
    found = []
    for fault, query in _checks().items():
        count = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        if count:
            found.append(f"{fault}: {count}")
    return found


def _checks() -> dict[str, Select[Any]]:
    r, k = REDEMPTION.c, CLAIM.c
    refunds = (
        select(REFUND.c.redemption_id, func.sum(REFUND.c.amount).label("amount"))
        .group_by(REFUND.c.redemption_id)
        .subquery()
    )
    settled = (
        select(r.merchant_id, r.settled_on, func.sum(_NET).label("total"))
        .where(r.settled_on.is_not(None))
        .group_by(r.merchant_id, r.settled_on)
        .subquery()
    )
    of_campaign = and_(CAMPAIGN.c.city == r.city, CAMPAIGN.c.campaign == r.campaign)
    of_refund = refunds.c.redemption_id == r.id
    of_day = and_(settled.c.merchant_id == CLOSED_DAY.c.merchant_id, settled.c.settled_on == CLOSED_DAY.c.day)
    of_claim = k.id == r.id
    vouchers = (r.city, r.campaign, r.serial)
    return {
        "vouchers that gave more than their value": select(*vouchers)
        .group_by(*vouchers)
        .having(live_amount() > func.min(r.value)),
        "vouchers of two values": select(*vouchers).group_by(*vouchers).having(func.min(r.value) != func.max(r.value)),
        "vouchers with a gap in their rows": select(*vouchers)
        .group_by(*vouchers)
        .having(func.max(r.sequence) != func.count()),
        "redemptions of no known campaign, or in another currency": select(r.id)
        .join_from(REDEMPTION, CAMPAIGN, of_campaign, isouter=True)
        .where(or_(CAMPAIGN.c.city.is_(None), CAMPAIGN.c.currency != r.currency)),
        "redemptions with an amount that cannot be": select(r.id).where(
            or_(r.amount <= 0, r.amount > r.value, r.refunded < 0, r.refunded > r.amount, r.free < 0)
        ),
        "redemptions whose refunds do not add up": select(r.id)
        .join_from(REDEMPTION, refunds, of_refund, isouter=True)
        .where(r.refunded != func.coalesce(refunds.c.amount, 0)),
        "refunds of no redemption": select(REFUND.c.id)
        .join_from(REFUND, REDEMPTION, r.id == REFUND.c.redemption_id, isouter=True)
        .where(or_(r.id.is_(None), r.state != CONFIRMED)),
        "settled redemptions that are not confirmed": select(r.id).where(
            and_(r.settled_on.is_not(None), r.state != CONFIRMED)
        ),
        "closed days that do not add up": select(CLOSED_DAY.c.day)
        .join_from(CLOSED_DAY, settled, of_day, isouter=True)
        .where(CLOSED_DAY.c.total != func.coalesce(settled.c.total, 0)),
        "settled redemptions without a closed day": select(settled.c.settled_on)
        .join_from(settled, CLOSED_DAY, of_day, isouter=True)
        .where(CLOSED_DAY.c.day.is_(None)),
        "claims that won and are not redeemed, or otherwise": select(k.id)
        .join_from(CLAIM, REDEMPTION, of_claim, isouter=True)
        .where(k.state == WON, or_(r.id.is_(None), r.amount != k.amount, r.kind != OFFLINE)),
        "offline redemptions of no claim that won": select(r.id)
        .join_from(REDEMPTION, CLAIM, of_claim, isouter=True)
        .where(r.kind == OFFLINE, or_(k.id.is_(None), k.state != WON)),
    }
