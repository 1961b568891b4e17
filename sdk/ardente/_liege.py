"""The city's own calendar, by which days are counted and closed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

_ZONE: Final = ZoneInfo("Europe/Brussels")


def day_of(now: float) -> date:
    """Return the day in Liège at ``now``, epoch seconds."""
    return datetime.fromtimestamp(now, _ZONE).date()
