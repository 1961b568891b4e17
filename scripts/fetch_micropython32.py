#!/usr/bin/env python3
"""Unpack Debian's 32-bit MicroPython into .cache/micropython32, where the tests find it.

The scanner's viper words and small integers are 32 bits wide; those of the MicroPython on PyPI are 64. Debian's i386
build is the 32-bit one at hand. Nothing is installed: the packages come from the mirror that this machine's apt
already uses, and are only unpacked.

Needs apt and dpkg, and an x86-64 or i386 kernel; no root.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from debian_archive import FetchError, binary_packages, replace, run

ARCHITECTURE = "i386"
PACKAGES = ["micropython", "libc6", "libgcc-s1", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7"]

CACHE = Path(__file__).resolve().parent.parent / ".cache"
TARGET = CACHE / "micropython32"

LAUNCHER = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
libraries=$here/usr/lib/i386-linux-gnu
exec "$libraries/ld-linux.so.2" --library-path "$libraries" "$here/usr/bin/micropython" "$@"
"""
PROBE = "import sys; print(sys.implementation.name, sys.maxsize)"
EXPECTED = "micropython 2147483647"


def works(folder: Path) -> bool:
    """Whether a folder holds a MicroPython that starts here and is 32 bits wide."""
    try:
        result = subprocess.run(
            [folder / "micropython", "-c", PROBE], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return False
    return result.stdout.strip() == EXPECTED


def fetch(folder: Path) -> None:
    """Download the packages below `folder` and unpack them into `folder`/root."""
    state = folder / "apt"
    apt_get = binary_packages(state, ARCHITECTURE)
    run([*apt_get, "download", *PACKAGES], cwd=state)
    root = folder / "root"
    for package in sorted(state.glob("*.deb")):
        run(["dpkg-deb", "--extract", str(package), str(root)])
    launcher = root / "micropython"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)


def main() -> None:
    if works(TARGET):
        print(f"{TARGET.name}: already there")
        return
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".micropython32-", dir=CACHE) as name:
        fetch(Path(name))
        failure = "The 32-bit MicroPython does not start here; it needs an x86-64 or i386 Linux kernel."
        replace(TARGET, Path(name) / "root", works, failure)
    print(f"{TARGET.name}: fetched")


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"fetch_micropython32: {error}")
