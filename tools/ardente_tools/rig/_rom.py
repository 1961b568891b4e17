"""The ROM loader of a simulated board, in a process of its own: it ends when its standard input does.

    python -m ardente_tools.rig._rom FLASH CHIP MEGABYTES DEVICE

FLASH is the file that stands for the flash, DEVICE the descriptor of the line's end at the device. A line on standard
input says that the host has let go of the port, which is as much of a reset as a pseudo-terminal can show. Each line
of JSON on standard output is an event: `erasing` before the flash changes, `written` when the host has said that it is
done, `baud` when it asks for another pace.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import select
import struct
import sys
import threading
import zlib
from pathlib import Path
from typing import Any, Final

from esp32_mock_bootloader import protocol, server

_END: Final = bytes([protocol.SLIP_END])
_CHANGE_BAUD: Final = _END + bytes([0, protocol.CMD_CHANGE_BAUDRATE])
_BAUD_AT: Final = 8
# A flash's JEDEC identification: maker, kind, log2 of its bytes.
_MAKER: Final = 0x40C8
_ERASED: Final = 0xFF
_SECTOR_BYTES: Final = 4096
_BLOCK_HEADER: Final = struct.Struct("<IIII")


def tell(event: str, **more: int) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class FileFlash:
    """Flash in a file, which shows at every moment what a cut would leave."""

    def __init__(self, file: Path, size: int) -> None:
        new = not file.exists()
        with file.open("w+b" if new else "r+b") as stream:
            if new:
                stream.write(bytes([_ERASED]) * size)
                stream.flush()
            self.data = mmap.mmap(stream.fileno(), size)
        self._offset = 0
        self._inflate: Any = None
        self._whole = True

    def begin_plain(self, payload: bytes) -> None:
        self._begin(payload)

    def begin_defl(self, payload: bytes) -> None:
        if self._begin(payload):
            self._inflate = zlib.decompressobj()

    def write_plain_block(self, payload: bytes) -> None:
        self._write(self._block(payload))

    def write_defl_block(self, payload: bytes) -> None:
        if self._inflate is None:
            return
        try:
            self._write(self._inflate.decompress(self._block(payload)))
        except zlib.error:
            # The host compares the hash afterwards.
            return

    def end_defl(self) -> None:
        self._inflate = None
        if not self._whole:
            self._whole = True
            tell("written")

    def erase_region(self, offset: int, size: int) -> None:
        self._changes()
        end = min(offset + size, len(self.data))
        if offset < end:
            self.data[offset:end] = bytes([_ERASED]) * (end - offset)

    def erase_all(self) -> None:
        self.erase_region(0, len(self.data))

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]

    def md5_stub_response(self, payload: bytes, *, stub: bool = False) -> bytes:
        offset, size, _, _ = _BLOCK_HEADER.unpack_from(payload)
        digest = hashlib.md5(self.read(offset, size), usedforsecurity=False)
        body = digest.digest() + bytes(2) if stub else digest.hexdigest().encode() + bytes(2)
        header = struct.pack("<BBHI", 1, protocol.CMD_SPI_FLASH_MD5, len(body), 0)
        answer: bytes = server.slip_encode(header + body)
        return answer

    def _begin(self, payload: bytes) -> bool:
        size, _, _, self._offset = _BLOCK_HEADER.unpack_from(payload)
        if size:
            sectors = -(-size // _SECTOR_BYTES)
            self.erase_region(self._offset, sectors * _SECTOR_BYTES)
        return bool(size)

    def _block(self, payload: bytes) -> bytes:
        length, _, _, _ = _BLOCK_HEADER.unpack_from(payload)
        return payload[_BLOCK_HEADER.size : _BLOCK_HEADER.size + length]

    def _write(self, data: bytes) -> None:
        data = data[: max(0, len(self.data) - self._offset)]
        self.data[self._offset : self._offset + len(data)] = data
        self._offset += len(data)

    def _changes(self) -> None:
        if self._whole:
            self._whole = False
            tell("erasing")


class Connection:
    """The line as the protocol's code wants it; it gets whole frames, since it begins each time from the first byte."""

    def __init__(self, device: int, hangups: int) -> None:
        self._device = device
        self._hangups = hangups
        self._timeout_s = 1.0
        self.ended = False

    def set_timeout(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    def recv(self, size: int) -> bytes:
        received = b""
        while not received.endswith(_END):
            ready, _, _ = select.select([self._device, self._hangups], [], [], self._timeout_s)
            if not ready and received:
                break
            if not ready:
                raise TimeoutError
            if self._hangups in ready:
                self.ended = not os.read(self._hangups, size)
                return b""
            received += os.read(self._device, size)
        if received.startswith(_CHANGE_BAUD):
            self._change_baud(received)
        return received

    def sendall(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._device, data) :]

    def close(self) -> None:
        """The line outlives a session."""

    def _change_baud(self, received: bytes) -> None:
        for frame in server.slip_decode_frames(received):
            if len(frame) >= _BAUD_AT + 4:
                tell("baud", baud=int.from_bytes(frame[_BAUD_AT : _BAUD_AT + 4], "little"))

    def abort_empty_session(self) -> bool:
        return False

    def ignore_eof_for_disconnect(self) -> bool:
        return False


def main(arguments: list[str]) -> int:
    file, chip, megabytes, device = arguments
    size = int(megabytes) << 20
    protocol.MOCK_FLASH_ID = _MAKER | (size.bit_length() - 1) << 16
    flash = FileFlash(Path(file), size)
    connection = Connection(int(device), sys.stdin.fileno())
    never = threading.Event()
    tell("rom")
    while not connection.ended:
        server.handle_client(connection, never, chip, exit_on_disconnect=True, flash=flash)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
