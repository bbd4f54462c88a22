"""What runs leave behind: where each stands, what it came to, and what it refused.

A run is written down before it begins, and each bundle's outcome soon after it is known, several
together in one commit. A process that dies leaves a run that another one can take up.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, update

from segconnect import database
from segconnect.database import Migrations
from segconnect.errors import SegconnectError, UsageError
from segconnect.scenario import values_json
from segconnect.scenario.bundle import Place, Refusal
from segconnect.scenario.journal import erasing
from segconnect.scenario.journal.answers import Answers, answer_columns
from segconnect.scenario.journal.errors import KeptError
from segconnect.scenario.journal.incompletes import OPEN, Incompletes, Wait, columns
from segconnect.scenario.journal.intents import JournalIntents
from segconnect.scenario.journal.rows import (
    Outcomes,
    RunRow,
    SampleRow,
    State,
    Takes,
    WindowRow,
    new_run,
    progress_of,
    refusal_columns,
    repeated,
    sample_columns,
)
from segconnect.scenario.journal.scenarios import Scenarios
from segconnect.scenario.journal.schema import (
    answers,
    incompletes,
    intents,
    refusals,
    runs,
    samples,
    scenarios,
    windows,
)
from segconnect.scenario.journal.versions import Versions
from segconnect.scenario.moments import now
from segconnect.scenario.runner import SHOWN_REFUSALS, RefusedFile, Report
from segconnect.settings import Settings

__all__ = [
    "Journal",
    "KeptError",
    "Outcomes",
    "RunRow",
    "SampleRow",
    "State",
    "Takes",
    "WindowRow",
    "new_run",
    "repeated",
    "url_of",
]

MIGRATIONS = Migrations("segconnect.scenario.journal:migrations", "0003", "journal_version")


def url_of(settings: Settings) -> str:
    """Answers where the journal is kept."""
    return settings.url_of("runs.db")


class Journal:
    """The runs of a data directory, or of a PostgreSQL database.

    Raises:
        StoreError: It cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = database.open_engine(url, MIGRATIONS)
        self.scenarios = Scenarios(self.engine)
        self.versions = Versions(self.engine)
        self.incompletes = Incompletes(self.engine)
        self.answers = Answers(self.engine)

    def create(self, values: Mapping[str, Any]) -> str:
        """Writes a run down, before it begins; answers its id. See `new_run`."""
        with self.engine.begin() as connected:
            connected.execute(insert(runs), dict(values))
        return str(values["id"])

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

    def reached(self, scenario_id: str) -> int:
        """Answers the last item of a webhook that a run which is at work has settled."""
        query = select(runs.c.cursor).where(
            runs.c.scenario_id == scenario_id,
            runs.c.state == State.RUNNING.value,
            runs.c.takes == Takes.HOOK.value,
        )
        with self.engine.connect() as connected:
            found = [json.loads(each) for each in connected.scalars(query) if each]
        return max((int(each["item"]) for each in found if "item" in each), default=0)

    def is_retried(self, run_id: str, scenario_id: str | None) -> bool:
        """Whether a run goes on, or what it or another one of its scenario set aside is retried."""
        mine = runs.c.origin == run_id
        if scenario_id is not None:
            mine |= runs.c.scenario_id == scenario_id
        retries = mine & (runs.c.takes == Takes.INCOMPLETE.value)
        goes_on = (runs.c.id == run_id) & (runs.c.state == State.RUNNING.value)
        begun = runs.c.state.in_((State.QUEUED.value, State.RUNNING.value))
        query = select(runs.c.id).where(goes_on | (retries & begun)).limit(1)
        with self.engine.connect() as connected:
            return connected.scalar(query) is not None

    def has_work(self) -> bool:
        """Whether anything is to be run: now, or when its time comes."""
        queries = (
            select(scenarios.c.id).where(scenarios.c.is_on),
            select(runs.c.id).where(runs.c.state == State.QUEUED.value),
            select(incompletes.c.id).where(incompletes.c.state == Wait.SCHEDULED.value),
        )
        with self.engine.connect() as connected:
            return any(connected.execute(each.limit(1)).first() for each in queries)

    def queued(self) -> list[tuple[str, str]]:
        """Answers the runs that wait for a worker, the first ones first, and their turns."""
        query = select(runs.c.id, runs.c.asked).where(runs.c.state == State.QUEUED.value)
        with self.engine.connect() as connected:
            found = connected.execute(query.order_by(runs.c.created_at).limit(100))
            return [(row.id, row.asked or "0") for row in found]

    def queue(self, id_: str) -> None:
        """Lets a worker go on with a run that rests, failed or was canceled."""
        self._set(
            id_,
            state=State.QUEUED.value,
            asked=secrets.token_hex(3),  # its turn
            ended_at=None,
            error_kind=None,
            error=None,
        )

    def forget(self, before: int) -> None:
        """Deletes what ended before a moment, with all that belongs to it."""
        old = select(runs.c.id).where(runs.c.ended_at < before)
        kept = select(incompletes.c.run_id).where(incompletes.c.state.in_(OPEN))
        old = old.where(runs.c.id.not_in(kept))
        with self.engine.begin() as connected:
            for table in (refusals, windows, samples, intents, incompletes):
                connected.execute(delete(table).where(table.c.run_id.in_(old)))
            connected.execute(delete(runs).where(runs.c.id.in_(old)))

    def runs_of(self, scenario_id: str, most: int) -> list[RunRow]:
        """Answers the latest runs of a scenario, the newest first."""
        query = select(runs).where(runs.c.scenario_id == scenario_id)
        query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(most)
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

    def save(self, run: RunRow, report: Report, outcomes: Outcomes) -> None:
        """Writes down how far a run is, and what became of its bundles since, in one commit."""
        refused = [refusal_columns(run.id, number, refusal) for number, refusal in outcomes.refused]
        waiting = [columns(each, run, number, place) for each, number, place in outcomes.waiting]
        shown = [sample_columns(run.id, *each) for each in outcomes.samples]
        replies = []
        if run.scenario_id is not None and run.takes == Takes.HOOK:
            replies = [answer_columns(run.scenario_id, *each) for each in outcomes.responses]
        with self.engine.begin() as connected:
            if refused:
                numbers = [row["number"] for row in refused]
                again = refusals.c.number.between(min(numbers), max(numbers))
                connected.execute(delete(refusals).where(refusals.c.run_id == run.id, again))
            for table, rows in (
                (refusals, refused),
                (incompletes, waiting),
                (samples, shown),
                (answers, replies),
            ):
                if rows:
                    connected.execute(insert(table), rows)
            if outcomes.forgets_intents:
                done = (intents.c.run_id == run.id) & (intents.c.number <= report.read)
                connected.execute(delete(intents).where(done))
            connected.execute(update(runs).where(runs.c.id == run.id).values(progress_of(report)))

    def end_window(self, run: RunRow, report: Report) -> None:
        """Writes down that a window of a run is over."""
        of_run = windows.c.run_id == run.id
        with self.engine.begin() as connected:
            number = connected.scalar(select(func.count()).select_from(windows).where(of_run))
            values = {
                "run_id": run.id,
                "number": (number or 0) + 1,
                "ended_at": now(),
                "was_read": report.read,
                "cursor": None if report.cursor is None else json.dumps(report.cursor),
            }
            connected.execute(insert(windows), values)

    def windows(self, id_: str) -> list[WindowRow]:
        """Answers the windows of a run that are over, the first one first."""
        query = select(windows).where(windows.c.run_id == id_).order_by(windows.c.number)
        with self.engine.connect() as connected:
            return [WindowRow(**row._mapping) for row in connected.execute(query)]

    def samples(self, id_: str) -> list[SampleRow]:
        """Answers the operations of a run that were kept, the first one first."""
        query = select(samples).where(samples.c.run_id == id_)
        query = query.order_by(samples.c.bundle, samples.c.number)
        with self.engine.connect() as connected:
            return [SampleRow(**row._mapping) for row in connected.execute(query)]

    def count_samples(self, id_: str) -> int:
        """Answers how many operations of a run were kept."""
        query = select(func.count()).select_from(samples).where(samples.c.run_id == id_)
        with self.engine.connect() as connected:
            return int(connected.scalar(query) or 0)

    def give(
        self,
        id_: str,
        cycle: int,
        bundles: Sequence[Mapping[str, Any]],
        cursors: Mapping[int, Any],
    ) -> None:
        """Writes down what the first module puts out in a cycle, and where it will stand then."""
        given = {
            "cycle": cycle,
            "bundles": [dict(each) for each in bundles],
            "cursors": list(cursors.items()),
        }
        self._set(id_, given=values_json.dumps(given))

    def given(self, row: RunRow) -> tuple[int, dict[str, Any]]:
        """Answers the cycles that are over, and what the engine is told of the next one."""
        if row.given is None:
            return 0, {}
        found = values_json.loads(row.given)
        if "handed" in found:
            return 0, {"given": found["handed"]}
        return found["cycle"] - 1, {"resumed": (found["bundles"], dict(found["cursors"]))}

    def give_back(self, id_: str, returned: Mapping[str, Any]) -> None:
        """Writes down what a run of the whole gave back."""
        self._set(id_, returned=values_json.dumps(dict(returned)))

    def erase(self, texts: Sequence[str]) -> int:
        """Takes what holds one of these texts out of what runs left; answers how much it was."""
        return erasing.erase(self.engine, texts)

    def intents_of(self, id_: str) -> JournalIntents:
        """Answers the operations of a run that may not be repeated."""
        return JournalIntents(self.engine, id_)

    def end(
        self,
        id_: str,
        state: State,
        error: SegconnectError | None = None,
        scenario: Mapping[str, Any] | None = None,
    ) -> None:
        """Says that a run has ended, or rests; and what its scenario is to remember."""
        values = {
            "state": state.value,
            "asked": None,
            "ended_at": now() if state.is_over else None,
            "error_kind": None if error is None else error.kind,
            "error": None if error is None else str(error),
        }
        with self.engine.begin() as connected:
            connected.execute(update(runs).where(runs.c.id == id_).values(**values))
            if state.is_over:
                connected.execute(delete(intents).where(intents.c.run_id == id_))
            if scenario:
                mine = select(runs.c.scenario_id).where(runs.c.id == id_).scalar_subquery()
                changed = update(scenarios).where(scenarios.c.id == mine)
                connected.execute(changed.values(**scenario))

    def report(self, row: RunRow) -> Report:
        """Answers what a run came to so far."""
        found = Report(row.scenario)
        found.read, found.filtered, found.delivered = row.was_read, row.filtered, row.delivered
        found.refused, found.operations = row.refused, row.operations
        found.waiting, found.modules = (
            row.waiting,
            Counter({int(id_): count for id_, count in json.loads(row.modules).items()}),
        )
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
                        values_json.loads(row.bundle),
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
