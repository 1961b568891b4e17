"""Files that a person names."""

from __future__ import annotations

from pathlib import Path

from ardente._files import read_up_to

from ._errors import FileError


def read_file(path: Path, limit_bytes: int) -> bytes:
    """Return what a file holds. Raises `FileError` where it cannot be read, or is larger than ``limit_bytes``."""
    try:
        with path.open("rb") as file:
            data = read_up_to(file, limit_bytes + 1)
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}): check its name.") from None
    if len(data) > limit_bytes:
        raise FileError(f"{path} is larger than any such file: check that it is the right one.")
    return data
