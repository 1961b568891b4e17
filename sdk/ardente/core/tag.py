"""Partner tags: how one partner knows a card again without learning whose it is, or which.

HMAC-SHA-256 (RFC 2104) under the partner's own random secret over the card's signature, cut to 16 bytes. The signature
has the entropy that an index lacks, and the city keeps none, so secret and database together still name nobody.
"""

import hashlib

SECRET_SIZE = 32
TAG_SIZE = 16
_DOMAIN = b"ardente-tag-1\x00"
_BLOCK_SIZE = 64
_INNER, _OUTER = 0x36, 0x5C


class TagKey:
    """A partner's ``secret`` for one ``purpose``, made ready for many tags. There is no `repr` that tells it.

    Raises ValueError unless ``secret`` is 32 bytes. A tag allocates 0.5 KB on MicroPython.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: bytes, purpose: str) -> None:
        if len(secret) != SECRET_SIZE:
            raise ValueError("a partner secret is 32 random bytes")
        self._inner = _pad(secret, _INNER) + _DOMAIN + purpose.encode() + b"\x00"
        self._outer = _pad(secret, _OUTER)

    def tag(self, signature: bytes) -> bytes:
        """Return the 16-byte tag of the card whose verified ``signature`` this is."""
        inner = hashlib.sha256(self._inner)
        inner.update(signature)
        outer = hashlib.sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()[:TAG_SIZE]


def tag(secret: bytes, purpose: str, signature: bytes) -> bytes:
    """Return a single tag. Raises ValueError unless ``secret`` is 32 bytes."""
    return TagKey(secret, purpose).tag(signature)


def _pad(secret: bytes, value: int) -> bytes:
    return bytes([byte ^ value for byte in secret]) + bytes((value,)) * (_BLOCK_SIZE - SECRET_SIZE)
