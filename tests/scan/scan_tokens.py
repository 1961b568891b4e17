"""Tokens with the structure of a card, for tests that verify nothing."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from ardente.core import digits


def token(payload_bytes: int = 18, seed: int = 0) -> str:
    """Return the digits of a token whose payload has this size; kid, claims and signature are noise."""
    noise = random.Random(seed)
    header = bytes([0x40 + payload_bytes]) if payload_bytes < 24 else bytes([0x58, payload_bytes])
    body = header + noise.randbytes(payload_bytes)
    head = bytes.fromhex("d28446a201320441") + noise.randbytes(1) + b"\xa0"
    return digits.encode(head + body + b"\x58\x40" + noise.randbytes(64))


# From the smallest card to a voucher of the full 105 bytes.
tokens = st.builds(token, st.integers(17, 27), st.integers(0, 2**32))
CARD = token()
OTHER_CARD = token(seed=1)
