"""Files on a flash that may lose power at any moment: whoever reads one finds the old bytes or all of the new.

That holds where a rename over an existing file is atomic, as on littlefs.
"""

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_TEMPORARY = ".new"
_DIGEST_BYTES = 32
# MicroPython's flush() does what takes two calls on CPython.
_fsync = getattr(os, "fsync", None)


def sync(file: "BinaryIO") -> None:
    """Bring what was written to `file` onto the flash. Raises OSError."""
    file.flush()
    if _fsync:
        _fsync(file.fileno())


def write_file(path: str, data: bytes) -> None:
    """Put `data` at `path`, all of it or nothing. Raises OSError; what was at `path` stays then."""
    temporary = path + _TEMPORARY
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            sync(file)
        os.rename(temporary, path)
    except OSError:
        remove(temporary)
        raise


def read_file(path: str, limit: int) -> "bytes | None":
    """The bytes of a file of at most `limit` bytes; None where it is missing, larger or unreadable."""
    try:
        with open(path, "rb") as file:
            length = file.seek(0, 2)
            if length > limit:
                return None
            file.seek(0)
            data: bytes = file.read(length)
            return data
    except OSError:
        return None


def write_sealed(path: str, data: bytes) -> None:
    """Like `write_file`; `read_sealed` gives `data` back, or tells that it is damaged."""
    write_file(path, hashlib.sha256(data).digest() + data)


def read_sealed(path: str, limit: int) -> "bytes | None":
    """What `write_sealed` wrote, at most `limit` bytes; None where it is missing or damaged."""
    sealed = read_file(path, limit + _DIGEST_BYTES)
    if sealed is None or hashlib.sha256(sealed[_DIGEST_BYTES:]).digest() != sealed[:_DIGEST_BYTES]:
        return None
    return sealed[_DIGEST_BYTES:]


def remove(path: str) -> None:
    """Remove a file or an empty folder where there is one, as far as the flash lets us."""
    for way in (os.remove, os.rmdir):
        try:
            way(path)
            return
        except OSError:
            pass


def names_in(folder: str) -> "list[str]":
    """The names in a folder; none where it is missing or unreadable."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


class FileReader:
    """A reader (`core.reader`) over the first `length` bytes of an open file."""

    def __init__(self, file: "BinaryIO", length: int) -> None:
        self._file = file
        self._length = length

    def readinto(self, offset: int, buffer: "bytearray | memoryview") -> int:
        count = min(len(buffer), self._length - offset)
        if count <= 0:
            return 0
        self._file.seek(offset)
        return self._file.readinto(memoryview(buffer)[:count]) or 0
