"""Inflates a status list, as `core.status.inflate` does, with a fraction of the instructions of the interpreter's own.

RFC 1951 in RFC 1950, with a window of at most 4 KB. A code of up to ten bits, and nearly all are, takes one look into a
table. Holds 12 KB while it works.
"""

from array import array

from core.errors import FormatError

import micropython
from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_WINDOW_BITS = 12
_RING_BYTES = 4096
# Few and large: a write takes more than what is in it.
_CHUNK_BYTES = 2048
_SOURCE_BYTES = 1024
# More than the header of a block has.
_HEADER_BYTES = 400
_CHECKSUM_BYTES = 4

# Places in the state: bits that were taken and not used, how many, the place in the source and its end, what was put
# out and the most that may be, what is left to copy and from how far back, whether the source ends at its end.
_BITS = const(0)
_COUNT = const(1)
_AT = const(2)
_END = const(3)
_OUT = const(4)
_LIMIT = const(5)
_LEFT = const(6)
_BACK = const(7)
_LAST = const(8)
_STATE_WORDS = 9

# Places in the tables: a look-up of ten bits for each of two codes; for each the number of codes by length, and the
# symbols in order; and of lengths and distances the smallest with their extra bits.
_COUNTS = const(2048)
_CODE = const(304)
_LENGTHS = const(2656)
_LENGTH_BITS = const(2685)
_DISTANCES = const(2714)
_DISTANCE_BITS = const(2744)
_TABLE_WORDS = 2774

# What decoding stops for.
_BROKEN = const(0)
_FLUSH = const(1)
_MORE = const(2)
_BLOCK_END = const(3)

_ORDER = b"\x10\x11\x12\x00\x08\x07\x09\x06\x0a\x05\x0b\x04\x0c\x03\x0d\x02\x0e\x01\x0f"
_FIXED = bytes([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8)
_FIXED_DISTANCES = bytes([5] * 30)
_STORED, _FIXED_CODES, _DYNAMIC_CODES = range(3)


@micropython.viper
def _build(tables: ptr16, lengths: ptr8, size: int, code: int) -> int:
    """Make a code of the lengths of its symbols; return how much room it leaves, less than 0 where it has none."""
    look = code << 10
    counts = _COUNTS + code * _CODE
    symbols = counts + 16
    i = 0
    while i < 1024:
        tables[look + i] = 0
        i += 1
    i = 0
    while i < 16:
        tables[counts + i] = 0
        i += 1
    i = 0
    while i < size:
        tables[counts + lengths[i]] = tables[counts + lengths[i]] + 1
        i += 1
    room = 1
    length = 1
    while length < 16:
        room = (room << 1) - tables[counts + length]
        if room < 0:
            return room
        length += 1
    place = 0
    value = 0
    length = 1
    while length < 16:
        value <<= 1
        i = 0
        while i < size:
            if lengths[i] == length:
                tables[symbols + place] = i
                place += 1
                if length <= 10:
                    # Codes come with their first bit lowest.
                    reversed_value = 0
                    bit = 0
                    while bit < length:
                        reversed_value |= ((value >> bit) & 1) << (length - 1 - bit)
                        bit += 1
                    while reversed_value < 1024:
                        tables[look + reversed_value] = i << 4 | length
                        reversed_value += 1 << length
                value += 1
            i += 1
        length += 1
    return room


@micropython.viper
def _slow(tables: ptr16, bits: int, code: int) -> int:
    """Read one symbol, bit by bit: the symbol and the length of its code in the low four bits, or -1."""
    at = _COUNTS + code * _CODE
    place = at + 16
    value = 0
    first = 0
    length = 1
    while length < 16:
        value |= bits & 1
        bits >>= 1
        count = int(tables[at + length])
        if value - count < first:
            return int(tables[place + value - first]) << 4 | length
        place += count
        first = (first + count) << 1
        value <<= 1
        length += 1
    return -1


@micropython.viper
def _decode(state: ptr32, source: ptr8, ring: ptr8, tables: ptr16) -> int:
    """Go on with a block until there is something to do; return what."""
    bits = int(state[_BITS])
    count = int(state[_COUNT])
    at = int(state[_AT])
    end = int(state[_END])
    out = int(state[_OUT])
    left = int(state[_LEFT])
    back = int(state[_BACK])
    stop = -1
    while stop < 0:
        if left:
            place = out & 4095
            origin = (out - back) & 4095
            size = 2048 - (out & 2047)
            if size > left:
                size = left
            out += size
            left -= size
            size += place
            while place < size:
                ring[place] = ring[origin]
                place += 1
                origin = (origin + 1) & 4095
            if (out & 2047) == 0:
                stop = _FLUSH
            continue
        if at + 8 > end:
            if state[_LAST] == 0:
                stop = _MORE
                continue
            if at > end + 8:
                stop = _BROKEN
                continue
        while count <= 16:
            if at < end:
                bits |= source[at] << count
            at += 1
            count += 8
        entry = int(tables[bits & 1023])
        if entry == 0:
            entry = int(_slow(tables, bits, 0))
            if entry < 0:
                stop = _BROKEN
                continue
        bits >>= entry & 15
        count -= entry & 15
        symbol = entry >> 4
        if symbol < 256:
            if out >= state[_LIMIT]:
                stop = _BROKEN
                continue
            ring[out & 4095] = symbol
            out += 1
            if (out & 2047) == 0:
                stop = _FLUSH
            continue
        if symbol == 256:
            stop = _BLOCK_END
            continue
        symbol -= 257
        if symbol > 28:
            stop = _BROKEN
            continue
        extra = int(tables[_LENGTH_BITS + symbol])
        left = int(tables[_LENGTHS + symbol]) + (bits & ((1 << extra) - 1))
        bits >>= extra
        count -= extra
        while count <= 16:
            if at < end:
                bits |= source[at] << count
            at += 1
            count += 8
        entry = int(tables[1024 + (bits & 1023)])
        if entry == 0:
            entry = int(_slow(tables, bits, 1))
        symbol = entry >> 4
        if entry < 0 or symbol > 29:
            stop = _BROKEN
            continue
        bits >>= entry & 15
        count -= entry & 15
        while count <= 16:
            if at < end:
                bits |= source[at] << count
            at += 1
            count += 8
        extra = int(tables[_DISTANCE_BITS + symbol])
        back = int(tables[_DISTANCES + symbol]) + (bits & ((1 << extra) - 1))
        bits >>= extra
        count -= extra
        if back > out or back > 4096 or out + left > state[_LIMIT]:
            stop = _BROKEN
    state[_BITS] = bits
    state[_COUNT] = count
    state[_AT] = at
    state[_OUT] = out
    state[_LEFT] = left
    state[_BACK] = back
    return stop


def _make_tables() -> "array[int]":
    tables = array("H", bytes(2 * _TABLE_WORDS))
    length = 3
    for symbol in range(28):
        extra = max(0, symbol // 4 - 1)
        tables[_LENGTHS + symbol] = length
        tables[_LENGTH_BITS + symbol] = extra
        length += 1 << extra
    tables[_LENGTHS + 28] = 258
    distance = 1
    for symbol in range(30):
        extra = max(0, symbol // 2 - 1)
        tables[_DISTANCES + symbol] = distance
        tables[_DISTANCE_BITS + symbol] = extra
        distance += 1 << extra
    return tables


class _Inflation:
    def __init__(self, stream: "BinaryIO", length: int, size: int, write: "Callable[[memoryview], object]") -> None:
        self._stream = stream
        self._left = length
        self._write = write
        self._tables = _make_tables()
        self._state = array("i", [0] * _STATE_WORDS)
        self._state[_LIMIT] = size
        self._ring = bytearray(_RING_BYTES)
        self._source = bytearray(_SOURCE_BYTES)
        self._written = 0

    def run(self) -> None:
        """Raises FormatError, and what the stream and `write` raise."""
        self._read()
        kind, flags = self._take(8), self._take(8)
        if kind & 15 != 8 or kind >> 4 > _WINDOW_BITS - 8 or (kind << 8 | flags) % 31 or flags & 32:
            raise FormatError("A status list has a window of more than 4 KB.")
        last = 0
        while not last:
            self._read()
            last = self._take(1)
            self._block(self._take(2))
        self._flush()
        state = self._state
        if state[_OUT] != state[_LIMIT]:
            raise FormatError("A status list inflates to less than its entries.")
        # Whole bytes that were taken and not used, and what was not read at all.
        self._read()
        if state[_END] - state[_AT] + state[_COUNT] // 8 + self._left != _CHECKSUM_BYTES:
            raise FormatError("A status list has bytes behind its bits, or lacks some.")
        self._stream.seek(self._left, 1)

    def _block(self, kind: int) -> None:
        if kind == _STORED:
            self._stored()
            return
        if kind == _FIXED_CODES:
            _build(self._tables, _FIXED, len(_FIXED), 0)
            _build(self._tables, _FIXED_DISTANCES, len(_FIXED_DISTANCES), 1)
        elif kind == _DYNAMIC_CODES:
            self._dynamic()
        else:
            raise _damaged()
        while True:
            stop = _decode(self._state, self._source, self._ring, self._tables)
            if stop == _FLUSH:
                self._flush()
            elif stop == _MORE:
                self._read()
            elif stop == _BLOCK_END:
                return
            else:
                raise _damaged()

    def _stored(self) -> None:
        state = self._state
        self._take(state[_COUNT] & 7)
        length = self._take(8) | self._take(8) << 8
        if length ^ (self._take(8) | self._take(8) << 8) != 0xFFFF or state[_OUT] + length > state[_LIMIT]:
            raise _damaged()
        while length:
            self._read()
            place = state[_OUT] % _RING_BYTES
            count = 1
            if state[_COUNT] >= 8:
                self._ring[place] = self._take(8)
            else:
                at = state[_AT]
                count = min(length, state[_END] - at, _CHUNK_BYTES - place % _CHUNK_BYTES)
                if count <= 0:
                    raise _damaged()
                self._ring[place : place + count] = self._source[at : at + count]
                state[_AT] += count
            state[_OUT] += count
            length -= count
            if not state[_OUT] % _CHUNK_BYTES:
                self._flush()

    def _dynamic(self) -> None:
        sizes = self._take(5) + 257, self._take(5) + 1
        lengths = bytearray(19)
        for place in range(self._take(4) + 4):
            lengths[_ORDER[place]] = self._take(3)
        if _build(self._tables, lengths, 19, 0) or sizes[0] > 286 or sizes[1] > 30:
            raise _damaged()
        lengths = self._read_lengths(sizes[0] + sizes[1])
        for code, part in enumerate((lengths[: sizes[0]], lengths[sizes[0] :])):
            room = _build(self._tables, part, len(part), code)
            # Not all used: only where there is one code, or none.
            if room < 0 or (room and len([length for length in part if length]) > 1):
                raise _damaged()
        if not lengths[256]:
            raise _damaged()

    def _read_lengths(self, size: int) -> bytearray:
        lengths = bytearray(size)
        at = 0
        while at < size:
            # These codes have seven bits at most, so one look finds each.
            entry = self._tables[self._peek() & 1023]
            if not entry:
                raise _damaged()
            self._take(entry & 15)
            symbol = entry >> 4
            if symbol < 16:
                lengths[at] = symbol
                at += 1
                continue
            if symbol == 16 and not at:
                raise _damaged()
            value = lengths[at - 1] if symbol == 16 else 0
            times = self._take(7) + 11 if symbol == 18 else self._take(symbol - 14) + 3
            if at + times > size:
                raise _damaged()
            if value:
                lengths[at : at + times] = bytes([value]) * times
            at += times
        return lengths

    def _peek(self) -> int:
        """The next bits, 15 at least, with noughts behind the end."""
        state = self._state
        while state[_COUNT] < 15:
            if state[_AT] < state[_END]:
                state[_BITS] |= self._source[state[_AT]] << state[_COUNT]
            elif state[_AT] > state[_END] + 8:
                raise _damaged()
            state[_AT] += 1
            state[_COUNT] += 8
        return state[_BITS]

    def _take(self, size: int) -> int:
        value = self._peek() & ((1 << size) - 1)
        self._state[_BITS] >>= size
        self._state[_COUNT] -= size
        return value

    def _read(self) -> None:
        """See to it that the source has what a header may need, or all that there is."""
        state = self._state
        rest = state[_END] - state[_AT]
        if rest >= _HEADER_BYTES or not self._left:
            state[_LAST] = 0 if self._left else 1
            return
        source = self._source
        source[:rest] = source[state[_AT] : state[_END]]
        count = self._stream.readinto(memoryview(source)[rest : min(_SOURCE_BYTES, rest + self._left)]) or 0
        if not count:
            raise _damaged()
        self._left -= count
        state[_AT] = 0
        state[_END] = rest + count
        state[_LAST] = 0 if self._left else 1

    def _flush(self) -> None:
        """Write what was put out since the last time: a chunk, or what is left at the end."""
        out = self._state[_OUT]
        start = self._written % _RING_BYTES
        if out > self._written:
            self._write(memoryview(self._ring)[start : start + out - self._written])
            self._written = out


def inflate(stream: "BinaryIO", length: int, size: int, write: "Callable[[memoryview], object]") -> None:
    """Inflate the `length` bytes of zlib that `stream` has next, to exactly `size` bytes; see `core.status.inflate`.

    A part is valid until `write` returns. The checksum is not looked at: whoever calls this has compared the SHA-256.
    Raises FormatError.
    """
    _Inflation(stream, length, size, write).run()


def _damaged() -> FormatError:
    return FormatError("A status list has a zlib stream that is damaged.")
