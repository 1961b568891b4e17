"""Dates as SMP writes them, "2026-03-01T12:00:00Z", from epoch seconds and back: MicroPython's epochs differ."""

from core.calendar import DAY_S, year_start

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SEPARATORS = ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"))
_DIGITS = "0123456789"
_TEXT_LENGTH = 19


def date_text(time: int) -> str:
    """The date of `time`, epoch seconds, in UTC."""
    year = 1970 + time // (366 * DAY_S)
    while year_start(year + 1) <= time:
        year += 1
    days = (time - year_start(year)) // DAY_S
    month = 0
    while days >= _days_in(year, month):
        days -= _days_in(year, month)
        month += 1
    seconds = time % DAY_S
    clock = (seconds // 3600, seconds // 60 % 60, seconds % 60)
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % ((year, month + 1, days + 1) + clock)


def parse_date(text: str) -> int:
    """Epoch seconds of a date in UTC, from 1970 on; fractions of a second are passed over. Raises ValueError."""
    if any([text[at : at + 1] != separator for at, separator in _SEPARATORS]):
        raise ValueError("not a date")
    year, month, day = _number(text, 0, 4), _number(text, 5, 7), _number(text, 8, 10)
    hour, minute, second = _number(text, 11, 13), _number(text, 14, 16), _number(text, 17, 19)
    _end(text[_TEXT_LENGTH:])
    if year < 1970 or not 1 <= month <= 12 or not 1 <= day <= _days_in(year, month - 1):
        raise ValueError("not a date")
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("not a date")
    days = sum([_days_in(year, before) for before in range(month - 1)]) + day - 1
    return year_start(year) + days * DAY_S + hour * 3600 + minute * 60 + second


def _days_in(year: int, month: int) -> int:
    leap = year_start(year + 1) - year_start(year) > 365 * DAY_S
    return _DAYS[month] + (1 if leap and month == 1 else 0)


def _number(text: str, start: int, end: int) -> int:
    digits = text[start:end]
    if len(digits) != end - start or digits.strip(_DIGITS):
        raise ValueError("not a date")
    return int(digits)


def _end(rest: str) -> None:
    if rest.endswith("Z"):
        rest = rest[:-1]
    if rest and (rest[0] != "." or len(rest) > 10 or rest[1:].strip(_DIGITS)):
        raise ValueError("not a date")
