"""What runs leave behind: where each stands, what it came to, and what it refused.

A run is written down before it begins, and each bundle's outcome soon after it is known, several
together in one commit. A process that dies leaves a run that another one can take up.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Engine, delete, insert, select, update

from segconnect import clock, database
from segconnect.database import Migrations
from segconnect.errors import Recovery, SegconnectError, UsageError
from segconnect.scenario.bundle import Place, Refusal
from segconnect.scenario.journal.schema import refusals, runs
from segconnect.scenario.runner import SHOWN_REFUSALS, RefusedFile, Report
from segconnect.settings import Settings

MIGRATIONS = Migrations("segconnect.scenario.journal:migrations", "0001", "journal_version")


class State(StrEnum):
    """Where a run is."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  # some bundles were refused
    FAILED = "failed"  # nothing was delivered, or it had to stop
    CANCELED = "canceled"

    @property
    def is_over(self) -> bool:
        """Whether it ended for good."""
        return self not in (State.QUEUED, State.RUNNING, State.PAUSED)


class KeptError(SegconnectError):
    """An error as the journal kept it."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.recovery = kind, Recovery.FIX
        super().__init__(message)


class RunRow(NamedTuple):
    """A run as it is kept. Times are milliseconds UTC."""

    id: str
    scenario: str
    file: str
    document: str
    bindings: str
    inputs: str
    connection: str | None
    cause: str
    state: str
    asked: str | None
    created_at: int
    ended_at: int | None
    took: int
    was_read: int
    filtered: int
    delivered: int
    refused: int
    operations: int
    cursor: str | None
    error_kind: str | None
    error: str | None


def url_of(settings: Settings) -> str:
    """Answers where the journal is kept."""
    if settings.database is not None:
        return settings.database_url
    return f"sqlite:///{settings.data.expanduser() / 'runs.db'}"


class Journal:
    """The runs of a data directory, or of a PostgreSQL database.

    Raises:
        StoreError: It cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = database.open_engine(url, MIGRATIONS)

    def create(
        self,
        scenario: str,
        file: Path,
        document: str,
        bindings: str,
        inputs: str,
        connection: str | None,
        cause: str,
    ) -> str:
        """Writes a run down, before it begins; answers its id. Later ones sort after it."""
        id_ = f"{_now():011x}{secrets.token_hex(3)}"
        values = {
            "id": id_,
            "scenario": scenario,
            "file": str(file),
            "document": document,
            "bindings": bindings,
            "inputs": inputs,
            "connection": connection,
            "cause": cause,
            "state": State.QUEUED.value,
            "created_at": _now(),
            **dict.fromkeys(_COUNTS, 0),
            "took": 0,
        }
        with self.engine.begin() as connected:
            connected.execute(insert(runs), values)
        return id_

    def get(self, id_: str) -> RunRow:
        """Finds a run by its id, or by the end of it.

        Raises:
            UsageError: There is none, or several end so.
        """
        ends_so = runs.c.id.endswith(id_, autoescape=True)
        with self.engine.connect() as connected:
            found = connected.execute(select(runs).where(ends_so).limit(2)).all()
        if not found or not id_:
            raise UsageError(f"there is no run {id_!r}; `segconnect runs` lists them")
        if len(found) > 1:
            raise UsageError(f"several runs end in {id_!r}; give more of the id")
        return RunRow(**found[0]._mapping)

    def latest(self, most: int = 20, states: Sequence[State] = ()) -> list[RunRow]:
        """Answers the latest runs, the newest first."""
        query = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(most)
        if states:
            query = query.where(runs.c.state.in_([state.value for state in states]))
        with self.engine.connect() as connected:
            return [RunRow(**row._mapping) for row in connected.execute(query)]

    def begin(self, id_: str) -> None:
        """Says that a run is at work."""
        self._set(id_, state=State.RUNNING.value, asked=None, ended_at=None)

    def rest(self, id_: str) -> None:
        """Says that a run, also one that failed or was canceled, is to be gone on with."""
        self._set(id_, state=State.PAUSED.value, ended_at=None, error_kind=None, error=None)

    def ask(self, id_: str, what: str | None) -> None:
        """Says what a person wants of a run that is at work: "pause" or "cancel"."""
        self._set(id_, asked=what)

    def asked(self, id_: str) -> str | None:
        """Answers what a person wants of a run."""
        query = select(runs.c.asked).where(runs.c.id == id_)
        with self.engine.connect() as connected:
            found: str | None = connected.scalar(query)
        return found

    def save(self, id_: str, report: Report, refused: Sequence[tuple[int, Refusal]]) -> None:
        """Writes down how far a run is and what it refused since, in one commit."""
        rows = [_refusal(id_, number, refusal) for number, refusal in refused]
        with self.engine.begin() as connected:
            if rows:
                numbers = [row["number"] for row in rows]
                again = refusals.c.number.between(min(numbers), max(numbers))
                connected.execute(delete(refusals).where(refusals.c.run_id == id_, again))
                connected.execute(insert(refusals), rows)
            connected.execute(update(runs).where(runs.c.id == id_).values(_progress(report)))

    def end(self, id_: str, state: State, error: SegconnectError | None = None) -> None:
        """Says that a run has ended, or rests."""
        self._set(
            id_,
            state=state.value,
            asked=None,
            ended_at=_now() if state.is_over else None,
            error_kind=None if error is None else error.kind,
            error=None if error is None else str(error),
        )

    def report(self, row: RunRow) -> Report:
        """Answers what a run came to so far."""
        found = Report(row.scenario)
        found.read, found.filtered, found.delivered = row.was_read, row.filtered, row.delivered
        found.refused, found.operations = row.refused, row.operations
        found.seconds = row.took / 1000
        found.cursor = None if row.cursor is None else json.loads(row.cursor)
        found.refusals = [refusal for _, refusal in self.refusals(row.id, SHOWN_REFUSALS)]
        found.reasons.update(refusal.error.why for refusal in found.refusals)
        if row.error is not None:
            found.stopped_by = KeptError(row.error_kind or "RuntimeError", row.error)
        return found

    def refusals(self, id_: str, most: int, after: int = 0) -> list[tuple[int, Refusal]]:
        """Answers the first bundles that a run refused after a number, with their numbers."""
        query = (
            select(refusals)
            .where(refusals.c.run_id == id_, refusals.c.number > after)
            .order_by(refusals.c.number)
            .limit(most)
        )
        with self.engine.connect() as connected:
            return [
                (
                    row.number,
                    Refusal(
                        Place(row.source, row.first, row.last, row.unit),
                        row.module,
                        KeptError(row.kind, row.reason),
                        json.loads(row.bundle),
                    ),
                )
                for row in connected.execute(query)
            ]

    def write_refused(self, id_: str, path: Path) -> None:
        """Writes all bundles that a run refused to a CSV file."""
        last, page = 0, 1_000
        with RefusedFile(path) as file:
            while rows := self.refusals(id_, page, last):
                for _, refusal in rows:
                    file.write(refusal)
                last = rows[-1][0]

    def close(self) -> None:
        """Closes the database."""
        self.engine.dispose()

    def _set(self, id_: str, **values: Any) -> None:
        with self.engine.begin() as connected:
            connected.execute(update(runs).where(runs.c.id == id_).values(**values))


_COUNTS = ("was_read", "filtered", "delivered", "refused", "operations")


def _now() -> int:
    return int(clock.now().timestamp() * 1000)


def _progress(report: Report) -> dict[str, Any]:
    return {
        "was_read": report.read,
        "filtered": report.filtered,
        "delivered": report.delivered,
        "refused": report.refused,
        "operations": report.operations,
        "took": int(report.seconds * 1000),
        "cursor": None if report.cursor is None else json.dumps(report.cursor),
    }


def _refusal(id_: str, number: int, refusal: Refusal) -> dict[str, Any]:
    place = refusal.place
    return {
        "run_id": id_,
        "number": number,
        "source": place.source,
        "first": place.first,
        "last": place.last,
        "unit": place.unit,
        "module": refusal.module,
        "kind": refusal.error.kind,
        "reason": refusal.error.why,
        "bundle": to_json(refusal.values).decode(),
    }
