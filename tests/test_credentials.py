"""Credentials for other services: what each takes, how they are kept, and that none is seen."""

from __future__ import annotations

import doctest
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from segconnect import credentials as module
from segconnect.connections import Connection, Connections, Listed
from segconnect.credentials import SERVICES, read, verify
from segconnect.errors import ConnectionSetupError, UnauthorizedError, UnreachableError
from segconnect.modules.schema import Input, form, json_schema
from segconnect.settings import HOSTED_URL, Settings

PASSWORD = "Tea-at-five"
GIVEN: dict[str, dict[str, Any]] = {
    "smtp": {"host": "mail.example.com", "user": "joey@bloggs.com", "password": PASSWORD},
    "imap": {"host": "mail.example.com", "user": "joey@bloggs.com", "password": PASSWORD},
    "http-basic": {"user": "joey", "password": PASSWORD},
    "api-key": {"key": PASSWORD, "name": "X-Key"},
    "oauth2": {
        "token_url": "https://auth.example.com/token",
        "client_id": "tea",
        "client_secret": PASSWORD,
    },
    "values": {"pin": PASSWORD, "retries": 3, "is_live": True},
}


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    """Settings whose data directory does not exist yet."""
    return Settings(data=tmp_path / "data")


@pytest.fixture
def store(settings: Settings) -> Connections:
    """An empty store."""
    return Connections(settings)


def shop(name: str = "shop") -> Connection:
    """A connection to SegMetrics."""
    return Connection(name=name, api_key="k" * 22, account_id="A12", integration_id="I34")


def test_the_examples_of_the_docstrings_are_true() -> None:
    assert doctest.testmod(module).failed == 0


# -- what each service takes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "more"),
    [
        ("smtp", {"port": 587, "tls": "starttls"}),
        ("imap", {"port": 993, "tls": "ssl"}),
        ("http-basic", {}),
        ("api-key", {}),
        ("oauth2", {}),
        ("values", {}),
    ],
)
def test_the_values_come_back_by_the_names_that_modules_read(
    service: str, more: dict[str, Any]
) -> None:
    assert read(service, GIVEN[service]) == {**GIVEN[service], **more}


def test_every_service_has_an_example_here_and_a_form_that_can_be_drawn() -> None:
    assert list(GIVEN) == list(SERVICES)
    for kind in SERVICES.values():
        assert kind.help().endswith(".")
        assert not any(field.mappable for field in form(kind))
        hidden = [field.name for field in form(kind) if field.input is Input.SECRET]
        assert hidden == kind.secrets()
        assert json_schema(kind)["type"] == "object"


@pytest.mark.parametrize(
    ("tls", "port"), [("ssl", 465), ("SSL/TLS", 465), ("starttls", 587), ("", 587)]
)
def test_a_mail_servers_port_follows_its_encryption(tls: str, port: int) -> None:
    assert read("smtp", {**GIVEN["smtp"], "tls": tls})["port"] == port
    assert read("smtp", {**GIVEN["smtp"], "tls": tls, "port": "2525"})["port"] == 2525


def test_from_is_the_sender() -> None:
    assert read("smtp", {"host": "relay", "tls": "none", "from": "shop@bloggs.com"}) == {
        "host": "relay",
        "port": 25,
        "tls": "none",
        "from": "shop@bloggs.com",
    }


@pytest.mark.parametrize(
    ("service", "values", "told"),
    [
        ("smtp", {}, "SMTP: Host: missing"),
        ("smtp", {"host": "m", "user": "joey"}, "SMTP: Password: missing"),
        ("smtp", {"host": "m", "hsot": "m"}, "SMTP: unknown field 'hsot'; did you mean 'host'?"),
        ("smtp", {"host": "https://m"}, "Host: 'https://m' is not a host name; leave out scheme"),
        ("smtp", {"host": "{m}/"}, "Host: '{m}/' is not a host name"),
        ("smtp", {"host": "m:25"}, "leave out scheme, port and path"),
        ("smtp", {"host": "m", "port": "x"}, "Port: is not a whole number"),
        ("smtp", {"host": "m", "port": 65536}, "Port: is more than 65535"),
        ("smtp", {"host": "m", "tls": "yes"}, "Encryption: is none of 'starttls', 'ssl' or 'none'"),
        ("smtp", {**GIVEN["smtp"], "tls": "none"}, "the password would be readable on the way"),
        ("imap", {"host": "m"}, "IMAP: User name: missing; Password: missing"),
        ("http-basic", {"user": "a:b", "password": PASSWORD}, "User name: holds a colon"),
        ("http-basic", {"user": "a", "password": f"{PASSWORD}\n"}, "Password: holds a line break"),
        ("api-key", {"key": PASSWORD, "name": "a b"}, "is not the name of a header"),
        ("api-key", {"key": f"{PASSWORD}ä"}, "Key: holds a letter that no header can carry"),
        ("oauth2", {}, "OAuth 2: missing: give Token URL or Access token"),
        ("oauth2", {"token_url": "https://a/t"}, "Client ID: missing; Client secret: missing"),
        (
            "oauth2",
            {**GIVEN["oauth2"], "token_url": "http://auth.example.com/"},
            "Token URL: is not encrypted",
        ),
        ("values", {}, "give at least one key and its value"),
        ("values", {" ": PASSWORD}, "a key is empty"),
        ("values", {"key": [PASSWORD]}, "key: is not a text, number or truth"),
        ("ftp", {}, "unknown service 'ftp'; known are api-key"),
        ("smpt", {}, "unknown service 'smpt'; did you mean 'smtp'?"),
    ],
)
def test_what_does_not_fit_is_told_by_label_and_without_a_secret(
    service: str, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConnectionSetupError) as caught:
        read(service, values)

    assert told in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("service", SERVICES)
def test_a_secret_is_not_in_what_is_printed_of_it(service: str) -> None:
    made = SERVICES[service](**GIVEN[service])

    assert PASSWORD not in f"{made!r} {made} {made.model_dump_json()}"


# -- keeping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_saved_comes_back_and_nothing_of_it_is_readable_on_disk(
    service: str, store: Connections, settings: Settings
) -> None:
    store.save_credentials("one", service, GIVEN[service], verify=False)

    assert store.credentials("one") == read(service, GIVEN[service])
    assert store.list() == [Listed("one", "", "", "", service)]
    kept = b"".join(path.read_bytes() for path in settings.data.iterdir())
    assert not any(
        str(value).encode() in kept for value in GIVEN[service].values() if isinstance(value, str)
    )


def test_a_connection_to_segmetrics_and_credentials_are_not_taken_for_each_other(
    store: Connections,
) -> None:
    store.save_credentials("mail", "smtp", GIVEN["smtp"], verify=False)
    for name in (None, "shop"):
        with pytest.raises(ConnectionSetupError, match="connection to SegMetrics is kept"):
            store.choose(name)
    store.save(shop(), verify=False)

    assert store.choose() == shop()
    assert store.list() == [
        Listed("mail", "", "", "", "smtp"),
        Listed("shop", "A12", "I34", HOSTED_URL, "segmetrics"),
    ]
    for ask in (store.get, store.choose):
        with pytest.raises(ConnectionSetupError, match="'mail' is for smtp, and not one to Seg"):
            ask("mail")
    with pytest.raises(ConnectionSetupError, match="'shop' is one to SegMetrics, and no cred"):
        store.credentials("shop")
    with pytest.raises(ConnectionSetupError, match="'mial'; did you mean 'mail'"):
        store.credentials("mial")


def test_neither_is_written_over_the_other(store: Connections) -> None:
    store.save(shop(), verify=False)
    store.save_credentials("mail", "smtp", GIVEN["smtp"], verify=False)

    with pytest.raises(ConnectionSetupError, match="'shop' for segmetrics already"):
        store.save_credentials("shop", "smtp", GIVEN["smtp"], verify=False)
    with pytest.raises(ConnectionSetupError, match="'mail' for smtp already"):
        store.save(shop("mail"), verify=False)

    store.save_credentials(" mail ", "api-key", GIVEN["api-key"])
    assert store.credentials("mail") == GIVEN["api-key"]
    store.delete("mail")
    assert store.list() == [Listed("shop", "A12", "I34", HOSTED_URL)]


def test_without_any_credentials_that_is_said(store: Connections) -> None:
    with pytest.raises(ConnectionSetupError, match=r"no connection is kept in .*save one first"):
        store.credentials("mail")
    store.save(shop(), verify=False)
    with pytest.raises(ConnectionSetupError, match="no credentials for other services are kept"):
        store.credentials("mail")


def test_a_name_that_is_none_is_refused(store: Connections) -> None:
    with pytest.raises(ConnectionSetupError, match="Connection name: is empty"):
        store.save_credentials(" ", "values", GIVEN["values"])


# -- verifying -----------------------------------------------------------------------------------


class Smtp(socketserver.StreamRequestHandler):
    """A mail server that knows one user, on a way that is not encrypted."""

    seen: ClassVar[list[str]] = []

    def handle(self) -> None:
        """Speaks just enough SMTP."""
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().decode().strip():
            self.seen.append(line.split()[0].upper())
            if line.upper().startswith("EHLO"):
                self.wfile.write(b"250-here\r\n250 AUTH PLAIN\r\n")
            elif line.upper().startswith("AUTH"):
                right = line.endswith("AGpvZXkAVGVhLWF0LWZpdmU=")  # joey, Tea-at-five
                self.wfile.write(b"235 in\r\n" if right else b"535 no\r\n")
            elif line.upper() == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 well\r\n")


class Imap(socketserver.StreamRequestHandler):
    """A mail server that knows one user, on a way that is not encrypted."""

    seen: ClassVar[list[str]] = []

    def handle(self) -> None:
        """Speaks just enough IMAP."""
        self.wfile.write(b"* OK here\r\n")
        while line := self.rfile.readline().decode().strip():
            tag, command, *rest = line.split()
            self.seen.append(command)
            if command == "CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
            if command == "LOGIN" and rest[1] != f'"{PASSWORD}"':
                self.wfile.write(f"{tag} NO no\r\n".encode())
            else:
                self.wfile.write(f"{tag} OK done\r\n".encode())
            if command == "LOGOUT":
                return


class Silent(socketserver.StreamRequestHandler):
    """A server that hangs up."""

    def handle(self) -> None:
        """Says nothing."""


@contextmanager
def serving(handler: Any) -> Iterator[int]:
    """Answers the port of a server on loopback."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def signed_in(port: int, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    """The values of a mail server on loopback."""
    return {
        "host": "127.0.0.1",
        "port": port,
        "user": "joey",
        "password": password,
        "tls": "none",
        **more,
    }


@pytest.mark.parametrize(("service", "handler"), [("smtp", Smtp), ("imap", Imap)])
def test_a_sign_in_tells_whether_a_mail_server_accepts_them(
    service: str, handler: Any, store: Connections
) -> None:
    with serving(handler) as port:
        store.save_credentials("mail", service, signed_in(port))
        with pytest.raises(UnauthorizedError, match=r"'wrong'.* refuses the sign-in") as caught:
            store.save_credentials("wrong", service, signed_in(port, "Coffee-at-six"))

    assert "Coffee" not in str(caught.value)
    assert [each.name for each in store.list()] == ["mail"]
    assert not {"MAIL", "RCPT", "DATA", "SELECT"} & {*handler.seen}


@pytest.mark.parametrize("service", ["smtp", "imap"])
@pytest.mark.parametrize(
    ("handler", "tls"), [(Silent, "none"), (Silent, "ssl"), (Smtp, "starttls"), (Imap, "starttls")]
)
def test_a_server_that_speaks_something_else_is_told(
    service: str, handler: Any, tls: str, store: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "VERIFY_SECONDS", 0.3)
    with serving(handler) as port, pytest.raises(UnreachableError) as caught:
        store.save_credentials("mail", service, signed_in(port, tls=tls))

    assert f"'mail': cannot sign in to 127.0.0.1, port {port} (" in str(caught.value)
    assert "check Host, Port and Encryption" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert store.list() == []


def test_a_server_that_is_not_there_is_told(store: Connections) -> None:
    with serving(Silent) as port:
        pass
    with pytest.raises(UnreachableError, match=r"cannot sign in to 127\.0\.0\.1"):
        store.save_credentials("mail", "imap", signed_in(port))


@pytest.mark.parametrize(("service", "handler"), [("smtp", Smtp), ("imap", Imap)])
def test_a_password_that_a_sign_in_cannot_carry_is_told_without_its_letters(
    service: str, handler: Any, store: Connections
) -> None:
    with serving(handler) as port, pytest.raises(ConnectionSetupError) as caught:
        store.save_credentials("mail", service, signed_in(port, "Tee-um-fünf"))

    assert "a letter beyond ASCII" in str(caught.value)
    assert "f\\xfc" not in str(caught.value)
    assert "ü" not in str(caught.value)


def test_a_relay_that_wants_no_sign_in_is_only_greeted(store: Connections) -> None:
    Smtp.seen.clear()
    with serving(Smtp) as port:
        store.save_credentials("relay", "smtp", {"host": "127.0.0.1", "port": port, "tls": "none"})

    assert "AUTH" not in Smtp.seen


@pytest.mark.parametrize("service", ["http-basic", "api-key", "oauth2", "values"])
def test_where_there_is_no_server_to_ask_nobody_is_asked(service: str) -> None:
    assert verify("one", service, read(service, GIVEN[service])) is False
