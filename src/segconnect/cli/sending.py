"""Sends one module for `segconnect send`, and prints what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import typer

from segconnect.cli.bundle import build
from segconnect.connections import SEGMETRICS, Connections
from segconnect.errors import InvalidBundleError, PartlyDoneError, RefusedError
from segconnect.modules import Module
from segconnect.settings import load
from segconnect.types import default_zone, zone_named
from segconnect.wire.request import Address, Request

REFUSED = 1  # the exit code when the account refuses the bundle
INVALID = 2  # the exit code when the bundle does not fit, and nothing was sent

ANY = Address("ACCOUNT_ID", "INTEGRATION_ID")
"""Stands for a connection where there is none yet."""


def send(
    module: type[Module],
    given: Mapping[str, Any],
    nulls: Sequence[str],
    connection: str | None,
    data: Path | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Sends a module and prints its output; or, on a dry run, what would be sent."""
    settings = load(data=data)
    try:
        bundle = _built(module, given, nulls, settings.timezone)
        if dry_run:
            _show(bundle.requests(_address(Connections(settings), connection)), as_json)
            return
        chosen = Connections(settings).choose(connection)
        from segconnect.client import Client  # it opens sockets: only where something is sent

        with Client(chosen, settings=settings) as client:
            output = client.send(bundle)
    except InvalidBundleError as error:
        _tell(f"{error.label}: the bundle does not fit, and nothing was sent", error.problems)
        raise typer.Exit(INVALID) from None
    except RefusedError as error:
        _tell(f"{error.label}: the account refused the bundle", error.errors)
        raise typer.Exit(REFUSED) from None
    except PartlyDoneError as error:
        _tell(str(error), [])
        raise typer.Exit(REFUSED) from None
    typer.echo(json.dumps(output, indent=2, ensure_ascii=False) if as_json else readable(output))


def _built(
    module: type[Module], given: Mapping[str, Any], nulls: Sequence[str], timezone: str
) -> Module:
    """Makes the module, its dates without a zone in the one that is set."""
    token = default_zone.set(zone_named(timezone))
    try:
        return build(module, given, nulls)
    finally:
        default_zone.reset(token)


def _address(connections: Connections, name: str | None) -> Address:
    """Finds whose data is meant; no key is needed for it."""
    kept = {each.name: each for each in connections.list() if each.service == SEGMETRICS}
    if name is None and not kept:
        return ANY
    chosen = kept.get(name) if name else next(iter(kept.values()), None)
    if chosen is None or (name is None and len(kept) > 1):
        return connections.choose(name).address  # it says why not
    return Address(chosen.account_id, chosen.integration_id)


def _show(requests: Sequence[Request], as_json: bool) -> None:
    if as_json:
        facts = [
            {
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "headers": dict(request.headers),
                "body": request.body,
            }
            for request in requests
        ]
        typer.echo(json.dumps({"requests": facts}, indent=2, ensure_ascii=False))
        return
    for request in requests:
        query = urlencode(request.query)
        typer.echo(f"{request.method} {request.path}{query and '?'}{query}")
        for name, value in request.headers.items():
            typer.echo(f"{name}: {value}")
        if isinstance(request.body, str):
            typer.echo(f"\n{request.body}")
        elif request.body is not None:
            typer.echo("\n" + json.dumps(request.body, indent=2, ensure_ascii=False))


def _tell(what: str, reasons: Sequence[str]) -> None:
    typer.echo(f"segconnect: {what}{':' if reasons else ''}", err=True)
    for reason in reasons:
        typer.echo(f"  - {reason}", err=True)


def readable(output: Any) -> str:
    """Writes an output bundle for people: a line for each value, collections indented."""
    return "\n".join(_lines(output, ""))


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        width = max((len(str(key)) for key in value), default=0)
        for key, each in value.items():
            if isinstance(each, (Mapping, list)) and each:
                yield f"{indent}{key}"
                yield from _lines(each, indent + "  ")
            else:
                yield f"{indent}{key:<{width}}  {_word(each)}".rstrip()
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            if isinstance(each, (Mapping, list)) and each:
                yield f"{indent}{number}."
                yield from _lines(each, indent + "   ")
            else:
                yield f"{indent}{number}. {_word(each)}"
    else:
        yield f"{indent}{_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value if value.isprintable() and value else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
