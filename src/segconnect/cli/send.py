"""`segconnect send`: runs one module alone. Its options are the module's declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from segconnect.modules import Module
    from segconnect.modules.schema import FormField

Parameter = tuple[str, Any, Any]  # name, annotation, default: what Typer makes an option of


class Modules(TyperGroup):
    """One command for each module, built when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Answers the modules' names."""
        from segconnect.modules import MODULES

        return [module.slug() for module in MODULES]

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand:
        """Builds a module's command; its name may have articles.

        Raises:
            UsageError: There is no such module.
        """
        from segconnect.modules import MODULES
        from segconnect.modules.reference import command_options
        from segconnect.modules.schema import explained

        module = MODULES[cmd_name]
        groups = [
            f"Give {' or '.join(module.facts()[name].label for name in group)}."
            for group in module.one_of
        ]
        alone = typer.Typer(add_completion=False)
        alone.command(
            module.slug(),
            help=_plain("\n\n".join([explained(module), *groups])),
            epilog=_plain(
                f"Example: segconnect send {module.slug()} {' '.join(command_options(module))}"
            ),
            short_help=_plain(explained(module).partition("\n")[0]),
            rich_help_panel=module.group,
        )(_runs(module))
        command = typer.main.get_command(alone)
        assert isinstance(command, TyperCommand)
        return command


app = typer.Typer(cls=Modules, subcommand_metavar="MODULE [FIELDS]...")


@app.callback(invoke_without_command=True)
def list_all(context: typer.Context) -> None:
    """Runs one module alone, and prints its output; alone it lists the modules."""
    if context.invoked_subcommand is None:
        from segconnect.cli.modules import listing

        typer.echo(listing())
        typer.echo("segconnect send NAME --help shows the fields of one.")


def _runs(module: type[Module]) -> Callable[..., None]:
    """Makes the function of a module's command, with a parameter for each field."""

    def run(
        *,
        connection: str | None,
        null: list[str] | None,
        dry_run: bool,
        as_json: bool,
        data: Path | None,
        **given: Any,
    ) -> None:
        from segconnect.cli.sending import send

        send(module, given, null or [], connection, data, dry_run=dry_run, as_json=as_json)

    parameters = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
        )
        for name, annotation, default in (*_fields(module), *_common())
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Typer reads it
    return run


def _fields(module: type[Module]) -> list[Parameter]:
    """Answers the options of the fields: mandatory ones first, advanced ones last."""
    from segconnect.modules.schema import form

    options = {field.name: field.option for field in form(module)}
    instead = {
        name: " or ".join(options[other] for other in group if other != name)
        for group in module.one_of
        for name in group
    }
    fields = sorted(form(module), key=lambda field: (not field.required, field.advanced))
    return [_parameter(field, instead.get(field.name)) for field in fields]


def _parameter(field: FormField, instead: str | None) -> Parameter:
    from segconnect.modules.schema import Input

    annotation: Any = str | None
    option = field.option
    if field.input is Input.YES_NO:
        annotation, option = bool | None, "/".join(field.options())
    elif field.many:
        annotation = list[str] | None
    panel = "Fields"
    if field.required:
        panel = "Mandatory fields"
    elif field.advanced:
        panel = "Advanced fields, beyond the app guide"
    return (
        field.name,
        annotation,
        typer.Option(
            None,
            option,
            help=_plain(
                f"{field.label}: {field.help}{_hint(field)}"
                + (f" This or {instead} is needed." if instead else "")
            ),
            metavar=_metavar(field),
            rich_help_panel=panel,
            show_default=False,
        ),
    )


def _metavar(field: FormField) -> str | None:
    from segconnect.modules.schema import Input

    if field.choices:
        return "|".join(value or label.lower() for value, label in field.choices)
    words = {
        Input.EMAIL: "EMAIL",
        Input.CENTS: "CENTS",
        Input.MOMENT: "DATE",
        Input.DAY: "DAY",
        Input.WHOLE: "COUNT",
        Input.NUMBER: "NUMBER",
        Input.PAIRS: "KEY=VALUE",
        Input.JSON: "JSON|@FILE|-",
        Input.YES_NO: None,
    }
    if field.input is Input.NAME:
        return "NAME|ID"
    if field.input is Input.ID:
        return "ID"
    if field.input is Input.COLLECTION:
        return ",".join(f"{f.name}={f.name[0].upper()}" for f in field.fields if not f.advanced)
    return words.get(field.input, "TEXT")


def _hint(field: FormField) -> str:
    from segconnect.modules.schema import Input

    if field.input is Input.PAIRS:
        return " Once for each; key:=null for null, key:=JSON for a number or a truth."
    if field.input is Input.COLLECTION:
        return " Once for each; JSON is read as well."
    if field.input is Input.NAME:
        return " Once for each; JSON for one with its date, [] for none."
    if field.many:
        return " Once for each."
    return ""


def _common() -> list[Parameter]:
    panel = "Sending"
    return [
        (
            "null",
            list[str] | None,
            typer.Option(
                None,
                help="Sends null for a field, named by its option: --null first-name.",
                metavar="OPTION",
                rich_help_panel=panel,
                show_default=False,
            ),
        ),
        (
            "connection",
            str | None,
            typer.Option(
                None,
                help="The connection; where there is only one, it need not be named.",
                metavar="NAME",
                envvar="SEGCONNECT_CONNECTION",
                show_envvar=True,
                rich_help_panel=panel,
                show_default=False,
            ),
        ),
        (
            "dry_run",
            bool,
            typer.Option(
                False,
                "--dry-run",
                help="Prints the request, without the key, and sends nothing.",
                rich_help_panel=panel,
            ),
        ),
        (
            "as_json",
            bool,
            typer.Option(False, "--json", help="Prints JSON, for programs.", rich_help_panel=panel),
        ),
        (
            "data",
            Path | None,
            typer.Option(
                None,
                help=_plain("Data directory [SEGCONNECT_DATA]"),
                rich_help_panel=panel,
                show_default=False,
            ),
        ),
    ]


def _plain(text: str) -> str:
    return text.replace("[", r"\[")  # Rich would read it as a style
