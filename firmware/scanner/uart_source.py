"""Scans from a barcode module of the GM65 family on a UART: lines of text, and a question now and then if it is there.

A module needs two seconds to start and may be set to another baud rate at any time, by a printed settings code or by a
return to its factory settings; so it is asked for one byte of its settings, at each rate in turn, until it answers.
What it reads is handed on only where it may be a card, so that the text of a settings code goes nowhere.
"""

from reading import OTHER, Reading, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Uart(Protocol):
        """What is used here of `machine.UART`."""

        def any(self) -> int: ...

        def readinto(self, buffer: bytearray) -> "int | None": ...

        def write(self, data: bytes) -> "int | None": ...

        def deinit(self) -> None: ...


BAUD_RATES = (9600, 115200, 57600, 38400, 19200)
# Read one byte at address 0, without a checksum; the answer is that byte and a checksum of two.
QUESTION = b"\x7e\x00\x07\x01\x00\x00\x01\xab\xcd"
ANSWER = b"\x02\x00\x00\x01"
_ANSWER_BYTES = 7
_ANSWER_MS = 300
_START_MS = 2000
_ASK_AGAIN_MS = 60000
# A line without its end is over after such a pause.
_GAP_MS = 60
_MAX_LINE = 512


class UartSource:
    """Reads cards from `open_uart(baud)`. Holds half a kilobyte, whatever the module sends."""

    def __init__(self, open_uart: "Callable[[int], Uart]", ticks: "Callable[[], int]") -> None:
        self._open_uart = open_uart
        self._ticks = ticks
        self._uart: "Uart | None" = None
        self._rate = -1
        self._found = False
        self._began_ms = ticks()
        self._ask_at_ms = self._began_ms + _START_MS
        self._give_up_ms = -1
        self._part = bytearray(64)
        self._line = bytearray()
        self._too_long = False
        self._heard_ms = 0

    @property
    def is_working(self) -> bool:
        """Whether a module is there, or may still be starting."""
        return self._found or self._ticks() - self._began_ms < _START_MS + len(BAUD_RATES) * _ANSWER_MS + 500

    @property
    def is_ready(self) -> bool:
        """Whether a poll would find something."""
        return self._uart is not None and self._uart.any() > 0

    @property
    def is_watching(self) -> bool:
        """Whether a module is there that would tell of a card."""
        return self._found

    def poll(self) -> "Reading | None":
        """Take what has come. Raises what the UART raises."""
        now_ms = self._ticks()
        self._ask(now_ms)
        uart = self._uart
        if uart is None:
            return None
        count = (uart.readinto(self._part) or 0) if uart.any() else 0
        if count:
            self._heard_ms = now_ms
            return self._take(bytes(self._part[:count]), now_ms)
        if (self._line or self._too_long) and now_ms - self._heard_ms >= _GAP_MS:
            return self._end(now_ms)
        return None

    def _ask(self, now_ms: int) -> None:
        if 0 <= self._give_up_ms <= now_ms:
            self._give_up_ms = -1
            if self._found:
                self._began_ms = now_ms - _START_MS
            self._found = False
            self._ask_at_ms = now_ms
        if self._give_up_ms >= 0 or now_ms < self._ask_at_ms or self._line:
            return
        if not self._found:
            self._next_rate()
        if self._uart:
            self._uart.write(QUESTION)
        self._give_up_ms = now_ms + _ANSWER_MS

    def _next_rate(self) -> None:
        if self._uart:
            self._uart.deinit()
            self._uart = None
        self._rate = (self._rate + 1) % len(BAUD_RATES)
        self._line = bytearray()
        self._too_long = False
        self._uart = self._open_uart(BAUD_RATES[self._rate])

    def _take(self, part: bytes, now_ms: int) -> "Reading | None":
        scan = None
        for byte in part:
            if byte in b"\r\n" and not self._line.startswith(ANSWER[:1]):
                if self._line or self._too_long:
                    scan = self._end(now_ms)
            elif len(self._line) < _MAX_LINE:
                self._line.append(byte)
                if len(self._line) == _ANSWER_BYTES and self._line.startswith(ANSWER):
                    self._line = bytearray()
                    self._answered(now_ms)
            else:
                self._too_long = True
        return scan

    def _answered(self, now_ms: int) -> None:
        self._found = True
        self._give_up_ms = -1
        self._ask_at_ms = now_ms + _ASK_AGAIN_MS

    def _end(self, now_ms: int) -> "Reading | None":
        line = bytes(self._line)
        too_long = self._too_long
        self._line = bytearray()
        self._too_long = False
        if not self._found:
            return None  # Another baud rate makes noise of what is sent.
        try:
            return reading(OTHER if too_long else line.decode(), now_ms)
        except UnicodeError:
            return OTHER, now_ms
