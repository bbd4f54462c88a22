"""`segconnect incomplete`: bundles that wait at the module that failed, to be taken up again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from segconnect.cli.options import AsJson, Data
from segconnect.errors import UsageError
from segconnect.settings import load

app = typer.Typer(no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]


@app.command("list")
def listed(
    most: Annotated[int, typer.Option(help="How many, the oldest first.")] = 50,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that are resolved or dropped, too.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Lists what waits: why, and when it is tried again."""
    import json

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from segconnect.cli.runs import journal_of, moment

    with journal_of(data) as journal:
        rows = journal.incompletes.waiting(most + 1, is_open=not everything)
    has_more, rows = len(rows) > most, rows[:most]
    if as_json:
        typer.echo(json.dumps([_values(row) for row in rows]))
        return
    if not rows:
        typer.echo("Nothing waits.")
        return
    table = Table("Id", "Scenario", "Where", "Module", "Why", "Next try", box=None)
    for row in rows:
        following = moment(row.next_at) if row.next_at is not None else row.state
        table.add_row(
            row.id[:8],
            Text(row.scenario),
            Text(row.place),
            Text(f"{row.module_id} {row.module}"),
            Text(f"{row.kind}: {row.reason}"),
            following,
        )
    Console(highlight=False).print(table)
    if has_more:
        typer.echo(f"These are the oldest {most}; --most {most * 10} lists more.")


@app.command()
def show(which: Which, data: Data = None, as_json: AsJson = False) -> None:
    """Shows one: what stood at the module, by the ids of the modules before it."""
    import json

    from pydantic_core import to_json
    from rich.console import Console

    from segconnect.cli.runs import journal_of, moment
    from segconnect.scenario.journal.incompletes import bundles_of

    with journal_of(data) as journal:
        row = journal.incompletes.get(which)
    bundles = json.loads(to_json(bundles_of(row.bundles)))
    if as_json:
        typer.echo(json.dumps({**_values(row), "bundles": bundles}))
        return
    console = Console(highlight=False)
    console.print(f"{row.id}  {row.scenario}", style="bold", markup=False)
    console.print(f"{row.place}; run {row.run_id}; {row.state}", markup=False)
    told = f"module {row.module_id} ({row.module}): {row.kind}: {row.reason}"
    console.print(told, style="red", markup=False, soft_wrap=True)
    following = "" if row.next_at is None else f"; the next one {moment(row.next_at)}"
    console.print(f"{row.attempts} tries so far{following}")
    console.print_json(json.dumps(bundles))


@app.command()
def edit(
    which: Which,
    bundles: Annotated[
        Path | None,
        typer.Option(help="JSON file of what stands at the module, by module id; see show --json."),
    ] = None,
    blueprint: Annotated[
        Path | None, typer.Option(help="The scenario as it is to be for this one: YAML or JSON.")
    ] = None,
    data: Data = None,
) -> None:
    """Changes what one holds, or its scenario, before it is taken up; opens an editor."""
    import json

    import click

    from segconnect.cli.runs import journal_of
    from segconnect.scenario import blueprint as blueprints
    from segconnect.scenario import values_json
    from segconnect.scenario.journal.incompletes import bundles_of

    with journal_of(data) as journal:
        row = journal.incompletes.get(which)
        _check_open(row)
        held, raw = bundles_of(row.bundles), json.loads(row.blueprint)
        if bundles is not None:
            held = _read_bundles(str(bundles), bundles.read_text(encoding="utf-8-sig"))
        elif blueprint is None:
            text = json.dumps(json.loads(values_json.dumps(held)), indent=2, ensure_ascii=False)
            changed = click.edit(text, extension=".json")
            if changed is None:
                typer.echo("Nothing was changed.")
                return
            held = _read_bundles("what was edited", changed)
        if blueprint is not None:
            raw = blueprints.read(blueprint).blueprint.raw
        journal.incompletes.edit(row.id, held, raw)
    typer.echo(f"Changed. Take it up: segconnect incomplete retry {row.id[:8]}")


@app.command()
def retry(
    which: Annotated[list[str], typer.Argument(help="Their ids, or `all`.")],
    as_done: Annotated[
        bool,
        typer.Option(
            "--as-done", help="The operation was done: goes on after it, without its output."
        ),
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Takes some up now, at the module that failed."""
    from rich.console import Console

    from segconnect.cli.running import carry_out
    from segconnect.cli.runs import journal_of
    from segconnect.scenario.journal import State
    from segconnect.scenario.scheduler import by_run, retry_of

    settings = load(data=data)
    with journal_of(data) as journal:
        if which == ["all"]:
            rows = journal.incompletes.waiting(100_000)
        else:
            rows = [journal.incompletes.get(each) for each in which]
        for row in rows:
            _check_open(row)
        runs = [
            retry_of(journal, each, as_done=as_done, state=State.PAUSED) for each in by_run(rows)
        ]
    if not rows:
        typer.echo("Nothing waits.")
    console = Console(stderr=as_json, highlight=False)
    refused = Path("retried.refused.csv")
    codes = [carry_out(run, settings, console, refused, as_json) for run in runs if run is not None]
    raise typer.Exit(max(codes, default=0))


@app.command()
def drop(which: Annotated[list[str], typer.Argument(help="Their ids.")], data: Data = None) -> None:
    """Gives some up; the history keeps what they held."""
    from segconnect.cli.runs import journal_of

    with journal_of(data) as journal:
        rows = [journal.incompletes.get(each) for each in which]
        for row in rows:
            _check_open(row)
        for row in rows:
            journal.incompletes.drop(row.id)
    typer.echo(f"Dropped {len(rows)}.")


def _check_open(row: Any) -> None:
    from segconnect.scenario.journal.incompletes import Wait

    if row.state == Wait.RUNNING:
        raise UsageError(f"{row.id[:8]} is being taken up right now")
    if not Wait(row.state).is_open:
        raise UsageError(f"{row.id[:8]} is {row.state} already")


def _read_bundles(where: str, text: str) -> dict[Any, Any]:
    from segconnect.scenario.journal.incompletes import bundles_of

    try:
        found = bundles_of(text)
    except (ValueError, AttributeError) as error:
        raise UsageError(
            f"{where}: expected JSON of what each module put out, by its id: {error}"
        ) from None
    wrong = [str(key) for key, value in found.items() if isinstance(key, int)
             and not isinstance(value, dict)]  # fmt: skip
    if wrong:
        raise UsageError(f"{where}: module {', '.join(wrong)}: expected a bundle, a JSON object")
    return found


def _values(row: Any) -> dict[str, Any]:
    hidden = ("bundles", "blueprint")
    return {name: value for name, value in row._asdict().items() if name not in hidden}
