"""The time on a device without a clock: a signed floor, and the seconds that the device has been powered since.

Powered-on time is saved hourly, so that a reset loses less than an hour of it. A device that is kept without power
ages slower than the world.
"""

import struct

from flash_file import read_sealed, write_sealed
from uptime import Uptime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SAVE_EVERY_S = 3600
MAX_HINT_PAST_EXP_S = 30 * 86400
_FORMAT = ">QQ"


class Clock:
    """Estimates the time in epoch seconds.

    path: where the estimate is kept; a missing or damaged file is an estimate of 0, until `set_floor`
    ticks_ms: see `uptime.Uptime`
    """

    def __init__(self, path: str, ticks_ms: "Callable[[], int]") -> None:
        self._path = path
        self._uptime = Uptime(ticks_ms)
        self._save_at_s = SAVE_EVERY_S
        saved = read_sealed(path, struct.calcsize(_FORMAT))
        self._floor = self._start = 0
        if saved and len(saved) == struct.calcsize(_FORMAT):
            self._floor, self._start = struct.unpack(_FORMAT, saved)
        # A host's hint as the time at power-on, and what it may not lead past.
        self._hint_start = 0
        self._hint_limit = 0

    def estimate(self) -> int:
        """What age and expiry go by: no host can move it."""
        return self._start + self._powered_s()

    def now(self) -> int:
        """The estimate, or a host's hint where there is a later one."""
        return max(self.estimate(), min(self._hint_start + self._powered_s(), self._hint_limit))

    def tick(self) -> None:
        """Save the estimate when an hour has passed. Raises OSError, and tries again an hour later."""
        if self._powered_s() >= self._save_at_s:
            self._save()

    def set_floor(self, iat: int) -> None:
        """Never be before `iat`, that of an installed bundle. Raises OSError where it cannot be saved; it holds."""
        if iat <= self._floor:
            return
        self._floor = iat
        self._start = max(self._start, iat - self._powered_s())
        self._save()

    def restart(self, iat: int) -> None:
        """Begin again at `iat`, after a recovery from a stolen key. Raises OSError where it cannot be saved."""
        self._floor = iat
        self._start = iat - self._powered_s()
        self._hint_start = self._hint_limit = 0
        self._save()

    def hint(self, time: int, exp: int) -> None:
        """Take a host's time until the next reset, no later than 30 days past `exp`, that of the bundle."""
        self._hint_start = time - self._powered_s()
        self._hint_limit = exp + MAX_HINT_PAST_EXP_S

    def _powered_s(self) -> int:
        return self._uptime.ms() // 1000

    def _save(self) -> None:
        powered_s = self._powered_s()
        self._save_at_s = powered_s + SAVE_EVERY_S
        write_sealed(self._path, struct.pack(_FORMAT, self._floor, self._start + powered_s))
