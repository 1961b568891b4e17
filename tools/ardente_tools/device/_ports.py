"""Serial ports: which there are, and how one is opened without resetting the board behind it."""

from __future__ import annotations

import errno
import glob
import os
from pathlib import Path
from typing import Final, NamedTuple

import serial
from serial.tools import list_ports

from ._errors import PortError

BAUDRATE: Final = 115200
# Reads end so soon that a request can time out; a byte that comes ends the wait at once.
READ_TIMEOUT_S: Final = 0.02
_WRITE_TIMEOUT_S: Final = 5.0
_NOT_THERE: Final = (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO)
_BUSY: Final = (errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK)


class Port(NamedTuple):
    """A port, and what USB says of it; the numbers are None where it is not on USB."""

    path: str
    description: str = ""
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None

    def same_adapter(self, other: Port) -> bool:
        """Whether ``other`` is the same adapter, perhaps under another name."""
        identity = (self.vid, self.pid, self.serial_number)
        return None not in identity and identity == (other.vid, other.pid, other.serial_number)


def ports() -> list[Port]:
    """Return the ports of USB adapters and boards, by name."""
    found = [
        Port(info.device, info.description or "", info.vid, info.pid, info.serial_number or None)
        for info in list_ports.comports()
        if info.vid is not None
    ]
    return sorted(found)


def find_port(name: str | None) -> Port:
    """Return the port that ``name`` is: a path, or the serial number that USB states; None for the only one there is.

    Raises `PortError` where there is none, or more than one.
    """
    known = ports()
    if name is None:
        if len(known) == 1:
            return known[0]
        if not known:
            raise PortError("No board is plugged in that shows as a serial port: check the cable, or name the port.")
        raise PortError(f"More than one board is plugged in: name one of {_names(known)}.")
    matches = [port for port in known if port.serial_number == name]
    if len(matches) > 1:
        raise PortError(f"Two boards have the serial number {name}: name the port, one of {_names(matches)}.")
    if matches:
        return matches[0]
    # Also for programs that run in another folder.
    path = os.path.abspath(name) if os.sep in name else name
    real = os.path.realpath(path)
    return next((port for port in known if port.path in (path, real)), Port(path))


def find_again(port: Port) -> Port:
    """Return where the adapter of ``port`` is now: plugged in again, it may have another name."""
    if os.path.exists(port.path):
        return port
    return next((other for other in ports() if port.same_adapter(other)), port)


def open_port(port: Port, baudrate: int = BAUDRATE) -> serial.Serial:
    """Open a port for this process alone, without a reset of the board behind it. Raises `PortError`.

    The system raises DTR and RTS together when it opens a port, which resets nothing; RTS must fall first, because a
    board's circuit takes RTS without DTR for "reset". On POSIX pyserial leaves DTR alone where it is told that DTR is
    for the flow, and does nothing more about it; Windows sets both at once.
    """
    posix = os.name == "posix"
    connection = serial.Serial(
        baudrate=baudrate,
        timeout=READ_TIMEOUT_S,
        write_timeout=_WRITE_TIMEOUT_S,
        exclusive=True if posix else None,
        dsrdtr=posix,
    )
    connection.rts = False
    connection.dtr = False
    connection.port = port.path
    try:
        connection.open()
        _release_dtr(connection)
    except serial.SerialException as error:
        raise _cannot_open(port, error) from None
    except OSError as error:
        connection.close()
        raise _cannot_open(port, error) from None
    return connection


def _release_dtr(connection: serial.Serial) -> None:
    try:
        connection.dtr = False
    except OSError as error:
        # A pseudo-terminal has no such lines.
        if error.errno not in (errno.EINVAL, errno.ENOTTY):
            raise


def _cannot_open(port: Port, error: OSError) -> PortError:
    number = error.errno
    if number in (errno.EACCES, errno.EPERM):
        return PortError(_not_allowed(port.path))
    if number in _BUSY or "lock" in str(error):
        return PortError(f"{port.path} is in use by {_holder(port.path)}: close that program, then try again.")
    if number in _NOT_THERE or not os.path.exists(port.path):
        return PortError(f"There is no port {port.path}: check the cable, or see `ardente device list`.")
    return PortError(f"{port.path} cannot be opened as a serial port: check that it is one with `ardente device list`.")


def _not_allowed(path: str) -> str:
    if os.name != "posix":
        return f"{path} is in use by another program: close that program, then try again."
    group = _group(path)
    if group is None:
        return f"You may not use {path}: ask whoever runs this computer for access to it."
    return f"You may not use {path}: join its group with `sudo usermod -aG {group} $USER`, then log out and in again."


def _group(path: str) -> str | None:
    import grp

    try:
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return None


def _holder(path: str) -> str:
    """The program that has the port open, as far as this user may see (Linux)."""
    real = os.path.realpath(path)
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        process = link.split("/")[2]
        try:
            if os.readlink(link) == real and int(process) != os.getpid():
                return f"{Path('/proc', process, 'comm').read_text().strip()} (process {process})"
        except OSError:
            continue
    return "another program"


def _names(found: list[Port]) -> str:
    return ", ".join(port.path for port in found)
