"""`segconnect load`: finds the recipe that fits a file, shows what it does, and runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import AsJson, Data
from segconnect.errors import UsageError
from segconnect.settings import Settings, load

if TYPE_CHECKING:
    from rich.console import Console

    from segconnect.recipes import Recipe
    from segconnect.recipes.loading import Loading
    from segconnect.scenario.runner import Report

KINDS = ("crm", "payments", "ads")
WIDTH = 100  # of a template that is shown


def command(
    files: Annotated[list[Path], typer.Argument(help="Exports: CSV, JSON and so on.")],
    connection: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[KIND=]NAME",
            help="The connection to send with; KIND is crm, payments or ads, and may be repeated.",
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="The recipe to use, if it is not to be found by looking.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="What a file does not say: date_order..."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Loads without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Fills everything in, and sends nothing.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="Where the proposal for a file that no recipe fits goes [FILE.yaml]"),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Loads exports by the recipes that fit them.

    Exit code 0: all went well. 1: some bundles were refused. 2: nothing was delivered, no recipe
    fits a file, or the run had to stop.
    """
    import json
    import sys

    from rich.console import Console

    from segconnect.cli.running import values_of
    from segconnect.recipes.loading import find, hold_to_one_level, settle

    console = Console(stderr=as_json, highlight=False)
    names, answers = _connections(connection or ()), dict(pair(each) for each in given or ())
    settings = load(data=data)
    found = [(path, find(path, recipe)) for path in files]
    unknown = [path for path, fitting in found if fitting is None]
    for path in unknown:
        _propose(console, path, output)
    if unknown:
        raise typer.Exit(2)
    known = [(path, fitting) for path, fitting in found if fitting is not None]
    hold_to_one_level(known)
    asks = _ask if sys.stdin.isatty() and not yes else None
    loadings = [settle(path, fitting, _of(fitting, answers), asks) for path, fitting in known]
    outcome, told = 0, []
    for loading in loadings:
        name = names.get(loading.recipe.about.kind, names.get(""))
        loaded = _load(console, loading, settings, name, yes=yes, dry_run=dry_run)
        if loaded is not None:
            outcome = max(outcome, loaded[0].outcome)
            known_by = {"file": str(loading.path), "recipe": loading.recipe.name}
            told.append({**known_by, **values_of(*loaded)})
    if as_json:
        typer.echo(json.dumps(told))
    raise typer.Exit(outcome)


def _of(recipe: Recipe, answers: Mapping[str, str]) -> dict[str, str]:
    """Takes what is meant for this recipe, where several files are of several recipes.

    Raises:
        UsageError: No recipe has an option of a name.
    """
    from segconnect.recipes import recipes

    known = {name for each in recipes().values() for name in each.options}
    return {
        name: value
        for name, value in answers.items()
        if name in recipe.options or name not in known
    }


def _load(
    console: Console,
    loading: Loading,
    settings: Settings,
    connection: str | None,
    *,
    yes: bool,
    dry_run: bool,
) -> tuple[Report, str | None] | None:
    """Shows what a file comes to, asks, and loads it; None if it is not to be loaded.

    Raises:
        UsageError: There is nobody to ask.
    """
    import sys

    from segconnect.cli import show
    from segconnect.cli.running import Begun, carried_out, tell
    from segconnect.recipes.loading import preview
    from segconnect.scenario.blueprint import Bindings
    from segconnect.scenario.runner import RefusedFile, Run

    recipe, refused = loading.recipe, Path(f"{loading.path.stem}.refused.csv")
    scenario = loading.prepare(settings, connection)
    try:
        if not dry_run:
            scenario.check_connections(settings)
        _print_recipe(console, loading)
        _print_preview(console, preview(scenario, loading.inputs))
        if not yes and not dry_run:
            if not sys.stdin.isatty():
                raise UsageError("nobody is there to ask whether to load it; say --yes")
            if not typer.confirm(f"Load {loading.path.name}?", err=console.stderr):
                return None
        if dry_run:
            with show.progress(console, recipe.title) as progress, RefusedFile(refused) as file:
                run = Run(
                    scenario, ledgers=[file], inputs=loading.inputs, is_dry=True, progress=progress
                )
                report, run_id = run.run(), None
        else:
            begun = Begun(
                recipe.path, loading.document, Bindings(), recipe.title, connection, loading.inputs
            )
            run_id, report, _ = carried_out(begun, settings, console, refused)
    finally:
        scenario.close()
    tell(console, report, refused, False, run_id)
    if dry_run:
        console.print("Nothing was sent: delivered is what would be.", style="dim")
    return report, run_id


def _print_recipe(console: Console, loading: Loading) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    recipe = loading.recipe
    console.print(f"\n[bold]{escape(str(loading.path))}[/]: {escape(recipe.title)}", soft_wrap=True)
    console.print(recipe.description, markup=False, style="dim")
    for note in recipe.about.notes:
        console.print(f"Note: {note}", markup=False, style="yellow")
    table = Table(box=None, show_header=False, pad_edge=False)
    last = ""
    for module, name, template in loading.mapping():
        if module != last:
            table.add_row(Text(module, style="bold"), "")
            last = module
        shown = template if len(template) <= WIDTH else template[: WIDTH - 3] + "..."
        table.add_row(Text(f"  {name}"), Text(shown, style="dim"))
    console.print(table)


def _print_preview(console: Console, found: Any) -> None:
    import json

    console.print("\nThe first requests:" if found.modules else "\nThere is nothing to send.")
    for module in found.modules:
        console.print_json(json.dumps({module.slug(): module.on_the_wire()}), indent=None)
    for place, error in found.refused:
        console.print(f"{place} would be refused: {error.why}", markup=False, style="yellow")


def _propose(console: Console, path: Path, output: Path | None) -> None:
    """Writes a scenario to edit for a file that no recipe fits."""
    from segconnect.recipes import nearest
    from segconnect.recipes.proposing import propose

    console.print(f"{path}: no recipe fits it.", markup=False, soft_wrap=True)
    for recipe, missing in nearest(path):
        told = ", ".join(missing)
        console.print(f"  {recipe.name} would, if it had: {told}", markup=False, soft_wrap=True)
    target = output or Path(f"{path.stem}.yaml")
    if target.exists():
        raise UsageError(f"{target}: is there already; say --output for the proposal of a mapping")
    target.write_text(propose(path), encoding="utf-8")
    console.print(
        f"A proposal is in {target}: read it, change it, then segconnect run {target}",
        markup=False,
        soft_wrap=True,
    )


def _ask(name: str, question: str, choices: Mapping[str, str]) -> str:
    for choice, meaning in choices.items():
        typer.echo(f"  {choice}: {meaning}", err=True)
    while True:
        typed = str(typer.prompt(f"{question} [{name}]", err=True)).strip()
        if not choices or typed in choices:
            return typed
        typer.echo(f"Please say {' or '.join(choices)}.", err=True)


def _connections(given: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Answers which connection each kind of file goes to; "" is all others."""
    named = {}
    for each in given:
        kind, is_pair, name = each.partition("=")
        if is_pair and kind not in KINDS:
            raise UsageError(f"--connection {each!r}: expected NAME or KIND=NAME, of {KINDS}")
        named[kind if is_pair else ""] = name if is_pair else each
    return named


def pair(text: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not is_pair or not name:
        raise UsageError(f"--set {text!r}: expected NAME=VALUE")
    return name, value
