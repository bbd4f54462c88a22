"""Groups of imports on PostgreSQL: set-based, by COPY into a staging table and one merge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql

from segconnect.account.store.changes import FORGET_EVERY, KEPT
from segconnect.account.store.transaction import Key, Moved, Row
from segconnect.errors import StoreError

if TYPE_CHECKING:
    Connection = psycopg.Connection[Any]


class PostgresStore:
    """Writes groups over one connection, opened again when it broke."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._connection: Connection | None = None
        self._staged: set[str] = set()

    @contextmanager
    def transaction(self, accounts: Sequence[int]) -> Iterator[PostgresTransaction]:
        """Begins a group; it is committed at the end, or rolled back by an exception.

        Groups of one account wait for one another, in whatever process they are: a group reads
        before it writes. The locks are taken in order, so that no two groups wait in a circle.
        """
        connection = self._connected()
        try:
            with connection.transaction():
                connection.execute(
                    "select pg_advisory_xact_lock(hashint8(a)) from unnest(%s::bigint[]) a",
                    [sorted(set(accounts))],
                )
                transaction = PostgresTransaction(connection, set(self._staged))
                yield transaction
            self._staged = transaction.staged  # what a group that failed had created is gone
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.close()
            raise StoreError(f"the store cannot be reached: {error}; try again") from None

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            try:
                self._staged = set()
                self._connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=1)
            except psycopg.OperationalError as error:
                raise StoreError(f"the store cannot be reached: {error}; try again") from None
        return self._connection

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._staged = set()


class PostgresTransaction:
    """See `work.Transaction`."""

    def __init__(self, connection: Connection, staged: set[str]) -> None:
        self._connection = connection
        self.staged = staged  # the tables that this connection has a staging table of
        self._filled: set[str] = set()  # those that hold rows of this transaction

    def select(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> list[Row]:
        """Joins the table with the list of keys."""
        sql, names = _select(table, columns)
        rows = self._connection.execute(sql, [list(values) for values in zip(*keys, strict=True)])
        return [dict(zip(names, row, strict=True)) for row in rows]

    def upsert(self, table: Table, rows: Sequence[Row], settled: Sequence[Row] = ()) -> None:
        """Copies whole rows into a staging table, and merges it into the table.

        Settled ones, too: PostgreSQL leaves an index alone whose columns do not change.
        """
        if not rows and not settled:
            return
        stage, copy, merge, values = _upsert(table)
        with self._connection.cursor() as cursor:
            if table.name not in self.staged:
                cursor.execute(stage)
                self.staged.add(table.name)
            if table.name in self._filled:  # or rows that were deleted since would come back
                cursor.execute(f"delete from staged_{table.name}")
            self._filled.add(table.name)
            with cursor.copy(copy) as out:
                for row in chain(rows, settled):
                    out.write_row(values(row))
            cursor.execute(merge)

    def delete(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> None:
        """Deletes the rows of the keys."""
        self._connection.execute(
            f"delete from {table.name} t using {_keys(table, columns)}",
            [list(values) for values in zip(*keys, strict=True)],
        )

    def overwrite(self) -> None:
        """PostgreSQL itself gives the room of deleted rows to others, by its vacuum."""

    def unlink(self, table: Table, contacts: Sequence[Row]) -> list[Moved]:
        """Gives what belonged to these contacts to another of its email, or lets it wait."""
        found = (
            "select min(c.pk) from contacts c"
            " where c.account_pk = k.account_pk and c.email = coalesce(t.email, k.email)"
        )
        own = f"{found} and c.integration_pk = t.integration_pk"
        return self._connection.execute(
            f"update {table.name} t set email = coalesce(t.email, k.email),"
            f" contact_pk = coalesce(({own}), ({found}))"
            " from unnest(%s::bigint[], %s::bigint[], %s::text[]) as k(pk, account_pk, email)"
            f" where t.contact_pk = k.pk returning '{table.name}', t.account_pk, t.pk",
            [[c[name] for c in contacts] for name in ("pk", "account_pk", "email")],
        ).fetchall()

    def link(self, tables: Sequence[Table], contacts: Sequence[Row]) -> list[Moved]:
        """Gives what waits for these contacts' emails to them, in one statement."""
        updates = ", ".join(
            f"linked_{table.name} as (update {table.name} t set contact_pk = k.pk from k"
            " where t.account_pk = k.account_pk and t.email = k.email and t.contact_pk is null"
            f" returning '{table.name}', t.account_pk, t.pk)"
            for table in tables
        )
        moved = " union all ".join(f"select * from linked_{table.name}" for table in tables)
        return self._connection.execute(
            "with k(pk, account_pk, email) as"
            f" (select * from unnest(%s::bigint[], %s::bigint[], %s::text[])), {updates} {moved}",
            [[c[name] for c in contacts] for name in ("pk", "account_pk", "email")],
        ).fetchall()

    def note(self, entries: Sequence[tuple[int, str]]) -> None:
        """Notes what changed; of what was noted long ago, forgets some now and then.

        The lock on the account keeps others from taking the same number.
        """
        noted = self._connection.execute(
            "insert into changes (account_pk, number, noted) select k.account_pk, 1 + coalesce("
            "(select max(c.number) from changes c where c.account_pk = k.account_pk), 0), k.keys"
            " from unnest(%s::bigint[], %s::text[]) as k(account_pk, keys)"
            " returning account_pk, number",
            [list(each) for each in zip(*entries, strict=True)],
        ).fetchall()
        for account_pk, number in noted:
            if number % FORGET_EVERY == 0:
                self._connection.execute(
                    "delete from changes where account_pk = %s and number <= %s",
                    [account_pk, number - KEPT],
                )

    def reserve(self, name: str) -> int:
        """Takes a sequence's next block; the keys that a failed group reserved are never used."""
        row = self._connection.execute(f"select nextval('{name}_pk_seq')").fetchone()
        assert row is not None
        return int(row[0])


POSTGRES: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # as SQLAlchemy has it


@cache
def _type(table: Table, column: str) -> str:
    return str(table.c[column].type.compile(dialect=POSTGRES))


def _keys(table: Table, columns: tuple[str, ...]) -> str:
    arrays = ", ".join(f"%s::{_type(table, column)}[]" for column in columns)
    where = " and ".join(f"t.{column} = k.{column}" for column in columns)
    return f"unnest({arrays}) as k({', '.join(columns)}) where {where}"


@cache
def _select(table: Table, columns: tuple[str, ...]) -> tuple[bytes, tuple[str, ...]]:
    names = tuple(column.name for column in table.columns)
    wanted = ", ".join(f"t.{name}" for name in names)
    return f"select {wanted} from {table.name} t, {_keys(table, columns)}".encode(), names


@cache
def _upsert(table: Table) -> tuple[bytes, bytes, bytes, itemgetter[Any]]:
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    rest = [name for name in names if name not in keys]
    then = f"update set {', '.join(f'{n} = excluded.{n}' for n in rest)}" if rest else "nothing"
    stage = f"staged_{table.name}"
    columns = ", ".join(names)
    return (
        f"create temp table {stage} (like {table.name}) on commit delete rows".encode(),
        f"copy {stage} ({columns}) from stdin".encode(),
        (
            f"insert into {table.name} ({columns}) select {columns} from {stage}"
            f" on conflict ({', '.join(keys)}) do {then}"
        ).encode(),
        itemgetter(*names),
    )
