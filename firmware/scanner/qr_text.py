"""The text in a symbol's data: numeric, alphanumeric and byte segments (ISO/IEC 18004, 7.4), strictly read."""

import micropython
from micropython import const

_BEYOND_ASCII = const(1 << 12)
_ALPHANUMERIC = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


@micropython.viper
def _read_segments(data: ptr8, size: int, version: int, alphanumeric: ptr8, out: ptr8) -> int:
    """Write the characters; return how many, or -1 where the data are not segments, a terminator and padding.

    With `_BEYOND_ASCII` added where a byte segment has bytes of 128 and more. A character takes at least three and a
    third bits, so out needs 2.4 times the size.
    """
    beyond = 0
    bits_left = size << 3
    at = 0
    pool = 0
    pool_bits = 0
    length = 0
    mode = 0
    # What is read next: 0 mode, 1 length, 2 characters.
    state = 0
    characters = 0
    while True:
        if state == 0:
            want = 4
            if bits_left < 4:
                # Fewer than four bits left: the terminator is cut short (7.4.9).
                want = bits_left
        elif state == 1:
            if mode == 1:
                want = 10 if version < 10 else 12
            elif mode == 2:
                want = 9 if version < 10 else 11
            else:
                want = 8 if version < 10 else 16
        elif mode == 1:
            want = 10 if characters > 2 else (7 if characters == 2 else 4)
        elif mode == 2:
            want = 11 if characters > 1 else 6
        else:
            want = 8
        if want > bits_left:
            return -1
        while pool_bits < want:
            # At most 15 bits are held when a byte comes in.
            pool = pool << 8 | data[at]
            at += 1
            pool_bits += 8
        pool_bits -= want
        bits_left -= want
        value = pool >> pool_bits
        pool -= value << pool_bits
        if state == 0:
            if value == 0:
                break
            if value != 1 and value != 2 and value != 4:
                return -1
            mode = value
            state = 1
        elif state == 1:
            if value == 0:
                return -1
            characters = value
            state = 2
        else:
            if mode == 1:
                if want == 10:
                    if value > 999:
                        return -1
                    out[length] = 48 + value // 100
                    out[length + 1] = 48 + value // 10 % 10
                    out[length + 2] = 48 + value % 10
                    length += 3
                    characters -= 3
                elif want == 7:
                    if value > 99:
                        return -1
                    out[length] = 48 + value // 10
                    out[length + 1] = 48 + value % 10
                    length += 2
                    characters -= 2
                else:
                    if value > 9:
                        return -1
                    out[length] = 48 + value
                    length += 1
                    characters -= 1
            elif mode == 2:
                if want == 11:
                    if value > 2024:
                        return -1
                    out[length] = alphanumeric[value // 45]
                    out[length + 1] = alphanumeric[value % 45]
                    length += 2
                    characters -= 2
                else:
                    if value > 44:
                        return -1
                    out[length] = alphanumeric[value]
                    length += 1
                    characters -= 1
            else:
                out[length] = value
                beyond |= value & 128
                length += 1
                characters -= 1
            if characters == 0:
                state = 0
    # Zero bits up to the byte's end, then the two padding bytes in turn (7.4.10). Some encoders add a zero byte.
    if pool:
        return -1
    while at < size and data[at] == 0:
        at += 1
    padding = 0xEC
    while at < size:
        if data[at] != padding:
            return -1
        padding ^= 0xFD
        at += 1
    return length + beyond * (_BEYOND_ASCII // 128)


def _is_utf8(text: memoryview) -> bool:
    """Whether the bytes are UTF-8 as RFC 3629 has it: nothing overlong, no surrogates, nothing past U+10FFFF."""
    more = 0
    low, high = 0x80, 0xBF
    for byte in text:
        if more:
            if not low <= byte <= high:
                return False
            more -= 1
            low, high = 0x80, 0xBF
        elif byte >= 0x80:
            if not 0xC2 <= byte <= 0xF4:
                return False
            more = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
            low = 0xA0 if byte == 0xE0 else 0x90 if byte == 0xF0 else 0x80
            high = 0x9F if byte == 0xED else 0x8F if byte == 0xF4 else 0xBF
    return more == 0


def read_text(data: bytearray, size: int, version: int, out: memoryview) -> "str | None":
    """Return the text of the first `size` bytes of data, or None where they are not well-formed or say nothing.

    Bytes are UTF-8, or ISO 8859-1 where they are not UTF-8. `out` is a work buffer of 2.4 times the size and three.
    """
    length = _read_segments(data, size, version, _ALPHANUMERIC, out)
    if length <= 0:
        return None
    text = out[: length & _BEYOND_ASCII - 1]
    if length < _BEYOND_ASCII or _is_utf8(text):
        return str(text, "utf-8")
    return "".join([chr(byte) for byte in text])
