"""What ISO/IEC 18004 fixes of a symbol: function patterns, format and version information, masks, blocks.

A symbol is a buffer of dimension x dimension modules, 1 for dark; versions 1 to 10 (21 to 57 modules a side).
"""

from array import array

import qr_text
import reed_solomon

import micropython
from micropython import const

VERSION_MAX = const(10)
# Thousands of instructions: the format, a block, a byte of text. Instructions: a module, and a word of a block times a
# check word.
_FORMAT_WORK = const(100)
_BLOCK_WORK = const(40)
_TEXT_WORK = const(1)
_MODULE_WORK = const(75)
_PRODUCT_WORK = const(100)
_CODEWORDS_MAX = const(346)

_FORMAT_MASK = const(0x5412)
_FORMAT_GENERATOR = const(0x537)
_VERSION_GENERATOR = const(0x1F25)
# Both codes correct up to three wrong bits (7.9, 7.10).
_DISTANCE_MAX = const(3)

# Annex E: the middle of the alignment patterns, after the one at 6.
_ALIGNMENT = ((), (18,), (22,), (26,), (30,), (34,), (22, 38), (24, 42), (26, 46), (28, 50))
_CODEWORDS = (26, 44, 70, 100, 134, 172, 196, 242, 292, 346)
# Table 9, by version: check words a block and number of blocks, for the levels in the order of their bits: M L H Q.
_BLOCKS = (
    ((10, 1), (7, 1), (17, 1), (13, 1)),
    ((16, 1), (10, 1), (28, 1), (22, 1)),
    ((26, 1), (15, 1), (22, 2), (18, 2)),
    ((18, 2), (20, 1), (16, 4), (26, 2)),
    ((24, 2), (26, 1), (22, 4), (18, 4)),
    ((16, 4), (18, 2), (28, 4), (24, 4)),
    ((18, 4), (20, 2), (26, 5), (18, 6)),
    ((22, 4), (24, 2), (26, 6), (22, 6)),
    ((22, 5), (30, 2), (24, 8), (20, 8)),
    ((26, 5), (18, 4), (28, 8), (24, 8)),
)
_LEVEL_L = const(1)


class SymbolReader:
    """Reads the text out of a symbol's modules. Buffers are made here, once.

    `work` counts what was done, in thousands of instructions; who counts sets it to 0. `is_numeric` tells whether the
    text that was read last is one numeric segment.
    """

    def __init__(self) -> None:
        self.work = 0
        self.is_numeric = False
        self._functions = bytearray((17 + 4 * VERSION_MAX) ** 2)
        self._functions_version = 0
        self._words = bytearray(_CODEWORDS_MAX)
        self._blocks = bytearray(_CODEWORDS_MAX)
        self._text = memoryview(bytearray(2 * _CODEWORDS_MAX))
        self._work = bytearray(reed_solomon.WORKSPACE_BYTES)

    def read(self, modules: bytearray, version: int) -> "str | None":
        """Return the text, or None where the modules are no symbol of the version. May turn a mirror image over."""
        dimension = 17 + 4 * version
        self.work += _FORMAT_WORK
        if version >= 7 and read_version(modules, dimension) != version:
            return None
        turned = 0
        for found in read_formats(modules, dimension):
            if found & 1 != turned:
                _transpose(modules, dimension)
                turned = found & 1
            text = self._read(modules, version, found >> 4, found >> 1 & 7)
            if text is not None:
                self.is_numeric = is_one_number(self._blocks, version, len(text))
                return text
        return None

    def _read(self, modules: bytearray, version: int, level: int, mask: int) -> "str | None":
        dimension = 17 + 4 * version
        if self._functions_version != version:
            mark_functions(self._functions, version)
            self._functions_version = version
        self.work += dimension * dimension * _MODULE_WORK // 1000
        words, data, count = self._words, self._blocks, _CODEWORDS[version - 1]
        _read_codewords(modules, self._functions, dimension, _MASKS[mask], words, count)
        check_size, blocks = _BLOCKS[version - 1][level]
        errors_max = check_size // 2
        # Some check words of the smallest symbols are kept to detect errors (table 9, note).
        if check_size == 10 or (version == 1 and level == _LEVEL_L):
            errors_max -= 1
        _gather_blocks(words, count, check_size, blocks, data)
        data_size = count - check_size * blocks
        start = size = 0
        for block in range(blocks):
            block_size = data_size // blocks + (block >= blocks - data_size % blocks)
            self.work += _BLOCK_WORK + (block_size + check_size) * check_size * _PRODUCT_WORK // 1000
            if reed_solomon.correct(
                reed_solomon.TABLES, 0, self._work, data, start, block_size + check_size, check_size, errors_max
            ) < 0:  # fmt: skip
                return None
            # The data of all blocks move together as each is corrected.
            for place in range(block_size):
                data[size + place] = data[start + place]
            start += block_size + check_size
            size += block_size
        self.work += size * _TEXT_WORK
        return qr_text.read_text(data, size, version, self._text)


def is_one_number(data: bytearray, version: int, length: int) -> bool:
    """Whether data begin with a numeric segment of so many digits: all that was read, and no other is needed for it."""
    count = (data[0] & 15) << 6 | data[1] >> 2 if version < 10 else (data[0] & 15) << 8 | data[1]
    return data[0] >> 4 == 1 and count == length


def _with_remainder(value: int, bits: int, generator: int, generator_bits: int) -> int:
    remainder = value << bits
    for shift in range(generator_bits, -1, -1):
        if remainder >> (shift + bits) & 1:
            remainder ^= generator << shift
    return value << bits | remainder


_FORMATS = array("I", [_with_remainder(value, 10, _FORMAT_GENERATOR, 4) ^ _FORMAT_MASK for value in range(32)])
_VERSIONS = array("I", [_with_remainder(version, 12, _VERSION_GENERATOR, 5) for version in range(7, 11)])


@micropython.viper
def _nearest(word: int, copy: int, code: ptr32, size: int) -> int:
    """Return the number of the word of a code that two copies are nearest to, plus 32 times how far they are.

    A copy that is hidden says nothing: from _DISTANCE_MAX on, all is as far.
    """
    best = 1024
    at = 0
    while at < size:
        different = word ^ code[at]
        other = copy ^ code[at]
        distance = 0
        while different and distance <= _DISTANCE_MAX:
            different &= different - 1
            distance += 1
        far = distance
        distance = 0
        while other and distance <= _DISTANCE_MAX:
            other &= other - 1
            distance += 1
        far = ((far + distance) << 5) + at
        if far < best:
            best = far
        at += 1
    return best


def _read_format(modules: bytearray, dimension: int, row_step: int, column_step: int) -> "tuple[int, int]":
    """Return both copies of the format information; steps (dimension, 1), or (1, dimension) for the mirror image."""
    first = 0
    for column in (0, 1, 2, 3, 4, 5, 7, 8):
        first = first << 1 | modules[8 * row_step + column * column_step]
    for row in (7, 5, 4, 3, 2, 1, 0):
        first = first << 1 | modules[row * row_step + 8 * column_step]
    second = 0
    for row in range(dimension - 1, dimension - 8, -1):
        second = second << 1 | modules[row * row_step + 8 * column_step]
    for column in range(dimension - 8, dimension):
        second = second << 1 | modules[8 * row_step + column * column_step]
    return first, second


def read_formats(modules: bytearray, dimension: int) -> "list[int]":
    """Return what the symbol may be, the likelier first: level, mask, and 1 where it is seen from behind, in 6 bits."""
    seen = _nearest(*_read_format(modules, dimension, dimension, 1), _FORMATS, 32)
    mirrored = _nearest(*_read_format(modules, dimension, 1, dimension), _FORMATS, 32)
    formats = [2 * (seen & 31), 2 * (mirrored & 31) + 1]
    if mirrored < seen:
        formats.reverse()
    # One copy may be hidden, but then the other way round has to be the less likely.
    if min(seen, mirrored) >> 5 > 2 * _DISTANCE_MAX + 1:
        return []
    return formats if max(seen, mirrored) >> 5 <= 2 * _DISTANCE_MAX else formats[:1]


def read_version(modules: bytearray, dimension: int) -> int:
    """Return the version that a symbol from version 7 on says it has, or 0."""
    copies = []
    for row_step, column_step in ((dimension, 1), (1, dimension)):
        word = 0
        for row in range(5, -1, -1):
            for column in range(dimension - 9, dimension - 12, -1):
                word = word << 1 | modules[row * row_step + column * column_step]
        copies.append(word)
    nearest = _nearest(*copies, _VERSIONS, len(_VERSIONS))
    return 0 if nearest >> 5 > 2 * _DISTANCE_MAX + 1 else 7 + (nearest & 31)


@micropython.viper
def _fill(modules: ptr8, dimension: int, row: int, column: int, rows: int, columns: int, value: int):
    end = row + rows
    while row < end:
        at = row * dimension + column
        stop = at + columns
        while at < stop:
            modules[at] = value
            at += 1
        row += 1


def alignment_centres(version: int) -> "list[tuple[int, int]]":
    """Return (row, column) of the middle of each alignment pattern."""
    outer = _ALIGNMENT[version - 1]
    if not outer:
        return []
    last = outer[-1]
    centres = (6,) + outer
    return [
        (row, column)
        for row in centres
        for column in centres
        if not ((row == 6 and column in (6, last)) or (row == last and column == 6))
    ]


def mark_functions(functions: bytearray, version: int) -> None:
    """Write 1 where a module of the version is not data."""
    dimension = 17 + 4 * version
    _fill(functions, dimension, 0, 0, dimension, dimension, 0)
    _fill(functions, dimension, 0, 0, 9, 9, 1)
    _fill(functions, dimension, 0, dimension - 8, 9, 8, 1)
    _fill(functions, dimension, dimension - 8, 0, 8, 9, 1)
    _fill(functions, dimension, 6, 0, 1, dimension, 1)
    _fill(functions, dimension, 0, 6, dimension, 1, 1)
    for row, column in alignment_centres(version):
        _fill(functions, dimension, row - 2, column - 2, 5, 5, 1)
    if version >= 7:
        _fill(functions, dimension, 0, dimension - 11, 6, 3, 1)
        _fill(functions, dimension, dimension - 11, 0, 3, 6, 1)


def _mask_bit(mask: int, i: int, j: int) -> bool:
    """Table 10; every mask repeats after 12 modules each way."""
    if mask == 0:
        return (i + j) % 2 == 0
    if mask == 1:
        return i % 2 == 0
    if mask == 2:
        return j % 3 == 0
    if mask == 3:
        return (i + j) % 3 == 0
    if mask == 4:
        return (i // 2 + j // 3) % 2 == 0
    if mask == 5:
        return i * j % 2 + i * j % 3 == 0
    if mask == 6:
        return (i * j % 2 + i * j % 3) % 2 == 0
    return ((i + j) % 2 + i * j % 3) % 2 == 0


_MASKS = tuple(bytes([_mask_bit(mask, i, j) for i in range(12) for j in range(12)]) for mask in range(8))


@micropython.viper
def _transpose(modules: ptr8, dimension: int):
    """Turn a symbol seen from behind over."""
    row = 1
    while row < dimension:
        column = 0
        while column < row:
            a = row * dimension + column
            b = column * dimension + row
            value = modules[a]
            modules[a] = modules[b]
            modules[b] = value
            column += 1
        row += 1


@micropython.viper
def _read_codewords(modules: ptr8, functions: ptr8, dimension: int, mask: ptr8, words: ptr8, count: int):
    """Write the codewords in the order of placement (7.7.3), unmasked."""
    column = dimension - 1
    upwards = 1
    value = 1
    word = 0
    while column > 0:
        if column == 6:
            column = 5
        row = dimension - 1 if upwards else 0
        row12 = row % 12
        column12 = column % 12
        beside12 = (column - 1) % 12
        left = dimension
        while left > 0:
            at = row * dimension + column
            if functions[at] == 0:
                value = value << 1 | (modules[at] ^ mask[row12 * 12 + column12])
                if value > 255:
                    if word == count:
                        return
                    words[word] = value & 255
                    word += 1
                    value = 1
            at -= 1
            if functions[at] == 0:
                value = value << 1 | (modules[at] ^ mask[row12 * 12 + beside12])
                if value > 255:
                    if word == count:
                        return
                    words[word] = value & 255
                    word += 1
                    value = 1
            if upwards:
                row -= 1
                row12 = row12 - 1 if row12 > 0 else 11
            else:
                row += 1
                row12 = row12 + 1 if row12 < 11 else 0
            left -= 1
        upwards = 1 - upwards
        column -= 2


@micropython.viper
def _gather_blocks(words: ptr8, count: int, check_size: int, blocks_count: int, out: ptr8):
    """Undo the interleaving (7.6): write the blocks one after the other, each its data and then its check words."""
    data = count - check_size * blocks_count
    short = data // blocks_count
    long_from = blocks_count - data % blocks_count
    start = 0
    block = 0
    while block < blocks_count:
        at = block
        i = 0
        while i < short:
            out[start] = words[at]
            start += 1
            at += blocks_count
            i += 1
        if block >= long_from:
            out[start] = words[short * blocks_count + block - long_from]
            start += 1
        at = data + block
        i = 0
        while i < check_size:
            out[start] = words[at]
            start += 1
            at += blocks_count
            i += 1
        block += 1
