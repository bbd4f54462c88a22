"""`segconnect run`: runs a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segconnect.cli.options import AsJson, Data
from segconnect.settings import load


def command(
    file: Annotated[Path, typer.Argument(help="The scenario, a YAML file.")],
    connection: Annotated[
        str | None, typer.Option(help="Name of the connection to send with.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Fills everything in, and sends nothing.")
    ] = False,
    refused: Annotated[
        Path | None, typer.Option(help="File for refused bundles [FILE.refused.csv]")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Runs a scenario once.

    Exit code 0: all was delivered. 1: some bundles were refused. 2: nothing was delivered, or the
    run had to stop.
    """
    import json

    from rich.console import Console

    from segconnect.cli import show
    from segconnect.client import Client
    from segconnect.connections import Connections
    from segconnect.scenario import scenario as scenarios
    from segconnect.scenario.runner import Run

    console = Console(stderr=as_json)
    scenario = scenarios.load(file)
    target = refused or Path(f"{file.stem}.refused.csv")
    settings = load(data=data)
    client = None
    if not dry_run:
        client = Client(Connections(settings).choose(connection or scenario.connection))
    try:
        with show.progress(console, scenario.name) as progress:
            run = Run(scenario, file.parent, client, refused=target, progress=progress)
            report = run.run()
    finally:
        if client is not None:
            client.close()
    if as_json:
        fields = ("read", "filtered", "delivered", "refused", "operations", "seconds")
        answer = {name: getattr(report, name) for name in fields}
        answer["outcome"] = report.outcome.name.lower()
        answer["reasons"] = dict(report.reasons.most_common(20))
        typer.echo(json.dumps(answer))
        raise typer.Exit(report.outcome)
    if dry_run:
        console.print("Nothing is sent. The first requests would be:")
        for module in run.filled[:3]:
            console.print_json(json.dumps({module.label: module.on_the_wire()}))
    console.print(show.report_line(report), soft_wrap=True)
    if report.refused:
        console.print(show.refusals([report]))
        console.print(f"All of them, with what they hold: {target}")
    if report.stopped_by is not None:
        console.print(f"[red]The run stopped:[/] {report.stopped_by}", highlight=False)
    raise typer.Exit(report.outcome)
