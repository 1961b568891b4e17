"""A table of status lists: which indices are taken, and whose bit is set. Cards and vouchers each have one.

A row is a list, an index, a status and an `exp`. The rows have no order but that of their random indices;
`ListTable.forget_order` writes the file anew, so that not even its pages keep another.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar, Protocol, Self

from ardente._files import SECRET_FILE_MODE

from ._errors import CityError, ListFullError

# Set apart are cards that were replaced and vouchers that are not active yet. A decoy is an index that nothing has and
# whose bit is set all the same; it is spent once its bit is cleared again.
VALID, REVOKED, SET_APART, DECOY, SPENT_DECOY = range(5)
_BIT_IS_SET = f"status IN ({REVOKED}, {SET_APART}, {DECOY})"
_LOCK_TIMEOUT_S = 10


class StatusList(Protocol):
    """A list: its number, which is the `kid` of its key, where it is published, and how many entries it has."""

    @property
    def kid(self) -> int: ...
    @property
    def list_uri(self) -> str: ...
    @property
    def entries(self) -> int: ...


class ListTable:
    """Status lists in one SQLite file. One writer at a time: the caller holds the city's lock."""

    _ROWS: ClassVar[str]
    _NAME: ClassVar[str]
    _LOSS: ClassVar[str]
    full: ClassVar[str]
    _APPLICATION_ID: ClassVar[int]
    _SCHEMA_VERSION: ClassVar[int]
    _SCHEMA: ClassVar[str]

    def __init__(self, path: Path) -> None:
        """Open the table at ``path``. Raises `CityError` where there is none."""
        if not path.is_file():
            raise CityError(f"{path} is missing. Restore it from the backup; {self._LOSS}.")
        self._db = sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
        try:
            known = self._value("PRAGMA application_id"), self._value("PRAGMA user_version")
            _configure(self._db)
        except sqlite3.DatabaseError:
            known = None
        if known != (self._APPLICATION_ID, self._SCHEMA_VERSION):
            self._db.close()
            raise CityError(f"{path} is no {self._NAME} of this version. Restore it from the backup.")

    @classmethod
    def create(cls, path: Path) -> None:
        """Make an empty table at ``path``, readable by its owner only."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_FILE_MODE))
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            _configure(db)
            db.executescript(
                f"BEGIN; PRAGMA application_id = {cls._APPLICATION_ID}; PRAGMA user_version = {cls._SCHEMA_VERSION};"
                f"{cls._SCHEMA} COMMIT;"
            )

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Close the table; raises `CityError` for what is not a programmer's but the disk's error."""
        self.close()
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
            raise CityError(f"The {self._NAME} cannot be used ({error}); look at the disk, and try again.") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none. It is on the disk when the block ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # a full disk has rolled it back already
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def forget_order(self) -> None:
        """Write the file anew in the order of the random indices, so that its pages tell no other."""
        self._db.execute("VACUUM")

    def free_indices(self, key: StatusList, count: int) -> list[int]:
        """Return ``count`` random indices of the list that no token and no decoy has. Raises `ListFullError`.

        They are free until the lock of the city is given back.
        """
        if count > key.entries - self.used_entries(key.kid):
            raise ListFullError(self.full)
        found: set[int] = set()
        indices: list[int] = []
        while len(indices) < count:
            index = secrets.randbelow(key.entries)
            if index not in found and not self._value(
                f"SELECT count(*) FROM {self._ROWS} WHERE list = ? AND number = ?", key.kid, index
            ):
                found.add(index)
                indices.append(index)
        return indices

    def used_entries(self, list_number: int) -> int:
        """How many entries of a list are taken, by tokens and by decoys."""
        return self._count("list = ?", list_number)

    def set_bits(self, list_number: int, now: int) -> Iterator[int]:
        """The indices whose bit is set at ``now``: of tokens and of decoys, as long as a token of theirs would last."""
        rows = self._db.execute(
            f"SELECT number FROM {self._ROWS} WHERE list = ? AND {_BIT_IS_SET} AND exp > ?", (list_number, now)
        )
        return (index for (index,) in rows)

    def is_cleared(self, list_number: int, index: int, now: int) -> bool:
        """Tell whether an index is known at ``now``, and its bit is not set."""
        where = f"list = ? AND number = ? AND exp > ? AND NOT ({_BIT_IS_SET})"
        return self._count(where, list_number, index, now) == 1

    def expiries(self, list_number: int, now: int) -> dict[int, int]:
        """How many tokens of a list expire at each `exp` after ``now``."""
        rows = self._db.execute(
            f"SELECT exp, count(*) FROM {self._ROWS} WHERE list = ? AND exp > ? AND status < {DECOY} GROUP BY exp",
            (list_number, now),
        )
        return dict(rows)

    def add_decoys(self, list_number: int, decoys: Iterable[tuple[int, int]]) -> None:
        """Take (index, exp) of each decoy. Belongs in a `transaction`."""
        self._db.executemany(
            f"INSERT INTO {self._ROWS} (list, number, status, exp) VALUES (?, ?, {DECOY}, ?)",
            ((list_number, index, exp) for index, exp in decoys),
        )

    def decoys(self, list_number: int, now: int) -> list[int]:
        """The decoys whose bit is set at ``now``."""
        rows = self._db.execute(
            f"SELECT number FROM {self._ROWS} WHERE list = ? AND status = ? AND exp > ?", (list_number, DECOY, now)
        )
        return [index for (index,) in rows]

    def spend_decoys(self, list_number: int, indices: Iterable[int]) -> None:
        """Clear the bits of these decoys; no token gets them before their `exp`. Belongs in a `transaction`."""
        self._db.executemany(
            f"UPDATE {self._ROWS} SET status = {SPENT_DECOY} WHERE list = ? AND number = ? AND status = {DECOY}",
            ((list_number, index) for index in indices),
        )

    def purge(self, exp: int) -> int:
        """Forget the rows whose `exp` is ``exp`` or before, and return how many; their indices are free again."""
        return self._db.execute(f"DELETE FROM {self._ROWS} WHERE exp <= ?", (exp,)).rowcount

    def _count(self, where: str, *values: object) -> int:
        return int(self._value(f"SELECT count(*) FROM {self._ROWS} WHERE {where}", *values))

    def _value(self, statement: str, *values: object) -> int:
        (value,) = self._db.execute(statement, values).fetchone()
        return int(value)


def _configure(db: sqlite3.Connection) -> None:
    # A write-ahead log would keep the order of issue; what is deleted or moved is overwritten; nothing goes to a
    # temporary file; a commit is on the disk, the removal of its journal included.
    for setting in ("journal_mode = DELETE", "secure_delete = ON", "temp_store = MEMORY", "synchronous = EXTRA"):
        db.execute(f"PRAGMA {setting}")
