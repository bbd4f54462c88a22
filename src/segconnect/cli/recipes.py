"""`segconnect recipes`: what `segconnect load` knows, and each recipe to read or to change."""

from __future__ import annotations

from typing import Annotated

import typer

from segconnect.cli.options import AsJson


def command(
    name: Annotated[
        str | None, typer.Argument(help="A recipe, to print it as a scenario to change.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Lists the exports that `segconnect load` knows; with a NAME, prints that recipe."""
    import json

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from segconnect.recipes import named, recipes

    if name is not None:
        typer.echo(named(name).path.read_text(encoding="utf-8"), nl=False)
        return
    if as_json:
        told = [
            {
                "name": each.name,
                "title": each.title,
                "description": each.description,
                **each.about.model_dump(),
            }
            for each in recipes().values()
        ]
        typer.echo(json.dumps(told, ensure_ascii=True))
        return
    table = Table("Recipe", "What it loads", "To", box=None, pad_edge=False)
    for each in recipes().values():
        table.add_row(each.name, Text(f"{each.title}: {each.about.export}"), each.about.kind)
    console = Console(highlight=False)
    console.print(table)
    console.print("\nsegconnect load FILE finds the one that fits.", style="dim")
