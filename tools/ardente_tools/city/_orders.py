"""What a card is ordered by: an age class, how long it is valid, the card it replaces. Never a name.

A CSV file has one card a line, under a header of the columns that `COLUMNS` names. The number of a card is the number
of its line, as a spreadsheet shows it, so the town hall matches card and envelope, and the city's folder knows nobody.
"""

from __future__ import annotations

import csv
import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from ardente.core.calendar import quarter_start
from ardente.core.token import (
    AGE_CLASS_NAMES,
    CHILD,
    LAST_UNTIL_YEAR,
    NO_AGE_CLASS,
    SENIOR,
    UNTIL_YEAR_STEP,
    YOUTH,
)

from ._errors import CityError

AGE, QUARTERS, VALID_UNTIL, REPLACES = COLUMNS = ("age", "quarters", "valid_until", "replaces")
MAX_CARDS = 200_000
_MAX_FILE_SIZE = 96 << 20
_MAX_YEARS_AHEAD = 30
_YEARS = {"child": CHILD, "youth": YOUTH}
_AGE = re.compile(r"(child|youth)[ :]([0-9]{4})")
_QUARTER = re.compile(r"([0-9]{4})-q([1-4])")
_NUMBER = re.compile(r"[0-9]{1,3}")


class OrderError(CityError):
    """A card cannot be ordered like this; no card was issued. The message repeats nothing but names of columns."""


class Order(NamedTuple):
    """One card to be issued.

    ``number`` is its line, ``exp`` the start of the quarter after its last (epoch seconds), ``replaces`` the slip code
    or the digits of the former card, "" for none.
    """

    number: int
    age_class: int
    until_year: int
    exp: int
    replaces: str

    def __repr__(self) -> str:
        return f"<Order {self.number}>"


class OrderFile(NamedTuple):
    """The orders of a CSV file, the SHA-256 of its bytes, and by what else they were read.

    ``begun`` is the first day of the quarter from which validities count; ``quarters`` and ``valid_until`` hold for
    lines that say neither. ``empty_lines`` at its end are no cards.
    """

    orders: list[Order]
    sha256: bytes
    begun: date
    quarters: str
    valid_until: str
    empty_lines: int


class Validity:
    """Until when new cards are valid, seen from ``today``; ``longest_quarters`` counts the current quarter too."""

    def __init__(self, today: date, longest_quarters: int) -> None:
        self.quarter = date(today.year, today.month - (today.month - 1) % 3, 1)
        self._longest = longest_quarters
        self._current = today.year * 4 + (today.month - 1) // 3

    def exp(self, quarters: str = "", valid_until: str = "") -> int:
        """Return the `exp` of a card; the longest validity where neither is given. Raises `OrderError`."""
        if quarters and valid_until:
            raise OrderError(f"{QUARTERS} and {VALID_UNTIL} say the same thing; give one of them.")
        if valid_until:
            count = self._last_quarter(valid_until) - self._current + 1
            if count < 1:
                raise OrderError(f"{VALID_UNTIL} is past.")
        else:
            count = _whole_number(quarters) if quarters else self._longest
        if not 1 <= count <= self._longest:
            raise OrderError(
                f"A card is valid for 1 to {self._longest} quarters, the current one included, so until "
                f"{_quarter_name(self._current + self._longest - 1)} at the latest (city.toml, longest_card_quarters)."
            )
        year, quarter = divmod(self._current + count, 4)
        return quarter_start(year, quarter + 1)

    @staticmethod
    def _last_quarter(text: str) -> int:
        match = _QUARTER.fullmatch(text.lower())
        if not match:
            raise OrderError(f"{VALID_UNTIL} is the last quarter in which the card is valid, such as 2031-Q2.")
        return int(match[1]) * 4 + int(match[2]) - 1


def order(number: int, validity: Validity, *, age: str, quarters: str, valid_until: str, replaces: str) -> Order:
    """Return the order of one card from what the columns say. Raises `OrderError`."""
    age_class, until_year = _age(age, validity.quarter.year)
    return Order(number, age_class, until_year, validity.exp(quarters, valid_until), replaces)


def read_orders(path: Path, validity: Validity, *, quarters: str = "", valid_until: str = "") -> OrderFile:
    """Read a CSV file, whole, before any card is issued.

    ``quarters`` or ``valid_until`` holds for lines that say neither. Raises `OrderError` with line and column.
    """
    data = _read(path)
    text = data.decode("utf-8-sig", "replace")
    try:
        orders, empty_lines = _orders(path.name, text, validity, quarters, valid_until)
    except csv.Error:
        raise OrderError(f"{path.name} is no CSV file.") from None
    if not orders:
        raise OrderError(f"{path.name} has no line below its header, so there is no card to issue.")
    return OrderFile(orders, hashlib.sha256(data).digest(), validity.quarter, quarters, valid_until, empty_lines)


def last_day(exp: int) -> date:
    """Return the last day on which a card of this `exp` is valid (UTC)."""
    return (datetime.fromtimestamp(exp, UTC) - timedelta(days=1)).date()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_SIZE + 1)
    except OSError as error:
        raise OrderError(f"{path} cannot be read: {error.strerror}.") from None
    if len(data) > _MAX_FILE_SIZE:
        raise OrderError(f"{path.name} is too big for {MAX_CARDS:,} cards.")
    return data


def _orders(name: str, text: str, validity: Validity, quarters: str, valid_until: str) -> tuple[list[Order], int]:
    """Return the orders, and how many lines at the end are empty."""
    if not text.strip():
        raise OrderError(f"{name} is empty; its first line names columns of {', '.join(COLUMNS)}.")
    # Not splitlines(): a spreadsheet knows no other ends of line, and its line numbers are ours. The last of them is
    # all that is too much, and is dropped below where it is blank.
    lines = re.split("\r\n|\r|\n", text, maxsplit=MAX_CARDS + 1)
    delimiter = next((sign for sign in ";\t" if sign in lines[0]), ",")
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    columns = _columns(name, next(rows))
    # Behind the end of the last line there is no line.
    empty_lines = -text.endswith(("\r", "\n"))
    while not lines[-1].strip() and delimiter not in lines[-1]:
        line = lines.pop()
        empty_lines += 1 + line.count("\n") + line.count("\r") - line.count("\r\n")
    if len(lines) > MAX_CARDS + 1:
        raise OrderError(f"{name} has more than {MAX_CARDS:,} cards; split it.")
    orders = []
    for number, row in enumerate(rows, 2):
        if number > len(lines):
            break
        try:
            if rows.line_num != number:
                raise OrderError("a value goes over the end of the line.")
            values = _values(columns, row)
            if not (values[QUARTERS] or values[VALID_UNTIL]):
                values.update({QUARTERS: quarters, VALID_UNTIL: valid_until})
            orders.append(
                order(
                    number,
                    validity,
                    age=values[AGE],
                    quarters=values[QUARTERS],
                    valid_until=values[VALID_UNTIL],
                    replaces=values[REPLACES],
                )
            )
        except OrderError as error:
            raise OrderError(f"{name}, line {number}: {error}") from None
    return orders, empty_lines


def _columns(name: str, header: list[str]) -> list[str]:
    columns = [column.strip().lower() for column in header]
    for column in columns:
        if column not in COLUMNS:
            raise OrderError(
                f"{name} has the column {_shown(column)}, and only {', '.join(COLUMNS)} are taken: no name, no birth "
                "date, no address, no number of a person. Delete the column; the line number tells whose card it is."
            )
    if len(set(columns)) < len(columns):
        raise OrderError(f"{name} has a column twice.")
    return columns


def _values(columns: list[str], row: list[str]) -> dict[str, str]:
    if not row:
        raise OrderError("the line is empty; delete it, or write - for a card without an age class.")
    if len(row) != len(columns):
        raise OrderError(f"the line has {len(row)} values and the header {len(columns)}.")
    values = dict.fromkeys(COLUMNS, "")
    for column, value in zip(columns, row, strict=True):
        stripped = value.strip()
        values[column] = "" if stripped == "-" else stripped
    return values


def _age(text: str, this_year: int) -> tuple[int, int]:
    lowered = text.lower()
    if not lowered:
        return NO_AGE_CLASS, 0
    if lowered == AGE_CLASS_NAMES[SENIOR]:
        return SENIOR, 0
    match = _AGE.fullmatch(lowered)
    if not match:
        raise OrderError(
            f"{AGE} is empty, or 'child' or 'youth' with the year until whose end it holds, such as 'child 2034', or "
            "'senior'; never a birth date."
        )
    year = int(match[2])
    if not this_year <= year <= min(this_year + _MAX_YEARS_AHEAD, LAST_UNTIL_YEAR):
        raise OrderError(f"the year of {AGE} is past, or more than {_MAX_YEARS_AHEAD} years ahead.")
    # Up to the grid, which is in the holder's favour.
    return _YEARS[match[1]], year + -year % UNTIL_YEAR_STEP


def _whole_number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise OrderError(f"{QUARTERS} is a number, such as 20.")
    return int(text)


def _quarter_name(quarter: int) -> str:
    return f"{quarter // 4}-Q{quarter % 4 + 1}"


def _shown(column: str) -> str:
    # Without a header, the first line is a card's: its digits or the code of a slip are not to be repeated.
    if any(character.isdigit() for character in column):
        return "of a name with digits"
    printable = "".join(character if character.isprintable() else "?" for character in column)
    return repr(printable if len(printable) <= 40 else f"{printable[:40]}…")
