#!/usr/bin/env python3
"""Build MicroPython for an emulated RV32 chip into .cache/rv32, where the tests and `make bench` find it.

It counts instructions: under QEMU's -icount every RV32 instruction is counted, and the scanner's chips run that
instruction set (ESP32-C3, C6, P4) or one much like it. The source is Debian's source package of MicroPython, from the
mirror that this machine's apt already uses; the compiler and the emulator are Debian's too:

    apt-get install make gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc

Takes about a minute; no root.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from debian_archive import FetchError, replace, run, source_packages

CACHE = Path(__file__).resolve().parent.parent / ".cache"
TARGET = CACHE / "rv32"

COMPILER = "riscv64-unknown-elf-gcc"
EMULATOR = "qemu-system-riscv32"
DEBIAN_PACKAGES = {
    "make": "make",
    COMPILER: "gcc-riscv64-unknown-elf",
    "picolibc": "picolibc-riscv64-unknown-elf",
    EMULATOR: "qemu-system-misc",
}

PORT = Path("ports") / "qemu"
# These two use CSR instructions. Since GCC 12 those need the extension's name, and the compiler has no C library for
# an architecture by that name: it is named in these files only.
WITH_CSR = {
    "mcu/rv32/interrupts.c": '__asm__(".option arch, +zicsr");\n',
    "mcu/rv32/entrypoint.s": ".option arch, +zicsr\n",
}
MAKE = [
    "make",
    f"-j{os.cpu_count() or 1}",
    "BOARD=VIRT_RV32",
    "RV32_ARCH=rv32imac",
    "FROZEN_MANIFEST=",
    # Of the 2 MB that the linker script gives to data.
    "MICROPY_HEAP_SIZE=1572864",
    # A newer compiler's new warnings are not this project's business.
    "CFLAGS_EXTRA=-Wno-error",
]
FIRMWARE = PORT / "build-VIRT_RV32" / "firmware.elf"
RECIPE = hashlib.sha256(repr((WITH_CSR, MAKE[2:])).encode()).hexdigest()[:16]

PROBE = "import sys, machine; print(sys.implementation.name, sys.maxsize, sys.platform); machine.reset()"
EXPECTED = b"micropython 2147483647 qemu"


def missing() -> list[str]:
    """The Debian packages that are not installed here."""
    lacking = [name for name in ("make", COMPILER, EMULATOR) if shutil.which(name) is None]
    # Where GCC does not know a file it gives back the bare name.
    if COMPILER in lacking or run([COMPILER, "--print-file-name=picolibc.specs"]).strip() == "picolibc.specs":
        lacking.append("picolibc")
    return [package for name, package in DEBIAN_PACKAGES.items() if name in lacking]


def works(folder: Path) -> bool:
    """Whether a folder holds a firmware of this recipe that starts under the emulator."""
    try:
        if (folder / "built-from").read_text().split()[1:] != [RECIPE]:
            return False
        result = subprocess.run(
            [
                *(EMULATOR, "-machine", "virt", "-bios", "none", "-display", "none", "-monitor", "none"),
                *("-serial", "stdio", "-semihosting", "-kernel", folder / "firmware.elf"),
            ],
            input=f"\x01{PROBE}\x04".encode(),
            capture_output=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return EXPECTED in result.stdout


def fetch(folder: Path) -> tuple[str, Path]:
    """Download and unpack the source package; return its version and where it lies."""
    state = folder / "apt"
    apt_get = source_packages(state)
    # Not unpacked by apt, which would need dpkg-dev for it. apt has tested the file against the signed lists.
    run([*apt_get, "source", "--download-only", "micropython"], cwd=state)
    archive = next(state.glob("micropython_*.orig.tar.*"), None)
    if archive is None:
        raise FetchError("Debian's source package of micropython has another form than this script knows.")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "source", filter="data")
    version = archive.name.removeprefix("micropython_").partition(".orig")[0]
    (source,) = (folder / "source").iterdir()
    return version, source


def build(source: Path) -> Path:
    for name, line in WITH_CSR.items():
        file = source / PORT / name
        file.write_text(line + file.read_text())
    run([*MAKE, f"PYTHON={sys.executable}"], cwd=source / PORT)
    return source / FIRMWARE


def main() -> None:
    if lacking := missing():
        raise FetchError(f"This needs packages that are not installed; run: apt-get install {' '.join(lacking)}")
    if works(TARGET):
        print(f"{TARGET.name}: already there")
        return
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".rv32-", dir=CACHE) as name:
        version, source = fetch(Path(name))
        fresh = Path(name) / "built"
        fresh.mkdir()
        build(source).rename(fresh / "firmware.elf")
        (fresh / "built-from").write_text(f"{version} {RECIPE}\n")
        failure = "The RV32 MicroPython does not start under QEMU here; is its qemu-system-misc up to date?"
        replace(TARGET, fresh, works, failure)
    print(f"{TARGET.name}: built from micropython {version}")


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"build_rv32: {error}")
