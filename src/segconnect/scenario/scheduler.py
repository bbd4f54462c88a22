"""Starts what is due: schedules, webhooks, retries. Any number of processes may do so at once.

None of them leads. What is due is seen in the journal by all, and taken by the one whose change of
the scenario's next start is the first; what it writes down is then run by whoever has room.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from segconnect import clock
from segconnect.errors import SegconnectError
from segconnect.scenario.durable import Worker
from segconnect.scenario.engine.settings import read_settings
from segconnect.scenario.hooks import Hooks
from segconnect.scenario.journal import Journal, State, Takes, new_run
from segconnect.scenario.journal.incompletes import IncompleteRow
from segconnect.scenario.journal.scenarios import Memory, ScenarioRow
from segconnect.scenario.moments import millisecond, moment
from segconnect.scenario.schedules import Schedule, missed, next_after

LATE = 5.0  # seconds; a run that nobody began by then is handed out again
KEPT = timedelta(days=30)  # of history
CLEAN = timedelta(hours=1)  # between two cleanings
LOG = logging.getLogger(__name__)


class Scheduler:
    """Starts what is due, for a worker.

    Args:
        worker: What runs it.
        hooks: What came in by webhooks.
        kept: For how long runs stay in the history.
    """

    def __init__(self, worker: Worker, hooks: Hooks, kept: timedelta = KEPT) -> None:
        self._worker, self._hooks, self._kept = worker, hooks, kept
        self.journal: Journal = worker.journal
        self._cleaned: datetime | None = None
        self._handed: dict[tuple[str, str], float] = {}  # runs that were, and when

    def turn(self) -> list[str]:
        """Starts what is due now; answers the ids of the runs."""
        now = clock.now()
        begun = self._each(self.journal.scenarios.due(now), lambda row: self._start(row, now))
        begun += self._each(self.journal.scenarios.instant(), lambda row: self._hear(row, now))
        begun += self._each(by_run(self.journal.incompletes.due(now)), self._retry)
        self._hand_out()
        if self._cleaned is None or now - self._cleaned > CLEAN:
            self._cleaned = now
            self.journal.forget(millisecond(now - self._kept))
        return begun

    def _hand_out(self) -> None:
        """Hands out what was written down elsewhere; what nobody began, after a while again."""
        queued = self.journal.queued()
        late = monotonic() - LATE
        self._handed = {key: at for key, at in self._handed.items() if key in queued and at > late}
        for key in queued:
            if key not in self._handed:
                self._handed[key] = monotonic()
                self._worker.enqueue(*key)

    def _each(self, due: Iterable[Any], start: Callable[[Any], str | None]) -> list[str]:
        begun = []
        for each in due:
            try:
                run = start(each)
            except SegconnectError:  # of one; it does not keep others from starting
                LOG.exception("what is due cannot be started")
                continue
            if run is not None:
                begun.append(run)
        return begun

    def _start(self, row: ScenarioRow, now: datetime) -> str | None:
        """Starts a scenario that is due, unless something is in its way."""
        assert row.next_at is not None
        schedule = Schedule.read(json.loads(row.schedule))
        due, began = moment(row.next_at), moment(row.began_at)
        following = next_after(schedule, now, row.timezone, began)
        late = missed(schedule, due, now, row.timezone, began)
        told = None
        if late:
            told = f"missed {late} starts since {due:%Y-%m-%d %H:%M} UTC; caught up once"
        hindered = self._hindered(row)
        run = None if hindered else run_of(row, "schedule")
        next_at = None if following is None else millisecond(following)
        if not self.journal.scenarios.claim(row, next_at, hindered or told, run):
            return None
        return None if run is None else str(run["id"])

    def _hear(self, row: ScenarioRow, now: datetime) -> str | None:
        """Starts a scenario if something came in by its webhook."""
        assert row.hook is not None
        if row.next_at is not None and row.next_at > millisecond(now):
            return None  # it rests: nobody was there to send to
        cursor = Memory.of(row).cursor
        after = 0 if cursor is None else int(cursor["item"])
        if not self._hooks.items(row.hook, after, 1) or self._hindered(row):
            return None
        run = run_of(row, "webhook")
        # The moment stands for the row's version: of several processes one changes it.
        if not self.journal.scenarios.claim(row, millisecond(now), None, run):
            return None
        return str(run["id"])

    def _hindered(self, row: ScenarioRow) -> str | None:
        """Tells why a scenario cannot start now; None: it can."""
        state = self.journal.scenarios.is_busy(row.id)
        if state == State.PAUSED:
            return "did not start: its last run rests; `segconnect runs resume` goes on with it"
        if state is not None:
            return "did not start: its last run was still going on"
        settings = read_settings(json.loads(row.document))
        waiting = self.journal.scenarios.waits_for(row.id) if settings.sequential else 0
        if waiting:
            return f"did not start: {waiting} incomplete executions must be resolved first"
        return None

    def _retry(self, rows: list[IncompleteRow]) -> str | None:
        """Takes up incomplete executions of one run that are due, if nothing is in their way.

        That is the run itself, while it goes on, and others of its scenario that are taken up.
        """
        if self.journal.is_retried(rows[0].run_id, rows[0].scenario_id):
            return None
        return retry_of(self.journal, rows)


def run_of(row: ScenarioRow, cause: str) -> dict[str, Any]:
    """Answers the columns of a scenario's next run, which takes what is new."""
    cursor = Memory.of(row).cursor
    begins = None if cursor is None else json.dumps(cursor)
    return new_run(
        row.name,
        row.file,
        cause,
        document=row.document,
        bindings=row.bindings,
        inputs=row.inputs,
        connection=row.connection,
        scenario_id=row.id,
        takes=row.takes,
        cursor=begins,
        given=begins,
    )


def retry_of(
    journal: Journal,
    rows: list[IncompleteRow],
    *,
    as_done: bool = False,
    state: State = State.QUEUED,
) -> str | None:
    """Writes down a run that takes incomplete executions of one run up; None: others have them.

    Args:
        journal: Where they are kept.
        rows: The incomplete executions.
        as_done: Whether the operation was done: then the run goes on after it.
        state: PAUSED, if whoever asks begins the run, and no worker is to.
    """
    origin = journal.get(rows[0].run_id)
    ids = journal.incompletes.take([each.id for each in rows])
    if not ids:
        return None
    run = new_run(
        origin.scenario,
        origin.file,
        "retry",
        document=origin.document,
        bindings=origin.bindings,
        inputs=origin.inputs,
        connection=origin.connection,
        scenario_id=origin.scenario_id,
        takes=Takes.INCOMPLETE.value,
        origin=origin.id,
        given=json.dumps({"ids": ids, "as_done": as_done}),
        state=state.value,
    )
    return journal.create(run)


def by_run(rows: list[IncompleteRow]) -> list[list[IncompleteRow]]:
    """Answers incomplete executions together that were set aside by the same run."""
    found: dict[str, list[IncompleteRow]] = {}
    for row in rows:
        found.setdefault(row.run_id, []).append(row)
    return list(found.values())
