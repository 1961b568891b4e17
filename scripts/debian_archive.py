"""Debian's stable packages, binary or source, without installing any: for the scripts that unpack one into .cache.

The packages come from the mirror that this machine's apt already uses, through lists and a cache of their own.
Needs apt; no root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CODENAME = "trixie"
# Mirrors keep a copy of the lists for each name of a suite; while one is being synchronised the other may be whole.
# An alias counts only as long as its signed Release says that it is the suite of CODENAME.
SUITES = ["trixie", "stable"]

# A mirror in the middle of a sync serves indexes that its signed Release does not cover; apt refuses them, rightly.
UPDATE_ATTEMPTS = 4
UPDATE_PAUSE_S = 60


class FetchError(Exception):
    """Fetching failed; the message says what to do."""


def binary_packages(state: Path, architecture: str) -> list[str]:
    """An apt-get that knows the packages of one architecture, as the start of a command.

    Its lists, its cache and what it downloads stay below `state`, a folder made here.
    """
    options = {"APT::Architecture": architecture, "APT::Architectures": architecture}
    return _apt_get(state, f"deb [arch={architecture}]", "Packages", options)


def source_packages(state: Path) -> list[str]:
    """An apt-get that knows the source packages; otherwise like `binary_packages`."""
    return _apt_get(state, "deb-src", "Sources", {})


def run(command: list[str], cwd: Path | None = None) -> str:
    """What a command printed; FetchError where it is missing, fails or takes ten minutes."""
    try:
        result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    except FileNotFoundError:
        raise FetchError(f"{command[0]} is missing; this needs Debian's apt and dpkg.") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"{command[0]} did not answer in ten minutes; run this again.") from None
    if result.returncode != 0:
        raise FetchError(f"{command[0]} failed; run this again when its cause is gone:\n{result.stderr.strip()}")
    return result.stdout


def replace(target: Path, fresh: Path, works: Callable[[Path], bool], failure: str) -> None:
    """Put the folder `fresh` in the place of `target` once it works; FetchError with `failure` where it does not."""
    if not works(fresh):
        raise FetchError(failure)
    os.sync()
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def _apt_get(state: Path, kind: str, index: str, more: dict[str, str]) -> list[str]:
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
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        **more,
    }
    apt_get = ["apt-get", "--quiet", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    update(apt_get, state / "sources.list", f"{kind} {_mirror()}", index)
    return apt_get


def _mirror() -> str:
    """The address of the Debian mirror in this machine's own apt sources."""
    rows = run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"])
    release = _debian_release()
    for row in rows.splitlines():
        suite, component, address = row.split(" ", 2)
        if component == "main" and suite in {release, *SUITES}:
            return address
    raise FetchError(f"apt has no source for Debian {release}, component main; add one to /etc/apt/sources.list.d.")


def _debian_release() -> str:
    fields = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if fields.get("ID") != "debian":
        raise FetchError("This is not Debian; run this on Debian or in a Debian container.")
    return fields.get("VERSION_CODENAME", "stable").strip('"')


def update(apt_get: list[str], sources: Path, source: str, index: str) -> None:
    """Read the signed package lists, waiting out a mirror in mid-sync; a list that does not verify is never used."""
    for attempt in range(1, UPDATE_ATTEMPTS + 1):
        for suite in SUITES:
            sources.write_text(f"{source} {suite} main\n")
            try:
                run([*apt_get, "update"])
            except FetchError as error:
                print(f"{suite}: the mirror's lists do not verify or cannot be had", flush=True)
                refusal = error
                continue
            if run([*apt_get, "indextargets", "--format", "$(CODENAME)", f"Created-By: {index}"]).split() == [CODENAME]:
                return
            refusal = FetchError(f"{suite} on this machine's mirror is not {CODENAME}.")
        if attempt == UPDATE_ATTEMPTS:
            raise refusal
        print(f"again in {UPDATE_PAUSE_S} s", flush=True)
        time.sleep(UPDATE_PAUSE_S)
