"""What `segconnect serve` puts together: the account, webhooks, and a worker beside them."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from time import monotonic
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Receive, Scope, Send

from segconnect.nursery import Forked, Nursery
from segconnect.scenario.hooks.app import PREFIX, HookApp
from segconnect.scenario.journal import Journal
from segconnect.settings import Settings

PAGES = "/app/"
LOOK_SECONDS = 1.0  # between two looks whether there is anything to run
REST_SECONDS = 30.0  # for which a worker stays though there is nothing
END_SECONDS = 15.0  # for which it may settle what is on its way
BESIDE = "segconnect.cli.worker:beside"
LOG = logging.getLogger(__name__)


class Together:
    """The account's app, and beside it webhooks and pages."""

    def __init__(
        self, account: ASGIApp, hooks: HookApp, pages: Callable[[], ASGIApp] | None = None
    ) -> None:
        self._account, self._hooks, self._make_pages = account, hooks, pages
        self._pages: ASGIApp | None = None  # made when somebody looks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or the server's start and stop."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._hooks(scope, receive, send)
            return
        is_page = scope["type"] == "http" and f"{scope['path']}/".startswith(PAGES)
        if is_page and self._make_pages is not None:
            if self._pages is None:
                self._pages = self._make_pages()
            await self._pages(scope, receive, send)
            return
        await self._account(scope, receive, send)
        if scope["type"] == "lifespan":
            await self._hooks.close()


class Closeable(Protocol):
    """A socket or a pipe."""

    def close(self) -> None:
        """Ends it."""


class Beside:
    """A worker in a process of its own, for as long as there is anything to run.

    A socket to it ends with the server, however that ends; then it ends, too.

    Args:
        settings: Where the journal and scenarios are kept.
        journal: Tells whether there is anything to run.
        nursery: Forks the process; without one it is begun anew.
    """

    def __init__(
        self, settings: Settings, journal: Journal, nursery: Nursery | None = None
    ) -> None:
        self._settings, self._journal, self._nursery = settings, journal, nursery
        self._process: Forked | subprocess.Popen[bytes] | None = None
        self._lead: Closeable | None = None
        self._is_ended = Event()
        self._needed_at = 0.0
        self._failures = 0
        self._thread = Thread(target=self._watch, name="worker", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def close(self) -> None:
        """Ends the worker, and waits for it."""
        self._is_ended.set()
        if self._thread.ident is not None:  # where the server did not begin, it did not either
            self._thread.join()
        self._stop()

    def _watch(self) -> None:
        while not self._is_ended.wait(LOOK_SECONDS * 2 ** min(self._failures, 6)):
            try:
                is_needed = self._journal.has_work()
            except SQLAlchemyError:
                LOG.exception("the journal did not answer")
                continue
            if is_needed:
                self._needed_at = monotonic()
            if self._process is not None and self._process.poll() is not None:
                LOG.error("the worker ended (%s); it is started again", self._process.returncode)
                self._process = None
                self._failures += 1
            if self._process is None and is_needed:
                self._begin()
            elif self._process is not None and monotonic() - self._needed_at > REST_SECONDS:
                self._stop()

    def _begin(self) -> None:
        self._leave()  # where one died
        if self._nursery is not None:
            self._lead, theirs = socket.socketpair()
            where = [str(self._settings.data)]
            if self._settings.database is not None:
                where.append(self._settings.database_url)
            with theirs, suppress(OSError):
                self._process = self._nursery.start(BESIDE, theirs, *where)
                return
            self._lead.close()
        environment = {**os.environ, "SEGCONNECT_DATA": str(self._settings.data)}
        if self._settings.database is not None:
            environment["SEGCONNECT_DATABASE"] = self._settings.database_url
        process = subprocess.Popen(  # our own interpreter and module
            [sys.executable, "-m", "segconnect", "worker", "--until-eof"],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the server, which ends it
        )
        self._process, self._lead = process, process.stdin

    def _leave(self) -> None:
        if self._lead is not None:
            self._lead.close()
            self._lead = None

    def _stop(self) -> None:
        self._leave()
        if self._process is None:
            return
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
