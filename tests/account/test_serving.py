"""The server in front of the account: what only shows on a real connection."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn

from segconnect.account.api import protocol
from segconnect.account.api.app import Account as App
from segconnect.account.api.serving import configuration
from tests.conftest import Account, OverHttp


class Line:
    """A connection on which a test writes bytes as it likes."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=20)

    def write(self, content: bytes) -> None:
        """Sends bytes; those that the server no longer wants are lost."""
        with suppress(OSError):
            self._socket.sendall(content)

    def read(self) -> bytes:
        """Reads until the server closes the connection."""
        content = b""
        with suppress(ConnectionResetError):
            while more := self._socket.recv(65_536):
                content += more
        return content

    def read_answer(self) -> bytes:
        """Reads one answer, whose body is JSON."""
        content = b""
        while not content.endswith(b"}"):
            content += self._socket.recv(65_536)
        return content

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()


class Served:
    """An account behind a server in a thread."""

    def __init__(self, store_url: str) -> None:
        app = App(store_url)
        self._server = uvicorn.Server(configuration(app))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()
        self._door = OverHttp(f"http://127.0.0.1:{self.address[1]}")
        self.account = Account.create(self._door, app.engine)
        self._lines: list[Line] = []

    def line(self) -> Line:
        """Opens a connection."""
        self._lines.append(Line(self.address))
        return self._lines[-1]

    def head(self, path: str = "contact", *headers: str) -> bytes:
        """The head of a POST, without the blank line that ends it."""
        lines = [
            f"POST {self.account.root}/{path} HTTP/1.1",
            "Host: localhost",
            f"Authorization: {self.account.key}",
            *headers,
        ]
        return "".join(f"{line}\r\n" for line in lines).encode()

    def close(self) -> None:
        """Stops the server."""
        for line in self._lines:
            line.close()
        self._door.close()
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that loses its patience sooner than others."""
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0.2)
    served = Served(f"sqlite:///{tmp_path / 'segconnect.db'}")
    yield served
    served.close()


BODY = b'{"contact_id":42}'


def test_a_chunked_body_is_read(served: Served) -> None:
    line = served.line()

    line.write(served.head("contact", "Transfer-Encoding: chunked", "Connection: close") + b"\r\n")
    line.write(b"5\r\n" + BODY[:5] + b"\r\n" + b"c\r\n" + BODY[5:] + b"\r\n0\r\n\r\n")

    assert b'"contact_id":"42"' in line.read()


def test_a_chunked_body_without_end_is_refused_when_it_is_too_large(served: Served) -> None:
    line = served.line()

    line.write(served.head("contact", "Transfer-Encoding: chunked") + b"\r\n")
    for _ in range(20):
        line.write(b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n")

    assert b"413 Request Entity Too Large" in line.read_answer()


def test_a_body_that_breaks_off_changes_nothing(served: Served) -> None:
    line, other = served.line(), served.line()

    line.write(served.head("contact", "Content-Length: 1000") + b"\r\n" + BODY)
    line.close()
    other.write(served.head("contact", "Content-Length: 9", "Connection: close") + b"\r\n" + BODY)

    assert b" 400 Bad Request" in other.read()
    assert served.account.rows("contacts") == 0


def test_requests_in_one_breath_are_answered_in_their_order(served: Served) -> None:
    line = served.line()
    first = served.head("contact", f"Content-Length: {len(BODY)}") + b"\r\n" + BODY
    last = served.head("nothing", "Content-Length: 0", "Connection: close") + b"\r\n"

    line.write(first * 3 + last)
    answers = line.read().split(b"HTTP/1.1 ")[1:]

    assert [answer[:3] for answer in answers] == [b"200", b"200", b"200", b"404"]


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000,
        b"GET /" + b"x" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200_000,
    ],
    ids=["header", "path", "headers"],
)
def test_a_head_without_end_is_refused(served: Served, start: bytes) -> None:
    """The server kept all of it in memory."""
    line = served.line()

    line.write(start)

    assert line.read().startswith(b"HTTP/1.1 400 Bad Request")


@pytest.mark.parametrize(
    "sent", [b"", b"POST", b"POST / HTTP/1.1\r\n", b"HEAD", b"BODY"], ids=["nothing", *"1234"]
)
def test_a_request_that_does_not_come_ends_the_connection(served: Served, sent: bytes) -> None:
    """Each such connection was kept for ever."""
    line = served.line()
    head = served.head("contact", "Content-Length: 17") + b"\r\n"

    line.write({b"HEAD": head, b"BODY": head + BODY[:5]}.get(sent, sent))

    assert line.read() == b""
    assert served.account.rows("contacts") == 0


def test_a_slow_answer_does_not_end_the_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0.05)
    line = served.line()
    lines = b'{"endpoint":"POST contact","body":{"contact_id":42}}\n' * 5_000

    line.write(served.head("batch", f"Content-Length: {len(lines)}", "Connection: close") + b"\r\n")
    line.write(lines)

    assert line.read().count(b'{"status":200') == 5_000


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"GET \xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA B: c\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    ],
    ids=["noise", "version", "method", "path", "header", "negative length", "huge length"],
)
def test_what_is_no_http_is_refused(served: Served, content: bytes) -> None:
    line = served.line()

    line.write(content)

    assert line.read().startswith(b"HTTP/1.1 4")


def test_the_embedded_store_is_served_over_http(served: Served) -> None:
    line = served.line()

    line.write(served.head("contact", "Content-Length: 17", "Connection: close") + b"\r\n" + BODY)
    head, _, body = line.read().partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"server:" not in head.lower()
    assert json.loads(body)["contact"]["contact_id"] == "42"
