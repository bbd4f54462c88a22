"""The client, through each of its doors, against a small account on loopback."""

from __future__ import annotations

import asyncio
import doctest
import json
import random
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import segconnect
from segconnect import (
    AddTagToContact,
    AddUpdateContact,
    AddUpdateOrder,
    AsyncClient,
    Client,
    Connection,
    Connections,
    DeleteContact,
    LineItem,
    MakeApiCall,
    RecordAdPerformance,
    Result,
    modules,
)
from segconnect import client as sdk
from segconnect.errors import (
    ConnectionSetupError,
    PartlyDoneError,
    Recovery,
    RefusedError,
    UnauthorizedError,
    UnreachableError,
    UsageError,
)
from segconnect.limits import Limits
from segconnect.modules import Module
from segconnect.settings import Settings
from segconnect.wire.request import Address, Request

KEY = "k8Tq2vXw5yZa7bCd9eFg1h"
QUICK = Limits(attempts=2, backoff=0.002, max_backoff=0.004, read_timeout=2, timeout=5)
SUCCESS = {"status": "success"}

Reply = tuple[int, Any]


@dataclass(frozen=True)
class Call:
    """One import call as the peer got it, alone or as a line of a batch."""

    endpoint: str
    body: Any
    in_batch: bool = False


def succeed(call: Call) -> Reply:
    """Accepts everything."""
    return 200, {"status": "success", "of": call.body or call.endpoint}


@dataclass
class Peer:
    """An account in a thread of its own. It offers batches of `lines`, or none."""

    lines: int = 0
    respond: Callable[[Call], Reply] = succeed
    batch: Callable[[list[Call]], Reply | None] = lambda calls: None  # an answer of its own
    delay: Callable[[], float] = lambda: 0.0
    root: str = ""
    calls: list[Call] = field(default_factory=list)
    batches: list[list[Call]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  # bytes of the batches
    peak: int = 0  # most requests at once
    clashes: list[str] = field(default_factory=list)  # contacts of whom two were under way
    tasks: set[Any] = field(default_factory=set)
    _busy: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        self.tasks.add(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                content = await reader.readexactly(int(length or 0))
                method, target, _ = head.split(" ", 2)
                path = target.removeprefix("/api/v1/A/I/")
                status, body = await self._answer(f"{method} {path}", content)
                lines = isinstance(body, list)
                raw = b"".join(json.dumps(each).encode() + b"\n" for each in body) if lines else (
                    json.dumps(body).encode()
                )  # fmt: skip
                kind = "application/x-ndjson" if lines else "application/json"
                offer = f"segconnect-batch: {self.lines}\r\n" if self.lines else ""
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{offer}"
                    f"content-length: {len(raw)}\r\n\r\n".encode()
                    + raw
                )
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, endpoint: str, content: bytes) -> Reply:
        if endpoint != "POST batch":
            call = Call(endpoint, json.loads(content) if content else None)
            return await self._timed([call], lambda: self._one(call))
        lines = [json.loads(line) for line in content.splitlines()]
        calls = [Call(line["endpoint"], line.get("body"), in_batch=True) for line in lines]
        self.batches.append(calls)
        self.sizes.append(len(content))
        assert 0 < len(calls) <= self.lines
        return await self._timed(calls, lambda: self._many(calls))

    async def _timed(self, calls: list[Call], act: Callable[[], Reply]) -> Reply:
        whose = {contact_of(call) for call in calls}
        self.clashes += [each for each in whose if self._busy[each]]
        self._busy.update([*whose, "requests"])
        self.peak = max(self.peak, self._busy["requests"])
        await asyncio.sleep(self.delay())
        self._busy.subtract([*whose, "requests"])
        return act()

    def _one(self, call: Call) -> Reply:
        self.calls.append(call)
        return self.respond(call)

    def _many(self, calls: list[Call]) -> Reply:
        answer = self.batch(calls)
        if answer is not None:
            return answer
        return 200, [dict(zip(("status", "body"), self._one(c), strict=True)) for c in calls]


def contact_of(call: Call) -> str:
    """Says whom a call is about."""
    if isinstance(call.body, dict) and "email" in call.body:
        return str(call.body["email"])
    return unquote(call.endpoint.partition("/")[2])


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of the peers, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def play(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[Peer], Peer]]:
    """Serves peers until the end of the test."""
    servers: list[asyncio.Server] = []
    peers: list[Peer] = []

    def run(work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()  # type: ignore[arg-type]

    def start(peer: Peer) -> Peer:
        peers.append(peer)
        servers.append(run(asyncio.start_server(peer.serve, "127.0.0.1", 0)))
        peer.root = f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}/api"
        return peer

    async def stop() -> None:
        for server in servers:
            server.close()
        tasks = [task for peer in peers for task in peer.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # in which the connections are closed

    yield start
    run(stop())


def connection_to(peer: Peer) -> Connection:
    """A connection to a peer."""
    ids = {"account_id": "A", "integration_id": "I"}
    return Connection(name="shop", api_key=KEY, **ids, base_url=peer.root)


@contextmanager
def opened(peer: Peer, limits: Limits = QUICK) -> Iterator[Client]:
    """A client of a peer."""
    with Client(connection_to(peer), limits=limits) as client:
        yield client


Door = Callable[..., list[Result]]


def by_client(peer: Peer, given: Iterable[Module], **options: Any) -> list[Result]:
    """Sends through the door of programs that do not know asyncio."""
    with opened(peer) as client:
        return list(client.send_many(given, **options))


def by_async_client(peer: Peer, given: Iterable[Module], **options: Any) -> list[Result]:
    """Sends an iterable through the other door."""

    async def go() -> list[Result]:
        async with AsyncClient(connection_to(peer), limits=QUICK) as client:
            return [result async for result in client.send_many(given, **options)]

    return asyncio.run(go())


def by_async_iterable(peer: Peer, given: Iterable[Module], **options: Any) -> list[Result]:
    """Sends what comes by and by through the other door."""

    async def slowly() -> AsyncIterator[Module]:
        for number, module in enumerate(given):
            if number % 7 == 0:
                await asyncio.sleep(0)
            yield module

    async def go() -> list[Result]:
        async with AsyncClient(connection_to(peer), limits=QUICK) as client:
            return [result async for result in client.send_many(slowly(), **options)]

    return asyncio.run(go())


DOORS = [by_client, by_async_client, by_async_iterable]
doors = pytest.mark.parametrize("door", DOORS)
ways = pytest.mark.parametrize("lines", [0, 1, 7, 5000])


def contact(name: object, **values: Any) -> AddUpdateContact:
    """A contact of that name."""
    return AddUpdateContact(email=f"{name}@bloggs.com", **values)


def refusing(*names: object) -> Callable[[Call], Reply]:
    """Refuses contacts of these names."""
    refused = {f"{name}@bloggs.com" for name in names}

    def respond(call: Call) -> Reply:
        if contact_of(call) in refused:
            return 400, {"status": "error", "errors": ["no"]}
        return succeed(call)

    return respond


# -- one -----------------------------------------------------------------------------------------


def test_the_output_is_what_the_account_answered(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer())
    with opened(peer) as client:
        assert client.send(contact("joey")) == {**SUCCESS, "of": {"email": "joey@bloggs.com"}}
        peer.respond = refusing("joey")
        with pytest.raises(RefusedError, match="no"):
            client.send(contact("joey"))


def test_an_api_call_gives_status_headers_and_body(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(respond=lambda call: (201, {"made": call.endpoint})))
    url = "/v1/{{connection.accountId}}/{{connection.integrationId}}/event"
    with opened(peer) as client:
        output = client.send(MakeApiCall(url=url, method="POST", body={"n": 1}))

        assert output["statusCode"] == 201
        assert output["headers"]["content-type"] == "application/json"
        assert output["body"] == {"made": "POST event"}
        peer.respond = lambda call: (404, {"message": "no such thing"})
        with pytest.raises(RefusedError, match="no such thing"):
            client.send(MakeApiCall(url=url, method="GET"))


def spend(*ads: str) -> RecordAdPerformance:
    """What ads did on one day."""
    return RecordAdPerformance(ad=[{"id": ad} for ad in ads], spend=100, date="2026-03-01")


def stubborn(*ads: str) -> Callable[[Call], Reply]:
    """Refuses these ads."""

    def respond(call: Call) -> Reply:
        ad = call.body["ad"]["id"]
        return (400, {"errors": [f"no ad {ad}"]}) if ad in ads else (200, {"ad": ad})

    return respond


def test_several_ads_are_recorded_in_their_order(play: Callable[[Peer], Peer]) -> None:
    with opened(play(Peer(respond=stubborn()))) as client:
        output = client.send(spend("a", "b", "c"))

    assert output == {"status": "success", "results": [{"ad": "a"}, {"ad": "b"}, {"ad": "c"}]}


def test_a_half_done_module_tells_how_far_it_came(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(respond=stubborn("c")))
    with opened(peer) as client, pytest.raises(PartlyDoneError) as caught:
        client.send(spend("a", "b", "c", "d"))

    assert str(caught.value) == (
        "Record Ad Performance: 2 of 4 were recorded (ad a, ad b), but ad c failed: no ad c;"
        " sending all of them again is harmless"
    )
    assert (caught.value.kind, caught.value.recovery) == ("DataError", Recovery.FIX)
    assert len(peer.calls) == 3


def test_a_module_of_which_nothing_was_done_fails_plainly(play: Callable[[Peer], Peer]) -> None:
    with opened(play(Peer(respond=stubborn("a")))) as client, pytest.raises(RefusedError):
        client.send(spend("a", "b"))


# -- many ----------------------------------------------------------------------------------------


@doors
@ways
def test_there_is_a_result_or_an_error_for_each_in_order(
    door: Door, lines: int, play: Callable[[Peer], Peer]
) -> None:
    given = [contact(number) for number in range(100)]
    results = door(play(Peer(lines, refusing(0, 50, 99))), iter(given))

    assert [result.index for result in results] == list(range(100))
    assert [result.module for result in results] == given
    failed = {result.index: type(result.error) for result in results if result.error}
    assert failed == dict.fromkeys([0, 50, 99], RefusedError)


@doors
def test_nothing_comes_of_nothing(door: Door, play: Callable[[Peer], Peer]) -> None:
    assert door(play(Peer()), []) == []


def test_batches_bring_what_single_calls_bring(play: Callable[[Peer], Peer]) -> None:
    def respond(call: Call) -> Reply:
        whom = contact_of(call)
        if whom.startswith(("401", "403")):
            return succeed(call)
        if whom[:3].isdigit():
            return int(whom[:3]), {"message": f"{whom} is not wanted"}
        return stubborn("b")(call) if call.endpoint == "POST ad/performance" else succeed(call)

    order = AddUpdateOrder(
        email="ann@bloggs.com", invoice_id="1", paid=1, amount=1, date_created="2026-03-01",
        items=[LineItem(product_id="p", amount=1)],
    )  # fmt: skip
    given: list[Module] = [
        contact("ann", first_name="é\u2028\n"),
        contact(400),
        order,
        contact(404),
        AddTagToContact(email="ann@bloggs.com", tags=["New"]),
        MakeApiCall(url="/v1/A/I/event", method="POST", body={"email": "ann@bloggs.com"}),
        contact(429),
        contact(503),
        DeleteContact(contact="ann+x@bloggs.com"),
        spend("a", "c"),
        spend("a", "b"),
        spend("b", "b"),
    ]

    def told(peer: Peer) -> list[Any]:
        answers = []
        for result in by_client(peer, given):
            answer: Any = result.output if result.error is None else str(result.error)
            if isinstance(result.module, MakeApiCall):
                del answer["headers"]  # among them the offer of batches
            if isinstance(answer, str):
                answer = answer.replace(peer.root.split("/")[2], "HOST")
            answers.append(answer)
        return answers

    alone, together = play(Peer(0, respond)), play(Peer(100, respond))
    assert told(alone) == told(together)
    assert sum(map(len, together.batches)) > len(given)


def test_in_a_batch_what_comes_after_a_failure_is_done(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(100, stubborn("b")))
    _, result = by_client(peer, [spend("a"), spend("a", "b", "c")])

    assert isinstance(result.error, PartlyDoneError)
    assert result.error.why == (
        "2 of 3 were recorded (ad a, ad c), but ad b failed: no ad b;"
        " sending all of them again is harmless"
    )


def test_lines_of_a_batch_are_calls_with_their_bodies(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(100))
    by_client(peer, [contact("ann"), contact("bob"), DeleteContact(contact="a/b@bloggs.com")])

    first, *rest = peer.calls
    assert not first.in_batch  # nobody knew yet that the account takes batches
    assert rest == [
        Call("POST contact", {"email": "bob@bloggs.com"}, in_batch=True),
        Call("DELETE contact/a%2Fb%40bloggs.com", None, in_batch=True),
    ]


def test_what_is_known_of_an_account_is_known_next_time(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(100))
    with opened(peer) as client:
        client.verify()
        list(client.send_many([contact("ann"), contact("bob")]))

    assert [len(batch) for batch in peer.batches] == [2]


@pytest.mark.parametrize(("lines", "count"), [(1, 10), (7, 30), (100, 500), (5000, 2500)])
def test_a_batch_is_as_long_as_both_sides_want(
    lines: int, count: int, play: Callable[[Peer], Peer]
) -> None:
    peer = play(Peer(lines, delay=lambda: 0.05))
    by_client(peer, map(contact, range(count)))

    assert max(map(len, peer.batches)) == min(lines, 1000)
    assert [contact_of(call) for call in peer.calls] == [f"{n}@bloggs.com" for n in range(count)]
    assert peer.peak == 1  # one is under way while the next is being written


def test_a_batch_stays_below_four_megabytes(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(1000, respond=lambda call: (200, SUCCESS)))
    results = by_client(peer, (contact(number, first_name="x" * 9_000) for number in range(1500)))

    assert all(result.error is None for result in results)
    assert 1_000_000 < max(peer.sizes) <= 4_000_000


@doors
@ways
def test_only_a_window_of_the_modules_is_held(
    door: Door, lines: int, play: Callable[[Peer], Peer]
) -> None:
    taken, given_out, ahead = 0, 0, 0

    def modules() -> Iterator[Module]:
        nonlocal taken
        for number in range(6000 if lines > 7 else 600):
            taken += 1
            yield contact(number)

    def count(peer: Peer) -> None:
        nonlocal given_out, ahead
        with opened(peer) as client:
            for _ in client.send_many(modules(), concurrency=4):
                given_out += 1
                ahead = max(ahead, taken - given_out)

    count(play(Peer(lines)))
    assert ahead <= max(2 * min(lines, 1000), 64) + 1


@doors
def test_so_many_requests_are_under_way_and_no_more(
    door: Door, play: Callable[[Peer], Peer]
) -> None:
    peer = play(Peer(delay=lambda: 0.003))
    door(peer, map(contact, range(60)), concurrency=5)

    assert peer.peak == 5


@st.composite
def loads(draw: st.DrawFn) -> tuple[list[tuple[int, int]], int, int, list[int]]:
    """Calls as (contact, kind), a concurrency, the lines offered, and delays in milliseconds."""
    calls = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
    lines = draw(st.sampled_from([0, 0, 1, 3, 100]))
    delays = draw(st.lists(st.integers(0, 2), min_size=1, max_size=5))
    return calls, draw(st.integers(1, 12)), lines, delays


@pytest.mark.parametrize("door", DOORS)
@given(load=loads())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_calls_for_a_contact_keep_their_order_and_all_have_one_result(
    door: Door,
    load: tuple[list[tuple[int, int]], int, int, list[int]],
    play: Callable[[Peer], Peer],
) -> None:
    calls, concurrency, lines, delays = load
    turns = iter(delays * 100)
    answers = iter([200, 200, 400, 200, 500, 200, 200, 429] * 100)

    def respond(call: Call) -> Reply:
        return next(answers), {"errors": ["no"]}

    def module(place: int, whose: int, kind: int) -> Module:
        email = f"{whose}@bloggs.com"
        if kind == 3:
            return MakeApiCall(url="/v1/A/I/event", method="POST", body={"place": place})
        if kind == 2:
            return DeleteContact(contact=email)
        if kind == 1:
            return AddTagToContact(email=email, tags=[str(place)])
        return contact(whose, first_name=str(place))

    peer = play(Peer(lines, respond, delay=lambda: next(turns) / 1000))
    given_in = [module(place, *call) for place, call in enumerate(calls)]
    results = door(peer, given_in, concurrency=concurrency)

    assert [result.index for result in results] == list(range(len(calls)))
    assert [result.module for result in results] == given_in
    assert all((result.output is None) != (result.error is None) for result in results)
    assert not [each for each in peer.clashes if each]
    expected, heard = defaultdict[str, list[Any]](list), defaultdict[str, list[Any]](list)
    for each in given_in:
        if not isinstance(each, MakeApiCall):
            (request,) = each.requests(Address("A", "I"))
            call = Call(request.endpoint or "", request.body)
            expected[contact_of(call)].append((call.endpoint, call.body))
    for call in peer.calls:
        whose = contact_of(call)
        if whose and (call.endpoint, call.body) not in heard[whose][-1:]:  # else sent again
            heard[whose].append((call.endpoint, call.body))
    assert {whose: _without_repeats(told) for whose, told in expected.items()} == {
        whose: told for whose, told in heard.items() if told
    }


def _without_repeats(calls: list[Any]) -> list[Any]:
    return [call for place, call in enumerate(calls) if calls[place - 1 : place] != [call]]


# -- trouble -------------------------------------------------------------------------------------


@doors
@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_tried_once(door: Door, status: int, play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(respond=lambda call: (status, {"message": "no"})))
    results = door(peer, map(contact, range(50)))

    assert [type(result.error) for result in results] == [UnauthorizedError] * 50
    assert len(peer.calls) == 1


@doors
@ways
def test_a_key_that_is_revoked_meanwhile_ends_the_sending(
    door: Door, lines: int, play: Callable[[Peer], Peer]
) -> None:
    peer = play(Peer(lines, batch=lambda calls: (401, {}) if len(peer.batches) > 1 else None))
    peer.respond = lambda call: succeed(call) if len(peer.calls) <= 3 else (401, {})
    results = door(peer, map(contact, range(3000)), concurrency=8)

    assert len(results) == 3000
    assert results[0].error is None
    assert isinstance(results[-1].error, UnauthorizedError)
    assert len(peer.calls) <= (3000 if lines > 7 else 3 + 8 + lines)


@doors
def test_a_batch_that_cannot_be_delivered_is_an_error_of_each(
    door: Door, play: Callable[[Peer], Peer]
) -> None:
    peer = play(Peer(5, batch=lambda calls: (503, {})))
    results = door(peer, map(contact, range(11)))

    assert [type(result.error) for result in results[1:]] == [UnreachableError] * 10
    assert len(peer.calls) == 1
    assert all(peer.batches[n] == peer.batches[n + 1] for n in range(0, len(peer.batches), 2))


@pytest.mark.parametrize("answer", [SUCCESS, [], [{"status": 200}], [SUCCESS] * 2, None])
def test_a_batch_that_is_answered_with_something_else_may_have_arrived(
    answer: Any, play: Callable[[Peer], Peer]
) -> None:
    peer = play(Peer(2, batch=lambda calls: (200, answer)))
    results = by_client(peer, map(contact, range(5)))

    errors = [result.error for result in results[1:]]
    assert all(isinstance(error, UnreachableError) and error.may_have_arrived for error in errors)


@doors
@pytest.mark.parametrize("status", [400, 404, 405, 413])
def test_an_account_that_refuses_batches_gets_single_calls(
    door: Door, status: int, play: Callable[[Peer], Peer]
) -> None:
    peer = play(Peer(50, batch=lambda calls: (status, {})))
    results = door(peer, (contact(number % 3, first_name=str(number)) for number in range(200)))

    assert not [result for result in results if result.error]
    assert len(peer.batches) == 1
    for whose in range(3):
        names = [int(c.body["first_name"]) for c in peer.calls if contact_of(c)[0] == str(whose)]
        assert names == list(range(whose, 200, 3))


@doors
def test_a_source_that_fails_fails_after_the_results_of_what_it_gave(
    door: Door, play: Callable[[Peer], Peer]
) -> None:
    peer = play(Peer())

    def failing() -> Iterator[Module]:
        yield contact("ann")
        yield contact("bob")
        raise LookupError("row 3")

    with pytest.raises(LookupError, match="row 3"):
        door(peer, failing())
    assert len(peer.calls) == 2


class Broken(AddUpdateContact):
    """A module with a bug."""

    def requests(self, address: Address) -> list[Request]:
        """Fails."""
        raise ZeroDivisionError("a bug")


@doors
def test_a_bug_of_a_module_is_not_taken_for_an_error_of_its_bundle(
    door: Door, play: Callable[[Peer], Peer]
) -> None:
    with pytest.raises(ZeroDivisionError, match="a bug"):
        door(play(Peer()), [contact("ann"), Broken(email="bob@bloggs.com"), contact("cid")])


@ways
def test_who_leaves_early_can_go_on_with_something_else(
    lines: int, play: Callable[[Peer], Peer]
) -> None:
    peer = play(Peer(lines, delay=lambda: 0.001))
    with opened(peer) as client:
        for result in client.send_many(map(contact, range(100_000))):
            if result.index == 20:
                break
        assert client.send(contact("joey"))["status"] == "success"
        time.sleep(0.01)
        heard = len(peer.calls)
        time.sleep(0.02)
        assert len(peer.calls) == heard < 5000


def test_results_come_while_an_asynchronous_source_waits(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer())

    async def go() -> list[int]:
        came = asyncio.Event()

        async def source() -> AsyncIterator[Module]:
            yield contact("ann")
            await came.wait()  # for ever, if the first result came only after the second module
            yield contact("bob")

        found = []
        async with AsyncClient(connection_to(peer), limits=QUICK) as client:
            async for result in client.send_many(source()):
                found.append(result.index)
                came.set()
        return found

    assert asyncio.run(asyncio.wait_for(go(), 5)) == [0, 1]


# -- the client itself ---------------------------------------------------------------------------


def test_threads_share_a_client(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer())
    with opened(peer) as client:
        threads = [
            threading.Thread(target=lambda: [client.send(contact(n)) for n in range(20)])
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(peer.calls) == 100


def test_a_closed_client_says_so(play: Callable[[Peer], Peer]) -> None:
    with opened(play(Peer())) as client:
        client.send(contact("ann"))
    client.close()

    with pytest.raises(UsageError, match="the client is closed"):
        client.send(contact("bob"))
    with pytest.raises(UsageError, match="the client is closed"):
        list(client.send_many([contact("bob")]))


def test_closing_breaks_off_what_another_thread_sends(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(delay=lambda: 0.5))
    told: list[str] = []

    def send() -> None:
        try:
            client.send(contact("ann"))
        except UsageError as error:
            told.append(str(error))

    with opened(peer) as client:
        thread = threading.Thread(target=send)
        thread.start()
        time.sleep(0.05)
    thread.join(timeout=1)

    assert told == ["the client was closed while it was at work"]


def test_a_process_may_end_while_a_client_is_at_work(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(delay=lambda: 0.01))
    program = f"""
        import threading, time
        from segconnect import AddUpdateContact, Client
        client = Client(api_key="key", account_id="A", integration_id="I", base_url={peer.root!r})
        many = (AddUpdateContact(email=f"{{n}}@bloggs.com") for n in range(10**9))
        threading.Thread(target=lambda: list(client.send_many(many)), daemon=True).start()
        time.sleep(0.3)
    """
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, timeout=20
        )
        assert done.returncode == 0, done.stderr.decode()
    assert peer.calls


def test_a_client_is_opened_by_the_name_of_a_connection(
    play: Callable[[Peer], Peer], tmp_path: Path
) -> None:
    where = Settings(data=tmp_path)
    Connections(where).save(connection_to(play(Peer())))
    with Client("shop", settings=where) as client:
        assert client.send(contact("ann"))["status"] == "success"
    with pytest.raises(ConnectionSetupError, match="did you mean 'shop'"):
        Client("shopp", settings=where)


def test_a_local_connection_finds_our_own_account(
    play: Callable[[Peer], Peer], tmp_path: Path
) -> None:
    port = int(play(Peer()).root.split(":")[2].split("/")[0])
    where = Settings(data=tmp_path, port=port)
    local = Connection(
        name="own", api_key=KEY, account_id="A", integration_id="I", base_url="local"
    )
    with Client(local, settings=where) as client:
        assert client.send(contact("ann"))["status"] == "success"


def test_half_a_connection_is_refused() -> None:
    with pytest.raises(ConnectionSetupError) as caught:
        Client(api_key=KEY)
    assert str(caught.value) == "the connection: Account ID: missing; Integration ID: missing"
    with pytest.raises(UsageError, match="api_key"):
        Client(connection_to(Peer(root="http://127.0.0.1:9/api")), api_key=KEY)


def test_verifying_says_what_to_check(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(respond=lambda call: (400, {"errors": ["missing 'email' field"]})))
    with opened(peer) as client:
        client.verify()
        peer.respond = lambda call: (401, {"message": "no"})
        with pytest.raises(UnauthorizedError, match="API Key, Account ID and Integration ID"):
            client.verify()
    assert peer.calls == [Call("POST contact", {})] * 2


def test_neither_client_nor_result_shows_the_key(play: Callable[[Peer], Peer]) -> None:
    peer = play(Peer(respond=lambda call: (400, {"errors": [f"who is {KEY}?"]})))
    with opened(peer) as client:
        (result,) = client.send_many([contact("ann")])
        shown = [repr(client), repr(client.connection), str(client.connection), repr(result)]

    assert KEY not in " ".join(shown)


# -- the package ---------------------------------------------------------------------------------


def test_the_package_offers_every_module_and_imports_it_late() -> None:
    declared = {kind.__name__ for kind in modules.MODULES}
    assert declared <= set(segconnect.__all__)
    assert all(getattr(segconnect, name) for name in segconnect.__all__)
    program = (
        "import segconnect, sys; print('pydantic' in sys.modules, 'Client' in dir(segconnect))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False True\n"


def test_an_unknown_name_of_the_package_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Cleint'"):
        segconnect.Cleint  # noqa: B018


@pytest.mark.parametrize("module", [segconnect, sdk])
def test_the_examples_in_the_docs_run(module: Any, play: Callable[[Peer], Peer]) -> None:
    example = {"connection": connection_to(play(Peer()))}
    failed, tried = doctest.testmod(module, extraglobs=example)
    assert (failed, tried > 0) == (0, True)


def test_batches_reach_an_account_of_our_own(served: Any) -> None:
    contacts = [contact(n % 50, first_name=f"Name {n}", tags=[f"t{n % 3}"]) for n in range(300)]
    with Client(
        api_key=served.key, account_id=served.id, integration_id=served.integration,
        base_url=f"{served.door.address}/api",
    ) as client:  # fmt: skip
        results = list(client.send_many(contacts))

    assert [result.error for result in results] == [None] * 300
    assert served.contact("7@bloggs.com")["first_name"] == "Name 257"


def test_a_call_that_waits_to_be_sent_again_holds_up_no_other(
    play: Callable[[Peer], Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    peer = play(Peer())
    busy = {f"busy{number}@bloggs.com" for number in range(6)}
    tried: Counter[str] = Counter()

    def respond(call: Call) -> Reply:
        tried[contact_of(call)] += 1
        fails = contact_of(call) in busy and tried[contact_of(call)] == 1
        return (500, {}) if fails else succeed(call)

    peer.respond = respond
    names = [*(f"busy{number}" for number in range(6)), *map(str, range(300))]
    with opened(peer, Limits(attempts=3, backoff=3)) as client:
        results = list(client.send_many(map(contact, names), concurrency=2))

    assert [result.error for result in results] == [None] * 306
    last = {contact_of(call): number for number, call in enumerate(peer.calls)}
    assert min(last[each] for each in busy) >= 306  # each again, after all the others
    assert peer.peak <= 2
