from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import PathLike
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from . import _file
from ._errors import TariffError
from ._quote import Quote
from ._rules import Product, Reduction, price_cents
from ._words import Label

MAX_STAY = timedelta(days=366)


class CheckedCard(Protocol):
    """What a tariff asks of a verdict."""

    @property
    def accepted(self) -> bool: ...

    @property
    def age_classes(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Tariffs:
    """A partner's products, prices and reductions, read from a tariff file.

    `age_classes` gives, for each age class that a reduction really uses, the classes on a card that meet it. Hand it
    to the validator: it then answers in the tariff's own terms, and of no other class.
    """

    name: Label | None
    currency: str
    time_zone: ZoneInfo
    products: Mapping[str, Product]
    reductions: tuple[Reduction, ...]
    age_classes: dict[str, frozenset[str]]

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Reads a tariff file. Raises `TariffError`, which names the file, the place and what was expected."""
        return cls(**_file.read(path)._asdict())

    @classmethod
    def loads(cls, text: str, name: str = "tariff") -> Self:
        """Reads the text of a tariff file; `name` stands for the file in messages. Raises `TariffError`."""
        return cls(**_file.parse(text, name)._asdict())

    def quote(
        self,
        product: str,
        verdict: CheckedCard | None = None,
        *,
        at: datetime | None = None,
        duration: timedelta | None = None,
    ) -> Quote:
        """The best price of `product`: the lowest; of equals the base price, then the first in the file.

        Without a verdict, or with a refused one, only what is open to anyone applies. `at` is an aware datetime (now,
        if left out): the time of the sale or, for products sold by time, of arrival; `duration` is then the stay.
        Raises `TariffError` for an unknown product, a naive `at`, and a duration that is missing, out of place,
        negative or longer than 366 days.
        """
        moment = datetime.now(UTC) if at is None else at
        if moment.tzinfo is None or moment.utcoffset() is None:
            raise TariffError("The time of a quote needs a time zone: pass an aware datetime as `at`.")
        groups = {"anyone"}
        if verdict is not None and verdict.accepted:
            groups |= {"resident"} | (verdict.age_classes & self.age_classes.keys())
        return best_quote(self, self._product(product), self.reductions, frozenset(groups), moment, duration)

    def _product(self, product: str) -> Product:
        try:
            return self.products[product]
        except KeyError:
            raise TariffError(f"There is no product {product!r}: use one of {', '.join(self.products)}.") from None


def best_quote(
    tariffs: Tariffs,
    product: Product,
    reductions: tuple[Reduction, ...],
    groups: frozenset[str],
    at: datetime,
    duration: timedelta | None,
) -> Quote:
    """The lowest price among the base price and those `reductions` that are open to `groups`; the first of equals."""
    duration_s = _duration_s(product, duration)
    open_reductions = [rule for rule in reductions if product.id in rule.products and rule.open_to(groups)]
    try:
        at_utc = at.astimezone(UTC)
        base_cents = price_cents(product, None, at_utc, duration_s, tariffs.time_zone)
        priced = [(price_cents(product, rule, at_utc, duration_s, tariffs.time_zone), rule) for rule in open_reductions]
    except OverflowError:
        raise TariffError(f"No price can be given for the year {at.year}: check the clock.") from None
    best_cents, best = min([(base_cents, None), *priced], key=lambda pair: pair[0])
    rate = int(product.vat_rate_percent * 100)
    return Quote(
        product=product.id,
        price_cents=best_cents,
        base_cents=base_cents,
        rule=best.id if best else "base",
        currency=tariffs.currency,
        vat_rate_percent=product.vat_rate_percent,
        vat_cents=(2 * best_cents * rate + 10_000 + rate) // (2 * (10_000 + rate)),
        at=at_utc,
        duration_s=None if product.step_s is None else duration_s,
        _product_label=product.label,
        _rule_label=best.label if best else None,
    )


def _duration_s(product: Product, duration: timedelta | None) -> int:
    if product.step_s is None:
        if duration is not None:
            raise TariffError(f"The product {product.id!r} is not sold by time: leave the duration out.")
        return 0
    if duration is None:
        raise TariffError(f"The product {product.id!r} is sold by time: give the duration of the stay.")
    if not timedelta(0) <= duration <= MAX_STAY:
        raise TariffError(f"A stay lasts from 0 to {MAX_STAY.days} days: check the times of arrival and departure.")
    return -(-duration // timedelta(seconds=1))
