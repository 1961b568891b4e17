"""Redeem the city's commerce vouchers at a till, with the cable cut too (extra ``[merchant]``).

    with VoucherClient("https://vouchers.example", token, TrustStore("trust"), "journal") as till:
        answer = till.redeem(scan.text)
        print(answer.text("fr"))

Online an answer is final. Where the service cannot be reached it is provisional: a voucher whose signature is good goes
into the till's journal, within what its campaign lets a till take unseen, and is sent in later.
"""

from typing import TYPE_CHECKING

from .._lazy import importer

if TYPE_CHECKING:
    from ..ledger._answers import Balance, StatementLine
    from ._answer import Answer, Total
    from ._client import VoucherClient

__all__ = ["Answer", "Balance", "StatementLine", "Total", "VoucherClient"]

_HOMES = {
    "Answer": "._answer",
    "Balance": "..ledger._answers",
    "StatementLine": "..ledger._answers",
    "Total": "._answer",
    "VoucherClient": "._client",
}


__getattr__ = importer(__name__, _HOMES)
