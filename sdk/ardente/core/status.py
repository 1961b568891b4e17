"""Status lists (draft-ietf-oauth-status-list): one bit for each index, 1 where the card or voucher is revoked.

A status list is a COSE_Sign1 CWT in deterministic encoding whose big byte string, the zlib stream of the bits, is never
needed whole: `read_list_head` looks at both ends of the token, `inflate` streams what lies between.
"""

from . import cbor
from .cose import ALG, ED25519, KID, TYP, parse_sign1
from .errors import FormatError
from .fields import MAX_TIME, byte_string, exact_labels, number, text, time
from .reader import BytesReader, read, read_up_to

try:
    from deflate import ZLIB, DeflateIO  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    import zlib

    DeflateIO = None
    _InflateError = zlib.error
else:
    _InflateError = OSError  # type: ignore[misc,assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from .keys import KeySet
    from .reader import Reader
    from .root import Verify

TYP_STATUS_LIST = "application/statuslist+cwt"
SUB, EXP, IAT, STATUS_LIST, TTL = 2, 4, 6, 65533, 65534
WINDOW_BITS = 12
_FRONT_SIZE = 256
_BITS = b"\x64bits\x01"
_TTL_LABEL = b"\x19\xff\xfe"
_LST_LABEL = b"\x19\xff\xfd\xa2\x63lst"
_CHUNK_SIZE = 512


class ListHead:
    """What a status list says of itself. Times are epoch seconds; ``lst_offset`` counts from the token's first byte."""

    def __init__(self, kid: bytes, uri: str, iat: int, exp: int, lst_offset: int, lst_length: int) -> None:
        self.kid = kid
        self.uri = uri
        self.iat = iat
        self.exp = exp
        self.lst_offset = lst_offset
        self.lst_length = lst_length


def read_list_head(reader: "Reader", offset: int, length: int) -> ListHead:
    """Return the head of the status list of ``length`` bytes at ``offset``. Raises `FormatError`.

    Every byte but the zlib stream and the signature is tested; neither of those is. Allocates 2 KB.
    """
    front = read_up_to(reader, offset, min(_FRONT_SIZE, length))
    if front[:2] != b"\xd2\x84":
        raise FormatError("This is not a status list.")
    kid, at = _protected(front, 2)
    payload_start, payload_end = _bytes_span(front, at)
    if front[payload_start : payload_start + 2] != b"\xa5\x02":
        raise FormatError("A status list has five claims.")
    _, uri_size, uri_end = cbor.head(front, payload_start + 2)
    uri_end += uri_size
    uri = text(cbor.decode(front[payload_start + 2 : uri_end]), 96)
    exp, at = _claim_time(front, uri_end, EXP)
    iat, at = _claim_time(front, at, IAT)
    if front[at : at + len(_LST_LABEL)] != _LST_LABEL:
        raise FormatError("A status list has other claims than ours.")
    lst_start, lst_end = _bytes_span(front, at + len(_LST_LABEL))
    tail_size = length - lst_end
    if tail_size < 0 or tail_size > 96 or payload_end + 66 != length or exp <= iat:
        raise FormatError("A status list has another length than its parts.")
    _check_tail(read(reader, offset + lst_end, tail_size), payload_end - lst_end)
    return ListHead(kid, uri, iat, exp, lst_start, lst_end - lst_start)


def verify_list(data: bytes, keys: "KeySet", verify: "Verify") -> ListHead:
    """Return the head of a status list that travels alone, its signature verified under ``keys``.

    Raises `FormatError`. In a bundle the manifest's SHA-256 stands for this signature: the same role that signs the
    manifest names the status keys, and a device cannot hold a whole list in RAM.
    """
    head = read_list_head(BytesReader(data), 0, len(data))
    token = parse_sign1(data)
    key = keys.signs_list(head.kid, head.uri)
    if key is None or not verify(key.public_key, token.signature, token.message()):
        raise FormatError("A status list is not signed by a key that may sign it.")
    return head


def inflate(stream: "BinaryIO", length: int, size: int, write: "Callable[[bytes], object]") -> None:
    """Inflate the ``length`` bytes of zlib (RFC 1950) that ``stream`` has next, to exactly ``size`` bytes.

    ``write`` gets them in parts of at most 512 bytes. Raises `FormatError` for any other size, one byte past it at the
    latest, for a window over 4 KB, and where the zlib stream ends before or after its length. Allocates 6 KB.
    """
    start = stream.tell()
    header = stream.read(2)
    if len(header) < 2 or header[0] & 15 != 8 or header[0] >> 4 > WINDOW_BITS - 8:
        raise FormatError("A status list has a window of more than 4 KB.")
    stream.seek(start)
    source = DeflateIO(stream, ZLIB, WINDOW_BITS) if DeflateIO else _Inflater(stream, length)
    try:
        while size:
            part = source.read(min(_CHUNK_SIZE, size))
            if not part:
                raise FormatError("A status list inflates to less than its entries.")
            write(part)
            size -= len(part)
        if source.read(1):
            raise FormatError("A status list inflates to more than its entries.")
    except (_InflateError, EOFError):
        raise FormatError("A status list has a zlib stream that is damaged.") from None
    if stream.tell() != start + length:
        raise FormatError("A status list has bytes behind its bits, or lacks some.")


class _Inflater:
    """CPython's zlib with the face of MicroPython's DeflateIO: at the end, ``stream`` stands behind the last byte."""

    def __init__(self, stream: "BinaryIO", length: int) -> None:
        self._stream = stream
        self._left = length
        self._zlib = zlib.decompressobj(WINDOW_BITS)
        self._input = b""

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes, or none at the end."""
        part = b""
        while not part and not self._zlib.eof:
            if not self._input:
                self._input = self._stream.read(min(_CHUNK_SIZE, self._left))
                self._left -= len(self._input)
                if not self._input:
                    raise zlib.error("cut short")
            part = self._zlib.decompress(self._input, size)
            self._input = self._zlib.unconsumed_tail
            if self._zlib.eof:
                self._stream.seek(-len(self._zlib.unused_data), 1)
        return part


def _protected(front: bytes, at: int) -> "tuple[bytes, int]":
    """Return (kid, offset of the payload) of the token whose protected header is at ``at``."""
    start, end = _bytes_span(front, at)
    header = cbor.decode(front[start:end])
    exact_labels(header, (ALG, KID, TYP))
    if header[ALG] != ED25519 or header[TYP] != TYP_STATUS_LIST or front[end : end + 1] != b"\xa0":
        raise FormatError("A status list has another header than ours.")
    return byte_string(header[KID], 8), end + 1


def _bytes_span(front: bytes, at: int) -> "tuple[int, int]":
    """Return where the byte string whose head is at ``at`` begins and ends; the end may lie behind ``front``."""
    major, length, start = cbor.head(front, at)
    if major != 2:
        raise FormatError("A status list lacks a byte string.")
    return start, start + length


def _claim_time(front: bytes, at: int, label: int) -> "tuple[int, int]":
    if front[at : at + 1] != bytes((label,)):
        raise FormatError("A status list has other claims than ours.")
    major, value, at = cbor.head(front, at + 1)
    if major:
        raise FormatError("A status list has a claim of another type.")
    return time(value), at


def _check_tail(tail: bytes, payload_size: int) -> None:
    """``tail`` is what follows the zlib stream; its first ``payload_size`` bytes still belong to the payload."""
    ttl_at = len(_BITS) + len(_TTL_LABEL)
    if tail[:ttl_at] != _BITS + _TTL_LABEL or tail[payload_size : payload_size + 2] != b"\x58\x40":
        raise FormatError("A status list has other claims than ours.")
    major, ttl, end = cbor.head(tail, ttl_at)
    if major or end != payload_size:
        raise FormatError("A status list has other claims than ours.")
    number(ttl, 0, MAX_TIME)
