"""The bits of a status list as flat files: one bit for each index, the lowest of a byte first.

littlefs finds a place in a file by walking back from its end; in a file of three blocks of 4 KB that takes one read of
the flash at most. So a bitmap lies in parts, and each stays open: a lookup is one seek and one read, of two flash
reads at most. A part costs about 0.5 KB of RAM.
"""

import errno
import hashlib

from flash_file import sync

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

# At most 3 · 4096 − 8: a block but the first begins with pointers.
PART_BYTES = 23 * 512
_CHUNK_BYTES = 2048


class Bitmap:
    """A bitmap of `entries` bits in the files `path`-0, `path`-1, …; one that is there is opened, a new one appended.

    Looked up in its files, which stay open until `close`. Raises OSError.
    """

    def __init__(self, path: str, entries: int) -> None:
        self._path = path
        self._entries = entries
        self._byte = bytearray(1)
        self._files: "list[BinaryIO]" = []

    def open(self) -> None:
        """Open what is there."""
        for part in range(_part_count(self._entries)):
            self._files.append(open(part_path(self._path, part), "rb"))

    def append(self, part: memoryview) -> None:
        """Write a part, PART_BYTES or, the last one, less; EIO where the flash gives back something else."""
        path = part_path(self._path, len(self._files))
        with open(path, "wb") as file:
            file.write(part)
            sync(file)
        file = open(path, "rb")
        self._files.append(file)
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        while len(part):
            count = file.readinto(buffer) or 0
            if not count or part[:count] != buffer[:count]:
                raise OSError(errno.EIO)
            part = part[count:]

    def bit(self, index: int) -> int:
        """1 where `index` is revoked, else 0. Raises OSError where the flash does not answer."""
        at = index >> 3
        file = self._files[at // PART_BYTES]
        file.seek(at % PART_BYTES)
        if file.readinto(self._byte) != 1:
            raise OSError(errno.EIO)
        return self._byte[0] >> (index & 7) & 1

    def sha256(self) -> bytes:
        """The SHA-256 of the files; b"" where they have another length than the entries need. Raises OSError."""
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        left = self._entries // 8
        for file in self._files:
            expected = min(left, PART_BYTES)
            left -= expected
            file.seek(0)
            while True:
                count = file.readinto(buffer)
                if not count:
                    break
                expected -= count
                digest.update(buffer[:count])
            if expected:
                return b""
        sha256: bytes = digest.digest()
        return sha256

    def close(self) -> None:
        """Close the files; after that a lookup raises."""
        for file in self._files:
            file.close()
        self._files = []


def part_path(path: str, part: int) -> str:
    return "%s-%d" % (path, part)


def _part_count(entries: int) -> int:
    return (entries // 8 + PART_BYTES - 1) // PART_BYTES
