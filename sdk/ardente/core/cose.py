"""COSE envelopes (RFC 9052) with fully-specified Ed25519 (RFC 9864): COSE_Sign1 for tokens, COSE_Sign for documents.

Both are fixed more tightly than the RFC: always tagged, the protected header exactly as stated, the unprotected header
exactly empty, no external data, at most `MAX_SIGNATURES` signatures in ascending order of `kid`.
"""

import hashlib

from . import cbor
from .errors import FormatError
from .reader import read, read_up_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reader import Reader

ALG, KID, TYP = 1, 4, 16
ED25519 = -19
MAX_SIGNATURES = 16

TYP_ROOT = "application/ardente-root+cbor"
TYP_BUNDLE = "application/ardente-bundle+cbor"
TYP_APPLICATION = "application/ardente-application+cbor"

SIGN1_TAG = b"\xd2"
SIGN_TAG = b"\xd8\x62"
_KEY_ID_SIZE = 8
_SIGNER_HEAD = b"\x83\x4d"
_SIGNER_PROTECTED = b"\xa2\x01\x32\x04\x48"
_SIGNER_MIDDLE = b"\xa0\x58\x40"
_SIGNER_SIZE = 2 + 5 + _KEY_ID_SIZE + 3 + 64


class Sign1:
    """A COSE_Sign1 whose signature is not verified yet. ``header`` is the decoded protected header."""

    def __init__(
        self, protected: bytes, header: "dict[int, int | bytes | str]", payload: bytes, signature: bytes
    ) -> None:
        self.protected = protected
        self.header = header
        self.payload = payload
        self.signature = signature

    def message(self) -> bytes:
        """What the key signs."""
        return sign1_message(self.protected, self.payload)


class Signed:
    """A COSE_Sign whose signatures, as (kid, signature), are not verified yet."""

    def __init__(self, body: bytes, payload: bytes, signatures: "list[tuple[bytes, bytes]]") -> None:
        self.body = body
        self.payload = payload
        self.signatures = signatures

    def message(self, kid: bytes) -> bytes:
        """What the key ``kid`` signs."""
        return sign_message(self.body, kid, self.payload)


def key_id(public_key: bytes) -> bytes:
    """Return the `kid` of a role or status key: the first 8 bytes of the SHA-256 of the 32-byte key."""
    return hashlib.sha256(public_key).digest()[:_KEY_ID_SIZE]


def sign1_message(protected: bytes, payload: bytes) -> bytes:
    """Return what the key of a COSE_Sign1 signs: its Sig_structure (RFC 9052, section 4.4)."""
    return b"\x84\x6aSignature1" + cbor.encode_bytes(protected) + b"\x40" + cbor.encode_bytes(payload)


def sign_message(body: bytes, kid: bytes, payload: bytes) -> bytes:
    """Return what one key of a COSE_Sign signs: its Sig_structure (RFC 9052, section 4.4)."""
    signer = cbor.encode_bytes(_SIGNER_PROTECTED + kid)
    return b"\x85\x69Signature" + cbor.encode_bytes(body) + signer + b"\x40" + cbor.encode_bytes(payload)


def parse_sign1(data: bytes) -> "Sign1":
    """Return the parts of a COSE_Sign1. Raises `FormatError`; the caller tests the header's labels and values."""
    if data[:1] != SIGN1_TAG:
        raise FormatError("This is not a COSE_Sign1.")
    parts = cbor.decode(data[1:])
    if not isinstance(parts, list) or len(parts) != 4:
        raise FormatError("A COSE_Sign1 has four parts.")
    protected, unprotected, payload, signature = parts
    if not isinstance(protected, bytes) or not isinstance(payload, bytes) or not isinstance(signature, bytes):
        raise FormatError("A COSE_Sign1 has byte strings for header, payload and signature.")
    if unprotected != {} or len(signature) != 64:
        raise FormatError("A COSE_Sign1 has an empty unprotected header and a signature of 64 bytes.")
    header = cbor.decode(protected)
    if not isinstance(header, dict) or header.get(ALG) != ED25519:
        raise FormatError("A COSE_Sign1 is signed with Ed25519.")
    return Sign1(protected, header, payload, signature)


def parse_sign(data: bytes, typ: str) -> "Signed":
    """Return the parts of a COSE_Sign of the media type ``typ``, which is tested first. Raises `FormatError`."""
    start, end = _payload_span(data, typ)
    if end >= len(data):
        raise FormatError("A COSE_Sign is cut short.")
    count = _signature_count(data[end])
    if len(data) != end + 1 + count * _SIGNER_SIZE:
        raise FormatError("A COSE_Sign has another length than its signatures need.")
    signatures = []
    previous = b""
    for at in range(end + 1, end + 1 + count * _SIGNER_SIZE, _SIGNER_SIZE):
        kid = data[at + 7 : at + 15]
        if data[at : at + 7] != _SIGNER_HEAD + _SIGNER_PROTECTED or data[at + 15 : at + 18] != _SIGNER_MIDDLE:
            raise FormatError("A COSE_Sign has a signer whose header is not ours.")
        if kid <= previous:
            raise FormatError("A COSE_Sign has signers that are doubled or not in order.")
        previous = kid
        signatures.append((kid, data[at + 18 : at + _SIGNER_SIZE]))
    return Signed(_body(typ), data[start:end], signatures)


def read_sign(reader: "Reader", offset: int, typ: str, max_size: int) -> bytes:
    """Return the bytes of the COSE_Sign at ``offset``, at most ``max_size``. Raises `FormatError`.

    Allocates the item and a few bytes more, whatever the item claims of itself.
    """
    _, end = _payload_span(read_up_to(reader, offset, 64), typ)
    if end >= max_size:
        raise FormatError("A COSE_Sign is larger than its kind may be.")
    count = _signature_count(read(reader, offset + end, 1)[0])
    size = end + 1 + count * _SIGNER_SIZE
    if size > max_size:
        raise FormatError("A COSE_Sign is larger than its kind may be.")
    return read(reader, offset, size)


def _body(typ: str) -> bytes:
    return cbor.encode({TYP: typ})


def _payload_span(front: bytes, typ: str) -> "tuple[int, int]":
    """Return where the payload begins and ends; ``front`` reaches at least into the head of the payload."""
    expected = SIGN_TAG + b"\x84" + cbor.encode_bytes(_body(typ)) + b"\xa0"
    if front[: len(expected)] != expected:
        raise FormatError("This is another kind of document.")
    major, length, start = cbor.head(front, len(expected))
    if major != 2:
        raise FormatError("A COSE_Sign has a byte string as its payload.")
    return start, start + length


def _signature_count(array_head: int) -> int:
    count = array_head - 0x80
    if count < 1 or count > MAX_SIGNATURES:
        raise FormatError("A COSE_Sign has 1 to 16 signatures.")
    return count
