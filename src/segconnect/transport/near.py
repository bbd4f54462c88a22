"""The way to an account on this machine: HTTP/1.1 without TLS, over connections that stay open.

It costs a third of what a client for any host costs: nothing leaves the event loop's own thread.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import cast
from urllib.parse import quote, urlencode, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from segconnect.limits import Limits
from segconnect.transport.http import (
    AGENT,
    BATCH_HEADER,
    BrokenError,
    Reply,
    TooLongError,
    written,
)
from segconnect.wire.request import Request

IDLE_SECONDS = 4.0
"""For which a connection is kept: servers close them after five or more, and one that is about to
be closed loses what is sent over it."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(r"[!-~]*")

Fields = list[tuple[bytes, bytes]]


class NearHttp:
    """Reaches an API root on this machine.

    Args:
        root: The API root; it begins with http://.
        headers: Sent with each request.
        limits: The time-outs, and how long an answer may be.
    """

    def __init__(self, root: str, headers: dict[str, str], limits: Limits) -> None:
        parts = urlsplit(root)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._base, self._limits = parts.path.rstrip("/"), limits
        self._headers = {"host": parts.netloc, "user-agent": AGENT, **headers}
        self._head = _lines(self._headers)
        self._all: set[_Connection] = set()
        self.idle: list[_Connection] = []  # those that may be used again, the latest last

    async def exchange(self, request: Request) -> Reply:
        """Sends a request once, and reads the answer; see `Http`."""
        data = self._bytes(request)
        loop = asyncio.get_running_loop()
        began = loop.time()
        connection = self._kept(began) or await self._opened(loop)
        try:
            status, fields, raw = await connection.exchange(data, began)
        except BaseException:
            connection.drop()  # its answer may still come
            raise
        headers = _plain(fields)
        if "content-encoding" in headers:
            raise BrokenError("it is compressed, which nobody asked for", may_have_arrived=True)
        is_plain = status == 200 and request.endpoint is not None
        return Reply(status, None if is_plain else headers, raw, headers.get(BATCH_HEADER))

    async def close(self) -> None:
        """Closes the connections, and breaks off what is under way."""
        for connection in list(self._all):
            connection.drop()
        await asyncio.sleep(0)  # in which they are closed

    def forget(self, connection: _Connection) -> None:
        """Says that a connection is closed."""
        self._all.discard(connection)

    def _kept(self, now: float) -> _Connection | None:
        """Takes a connection that is still open."""
        while self.idle:
            connection = self.idle.pop()
            if connection.is_open and now - connection.heard < IDLE_SECONDS:
                return connection
            connection.drop()
        return None

    async def _opened(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        patience = min(self._limits.connect_timeout, self._limits.timeout)
        try:
            async with asyncio.timeout(patience):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, loop, self._limits), self._host, self._port
                )
        except TimeoutError:
            raise BrokenError("it takes no connection", may_have_arrived=False) from None
        except OSError as error:
            number = error.errno or 0  # of a name that is not known it is below 0
            reason = os.strerror(number) if number > 0 else error.strerror
            raise BrokenError(reason or str(error), may_have_arrived=False) from error
        self._all.add(connection)
        return connection

    def _bytes(self, request: Request) -> bytes:
        """Writes a request.

        Raises:
            ValueError: It cannot be written.
        """
        target = self._base + request.path
        if not _TARGET.fullmatch(target):
            target = quote(target, safe="/?#%[]:;@!$&'()*+,=~-._")
        if request.query:
            target += f"{'&' if '?' in target else '?'}{urlencode(request.query)}"
        if not _TOKEN.fullmatch(request.method):
            raise ValueError(f"{request.method!r} is no method")
        head = self._head
        if request.headers:
            own = {name.lower(): value for name, value in request.headers.items()}
            head = _lines({**self._headers, **own})
        if request.body is None and request.method in ("GET", "DELETE"):
            return b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method.encode(), target.encode(), head)
        body = b"" if request.body is None else written(request.body)
        return b"%b %b HTTP/1.1\r\n%bcontent-length: %d\r\n\r\n%b" % (
            request.method.encode(), target.encode(), head, len(body), body,
        )  # fmt: skip


class _Connection(asyncio.Protocol):
    """One connection; one request after the other."""

    _transport: asyncio.Transport

    def __init__(self, pool: NearHttp, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._pool, self._loop, self._limits = pool, loop, limits
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[tuple[int, Fields, bytes]] | None = None
        self._began = self.heard = loop.time()
        self.is_open = True
        self._begin()

    def exchange(self, data: bytes, began: float) -> asyncio.Future[tuple[int, Fields, bytes]]:
        """Sends a request; the future is what comes back: status, headers and body."""
        loop = self._loop
        self._answer = answer = loop.create_future()
        self._began, self.heard = began, loop.time()
        patience = min(self._limits.read_timeout, self._limits.timeout)
        self._timer = loop.call_later(patience, self._look)
        self._transport.write(data)
        return answer

    def drop(self) -> None:
        """Closes it at once."""
        self.is_open = False
        self._transport.abort()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Reads on."""
        self.heard = self._loop.time()
        if self._answer is None:
            self.drop()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._break(BrokenError(f"no HTTP: {error}", may_have_arrived=True))

    def eof_received(self) -> None:
        """Ends an answer that has no other end."""
        if self._answer is not None and self._is_headed and not self._has_length():
            self._end(may_go_on=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        self.is_open = False
        self._pool.forget(self)
        reason = str(exc) if exc is not None else "the connection was closed"
        self._break(BrokenError(reason, may_have_arrived=True))

    # what the parser calls

    def on_message_begin(self) -> None:
        """Refuses an answer that nobody asked for: it would be taken for that to the next."""
        if self._answer is None:
            self.drop()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Notes a header."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Notes that what comes now is the body."""
        self._is_headed = True

    def on_body(self, body: bytes) -> None:
        """Notes a part of the body."""
        self._parts.append(body)
        self._length += len(body)
        if self._length > self._limits.max_answer:
            self._break(TooLongError())

    def on_message_complete(self) -> None:
        """Ends an answer, but for one that says that another follows."""
        if 100 <= self._parser.get_status_code() < 200:
            self._begin()
        elif self._answer is not None:
            self._end(may_go_on=self._parser.should_keep_alive())

    # its own

    def _begin(self) -> None:
        self._fields: Fields = []
        self._parts: list[bytes] = []
        self._length, self._is_headed = 0, False

    def _has_length(self) -> bool:
        return any(
            name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._fields
        )

    def _end(self, *, may_go_on: bool) -> None:
        answer = self._answer
        assert answer is not None
        self._answer = None
        self._timer.cancel()
        if not answer.done():
            raw = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            answer.set_result((self._parser.get_status_code(), self._fields, raw))
        self._begin()
        if may_go_on:
            self._pool.idle.append(self)
        else:
            self._transport.close()

    def _break(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is None:
            return
        self._timer.cancel()
        if not answer.done():
            answer.set_exception(error)
        self.drop()

    def _look(self) -> None:
        """Breaks off if the time is over; else looks again when it may be."""
        limits = self._limits
        ends = min(self._began + limits.timeout, self.heard + limits.read_timeout)
        left = ends - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._break(BrokenError("timed out", may_have_arrived=True, is_late=True))


def _lines(headers: dict[str, str]) -> bytes:
    """Writes headers.

    Raises:
        ValueError: One cannot be written.
    """
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or set("\r\n\0") & set(value):
            raise ValueError(f"the header {name!r} cannot be written")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()


def _plain(fields: Fields) -> dict[str, str]:
    """Answers headers by lower-case name; one given several times is joined with commas."""
    answer: dict[str, str] = {}
    for name, value in fields:
        if value.isascii():
            key, text = name.decode("latin-1").lower(), value.decode()
            answer[key] = f"{answer[key]}, {text}" if key in answer else text
    return answer
