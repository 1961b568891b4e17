"""A single card on its way: it stays in the city's folder until the card table has it, and then goes where it belongs.

So a signed card that the table does not know is never anywhere else, wherever a run is cut, and the next one finds and
deletes it. Its folder there is named by what the table keeps of its slip, which tells whether the card was entered.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ardente._files import sync_folder

from ._cards import CardTable
from ._folder import City

_DESTINATION_NAME = ".destination"
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_SYNC_THREADS = 8
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Outgoing(NamedTuple):
    """A card in the city's folder at ``path``, to go to the new folder ``destination``; None where that was cut."""

    path: Path
    destination: Path | None

    def is_waiting(self, table: CardTable) -> bool:
        """Tell whether the card table has this card, and not all of its files are at the destination."""
        if self.destination is None or table.card_of_slip(bytes.fromhex(self.path.name)) is None:
            return False
        names = [path.name for path in self._files()]
        _, different, missing = filecmp.cmpfiles(self.path, self.destination, names, shallow=False)
        return bool(different or missing)

    def deliver(self, destination: Path) -> None:
        """Put its files into the new folder ``destination``, all at once, and delete them here."""
        part = destination.with_name(f".{destination.name}.{self.path.name}.part")
        if part.exists():
            shutil.rmtree(part)
        write_folder(part, ((path.name, path.read_bytes()) for path in self._files()))
        name_folder(part, destination)
        self.delete()

    def delete(self) -> None:
        """Delete it here. Where that is cut, no destination is left that it could be taken to in part."""
        (self.path / _DESTINATION_NAME).unlink(missing_ok=True)
        shutil.rmtree(self.path)
        sync_folder(self.path.parent)

    def _files(self) -> list[Path]:
        return sorted(path for path in self.path.iterdir() if path.name != _DESTINATION_NAME)


def prepare(city: City, slip_sha256: bytes, destination: Path, files: Iterable[tuple[str, bytes]]) -> Outgoing:
    """Write the files of a card that is about to be entered."""
    city.outgoing_path.mkdir(mode=0o700, exist_ok=True)
    path = city.outgoing_path / slip_sha256.hex()
    write_folder(path, [(_DESTINATION_NAME, os.fsencode(destination)), *files])
    return Outgoing(path, destination)


def outgoing(city: City) -> list[Outgoing]:
    """What cut runs left in the city's folder, or one that is at work."""
    if not city.outgoing_path.is_dir():
        return []
    paths = sorted(path for path in city.outgoing_path.iterdir() if _SHA256.fullmatch(path.name) and path.is_dir())
    return [Outgoing(path, _destination(path)) for path in paths]


def settle(city: City, table: CardTable) -> list[Outgoing]:
    """Delete the cards that were not entered or have arrived, and return the others. The caller holds the lock."""
    waiting = []
    for card in outgoing(city):
        if card.is_waiting(table):
            waiting.append(card)
        else:
            card.delete()
    return waiting


def write_folder(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Make ``folder`` with ``files``, for their owner only, all on the disk when this returns."""
    folder.mkdir(mode=0o700)
    paths = []
    for name, data in files:
        path = folder / name
        with os.fdopen(os.open(path, _NEW_FILE, 0o600), "wb") as file:
            file.write(data)
        paths.append(path)
    # Together, so that the file system writes its journal a few times and not once a file.
    with ThreadPoolExecutor(_SYNC_THREADS) as pool:
        list(pool.map(_sync_file, paths))
    sync_folder(folder)
    sync_folder(folder.parent)


def name_folder(part: Path, final: Path) -> None:
    """Give a folder that is complete its name."""
    part.rename(final)
    sync_folder(final.parent)


def _sync_file(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _destination(path: Path) -> Path | None:
    try:
        written = (path / _DESTINATION_NAME).read_bytes()
    except FileNotFoundError:
        return None
    return Path(os.fsdecode(written)) if written else None
