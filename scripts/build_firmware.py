#!/usr/bin/env python3
"""Compile the scanner's firmware for its boards, with the rule book that the host has: build/firmware.

For each family a folder of .mpy files, as they lie in a slot of a scanner, which the city signs as an application. For
chips the same as one read-only file system image (ROMFS), with the start as source. Prints the sizes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from mpremote.romfs import VfsRomWriter

from ardente_tools.device._compile import FAMILIES, SIMULATED, CompileError, compile_application, modules

PROJECT = Path(__file__).resolve().parent.parent
TARGET = PROJECT / "build" / "firmware"
# MicroPython starts this one by its name, and as source only.
_START = "main.py"


def build(target: Path, family: str) -> dict[str, int]:
    """Make ``target``/``family`` and its image; return the size in bytes of each file by its path."""
    made = target / family
    compile_application(family, made)
    if family != SIMULATED:
        image, new = target / f"scanner-{family}.romfs", target / f".scanner-{family}.romfs.new"
        with new.open("wb") as file:
            file.write(_image(made, modules(family)[_START]))
            file.flush()
            os.fsync(file.fileno())
        new.replace(image)
    return {path.relative_to(made).as_posix(): path.stat().st_size for path in _files(made)}


def _image(folder: Path, start: Path) -> bytes:
    writer = VfsRomWriter()
    _add(writer, folder)
    writer.mkfile(_START, start.read_bytes())
    return bytes(writer.finalise())


def _add(writer: VfsRomWriter, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            writer.opendir(path.name)
            _add(writer, path)
            writer.closedir()
        elif path.stem != Path(_START).stem:
            writer.mkfile(path.name, path.read_bytes())


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def main() -> int:
    for family in FAMILIES:
        try:
            sizes = build(TARGET, family)
        except CompileError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{family}: {len(sizes)} files, {sum(sizes.values()):,} bytes")
        for name, size in sizes.items():
            print(f"  {name:<28}{size:>9,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
