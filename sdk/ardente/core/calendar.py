"""Days, quarters and years as epoch seconds (UTC, proleptic Gregorian), without a clock or a time zone."""

DAY_S = 86400


def _days_before_year(year: int) -> int:
    """Days from 1970-01-01 to the first of January of ``year``."""
    past = year - 1
    return 365 * (year - 1970) + past // 4 - past // 100 + past // 400 - 477


def year_start(year: int) -> int:
    """Return 00:00 UTC of the first of January of ``year``."""
    return _days_before_year(year) * DAY_S


def is_quarter_start(time: int) -> bool:
    """Tell whether ``time`` is 00:00 UTC of the first of January, April, July or October."""
    if time % DAY_S:
        return False
    days = time // DAY_S
    # Right, or one too many just before a new year.
    year = 1970 + (days * 400 + 591) // 146097
    first = _days_before_year(year)
    if first > days:
        year -= 1
        first = _days_before_year(year)
    day = days - first
    if not day:
        return True
    leap = _days_before_year(year + 1) - first - 365
    return day == 90 + leap or day == 181 + leap or day == 273 + leap


def quarter_start(year: int, quarter: int) -> int:
    """Return 00:00 UTC of the first day of ``quarter`` (1 to 4; 5 is the first of the next year) of ``year``."""
    first = _days_before_year(year)
    leap = _days_before_year(year + 1) - first - 365
    day = (0, 90 + leap, 181 + leap, 273 + leap, 365 + leap)[quarter - 1]
    return (first + day) * DAY_S
