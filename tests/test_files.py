"""Files that must not be lost: what stands under a name is whole, on the disk, and for whom it is meant."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ardente import _files
from ardente._files import PUBLIC_FILE_MODE, write_file, write_new_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows neither syncs a folder nor has file modes")

Write = Callable[..., None]
BOTH = pytest.mark.parametrize("write", [write_file, write_new_file])


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to the disk, in order, with the size of a file at the moment it is synced."""
    done: list[str] = []

    def recorded(name: str, describe: Callable[..., str]) -> None:
        real = getattr(os, name)

        def call(*args: Any, **options: Any) -> Any:
            done.append(describe(*args))
            return real(*args, **options)

        monkeypatch.setattr(_files.os, name, call)

    def synced(descriptor: int) -> str:
        status = os.fstat(descriptor)
        return "sync folder" if stat.S_ISDIR(status.st_mode) else f"sync {status.st_size} bytes"

    recorded("fsync", synced)
    recorded("replace", lambda old, new: f"name {Path(new).name}")
    recorded("link", lambda old, new: f"name {Path(new).name}")
    return done


@BOTH
def test_a_name_is_given_to_bytes_that_are_on_the_disk_and_is_on_the_disk_itself(
    operations: list[str], tmp_path: Path, write: Write
) -> None:
    write(tmp_path / "bundle", b"whole")
    assert operations == ["sync 5 bytes", "name bundle", "sync folder"]
    assert (tmp_path / "bundle").read_bytes() == b"whole"


@BOTH
def test_a_full_disk_leaves_what_was_there_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    if write is write_file:
        write_file(tmp_path / "bundle", b"old")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "bundle", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@BOTH
def test_a_file_is_for_its_owner_alone_unless_said_otherwise(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "secret", b"")
    write(tmp_path / "public", b"", PUBLIC_FILE_MODE)
    assert [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("secret", "public")] == [0o600, 0o644]


def test_a_link_in_place_of_the_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"untouched")
    (tmp_path / "bundle").symlink_to(tmp_path / "elsewhere")
    write_file(tmp_path / "bundle", b"new")
    assert (tmp_path / "elsewhere").read_bytes() == b"untouched"
    assert not (tmp_path / "bundle").is_symlink()


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"in use")
    with pytest.raises(FileExistsError):
        write_new_file(tmp_path / "key", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"key": b"in use"}
