"""Incomplete executions on disk: bundles that wait at the module that failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Engine, select, update

from segconnect import clock
from segconnect.errors import UsageError
from segconnect.scenario import values_json
from segconnect.scenario.engine.bookkeeping import retry_after
from segconnect.scenario.engine.result import Incomplete
from segconnect.scenario.journal.errors import KeptError
from segconnect.scenario.journal.schema import incompletes
from segconnect.scenario.moments import millisecond, moment, now


class Wait(StrEnum):
    """Where an incomplete execution is."""

    UNRESOLVED = "unresolved"  # a person must say what is to be done
    SCHEDULED = "scheduled"  # it is tried again by itself
    RUNNING = "running"
    RESOLVED = "resolved"
    DROPPED = "dropped"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self not in (Wait.RESOLVED, Wait.DROPPED)


OPEN = tuple(each.value for each in Wait if each.is_open)


class IncompleteRow(NamedTuple):
    """An incomplete execution as it is kept. Times are milliseconds UTC."""

    id: str
    run_id: str
    scenario_id: str | None
    scenario: str
    file: str
    number: int
    place: str
    module_id: int
    module: str
    kind: str
    reason: str
    bundles: str
    blueprint: str
    is_before_filter: bool
    state: str
    attempts: int
    retries: int
    interval: int | None
    next_at: int | None
    created_at: int
    ended_at: int | None

    def to_incomplete(self) -> Incomplete:
        """Answers it as the engine takes it up."""
        interval = None if self.interval is None else timedelta(milliseconds=self.interval)
        return Incomplete(
            id=self.id,
            reason=self.reason,
            kind=self.kind,
            module_id=self.module_id,
            bundles=bundles_of(self.bundles),
            blueprint=json.loads(self.blueprint),
            created=moment(self.created_at),
            execution_id=self.run_id,
            cause=KeptError(self.kind, self.reason),
            retries=self.retries,
            interval=interval,
            attempts=self.attempts,
            is_before_filter=self.is_before_filter,
        )


def bundles_of(text: str) -> dict[Any, Any]:
    """Reads what stood at a module: what each one before it put out, by its id."""
    found = values_json.loads(text)
    return {int(key) if key.lstrip("-").isdigit() else key: value for key, value in found.items()}


class Incompletes:
    """The incomplete executions of a journal."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, id_: str) -> IncompleteRow:
        """Finds one by its id, or by the beginning of it.

        Raises:
            UsageError: There is none, or several begin so.
        """
        begins_so = incompletes.c.id.startswith(id_, autoescape=True)
        with self._engine.connect() as connection:
            found = connection.execute(select(incompletes).where(begins_so).limit(2)).all()
        if not found or not id_:
            raise UsageError(
                f"there is no incomplete execution {id_!r}; `segconnect incomplete list` shows them"
            )
        if len(found) > 1:
            raise UsageError(f"several incomplete executions begin with {id_!r}; give more of it")
        return IncompleteRow(**found[0]._mapping)

    def waiting(
        self, most: int = 100, *, is_open: bool = True, run_id: str | None = None
    ) -> list[IncompleteRow]:
        """Answers the oldest first: those that wait, or all; of all runs, or of one."""
        query = select(incompletes).order_by(incompletes.c.created_at, incompletes.c.id)
        if is_open:
            query = query.where(incompletes.c.state.in_(OPEN))
        if run_id is not None:
            query = query.where(incompletes.c.run_id == run_id)
        return self._rows(query.limit(most))

    def due(self, by: datetime) -> list[IncompleteRow]:
        """Answers those that are to be tried again by a moment, the oldest first."""
        is_due = incompletes.c.state == Wait.SCHEDULED.value
        is_due &= incompletes.c.next_at <= millisecond(by)
        query = select(incompletes).where(is_due).order_by(incompletes.c.created_at)
        return self._rows(query.limit(500))

    def take(self, ids: Sequence[str], states: Sequence[str] = OPEN) -> list[str]:
        """Marks those that are to be taken up now; answers which ones nobody else took."""
        taken = []
        with self._engine.begin() as connection:
            for id_ in ids:
                mine = (incompletes.c.id == id_) & incompletes.c.state.in_(states)
                mine &= incompletes.c.state != Wait.RUNNING.value
                change = update(incompletes).where(mine).values(state=Wait.RUNNING.value)
                if connection.execute(change).rowcount == 1:
                    taken.append(id_)
        return taken

    def settle(self, incomplete: Incomplete) -> None:
        """Writes down what came of taking one up."""
        ended = clock.now()
        values: dict[str, Any] = {"attempts": incomplete.attempts}
        if incomplete.is_resolved:
            values |= {
                "state": Wait.RESOLVED.value,
                "ended_at": millisecond(ended),
                "next_at": None,
            }
        else:
            values |= waits(incomplete, ended)
            values |= {"kind": incomplete.kind, "reason": incomplete.reason}
        self._set(incomplete.id, values)

    def drop(self, id_: str) -> None:
        """Gives one up: what it holds is kept for the history."""
        ended = {"state": Wait.DROPPED.value, "ended_at": now()}
        self._set(id_, {**ended, "next_at": None})

    def edit(self, id_: str, bundles: Mapping[Any, Any], blueprint: Mapping[str, Any]) -> None:
        """Changes what one holds, before it is taken up again."""
        self._set(
            id_,
            {"bundles": values_json.dumps(dict(bundles)), "blueprint": json.dumps(dict(blueprint))},
        )

    def _set(self, id_: str, values: Mapping[str, Any]) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(incompletes).where(incompletes.c.id == id_).values(**values))

    def _rows(self, query: Any) -> list[IncompleteRow]:
        with self._engine.connect() as connection:
            return [IncompleteRow(**row._mapping) for row in connection.execute(query)]


def waits(incomplete: Incomplete, failed: datetime) -> dict[str, Any]:
    """Answers the columns that say when one is tried again."""
    wait = retry_after(incomplete)
    if wait is None:
        return {"state": Wait.UNRESOLVED.value, "next_at": None}
    return {"state": Wait.SCHEDULED.value, "next_at": millisecond(failed + wait)}


def columns(incomplete: Incomplete, run: Any, number: int, place: str) -> dict[str, Any]:
    """Answers the row of an incomplete execution.

    Args:
        incomplete: What was set aside.
        run: The row of the run that did.
        number: Of the source's bundle, from 1; 0 where it has none.
        place: Where that bundle lies.
    """
    interval = incomplete.interval
    return {
        "id": incomplete.id,
        "run_id": run.id,
        "scenario_id": run.scenario_id,
        "scenario": str(incomplete.blueprint.get("name") or run.scenario),
        "file": str(incomplete.file or run.file),
        "number": number,
        "place": place,
        "module_id": incomplete.module_id,
        "module": incomplete.module,
        "kind": incomplete.kind,
        "reason": incomplete.reason,
        "bundles": values_json.dumps(incomplete.bundles),
        "blueprint": json.dumps(incomplete.blueprint),
        "is_before_filter": incomplete.is_before_filter,
        "attempts": incomplete.attempts,
        "retries": incomplete.retries,
        "interval": None if interval is None else int(interval.total_seconds() * 1000),
        "created_at": millisecond(incomplete.created),
        **waits(incomplete, clock.now()),
    }
