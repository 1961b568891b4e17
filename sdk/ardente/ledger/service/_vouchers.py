"""Judges vouchers by the city's bundle, whose campaigns the books follow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..._trust_watch import TrustWatch
from ...core import reasons
from ...core.verdict import STALE_REFUSED
from .. import LedgerError

if TYPE_CHECKING:
    from ..._trust import Trust
    from ..._trust_store import TrustStore
    from ...core.manifest import Campaign
    from ...core.verdict import VoucherJudgement
    from .. import Ledger

# What scanners and lines of text end with.
_LINE_ENDS = " \t\r\n"


class Vouchers:
    """The rule book as the trust folder has it now. May be shared by threads."""

    def __init__(
        self, ledger: Ledger, store: TrustStore, clock: Callable[[], float], *, allow_test_city: bool = False
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._watch = TrustWatch(store, allow_test_city=allow_test_city)
        self._lock = threading.Lock()
        self._in_books: Trust | None = None

    def judge(self, text: str) -> VoucherJudgement:
        """Return what the rule book says of a scan.

        Raises `LedgerError` ``stale_trust`` where it may say nothing, and where the books do not have its campaigns.
        """
        judgement = self._trust().judge.voucher(text.strip(_LINE_ENDS), int(self._clock()))
        if judgement.reason == reasons.STALE_TRUST:
            raise LedgerError(reasons.STALE_TRUST)
        return judgement

    def campaigns(self) -> list[Campaign]:
        """Return the city's campaigns, by number."""
        found = self._trust().manifest.campaigns
        return [found[number] for number in sorted(found)]

    def check(self) -> None:
        """Raise `LedgerError` where no voucher could be judged now."""
        if self._trust().judge.freshness(int(self._clock()), 0) == STALE_REFUSED:
            raise LedgerError(reasons.STALE_TRUST)

    def _trust(self) -> Trust:
        trust = self._watch.trust()
        if trust is not self._in_books:
            with self._lock:
                if trust is not self._in_books:
                    self._ledger.load_campaigns(trust.manifest)
                    self._in_books = trust
        return trust
