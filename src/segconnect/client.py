"""The Python SDK: sends modules to an account, one at a time or many.

    >>> from segconnect import AddUpdateContact, Client
    >>> client = Client(connection)
    >>> client.send(AddUpdateContact(email="joey@bloggs.com", first_name="Joey"))["status"]
    'success'
    >>> contacts = (AddUpdateContact(email=f"{name}@bloggs.com") for name in ("ann", "bob"))
    >>> for result in client.send_many(contacts):
    ...     print(result.index, result.module.email, result.error or "sent")
    0 ann@bloggs.com sent
    1 bob@bloggs.com sent
    >>> client.close()

`AsyncClient` is the same with `await`; `Client` drives it on an event loop in a thread of its own.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from threading import Lock, Thread, current_thread
from typing import Any, Self, TypeVar

from segconnect.connections import Connection, Connections
from segconnect.delivery import Delivery
from segconnect.errors import UsageError
from segconnect.limits import Limits
from segconnect.modules.base import Module
from segconnect.settings import Settings, load
from segconnect.units import Further, Result, Unit, send

__all__ = ["AsyncClient", "Client", "Limits", "Result"]

T = TypeVar("T")
SLICE = 0.005  # seconds for which units are taken in before results are looked at again


class AsyncClient:
    """Sends modules to one account and integration.

    Args:
        connection: The connection, or the name of one that was saved. Or else the next four:
        api_key: The API key.
        account_id: The account ID.
        integration_id: The integration ID.
        base_url: The API root; default: the hosted one. "local" is your own account.
        limits: Time-outs, retries and rate; default: those of the settings.
        settings: Where connections are kept and what "local" means; default: as usual.

    Raises:
        ConnectionSetupError: The connection is not known, or its values do not fit.
    """

    def __init__(
        self,
        connection: Connection | str | None = None,
        *,
        api_key: str | None = None,
        account_id: str | None = None,
        integration_id: str | None = None,
        base_url: str | None = None,
        limits: Limits | None = None,
        settings: Settings | None = None,
    ) -> None:
        given = {
            "api_key": api_key,
            "account_id": account_id,
            "integration_id": integration_id,
            "base_url": base_url,
        }
        given = {name: value for name, value in given.items() if value is not None}
        if isinstance(connection, str):
            connection = Connections(settings or load()).get(connection)
        elif connection is None:
            connection = Connection(name="(unnamed)", **given)
            given = {}
        if given:
            raise UsageError(
                f"a connection and {', '.join(given)} are given; give one or the other"
            )
        self.connection = connection
        self._transport = connection.transport(settings, limits)
        self._address = connection.address

    async def send(self, module: Module) -> Any:
        """Sends one module, and answers its output: what the account's answer holds.

        The output of Make an API Call is {"statusCode", "headers", "body"}; that of a module that
        takes several calls is {"status": "success", "results": [...]}.

        Raises:
            RefusedError: The account does not want it.
            PartlyDoneError: It takes several calls, and one of them failed after others were done.
            UnauthorizedError: The account does not accept the connection.
            ThrottledError: It still asked for a pause after the last attempt.
            UnreachableError: No usable answer came.
        """
        requests = module.requests(self._address)
        if len(requests) == 1 and requests[0].endpoint is not None:
            return (await self._transport.send(requests[0])).body
        return await send(self._transport, requests)

    async def send_many(
        self, modules: Iterable[Module] | AsyncIterable[Module], *, concurrency: int | None = None
    ) -> AsyncIterator[Result]:
        """Sends modules as they come, and gives a result or an error for each, in their order.

        Modules that concern the same contact, order or other object arrive in their order. An
        error of one does not stop the others, unless it concerns the connection itself: then the
        others are answered with it and are not sent. Where the account offers the batch call, it
        is used. Only a window of the modules is ever held.

        Args:
            modules: The modules.
            concurrency: How many requests may be under way at once; None is what the limits say.
        """
        delivery = Delivery(
            self._transport, self._address, concurrency or self._transport.limits.in_flight
        )
        if isinstance(modules, AsyncIterable):
            source, reader = _Source(()), asyncio.create_task(_read(modules, delivery))
        else:
            source, reader = _Source(map(_alone, modules)), None
        room, is_done = delivery.room(), False
        try:
            while not is_done:
                taken = source.take(room) if reader is None else []
                units, _, room, is_done = await delivery.turn(
                    taken, ended=source.is_ended and reader is None, feeds=reader is None
                )
                for unit in units:
                    yield _result(unit)
            if reader is not None:
                await reader
            source.check()
        finally:
            if reader is not None:
                reader.cancel()
            await delivery.close()

    async def verify(self) -> None:
        """Makes a harmless call that tells whether the account accepts the connection.

        Raises:
            UnauthorizedError: The account does not accept the key.
            ConnectionSetupError: The connection leads to no account or integration.
            UnreachableError: The account did not answer.
        """
        await self._transport.verify(self._address)

    async def close(self) -> None:
        """Closes the client's connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class Client:
    """Sends modules to one account and integration: `AsyncClient` without `await`.

    The arguments are those of `AsyncClient`. A client may be used by several threads at once.
    """

    def __init__(
        self,
        connection: Connection | str | None = None,
        *,
        api_key: str | None = None,
        account_id: str | None = None,
        integration_id: str | None = None,
        base_url: str | None = None,
        limits: Limits | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._client = AsyncClient(
            connection,
            api_key=api_key,
            account_id=account_id,
            integration_id=integration_id,
            base_url=base_url,
            limits=limits,
            settings=settings,
        )
        self._loop = _Loop()
        self._close = weakref.finalize(self, _shut, self._loop, self._client)  # at exit, too

    @property
    def connection(self) -> Connection:
        """What the client sends with."""
        return self._client.connection

    def send(self, module: Module) -> Any:
        """Sends one module, and answers its output. See `AsyncClient.send`."""
        return self._loop.run(self._client.send(module))

    def send_many(
        self, modules: Iterable[Module], *, concurrency: int | None = None
    ) -> Iterator[Result]:
        """Sends modules as they come, and gives a result for each. See `AsyncClient.send_many`.

        The modules are taken from their iterator in the calling thread.
        """
        for unit in self.send_units(map(_alone, modules), concurrency=concurrency):
            yield _result(unit)

    def send_units(
        self,
        units: Iterable[Unit | None],
        *,
        decide: Callable[[Unit], Further] | None = None,
        is_strict: bool = False,
        concurrency: int | None = None,
    ) -> Iterator[Unit]:
        """Sends units as they come, and gives each, in their order, once it is over.

        Args:
            units: The units; None says that there is none at the moment. They are taken from their
                iterator in the calling thread.
            decide: Asked in the calling thread about each unit that failed, or is a part: which
                modules are to follow in it. Units that concern the same contact wait for that.
            is_strict: Whether they do so in a batch, too; see `Delivery`.
            concurrency: How many requests may be under way at once; None is what the limits say.
        """
        client = self._client
        delivery = Delivery(
            client._transport,
            client._address,
            concurrency or client._transport.limits.in_flight,
            asks=decide is not None,
            is_strict=is_strict,
        )
        source, room, is_done = _Source(units), delivery.room(), False
        asked: list[Unit] = []
        try:
            while not is_done:
                further = [decide(unit) for unit in asked] if decide is not None else []
                taken = source.take(room)
                over, asked, room, is_done = self._loop.run(
                    delivery.turn(taken, further, ended=source.is_ended, feeds=not source.is_ended)
                )
                yield from over
            source.check()
        finally:
            if not is_done:
                self._loop.begin(delivery.close())  # where this runs may be the loop's own thread

    def verify(self) -> None:
        """Makes a harmless call. See `AsyncClient.verify`."""
        self._loop.run(self._client.verify())

    def close(self) -> None:
        """Closes the client's connections and ends its thread."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _alone(module: Module) -> Unit:
    return Unit((module,))


def _result(unit: Unit) -> Result:
    error = unit.error
    output = unit.outcomes[-1] if error is None else None
    return Result(unit.index, unit.modules[0], output, error)


class _Source:
    """The units of an iterable, a few at a time."""

    def __init__(self, units: Iterable[Unit | None]) -> None:
        self._units = iter(units)
        self._failure: Exception | None = None
        self.is_ended = False

    def take(self, most: int) -> list[Unit]:
        """Takes units for a moment, as far as there are some at the moment."""
        taken: list[Unit] = []
        if self.is_ended or most <= 0:
            return taken
        until = time.perf_counter() + SLICE
        try:
            for unit in self._units:
                if unit is not None:
                    taken.append(unit)
                if len(taken) >= most or time.perf_counter() > until:
                    return taken
        except Exception as error:  # raised by `check`, after the results
            self._failure = error
        self.is_ended = True
        return taken

    def check(self) -> None:
        """Raises what the iterable itself raised."""
        if self._failure is not None:
            raise self._failure


async def _read(modules: AsyncIterable[Module], delivery: Delivery) -> None:
    """Feeds a delivery; what the iterable raises comes out of this task."""
    try:
        async for module in modules:
            while not delivery.room():
                await delivery.changed()
            delivery.add(_alone(module))
    finally:
        delivery.end()


class _Loop:
    """An event loop in a thread of its own, which is begun when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._is_closed = False

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T] | None:
        """Begins a coroutine on the loop; if that is closed, answers None."""
        with self._lock:
            if self._is_closed:
                coroutine.close()
                return None
            if self._loop is None:
                self._loop = _new_event_loop()
                self._thread = Thread(
                    target=self._loop.run_forever, name="segconnect-client", daemon=True
                )
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end on the loop, and answers what it answers.

        Raises:
            UsageError: The loop is closed, or was closed meanwhile.
        """
        future = self.begin(coroutine)
        if future is None:
            raise UsageError("the client is closed; open a new one")
        try:
            return future.result()
        except CancelledError:
            raise UsageError("the client was closed while it was at work") from None
        except BaseException:  # the user's Ctrl-C among them
            future.cancel()
            raise

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Breaks off what runs, runs a last coroutine, and ends the thread."""
        with self._lock:
            loop, thread = self._loop, self._thread
            is_open, self._is_closed = not self._is_closed, True
        if not is_open or loop is None or thread is None:
            return

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=1) if others else None
            await last()
            loop.stop()

        asyncio.run_coroutine_threadsafe(end(), loop)
        if thread is not current_thread():  # else this is a garbage collection in the loop itself
            thread.join()
            loop.close()


def _shut(loop: _Loop, client: AsyncClient) -> None:
    loop.close(client.close)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
