"""Small worlds: a store of each kind, an account in it, and a server in front of it.

`account` is the real app, called in process; `server` is `segconnect serve` in a process of its
own. Both come once on SQLite and once on PostgreSQL, which is started from the installed server
binaries, or named by SEGCONNECT_TEST_POSTGRES.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine, func, select
from sqlalchemy.engine import make_url

from segconnect.account.api import tracking as tracking_app
from segconnect.account.api.app import Account as App
from segconnect.account.owner import access
from segconnect.account.store import schema
from segconnect.account.store.opening import open_engine
from segconnect.account.writing import committer
from segconnect.types import parse_moment
from tests.browser import NO_BROWSER

# a machine that is busy with something else fails no test
hypothesis_settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")

NO_POSTGRES = "PostgreSQL is not installed, and SEGCONNECT_TEST_POSTGRES names none"

# -- stores --------------------------------------------------------------------------------------


@cache
def postgres_binaries() -> Path | None:
    """Finds the directory of initdb and pg_ctl."""
    places = [path.parent for path in [Path(shutil.which("initdb") or "/none/initdb").resolve()]]
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
        places.append(Path(told.stdout.strip()))
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_ctl").exists()), None)


@contextmanager
def postgres_server(binaries: Path, *, is_durable: bool = False) -> Iterator[str]:
    """Runs a server of its own behind a Unix socket; answers the URL of its first database.

    Only one that is durable waits for the disk, which tests do not need and benchmarks measure.
    """
    home = Path(tempfile.mkdtemp(prefix="segconnect-pg-", dir="/tmp"))
    become: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(home, "postgres", pwd.getpwnam("postgres").pw_gid)
        become = ["runuser", "-u", "postgres", "--"]

    def run(*command: object) -> None:
        subprocess.run(
            [*become, *map(str, command)], check=True, cwd=home, stdout=subprocess.DEVNULL
        )

    data = home / "data"
    run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={home}"
    options += " -c shared_buffers=1GB -c max_wal_size=4GB" if is_durable else " -c fsync=off"
    pg_ctl = (binaries / "pg_ctl", "-D", data, "-w", "-s")
    run(*pg_ctl, "-l", home / "log", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://postgres@/postgres?host={home}"
    finally:
        run(*pg_ctl, "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


class Postgres:
    """A PostgreSQL server for tests: every test has a database of its own, and leaves it empty."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._prefix = f"segconnect_test_{uuid4().hex[:12]}"
        self._made = 0
        self._empty: list[str] = []  # databases to use again, which is faster than new ones

    def run(self, statement: str, database: str | None = None) -> None:
        """Runs one statement, in the server's first database unless another is named."""
        with self._connect(database) as connection:
            connection.execute(statement.encode())

    def rows(self, query: str, database: str) -> list[Any]:
        """Answers the rows of a query."""
        with self._connect(database) as connection:
            return connection.execute(query.encode()).fetchall()

    def _connect(self, database: str | None) -> psycopg.Connection[Any]:
        url = self.named(database) if database else self._url
        plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
        return psycopg.connect(plain, autocommit=True)

    def named(self, database: str) -> str:
        """Answers the URL of a database."""
        return make_url(self._url).set(database=database).render_as_string(hide_password=False)

    @contextmanager
    def blank(self) -> Iterator[str]:
        """Creates a database without tables; answers its URL."""
        name = self._create()
        yield self.named(name)
        self.run(f"drop database {name} with (force)")

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Answers the URL of a database with empty tables."""
        if not self._empty:
            self._empty.append(self._create())
            open_engine(self.named(self._empty[-1])).dispose()
        name = self._empty.pop()
        yield self.named(name)
        tables = ", ".join(schema.metadata.tables)
        self.run(f"set lock_timeout = '5s'; truncate {tables} restart identity", name)
        self._empty.append(name)

    def close(self) -> None:
        """Drops the databases."""
        for name in self._empty:
            self.run(f"drop database {name} with (force)")

    def _create(self) -> str:
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        self.run(f"create database {name} template template0 encoding 'UTF8'")
        return name


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; without one the test is skipped loudly, and in CI it fails."""
    with ExitStack() as stack:
        url = os.environ.get("SEGCONNECT_TEST_POSTGRES", "").replace(
            "postgresql://", "postgresql+psycopg://", 1
        )
        if not url:
            binaries = postgres_binaries()
            if binaries is None and os.environ.get("CI", "").lower() in ("1", "true"):
                pytest.fail(NO_POSTGRES)
            if binaries is None:
                pytest.skip(NO_POSTGRES)
            url = stack.enter_context(postgres_server(binaries))
        server = Postgres(url)
        stack.callback(server.close)
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store that is up to date, to copy."""
    path = tmp_path_factory.mktemp("store") / "segconnect.db"
    open_engine(f"sqlite:///{path}").dispose()
    return path


KINDS = ("sqlite", "postgres")


@contextmanager
def empty_store(kind: str, directory: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Makes an empty, migrated store; of SQLite, the one of a data directory."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), directory / "segconnect.db")
        yield f"sqlite:///{directory / 'segconnect.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    with postgres.migrated() as url:
        yield url


@pytest.fixture(params=KINDS)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Each kind of store."""
    kind: str = request.param
    return kind


@pytest.fixture
def store_url(store_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty, migrated store of each kind; of SQLite, the one of the data directory tmp_path."""
    with empty_store(store_kind, tmp_path, request) as url:
        yield url


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """An engine on the store."""
    engine = open_engine(store_url)
    yield engine
    engine.dispose()


def pytest_configure() -> None:
    """Lets processes that tests start hear Ctrl-C, as from a terminal.

    A shell that runs tests in the background has them ignore it, and all that they start.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says loudly what was not tested, for want of a store or a browser."""
    for title, reason in (("PostgreSQL", NO_POSTGRES), ("The tracking script", NO_BROWSER)):
        skipped = [
            report
            for report in terminalreporter.stats.get("skipped", ())
            if reason in str(report.longrepr)
        ]
        if skipped:
            terminalreporter.section(f"{title} was not tested", red=True, bold=True)
            terminalreporter.line(f"{len(skipped)} tests skipped: {reason}")


# -- accounts ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON of the answer."""
        return json.loads(self.content)


class Door(Protocol):
    """Sends a request to the account; a body that is a list is sent in chunks."""

    def __call__(
        self, method: str, target: str, body: bytes | list[bytes], headers: Mapping[str, str]
    ) -> Answer:
        """Answers what came back."""


async def asgi(
    app: Any, method: str, target: str, body: bytes | list[bytes], headers: Mapping[str, str]
) -> Answer:
    """Sends one request to an ASGI app in this process."""
    path, _, query = target.partition("?")
    chunks = list(body) if isinstance(body, list) else [body]
    length = {} if isinstance(body, list) else {"content-length": str(len(body))}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not chunks:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in {**length, **headers}.items()
            ],
        },
        receive,
        send,
    )
    start, *parts = sent
    return Answer(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(part.get("body", b"") for part in parts),
    )


class InProcess:
    """The door of an app in this process."""

    def __init__(self, store_url: str) -> None:
        self.app = App(store_url)
        self._runner = asyncio.Runner()

    def __call__(
        self, method: str, target: str, body: bytes | list[bytes], headers: Mapping[str, str]
    ) -> Answer:
        """See `Door`."""
        return self._runner.run(asgi(self.app, method, target, body, headers))

    def together(
        self, requests: Sequence[tuple[str, str, bytes, Mapping[str, str]]]
    ) -> list[Answer]:
        """Sends requests at the same moment, so that they are committed together."""

        async def gather() -> list[Answer]:
            return await asyncio.gather(*(asgi(self.app, *request) for request in requests))

        return self._runner.run(gather())

    def close(self) -> None:
        """Closes the app and its loop."""
        self._runner.run(self.app.close())
        self._runner.close()


class OverHttp:
    """The door of a server: one connection, kept alive."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=30)

    def __call__(
        self, method: str, target: str, body: bytes | list[bytes], headers: Mapping[str, str]
    ) -> Answer:
        """See `Door`."""
        self._connection.request(method, target, body or None, dict(headers))
        answer = self._connection.getresponse()
        heads = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, heads, answer.read())

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def an_order(order_id: str, **fields: Any) -> dict[str, Any]:
    """The body of an order over 12.00 for a green tea."""
    return {
        "id": order_id,
        "amount": 1200,
        "paid": 1200,
        "date_created": "2026-02-01 00:00:00",
        "items": [{"name": "Green tea", "product_id": "tea", "amount": 1200}],
        **fields,
    }


def a_subscription(subscription_id: str, **fields: Any) -> dict[str, Any]:
    """The body of a subscription of 12.00 a month."""
    return {
        "id": subscription_id,
        "amount": 1200,
        "product_id": "tea",
        "start_date": "2026-02-01",
        "last_bill_date": "2026-03-01",
        "billing_cycle": "month",
        "frequency": 1,
        **fields,
    }


@dataclass(frozen=True)
class Account:
    """An account as a program sees it: through one integration, with a key."""

    door: Door
    engine: Engine
    id: str
    key: str
    integration: str

    @classmethod
    def create(cls, door: Door, engine: Engine, name: str = "Bloggs Tea") -> Account:
        """Creates an account with one integration."""
        account_id, key = access.create_account(engine, name)
        return cls(door, engine, account_id, key, "").on("crm")

    def on(self, kind: str) -> Account:
        """The same account through a new integration of its own."""
        integration = access.create_integration(self.engine, self.id, kind, f"A {kind}")
        return replace(self, integration=integration)

    def another(self) -> Account:
        """Another account of the same store."""
        return Account.create(self.door, self.engine, "Another")

    @property
    def root(self) -> str:
        """The path that import calls are relative to."""
        return f"/api/v1/{self.id}/{self.integration}"

    def request(
        self, method: str, target: str, body: Any = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Sends a request: bytes as they are, a list of bytes in chunks, all else as JSON."""
        is_raw = isinstance(body, bytes) or (
            isinstance(body, list) and bool(body) and all(isinstance(each, bytes) for each in body)
        )
        content = body if is_raw else json.dumps(body).encode()
        given = {"authorization": self.key, "content-type": "application/json", **(headers or {})}
        return self.door(method, target, content, given)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Sends an import call."""
        answer = self.request("POST", f"{self.root}/{path}", body)
        return answer.status, answer.body

    def delete(self, path: str) -> tuple[int, Any]:
        """Sends an import call that deletes."""
        answer = self.request("DELETE", f"{self.root}/{path}")
        return answer.status, answer.body

    def get(self, target: str, body: Any = b"") -> tuple[int, Any]:
        """Asks the account; the target is relative to /{account}/."""
        answer = self.request("GET", f"/{self.id}/{target}", body)
        return answer.status, answer.body

    def batch(self, lines: Sequence[Any]) -> list[tuple[int, Any]]:
        """Sends import calls as one batch, each an (endpoint, body) or a whole line."""
        calls = [
            {"endpoint": line[0], "body": line[1]} if isinstance(line, tuple) else line
            for line in lines
        ]
        content = b"\n".join(json.dumps(call).encode() for call in calls)
        answer = self.request("POST", f"{self.root}/batch", content)
        assert answer.status == 200, answer.content
        results = [json.loads(line) for line in answer.content.splitlines()]
        return [(result["status"], result["body"]) for result in results]

    def together(self, calls: Sequence[tuple[str, str, Any]]) -> list[Answer]:
        """Sends import calls at the same moment: each a method, a path and a body."""
        assert isinstance(self.door, InProcess)
        headers = {"authorization": self.key, "content-type": "application/json"}
        return self.door.together(
            [
                (method, f"{self.root}/{path}", json.dumps(body).encode(), headers)
                for method, path, body in calls
            ]
        )

    def send(self, path: str, body: Any) -> Any:
        """Sends an import call that is well, and answers the object in its reply."""
        status, answer = self.post(path, body)
        assert status == 200, answer
        assert answer.pop("status") == "success"
        (sent,) = answer.values()
        return sent

    def order(self, order_id: str, **fields: Any) -> Any:
        """Sends an order over 12.00 for a green tea, with these fields beside or instead."""
        return self.send("invoice", an_order(order_id, **fields))

    def subscription(self, subscription_id: str, **fields: Any) -> Any:
        """Sends a subscription of 12.00 a month, with these fields beside or instead."""
        return self.send("subscription", a_subscription(subscription_id, **fields))

    def contact(self, text: str, extend: str = "") -> Any:
        """Reads a contact back; None if there is none."""
        status, answer = self.get(f"contact/{text}?extend={extend}")
        assert status in (200, 404), answer
        return answer["data"] if status == 200 else None

    def rows(self, table: str) -> int:
        """Counts the rows of a table, whosever they are."""
        with self.engine.connect() as connection:
            query = select(func.count()).select_from(schema.metadata.tables[table])
            count: int = connection.execute(query).scalar_one()
        return count

    def everything(self) -> dict[str, list[Any]]:
        """Every row of the store but for what is counted, to see that nothing was changed."""
        counted = (schema.counters, schema.key_uses, schema.integration_uses)
        with self.engine.connect() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(select(table)).all()))
                for table in schema.metadata.sorted_tables
                if table not in counted
            }


class Clock:
    """What time the account believes it is."""

    def __init__(self) -> None:
        self.moment = parse_moment("2026-03-01 12:00:00")

    def __call__(self) -> datetime:
        """See `clock.now`."""
        return self.moment

    def set(self, text: str) -> None:
        """Makes it this time, UTC."""
        self.moment = parse_moment(text)

    def forward(self, time: timedelta) -> None:
        """Lets time pass."""
        self.moment += time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands at noon of 1 March 2026, until it is set."""
    clock = Clock()
    monkeypatch.setattr(committer, "now", clock)
    monkeypatch.setattr(access, "now", clock)
    monkeypatch.setattr(tracking_app, "now", clock)
    return clock


@pytest.fixture
def account(store_url: str, clock: Clock) -> Iterator[Account]:
    """A new account: the real app, in process, on each kind of store."""
    door = InProcess(store_url)
    yield Account.create(door, door.app.engine)
    door.close()


@pytest.fixture(scope="module", params=KINDS)
def shared_account(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Account]:
    """An account for all tests of a module, which compare what it holds before and after."""
    with empty_store(request.param, tmp_path_factory.mktemp("shared"), request) as url:
        door = InProcess(url)
        yield Account.create(door, door.app.engine)
        door.close()


# -- servers -------------------------------------------------------------------------------------


class Server:
    """`segconnect serve` in a process of its own."""

    def __init__(self, data: Path, store_url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "segconnect", "serve", "--port", "0", "--data", str(data)],
            env={**os.environ, **environment(store_url)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("Serving http"), line
        self.address = line.split()[1].rstrip(",")

    @property
    def writer_pid(self) -> int:
        """The process that writes to the store for this one, forked by another."""
        pid = self._process.pid
        for _ in range(2):
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return pid

    def kill(self, *, writer_too: bool = False) -> None:
        """Ends the process at once: nothing is closed, nothing more is written."""
        if writer_too:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._close()

    def stop(self) -> None:
        """Ends the process as Ctrl-C would."""
        if self._process.poll() is None:
            self._process.terminate()
        self._close()

    def _close(self) -> None:
        self._process.wait(timeout=20)
        assert self._process.stdout is not None
        self._process.stdout.close()


def environment(store_url: str) -> dict[str, str]:
    """The settings that make a command use the store; SQLite's is in the data directory."""
    return {} if store_url.startswith("sqlite") else {"SEGCONNECT_DATABASE": store_url}


@pytest.fixture
def serve(store_url: str, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts servers on the store, as many as are asked for."""
    with ExitStack() as stack:

        def start() -> Server:
            server = Server(tmp_path, store_url)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def served(serve: Callable[[], Server], engine: Engine) -> Iterator[Account]:
    """A new account behind a real server, over HTTP."""
    door = OverHttp(serve().address)
    yield Account.create(door, engine)
    door.close()
