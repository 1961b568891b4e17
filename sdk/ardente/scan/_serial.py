from __future__ import annotations

import codecs
import contextlib
import errno
from collections.abc import Callable

import serial

from ._errors import ScanError
from ._source import GAP_SECONDS, ConnectionState, DeviceSource

_REFUSED = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.EAGAIN}


class SerialSource(DeviceSource):
    """A scanner on a serial port: USB (CDC) or UART.

    The port need not be there yet, and may go and come back. Choose a name that survives this: on Linux one under
    ``/dev/serial/by-id/``, anywhere a pattern such as ``hwgrep://0C2E:0B61`` (USB vendor and product). The port's
    control lines are set once, on opening, and left alone: on some boards a change is a reset.

    Args:
        port: name of the port, or a URL of pyserial.
        baud_rate: as the scanner is set; USB scanners take any.
        gap_seconds: a longer silence within a scan means that it broke off.
        on_state: called with each change of the connection, from the thread that iterates.

    Iterating raises `ScanError` where the port is there but may not be opened.
    """

    def __init__(
        self,
        port: str,
        *,
        baud_rate: int = 9600,
        gap_seconds: float = GAP_SECONDS,
        on_state: Callable[[ConnectionState], None] | None = None,
    ) -> None:
        super().__init__(typed=False, on_state=on_state)
        self._port = port
        self._baud_rate = baud_rate
        self._gap_seconds = gap_seconds
        self._serial: serial.SerialBase | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def _open(self) -> bool:
        try:
            self._serial = serial.serial_for_url(
                self._port, baudrate=self._baud_rate, timeout=self._gap_seconds, exclusive=True
            )
        except ValueError as error:
            raise self._no_port() from error
        except OSError as error:
            # Right after plugging in, a port may be refused for a moment, until the system has set its owner.
            if self._was_connected:
                return False
            if _is_refused(error):
                raise ScanError(
                    f"The serial port {self._port} may not be opened. Another program may hold it; "
                    "on Linux the user must be in the group of the port, often 'dialout'."
                ) from error
            if "configure port" in str(error):
                raise self._no_port() from error
            return False
        self._decoder.reset()
        return True

    def _no_port(self) -> ScanError:
        return ScanError(f"{self._port} is no serial port that runs at {self._baud_rate} baud; check its name.")

    def _read(self) -> str | None:
        assert self._serial is not None
        first = self._serial.read(1)
        if not first:
            return None
        return self._decoder.decode(first + (self._serial.read_all() or b""))

    def _release(self) -> None:
        super()._release()
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None


def _is_refused(error: OSError) -> bool:
    # On Windows pyserial keeps the cause in the message only.
    return error.errno in _REFUSED or "PermissionError" in str(error)
