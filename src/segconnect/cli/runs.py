"""`segconnect runs`: what ran, what became of it, and runs that can be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import AsJson, Data
from segconnect.errors import UsageError
from segconnect.settings import load

if TYPE_CHECKING:
    from segconnect.scenario.journal import Journal, RunRow

app = typer.Typer()

Run = Annotated[str, typer.Argument(help="The run's id, or the end of it.")]


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

    with _journal(data) as journal:
        rows = journal.latest(most)
    if as_json:
        typer.echo(json.dumps([_values(row) for row in rows]))
        return
    if not rows:
        typer.echo("Nothing has run yet: segconnect run FILE")
        return
    table = Table("Run", "Began", "Scenario", "State", "Read", "Delivered", "Refused", box=None)
    for row in rows:
        counts = (f"{count:,}" for count in (row.was_read, row.delivered, row.refused))
        table.add_row(row.id[-6:], _moment(row.created_at), Text(row.scenario), row.state, *counts)
    Console(highlight=False).print(table)


@app.command()
def show(run: Run, data: Data = None, as_json: AsJson = False) -> None:
    """Shows a run: what it came to, and what it refused."""
    import json

    from rich.console import Console

    from segconnect.cli import show as shows

    with _journal(data) as journal:
        row = journal.get(run)
        report = journal.report(row)
    if as_json:
        refused = [
            {"where": str(each.place), "module": each.module, "kind": each.error.kind,
             "reason": each.error.why, "bundle": each.values}
            for each in report.refusals
        ]  # fmt: skip
        typer.echo(json.dumps({**_values(row), "refused_bundles": refused}))
        return
    console = Console(highlight=False)
    ended = "" if row.ended_at is None else f", ended {_moment(row.ended_at)}"
    console.print(f"{row.id}  {row.scenario}", style="bold", markup=False)
    console.print(f"{row.state}; began {_moment(row.created_at)}{ended}; {row.cause}")
    console.print(row.file, markup=False, soft_wrap=True, style="dim")
    console.print(
        f"{row.was_read:,} read, {row.delivered:,} delivered, {row.filtered:,} filtered out,"
        f" {row.refused:,} refused, {row.operations:,} sent, in {row.took / 1000:.1f} s"
    )
    if row.error is not None:
        console.print(f"{row.error_kind}: {row.error}", style="red", markup=False, soft_wrap=True)
    if report.refusals:
        console.print(shows.refusals([report]))


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
    with _journal(data) as journal:
        row = journal.get(run)
        if row.state in (State.SUCCEEDED, State.PARTIAL):
            raise UsageError(f"run {row.id} has ended ({row.state}); run its scenario again")
    target = refused or Path(f"{Path(row.file).stem}.refused.csv")
    raise typer.Exit(carry_out(row.id, settings, Console(stderr=as_json), target, as_json))


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

    with _journal(data) as journal:
        row = journal.get(run)
        if State(row.state).is_over:
            raise UsageError(f"run {row.id} has ended ({row.state})")
        if row.state != State.RUNNING:
            journal.end(row.id, State.CANCELED if what == "cancel" else State.PAUSED)
            return
        journal.ask(row.id, what)


def _journal(data: Path | None) -> Any:
    from contextlib import closing

    from segconnect.scenario.journal import Journal, url_of

    opened: Journal = Journal(url_of(load(data=data)))
    return closing(opened)


def _values(row: RunRow) -> dict[str, Any]:
    hidden = ("document", "bindings", "inputs", "cursor", "asked")
    return {name: value for name, value in row._asdict().items() if name not in hidden}


def _moment(milliseconds: int) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
