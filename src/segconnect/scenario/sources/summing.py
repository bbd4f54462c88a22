"""Adds rows up by key: several rows of one ad and day become one, however long the file.

Rows of one key mostly lie near each other, so the last IN_MEMORY keys are added up in memory. What
is more lies in a temporary SQLite database, which the system deletes whatever happens to the run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, DecimalException
from typing import Any

from segconnect.errors import SourceError
from segconnect.scenario.bundle import Place, SourceBundle

IN_MEMORY = 20_000
CACHE_KIB = 32_000
PLACES = 6  # decimals that are kept; Google's micros are whole numbers, other tools have two
LIMIT = 10**9  # of one value; thousands of them fit into what SQLite adds exactly


class Sums:
    """Rows that are added up by their key.

    Args:
        keys: The columns that rows of one key share.
        sums: The columns that are added up; of all others, the first row of a key counts.
    """

    def __init__(self, keys: Sequence[str], sums: Sequence[str]) -> None:
        self._keys, self._sums = keys, sums
        self._recent: dict[tuple[Any, ...], tuple[SourceBundle, list[int | None]]] = {}
        self._last: dict[tuple[Any, ...], int] = {}  # the last line of those with several rows
        self._database: sqlite3.Connection | None = None

    def add(self, row: SourceBundle) -> bool:
        """Adds a row; tells whether it has a key, of which no part is absent.

        Raises:
            SourceError: A value that is to be added up is no number.
        """
        values = row.values
        key = tuple([values.get(name) for name in self._keys])
        if None in key:
            return False
        amounts = [_units(name, values.get(name)) for name in self._sums]
        found = self._recent.get(key)
        if found is None:
            if len(self._recent) >= IN_MEMORY:
                self._put_away()
            self._recent[key] = row, amounts
            return True
        self._last[key] = row.place.last
        before = found[1]
        for position, amount in enumerate(amounts):
            if amount is not None:
                before[position] = (before[position] or 0) + amount
        return True

    def bundles(self) -> Iterator[SourceBundle]:
        """Gives one bundle for each key, in the order in which the keys came; then it is empty."""
        if self._database is None:
            for key, (row, amounts) in self._recent.items():
                place = replace(row.place, last=self._last.get(key, row.place.last))
                yield self._bundle(row.values, place, amounts)
            return
        self._put_away()
        rows = self._database.execute("SELECT * FROM rows ORDER BY number")
        for _, _, source, first, last, unit, body, *amounts in rows:
            yield self._bundle(json.loads(body), Place(source, first, last, unit), amounts)
        self._database.close()

    def _bundle(
        self, values: Mapping[str, Any], place: Place, amounts: Sequence[Any]
    ) -> SourceBundle:
        made, fault = dict(values), None
        for name, amount in zip(self._sums, amounts, strict=True):
            if isinstance(amount, float):  # what SQLite makes of a sum that is too long
                fault = SourceError(f"{name}: the rows add up to more than can be kept exactly")
            elif amount is not None:
                made[name] = _written(amount)
        return SourceBundle(made, place, fault)

    def _put_away(self) -> None:
        """Moves what is in memory to the database."""
        columns = [f"s{number}" for number in range(len(self._sums))]
        if self._database is None:
            self._database = sqlite3.connect("", isolation_level=None)  # "" is a temporary file
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            self._database.execute(
                "CREATE TABLE rows (number INTEGER PRIMARY KEY, key TEXT UNIQUE, source TEXT,"
                " first INTEGER, last INTEGER, unit TEXT, body TEXT"
                + "".join(f", {name} INTEGER" for name in columns)
                + ")"
            )
        added = "".join(
            f", {name} = CASE WHEN excluded.{name} IS NULL THEN {name}"
            f" ELSE coalesce({name}, 0) + excluded.{name} END"
            for name in columns
        )
        insert = (
            f"INSERT INTO rows (key, source, first, last, unit, body"  # noqa: S608  # our own names
            f"{''.join(f', {name}' for name in columns)})"
            f" VALUES ({', '.join('?' * (6 + len(columns)))})"
            f" ON CONFLICT (key) DO UPDATE SET last = excluded.last{added}"
        )
        self._database.execute("BEGIN")
        self._database.executemany(insert, self._rows())
        self._database.execute("COMMIT")
        self._recent, self._last = {}, {}

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for key, (row, amounts) in self._recent.items():
            place, last = row.place, self._last.get(key, row.place.last)
            body = json.dumps(row.values, default=str)
            name = json.dumps(key, default=str)
            yield name, place.source, place.first, last, place.unit, body, *amounts


def _units(name: str, value: Any) -> int | None:
    if value is None:
        return None
    try:
        units = Decimal(str(value)).scaleb(PLACES)
        whole = int(units)
    except (DecimalException, ValueError, OverflowError):
        raise SourceError(f"{name}: {str(value)[:60]!r} is not a number") from None
    if whole != units or abs(whole) > LIMIT * 10**PLACES:
        raise SourceError(f"{name}: {str(value)[:60]!r} cannot be added up exactly")
    return whole


def _written(units: int) -> str:
    whole, rest = divmod(abs(units), 10**PLACES)
    decimals = f".{rest:0{PLACES}}".rstrip("0") if rest else ""
    return f"{'-' if units < 0 else ''}{whole}{decimals}"


def summed(
    rows: Iterator[SourceBundle], keys: Sequence[str], sums: Sequence[str]
) -> Iterator[SourceBundle]:
    """Gives rows added up by key, after those that cannot be read and those without a key.

    A row that lacks a part of its key, as the total of a report does, is given as it stands, with
    `is_total` true: it would count what the others have once more.
    """
    found = Sums(keys, sums)
    for row in rows:
        if row.error is not None:
            yield row
            continue
        try:
            has_key = found.add(row)
        except SourceError as error:
            yield replace(row, error=error)
            continue
        if not has_key:
            yield replace(row, values={**row.values, "is_total": True})
    yield from found.bundles()
