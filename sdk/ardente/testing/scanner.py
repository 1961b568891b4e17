"""Scanners that need no hardware: a pseudo-terminal at whose other end a scanner seems to be. Linux and macOS.

with FakeSerialScanner() as scanner, SerialSource(scanner.port) as source:
    scanner.scan(card)
    assert next(source).text == card
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import tempfile
import time
import tty
from pathlib import Path
from typing import Self

from ardente.scan._layouts import LAYOUTS

_READ_BYTES = 65536


class _FakeScanner:
    """Both kinds: an open pseudo-terminal, and what is typed into it."""

    def __init__(self, *, gap_seconds: float, terminator: str) -> None:
        self.gap_seconds = gap_seconds
        self.terminator = terminator
        self._master, self._slave = pty.openpty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the scanner away for good."""
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)
        self._master = self._slave = -1

    def type(self, text: str) -> None:
        """Type ``text`` as it is, one character every ``gap_seconds``; all at once where that is 0."""
        pieces = list(text) if self.gap_seconds else [text]
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(self.gap_seconds)
            data = piece.encode()
            while data:
                data = data[os.write(self._master, data) :]


class FakeSerialScanner(_FakeScanner):
    """A scanner on a serial port that can be unplugged.

    Args:
        gap_seconds: pause between two characters.
        terminator: what ends a scan.
    """

    def __init__(self, *, gap_seconds: float = 0.0, terminator: str = "\r\n") -> None:
        super().__init__(gap_seconds=gap_seconds, terminator=terminator)
        self._folder = Path(tempfile.mkdtemp(prefix="fake-scanner-"))
        self._link = self._folder / "scanner"
        self._appear()

    @property
    def port(self) -> str:
        """The port's name, the same after replugging."""
        return str(self._link)

    def scan(self, text: str) -> None:
        """Send ``text`` and the terminator."""
        self.type(text + self.terminator)

    def unplug(self) -> None:
        """Pull the cable: the port disappears."""
        self._link.unlink()
        super().close()

    def plug_in(self) -> None:
        """Put the cable back."""
        self._master, self._slave = pty.openpty()
        self._appear()

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _appear(self) -> None:
        tty.setraw(self._slave)
        self._link.symlink_to(os.ttyname(self._slave))


class FakeKeyboardScanner(_FakeScanner):
    """A scanner that types digits on US keys into a terminal with the keyboard layout ``layout``.

    Args:
        layout: "us", "be", "be, Caps Lock", "fr" or "fr, Caps Lock".
        gap_seconds: pause between two characters.
        terminator: what ends a scan.
    """

    def __init__(self, *, layout: str = "us", gap_seconds: float = 0.0, terminator: str = "\r") -> None:
        super().__init__(gap_seconds=gap_seconds, terminator=terminator)
        self.layout = layout

    @property
    def terminal(self) -> int:
        """File descriptor of the terminal: the standard input of the program under test."""
        return self._slave

    def scan(self, digits: str) -> None:
        """Type ``digits`` through the layout, and the terminator."""
        self.type(typed(digits, self.layout) + self.terminator)

    def screen(self) -> str:
        """Return what has appeared on the terminal since the last call."""
        shown = b""
        while select.select([self._master], [], [], 0)[0]:
            shown += os.read(self._master, _READ_BYTES)
        return shown.decode(errors="replace")


def typed(digits: str, layout: str) -> str:
    """Return what appears when the keys of ``digits`` are pressed under ``layout``."""
    return digits.translate(str.maketrans("0123456789", LAYOUTS[layout]))
