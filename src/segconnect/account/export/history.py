"""States of an account that were kept, and reports that are answered from one of them.

A state is a manifest that stays, with the files that it names. States share the files that are the
same in both, so one more costs what changed since the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

from segconnect.account.export.manifest import ASIDE, Manifest, read, write_manifest
from segconnect.account.replica import Facts
from segconnect.account.reports.relative_dates import read_moment
from segconnect.clock import now
from segconnect.errors import UsageError
from segconnect.types import shown

MEMORY = "1GB"
TOLD = 5  # states that an error names
MARK = "@"  # in the names of their files: ACCOUNT@CHANGE@SECONDS.json
HOW = "keep some: segconnect export parquet --keep"


class State(NamedTuple):
    """A state that is kept."""

    change: int
    moment: datetime  # when it was read
    path: Path

    def __str__(self) -> str:
        return f"{self.change} ({self.moment:%Y-%m-%d %H:%M:%S} UTC)"


def states(directory: Path, account_id: str) -> list[State]:
    """Answers the states that are kept, oldest first."""
    found = []
    for path in (directory / ASIDE).glob(f"{account_id}{MARK}*{MARK}*.json"):
        _, change, seconds = path.stem.split(MARK)
        found.append(State(int(change), datetime.fromtimestamp(int(seconds), UTC), path))
    return sorted(found, key=lambda state: (state.moment, state.change))


def keep(directory: Path, manifest: Manifest) -> bool:
    """Keeps a state; answers whether it was not kept already."""
    moment = datetime.fromisoformat(manifest.as_of)
    for state in states(directory, manifest.account_id):
        if state.change == manifest.change:
            same = read(state.path)
            if (same.files, set(same.models)) == (manifest.files, set(manifest.models)):
                return False
    name = f"{manifest.account_id}{MARK}{manifest.change}{MARK}{int(moment.timestamp())}.json"
    write_manifest(directory / ASIDE / name, manifest)
    return True


def state_of(directory: Path, account_id: str, as_of: str | int, zone: tzinfo) -> Manifest:
    """Finds the state that a report is answered from.

    Args:
        directory: Where exports are.
        account_id: The account.
        as_of: A change number, of which a state must be kept; or a moment, as in the dates of a
            report: the newest state that was read at it or before.
        zone: Of moments that do not say their own.

    Raises:
        UsageError: No such state is kept.
    """
    known = states(directory, account_id)
    text = str(as_of).strip()
    listed = "; kept are the changes " + ", ".join(map(str, known[-TOLD:])) if known else ""
    if text.isascii() and text.isdigit():
        found = [state for state in known if state.change == int(text[:20])]
        if not found:
            raise UsageError(f"as_of: change {text[:20]} of the data is not kept{listed}; {HOW}")
    else:
        moment = read_moment(text, now(), zone)
        found = [state for state in known if state.moment <= moment]
        if not found:
            first = f"; the first is of change {known[0]}" if known else ""
            raise UsageError(
                f"as_of: nothing is kept of {shown(text)} or before{first}; {HOW}"
            )  # fmt: skip
    return read(found[-1].path)


@contextmanager
def reading(directory: Path, manifest: Manifest, models: Sequence[str]) -> Iterator[Facts]:
    """Answers the facts of an export, through DuckDB.

    Raises:
        UsageError: The credits of one of the models are not in it, or a file is gone.
    """
    import duckdb

    manifest.check(directory, models)
    with duckdb.connect(":memory:", config={"memory_limit": MEMORY}) as connection:
        try:
            for table, columns in manifest.columns.items():
                listed = ", ".join(f"{name} {of}" for name, of in columns.items())
                names = [str(directory / part.path) for part in manifest.files[table]]
                connection.execute(f"create table empty_{table} ({listed})")
                files = ", ".join("'{}'".format(name.replace("'", "''")) for name in names)
                rows = f"read_parquet([{files}], hive_partitioning = false)"
                connection.execute(
                    f"create view {table} as from {rows if names else f'empty_{table}'}"
                )
        except duckdb.IOException as error:
            told = str(error).partition("\n")[0]
            raise UsageError(f"{directory}: cannot be read: {told}; export again") from None
        yield Facts(connection, manifest.change, datetime.fromisoformat(manifest.as_of))
