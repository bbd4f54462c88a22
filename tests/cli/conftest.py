"""A shop: an account behind a real server on loopback, and the command line beside it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import Engine

from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


class Terminal(io.StringIO):
    """Standard input where a person sits."""

    def isatty(self) -> bool:
        """Says that it is one."""
        return True


@dataclass(frozen=True)
class Commands:
    """Runs commands in this process, as `main` does for a person."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object, stdin: str = "", in_terminal: bool = False) -> Ran:
        """Runs `segconnect` with these arguments."""
        self.monkeypatch.setattr(sys, "argv", ["segconnect", *map(str, arguments)])
        self.monkeypatch.setattr(sys, "stdin", (Terminal if in_terminal else io.StringIO)(stdin))
        self.capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)


@pytest.fixture
def segconnect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Commands:
    """The command line, with a data directory of its own."""
    for name in list(os.environ):
        if name.startswith("SEGCONNECT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEGCONNECT_DATA", str(tmp_path / "here"))
    monkeypatch.setenv("COLUMNS", "160")
    return Commands(monkeypatch, capsys)


@dataclass(frozen=True)
class Shop:
    """An account behind a server."""

    address: str
    account_id: str
    integration_id: str
    api_key: str

    @property
    def base_url(self) -> str:
        """The API root."""
        return f"{self.address}/api"

    @property
    def root(self) -> str:
        """The path of an import call, relative to the API root."""
        return f"/v1/{self.account_id}/{self.integration_id}"

    def contact(self, text: str) -> Any:
        """Reads a contact back, with all that belongs to it; None if there is none."""
        url = f"{self.address}/{self.account_id}/contact/{text}?extend=tags,orders,subscriptions"
        request = Request(url, headers={"authorization": self.api_key})
        try:
            with urlopen(request, timeout=10) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            error.close()
            if error.code != 404:
                raise
            return None


@dataclass(frozen=True)
class Server:
    """`segconnect serve` in a process of its own, and its store."""

    address: str
    engine: Engine

    def shop(self) -> Shop:
        """Opens a new account with one integration."""
        account_id, key = access.create_account(self.engine, "Bloggs Tea")
        integration_id = access.create_integration(self.engine, account_id, "crm", "CRM")
        return Shop(self.address, account_id, integration_id, key)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests; each opens accounts of its own."""
    data = tmp_path_factory.mktemp("served")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SEGCONNECT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "segconnect", "serve", "--port", "0", "--data", str(data)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Serving http"), line
    engine = open_engine(f"sqlite:///{data / 'segconnect.db'}")
    yield Server(line.split()[1].rstrip(","), engine)
    engine.dispose()
    process.terminate()
    process.wait(timeout=20)
    process.stdout.close()


@pytest.fixture
def shop(server: Server) -> Shop:
    """A new account."""
    return server.shop()


@pytest.fixture
def connected(segconnect: Commands, shop: Shop) -> Shop:
    """A new account, and a saved connection to it by the name of shop."""
    ran = segconnect(
        *("connection", "add", "shop", "--account-id", shop.account_id),
        *("--integration-id", shop.integration_id, "--base-url", shop.base_url),
        "--api-key-stdin",
        stdin=shop.api_key + "\n",
    )
    assert ran.code == 0, ran.err
    return shop
