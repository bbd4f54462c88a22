"""Writes what changed of an account as Parquet files, by DuckDB, which holds little in memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from segconnect.account.export import history
from segconnect.account.export.manifest import (
    ASIDE,
    FORMAT,
    Manifest,
    Part,
    place,
    read,
    read_manifest,
    sync,
    write_manifest,
)
from segconnect.account.replica.copy import LAYOUT
from segconnect.account.replica.copy import MEMORY as MEMORY_OF_REPORTS
from segconnect.account.replica.files import locked
from segconnect.account.reports.dates import months_later
from segconnect.errors import UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from segconnect.account.replica import Facts
    from segconnect.account.reports.plan import Settings


MEMORY = "200MB"  # that DuckDB takes at most while it writes files, a month at a time
ROW_GROUP = 50_000  # rows, which are held in memory until they are written


class Source(NamedTuple):
    """Where the rows of a table are found, as t, and their day."""

    text: str
    day: str | None = None


def _dated(table: str, day: str = "t.day") -> Source:
    return Source(f"{table} t", day)


TABLES = {
    **{name: _dated(name) for name in (
        "contacts", "contact_tags", "orders", "subscriptions", "ad_performance", "page_views",
        "touches", "leads", "sold", "sold_lines",
    )},
    "order_items": Source("order_items t join orders o on o.pk = t.order_pk", "o.day"),
    "credits": Source("credits t where t.model in ({models})", "t.order_day"),
    "lead_credits": Source("lead_credits t where t.model in ({models})", "t.lead_day"),
    **{name: Source(f"{name} t") for name in (
        "integrations", "tags", "products", "adcampaigns", "adsets", "ads", "identities", "people",
    )},
}  # fmt: skip
"""The tables of the replica that are exported: docs/decisions/replica.md."""


class Written(NamedTuple):
    """What an export came to."""

    manifest: Manifest
    files: int  # that were written
    kept: int  # that were there already
    removed: int
    is_new: bool  # a state that is kept, and was not before


def export(facts: Facts, directory: Path, account_id: str, settings: Settings,
           models: Sequence[str], *, keeps: bool = False) -> Written:  # fmt: skip
    """Writes the facts of an account, as far as they are not there already.

    Args:
        facts: The replica, with the credits of the models.
        directory: Where to; it may hold exports of other accounts.
        account_id: The account.
        settings: What it says about its reports.
        models: The attribution models whose credits are written.
        keeps: Whether this state stays, for reports `as_of` it, when others are written.

    Raises:
        UsageError: It cannot be written there, or another process writes there now.
    """
    import duckdb

    try:
        with _alone(directory, account_id) as aside, _sparing(facts.connection):
            return _export(facts, directory, aside, account_id, settings, models, keeps)
    except (OSError, duckdb.IOException) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UsageError(f"{directory}: cannot be written: {reason}") from None


@contextmanager
def _sparing(connection: DuckDBPyConnection) -> Iterator[None]:
    """Keeps DuckDB from holding what it read, which nobody reads again."""
    connection.execute(f"set memory_limit = '{MEMORY}'")
    try:
        yield
    finally:
        connection.execute(f"set memory_limit = '{MEMORY_OF_REPORTS}'")


@contextmanager
def _alone(directory: Path, account_id: str) -> Iterator[Path]:
    """Keeps others from writing the account's export; answers a directory to write aside in."""
    beside = directory / ASIDE
    beside.mkdir(parents=True, exist_ok=True)
    lock = locked(beside / f"{account_id}.lock")
    if lock is None:
        raise UsageError(f"{directory}: another process exports {account_id} there now; try later")
    with lock:
        aside = beside / f"{account_id}.writing.d"
        shutil.rmtree(aside, ignore_errors=True)  # of an export that was killed
        aside.mkdir()
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def exported_models(directory: Path, account_id: str) -> Sequence[str]:
    """The models whose credits an export already holds."""
    try:
        return read_manifest(directory, account_id).models
    except UsageError:
        return ()


def _export(facts: Facts, directory: Path, aside: Path, account_id: str, settings: Settings,
            models: Sequence[str], keeps: bool) -> Written:  # fmt: skip
    files: dict[str, list[Part]] = {}
    columns: dict[str, dict[str, str]] = {}
    made: list[tuple[Path, Path]] = []
    kept = 0
    for table in TABLES:
        columns[table] = _columns(facts.connection, table)
        source = _source(table, models)
        files[table] = []
        for part in _parts(facts.connection, table, source, account_id, columns[table]):
            files[table].append(part)
            path = directory / part.path
            if path.exists():
                kept += 1
                continue
            written = aside / f"{len(made)}.parquet"
            _copy(facts.connection, source, part.month, written)
            made.append((written, path))
    for written, path in made:  # all at once, so that who reads whole directories waits little
        path.parent.mkdir(parents=True, exist_ok=True)
        written.replace(path)
    for parent in {path.parent for _, path in made}:
        sync(parent)
    manifest = Manifest(
        FORMAT, LAYOUT, account_id, facts.number, facts.as_of.isoformat(), settings.currency,
        str(settings.zone), settings.week_start, settings.model, list(models), columns, files,
        {name: True for name, is_on in asdict(settings.switches).items() if is_on},
    )  # fmt: skip
    write_manifest(place(directory, account_id), manifest)
    is_new = keeps and history.keep(directory, manifest)
    return Written(manifest, len(made), kept, _remove_others(directory, manifest), is_new)


def _source(table: str, models: Sequence[str]) -> Source:
    listed = ", ".join("'{}'".format(model.replace("'", "''")) for model in models) or "''"
    source = TABLES[table]
    return source._replace(text=source.text.format(models=listed))


def _columns(connection: DuckDBPyConnection, table: str) -> dict[str, str]:
    described = connection.execute(f"describe {table}").fetchall()
    return {name: str(type_).lower() for name, type_, *_ in described}


def _parts(
    connection: DuckDBPyConnection, table: str, source: Source, account_id: str,
    columns: Mapping[str, str],
) -> Iterator[Part]:  # fmt: skip
    """Answers the files that a table comes to; one without rows comes to none."""
    import duckdb

    month = f"date_trunc('month', {source.day})" if source.day else "null"
    found = connection.execute(
        f"select cast({month} as date), count(*), cast(sum(hash(t)) as varchar)"
        f" from {source.text} group by all order by 1"
    ).fetchall()
    for first, rows, digest in found:
        if not rows:
            continue
        known = (LAYOUT, duckdb.__version__, dict(columns), rows, digest)
        name = blake2b(repr(known).encode(), digest_size=12).hexdigest()
        named = f"{first:%Y-%m}" if first else None
        within = f"/month={named}" if named else ""
        yield Part(f"{table}/account={account_id}{within}/{name}.parquet", named, rows)


def _copy(connection: DuckDBPyConnection, source: Source, month: str | None, path: Path) -> None:
    """Writes one file, and waits until it is on disk."""
    text = f"select t.* from {source.text}"
    if month is not None:
        first = date.fromisoformat(f"{month}-01")
        word = "and" if " where " in text else "where"
        text += (
            f" {word} {source.day} >= date '{first}'"
            f" and {source.day} < date '{months_later(first, 1)}'"
        )
    target = str(path).replace("'", "''")
    connection.execute(
        f"copy ({text}) to '{target}'"
        f" (format parquet, compression zstd, row_group_size {ROW_GROUP})"
    )
    sync(path)


def _remove_others(directory: Path, manifest: Manifest) -> int:
    """Removes the account's files that no manifest names; answers how many."""
    kept = [read(state.path) for state in history.states(directory, manifest.account_id)]
    named = {
        part.path for each in (manifest, *kept) for parts in each.files.values() for part in parts
    }
    removed = 0
    for table in TABLES:
        of_account = directory / table / f"account={manifest.account_id}"
        for path in [*of_account.rglob("*.parquet")]:
            if path.relative_to(directory).as_posix() not in named:
                path.unlink()
                removed += 1
        for path in [*of_account.glob("month=*")]:
            if not any(path.iterdir()):
                path.rmdir()
    return removed


def as_json(written: Written) -> dict[str, Any]:
    """What is told of an export to programs."""
    manifest = written.manifest
    return {
        "account_id": manifest.account_id,
        "change": manifest.change,
        "as_of": manifest.as_of,
        "schema": manifest.schema,
        "models": list(manifest.models),
        "rows": {
            table: sum(part.rows for part in parts) for table, parts in manifest.files.items()
        },
        "written": written.files,
        "kept": written.kept,
        "removed": written.removed,
        "is_new_state": written.is_new,
    }
