"""Verification that remembers its answers: a script asks for the same signatures again and again.

A device interpreter has 1 MB, and takes 20 ms for a signature.
"""

import hashlib

from ed25519_reference import verify as slow_verify

_verified = {}


def verify(public_key, signature, message):
    question = hashlib.sha256(public_key + signature + message).digest()
    if question not in _verified:
        _verified[question] = slow_verify(public_key, signature, message)
    return _verified[question]
