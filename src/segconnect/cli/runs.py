"""`segconnect runs`: what ran, what became of it, and runs that can be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import AsJson, Data
from segconnect.errors import UsageError
from segconnect.settings import load

if TYPE_CHECKING:
    from segconnect.scenario.journal import Journal, RunRow, Takes

app = typer.Typer()

SHOWN_SAMPLES = 12

Run = Annotated[str, typer.Argument(help="The run's id, or the end of it.")]
Mended = Annotated[
    Path | None,
    typer.Option("--scenario", help="The scenario, mended \\[as it was when the run began]"),
]


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    most: Annotated[int, typer.Option(help="How many of the latest.")] = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Lists the latest runs, the newest first."""
    if context.invoked_subcommand is not None:
        return
    import json

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    with journal_of(data) as journal:
        rows = journal.latest(most)
    if as_json:
        typer.echo(json.dumps([_values(row) for row in rows]))
        return
    if not rows:
        typer.echo("Nothing has run yet: segconnect run FILE")
        return
    counted = ("Read", "Delivered", "Refused", "Waiting")
    table = Table("Run", "Began", "Scenario", "State", *counted, box=None)
    for row in rows:
        numbers = (row.was_read, row.delivered, row.refused, row.waiting)
        counts = (f"{count:,}" for count in numbers)
        table.add_row(row.id[-6:], moment(row.created_at), Text(row.scenario), row.state, *counts)
    Console(highlight=False).print(table)


@app.command()
def show(run: Run, data: Data = None, as_json: AsJson = False) -> None:
    """Shows a run: what it came to, and what it refused."""
    import json

    from rich.console import Console

    from segconnect.cli import show as shows
    from segconnect.scenario.journal.incompletes import Wait

    with journal_of(data) as journal:
        row = journal.get(run)
        report = journal.report(row)
        windows, samples = journal.windows(row.id), journal.samples(row.id)
        waiting = journal.incompletes.waiting(1_000, is_open=False, run_id=row.id)
    if as_json:
        refused = [
            {"where": str(each.place), "module": each.module, "kind": each.error.kind,
             "reason": each.error.why, "bundle": each.values}
            for each in report.refusals
        ]  # fmt: skip
        told = {
            **_values(row),
            "modules": json.loads(row.modules),
            "windows": [{"number": each.number, "read": each.was_read} for each in windows],
            "samples": [shows.sample_values(each) for each in samples],
            "incomplete": [{"id": each.id, "state": each.state} for each in waiting],
            "refused_bundles": refused,
        }
        typer.echo(json.dumps(told))
        return
    console = Console(highlight=False)
    ended = "" if row.ended_at is None else f", ended {moment(row.ended_at)}"
    console.print(f"{row.id}  {row.scenario}", style="bold", markup=False)
    console.print(f"{row.state}; began {moment(row.created_at)}{ended}; {row.cause}")
    console.print(row.file, markup=False, soft_wrap=True, style="dim")
    console.print(
        f"{row.was_read:,} read, {row.delivered:,} delivered, {row.filtered:,} filtered out,"
        f" {row.refused:,} refused, {row.waiting:,} waiting, {row.operations:,} sent,"
        f" in {row.took / 1000:.1f} s"
    )
    if report.modules:
        console.print(shows.modules(report, json.loads(row.document)))
    if len(windows) > 1:
        ends = ", ".join(f"{each.number}: {each.was_read:,}" for each in windows)
        console.print(f"Windows, with the bundles read at their end: {ends}", soft_wrap=True)
    if row.error is not None:
        console.print(f"{row.error_kind}: {row.error}", style="red", markup=False, soft_wrap=True)
    for sample in samples[:SHOWN_SAMPLES]:
        shows.sample(console, sample)
    for each in waiting:
        why = f"{each.kind}: {each.reason}"
        where = f"{each.place} waits at module {each.module_id} ({each.module})"
        state = each.state if each.next_at is None else f"tried again {moment(each.next_at)}"
        line = f"{where}, {each.id[:8]}, {state}: {why}"
        console.print(line, style="yellow", markup=False, soft_wrap=True)
    if report.refusals:
        console.print(shows.refusals([report]))
    for step in _next_steps(row, is_open=any(Wait(each.state).is_open for each in waiting)):
        console.print(step, soft_wrap=True)


def _next_steps(row: RunRow, *, is_open: bool) -> list[str]:
    """Says what can be done about a run that did not get to its end, or not with all bundles."""
    from segconnect.scenario.journal import State

    steps = []
    if row.state == State.PAUSED or (row.state == State.FAILED and row.error is not None):
        steps.append(f"Go on with it: segconnect runs resume {row.id}")
    if row.refused:
        steps.append(f"Run again what was refused: segconnect runs retry {row.id}")
    if is_open:
        steps.append("What waits: segconnect incomplete list")
    return steps


@app.command()
def resume(
    run: Run,
    refused: Annotated[Path | None, typer.Option(help="File for refused bundles")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Goes on with a run that rests, failed, or whose process died, at the bundle it came to."""
    from rich.console import Console

    from segconnect.cli.running import carry_out
    from segconnect.scenario.journal import State

    settings = load(data=data)
    with journal_of(data) as journal:
        row = journal.get(run)
        if row.state in (State.SUCCEEDED, State.PARTIAL):
            raise UsageError(f"run {row.id} has ended ({row.state}); run its scenario again")
    target = refused or Path(f"{Path(row.file).stem}.refused.csv")
    raise typer.Exit(carry_out(row.id, settings, Console(stderr=as_json), target, as_json))


@app.command()
def retry(
    run: Run,
    scenario: Mended = None,
    refused: Annotated[Path | None, typer.Option(help="File for bundles refused again")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Runs the bundles alone that a run refused, with its scenario as it was, or mended."""
    from segconnect.scenario.journal import Takes

    _again(run, scenario, Takes.REFUSED, "retry", 0, 0, refused, data, as_json)


@app.command()
def again(
    run: Run,
    first: Annotated[int, typer.Option("--from", help="Number of the first bundle, from 1.")] = 0,
    window: Annotated[
        int | None, typer.Option("--window", help="Begins with that window; `show` lists them.")
    ] = None,
    scenario: Mended = None,
    refused: Annotated[Path | None, typer.Option(help="File for refused bundles")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Runs a run's scenario again: from its beginning, from a window, or from a bundle."""
    with journal_of(data) as journal:
        row = journal.get(run)
        windows = {each.number: each for each in journal.windows(row.id)}
    if window is not None:
        before = windows.get(window - 1)
        if window != 1 and before is None:
            raise UsageError(f"--window {window}: run {row.id} had {len(windows)} windows")
        first = 1 if before is None else before.was_read + 1
    _again(run, scenario, None, "again", first, 0, refused, data, as_json)


@app.command()
def replay(
    run: Run,
    bundle: Annotated[int, typer.Argument(help="Number of the bundle, from 1.")],
    scenario: Mended = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Runs one bundle of a run again, with its scenario as it was, or mended."""
    if bundle < 1:
        raise UsageError(f"{bundle}: bundles are counted from 1")
    _again(run, scenario, None, "replay", bundle, bundle, None, data, as_json)


def _again(
    run: str,
    scenario: Path | None,
    takes: Takes | None,
    cause: str,
    first: int,
    last: int,
    refused: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Carries a run out that takes bundles of an earlier one again."""
    import json

    from rich.console import Console

    from segconnect.cli.checking import checked
    from segconnect.cli.running import carry_out
    from segconnect.scenario.journal import State, Takes, repeated

    console = Console(stderr=as_json, highlight=False)
    settings = load(data=data)
    with journal_of(data) as journal:
        row = journal.get(run)
        if takes is Takes.REFUSED and not row.refused:
            raise UsageError(f"run {row.id} refused nothing")
        if row.takes == Takes.WHOLE and (first or last):
            raise UsageError(f"run {row.id} was one of the whole: it has no bundles to choose from")
        values = repeated(row, cause, takes, first, last)
        if scenario is not None:
            document, bound = checked(scenario, None, row.connection, console)
            values |= {
                "file": str(scenario.resolve()),
                "document": json.dumps(document.blueprint.raw),
                "bindings": json.dumps(bound.to_values()),
            }
        again = journal.create({**values, "state": State.PAUSED.value})  # it is begun here
    target = refused or Path(f"{Path(row.file).stem}.refused.csv")
    raise typer.Exit(carry_out(again, settings, console, target, as_json))


@app.command()
def pause(run: Run, data: Data = None) -> None:
    """Lets a run rest after the bundles that are on their way; it can be gone on with."""
    _ask(run, "pause", data)


@app.command()
def cancel(run: Run, data: Data = None) -> None:
    """Ends a run for good after the bundles that are on their way."""
    _ask(run, "cancel", data)


def _ask(run: str, what: str, data: Path | None) -> None:
    from segconnect.scenario.journal import State

    with journal_of(data) as journal:
        row = journal.get(run)
        if State(row.state).is_over:
            raise UsageError(f"run {row.id} has ended ({row.state})")
        if row.state != State.RUNNING:
            journal.end(row.id, State.CANCELED if what == "cancel" else State.PAUSED)
            return
        journal.ask(row.id, what)


def journal_of(data: Path | None) -> Any:
    """Opens the journal, to be closed at the end of a block."""
    from contextlib import closing

    from segconnect.scenario.journal import Journal, url_of

    opened: Journal = Journal(url_of(load(data=data)))
    return closing(opened)


def _values(row: RunRow) -> dict[str, Any]:
    hidden = ("document", "bindings", "inputs", "cursor", "asked", "given", "modules", "returned")
    return {name: value for name, value in row._asdict().items() if name not in hidden}


def moment(milliseconds: int) -> str:
    """Answers a moment in the zone of this machine."""
    from datetime import datetime

    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
