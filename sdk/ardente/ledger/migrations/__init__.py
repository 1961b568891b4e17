"""The tables' history (Alembic), and the way to this version's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .._database import Database


def upgrade(database: Database) -> None:
    """Bring the tables to this version's form, all of it or nothing. Raises `LedgerError`."""

    def work(connection: Connection) -> None:
        command.upgrade(config(connection), "head")

    database.begin(work)


def config(connection: Connection) -> Config:
    """Return Alembic's configuration for a connection that stands in a transaction."""
    settings = Config()
    settings.set_main_option("script_location", "ardente.ledger:migrations")
    settings.attributes["connection"] = connection
    return settings
