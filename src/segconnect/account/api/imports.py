"""The import API: /api/v1/{account}/{integration}/…

Plain ASGI, since nearly all requests of a busy account come through here: a request is checked,
joined to the group that is committed next, and answered once that group is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic_core import from_json, to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from segconnect.account.owner.access import Access, Doorkeeper
from segconnect.account.owner.uses import Uses
from segconnect.account.people import reading
from segconnect.account.writing.committer import NOT_DONE, Committer, Reply
from segconnect.account.writing.work import Operation
from segconnect.wire.endpoints import (
    BATCH_HEADER,
    ENDPOINTS,
    MAX_BATCH_BODY,
    MAX_BATCH_LINES,
    MAX_BODY,
)
from segconnect.wire.shape import ShapeError, short

PREFIX = "/api/v1/"
JSON_TYPES = ("application/json", "application/x-ndjson", "text/json")
NDJSON = b"application/x-ndjson"
JSON = b"application/json"
PAUSE_EVERY = 500  # lines of a batch that are checked before other requests get their turn


class HttpError(Exception):
    """A request that is answered with an error status and the account's sentences."""

    def __init__(self, status: int, *errors: str, headers: Mapping[bytes, bytes] | None = None):
        self.status, self.errors, self.headers = status, list(errors), dict(headers or {})
        super().__init__("; ".join(errors))


class EmptyCallError(HttpError):
    """A call without any field, by which a connection is tested: it is not counted."""


class ImportApp:
    """Answers the import API."""

    def __init__(self, doorkeeper: Doorkeeper, committer: Committer, uses: Uses) -> None:
        self._doorkeeper, self._committer, self._uses = doorkeeper, committer, uses
        self._asked: dict[tuple[bytes, str, str], asyncio.Task[Access | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        kind = JSON
        extra: tuple[tuple[bytes, bytes], ...] = ()
        try:
            status, body, kind = await self._answer(scope, receive)
        except HttpError as error:
            status, body = error.status, to_json({"status": "error", "errors": error.errors})
            extra = tuple(error.headers.items())
        except SQLAlchemyError:
            LOG.exception("the store did not answer")
            status, body = 503, UNREACHABLE
        if status == 503:
            extra = RETRY_SOON
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", kind),
                    (b"content-length", str(len(body)).encode()),
                    BATCH_OFFER,
                    *extra,
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes]:
        method: str = scope["method"]
        parts = scope["raw_path"].decode("ascii", "replace").removeprefix(PREFIX).split("/")
        account_id, integration_id = unquote(parts[0]), unquote(parts[1] if len(parts) > 1 else "")
        if not account_id or not integration_id:
            raise HttpError(404, f"a path is {PREFIX}ACCOUNT/INTEGRATION/CALL; see /openapi.json")
        path = "/".join(parts[2:]).rstrip("/")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        access = await self._access(headers, account_id, integration_id)
        if access.integration_pk is None:
            self._note(access)
            raise HttpError(404, f"the account has no integration '{short(integration_id)}'")
        try:
            answer = await self._call(access, method, path, scope, receive, headers)
        except EmptyCallError:
            self._note(access)
            raise
        except HttpError as error:
            self._note(access, refused=1, error="; ".join(error.errors))
            raise
        if method == "GET":
            self._note(access)
        elif path != "batch":
            is_taken = answer[0] == 200
            told = "" if is_taken or answer[0] >= 500 else _why(answer[1])
            self._note(access, int(is_taken), int(bool(told)), told)
        return answer

    def _note(self, access: Access, received: int = 0, refused: int = 0, error: str = "") -> None:
        self._uses.note(access.key_pk, access.integration_pk, received, refused, error)

    async def _call(
        self,
        access: Access,
        method: str,
        path: str,
        scope: Scope,
        receive: Receive,
        headers: Mapping[bytes, bytes],
    ) -> tuple[int, bytes, bytes]:
        assert access.integration_pk is not None
        if path == "batch" and method == "POST":
            return await self._batch(access, headers, receive)
        endpoint = f"{method} {path}"
        known = ENDPOINTS.get(endpoint)
        if known is not None and known.shape is not None:
            body = await _body(headers, receive, MAX_BODY)
            try:
                fields = known.shape.read(body).given()
            except ShapeError as error:
                is_empty = body.strip() == b"{}"
                raise (EmptyCallError if is_empty else HttpError)(400, *error.errors) from None
            operation = Operation(endpoint, access.account_pk, access.integration_pk, fields)
            return (*await self._committer.submit(operation), JSON)
        kind, _, text = path.partition("/")
        if f"{method} {kind}/{{id}}" in ENDPOINTS and text:
            operation = _deletion(access, kind, text)
            return (*await self._committer.submit(operation), JSON)
        if method == "GET" and (path == "request" or kind == "contact"):
            return await self._read(scope, receive, headers, access, unquote(text))
        return _no_such(method, path)

    async def _access(
        self, headers: Mapping[bytes, bytes], account: str, integration: str
    ) -> Access:
        key = (headers.get(b"authorization", b""), account, integration)
        access = self._doorkeeper.remembered(*key)
        if access is None and key[0]:
            task = self._asked.get(key)
            if task is None:  # one question to the store, whoever else asks meanwhile
                task = asyncio.create_task(asyncio.to_thread(self._doorkeeper.look_up, *key))
                self._asked[key] = task
                task.add_done_callback(lambda _: self._asked.pop(key, None))
            access = await asyncio.shield(task)
        if access is None:
            raise HttpError(
                401, "not authorized: check API key and account ID",
                headers={b"www-authenticate": b"Bearer"},
            )  # fmt: skip
        return access

    async def _read(
        self,
        scope: Scope,
        receive: Receive,
        headers: Mapping[bytes, bytes],
        access: Access,
        text: str,
    ) -> tuple[int, bytes, bytes]:
        engine = self._doorkeeper.engine
        if text:
            found = await asyncio.to_thread(
                reading.contact, engine, access.account_pk, access.currency, text
            )
            if found is None:
                raise HttpError(404, f"there is no contact '{short(text)}'")
            return 200, to_json({"status": "success", "contact": found}), JSON
        given = await parameters(scope, receive, headers)
        try:
            limit, page = int(given.get("limit", 20)), int(given.get("page", 1))
        except ValueError:
            raise HttpError(400, "'limit' and 'page' are whole numbers") from None
        if not 1 <= limit <= 100 or not 1 <= page <= 10**9:
            raise HttpError(400, "'limit' is from 1 to 100, 'page' is from 1")
        rows = await asyncio.to_thread(
            reading.contacts, engine, access.account_pk, access.integration_pk,
            email=given.get("email"), contact_id=given.get("contact_id"), limit=limit, page=page,
        )  # fmt: skip
        return 200, to_json({"status": "success", "contact": rows}), JSON

    async def _batch(
        self, access: Access, headers: Mapping[bytes, bytes], receive: Receive
    ) -> tuple[int, bytes, bytes]:
        """Applies many calls in order; each line has its own answer, as if it had come alone.

        A line that names lines in `after` is done only if all of these were.
        """
        body = await _body(headers, receive, MAX_BATCH_BODY)
        as_array = body.lstrip()[:1] == b"["
        lines: list[Any]
        if as_array:
            try:
                lines = from_json(body)
            except ValueError as error:
                raise HttpError(400, f"the body is not a JSON array: {error}") from None
        else:
            lines = [line for line in body.split(b"\n") if line.strip()]
        if len(lines) > MAX_BATCH_LINES:
            raise HttpError(413, f"{len(lines)} lines; at most {MAX_BATCH_LINES} a batch")
        checked: list[Operation | Reply] = []
        operations: list[Operation] = []
        places: list[int | None] = []  # of each line among the operations
        for number, line in enumerate(lines, 1):
            each = _operation(access, line, places)
            checked.append(each)
            places.append(len(operations) if isinstance(each, Operation) else None)
            if isinstance(each, Operation):
                operations.append(each)
            if number % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
        replies = iter(await self._committer.submit_all(operations) if operations else [])
        found = [next(replies) if isinstance(each, Operation) else each for each in checked]
        answers = [b'{"status":%d,"body":%b}' % each for each in found]
        refused = [each for each in found if 400 <= each[0] < 500]
        taken = sum(1 for each in found if each[0] == 200)
        self._note(access, taken, len(refused), _why(refused[-1][1]) if refused else "")
        if as_array:
            return 200, b"[" + b",".join(answers) + b"]", JSON
        return 200, b"".join(answer + b"\n" for answer in answers), NDJSON


LOG = logging.getLogger(__name__)
UNREACHABLE = b'{"status":"error","errors":["the store does not answer; try again"]}'
RETRY_SOON = ((b"retry-after", b"1"),)
BATCH_OFFER = (BATCH_HEADER.encode(), b"%d; after" % MAX_BATCH_LINES)


def _why(body: bytes) -> str:
    return "; ".join(map(str, from_json(body)["errors"]))


def _operation(access: Access, line: Any, places: list[int | None]) -> Operation | Reply:
    """Checks one line of a batch; answers its refusal if it is not well.

    Args:
        access: Whose batch it is.
        line: The line.
        places: Of each line before it among the operations; None if it was refused.
    """
    try:
        call = from_json(line) if isinstance(line, bytes) else line
        operation = _checked(access, call)
        numbers = call.get("after")
        if numbers is None:
            return operation
        after = _lines_before(numbers, places)
        return NOT_DONE if after is None else operation._replace(after=after)
    except (ShapeError, HttpError) as error:
        errors = error.errors
    except ValueError as error:
        errors = [f"the line is not JSON: {error}"]
    return 400, to_json({"status": "error", "errors": errors})


def _checked(access: Access, call: Any) -> Operation:
    assert access.integration_pk is not None
    if not isinstance(call, dict) or not isinstance(call.get("endpoint"), str):
        raise ShapeError(["a line is an object with 'endpoint' and 'body'"])
    endpoint: str = call["endpoint"].strip()
    known = ENDPOINTS.get(endpoint)
    if known is not None and known.shape is not None:
        fields = known.shape.read_object(call.get("body")).given()
        return Operation(endpoint, access.account_pk, access.integration_pk, fields)
    method, _, path = endpoint.partition(" ")
    kind, _, text = path.partition("/")
    if f"{method} {kind}/{{id}}" not in ENDPOINTS or not text:
        raise ShapeError([f"there is no endpoint '{short(endpoint)}'"])
    return _deletion(access, kind, text)


def _lines_before(numbers: Any, places: list[int | None]) -> tuple[int, ...] | None:
    """Reads `after`; answers places among the operations, or None if one was refused already."""
    known = range(1, len(places) + 1)
    if not isinstance(numbers, list) or any(type(n) is not int or n not in known for n in numbers):
        raise ShapeError(
            ["invalid 'after' field: give the numbers of lines before this one, counted from 1"]
        )
    found = [places[number - 1] for number in numbers]
    after = tuple(place for place in found if place is not None)
    return after if len(after) == len(found) else None


def _deletion(access: Access, kind: str, text: str) -> Operation:
    key = unquote(text).strip()
    if not key:
        raise HttpError(400, "missing 'id' field")
    if not key.isprintable():
        raise HttpError(400, "the ID holds a character that cannot be printed")
    assert access.integration_pk is not None
    endpoint = f"DELETE {kind}/{{id}}"
    return Operation(endpoint, access.account_pk, access.integration_pk, {"id": key})


def _no_such(method: str, path: str) -> tuple[int, bytes, bytes]:
    kind = path.partition("/")[0]
    allowed = {
        key.partition(" ")[0]
        for key, endpoint in ENDPOINTS.items()
        if endpoint.path in (path, f"{kind}/{{id}}" if "/" in path else path)
    }
    allowed |= {"GET"} if kind == "contact" or path == "request" else set()
    allowed |= {"POST"} if path == "batch" else set()
    if allowed:
        names = ", ".join(sorted(allowed))
        raise HttpError(
            405,
            f"{method} is not for '{short(path)}'; use {names}",
            headers={b"allow": names.encode()},
        )
    raise HttpError(404, f"there is no '{short(path)}'; see /openapi.json")


async def _body(headers: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes:
    kind = headers.get(b"content-type", JSON).partition(b";")[0].strip().lower().decode("latin-1")
    if kind not in JSON_TYPES and not kind.endswith("+json"):
        raise HttpError(415, f"the body is '{short(kind)}'; send application/json")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise HttpError(415, "the body is compressed; send it plain")
    return await read_body(headers, receive, most)


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes:
    """Reads a request's body.

    Raises:
        HttpError: It is larger than `most` bytes (413), or the client went away.
    """
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > most:
        raise HttpError(413, f"the body is larger than {most} bytes")
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        chunks, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > most:
                raise HttpError(413, f"the body is larger than {most} bytes")
        body = b"".join(chunks)
    if message["type"] == "http.disconnect":
        raise HttpError(400, "the request was broken off")
    return body


async def parameters(
    scope: Scope, receive: Receive, headers: Mapping[bytes, bytes]
) -> dict[str, str]:
    """Reads a GET's parameters: from the query, and from a body as the docs' curl lines send."""
    given: dict[str, str] = {}
    body = (await read_body(headers, receive, MAX_BODY)).strip()
    if body[:1] == b"{":
        try:
            values = from_json(body)
        except ValueError:
            values = {}
        for name, value in values.items():
            if value is not None:
                given[name] = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    else:
        given.update(parse_qsl(body.decode("utf-8", "replace")))
    given.update(
        parse_qsl(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
    )
    return given
