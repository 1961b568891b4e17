"""Flash images as a board takes them: a header of the chip's, a partition table, a file system with files."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from littlefs import LittleFS

BLOCK_BYTES = 4096
TABLE_OFFSET = 0x8000
FILE_SYSTEM_BYTES = 0x2_0000
BOOTLOADER_OFFSET = {"esp32": 0x1000, "esp32s3": 0}
CHIP_ID = {"esp32": 0, "esp32s3": 9}


# The least that a board can run: it tells that it does, until the line is gone.
MAIN = b"""import sys
sys.stderr.write('{"event": "ready"}\\n')
sys.stdin.read()
"""


def flash_image(files: Mapping[str, bytes], chip: str = "esp32", filler: bytes = b"", at: int = 0x6_0000) -> bytes:
    """Return a whole image, from the offset of the chip's bootloader on.

    ``filler`` is where the program would be, ``at`` where the file system begins.
    """
    flash = bytearray(b"\xff" * (at + FILE_SYSTEM_BYTES))
    start = BOOTLOADER_OFFSET[chip]
    flash[start : start + 24] = struct.pack("<BBBBIB3xHBHHB3x", 0xE9, 0, 2, 0x20, 0, 0xEE, CHIP_ID[chip], 0, 0, 0, 0)
    entries = [
        ("factory", 0, 0, 0x10000, at - 0x10000),
        ("vfs", 1, 0x81, at, FILE_SYSTEM_BYTES),
    ]
    for number, (label, kind, subtype, offset, size) in enumerate(entries):
        entry = struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, offset, size, label.encode(), 0)
        flash[TABLE_OFFSET + 32 * number : TABLE_OFFSET + 32 * (number + 1)] = entry
    flash[0x10000 : 0x10000 + len(filler)] = filler
    flash[at:] = _file_system(files)
    return bytes(flash[start:])


def _file_system(files: Mapping[str, bytes]) -> bytes:
    system = LittleFS(block_size=BLOCK_BYTES, block_count=FILE_SYSTEM_BYTES // BLOCK_BYTES)
    for name, data in files.items():
        folder = name.rpartition("/")[0]
        if folder:
            system.makedirs(folder, exist_ok=True)
        with system.open(name, "wb") as file:
            file.write(data)
    return bytes(system.context.buffer)
