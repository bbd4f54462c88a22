"""Connections: what they accept, how they are kept, and that the key is never seen."""

from __future__ import annotations

import asyncio
import doctest
import json
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from segconnect import connections as module
from segconnect.connections import LOCAL, Connection, Connections, Listed, verify_now
from segconnect.errors import (
    ConnectionSetupError,
    SegconnectError,
    UnauthorizedError,
    UnreachableError,
)
from segconnect.secrets import Vault
from segconnect.settings import HOSTED_URL, Settings

KEY = "k8Tq2vXw5yZa7bCd9eFg1h"

A_KEY, ANOTHER_KEY = (Fernet.generate_key().decode() for _ in range(2))
NO_NAMES = ("file", "passphrase", "key")  # a key of chance would name a test differently each time


def connection(name: str = "shop", **values: Any) -> Connection:
    """A connection."""
    given = {"api_key": KEY, "account_id": "A12", "integration_id": "I34", **values}
    return Connection(name=name, **given)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose data directory does not exist yet."""
    return Settings(data=tmp_path / "data")


@pytest.fixture
def store(settings: Settings) -> Connections:
    """An empty store."""
    return Connections(settings)


# -- what a connection is ------------------------------------------------------------------------


def test_a_connection_goes_to_the_hosted_service_unless_told_otherwise() -> None:
    found = connection(account_id=12, api_key=f" {KEY}\n")

    assert found.base_url == found.root() == HOSTED_URL
    assert found.address == ("12", "I34")
    assert found.api_key == SecretStr(KEY)


def test_a_connection_declares_its_form_as_modules_do() -> None:
    facts = Connection.facts()

    assert [each.label for each in facts.values()] == [
        "Connection name", "API Key", "Account ID", "Integration ID", "Base URL",
    ]  # fmt: skip
    assert not any(each.mappable for each in facts.values())
    required = [name for name, field in Connection.model_fields.items() if field.is_required()]
    assert required == ["name", "api_key", "account_id", "integration_id"]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (None, HOSTED_URL),
        ("https://import.segmetrics.io/api/", HOSTED_URL),
        ("https://import.segmetrics.io", HOSTED_URL),
        (" https://import.segmetrics.io/api/v1/A12/I34/contact ", HOSTED_URL),
        ("https://import.segmetrics.io/api/v1", HOSTED_URL),
        ("HTTPS://Seg.Example.com:8443/api", "https://seg.example.com:8443/api"),
        ("https://seg.example.com/deep/er/api/", "https://seg.example.com/deep/er/api"),
        ("http://127.0.0.1:8350/api", "http://127.0.0.1:8350/api"),
        ("http://127.9.9.9/api", "http://127.9.9.9/api"),
        ("http://localhost:8350/api", "http://localhost:8350/api"),
        ("http://seg.localhost/api", "http://seg.localhost/api"),
        ("http://[::1]:8350/api", "http://[::1]:8350/api"),
        ("Local", LOCAL),
    ],
)
def test_a_base_url_is_the_root_of_the_api(given: str | None, url: str) -> None:
    assert connection(base_url=given).base_url == url


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("http://seg.example.com/api", "is not encrypted"),
        ("http://10.0.0.7:8350/api", "is not encrypted"),
        ("http://localhost.example.com/api", "is not encrypted"),
        ("import.segmetrics.io/api", "expected one such as https://import"),
        ("ftp://seg.example.com/", "expected one such as https://import"),
        ("https://", "expected one such as https://import"),
        ("", "expected one such as https://import"),
        (f"https://joey:{KEY}@seg.example.com/api", "holds a user or password"),
        ("https://seg.example.com/api?x=1", "no API root has"),
        ("https://seg.example.com/api#x", "no API root has"),
        ("https://seg.example.com:99999/api", "is not a URL"),
        ("https://seg example.com/api", "is not a host name"),
        ("https://seg.example.com/a b", "is not a path"),
        ("https://seg.example.com/../x", "is not a path"),
        ("https://seg.example.com\\elsewhere/api", "is not a host name"),
        (f"https://joey:{KEY}@seg.example.com:99999/api", "holds a user or password"),
        (f"seg.example.com?key={KEY}", "no API root has"),
    ],
)
def test_a_base_url_that_would_lose_the_key_is_refused(given: str, why: str) -> None:
    with pytest.raises(ConnectionSetupError) as caught:
        connection(base_url=given)

    assert str(caught.value).startswith("the connection: Base URL: ")
    assert why in str(caught.value)
    assert KEY not in str(caught.value)


def test_all_problems_are_told_at_once_by_label() -> None:
    with pytest.raises(ConnectionSetupError) as caught:
        Connection(name=" ", api_key="two words", account_id="..", base_ulr="local")

    assert str(caught.value) == (
        "the connection: Connection name: is empty; expected a name of your own; API Key: holds a"
        " blank, a line break or a letter that no key has; copy it again; Account ID: '..' is no"
        " ID; Integration ID: missing; unknown field 'base_ulr'; did you mean 'base_url'?"
    )


@pytest.mark.parametrize("given", [f"Basic {KEY}", f"bearer  {KEY}", SecretStr(KEY)])
def test_a_key_may_be_pasted_with_what_stood_before_it(given: Any) -> None:
    assert connection(api_key=given).api_key.get_secret_value() == KEY


@pytest.mark.parametrize("given", [f"{KEY}\r\nx: y", f"{KEY} x", f"{KEY}é", "", None, 7])
def test_a_key_that_is_none_is_refused_and_not_repeated(given: Any) -> None:
    with pytest.raises(ConnectionSetupError, match="API Key: ") as caught:
        connection(api_key=given)

    assert KEY not in repr(caught.value)


def test_local_is_wherever_the_settings_say(tmp_path: Path) -> None:
    assert connection(base_url=LOCAL).root(Settings(data=tmp_path, port=8400)) == (
        "http://127.0.0.1:8400/api"
    )


# -- keeping -------------------------------------------------------------------------------------


def test_what_is_saved_comes_back(store: Connections) -> None:
    shop, blog = connection("shop"), connection("blög", base_url=LOCAL)
    store.save(shop, verify=False)
    store.save(blog, verify=False)

    assert store.get("shop") == shop
    assert store.get("blög") == blog
    assert store.list() == [
        Listed("blög", "A12", "I34", LOCAL),
        Listed("shop", "A12", "I34", HOSTED_URL),
    ]


def test_saving_again_replaces_and_deleting_forgets(store: Connections) -> None:
    store.save(connection(), verify=False)
    store.save(connection(account_id="B56"), verify=False)
    assert store.get("shop").account_id == "B56"

    store.delete("shop")
    assert store.list() == []


def test_an_unknown_name_is_told_with_a_guess(store: Connections) -> None:
    with pytest.raises(ConnectionSetupError, match=r"no connection is kept in .*save one first"):
        store.get("shop")
    store.save(connection("shop"), verify=False)
    for ask in (store.get, store.delete, store.choose):
        with pytest.raises(ConnectionSetupError, match="'shpo'; did you mean 'shop'"):
            ask("shpo")


def test_the_only_connection_need_not_be_named(store: Connections) -> None:
    with pytest.raises(ConnectionSetupError, match="save one first"):
        store.choose()
    store.save(connection("shop"), verify=False)
    assert store.choose().name == "shop"
    store.save(connection("blog"), verify=False)
    with pytest.raises(ConnectionSetupError, match="name one: blog, shop"):
        store.choose()
    assert store.choose("blog").name == "blog"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"connections": 1}', '{"connections": {"a": 1}}']
)
def test_a_file_that_is_not_ours_is_not_overwritten(
    content: str, store: Connections, settings: Settings
) -> None:
    settings.data.mkdir()
    path = settings.data / "connections.json"
    path.write_text(content)

    for act in (store.list, lambda: store.save(connection(), verify=False)):
        with pytest.raises(ConnectionSetupError, match=r"connections\.json cannot be read"):
            act()
    assert path.read_text() == content


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_only_the_owner_may_read_what_is_kept(store: Connections, settings: Settings) -> None:
    before = os.umask(0)
    try:
        store.save(connection(), verify=False)
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.data.iterdir()}
    assert modes == dict.fromkeys(
        ["connections.json", "connections.json.lock", "secret.key", "secret.key.lock"], 0o600
    )
    assert stat.S_IMODE(settings.data.stat().st_mode) == 0o700


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConnectionSetupError, match="SEGCONNECT_DATA"):
        Connections(Settings(data=tmp_path / "file")).save(connection(), verify=False)


def test_a_crash_while_writing_leaves_what_was_there(
    store: Connections, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(connection("shop"), verify=False)

    def crash(number: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        store.save(connection("blog"), verify=False)
    monkeypatch.undo()

    assert [each.name for each in store.list()] == ["shop"]
    assert not list(settings.data.glob(".connections*"))


def test_processes_that_save_at_once_lose_nothing(settings: Settings) -> None:
    program = """
import sys
from segconnect.connections import Connection, Connections
from segconnect.settings import Settings
store = Connections(Settings(data=sys.argv[1]))
for n in range(10):
    name = f"{sys.argv[2]}-{n}"
    store.save(
        Connection(name=name, api_key=name, account_id="A", integration_id="I"), verify=False
    )
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(settings.data), str(number)])
        for number in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]

    store = Connections(settings)
    names = [each.name for each in store.list()]
    assert names == sorted(f"{number}-{n}" for number in range(3) for n in range(10))
    assert {store.get(name).api_key.get_secret_value() for name in names} == set(names)


# -- the key -------------------------------------------------------------------------------------


def with_key(settings: Settings, key: str | None) -> Settings:
    """The same settings with another SEGCONNECT_SECRET_KEY."""
    return settings.model_copy(update={"secret_key": SecretStr(key) if key else None})


@pytest.mark.parametrize("key", [None, "a passphrase, é", A_KEY], ids=NO_NAMES)
def test_the_key_is_in_no_file(key: str | None, settings: Settings) -> None:
    store = Connections(with_key(settings, key))
    store.save(connection(), verify=False)

    files = [path for path in settings.data.iterdir() if path.is_file()]
    assert KEY.encode() not in b"".join(path.read_bytes() for path in files)
    assert Connections(with_key(settings, key)).get("shop").api_key.get_secret_value() == KEY
    assert (settings.data / "secret.key").exists() is (key is None)


@pytest.mark.parametrize("saved", [None, "one passphrase", A_KEY], ids=NO_NAMES)
@pytest.mark.parametrize("read", [None, "another", ANOTHER_KEY], ids=NO_NAMES)
def test_another_key_opens_nothing_and_says_what_to_do(
    saved: str | None, read: str | None, settings: Settings
) -> None:
    Connections(with_key(settings, saved)).save(connection(), verify=False)
    if saved is None and read is None:
        (settings.data / "secret.key").write_bytes(Fernet.generate_key())
    store = Connections(with_key(settings, read))

    with pytest.raises(ConnectionSetupError) as caught:
        store.get("shop")
    assert "bring" in str(caught.value)
    assert "save" in str(caught.value)
    assert KEY not in str(caught.value)
    assert [each.name for each in store.list()] == ["shop"]


@pytest.mark.parametrize("content", [None, "", "no key"])
def test_a_lost_key_file_is_told(
    content: str | None, store: Connections, settings: Settings
) -> None:
    store.save(connection(), verify=False)
    path = settings.data / "secret.key"
    path.unlink() if content is None else path.write_text(content)

    with pytest.raises(ConnectionSetupError, match=r"the key file .*secret\.key"):
        store.get("shop")


@pytest.mark.parametrize("sealed", ["", "x", "scrypt.", "scrypt.a.b", "gAAAAA", "é", "scrypt.é.é"])
@pytest.mark.parametrize("key", [None, "a passphrase"])
def test_what_was_never_sealed_is_not_opened(
    sealed: str, key: str | None, settings: Settings
) -> None:
    vault = Vault(with_key(settings, key))
    vault.seal("something")
    with pytest.raises(ConnectionSetupError, match="the secret cannot be read"):
        vault.open(sealed, "the secret")


def test_the_same_secret_is_never_sealed_the_same(settings: Settings) -> None:
    for key in (None, "a passphrase"):
        vault = Vault(with_key(settings, key))
        assert vault.seal(KEY) != vault.seal(KEY)


def test_processes_that_begin_at_once_share_one_key_file(settings: Settings) -> None:
    program = """
import sys
from segconnect.secrets import Vault
from segconnect.settings import Settings
print(Vault(Settings(data=sys.argv[1])).seal(sys.argv[2]))
"""
    command = [sys.executable, "-c", program, str(settings.data)]
    processes = [
        subprocess.Popen([*command, f"secret {n}"], stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    sealed = [process.communicate()[0].strip() for process in processes]

    vault = Vault(settings)
    assert [vault.open(each, "it") for each in sealed] == [f"secret {n}" for n in range(4)]


def test_the_key_is_shown_nowhere(store: Connections, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = connection()
    store.save(one, verify=False)
    found = store.get("shop")
    shown = [repr(one), str(one), repr(found), repr(store), f"{one}", one.model_dump_json()]
    shown += [repr(each) for each in store.list()] + [repr(vars(each)) for each in caplog.records]

    assert KEY not in " ".join(shown)


# -- verifying -----------------------------------------------------------------------------------


class Answers(BaseHTTPRequestHandler):
    """Answers every call with the server's status."""

    def do_POST(self) -> None:
        """Answers."""
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"status": "error", "errors": ["missing 'email' field"]}).encode()
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def account() -> Iterator[HTTPServer]:
    """An account whose `status` says what it thinks of the key."""
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, None), (401, UnauthorizedError), (404, ConnectionSetupError)],
)
def test_a_connection_is_verified_before_it_is_saved(
    status: int, error: type[SegconnectError] | None, store: Connections, account: Any
) -> None:
    account.status = status
    shop = connection(base_url=f"http://127.0.0.1:{account.server_port}/api")
    try:
        store.save(shop)
        found = None
    except SegconnectError as failure:
        found = type(failure)

    assert found is error
    assert len(store.list()) == (error is None)


def test_an_account_that_is_not_there_cannot_be_verified(store: Connections) -> None:
    with pytest.raises(UnreachableError, match=r"cannot connect to 127\.0\.0\.1:9"):
        store.save(connection(base_url="http://127.0.0.1:9/api"))
    assert store.list() == []


def test_a_connection_may_be_verified_where_a_loop_runs(account: Any) -> None:
    account.status = 400

    async def go() -> None:
        verify_now(connection(base_url=f"http://127.0.0.1:{account.server_port}/api"))

    asyncio.run(go())


def test_the_examples_in_the_docs_run(tmp_path: Path) -> None:
    failed, tried = doctest.testmod(module, extraglobs={"directory": tmp_path})
    assert (failed, tried > 0) == (0, True)
