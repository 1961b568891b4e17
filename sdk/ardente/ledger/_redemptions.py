"""Redeeming: once only, and the same answer to the same request.

The usual redemption is one statement. It inserts the voucher's next row where the voucher has enough left, and what
may not happen twice is held by unique keys: (city, campaign, serial, sequence), and the id, which is hashed from till
and idempotency key. Only where nothing was inserted is it looked up why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert

from .._errors import LedgerError
from .._liege import day_of
from ..core import reasons
from ._answers import Balance, Redemption, Till
from ._database import Database, Statement
from ._registry import campaign_row
from ._schema import (
    ACTIVE,
    ANSWER,
    CAMPAIGN,
    CLAIM,
    CONFIRMED,
    ISSUED,
    ONLINE,
    PENDING,
    REDEMPTION,
    REFUND,
    RESERVED,
    VOID,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from ..core.manifest import Campaign
    from ..core.verdict import VoucherJudgement
    from ._registry import Registry

RESERVATION_S: Final = 15 * 60
REFUND_S: Final = 30 * 86400
MAX_CENTS: Final = 0xFFFFFFFF
MAX_KEY: Final = 64
MAX_RECEIPT: Final = 32
_LOOKS: Final = 16


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One request of a till: ``id`` is hashed from till and key, ``sha256`` from all that it asks for."""

    id: str
    sha256: str
    till: Till


def make_request(till: Till, key: str, *asked: object) -> Request:
    """Return the request that ``asked`` is. Raises `LedgerError` where the key is none."""
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        raise LedgerError(reasons.BAD_REQUEST, f"An idempotency key has 1 to {MAX_KEY} printable ASCII characters.")
    # No part has a control character, so that none can pass for two.
    request_sha256 = hashlib.sha256("\x1f".join(map(str, asked)).encode()).hexdigest()
    return Request(hashlib.sha256(f"{till.id}\x1f{key}".encode()).hexdigest()[:32], request_sha256, till)


def check_receipt(receipt: str) -> None:
    """Raise `LedgerError` unless ``receipt`` is a till's own short number."""
    if not isinstance(receipt, str) or len(receipt) > MAX_RECEIPT or not (receipt.isascii() and receipt.isprintable()):
        raise LedgerError(
            reasons.BAD_REQUEST, f"A receipt's number has at most {MAX_RECEIPT} printable ASCII characters."
        )


def check_amount(amount: object) -> None:
    """Raise `LedgerError` unless ``amount`` is a whole number of cents above zero."""
    if type(amount) is not int or not 0 < amount <= MAX_CENTS:
        raise LedgerError(reasons.BAD_AMOUNT)


def live_amount() -> ColumnElement[int]:
    """What a voucher's rows take of its value: reserved and confirmed, without what was refunded."""
    is_void = REDEMPTION.c.state == literal_column(f"'{VOID}'")
    live = case((is_void, literal_column("0")), else_=REDEMPTION.c.amount - REDEMPTION.c.refunded)
    return func.coalesce(func.sum(live), literal_column("0"))


def first_insert(database: Database) -> ReturningInsert[Any]:
    """Return the statement that redeems a voucher of which nothing was redeemed before.

    It looks at no row of the voucher: where there is one, the key (city, campaign, serial, 1) is taken.
    """
    amount, value = _number("amount"), _number("value")
    columns = _columns(literal_column("1"), value - amount, ONLINE)
    source = select(*columns.values()).select_from(CAMPAIGN).where(*_runs_online())
    return _inserted(database, columns, source)


def next_insert(database: Database, kind: str) -> ReturningInsert[Any]:
    """Return the statement that inserts a voucher's next row where it has enough left.

    Two tills that race compute one sequence, and one of them hits the key. A row counts against the voucher until it
    is void: a lapsed reservation is voided first (`void_lapsed`), under its row's lock, so that it cannot be confirmed
    meanwhile. An offline claim that won needs no running campaign, so ``kind`` offline asks for none.
    """
    amount, value = _number("amount"), _number("value")
    next_sequence = func.coalesce(func.max(REDEMPTION.c.sequence), literal_column("0")) + literal_column("1")
    columns = _columns(next_sequence, cast(value - live_amount() - amount, BigInteger), kind)
    rows = and_(
        REDEMPTION.c.city == CAMPAIGN.c.city,
        REDEMPTION.c.campaign == CAMPAIGN.c.campaign,
        REDEMPTION.c.serial == _number("serial"),
    )
    source = (
        select(*columns.values())
        .select_from(CAMPAIGN.outerjoin(REDEMPTION, rows))
        .where(*(_runs_online() if kind == ONLINE else _is_campaign()))
        .group_by(CAMPAIGN.c.city, CAMPAIGN.c.campaign)
        .having(live_amount() + amount <= value)
    )
    return _inserted(database, columns, source)


def _inserted(database: Database, columns: dict[str, ColumnElement[Any]], source: Select[Any]) -> ReturningInsert[Any]:
    insert = database.insert(REDEMPTION).from_select(list(columns), source)
    return insert.on_conflict_do_nothing().returning(REDEMPTION.c.free)


def _columns(sequence: ColumnElement[int], free: ColumnElement[int], kind: str) -> dict[str, ColumnElement[Any]]:
    # What never varies stands in the text: each parameter costs the driver and the server.
    return {
        "city": CAMPAIGN.c.city,
        "campaign": CAMPAIGN.c.campaign,
        "serial": _number("serial"),
        "sequence": sequence,
        "id": _text("id"),
        "till_id": _text("till_id"),
        "merchant_id": _text("merchant_id"),
        "value": _number("value"),
        "amount": _number("amount"),
        "refunded": literal_column("0"),
        "free": free,
        "currency": CAMPAIGN.c.currency,
        "state": _text("state"),
        "kind": literal_column(f"'{kind}'"),
        "created_at": _number("now"),
        "lapses_at": _number("lapses_at"),
        "day": _text("day"),
        "receipt": _text("receipt"),
        "request_sha256": _text("request_sha256"),
    }


def _is_campaign() -> list[ColumnElement[bool]]:
    return [CAMPAIGN.c.city == _text("city"), CAMPAIGN.c.campaign == bindparam("campaign", type_=Integer)]


def _runs_online() -> list[ColumnElement[bool]]:
    """The campaign runs, the batch is active and of this value, no claim is pending, the key had no other answer."""
    now, batch = _number("now"), _text("batch")
    of_campaign = and_(ISSUED.c.city == CAMPAIGN.c.city, ISSUED.c.campaign == CAMPAIGN.c.campaign)
    is_not = or_(ISSUED.c.state != literal_column(f"'{ACTIVE}'"), ISSUED.c.value != _number("value"))
    is_other = and_(ISSUED.c.batch == batch, is_not)
    # "" stands for a batch not known here: it serves only where the city sent none at all.
    not_active = and_(of_campaign, or_(batch == literal_column("''"), is_other))
    claimed = and_(
        CLAIM.c.city == CAMPAIGN.c.city,
        CLAIM.c.campaign == CAMPAIGN.c.campaign,
        CLAIM.c.serial == _number("serial"),
        CLAIM.c.state == literal_column(f"'{PENDING}'"),
    )
    return [
        *_is_campaign(),
        CAMPAIGN.c.closed_at.is_(None),
        CAMPAIGN.c.starts_at <= now,
        CAMPAIGN.c.ends_at > now,
        ~exists().where(not_active),
        ~exists().where(claimed),
        ~exists().where(ANSWER.c.id == _text("id")),
    ]


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger)


def _text(name: str) -> ColumnElement[str]:
    return bindparam(name, type_=String)


def is_voucher(city: str, campaign: int, serial: int) -> ColumnElement[bool]:
    return and_(REDEMPTION.c.city == city, REDEMPTION.c.campaign == campaign, REDEMPTION.c.serial == serial)


def has_lapsed(now: int) -> ColumnElement[bool]:
    """A reservation whose time is over. One from the far future was made by a clock that has been set back since."""
    return and_(
        REDEMPTION.c.state == RESERVED,
        or_(REDEMPTION.c.lapses_at <= now, REDEMPTION.c.created_at > now + RESERVATION_S),
    )


def void_lapsed(connection: Connection, city: str, campaign: int, serial: int, now: int) -> bool:
    """Void the voucher's reservations whose time is over and tell whether there were any."""
    lapsed = and_(is_voucher(city, campaign, serial), has_lapsed(now))
    return connection.execute(update(REDEMPTION).where(lapsed).values(state=VOID)).rowcount > 0


class Redemptions:
    """The operations of tills that are online."""

    def __init__(self, database: Database, registry: Registry, clock: Callable[[], float]) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._first = Statement(database, first_insert(database))
        self._next = Statement(database, next_insert(database, ONLINE))

    def redeem(
        self,
        till: Till,
        judgement: VoucherJudgement,
        key: str,
        amount: int | None,
        currency: str,
        receipt: str,
        state: str = CONFIRMED,
    ) -> Redemption:
        """Insert the voucher's next row, in ``state`` confirmed or reserved, and answer with it."""
        campaign = judgement.campaign
        check_receipt(receipt)
        if amount is not None:
            check_amount(amount)
        if campaign is None:
            raise LedgerError(judgement.reason)
        amount = judgement.value if amount is None else amount
        request = make_request(till, key, state, campaign.campaign, judgement.index, amount, str(currency)[:8], receipt)
        now = int(self._clock())
        reason = _refused_at_once(till, judgement, campaign, amount, currency)
        values = {
            "city": self._registry.city(),
            "campaign": campaign.campaign,
            "serial": judgement.index,
            "batch": self._registry.batch(campaign.campaign, judgement.index),
            "id": request.id,
            "till_id": till.id,
            "merchant_id": till.merchant_id,
            "value": judgement.value,
            "amount": amount,
            "state": state,
            "now": now,
            "lapses_at": now + RESERVATION_S if state == RESERVED else None,
            "day": day_of(now).isoformat(),
            "receipt": receipt,
            "request_sha256": request.sha256,
        }
        for attempt in range(_LOOKS):
            if reason == reasons.OK:
                free = self._database.number(self._next if attempt else self._first, values)
                if free is not None:
                    return _answer(request.id, values, free, campaign.currency)
            answer = self._database.begin(lambda connection: self._look(connection, request, reason, values))
            if isinstance(answer, LedgerError):
                raise answer
            if answer is not None:
                return answer
            values["batch"] = self._registry.batch(campaign.campaign, judgement.index)
        raise LedgerError(reasons.UNAVAILABLE)

    def confirm(self, till: Till, redemption_id: str, key: str) -> Redemption:
        def step(connection: Connection, row: Row[Any], now: int) -> str:
            if row.state == CONFIRMED:
                return reasons.OK
            if row.state == VOID or row.lapses_at <= now or row.created_at > now + RESERVATION_S:
                return reasons.RESERVATION_LAPSED
            _change(connection, row, state=CONFIRMED)
            return reasons.OK

        return self._step(make_request(till, key, "confirm", redemption_id), redemption_id, step)

    def void(self, till: Till, redemption_id: str, key: str) -> Redemption:
        def step(connection: Connection, row: Row[Any], now: int) -> str:
            if row.state == CONFIRMED:
                return reasons.NOT_ALLOWED
            _change(connection, row, state=VOID)
            return reasons.OK

        return self._step(make_request(till, key, "void", redemption_id), redemption_id, step)

    def refund(self, till: Till, redemption_id: str, key: str, amount: int | None) -> Redemption:
        if amount is not None:
            check_amount(amount)
        request = make_request(till, key, "refund", redemption_id, amount)

        def step(connection: Connection, row: Row[Any], now: int) -> str:
            left = row.amount - row.refunded
            wanted = left if amount is None else amount
            reason = _not_refundable(connection, row, wanted, now)
            if reason == reasons.OK:
                _change(connection, row, refunded=row.refunded + wanted)
                connection.execute(
                    REFUND.insert().values(
                        id=request.id,
                        redemption_id=row.id,
                        till_id=till.id,
                        merchant_id=till.merchant_id,
                        amount=wanted,
                        created_at=now,
                        day=day_of(now).isoformat(),
                    )
                )
            return reason

        return self._step(request, redemption_id, step)

    def balance(self, judgement: VoucherJudgement) -> Balance:
        campaign = judgement.campaign
        if campaign is None or judgement.reason != reasons.OK:
            raise LedgerError(judgement.reason)
        voucher = (self._registry.city(), campaign.campaign, judgement.index)
        now = int(self._clock())
        is_reserved = and_(REDEMPTION.c.state == RESERVED, ~has_lapsed(now))
        taken = case(
            (REDEMPTION.c.state == CONFIRMED, REDEMPTION.c.amount - REDEMPTION.c.refunded),
            (is_reserved, REDEMPTION.c.amount),
            else_=0,
        )
        sums = select(func.sum(taken), func.sum(case((is_reserved, REDEMPTION.c.amount), else_=0)))

        def work(connection: Connection) -> Balance:
            total, reserved = connection.execute(sums.where(is_voucher(*voucher))).one()
            free = 0 if _is_claimed(connection, *voucher) else judgement.value - int(total or 0)
            return Balance(judgement.value, free, int(reserved or 0), campaign.currency)

        return self._database.read(work)

    def _look(
        self, connection: Connection, request: Request, reason: str, values: Mapping[str, Any]
    ) -> Redemption | LedgerError | None:
        """Find out why nothing was inserted: the answer, a refusal, or None where it is worth another try."""
        known = replay(connection, request)
        if known is not None:
            return known
        if reason == reasons.OK:
            found = self._why(connection, values)
            if found is None:
                return None
            reason = found
        connection.execute(
            self._database.insert(ANSWER)
            .values(answer_columns(request, reason, values["now"]))
            .on_conflict_do_nothing()
        )
        return LedgerError(reason)

    def _why(self, connection: Connection, values: Mapping[str, Any]) -> str | None:
        voucher = (values["city"], values["campaign"], values["serial"])
        now, amount = values["now"], values["amount"]
        campaign = campaign_row(connection, *voucher[:2])
        if campaign is None:
            return reasons.UNKNOWN_CAMPAIGN
        if now < campaign.starts_at:
            return reasons.NOT_YET_VALID
        if campaign.closed_at is not None or now >= campaign.ends_at:
            return reasons.CAMPAIGN_CLOSED
        reason = self._registry.issued_reason(connection, *voucher, values["value"])
        if reason != reasons.OK:
            return reason
        if _is_claimed(connection, *voucher):
            return reasons.ALREADY_USED
        if void_lapsed(connection, *voucher, now):
            return None
        is_reserved = case((REDEMPTION.c.state == RESERVED, REDEMPTION.c.amount), else_=0)
        sums = select(live_amount(), func.coalesce(func.sum(is_reserved), 0)).where(is_voucher(*voucher))
        live, reserved = map(int, connection.execute(sums).one())
        free = values["value"] - live
        if amount <= free:
            return None
        if reserved and amount <= free + reserved:
            return reasons.RESERVED
        return reasons.AMOUNT_TOO_HIGH if free > 0 else reasons.ALREADY_USED

    def _step(
        self, request: Request, redemption_id: str, step: Callable[[Connection, Row[Any], int], str]
    ) -> Redemption:
        """Take a redemption one step on, once for each key, and keep what was answered."""
        now = int(self._clock())

        def work(connection: Connection) -> Redemption | LedgerError:
            # The key is taken first: of two equal requests one waits here, and finds the answer of the other.
            taken = (
                self._database.insert(ANSWER)
                .values(answer_columns(request, reasons.UNKNOWN_REDEMPTION, now))
                .on_conflict_do_nothing()
                .returning(ANSWER.c.id)
            )
            if _is_redeem_key(connection, request) or connection.execute(taken).one_or_none() is None:
                return replay(connection, request) or LedgerError(reasons.UNAVAILABLE)
            found = select(REDEMPTION).where(REDEMPTION.c.id == redemption_id).with_for_update()
            row = connection.execute(found).one_or_none()
            if row is None:
                return LedgerError(reasons.UNKNOWN_REDEMPTION)
            is_own = row.merchant_id == request.till.merchant_id
            reason = step(connection, row, now) if is_own else reasons.NOT_ALLOWED
            outcome: dict[str, Any] = {"reason": reason}
            if reason == reasons.OK:
                outcome |= _outcome(connection, row)
            connection.execute(update(ANSWER).where(ANSWER.c.id == request.id).values(outcome))
            return _replayed_answer(connection, request.id)

        answer = self._database.begin(work)
        if isinstance(answer, LedgerError):
            raise answer
        return answer


def replay(connection: Connection, request: Request) -> Redemption | LedgerError | None:
    """Return what was answered to ``request`` before, `key_reused` where its key had another, or None."""
    row = connection.execute(select(REDEMPTION).where(REDEMPTION.c.id == request.id)).one_or_none()
    if row is not None:
        return _first_answer(row) if row.request_sha256 == request.sha256 else LedgerError(reasons.KEY_REUSED)
    answer = connection.execute(select(ANSWER).where(ANSWER.c.id == request.id)).one_or_none()
    if answer is not None:
        is_same = answer.request_sha256 == request.sha256
        return _replayed_answer(connection, request.id) if is_same else LedgerError(reasons.KEY_REUSED)
    return None


def _is_redeem_key(connection: Connection, request: Request) -> bool:
    found = select(REDEMPTION.c.id).where(REDEMPTION.c.id == request.id)
    return connection.execute(found).one_or_none() is not None


def _refused_at_once(till: Till, judgement: VoucherJudgement, campaign: Campaign, amount: int, currency: str) -> str:
    """What can be said of a request without the books."""
    if judgement.reason != reasons.OK:
        return judgement.reason
    if campaign.merchants and till.groups.isdisjoint(campaign.merchants):
        return reasons.WRONG_MERCHANT
    if currency != campaign.currency:
        return reasons.WRONG_CURRENCY
    if amount > judgement.value:
        return reasons.AMOUNT_TOO_HIGH
    return reasons.OK if campaign.partial or amount == judgement.value else reasons.BAD_AMOUNT


def _not_refundable(connection: Connection, row: Row[Any], wanted: int, now: int) -> str:
    if row.state != CONFIRMED or row.refunded == row.amount or now >= row.created_at + REFUND_S:
        return reasons.NOT_REFUNDABLE
    if row.settled_on is not None:
        return reasons.DAY_CLOSED
    campaign = campaign_row(connection, row.city, row.campaign)
    if campaign is None or campaign.closed_at is not None or now >= campaign.ends_at:
        return reasons.CAMPAIGN_CLOSED
    if wanted > row.amount - row.refunded:
        return reasons.AMOUNT_TOO_HIGH
    return reasons.OK if campaign.partial or wanted == row.amount else reasons.BAD_AMOUNT


def _is_claimed(connection: Connection, city: str, campaign: int, serial: int) -> bool:
    pending = select(CLAIM.c.id).where(
        CLAIM.c.city == city, CLAIM.c.campaign == campaign, CLAIM.c.serial == serial, CLAIM.c.state == PENDING
    )
    return connection.execute(pending.limit(1)).one_or_none() is not None


def _change(connection: Connection, row: Row[Any], **values: Any) -> None:
    connection.execute(update(REDEMPTION).where(REDEMPTION.c.id == row.id).values(**values))


def answer_columns(request: Request, reason: str, now: int) -> dict[str, Any]:
    return {
        "id": request.id,
        "till_id": request.till.id,
        "request_sha256": request.sha256,
        "reason": reason,
        "redemption_id": None,
        "state": "",
        "refunded": 0,
        "free": 0,
        "created_at": now,
    }


def _outcome(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    """What is kept of a step that was taken: how redemption and voucher stand right after."""
    live = connection.execute(select(live_amount()).where(is_voucher(row.city, row.campaign, row.serial))).scalar_one()
    state, refunded = connection.execute(
        select(REDEMPTION.c.state, REDEMPTION.c.refunded).where(REDEMPTION.c.id == row.id)
    ).one()
    return {"redemption_id": row.id, "state": state, "refunded": refunded, "free": row.value - int(live)}


def _answer(request_id: str, values: Mapping[str, Any], free: int, currency: str) -> Redemption:
    lapses_at = values["lapses_at"]
    return Redemption(
        id=request_id,
        state=values["state"],
        final=lapses_at is None,
        amount=values["amount"],
        refunded=0,
        currency=currency,
        free=free,
        day=date.fromisoformat(values["day"]),
        receipt=values["receipt"],
        at=datetime.fromtimestamp(values["now"], UTC),
        lapses_at=None if lapses_at is None else datetime.fromtimestamp(lapses_at, UTC),
    )


def _first_answer(row: Row[Any]) -> Redemption:
    """What a redemption was answered with when it was made, whatever became of it since."""
    values = {**row._mapping, "now": row.created_at, "state": CONFIRMED if row.lapses_at is None else RESERVED}
    return _answer(row.id, values, row.free, row.currency)


def _replayed_answer(connection: Connection, request_id: str) -> Redemption | LedgerError:
    answer = connection.execute(select(ANSWER).where(ANSWER.c.id == request_id)).one()
    if answer.reason != reasons.OK:
        return LedgerError(answer.reason)
    row = connection.execute(select(REDEMPTION).where(REDEMPTION.c.id == answer.redemption_id)).one()
    return Redemption(
        id=row.id,
        state=answer.state,
        final=answer.state != RESERVED,
        amount=row.amount,
        refunded=answer.refunded,
        currency=row.currency,
        free=answer.free,
        day=date.fromisoformat(row.day),
        receipt=row.receipt,
        at=datetime.fromtimestamp(row.created_at, UTC),
    )
