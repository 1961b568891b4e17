"""Makes signed tokens and documents: what the city's tools and the test city share.

The layouts are in `ardente.core.encode`; this adds the private keys. Nothing here decides who may issue what.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence

import nacl.bindings

from ardente.core import cose, encode
from ardente.core.digits import encode as to_digits
from ardente.core.keys import KeySet
from ardente.core.manifest import Campaign, ListEntry, Manifest
from ardente.core.status import WINDOW_BITS
from ardente.core.token import NO_AGE_CLASS

__all__ = ["SigningKey", "bundle", "card", "sign_document", "status_list", "to_digits", "voucher"]


class SigningKey:
    """An Ed25519 private key, from its 32-byte seed. Its `repr` shows the public key's id only."""

    def __init__(self, seed: bytes) -> None:
        self.public_key, self._secret_key = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.key_id = cose.key_id(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        signed: bytes = nacl.bindings.crypto_sign(message, self._secret_key)
        return signed[:64]

    def __repr__(self) -> str:
        return f"<SigningKey {self.key_id.hex()}>"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled")


def sign_document(typ: str, payload: bytes, keys: Iterable[SigningKey]) -> bytes:
    """Return the COSE_Sign over ``payload`` of media type ``typ``, signed by each of ``keys``."""
    body = encode.sign_body(typ)
    return encode.sign(
        typ, payload, [(key.key_id, key.sign(cose.sign_message(body, key.key_id, payload))) for key in keys]
    )


def card(key: SigningKey, kid: int, exp: int, index: int, age_class: int = NO_AGE_CLASS, until_year: int = 0) -> bytes:
    """Return a card. ``exp`` is the start of a quarter in epoch seconds; `to_digits` gives what its QR code says."""
    return _sign1(key, encode.token_protected(kid), encode.card_payload(exp, index, age_class, until_year))


def voucher(key: SigningKey, kid: int, exp: int, campaign: int, index: int, value: int) -> bytes:
    """Return a voucher of ``value`` cents."""
    return _sign1(key, encode.token_protected(kid), encode.voucher_payload(exp, campaign, index, value))


def status_list(key: SigningKey, uri: str, iat: int, exp: int, ttl_s: int, bits: bytes) -> bytes:
    """Return the status list whose bits, least significant first, are ``bits``."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, WINDOW_BITS)
    lst = compressor.compress(bits) + compressor.flush()
    return _sign1(key, encode.status_list_protected(key.key_id), encode.status_list_payload(uri, iat, exp, ttl_s, lst))


def bundle(
    keys: Iterable[SigningKey],
    chain: Sequence[bytes],
    lists: dict[str, bytes],
    *,
    city: str,
    version: int,
    iat: int,
    exp: int,
    key_set: KeySet,
    campaigns: Iterable[Campaign] = (),
    refresh_after_s: int = 7 * 86400,
    max_grace_s: int = 30 * 86400,
) -> bytes:
    """Return a bundle: the manifest signed by ``keys``, the ``chain`` of all roots, and ``lists`` by their URIs."""
    uris = sorted(lists)
    manifest = Manifest(
        city,
        version,
        iat,
        exp,
        key_set,
        {campaign.campaign: campaign for campaign in campaigns},
        refresh_after_s,
        max_grace_s,
        [ListEntry(uri, len(lists[uri]), hashlib.sha256(lists[uri]).digest()) for uri in uris],
        len(chain),
    )
    signed = sign_document(cose.TYP_BUNDLE, encode.manifest_payload(manifest), keys)
    return b"".join([signed, *chain, *(lists[uri] for uri in uris)])


def _sign1(key: SigningKey, protected: bytes, payload: bytes) -> bytes:
    return encode.sign1(protected, payload, key.sign(cose.sign1_message(protected, payload)))
