"""`segconnect modules`: what can be done to an account, and each field of it."""

from __future__ import annotations

import json
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from segconnect.cli.options import AsJson

if TYPE_CHECKING:
    from segconnect.modules import Module
    from segconnect.modules.schema import FormField

app = typer.Typer()

WIDTH = 96  # columns of text that read well


@app.callback(invoke_without_command=True)
def list_all(context: typer.Context, as_json: AsJson = False) -> None:
    """Lists the modules by group."""
    if context.invoked_subcommand is not None:
        return
    from segconnect.modules import MODULES
    from segconnect.modules.schema import summary

    if as_json:
        facts = [
            {
                "name": module.slug(),
                "label": module.label,
                "group": module.group,
                "summary": summary(module),
                "advanced": module.advanced,
            }
            for module in MODULES
        ]
        typer.echo(json.dumps(facts, indent=2))
        return
    typer.echo(listing())
    typer.echo("segconnect modules show NAME shows the fields; segconnect send NAME runs one.")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Such as add-update-order, or its label.")],
    as_json: AsJson = False,
) -> None:
    """Shows a module: what it does, and each of its fields."""
    from segconnect.modules import MODULES
    from segconnect.modules.schema import describe

    module = MODULES[name]
    typer.echo(json.dumps(describe(module), indent=2) if as_json else _shown(module))


def listing() -> str:
    """Answers the modules by group, a line each."""
    from segconnect.modules import MODULES
    from segconnect.modules.schema import summary

    names = max(len(module.slug()) for module in MODULES)
    labels = max(len(module.label) for module in MODULES)
    lines: list[str] = []
    for group, modules in groupby(MODULES, key=lambda module: module.group):
        lines.append(group)
        for module in modules:
            extra = " (advanced)" if module.advanced else ""
            lines.append(
                f"  {module.slug():<{names}}  {module.label:<{labels}}  {summary(module)}{extra}"
            )
        lines.append("")
    return "\n".join(lines)


def _shown(module: type[Module]) -> str:
    from segconnect.modules.schema import explained, form

    lines = [f"{module.label}  ({module.slug()})", *_wrapped(explained(module), ""), ""]
    for group in module.one_of:
        names = " or ".join(module.facts()[name].label for name in group)
        lines += [f"Give {names}, or both.", ""]
    for title, wanted in (
        ("Mandatory", lambda field: field.required),
        ("Optional", lambda field: not field.required and not field.advanced),
        ("Advanced (beyond the app guide)", lambda field: not field.required and field.advanced),
    ):
        fields = [field for field in form(module) if wanted(field)]
        if fields:
            lines += [title, *(line for field in fields for line in _field(field)), ""]
    lines.append(f"segconnect send {module.slug()} --help shows how to run it.")
    return "\n".join(lines)


def _field(field: FormField) -> list[str]:
    from segconnect.modules.base import SEED

    told = [field.kind()]
    if field.minimum is not None and field.maximum is not None:
        told.append(f"{field.minimum:,} to {field.maximum:,}")
    if not field.mappable:
        told.append("selected, not mapped")
    option = "/".join(field.options())
    lines = [f"  {field.label:<30} {field.name:<16} {option:<17} {'; '.join(told)}"]
    source = "" if field.source == SEED else f" [{field.source}]"
    lines += _wrapped(f"{field.help}{source}", "      ")
    for inner in field.fields:
        marks = ", ".join(
            [
                mark
                for mark, is_so in (("mandatory", inner.required), ("advanced", inner.advanced))
                if is_so
            ]
        )
        lines.append(
            f"      - {inner.label} ({inner.name}): {inner.kind()}{marks and f'; {marks}'}"
        )
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(
            paragraph, WIDTH, initial_indent=indent, subsequent_indent=indent
        ) or [""]
    return lines
