"""Data stores: records by key, in SQLite, in memory or in a file, with transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import RLock, get_ident
from typing import Any, NamedTuple

from segconnect.scenario import values_json
from segconnect.scenario.engine.errors import ModuleError

Record = dict[str, Any]

MAX_RECORD = 15_000_000  # characters of JSON


class Change(NamedTuple):
    """One record, as it was before it was changed; None: there was none."""

    key: str
    before: Record | None


class DataStores:
    """The data stores of an organisation, each made when it is first asked for.

    Args:
        path: The SQLite file; None keeps them in memory.
        structures: The fields of a store's records, by the store's name.
        strict: The stores that refuse items which their structure does not have.
    """

    def __init__(
        self,
        path: Path | None = None,
        structures: dict[str, Sequence[dict[str, Any]]] | None = None,
        strict: Sequence[str] = (),
    ) -> None:
        self.structures, self.strict = structures or {}, frozenset(strict)
        self._lock = RLock()
        self._owner: int | None = None  # the thread whose transaction is open
        self._database = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
        )
        with self._lock:
            if path is not None:
                self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS records ("
                " store TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,"
                " PRIMARY KEY (store, key)) WITHOUT ROWID"
            )

    def __getitem__(self, name: str) -> Store:
        return Store(name, self, self._database, self._lock)

    def begin(self) -> None:
        """Begins a transaction of this thread, or stays in the one that it began."""
        if self._owner == get_ident():
            return
        self._lock.acquire()
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._lock.release()
            raise ModuleError("RuntimeError", f"the data store is busy: {error}") from None
        self._owner = get_ident()

    def commit(self) -> None:
        """Makes durable what this thread changed, if it did."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Undoes what this thread changed since the last commit, if it did."""
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        if self._owner != get_ident():
            return
        try:
            self._database.execute(how)
        except sqlite3.Error:
            self._database.rollback()
            raise
        finally:
            self._owner = None
            self._lock.release()

    def close(self) -> None:
        """Closes the file; what was not committed is undone."""
        self._database.close()


class Store:
    """One data store. A change begins a transaction, which `book` ends."""

    def __init__(
        self, name: str, book: DataStores, database: sqlite3.Connection, lock: RLock
    ) -> None:
        self.name, self.book, self._database, self._lock = name, book, database, lock

    def get(self, key: str) -> Record | None:
        """Finds a record."""
        if not values_json.is_text(key):
            raise ModuleError("DataError", f"the key {key[:100]!r} holds half a character")
        with self._lock:
            row = self._database.execute(
                "SELECT data FROM records WHERE store = ? AND key = ?", (self.name, key)
            ).fetchone()
        return None if row is None else values_json.loads(row[0])

    def all(self) -> Iterator[tuple[str, Record]]:
        """Gives every record with its key, in the order of the keys."""
        last = ""
        while True:
            with self._lock:
                rows = self._database.execute(
                    "SELECT key, data FROM records WHERE store = ? AND key > ?"
                    " ORDER BY key LIMIT 500",
                    (self.name, last),
                ).fetchall()
            for key, data in rows:
                yield key, values_json.loads(data)
            if len(rows) < 500:
                return
            last = rows[-1][0]

    def count(self) -> int:
        """Counts the records."""
        with self._lock:
            found = self._database.execute(
                "SELECT count(*) FROM records WHERE store = ?", (self.name,)
            ).fetchone()
        return int(found[0])

    def put(self, key: str, record: Record) -> Change:
        """Writes a record, and answers what was there before."""
        text = values_json.dumps(record)
        if len(text) > MAX_RECORD:
            raise ModuleError("DataError", f"the record is larger than {MAX_RECORD:,} characters")
        self.book.begin()
        before = self.get(key)
        self._database.execute(
            "INSERT INTO records VALUES (?, ?, ?)"
            " ON CONFLICT (store, key) DO UPDATE SET data = excluded.data",
            (self.name, key, text),
        )
        return Change(key, before)

    def delete(self, key: str) -> Change | None:
        """Deletes a record, and answers what was there; None if there was none."""
        self.book.begin()
        before = self.get(key)
        if before is None:
            return None
        self._database.execute("DELETE FROM records WHERE store = ? AND key = ?", (self.name, key))
        return Change(key, before)

    def undo(self, change: Change) -> None:
        """Puts a record back to what it was."""
        if change.before is None:
            self.delete(change.key)
        else:
            self.put(change.key, change.before)
