"""What an installed bundle says, verified again from the root and held in RAM."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._ed25519 import verify
from .core import reasons
from .core.errors import FormatError, TrustError
from .core.reader import BytesReader
from .core.status import inflate
from .core.trust import check_list, reopen_bundle
from .core.verdict import Judge

if TYPE_CHECKING:
    from .core.manifest import Manifest
    from .core.trust import Installed, ListSpan, Offer

Stamp = tuple[int, int, int]


class Trust:
    """An installed bundle, as it was loaded. It does not change; a newer bundle is another `Trust`.

    ``stamp`` tells one bundle file from another.
    """

    __slots__ = ("installed", "judge", "manifest", "stamp")

    def __init__(
        self, installed: Installed, manifest: Manifest, status_bits: dict[str, Callable[[int], int]], stamp: Stamp
    ) -> None:
        self.installed = installed
        self.manifest = manifest
        self.judge = Judge(manifest, verify, status_bits)
        self.stamp = stamp


def read_trust(data: bytes, anchor: Installed, stamp: Stamp, *, allow_test_city: bool) -> Trust:
    """Return the trust in the bundle ``data``, whose chain of roots is walked from ``anchor``. Raises `TrustError`.

    How old it may grow is a matter of its own `exp`, at each check.
    """
    offer = reopen_bundle(BytesReader(data), len(data), anchor, verify, allow_test_city)
    status_bits = {}
    for span in offer.lists:
        status_bits[span.uri] = _status_bit(read_bits(data, offer, span))
    return Trust(offer.installed, offer.manifest, status_bits, stamp)


def read_bits(data: bytes, offer: Offer, span: ListSpan) -> bytes:
    """Return the bits of one list of the bundle ``data``, checked against its manifest. Raises `TrustError`."""
    check_list(BytesReader(data), offer, span)
    stream = io.BytesIO(data)
    stream.seek(span.lst_offset)
    bits = bytearray()
    try:
        inflate(stream, span.lst_length, span.entries // 8, bits.extend)
    except FormatError:
        raise TrustError(reasons.NOT_A_STATUS_LIST) from None
    return bytes(bits)


def _status_bit(bits: bytes) -> Callable[[int], int]:
    def status_bit(index: int) -> int:
        return bits[index >> 3] >> (index & 7) & 1

    return status_bit
