"""Groups of imports on SQLite: prepared statements over one connection, one transaction a group."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from sqlalchemy import Table

from segconnect.account.store.changes import FORGET_EVERY, KEPT
from segconnect.account.store.schema import indexed_by
from segconnect.account.store.transaction import BLOCK, Key, Moved, Row
from segconnect.database import BUSY_SECONDS
from segconnect.errors import StoreError

CHECKPOINT_COMMITS = 4  # commits between two back-fills of the write-ahead log
RESTART_PAGES = 16_000  # of the log (64 MB), after which the writer begins it anew
RESTART_MILLISECONDS = 100  # how long it waits for those who read the log


def connect(path: Path) -> sqlite3.Connection:
    """Opens the database for writing: WAL, and a commit is on disk before it returns."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    for pragma in (
        "journal_mode=wal",
        "synchronous=full",
        "wal_autocheckpoint=0",  # a commit that back-fills takes 20 to 60 ms; see Checkpoints
        "cache_size=-64000",
        "temp_store=memory",
        "mmap_size=4294967296",
    ):
        connection.execute(f"pragma {pragma}")
    return connection


class Checkpoints:
    """Copies the write-ahead log back into the database in a thread, beside the commits.

    The log can only begin anew when nothing in it is left to copy and nobody reads it, which under
    steady writing never happens by itself: the writer asks for it when the log has grown long.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._commits = 0
        self._pages = 0  # in the log at the last back-fill
        self._restart_at = RESTART_PAGES  # more while somebody reads for long, and holds the log
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def committed(self, connection: sqlite3.Connection) -> None:
        """Counts a commit of the writer's connection."""
        self._commits += 1
        if self._commits % CHECKPOINT_COMMITS == 0:
            self._wake.set()
        if self._pages > self._restart_at:
            connection.execute(f"pragma busy_timeout={RESTART_MILLISECONDS}")
            with suppress(sqlite3.OperationalError):  # the commit is done: it must not fail now
                is_held = connection.execute("pragma wal_checkpoint(restart)").fetchone()[0]
                self._restart_at = 2 * self._pages if is_held else RESTART_PAGES
            connection.execute(f"pragma busy_timeout={int(BUSY_SECONDS * 1000)}")
            self._pages = 0

    def _run(self) -> None:
        connection = connect(self._path)
        while not self._closing:
            self._wake.wait()
            self._wake.clear()
            try:
                row = connection.execute("pragma wal_checkpoint(passive)").fetchone()
                self._pages = row[1]
            except sqlite3.OperationalError:
                continue  # the disk is full or locked: commits will tell, a back-fill can wait
        connection.close()

    def close(self) -> None:
        """Ends the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join()


class SqliteStore:
    """Writes groups to one SQLite file; other processes may write to it, too."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._checkpoints = Checkpoints(path)

    @contextmanager
    def transaction(self, accounts: Sequence[int]) -> Iterator[SqliteTransaction]:
        """Begins a group; it is committed at the end, or rolled back by an exception."""
        connection = self._connection
        try:
            connection.execute("begin immediate")
        except sqlite3.OperationalError as error:
            raise StoreError(f"the store is busy: {error}; try again") from None
        transaction = SqliteTransaction(connection)
        try:
            yield transaction
            connection.execute("commit")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("rollback")
            if isinstance(error, sqlite3.OperationalError):  # the disk is full, or broken
                raise StoreError(f"the store cannot be written: {error}; try again") from None
            raise
        finally:
            if transaction.overwrites:
                connection.execute("pragma secure_delete=off")
        self._checkpoints.committed(connection)
        if transaction.overwrites:  # the log holds pages as they were
            with suppress(sqlite3.OperationalError):
                connection.execute("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        """Closes the connection; the last one to close copies the log back."""
        self._checkpoints.close()
        self._connection.close()


class SqliteTransaction:
    """See `work.Transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.overwrites = False

    def select(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> list[Row]:
        """Looks each key up by itself, which SQLite does faster than a join with a list."""
        sql, names = _select(table, columns)
        execute = self._connection.execute
        return [dict(zip(names, row, strict=True)) for key in keys for row in execute(sql, key)]

    def upsert(self, table: Table, rows: Sequence[Row], settled: Sequence[Row] = ()) -> None:
        """Writes whole rows; of settled ones only what no index holds.

        SQLite would write an index entry again that does not change.
        """
        if settled:
            self._connection.executemany(_update(table), settled)
        if rows:
            self._connection.executemany(_upsert(table), rows)

    def delete(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> None:
        """Deletes the rows of the keys."""
        where = " and ".join(f"{column} = ?" for column in columns)
        self._connection.executemany(f"delete from {table.name} where {where}", keys)

    def overwrite(self) -> None:
        """Writes zeros over what is deleted from here on."""
        self.overwrites = True
        self._connection.execute("pragma secure_delete=on")

    def unlink(self, table: Table, contacts: Sequence[Row]) -> list[Moved]:
        """Gives what belonged to these contacts to another of its email, or lets it wait."""
        found = (
            "select min(c.pk) from contacts c indexed by ix_contacts_email"
            " where c.account_pk = :account_pk and c.email = coalesce(t.email, :email)"
        )
        own = f"{found} and c.integration_pk = t.integration_pk"
        return self._moved(
            f"update {table.name} as t set email = coalesce(t.email, :email),"
            f" contact_pk = coalesce(({own}), ({found})) where contact_pk = :pk"
            f" returning '{table.name}', account_pk, pk",
            contacts,
        )

    def link(self, tables: Sequence[Table], contacts: Sequence[Row]) -> list[Moved]:
        """Gives what waits for these contacts' emails to them."""
        return [
            moved
            for table in tables
            for moved in self._moved(
                f"update {table.name} indexed by ix_{table.name}_waiting set contact_pk = :pk"
                " where account_pk = :account_pk and email = :email and contact_pk is null"
                f" returning '{table.name}', account_pk, pk",
                contacts,
            )
        ]

    def _moved(self, sql: str, contacts: Sequence[Row]) -> list[Moved]:
        return [row for each in contacts for row in self._connection.execute(sql, each).fetchall()]

    def note(self, entries: Sequence[tuple[int, str]]) -> None:
        """Notes what changed; of what was noted long ago, forgets some now and then."""
        for account_pk, keys in entries:
            (number,) = self._connection.execute(
                "insert into changes (account_pk, number, noted) values (:account,"
                " (select coalesce(max(number), 0) + 1 from changes where account_pk = :account),"
                " :keys) returning number",
                {"account": account_pk, "keys": keys},
            ).fetchone()
            if number % FORGET_EVERY == 0:
                self._connection.execute(
                    "delete from changes where account_pk = ? and number <= ?",
                    (account_pk, number - KEPT),
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
def _update(table: Table) -> str:
    keys = [column.name for column in table.primary_key]
    held = {column.name for index in table.indexes for column in index.columns}
    rest = [column.name for column in table.columns if column.name not in held.union(keys)]
    what = ", ".join(f"{name} = :{name}" for name in rest)
    return f"update {table.name} set {what} where {' and '.join(f'{k} = :{k}' for k in keys)}"


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
