"""Campaigns of the test city, vouchers as the rule book judges them, and a shop that takes them."""

from __future__ import annotations

import itertools

from ardente._ed25519 import verify
from ardente.core import reasons, trust
from ardente.core.manifest import BEARER_CITY, Campaign, Manifest
from ardente.core.reader import BytesReader
from ardente.core.verdict import Judge, VoucherJudgement
from ardente.ledger import ClaimAnswer, Ledger, LedgerError, OfflineClaim, Redemption
from ardente.testing import FakeClock, TestCity

CITY = TestCity()
NOW = int(FakeClock()())
HOUR_S, DAY_S = 3600, 86400
BEGIN, END = NOW - 10 * DAY_S, NOW + 60 * DAY_S
PARTS, WHOLE, BOOKS_ONLY = 11, 12, 13
VALUE = 1000


def _campaign(number: int, *, partial: bool, groups: list[str]) -> Campaign:
    offline = (5, 3000, HOUR_S)
    return Campaign(number, f"Campaign {number}", "EUR", [VALUE], BEGIN, END, partial, BEARER_CITY, groups, offline, 9)


CAMPAIGNS = {
    PARTS: _campaign(PARTS, partial=True, groups=[]),
    WHOLE: _campaign(WHOLE, partial=False, groups=[]),
    BOOKS_ONLY: _campaign(BOOKS_ONLY, partial=False, groups=["books"]),
}


def manifest() -> Manifest:
    """Return the test city's manifest, with campaigns that try each rule beside its own."""
    installed = trust.open_root(CITY.root(), verify, allow_test_city=True)
    bundle = CITY.bundle()
    offer = trust.open_bundle(BytesReader(bundle), len(bundle), installed, NOW, verify, allow_test_city=True)
    found = offer.manifest
    found.campaigns = {**found.campaigns, **CAMPAIGNS}
    return found


def judge() -> Judge:
    """Return a judge of the vouchers that the city signs."""
    found = manifest()
    return Judge(found, verify, {uri: lambda index: 0 for uri in found.keys.list_uris()})


def voucher(serial: int, campaign: int = PARTS, *, value: int = VALUE, reason: str = reasons.OK) -> VoucherJudgement:
    """Return what the rule book says of a voucher of ``campaign``."""
    return VoucherJudgement(reason, CAMPAIGNS[campaign], serial, value)


def window_at(now: int) -> int:
    """Return the number of the window that ``now`` is in."""
    return (now - BEGIN) // HOUR_S


class Shop:
    """A merchant with one till; each request has a key of its own unless one is named."""

    def __init__(self, ledger: Ledger, name: str, groups: tuple[str, ...] = ()) -> None:
        self.ledger = ledger
        self.merchant_id = ledger.add_merchant(name, "Centre", groups)
        self.till_id, self.token = ledger.add_till(self.merchant_id, "Till 1")
        self.till = ledger.till(self.token)
        self._keys = (f"key-{number}" for number in itertools.count())

    def redeem(self, judgement: VoucherJudgement, amount: int | None = None, *, key: str = "") -> Redemption:
        return self.ledger.redeem(self.till, judgement, key=key or next(self._keys), amount=amount)

    def reserve(self, judgement: VoucherJudgement, amount: int | None = None, *, key: str = "") -> Redemption:
        return self.ledger.reserve(self.till, judgement, key=key or next(self._keys), amount=amount)

    def confirm(self, redemption: Redemption, *, key: str = "") -> Redemption:
        return self.ledger.confirm(self.till, redemption.id, key=key or next(self._keys))

    def void(self, redemption: Redemption, *, key: str = "") -> Redemption:
        return self.ledger.void(self.till, redemption.id, key=key or next(self._keys))

    def refund(self, redemption: Redemption, amount: int | None = None, *, key: str = "") -> Redemption:
        return self.ledger.refund(self.till, redemption.id, key=key or next(self._keys), amount=amount)

    def journal(self, judgement: VoucherJudgement, window: int, *, key: str = "", amount: int = VALUE) -> OfflineClaim:
        return OfflineClaim(
            judgement,
            window=window,
            amount=amount,
            claimed_at=BEGIN + window * HOUR_S,
            key=key or next(self._keys),
            entry_sha256="ab" * 32,
            receipt="B7",
        )

    def claim(self, *claims: OfflineClaim) -> list[ClaimAnswer]:
        return self.ledger.claim(self.till, claims)


def refusal(taking: object) -> str:
    """Return the reason for which calling ``taking`` is refused, "ok" where it is not."""
    assert callable(taking)
    try:
        taking()
    except LedgerError as error:
        return error.reason
    return reasons.OK
