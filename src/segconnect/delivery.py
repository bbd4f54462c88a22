"""Many modules on their way to one account: in order where order matters, side by side else.

What travels is a unit: a module, or several of which each is sent once those before it were done.
What is held is bounded: units that were taken in and whose results were not yet given out. One by
one, several requests are under way at a time, and units that concern the same contact follow each
other. In batches, one is under way while the next is being written; they follow each other, so
order needs no care. The two ways never overlap.

Whoever wants to be asked about a unit that failed may let more modules follow in it, as an error
handler does. Units that concern the same contact wait until that is decided, and no others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pydantic_core import to_json

from segconnect.errors import Recovery, RefusedError, SegconnectError
from segconnect.places import Places
from segconnect.transport import NDJSON, Transport
from segconnect.units import Further, Unit, joined, keys_of, output_of, read_lines, send
from segconnect.wire.request import Address, Answer, Request

MAX_LINES = 1000  # of one batch
MAX_BYTES = 4_000_000  # of one batch
AHEAD = 16  # units that are taken in for each request that may be under way
MOST_AHEAD = 512  # of these, unless more may be under way
MOST_HELD = 2_000  # units that are taken in while the first of them waits to be sent again
GATHER_SECONDS = 0.0005  # for which a turn waits for more that are over, where it has some
NOT_DONE = 424  # of a line: one that it comes after was not done


class Turn(NamedTuple):
    """What a delivery has to say.

    Attributes:
        units: Those that are over, in order.
        asked: Those that wait for a decision.
        room: For how many more units there is.
        is_done: Whether all is over.
    """

    units: list[Unit]
    asked: list[Unit]
    room: int
    is_done: bool


class Delivery:
    """Delivers units; `turn` takes some in and gives those out that are over.

    It belongs to one event loop.

    Args:
        transport: The way to the account.
        address: The account and integration.
        concurrency: How many requests may be under way at once.
        asks: Whether a unit that failed, or is a part, is given out to be decided about.
        is_strict: Whether units that concern the same contact wait for that decision in a batch,
            too. That costs a batch more; without it, only the order of what is sent is kept.
    """

    def __init__(
        self,
        transport: Transport,
        address: Address,
        concurrency: int,
        *,
        asks: bool = False,
        is_strict: bool = False,
    ) -> None:
        self._transport, self._address = transport, address
        self._concurrency = max(1, concurrency)
        self._asks, self._is_strict = asks, is_strict
        self._units: deque[Unit] = deque()  # in order; all that were not given out
        self._inbox: deque[Unit] = deque()  # those that are not yet on a way
        self._asked: list[Unit] = []
        self._count = 0
        self._is_ended = self._is_closed = self._is_called = False
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop: SegconnectError | None = None  # what all further modules are answered with
        self._crash: Exception | None = None
        # one by one: at first a single request, which tells whether the account takes batches
        self._is_probing = not transport.has_answered
        self._ready: deque[Unit] = deque()
        self._last: dict[str, Unit] = {}  # by key, the unit that the next one follows
        self._alone = 0  # units on this way
        self._places = Places(self._concurrency, self._rests)
        self._limit = max(2 * self._concurrency, min(AHEAD * self._concurrency, MOST_AHEAD))
        # in batches
        self._takes_batches = True
        self._batch: list[Unit] = []
        self._batch_lines = self._batch_bytes = 0
        self._batch_last: dict[str, Unit] = {}  # by key
        self._is_flying = self._is_back = False  # a batch is on its way; it waits for decisions
        self._undecided = 0
        self._again: list[Unit] = []  # those that go on

    @property
    def is_done(self) -> bool:
        """Whether all units were taken in and all were given out."""
        return self._is_ended and not self._units

    def room(self) -> int:
        """Answers how many more units may be taken in."""
        limit = max(2 * self._window, self._limit)
        if len(self._units) >= limit and self._is_idle:
            limit = self._limit = min(2 * limit, max(limit, MOST_HELD))
        return max(0, limit - len(self._units))

    @property
    def _is_idle(self) -> bool:
        """Whether more could be under way, and nothing is there that might."""
        return self._places.free > 0 and not (self._is_flying or self._ready or self._inbox)

    def add(self, unit: Unit) -> None:
        """Takes in one more unit."""
        unit.index = self._count
        self._count += 1
        self._units.append(unit)
        self._inbox.append(unit)
        if not self._is_called:
            self._is_called = True  # once for all that are added now
            asyncio.get_running_loop().call_soon(self._advance)

    def end(self) -> None:
        """Says that no unit will come any more."""
        self._is_ended = True
        self._changed.set()

    async def changed(self) -> None:
        """Waits until something has happened."""
        self._changed.clear()
        await self._changed.wait()

    async def turn(
        self,
        units: Iterable[Unit],
        further: Iterable[Further] = (),
        *,
        ended: bool,
        feeds: bool,
    ) -> Turn:
        """Takes units in; waits for some that are over, or for room if the caller feeds more.

        Raises:
            Exception: What a module raised that is not an error of ours.
        """
        for each in further:
            self._go_on(each)
        for unit in units:
            self.add(unit)
        if ended:
            self.end()
        await asyncio.sleep(0)  # else whoever feeds without a pause would starve what is under way
        while not (
            self._crash
            or self._asked
            or self._is_first_over
            or self.is_done
            or (feeds and self.room() > 0)
        ):
            await self.changed()
        if feeds and not self.is_done and self._alone:  # a turn costs a change of threads
            await asyncio.sleep(GATHER_SECONDS)
        if self._crash is not None:
            raise self._crash
        over = []
        while self._is_first_over:
            over.append(self._units.popleft())
        if over:
            self._changed.set()  # there is room
        asked, self._asked = self._asked, []
        return Turn(over, asked, self.room(), self.is_done)

    async def close(self) -> None:
        """Breaks off what is under way."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def _is_first_over(self) -> bool:
        return bool(self._units) and self._units[0].is_over

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
        """Puts the units of the inbox on their way, as far as order and limits let it."""
        while self._inbox and not self._is_closed:
            unit = self._inbox[0]
            if self._stop is not None:
                self._came(unit, self._stop)
            elif self._is_probing and self._alone:
                return
            elif not unit.calls and not self._opened(unit):
                pass  # it has its error
            elif self._window and unit.lines is not None and len(unit.lines) <= self._window:
                if self._alone or not self._lined_up(unit):
                    break
            elif self._batch or self._is_flying:
                break
            else:
                self._go_alone(unit)
            self._inbox.popleft()
        if self._batch and not self._is_flying and not self._is_closed:
            self._is_flying = True
            units, self._batch = self._batch, []
            self._batch_lines = self._batch_bytes = 0
            self._batch_last = {}
            self._start(self._fly, units)

    def _opened(self, unit: Unit) -> bool:
        """Asks modules for their calls, and writes their lines if they may go in a batch."""
        calls: list[list[Request]] = []
        try:
            calls.extend(module.requests(self._address) for module in unit.modules)
        except SegconnectError as error:
            if not calls:
                self._came(unit, error)
                return False
            unit.broken = error
        unit.calls = calls
        if self._window:
            self._write_lines(unit)
        return True

    def _write_lines(self, unit: Unit) -> None:
        lines = []
        if len(unit.calls) > 1 and not self._transport.batch_has_after:
            return  # one that fails would not keep those after it from being done
        for requests in unit.calls:
            for request in requests:
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
        unit.lines = lines

    # -- what comes of units ---------------------------------------------------------------------

    def _came(self, unit: Unit, error: SegconnectError | None) -> None:
        """Notes that a unit was sent as far as it goes; the outputs are noted already."""
        error = error or unit.broken
        unit.calls, unit.lines, unit.broken = [], None, None
        if error is not None:
            unit.outcomes.append(error)
            if error.recovery is Recovery.STOP and self._stop is None:
                self._stop = error
        if self._asks and (error is not None or unit.is_part):
            self._asked.append(unit)
            self._changed.set()
            if not unit.is_alone:
                self._undecided += 1
        else:
            self._end(unit)

    def _go_on(self, further: Further) -> None:
        """Does what was decided about a unit."""
        unit = further.unit
        _, unit.modules, unit.is_part, unit.awaited = further
        if not unit.is_alone:
            self._undecided -= 1
        if not unit.modules:
            self._end(unit)
        elif self._stop is not None:
            self._came(unit, self._stop)
        elif not unit.is_alone:
            self._again.append(unit)
        elif self._opened(unit):
            self._hold(unit)
            self._ready.append(unit)
        self._employ(len(self._ready))
        if not self._undecided and (self._is_back or (self._again and not self._is_flying)):
            self._land()

    def _end(self, unit: Unit) -> None:
        """Ends a unit, and lets those go that waited for it."""
        unit.is_over = True
        self._changed.set()
        if not unit.is_alone:
            return
        self._alone -= 1
        for key in unit.keys:
            if self._last.get(key) is unit:
                del self._last[key]
        for follower in unit.followers:
            follower.waits -= 1
            if not follower.waits:
                self._ready.append(follower)
        unit.followers = []
        if self._inbox:
            self._advance()

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

    def _go_alone(self, unit: Unit) -> None:
        unit.is_alone = True
        self._alone += 1
        unit.keys = keys_of(unit)
        for key in unit.keys:
            before = self._last.get(key)
            if before is not None and before is not unit:
                before.followers.append(unit)
                unit.waits += 1
            self._last[key] = unit
        if not unit.waits:
            self._ready.append(unit)
            self._employ(1)

    def _hold(self, unit: Unit) -> None:
        """Lets units of the keys that further modules have follow, too, if none is before them."""
        found = tuple(key for key in keys_of(unit) if key not in self._last)
        self._last.update(dict.fromkeys(found, unit))
        unit.keys += found

    def _employ(self, count: int) -> None:
        """Has so many more workers, as far as the limit lets it."""
        for _ in range(min(count, self._places.free)):
            self._places.take()
            self._start(self._work)

    async def _work(self) -> None:
        try:
            while self._ready and not self._places.is_wanted and not self._is_closed:
                unit = self._ready.popleft()
                error = self._stop
                if error is None:
                    try:
                        for calls in unit.calls:
                            unit.outcomes.append(await send(self._transport, calls, self._places))
                    except SegconnectError as failure:
                        error = failure
                was_probing, self._is_probing = self._is_probing, False
                self._came(unit, error)
                if was_probing:
                    self._advance()
                self._employ(len(self._ready) - 1)
        finally:
            self._places.give_up()

    def _rests(self) -> None:
        """A request waits to be sent again: another one may be under way meanwhile."""
        if self._is_probing and self._transport.has_answered:
            self._is_probing = False
            self._advance()
        self._employ(min(1, len(self._ready)))
        self._changed.set()

    # -- in batches ------------------------------------------------------------------------------

    def _lined_up(self, unit: Unit) -> bool:
        """Puts a unit in the next batch; tells whether there was room."""
        assert unit.lines is not None
        lines = self._batch_lines + len(unit.lines)
        size = self._batch_bytes + sum(map(len, unit.lines))
        if self._batch and (lines > self._window or size > MAX_BYTES):
            return False
        if self._is_strict:
            keys = keys_of(unit)
            last = self._batch_last
            unit.leaders = frozenset(last[key] for key in keys if key in last)
            has_after = self._transport.batch_has_after
            if any(not has_after or each.is_part or each.broken for each in unit.leaders):
                return False
            last.update(dict.fromkeys(keys, unit))
        unit.last_line = lines
        self._batch.append(unit)
        self._batch_lines, self._batch_bytes = lines, size
        return True

    async def _fly(self, units: list[Unit]) -> None:
        """Sends a batch and gives each unit its answers.

        A line that failed is not sent again: lines after it were done, and may be about the same
        contact.
        """
        first = units[0].calls[0][0]
        assert first.endpoint is not None
        root = first.path.removesuffix(first.endpoint.partition(" ")[2])
        count = units[-1].last_line
        body = b"".join(line for unit in units for line in self._written(unit))
        batch = Request(
            "POST", f"{root}batch", "Batch", body, idempotent=True, headers={"content-type": NDJSON}
        )
        try:
            answers = read_lines(await self._transport.send(batch), count)
        except RefusedError:  # the batch as such: too large, or no longer offered
            self._takes_batches = False
            self._again = units
        except SegconnectError as error:
            for unit in units:
                self._came(unit, error)
        else:
            lost: set[Unit] = set()
            for unit in units:
                lines = answers[unit.last_line - len(unit.lines or ()) : unit.last_line]
                if lines[0].status == NOT_DONE and not lost.isdisjoint(unit.leaders):
                    lost.add(unit)
                    self._again.append(unit)
                    continue
                failure = self._answered(unit, lines)
                if failure is not None:
                    lost.add(unit)
                self._came(unit, failure)
        self._is_back = True
        if not self._undecided:
            self._land()

    def _written(self, unit: Unit) -> Iterator[bytes]:
        """Gives the lines of a unit, each with those that must be done before it."""
        assert unit.lines is not None
        number = unit.last_line - len(unit.lines)
        before = sorted(each.last_line for each in unit.leaders)
        for line in unit.lines:
            if before and self._transport.batch_has_after:
                yield b'{"after":%b,%b' % (to_json(before), line[1:])
            else:
                yield line
            number += 1
            before = [number]

    def _answered(self, unit: Unit, lines: list[Answer]) -> SegconnectError | None:
        """Notes what came of a unit's modules; answers why one of them failed."""
        answers = iter(lines)
        for requests in unit.calls:
            outcomes: list[Any] = []
            for request in requests:
                answer = next(answers)
                if answer.status == NOT_DONE and outcomes:
                    continue  # kept back by one that failed
                refusal = self._transport.refusal(request, answer)
                outcomes.append(output_of(request, answer) if refusal is None else refusal)
            try:
                unit.outcomes.append(joined(requests, outcomes))
            except SegconnectError as error:
                return error
        return None

    def _land(self) -> None:
        """Lets the next batch go, before which goes what is left of the one that has come back."""
        self._is_flying = self._is_back = False
        if self._again:
            left = sorted(self._again + self._batch, key=lambda unit: unit.index)
            self._inbox.extendleft(reversed(left))
            self._again, self._batch, self._batch_last = [], [], {}
            self._batch_lines = self._batch_bytes = 0
        self._advance()
