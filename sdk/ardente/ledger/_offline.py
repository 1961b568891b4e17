"""What tills took while they could not ask: claims, the windows they belong to, and who wins.

A window is a campaign's offline time long and closes one more after its end, for late senders. Until then its claims
are pending; what wins is the lowest rank, SHA-256(window ‖ serial ‖ till), so that neither the order of arrival nor a
till's clock decides. A winner becomes a redemption by the same statement as any other, so it never takes what a final
answer has taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, func, select, true, update

from .._errors import LedgerError
from .._liege import day_of
from ..core import reasons
from ._answers import ClaimAnswer, Decision, Duplicate, OfflineClaim, Till
from ._database import Database
from ._redemptions import (
    Request,
    answer_columns,
    check_amount,
    check_receipt,
    is_voucher,
    make_request,
    next_insert,
    void_lapsed,
)
from ._registry import campaign_row
from ._schema import (
    ANSWER,
    CAMPAIGN,
    CLAIM,
    CONFIRMED,
    LOST,
    OFFLINE,
    PENDING,
    REDEMPTION,
    REFUSED,
    RESERVED,
    TILL,
    WINDOW_STATE,
    WON,
)

if TYPE_CHECKING:
    from ..core.manifest import Campaign
    from ._registry import Registry

MAX_CLAIMS: Final = 100
# For claims that were let in just before their window closed, and are not written yet.
DECISION_DELAY_S: Final = 60
# What may have come about since the till took the voucher; the window bounds how long ago that was.
_SINCE: Final = (reasons.OK, reasons.CAMPAIGN_CLOSED, reasons.EXPIRED)
_HEX: Final = frozenset("0123456789abcdef")


def worst_case_loss(tills: int, cap_cents: int, windows: int = 1, *, spent_before: bool = False) -> int:
    """Return the most that may be lost to vouchers shown at more than one till, in cents.

    ``tills`` may take ``cap_cents`` each in each of ``windows`` without asking, and none takes one voucher twice. One
    of all that took a voucher is paid for it. With ``spent_before`` none is: the vouchers were all redeemed online
    before, at another of the tills, which those that are cut off cannot know.
    """
    if min(tills, cap_cents, windows) < 0:
        raise ValueError("tills, cap and windows are zero or more")
    return max(tills - (not spent_before), 0) * cap_cents * windows


def rank(window: int, serial: int, till_id: str) -> str:
    """Return what a claim is ranked by: the lowest wins."""
    return hashlib.sha256(window.to_bytes(8, "big") + serial.to_bytes(8, "big") + till_id.encode()).hexdigest()


def closes_at(campaign: Row[Any], window: int) -> int:
    """Return when ``window`` takes no more claims, in epoch seconds."""
    return int(campaign.starts_at + (window + 2) * campaign.offline_s)


class Offline:
    """Takes claims, and decides windows."""

    def __init__(self, database: Database, registry: Registry, clock: Callable[[], float]) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._insert = next_insert(database, OFFLINE)

    def claim(self, till: Till, claims: Sequence[OfflineClaim]) -> list[ClaimAnswer]:
        """Take claims, each once, and answer in their order."""
        if len(claims) > MAX_CLAIMS:
            raise LedgerError(reasons.BAD_REQUEST, f"At most {MAX_CLAIMS} claims are sent at a time.")
        for claim in claims:
            _check_claim(claim)
        city, now = self._registry.city(), int(self._clock())

        def work(connection: Connection) -> list[ClaimAnswer]:
            # Two requests of one till wait for each other here, so that its cap is counted once.
            connection.execute(select(TILL.c.id).where(TILL.c.id == till.id).with_for_update())
            return [self._take(connection, till, claim, city, now) for claim in claims]

        return self._database.begin(work)

    def decide_windows(self, now: int) -> list[Decision]:
        """Decide every window that closed before ``now`` and has claims pending, each in a transaction of its own."""
        pending = (
            select(CLAIM.c.city, CLAIM.c.campaign, CLAIM.c.window_number)
            .where(CLAIM.c.state == PENDING)
            .distinct()
            .order_by(CLAIM.c.city, CLAIM.c.campaign, CLAIM.c.window_number)
        )
        decisions = []
        for city, campaign, window in self._database.read(lambda connection: connection.execute(pending).all()):
            decided = self._database.begin(partial(self._decide, city=city, number=campaign, window=window, now=now))
            if decided is not None:
                decisions.append(decided)
        return decisions

    def duplicates(self, campaign: int | None) -> list[Duplicate]:
        """Return the claims that were lost to another till, and to which."""
        paid = REDEMPTION.alias("paid")
        of_voucher = and_(
            paid.c.city == CLAIM.c.city,
            paid.c.campaign == CLAIM.c.campaign,
            paid.c.serial == CLAIM.c.serial,
            paid.c.state == CONFIRMED,
        )
        of_campaign = and_(CAMPAIGN.c.city == CLAIM.c.city, CAMPAIGN.c.campaign == CLAIM.c.campaign)
        found = (
            select(
                CLAIM.c.campaign,
                CLAIM.c.amount,
                CLAIM.c.currency,
                CAMPAIGN.c.bearer,
                paid.c.merchant_id,
                paid.c.till_id,
                CLAIM.c.merchant_id,
                CLAIM.c.till_id,
                CLAIM.c.arrived_at,
            )
            .join_from(CLAIM, paid, of_voucher)
            .join(CAMPAIGN, of_campaign)
            .where(CLAIM.c.state == LOST, true() if campaign is None else CLAIM.c.campaign == campaign)
            .order_by(CLAIM.c.arrived_at, CLAIM.c.id)
        )
        rows = self._database.read(lambda connection: connection.execute(found).all())
        return [Duplicate(*row[:-1], day=day_of(row[-1])) for row in rows]

    def _take(self, connection: Connection, till: Till, claim: OfflineClaim, city: str, now: int) -> ClaimAnswer:
        judgement, campaign = claim.judgement, claim.judgement.campaign
        if campaign is None:
            return ClaimAnswer("", REFUSED, judgement.reason)
        asked = (campaign.campaign, judgement.index, claim.window, claim.amount, claim.claimed_at, claim.receipt)
        request = make_request(till, claim.key, "claim", *asked, claim.entry_sha256)
        known = _known(connection, request, claim)
        if known is not None:
            return known
        state, reason = self._judged(connection, till, claim, campaign, city, now)
        values = {
            "id": request.id,
            "city": city,
            "campaign": campaign.campaign,
            "serial": judgement.index,
            "window_number": claim.window,
            "till_id": till.id,
            "merchant_id": till.merchant_id,
            "amount": claim.amount,
            "currency": campaign.currency,
            "receipt": claim.receipt,
            "claimed_at": claim.claimed_at,
            "arrived_at": now,
            "rank": rank(claim.window, judgement.index, till.id),
            "state": state,
            "reason": reason,
            "entry_sha256": claim.entry_sha256,
            "request_sha256": request.sha256,
        }
        connection.execute(CLAIM.insert().values(values))
        # So that the key serves no other request. A refusal that was given under it online stands there already.
        answer = self._database.insert(ANSWER).values(answer_columns(request, reason, now))
        connection.execute(answer.on_conflict_do_nothing())
        return ClaimAnswer(request.id, state, reason)

    def _judged(
        self, connection: Connection, till: Till, claim: OfflineClaim, campaign: Campaign, city: str, now: int
    ) -> tuple[str, str]:
        """Return the state that a claim begins in, and the reason."""
        judgement = claim.judgement
        row = campaign_row(connection, city, campaign.campaign)
        if row is None:
            return REFUSED, reasons.UNKNOWN_CAMPAIGN
        reason = _refused(connection, till, claim, campaign, row, now)
        if reason == reasons.OK:
            reason = self._registry.issued_reason(connection, city, campaign.campaign, judgement.index, judgement.value)
        if reason != reasons.OK:
            return REFUSED, reason
        if _is_over_cap(connection, till, claim, row):
            return REFUSED, reasons.OFFLINE_CAP
        void_lapsed(connection, city, campaign.campaign, judgement.index, now)
        voucher = is_voucher(city, campaign.campaign, judgement.index)
        is_final = and_(REDEMPTION.c.state == CONFIRMED, REDEMPTION.c.amount > REDEMPTION.c.refunded)
        final = connection.execute(select(REDEMPTION.c.id).where(voucher, is_final).limit(1)).one_or_none()
        again = select(CLAIM.c.id).where(
            CLAIM.c.till_id == till.id,
            CLAIM.c.campaign == campaign.campaign,
            CLAIM.c.window_number == claim.window,
            CLAIM.c.serial == judgement.index,
            CLAIM.c.state == PENDING,
        )
        if final is not None or connection.execute(again).one_or_none() is not None:
            return LOST, reasons.ALREADY_USED
        return PENDING, reasons.OK

    def _decide(self, connection: Connection, city: str, number: int, window: int, now: int) -> Decision | None:
        campaign = campaign_row(connection, city, number)
        if campaign is None or now < closes_at(campaign, window) + DECISION_DELAY_S:
            return None
        key = {"city": city, "campaign": number, "window_number": window}
        # Of two that decide one waits here, and then finds nothing pending.
        connection.execute(self._database.insert(WINDOW_STATE).values(**key, decided_at=now).on_conflict_do_nothing())
        of_window = and_(*(CLAIM.c[name] == value for name, value in key.items()), CLAIM.c.state == PENDING)
        claims = connection.execute(
            select(CLAIM).where(of_window).order_by(CLAIM.c.serial, CLAIM.c.rank, CLAIM.c.id).with_for_update()
        ).all()
        won: list[Row[Any]] = []
        lost: list[Row[Any]] = []
        for _, of_voucher in groupby(claims, key=lambda claim: claim.serial):
            first, *others = of_voucher
            if _is_reserved(connection, first, now):
                continue
            (won if self._pay(connection, first, now) else lost).append(first)
            lost += others
        _settle(connection, won, WON, reasons.OK)
        _settle(connection, lost, LOST, reasons.ALREADY_USED)
        return (
            Decision(number, window, len(won), len(lost), sum(claim.amount for claim in won)) if won or lost else None
        )

    def _pay(self, connection: Connection, claim: Row[Any], now: int) -> bool:
        """Make the claim a redemption where the voucher is whole, and tell whether it was."""
        values = {
            **claim._mapping,
            "value": claim.amount,
            "state": CONFIRMED,
            "now": now,
            "lapses_at": None,
            "day": day_of(now).isoformat(),
        }
        return connection.execute(self._insert, values).one_or_none() is not None


def _check_claim(claim: OfflineClaim) -> None:
    check_receipt(claim.receipt)
    check_amount(claim.amount)
    for number in (claim.window, claim.claimed_at):
        if type(number) is not int or not 0 <= number < 1 << 48:
            raise LedgerError(reasons.BAD_REQUEST, "A claim's window and time are whole numbers.")
    if (
        not isinstance(claim.entry_sha256, str)
        or len(claim.entry_sha256) != 64
        or not _HEX.issuperset(claim.entry_sha256)
    ):
        raise LedgerError(reasons.BAD_REQUEST, "A claim names its journal entry by the 64 hex digits of its SHA-256.")


def _known(connection: Connection, request: Request, claim: OfflineClaim) -> ClaimAnswer | None:
    """Return what became of the same claim, or of the till's online request under its key, or None."""
    row = connection.execute(select(CLAIM).where(CLAIM.c.id == request.id)).one_or_none()
    if row is not None:
        if row.request_sha256 != request.sha256:
            return ClaimAnswer(request.id, REFUSED, reasons.KEY_REUSED)
        return ClaimAnswer(request.id, row.state, row.reason)
    redeemed = connection.execute(select(REDEMPTION).where(REDEMPTION.c.id == request.id)).one_or_none()
    if redeemed is not None:
        # The till asked online, never heard the answer, and went on offline under the same key.
        same = (redeemed.campaign, redeemed.serial, redeemed.amount, redeemed.state)
        judgement = claim.judgement
        assert judgement.campaign is not None
        if same == (judgement.campaign.campaign, judgement.index, claim.amount, CONFIRMED):
            return ClaimAnswer(request.id, WON, reasons.OK)
        return ClaimAnswer(request.id, REFUSED, reasons.KEY_REUSED)
    answered = connection.execute(select(ANSWER).where(ANSWER.c.id == request.id)).one_or_none()
    if answered is None or answered.request_sha256 == _online_sha256(request.till, claim):
        # Refused online, which the till never heard: what it took is a claim like any other.
        return None
    return ClaimAnswer(request.id, REFUSED, reasons.KEY_REUSED)


def _online_sha256(till: Till, claim: OfflineClaim) -> str:
    """The hash of the online request that would have redeemed the same voucher whole."""
    judgement, campaign = claim.judgement, claim.judgement.campaign
    assert campaign is not None
    asked = (CONFIRMED, campaign.campaign, judgement.index, claim.amount, campaign.currency, claim.receipt)
    return make_request(till, claim.key, *asked).sha256


def _refused(
    connection: Connection, till: Till, claim: OfflineClaim, campaign: Campaign, row: Row[Any], now: int
) -> str:
    judgement = claim.judgement
    if judgement.reason not in _SINCE:
        return judgement.reason
    if campaign.merchants and till.groups.isdisjoint(campaign.merchants):
        return reasons.WRONG_MERCHANT
    # In parts a voucher is redeemed online only.
    if claim.amount != judgement.value:
        return reasons.BAD_AMOUNT
    if not row.offline_s:
        return reasons.OFFLINE_CAP
    begins_at = row.starts_at + claim.window * row.offline_s
    if begins_at > now:
        return reasons.BAD_REQUEST
    if begins_at >= min(row.ends_at, row.ends_at if row.closed_at is None else row.closed_at):
        return reasons.CAMPAIGN_CLOSED
    decided = select(WINDOW_STATE.c.decided_at).where(
        WINDOW_STATE.c.city == row.city,
        WINDOW_STATE.c.campaign == row.campaign,
        WINDOW_STATE.c.window_number == claim.window,
    )
    # A window that was decided stays closed, whatever the clock says since.
    if now >= closes_at(row, claim.window) or connection.execute(decided).one_or_none() is not None:
        return reasons.WINDOW_CLOSED
    return reasons.OK


def _is_over_cap(connection: Connection, till: Till, claim: OfflineClaim, campaign: Row[Any]) -> bool:
    """Tell whether the till has taken as much as it may in the window. What it lost counts: it was taken."""
    taken = select(func.count(), func.coalesce(func.sum(CLAIM.c.amount), 0)).where(
        CLAIM.c.till_id == till.id,
        CLAIM.c.campaign == campaign.campaign,
        CLAIM.c.window_number == claim.window,
        CLAIM.c.state != REFUSED,
    )
    count, cents = map(int, connection.execute(taken).one())
    return bool(count >= campaign.offline_count or cents + claim.amount > campaign.offline_cents)


def _is_reserved(connection: Connection, claim: Row[Any], now: int) -> bool:
    """Tell whether a reservation may yet take the voucher; then it is not decided now."""
    void_lapsed(connection, claim.city, claim.campaign, claim.serial, now)
    reserved = and_(is_voucher(claim.city, claim.campaign, claim.serial), REDEMPTION.c.state == RESERVED)
    return connection.execute(select(REDEMPTION.c.id).where(reserved).limit(1)).one_or_none() is not None


def _settle(connection: Connection, claims: Iterable[Row[Any]], state: str, reason: str) -> None:
    ids = [{"claim_id": claim.id} for claim in claims]
    if ids:
        one = update(CLAIM).where(CLAIM.c.id == bindparam("claim_id")).values(state=state, reason=reason)
        connection.execute(one, ids)
