"""Opens the record store, new or old, and brings its tables up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from segconnect.account.store.sqlite import BUSY_SECONDS, SqliteStore
from segconnect.errors import StoreError

if TYPE_CHECKING:
    from segconnect.account.store.postgres import PostgresStore

HEAD = "0001"
"""The newest migration, here so that opening a store that is up to date imports no Alembic."""

MIGRATION_LOCK = 8350_0001  # any number, the same in every process


def open_engine(url: str) -> Engine:
    """Opens the store for reading and for set-up, creating and migrating its tables first.

    Raises:
        StoreError: It cannot be opened, or a newer segconnect has migrated it.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        engine = create_engine(parsed, pool_pre_ping=True, pool_size=8)
    try:
        revision = _revision(engine)
        if revision != HEAD:
            _migrate(engine)
    except DBAPIError as error:
        engine.dispose()
        raise StoreError(f"the store cannot be opened: {error.orig}") from None
    except StoreError:
        engine.dispose()
        raise
    return engine


def open_writer(url: str) -> SqliteStore | PostgresStore:
    """Opens the store for groups of imports. Its tables must be up to date."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None
        return SqliteStore(Path(parsed.database))
    from segconnect.account.store.postgres import PostgresStore  # psycopg, only where used

    return PostgresStore(url)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode=wal")
            break
        except sqlite3.OperationalError as error:
            # Another process makes the store, for which this pragma does not wait by itself.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.02)
    connection.execute("pragma synchronous=full")
    connection.execute("pragma foreign_keys=on")


def _revision(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        found: str | None = connection.scalar(text("select version_num from alembic_version"))
    return found


def _migrate(engine: Engine) -> None:
    from alembic import command  # 0.2 s that most starts do not need
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "segconnect.account.store:migrations")
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("begin immediate")  # one process migrates, others wait
        else:
            connection.execute(text(f"select pg_advisory_xact_lock({MIGRATION_LOCK})"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the store was written by another version of segconnect ({error});"
                " upgrade segconnect, or name another data directory"
            ) from None
        connection.commit()
