"""The time on a device without a clock: a signed floor, and the seconds that the device has been powered since.

Powered-on time is saved hourly, so that a reset loses less than an hour of it. A device that is kept without power
ages slower than the world.
"""

import struct

from flash_file import read_sealed, write_sealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SAVE_EVERY_S = 3600
MAX_HINT_PAST_EXP_S = 30 * 86400
# The period of MicroPython's ticks_ms; a difference of more than half of it is a step back.
_TICKS_MASK = (1 << 30) - 1
_HALF_PERIOD = 1 << 29
_FORMAT = ">QQ"


class Clock:
    """Estimates the time in epoch seconds.

    path: where the estimate is kept; a missing or damaged file is an estimate of 0, until `set_floor`
    ticks_ms: milliseconds that only grow and may wrap as `time.ticks_ms`; `now` or `tick` is called every six days at
    least
    """

    def __init__(self, path: str, ticks_ms: "Callable[[], int]") -> None:
        self._path = path
        self._ticks_ms = ticks_ms
        self._last_ms = ticks_ms()
        self._rest_ms = 0
        self._powered_s = 0
        self._save_at_s = SAVE_EVERY_S
        saved = read_sealed(path, struct.calcsize(_FORMAT))
        self._floor = self._start = 0
        if saved and len(saved) == struct.calcsize(_FORMAT):
            self._floor, self._start = struct.unpack(_FORMAT, saved)
        # A host's hint as the time at power-on, and what it may not lead past.
        self._hint_start = 0
        self._hint_limit = 0

    def now(self) -> int:
        """The estimate, or a host's hint where there is one."""
        self._advance()
        estimate = self._start + self._powered_s
        return max(estimate, min(self._hint_start + self._powered_s, self._hint_limit))

    def tick(self) -> None:
        """Save the estimate when an hour has passed. Raises OSError, and tries again an hour later."""
        self._advance()
        if self._powered_s >= self._save_at_s:
            self._save()

    def set_floor(self, iat: int) -> None:
        """Never be before `iat`, that of an installed bundle. Raises OSError where it cannot be saved; it holds."""
        self._advance()
        if iat <= self._floor:
            return
        self._floor = iat
        self._start = max(self._start, iat - self._powered_s)
        self._save()

    def restart(self, iat: int) -> None:
        """Begin again at `iat`, after a recovery from a stolen key. Raises OSError where it cannot be saved."""
        self._advance()
        self._floor = iat
        self._start = iat - self._powered_s
        self._hint_start = self._hint_limit = 0
        self._save()

    def hint(self, time: int, exp: int) -> None:
        """Take a host's time until the next reset, no later than 30 days past `exp`, that of the bundle."""
        self._advance()
        self._hint_start = time - self._powered_s
        self._hint_limit = exp + MAX_HINT_PAST_EXP_S

    def _advance(self) -> None:
        ticks_ms = self._ticks_ms()
        passed_ms = (ticks_ms - self._last_ms) & _TICKS_MASK
        self._last_ms = ticks_ms
        if passed_ms < _HALF_PERIOD:
            self._rest_ms += passed_ms
            self._powered_s += self._rest_ms // 1000
            self._rest_ms %= 1000

    def _save(self) -> None:
        self._save_at_s = self._powered_s + SAVE_EVERY_S
        write_sealed(self._path, struct.pack(_FORMAT, self._floor, self._start + self._powered_s))
