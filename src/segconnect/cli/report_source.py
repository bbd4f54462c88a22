"""Where a report of the command line is answered from: the replica, or an export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from segconnect.cli.stored import account_of, exported, exports, stored
from segconnect.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from segconnect.account.export import Manifest
    from segconnect.account.replica import Facts
    from segconnect.account.reports.plan import Plan, Query

DUCKDB, SPARK = "duckdb", "spark"
ENGINES = (DUCKDB, SPARK)
MASTER = "local[*]"


class Asked(NamedTuple):
    """A report that was planned, and what it is answered from."""

    plan: Plan
    facts: Facts
    keep: Callable[[str], str]  # keeps the report under a name; answers what to tell of it


class Source(NamedTuple):
    """What is answered from."""

    engine: str
    master: str | None  # of Spark
    parquet: Path | None  # an export that is there
    as_of: str | None  # a state of it

    def check(self) -> None:
        """Refuses what does not go together.

        Raises:
            UsageError: It does not.
        """
        if self.engine not in ENGINES:
            raise UsageError(unknown_name("engine", self.engine, ENGINES))
        if self.engine != SPARK and self.master:
            raise UsageError("--master is for reports on Spark: add --engine spark")


@contextmanager
def asked(source: Source, query: Query, account: str | None, data: Path | None) -> Iterator[Asked]:
    """Plans a report, and opens what it is answered from.

    Raises:
        UsageError: It cannot be planned, or not be answered from there.
    """
    from segconnect.account.export import read_manifest
    from segconnect.account.export.history import state_of
    from segconnect.account.figures.reporting import models_of
    from segconnect.account.reports import saved
    from segconnect.account.reports.plan import plan

    source.check()
    if source.parquet is not None or source.as_of is not None:
        directory = source.parquet or exports(data)
        manifest = read_manifest(directory, account)
        settings = manifest.settings
        if source.as_of is not None:
            manifest = state_of(directory, manifest.account_id, source.as_of, settings.zone)
            settings = manifest.settings_then
        planned = plan(query, settings)
        with _exported(source, directory, manifest, planned) as facts:
            yield Asked(planned, facts, _cannot_keep)
        return
    with stored(data) as (engine, replica):
        found = account_of(engine, account)

        def keep(name: str) -> str:
            return f"{saved.keep(engine, found.id, name, query)} of {found.id}"

        with engine.connect() as connection:
            planned = plan(query, saved.settings_of(connection, found.pk))
        models = models_of(planned)
        if source.engine == SPARK:
            directory = exports(data)
            written = exported(engine, replica, found, directory, models)
            with _exported(source, directory, written.manifest, planned) as facts:
                yield Asked(planned, facts, keep)
            return
        with replica.reading(found.pk, models) as facts:
            yield Asked(planned, facts, keep)


@contextmanager
def _exported(
    source: Source, directory: Path, manifest: Manifest, planned: Plan
) -> Iterator[Facts]:
    """Opens an export, by Spark or by DuckDB."""
    from segconnect.account.export import history, spark
    from segconnect.account.figures.reporting import models_of

    models = models_of(planned)
    if source.engine == SPARK:
        together = [each for each in planned.models or (planned.model,) if each.together]
        if together and models:
            raise UsageError(
                f"--engine spark: model {together[0].slug} looks at all journeys together, which"
                " DuckDB alone does; leave out --engine, or take another model"
            )
        with spark.session(source.master or MASTER) as session:
            yield spark.facts_of(session, directory, manifest, models)
    else:
        with history.reading(directory, manifest, models) as facts:
            yield facts


def _cannot_keep(_: str) -> str:
    raise UsageError("--save is for reports of what the store holds now: no --parquet, no --as-of")
