from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from ._words import Label, amount_text, duration_text, label_text, percent_text, words


class QuoteLine(NamedTuple):
    """One line of a receipt."""

    kind: Literal["product", "reduction", "total", "vat"]
    label: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The best price of one product at one moment, and where it comes from.

    `rule` is the id of the reduction that gave the price, or ``"base"``. `vat_cents` is contained in `price_cents`.
    `duration_s` is set for products sold by time.
    """

    product: str
    price_cents: int
    base_cents: int
    rule: str
    currency: str
    vat_rate_percent: Decimal
    vat_cents: int
    at: datetime
    duration_s: int | None = None
    _product_label: Label = field(default_factory=dict, repr=False)
    _rule_label: Label | None = field(default=None, repr=False)

    def product_label(self, language: str = "fr") -> str:
        """The product's name; a stay's length is added for products sold by time."""
        label = label_text(self._product_label, language)
        return label if self.duration_s is None else f"{label}, {duration_text(self.duration_s)}"

    def rule_label(self, language: str = "fr") -> str:
        """The name of the reduction that gave the price; empty at the base price."""
        return "" if self._rule_label is None else label_text(self._rule_label, language)

    def lines(self, language: str = "fr") -> tuple[QuoteLine, ...]:
        """What a till prints: the product, the reduction if there is one, the total, the VAT contained in it.

        The language is one of fr, nl, de and en; any other raises `TariffError`.
        """
        text = words(language)
        lines = [QuoteLine("product", self.product_label(language), self.base_cents)]
        if self._rule_label is not None:
            lines.append(QuoteLine("reduction", self.rule_label(language), self.price_cents - self.base_cents))
        vat = f"{text['vat']} {percent_text(self.vat_rate_percent, language)}"
        lines += [QuoteLine("total", text["total"], self.price_cents), QuoteLine("vat", vat, self.vat_cents)]
        return tuple(lines)

    def text(self, language: str = "fr", width: int = 40) -> str:
        """The lines as a receipt of `width` columns, amounts on the right."""
        rows = []
        for line in self.lines(language):
            amount = amount_text(line.amount_cents, self.currency, language)
            room = max(1, width - len(amount) - 1)
            rows.append(f"{line.label[:room]:<{room}} {amount}")
        return "\n".join(rows)

    def to_dict(self, language: str = "fr") -> dict[str, Any]:
        """The quote as JSON carries it; labels are in `language`."""
        return {
            "product": self.product,
            "product_label": self.product_label(language),
            "price_cents": self.price_cents,
            "base_cents": self.base_cents,
            "currency": self.currency,
            "rule": self.rule,
            "rule_label": self.rule_label(language),
            "vat_rate_percent": f"{self.vat_rate_percent.normalize():f}",
            "vat_cents": self.vat_cents,
            "at": self.at.isoformat(),
            "duration_s": self.duration_s,
            "lines": [line._asdict() for line in self.lines(language)],
        }
