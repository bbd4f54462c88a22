"""`segconnect account`: accounts of one's own, their integrations and API keys."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from sqlalchemy import Engine

from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.cli import account_settings, people, tracking
from segconnect.cli.options import AsJson, Data
from segconnect.settings import load

app = typer.Typer()
integration_app = typer.Typer(no_args_is_help=True)
key_app = typer.Typer(no_args_is_help=True)
app.add_typer(integration_app, name="integration", help="Integrations of an account.")
app.add_typer(key_app, name="key", help="API keys of an account.")
app.command()(account_settings.settings)
app.command()(tracking.tracking)
app.command()(people.people)
app.command()(people.merge)
app.command()(people.split)
app.command()(people.devices)
app.command()(people.erase)

Account = Annotated[str, typer.Option("--account", help="The account ID.")]


def _store(data: Data) -> Engine:
    return open_engine(load(data=data).database_url)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    currency: Annotated[str, typer.Option(help="Three letters, such as EUR.")] = "USD",
    timezone: Annotated[str, typer.Option(help="A name such as Europe/Oslo.")] = "UTC",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Creates an account, and shows its API key this one time."""
    account_id, key = access.create_account(_store(data), name, currency, timezone)
    if as_json:
        typer.echo(json.dumps({"account_id": account_id, "api_key": key}))
    else:
        typer.echo(f"Account ID  {account_id}")
        typer.echo(f"API Key     {key}   (keep it: it is not shown again)")


@app.command("list")
def list_all(data: Data = None, as_json: AsJson = False) -> None:
    """Lists the accounts of the store, with their integrations."""
    accounts = access.list_accounts(_store(data))
    if as_json:
        typer.echo(json.dumps(accounts))
        return
    if not accounts:
        typer.echo("There is no account yet; segconnect account create NAME makes one.")
    for account in accounts:
        typer.echo(f"{account['account_id']}  {account['name']} ({account['currency']})")
        for each in account["integrations"]:
            typer.echo(f"  {each['integration_id']}  {each['kind']:<8}  {each['name']}")


@integration_app.command("add")
def add_integration(
    name: Annotated[str, typer.Argument(help="The integration's name.")],
    account: Account,
    kind: Annotated[access.Kind, typer.Option(help="What it is for.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Adds an integration, and shows its Integration ID."""
    integration_id = access.create_integration(_store(data), account, kind, name)
    if as_json:
        typer.echo(json.dumps({"integration_id": integration_id}))
    else:
        typer.echo(f"Integration ID  {integration_id}")


@key_app.command("new")
def new_key(account: Account, data: Data = None, as_json: AsJson = False) -> None:
    """Makes one more API key, and shows it this one time."""
    key = access.create_key(_store(data), account)
    typer.echo(json.dumps({"api_key": key}) if as_json else f"API Key  {key}")


@key_app.command("renew")
def renew_key(
    key: Annotated[str, typer.Argument(help="The old key, or its last four characters.")],
    account: Account,
    grace: Annotated[
        int, typer.Option(help="Seconds for which the old key stays good: 0, 3600, 86400, 604800.")
    ] = 0,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Makes an API key in the place of another one, and shows it this one time."""
    new = access.renew_key(_store(data), account, key, grace)
    if as_json:
        typer.echo(json.dumps({"api_key": new}))
    else:
        typer.echo(f"API Key  {new}\nThe old one stops {access.GRACES[grace]}.")


@key_app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="The key, or its last four characters.")],
    account: Account,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Revokes an API key: from the next second on it opens nothing."""
    left = access.revoke_key(_store(data), account, key)
    if as_json:
        typer.echo(json.dumps({"revoked": True, "keys_left": left}))
    else:
        typer.echo(f"Revoked; the account has {left} other {'key' if left == 1 else 'keys'}.")
