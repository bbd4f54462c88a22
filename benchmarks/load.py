"""Sends many requests over many connections as cheaply as Python can, and tells how it went.

Run as a process of its own, so that its work is not the server's:
    python benchmarks/load.py PORT CONNECTIONS SECONDS < requests
Standard input holds the requests to cycle through, as JSON: a list of texts, each a whole HTTP
request. Prints JSON: requests per second, milliseconds of the median and the 99th percentile, and
how many answers were not 200.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import cycle
from typing import cast


class Connection(asyncio.Protocol):
    """One connection: sends the next request as soon as the answer to the last one is whole."""

    def __init__(self, requests: cycle[bytes], latencies: list[float], end: float) -> None:
        self.requests, self.latencies, self.end = requests, latencies, end
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self.next()

    def next(self) -> None:
        self.started = time.perf_counter()
        if self.started >= self.end:
            self.transport.close()
            return
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at:].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.latencies.append(time.perf_counter() - self.started)
        if head[9:12] != b"200":
            self.failed += 1
        self.buffer = b""
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(
    port: int, connections: int, seconds: float, requests: list[bytes]
) -> dict[str, float]:
    """Loads the server on this loopback port."""
    latencies: list[float] = []
    source = cycle(requests)
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    pairs = [
        await loop.create_connection(
            lambda: Connection(source, latencies, begin + seconds), "127.0.0.1", port
        )
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in pairs))
    took = time.perf_counter() - begin
    latencies.sort()
    return {
        "rate": len(latencies) / took,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
        "failed": sum(protocol.failed for _, protocol in pairs),
    }


if __name__ == "__main__":
    import uvloop

    given = [text.encode() for text in json.load(sys.stdin)]
    answer = uvloop.run(run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), given))
    print(json.dumps(answer))
