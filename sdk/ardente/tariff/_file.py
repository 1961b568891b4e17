"""Reads a tariff file: its shape is declared in msgspec's terms, then its parts are held against each other."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from msgspec import Meta

from .._toml import line_of_long_key
from ._errors import TariffError
from ._lines import line_of
from ._rules import DAY_MINUTES, WEEKDAYS, Product, Reduction, Schedule
from ._words import Label

MAX_FILE_BYTES = 262_144

_TYPOGRAPHIC_QUOTE = re.compile("[=[,][ \\t]*[\u201c-\u201e\u2018-\u201a\u00ab]")
_BARE_COMMA_AMOUNT = re.compile(r"=[ \t]*[0-9]+,[0-9]")
_PLAIN_HEADER = re.compile(r"\[[\w.-]+\]", re.ASCII)

CARD_CLASSES: Final = ("child", "youth", "senior")

CardClass = Literal["child", "youth", "senior"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Currency = Literal["CHF", "CZK", "DKK", "EUR", "GBP", "NOK", "PLN", "RON", "SEK", "USD"]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}\Z")]
Names = Annotated[list[Name], Meta(min_length=1)]
Text = Annotated[str, Meta(pattern=r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f]{1,60}\Z")]
LabelTable = Annotated[dict[Literal["fr", "nl", "de", "en"], Text], Meta(min_length=1)]
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,6}([.,][0-9]{2})?\Z")]
Rate = Annotated[int, Meta(ge=0, le=99)] | Annotated[str, Meta(pattern=r"^[0-9]{1,2}([.,][0-9]{1,2})?\Z")]
Minutes = Annotated[int, Meta(ge=1, le=DAY_MINUTES)]
Hours = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z")]

# Written as a single text or as several. They become lists and tables before msgspec sees them: up to 0.22 at least,
# msgspec crashes when it frees a union of a string with a pattern and a container.
ONE_OR_SEVERAL: Final = frozenset({"who", "products", "hours"})
ONE_OR_BY_LANGUAGE: Final = frozenset({"name", "label"})


class _TopTable(msgspec.Struct, forbid_unknown_fields=True):
    currency: Currency
    vat_rate: Rate
    products: Annotated[dict[str, dict[str, Any]], Meta(min_length=1, max_length=200)]
    name: LabelTable | None = None
    time_zone: str = "Europe/Brussels"
    age_classes: dict[str, Any] | None = None
    reductions: Annotated[dict[str, dict[str, Any]], Meta(max_length=200)] = {}


class _ProductTable(msgspec.Struct, forbid_unknown_fields=True):
    label: LabelTable
    price: Amount
    vat_rate: Rate | None = None
    per_minutes: Minutes | None = None
    free_minutes: Minutes | None = None
    max_per_day: Amount | None = None


class _ReductionTable(msgspec.Struct, forbid_unknown_fields=True, rename={"from_date": "from", "until_date": "until"}):
    label: LabelTable
    who: Names
    products: Names | None = None
    price: Amount | None = None
    percent_off: Annotated[int, Meta(ge=1, le=99)] | None = None
    free: bool = False
    free_minutes: Minutes | None = None
    max_per_day: Amount | None = None
    days: Annotated[list[Weekday], Meta(min_length=1)] | None = None
    hours: Annotated[list[Hours], Meta(min_length=1)] | None = None
    first_sunday: bool = False
    from_date: date | None = None
    until_date: date | None = None


EXPECTED: Final = {
    "currency": 'a currency code, such as "EUR"',
    "vat_rate": 'a percentage, such as 6 or "5.5"',
    "products": "tables such as [products.entry]",
    "reductions.products": 'names of products, such as ["entry"]',
    "name": 'a text in quotes of at most 60 characters, or one per language, such as { fr = "Musée", nl = "Museum" }',
    "time_zone": 'a time zone, such as "Europe/Brussels"',
    "age_classes": 'names with the classes of the card, such as under_18 = ["child", "youth"]',
    "reductions": "tables such as [reductions.resident]",
    "label": 'a text in quotes of at most 60 characters, or one per language, such as { fr = "Musée", nl = "Museum" }',
    "price": 'an amount in quotes, such as "12.50" or "12,50"',
    "per_minutes": "whole minutes from 1 to 1440, such as 60",
    "free_minutes": "whole minutes from 1 to 1440, such as 30",
    "max_per_day": 'an amount in quotes, such as "12.50" or "12,50"',
    "who": '"anyone", "resident", or the name of an age class; or several, such as ["child", "senior"]',
    "percent_off": "a whole number from 1 to 99, such as 50 (for 100 write free = true)",
    "free": "true or false",
    "days": 'days in English, such as ["monday", "sunday"]',
    "hours": 'hours in quotes, such as "09:00-12:30" or "22:00-02:00"',
    "first_sunday": "true or false",
    "from": "a date without quotes, such as 2027-07-01",
    "until": "a date without quotes, such as 2027-08-31",
}

_NAME_RULE = "small letters without accents, digits, - and _, beginning with a letter, at most 40"

T = TypeVar("T", bound=msgspec.Struct)


class Parsed(NamedTuple):
    """What a file says; the fields of `Tariffs`."""

    name: Label | None
    currency: str
    time_zone: ZoneInfo
    products: Mapping[str, Product]
    reductions: tuple[Reduction, ...]
    age_classes: dict[str, frozenset[str]]


def read(path: str | PathLike[str]) -> Parsed:
    name = Path(path).name
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise TariffError(f"{name}: the tariff file cannot be read ({reason}); check the path.") from None
    if len(raw) > MAX_FILE_BYTES:
        raise TariffError(f"{name}: too long for a tariff file (over {MAX_FILE_BYTES // 1024} KiB); check the path.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TariffError(f"{name}, line {line}: not UTF-8 text; save the file again with encoding UTF-8.") from None
    return parse(text, name)


def parse(text: str, name: str) -> Parsed:
    text = text.replace("\r\n", "\n")
    if line := line_of_long_key(text):
        raise TariffError(f"{name}, line {line}: a key of more than 32 parts; no key of a tariff has more than three.")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).removesuffix(")").rpartition(" (at ")
        hint = _toml_hint(message, _line_at(text, place)) or f"{message}; correct it there"
        raise TariffError(f"{name}, {place}: not valid TOML: {hint}.") from None
    except (ValueError, RecursionError):
        raise TariffError(f"{name}: a number or a nesting in it is beyond all bounds; write a tariff.") from None
    return _Reader(name, text, raw).parsed()


def _line_at(text: str, place: str) -> str:
    number = re.match(r"line (\d+)", place)
    return text.split("\n")[int(number[1]) - 1].strip() if number else ""


def _toml_hint(message: str, line: str) -> str:
    """Return what somebody who writes prices most likely did wrong in ``line``; "" where nothing fits."""
    if message.startswith(("Cannot declare", "Cannot overwrite")):
        return "this stands in the file twice; keep one, or give the other another name"
    if _TYPOGRAPHIC_QUOTE.search(line):
        return 'only straight quotes (") count; replace these'
    if _BARE_COMMA_AMOUNT.search(line):
        return 'an amount stands in quotes, such as "12,50"; add them'
    if line.count('"') % 2:
        return "a quotation mark is missing; a text begins and ends with one"
    if line.startswith("[") and "]" in line and '"' not in line and not _PLAIN_HEADER.match(line):
        return "a name has only small letters without accents, digits, - and _; a label may have any"
    return ""


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str
    text: str
    raw: dict[str, Any]

    def parsed(self) -> Parsed:
        top = self._convert(_TopTable, self.raw, ())
        try:
            zone = ZoneInfo(top.time_zone)
        except (OSError, ValueError, LookupError):
            near = _near(top.time_zone, available_timezones())
            raise self._wrong(("time_zone",), f"unknown time zone{near}; {_expected(('time_zone',))}") from None
        products = {key: self._product(key, table, top.vat_rate) for key, table in top.products.items()}
        classes = self._age_classes(top.age_classes)
        reductions = tuple(self._reduction(key, table, products, classes) for key, table in top.reductions.items())
        self._refuse_useless(reductions, products, classes)
        used = {group for reduction in reductions for group in reduction.who}
        return Parsed(
            name=top.name,
            currency=top.currency,
            time_zone=zone,
            products=products,
            reductions=reductions,
            age_classes={key: members for key, members in classes.items() if key in used},
        )

    def _age_classes(self, raw: dict[str, Any] | None) -> dict[str, frozenset[str]]:
        if raw is None:
            return {key: frozenset({key}) for key in CARD_CLASSES}
        classes = {}
        for key, members in raw.items():
            path = ("age_classes", key)
            self._check_name(path)
            if key in ("anyone", "resident"):
                raise self._wrong(path, f"{key!r} already has a meaning; choose another name")
            try:
                classes[key] = frozenset(msgspec.convert(members, Annotated[list[CardClass], Meta(min_length=1)]))
            except msgspec.ValidationError:
                raise self._wrong(path, f'expected some of {_listed(CARD_CLASSES)}, such as ["child"]') from None
        return classes

    def _product(self, key: str, raw: dict[str, Any], vat_rate: int | str) -> Product:
        path = ("products", key)
        self._check_name(path)
        table = self._convert(_ProductTable, raw, path)
        price_cents = _cents(table.price)
        cap_cents = None if table.max_per_day is None else _cents(table.max_per_day)
        if table.per_minutes is None:
            for field in ("free_minutes", "max_per_day"):
                if field in raw:
                    raise self._wrong((*path, field), "only for what is sold by time; add per_minutes or remove this")
        if cap_cents is not None and cap_cents < price_cents:
            raise self._wrong((*path, "max_per_day"), "lower than the price of one step; raise it to that at least")
        return Product(
            id=key,
            label=table.label,
            price_cents=price_cents,
            vat_rate_percent=_rate(vat_rate if table.vat_rate is None else table.vat_rate),
            step_s=None if table.per_minutes is None else table.per_minutes * 60,
            free_s=(table.free_minutes or 0) * 60,
            max_per_day_cents=cap_cents,
        )

    def _reduction(
        self,
        key: str,
        raw: dict[str, Any],
        products: Mapping[str, Product],
        classes: Mapping[str, frozenset[str]],
    ) -> Reduction:
        path = ("reductions", key)
        self._check_name(path)
        if key == "base":
            raise self._wrong(path, "'base' stands for the price without reduction; choose another name")
        table = self._convert(_ReductionTable, raw, path)
        who, named = tuple(table.who), tuple(table.products or ())
        self._check_known((*path, "who"), who, ("anyone", "resident", *classes), "is nobody known here")
        self._check_known((*path, "products"), named, products, "is no product of this file")
        self._check_effect(path, table, raw)
        reduction = Reduction(
            id=key,
            label=table.label,
            products=named or tuple(products),
            who=frozenset(who),
            schedule=self._schedule(path, table),
            price_cents=None if table.price is None else _cents(table.price),
            percent_off=100 if table.free else table.percent_off or 0,
            free_s=None if table.free_minutes is None else table.free_minutes * 60,
            max_per_day_cents=None if table.max_per_day is None else _cents(table.max_per_day),
        )
        for product in reduction.products:
            self._check_lower(path, reduction, products[product])
        return reduction

    def _check_effect(self, path: tuple[str, ...], table: _ReductionTable, raw: dict[str, Any]) -> None:
        effects = [key for key in ("price", "percent_off", "free") if raw.get(key, False) is not False]
        by_time = [key for key in ("free_minutes", "max_per_day") if key in raw]
        if not effects and not by_time:
            raise self._wrong(path, "gives nothing; add one of price, percent_off, free = true")
        if len(effects) > 1 or (by_time and effects not in ([], ["price"])):
            keys = effects + by_time
            raise self._wrong((*path, keys[-1]), f"does not go with {keys[0]}; keep one of them")
        if table.products is None and (table.price is not None or by_time):
            raise self._wrong((*path, (effects + by_time)[0]), 'for which products? add products = ["…"]')

    def _check_lower(self, path: tuple[str, ...], reduction: Reduction, product: Product) -> None:
        price, cap = reduction.price_cents, reduction.max_per_day_cents
        if price is not None and price >= product.price_cents:
            raise self._wrong((*path, "price"), f"not lower than the price of products.{product.id}; lower it")
        if product.step_s is None and (cap is not None or reduction.free_s is not None):
            key = "free_minutes" if cap is None else "max_per_day"
            raise self._wrong((*path, key), f"products.{product.id} is not sold by time; remove this or that product")
        if reduction.free_s is not None and reduction.free_s <= product.free_s:
            raise self._wrong((*path, "free_minutes"), f"not more than those of products.{product.id}; raise it")
        if cap is not None and product.max_per_day_cents is not None and cap >= product.max_per_day_cents:
            raise self._wrong((*path, "max_per_day"), f"not lower than that of products.{product.id}; lower it")

    def _schedule(self, path: tuple[str, ...], table: _ReductionTable) -> Schedule:
        spans = sorted(map(_span, table.hours or ()))
        for start, end in spans:
            if start == end:
                raise self._wrong((*path, "hours"), 'begins when it ends; for the whole day write "00:00-24:00"')
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                raise self._wrong((*path, "hours"), "two of the hours overlap; part or join them")
        weekdays = frozenset(WEEKDAYS.index(day) for day in table.days or ())
        if table.first_sunday and weekdays and 6 not in weekdays:
            raise self._wrong((*path, "days"), 'first_sunday is a sunday; add "sunday" or remove days')
        if table.from_date and table.until_date and table.from_date > table.until_date:
            raise self._wrong((*path, "until"), "earlier than `from`; swap them or correct the year")
        return Schedule(weekdays, tuple(spans), table.first_sunday, table.from_date, table.until_date)

    def _refuse_useless(
        self,
        reductions: tuple[Reduction, ...],
        products: Mapping[str, Product],
        classes: Mapping[str, frozenset[str]],
    ) -> None:
        """Refuses a reduction that another one beats for all its people, at all its times, on all its products."""
        for place, reduction in enumerate(reductions):
            wider = [
                (other_place, other)
                for other_place, other in enumerate(reductions)
                if other is not reduction and _covers(other, reduction, classes)
            ]
            beaten = {
                product: other
                for product in reduction.products
                for other_place, other in wider
                if product in other.products
                and other.terms(products[product]).never_dearer_than(reduction.terms(products[product]))
                and (other_place < place or other.terms(products[product]) != reduction.terms(products[product]))
            }
            if len(beaten) == len(set(reduction.products)):
                better = next(iter(beaten.values())).id
                message = f"never the best, because reductions.{better} gives as much or more; remove it or better it"
                raise self._wrong(("reductions", reduction.id), message)

    def _convert(self, kind: type[T], written: dict[str, Any], path: tuple[str, ...]) -> T:
        raw = {key: _unfolded(key, value) for key, value in written.items()}
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            message = str(error)
        known = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
        for key in raw:
            if key not in known:
                hint = _near(key, known) or f"; known here are {', '.join(known)}"
                raise self._wrong((*path, key), f"unknown key{hint}")
        for key, required in known.items():
            if required and key not in raw:
                raise self._wrong(path, f"the key {key} is missing; {_expected((*path, key))}")
        place = re.search(r"`\$\.(\w+)(?:\[(\d+)\])?", message)
        if place is None:
            raise self._wrong(path, message)
        key, index = place.groups()
        value = raw[key] if index is None else raw[key][int(index)]
        found = "" if isinstance(value, dict | list) else f", found {_shown(value)}"
        raise self._wrong((*path, key), f"{_expected((*path, key))}{found}")

    def _check_name(self, path: tuple[str, ...]) -> None:
        try:
            msgspec.convert(path[-1], Name)
        except msgspec.ValidationError:
            raise self._wrong(path[:-1], f"{_shown(path[-1])} is not a name; use {_NAME_RULE}") from None

    def _check_known(
        self, path: tuple[str, ...], names: tuple[str, ...], known: tuple[str, ...] | Mapping[str, Any], fault: str
    ) -> None:
        for name in names:
            if name not in known:
                raise self._wrong(path, f"{name!r} {fault}; use {', '.join(known)}")

    def _wrong(self, path: tuple[str, ...], message: str) -> TariffError:
        line = line_of(self.text, path)
        place = self.name if line is None else f"{self.name}, line {line}"
        dotted = ".".join(key if re.fullmatch(r"[\w-]{1,60}", key) else _shown(key) for key in path)
        return TariffError(f"{place}: {dotted}: {message}." if path else f"{place}: {message}.")


def _covers(wider: Reduction, narrower: Reduction, classes: Mapping[str, frozenset[str]]) -> bool:
    if not (wider.schedule.always or wider.schedule == narrower.schedule):
        return False
    if "anyone" in wider.who or wider.who >= narrower.who:
        return True
    if "anyone" in narrower.who:
        return False
    return "resident" in wider.who or (
        "resident" not in narrower.who and _card_classes(wider, classes) >= _card_classes(narrower, classes)
    )


def _card_classes(reduction: Reduction, classes: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(classes[name] for name in reduction.who if name in classes))


def _cents(amount: str) -> int:
    whole, _, part = amount.replace(",", ".").partition(".")
    return int(whole) * 100 + int(part or 0)


def _rate(rate: int | str) -> Decimal:
    return Decimal(str(rate).replace(",", "."))


def _span(hours: str) -> tuple[int, int]:
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in hours.split("-"))
    return start, end if end >= start else end + DAY_MINUTES


def _unfolded(key: str, value: Any) -> Any:
    if isinstance(value, str) and key in ONE_OR_SEVERAL:
        return [value]
    if isinstance(value, str) and key in ONE_OR_BY_LANGUAGE:
        return {"fr": value}
    return value


def _expected(path: tuple[str, ...]) -> str:
    return f"expected {EXPECTED.get(f'{path[0]}.{path[-1]}') or EXPECTED[path[-1]]}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name[:60], known, n=1)
    return f"; perhaps {near[0]} is meant" if near else ""


def _shown(value: Any) -> str:
    """A value as the writer of the file knows it, cut to a readable length."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**12 else "a number too large"
    if isinstance(value, str):
        return f'"{value[:40]}"' if value.isprintable() else ascii(value[:40])
    return str(value)
