"""What the decoder makes of a symbol's modules: all of it is checked, so that a wrong text never comes out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from interpreters import FIRMWARE, PROJECT

SHIM = PROJECT / "tests" / "firmware" / "shim"


class Firmware(NamedTuple):
    symbol: ModuleType
    text: ModuleType
    codes: ModuleType


@pytest.fixture(scope="module")
def firmware() -> Iterator[Firmware]:
    """The decoder's modules, on this interpreter."""
    folders = [str(FIRMWARE), str(SHIM)]
    sys.path[:0] = folders
    try:
        import qr_symbol
        import qr_text
        import reed_solomon

        yield Firmware(qr_symbol, qr_text, reed_solomon)
    finally:
        for folder in folders:
            sys.path.remove(folder)


def modules_of(text: str, version: int, level: str, mask: int | None = None) -> bytearray:
    code = segno.make(text, version=version, error=level, mask=mask, boost_error=False)
    return bytearray(int(module) for row in code.matrix for module in row)


def text_of(firmware: Firmware, modules: bytearray, version: int) -> str | None:
    return firmware.symbol.SymbolReader().read(bytearray(modules), version)


# Reed-Solomon, by polynomial division as in annex A of the standard.


def times(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11D
        b >>= 1
    return product


def with_check_words(data: bytes, check_size: int) -> bytearray:
    generator = [1]
    root = 1
    for _ in range(check_size):
        generator = [
            a ^ b for a, b in zip([*generator, 0], [0, *(times(root, word) for word in generator)], strict=True)
        ]
        root = times(root, 2)
    remainder = [*data, *bytes(check_size)]
    for at in range(len(data)):
        factor = remainder[at]
        for offset, word in enumerate(generator):
            remainder[at + offset] ^= times(word, factor)
    return bytearray(data) + bytearray(remainder[len(data) :])


# Check words a block, and the most data words beside them, over all versions and levels that are read.
BLOCK_SHAPES = [(7, 19), (10, 34), (16, 44), (18, 80), (22, 44), (26, 108), (28, 28), (30, 116)]


@st.composite
def damaged_blocks(draw: st.DrawFn, *, errors_over: int = 0) -> tuple[bytearray, bytearray, int, int]:
    check_size, data_max = draw(st.sampled_from(BLOCK_SHAPES))
    data = draw(st.binary(min_size=1, max_size=data_max))
    whole = with_check_words(data, check_size)
    most = check_size // 2
    wanted = draw(st.integers(0, most)) if not errors_over else min(len(whole), most + errors_over)
    places = draw(st.lists(st.integers(0, len(whole) - 1), min_size=wanted, max_size=wanted, unique=True))
    damaged = bytearray(whole)
    for place in places:
        damaged[place] ^= draw(st.integers(1, 255))
    return whole, damaged, check_size, len(places)


def correct(firmware: Firmware, words: bytearray, check_size: int) -> int:
    codes = firmware.codes
    work = bytearray(codes.WORKSPACE_BYTES)
    return codes.correct(codes.TABLES, 0, work, words, 0, len(words), check_size, check_size // 2)


@given(damaged_blocks())
def test_as_many_errors_as_half_the_check_words_are_corrected(
    firmware: Firmware, block: tuple[bytearray, bytearray, int, int]
) -> None:
    whole, damaged, check_size, errors = block
    assert correct(firmware, damaged, check_size) == errors
    assert damaged == whole


@given(damaged_blocks(errors_over=1))
def test_what_cannot_be_corrected_is_left_alone_or_becomes_another_codeword(
    firmware: Firmware, block: tuple[bytearray, bytearray, int, int]
) -> None:
    _, damaged, check_size, _ = block
    before = bytearray(damaged)
    wrong = correct(firmware, damaged, check_size)
    if wrong < 0:
        assert damaged == before
    else:
        assert with_check_words(bytes(damaged[:-check_size]), check_size) == damaged
        assert sum(a != b for a, b in zip(before, damaged, strict=True)) == wrong <= check_size // 2


@given(st.binary(min_size=20, max_size=146), st.sampled_from([shape[0] for shape in BLOCK_SHAPES]))
def test_no_block_upsets_the_correction(firmware: Firmware, words: bytes, check_size: int) -> None:
    assert -1 <= correct(firmware, bytearray(words).ljust(check_size + 1, b"\0"), check_size) <= check_size // 2


# Format information: where its two copies lie, by module (7.9.1).


def format_places(dimension: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    first = [(8, column) for column in (0, 1, 2, 3, 4, 5, 7, 8)] + [(row, 8) for row in (7, 5, 4, 3, 2, 1, 0)]
    second = [(row, 8) for row in range(dimension - 1, dimension - 8, -1)]
    second += [(8, column) for column in range(dimension - 8, dimension)]
    return first, second


@pytest.mark.parametrize("level", "LMQH")
@pytest.mark.parametrize("mask", range(8))
def test_every_level_and_mask_is_understood(firmware: Firmware, level: str, mask: int) -> None:
    assert text_of(firmware, modules_of("DEMO 2027", 2, level, mask), 2) == "DEMO 2027"


@given(st.data())
def test_three_wrong_bits_in_each_copy_of_the_format_are_corrected(firmware: Firmware, data: st.DataObject) -> None:
    modules = modules_of("123", 1, "H", 4)
    for copy in format_places(21):
        for row, column in data.draw(st.lists(st.sampled_from(copy), max_size=3, unique=True)):
            modules[row * 21 + column] ^= 1
    assert text_of(firmware, modules, 1) == "123"


@given(st.data())
def test_one_copy_of_the_format_is_enough(firmware: Firmware, data: st.DataObject) -> None:
    modules = modules_of("123", 1, "H", 4)
    good, bad = data.draw(st.permutations(format_places(21)))
    for row, column in data.draw(st.lists(st.sampled_from(good), max_size=1, unique=True)):
        modules[row * 21 + column] ^= 1
    # All light is five bits from any format.
    for row, column in bad:
        modules[row * 21 + column] = 0
    assert text_of(firmware, modules, 1) == "123"


@pytest.mark.parametrize("version", range(1, 11))
def test_a_mirror_image_is_read(firmware: Firmware, version: int) -> None:
    dimension = 17 + 4 * version
    modules = modules_of("0123456789", version, "L")
    mirrored = bytearray(modules[column * dimension + row] for row in range(dimension) for column in range(dimension))
    assert text_of(firmware, mirrored, version) == "0123456789"


def test_a_symbol_of_another_version_is_refused(firmware: Firmware) -> None:
    modules = modules_of("0123456789", 7, "L")
    dimension = 45
    # Both copies of the version information now say 8.
    for number in range(18):
        value = 0x085BC >> number & 1
        row, column = number // 3, dimension - 11 + number % 3
        modules[row * dimension + column] = value
        modules[column * dimension + row] = value
    assert text_of(firmware, modules, 7) is None


@pytest.mark.parametrize("version", [1, 9, 10])
@pytest.mark.parametrize(("text", "is_numeric"), [("0123456789", True), ("DEMO 2027", False), ("demo", False)])
def test_a_number_is_told_from_other_text(firmware: Firmware, version: int, text: str, is_numeric: bool) -> None:
    reader = firmware.symbol.SymbolReader()
    assert reader.read(modules_of(text, version, "L"), version) == text
    assert reader.is_numeric == is_numeric


@given(st.binary(min_size=441, max_size=441))
def test_random_modules_say_nothing(firmware: Firmware, noise: bytes) -> None:
    assert text_of(firmware, bytearray(byte & 1 for byte in noise), 1) is None


# Segments.


def bits(*fields: tuple[int, int]) -> str:
    return "".join(f"{value:0{width}b}" for value, width in fields)


def data_of(stream: str, size: int) -> bytearray:
    """The data words of a symbol: the stream, a terminator, zeros to the byte and the padding of the standard."""
    stream += "0" * min(4, 8 * size - len(stream))
    stream += "0" * (-len(stream) % 8)
    padding = ("11101100", "00010001")
    while len(stream) < 8 * size:
        stream += padding[0]
        padding = padding[::-1]
    return bytearray(int(stream[at : at + 8], 2) for at in range(0, 8 * size, 8))


def segments_text(firmware: Firmware, data: bytearray, version: int = 1) -> str | None:
    # What stands behind the data tells nothing.
    return firmware.text.read_text(data + b"\xa5\xff\x5a", len(data), version, bytearray(3 + 24 * len(data) // 10))


NUMERIC, ALPHANUMERIC, BYTE = (1, 4), (2, 4), (4, 4)
SEVEN = (7, 10)


def test_digits_are_read_in_threes(firmware: Firmware) -> None:
    stream = bits(NUMERIC, SEVEN, (12, 10), (0, 10), (9, 4))
    assert segments_text(firmware, data_of(stream, 16)) == "0120009"


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(bits(NUMERIC, (3, 10), (1000, 10)), id="three digits above 999"),
        pytest.param(bits(NUMERIC, (2, 10), (100, 7)), id="two digits above 99"),
        pytest.param(bits(NUMERIC, (1, 10), (10, 4)), id="a digit above 9"),
        pytest.param(bits(ALPHANUMERIC, (2, 9), (2025, 11)), id="two characters above 44 45"),
        pytest.param(bits(ALPHANUMERIC, (1, 9), (45, 6)), id="a character above 44"),
        pytest.param(bits(NUMERIC, (0, 10)), id="a segment of nothing"),
        pytest.param(bits((8, 4), (1, 8), (0, 13)), id="kanji"),
        pytest.param(bits((7, 4), (26, 8), BYTE, (1, 8), (65, 8)), id="another character set"),
        pytest.param(bits((3, 4), (0, 16), BYTE, (1, 8), (65, 8)), id="part of several symbols"),
        pytest.param(bits(BYTE, (255, 8)), id="longer than the symbol"),
        pytest.param("", id="nothing at all"),
    ],
)
def test_what_is_no_text_is_refused(firmware: Firmware, stream: str) -> None:
    assert segments_text(firmware, data_of(stream, 16)) is None


def test_wrong_padding_is_refused(firmware: Firmware) -> None:
    data = data_of(bits(BYTE, (1, 8), (65, 8)), 16)
    assert segments_text(firmware, data) == "A"
    for at in range(3, 16):
        changed = bytearray(data)
        changed[at] ^= 0x40
        assert segments_text(firmware, changed) is None


def test_a_full_symbol_needs_no_terminator(firmware: Firmware) -> None:
    stream = bits(BYTE, (14, 8), *((byte, 8) for byte in b"fourteen bytes"))
    assert segments_text(firmware, data_of(stream, 16)) == "fourteen bytes"
    stream = bits(NUMERIC, (2, 10), (42, 7), NUMERIC, (1, 10), (7, 4))
    assert segments_text(firmware, data_of(stream, 5)) == "427"


@pytest.mark.parametrize(
    ("stream", "is_one"),
    [
        (bits(NUMERIC, (3, 10), (427, 10)), True),
        (bits(NUMERIC, (2, 10), (42, 7), NUMERIC, (1, 10), (7, 4)), False),
        (bits(NUMERIC, (2, 10), (42, 7), BYTE, (1, 8), (0x37, 8)), False),
        (bits(ALPHANUMERIC, (3, 9), (4 * 45 + 2, 11), (7, 6)), False),
        (bits(BYTE, (3, 8), *((byte, 8) for byte in b"427")), False),
    ],
    ids=["one segment", "two", "a byte behind", "letters", "bytes"],
)
def test_digits_in_any_other_way_are_no_number(firmware: Firmware, stream: str, is_one: bool) -> None:
    data = data_of(stream, 16)
    assert segments_text(firmware, data) == "427"
    assert firmware.symbol.is_one_number(data, 1, 3) == is_one


@given(st.binary(min_size=1, max_size=30))
def test_bytes_are_utf_8_or_else_latin_1(firmware: Firmware, content: bytes) -> None:
    data = data_of(bits(BYTE, (len(content), 8), *((byte, 8) for byte in content)), 40)
    try:
        expected = content.decode("utf-8")
    except UnicodeDecodeError:
        expected = content.decode("latin-1")
    assert segments_text(firmware, data) == expected


@given(st.binary(min_size=1, max_size=274), st.integers(1, 10))
def test_no_data_upset_the_reader(firmware: Firmware, data: bytes, version: int) -> None:
    assert segments_text(firmware, bytearray(data), version) != ""
