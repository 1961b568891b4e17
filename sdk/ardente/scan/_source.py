from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Protocol, Self

from ._assembler import Assembler
from ._errors import ScanError
from ._scan import Scan

# A scanner types a character within 50 ms of the last; five times that allows for a radio link.
GAP_SECONDS = 0.25

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


class Source(Protocol):
    """Where scans come from: an iterator to be closed, as a context manager or by `close`.

    A loop may be left and taken up again; nothing is lost in between. `close` may be called from another thread and
    ends the loop.
    """

    def __iter__(self) -> Iterator[Scan]: ...
    def __next__(self) -> Scan: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
    def close(self) -> None: ...


class ConnectionState(StrEnum):
    """What a source that reconnects reports to its ``on_state``."""

    CONNECTED = "connected"
    WAITING = "waiting"
    """The scanner is not there; the source looks for it again and again."""


class BaseSource(ABC):
    """The part that all sources share: scans ready to be taken, and an end."""

    def __init__(self) -> None:
        self._ready: deque[Scan] = deque()
        self._closed = threading.Event()
        self._ended = False
        # Held while the device is in use, so that `close` from another thread does not pull it away.
        self._in_use = threading.RLock()

    def __iter__(self) -> Iterator[Scan]:
        return self

    def __next__(self) -> Scan:
        while True:
            with self._in_use:
                if self._closed.is_set():
                    raise StopIteration
                if self._ready:
                    return self._ready.popleft()
                if self._ended:
                    raise StopIteration
                self._advance()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the device and end the iteration. Calling it again does nothing."""
        self._closed.set()
        with self._in_use:
            self._ready.clear()
            self._release()

    @abstractmethod
    def _advance(self) -> None:
        """Take one step: add what is read to ``_ready``, or set ``_ended``. Returns at least every few seconds."""

    def _release(self) -> None:  # noqa: B027, not every source holds something
        """Let go of the device. May be called more than once."""


class DeviceSource(BaseSource):
    """A device that may be unplugged and come back.

    A subclass opens, reads and releases it. Any `OSError` while reading means that it is gone.
    """

    def __init__(self, *, typed: bool, on_state: Callable[[ConnectionState], None] | None) -> None:
        super().__init__()
        self._assembler = Assembler(typed=typed)
        self._on_state = on_state
        self._state: ConnectionState | None = None
        self._is_open = False
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._was_connected = False

    def __enter__(self) -> Self:
        # A driver throws away what came before it was opened. What is wrong with the device, the iteration says.
        with self._in_use, contextlib.suppress(ScanError):
            if not self._is_open:
                self._connect()
        return self

    @abstractmethod
    def _open(self) -> bool:
        """Open the device; False where it is not there. Raises ScanError where waiting would not help."""

    @abstractmethod
    def _read(self) -> str | None:
        """Return what came, or None after a silence that no scanner makes within a scan."""

    def _advance(self) -> None:
        if not self._is_open:
            if not self._connect():
                self._wait()
            return
        try:
            characters = self._read()
        except OSError:
            self._release()
            self._ready += self._assembler.cut()
            self._wait()
            return
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._ready += self._assembler.cut() if characters is None else self._assembler.feed(characters)

    def _connect(self) -> bool:
        self._is_open = self._open()
        if self._is_open:
            self._was_connected = True
            self._report(ConnectionState.CONNECTED)
        return self._is_open

    def _wait(self) -> None:
        """Pause, longer each time until a read succeeds."""
        self._report(ConnectionState.WAITING)
        self._closed.wait(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)

    def _report(self, state: ConnectionState) -> None:
        if state is not self._state:
            self._state = state
            if self._on_state is not None:
                self._on_state(state)

    def _release(self) -> None:
        self._is_open = False
