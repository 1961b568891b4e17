"""No file of the project says where its packages were fetched from, or on whose machine it was written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

# Written in parts, so that this file passes its own test.
REGISTRIES = [
    "files.python" + "hosted.org",
    "pypi." + "org/simple",
    "pypi." + "python.org",
    "deb." + "debian.org",
    "security." + "debian.org",
    "snapshot." + "debian.org",
    "archive." + "ubuntu.com",
    "registry." + "npmjs.org",
    "registry." + "yarnpkg.com",
    "static." + "crates.io",
    "proxy." + "golang.org",
    "extra-index" + "-url",
    "index" + "-url",
]
ADDRESS = re.compile("|".join(map(re.escape, REGISTRIES)), re.IGNORECASE)
FOLDERS = ["home/\\w", "Users/\\w", "root/", "work/", "tmp/\\w", "opt/\\w"]
MACHINE = re.compile(r"(?<![\w./-])(?:/(?:" + "|".join(FOLDERS) + r")|[A-Z]:\\Users\\)")


def breaches(text: str) -> list[str]:
    return [match.group() for pattern in (ADDRESS, MACHINE) for match in pattern.finditer(text)]


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("This is not a git checkout; only tracked files are tested.")
    return [path for name in listed.stdout.split("\0") if name and (path := PROJECT / name).is_file()]


def test_no_tracked_file_names_a_registry_or_a_machine() -> None:
    found = {}
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if breach := breaches(text):
            found[str(path.relative_to(PROJECT))] = breach
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "https://" + REGISTRIES[0] + "/packages/x.whl",
        "pip install --" + REGISTRIES[-1] + " x",
        "/" + "home/ann/ardente/x.py",
        'path = "/' + 'work/main"',
        "(/" + "tmp/x)",
    ],
)
def test_such_a_line_would_be_found(text: str) -> None:
    assert breaches(text)


@pytest.mark.parametrize("text", ["https://docs.python.org/3/", "sdk/work/x", "https://example.org/home/ann/"])
def test_an_ordinary_line_is_not(text: str) -> None:
    assert not breaches(text)
