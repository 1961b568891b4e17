"""The bundle that partners fetch now, read back."""

from __future__ import annotations

import io
from dataclasses import dataclass

from ardente._ed25519 import verify
from ardente.core.errors import FormatError, TrustError
from ardente.core.manifest import Manifest
from ardente.core.reader import BytesReader
from ardente.core.status import inflate
from ardente.core.trust import check_list, open_root, reopen_bundle

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
    reader = BytesReader(data)
    bits = {}
    try:
        offer = reopen_bundle(reader, len(data), open_root(chain[0], verify), verify)
        for span in offer.lists:
            check_list(reader, offer, span)
            bits[span.uri] = inflated(data, span.lst_offset, span.lst_length, span.entries // 8)
    except (TrustError, FormatError):
        return None
    return Published(offer.manifest, offer.installed.root.version, len(data), bits)


def inflated(data: bytes, offset: int, length: int, size: int) -> bytes:
    """Return the ``size`` bytes of bits whose zlib stream is ``length`` bytes at ``offset``. Raises `FormatError`."""
    stream = io.BytesIO(data)
    stream.seek(offset)
    bits = bytearray()
    inflate(stream, length, size, bits.extend)
    return bytes(bits)
