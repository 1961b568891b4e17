"""The bundle that partners fetch now, read back."""

from __future__ import annotations

from dataclasses import dataclass

from ardente._ed25519 import verify
from ardente._trust import read_bits
from ardente.core.errors import TrustError
from ardente.core.manifest import Manifest
from ardente.core.reader import BytesReader
from ardente.core.trust import open_root, reopen_bundle

from ._folder import City


@dataclass(frozen=True)
class Published:
    """The bundle that partners fetch now; ``bits`` are its lists by URI."""

    manifest: Manifest
    root_version: int
    size_bytes: int
    bits: dict[str, bytes]


def read_published(city: City, chain: list[bytes]) -> Published | None:
    """Return what is published now, None where nothing is, or nothing that this city's roots signed."""
    if not chain or not city.bundle_path.is_file():
        return None
    data = city.bundle_path.read_bytes()
    bits = {}
    try:
        offer = reopen_bundle(BytesReader(data), len(data), open_root(chain[0], verify), verify)
        for span in offer.lists:
            bits[span.uri] = read_bits(data, offer, span)
    except TrustError:
        return None
    return Published(offer.manifest, offer.installed.root.version, len(data), bits)
