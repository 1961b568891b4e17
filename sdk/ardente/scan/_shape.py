"""Whether digits are a whole card or voucher, a piece of one, or more than one.

The digits say so themselves: the first 17 are the same on every token, the next 17 hold the payload's length, and
the signature's two-byte header stands 66 bytes before the end (docs/format.md). Nothing is verified here.
"""

from enum import Enum

from ardente.core import digits
from ardente.core.token import MAX_TOKEN_SIZE

_CHUNK_BYTES = 7
_CHUNK_DIGITS = 17
_TAIL_DIGITS = (0, 3, 5, 8, 10, 13, 15)

_FIRST_CHUNK = digits.encode(bytes.fromhex("d28446a2013204"))
# Fewer digits than this begin other numbers too.
_TELLING_DIGITS = 6

_PAYLOAD_AT = 10
_SIGNATURE_HEAD = b"\x58\x40"
_SIGNATURE_BYTES = len(_SIGNATURE_HEAD) + 64


class Shape(Enum):
    """What digits look like. ``OTHER``: nothing of ours, as far as their structure tells."""

    WHOLE = "whole"
    TORN = "torn"
    GLUED = "glued"
    OTHER = "other"


def shape_of(text: str) -> Shape:
    """Return the shape of ``text``, which need not be digits."""
    if not is_digits(text):
        return Shape.OTHER
    if text.find(_FIRST_CHUNK, 1) > 0:
        return Shape.GLUED
    if len(text) < _CHUNK_DIGITS:
        begins = len(text) >= _TELLING_DIGITS and _FIRST_CHUNK.startswith(text)
        return Shape.TORN if begins else Shape.OTHER
    if not text.startswith(_FIRST_CHUNK):
        return Shape.TORN if _ends_as_token(text) else Shape.OTHER
    if len(text) < 2 * _CHUNK_DIGITS:
        return Shape.TORN
    size = _size_of(digits.decode(text[: 2 * _CHUNK_DIGITS]))
    if size is None:
        return Shape.TORN if _ends_as_token(text) else Shape.OTHER
    expected = _digit_count(size)
    if len(text) == expected:
        return Shape.WHOLE
    return Shape.TORN if len(text) < expected else Shape.GLUED


def is_digits(text: str) -> bool:
    """Tell whether ``text`` is one or more ASCII digits."""
    return text.isascii() and text.isdigit()


def _size_of(head: bytes | None) -> int | None:
    """Return the size in bytes of the token that begins with these 14 bytes, or None where no token does."""
    if head is None or head[7] != 0x41 or head[9] != 0xA0:
        return None
    length = head[_PAYLOAD_AT] - 0x40
    header = 1
    if length == 24:
        length = head[_PAYLOAD_AT + 1]
        header = 2
    size = _PAYLOAD_AT + header + length + _SIGNATURE_BYTES
    return size if 0 <= length and size <= MAX_TOKEN_SIZE else None


def _digit_count(size: int) -> int:
    return size // _CHUNK_BYTES * _CHUNK_DIGITS + _TAIL_DIGITS[size % _CHUNK_BYTES]


def _ends_as_token(text: str) -> bool:
    """Tell whether the signature header stands at its place, counted from the end.

    The chunks of a token whose beginning is lost can still be found from its end, for each of the seven lengths of
    the last one. Chance passes this test once in some hundred thousand.
    """
    for tail_bytes, tail_digits in enumerate(_TAIL_DIGITS):
        chunks = -(-(_SIGNATURE_BYTES - tail_bytes) // _CHUNK_BYTES)
        count = chunks * _CHUNK_DIGITS + tail_digits
        end = digits.decode(text[-count:]) if len(text) >= count else None
        if end is not None and end[-_SIGNATURE_BYTES:].startswith(_SIGNATURE_HEAD):
            return True
    return False
