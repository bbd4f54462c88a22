"""Carries a run of the journal out for a while: a window of it, or all that is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from segconnect import clock
from segconnect.errors import ScenarioError, SegconnectError
from segconnect.scenario import blueprint
from segconnect.scenario.blueprint.bindings import validated
from segconnect.scenario.engine import Result, retry, verdict
from segconnect.scenario.engine.result import Incomplete
from segconnect.scenario.engine.run import Run as EngineRun
from segconnect.scenario.engine.settings import read_settings
from segconnect.scenario.engine.state import Response
from segconnect.scenario.hooks import Hooks
from segconnect.scenario.hooks import url_of as hooks_url
from segconnect.scenario.journal import Journal, Outcomes, RunRow, State, Takes
from segconnect.scenario.journal.incompletes import IncompleteRow, Wait
from segconnect.scenario.journal.ledger import JournalLedger
from segconnect.scenario.journal.scenarios import Memory, ScenarioRow
from segconnect.scenario.moments import millisecond
from segconnect.scenario.other_sources import HookSource, RefusedSource, SomeOf
from segconnect.scenario.preparing import Scenario, prepare
from segconnect.scenario.runner import (
    Ledger,
    Outcome,
    Progress,
    Report,
    Run,
    Settled,
    source_of,
)
from segconnect.scenario.sources import Source
from segconnect.settings import Settings

WINDOW_SECONDS = 30.0  # of one step, not counting what it takes until the first bundle comes
OPENINGS = 10  # a window is at least so many times as long as that takes: sorting, summing, seeking
LOOK_SECONDS = 0.5  # between two looks whether a person wants a run to end
RETRIED_AT_ONCE = 3  # incomplete executions of a scenario. Source: help.make.com
LINGER_SECONDS = 2.0  # for which a run waits for more of a webhook's requests
HOOK_LOOK_SECONDS = 0.02  # between two looks for them

ACCEPTED = Response(200, "Accepted", [])
FAILED = Response(500, "Scenario failed to complete.", [])

STATES = {
    Outcome.SUCCESS: State.SUCCEEDED,
    Outcome.PARTIAL: State.PARTIAL,
    Outcome.FAILURE: State.FAILED,
}

Watcher = tuple[Progress, tuple[Ledger, ...]]


class Executor:
    """Carries runs out in this process.

    Args:
        settings: Where connections, data stores and webhooks are kept.
        journal: The runs.
        is_closing: Whether the process is about to end.
    """

    def __init__(
        self, settings: Settings, journal: Journal, is_closing: Callable[[], bool]
    ) -> None:
        self._settings, self.journal, self.is_closing = settings, journal, is_closing
        self._watchers: dict[str, Watcher] = {}
        self.results: dict[str, Result] = {}  # of runs of the whole that somebody looks at

    @contextmanager
    def watched(
        self, run_id: str, progress: Progress, ledgers: tuple[Ledger, ...]
    ) -> Iterator[None]:
        """Says who in this process looks at a run, while the block runs."""
        self._watchers[run_id] = (progress, ledgers)
        try:
            yield
        finally:
            del self._watchers[run_id]

    def go_on(self, row: RunRow) -> bool:
        """Goes on with a run for a while; answers whether it ended, or rests."""
        scenario = self._prepared(row)
        try:
            self.journal.begin(row.id)
            if row.takes == Takes.WHOLE:
                return self._whole(row, scenario)
            if row.takes == Takes.INCOMPLETE:
                return self._incomplete(row, scenario)
            return self._bundles(row, scenario)
        finally:
            scenario.close()

    def fail(self, row: RunRow, error: SegconnectError) -> None:
        """Ends a run that could not be carried out."""
        if row.takes == Takes.INCOMPLETE:
            for _, incomplete in self._mine(row):
                incomplete.reason, incomplete.kind = str(error), error.kind
                self.journal.incompletes.settle(incomplete)
        result = Result(row.scenario, row.id, clock.now())
        result.fail(error, None, "", is_handled=False)
        self.journal.end(row.id, State.FAILED, error, self._remembered(row, result, None))

    def _prepared(self, row: RunRow) -> Scenario:
        document, bindings = blueprint.parse(row.document), validated(json.loads(row.bindings))
        return prepare(
            Path(row.file), document, bindings, self._settings, connection=row.connection
        )

    # each bundle is a run of its own

    def _bundles(self, row: RunRow, scenario: Scenario) -> bool:
        report = self.journal.report(row)
        progress, ledgers = self._watchers.get(row.id, (lambda report, done, total: None, ()))
        pause = _Pause(self, row.id)
        intents = self.journal.intents_of(row.id)
        scenario.services.intents = intents
        memory = self._remember(row, scenario)
        with (
            self._source(row, scenario) as source,
            JournalLedger(self.journal, row, intents) as ledger,
        ):
            own: Ledger = _Answering(ledger) if _responds(row, scenario) else ledger
            while True:
                run = Run(
                    scenario,
                    ledgers=(own, *ledgers),
                    inputs=json.loads(row.inputs),
                    after=report.cursor,
                    report=report,
                    should_stop=pause.is_due,
                    progress=progress,
                    source=source,
                    keeps_incomplete=True,
                    keeps_samples=not scenario.plan.settings.confidential,
                )
                run.run()
                if row.takes != Takes.HOOK or not report.is_ended or report.stopped_by:
                    break
                if pause.is_due() or not self._came(source, report.cursor, pause):
                    break
        self.journal.save(row, report, Outcomes())
        self.journal.end_window(row, report)
        if report.stopped_by is not None or report.is_ended:
            result = Result(row.scenario, row.id, clock.now())
            if report.stopped_by is not None:
                result.fail(report.stopped_by, None, "", is_handled=False)
            memory = memory._replace(cursor=report.cursor)
            kept = self._remembered(row, result, memory)
            self.journal.end(row.id, STATES[report.outcome], report.stopped_by, kept)
            return True
        if pause.asked == "cancel":
            memory = memory._replace(cursor=report.cursor)
            self.journal.end(row.id, State.CANCELED, None, memory.to_values())
        elif pause.asked == "pause":
            self.journal.end(row.id, State.PAUSED)
        return pause.asked is not None

    @contextmanager
    def _source(self, row: RunRow, scenario: Scenario) -> Iterator[Source]:
        if row.takes == Takes.REFUSED:
            assert row.origin is not None
            yield RefusedSource(self.journal, row.origin)
        elif row.takes == Takes.HOOK:
            kept = self._kept(row)
            if kept is None or kept.hook is None:
                raise ScenarioError(f"{row.scenario}: its webhook is gone")
            hooks = Hooks(hooks_url(self._settings))
            try:
                yield _some_of(HookSource(hooks, kept.hook, row.scenario), row)
            finally:
                hooks.close()
        else:
            yield _some_of(source_of(scenario), row)

    def _came(self, source: Source, cursor: Any, pause: _Pause) -> bool:
        """Waits for more of a webhook's requests; answers whether there are any."""
        if not isinstance(source, HookSource):
            return False
        ends = monotonic() + LINGER_SECONDS
        while monotonic() < ends and not pause.is_due():
            if source.has_more(cursor):
                return True
            sleep(HOOK_LOOK_SECONDS)
        return False

    # one run of the whole

    def _whole(self, row: RunRow, scenario: Scenario) -> bool:
        progress, _ = self._watchers.get(row.id, (lambda report, done, total: None, ()))
        pause = _Pause(self, row.id, has_windows=False)
        memory = self._remember(row, scenario)
        report = self.journal.report(row)
        outcomes = Outcomes()
        keeps = not scenario.plan.settings.confidential and not self.journal.count_samples(row.id)
        began = monotonic()

        intents = self.journal.intents_of(row.id)
        cycle, told = self.journal.given(row)

        def started(bundles: Any, cursors: Mapping[int, Any]) -> None:
            nonlocal cycle
            cycle += 1
            intents.enter(cycle)
            report.read += len(bundles)
            if "given" not in told:
                self.journal.give(row.id, cycle, bundles, cursors)

        services = replace(
            scenario.services, intents=intents, on_start=started, should_stop=pause.is_due
        )
        run = EngineRun(
            scenario.plan,
            services,
            inputs=json.loads(row.inputs),
            trace=keeps,
            **told,
        )
        result = run.run()
        if row.id in self._watchers:
            self.results[row.id] = result
        report.seconds += monotonic() - began
        report.modules = result.operations
        report.operations = result.total
        report.waiting = len(result.incomplete)
        if result.error is not None:
            report.refused = report.read
        report.delivered = max(0, report.read - report.refused - report.waiting)
        report.is_ended = True
        outcomes.waiting = [(each, 0, row.scenario) for each in result.incomplete]
        outcomes.samples = [(each.number, 0, each) for each in result.trace[:MOST_SAMPLES]]
        self.journal.save(row, report, outcomes)
        progress(report, 1, 1)
        returned = {
            "outputs": result.outputs,
            "response": None if result.response is None else list(result.response),
            "warnings": result.warnings,
        }
        error = None if result.error is None else result.error.cause
        state = State.FAILED if result.error is not None else State.SUCCEEDED
        state = State.CANCELED if pause.asked == "cancel" else state
        if state is State.SUCCEEDED and result.incomplete:
            state = State.PARTIAL
        self.journal.give_back(row.id, returned)
        self.journal.end(row.id, state, error, self._remembered(row, result, memory))
        return True

    # incomplete executions

    def _mine(self, row: RunRow) -> list[tuple[int, Incomplete]]:
        """Answers the incomplete executions that a run took up, and is not through with.

        Each comes with its place among all that it took.
        """
        ids = json.loads(row.given or "{}").get("ids", ())
        rows = [self.journal.incompletes.get(id_) for id_ in ids]
        return [
            (place, each.to_incomplete())
            for place, each in enumerate(rows)
            if each.state == Wait.RUNNING
        ]

    def _incomplete(self, row: RunRow, scenario: Scenario) -> bool:
        report = self.journal.report(row)
        memory = self._remember(row, scenario)
        began, spent = monotonic(), report.seconds
        failed: SegconnectError | None = None
        with ThreadPoolExecutor(_at_once(scenario), thread_name_prefix="retry") as pool:
            taking = _TakingUp(self.journal, row, scenario)
            found = [pool.submit(taking.take_up, *each) for each in self._mine(row)]
            for each in as_completed(found):
                incomplete, kept, result = each.result()
                report.read += 1
                report.modules = report.modules + result.operations
                report.operations += result.total
                report.seconds = spent + monotonic() - began
                if incomplete.is_resolved:
                    report.delivered += 1
                elif result.error is not None:
                    report.refused += 1
                    failed = result.error.cause
                    incomplete.reason, incomplete.kind = result.error.message, result.error.kind
                else:
                    report.waiting += 1
                more = [other for other in result.incomplete if other.id != incomplete.id]
                outcomes = Outcomes(waiting=[(other, kept.number, kept.place) for other in more])
                self.journal.incompletes.settle(incomplete)
                self.journal.save(row, report, outcomes)
        report.is_ended = True
        kept_memory = self._remembered(row, None, memory)
        error = failed if report.outcome is Outcome.FAILURE else None
        self.journal.end(row.id, STATES[report.outcome], error, kept_memory)
        return True

    # what the scenario remembers

    def _kept(self, row: RunRow) -> ScenarioRow | None:
        return None if row.scenario_id is None else self.journal.scenarios.find(row.scenario_id)

    def _remember(self, row: RunRow, scenario: Scenario) -> Memory:
        """Lets a run go on where the last one of its scenario stood."""
        kept = self._kept(row)
        memory = Memory(None, {}, {}) if kept is None else Memory.of(kept)
        scenario.services.cursors, scenario.services.counters = memory.cursors, memory.counters
        return memory

    def _remembered(
        self, row: RunRow, result: Result | None, memory: Memory | None
    ) -> dict[str, Any]:
        """Answers what a scenario keeps of a run that ended, and when it starts again."""
        kept = self._kept(row)
        if kept is None:
            return {}
        if row.origin is not None and row.takes != Takes.INCOMPLETE:
            return {}  # they are bundles of before
        values: dict[str, Any] = {} if memory is None else memory.to_values()
        if result is None:
            return values
        settings = read_settings(json.loads(row.document))
        cause = None if result.error is None else result.error.cause
        is_absent = cause is not None and cause.is_absent  # then what came in waits
        is_instant = row.takes == Takes.HOOK and not is_absent
        found = verdict(result, kept.errors, settings, is_instant=is_instant)
        values["errors"] = found.consecutive_errors
        if found.is_disabled:
            assert result.error is not None
            values["is_on"] = False
            values["told"] = f"switched off: {result.error.kind}: {result.error.message}"
        elif found.rest is not None and kept.next_at is not None:
            values["next_at"] = max(kept.next_at, millisecond(clock.now() + found.rest))
            if is_absent:
                values["told"] = f"rests for a while: {cause}"
        return values


class _TakingUp:
    """Takes incomplete executions up, several at a time, for a run that retries them."""

    def __init__(self, journal: Journal, row: RunRow, scenario: Scenario) -> None:
        self._journal, self._row, self._scenario = journal, row, scenario
        self._as_done: dict[str, Any] | None = (
            {} if json.loads(row.given or "{}").get("as_done") else None
        )
        self._absent: SegconnectError | None = None  # then the others are not even tried

    def take_up(
        self, place: int, incomplete: Incomplete
    ) -> tuple[Incomplete, IncompleteRow, Result]:
        """Takes one up; its place among all is that of what it must not repeat."""
        kept = self._journal.incompletes.get(incomplete.id)
        result = Result(self._row.scenario, self._row.id, clock.now())
        absent = self._absent
        if absent is not None:
            incomplete.attempts += 1
            incomplete.reason, incomplete.kind = str(absent), absent.kind
            return incomplete, kept, result
        intents = self._journal.intents_of(self._row.id)
        intents.enter(place)
        services = replace(self._scenario.services_of(Path(kept.file)), intents=intents)
        try:
            result = retry(incomplete, services, as_done=self._as_done)
        except SegconnectError as error:  # it cannot run as it was edited
            incomplete.attempts += 1
            result.fail(error, incomplete.module_id, "", is_handled=False)
        cause = incomplete.cause if result.error is None else result.error.cause
        if not incomplete.is_resolved and cause.is_absent:
            self._absent = cause
        return incomplete, kept, result


def _at_once(scenario: Scenario) -> int:
    """Answers how many incomplete executions may be taken up at a time."""
    counts = any(
        node.declaration.name == "util:FunctionIncrement" for node in scenario.plan.nodes.values()
    )
    return 1 if scenario.plan.settings.sequential or counts else RETRIED_AT_ONCE


MOST_SAMPLES = 200  # operations of a run of the whole that are kept


class _Answering:
    """A ledger that lets no caller of a webhook wait in vain."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def settle(self, settled: Settled, report: Report) -> None:
        """See `Ledger`."""
        if settled.response is None:
            is_well = settled.refusal is None and not settled.waiting
            settled.response = ACCEPTED if is_well else FAILED
        self._ledger.settle(settled, report)


def _responds(row: RunRow, scenario: Scenario) -> bool:
    names = (node.declaration.name for node in scenario.plan.nodes.values())
    return row.takes == Takes.HOOK and "gateway:WebhookRespond" in names


def _some_of(source: Source, row: RunRow) -> Source:
    return SomeOf(source, row.first, row.last) if row.first or row.last else source


class _Pause:
    """Tells when a window is over, or a person wants the run to end."""

    def __init__(self, executor: Executor, run_id: str, *, has_windows: bool = True) -> None:
        self._executor, self._id, self._has_windows = executor, run_id, has_windows
        self._began = monotonic()
        self._ends: float | None = None
        self._looks_at = 0.0
        self.asked: str | None = None

    def is_due(self) -> bool:
        """Whether the run is to stop before its next bundle."""
        now = monotonic()
        if self._ends is None:
            self._ends = now + max(WINDOW_SECONDS, OPENINGS * (now - self._began))
        if now >= self._looks_at:
            self._looks_at = now + LOOK_SECONDS
            self.asked = self._executor.journal.asked(self._id)
        if not self._has_windows:  # it cannot rest half-way
            return self.asked == "cancel"
        return self.asked is not None or now >= self._ends or self._executor.is_closing()
