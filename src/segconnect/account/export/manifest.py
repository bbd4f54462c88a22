"""What an export says of itself: which files it is made of, and what they hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from segconnect.account.owner.choices import Switches
from segconnect.account.replica.copy import LAYOUT
from segconnect.account.reports.plan import Settings
from segconnect.clock import now
from segconnect.errors import UsageError
from segconnect.types import zone_named

FORMAT = 1  # of the manifest and of where files lie
ASIDE = "_segconnect"  # Spark and Hive pass over what begins so


class Part(NamedTuple):
    """One file."""

    path: str  # under the directory of the export, with slashes
    month: str | None  # 2026-03; None: of a table that has no days
    rows: int


class Manifest(NamedTuple):
    """An export of one account."""

    format: int
    schema: int  # of the tables: it is counted on with every change of them
    account_id: str
    change: int  # the number of the newest change of the data that is in it
    as_of: str  # when it was read, UTC
    currency: str
    timezone: str
    week_start: str
    attribution_model: str  # the account's own
    models: Sequence[str]  # those whose credits are in it
    columns: Mapping[str, Mapping[str, str]]  # of each table: their names and types
    files: Mapping[str, Sequence[Part]]  # of each table
    switches: Mapping[str, bool] = {}  # what the account leaves out of revenue

    @property
    def settings(self) -> Settings:
        """What the account says about its reports, now."""
        return self.settings_at(now())

    def settings_at(self, moment: datetime) -> Settings:
        """What the account says about its reports, at a moment."""
        return Settings(
            moment, zone_named(self.timezone), self.currency, self.week_start,
            self.attribution_model, Switches(**self.switches),
        )  # fmt: skip

    @property
    def settings_then(self) -> Settings:
        """What the account said when the export was read, from which relative dates start."""
        return self.settings_at(datetime.fromisoformat(self.as_of))

    def check(self, directory: Path, models: Sequence[str]) -> None:
        """Refuses models whose credits are not in it, and tables of another version.

        Raises:
            UsageError: There are some, or they are.
        """
        if self.schema != LAYOUT:
            raise UsageError(
                f"{directory}: the tables of change {self.change} are of version {self.schema}, and"
                f" {LAYOUT} is read; export again, or read it with the segconnect that wrote it"
            )
        missing = sorted(set(models) - set(self.models))
        if missing:
            given = " ".join(f"--model {model}" for model in missing)
            raise UsageError(
                f"{directory}: holds no credits by {', '.join(missing)} of change {self.change};"
                f" the next export has them by: segconnect export parquet DIR {given}"
            )

    @property
    def rows(self) -> int:
        """How many rows there are in all tables."""
        return sum(part.rows for parts in self.files.values() for part in parts)


_SHAPE = TypeAdapter(dict[str, Any])
_PARTS = TypeAdapter(dict[str, list[Part]])
_COLUMNS = TypeAdapter(dict[str, dict[str, str]])


def place(directory: Path, account_id: str) -> Path:
    """The file of an account's manifest."""
    return directory / ASIDE / f"{account_id}.json"


def accounts(directory: Path) -> list[str]:
    """The accounts that are exported to a directory."""
    return sorted(path.stem for path in (directory / ASIDE).glob("*.json") if "@" not in path.stem)


def read_manifest(directory: Path, account_id: str | None = None) -> Manifest:
    """Reads an account's manifest; None takes the only one.

    Raises:
        UsageError: There is none, or it was written by another version.
    """
    known = accounts(directory)
    if account_id is None and len(known) == 1:
        account_id = known[0]
    if account_id is None or account_id not in known:
        told = f"of {account_id!r} " if account_id else ""
        listed = f"it holds {', '.join(known)}" if known else "it holds none"
        raise UsageError(
            f"{directory}: no one export {told}was found, {listed};"
            " make one: segconnect export parquet DIR"
        )
    return read(place(directory, account_id))


def read(path: Path) -> Manifest:
    """Reads a manifest.

    Raises:
        UsageError: It is none, or was written by another version.
    """
    try:
        given = _SHAPE.validate_json(path.read_bytes())
        if given.get("format") != FORMAT:
            raise UsageError(
                f"{path}: format {given.get('format')!r} is not {FORMAT}; another version of"
                " segconnect wrote it: export to an empty directory"
            )
        files, columns = _PARTS.validate_python(given["files"]), _COLUMNS.validate_python(
            given["columns"]
        )  # fmt: skip
        return Manifest(**{**given, "files": files, "columns": columns})
    except (OSError, ValidationError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no manifest of an export"
        raise UsageError(f"{path}: {reason}; remove it, and export again") from None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Puts a manifest in the place of the one before, at one moment."""
    aside = path.with_suffix(".writing")
    told = {**manifest._asdict(), "files": {
        table: [tuple(part) for part in parts] for table, parts in manifest.files.items()
    }}  # fmt: skip
    with aside.open("wb") as file:
        file.write(to_json(told, indent=1))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Waits until a file, or the names in a directory, are on disk."""
    if os.name == "nt" and path.is_dir():  # which has no such thing
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
