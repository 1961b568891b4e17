"""The serial line under `smpclient`: SMP in console frames, between whatever else a board prints.

smpclient's own transport looks for bytes every 5 ms, twice a request; a request of 180 bytes takes 24 ms on a line of
115,200 baud. This one wakes when a byte comes, drops what is no whole frame, and drops the late answer to an earlier
request, so that asking again is safe.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Final

import serial
from smp import header as smp_header
from smp import packet
from smpclient.transport import SMPTransport, SMPTransportDisconnected

from ._ports import BAUDRATE, Port, open_port

_FRAME_OVERHEAD: Final = packet.FRAME_LENGTH_STRUCT.size + packet.CRC16_STRUCT.size
# Until the scanner has said what it takes, a message fits one line.
_FIRST_MESSAGE_BYTES: Final = 84
_MAX_LINE_BYTES: Final = 4096
_MAX_FRAME_BYTES: Final = 4096
_HEADER_BYTES: Final = smp_header.Header.SIZE


class FrameReader:
    """Finds whole SMP messages in a stream of bytes, and drops the rest."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._frame = bytearray()
        self._length = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that ``data`` completes."""
        self._line += data
        *lines, rest = self._line.split(b"\n")
        self._line = rest[-_MAX_LINE_BYTES:]
        messages = [self._take(bytes(line)) for line in lines]
        return [message for message in messages if message is not None]

    def _take(self, line: bytes) -> bytes | None:
        for start in (packet.START_DELIMITER, packet.CONTINUE_DELIMITER):
            at = line.rfind(start)
            if at >= 0:
                return self._take_part(line[at + len(start) :], start == packet.START_DELIMITER)
        return None

    def _take_part(self, text: bytes, is_first: bool) -> bytes | None:
        try:
            part = base64.b64decode(text.rstrip(b"\r"), validate=True)
        except binascii.Error:
            self._length = 0
            return None
        if is_first:
            if len(part) < packet.FRAME_LENGTH_STRUCT.size:
                return None
            (self._length,) = packet.FRAME_LENGTH_STRUCT.unpack_from(part)
            self._frame = bytearray(part[packet.FRAME_LENGTH_STRUCT.size :])
        else:
            self._frame += part
        if not 0 < self._length <= _MAX_FRAME_BYTES or len(self._frame) < self._length:
            return None
        whole = len(self._frame) == self._length
        message, crc = self._frame[: -packet.CRC16_STRUCT.size], self._frame[-packet.CRC16_STRUCT.size :]
        self._length = 0
        if not whole or packet.CRC16_STRUCT.pack(packet.crc16_func(bytes(message))) != crc:
            return None
        return bytes(message)


class SerialTransport(SMPTransport):
    """SMP over one port, which it opens for itself. It blocks while it waits: nothing else runs in its event loop."""

    def __init__(self, port: Port, baudrate: int = BAUDRATE) -> None:
        self.sent_bytes = 0
        self._port = port
        self._baudrate = baudrate
        self._connection: serial.Serial | None = None
        self._reader = FrameReader()
        self._messages: list[bytes] = []

    async def connect(self, address: str, timeout_s: float) -> None:
        """Open the port. Raises `PortError`."""
        self._reader = FrameReader()
        self._messages = []
        self._connection = open_port(self._port, self._baudrate)

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def send(self, data: bytes) -> None:
        # A line of its own before the first: half a frame from before the cut must not swallow this one.
        frame = b"\n" + b"".join(packet.encode(data))
        try:
            self._open().write(frame)
        except (OSError, serial.SerialException) as error:
            raise SMPTransportDisconnected(str(error)) from None
        self.sent_bytes += len(frame)

    async def receive(self) -> bytes:
        while not self._messages:
            self._messages += self._reader.feed(self._read())
            # Lets a time-out end this.
            await asyncio.sleep(0)
        return self._messages.pop(0)

    async def send_and_receive(self, data: bytes) -> bytes:
        await self.send(data)
        while True:
            message = await self.receive()
            if len(message) >= _HEADER_BYTES and _answers(message, data):
                return message

    @property
    def mtu(self) -> int:
        return _FIRST_MESSAGE_BYTES + _FRAME_OVERHEAD

    @property
    def max_unencoded_size(self) -> int:
        """The longest message in bytes: frame length and CRC share the scanner's buffer with it."""
        return (self._smp_server_transport_buffer_size or self.mtu) - _FRAME_OVERHEAD

    def _open(self) -> serial.Serial:
        if self._connection is None:
            raise SMPTransportDisconnected("the port is closed")
        return self._connection

    def _read(self) -> bytes:
        connection = self._open()
        try:
            return connection.read(max(1, connection.in_waiting))
        except (OSError, serial.SerialException, TypeError) as error:
            raise SMPTransportDisconnected(str(error)) from None


def _answers(message: bytes, request: bytes) -> bool:
    """Whether a message is the answer to a request: same group, sequence and command, and the operation's pair."""
    same = message[4:8] == request[4:8]
    return same and message[0] & 7 == (request[0] & 7) + 1
