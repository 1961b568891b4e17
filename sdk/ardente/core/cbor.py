"""CBOR in core deterministic encoding (RFC 8949, section 4.2), and nothing else.

The types are those that our documents use: integers of at most 64 bits, byte strings, text of printable ASCII, arrays,
and maps whose keys are integers or text. Every value has one encoding and `decode` takes only that one. Tags are
matched as bytes where a document has one (`cose`).
"""

from .errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_DEPTH = 8
# The smallest value that needs 1, 2, 4 or 8 bytes after the initial one.
_SHORTEST = (24, 0x100, 0x10000, 0x100000000)
_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP = range(6)


def head(data: bytes, at: int) -> "tuple[int, int, int]":
    """Return (major type, argument, offset behind the head) of the item at ``at``. Raises `FormatError`."""
    if at >= len(data):
        raise FormatError("CBOR is cut short.")
    initial = data[at]
    at += 1
    low = initial & 0x1F
    if low < 24:
        return initial >> 5, low, at
    if low > 27:
        raise FormatError("CBOR has a reserved or indefinite length.")
    end = at + (1 << (low - 24))
    if end > len(data):
        raise FormatError("CBOR is cut short.")
    argument = int.from_bytes(data[at:end], "big")
    if argument < _SHORTEST[low - 24]:
        raise FormatError("CBOR has a number that is longer than needed.")
    return initial >> 5, argument, end


def decode(data: bytes) -> "Any":
    """Return the one item that ``data`` is. Raises `FormatError`; depth and size are bounded by the input."""
    value, end = _item(data, 0, _MAX_DEPTH)
    if end != len(data):
        raise FormatError("CBOR has trailing bytes.")
    return value


def _item(data: bytes, at: int, depth: int) -> "tuple[Any, int]":
    if not depth:
        raise FormatError("CBOR is nested too deeply.")
    major, argument, at = head(data, at)
    if major == _UINT:
        return argument, at
    if major == _NINT:
        return -1 - argument, at
    if major == _BYTES or major == _TEXT:
        end = at + argument
        if end > len(data):
            raise FormatError("CBOR is cut short.")
        content = data[at:end]
        return content if major == _BYTES else _text(content), end
    if major == _ARRAY:
        return _array(data, at, argument, depth - 1)
    if major == _MAP:
        return _map(data, at, argument, depth - 1)
    raise FormatError("CBOR has a type that no document of ours uses.")


def _text(content: bytes) -> str:
    for byte in content:
        if byte < 0x20 or byte > 0x7E:
            raise FormatError("CBOR text has a character that is not printable ASCII.")
    return content.decode()


def _array(data: bytes, at: int, count: int, depth: int) -> "tuple[list[Any], int]":
    values = []
    while count:
        value, at = _item(data, at, depth)
        values.append(value)
        count -= 1
    return values, at


def _map(data: bytes, at: int, count: int, depth: int) -> "tuple[dict[Any, Any], int]":
    values = {}
    previous = b""
    while count:
        start = at
        key, at = _item(data, at, depth)
        if not isinstance(key, (int, str)):
            raise FormatError("CBOR map has a key that is neither a number nor text.")
        encoded_key = data[start:at]
        if encoded_key <= previous:
            raise FormatError("CBOR map has keys that are doubled or not in order.")
        previous = encoded_key
        values[key], at = _item(data, at, depth)
        count -= 1
    return values, at


def encode(value: "Any") -> bytes:
    """Return the deterministic encoding. Raises TypeError or ValueError for a value that has none."""
    if value is True or value is False:
        raise TypeError("no document of ours has a CBOR boolean")
    if isinstance(value, int):
        return _encode_head(_UINT, value) if value >= 0 else _encode_head(_NINT, -1 - value)
    if isinstance(value, (bytes, bytearray)):
        return encode_bytes(value)
    if isinstance(value, str):
        content = value.encode()
        _text(content)
        return _encode_head(_TEXT, len(content)) + content
    if isinstance(value, (list, tuple)):
        return _encode_head(_ARRAY, len(value)) + b"".join([encode(element) for element in value])
    if isinstance(value, dict):
        pairs = sorted([(encode(key), encode(element)) for key, element in value.items()])
        return _encode_head(_MAP, len(pairs)) + b"".join([key + element for key, element in pairs])
    raise TypeError("no document of ours has a CBOR value of this type")


def encode_bytes(content: "bytes | bytearray") -> bytes:
    """Return ``content`` as a byte string."""
    return _encode_head(_BYTES, len(content)) + content


def _encode_head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    for low, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if not argument >> (8 * size):
            return bytes((major << 5 | low,)) + argument.to_bytes(size, "big")
    raise ValueError("a CBOR integer has at most 64 bits")
