"""What scenarios were before they were changed: every state that was kept, by whom and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.engine import Connection

from segconnect.errors import UsageError
from segconnect.scenario.journal.schema import versions
from segconnect.scenario.moments import now

HELD = ("document", "bindings", "connection", "schedule")
"""What makes one version another: the columns of a scenario that a person decides on."""

MOST = 200  # versions of a scenario that are kept


class VersionRow(NamedTuple):
    """A scenario as it was from a moment on."""

    scenario_id: str
    number: int  # from 1
    at: int
    who: str
    document: str
    bindings: str
    connection: str | None
    schedule: str


class Versions:
    """The versions of the scenarios of a journal."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, scenario_id: str) -> list[VersionRow]:
        """Answers the versions of a scenario, the newest first."""
        query = select(versions).where(versions.c.scenario_id == scenario_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(versions.c.number.desc())).all()
        return [VersionRow(**row._mapping) for row in rows]

    def get(self, scenario_id: str, number: int) -> VersionRow:
        """Finds a version.

        Raises:
            UsageError: There is none of this number.
        """
        found = next((row for row in self.all(scenario_id) if row.number == number), None)
        if found is None:
            raise UsageError(f"there is no version {number}; the oldest ones are forgotten")
        return found


def note_version(
    connection: Connection,
    scenario_id: str,
    before: Mapping[str, Any] | None,
    values: Mapping[str, Any],
    who: str,
) -> None:
    """Notes what a scenario is from now on, in a transaction that is open; not what it is already.

    Args:
        connection: Of the transaction.
        scenario_id: The scenario.
        before: Its columns until now; None: it is new.
        values: Its columns from now on.
        who: Who changes it.
    """
    mine = versions.c.scenario_id == scenario_id
    query = select(versions).where(mine).order_by(versions.c.number.desc()).limit(1)
    last = connection.execute(query).first()
    number = 0 if last is None else last.number
    if last is None and before is not None:  # of a time before versions were kept
        number = 1
        old = {name: before[name] for name in HELD}
        at = {"scenario_id": scenario_id, "number": 1, "at": before["created_at"], "who": ""}
        connection.execute(insert(versions), {**at, **old})
        last = connection.execute(query).first()
    new = {name: values.get(name) for name in HELD}
    if last is not None and all(last._mapping[name] == new[name] for name in HELD):
        return
    at = {"scenario_id": scenario_id, "number": number + 1, "at": now(), "who": who}
    connection.execute(insert(versions), {**at, **new})
    connection.execute(delete(versions).where(mine, versions.c.number <= number + 1 - MOST))
