"""A small demonstration city, the desk that issues its cards, and the gate that judges them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

from ardente._ed25519 import verify
from ardente.core.digits import decode
from ardente.core.token import parse_card
from ardente.core.verdict import Judge, Judgement
from ardente_tools.city._batch import Issuer, begun
from ardente_tools.city._cards import CardRow, CardTable
from ardente_tools.city._folder import City, Config, Lists
from ardente_tools.city._founding import found_demo_city
from ardente_tools.city._orders import Order, Validity, order, read_orders
from ardente_tools.city._publish import publish, read_published
from ardente_tools.city._slips import slip_sha256

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
NOW_S = int(NOW.timestamp())


def no_passphrase(path: Path) -> str:
    raise AssertionError(f"{path} has no passphrase")


def found(path: Path, entries: int = 4096, now_s: int = NOW_S) -> City:
    lists = Lists("https://liege.example/status", entries=entries, decoys_per_day=4)
    return found_demo_city(path, Config("demo", "Liège", lists), None, now_s)


class Desk:
    """One city and its open card table."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.table: CardTable = city.cards()
        self._days = 0
        self.turn_to(NOW)

    def turn_to(self, now: datetime) -> None:
        """Set the clock of the desk."""
        self.now_s = int(now.timestamp())
        self.validity = self._validity(now)

    def _validity(self, today: date) -> Validity:
        return Validity(today, self.city.config.periods.longest_card_quarters)

    @property
    def issuer(self) -> Issuer:
        return Issuer(
            self.city, self.table, lambda key: self.city.card_signing_key(key, no_passphrase), lambda: self.now_s
        )

    def order(self, age: str = "", quarters: str = "", replaces: str = "") -> Order:
        return order(0, self.validity, age=age, quarters=quarters, valid_until="", replaces=replaces)

    def batch(
        self,
        path: Path,
        folder: Path,
        card_format: str = "digits",
        slip_format: str = "text",
        *,
        quarters: str = "",
        **options: object,
    ) -> int:
        quarter = begun(self.table, folder)
        file = read_orders(path, self._validity(quarter) if quarter else self.validity, quarters=quarters)
        return self.issuer.batch(file, folder, card_format, slip_format, **options)  # type: ignore[arg-type]

    def judge(self, digits: str) -> Judgement:
        """Publish, and judge a card by what is published."""
        self._days += 1
        publish(self.city, no_passphrase, NOW_S + self._days * 60, force=True)
        published = read_published(self.city, self.city.roots())
        assert published is not None

        def lookup(bits: bytes):  # type: ignore[no-untyped-def]
            return lambda index: bits[index >> 3] >> (index & 7) & 1

        judge = Judge(published.manifest, verify, {uri: lookup(bits) for uri, bits in published.bits.items()})
        return judge.card(digits, NOW_S + self._days * 60)

    def row(self, digits: str) -> CardRow | None:
        """The row of a card, by its index."""
        return self.table.card(self.table.current_key().kid, index_of(digits))


def index_of(digits: str) -> int:
    data = decode(digits)
    card = parse_card(data) if data else None
    assert card is not None
    return card.index


def outputs(folder: Path, kind: str, suffix: str) -> dict[int, Path]:
    """The files of one kind in the finished chunks of ``folder``, by their number."""
    files = {}
    for path in folder.glob(f"[!.]*/{kind}-*.{suffix}"):
        number = int(path.stem.split("-")[1])
        assert number not in files
        files[number] = path
    return dict(sorted(files.items()))


def card_digits(folder: Path) -> dict[int, str]:
    return {number: path.read_text().strip() for number, path in outputs(folder, "card", "txt").items()}


def slip_codes(folder: Path) -> dict[int, str]:
    return {number: slip_code(path.read_text()) for number, path in outputs(folder, "slip", "txt").items()}


def slip_code(text: str) -> str:
    (code,) = re.findall(r"\b\w{6}-\w{6}-\w{6}\b", text)
    assert slip_sha256(code)
    return str(code)
