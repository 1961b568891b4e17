"""The rule book: the formats of the card and the rules that judge it.

The same files run on CPython (as ``ardente.core``) and on MicroPython (as ``core``); docs/core-subset.md says what
that forbids, docs/format.md describes every byte. Nothing here reads a clock, a file or a network: each side hands in

- ``verify(public_key, signature, message) -> bool``, Ed25519 with libsodium's acceptance rule;
- a reader, ``readinto(offset, buffer) -> int``, for files too big for RAM;
- ``status_bit(index) -> int`` for each status list, 1 where the entry is revoked.
"""
