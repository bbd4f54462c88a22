"""The account as one ASGI app: import, reporting, and what tells that it is well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from pydantic_core import to_json
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from segconnect.account.api import owner
from segconnect.account.api.imports import PREFIX, HttpError, ImportApp, parameters, read_body
from segconnect.account.api.tracking import TrackingApp, is_tracking
from segconnect.account.figures.reporting import NoSuchReportError, Reports
from segconnect.account.owner.access import Access, Doorkeeper
from segconnect.account.owner.preferences import tracking_settings
from segconnect.account.owner.tracking_settings import TrackingSettings
from segconnect.account.owner.uses import Uses
from segconnect.account.people import reading
from segconnect.account.replica import Replica
from segconnect.account.store.opening import open_engine, open_writer
from segconnect.account.writing.committer import Committer
from segconnect.account.writing.writer import ProcessWriter, ThreadWriter
from segconnect.errors import UsageError
from segconnect.nursery import Nursery
from segconnect.wire.endpoints import MAX_BODY
from segconnect.wire.shape import ShapeError, short


class Account:
    """The app of one record store, which may hold many accounts.

    Args:
        database_url: The store.
        in_process: Whether the store is written by a thread of this process, as tests do, and not
            by a process of its own, which is faster.
        replicas: The directory of the copies that reports are read from; without one they are
            gone when the app is closed.
        exports: Where states of the accounts are kept, for reports `as_of` them.
        nursery: Forks the process that writes, where there is one.

    Raises:
        StoreError: The store cannot be opened.
    """

    def __init__(
        self, database_url: str, *, in_process: bool = True, replicas: Path | None = None,
        exports: Path | None = None, nursery: Nursery | None = None,
    ) -> None:  # fmt: skip
        self.engine: Engine = open_engine(database_url)
        self.committer = Committer(
            ThreadWriter(open_writer(database_url))
            if in_process
            else ProcessWriter(database_url, nursery)
        )
        self.doorkeeper = Doorkeeper(self.engine)
        self._temporary = None if replicas else TemporaryDirectory(prefix="segconnect-")
        directory = Path(self._temporary.name) if self._temporary else replicas
        assert directory is not None
        self._replica = Replica(self.engine, directory)
        self.reports = Reports(self.engine, self._replica.reading, exports)
        self._uses = Uses(self.engine)
        self._imports = ImportApp(self.doorkeeper, self.committer, self._uses)
        self._tracking = TrackingApp(self.engine, self.committer)
        self.arrivals = self._tracking.arrivals
        self._rest = Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/openapi.json", _openapi),
                Route("/docs", _docs),
                Route("/api/request", self._request),
                Mount("/", app=self._reporting),
            ],
            exception_handlers={HTTPException: _message, SQLAlchemyError: _unreachable},
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or the server's start and stop."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._imports(scope, receive, send)
        elif scope["type"] == "http" and is_tracking(scope["path"]):
            await self._tracking(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self.close()

    async def close(self) -> None:
        """Writes what waits, and closes the store."""
        await self.committer.close()
        await self._uses.close()
        self._replica.close()
        if self._temporary is not None:
            self._temporary.cleanup()
        self.engine.dispose()

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, _request: Request) -> Response:
        def ask() -> None:
            with self.engine.connect() as connection:
                connection.execute(text("select 1"))

        try:
            await asyncio.to_thread(ask)
        except SQLAlchemyError:
            return JSONResponse({"status": "error", "errors": ["the store does not answer"]}, 503)
        return JSONResponse({"status": "ok"})

    async def _request(self, request: Request) -> Response:
        """The app guide's own example of an API call: the newest contacts of the key's account."""
        access = await self._access(request, "")
        rows = await asyncio.to_thread(reading.contacts, self.engine, access.account_pk, None)
        return _json({"status": "success", "contact": rows})

    async def _access(self, request: Request, account_id: str) -> Access:
        key = request.headers.get("authorization", "").encode("latin-1")
        access = self.doorkeeper.remembered(key, account_id, "")
        if access is None and key:
            access = await asyncio.to_thread(self.doorkeeper.look_up, key, account_id, "")
        if access is None:
            raise HTTPException(401, "Not authorized: check API key and account ID")
        self._uses.note(access.key_pk)
        return access

    async def _report(self, request: Request, parts: list[str]) -> Response:
        """Answers a report, the contacts behind it, or a query."""
        is_query = parts[1] != "report"
        if is_query and parts[0] != "v2":
            raise HTTPException(404, "Resource not found")
        if not is_query and not (
            len(parts) in (3, 4) or (len(parts) == 5 and parts[4] == "contacts")
        ):
            raise HTTPException(404, "Resource not found")
        access = await self._access(request, parts[1] if is_query else parts[0])
        allowed = "POST" if is_query else "GET"
        if request.method != allowed and not (request.method == "HEAD" and not is_query):
            told = f"{request.method} is not for {'a query' if is_query else 'a report'}"
            raise HTTPException(405, told, {"allow": allowed})
        headers = dict(request.scope["headers"])
        pk = access.account_pk
        try:
            if is_query:
                body = await read_body(headers, request.receive, MAX_BODY)
                return _json(await asyncio.to_thread(self.reports.query, pk, body))
            given = await parameters(request.scope, request.receive, headers)
            if parts[-1] == "contacts" and len(parts) > 3:
                report_id = parts[3] if len(parts) == 5 else None
                address = str(request.url.replace(query=""))
                return _json(
                    await asyncio.to_thread(
                        self.reports.contacts, pk, parts[2], report_id, given, address
                    )
                )
            report_id = parts[3] if len(parts) == 4 else None
            return _json(
                await asyncio.to_thread(self.reports.report, pk, parts[2], report_id, given)
            )
        except NoSuchReportError as error:
            raise HTTPException(404, str(error)) from None
        except HttpError as error:
            raise HTTPException(error.status, str(error)) from None
        except (UsageError, ShapeError, reading.UnknownExpansionError) as error:
            raise HTTPException(400, str(error)) from None

    async def _told(self, request: Request, account_id: str, what: str) -> Response:
        """Answers what is wrong with an account's data, or what it forecasts."""
        access = await self._access(request, account_id)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405, f"{request.method} is not for {what}", {"allow": "GET"})
        try:
            given = await parameters(request.scope, request.receive, dict(request.scope["headers"]))
            answer = self.reports.health if what == "health" else self.reports.forecast
            return _json(await asyncio.to_thread(answer, access.account_pk, given))
        except HttpError as error:
            raise HTTPException(error.status, str(error)) from None
        except UsageError as error:
            raise HTTPException(400, str(error)) from None

    async def _reporting(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode("ascii", "replace")  # in which a %2F is part of an id
        parts = [unquote(part) for part in path.split("/") if part]
        if parts[1:] in (["settings", "snippet"], ["direct_marketing"]):
            await (await self._owners(request, parts[0], parts[1]))(scope, receive, send)
            return
        if parts[1:] in (["health"], ["forecast"]):
            await (await self._told(request, parts[0], parts[1]))(scope, receive, send)
            return
        if parts[1:2] == ["report"] or (len(parts) == 4 and parts[2:] == ["data", "query"]):
            answer = await self._report(request, parts)
            await answer(scope, receive, send)
            return
        if len(parts) != 3 or parts[1] != "contact":
            raise HTTPException(404, "Resource not found")
        access = await self._access(request, parts[0])
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405, f"{request.method} is not for a contact", {"allow": "GET"})
        try:
            given = await parameters(scope, receive, dict(scope["headers"]))
            extend = reading.expansions(given.get("extend", ""))
        except HttpError as error:
            raise HTTPException(error.status, str(error)) from None
        except reading.UnknownExpansionError as error:
            raise HTTPException(400, str(error)) from None
        found = await asyncio.to_thread(
            reading.contact, self.engine, access.account_pk, access.currency, parts[2], extend
        )
        if found is None:
            raise HTTPException(404, f"There is no contact '{short(parts[2])}'")
        await _json({"data": found})(scope, receive, send)

    async def _owners(self, request: Request, account_id: str, what: str) -> Response:
        """Answers the snippet of a site, or keeps expenses."""
        access = await self._access(request, account_id)
        wanted = ("GET", "HEAD") if what == "settings" else ("POST",)
        if request.method not in wanted:
            allowed = ", ".join(wanted)
            raise HTTPException(405, f"Use {allowed} here", {"allow": allowed})
        try:
            if what == "settings":
                settings = await asyncio.to_thread(self._tracking_settings, access)
                host = request.headers.get("host", "")
                return _json(owner.snippet(access.account_id, settings, host))
            headers = dict(request.scope["headers"])
            body = await read_body(headers, request.receive, owner.MAX_EXPENSES)
            return _json(await owner.keep_expenses(access, body, self.committer))
        except HttpError as error:
            told = {"status": "error", "message": str(error), "errors": error.errors}
            return JSONResponse(told, error.status)

    def _tracking_settings(self, access: Access) -> TrackingSettings:
        with self.engine.connect() as connection:
            return tracking_settings(connection, access.account_pk)


async def _openapi(_request: Request) -> Response:
    from segconnect.account.reference.openapi import openapi  # built when it is asked for

    return _json(openapi())


async def _docs(_request: Request) -> Response:
    from segconnect.account.reference.page import POLICY, page

    return HTMLResponse(page(), headers={"content-security-policy": POLICY})


def _json(value: object) -> Response:
    return Response(to_json(value), media_type="application/json")


async def _unreachable(_request: Request, _error: Exception) -> Response:
    """Answers that the store is gone for now."""
    told = {"message": "The store does not answer; try again"}
    return JSONResponse(told, 503, {"retry-after": "1"})


async def _message(_request: Request, error: Exception) -> Response:
    """Answers an error as the reporting API does: {"message": ...}."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"message": error.detail}, error.status_code, dict(error.headers or {}))
