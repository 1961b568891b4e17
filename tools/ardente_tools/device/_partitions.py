"""What lies around the partition table of a flash image: its entries, and a seal by which damage is known."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

TABLE_OFFSET: Final = 0x8000
DATA: Final = 1
# MicroPython's file system, whatever the subtype says of it.
FILE_SYSTEM: Final = "vfs"
_TABLE_BYTES: Final = 0xC00
_ENTRY: Final = struct.Struct("<2sBBII16sI")
_MAGIC: Final = b"\xaa\x50"
_SEAL_MAGIC: Final = b"ardente\x01"
_SEAL_BYTES: Final = len(_SEAL_MAGIC) + hashlib.sha256().digest_size
# The end of the table's own sector, which nothing else may use.
_SEAL_OFFSET: Final = TABLE_OFFSET + 0x1000 - _SEAL_BYTES


class Partition(NamedTuple):
    label: str
    kind: int
    subtype: int
    offset: int
    size: int

    def to_entry(self) -> bytes:
        return _ENTRY.pack(_MAGIC, self.kind, self.subtype, self.offset, self.size, self.label.encode(), 0)


def partitions(data: bytes, start: int = 0) -> Iterator[Partition]:
    """Yield the entries of the partition table in ``data``, whose first byte lies at ``start`` in the flash."""
    first = TABLE_OFFSET - start
    for at in range(first, min(first + _TABLE_BYTES, len(data) - _ENTRY.size + 1), _ENTRY.size):
        magic, kind, subtype, offset, size, label, _ = _ENTRY.unpack_from(data, at)
        if magic != _MAGIC:
            return
        yield Partition(label.rstrip(b"\0").decode(errors="replace"), kind, subtype, offset, size)


def seal(data: bytes, start: int) -> bytes:
    """Return an image with the SHA-256 of all else in it."""
    at = _SEAL_OFFSET - start
    return data[:at] + _seal_of(data, at) + data[at + _SEAL_BYTES :]


def sealed(data: bytes, start: int) -> bool | None:
    """Whether an image is as `seal` returned it; None for one that was never sealed."""
    at = _SEAL_OFFSET - start
    if data[at : at + len(_SEAL_MAGIC)] != _SEAL_MAGIC:
        return None
    return data[at : at + _SEAL_BYTES] == _seal_of(data, at)


def _seal_of(data: bytes, at: int) -> bytes:
    digest = hashlib.sha256(data[:at])
    digest.update(data[at + _SEAL_BYTES :])
    return _SEAL_MAGIC + digest.digest()
