"""HTTP/1.1 with the bounds that uvicorn leaves open: a head is small, and a request arrives."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 512_000  # bytes; larger than what is read at once, which may be a body's end and a head
STALL_SECONDS = 30.0
STALL_BYTES = 10_000  # of a request, within that time; fewer are no slow line, but a stuck client


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request has a head without end, or does not come."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head: int | None = 0  # bytes of a head that is not complete; None: there is none
        self._received = self._received_before = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._timer = self.loop.call_later(STALL_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._received += len(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > MAX_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._head = None

    def _look(self) -> None:
        """Ends the connection if a request began to come and does not go on."""
        awaited = self._head is not None or (
            self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete
        )
        came = self._received - self._received_before
        if awaited and came < STALL_BYTES and not self.flow.read_paused:
            self.transport.close()
            return
        self._received_before = self._received
        self._timer = self.loop.call_later(STALL_SECONDS, self._look)
