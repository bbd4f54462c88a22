"""Group commit: requests that arrive together are written in one transaction, then answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pydantic_core import to_json

from segconnect.account.store.transaction import Transaction
from segconnect.account.writing import rules
from segconnect.account.writing.work import Operation, Work, working_sets
from segconnect.clock import now
from segconnect.errors import StoreError

Reply = tuple[int, bytes]  # HTTP status and JSON body
LOST = -1  # in `after`: something before the group was not done

MAX_GROUP = 1000  # operations; more wait for the next group
GATHER_SECONDS = 0.002  # at most, and only between two groups of many
LOG = logging.getLogger(__name__)


class Store(Protocol):
    """What the committer needs of a store."""

    def transaction(self, accounts: Sequence[int]) -> AbstractContextManager[Transaction]:
        """Begins a group on these accounts."""

    def close(self) -> None:
        """Closes the store."""


def apply(store: Store, operations: Sequence[Operation]) -> list[Reply]:
    """Commits the operations as one group, in their order, and answers a reply for each.

    A group that cannot be written as a whole is halved until the one is found that cannot, so that
    no operation suffers for another.
    """
    try:
        return _apply(store, operations)
    except StoreError as error:
        return [_unavailable(str(error))] * len(operations)
    except Exception as error:  # whatever it is, it is of one operation
        half = len(operations) // 2
        if half:
            replies = apply(store, operations[:half])
            return replies + apply(store, following(operations[half:], replies))
        LOG.exception("%s could not be written", operations[0].endpoint)
        return [
            (500, _error(f"a fault of the server, which has logged it ({type(error).__name__})"))
        ]


def _apply(store: Store, operations: Sequence[Operation]) -> list[Reply]:
    with store.transaction([operation.account_pk for operation in operations]) as transaction:
        moment = int(now().timestamp())
        replies: list[Reply] = []
        for part in working_sets(operations):
            work = Work(transaction, moment)
            work.load(part)
            for operation in part:
                is_kept = operation.after and not _are_done(operation.after, replies)
                replies.append(NOT_DONE if is_kept else rules.run(work, operation))
            work.flush()
    return replies


def following(operations: Sequence[Operation], replies: Sequence[Reply]) -> Sequence[Operation]:
    """Answers what is left of operations that come together, once the first ones have replies."""
    start = len(replies)
    return [
        operation._replace(
            after=tuple(
                place - start if place >= start else LOST
                for place in operation.after
                if place >= start or not _are_done((place,), replies)
            )
        )
        if operation.after
        else operation
        for operation in operations
    ]


def _are_done(after: Sequence[int], replies: Sequence[Reply]) -> bool:
    return all(place != LOST and replies[place][0] == 200 for place in after)


def _unavailable(message: str) -> Reply:
    return 503, _error(message)


def _error(message: str) -> bytes:
    return to_json({"status": "error", "errors": [message]})


NOT_DONE: Reply = (424, _error("not done, since a line that it comes after was not done"))
"""The reply to an operation of which something in its `after` was not done."""


class Writer(Protocol):
    """Commits one group at a time; see `writer`."""

    async def write(self, operations: Sequence[Operation]) -> list[Reply]:
        """Answers a reply for each operation, once their group is on disk."""

    async def close(self) -> None:
        """Closes the store."""


class Committer:
    """Collects operations of an event loop while the group before them is being written.

    When few have come by then, though many were in the group before, the answers to those are
    still on their way and the next requests soon here: a moment's wait for half as many keeps
    server and writer busy by turns. A group of one is never waited for.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._queue: list[tuple[Operation, asyncio.Future[Reply]]] = []
        self._waiting: list[tuple[Sequence[Operation], asyncio.Future[list[Reply]]]] = []
        self._task: asyncio.Task[None] | None = None
        self._wanted = 0  # operations, while a group gathers
        self._gathered: asyncio.Future[None] | None = None

    def submit(self, operation: Operation) -> asyncio.Future[Reply]:
        """Answers the reply once the operation's group is on disk."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._queue.append((operation, future))
        self._wake(loop)
        return future

    def submit_all(self, operations: Sequence[Operation]) -> asyncio.Future[list[Reply]]:
        """Answers the replies of a batch, whose operations stay together and in order."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Reply]] = loop.create_future()
        self._waiting.append((operations, future))
        self._wake(loop)
        return future

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._task is None:
            self._task = loop.create_task(self._run(loop))
        elif self._gathered is not None and (self._waiting or len(self._queue) >= self._wanted):
            _finish(self._gathered, None)

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._queue or self._waiting:
            if self._queue:
                group = self._queue[:MAX_GROUP]
                del self._queue[:MAX_GROUP]  # by slice: a swap could lose what is added meanwhile
                replies = await self._write([operation for operation, _ in group])
                for (_, future), reply in zip(group, replies, strict=True):
                    _finish(future, reply)
                await self._gather(loop, len(group) // 2)
            if self._waiting:
                batch, whole = self._waiting.pop(0)
                replies = []
                for start in range(0, len(batch), MAX_GROUP):
                    left = batch[start : start + MAX_GROUP]
                    replies += await self._write(following(left, replies) if start else left)
                _finish(whole, replies)
        self._task = None

    async def _write(self, operations: Sequence[Operation]) -> list[Reply]:
        try:
            return await self._writer.write(operations)
        except Exception as error:  # whoever sent them waits for an answer
            LOG.exception("a group could not be handed to the writer")
            return [(500, _error(f"a fault of the server ({type(error).__name__})"))] * len(
                operations
            )

    async def _gather(self, loop: asyncio.AbstractEventLoop, wanted: int) -> None:
        if len(self._queue) < wanted and not self._waiting:
            self._wanted, self._gathered = wanted, loop.create_future()
            timer = loop.call_later(GATHER_SECONDS, _finish, self._gathered, None)
            await self._gathered
            timer.cancel()
            self._gathered = None

    async def close(self) -> None:
        """Writes what waits, then closes the writer."""
        if self._task is not None:
            await self._task
        await self._writer.close()


def _finish(future: asyncio.Future[Any], value: Any) -> None:
    """Gives a future its value, unless whoever waited for it has gone."""
    if not future.done():
        future.set_result(value)
