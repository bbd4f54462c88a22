"""Takes webhooks' requests in: /hook/{token}. What is answered 200 is on disk.

Plain ASGI, since a busy shop sends thousands; requests that come together share one commit.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from segconnect.scenario import values_json
from segconnect.scenario.hooks import HookRow, Hooks
from segconnect.scenario.hooks.asking import Asking
from segconnect.scenario.hooks.forms import UnreadableError
from segconnect.scenario.hooks.limits import Queue, Rate
from segconnect.scenario.hooks.reading import MAX_BODY, TOO_LARGE, Headers, read
from segconnect.scenario.hooks.telling import (
    ACCEPTED,
    FAULT,
    FULL,
    GONE,
    OPTIONS,
    SLOW,
    UNKNOWN,
    Told,
    later,
    told,
)
from segconnect.scenario.journal import Journal
from segconnect.scenario.journal.scenarios import Memory

PREFIX = "/hook/"
REMEMBERED = 1.0  # seconds for which a webhook is not looked up again
MOST_UNKNOWN = 1_000  # addresses without a webhook that are remembered
MOST_KNOWN = 10_000  # webhooks; more than anybody has
BODY_SECONDS = 120.0  # in which a body must come
LARGE = 100_000  # bytes; such a body is read while others are answered
MAX_GROUP = 1_000  # requests of one commit
CLEAN_SECONDS = 3_600.0  # between two times that what was run long ago is deleted
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
LOG = logging.getLogger(__name__)

T = TypeVar("T")


class _Known:
    """A webhook that was looked up, and how busy it is in this process."""

    def __init__(self, row: HookRow) -> None:
        self.row, self.at = row, monotonic()
        self.rate, self.queue = Rate(), Queue()
        self.counting: asyncio.Task[None] | None = None


class HookApp:
    """Takes requests in, and answers them; it belongs to one event loop.

    Args:
        hooks: The webhooks.
        journal: Knows how far scenarios are, and what they answer.
    """

    def __init__(self, hooks: Hooks, journal: Journal) -> None:
        self._hooks, self._journal = hooks, journal
        self._known: dict[str, _Known] = {}
        self._unknown: dict[str, float] = {}  # when these addresses were looked up in vain
        self._looked_up: dict[str, asyncio.Task[HookRow | None]] = {}
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="hooks")  # writes, in their order
        self._pending: list[tuple[str, str, asyncio.Future[int]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._cleaning: asyncio.Task[None] | None = None
        self._cleaned_at: float | None = None
        self._asking = Asking(journal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            answer = await self._answer(scope, receive)
        except UnreadableError as error:
            answer = Told(error.status, str(error).encode(errors="replace"))
        except SQLAlchemyError:
            LOG.exception("the store of webhooks did not answer")
            answer = later(503, b"Try again.", 1)
        except Exception:
            LOG.exception("a webhook's request could not be answered")
            answer = FAULT
        start = {"type": "http.response.start", "status": answer.status}
        await send({**start, "headers": answer.message()})
        body = b"" if scope["method"] == "HEAD" else answer.body or b""
        await send({"type": "http.response.body", "body": body})

    async def close(self) -> None:
        """Writes what came in, and ends."""
        self._asking.close()
        if self._cleaning is not None:
            self._cleaning.cancel()
        while self._writing is not None:
            await self._writing
        self._disk.shutdown()
        self._hooks.close()

    async def _answer(self, scope: Scope, receive: Receive) -> Told:
        known = await self._find(scope["path"].removeprefix(PREFIX).removesuffix("/"))
        if known is None:
            return UNKNOWN
        hook, method = known.row, scope["method"]
        if hook.is_gone:
            return GONE
        if method == "OPTIONS":
            return OPTIONS
        if method == "HEAD":  # somebody tries whether the address is right
            return ACCEPTED
        wait = known.rate.wait(hook.rate, monotonic())
        if wait:
            return later(429, b"Too many requests.", wait)
        headers: Headers = scope["headers"]
        try:
            body = await _body(headers, receive)
        except TimeoutError:
            return SLOW
        arguments = (hook, method, scope["query_string"], headers, body)
        if len(body) > LARGE:
            bundle = await asyncio.to_thread(_written, *arguments)
        else:
            bundle = _written(*arguments)
        if not await self._admit(known):
            return FULL
        try:
            item = await self._write(hook.id, bundle)
        finally:
            known.queue.settle()
        if not hook.responds or hook.scenario_id is None:
            return ACCEPTED
        response = await self._asking.response(hook.scenario_id, item)
        return ACCEPTED if response is None else told(response)

    # looking up

    async def _find(self, token: str) -> _Known | None:
        known = self._known.get(token)
        if known is not None and monotonic() - known.at < REMEMBERED:
            return known
        if monotonic() - self._unknown.get(token, -REMEMBERED) < REMEMBERED:
            return None
        if TOKEN.fullmatch(token) is None:
            return None
        row = await self._look_up(token)
        if row is None:
            self._known.pop(token, None)
            if len(self._unknown) >= MOST_UNKNOWN:
                self._unknown.clear()
            self._unknown[token] = monotonic()
            return None
        known = self._known.get(token)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[token] = _Known(row)
        known.row, known.at = row, monotonic()
        self._clean()
        return known

    async def _look_up(self, token: str) -> HookRow | None:
        """Asks the store, once, whoever else asks for the same meanwhile."""
        task = self._looked_up.get(token)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._hooks.by_token, token))
            self._looked_up[token] = task
            task.add_done_callback(lambda _: self._looked_up.pop(token, None))
        return await asyncio.shield(task)

    # the queue

    async def _admit(self, known: _Known) -> bool:
        """Takes a place in the queue; answers False if it is full."""
        queue, most = known.queue, known.row.queue_limit
        if queue.is_due(most, monotonic()):
            if known.counting is None:
                known.counting = asyncio.create_task(self._count(known))
            if not queue.is_counted or queue.is_full(most):
                await asyncio.shield(known.counting)
        if queue.is_full(most):
            return False
        queue.admit()
        return True

    async def _count(self, known: _Known) -> None:
        mark = known.queue.begin_count()
        try:
            counted = await asyncio.to_thread(self._waiting, known.row)
            known.queue.end_count(counted, mark, monotonic())
        except SQLAlchemyError:  # whoever writes will be told
            LOG.exception("what waits cannot be counted")
        finally:
            known.counting = None

    def _waiting(self, hook: HookRow) -> int:
        return self._hooks.waiting(hook.id, self._settled(hook), hook.queue_limit)

    def _settled(self, hook: HookRow) -> int:
        """Answers the last item that the webhook's scenario is through with."""
        if hook.scenario_id is None:
            return 0
        reached = self._journal.reached(hook.scenario_id)
        scenario = self._journal.scenarios.find(hook.scenario_id)  # which a run that ends tells
        if scenario is not None and (cursor := Memory.of(scenario).cursor) is not None:
            reached = max(reached, int(cursor["item"]))
        return reached

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
        try:
            while self._pending:
                group = self._pending[:MAX_GROUP]
                del self._pending[:MAX_GROUP]
                rows = [(hook_id, bundle) for hook_id, bundle, _ in group]
                try:
                    ids = await self._on_disk(self._hooks.append, rows)
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

    async def _on_disk(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call, *arguments)

    # cleaning

    def _clean(self) -> None:
        """Begins to delete what was run long ago, if it is time to."""
        moment = monotonic()
        if self._cleaned_at is not None and moment - self._cleaned_at < CLEAN_SECONDS:
            return
        self._cleaned_at = moment
        self._cleaning = asyncio.create_task(self._clean_all())

    async def _clean_all(self) -> None:
        try:
            for hook in await asyncio.to_thread(self._hooks.all):
                up_to = None if hook.is_gone else await asyncio.to_thread(self._settled, hook)
                while await self._on_disk(self._hooks.forget, hook.id, up_to):
                    pass
        except SQLAlchemyError:
            LOG.exception("old requests of webhooks cannot be deleted")


def _written(hook: HookRow, method: str, query: bytes, headers: Headers, body: bytes) -> str:
    return values_json.dumps(read(hook, method, query, headers, body))


async def _body(headers: Headers, receive: Receive) -> bytes:
    """Reads a body.

    Raises:
        UnreadableError: It is too large, or broke off.
        TimeoutError: It takes too long.
    """
    length = next((value for name, value in headers if name == b"content-length"), b"0")
    if not length.isdigit() or len(length) > 15 or int(length) > MAX_BODY:
        raise UnreadableError(TOO_LARGE, status=413)
    message: Any = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) <= MAX_BODY:
            return body
    pieces, size = [], 0
    async with asyncio.timeout(BODY_SECONDS):
        while True:
            if message["type"] == "http.disconnect":
                raise UnreadableError("the request broke off")
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > MAX_BODY:
                raise UnreadableError(TOO_LARGE, status=413)
            if not message.get("more_body"):
                return b"".join(pieces)
            message = await receive()
