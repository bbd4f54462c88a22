"""`segconnect eval`: evaluates a template, to try the mapping language out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli import FAILED
from segconnect.cli.options import AsJson
from segconnect.errors import MappingError, UsageError

if TYPE_CHECKING:
    from segconnect.mapping import Value


def command(
    template: Annotated[
        str | None, typer.Argument(help="Such as '{{lower(1.email)}}'; without one, a prompt.")
    ] = None,
    bundle: Annotated[
        list[str] | None, typer.Option(help="ID=FILE.json: the output of a module; repeatable.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="The zone of dates without one.")] = "UTC",
    now: Annotated[
        str | None, typer.Option(help="What `now` is, such as 2026-01-31T12:00Z.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluates a template against bundles, and prints its value.

    Without a template, a prompt asks for them, with completion and help. Where the standard input
    is no terminal, each of its lines is a template; one that fails answers an empty line, and says
    why on the standard error.
    """
    from segconnect.mapping import evaluate
    from segconnect.types import parse_moment

    bundles = dict(_bundle(each) for each in bundle or ())
    try:
        moment = None if now is None else parse_moment(now)
    except ValueError as error:
        raise UsageError(f"--now: {error}") from None

    def value_of(template: str) -> Value:
        return evaluate(template, bundles, now=moment, timezone=timezone)

    def written(value: Value) -> str:
        return _written(value, as_json)

    if template is not None:
        typer.echo(written(value_of(template)))
    elif sys.stdin.isatty():
        value_of("")  # tells of a time zone that is none
        from segconnect.cli import prompt
        from segconnect.mapping import installed_functions
        from segconnect.settings import Settings

        asked = prompt.Prompt(bundles, installed_functions(), value_of, written)
        prompt.run(asked, Settings().data.expanduser() / "eval_history")
    else:
        _answer_lines(value_of, written)


def _answer_lines(value_of: Callable[[str], Value], written: Callable[[Value], str]) -> None:
    has_failed = False
    for number, line in enumerate(sys.stdin, 1):
        try:
            typer.echo(written(value_of(line.rstrip("\r\n"))))
        except MappingError as error:
            has_failed = True
            typer.echo(f"line {number}: {error}", err=True)
            typer.echo()
    if has_failed:
        raise typer.Exit(FAILED)


def _written(value: Value, as_json: bool) -> str:
    from segconnect.mapping import ERASE, IGNORE, UnusableError
    from segconnect.mapping.values import to_json, to_text

    if value is IGNORE or value is ERASE:
        return "null" if as_json else str(value)
    try:
        text = to_json(value) if as_json else to_text(value)
    except UnusableError as error:
        raise MappingError(f"the value cannot be shown: {error}") from None
    return text.encode("utf-8", "replace").decode()  # half a character cannot be printed


def _bundle(text: str) -> tuple[str, Any]:
    import json

    module, found, name = text.partition("=")
    if not found:
        raise UsageError(f"--bundle {text}: expected ID=FILE.json")
    try:
        return module.strip(), json.loads(Path(name).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"--bundle {text}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--bundle {text}: is not JSON: {error}") from None
