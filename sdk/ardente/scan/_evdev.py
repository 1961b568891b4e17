from __future__ import annotations

import contextlib
import errno
import select
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._errors import ScanError
from ._source import GAP_SECONDS, ConnectionState, DeviceSource

if TYPE_CHECKING:
    import evdev

_REFUSED = {errno.EACCES, errno.EPERM, errno.EBUSY}

# Event types, key values and key codes of the kernel's linux/input-event-codes.h: positions on the keyboard.
_EV_SYN, _EV_KEY = 0, 1
_SYN_DROPPED = 3
_RELEASED, _PRESSED = 0, 1

_SHIFT = frozenset((42, 54))
_LEFT_ALT = 56
_TEXTLESS = frozenset((1, 29, 58, 69, 70, 97, 100, 125, 126, 127))
_ENDS = {28: "\n", 96: "\n", 15: "\t"}

_KEYPAD = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9"}
_TOP_ROW = {11: "0", 2: "1", 3: "2", 4: "3", 5: "4", 6: "5", 7: "6", 8: "7", 9: "8", 10: "9"}
_DIGITS = _TOP_ROW | _KEYPAD

_PLAIN = (
    dict(zip(range(16, 26), "qwertyuiop", strict=True))
    | dict(zip(range(30, 39), "asdfghjkl", strict=True))
    | dict(zip(range(44, 51), "zxcvbnm", strict=True))
    | {12: "-", 13: "=", 26: "[", 27: "]", 39: ";", 40: "'", 41: "`", 43: "\\", 51: ",", 52: ".", 53: "/", 57: " "}
    | {55: "*", 74: "-", 78: "+", 83: ".", 98: "/"}
)
_SHIFTED = {12: "_", 13: "+", 26: "{", 27: "}", 39: ":", 40: '"', 41: "~", 43: "|", 51: "<", 52: ">", 53: "?"}

_LOST = "\N{REPLACEMENT CHARACTER}"


class KeyDecoder:
    """Turn key events into characters.

    A digit key is its digit whatever Shift and the computer's layout say, so that no layout can change a card. Other
    keys are read as on a US keyboard. A scanner's ALT mode, which types each character as Alt and its number on the
    keypad, is understood.
    """

    def __init__(self) -> None:
        self._shift: set[int] = set()
        self._alt_digits: str | None = None

    def feed(self, event_type: int, code: int, value: int) -> str:
        """Return what one event types: often nothing."""
        if event_type == _EV_SYN:
            return _LOST if code == _SYN_DROPPED else ""
        if event_type != _EV_KEY:
            return ""
        if code in _SHIFT:
            self._hold_shift(code, value)
            return ""
        if code == _LEFT_ALT:
            return self._hold_alt(value)
        return self._type(code) if value == _PRESSED else ""

    def _hold_shift(self, code: int, value: int) -> None:
        if value == _RELEASED:
            self._shift.discard(code)
        else:
            self._shift.add(code)

    def _hold_alt(self, value: int) -> str:
        if value == _PRESSED:
            self._alt_digits = ""
        if value != _RELEASED:
            return ""
        number, self._alt_digits = self._alt_digits, None
        if not number:
            return ""
        character = int(number) if len(number) <= 5 else 0
        return chr(character) if character in (9, 10, 13) or 32 <= character < 127 else _LOST

    def _type(self, code: int) -> str:
        if self._alt_digits is not None and code in _KEYPAD:
            self._alt_digits += _KEYPAD[code]
            return ""
        if code in _TEXTLESS:
            return ""
        fixed = _DIGITS.get(code) or _ENDS.get(code)
        if fixed:
            return fixed
        plain = _PLAIN.get(code, _LOST)
        return _SHIFTED.get(code, plain.upper()) if self._shift else plain


class EvdevSource(DeviceSource):
    """A keyboard-wedge scanner on Linux, taken for this program alone.

    The exclusive grab keeps scans out of every other window, and key positions make layouts irrelevant. Needs the
    extra ``evdev`` and read access to the device, as a udev rule gives it (docs/scanners.md). The scanner need not be
    there yet, and may go and come back.

    Args:
        device: a path that survives replugging, one under ``/dev/input/by-id/`` that ends in ``-event-kbd``.
        gap_seconds: a longer silence within a scan means that it broke off.
        on_state: called with each change of the connection, from the thread that iterates.

    Raises:
        ScanError: the extra is not installed. Iterating raises it where the device is there but may not be opened.
    """

    def __init__(
        self,
        device: str,
        *,
        gap_seconds: float = GAP_SECONDS,
        on_state: Callable[[ConnectionState], None] | None = None,
    ) -> None:
        super().__init__(typed=False, on_state=on_state)
        try:
            import evdev
        except ImportError as error:
            raise ScanError(
                "Taking a keyboard scanner needs one more package, on Linux: pip install 'carte-ardente[evdev]'"
            ) from error
        self._device_class = evdev.InputDevice
        self._path = device
        self._gap_seconds = gap_seconds
        self._device: evdev.InputDevice[str] | None = None
        self._keys = KeyDecoder()

    def _open(self) -> bool:
        try:
            self._device = self._device_class(self._path)
            self._device.grab()
        except OSError as error:
            self._release()
            if error.errno in _REFUSED and not self._was_connected:
                raise ScanError(
                    f"The scanner {self._path} may not be opened. Another program may hold it, "
                    "or this user may not read it: docs/scanners.md has the udev rule."
                ) from error
            return False
        self._keys = KeyDecoder()
        return True

    def _read(self) -> str | None:
        assert self._device is not None
        if not select.select([self._device.fd], [], [], self._gap_seconds)[0]:
            return None
        return "".join(self._keys.feed(event.type, event.code, event.value) for event in self._device.read())

    def _release(self) -> None:
        super()._release()
        if self._device is not None:
            with contextlib.suppress(OSError):
                self._device.close()
            self._device = None
