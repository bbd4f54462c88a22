"""Carries runs out for a command, and tells what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import typer
from rich.console import Console

from segconnect.cli import show
from segconnect.scenario import values_json
from segconnect.scenario.blueprint import Bindings, Document
from segconnect.scenario.durable import Worker
from segconnect.scenario.engine import Plan, Result, Status
from segconnect.scenario.journal import Journal, State, Takes, new_run, url_of
from segconnect.scenario.runner import Outcome, Report
from segconnect.settings import Settings


class Begun(NamedTuple):
    """A run that is about to begin."""

    file: Path
    document: Document
    bindings: Bindings
    scenario: str  # its name
    connection: str | None
    inputs: Mapping[str, Any]
    takes: Takes = Takes.SOURCE
    handed: Sequence[Mapping[str, Any]] | None = None  # what the first module puts out

    def write_down(self, journal: Journal) -> str:
        """Writes it into the journal; answers its id."""
        values = new_run(
            self.scenario,
            self.file.resolve(),
            "by hand",
            document=json.dumps(self.document.blueprint.raw),
            bindings=json.dumps(self.bindings.to_values()),
            inputs=json.dumps(self.inputs),
            connection=self.connection,
            takes=self.takes.value,
            state=State.PAUSED.value,  # it is begun here, and by no worker
        )
        if self.handed is not None:
            values["given"] = values_json.dumps({"handed": self.handed})
        return journal.create(values)


def carry_out(
    run: Begun | str, settings: Settings, console: Console, refused: Path, as_json: bool
) -> int:
    """Carries a new run out, or goes on with one, and tells; answers the exit code."""
    run_id, report, state = carried_out(run, settings, console, refused)
    code = tell(console, report, refused, as_json, run_id)
    if state is State.PAUSED:
        console.print(f"It rests. Go on with it: segconnect runs resume {run_id}", soft_wrap=True)
        return Outcome.PARTIAL
    return code


def carry_out_whole(
    run: Begun, settings: Settings, console: Console, plan: Plan, as_json: bool
) -> int:
    """Carries a run of the whole out, and tells; answers the exit code."""
    with (
        closing(Journal(url_of(settings))) as journal,
        Worker(settings, journal, is_brief=True) as worker,
    ):
        run_id = run.write_down(journal)
        report = worker.carry_out(run_id)
        result = worker.results.pop(run_id, None)
    if result is None:  # it could not even begin
        assert report.stopped_by is not None
        raise report.stopped_by
    code = tell_whole(console, plan, result, as_json)
    if result.incomplete:
        console.print("What waits: segconnect incomplete list", style="yellow")
    return code


def tell_whole(console: Console, plan: Plan, result: Result, as_json: bool) -> int:
    """Tells what became of a run of the whole; answers the exit code."""
    if as_json:
        typer.echo(json.dumps(show.result_values(result), default=str))
    else:
        show.print_result(console, plan, result)
    return {Status.SUCCESS: 0, Status.WARNING: 1, Status.ERROR: 2}[result.status]


def carried_out(
    run: Begun | str, settings: Settings, console: Console, refused: Path
) -> tuple[str, Report, State]:
    """Carries a new run out, or goes on with one; answers its id and what became of it."""
    journal = Journal(url_of(settings))
    try:
        run_id = run if isinstance(run, str) else run.write_down(journal)
        name = journal.get(run_id).scenario
        with (
            Worker(settings, journal, is_brief=True) as worker,
            show.progress(console, name) as progress,
        ):
            report = worker.carry_out(run_id, progress)
        state = State(journal.get(run_id).state)
        if report.refusals:
            journal.write_refused(run_id, refused)
    finally:
        journal.close()
    return run_id, report, state


def tell(
    console: Console, report: Report, refused: Path, as_json: bool, run_id: str | None = None
) -> int:
    """Tells what became of a run over a file; answers the exit code."""
    if as_json:
        typer.echo(json.dumps(values_of(report, run_id)))
        return report.outcome
    console.print(show.report_line(report), soft_wrap=True)
    if report.waiting:
        console.print("What waits: segconnect incomplete list", style="yellow")
    if report.refusals:
        console.print(show.refusals([report]))
        console.print(f"All of them, with what they hold: {refused}", soft_wrap=True)
    if report.stopped_by is not None:
        console.print("[red]The run stopped:[/]", end=" ")
        console.print(str(report.stopped_by), markup=False, soft_wrap=True)
        if run_id is not None:
            console.print(f"Go on with it: segconnect runs resume {run_id}", soft_wrap=True)
    return report.outcome


def values_of(report: Report, run_id: str | None) -> dict[str, Any]:
    """The same for a program."""
    fields = ("read", "filtered", "delivered", "refused", "waiting", "operations", "seconds")
    return {
        **{name: getattr(report, name) for name in fields},
        "outcome": report.outcome.name.lower(),
        "reasons": dict(report.reasons.most_common(20)),
        "stopped_by": None if report.stopped_by is None else str(report.stopped_by),
        "run": run_id,
    }
