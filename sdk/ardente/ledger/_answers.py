"""What the ledger answers. None of it names a voucher: no serial, no digits, whatever form it is put in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.verdict import VoucherJudgement


@dataclass(frozen=True, slots=True)
class Till:
    """A till that has shown its token; ``groups`` are those of its merchant."""

    id: str
    merchant_id: str
    name: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a till knows of one redemption. Amounts are cents of ``currency``.

    ``state`` is "reserved", "confirmed" or "void"; ``final`` where it is never overturned. ``free`` is what the voucher
    had left right after, ``refunded`` what of ``amount`` was given back. ``lapses_at`` is when a reservation ends.
    """

    id: str
    state: str
    final: bool
    amount: int
    refunded: int
    currency: str
    free: int
    day: date
    receipt: str
    at: datetime
    lapses_at: datetime | None = None

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON can carry it."""
        return {
            "id": self.id,
            "state": self.state,
            "final": self.final,
            "amount": self.amount,
            "refunded": self.refunded,
            "currency": self.currency,
            "free": self.free,
            "day": self.day.isoformat(),
            "receipt": self.receipt,
            "at": self.at.isoformat(),
            "lapses_at": self.lapses_at.isoformat() if self.lapses_at else None,
        }


@dataclass(frozen=True, slots=True)
class Balance:
    """What a voucher has left, in cents: of ``value``, ``free`` can be redeemed and ``reserved`` is being redeemed."""

    value: int
    free: int
    reserved: int
    currency: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a merchant's statement, in cents; a refund's ``amount`` is negative.

    ``state`` is "confirmed", "reserved", "refund", "pending" (an offline claim that is not decided) or "lost" (one that
    another till won). The city owes the confirmed and refund lines; ``settled_on`` is the closed day that paid them.
    """

    day: date
    amount: int
    currency: str
    receipt: str
    state: str
    settled_on: date | None = None


class OfflineClaim:
    """One entry of a till's journal: a voucher that it took without asking. It has no `repr` that tells the voucher.

    ``window`` is the number of the campaign's window, ``amount`` cents, ``claimed_at`` epoch seconds by the till's
    clock, ``key`` the idempotency key, ``entry_sha256`` the 64 hex digits of the entry in the journal's hash chain.
    """

    __slots__ = ("amount", "claimed_at", "entry_sha256", "judgement", "key", "receipt", "window")

    def __init__(
        self,
        judgement: VoucherJudgement,
        *,
        window: int,
        amount: int,
        claimed_at: int,
        key: str,
        entry_sha256: str,
        receipt: str = "",
    ) -> None:
        self.judgement = judgement
        self.window = window
        self.amount = amount
        self.claimed_at = claimed_at
        self.key = key
        self.entry_sha256 = entry_sha256
        self.receipt = receipt


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What became of an offline claim: ``state`` "pending", "won", "lost" or "refused", and the reason of a refusal."""

    id: str
    state: str
    reason: str

    @property
    def final(self) -> bool:
        return self.state != "pending"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the closing of one window decided: how many claims were won and lost, and the cents that were won."""

    campaign: int
    window: int
    won: int
    lost: int
    amount: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A voucher that two tills took, for the city: the one that has the money and the one that lost its claim."""

    campaign: int
    amount: int
    currency: str
    bearer: int
    paid_merchant_id: str
    paid_till_id: str
    lost_merchant_id: str
    lost_till_id: str
    day: date


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the city owes a merchant for a closed day, in cents of ``currency``."""

    merchant_id: str
    name: str
    district: str
    day: date
    currency: str
    redemptions: int
    amount: int
    refunded: int

    @property
    def total(self) -> int:
        return self.amount - self.refunded


@dataclass(frozen=True, slots=True)
class ActivityLine:
    """What was redeemed on one day in the shops of one district: how often, and the cents less refunds."""

    day: date
    district: str
    redemptions: int
    amount: int


@dataclass(frozen=True, slots=True)
class Activity:
    """What became of a campaign's vouchers so far: how many of them were redeemed, in parts or whole, and where.

    Small counts tell about people: they are for the city's report, which leaves them out.
    """

    vouchers: int
    lines: list[ActivityLine]


@dataclass(frozen=True, slots=True)
class Totals:
    """The books of one campaign, in cents, added up from the rows of its redemptions.

    ``redeemed`` is confirmed, before ``refunded``; ``settled`` is what closed days paid and ``owed`` what is left to
    pay, so that redeemed - refunded = settled + owed. ``reserved`` and ``pending`` are neither yet.
    """

    campaign: int
    name: str
    currency: str
    redemptions: int
    redeemed: int
    refunded: int
    reserved: int
    pending: int
    settled: int
    owed: int
