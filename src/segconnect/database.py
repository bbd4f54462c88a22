"""Opens a database, new or old, and brings its tables up to date: SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import (
    ColumnClause,
    Connection,
    Engine,
    column,
    create_engine,
    event,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from segconnect.errors import StoreError
from segconnect.nursery import apart

BUSY_SECONDS = 30.0  # for which SQLite waits until another process has written
MIGRATION_LOCK = 8350_0001  # any number, the same in every process


@dataclass(frozen=True, slots=True)
class Migrations:
    """The history of some tables.

    Attributes:
        location: The package that holds it, "package:directory".
        head: The newest one, here so that opening a store that is up to date imports no Alembic.
        version_table: Where the database keeps which one it is at.
    """

    location: str
    head: str
    version_table: str


def open_engine(url: str, migrations: Migrations) -> Engine:
    """Opens a database, creating and migrating its tables first.

    Its errors do not show the values that a statement was given: some are secrets.

    Raises:
        StoreError: It cannot be opened, or a newer segconnect has migrated it.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        engine = create_engine(parsed, pool_pre_ping=True, pool_size=8, hide_parameters=True)
    try:
        if revision(engine, migrations) != migrations.head:
            engine.dispose()  # a connection must not be in two processes
            if parsed.database in (None, "", ":memory:") or not apart(
                lambda: _migrate(engine, migrations)
            ):
                _migrate(engine, migrations)
    except DBAPIError as error:
        engine.dispose()
        raise StoreError(f"the store cannot be opened: {error.orig}") from None
    except StoreError:
        engine.dispose()
        raise
    return engine


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


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Reads all that follows as it is at one moment."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("begin")
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def revision(engine: Engine, migrations: Migrations) -> str | None:
    if not inspect(engine).has_table(migrations.version_table):
        return None
    with engine.connect() as connection:
        version: ColumnClause[str] = column("version_num")
        query = select(version).select_from(table(migrations.version_table))
        found: str | None = connection.scalar(query)
    return found


def _migrate(engine: Engine, migrations: Migrations) -> None:
    from alembic import command  # 0.2 s that most starts do not need
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", migrations.location)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("begin immediate")  # one process migrates, others wait
        else:
            connection.execute(text(f"select pg_advisory_xact_lock({MIGRATION_LOCK})"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = migrations.version_table
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the store was written by another version of segconnect ({error});"
                " upgrade segconnect, or name another data directory"
            ) from None
        connection.commit()
