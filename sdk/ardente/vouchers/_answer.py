"""What a till is told of a voucher. None of it names the voucher, whatever form it is put in."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .. import _texts
from ..core import reasons

REDEEMED, HELD, TAKEN, REFUSED, UNKNOWN = "redeemed", "held", "taken", "refused", "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request; true where the cashier may take the voucher for money.

    ``outcome`` is "redeemed" (final), "refunded" or "voided" (final), "held" until it is confirmed, "taken" without a
    connection (provisional), "refused" (nothing was done), or "unknown": the connection broke before the answer came,
    and the same request, made again, finds out without taking anything twice. ``amount`` and ``free``, what the
    voucher has left, are cents; ``free`` is None where only the service knows. ``id`` is for `VoucherClient.confirm`,
    `void` and `refund`, ``receipt`` the till's own number of the sale.
    """

    outcome: str
    final: bool
    reason: str = reasons.OK
    amount: int = 0
    currency: str = "EUR"
    free: int | None = None
    id: str = ""
    receipt: str = ""

    @property
    def accepted(self) -> bool:
        return self.outcome not in (REFUSED, UNKNOWN)

    def __bool__(self) -> bool:
        return self.accepted

    def heading(self, language: str = "fr") -> str:
        """Return the one word for large letters: FINAL, PROVISIONAL, …

        ``language`` is "fr", "nl", "de" or "en"; ValueError for any other.
        """
        return _texts.redemption_heading(self.outcome, language)

    def text(self, language: str = "fr") -> str:
        """Return a sentence for the cashier: what was done, whether it is final, and what to do next.

        ``language`` is "fr", "nl", "de" or "en"; ValueError for any other.
        """
        if self.outcome == REFUSED:
            return _texts.voucher_text(self.reason, language)
        return _texts.redemption_text(self.outcome, self.amount, self.currency, language)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON can carry it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Total:
    """What a till took today, in cents of ``currency``: for good, and as far as the ledger will confirm it."""

    final: int
    provisional: int
    currency: str = "EUR"
