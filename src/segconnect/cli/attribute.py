"""`segconnect attribute`: credits channels with what a table of paths came to, without an account.

Its options are the declarations of the models' parameters.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import AsJson

if TYPE_CHECKING:
    from segconnect.account.attribution.attributing import Credited
    from segconnect.account.attribution.models import Model, Parameter
    from segconnect.account.attribution.table import PathTable

ALL = "all"


def _made() -> Callable[..., None]:
    """Makes the command, with an option for each parameter of a model."""
    from segconnect.account.attribution import MODELS

    def run(**given: Any) -> None:
        _run(**given)

    own = inspect.signature(_run)
    fixed = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
    hints = inspect.get_annotations(_run, eval_str=True)
    options: dict[str, inspect.Parameter] = {
        each.name: each.replace(annotation=hints[each.name]) for each in fixed
    }
    for model in MODELS.values():
        for parameter in model.parameters:
            options.setdefault(parameter.name, _option(model, parameter))
    run.__signature__ = inspect.Signature(list(options.values()))  # type: ignore[attr-defined]
    run.__doc__ = inspect.getdoc(_run)
    return run


def _option(model: Model, parameter: Parameter) -> inspect.Parameter:
    told = f"{parameter.takes.help} Takes {parameter.range()}; default {parameter.default}"
    option = typer.Option(
        f"--{parameter.name.replace('_', '-')}",
        help=told,
        metavar=parameter.type.__name__.upper().replace("STR", "TEXT"),
        rich_help_panel=f"Model {model.slug}",
    )
    return inspect.Parameter(
        parameter.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )


def _run(
    *,
    paths: Annotated[
        str, typer.Argument(help="CSV file: path,conversions,value,null; - reads the input.")
    ],
    model: Annotated[str, typer.Option(help="A model by name or alias, or all.")] = "any",
    null: Annotated[
        bool, typer.Option("--null", help="Counts journeys that did not convert (markov).")
    ] = False,
    separator: Annotated[str, typer.Option(help="What stands between the steps.")] = ">",
    removal_effects: Annotated[
        bool, typer.Option("--removal-effects", help="Shows what each channel's loss would cost.")
    ] = False,
    transitions: Annotated[
        bool, typer.Option("--transitions", help="Shows how likely each step follows (markov).")
    ] = False,
    value: Annotated[
        bool, typer.Option("--value", help="Shows values and not conversions, with --model all.")
    ] = False,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Credits channels with conversions and value, from a table of the paths that people took.

    Steps are joined by " > ". Columns: path, conversions and, where known, value, null (journeys
    that took the path and did not convert) and optin (the step that led to the opt-in, from 1).
    """
    from rich.console import Console

    from segconnect.account.attribution import MODELS
    from segconnect.account.attribution.attributing import credited, transition_rows, unusable
    from segconnect.account.attribution.reading import read_paths
    from segconnect.cli import attribute_tables as tables
    from segconnect.errors import UsageError

    settings = {name: each for name, each in given.items() if each is not None}
    console, aside = Console(), Console(stderr=True)
    if model == ALL:
        if settings or removal_effects or transitions:
            raise UsageError("--model all takes no parameters of single models")
        defaults = {each: each.settings({}) for each in MODELS.values()}
        table = read_paths(paths, separator)
        left_out, found = [], []
        for each, read in defaults.items():
            with_null = null and each.slug == "markov"
            why = unusable(table, each, read, with_null=with_null)
            if why:
                left_out.append(f"{each.slug} is left out: it {why}")
            else:
                found.append(credited(table, each, read, with_null=with_null))
        if as_json:
            rows = [{"model": one.model.slug, **row} for one in found for row in one.rows]
            typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        else:
            tables.print_side_by_side(console, table, found, by_value=value)
        for line in left_out:
            aside.print(line, style="dim", markup=False, soft_wrap=True)
        return
    chosen = MODELS[model]
    read = chosen.settings(settings)
    if (removal_effects or transitions) and chosen.slug != "markov":
        raise UsageError("--removal-effects and --transitions need --model markov")
    table = read_paths(paths, separator)
    one = credited(table, chosen, read, with_null=null)
    moves = transition_rows(table, int(read["order"]), with_null=null) if transitions else []
    if as_json:
        shown: Any = one.rows
        if removal_effects:
            shown = [{**row, **effect} for row, effect in tables.with_effects_of(one)]
        if transitions:
            shown = {"credits": shown, "transitions": moves}
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        tables.print_credits(console, one, with_effects=removal_effects)
        if transitions:
            tables.print_transitions(console, moves)
    _say_besides(aside, table, one, null=null)


def _say_besides(aside: Any, table: PathTable, one: Credited, *, null: bool) -> None:
    """What the figures do not tell, on the standard error."""
    lines = []
    if one.model.slug == "markov" and table.nulls is not None and not null:
        lines.append("The column null is not counted; --null counts it.")
    if null and one.model.slug != "markov":
        lines.append(f"--null changes nothing for model {one.model.slug}.")
    if one.errors:
        lines.append(
            f"Drawn orders: conversions have a standard error of at most"
            f" {max(one.errors.values()):.3g}; more --samples lower it."
        )
    for line in lines:
        aside.print(line, style="dim", markup=False, soft_wrap=True)


command = _made()
