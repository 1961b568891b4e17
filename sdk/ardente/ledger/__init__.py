"""The voucher ledger: each voucher's money is paid out once, on SQLite or PostgreSQL (extra ``[ledger]``).

    with Ledger.open("vouchers.db") as ledger:
        ledger.migrate()
        till = ledger.till(token)
        redemption = ledger.redeem(till, judge.voucher(text, now), key=key)

It knows campaigns, serials, merchants, tills, amounts and days; no card, no recipient, no private key.
"""

from __future__ import annotations

from .._errors import LedgerError
from ._answers import (
    Activity,
    ActivityLine,
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
from ._ledger import Ledger
from ._offline import worst_case_loss

__all__ = [
    "Activity",
    "ActivityLine",
    "Balance",
    "ClaimAnswer",
    "Decision",
    "Duplicate",
    "Ledger",
    "LedgerError",
    "OfflineClaim",
    "Redemption",
    "Settlement",
    "StatementLine",
    "Till",
    "Totals",
    "worst_case_loss",
]
