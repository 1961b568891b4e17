"""The voucher ledger: each voucher's money is paid out once, on SQLite or PostgreSQL (extra ``[ledger]``).

    with Ledger.open("vouchers.db") as ledger:
        ledger.migrate()
        till = ledger.till(token)
        redemption = ledger.redeem(till, judge.voucher(text, now), key=key)

It knows campaigns, serials, merchants, tills, amounts and days; no card, no recipient, no private key.
"""

from typing import TYPE_CHECKING

from .._lazy import importer

if TYPE_CHECKING:
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

_HOMES = {
    "Activity": "._answers",
    "ActivityLine": "._answers",
    "Balance": "._answers",
    "ClaimAnswer": "._answers",
    "Decision": "._answers",
    "Duplicate": "._answers",
    "Ledger": "._ledger",
    "LedgerError": ".._errors",
    "OfflineClaim": "._answers",
    "Redemption": "._answers",
    "Settlement": "._answers",
    "StatementLine": "._answers",
    "Till": "._answers",
    "Totals": "._answers",
    "worst_case_loss": "._offline",
}


# A till's client needs the answers' names, and no database.
__getattr__ = importer(__name__, _HOMES)
