"""The tables come from their migrations, and are what the code believes."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ardente.ledger import Ledger, LedgerError
from ardente.ledger._schema import METADATA
from ardente.ledger.migrations import config


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "new.db")
    address: str = request.getfixturevalue("empty_database")
    return address


def test_migrations_from_nothing_make_the_tables_that_the_code_knows(empty_url: str) -> None:
    with Ledger.open(empty_url) as ledger:
        for _ in range(2):
            ledger.migrate()
        with ledger._database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, METADATA) == []
            assert context.get_current_revision() == ScriptDirectory.from_config(config(connection)).get_current_head()


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "new.db") as ledger:
        engine = ledger._database.engine
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("CREATE TABLE till (id TEXT)")
        with pytest.raises(LedgerError):
            ledger.migrate()
        with engine.connect() as connection:
            tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
            assert set(tables) <= {"till", "sqlite_sequence"}


def test_no_key_counts_up() -> None:
    for table in METADATA.tables.values():
        for column in table.columns:
            assert not column.default
            assert not column.server_default
            assert column.autoincrement is not True
