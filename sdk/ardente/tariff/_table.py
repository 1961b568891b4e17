"""What everybody pays, as rows: the products against visitors, residents and age classes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ._quote import Quote
from ._rules import DAY_MINUTES, WEEKDAYS, Product, Reduction, Schedule
from ._tariffs import Tariffs, best_quote
from ._words import amount_text, label_text, percent_text, words

STAYS = (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4), timedelta(days=1))


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The prices at one moment, or, without `at`, those that hold at any time. Times are in the partner's zone."""

    tariffs: Tariffs
    at: datetime | None = None

    @property
    def groups(self) -> dict[str, frozenset[str]]:
        """Each column, and what a person in it may claim."""
        resident = frozenset({"anyone", "resident"})
        classes = {name: resident | {name} for name in self.tariffs.age_classes}
        return {"visitor": frozenset({"anyone"}), "resident": resident, **classes}

    def rows(self) -> list[dict[str, Quote]]:
        """A row for each product, or several stays for one sold by time: the quote of each column."""
        at = self.at or datetime.now(UTC)
        reductions = tuple(rule for rule in self.tariffs.reductions if self.at or rule.schedule.always)
        return [
            {
                column: best_quote(self.tariffs, product, reductions, groups, at, stay)
                for column, groups in self.groups.items()
            }
            for product in self.tariffs.products.values()
            for stay in (STAYS if product.step_s else (None,))
        ]

    def conditional(self) -> list[Reduction]:
        return [reduction for reduction in self.tariffs.reductions if not reduction.schedule.always]

    def text(self, language: str) -> str:
        """The table in plain columns."""
        spoken, tariffs = words(language), self.tariffs
        heading = [label_text(tariffs.name, language)] if tariffs.name else []
        moment = f"{self.at:%d/%m/%Y %H:%M}" if self.at else spoken["always"]
        heading.append(f"{moment}, {tariffs.currency}, {spoken['vat_included']}")
        grid = [["", *(group_text(column, language) for column in self.groups)]]
        for row in self.rows():
            label = next(iter(row.values())).product_label(language)
            grid.append([label, *(price_text(quote.price_cents, tariffs.currency, language) for quote in row.values())])
        parts = ["\n".join(heading), columns(grid, right=True)]
        if conditional := self.conditional():
            listed = [self._condition_cells(reduction, language) for reduction in conditional]
            parts.append(f"{spoken['sometimes']}\n{columns(listed)}")
        return "\n\n".join(parts)

    def _condition_cells(self, reduction: Reduction, language: str) -> list[str]:
        products = [self.tariffs.products[product] for product in dict.fromkeys(reduction.products)]
        return [
            label_text(reduction.label, language),
            schedule_text(reduction.schedule, language),
            ", ".join(group_text(group, language) for group in self._ordered(reduction.who)),
            effect_text(reduction, products, self.tariffs.currency, language),
            ", ".join(label_text(product.label, language) for product in products),
        ]

    def _ordered(self, who: Iterable[str]) -> list[str]:
        order = ["anyone", "resident", *self.tariffs.age_classes]
        return sorted(who, key=order.index)

    def to_dict(self, language: str) -> dict[str, Any]:
        """The table as JSON carries it."""
        rows = []
        for row in self.rows():
            first = next(iter(row.values()))
            prices = {column: {"price_cents": q.price_cents, "rule": q.rule} for column, q in row.items()}
            rows.append(
                {
                    "product": first.product,
                    "label": first.product_label(language),
                    "duration_s": first.duration_s,
                    "prices": prices,
                }
            )
        conditional = []
        for reduction in self.conditional():
            label, when, _, price, _ = self._condition_cells(reduction, language)
            who, products = self._ordered(reduction.who), list(dict.fromkeys(reduction.products))
            conditional.append(
                {"rule": reduction.id, "label": label, "when": when, "who": who, "price": price, "products": products}
            )
        at = None if self.at is None else self.at.isoformat()
        return {"currency": self.tariffs.currency, "at": at, "rows": rows, "conditional": conditional}


def columns(rows: list[list[str]], right: bool = False) -> str:
    """Aligned columns; `right` moves all but the first to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            f"{cell:>{width}}" if right and place else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def group_text(group: str, language: str) -> str:
    return words(language).get(group) or group.replace("_", " ")


def price_text(cents: int, currency: str, language: str) -> str:
    return amount_text(cents, currency, language) if cents else words(language)["free"]


def effect_text(reduction: Reduction, products: list[Product], currency: str, language: str) -> str:
    """What a reduction gives: ``3,00 €``, ``-20 %``, ``gratuit``."""
    spoken, parts = words(language), []
    if reduction.price_cents is not None:
        steps = {product.step_s // 60 for product in products if product.step_s}
        per = f" {spoken['each']} {min(steps)} min" if len(steps) == 1 else ""
        parts.append(price_text(reduction.price_cents, currency, language) + per)
    if reduction.percent_off == 100:
        parts.append(spoken["free"])
    elif reduction.percent_off:
        parts.append(f"-{percent_text(reduction.percent_off, language)}")
    if reduction.free_s is not None:
        parts.append(f"{reduction.free_s // 60} {spoken['free_minutes']}")
    if reduction.max_per_day_cents is not None:
        parts.append(f"{spoken['max_per_day']} {price_text(reduction.max_per_day_cents, currency, language)}")
    return ", ".join(parts)


def schedule_text(schedule: Schedule, language: str) -> str:
    """When a reduction holds: ``lu-ve 07:00-09:00``."""
    spoken, parts = words(language), []
    if schedule.first_sunday:
        parts.append(spoken["first_sunday"])
    elif schedule.weekdays:
        parts.append(_weekdays_text(schedule.weekdays, spoken))
    parts += [
        f"{_clock(start)}-{_clock(end if end <= DAY_MINUTES else end - DAY_MINUTES)}" for start, end in schedule.hours
    ]
    if schedule.from_date:
        parts.append(f"{spoken['from']} {schedule.from_date:%d/%m/%Y}")
    if schedule.until_date:
        parts.append(f"{spoken['until']} {schedule.until_date:%d/%m/%Y}")
    return " ".join(parts)


def _weekdays_text(weekdays: frozenset[int], spoken: dict[str, str]) -> str:
    days = sorted(weekdays)
    names = [spoken[WEEKDAYS[day]] for day in days]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{names[0]}-{names[-1]}"
    return ", ".join(names)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
