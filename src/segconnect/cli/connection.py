"""`segconnect connection`: where modules send to, and with which key. The key is never shown."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from segconnect.cli.options import AsJson, Data
from segconnect.connections import Connection, Connections, Listed, verify_now
from segconnect.errors import ConnectionSetupError, SegconnectError, UsageError, unknown_name
from segconnect.settings import HOSTED_URL, load

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The connection's name.")]

KEY_VARIABLE = "SEGCONNECT_API_KEY"
NOT_ACCEPTED = 1  # the exit code of a test that fails


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name of your own for the connection.")],
    account_id: Annotated[
        str, typer.Option(help="Account ID: Settings > Account Settings.", show_default=False)
    ],
    integration_id: Annotated[
        str,
        typer.Option(help="Integration ID of the custom integration.", show_default=False),
    ],
    api_key: Annotated[
        str | None,
        typer.Option(
            help="API Key. Others may see it in the list of processes; better is to be asked for"
            f" it, {KEY_VARIABLE}, or --api-key-stdin."
        ),
    ] = None,
    api_key_stdin: Annotated[
        bool, typer.Option("--api-key-stdin", help="Reads the API Key from standard input.")
    ] = False,
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL|local",
            help=f"The API root; without it {HOSTED_URL}. local is your own account here.",
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify/--no-verify", help="Asks the account first whether it accepts the key."
        ),
    ] = True,
    data: Data = None,
) -> None:
    """Saves a connection, with the key encrypted; one of the same name is replaced."""
    connection = Connection(
        name=name,
        account_id=account_id,
        integration_id=integration_id,
        api_key=_key(api_key, from_stdin=api_key_stdin),
        base_url=base_url,
    )
    connections = Connections(load(data=data))
    replaced = connection.name in {each.name for each in connections.list()}
    connections.save(connection, verify=verify)
    done = "replaced" if replaced else "saved"
    how = "the account accepts it" if verify else "it was not verified"
    typer.echo(f"Connection {connection.name!r} is {done}; {how}.")


@app.command("list")
def list_all(data: Data = None, as_json: AsJson = False) -> None:
    """Lists the connections."""
    kept = Connections(load(data=data)).list()
    if as_json:
        typer.echo(json.dumps([each._asdict() for each in kept], indent=2))
        return
    if not kept:
        typer.echo("There is no connection yet; segconnect connection add NAME saves one.")
        return
    titles = ("Name", "Account ID", "Integration ID", "Base URL")
    widths = [max(map(len, column)) for column in zip(titles, *kept, strict=True)]
    for row in (titles, *kept):
        cells = zip(row, widths, strict=True)
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip())


@app.command()
def show(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Shows a connection, but for its key."""
    found = _find(Connections(load(data=data)), name)
    if as_json:
        typer.echo(json.dumps(found._asdict(), indent=2))
        return
    typer.echo(f"Connection name  {found.name}")
    typer.echo("API Key          (kept encrypted, not shown)")
    typer.echo(f"Account ID       {found.account_id}")
    typer.echo(f"Integration ID   {found.integration_id}")
    typer.echo(f"Base URL         {found.base_url}")


@app.command("test")
def ask(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Asks the account, by a harmless call, whether it accepts the connection."""
    settings = load(data=data)
    connection = Connections(settings).get(name)
    try:
        verify_now(connection, settings)
    except SegconnectError as error:
        if as_json:
            typer.echo(json.dumps({"name": name, "accepted": False, "reason": str(error)}))
        else:
            typer.echo(f"segconnect: {error}", err=True)
        raise typer.Exit(NOT_ACCEPTED) from None
    if as_json:
        typer.echo(json.dumps({"name": name, "accepted": True}))
    else:
        typer.echo(f"The account accepts connection {name!r}.")


@app.command()
def delete(name: Name, data: Data = None) -> None:
    """Forgets a connection and its key."""
    Connections(load(data=data)).delete(name)
    typer.echo(f"Connection {name!r} is deleted.")


def _find(connections: Connections, name: str) -> Listed:
    kept = {each.name: each for each in connections.list()}
    if name not in kept:
        if not kept:
            raise ConnectionSetupError("there is no connection yet; save one first")
        raise ConnectionSetupError(unknown_name("connection", name, kept))
    return kept[name]


def _key(given: str | None, *, from_stdin: bool) -> str:
    if given is not None and from_stdin:
        raise UsageError("--api-key and --api-key-stdin are given; give one of them")
    if given is not None:
        return given
    if from_stdin:
        return sys.stdin.readline()
    if key := os.environ.get(KEY_VARIABLE):
        return key
    if not sys.stdin.isatty():
        raise UsageError(
            f"there is no API key: set {KEY_VARIABLE}, pipe it in with --api-key-stdin, or run this"
            " in a terminal to be asked for it"
        )
    return str(typer.prompt("API Key", hide_input=True))
