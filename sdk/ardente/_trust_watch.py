"""Follows what another program installs in a trust folder, for whoever judges for as long as a day."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from .core.errors import ArdenteError

if TYPE_CHECKING:
    from ._trust import Stamp, Trust
    from ._trust_store import TrustStore

_LOOK_EVERY_S: Final = 2.0


class TrustWatch:
    """The installed trust, taken in anew within two seconds. May be shared by threads.

    Where the new one cannot be used it goes on with the one it has, and ``reload_error`` says why. ``allow_test_city``
    can only narrow what the store allows. Raises what `TrustStore.load` raises.
    """

    def __init__(self, store: TrustStore, *, allow_test_city: bool) -> None:
        self._store = store
        self._allow_test_city = allow_test_city
        self._lock = threading.Lock()
        self._tried_stamp: Stamp | None = None
        self.reload_error: ArdenteError | None = None
        self._trust = store.load(allow_test_city=allow_test_city)
        self._look_at_s = time.monotonic() + _LOOK_EVERY_S

    def trust(self) -> Trust:
        """Return the trust in force."""
        return self._trust if time.monotonic() < self._look_at_s else self._look()

    def _look(self) -> Trust:
        """Take in what is new in the folder. One thread does; the others go on with what is there."""
        if not self._lock.acquire(blocking=False):
            return self._trust
        try:
            stamp = self._store.stamp()
            if stamp == self._trust.stamp:
                self._tried_stamp = self.reload_error = None
            elif stamp is None or stamp != self._tried_stamp:
                self._reload(stamp)
            self._look_at_s = time.monotonic() + _LOOK_EVERY_S
            return self._trust
        finally:
            self._lock.release()

    def _reload(self, stamp: Stamp | None) -> None:
        self._tried_stamp = stamp
        try:
            self._trust = self._store.load(allow_test_city=self._allow_test_city)
            self.reload_error = None
        except ArdenteError as error:
            self.reload_error = error
