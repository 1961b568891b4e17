"""Batches in chunks, which can be cut at any point and go on where they stopped.

The files of a chunk are written to a folder that is not yet one of the batch, and synced; then one transaction enters
its tokens and says how far the batch is; then the folder gets its name. What a cut leaves is told by the table: a chunk
that was entered is named, one that was not is deleted, and none of its indices was ever a token.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from ardente._files import sync_folder, write_file

from ._errors import CityError
from ._lists import ListTable
from ._outgoing import name_folder, write_folder

PLAN_NAME = "batch.json"
_MAX_PLAN_SIZE = 4096
CHUNK_NAME = r"\.?[0-9]{6}-[0-9]{6}(\.part)?"

Progress = Callable[[int], None]
_Item = TypeVar("_Item")
_Plan = TypeVar("_Plan", bound=msgspec.Struct)


class BatchError(CityError):
    """A batch cannot be begun, gone on with or closed; nothing was issued or deleted."""


def span(first: int, last: int) -> str:
    """Return what a chunk is called by its first and last number."""
    return f"{first:06}-{last:06}"


def settle_chunks(folder: Path, spans: Iterable[tuple[str, bool]]) -> None:
    """Name the chunks that the table knows, delete the others: (its span, whether it is known) for each."""
    for name, is_known in spans:
        part, final = _part(folder, name), folder / name
        if is_known:
            if part.is_dir():
                name_folder(part, final)
        elif final.exists():
            raise BatchError(
                f"{final} has what the city's table does not know; was that restored from an old backup? Hand none of "
                "it out, move the folder away, and run the command again."
            )
        elif part.exists():
            shutil.rmtree(part)


def put_chunk(
    folder: Path, name: str, files: Iterable[tuple[str, bytes]], table: ListTable, enter: Callable[[], None]
) -> None:
    """Write a chunk's files, ``enter`` its tokens in a transaction of ``table``, and let it appear."""
    part = _part(folder, name)
    write_folder(part, files)
    with table.transaction():
        enter()
    name_folder(part, folder / name)


def counted(items: Iterable[_Item], start: int, progress: Progress) -> Iterator[_Item]:
    """Yield ``items``, and tell ``progress`` how many are done, ``start`` before the first."""
    for count, item in enumerate(items, start):
        progress(count)
        yield item


def read_plan(folder: Path, kind: type[_Plan], remedy: str) -> _Plan | None:
    """Return what an output folder says of itself; None where it is none. Raises `BatchError` where that is damaged."""
    try:
        with (folder / PLAN_NAME).open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_PLAN_SIZE), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError):
        raise BatchError(f"{folder / PLAN_NAME} is damaged. {remedy}") from None


def plan_bytes(plan: msgspec.Struct) -> bytes:
    """Return what `PLAN_NAME` says."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def write_plan(folder: Path, plan: msgspec.Struct) -> None:
    """Write the plan of a batch that begins. In its transaction: a plan without a record has issued nothing."""
    write_file(folder / PLAN_NAME, plan_bytes(plan))
    sync_folder(folder.parent)


def refuse_strangers(folder: Path) -> None:
    """Raise `BatchError` where ``folder`` has anything but the plan of a batch that did not begin."""
    if folder.exists() and (not folder.is_dir() or any(path.name != PLAN_NAME for path in folder.iterdir())):
        raise BatchError(f"{folder} exists and is not empty; give the batch a folder of its own.")


def _part(folder: Path, name: str) -> Path:
    return folder / f".{name}.part"
