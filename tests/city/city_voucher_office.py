"""A demonstration city that issues vouchers, and the shops and the ledger that take them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from city_desk import NOW, NOW_S, found, no_passphrase
from city_partner import DAY_S, Partner

from ardente._ed25519 import verify
from ardente.core.digits import decode
from ardente.core.manifest import BEARER_CITY
from ardente.core.token import parse_voucher
from ardente.core.verdict import Judge, VoucherJudgement
from ardente.ledger import Ledger
from ardente_tools.city import _campaigns
from ardente_tools.city._campaigns import CampaignOrder, start_of_day
from ardente_tools.city._exchange import export
from ardente_tools.city._folder import City
from ardente_tools.city._publish import publish
from ardente_tools.city._voucher_batch import Issued, VoucherIssuer, VoucherOrder
from ardente_tools.city._vouchers import Campaign

TODAY = NOW.date()
LAST_DAY = date(2027, 2, 28)
END = start_of_day(date(2027, 3, 1))
TEN, TWENTY = 1000, 2050


def campaign_order(**changes: object) -> CampaignOrder:
    order = CampaignOrder(
        "Bons de fin d’année", "EUR", (TEN, TWENTY), TODAY, LAST_DAY, False, BEARER_CITY, (), (5, 10_000, 3600), 400
    )
    return order._replace(**changes)  # type: ignore[arg-type]


class Office:
    """The desk of one city that issues vouchers; its clock stands still."""

    def __init__(self, path: Path, *, begin: bool = True) -> None:
        self.city: City = found(path, 1024) if begin else City(path)
        self.now_s = NOW_S
        self._files = (path.parent / f"{path.name}-vouchers-{number}" for number in itertools.count(1))

    def create(self, **changes: object) -> Campaign:
        return _campaigns.create(self.city, campaign_order(**changes), None, self.now_s)

    def order(self, vouchers: int, **changes: object) -> VoucherOrder:
        order = VoucherOrder(1, vouchers, TEN, END, "digits", active=True)
        return order._replace(**changes)  # type: ignore[arg-type]

    def batch(self, order: VoucherOrder, folder: Path, **options: object) -> Issued:
        with self.city.vouchers() as table:
            issuer = VoucherIssuer(
                self.city,
                table,
                lambda campaign: self.city.voucher_signing_key(campaign, no_passphrase),
                lambda: self.now_s,
            )
            return issuer.batch(order, folder, **options)  # type: ignore[arg-type]

    def issue(self, vouchers: int, **changes: object) -> list[str]:
        """Issue a batch and return the digits of its vouchers."""
        folder = next(self._files)
        self.batch(self.order(vouchers, **changes), folder)
        return digits_in(folder)

    def publish(self) -> Partner:
        """Publish a minute later, and install that at a partner who knew nothing before."""
        self.now_s += 60
        publish(self.city, no_passphrase, self.now_s, force=True)
        partner = Partner(self.city)
        partner.install(self.now_s)
        return partner

    def judge(self) -> Judge:
        """Publish, and return the rule book by what is published."""
        partner = self.publish()
        assert partner.installed.manifest

        def lookup(bits: bytes):  # type: ignore[no-untyped-def]
            return lambda index: bits[index >> 3] >> (index & 7) & 1

        return Judge(partner.installed.manifest, verify, {uri: lookup(bits) for uri, bits in partner.bits.items()})

    def reasons(self, vouchers: Iterable[str]) -> list[str]:
        judge = self.judge()
        return [judge.voucher(digits, self.now_s).reason for digits in vouchers]


class Market:
    """A ledger that knows the city's campaigns, and its shops by name."""

    def __init__(self, office: Office, path: Path) -> None:
        self.office = office
        self.path = path
        self.now_s = office.now_s
        self.ledger = Ledger.open(path, clock=lambda: self.now_s)
        self.ledger.migrate()
        self._keys = (f"key-{number}" for number in itertools.count())
        self._tills = {}  # type: ignore[var-annotated]
        self.load()

    def load(self) -> None:
        """Bring the ledger the newest bundle and exports."""
        self.judge = self.office.judge()
        self.ledger.load_campaigns(self.judge.manifest)
        for number in self.judge.manifest.campaigns:
            file = self.path.with_name(f"export-{number}.json")
            file.write_bytes(export(self.office.city, number))
            self.ledger.load_issued(file)

    def add_shop(self, name: str, district: str) -> str:
        merchant_id = self.ledger.add_merchant(name, district)
        _, token = self.ledger.add_till(merchant_id, "Till")
        self._tills[name] = self.ledger.till(token)
        return merchant_id

    def redeem(self, shop: str, digits: str) -> None:
        judgement: VoucherJudgement = self.judge.voucher(digits, self.now_s)
        self.ledger.redeem(self._tills[shop], judgement, key=next(self._keys))

    def next_day(self) -> None:
        self.now_s += DAY_S
        self.office.now_s = self.now_s
        self.judge = self.office.judge()


@contextmanager
def market(office: Office, path: Path) -> Iterator[Market]:
    opened = Market(office, path)
    try:
        yield opened
    finally:
        opened.ledger.close()


def digits_in(folder: Path) -> list[str]:
    """The vouchers in the finished chunks of ``folder``, in their order."""
    files = sorted(folder.glob("[!.]*/vouchers-*.txt"))
    return [line for file in files for line in file.read_text().splitlines()]


def serial_of(digits: str) -> int:
    data = decode(digits)
    voucher = parse_voucher(data) if data else None
    assert voucher is not None
    return voucher.index
