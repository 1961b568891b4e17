"""The text in a symbol's data: numeric, alphanumeric and byte segments (ISO/IEC 18004, 7.4), strictly read."""

import micropython

_MODE_BITS = 4
# By mode: the characters, how many bits none, one, two or three of them take together, and how many bits the length
# takes up to version 9 and from version 10 on.
_MODES = {
    1: (b"0123456789", (0, 4, 7, 10), (10, 12)),
    2: (b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", (0, 6, 11), (9, 11)),
    4: (bytes([byte for byte in range(256)]), (0, 8), (8, 16)),
}
_PADDING = 0xEC
_OTHER_PADDING = 0x11


@micropython.viper
def _read_groups(
    value: int, data: ptr8, at: int, bits: int, count: int, width: int, characters: ptr8, base: int, out: ptr8, to: int
) -> bool:
    """Write `count` groups of `width` characters to out[to:], each a number of `bits` bits (at most 11) from bit `at`.

    False where one is too large. Reads up to two bytes past the last group. `value` is scratch.
    """
    out = ptr8(int(out) + to)
    while count:
        octets = ptr8(int(data) + (at >> 3))
        value = (octets[0] << 16 | octets[1] << 8 | octets[2]) >> (24 - bits - (at & 7)) & ((1 << bits) - 1)
        place = width
        while place:
            place -= 1
            out[place] = characters[value % base]
            value //= base
        if value:
            return False
        out = ptr8(int(out) + width)
        at += bits
        count -= 1
    return True


def _bits(data: bytearray, at: int, count: int) -> int:
    """The `count` bits (16 at most) from bit `at` on."""
    place = at >> 3
    octets = data[place] << 16 | data[place + 1] << 8 | data[place + 2]
    return octets >> 24 - count - (at & 7) & (1 << count) - 1


def _read_segments(data: bytearray, size: int, version: int, out: memoryview) -> int:
    """Write the characters; return how many, or -1 where the data are not segments, a terminator and padding.

    A character takes at least three and a third bits, so out needs 2.4 times the size.
    """
    at = length = 0
    end = size << 3
    while True:
        # Fewer than four bits left: the terminator is cut short (7.4.9).
        bits = min(_MODE_BITS, end - at)
        mode = _bits(data, at, bits)
        at += bits
        if not mode:
            break
        if mode not in _MODES:
            return -1
        characters, sizes, length_sizes = _MODES[mode]
        bits = length_sizes[version >= 10]
        if at + bits > end:
            return -1
        count = _bits(data, at, bits)
        at += bits
        if not count:
            return -1
        whole = len(sizes) - 1
        base = len(characters)
        while count:
            width = min(whole, count)
            groups = count // width
            bits = sizes[width]
            if at + bits * groups > end:
                return -1
            if not _read_groups(0, data, at, bits, groups, width, characters, base, out, length):
                return -1
            at += bits * groups
            length += width * groups
            count -= width * groups
    # Zero bits up to the byte's end, then the two padding bytes in turn (7.4.10). Some encoders add a zero byte.
    if _bits(data, at, -at & 7):
        return -1
    place = at + 7 >> 3
    while place < size and data[place] == 0:
        place += 1
    padding = _PADDING
    while place < size and data[place] == padding:
        padding ^= _PADDING ^ _OTHER_PADDING
        place += 1
    return length if place == size else -1


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

    Bytes are UTF-8, or ISO 8859-1 where they are not UTF-8. `data` has three bytes more, of any value; `out` is a work
    buffer of 2.4 times the size and three.
    """
    length = _read_segments(data, size, version, out)
    if length <= 0:
        return None
    text = out[:length]
    if max(text) < 0x80 or _is_utf8(text):
        return str(text, "utf-8")
    return "".join([chr(byte) for byte in text])
