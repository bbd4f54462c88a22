"""Opens the record store, new or old, and brings its tables up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from segconnect import database
from segconnect.account.store.sqlite import SqliteStore
from segconnect.database import Migrations

if TYPE_CHECKING:
    from segconnect.account.store.postgres import PostgresStore

HEAD = "0008"
MIGRATIONS = Migrations("segconnect.account.store:migrations", HEAD, "alembic_version")


def open_engine(url: str) -> Engine:
    """Opens the store for reading and for set-up, creating and migrating its tables first.

    Raises:
        StoreError: It cannot be opened, or a newer segconnect has migrated it.
    """
    return database.open_engine(url, MIGRATIONS)


def open_writer(url: str) -> SqliteStore | PostgresStore:
    """Opens the store for groups of imports. Its tables must be up to date."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None
        return SqliteStore(Path(parsed.database))
    from segconnect.account.store.postgres import PostgresStore  # psycopg, only where used

    return PostgresStore(url)
