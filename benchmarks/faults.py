"""A server that fails on purpose: in front of an account, or alone as a sink that only counts.

    with faulty(Plan({"500": 0.01}), upstream=("127.0.0.1", 8350)) as server:
        ...  # send to server.address
        server.told(), server.effects()

It runs in a process of its own. What it does to a request follows from the plan's seed, the record
that the request is about and how often that was sent before, so a plan does the same whatever
order requests come in. How often each record took effect is told at /control/effects.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, cast

KINDS = {
    "429": "asks for a pause; not done",
    "500": "fails; not done",
    "503": "fails, and says when to come again; not done",
    "slow": "done, and answered late",
    "hang": "not done, and never answered",
    "reset": "done, and the connection breaks half-way through the answer",
    "lost": "done, and the connection closes without an answer",
    "unread": "not done, and the connection breaks before an answer",
}
"""What may happen to a request instead of an answer."""

STATUS = {"429": b"429 Too Many Requests", "500": b"500 Internal Server Error",
          "503": b"503 Service Unavailable"}  # fmt: skip
REPLY = b'{"status":"success","contact":{"contact_id":"c-1","email":"joey@bloggs.com"}}'
LINGER = struct.pack("ii", 1, 0)  # a socket that is closed so is reset
FLUSH_SECONDS = 0.01  # for which the half of an answer is on its way before the reset


@dataclass(frozen=True)
class Plan:
    """What happens to requests.

    Attributes:
        shares: The share of requests, 0 to 1, that each of KINDS happens to.
        seed: Another one does the same to other requests.
        most: So many attempts at a record may fail, at most; None: as chance has it.
        only: Only records whose key holds this text fail.
        delay: Seconds from a request to its answer.
        limit: Requests a second; what is more is answered 429. A second's worth may come at once.
        retry_after: What 429 and 503 ask for, in seconds.
        slow: Seconds that "slow" takes longer.
        takes_batches: Whether the account's offer of batches is passed on.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    seed: int = 1
    most: int | None = None
    only: str = ""
    delay: float = 0.0
    limit: float | None = None
    retry_after: int = 1
    slow: float = 0.3
    takes_batches: bool = True

    def __post_init__(self) -> None:
        unknown = set(self.shares) - set(KINDS)
        if unknown:
            raise ValueError(f"unknown faults {sorted(unknown)}; there are {', '.join(KINDS)}")

    def fault(self, key: str, attempt: int) -> str | None:
        """Answers what happens to an attempt, from 1, at a record."""
        if (self.most is not None and attempt > self.most) or self.only not in key:
            return None
        drawn = blake2b(f"{self.seed} {attempt} {key}".encode(), digest_size=4).digest()
        chance = int.from_bytes(drawn) / 2**32
        for kind, share in self.shares.items():
            if chance < share:
                return kind
            chance -= share
        return None


class House:
    """What all connections have in common: the plan, and what was counted."""

    def __init__(self, plan: Plan, upstream: tuple[str, int] | None) -> None:
        self.upstream = upstream
        self.under_way = 0
        self.begin(plan)

    def begin(self, plan: Plan) -> None:
        """Begins anew with a plan."""
        self.plan = plan
        self.attempts: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        self.requests = 0
        self.peak = self.under_way
        self.first = self.last = 0.0  # seconds since 1970
        self._room, self._seen = plan.limit or 0.0, time.monotonic()

    def enter(self) -> None:
        """Counts a request in."""
        if not self.requests:
            self.first = time.time()
        self.requests += 1
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)

    def is_over_limit(self) -> bool:
        """Whether a request is one too many."""
        limit = self.plan.limit
        if limit is None:
            return False
        now = time.monotonic()
        self._room = min(limit, self._room + (now - self._seen) * limit)
        self._seen = now
        if self._room < 1:
            return True
        self._room -= 1
        return False

    def fault(self, key: str) -> str | None:
        """Answers what happens to a request, and counts it."""
        if self.is_over_limit():
            kind: str | None = "429"
        elif self.plan.shares:
            self.attempts[key] += 1
            kind = self.plan.fault(key, self.attempts[key])
        else:
            return None
        if kind is not None:
            self.happened[kind] += 1
        return kind

    def told(self) -> dict[str, Any]:
        """Answers what was counted."""
        return {
            "requests": self.requests,
            "happened": dict(self.happened),
            "done": self.effects.total(),
            "records": len(self.effects),
            "repeated": sum(count > 1 for count in self.effects.values()),
            "peak": self.peak,
            "first": self.first,
            "last": self.last,
        }


class Door(asyncio.Protocol):
    """One connection: HTTP/1.1, bodies with a length, one request after the other."""

    transport: asyncio.Transport

    def __init__(self, house: House) -> None:
        self._house = house
        self._rest = b""
        self._is_busy = False
        self._above: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins a connection."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Takes the requests that are complete."""
        self._rest += data
        while not self._is_busy and (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            size = end + 4 + length
            if len(self._rest) < size:
                break
            request, self._rest = self._rest[:size], self._rest[size:]
            if b" /control" in head[:16]:
                self._control(head, request[end + 4 :])
            else:
                self._take(request, request[end + 4 :])

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets what is under way."""
        self._leave()
        if self._above is not None:
            self._above[1].close()

    def _leave(self) -> None:
        if self._is_busy:
            self._is_busy = False
            self._house.under_way -= 1
            self._house.last = time.time()

    def _control(self, head: bytes, body: bytes) -> None:
        house = self._house
        if head.startswith(b"post"):
            house.begin(Plan(**json.loads(body)))
        found = dict(house.effects) if b"/effects " in head[:32] else house.told()
        self.transport.write(_answer(b"200 OK", json.dumps(found).encode()))

    def _take(self, request: bytes, body: bytes) -> None:
        house = self._house
        self._is_busy = True
        if body == b"{}":  # whether the connection is right; about no record
            house.under_way += 1
            if house.upstream is None:
                self._now(REFUSED, None)
            else:
                self._passing = asyncio.ensure_future(self._pass_on(request, [], None))
            return
        house.enter()
        if house.upstream is None:
            keys = [_email(body)]
        else:
            keys = _keys(request.partition(b" ")[2].partition(b" ")[0], body)
        kind = house.fault(keys[0])
        if kind == "hang":
            return
        if kind == "unread":
            self._break()
        elif kind in STATUS:
            again = b"" if kind == "500" else b"retry-after: %d\r\n" % house.plan.retry_after
            told = json.dumps({"status": "error", "errors": [f"on purpose: {kind}"]}).encode()
            self._soon(_answer(STATUS[kind], told, again), None)
        elif house.upstream is None:
            house.effects[keys[0]] += 1
            self._soon(SUCCESS, kind)
        else:
            self._passing = asyncio.ensure_future(self._pass_on(request, keys, kind))

    async def _pass_on(self, request: bytes, keys: list[str], kind: str | None) -> None:
        """Lets the account do it."""
        house = self._house
        try:
            if self._above is None:
                assert house.upstream is not None
                self._above = await asyncio.open_connection(*house.upstream)
            reader, writer = self._above
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            told = head.lower()
            length = int(told.partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
        except (OSError, EOFError):
            self._break()
            return
        if told[9:12] == b"200":
            house.effects.update(keys)
        if not house.plan.takes_batches:
            lines = [line for line in head.split(b"\r\n") if not line.startswith(BATCHES)]
            head = b"\r\n".join(lines)
        self._soon(head + body, kind)

    def _soon(self, answer: bytes, kind: str | None) -> None:
        """Answers, or does not, after the plan's delay."""
        delay = self._house.plan.delay + (self._house.plan.slow if kind == "slow" else 0)
        if delay:
            asyncio.get_running_loop().call_later(delay, self._now, answer, kind)
        else:
            self._now(answer, kind)

    def _now(self, answer: bytes, kind: str | None) -> None:
        if self.transport.is_closing():
            return
        if kind == "lost":
            self.transport.close()
        elif kind == "reset":
            self.transport.write(answer[: answer.index(b"\r\n\r\n") + 4 + 10])
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._break)
        else:
            self.transport.write(answer)
            self._leave()
            if self._rest:
                self.data_received(b"")

    def _break(self) -> None:
        if not self.transport.is_closing():
            peer = self.transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            self.transport.abort()


BATCHES = b"segconnect-batch:"


def _answer(status: bytes, body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s" % (
        status,
        headers,
        len(body),
        body,
    )


SUCCESS = _answer(b"200 OK", REPLY)
REFUSED = _answer(b"400 Bad Request", b'{"status":"error","errors":["email: is missing"]}')


def _email(body: bytes) -> str:
    """Finds the e-mail address of a contact, faster than reading its JSON."""
    return body.partition(b'"email":"')[2].partition(b'"')[0].decode()


def _keys(path: bytes, body: bytes) -> list[str]:
    """Answers the records that a request to an account is about: of a batch, one for each line."""
    name = path.partition(b"?")[0].rpartition(b"/")[2].decode()
    if name != "batch":
        return [_key(name, json.loads(body or b"{}"))]
    lines = [json.loads(line) for line in body.splitlines() if line.strip()]
    return [_key(line["endpoint"].rpartition(" ")[2], line.get("body") or {}) for line in lines]


def _key(name: str, values: Mapping[str, Any]) -> str:
    return f"{name} {values.get('id') or values.get('contact_id') or values.get('email') or ''}"


# -- the process, seen from outside ----------------------------------------------------------------


class Faulty:
    """The server, for whoever started it."""

    def __init__(self, port: int) -> None:
        self.port, self.address = port, f"http://127.0.0.1:{port}"

    def begin(self, plan: Plan) -> None:
        """Begins anew with a plan."""
        self._ask("POST", "/control", json.dumps(asdict(plan)))

    def told(self) -> dict[str, Any]:
        """Answers what was counted since the plan began."""
        return self._ask("GET", "/control")

    def effects(self) -> dict[str, int]:
        """Answers how often each record took effect."""
        return self._ask("GET", "/control/effects")

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body)
            found: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return found


@contextmanager
def faulty(plan: Plan | None = None, upstream: tuple[str, int] | None = None) -> Iterator[Faulty]:
    """Runs the server until the end of the block; without an account above it, it is a sink."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.faults", *map(str, upstream or ())],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        assert process.stdout is not None
        server = Faulty(int(process.stdout.readline()))
        server.begin(plan or Plan())
        yield server
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def serve(upstream: tuple[str, int] | None) -> None:
    """Serves until the process is ended; prints the port."""
    house = House(Plan(), upstream)
    server = await asyncio.get_running_loop().create_server(
        lambda: Door(house), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    above = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else None
    uvloop.run(serve(above))
