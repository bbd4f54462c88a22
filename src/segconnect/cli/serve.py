"""`segconnect serve`: the account over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from segconnect.cli.options import Data
from segconnect.settings import load


def command(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes any free one [8350]")] = None,
    data: Data = None,
) -> None:
    """Serves until it is told to stop (Ctrl-C)."""
    from segconnect.account.serving import serve  # the server, only where it is used

    settings = load(host=host, port=port, data=data)
    serve(
        settings,
        ready=lambda address: typer.echo(
            f"Serving {address}, import API at {address}/api, reference at {address}/docs"
        ),
    )
