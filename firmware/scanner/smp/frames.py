"""Packets on a line that carries other things too: lines of base64 behind two bytes that no log has, and a CRC.

That is SMP's console framing: a packet is its length, its bytes and their CRC16 (XMODEM), in base64, cut into lines;
the first begins with 06 09, each that follows with 04 14. Whatever else comes, log lines, half frames, noise, is passed
over, and the next whole frame is found.
"""

import struct
from array import array
from binascii import a2b_base64, b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Serial(Protocol):
        """A serial line. Neither method waits for the host."""

        buffer_bytes: int

        def readinto(self, buffer: "bytearray | memoryview") -> int:
            """Take what has come, and return how many bytes; 0 for nothing."""

        def write(self, data: bytes) -> None:
            """Send; what nobody takes is lost."""


_FIRST = b"\x06\x09"
_NEXT = b"\x04\x14"
_END = b"\n"
# By convention a line has at most 127 bytes; ours are as long.
_LINE_PAYLOAD = 124
_LENGTH = ">H"
_LENGTH_BYTES = _CRC_BYTES = 2


def _crc_table() -> "array[int]":
    table = array("H", [0] * 256)
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
        table[byte] = crc
    return table


_CRC = _crc_table()


def crc16(data: "bytes | memoryview") -> int:
    """CRC16 XMODEM; 0 over data with its own CRC behind it."""
    table = _CRC
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ table[crc >> 8 ^ byte]
    return crc


class FrameReader:
    """Finds packets of at most `packet_bytes` in what is fed to it. Holds 2.4 times that, whatever comes."""

    def __init__(self, packet_bytes: int) -> None:
        self._frame = bytearray(_LENGTH_BYTES + packet_bytes + _CRC_BYTES)
        self._filled = 0
        # A host may send a frame as one line.
        self._line = bytearray(len(_FIRST) + (len(self._frame) + 2) // 3 * 4 + 2)
        self._length = 0
        self._overlong = False
        self.frames = 0
        self.bad_frames = 0

    def feed(self, data: memoryview) -> "tuple[int, memoryview | None]":
        """Return how many bytes of `data` were taken, and a packet where one is whole; feed the rest again.

        The packet is valid until the next call.
        """
        data_bytes = bytes(data)
        at = 0
        while at < len(data_bytes):
            end = data_bytes.find(_END, at)
            self._append(data_bytes[at : end if end >= 0 else len(data_bytes)])
            if end < 0:
                break
            at = end + 1
            packet = self._end_line()
            if packet is not None:
                return at, packet
        return len(data_bytes), None

    def _append(self, part: bytes) -> None:
        first = part.rfind(_FIRST)
        if first > 0:
            # What stands before it is a log line without its end, or a frame that was cut.
            part = part[first:]
            self._length = 0
            self._overlong = False
        if self._length + len(part) > len(self._line):
            self._length = 0
            self._overlong = True
        if not self._overlong:
            self._line[self._length : self._length + len(part)] = part
            self._length += len(part)

    def _end_line(self) -> "memoryview | None":
        line = bytes(memoryview(self._line)[: self._length])
        overlong = self._overlong
        self._length = 0
        self._overlong = False
        if overlong:
            return None
        first = line.rfind(_FIRST)
        following = line.rfind(_NEXT)
        if first > following:
            if self._filled:
                self._drop()
            return self._take(line[first + len(_FIRST) :])
        if following >= 0 and self._filled:
            return self._take(line[following + len(_NEXT) :])
        return None

    def _take(self, payload: bytes) -> "memoryview | None":
        try:
            part = a2b_base64(payload)
        except ValueError:
            part = b""
        filled = self._filled + len(part)
        if not part or filled > len(self._frame):
            self._drop()
            return None
        self._frame[self._filled : filled] = part
        self._filled = filled
        end = _LENGTH_BYTES + struct.unpack_from(_LENGTH, self._frame)[0]
        if filled < end <= len(self._frame):
            return None
        content = memoryview(self._frame)[_LENGTH_BYTES:end]
        if filled != end or len(content) <= _CRC_BYTES or crc16(content):
            self._drop()
            return None
        self._filled = 0
        self.frames += 1
        return content[:-_CRC_BYTES]

    def _drop(self) -> None:
        self._filled = 0
        self.bad_frames += 1


def write_frame(serial: "Serial", packet: bytes) -> None:
    """Send a packet."""
    frame = struct.pack(_LENGTH, len(packet) + _CRC_BYTES) + packet
    frame += struct.pack(_LENGTH, crc16(packet))
    text = b2a_base64(frame).strip()
    mark = _FIRST
    for at in range(0, len(text), _LINE_PAYLOAD):
        serial.write(mark + text[at : at + _LINE_PAYLOAD] + _END)
        mark = _NEXT
