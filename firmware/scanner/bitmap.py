"""The bits of a status list as flat files: one bit for each index, the lowest of a byte first.

littlefs finds a place in a file by walking back from its end; in a file of three blocks of 4 KB that takes one read of
the flash at most. So a bitmap lies in parts, and each stays open: a lookup is one seek and one read, of two flash
reads at most. A part costs about 0.5 KB of RAM.
"""

import errno
import hashlib
from binascii import crc32

from flash_file import sync

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

# At most 3 · 4096 − 8: a block but the first begins with pointers. Whole parts of what `inflate` writes.
PART_BYTES = 23 * 512
_CHUNK_BYTES = 2048


class BitmapWriter:
    """Writes a bitmap to the files `path`-0, `path`-1, …; `crc` is for reading it back."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.crc = 0
        self._file: "BinaryIO | None" = None
        self._parts = 0
        self._free = 0

    def write(self, data: bytes) -> None:
        """Append `data`. Raises OSError."""
        self.crc = crc32(data, self.crc)
        view = memoryview(data)
        while len(view):
            if not self._free:
                self._next_part()
            count = min(self._free, len(view))
            assert self._file
            self._file.write(view[:count])
            self._free -= count
            view = view[count:]

    def close(self) -> None:
        """Raises OSError."""
        self._finish_part()

    def abandon(self) -> None:
        """Close the file that is open; never raises."""
        try:
            if self._file:
                self._file.close()
        except OSError:
            pass
        self._file = None

    def _next_part(self) -> None:
        self._finish_part()
        self._file = open(part_path(self._path, self._parts), "wb")
        self._parts += 1
        self._free = PART_BYTES

    def _finish_part(self) -> None:
        if self._file:
            sync(self._file)
            self._file.close()
            self._file = None


class Bitmap:
    """A bitmap of `entries` bits, looked up in its files, which are open from here to `close`. Raises OSError."""

    def __init__(self, path: str, entries: int) -> None:
        self._entries = entries
        self._byte = bytearray(1)
        self._files: "list[BinaryIO]" = []
        try:
            for part in range(_part_count(entries)):
                self._files.append(open(part_path(path, part), "rb"))
        except OSError:
            self.close()
            raise

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
        if not self._read(digest.update):
            return b""
        sha256: bytes = digest.digest()
        return sha256

    def is_written(self, writer: BitmapWriter) -> bool:
        """Whether the files hold what `writer` was given. Raises OSError."""
        crc = 0

        def update(data: memoryview) -> None:
            nonlocal crc
            crc = crc32(data, crc)

        return self._read(update) and crc == writer.crc

    def _read(self, take: "Callable[[memoryview], None]") -> bool:
        """Hand on the bytes of the files; False where they are more or less than the entries need."""
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
                take(buffer[:count])
            if expected:
                return False
        return True

    def close(self) -> None:
        """Close the files; after that a lookup raises."""
        for file in self._files:
            file.close()


def part_path(path: str, part: int) -> str:
    return "%s-%d" % (path, part)


def _part_count(entries: int) -> int:
    return (entries // 8 + PART_BYTES - 1) // PART_BYTES
