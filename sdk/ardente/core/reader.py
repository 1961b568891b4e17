"""Reading parts of a file too big for RAM. A reader is any object with ``readinto(offset, buffer) -> int``."""

from .errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Reader(Protocol):
        """Random access to bytes that do not change while they are read."""

        def readinto(self, offset: int, buffer: "bytearray | memoryview") -> int:
            """Fill ``buffer`` from ``offset`` on and return how many bytes there were."""


class BytesReader:
    """A reader over bytes in RAM."""

    def __init__(self, data: "bytes | bytearray | memoryview") -> None:
        self._data = memoryview(data)

    def readinto(self, offset: int, buffer: "bytearray | memoryview") -> int:
        part = self._data[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        return len(part)


def read(reader: "Reader", offset: int, length: int) -> bytes:
    """Return ``length`` bytes from ``offset``; raises `FormatError` where the file ends before."""
    buffer = bytearray(length)
    if reader.readinto(offset, buffer) != length:
        raise FormatError("The file is cut short.")
    return bytes(buffer)


def read_up_to(reader: "Reader", offset: int, length: int) -> bytes:
    """Return ``length`` bytes from ``offset``, or the fewer that the file has."""
    buffer = bytearray(length)
    return bytes(memoryview(buffer)[: reader.readinto(offset, buffer)])
