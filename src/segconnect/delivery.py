"""Many modules on their way to one account: in order where order matters, side by side else.

What is held is bounded: modules that were taken in and whose results were not yet given out. One
by one, several requests are under way at a time, and those that concern the same contact follow
each other. In batches, one is under way while the next is being written; they follow each other,
so order needs no care. The two ways never overlap.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic_core import to_json

from segconnect.errors import (
    PartlyDoneError,
    Recovery,
    RefusedError,
    SegconnectError,
    UnreachableError,
)
from segconnect.modules.base import Module
from segconnect.transport import NDJSON, Transport
from segconnect.wire.request import Address, Answer, Request

MAX_LINES = 1000  # of one batch
MAX_BYTES = 4_000_000  # of one batch
AHEAD = 16  # modules that are taken in for each request that may be under way


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one module: its output, or the error that kept it from arriving."""

    index: int  # its place among the modules given, from 0
    module: Module
    output: Any = None
    error: SegconnectError | None = None


class Turn(NamedTuple):
    """What a delivery has to say: results in order, room for more modules, whether it is over."""

    results: list[Result]
    room: int
    is_done: bool


async def send(transport: Transport, requests: Sequence[Request]) -> Any:
    """Sends the requests of one module in their order, and answers its output."""
    if len(requests) == 1:
        return _output(requests[0], await transport.send(requests[0]))
    outcomes: list[Any] = []
    for request in requests:
        try:
            outcomes.append(_output(request, await transport.send(request)))
        except SegconnectError as error:
            outcomes.append(error)
            break
    return _joined(requests, outcomes)


def _output(request: Request, answer: Answer) -> Any:
    if request.endpoint is not None:
        return answer.body
    return {
        "statusCode": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
    }


def _joined(requests: Sequence[Request], outcomes: Sequence[Any]) -> Any:
    """Answers the output of a module from what its requests came to: outputs and errors.

    Raises:
        PartlyDoneError: Some failed, some did not; where none was done, the first one's own error.
    """
    if len(outcomes) == len(requests) == 1 and not isinstance(outcomes[0], SegconnectError):
        return outcomes[0]
    names = [_subject(request, number) for number, request in enumerate(requests, 1)]
    done, failed = [], []
    for name, outcome in zip(names, outcomes, strict=False):
        if isinstance(outcome, SegconnectError):
            failed.append((name, outcome))
        else:
            done.append(name)
    if not failed:
        return {"status": "success", "results": list(outcomes)}
    name, error = failed[0]
    if not done:
        raise error
    raise PartlyDoneError(requests[0].label, done, name, len(requests), error) from error


def _subject(request: Request, number: int) -> str:
    """Says what a request is about, such as "ad 123": the first object in its body with an ID."""
    for name, part in (request.body or {}).items():
        if isinstance(part, dict) and "id" in part:
            return f"{name} {part['id']}"
    return f"call {number}"


class _Slot:
    """One module on its way."""

    __slots__ = ("followers", "index", "keys", "lines", "module", "requests", "result", "waits")

    def __init__(self, index: int, module: Module) -> None:
        self.index, self.module = index, module
        self.requests: list[Request] = []
        self.lines: list[bytes] | None = None  # of a batch; None: it cannot travel in one
        self.result: Result | None = None
        self.keys: tuple[str, ...] = ()
        self.waits = 0  # how many slots before it must be through
        self.followers: list[_Slot] = []  # slots that wait for it


class Delivery:
    """Delivers modules; `turn` takes some in and gives results out. It belongs to one event loop.

    Args:
        transport: The way to the account.
        address: The account and integration.
        concurrency: How many requests may be under way at once.
    """

    def __init__(self, transport: Transport, address: Address, concurrency: int) -> None:
        self._transport, self._address = transport, address
        self._concurrency = max(1, concurrency)
        self._slots: deque[_Slot] = deque()  # in order; all whose result was not given out
        self._inbox: deque[_Slot] = deque()  # those that are not yet on a way
        self._count = 0
        self._is_ended = self._is_closed = self._is_called = False
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop: SegconnectError | None = None  # what all further modules are answered with
        self._crash: Exception | None = None
        # one by one: at first a single request, which tells whether the account takes batches
        self._is_probing = not transport.has_answered
        self._ready: deque[_Slot] = deque()
        self._last: dict[str, _Slot] = {}  # by key, the slot that the next one follows
        self._alone = 0  # slots on this way
        self._workers = 0
        # in batches
        self._takes_batches = True
        self._batch: list[_Slot] = []
        self._batch_lines = self._batch_bytes = 0
        self._is_flying = False

    @property
    def is_done(self) -> bool:
        """Whether all modules were taken in and all results were given out."""
        return self._is_ended and not self._slots

    def room(self) -> int:
        """Answers how many more modules may be taken in."""
        limit = max(2 * self._window, AHEAD * self._concurrency)
        return max(0, limit - len(self._slots))

    def add(self, module: Module) -> None:
        """Takes in one more module."""
        slot = _Slot(self._count, module)
        self._count += 1
        self._slots.append(slot)
        self._inbox.append(slot)
        if not self._is_called:
            self._is_called = True  # once for all that are added now
            asyncio.get_running_loop().call_soon(self._advance)

    def end(self) -> None:
        """Says that no module will come any more."""
        self._is_ended = True
        self._changed.set()

    async def changed(self) -> None:
        """Waits until something has happened."""
        self._changed.clear()
        await self._changed.wait()

    async def turn(self, modules: Iterable[Module], *, ended: bool, feeds: bool) -> Turn:
        """Takes modules in; waits for results, or for room if the caller feeds more modules.

        Raises:
            Exception: What a module raised that is not an error of ours.
        """
        for module in modules:
            self.add(module)
        if ended:
            self.end()
        await asyncio.sleep(0)  # else whoever feeds without a pause would starve what is under way
        while not (self._crash or self._has_result or self.is_done or (feeds and self.room() > 0)):
            await self.changed()
        if self._crash is not None:
            raise self._crash
        results = []
        while self._has_result:
            result = self._slots.popleft().result
            assert result is not None
            results.append(result)
        if results:
            self._changed.set()  # there is room
        return Turn(results, self.room(), self.is_done)

    async def close(self) -> None:
        """Breaks off what is under way."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def _has_result(self) -> bool:
        return bool(self._slots) and self._slots[0].result is not None

    @property
    def _window(self) -> int:
        """How many lines a batch has at most; 0: there are no batches."""
        return min(self._transport.batch_lines or 0, MAX_LINES) if self._takes_batches else 0

    def _advance(self) -> None:
        self._is_called = False
        try:
            self._empty_inbox()
        except Exception as error:  # raised where the results are waited for
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._crash = error
        self._changed.set()

    def _empty_inbox(self) -> None:
        """Puts the modules of the inbox on their way, as far as order and limits let it."""
        while self._inbox and not self._is_closed:
            slot = self._inbox[0]
            if self._stop is not None:
                self._finish(slot, None, self._stop)
            elif self._is_probing and self._alone:
                return
            elif not slot.requests and not self._opened(slot):
                pass  # it has its error
            elif self._window and slot.lines is not None and len(slot.lines) <= self._window:
                if self._alone or not self._lined_up(slot):
                    break
            elif self._batch or self._is_flying:
                break
            else:
                self._go_alone(slot)
            self._inbox.popleft()
        if self._batch and not self._is_flying and not self._is_closed:
            self._is_flying = True
            slots, self._batch = self._batch, []
            self._batch_lines = self._batch_bytes = 0
            self._start(self._fly, slots)

    def _opened(self, slot: _Slot) -> bool:
        """Asks a module for its requests, and writes their lines if they may go in a batch."""
        try:
            slot.requests = slot.module.requests(self._address)
        except SegconnectError as error:
            self._finish(slot, None, error)
            return False
        if self._window:
            self._write_lines(slot)
        return True

    def _write_lines(self, slot: _Slot) -> None:
        lines = []
        for request in slot.requests:
            if request.endpoint is None or not request.idempotent:
                return
            if request.query or request.headers:
                return
            call = {"endpoint": request.endpoint}
            if request.body is not None:
                call["body"] = request.body
            try:
                lines.append(to_json(call) + b"\n")
            except ValueError:
                return  # told when it is sent alone
        slot.lines = lines

    def _finish(self, slot: _Slot, output: Any, error: SegconnectError | None) -> None:
        slot.result = Result(slot.index, slot.module, output, error)
        slot.requests, slot.lines = [], None
        if error is not None and error.recovery is Recovery.STOP and self._stop is None:
            self._stop = error
        self._changed.set()

    def _start(self, work: Callable[..., Awaitable[None]], *given: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work, *given))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Callable[..., Awaitable[None]], *given: Any) -> None:
        try:
            await work(*given)
        except Exception as error:  # raised where the results are waited for
            self._fail(error)

    # -- one by one ------------------------------------------------------------------------------

    def _go_alone(self, slot: _Slot) -> None:
        slot.keys = slot.module.keys()
        self._alone += 1
        for key in slot.keys:
            before = self._last.get(key)
            if before is not None and before is not slot:
                before.followers.append(slot)
                slot.waits += 1
            self._last[key] = slot
        if not slot.waits:
            self._ready.append(slot)
            if self._workers < self._concurrency:
                self._workers += 1
                self._start(self._work)

    async def _work(self) -> None:
        try:
            while self._ready and not self._is_closed:
                slot = self._ready.popleft()
                output, error = None, self._stop
                if error is None:
                    try:
                        output = await send(self._transport, slot.requests)
                    except SegconnectError as failure:
                        error = failure
                self._through(slot, output, error)
        finally:
            self._workers -= 1

    def _through(self, slot: _Slot, output: Any, error: SegconnectError | None) -> None:
        """Finishes a slot that went alone, and lets those go that waited for it."""
        self._finish(slot, output, error)
        self._alone -= 1
        self._is_probing = False
        for key in slot.keys:
            if self._last.get(key) is slot:
                del self._last[key]
        for follower in slot.followers:
            follower.waits -= 1
            if not follower.waits:
                self._ready.append(follower)
        slot.followers = []
        if self._inbox:
            self._advance()
        while len(self._ready) > 1 and self._workers < self._concurrency:
            self._workers += 1
            self._start(self._work)

    # -- in batches ------------------------------------------------------------------------------

    def _lined_up(self, slot: _Slot) -> bool:
        """Puts a slot in the next batch; tells whether there was room."""
        assert slot.lines is not None
        lines = self._batch_lines + len(slot.lines)
        size = self._batch_bytes + sum(map(len, slot.lines))
        if self._batch and (lines > self._window or size > MAX_BYTES):
            return False
        self._batch.append(slot)
        self._batch_lines, self._batch_bytes = lines, size
        return True

    async def _fly(self, slots: list[_Slot]) -> None:
        """Sends a batch and gives each slot its answer.

        A line that failed is not sent again: lines after it were done, and may be about the same
        contact.
        """
        requests = [request for slot in slots for request in slot.requests]
        first = requests[0]
        assert first.endpoint is not None
        root = first.path.removesuffix(first.endpoint.partition(" ")[2])
        body = b"".join(line for slot in slots for line in slot.lines or ())
        batch = Request(
            "POST", f"{root}batch", "Batch", body, idempotent=True, headers={"content-type": NDJSON}
        )
        try:
            lines = _read_lines(await self._transport.send(batch), len(requests))
        except RefusedError:  # the batch as such: too large, or no longer offered
            self._takes_batches = False
            self._inbox.extendleft(reversed(slots + self._batch))
            self._batch = []
        except SegconnectError as error:
            for slot in slots:
                self._finish(slot, None, error)
        else:
            answers = iter(lines)
            for slot in slots:
                outcomes = [self._outcome(request, next(answers)) for request in slot.requests]
                try:
                    self._finish(slot, _joined(slot.requests, outcomes), None)
                except SegconnectError as error:
                    self._finish(slot, None, error)
        finally:
            self._is_flying = False
        self._advance()

    def _outcome(self, request: Request, answer: Answer) -> Any:
        refusal = self._transport.refusal(request, answer)
        return _output(request, answer) if refusal is None else refusal


def _read_lines(answer: Answer, count: int) -> list[Answer]:
    """Reads the answer to a batch, a line for each of its lines.

    Raises:
        UnreachableError: It does not fit the batch.
    """
    try:
        lines = [Answer(line["status"], {}, line["body"]) for line in answer.body]
        if len(lines) == count and all(type(line.status) is int for line in lines):
            return lines
    except (TypeError, KeyError):
        pass
    raise UnreachableError(
        f"the account answered a batch of {count} lines with something else; try again later",
        may_have_arrived=True,
    )
