"""`segconnect eval`: evaluates a template, to try the mapping language out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from segconnect.cli.options import AsJson
from segconnect.errors import UsageError


def command(
    template: Annotated[str, typer.Argument(help="Such as '{{lower(1.email)}}'.")],
    bundle: Annotated[
        list[str] | None, typer.Option(help="ID=FILE.json: the output of a module; repeatable.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="The zone of dates without one.")] = "UTC",
    now: Annotated[
        str | None, typer.Option(help="What `now` is, such as 2026-01-31T12:00Z.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluates a template against bundles, and prints its value."""
    from segconnect.mapping import ERASE, IGNORE, evaluate
    from segconnect.mapping.values import to_json, to_text
    from segconnect.types import parse_moment

    bundles = dict(_bundle(each) for each in bundle or ())
    try:
        moment = None if now is None else parse_moment(now)
    except ValueError as error:
        raise UsageError(f"--now: {error}") from None
    value = evaluate(template, bundles, now=moment, timezone=timezone)
    if value is IGNORE or value is ERASE:
        typer.echo("null" if as_json else str(value))
    elif as_json:
        typer.echo(to_json(value))
    else:
        typer.echo("" if value is None else to_text(value))


def _bundle(text: str) -> tuple[str, Any]:
    import json

    module, found, name = text.partition("=")
    if not found:
        raise UsageError(f"--bundle {text}: expected ID=FILE.json")
    try:
        return module.strip(), json.loads(Path(name).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"--bundle {text}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--bundle {text}: is not JSON: {error}") from None
