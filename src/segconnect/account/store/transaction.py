"""What a group of writes needs of a store: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Table

Row = dict[str, Any]
Key = tuple[Any, ...]
Moved = tuple[
    str, int, int
]  # an order or subscription that has another contact: table, account, pk


class Transaction(Protocol):
    """What a group needs of the store. Everything happens in one transaction, or not at all."""

    def select(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> list[Row]:
        """Answers the rows whose columns equal one of the keys."""

    def upsert(self, table: Table, rows: Sequence[Row], settled: Sequence[Row] = ()) -> None:
        """Writes whole rows, each in place of the one with its primary key.

        Those that are settled are there already, and their indexed columns are as they were.
        """

    def delete(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> None:
        """Deletes the rows whose columns equal one of the keys."""

    def overwrite(self) -> None:
        """Has the disk hold nothing any more of what is deleted from here on, as far as it can."""

    def unlink(self, table: Table, contacts: Sequence[Row]) -> list[Moved]:
        """Gives what these deleted contacts had to another of their email, or lets it wait."""

    def link(self, tables: Sequence[Table], contacts: Sequence[Row]) -> list[Moved]:
        """Gives what waits for these contacts' emails to them."""

    def note(self, entries: Sequence[tuple[int, str]]) -> None:
        """Notes what changed, for each account under its next number."""

    def reserve(self, name: str) -> int:
        """Answers the first of BLOCK new primary keys."""


BLOCK = 256  # primary keys reserved at a time; the PostgreSQL sequences step by it
