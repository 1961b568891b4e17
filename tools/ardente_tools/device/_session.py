"""A scanner that may go away for a while: a pulled cable, a laptop that sleeps, a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self, TypeVar

from ._client import Device, Status
from ._errors import NoAnswerError, OtherDeviceError, PortError
from ._ports import BAUDRATE, Port, find_again

_PAUSE_S: Final = 0.25
_Result = TypeVar("_Result")


class Session:
    """Asks one scanner, and opens its port again for up to ``wait_s`` seconds after it went away.

    ``on_wait`` is called once for each time that it goes away. Entering opens the port at once or raises `PortError`.
    """

    def __init__(
        self, port: Port, *, wait_s: float, on_wait: Callable[[], None] = lambda: None, baudrate: int = BAUDRATE
    ) -> None:
        self._port = port
        self._baudrate = baudrate
        self._wait_s = wait_s
        self._on_wait = on_wait
        self._device: Device | None = None
        self._open = ExitStack()
        self._label: str | None = None
        self._sent_bytes = 0
        self._gone_s: float | None = None

    @property
    def sent_bytes(self) -> int:
        """How many bytes went down the line in all."""
        return self._sent_bytes + (self._device.sent_bytes if self._device else 0)

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disconnect()

    def first_status(self) -> Status:
        """Return what answers, and wait for nothing."""
        assert self._device is not None
        status = self._device.status()
        self.heard()
        return status

    def expect(self, label: str) -> None:
        """From now on it must be the scanner of this label that comes back, else `OtherDeviceError`."""
        self._label = label

    def heard(self) -> None:
        """The scanner made progress: when it goes away next, the patience is whole."""
        self._gone_s = None

    def call(self, question: Callable[[Device], _Result]) -> _Result:
        """Return what ``question`` answers, asked again after each time that the scanner went away."""
        while True:
            try:
                answer = question(self._connected())
            except (PortError, NoAnswerError):
                self._disconnect()
                if not self._waits():
                    raise
                continue
            self.heard()
            return answer

    def _waits(self) -> bool:
        """Pause before the next try; return False once that has taken too long.

        Counted from the moment when it is missed, for a laptop may have slept since it was heard.
        """
        now_s = time.monotonic()
        is_news = self._gone_s is None
        self._gone_s = now_s if self._gone_s is None else self._gone_s
        if now_s - self._gone_s >= self._wait_s:
            return False
        if is_news:
            self._on_wait()
        time.sleep(_PAUSE_S)
        return True

    def _connected(self) -> Device:
        if self._device is None:
            self._port = find_again(self._port)
            device = self._connect()
            label = device.status(tries=2).label
            if self._label is not None and label != self._label:
                raise OtherDeviceError(
                    f"Another scanner is on {self._port.path} now, {label} in place of {self._label}: "
                    "plug the first one in and push again."
                )
        assert self._device is not None
        return self._device

    def _connect(self) -> Device:
        device = Device(self._port, self._baudrate)
        self._open.enter_context(device)
        self._device = device
        return device

    def _disconnect(self) -> None:
        if self._device is not None:
            self._sent_bytes += self._device.sent_bytes
            self._device = None
        self._open.close()
