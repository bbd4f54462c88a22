"""`segconnect account tracking`: what is decided about tracking, and the snippet of a site."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from segconnect.cli.options import AsJson, Data
from segconnect.errors import UsageError

Account = Annotated[str, typer.Option("--account", help="The account ID.")]


def tracking(
    account: Account,
    changes: Annotated[
        list[str] | None,
        typer.Argument(help="NAME=VALUE, such as capture_emails=yes; NAME= is the default again."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Shows what is set about tracking, and sets it."""
    from segconnect.account.owner import preferences
    from segconnect.account.owner.access import account_pk
    from segconnect.account.owner.tracking_settings import NAME, TrackingSettings
    from segconnect.account.store.opening import open_engine
    from segconnect.settings import load

    engine = open_engine(load(data=data).database_url)
    try:
        pk = account_pk(engine, account)
        with engine.connect() as connection:
            held = preferences.tracking_settings(connection, pk)
        for change in changes or ():
            name, equals, value = change.partition("=")
            if not equals:
                raise UsageError(f"{change!r}: expected NAME=VALUE, such as capture_emails=yes")
            held = held.changed(name.strip(), value.strip())
        if changes:
            given = held.model_dump_json(exclude_defaults=True)
            preferences.keep(engine, account, NAME, None if given == "{}" else given)
    finally:
        engine.dispose()
    if as_json:
        typer.echo(json.dumps(held.model_dump()))
        return
    for name, field in TrackingSettings.model_fields.items():
        typer.echo(f"{name:<22}  {_words(getattr(held, name)):<12}  {field.description}")


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(value) or "-"
    return "-" if value is None else str(value)
