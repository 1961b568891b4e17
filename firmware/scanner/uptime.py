"""Milliseconds since the start, of a counter that wraps."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# The period of MicroPython's ticks_ms; a difference of more than half of it is a step back.
_TICKS_MASK = (1 << 30) - 1
_HALF_PERIOD = 1 << 29


class Uptime:
    """Follows `ticks_ms`, which may wrap as `time.ticks_ms`; a step back of it is no time at all.

    `ms` is called every six days at least.
    """

    def __init__(self, ticks_ms: "Callable[[], int]") -> None:
        self._ticks_ms = ticks_ms
        self._last_ms = ticks_ms()
        self._ms = 0

    def ms(self) -> int:
        ticks_ms = self._ticks_ms()
        passed_ms = (ticks_ms - self._last_ms) & _TICKS_MASK
        self._last_ms = ticks_ms
        if passed_ms < _HALF_PERIOD:
            self._ms += passed_ms
        return self._ms
