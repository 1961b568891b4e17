"""How often somebody may fail. Those who do not fail are never held up."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_MOST_REMEMBERED: Final = 1 << 16


class FailureLimit:
    """A bucket of ``burst`` failures for each name, refilled by one every ``refill_s`` seconds.

    At most ``most`` names are remembered, 100 bytes each; who failed longest ago is forgotten first.
    """

    def __init__(
        self,
        burst: int,
        refill_s: float,
        *,
        most: int = _MOST_REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst_s = burst * refill_s
        self._refill_s = refill_s
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        # When the bucket of a name will be full again.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, name: str) -> int:
        """Return after how many whole seconds ``name`` may try again, 0 where it may now."""
        over_s = self._full_at.get(name, 0.0) - self._clock() - self._burst_s + self._refill_s
        return math.ceil(over_s) if over_s > 0 else 0

    def fail(self, name: str) -> None:
        """Count one failure."""
        with self._lock:
            self._full_at[name] = max(self._full_at.get(name, 0.0), self._clock()) + self._refill_s
            self._full_at.move_to_end(name)
            while len(self._full_at) > self._most:
                self._full_at.popitem(last=False)


def network_of(host: str) -> str:
    """Return what one person holds of addresses: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:64]
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)
