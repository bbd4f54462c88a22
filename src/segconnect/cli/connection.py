"""`segconnect connection`: where modules send to, and with which key. No secret is ever shown."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from segconnect import credentials
from segconnect.cli.options import AsJson, Data
from segconnect.connections import SEGMETRICS, Connection, Connections, Listed, verify_now
from segconnect.credentials import SERVICES, service_of
from segconnect.errors import ConnectionSetupError, SegconnectError, UsageError, unknown_name
from segconnect.modules.schema import form
from segconnect.settings import HOSTED_URL, load

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The connection's name.")]

KEY_VARIABLE = "SEGCONNECT_API_KEY"
NOT_ACCEPTED = 1  # the exit code of a test that fails


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name of your own for the connection.")],
    account_id: Annotated[
        str | None,
        typer.Option(help="Account ID: Settings > Account Settings.", show_default=False),
    ] = None,
    integration_id: Annotated[
        str | None,
        typer.Option(help="Integration ID of the custom integration.", show_default=False),
    ] = None,
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
    service: Annotated[
        str,
        typer.Option(
            metavar="|".join((SEGMETRICS, *SERVICES)),
            help="What it is for; segconnect connection services tells what each one takes.",
        ),
    ] = SEGMETRICS,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A value of another service; NAME alone is asked for, and not shown.",
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--set-from-file",
            metavar="NAME=FILE",
            help="A value that is the content of a file; - is standard input.",
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify/--no-verify",
            help="Asks the account, or the mail server, first whether it accepts the key.",
        ),
    ] = True,
    data: Data = None,
) -> None:
    """Saves a connection, with all that is secret encrypted; one of the same name is replaced."""
    if service.strip().lower() != SEGMETRICS:
        theirs = {
            "--account-id": account_id,
            "--integration-id": integration_id,
            "--api-key": api_key,
            "--api-key-stdin": api_key_stdin or None,
            "--base-url": base_url,
        }
        if given := [option for option, value in theirs.items() if value is not None]:
            raise UsageError(
                f"{', '.join(given)}: only of connections to SegMetrics; give --set NAME=VALUE"
            )
        _add_credentials(name, service, values or [], files or [], verify=verify, data=data)
        return
    if values or files:
        raise UsageError("--set and --set-from-file need --service, which says what they are for")
    if account_id is None or integration_id is None:
        raise UsageError("give --account-id and --integration-id")
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


def _add_credentials(
    name: str,
    service: str,
    values: list[str],
    files: list[str],
    *,
    verify: bool,
    data: Path | None,
) -> None:
    kind = service_of(service)
    given: dict[str, str] = {}
    asked: list[str] = []
    for text in values:
        key, is_given, value = text.partition("=")
        if not is_given:
            asked.append(key)
        _put(given, key, value)
    for text in files:
        key, is_given, path = text.partition("=")
        if not is_given or not path:
            raise UsageError(f"--set-from-file {key}: give {key or 'NAME'}=FILE, or {key}=-")
        _put(given, key, _content(path))
    for key in [*asked, *kind.asked({*given})]:
        given[key] = _ask(kind, key)
    connections = Connections(load(data=data))
    replaced = name.strip() in {each.name for each in connections.list()}
    connections.save_credentials(name, service, given, verify=verify)
    done = "replaced" if replaced else "saved"
    how = "the server accepts it" if verify and kind.is_verified else "it was not verified"
    typer.echo(f"Connection {name.strip()!r} is {done}; {how}.")


def _put(given: dict[str, str], key: str, value: str) -> None:
    if not key:
        raise UsageError("--set: there is no name before the =; give NAME=VALUE")
    if key in given:
        raise UsageError(f"{key} is given twice; give it once")
    given[key] = value


def _content(path: str) -> str:
    """Reads a value, without the line break that ends most files."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"{path} cannot be read ({reason})") from None
    return text.removesuffix("\n").removesuffix("\r")


def _ask(kind: type[credentials.Service], key: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            f"there is no {key}: give --set-from-file {key}=FILE ({key}=- is standard input), or"
            " run this in a terminal to be asked for it"
        )
    facts = kind.facts()
    return str(typer.prompt(facts[key].label if key in facts else key, hide_input=True))


@app.command()
def services(as_json: AsJson = False) -> None:
    """Lists the services besides SegMetrics that connections can be for, and what each takes."""
    if as_json:
        typer.echo(json.dumps([_described(kind) for kind in SERVICES.values()], indent=2))
        return
    for kind in SERVICES.values():
        typer.echo(f"{kind.service}: {kind.help()}")
        for field in form(kind):
            name = kind.facts()[field.name].wire or field.name
            notes = [note for note, is_so in _notes(kind, field.name) if is_so]
            told = f" ({', '.join(notes)})" if notes else ""
            typer.echo(f"  {name:<14}{field.label}{told}. {field.help}{_choices(field)}")


def _described(kind: type[credentials.Service]) -> dict[str, Any]:
    facts = [{**f.facts(), "name": kind.facts()[f.name].wire} for f in form(kind)]
    return {"name": kind.service, "label": kind.label, "help": kind.help(), "fields": facts}


def _notes(kind: type[credentials.Service], name: str) -> list[tuple[str, bool]]:
    is_required = kind.model_fields[name].is_required()
    return [("required", is_required), ("secret", name in kind.secrets())]


def _choices(field: Any) -> str:
    return f" One of {', '.join(value for value, _ in field.choices)}." if field.choices else ""


@app.command("list")
def list_all(data: Data = None, as_json: AsJson = False) -> None:
    """Lists the connections."""
    kept = Connections(load(data=data)).list()
    if as_json:
        typer.echo(json.dumps([each.facts() for each in kept], indent=2))
        return
    if not kept:
        typer.echo("There is no connection yet; segconnect connection add NAME saves one.")
        return
    titles = ("Name", "Service", "Account ID", "Integration ID", "Base URL")
    rows = [(k.name, k.service, k.account_id, k.integration_id, k.base_url) for k in kept]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = zip(row, widths, strict=True)
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip())


@app.command()
def show(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Shows a connection, but for what is secret."""
    found = _find(Connections(load(data=data)), name)
    if as_json:
        typer.echo(json.dumps(found.facts(), indent=2))
        return
    typer.echo(f"Connection name  {found.name}")
    typer.echo(f"Service          {found.service}")
    if found.service != SEGMETRICS:
        typer.echo("Values           (kept encrypted, not shown)")
        return
    typer.echo("API Key          (kept encrypted, not shown)")
    typer.echo(f"Account ID       {found.account_id}")
    typer.echo(f"Integration ID   {found.integration_id}")
    typer.echo(f"Base URL         {found.base_url}")


@app.command("test")
def ask(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Asks the account or mail server, by a harmless call, whether it accepts the connection."""
    settings = load(data=data)
    connections = Connections(settings)
    found = _find(connections, name)
    is_account = found.service == SEGMETRICS
    if not is_account and not service_of(found.service).is_verified:
        raise UsageError(
            f"connection {name!r} cannot be tested: only the modules that use it know where"
            f" {found.service} credentials are sent"
        )
    connection = connections.get(name) if is_account else None
    values = {} if is_account else connections.credentials(name)
    try:
        if connection is not None:
            verify_now(connection, settings)
        else:
            credentials.verify(name, found.service, values)
    except SegconnectError as error:
        if as_json:
            typer.echo(json.dumps({"name": name, "accepted": False, "reason": str(error)}))
        else:
            typer.echo(f"segconnect: {error}", err=True)
        raise typer.Exit(NOT_ACCEPTED) from None
    if as_json:
        typer.echo(json.dumps({"name": name, "accepted": True}))
    else:
        who = "account" if is_account else "server"
        typer.echo(f"The {who} accepts connection {name!r}.")


@app.command()
def delete(name: Name, data: Data = None) -> None:
    """Forgets a connection and its secrets."""
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
