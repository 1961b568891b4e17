"""What a loaded tariff consists of, and how one reduction turns into a price."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ._words import Label

DAY_S = 86_400
DAY_MINUTES = 1440
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a product costs under one reduction, or under none.

    Amounts are hundredths of a cent, so that a percentage of cents stays exact until the final sum.
    """

    unit: int
    free_s: int = 0
    max_per_day: int | None = None

    def never_dearer_than(self, other: "Terms") -> bool:
        if self.free_s != other.free_s or self.unit > other.unit:
            return False
        return other.max_per_day is None or (self.max_per_day is not None and self.max_per_day <= other.max_per_day)


@dataclass(frozen=True, slots=True)
class Product:
    """Something sold at one price, or, where `step_s` is set, at a price for each step of time begun."""

    id: str
    label: Label
    price_cents: int
    vat_rate_percent: Decimal
    step_s: int | None = None
    free_s: int = 0
    max_per_day_cents: int | None = None

    @property
    def terms(self) -> Terms:
        cap = self.max_per_day_cents
        return Terms(self.price_cents * 100, self.free_s, None if cap is None else cap * 100)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a reduction holds, in local time. Hours that cross midnight belong to the day on which they begin."""

    weekdays: frozenset[int] = frozenset()  # 0 is Monday; empty: every day
    hours: tuple[tuple[int, int], ...] = ()  # minutes since midnight, end exclusive, past 1440 when crossing midnight
    first_sunday: bool = False
    from_date: date | None = None
    until_date: date | None = None

    @property
    def always(self) -> bool:
        return self == Schedule()

    def holds(self, local: datetime) -> bool:
        day = local.date()
        if not self.hours:
            return self._holds_on(day)
        minute = local.hour * 60 + local.minute
        yesterday = day - timedelta(days=1)
        return any(
            (start <= minute < end and self._holds_on(day))
            or (minute < end - DAY_MINUTES and self._holds_on(yesterday))
            for start, end in self.hours
        )

    def _holds_on(self, day: date) -> bool:
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        if self.first_sunday and not (day.weekday() == 6 and day.day <= 7):
            return False
        return (self.from_date or day) <= day <= (self.until_date or day)


@dataclass(frozen=True, slots=True)
class Reduction:
    """A lower price for some people, at some times, on some products."""

    id: str
    label: Label
    products: tuple[str, ...]
    who: frozenset[str]
    schedule: Schedule
    price_cents: int | None = None
    percent_off: int = 0  # 100: free
    free_s: int | None = None
    max_per_day_cents: int | None = None

    def terms(self, product: Product) -> Terms:
        """What `product` costs while this reduction holds."""
        base = product.terms
        unit = base.unit if self.price_cents is None else self.price_cents * 100
        cap = base.max_per_day if self.max_per_day_cents is None else self.max_per_day_cents * 100
        if self.percent_off:
            unit = base.unit * (100 - self.percent_off) // 100
            cap = None if cap is None else cap * (100 - self.percent_off) // 100
        return Terms(unit, base.free_s if self.free_s is None else self.free_s, cap)

    def open_to(self, groups: frozenset[str]) -> bool:
        return not self.who.isdisjoint(groups)


def price_cents(product: Product, reduction: Reduction | None, start: datetime, duration_s: int, zone: ZoneInfo) -> int:
    """The price of `product` under `reduction` where and while it holds; a part of a cent is dropped.

    `start` is in UTC, so that a stay's steps are counted in real time across a change of the clocks. Each step has the
    price of the moment at which it begins; a day is 24 hours from `start`, and has the reduced maximum if all its
    steps are reduced.
    """
    schedule = reduction.schedule if reduction else Schedule()
    terms = reduction.terms(product) if reduction else product.terms
    holds_at_start = schedule.always or schedule.holds(start.astimezone(zone))
    if product.step_s is None:
        return (terms if holds_at_start else product.terms).unit // 100

    base, step_s = product.terms, product.step_s
    free_s = terms.free_s if holds_at_start else base.free_s
    total = 0
    for day_start_s in range(0, duration_s, DAY_S):
        day_end_s = min(day_start_s + DAY_S, duration_s)
        steps = range(_steps_before(day_start_s - free_s, step_s), _steps_before(day_end_s - free_s, step_s))
        reduced = len(steps)
        if not schedule.always:
            starts = (start + timedelta(seconds=free_s + step * step_s) for step in steps)
            reduced = sum(schedule.holds(moment.astimezone(zone)) for moment in starts)
        amount = reduced * terms.unit + (len(steps) - reduced) * base.unit
        cap = terms.max_per_day if reduced == len(steps) else base.max_per_day
        total += amount if cap is None else min(amount, cap)
    return total // 100


def _steps_before(offset_s: int, step_s: int) -> int:
    """How many steps have begun before `offset_s`."""
    return max(0, -(-offset_s // step_s))
