"""Files that are written whole or not at all, and read within bounds."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import BinaryIO

from ._errors import StoreError

PUBLIC_FILE_MODE = 0o644
SECRET_FILE_MODE = 0o600
_BINARY = getattr(os, "O_BINARY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CUT_SUFFIX = ".new"
_REPLACE_TRIES = 20
_REPLACE_PAUSE_S = 0.05


def write_file(path: Path, data: bytes, mode: int = SECRET_FILE_MODE) -> None:
    """Put ``data`` at ``path``: whoever reads it, and whatever is cut, finds the old bytes or all of the new.

    Raises OSError.
    """
    temporary = _write_temporary(path, data, mode)
    try:
        _replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_new_file(path: Path, data: bytes, mode: int = SECRET_FILE_MODE) -> None:
    """Like `write_file`, for a file that must not exist yet. Raises FileExistsError and other OSError."""
    temporary = _write_temporary(path, data, mode)
    try:
        if os.name == "nt":
            os.rename(temporary, path)  # refuses a name that exists; elsewhere a link does
        else:
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Remove ``path`` where it exists. What the disk keeps of it is the disk's affair."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_cut_files(path: Path) -> None:
    """Remove what a cut `write_file` of ``path`` left. The caller is the only writer."""
    for left in path.parent.glob(f".{path.name}.*{_CUT_SUFFIX}"):
        left.unlink(missing_ok=True)


def read_up_to(file: BinaryIO, limit: int) -> bytes:
    """Return what ``file`` still has, or ``limit`` bytes of it."""
    parts = []
    while limit > 0:
        part = file.read(limit)
        if not part:
            break
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def refuse_open_to_others(path: Path, status: os.stat_result, forbidden: int, remedy: str) -> None:
    """Raise `StoreError` where the mode of ``path`` has one of the ``forbidden`` bits. Windows has no such bits."""
    shared_but_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if os.name == "posix" and status.st_mode & forbidden and not shared_but_sticky:
        raise StoreError(f"{path} is open to other users of this computer: run `chmod {remedy} {path}`.")


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut, where the system has a way to."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_temporary(path: Path, data: bytes, mode: int) -> Path:
    """Write and sync ``data`` beside ``path``, under a name that no one could have put a link at."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}{_CUT_SUFFIX}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _replace(temporary: Path, path: Path) -> None:
    """Rename; Windows refuses while somebody reads the old file, which takes a moment only."""
    for _ in range(_REPLACE_TRIES - 1):
        try:
            return os.replace(temporary, path)
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(_REPLACE_PAUSE_S)
    return os.replace(temporary, path)
