"""Passback and daily caps: how often a card was accepted here, remembered for no longer than it counts.

What is kept is a tag of each accepted card (`ardente.core.tag`) under a random key of this store and day, which is
drawn, never derived, and deleted with the last of its tags. Deleted content is overwritten and the journal is cut to
nothing at each commit, so that once a use has stopped to count, its tag is in none of the files.

A check and its record are one transaction, so that two gates with one database never both accept. The database is a
file of this computer: SQLite's locks do not hold on a network share.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import date, datetime, timedelta, tzinfo
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ._errors import StoreError
from ._files import SECRET_FILE_MODE, refuse_open_to_others
from .core import reasons
from .core.calendar import DAY_S
from .core.tag import SECRET_SIZE, TagKey

if TYPE_CHECKING:
    from .core.verdict import Judgement

LIEGE = "Europe/Brussels"
_BUSY_TIMEOUT_S = 5.0
_RETRY_S = 60.0
_PRAGMAS = ("secure_delete = ON", "journal_mode = TRUNCATE", "synchronous = FULL", "temp_store = MEMORY")
_TABLES = (
    "keys (id INTEGER PRIMARY KEY, rule TEXT NOT NULL, day INTEGER NOT NULL, secret BLOB NOT NULL, UNIQUE (rule, day))",
    "uses (key INTEGER NOT NULL, tag BLOB NOT NULL, count INTEGER NOT NULL, until INTEGER NOT NULL,"
    " PRIMARY KEY (key, tag)) WITHOUT ROWID",
    "forgotten (until INTEGER NOT NULL)",
)


class UseRule:
    """How often one card is accepted within a time; `Passback` and `DailyCap` are the two there are.

    Rules may share a database file, and should: then a check by both is one transaction. Each draws keys of its own,
    so that no tag of one is found in the other.
    """

    reason: str

    def __init__(self, path: str | PathLike[str], limit: int, time_zone: str | tzinfo) -> None:
        if limit < 1:
            raise ValueError("the limit is 1 or more")
        self.path = Path(os.path.realpath(path))
        self._limit = limit
        self._zone = ZoneInfo(time_zone) if isinstance(time_zone, str) else time_zone
        self._clock: Callable[[], float] = time.time
        self._timer: threading.Timer | None = None
        self._timer_lock = threading.Lock()

    def start(self, clock: Callable[[], float]) -> None:
        """Begin to forget by ``clock`` (epoch seconds); `Validator` calls it.

        Raises `StoreError`, also where others could read which cards were used.
        """
        self._clock = clock
        self.forget()
        refuse_open_to_others(self.path, os.stat(self.path), stat.S_IRWXO, "o-rwx")

    def forget(self) -> None:
        """Delete what no longer counts. It happens by itself, at each check and when the time has come.

        Raises `StoreError`.
        """
        now = int(self._clock())
        with _transaction(self.path) as database:
            _forget(database, now)
            self._expect_next(database, now)

    def admits(self, database: sqlite3.Connection, judgement: Judgement, now: int) -> bool:
        """Tell whether the accepted card of ``judgement`` has uses left at ``now``."""
        uses = 0
        for key, secret in database.execute("SELECT id, secret FROM keys WHERE rule = ?", (self.reason,)).fetchall():
            row = database.execute(
                "SELECT count FROM uses WHERE key = ? AND tag = ? AND until > ?",
                (key, judgement.tag(TagKey(secret, self.reason)), now),
            ).fetchone()
            uses += row[0] if row else 0
        return uses < self._limit

    def record(self, database: sqlite3.Connection, judgement: Judgement, now: int) -> None:
        """Count one use of the card."""
        key, secret = self._key_of_today(database, now)
        database.execute(
            "INSERT INTO uses (key, tag, count, until) VALUES (?, ?, 1, ?)"
            " ON CONFLICT (key, tag) DO UPDATE SET count = count + 1, until = excluded.until",
            (key, judgement.tag(TagKey(secret, self.reason)), self._until(database, now)),
        )
        self._expect_next(database, now)

    def follow_clock(self, database: sqlite3.Connection, now: int) -> None:
        """Shorten what was recorded while the clock was ahead: nothing counts longer than if it had happened now."""
        database.execute(
            "UPDATE uses SET until = ? WHERE until > ? AND key IN (SELECT id FROM keys WHERE rule = ?)",
            (self._until(database, now), self._latest_until(now), self.reason),
        )

    def _until(self, database: sqlite3.Connection, now: int) -> int:
        """Until when (epoch seconds) a use at ``now`` counts."""
        raise NotImplementedError

    def _latest_until(self, now: int) -> int:
        """The latest `_until` that an earlier use can have where the clock was right."""
        raise NotImplementedError

    def _day(self, database: sqlite3.Connection, now: int) -> int:
        return self._ordinal(now)

    def _ordinal(self, now: int) -> int:
        return datetime.fromtimestamp(now, self._zone).toordinal()

    def _key_of_today(self, database: sqlite3.Connection, now: int) -> tuple[int, bytes]:
        today = (self.reason, self._day(database, now))
        row = database.execute("SELECT id, secret FROM keys WHERE rule = ? AND day = ?", today).fetchone()
        if row:
            return row[0], row[1]
        secret = secrets.token_bytes(SECRET_SIZE)
        cursor = database.execute("INSERT INTO keys (rule, day, secret) VALUES (?, ?, ?)", (*today, secret))
        assert cursor.lastrowid is not None
        return cursor.lastrowid, secret

    def _expect_next(self, database: sqlite3.Connection, now: int) -> None:
        """See to it that the next use is forgotten in time, also where no card comes after it."""
        (until,) = database.execute(
            "SELECT MIN(until) FROM uses WHERE key IN (SELECT id FROM keys WHERE rule = ?)", (self.reason,)
        ).fetchone()
        if until is not None:
            self._wake_in(until - now + 1.0)

    def _wake_in(self, delay_s: float) -> None:
        with self._timer_lock:
            if self._timer is None or not self._timer.is_alive():
                self._timer = threading.Timer(min(delay_s, threading.TIMEOUT_MAX), self._wake)
                self._timer.daemon = True
                self._timer.start()

    def _wake(self) -> None:
        with self._timer_lock:
            self._timer = None
        if self.path.exists():
            try:
                self.forget()
            except StoreError:
                self._wake_in(_RETRY_S)


class Passback(UseRule):
    """An accepted card is refused for ``window`` after: ``already_used``.

    ``path`` is the database, made where it is missing; ``time_zone`` says when a day, and its key, ends. Raises
    ValueError unless the window is at least a second.
    """

    reason = reasons.ALREADY_USED

    def __init__(self, path: str | PathLike[str], window: timedelta, *, time_zone: str | tzinfo = LIEGE) -> None:
        super().__init__(path, 1, time_zone)
        self._window_s = int(window.total_seconds())
        if self._window_s < 1:
            raise ValueError("the window is a second or more")

    def _until(self, database: sqlite3.Connection, now: int) -> int:
        return now + self._window_s

    def _latest_until(self, now: int) -> int:
        return now + self._window_s


class DailyCap(UseRule):
    """A card is accepted ``limit`` times a day, and then refused until midnight: ``daily_cap``.

    ``path`` is the database, made where it is missing; ``time_zone`` says when it is midnight. Raises ValueError
    unless the limit is 1 or more.
    """

    reason = reasons.DAILY_CAP

    def __init__(self, path: str | PathLike[str], limit: int, *, time_zone: str | tzinfo = LIEGE) -> None:
        super().__init__(path, limit, time_zone)

    def _until(self, database: sqlite3.Connection, now: int) -> int:
        return self._midnight_after(self._day(database, now))

    def _latest_until(self, now: int) -> int:
        return self._midnight_after(self._ordinal(now) + 1)

    def _day(self, database: sqlite3.Connection, now: int) -> int:
        """The day of ``now``, or of what was forgotten last where the clock was set back by less than a day since.

        The day before is not counted a second time, from nothing.
        """
        (forgotten,) = database.execute("SELECT MAX(until) FROM forgotten").fetchone()
        return self._ordinal(forgotten if forgotten and now < forgotten <= now + DAY_S else now)

    def _midnight_after(self, ordinal: int) -> int:
        day = date.fromordinal(ordinal + 1)
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp())


def admit(rules: Sequence[UseRule], judgement: Judgement, now: int, *, record: bool) -> str:
    """Return "ok", or the reason of the first rule by which the accepted card has no use left.

    With ``record`` a use is counted where all rules agree, and what no longer counts is forgotten. Raises
    `StoreError`.
    """
    with ExitStack() as stack:
        databases = {
            path: stack.enter_context(_transaction(path, write=record))
            for path in dict.fromkeys(rule.path for rule in rules)
        }
        if record:
            for database in databases.values():
                _forget(database, now)
            for rule in rules:
                rule.follow_clock(databases[rule.path], now)
        for rule in rules:
            if not rule.admits(databases[rule.path], judgement, now):
                return rule.reason
        if record:
            for rule in rules:
                rule.record(databases[rule.path], judgement, now)
    return reasons.OK


def _forget(database: sqlite3.Connection, now: int) -> None:
    """Delete the uses that no longer count at ``now``, and the keys that have no use left."""
    (latest,) = database.execute("SELECT MAX(until) FROM uses WHERE until <= ?", (now,)).fetchone()
    if latest is None:
        return
    database.execute("DELETE FROM uses WHERE until <= ?", (now,))
    database.execute("DELETE FROM keys WHERE id NOT IN (SELECT key FROM uses)")
    database.execute("DELETE FROM forgotten")
    database.execute("INSERT INTO forgotten (until) VALUES (?)", (latest,))


@contextmanager
def _transaction(path: Path, *, write: bool = True) -> Iterator[sqlite3.Connection]:
    """A connection of its own for each transaction: no thread or fork shares one, and no file stays open."""
    try:
        _create(path)
        with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as database:
            for pragma in _PRAGMAS:
                database.execute(f"PRAGMA {pragma}")
            database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            for table in _TABLES if write else ():
                database.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            yield database
            database.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"The passback database {path} cannot be used ({error}): check the file and its folder."
        ) from None


def _create(path: Path) -> None:
    """Make the file for its owner alone. A file that is there is not opened: closing it would drop SQLite's locks."""
    if not path.exists():
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_FILE_MODE))
