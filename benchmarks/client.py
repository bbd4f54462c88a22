"""Requests per second of the client, against a bare loop of the same HTTP library."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from statistics import median
from typing import Any

from pydantic_core import to_json
from pyreqwest.client import ClientBuilder

from segconnect import AddUpdateContact, AsyncClient

IN_FLIGHT = 64
REQUESTS = 2_000  # a round
ROUNDS = 31  # short ones, so that whatever else the machine does slows both of a pair alike
KEY = "0123456789abcdefghijkl"
REPLY = b'{"status":"success","contact":{"contact_id":"c-1","email":"joey@bloggs.com"}}'


class Sink(asyncio.Protocol):
    """Answers every request with the same success, as fast as Python can."""

    ANSWER = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (len(REPLY), REPLY)
    )

    def connection_made(self, transport: Any) -> None:
        """Begins a connection."""
        self.transport, self.rest = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answers the requests that are complete."""
        rest, answers = self.rest + data, 0
        while (end := rest.find(b"\r\n\r\n")) >= 0:
            head = rest[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(rest) < end + 4 + length:
                break
            rest, answers = rest[end + 4 + length :], answers + 1
        self.rest = rest
        if answers:
            self.transport.write(self.ANSWER * answers)


async def serve() -> None:
    """Serves the sink until the process is ended; prints the port."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def sink() -> Iterator[str]:
    """Runs the sink in a process of its own; answers its API root."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.client", "sink"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/api"
    finally:
        process.terminate()
        process.wait()


def contact(number: int) -> dict[str, Any]:
    """The fields of a contact: about 300 bytes of JSON."""
    return {
        "email": f"person{number}@example.com",
        "first_name": "Joey",
        "last_name": "Bloggs",
        "status": "active",
        "tags": ["New Lead", "Webinar"],
        "custom_fields": {"company": "Bloggs and Sons", "city": "Oslo", "plan": "gold"},
        "utm_source": "google",
        "utm_campaign": "spring sale, the long one",
    }


async def rate(send: Callable[[], Awaitable[object]]) -> float:
    """Measures how many requests a second a coroutine makes, so many at a time."""
    left = iter(range(REQUESTS))

    async def work() -> None:
        for _ in left:
            await send()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return REQUESTS / (time.perf_counter() - began)


async def measure(root: str) -> dict[str, float]:
    """Measures both in turns; answers median requests per second, and the median of the ratios."""
    modules = cycle([AddUpdateContact(**contact(number)) for number in range(1000)])
    bodies = cycle([to_json(contact(number)) for number in range(1000)])
    http = (
        ClientBuilder()
        .no_proxy()
        .default_headers({"authorization": KEY, "content-type": "application/json"})
        .build()
    )
    url = f"{root}/v1/account/integration/contact"

    async def bare() -> None:
        answer = await http.post(url).body_bytes(next(bodies)).build().send()
        await answer.bytes()

    async with (
        http,
        AsyncClient(
            api_key=KEY, account_id="account", integration_id="integration", base_url=root
        ) as client,
    ):

        async def ours() -> None:
            await client.send(next(modules))

        rounds = [(await rate(bare), await rate(ours)) for _ in range(ROUNDS + 1)][1:]
    return {
        "bare": median(bare for bare, _ in rounds),
        "client": median(ours for _, ours in rounds),
        "ratio": median(ours / bare for bare, ours in rounds),
    }


def run() -> dict[str, float]:
    """Measures the client against a bare loop that sends the same bodies, written before, and
    reads bytes.

    The client is given modules; it makes a request of each, writes its JSON, reads the answer's,
    and keeps what retries, limits and errors need.
    """
    with sink() as root:
        return asyncio.run(measure(root))


if __name__ == "__main__":
    if sys.argv[1:] == ["sink"]:
        import uvloop

        uvloop.run(serve())
    else:
        print({name: round(value, 2) for name, value in run().items()})
