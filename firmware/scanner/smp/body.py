"""The CBOR of requests and answers: one map with text for keys, in any order, and small values.

Stricter than CBOR where no host needs more: lengths are definite, numbers as short as can be, a key comes once, maps
and arrays stand three deep at most, and nothing follows.
"""

from core.cbor import encode_bytes, head
from core.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Body = dict[str, Any]

_MAX_DEPTH = 3
_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _, _SIMPLE = range(8)
_FALSE, _TRUE = 20, 21


def decode(data: bytes) -> "Body":
    """Return the map that `data` is. Raises FormatError."""
    value, end = _item(data, 0, _MAX_DEPTH)
    if end != len(data) or not isinstance(value, dict):
        raise FormatError("A body is one CBOR map.")
    return value


def _item(data: bytes, at: int, depth: int) -> "tuple[Any, int]":
    major, argument, at = head(data, at)
    if major == _UINT:
        return argument, at
    if major == _NINT:
        return -1 - argument, at
    if major == _BYTES or major == _TEXT:
        end = at + argument
        if end > len(data):
            raise FormatError("CBOR is cut short.")
        return data[at:end] if major == _BYTES else _text(data[at:end]), end
    if major == _SIMPLE and (argument == _FALSE or argument == _TRUE):
        return argument == _TRUE, at
    if not depth:
        raise FormatError("CBOR is nested too deeply.")
    if major == _ARRAY:
        return _array(data, at, argument, depth - 1)
    if major == _MAP:
        return _map(data, at, argument, depth - 1)
    raise FormatError("CBOR has a type that no request uses.")


# No `range`: a count may be more than one takes on a chip.
def _array(data: bytes, at: int, count: int, depth: int) -> "tuple[list[Any], int]":
    values = []
    while count:
        value, at = _item(data, at, depth)
        values.append(value)
        count -= 1
    return values, at


def _map(data: bytes, at: int, count: int, depth: int) -> "tuple[Body, int]":
    values: "Body" = {}
    while count:
        key, at = _item(data, at, 0)
        if not isinstance(key, str) or key in values:
            raise FormatError("CBOR map has a key that is doubled, or no text.")
        values[key], at = _item(data, at, depth)
        count -= 1
    return values, at


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeError:
        raise FormatError("CBOR text is not UTF-8.") from None


def encode(value: "Any") -> bytes:
    """Return the encoding of an answer: maps with text for keys, arrays, text, bytes, booleans and integers."""
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(_UINT, value) if value >= 0 else _head(_NINT, -1 - value)
    if isinstance(value, bytes):
        return encode_bytes(value)
    if isinstance(value, str):
        content = value.encode()
        return _head(_TEXT, len(content)) + content
    if isinstance(value, (list, tuple)):
        return _head(_ARRAY, len(value)) + b"".join([encode(element) for element in value])
    # As `core.cbor`: shorter keys first.
    pairs = sorted([(encode(key), encode(value[key])) for key in value])
    return _head(_MAP, len(pairs)) + b"".join([key + element for key, element in pairs])


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    size = 1
    low = 24
    while argument >> (8 * size):
        size *= 2
        low += 1
    return bytes((major << 5 | low,)) + argument.to_bytes(size, "big")
