"""`segconnect account settings`: what an account says of itself and of its reports."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from segconnect.account.owner import account_settings
from segconnect.account.owner.account_settings import AccountSettings
from segconnect.cli.options import AsJson, Data
from segconnect.errors import UsageError, unknown_name

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0", "")


def settings(
    account: Annotated[str, typer.Option("--account", help="The account ID.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(help="NAME=VALUE, such as timezone=Europe/Oslo, or exclude_failed=yes."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Shows an account's settings, and changes them; what that does to reports is told."""
    from segconnect.account.store.opening import open_engine
    from segconnect.settings import load

    engine = open_engine(load(data=data).database_url)
    try:
        before = after = account_settings.read(engine, account)
        if changes:
            after = account_settings.checked(_changed(_texts(before), changes))
            account_settings.keep(engine, account, after)
    finally:
        engine.dispose()
    if as_json:
        told = after._asdict()
        switches = asdict(told.pop("switches"))
        typer.echo(json.dumps({**told, **switches}))
        return
    for name, value in _texts(after).items():
        typer.echo(f"{name:<16}  {value or 'no'}")
    for each in account_settings.effects(before, after):
        typer.echo(each)


def _texts(found: AccountSettings) -> dict[str, str]:
    """The settings as they are typed."""
    plain = {name: value for name, value in found._asdict().items() if isinstance(value, str)}
    return plain | {name: "yes" * is_on for name, is_on in asdict(found.switches).items()}


def _changed(values: dict[str, str], changes: list[str]) -> dict[str, str]:
    problems = []
    for change in changes:
        name, equals, value = (each.strip() for each in change.partition("="))
        is_switch = name.startswith("exclude_")
        if not equals:
            problems.append(f"{change!r}: expected NAME=VALUE, such as currency=EUR")
        elif name not in values:
            problems.append(unknown_name("setting", name, values))
        elif is_switch and value.lower() not in (*YES, *NO):
            problems.append(f"{name}: expected yes or no, found {value!r}")
        else:
            values[name] = "yes" * (value.lower() in YES) if is_switch else value
    if problems:
        raise UsageError("; ".join(problems))
    return values
