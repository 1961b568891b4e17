#!/usr/bin/env python3
"""Unpack Debian's 32-bit MicroPython into .cache/micropython32, where the tests find it.

The scanner's viper words and small integers are 32 bits wide; those of the MicroPython on PyPI are 64. Debian's i386
build is the 32-bit one at hand. Nothing is installed: the packages come from the mirror that this machine's apt
already uses, through lists and a cache of their own, and are only unpacked.

Needs apt and dpkg, and an x86-64 or i386 kernel; no root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CODENAME = "trixie"
# Mirrors keep a copy of the lists for each name of a suite; while one is being synchronised the other may be whole.
# An alias counts only as long as its signed Release says that it is the suite of CODENAME.
SUITES = ["trixie", "stable"]
ARCHITECTURE = "i386"
PACKAGES = ["micropython", "libc6", "libgcc-s1", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7"]

CACHE = Path(__file__).resolve().parent.parent / ".cache"
TARGET = CACHE / "micropython32"

# A mirror in the middle of a sync serves indexes that its signed Release does not cover; apt refuses them, rightly.
UPDATE_ATTEMPTS = 4
UPDATE_PAUSE_S = 60

LAUNCHER = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
libraries=$here/usr/lib/i386-linux-gnu
exec "$libraries/ld-linux.so.2" --library-path "$libraries" "$here/usr/bin/micropython" "$@"
"""
PROBE = "import sys; print(sys.implementation.name, sys.maxsize)"
EXPECTED = "micropython 2147483647"


class FetchError(Exception):
    """Fetching failed; the message says what to do."""


def works(folder: Path) -> bool:
    """Whether a folder holds a MicroPython that starts here and is 32 bits wide."""
    try:
        result = subprocess.run(
            [folder / "micropython", "-c", PROBE], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return False
    return result.stdout.strip() == EXPECTED


def mirror() -> str:
    """The address of the Debian mirror in this machine's own apt sources."""
    rows = run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"])
    release = debian_release()
    for row in rows.splitlines():
        suite, component, address = row.split(" ", 2)
        if component == "main" and suite in {release, *SUITES}:
            return address
    raise FetchError(f"apt has no source for Debian {release}, component main; add one to /etc/apt/sources.list.d.")


def debian_release() -> str:
    fields = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if fields.get("ID") != "debian":
        raise FetchError("This is not Debian; run the 32-bit tests on Debian or in a Debian container.")
    return fields.get("VERSION_CODENAME", "stable").strip('"')


def fetch(folder: Path) -> None:
    """Download the packages under separate apt state below `folder` and unpack them into `folder`/root."""
    state = folder / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True)
    (state / "status").touch()
    options = {
        "Dir::State": state,
        "Dir::State::Lists": state / "lists",
        "Dir::State::Status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "APT::Architecture": ARCHITECTURE,
        "APT::Architectures": ARCHITECTURE,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    apt_get = ["apt-get", "--quiet", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    update(apt_get, state / "sources.list", mirror())
    run([*apt_get, "download", *PACKAGES], cwd=state)
    root = folder / "root"
    for package in sorted(state.glob("*.deb")):
        run(["dpkg-deb", "--extract", str(package), str(root)])
    launcher = root / "micropython"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)


def update(apt_get: list[str], sources: Path, address: str) -> None:
    """Read the signed package lists, waiting out a mirror in mid-sync; a list that does not verify is never used."""
    for attempt in range(1, UPDATE_ATTEMPTS + 1):
        for suite in SUITES:
            sources.write_text(f"deb [arch={ARCHITECTURE}] {address} {suite} main\n")
            try:
                run([*apt_get, "update"])
            except FetchError as error:
                print(f"{suite}: the mirror's lists do not verify or cannot be had", flush=True)
                refusal = error
                continue
            if run([*apt_get, "indextargets", "--format", "$(CODENAME)", "Created-By: Packages"]).split() == [CODENAME]:
                return
            refusal = FetchError(f"{suite} on this machine's mirror is not {CODENAME}.")
        if attempt == UPDATE_ATTEMPTS:
            raise refusal
        print(f"again in {UPDATE_PAUSE_S} s", flush=True)
        time.sleep(UPDATE_PAUSE_S)


def run(command: list[str], cwd: Path | None = None) -> str:
    try:
        result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    except FileNotFoundError:
        raise FetchError(f"{command[0]} is missing; this needs Debian's apt and dpkg.") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"{command[0]} did not answer in ten minutes; run this again.") from None
    if result.returncode != 0:
        raise FetchError(f"{command[0]} failed; run this again when its cause is gone:\n{result.stderr.strip()}")
    return result.stdout


def main() -> None:
    if works(TARGET):
        print(f"{TARGET.name}: already there")
        return
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".micropython32-", dir=CACHE) as name:
        fetch(Path(name))
        fresh = Path(name) / "root"
        if not works(fresh):
            raise FetchError("The 32-bit MicroPython does not start here; it needs an x86-64 or i386 Linux kernel.")
        os.sync()
        shutil.rmtree(TARGET, ignore_errors=True)
        fresh.rename(TARGET)
    print(f"{TARGET.name}: fetched")


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"fetch_micropython32: {error}")
