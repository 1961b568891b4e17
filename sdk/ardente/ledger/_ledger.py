"""The ledger as its users see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from os import PathLike
from typing import TYPE_CHECKING, Self

from ._books import Books
from ._database import Database
from ._offline import Offline
from ._redemptions import Redemptions
from ._registry import Registry
from ._schema import RESERVED

if TYPE_CHECKING:
    from types import TracebackType

    from ..core.manifest import Manifest
    from ..core.verdict import VoucherJudgement
    from ._answers import (
        Activity,
        Balance,
        ClaimAnswer,
        Decision,
        Duplicate,
        OfflineClaim,
        Redemption,
        Settlement,
        StatementLine,
        Till,
        Totals,
    )


class Ledger:
    """The books of one city's vouchers. May be shared by threads; other processes open their own.

    Every operation raises `LedgerError` where it is refused or the database cannot be used, and then has changed
    nothing. ``key`` is the till's idempotency key, 1 to 64 printable ASCII characters: the same request under the same
    key has the same answer, refusals too, and another request under it is refused as ``key_reused``. Amounts are cents
    of the campaign's currency, days those of Liège.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._registry = Registry(database, clock)
        self._redemptions = Redemptions(database, self._registry, clock)
        self._offline = Offline(database, self._registry, clock)
        self._books = Books(database, clock)

    @classmethod
    def open(cls, url: str | PathLike[str], *, clock: Callable[[], float] = time.time) -> Ledger:
        """Open a SQLite file, made where it is missing, or ``postgresql://user@host/name``. `migrate` makes the tables.

        ``clock`` answers epoch seconds. Raises `LedgerError`.
        """
        return cls(Database(url), clock)

    def migrate(self) -> None:
        """Bring the tables to this version's form. Safe to repeat."""
        from .migrations import upgrade

        upgrade(self._database)

    def ready(self) -> None:
        """Raise `LedgerError` where the database cannot be used now, or lacks its tables."""
        self._registry.ready()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Who and what there is.

    def load_campaigns(self, manifest: Manifest) -> None:
        """Take in the campaigns of a verified manifest.

        Raises `TrustError` for another city's, `LedgerError` where a campaign changed what its books are counted by.
        """
        self._registry.load_campaigns(manifest)

    def load_issued(self, export: str | PathLike[str]) -> None:
        """Take in the city's list of issued vouchers and their states; then no other voucher is redeemed."""
        self._registry.load_issued(export)

    def close_campaign(self, campaign: int) -> None:
        """Redeem no more of the campaign, for good. What is reserved may be confirmed, what is claimed is decided."""
        self._registry.close_campaign(campaign)

    def add_merchant(self, name: str, district: str, groups: Iterable[str] = ()) -> str:
        """Add a merchant, of the ``groups`` that campaigns name, and return its id."""
        return self._registry.add_merchant(name, district, groups)

    def add_till(self, merchant_id: str, name: str) -> tuple[str, str]:
        """Add a till and return (its id, its token). The token is nowhere else: only its hash is kept."""
        return self._registry.add_till(merchant_id, name)

    def revoke_till(self, till_id: str) -> None:
        """Let the till's token open nothing more."""
        self._registry.revoke_till(till_id)

    def till(self, token: str) -> Till:
        """Return the till that the token is of. Raises `LedgerError` ``unknown_till``."""
        return self._registry.till(token)

    # What tills do.

    def redeem(
        self,
        till: Till,
        judgement: VoucherJudgement,
        *,
        key: str,
        amount: int | None = None,
        currency: str = "EUR",
        receipt: str = "",
    ) -> Redemption:
        """Redeem ``amount`` of a voucher, its whole value where None. The answer is final."""
        return self._redemptions.redeem(till, judgement, key, amount, currency, receipt)

    def reserve(
        self,
        till: Till,
        judgement: VoucherJudgement,
        *,
        key: str,
        amount: int | None = None,
        currency: str = "EUR",
        receipt: str = "",
    ) -> Redemption:
        """Hold ``amount`` of a voucher for a quarter of an hour, until `confirm` or `void`."""
        return self._redemptions.redeem(till, judgement, key, amount, currency, receipt, RESERVED)

    def confirm(self, till: Till, redemption_id: str, *, key: str) -> Redemption:
        """Make a reservation of the till's merchant final."""
        return self._redemptions.confirm(till, redemption_id, key)

    def void(self, till: Till, redemption_id: str, *, key: str) -> Redemption:
        """Give a reservation of the till's merchant up."""
        return self._redemptions.void(till, redemption_id, key)

    def refund(self, till: Till, redemption_id: str, *, key: str, amount: int | None = None) -> Redemption:
        """Give ``amount`` of a redemption back to its voucher, all that is left of it where None.

        By its own merchant, within 30 days, before the day is closed and while the campaign runs; in parts only where
        the campaign allows it.
        """
        return self._redemptions.refund(till, redemption_id, key, amount)

    def balance(self, till: Till, judgement: VoucherJudgement) -> Balance:
        """Return what a voucher has left."""
        return self._redemptions.balance(judgement)

    def claim(self, till: Till, claims: Sequence[OfflineClaim]) -> list[ClaimAnswer]:
        """Take up to 100 claims of a till that was offline, each once, and answer in their order.

        Sent again, a claim is answered with what has become of it. ``LedgerError`` where the request is malformed: then
        none was taken.
        """
        return self._offline.claim(till, claims)

    # What the city and the merchants read.

    def statement(self, merchant_id: str, first_day: date, last_day: date) -> list[StatementLine]:
        """Return a merchant's lines of these days, both included, in order."""
        return self._books.statement(merchant_id, first_day, last_day)

    def decide_windows(self, now: datetime | int | None = None) -> list[Decision]:
        """Decide the offline windows that are closed at ``now``, the clock's time where None. Safe to repeat."""
        if now is None:
            now = int(self._clock())
        return self._offline.decide_windows(int(now.timestamp()) if isinstance(now, datetime) else now)

    def duplicates(self, campaign: int | None = None) -> list[Duplicate]:
        """Return the offline claims that were lost, with the till that lost and the one that was paid."""
        return self._offline.duplicates(campaign)

    def close_day(self, merchant_id: str | None, day: date) -> int:
        """Close a day that is over, for one merchant or all, for good, and return the cents owed for it.

        What the merchant redeemed up to that day and was not paid yet is paid with it. Safe to repeat: a closed day
        returns what it was closed with.
        """
        return self._books.close_day(merchant_id, day)

    def settlement(self, day: date) -> list[Settlement]:
        """Return what each merchant is owed for a closed day."""
        return self._books.settlement(day)

    def activity(self, campaign: int, before: date) -> Activity:
        """Return what was redeemed of a campaign on days before ``before``, by day and district of the shop."""
        return self._books.activity(campaign, before)

    def totals(self) -> list[Totals]:
        """Return the books of every campaign, added up from scratch."""
        return self._books.totals()

    def check(self) -> list[str]:
        """Recompute the books and return what does not add up, one sentence each: none in sound books."""
        return self._books.check()
