"""Takes webhooks' requests in: /hook/{token}. What is answered 200 is on disk.

Plain ASGI, since a busy shop sends thousands; requests that come together share one commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from segconnect.scenario import values_json
from segconnect.scenario.engine.state import Response
from segconnect.scenario.hooks import HookRow, Hooks
from segconnect.scenario.hooks.reading import UnreadableError, read
from segconnect.scenario.journal import Journal
from segconnect.scenario.journal.scenarios import Memory
from segconnect.scenario.moments import now

PREFIX = "/hook/"
MAX_BODY = 5_000_000  # bytes
REMEMBERED = 1.0  # seconds for which a webhook is not looked up again
UNATTACHED = 120 * 3_600_000  # milliseconds; then its address is gone. Source: help.make.com
RATE_SECONDS = 10.0
MOST_WAIT = 300.0  # seconds for the scenario's answer. Source: help.make.com
LOOK_SECONDS = 0.02  # between two looks for answers
COUNT_SECONDS = 0.5  # between two counts of what waits
PLAIN = b"text/plain; charset=utf-8"
LOG = logging.getLogger(__name__)


class Told(NamedTuple):
    """What a caller is answered."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", PLAIN),)


ACCEPTED = Told(200, b"Accepted")


class _Known:
    """A webhook that was looked up, and how busy it is."""

    def __init__(self, row: HookRow | None) -> None:
        self.row, self.at = row, monotonic()
        self.calls: deque[float] = deque()  # when requests came, of the last seconds
        self.waiting, self.counted_at = 0, 0.0

    def is_too_fast(self, now: float) -> float | None:
        """Notes a request; answers the seconds to wait if there were too many."""
        assert self.row is not None
        if not self.row.rate:
            return None
        while self.calls and now - self.calls[0] > RATE_SECONDS:
            self.calls.popleft()
        if len(self.calls) >= self.row.rate:
            return RATE_SECONDS - (now - self.calls[0])
        self.calls.append(now)
        return None


class HookApp:
    """Takes requests in, and answers them; it belongs to one event loop.

    Args:
        hooks: The webhooks.
        journal: Knows how far scenarios are, and what they answer.
    """

    def __init__(self, hooks: Hooks, journal: Journal) -> None:
        self._hooks, self._journal = hooks, journal
        self._known: dict[str, _Known] = {}
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="hooks")  # writes, in their order
        self._pending: list[tuple[str, str, asyncio.Future[int]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._asked: dict[str, dict[int, asyncio.Future[Response]]] = {}  # by scenario and item
        self._looking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            told = await self._answer(scope, receive)
        except UnreadableError as error:
            told = Told(400, str(error).encode())
        except SQLAlchemyError:
            LOG.exception("the store of webhooks did not answer")
            told = Told(503, b"Try again.", ((b"content-type", PLAIN), (b"retry-after", b"1")))
        length = (b"content-length", str(len(told.body)).encode())
        await send(
            {
                "type": "http.response.start",
                "status": told.status,
                "headers": [*told.headers, length],
            }
        )
        body = b"" if scope["method"] == "HEAD" else told.body
        await send({"type": "http.response.body", "body": body})

    async def close(self) -> None:
        """Writes what came in, and ends."""
        if self._looking is not None:
            self._looking.cancel()
        if self._writing is not None:
            await self._writing
        self._disk.shutdown()
        self._hooks.close()

    async def _answer(self, scope: Scope, receive: Receive) -> Told:
        known = await self._find(scope["path"].removeprefix(PREFIX))
        hook = known.row
        if hook is None:
            return Told(404, b"There is no webhook at this address.")
        if hook.scenario_id is None and now() - (hook.detached_at or 0) > UNATTACHED:
            return Told(410, b"The webhook is not attached to a scenario.")
        wait = known.is_too_fast(monotonic())
        if wait is not None:
            retry = (b"retry-after", str(max(1, round(wait))).encode())
            return Told(429, b"Too many requests.", ((b"content-type", PLAIN), retry))
        body = await _body(receive)
        if body is None:
            return Told(413, f"The body is larger than {MAX_BODY:,} bytes.".encode())
        if await self._is_full(known):
            return Told(400, b"Queue is full.")
        bundle = read(hook, scope["method"], scope["query_string"], scope["headers"], body)
        item = await self._write(hook.id, values_json.dumps(bundle))
        known.waiting += 1
        if not hook.responds or hook.scenario_id is None:
            return ACCEPTED
        response = await self._response(hook.scenario_id, item)
        return ACCEPTED if response is None else _told(response)

    async def _find(self, token: str) -> _Known:
        known = self._known.get(token)
        if known is None or monotonic() - known.at > REMEMBERED:
            row = None
            if 0 < len(token) <= 64:
                row = await asyncio.to_thread(self._hooks.by_token, token)
            if known is None or known.row is None or row is None:
                known = _Known(row)
            else:
                known.row, known.at = row, monotonic()
            if len(self._known) > 10_000:  # of addresses that were guessed
                self._known.clear()
            self._known[token] = known
        return known

    async def _is_full(self, known: _Known) -> bool:
        """Tells whether as many wait as may; counted now and then, and in between added to."""
        hook = known.row
        assert hook is not None
        near = known.waiting >= hook.queue_limit
        if monotonic() - known.counted_at > (0.05 if near else COUNT_SECONDS):
            known.counted_at = monotonic()
            known.waiting = await asyncio.to_thread(self._count, hook)
        return known.waiting >= hook.queue_limit

    def _count(self, hook: HookRow) -> int:
        after = 0
        if hook.scenario_id is not None:
            scenario = self._journal.scenarios.find(hook.scenario_id)
            after = self._journal.reached(hook.scenario_id)
            if scenario is not None and (cursor := Memory.of(scenario).cursor) is not None:
                after = max(after, int(cursor["item"]))
        return self._hooks.waiting(hook.id, after, hook.queue_limit)

    # writing

    async def _write(self, hook_id: str, bundle: str) -> int:
        """Writes a request down with those that came meanwhile; answers its id."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        self._pending.append((hook_id, bundle, future))
        if self._writing is None:
            self._writing = loop.create_task(self._write_all())
        return await future

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._pending:
                group, self._pending = self._pending, []
                rows = [(hook_id, bundle) for hook_id, bundle, _ in group]
                try:
                    ids = await loop.run_in_executor(self._disk, self._hooks.append, rows)
                except Exception as error:
                    for _, _, future in group:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, _, future), id_ in zip(group, ids, strict=True):
                    if not future.done():  # its caller may have gone
                        future.set_result(id_)
        finally:
            self._writing = None

    # answers of scenarios

    async def _response(self, scenario_id: str, item: int) -> Response | None:
        """Waits for what a scenario answers; None: it takes too long."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Response] = loop.create_future()
        self._asked.setdefault(scenario_id, {})[item] = future
        if self._looking is None:
            self._looking = loop.create_task(self._look())
        try:
            with suppress(TimeoutError):
                return await asyncio.wait_for(future, MOST_WAIT)
            return None
        finally:
            del self._asked[scenario_id][item]

    async def _look(self) -> None:
        try:
            while any(self._asked.values()):
                for scenario_id, asked in list(self._asked.items()):
                    if not asked:
                        continue
                    items = list(asked)[:500]
                    try:
                        found = await asyncio.to_thread(
                            self._journal.answers.to, scenario_id, items
                        )
                    except SQLAlchemyError:
                        LOG.exception("answers cannot be read")
                        found = {}
                    for item, response in found.items():
                        future = asked.get(item)
                        if future is not None and not future.done():
                            future.set_result(response)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._looking = None


async def _body(receive: Receive) -> bytes | None:
    """Reads a body; None: it is too large."""
    message: Any = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= MAX_BODY else None
    pieces, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise UnreadableError("the request ended half-way")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BODY:
            return None
    return b"".join(pieces)


def _told(response: Response) -> Told:
    body = response.body
    content = bytes(body) if isinstance(body, (bytes, bytearray)) else str(body or "").encode()
    headers = [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in response.headers
        if name.lower() not in ("content-length", "transfer-encoding", "connection")
    ]
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", PLAIN))
    return Told(response.status, content, tuple(headers))
