"""`segconnect serve`: the account over HTTP, webhooks, and what runs by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from segconnect.cli.options import Data
from segconnect.settings import load

if TYPE_CHECKING:
    from segconnect.web.app import Web


def command(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes any free one [8350]")] = None,
    data: Data = None,
    no_runs: Annotated[
        bool, typer.Option("--no-runs", help="Leaves scenarios to workers elsewhere.")
    ] = False,
) -> None:
    """Serves until it is told to stop (Ctrl-C), and runs the scenarios that are on."""
    import secrets
    from contextlib import closing, suppress

    from segconnect.account.api.app import Account
    from segconnect.account.api.serving import serve  # the server, only where it is used
    from segconnect.cli.serving import Beside, Together
    from segconnect.nursery import Nursery
    from segconnect.scenario import hooks
    from segconnect.scenario.hooks.app import HookApp
    from segconnect.scenario.journal import Journal, url_of
    from segconnect.web import users
    from segconnect.web.house import House

    settings = load(host=host, port=port, data=data)
    from segconnect.scenario import durable, scheduler  # noqa: F401  # all share them

    with suppress(ImportError):  # Windows
        import uvloop  # noqa: F401

    nursery = Nursery.begin()  # before there is a thread, or a store is open
    with (
        closing(Journal(url_of(settings))) as journal,
        closing(users.Users(users.url_of(settings))) as known,
    ):
        found = hooks.Hooks(hooks.url_of(settings))
        app = HookApp(found, journal)
        token = secrets.token_urlsafe(24)
        beside = None if no_runs else Beside(settings, journal, nursery)

        def ready(address: str) -> None:
            typer.echo(
                f"Serving {address}, import API at {address}/api, reference at {address}/docs"
            )
            typer.echo(f"Pages: {address}/app/sign-in?token={token}")
            if beside is not None:
                beside.start()

        def within(account: Account) -> Together:
            def pages() -> Web:
                from segconnect.web.app import Web

                house = House(
                    settings, account.engine, account.reports, account.committer, journal, found,
                    known, token, account.arrivals,
                )  # fmt: skip
                return Web(house)

            return Together(account, app, pages)

        try:
            serve(settings, ready, within, nursery)
        finally:
            if beside is not None:
                beside.close()
            if nursery is not None:
                nursery.close()
