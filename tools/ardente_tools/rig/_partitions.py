"""The file system inside a flash image, and its files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from littlefs import LittleFS
from littlefs.errors import LittleFSError

from ardente_tools.device._partitions import DATA, FILE_SYSTEM, partitions

from ._errors import RigError

_BLOCK_BYTES: Final = 4096


def unpack(flash: bytes, folder: Path) -> None:
    """Make ``folder`` hold the files of the flash's file system, and nothing else. Raises `RigError`."""
    found = next((part for part in partitions(flash) if part.kind == DATA and part.label == FILE_SYSTEM), None)
    if found is None:
        raise RigError("The flash has no partition with a file system.")
    files = LittleFS(block_size=_BLOCK_BYTES, block_count=found.size // _BLOCK_BYTES, mount=False)
    files.context.buffer = bytearray(flash[found.offset : found.offset + found.size])
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpack-") as temporary:
        try:
            files.mount()
            for path, _, names in files.walk("/"):
                target = Path(temporary, "files", path.lstrip("/"))
                target.mkdir(parents=True, exist_ok=True)
                for name in names:
                    with files.open(f"{path.rstrip('/')}/{name}", "rb") as file:
                        (target / name).write_bytes(file.read())
        except LittleFSError:
            raise RigError("The flash's file system cannot be read.") from None
        shutil.rmtree(folder, ignore_errors=True)
        Path(temporary, "files").rename(folder)
