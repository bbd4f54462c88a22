"""Scenarios that are kept, to be started by a schedule, by a webhook, or by hand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from segconnect.errors import UsageError, unknown_name
from segconnect.scenario.journal.incompletes import OPEN
from segconnect.scenario.journal.schema import incompletes, runs, scenarios, versions
from segconnect.scenario.journal.versions import note_version
from segconnect.scenario.moments import millisecond, now


class ScenarioRow(NamedTuple):
    """A scenario as it is kept. Times are milliseconds UTC."""

    id: str
    name: str
    file: str
    document: str
    bindings: str
    inputs: str
    connection: str | None
    takes: str
    schedule: str
    is_instant: bool
    timezone: str
    hook: str | None
    is_on: bool
    created_at: int
    began_at: int
    next_at: int | None
    errors: int
    told: str | None
    cursor: str | None
    memory: str


class Memory(NamedTuple):
    """What a scenario remembers from run to run: where it stands.

    Attributes:
        cursor: Of its source; None before the first run.
        cursors: Of its polling triggers, by scenario and module id.
        counters: Of the increments that are never reset, by scenario and module id.
    """

    cursor: Any
    cursors: dict[tuple[str, int], Any]
    counters: dict[tuple[str, int], int]

    @classmethod
    def of(cls, row: ScenarioRow) -> Memory:
        """Reads what a row holds."""
        kept = json.loads(row.memory)
        return cls(
            None if row.cursor is None else json.loads(row.cursor),
            {(name, id_): value for name, id_, value in kept.get("cursors", ())},
            {(name, id_): value for name, id_, value in kept.get("counters", ())},
        )

    def to_values(self) -> dict[str, str | None]:
        """Answers what the columns hold."""
        kept = {
            name: [[*key, value] for key, value in table.items()]
            for name, table in (("cursors", self.cursors), ("counters", self.counters))
        }
        cursor = None if self.cursor is None else json.dumps(self.cursor)
        return {"cursor": cursor, "memory": json.dumps(kept)}


class Scenarios:
    """The scenarios of a journal."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, name: str, values: Mapping[str, Any], who: str = "") -> ScenarioRow:
        """Keeps a scenario; one of that name is replaced, and goes on where it stood.

        Args:
            name: What it is called here.
            values: The other columns that a person decides on.
            who: Who does it; "" where nobody says.
        """
        with self._engine.begin() as connection:
            found = connection.execute(select(scenarios).where(scenarios.c.name == name)).first()
            known = None if found is None else found.id
            if known is None:
                known = secrets.token_hex(8)
                new = {
                    "id": known,
                    "name": name,
                    "is_on": False,
                    "created_at": now(),
                    "began_at": now(),
                    "errors": 0,
                    "memory": "{}",
                }
                connection.execute(insert(scenarios), {**new, **values})
            else:
                changed = update(scenarios).where(scenarios.c.id == known)
                connection.execute(changed.values(**values))
            before = None if found is None else found._asdict()
            note_version(connection, known, before, values, who)
        return self.get(known)

    def get(self, name: str) -> ScenarioRow:
        """Finds a scenario by its name or id.

        Raises:
            UsageError: There is none.
        """
        query = select(scenarios).where((scenarios.c.name == name) | (scenarios.c.id == name))
        with self._engine.connect() as connection:
            found = connection.execute(query).first()
            if found is None:
                names = connection.scalars(select(scenarios.c.name)).all()
                raise UsageError(unknown_name("scenario", name, names))
        return ScenarioRow(**found._mapping)

    def find(self, id_: str) -> ScenarioRow | None:
        """Finds a scenario by its id."""
        with self._engine.connect() as connection:
            found = connection.execute(select(scenarios).where(scenarios.c.id == id_)).first()
        return None if found is None else ScenarioRow(**found._mapping)

    def all(self) -> list[ScenarioRow]:
        """Answers all scenarios, by name."""
        return self._rows(select(scenarios).order_by(scenarios.c.name))

    def due(self, by: datetime) -> list[ScenarioRow]:
        """Answers the scenarios that are to start by a moment, those that waited longest first."""
        is_due = scenarios.c.is_on & (scenarios.c.next_at <= millisecond(by))
        is_due &= ~scenarios.c.is_instant
        return self._rows(select(scenarios).where(is_due).order_by(scenarios.c.next_at).limit(200))

    def instant(self) -> list[ScenarioRow]:
        """Answers the scenarios that requests to their webhooks start at once."""
        return self._rows(select(scenarios).where(scenarios.c.is_on & scenarios.c.is_instant))

    def is_any_on(self) -> bool:
        """Whether any scenario may start by itself."""
        query = select(func.count()).select_from(scenarios).where(scenarios.c.is_on)
        with self._engine.connect() as connection:
            return bool(connection.scalar(query))

    def remove(self, id_: str) -> None:
        """Forgets a scenario; its runs stay in the history."""
        with self._engine.begin() as connection:
            connection.execute(delete(scenarios).where(scenarios.c.id == id_))
            connection.execute(delete(versions).where(versions.c.scenario_id == id_))

    def held(self, id_: str) -> dict[str, Any]:
        """Answers all that is kept of a scenario: its columns, and its versions."""
        columns = select(scenarios).where(scenarios.c.id == id_)
        with self._engine.connect() as connection:
            row = connection.execute(columns).one()
            kept = connection.execute(select(versions).where(versions.c.scenario_id == id_)).all()
        return {"scenario": dict(row._mapping), "versions": [dict(each._mapping) for each in kept]}

    def give_back(self, held: Mapping[str, Any]) -> ScenarioRow:
        """Keeps a scenario again that was removed, as `held` answered it.

        Raises:
            UsageError: There is another one of its name by now.
        """
        row = held["scenario"]
        with self._engine.begin() as connection:
            taken = select(scenarios.c.id).where(scenarios.c.name == row["name"])
            if connection.execute(taken).first():
                raise UsageError(f"there is a scenario {row['name']!r} by now; rename it first")
            connection.execute(insert(scenarios), dict(row))
            if held["versions"]:
                connection.execute(insert(versions), held["versions"])
        return self.get(row["id"])

    def set(self, id_: str, **values: Any) -> None:
        """Changes some columns of a scenario."""
        with self._engine.begin() as connection:
            connection.execute(update(scenarios).where(scenarios.c.id == id_).values(**values))

    def claim(
        self, row: ScenarioRow, next_at: int | None, told: str | None, run: Mapping[str, Any] | None
    ) -> bool:
        """Moves a scenario's next start on, and writes its run down, in one commit.

        Of several processes that try, one does.

        Args:
            row: The scenario as it was when it was seen to be due.
            next_at: Its start after this one; a schedule that has no more is None.
            told: What a person should know of it.
            run: The columns of the run; None starts none.
        """
        seen = (scenarios.c.id == row.id) & scenarios.c.is_on
        seen &= scenarios.c.next_at.is_not_distinct_from(row.next_at)
        with self._engine.begin() as connection:
            change = update(scenarios).where(seen).values(next_at=next_at, told=told)
            if connection.execute(change).rowcount != 1:
                return False
            if run is not None:
                connection.execute(insert(runs), dict(run))
        return True

    def is_busy(self, id_: str) -> str | None:
        """Answers the state of a scenario's run that has not ended; None: it may start."""
        query = select(runs.c.state).where(
            runs.c.scenario_id == id_, runs.c.state.in_(("queued", "running", "paused"))
        )
        with self._engine.connect() as connection:
            found: str | None = connection.scalar(query.limit(1))
        return found

    def waits_for(self, id_: str) -> int:
        """Answers how many of a scenario's incomplete executions are not resolved."""
        is_open = incompletes.c.state.in_(OPEN)
        query = select(func.count()).where(incompletes.c.scenario_id == id_, is_open)
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def _rows(self, query: Any) -> list[ScenarioRow]:
        with self._engine.connect() as connection:
            return [ScenarioRow(**row._mapping) for row in connection.execute(query)]


def remember(connection: Connection, id_: str, values: Mapping[str, Any]) -> None:
    """Changes a scenario in a transaction that is open."""
    connection.execute(update(scenarios).where(scenarios.c.id == id_).values(**values))
