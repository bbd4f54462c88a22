"""A served webhook: the real server in a thread, on each kind of store."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from sqlalchemy import insert
from starlette.applications import Starlette

from segconnect.account.api.serving import configuration
from segconnect.cli.serving import Together
from segconnect.scenario import hooks as webhooks
from segconnect.scenario.engine.state import Response
from segconnect.scenario.hooks import HookRow, Hooks
from segconnect.scenario.hooks.app import PREFIX, HookApp
from segconnect.scenario.journal import Journal, schema, url_of
from segconnect.scenario.journal.answers import answer_columns
from segconnect.settings import Settings
from tests.conftest import Answer

SCENARIO = {
    "file": "welcome.yaml",
    "document": "{}",
    "bindings": "{}",
    "inputs": "{}",
    "takes": "hook",
    "schedule": "{}",
    "is_instant": True,
    "timezone": "UTC",
}


class Receiver:
    """A server that takes webhooks' requests in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.hooks = Hooks(webhooks.url_of(settings))
        self.journal = Journal(url_of(settings))
        app = HookApp(Hooks(webhooks.url_of(settings)), self.journal)
        self._server = uvicorn.Server(configuration(Together(Starlette(), app)))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self._thread = Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    def hook(self, **values: Any) -> HookRow:
        """Makes a webhook that belongs to a scenario."""
        return self.hooks.create("Welcome", **{"scenario_id": "no-run-yet", "rate": 0, **values})

    def scenario(self, name: str) -> str:
        """Makes a scenario; answers its id."""
        return self.journal.scenarios.put(name, SCENARIO).id

    def reach(self, scenario_id: str, item: int) -> None:
        """Says that a scenario is through with all up to an item."""
        self.journal.scenarios.set(scenario_id, cursor=json.dumps({"item": item}))

    def respond(self, scenario_id: str, item: int, response: Response) -> None:
        """Answers a caller, as a run does."""
        with self.journal.engine.begin() as connection:
            row = answer_columns(scenario_id, item, response)
            connection.execute(insert(schema.answers), row)

    def send(
        self,
        hook: HookRow | str,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
        query: str = "",
    ) -> Answer:
        """Sends a request: bytes as they are, all else as JSON."""
        token = hook if isinstance(hook, str) else hook.token
        given = dict(headers or {})
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given.setdefault("content-type", "application/json")
        with closing(HTTPConnection(*self.address, timeout=30)) as line:
            line.request(method, f"{PREFIX}{token}{query}", body or None, given)
            answer = line.getresponse()
            heads = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, heads, answer.read())

    def write(self, content: bytes, *, then_ends: bool = False) -> bytes:
        """Writes bytes on a connection, which may end then, and reads an answer's head."""
        with closing(socket.create_connection(self.address, timeout=30)) as line:
            line.sendall(content)
            if then_ends:
                line.shutdown(socket.SHUT_WR)
            return line.recv(65_536)

    def came(self, hook: HookRow) -> list[Any]:
        """The bundles that came in."""
        return [item.bundle for item in self.hooks.items(hook.id, 0, 100_000)]

    def end(self) -> None:
        """Ends the server, which waits a second for those who are still to be answered."""
        self._server.config.timeout_graceful_shutdown = 1
        self._server.should_exit = True
        self._thread.join(20)

    def close(self) -> None:
        """Ends the server, and closes all."""
        self.end()
        self._socket.close()
        self.hooks.close()
        self.journal.close()


def settings_of(store_url: str, path: Path) -> Settings:
    """Settings by which webhooks are kept in a store."""
    database = store_url if store_url.startswith("postgresql") else None
    return Settings(data=path, database=database)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings by which webhooks are kept, in each kind of store."""
    return settings_of(store_url, tmp_path)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A server on each kind of store."""
    found = Receiver(settings)
    yield found
    found.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A server on SQLite for all tests of a module, each of which makes its own webhook."""
    found = Receiver(Settings(data=tmp_path_factory.mktemp("hooks"), database=None))
    yield found
    found.close()
