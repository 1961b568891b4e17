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


def tag(secret: bytes, purpose: str, signature: bytes) -> bytes:
    """Return the 16-byte tag of the card whose verified ``signature`` this is, for one ``purpose``.

    Raises ValueError unless ``secret`` is 32 bytes.
    """
    if len(secret) != SECRET_SIZE:
        raise ValueError("a partner secret is 32 random bytes")
    message = _DOMAIN + purpose.encode() + b"\x00" + signature
    inner = hashlib.sha256(_pad(secret, _INNER) + message).digest()
    return hashlib.sha256(_pad(secret, _OUTER) + inner).digest()[:TAG_SIZE]


def _pad(secret: bytes, value: int) -> bytes:
    return bytes([byte ^ value for byte in secret]) + bytes((value,)) * (_BLOCK_SIZE - SECRET_SIZE)
