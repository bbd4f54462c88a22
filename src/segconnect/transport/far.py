"""The way to any host, by pyreqwest: TLS, HTTP/2, and the proxies of the environment."""

from __future__ import annotations

import asyncio
import atexit
import time
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PyreqwestError, RequestTimeoutError

from segconnect.limits import Limits
from segconnect.transport.http import (
    AGENT,
    BATCH_HEADER,
    BrokenError,
    Reply,
    TooLongError,
    is_loopback,
    written,
)
from segconnect.wire.request import Request

if TYPE_CHECKING:
    from pyreqwest.http import HeaderMap
    from pyreqwest.request import StreamRequest
    from pyreqwest.response import Response


class FarHttp:
    """Reaches an API root wherever it is.

    Args:
        root: The API root.
        headers: Sent with each request.
        limits: The time-outs, and how long an answer may be.
    """

    def __init__(self, root: str, headers: dict[str, str], limits: Limits) -> None:
        self._root, self._most = root, limits.max_answer
        builder = (
            ClientBuilder()
            .user_agent(AGENT)
            .default_headers(headers)
            .follow_redirects(False)  # the key would go along
            .referer(False)
            .connect_timeout(timedelta(seconds=limits.connect_timeout))
            .read_timeout(timedelta(seconds=limits.read_timeout))
            .timeout(timedelta(seconds=limits.timeout))
        )
        if is_loopback(urlsplit(root).hostname or ""):
            builder = builder.no_proxy()
        self._client = builder.build()
        _wind_down_at_exit()

    async def exchange(self, request: Request) -> Reply:
        """Sends a request once, and reads the answer; see `Http`."""
        call = self._call(request)
        task = asyncio.current_task()
        cancels = task.cancelling() if task is not None else 0
        try:
            async with call as response:
                length = response.get_header("content-length")
                if length is not None and int(length) <= self._most:
                    raw = (await response.bytes()).to_bytes()
                else:
                    raw = await self._long(response)
                status = response.status
                offered = response.get_header(BATCH_HEADER)
                is_plain = status == 200 and request.endpoint is not None
                headers = None if is_plain else _plain(response.headers)
        except PyreqwestError as error:
            raise _broken(error) from error
        except ValueError as error:  # a header that is no text
            raise BrokenError(str(error), may_have_arrived=True) from error
        if task is not None and task.cancelling() > cancels:
            raise asyncio.CancelledError  # pyreqwest swallows one that comes with the answer
        del call, response  # 16 kB, else kept by the traceback of an error until it is collected
        return Reply(status, headers, raw, offered)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def _call(self, request: Request) -> StreamRequest:
        call = self._client.request(request.method, self._root + request.path)
        if request.query:
            call = call.query(request.query)
        if request.headers:
            call = call.headers(request.headers)
        if request.body is not None:
            call = call.body_bytes(written(request.body))
        return call.build_streamed()

    async def _long(self, response: Response) -> bytes:
        """Reads a body whose length is not known, or too long."""
        parts, length = [], 0
        while (part := await response.body_reader.read_chunk()) is not None:
            parts.append(part.to_bytes())
            length += len(parts[-1])
            if length > self._most:
                raise TooLongError
        return b"".join(parts)


def _broken(error: PyreqwestError) -> BrokenError:
    """Tells what broke.

    pyreqwest also calls a connection that breaks after the request was sent a ConnectError, and a
    total time-out a ConnectTimeoutError: only the causes tell what can have arrived.
    """
    details = error.details if isinstance(error, DetailedPyreqwestError) else None
    causes = [cause["message"] for cause in (details and details["causes"]) or ()]
    reason = (causes or [str(error)])[-1].partition(" (os error")[0]
    may_have_arrived = "client error (Connect)" not in causes
    return BrokenError(
        reason,
        may_have_arrived=may_have_arrived,
        is_late=isinstance(error, RequestTimeoutError),
        is_untrusted=not may_have_arrived and "certificate" in reason,
    )


def _plain(headers: HeaderMap) -> dict[str, str]:
    """Answers headers by lower-case name; one given several times is joined with commas."""
    answer: dict[str, str] = {}
    for name in set(headers):
        try:
            values = headers.getall(name)
        except ValueError:  # not ASCII
            continue
        answer[name] = ", ".join(values)
    return answer


@cache
def _wind_down_at_exit() -> None:
    """Lets pyreqwest's thread drop requests that were canceled before Python ends.

    The thread would otherwise ask for an interpreter that is no more, and abort the process.
    """
    atexit.register(time.sleep, 0.02)
