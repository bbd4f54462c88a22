"""The tracking side over HTTP: the script, hits, and /identify. No key: the account's ID names it.

Plain ASGI, as the import side is: a page view is checked, joined to the group that is committed
next, and answered once that group is on disk.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from hashlib import blake2b
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from segconnect.account.api.arrivals import (
    ASKS_NOT,
    COUNTED,
    HAS_NOT_AGREED,
    OWN,
    Arrival,
    Arrivals,
)
from segconnect.account.api.imports import UNREACHABLE, HttpError, read_body
from segconnect.account.channels import split
from segconnect.account.owner.preferences import tracking_settings
from segconnect.account.owner.tracking_settings import TrackingSettings
from segconnect.account.store import schema
from segconnect.account.writing import views
from segconnect.account.writing.committer import Committer
from segconnect.account.writing.work import Operation
from segconnect.clock import now
from segconnect.types import Email, Id
from segconnect.wire.shape import ShapeError, short
from segconnect.wire.tracking import IdentifyShape, PageViewShape

MAX_HIT = 32_000  # bytes
FRESH_SECONDS = 5.0  # how long an account's settings are taken as still what they were
SCRIPT_SECONDS = 300  # how long a browser keeps the script before it asks whether it changed
CORS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"86400"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
NOT_KEPT = (b"cache-control", b"no-store")
JSON, JAVASCRIPT = b"application/json", b"text/javascript; charset=utf-8"
PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)  # an empty GIF
EMAIL: TypeAdapter[str] = TypeAdapter(Email)
ID: TypeAdapter[str] = TypeAdapter(Id)

_SCRIPT = re.compile(r"/(?:tag/)?([^/]+)\.js")


def is_tracking(path: str) -> bool:
    """Tells whether a path is of the tracking side."""
    return path in ("/hit", "/identify") or _SCRIPT.fullmatch(path) is not None


class Reply(NamedTuple):
    """What is answered."""

    status: int
    body: bytes
    kind: bytes = JSON
    extra: tuple[tuple[bytes, bytes], ...] = (NOT_KEPT,)


class TrackingApp:
    """Answers the tracking side."""

    def __init__(self, engine: Engine, committer: Committer) -> None:
        self._engine, self._committer = engine, committer
        self.arrivals = Arrivals()
        self._known: dict[str, tuple[float, tuple[int, TrackingSettings] | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            reply = await self._answer(scope, receive)
        except HttpError as error:
            body = to_json({"status": "error", "errors": error.errors})
            reply = Reply(error.status, body, JSON, (NOT_KEPT, *error.headers.items()))
        except SQLAlchemyError:
            reply = Reply(503, UNREACHABLE, JSON, (NOT_KEPT, (b"retry-after", b"1")))
        length = (b"content-length", str(len(reply.body)).encode())
        is_empty = reply.status in (204, 304)
        headers = [*CORS, *reply.extra]
        headers += [] if is_empty else [(b"content-type", reply.kind), length]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        is_silent = is_empty or scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_silent else reply.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        method, path = scope["method"], scope["path"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        script = _SCRIPT.fullmatch(scope["raw_path"].decode("ascii", "replace"))
        allowed = ("GET", "HEAD") if script else ("GET", "HEAD", "POST")
        if method == "OPTIONS":
            return Reply(204, b"", extra=())
        if method not in allowed:
            names = ", ".join(allowed)
            raise HttpError(
                405, f"{method} is not for '{short(path)}'; use {names}",
                headers={b"allow": names.encode()},
            )  # fmt: skip
        if script:
            return await self._script(unquote(script[1]), headers)
        given = await _parameters(scope, receive, headers)
        account_id = _first(given, "a", "account_id", "account")
        if not account_id:
            raise HttpError(400, "missing 'a' field: the account's ID")
        known = await self._account(account_id)
        if known is None:
            raise HttpError(404, f"there is no account '{short(account_id)}'")
        try:
            if path == "/identify":
                return await self._identify(known[0], given)
            return await self._hit(account_id, *known, given, scope, headers)
        except ShapeError as error:
            raise HttpError(400, *error.errors) from None

    # -- accounts --------------------------------------------------------------------------------

    async def _account(self, account_id: str) -> tuple[int, TrackingSettings] | None:
        known = self._known.get(account_id)
        if known is not None and known[0] > monotonic():
            return known[1]
        found = await asyncio.to_thread(self._look_up, account_id)
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[account_id] = (monotonic() + FRESH_SECONDS, found)
        return found

    def _look_up(self, account_id: str) -> tuple[int, TrackingSettings] | None:
        if not account_id.isprintable():
            return None
        with self._engine.connect() as connection:
            query = select(schema.accounts.c.pk).where(schema.accounts.c.account_id == account_id)
            pk: int | None = connection.scalar(query)
            return None if pk is None else (pk, tracking_settings(connection, pk))

    # -- the script ------------------------------------------------------------------------------

    async def _script(self, name: str, headers: Mapping[bytes, bytes]) -> Reply:
        if name == "seg":
            text = script()
        else:
            known = await self._account(name)
            if known is None:
                raise HttpError(404, f"there is no account '{short(name)}'")
            text = script(name, known[1])
            self.arrivals.note(name, Arrival(_milliseconds(now()), "", "", "", "loaded"))
        tag = f'"{blake2b(text, digest_size=8).hexdigest()}"'.encode()
        kept = (
            (b"cache-control", f"public, max-age={SCRIPT_SECONDS}".encode()),
            (b"etag", tag),
            (b"x-content-type-options", b"nosniff"),
        )
        asked = headers.get(b"if-none-match", b"").replace(b"W/", b"")
        if asked == b"*" or tag in [each.strip() for each in asked.split(b",")]:
            return Reply(304, b"", extra=kept)
        return Reply(200, text, JAVASCRIPT, kept)

    # -- what pages send -------------------------------------------------------------------------

    async def _hit(
        self,
        account_id: str,
        account: int,
        settings: TrackingSettings,
        given: Mapping[str, str],
        scope: Scope,
        headers: Mapping[bytes, bytes],
    ) -> Reply:
        said = {
            "uid": _first(given, "u", "uid"),
            "url": _first(given, "l", "url") or "",
            "referrer": _first(given, "r", "referrer"),
            "id": _first(given, "i", "id"),
            "user_agent": _text(headers.get(b"user-agent", b""))[:1000],
            "ip_address": client_address(scope, headers),
        }
        fields = PageViewShape.read_object(
            {name: value for name, value in said.items() if value is not None}
        ).given()
        received = now()
        fields["date_created"] = int(received.timestamp())
        fields["milliseconds"] = received.microsecond // 1000
        fields["asks_not"] = b"1" in (headers.get(b"dnt"), headers.get(b"sec-gpc"))
        fields["has_agreed"] = _first(given, "k", "consent") == "1"
        status, body = await self._committer.submit(Operation("hit", account, 0, fields))
        if status != 200:
            return Reply(status, body)
        told = from_json(body).get("page_view")
        outcome = COUNTED if told and told["is_counted"] else OWN
        if told is None:
            is_asked = fields["asks_not"] and settings.respects_do_not_track
            outcome = ASKS_NOT if is_asked else HAS_NOT_AGREED
        page = split(fields["url"])
        seen = views.device(fields.get("user_agent"))
        channel = (told or {}).get("channel", "")
        arrival = Arrival(_milliseconds(received), page.host + page.path, seen, channel, outcome)
        self.arrivals.note(account_id, arrival)
        if scope["method"] == "POST":
            return Reply(204, b"")
        return Reply(200, PIXEL, b"image/gif")

    async def _identify(self, account: int, given: Mapping[str, str]) -> Reply:
        """Takes what is valid of email and contact ID; programs call it under either's names."""
        said: dict[str, Any] = {"uid": _first(given, "uid", "seg_uid", "session_uid", "u")}
        problems = []
        for name, kind, names in (
            ("email", EMAIL, ("e", "email")),
            ("contact_id", ID, ("cid", "contact_id")),
        ):
            value = _first(given, *names)
            if value:
                try:
                    said[name] = kind.validate_python(value)
                except ValidationError as error:
                    message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
                    problems.append(f"'{names[0]}' field: {message}")
        if not said.keys() & {"email", "contact_id"}:
            raise HttpError(400, *(problems or ["missing 'e' or 'cid' field"]))
        fields = IdentifyShape.read_object(said).given()
        status, body = await self._committer.submit(Operation("POST identify", account, 0, fields))
        return Reply(status, body)


async def _parameters(
    scope: Scope, receive: Receive, headers: Mapping[bytes, bytes]
) -> dict[str, str]:
    """Reads parameters from the query, and from a body: JSON or a form, whatever its type says.

    A beacon has no other type than text/plain that a browser sends without asking first.
    """
    given = dict(parse_qsl(_text(scope["query_string"])))
    body = (await read_body(headers, receive, MAX_HIT)).strip()
    if body[:1] == b"{":
        try:
            values = from_json(body)
        except ValueError as error:
            raise HttpError(400, f"the body is not a JSON object: {error}") from None
        given.update({name: str(each) for name, each in values.items() if each is not None})
    elif body:
        given.update(parse_qsl(_text(body)))
    return given


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _first(given: Mapping[str, str], *names: str) -> str | None:
    return next((given[name].strip() for name in names if given.get(name, "").strip()), None)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").replace("\0", "")


def client_address(scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
    """Finds the visitor's address; what a proxy says of it counts only from a private address."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    told = _text(headers.get(b"x-forwarded-for", b""))
    if not told or not _is_private(address):
        return address or None
    hops = [hop.strip() for hop in told.split(",") if hop.strip()]
    return next((hop for hop in reversed(hops) if not _is_private(hop)), hops[0] if hops else None)


def _is_private(address: str) -> bool:
    try:
        return ip_address(address).is_private
    except ValueError:
        return not address  # a Unix socket has none


@cache
def _source() -> str:
    return Path(__file__).with_name("script.js").read_text(encoding="utf-8")


@lru_cache(maxsize=1000)
def _configured(account_id: str, settings: str) -> bytes:
    wanted = TrackingSettings.model_validate_json(settings)
    config = {
        "account": account_id,
        "forms": wanted.capture_emails,
        "consent": wanted.needs_consent,
        "dnt": wanted.respects_do_not_track,
        "hosts": wanted.own_hosts,
    }
    begin, _, end = _source().rpartition("null")
    return f"{begin}{to_json(config).decode()}{end}".encode()


def script(account_id: str | None = None, settings: TrackingSettings | None = None) -> bytes:
    """Answers the script of an account; without one, the script that loads the account's."""
    if account_id is None or settings is None:
        return _source().encode()
    return _configured(account_id, settings.model_dump_json())
