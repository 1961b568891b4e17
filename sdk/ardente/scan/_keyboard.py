from __future__ import annotations

import codecs
import contextlib
import os
import select
import sys
import time
import weakref
from collections.abc import Callable
from typing import Any, TextIO

from ._assembler import Assembler
from ._source import GAP_SECONDS, BaseSource

_CTRL_C = "\x03"
_CTRL_D = "\x04"
_POLL_SECONDS = 0.005


class KeyboardSource(BaseSource):
    """A scanner that types like a keyboard, into this program's terminal; or lines from a pipe or file.

    What a keyboard layout did to the digits is undone. A terminal is read key by key and without echo, so that no
    card stands on the screen and a scan that breaks off is noticed; `close` gives it back as it was. Ctrl-C and
    Ctrl-D work when pressed alone: a control character inside somebody's QR code must not stop the program.

    A pipe has no timing: there only Enter and Tab end a scan, and `close` waits for the next line.

    Args:
        stream: standard input, unless given.
        gap_seconds: a longer silence within a scan means that it broke off.
    """

    def __init__(self, stream: TextIO | None = None, *, gap_seconds: float = GAP_SECONDS) -> None:
        super().__init__()
        self._stream = sys.stdin if stream is None else stream
        self._gap_seconds = gap_seconds
        self._assembler = Assembler(typed=True)
        self._decoder = codecs.getincrementaldecoder(getattr(self._stream, "encoding", None) or "utf-8")("replace")
        self._restore: Callable[[], object] | None = None
        self._is_console = self._stream.isatty()
        if self._is_console and sys.platform != "win32":
            self._restore = _silence(self, self._stream.fileno())

    def _advance(self) -> None:
        if self._is_console:
            self._advance_console()
        else:
            self._advance_stream()

    def _advance_console(self) -> None:
        characters = self._read_console()
        if characters is not None:
            self._ready += self._assembler.feed(characters)
            return
        key = self._assembler.pending
        self._ready += self._assembler.cut()
        if key == _CTRL_C:
            raise KeyboardInterrupt
        self._ended = self._ended or key == _CTRL_D

    def _read_console(self) -> str | None:
        """Return what was typed, or None after a silence or at the end of the terminal."""
        if sys.platform == "win32":
            return _read_windows_console(self._gap_seconds)
        fd = self._stream.fileno()
        if not select.select([fd], [], [], self._gap_seconds)[0]:
            return None
        try:
            data = os.read(fd, 4096)
        except OSError:
            # A terminal whose window was closed.
            data = b""
        self._ended = not data
        return self._decoder.decode(data) if data else None

    def _advance_stream(self) -> None:
        buffer = getattr(self._stream, "buffer", None)
        if buffer is None:
            characters = self._stream.readline(4096)
            self._ended = not characters
        else:
            data = buffer.read1(4096)
            self._ended = not data
            characters = self._decoder.decode(data, final=not data)
        self._ready += self._assembler.feed(characters)
        if self._ended:
            self._ready += self._assembler.end()

    def _release(self) -> None:
        if self._restore is not None:
            self._restore()


if sys.platform != "win32":
    import termios

    def _silence(source: KeyboardSource, fd: int) -> Callable[[], object]:
        """Switch echo, line editing and signal keys off; return what undoes it, which runs at exit at the latest."""
        before = termios.tcgetattr(fd)
        now = termios.tcgetattr(fd)
        now[0] &= ~termios.IXON
        now[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
        now[6][termios.VMIN] = 1
        now[6][termios.VTIME] = 0
        termios.tcsetattr(fd, termios.TCSANOW, now)
        return weakref.finalize(source, _set_terminal, fd, before)

    def _set_terminal(fd: int, attributes: Any) -> None:
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(fd, termios.TCSANOW, attributes)

else:
    import msvcrt

    def _read_windows_console(gap_seconds: float) -> str | None:
        deadline = time.monotonic() + gap_seconds
        while time.monotonic() < deadline:
            if msvcrt.kbhit():
                return msvcrt.getwch()
            time.sleep(_POLL_SECONDS)
        return None
