"""Group commit: requests that arrive together are written in one transaction, then answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from pydantic_core import to_json

from segconnect.account import imports
from segconnect.account.work import Operation, Transaction, Work
from segconnect.clock import now
from segconnect.errors import StoreError

Reply = tuple[int, bytes]  # HTTP status and JSON body

MAX_GROUP = 1000  # operations; more wait for the next group


class Store(Protocol):
    """What the committer needs of a store."""

    def transaction(self, accounts: Sequence[int]) -> AbstractContextManager[Transaction]:
        """Begins a group on these accounts."""

    def close(self) -> None:
        """Closes the store."""


def apply(store: Store, operations: Sequence[Operation]) -> list[Reply]:
    """Commits the operations as one group, in their order, and answers a reply for each.

    A group that the database refuses as a whole is tried again one by one, so that no operation
    suffers for another.
    """
    try:
        return _apply(store, operations)
    except StoreError as error:
        return [_unavailable(str(error))] * len(operations)
    except Exception as error:
        if len(operations) > 1:
            return [reply for one in operations for reply in apply(store, [one])]
        reason = str(error).partition("\n")[0]
        return [(400, _error(f"the store refused the values: {reason}"))]


def _apply(store: Store, operations: Sequence[Operation]) -> list[Reply]:
    with store.transaction([operation.account_pk for operation in operations]) as transaction:
        work = Work(transaction, int(now().timestamp()))
        work.load(operations)
        replies = [imports.run(work, operation) for operation in operations]
        work.flush()
    return replies


def _unavailable(message: str) -> Reply:
    return 503, _error(message)


def _error(message: str) -> bytes:
    return to_json({"status": "error", "errors": [message]})


class Writer(Protocol):
    """Commits one group at a time; see `writer`."""

    async def write(self, operations: Sequence[Operation]) -> list[Reply]:
        """Answers a reply for each operation, once their group is on disk."""

    async def close(self) -> None:
        """Closes the store."""


class Committer:
    """Collects operations of an event loop while the group before them is being written."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._queue: list[tuple[Operation, asyncio.Future[Reply]]] = []
        self._waiting: list[tuple[Sequence[Operation], asyncio.Future[list[Reply]]]] = []
        self._task: asyncio.Task[None] | None = None

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
            self._task = loop.create_task(self._run())

    async def _run(self) -> None:
        while self._queue or self._waiting:
            if self._queue:
                group = self._queue[:MAX_GROUP]
                del self._queue[:MAX_GROUP]  # by slice: a swap could lose what is added meanwhile
                operations = [operation for operation, _ in group]
                replies = await self._writer.write(operations)
                for (_, future), reply in zip(group, replies, strict=True):
                    if not future.done():
                        future.set_result(reply)
            if self._waiting:
                batch, whole = self._waiting.pop(0)
                replies = []
                for start in range(0, len(batch), MAX_GROUP):
                    part = batch[start : start + MAX_GROUP]
                    replies += await self._writer.write(part)
                if not whole.done():
                    whole.set_result(replies)
        self._task = None

    async def close(self) -> None:
        """Writes what waits, then closes the writer."""
        if self._task is not None:
            await self._task
        await self._writer.close()
