"""What a scanner counts: accepted, refused and faults by day, and reasons as totals of 30 days. Nothing of a card."""

import json

from core.reasons import CARD_REASONS, OK
from flash_file import read_sealed, write_sealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ACCEPTED, REFUSED, FAULTS = 0, 1, 2
KEPT_DAYS = 30
# A reason that is rarer may tell of one person.
SMALLEST_SHOWN = 5
_SAVE_EVERY_S = 3600
_MAX_FILE_BYTES = 4096
_DAY_S = 86400


class Counters:
    """Counts, and keeps the counts in a file that is written once an hour; a missing or damaged one begins at zero."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._days: "dict[str, list[int]]" = {}
        self._period = -1
        self._reasons: "dict[str, int]" = {}
        self._changed = False
        self._saved_s = 0
        saved = _parse(read_sealed(path, _MAX_FILE_BYTES))
        if saved:
            self._days, self._period, self._reasons = saved

    def count(self, reason: str, now: int) -> None:
        """Count an answer; `now` is epoch seconds."""
        self._add(ACCEPTED if reason == OK else REFUSED, now)
        if reason != OK:
            self._reasons[reason] = self._reasons.get(reason, 0) + 1

    def fault(self, now: int) -> None:
        """Count a fault."""
        self._add(FAULTS, now)

    def days(self) -> "dict[str, list[int]]":
        """Accepted, refused and faults by day; a day is a count of days since 1970, in decimal."""
        return self._days

    def reasons(self) -> "dict[str, str]":
        """How often each reason was given in the 30 days that run, in whole fives; "<5" where it was less often."""
        shown = {}
        for reason, number in self._reasons.items():
            # A count to the unit, asked for before and after a card, would tell of that card.
            fives = number - number % SMALLEST_SHOWN
            shown[reason] = str(fives) if fives else "<%d" % SMALLEST_SHOWN
        return shown

    def tick(self, now_s: int) -> None:
        """Save once an hour of `now_s`, a time that never goes back. Raises OSError, and tries again in an hour."""
        if self._changed and now_s - self._saved_s >= _SAVE_EVERY_S:
            self._saved_s = now_s
            self.save()

    def save(self) -> None:
        """Write the file. Raises OSError; the one before stays then."""
        data = json.dumps({"days": self._days, "period": self._period, "reasons": self._reasons})
        write_sealed(self._path, data.encode())
        self._changed = False

    def _add(self, column: int, now: int) -> None:
        day = now // _DAY_S
        name = str(day)
        if name not in self._days:
            self._days[name] = [0, 0, 0]
            # The earliest goes; were it today, after a clock that was set back, today would never be counted.
            while len(self._days) > KEPT_DAYS:
                del self._days[min([other for other in self._days if other != name], key=int)]
        self._days[name][column] += 1
        if day // KEPT_DAYS != self._period:
            self._period = day // KEPT_DAYS
            self._reasons = {}
        self._changed = True


def _parse(data: "bytes | None") -> "tuple[dict[str, list[int]], int, dict[str, int]] | None":
    try:
        saved: "Any" = json.loads(data) if data else None
        days = {str(int(day)): [int(number) for number in saved["days"][day]][:3] for day in saved["days"]}
        reasons = {reason: int(saved["reasons"][reason]) for reason in saved["reasons"] if reason in CARD_REASONS}
        if all([len(numbers) == 3 for numbers in days.values()]):
            return days, int(saved["period"]), reasons
    except (ValueError, TypeError, KeyError, UnicodeError):
        pass
    return None
