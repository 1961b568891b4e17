"""The host's Ed25519: libsodium, which releases the GIL while it works."""

from __future__ import annotations

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether the 64-byte ``signature`` on ``message`` is that of the 32-byte ``public_key`` (RFC 8032)."""
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True
