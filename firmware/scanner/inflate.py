"""Inflates a status list, as `core.status.inflate` does, with a fraction of the instructions of the interpreter's own.

RFC 1951 in RFC 1950, with a window of at most 4 KB. What decodes is one viper function; a block's header and its tables
are bytecode. Besides its part and the window it holds 5 KB, and 11 KB more for a stream that was made to need that.

Nothing that a stream says leads out of the buffers:

- A table has an entry for every look-up. An entry that no code has is 0: damaged. A code is laid only when the sum of
  2^-length is 1, so that it neither overlaps nor leaves gaps, or where it is one code of one bit, or none. A subtable
  of 2^k entries is full, which takes k + 1 codes at least: 286 codes take 2,615 entries at most, and 30 take 854.
- The source is read where 8 bytes lie ahead, of the stream or, behind its end, of noughts; a length and its distance
  take 6 and fill up to 2 ahead. What was taken of the noughts shows in the end's place, which must be the stream's.
- A length begins within the part and is 258 at most; copying overshoots by 3. So much lies behind the part.
- A distance is at most 4 KB, and leads to nothing before the first byte.
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
_WINDOW_BYTES = const(4096)
_BEHIND_BYTES = 258 + 3
_SOURCE_BYTES = 512
_AHEAD_BYTES = 8

# Words for `_decode`: bits that were taken and not used, and how many; the place in the source, and the first from
# which nothing may be read; the room in the part, where it ends, and how many bytes before that are known. Behind them
# the tables. Nothing that `_decode` reads is negative: a `ptr32` load has no sign where words are 64 bits.
_BITS = const(0)
_COUNT = const(1)
_AT = const(2)
_END = const(3)
_ROOM = const(4)
_PART_END = const(5)
_KNOWN = const(6)
_LITERALS = const(7)
_LITERAL_BITS = const(9)
_DISTANCES = const(519)
_DISTANCE_BITS = const(7)
_WORDS = 647

# An entry: the length of the code, extra bits << 4, kind << 8, value << 10. A link has for value the place of a
# subtable, and for extra bits those that choose within it.
_STOP = const(0)
_LITERAL = const(1 << 8)
_LINK = const(2 << 8)
_COPY = const(3 << 8)
# The values of a stop, and what else decoding ends with.
_DAMAGED = const(0)
_BLOCK_END = const(1)
_MORE = const(2)

_MAX_LENGTH = 15
_ORDER = b"\x10\x11\x12\x00\x08\x07\x09\x06\x0a\x05\x0b\x04\x0c\x03\x0d\x02\x0e\x01\x0f"
_ORDER_BITS = 7
_FIXED = bytes([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8)
_FIXED_DISTANCES = bytes([5] * 32)
_STORED, _FIXED_CODES, _DYNAMIC_CODES = range(3)

_ADLER = 65521
# Sums of so many bytes stay below 2^31.
_SUMMED_BYTES = 2048


@micropython.viper
def _decode(bits: int, target: ptr8, source: ptr8, words: ptr32) -> int:
    """Go on with a block until it ends, is damaged, or needs another part or more of the source; return which.

    `bits` is whatever: the two in registers are the first two.
    """
    bits = int(words[_BITS])
    count = int(words[_COUNT])
    at = int(words[_AT])
    end = int(words[_END])
    room = int(words[_ROOM])
    target = ptr8(int(target) + int(words[_PART_END]) - room)
    stop = _MORE
    while stop == _MORE and room > 0 and at < end:
        left = 0
        table = _LITERALS
        root = _LITERAL_BITS
        while True:
            while count < 15:
                bits |= source[at] << count
                at += 1
                count += 8
            entry = int(words[table + (bits & ((1 << root) - 1))])
            if entry & _COPY == _LINK:
                entry = int(words[(entry >> 10) + ((bits >> root) & ((1 << ((entry >> 4) & 15)) - 1))])
            size = entry & 15
            bits >>= size
            count -= size
            value = entry >> 10
            if entry & _LINK == 0:
                if entry & _LITERAL:
                    target[0] = value
                    target = ptr8(int(target) + 1)
                    room -= 1
                else:
                    stop = value
                break
            size = (entry >> 4) & 15
            while count < size:
                bits |= source[at] << count
                at += 1
                count += 8
            value += bits & ((1 << size) - 1)
            bits >>= size
            count -= size
            if left == 0:
                left = value
                table = _DISTANCES
                root = _DISTANCE_BITS
                continue
            if value > _WINDOW_BYTES or value + room > int(words[_KNOWN]):
                stop = _DAMAGED
                break
            room -= left
            origin = ptr8(int(target) - value)
            while left > 0:
                target[0] = origin[0]
                target[1] = origin[1]
                target[2] = origin[2]
                target[3] = origin[3]
                target = ptr8(int(target) + 4)
                origin = ptr8(int(origin) + 4)
                left -= 4
            target = ptr8(int(target) + left)
            break
    words[_BITS] = bits
    words[_COUNT] = count
    words[_AT] = at
    words[_ROOM] = room
    return stop


@micropython.viper
def _fill(at: int, end: int, words: ptr32, step: int, entry: int):
    """Write an entry to every `step`-th word from `at` to before `end`."""
    while at < end:
        words[at] = entry
        at += step


@micropython.viper
def _sum(high: int, data: ptr8, at: int, size: int, sums: ptr32):
    """Add `size` bytes from `at` on, both multiples of four, to the two sums of Adler-32. `high` is scratch."""
    data = ptr8(int(data) + at)
    high = int(sums[1])
    low = int(sums[0])
    while size > 0:
        if int(ptr32(data)[0]) == 0:
            high += low << 2
        else:
            low += data[0]
            high += low
            low += data[1]
            high += low
            low += data[2]
            high += low
            low += data[3]
            high += low
        data = ptr8(int(data) + 4)
        size -= 4
    sums[0] = low
    sums[1] = high


class _Inflation:
    def __init__(
        self, stream: "BinaryIO", length: int, size: int, part_bytes: int, write: "Callable[[memoryview], object]"
    ) -> None:
        self._stream = stream
        self._left = length
        self._source = bytearray(_SOURCE_BYTES + _AHEAD_BYTES)
        self._filled = 0
        self._size = size
        self._part_bytes = part_bytes
        self._slab = memoryview(bytearray(_WINDOW_BYTES + part_bytes + _BEHIND_BYTES))
        self._write = write
        self._sums = array("i", [1, 0])
        self._words = array("i", [0] * _WORDS)
        self._begin_part(0, 0)

    def run(self) -> None:
        """Raises FormatError, and what the stream and `write` raise."""
        kind, flags = self._take(8), self._take(8)
        if kind & 15 != 8 or kind >> 4 > _WINDOW_BITS - 8 or (kind << 8 | flags) % 31 or flags & 32:
            raise FormatError("A status list has a window of more than 4 KB.")
        last = 0
        while not last:
            last = self._take(1)
            self._block(self._take(2))
        words = self._words
        if self._size > self._part_bytes or words[_ROOM] != 1:
            raise FormatError("A status list inflates to less than its entries.")
        if self._size:
            self._put(self._size)
        self._align()
        checksum = 0
        for _ in range(4):
            checksum = checksum << 8 | self._take(8)
        self._give_back()
        if checksum != self._sums[1] << 16 | self._sums[0]:
            raise _damaged()
        if self._left or words[_AT] != self._filled:
            raise FormatError("A status list has bytes behind its bits, or lacks some.")

    def _begin_part(self, begun: int, known: int) -> None:
        """Begin a part of which `begun` bytes are there, and `known` before it.

        The last has room for one byte more than may come: who fills it is refused.
        """
        words = self._words
        size = self._part_bytes if self._size > self._part_bytes else self._size + 1
        words[_ROOM] = size - begun
        words[_PART_END] = _WINDOW_BYTES + size
        words[_KNOWN] = known + size

    def _end_part(self) -> None:
        """Put a part that is full out, and begin the next."""
        part_bytes = self._part_bytes
        if self._size <= part_bytes:
            raise _too_much()
        self._put(part_bytes)
        self._size -= part_bytes
        begun = -self._words[_ROOM]
        if begun > self._size:
            raise _too_much()
        kept = _WINDOW_BYTES + begun
        self._slab[:kept] = self._slab[part_bytes : part_bytes + kept]
        self._begin_part(begun, _WINDOW_BYTES)

    def _put(self, size: int) -> None:
        sums = self._sums
        end = _WINDOW_BYTES + size
        whole = end & ~3
        for at in range(_WINDOW_BYTES, whole, _SUMMED_BYTES):
            _sum(0, self._slab, at, min(_SUMMED_BYTES, whole - at), sums)
            sums[0] %= _ADLER
            sums[1] %= _ADLER
        for octet in self._slab[whole:end]:
            sums[0] = (sums[0] + octet) % _ADLER
            sums[1] = (sums[1] + sums[0]) % _ADLER
        self._write(self._slab[_WINDOW_BYTES:end])

    def _block(self, kind: int) -> None:
        if kind == _STORED:
            self._stored()
            return
        if kind == _FIXED_CODES:
            self._lay(_FIXED, _FIXED_DISTANCES)
        elif kind == _DYNAMIC_CODES:
            self._dynamic()
        else:
            raise _damaged()
        words = self._words
        while True:
            stop = _decode(0, self._slab, self._source, words)
            if stop == _BLOCK_END:
                return
            if stop == _DAMAGED:
                raise _damaged()
            if words[_ROOM] <= 0:
                self._end_part()
            else:
                self._read()

    def _stored(self) -> None:
        self._align()
        length = self._take(8) | self._take(8) << 8
        if length ^ (self._take(8) | self._take(8) << 8) != 0xFFFF:
            raise _damaged()
        self._give_back()
        words = self._words
        while length:
            if words[_ROOM] <= 0:
                self._end_part()
            at, room = words[_AT], words[_ROOM]
            if at >= self._filled:
                self._read()
                continue
            count = min(length, self._filled - at, room)
            place = words[_PART_END] - room
            self._slab[place : place + count] = self._source[at : at + count]
            words[_AT] = at + count
            words[_ROOM] = room - count
            length -= count

    def _dynamic(self) -> None:
        literals, distances = self._take(5) + 257, self._take(5) + 1
        lengths = bytearray(19)
        for place in range(self._take(4) + 4):
            lengths[_ORDER[place]] = self._take(3)
        table = array("i", [0] * (1 << _ORDER_BITS))
        if not _lay_code(table, 0, _ORDER_BITS, bytes(lengths), _literal_entry) or literals > 286 or distances > 30:
            raise _damaged()
        both = self._read_lengths(table, literals + distances)
        if not both[256]:
            raise _damaged()
        self._lay(both[:literals], both[literals:])

    def _read_lengths(self, table: "array[int]", size: int) -> bytes:
        words = self._words
        lengths = bytearray(size)
        at = 0
        while at < size:
            self._need(_ORDER_BITS)
            entry = table[words[_BITS] & (1 << _ORDER_BITS) - 1]
            self._take(entry & 15)
            symbol = entry >> 10
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
        return bytes(lengths)

    def _lay(self, literals: bytes, distances: bytes) -> None:
        words = self._words[:_LITERALS]
        words.extend(array("i", [0] * (_WORDS - _LITERALS)))
        _lay_code(words, _LITERALS, _LITERAL_BITS, literals, _literal_entry)
        _lay_code(words, _DISTANCES, _DISTANCE_BITS, distances, _distance_entry)
        self._words = words

    def _need(self, size: int) -> None:
        """Take bits of the source until there are `size`; noughts behind its end."""
        words = self._words
        while words[_COUNT] < size:
            if words[_AT] >= words[_END]:
                self._read()
            words[_BITS] |= self._source[words[_AT]] << words[_COUNT]
            words[_AT] += 1
            words[_COUNT] += 8

    def _take(self, size: int) -> int:
        words = self._words
        if words[_COUNT] < size:
            self._need(size)
        bits = words[_BITS]
        words[_BITS] = bits >> size
        words[_COUNT] -= size
        return bits & (1 << size) - 1

    def _give_back(self) -> None:
        """Return to the source what was taken of it and not used, but for the bits of a byte that was begun."""
        words = self._words
        words[_AT] -= words[_COUNT] >> 3
        words[_COUNT] &= 7
        words[_BITS] &= (1 << words[_COUNT]) - 1

    def _align(self) -> None:
        """Go to the next whole byte."""
        self._give_back()
        self._words[_BITS] = self._words[_COUNT] = 0

    def _read(self) -> None:
        """Read more of the stream, of which there must be more."""
        self._give_back()
        source, words = self._source, self._words
        if not self._left:
            raise _damaged()
        rest = self._filled - words[_AT]
        source[:rest] = source[words[_AT] : self._filled]
        count = self._stream.readinto(memoryview(source)[rest : min(_SOURCE_BYTES, rest + self._left)]) or 0
        if not count:
            raise _damaged()
        self._left -= count
        self._filled = filled = rest + count
        words[_AT] = 0
        words[_END] = max(0, filled - _AHEAD_BYTES + 1)
        if not self._left:
            source[filled : filled + _AHEAD_BYTES] = bytes(_AHEAD_BYTES)
            words[_END] = filled + 1


def _lay_code(words: "array[int]", start: int, root: int, lengths: bytes, entry_of: "Callable[[int], int]") -> bool:
    """Lay a code, of the lengths of its symbols, in a table of `root` bits at `start`, and subtables behind all.

    False where codes are left over, which is right for one code of one bit and for none. Raises FormatError.
    """
    marks = [bytes((length,)) for length in range(_MAX_LENGTH + 1)]
    counts = [lengths.count(mark) for mark in marks]
    total = sum([counts[length] << _MAX_LENGTH - length for length in range(1, _MAX_LENGTH + 1)])
    if total != 1 << _MAX_LENGTH and (sum(counts[1:]) > 1 or total not in (0, 1 << _MAX_LENGTH - 1)):
        raise _damaged()
    is_full = total >> _MAX_LENGTH
    # From the last code on, so that the first of a subtable is its longest. The lowest bit of `value` weighs 1, the
    # next 1/2, which is a code's first bit, and so on.
    value = 1 if is_full else 2
    link = -1
    subtable = subtable_bits = 0
    for length in range(_MAX_LENGTH, 0, -1):
        symbol = len(lengths)
        for _ in range(counts[length]):
            symbol = lengths.rfind(marks[length], 0, symbol)
            bit = 1 << length
            while not value & bit:
                value |= bit
                bit >>= 1
            value ^= bit
            place = value >> 1
            entry = entry_of(symbol) | length
            if length <= root:
                _fill(start + place, start + (1 << root), words, 1 << length, entry)
            else:
                parent = start + (place & (1 << root) - 1)
                if parent != link:
                    link = parent
                    subtable, subtable_bits = len(words), length - root
                    words[link] = subtable << 10 | _LINK | subtable_bits << 4
                    words.extend(array("i", [0] * (1 << subtable_bits)))
                end = subtable + (1 << subtable_bits)
                _fill(subtable + (place >> root), end, words, 1 << length - root, entry)
    return bool(is_full)


def _literal_entry(symbol: int) -> int:
    if symbol < 256:
        return symbol << 10 | _LITERAL
    symbol -= 257
    if symbol < 0:
        return _BLOCK_END << 10 | _STOP
    if symbol > 28:
        return _DAMAGED << 10 | _STOP
    if symbol == 28:
        return 258 << 10 | _COPY
    if symbol < 4:
        return symbol + 3 << 10 | _COPY
    extra = symbol // 4 - 1
    return (4 + symbol % 4 << extra) + 3 << 10 | _COPY | extra << 4


def _distance_entry(symbol: int) -> int:
    if symbol > 29:
        return _DAMAGED << 10 | _STOP
    if symbol < 2:
        return symbol + 1 << 10 | _COPY
    extra = symbol // 2 - 1
    return (2 + symbol % 2 << extra) + 1 << 10 | _COPY | extra << 4


def inflate(
    stream: "BinaryIO", length: int, size: int, part_bytes: int, write: "Callable[[memoryview], object]"
) -> None:
    """Inflate the `length` bytes of zlib that `stream` has next, to exactly `size` bytes; see `core.status.inflate`.

    `write` gets them in parts of `part_bytes`, 5 KB at least, the last shorter; a part is valid until it returns.
    Raises FormatError.
    """
    _Inflation(stream, length, size, part_bytes, write).run()


def _damaged() -> FormatError:
    return FormatError("A status list has a zlib stream that is damaged.")


def _too_much() -> FormatError:
    return FormatError("A status list inflates to more than its entries.")
