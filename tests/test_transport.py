"""The transport against a peer on loopback that speaks raw bytes and plays a script of faults."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import random
import socket
import ssl
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from segconnect import clock
from segconnect.connections import Connection
from segconnect.errors import (
    ConnectionSetupError,
    InvalidBundleError,
    RefusedError,
    SegconnectError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
    UsageError,
)
from segconnect.limits import Limits
from segconnect.settings import Settings
from segconnect.transport import Transport
from segconnect.transport.far import FarHttp
from segconnect.transport.http import BATCH_HEADER, Reply
from segconnect.wire import endpoints
from segconnect.wire.request import Address, Answer, Request

KEY = "k8Tq2vXw5yZa7bCd9eFg1h"
QUICK = Limits(
    attempts=3, backoff=0.002, max_backoff=0.004, max_retry_after=0.02, read_timeout=0.5, timeout=1
)


def changed(request: Request, **values: Any) -> Request:
    """The request with other values."""
    return Request(**{name: getattr(request, name) for name in Request.__match_args__} | values)


UPSERT = Request(
    "POST", "/v1/A/I/contact", "Add/Update a Contact", {"email": "joey@bloggs.com"}, "POST contact",
    idempotent=True,
)  # fmt: skip
CALL = Request("POST", "/v1/A/I/event", "Make an API Call", {"n": 1})  # twice would be two
GET = changed(CALL, method="GET", body=None, idempotent=True)


@pytest.fixture(autouse=True, params=["near", "far"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to an account must do all that one of them does."""
    if request.param == "far":
        monkeypatch.setattr("segconnect.transport.NearHttp", FarHttp)
    return str(request.param)


def in_loop(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs a test on an event loop of its own."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        async def go() -> None:
            await function(*args, **kwargs)

        asyncio.run(go())

    return run


@dataclass(frozen=True)
class Step:
    """What the peer does with one request."""

    raw: bytes = b""
    then: str = "keep"  # the connection open, or: reset, close, hang
    delay: float = 0  # seconds before it, at most
    size: int = 2**20  # bytes that are written at a time


def answer(status: int, body: Any = None, **headers: str) -> Step:
    """A whole answer; bytes are sent as they are, all else as JSON."""
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    given = {"content-type": "application/json", "content-length": str(len(content))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [
        f"HTTP/1.1 {status} X",
        *(f"{name}: {value}" for name, value in given.items() if value),
    ]
    return Step("\r\n".join([*lines, "", ""]).encode() + content)


OK = answer(200, {"status": "success"})
RESET = Step(then="reset")
HANG = Step(then="hang")


@dataclass
class Heard:
    """A request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


class Peer:
    """Plays a script, a step for each request; its last step again and again."""

    def __init__(self, *script: Step) -> None:
        self.script, self.heard = list(script), list[Heard]()
        self.root = ""
        self._tasks = set[Any]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        self._tasks.add(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                pairs = (line.split(": ", 1) for line in head[1:] if line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.heard.append(Heard(head[0], headers, body))
                step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                await asyncio.sleep(random.uniform(0, step.delay))
                for at in range(0, len(step.raw), step.size):
                    writer.write(step.raw[at : at + step.size])
                    await writer.drain()
                    await asyncio.sleep(0)
                if step.then == "reset":
                    writer.transport.abort()
                if step.then == "hang":
                    await asyncio.Event().wait()
                if step.then != "keep":
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def end(self) -> None:
        """Breaks off what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # in which the connections are closed


@asynccontextmanager
async def peer(
    *script: Step, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Peer]:
    """Runs a peer until the end of the block."""
    one = Peer(*script)
    server = await asyncio.start_server(one.serve, "127.0.0.1", port, ssl=tls)
    one.root = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"
    async with server:
        yield one
        await one.end()


@asynccontextmanager
async def opened(root: str, limits: Limits = QUICK) -> AsyncIterator[Transport]:
    """Opens a transport until the end of the block."""
    transport = Transport(root, KEY, name="shop", limits=limits)
    try:
        yield transport
    finally:
        await transport.close()


async def failure(root: str, request: Request, limits: Limits = QUICK) -> SegconnectError:
    """Sends a request that must fail, and answers the error."""
    async with opened(root, limits) as transport:
        with pytest.raises(SegconnectError) as caught:
            await transport.send(request)
    return caught.value


# -- what is sent --------------------------------------------------------------------------------


@in_loop
async def test_the_key_is_sent_bare_and_the_body_as_json() -> None:
    async with peer(OK) as there, opened(there.root) as transport:
        found = await transport.send(UPSERT)

    (heard,) = there.heard
    assert found == Answer(200, found.headers, {"status": "success"})
    assert heard.line == "POST /api/v1/A/I/contact HTTP/1.1"
    assert heard.body == b'{"email":"joey@bloggs.com"}'
    assert heard.headers["authorization"] == KEY
    assert heard.headers["content-type"] == "application/json"


@in_loop
async def test_a_deletion_has_no_body_and_its_path_stays_encoded() -> None:
    path = "/v1/A/I/contact/joey%2Bx%40bloggs.com"
    request = Request("DELETE", path, "Delete a Contact", endpoint=f"DELETE {path}")
    async with peer(OK) as there, opened(there.root) as transport:
        await transport.send(request)

    (heard,) = there.heard
    assert heard.line == "DELETE /api/v1/A/I/contact/joey%2Bx%40bloggs.com HTTP/1.1"
    assert heard.body == b""
    assert heard.headers["content-type"] == "application/json"


@in_loop
async def test_a_text_is_sent_as_it_is_with_its_own_headers_and_query() -> None:
    request = changed(
        CALL, body="a;b\n1;é", headers={"Content-Type": "text/csv"}, query={"a b": "c&d"}
    )
    async with peer(OK) as there, opened(there.root) as transport:
        await transport.send(request)

    (heard,) = there.heard
    assert heard.line == "POST /api/v1/A/I/event?a+b=c%26d HTTP/1.1"
    assert heard.headers["content-type"] == "text/csv"
    assert heard.body == "a;b\n1;é".encode()


@pytest.mark.parametrize(
    "request_",
    [
        changed(CALL, headers={"AUTHORIZATION": "other"}),
        changed(CALL, headers={"Host": "elsewhere"}),
        changed(CALL, headers={"x": "a\r\nb: c"}),
        changed(CALL, path="@elsewhere/v1"),
        changed(CALL, body=object()),
    ],
)
@in_loop
async def test_what_cannot_be_sent_safely_is_not_sent(request_: Request) -> None:
    async with peer(OK) as there:
        error = await failure(there.root, request_)

    assert isinstance(error, InvalidBundleError)
    assert not there.heard


# -- answers that are errors ---------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 415, 422])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"status": "error", "errors": ["missing 'id' field", "bad 'paid'"]}, None),
        ({"message": "missing 'id' field; bad 'paid'"}, None),
        ({"errors": {"id": "missing", "paid": "bad"}}, "id: missing; paid: bad"),
        (b"<html>", ""),
        (None, ""),
    ],
)
@in_loop
async def test_a_refusal_tells_what_the_account_said_and_is_final(
    status: int, body: Any, told: str | None
) -> None:
    async with peer(answer(status, body)) as there:
        error = await failure(there.root, UPSERT)

    assert isinstance(error, RefusedError)
    assert error.status == status
    if told == "":
        assert error.why.startswith(f"HTTP {status} ")
    else:
        assert error.why == (told or "missing 'id' field; bad 'paid'")
    assert len(there.heard) == 1


@in_loop
async def test_a_success_that_says_error_is_a_refusal() -> None:
    async with peer(answer(200, {"status": "error", "errors": ["no"]})) as there:
        error = await failure(there.root, UPSERT)

    assert isinstance(error, RefusedError)
    assert error.errors == ["no"]


@pytest.mark.parametrize("status", [401, 403])
@in_loop
async def test_a_key_that_is_not_accepted_stops_at_once(status: int) -> None:
    async with peer(answer(status, {"message": "no"})) as there:
        error = await failure(there.root, UPSERT)

    assert isinstance(error, UnauthorizedError)
    assert "check API Key, Account ID and Integration ID" in str(error)
    assert len(there.heard) == 1


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 599])
@pytest.mark.parametrize(("request_", "times"), [(UPSERT, 3), (CALL, 1)])
@in_loop
async def test_a_server_error_is_asked_again_only_where_twice_is_harmless(
    status: int, request_: Request, times: int
) -> None:
    async with peer(answer(status)) as there:
        error = await failure(there.root, request_)

    assert isinstance(error, UnreachableError)
    assert error.may_have_arrived
    assert len(there.heard) == times


@pytest.mark.parametrize("request_", [UPSERT, CALL])
@in_loop
async def test_a_call_that_was_throttled_is_always_sent_again(request_: Request) -> None:
    async with peer(answer(429, retry_after="7")) as there:
        error = await failure(there.root, request_)

    assert isinstance(error, ThrottledError)
    assert error.retry_after == 7
    assert len(there.heard) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        answer(429),
        answer(500),
        answer(503, retry_after="0"),
        RESET,
        Step(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "reset"),
        Step(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{", "reset"),
        Step(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}"),
        Step(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "close"),
    ],
    ids=lambda step: repr(step.raw[:60]),
)
@in_loop
async def test_an_upsert_survives_what_passes(trouble: Step) -> None:
    async with peer(trouble, trouble, OK) as there, opened(there.root) as transport:
        assert (await transport.send(UPSERT)).body == {"status": "success"}

    assert len(there.heard) == 3


@pytest.mark.parametrize("trouble", [RESET, Step(b"HTTP/1.1 200 OK\r\n", "reset")])
@in_loop
async def test_a_call_that_may_have_arrived_is_not_sent_twice(trouble: Step) -> None:
    async with peer(trouble) as there:
        error = await failure(there.root, CALL)

    assert isinstance(error, UnreachableError)
    assert error.may_have_arrived
    assert len(there.heard) == 1


@in_loop
async def test_a_call_that_nobody_took_is_sent_again_even_where_twice_would_harm() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    patient = replace(QUICK, attempts=50)
    async with opened(f"http://127.0.0.1:{port}/api", patient) as transport:
        sending = asyncio.create_task(transport.send(CALL))
        await asyncio.sleep(0.01)
        async with peer(answer(200, {}), port=port) as there:
            assert (await sending).status == 200

    assert len(there.heard) == 1


@pytest.mark.parametrize("root", ["http://127.0.0.1:9/api", "http://nobody.invalid/api"])
@in_loop
async def test_an_account_that_is_not_there_got_nothing(root: str) -> None:
    error = await failure(root, CALL)

    assert isinstance(error, UnreachableError)
    assert not error.may_have_arrived
    assert "cannot connect to" in str(error)
    assert error.is_absent


class Elsewhere(Transport):
    """A transport whose upserts are answered, and whose calls find nobody, by turns."""

    async def _attempt(self, request: Request) -> Answer:
        if request is UPSERT:
            return self._answered(request, Reply(200, None, b"{}", None))
        raise UnreachableError("nobody is there", may_have_arrived=False)


@pytest.mark.parametrize("others", [0, 1])
@in_loop
async def test_an_account_that_answers_others_meanwhile_is_there(
    others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    slower = replace(QUICK, backoff=0.02, max_backoff=0.02)
    transport = Elsewhere("http://127.0.0.1:9/api", KEY, limits=slower)
    await transport.send(UPSERT)  # before it does not count

    class Meanwhile:
        def begin(self) -> None:
            pass

        async def end(self) -> None:
            for _ in range(others):
                await transport.send(UPSERT)

    with pytest.raises(UnreachableError) as caught:
        await transport.send(CALL, Meanwhile())
    await transport.close()

    assert caught.value.is_absent == (others == 0)


@pytest.mark.parametrize(
    "script",
    [HANG, Step(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "hang")],
)
@pytest.mark.parametrize(
    "limits", [replace(QUICK, read_timeout=0.03), replace(QUICK, timeout=0.03)]
)
@in_loop
async def test_a_silent_account_may_have_heard(script: Step, limits: Limits) -> None:
    async with peer(script) as there:
        error = await failure(there.root, CALL, limits)

    assert isinstance(error, UnreachableError)
    assert error.may_have_arrived
    assert not error.is_absent
    assert "no answer in time" in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog keeps others waiting on Linux")
@in_loop
async def test_a_connection_that_is_not_taken_in_time_carried_nothing() -> None:
    held = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        for _ in range(4):
            held.append(socket.socket())
            held[-1].setblocking(False)
            held[-1].connect_ex(address)
        root = f"http://127.0.0.1:{address[1]}/api"
        error = await failure(root, CALL, replace(QUICK, connect_timeout=0.05, attempts=1))
        for each in held:
            each.close()

    assert isinstance(error, UnreachableError)
    assert not error.may_have_arrived


@pytest.mark.parametrize("body", [b"<html>It works!</html>", b"", b'{"status": "succ'])
@in_loop
async def test_an_answer_that_is_not_json_is_no_success_and_not_asked_for_again(
    body: bytes,
) -> None:
    async with peer(answer(200, body)) as there:
        error = await failure(there.root, UPSERT)

    assert isinstance(error, UnreachableError)
    assert error.may_have_arrived
    assert len(there.heard) == 1


@pytest.mark.parametrize(
    "huge",
    [
        answer(200, b'"' + b"x" * 5000 + b'"'),
        Step(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n30d40\r\n" + b"x" * 200_000,
            "hang",
        ),
    ],
    ids=["long", "endless"],
)
@in_loop
async def test_an_answer_without_end_is_not_read_to_its_end(huge: Step) -> None:
    async with peer(huge) as there:
        error = await failure(there.root, UPSERT, replace(QUICK, max_answer=4000))

    assert isinstance(error, UnreachableError)
    assert "more than 4000 bytes" in str(error)
    assert len(there.heard) == 1


@in_loop
async def test_a_small_answer_does_not_grow_without_end(way: str) -> None:
    bomb = answer(200, gzip.compress(b"x" * 1_000_000), content_encoding="gzip")
    async with peer(bomb) as there:
        error = await failure(there.root, UPSERT, replace(QUICK, max_answer=4000))

    assert isinstance(error, UnreachableError)
    told = {"far": "more than 4000 bytes", "near": "compressed, which nobody asked for"}
    assert told[way] in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("request_", "kind"), [(UPSERT, ConnectionSetupError), (GET, RefusedError)]
)
@in_loop
async def test_the_key_does_not_follow_a_redirect(
    status: int, request_: Request, kind: type[SegconnectError]
) -> None:
    async with peer(OK) as elsewhere:
        there_is = answer(status, location=f"{elsewhere.root}/v1?token=x")
        async with peer(there_is) as there:
            error = await failure(there.root, request_)

    assert isinstance(error, kind)
    assert f"redirects to {elsewhere.root}/v1 " in str(error)
    assert not elsewhere.heard
    assert len(there.heard) == 1


def certificate(path: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(pem) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@in_loop
async def test_a_certificate_that_is_not_trusted_gets_no_key(tmp_path: Path) -> None:
    async with peer(OK, tls=certificate(tmp_path / "pem")) as there:
        error = await failure(there.root, UPSERT)

    assert isinstance(error, ConnectionSetupError)
    assert "certificate" in str(error)
    assert not there.heard


# -- pace ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@in_loop
async def test_a_pause_that_was_asked_for_is_kept_by_all_requests(status: int) -> None:
    async with (
        peer(answer(status, retry_after="3600"), OK) as there,
        opened(there.root, replace(QUICK, max_retry_after=0.05)) as transport,
    ):
        first = asyncio.create_task(transport.send(UPSERT))
        while not there.heard:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        await asyncio.gather(first, transport.send(UPSERT))

    asked, *later = there.heard
    assert len(later) == 2
    assert all(heard.at - asked.at >= 0.049 for heard in later)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0", 0),
        ("Fri, 02 Jan 2026 00:01:30 GMT", 90),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
@in_loop
async def test_a_pause_is_read_as_seconds_or_as_a_date(
    text: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 1, 2, tzinfo=UTC))
    async with peer(answer(429, retry_after=text)) as there:
        error = await failure(there.root, UPSERT, replace(QUICK, attempts=1))

    assert isinstance(error, ThrottledError)
    assert error.retry_after == seconds


@in_loop
async def test_a_rate_limit_spaces_requests_out() -> None:
    async with (
        peer(OK) as there,
        opened(there.root, replace(QUICK, rate=100)) as transport,
    ):
        began = time.monotonic()
        await asyncio.gather(*(transport.send(UPSERT) for _ in range(16)))

    assert there.heard[-1].at - began >= 0.049  # ten at once, then one each 10 ms


# -- limits from outside -------------------------------------------------------------------------


async def sent_with_settings(there: Peer, settings: Settings | None = None) -> SegconnectError:
    """Sends an upsert over a connection that is given no limits, and answers its error."""
    connection = Connection(
        name="shop", api_key=KEY, account_id="A", integration_id="I", base_url=there.root
    )
    transport = connection.transport(settings)
    try:
        await transport.send(UPSERT)
    except SegconnectError as error:
        return error
    finally:
        await transport.close()
    raise AssertionError("it was sent")


@in_loop
async def test_attempts_and_time_outs_are_set_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEGCONNECT_ATTEMPTS", "2")
    monkeypatch.setenv("SEGCONNECT_READ_TIMEOUT", "0.03")
    async with peer(HANG) as there:
        error = await sent_with_settings(there)

    assert "gave no answer in time" in str(error)
    assert len(there.heard) == 2


@in_loop
async def test_limits_are_set_in_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("segconnect.toml").write_text("attempts = 1\ntimeout = 0.03\n")
    async with peer(HANG) as there:
        error = await sent_with_settings(there)

    assert "gave no answer in time" in str(error)
    assert len(there.heard) == 1


def test_limits_are_those_of_the_settings_and_else_as_always() -> None:
    assert Limits.of(Settings()) == Limits()
    assert Limits.of(Settings(connect_timeout=1, attempts=2, rate=50)) == Limits(
        connect_timeout=1, attempts=2, rate=50
    )


@in_loop
async def test_a_rate_is_set_in_the_settings_and_what_is_given_counts_before_them() -> None:
    settings = Settings(rate=100)
    async with peer(OK) as there:
        connection = Connection(
            name="shop", api_key=KEY, account_id="A", integration_id="I", base_url=there.root
        )
        transport = connection.transport(settings)
        began = time.monotonic()
        await asyncio.gather(*(transport.send(UPSERT) for _ in range(26)))
        took = time.monotonic() - began
        await transport.close()
        other = connection.transport(settings, QUICK)
        await other.close()

    assert took >= 0.149  # ten at once, then one each 10 ms
    assert other.limits == QUICK


# -- ways ----------------------------------------------------------------------------------------


@in_loop
async def test_a_proxy_of_the_environment_is_for_other_hosts_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with peer(OK) as there, peer(OK) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.root.removesuffix("/api"))
        monkeypatch.setenv("http_proxy", proxy.root.removesuffix("/api"))
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        for root in (there.root, "http://account.invalid/api"):
            async with opened(root) as transport:
                await transport.send(UPSERT)

    assert [heard.line for heard in there.heard] == ["POST /api/v1/A/I/contact HTTP/1.1"]
    assert [heard.line for heard in proxy.heard] == [
        "POST http://account.invalid/api/v1/A/I/contact HTTP/1.1"
    ]


@in_loop
async def test_a_closed_transport_says_so() -> None:
    async with opened("http://127.0.0.1:9/api") as transport:
        pass
    with pytest.raises(UsageError, match="closed"):
        await transport.send(UPSERT)


@in_loop
async def test_a_request_that_is_given_up_does_not_disturb_the_next() -> None:
    async with peer(HANG, OK) as there, opened(there.root) as transport:
        given_up = asyncio.create_task(transport.send(UPSERT))
        await asyncio.sleep(0.02)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert (await transport.send(UPSERT)).status == 200


@in_loop
async def test_a_cancellation_that_comes_with_the_answer_is_not_lost() -> None:
    """pyreqwest swallows it, and what was canceled went on."""

    async def send(transport: Transport) -> None:
        while True:
            await transport.send(UPSERT)

    async with peer(OK) as there, opened(there.root) as transport:
        for _ in range(5):
            tasks = [asyncio.create_task(send(transport)) for _ in range(32)]
            await asyncio.sleep(0.02)
            for task in tasks:
                task.cancel()
            _, going_on = await asyncio.wait(tasks, timeout=1)
            for task in going_on:
                task.cancel()
            assert not going_on


@in_loop
async def test_a_process_that_gives_requests_up_ends_in_peace() -> None:
    """pyreqwest's thread aborted one such process in five, as Python was ending."""
    program = """
        import asyncio, sys
        from segconnect.transport import Transport
        from segconnect.wire.request import Request

        async def main():
            transport = Transport(sys.argv[1], "key")

            async def send():
                while True:
                    await transport.send(Request("GET", "/x", "", None, "GET x"))

            tasks = [asyncio.ensure_future(send()) for _ in range(64)]
            await asyncio.sleep(0.1)

        asyncio.run(main())
    """

    async def run(root: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", textwrap.dedent(program), root, stderr=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
        return f"{process.returncode} {told.decode()}".strip()

    async with peer(replace(OK, delay=0.05)) as there:
        assert await asyncio.gather(*(run(there.root) for _ in range(8))) == ["0"] * 8
        await asyncio.sleep(0.2)  # in which the peer hears that they are gone


@in_loop
async def test_a_connection_is_used_again_and_several_where_several_are_under_way() -> None:
    opened_by = set()
    async with peer(replace(OK, delay=0.01)) as there:
        serve = there.serve

        async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            opened_by.add(writer.get_extra_info("peername"))
            await serve(reader, writer)

        server = await asyncio.start_server(counted, "127.0.0.1", 0)
        root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"
        async with server, opened(root) as transport:
            for _ in range(10):
                await asyncio.gather(*(transport.send(UPSERT) for _ in range(4)))

    assert len(there.heard) == 40
    assert 1 < len(opened_by) <= 4


@in_loop
async def test_an_answer_may_have_no_end_but_that_of_its_connection() -> None:
    endless = Step(b'HTTP/1.1 200 OK\r\n\r\n{"status": "success"}', "close")
    async with peer(endless) as there, opened(there.root) as transport:
        for _ in range(2):
            assert (await transport.send(UPSERT)).body == {"status": "success"}


@in_loop
async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next() -> None:
    twice = replace(OK, raw=OK.raw + answer(200, {"status": "stray"}).raw)
    async with peer(twice) as there, opened(there.root) as transport:
        for _ in range(3):
            assert (await transport.send(UPSERT)).body == {"status": "success"}


@in_loop
async def test_an_answer_that_says_that_another_follows_is_none() -> None:
    early = Step(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK.raw)
    async with peer(early) as there, opened(there.root) as transport:
        for _ in range(2):
            assert (await transport.send(UPSERT)).body == {"status": "success"}


@pytest.mark.parametrize("size", [1, 7])
@in_loop
async def test_an_answer_comes_in_pieces(size: int) -> None:
    async with peer(replace(OK, size=size)) as there, opened(there.root) as transport:
        for _ in range(3):
            assert (await transport.send(UPSERT)).body == {"status": "success"}


@in_loop
async def test_a_connection_that_the_account_closed_meanwhile_is_not_used_again() -> None:
    async with peer(replace(OK, then="close")) as there, opened(there.root) as transport:
        for _ in range(3):
            await transport.send(CALL)
            await asyncio.sleep(0.02)

    assert len(there.heard) == 3


@in_loop
async def test_what_a_path_may_not_hold_is_coded() -> None:
    request = changed(GET, path="/v1/A/I/contact/joé b\r\nx: y?a=ü")
    async with peer(OK) as there, opened(there.root) as transport:
        await transport.send(request)

    (heard,) = there.heard
    path, _, query = heard.line.split()[1].partition("?")
    assert unquote(path).replace("\r\n", "") == "/api/v1/A/I/contact/joé bx: y"
    assert unquote(query) == "a=ü"
    assert "x" not in heard.headers


# -- further answers -----------------------------------------------------------------------------


@in_loop
async def test_an_answer_of_another_kind_is_given_as_it_came() -> None:
    raw = (
        b"HTTP/1.1 202 OK\r\ncontent-type: text/plain\r\nX-One: 1\r\nset-cookie: a=1\r\n"
        b"set-cookie: b=2\r\nx-odd: \xe9\r\ncontent-length: 4\r\n\r\n12\xc3\xa9"
    )
    async with peer(Step(raw)) as there, opened(there.root) as transport:
        found = await transport.send(GET)

    assert found == Answer(
        202,
        {
            "content-type": "text/plain",
            "x-one": "1",
            "set-cookie": "a=1, b=2",
            "content-length": "4",
        },
        "12é",
    )


@pytest.mark.parametrize(
    ("kind", "raw", "body"),
    [
        ("application/json", b'{"a":1}', {"a": 1}),
        ("application/problem+json; charset=utf-8", b"[1]", [1]),
        ("application/json", b"{oops", "{oops"),
        ("text/html", b"<p>", "<p>"),
        ("", b"1", "1"),
        ("application/json", b"", None),
    ],
)
@in_loop
async def test_the_body_of_an_api_call_is_read_if_it_is_json(
    kind: str, raw: bytes, body: Any
) -> None:
    async with (
        peer(answer(200, raw, content_type=kind)) as there,
        opened(there.root) as transport,
    ):
        assert (await transport.send(GET)).body == body


@in_loop
async def test_lines_are_read_one_by_one_and_a_broken_one_spoils_all() -> None:
    lines = {"content_type": "application/x-ndjson"}
    async with (
        peer(
            answer(200, b'{"a":1}\n\n{"a":2}\n', **lines), answer(200, b'{"a":1}\n{"a', **lines)
        ) as there,
        opened(there.root) as transport,
    ):
        assert (await transport.send(CALL)).body == [{"a": 1}, {"a": 2}]
        with pytest.raises(UnreachableError, match="without JSON"):
            await transport.send(CALL)


@in_loop
async def test_an_account_that_offers_batches_says_so_with_any_answer() -> None:
    assert BATCH_HEADER == endpoints.BATCH_HEADER
    async with (
        peer(
            OK,
            answer(400, segconnect_batch="500"),
            answer(200, {}, segconnect_batch="5000; later;after"),
            answer(200, {}, segconnect_batch="?"),
        ) as there,
        opened(there.root) as transport,
    ):
        offered = []
        for _ in range(4):
            with suppress(RefusedError):
                await transport.send(UPSERT)
            offered.append((transport.batch_lines, transport.batch_has_after))

    assert offered == [(None, False), (500, False), (5000, True), (None, False)]


# -- verifying -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (answer(400, {"status": "error", "errors": ["missing 'email' field"]}), None),
        (answer(422, {"message": "email is needed"}), None),
        (answer(200, {"status": "success"}), None),
        (answer(401), UnauthorizedError),
        (answer(403), UnauthorizedError),
        (answer(404, {"message": "no such integration"}), ConnectionSetupError),
        (answer(400, b"<html>"), ConnectionSetupError),
        (answer(405), ConnectionSetupError),
        (answer(200, b"<html>"), ConnectionSetupError),
        (answer(302, location="https://elsewhere.example/"), ConnectionSetupError),
        (answer(500), UnreachableError),
    ],
)
@in_loop
async def test_a_connection_is_checked_by_a_call_that_changes_nothing(
    step: Step, problem: type[SegconnectError] | None
) -> None:
    async with peer(step) as there, opened(there.root) as transport:
        try:
            await transport.verify(Address("A 1", "I/1"))
            found = None
        except SegconnectError as error:
            found = type(error)

    assert found is problem
    assert {(heard.line, heard.body) for heard in there.heard} == {
        ("POST /api/v1/A%201/I%2F1/contact HTTP/1.1", b"{}")
    }


# -- the key -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        *(answer(status, {"errors": [f"bad key {KEY}"]}) for status in (400, 401, 404, 429, 503)),
        answer(400, {"message": f"Basic {KEY}"}),
        answer(302, location=f"https://elsewhere.example/{KEY}"),
        answer(200, f"<p>{KEY}".encode()),
        RESET,
    ],
)
@in_loop
async def test_no_error_and_no_log_shows_the_key(
    step: Step, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with peer(step) as there:
        error = await failure(there.root, UPSERT)
        async with opened(there.root) as transport:
            shown = repr(transport)

    assert there.heard[0].headers["authorization"] == KEY
    records = [repr(record.__dict__) for record in caplog.records]
    assert KEY not in " ".join([str(error), repr(error), repr(error.__dict__), shown, *records])
