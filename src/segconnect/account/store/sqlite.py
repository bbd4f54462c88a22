"""Groups of imports on SQLite: prepared statements over one connection, one transaction a group."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Table

from segconnect.account.store.schema import indexed_by
from segconnect.account.work import BLOCK, Key, Row
from segconnect.errors import StoreError

BUSY_SECONDS = 30  # how long a group waits for another process that is writing


def connect(path: Path) -> sqlite3.Connection:
    """Opens the database for writing: WAL, and a commit is on disk before it returns."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    for pragma in (
        "journal_mode=wal",
        "synchronous=full",
        "wal_autocheckpoint=1000",  # larger ones commit faster, but some commits take 60 ms
        "cache_size=-64000",
        "temp_store=memory",
    ):
        connection.execute(f"pragma {pragma}")
    return connection


class SqliteStore:
    """Writes groups to one SQLite file; other processes may write to it, too."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)

    @contextmanager
    def transaction(self, accounts: Sequence[int]) -> Iterator[SqliteTransaction]:
        """Begins a group; it is committed at the end, or rolled back by an exception."""
        connection = self._connection
        try:
            connection.execute("begin immediate")
        except sqlite3.OperationalError as error:
            raise StoreError(f"the store is busy: {error}; try again") from None
        try:
            yield SqliteTransaction(connection)
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


class SqliteTransaction:
    """See `work.Transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def select(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> list[Row]:
        """Looks each key up by itself, which SQLite does faster than a join with a list."""
        sql, names = _select(table, columns)
        execute = self._connection.execute
        return [dict(zip(names, row, strict=True)) for key in keys for row in execute(sql, key)]

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Writes whole rows."""
        self._connection.executemany(_upsert(table), rows)

    def delete(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> None:
        """Deletes the rows of the keys."""
        where = " and ".join(f"{column} = ?" for column in columns)
        self._connection.executemany(f"delete from {table.name} where {where}", keys)

    def unlink(self, table: Table, contacts: Sequence[Row]) -> None:
        """Lets what belongs to these contacts wait again."""
        self._connection.executemany(
            f"update {table.name} set contact_pk = null, email = coalesce(email, :email)"
            " where contact_pk = :pk",
            contacts,
        )

    def link(self, table: Table, contacts: Sequence[Row]) -> None:
        """Gives what waits for these contacts' emails to them."""
        self._connection.executemany(
            f"update {table.name} indexed by ix_{table.name}_waiting set contact_pk = :pk"
            " where account_pk = :account_pk and email = :email and contact_pk is null",
            contacts,
        )

    def reserve(self, name: str) -> int:
        """Counts on; the counter is part of the transaction."""
        row = self._connection.execute(
            "insert into counters (name, value) values (?, ?)"
            " on conflict (name) do update set value = value + excluded.value returning value",
            (name, BLOCK),
        ).fetchone()
        return int(row[0]) - BLOCK + 1


@cache
def _select(table: Table, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    names = tuple(column.name for column in table.columns)
    where = " and ".join(f"{column} = ?" for column in columns)
    # Without statistics SQLite may walk a whole account instead of the index: name the index.
    index = indexed_by(table, columns)
    hint = f" indexed by {index}" if index else ""
    return f"select {', '.join(names)} from {table.name}{hint} where {where}", names


@cache
def _upsert(table: Table) -> str:
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    rest = [name for name in names if name not in keys]
    then = f"update set {', '.join(f'{n} = excluded.{n}' for n in rest)}" if rest else "nothing"
    values = ", ".join(f":{name}" for name in names)
    return (
        f"insert into {table.name} ({', '.join(names)}) values ({values})"
        f" on conflict ({', '.join(keys)}) do {then}"
    )
