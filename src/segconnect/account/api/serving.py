"""Runs the account's app on uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from segconnect.account.api.app import Account
from segconnect.account.api.protocol import BoundedProtocol
from segconnect.account.writing.geography import open_file
from segconnect.errors import UsageError
from segconnect.nursery import Nursery
from segconnect.settings import Settings


class _Server(uvicorn.Server):
    """Tells when it is ready."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def serve(
    settings: Settings,
    ready: Callable[[str], None],
    within: Callable[[Account], ASGIApp] = lambda account: account,
    nursery: Nursery | None = None,
) -> None:
    """Serves until the process is told to stop.

    Args:
        settings: Where to listen, and which store to open.
        ready: Called with the address, such as http://127.0.0.1:8350, once requests are taken.
        within: Answers the app that requests go to, in which the account is a part.
        nursery: Forks the process that writes, where there is one.

    Raises:
        UsageError: The address cannot be listened on, or the GeoIP file cannot be read.
        StoreError: The store cannot be opened.
    """
    if settings.geoip is not None:
        open_file(settings.geoip).close()  # told now, and not with the first visitor
    try:
        listening = socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
            backlog=2048,
        )
    except OSError as error:
        raise UsageError(
            f"cannot listen on {settings.host}, port {settings.port}: {error.strerror};"
            " is a server running already? --port takes another port"
        ) from None
    host, port = listening.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    data = settings.data.expanduser()
    account = Account(
        settings.database_url, in_process=False, replicas=data / "replica",
        exports=data / "parquet", nursery=nursery,
    )  # fmt: skip
    config = configuration(within(account))
    try:
        _Server(config, lambda: ready(address)).run(sockets=[listening])
    finally:
        listening.close()


def configuration(app: ASGIApp) -> uvicorn.Config:
    """How an account, or an app around it, is served."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",  # which spares loading what speaks it, where that is installed
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        date_header=True,
        timeout_graceful_shutdown=10,
    )
