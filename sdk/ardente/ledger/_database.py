"""The database: connections, transactions, what is tried again, and what its errors mean to a till.

Every connection stands in the driver's autocommit. A statement alone is its own transaction in one round trip; `begin`
opens one explicitly, for writing at once on SQLite. The engine's isolation on PostgreSQL is READ COMMITTED: nothing
here reads and then writes what a unique key or a row's own lock does not guard.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy
from sqlalchemy import URL, Connection, Dialect, Engine, PoolProxiedConnection, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.sql.compiler import SQLCompiler

from .._errors import LedgerError
from .._files import SECRET_FILE_MODE
from ..core import reasons

_T = TypeVar("_T")
Insert = postgresql.Insert | sqlite.Insert

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
_BUSY_TIMEOUT_S: Final = 5.0
_CONNECT_TIMEOUT_S: Final = 5
# A statement that hangs must not hold a till: it is cut, and the till asks again under the same key.
_STATEMENT_TIMEOUT_MS: Final = 15_000
_SESSION: Final = " ".join(
    f"-c {setting}={_STATEMENT_TIMEOUT_MS}" for setting in ("statement_timeout", "idle_in_transaction_session_timeout")
)
_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY")
_BEGIN: Final = {
    (SQLITE, False): "BEGIN IMMEDIATE",
    (SQLITE, True): "BEGIN",
    (POSTGRESQL, False): "BEGIN",
    (POSTGRESQL, True): "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_TRIES: Final = 8
_FIRST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.5
# Serialization failure and deadlock: the database asks for the transaction again.
_AGAIN: Final = frozenset({"40001", "40P01"})
# The server closed the connection, or is starting or shutting down.
_LOST: Final = frozenset({"57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006"})
_FULL: Final = "53100"
_NO_TABLE: Final = "42P01"
_BAD_FILE: Final = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
    }
)


class Statement:
    """A Core statement, INSERT … RETURNING one number, compiled once to the text that the driver itself takes.

    Building and compiling it anew, and a result object around its row, would cost more than the statement.
    """

    def __init__(self, database: Database, statement: sqlalchemy.ClauseElement) -> None:
        compiled = statement.compile(dialect=database.text_dialect)
        assert isinstance(compiled, SQLCompiler)
        assert compiled.positiontup is not None
        self.text = str(compiled)
        self.names = tuple(compiled.positiontup)
        # Under which PostgreSQL keeps it prepared in each session.
        self.prepared = f"ardente_{id(self):x}".encode()


class Database:
    """One database. May be shared by threads, not by processes after a fork."""

    def __init__(self, url: str | os.PathLike[str]) -> None:
        self._url = _parsed(url)
        self.kind = self._url.get_backend_name()
        if self.kind == SQLITE:
            _create(self._url)
        self.engine = _engine(self._url)
        event.listen(self.engine, "connect", self._prepare_connection)
        event.listen(self.engine, "begin", self._begin)
        self._errors: tuple[type[Exception], ...] = (SQLAlchemyError, sqlite3.Error)
        self._connection_errors: tuple[type[Exception], ...] = ()
        self._insert: Callable[[sqlalchemy.Table], Insert] = sqlite.insert
        self._run: Callable[[PoolProxiedConnection, Statement, Mapping[str, Any]], int | None] = _run_sqlite
        self.text_dialect: Dialect = sqlite.dialect(paramstyle="qmark")
        # SQLite lets one write, and who finds it busy sleeps: threads that queue here are woken when it is their turn.
        self._turn: AbstractContextManager[object] = threading.Lock() if self.kind == SQLITE else nullcontext()
        if self.kind == POSTGRESQL:
            self._use_psycopg()

    def close(self) -> None:
        self.engine.dispose()

    def insert(self, table: sqlalchemy.Table) -> Insert:
        """Return an INSERT of this database's kind, which knows ON CONFLICT."""
        return self._insert(table)

    def number(self, statement: Statement, values: Mapping[str, Any]) -> int | None:
        """Run a statement in a transaction of its own and return its number, None where it inserted nothing.

        Raises `LedgerError`.
        """

        def attempt() -> int | None:
            with self._turn:
                return self._on_connection(statement, values)

        return self._tried(attempt)

    def _on_connection(self, statement: Statement, values: Mapping[str, Any]) -> int | None:
        pooled = self.engine.raw_connection()
        try:
            return self._run(pooled, statement, values)
        except BaseException:
            # Whatever state it is in, the next statement must not find it.
            pooled.invalidate()
            raise
        finally:
            pooled.close()

    def begin(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` in a transaction, again where the database asks for it, and return what it returns.

        Raises `LedgerError`, also the one that ``work`` raises; then nothing was written.
        """

        def attempt() -> _T:
            with self._turn, self.engine.begin() as connection:
                return work(connection)

        return self._tried(attempt)

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` on one unchanging view of the books, and return what it returns. Raises `LedgerError`."""

        def attempt() -> _T:
            with self.engine.connect().execution_options(ardente_read=True) as connection, connection.begin():
                return work(connection)

        return self._tried(attempt)

    def _use_psycopg(self) -> None:
        import psycopg
        from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

        self._errors = (SQLAlchemyError, psycopg.Error)
        self._connection_errors = (psycopg.OperationalError, psycopg.InterfaceError)
        self._insert = postgresql.insert
        self._run = _run_postgresql
        self.text_dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

    def _tried(self, attempt: Callable[[], _T]) -> _T:
        longest_s = _FIRST_PAUSE_S
        for left in range(_TRIES - 1, -1, -1):
            try:
                return attempt()
            except self._errors as error:
                if not left or not self._worth_another(_original(error)):
                    raise _explained(_original(error)) from None
            time.sleep(random.uniform(0, longest_s))
            longest_s = min(2 * longest_s, _LONGEST_PAUSE_S)
        raise AssertionError("unreachable")

    def _worth_another(self, error: BaseException) -> bool:
        """Tell whether the same transaction may succeed now. A key makes a second try harmless."""
        if isinstance(error, sqlite3.Error):
            return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        state = getattr(error, "sqlstate", None)
        if state in _AGAIN:
            return True
        if state in _LOST or (state is None and isinstance(error, self._connection_errors)):
            # One connection of the pool died, so the others are suspect.
            self.engine.dispose()
            return True
        return False

    def _prepare_connection(self, driver: Any, _record: object) -> None:
        if self.kind == POSTGRESQL:
            driver.autocommit = True
            return
        driver.isolation_level = None
        for pragma in _PRAGMAS:
            driver.execute(f"PRAGMA {pragma}")

    def _begin(self, connection: Connection) -> None:
        reads = "ardente_read" in connection.get_execution_options()
        connection.exec_driver_sql(_BEGIN[self.kind, reads])


def _run_sqlite(pooled: PoolProxiedConnection, statement: Statement, values: Mapping[str, Any]) -> int | None:
    driver: Any = pooled.driver_connection
    rows = driver.execute(statement.text, [values[name] for name in statement.names]).fetchall()
    return rows[0][0] if rows else None


def _run_postgresql(pooled: PoolProxiedConnection, statement: Statement, values: Mapping[str, Any]) -> int | None:
    """Straight through libpq, in half the time that a cursor takes beside it. It blocks, as long as `_SESSION` says."""
    driver: Any = pooled.driver_connection
    libpq = driver.pgconn
    if statement.prepared not in pooled.info:
        _checked(driver, libpq.prepare(statement.prepared, statement.text.encode()))
        pooled.info[statement.prepared] = True
    parameters = [_encoded(values[name]) for name in statement.names]
    result = _checked(driver, libpq.exec_prepared(statement.prepared, parameters))
    return int(result.get_value(0, 0)) if result.ntuples else None


def _checked(driver: Any, result: Any) -> Any:
    from psycopg import OperationalError, errors, pq

    if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return result
    if driver.pgconn.status != pq.ConnStatus.OK:
        raise OperationalError("the connection is lost")
    raise errors.error_from_result(result)


def _encoded(value: str | int | None) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else b"%d" % value


def _parsed(url: str | os.PathLike[str]) -> URL:
    text = os.fspath(url)
    if "://" not in text:
        return URL.create(SQLITE, database=os.path.abspath(text))
    try:
        parsed = make_url(text)
        kind = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        kind = ""
    if kind == POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    if kind == SQLITE and parsed.database:
        return parsed.set(drivername=SQLITE)
    raise LedgerError(
        reasons.UNAVAILABLE,
        "This database address is not understood: name a SQLite file, or postgresql://user@host/name.",
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == SQLITE:
        arguments: dict[str, Any] = {"timeout": _BUSY_TIMEOUT_S}
    else:
        arguments = {"connect_timeout": _CONNECT_TIMEOUT_S, "tcp_user_timeout": _STATEMENT_TIMEOUT_MS}
        if "options" not in url.query:
            arguments["options"] = _SESSION
    # Transactions end in `begin`, so nothing is left to roll back when a connection returns to the pool.
    return sqlalchemy.create_engine(
        url,
        connect_args=arguments,
        pool_reset_on_return=None,
        pool_size=8,
        max_overflow=32,
        pool_timeout=_BUSY_TIMEOUT_S,
        hide_parameters=True,
    )


def _original(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _explained(error: BaseException) -> LedgerError:
    """What a database's error means to people. It names no parameter of a statement, and no password."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    state = getattr(error, "sqlstate", None)
    if code == sqlite3.SQLITE_FULL or state == _FULL:
        return LedgerError(
            reasons.UNAVAILABLE, "The ledger's disk is full: make room, then send the request again; nothing was lost."
        )
    if code in _BAD_FILE:
        return LedgerError(
            reasons.UNAVAILABLE, "The ledger's file cannot be read or written: check the file, its folder and disk."
        )
    if state == _NO_TABLE or str(error).startswith("no such table"):
        return LedgerError(reasons.UNAVAILABLE, "The ledger's tables are not there yet: run `ardente ledger migrate`.")
    return LedgerError(reasons.UNAVAILABLE)


def _create(url: URL) -> None:
    """Make the file for its owner alone. A file that is there is not opened: closing it would drop SQLite's locks."""
    path = Path(url.database or "")
    if not path.exists():
        try:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_FILE_MODE))
        except OSError as error:
            raise LedgerError(
                reasons.UNAVAILABLE, f"The ledger's file {path} cannot be made ({error.strerror}): check its folder."
            ) from None
