"""A run whose server is not there: it stops where it is, and goes on when the server is back."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cli.conftest import Commands, Ran

PEOPLE = 40
STREAMED = """
name: People
flow:
  - {id: 1, module: csv, parameters: {file: people.csv}}
  - {id: 2, module: add-update-contact, mapper: {email: "{{1.mail}}"}}
"""
ONE_BY_ONE = (
    STREAMED
    + """
  - {id: 3, module: "util:ComposeTransformer", mapper: {value: "{{2.status}}"}}
"""
)


def free_port() -> int:
    """A port that nobody listens on, and that no connection to elsewhere is given meanwhile."""
    while True:
        port = random.randrange(20_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Server:
    """An import API on a port of its own, which may be down, or break off what one row sends."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.posted = 0  # to another path
        self.dies_after: int | None = None  # so many
        self._server: ThreadingHTTPServer | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begins to listen."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/once":
                    server.posted += 1
                elif body["email"] == "broken@b.c":
                    self.close_connection = True
                    return
                else:
                    server.got.append(body["email"])
                answer = b'{"status": "success"}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                if server.dies_after is not None and len(server.got) >= server.dies_after:
                    server.dies_after = None
                    Thread(target=server.stop).start()

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Is there no more."""
        found, self._server = self._server, None
        if found is not None:
            found.server_close()
            found.shutdown()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.stop()


class Place:
    """A directory with a scenario over so many people, and a connection to the server."""

    def __init__(self, path: Path, segconnect: Commands, server: Server) -> None:
        self.path, self._segconnect = path, segconnect
        self.rows([f"person{number}@b.c" for number in range(PEOPLE)])
        self(
            "connection", "add", "shop", "--account-id", "a", "--integration-id", "i",
            "--base-url", server.url + "/api", "--api-key-stdin", "--no-verify", stdin="key\n",
        )  # fmt: skip

    def rows(self, mails: list[str]) -> None:
        self.mails = mails
        (self.path / "people.csv").write_text("\n".join(["mail", *mails]) + "\n")

    def __call__(self, *arguments: object, stdin: str = "") -> Ran:
        return self._segconnect(*arguments, stdin=stdin)

    def run(self, scenario: str = STREAMED) -> Ran:
        (self.path / "people.yaml").write_text(scenario)
        return self("run", "people.yaml", "--connection", "shop", "--json")


@pytest.fixture
def place(
    tmp_path: Path, segconnect: Commands, server: Server, monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGCONNECT_ATTEMPTS", "3")
    monkeypatch.setenv("SEGCONNECT_ALLOWED_HOSTS", "127.0.0.1")
    return Place(tmp_path, segconnect, server)


def counts(ran: Ran) -> tuple[int, int, int]:
    """What was read, delivered and refused."""
    return ran.json["read"], ran.json["delivered"], ran.json["refused"]


@pytest.mark.parametrize("scenario", [STREAMED, ONE_BY_ONE], ids=["streamed", "one by one"])
def test_a_run_that_nobody_answers_takes_no_row_and_goes_on_later(
    place: Place, server: Server, scenario: str
) -> None:
    stopped = place.run(scenario)
    told = place("runs", "resume", stopped.json["run"])
    server.start()
    done = place("runs", "resume", stopped.json["run"], "--json")

    assert (stopped.code, counts(stopped)) == (2, (0, 0, 0)), stopped.err
    assert "cannot connect to 127.0.0.1" in stopped.json["stopped_by"]
    assert told.code == 2
    assert told.out.count("cannot connect to 127.0.0.1") == 1
    assert f"Go on with it: segconnect runs resume {stopped.json['run']}" in told.out
    assert not (place.path / "people.refused.csv").exists()
    assert (done.code, counts(done)) == (0, (PEOPLE, PEOPLE, 0)), done.err
    assert sorted(server.got) == sorted(place.mails)


def test_a_name_that_is_not_found_stops_a_run_too(place: Place) -> None:
    place(
        "connection", "add", "lost", "--account-id", "a", "--integration-id", "i", "--base-url",
        "https://nowhere.invalid/api", "--api-key-stdin", "--no-verify", stdin="key\n",
    )  # fmt: skip
    (place.path / "people.yaml").write_text(STREAMED)
    stopped = place("run", "people.yaml", "--connection", "lost", "--json")

    assert (stopped.code, counts(stopped)) == (2, (0, 0, 0)), stopped.err
    assert "cannot connect to nowhere.invalid" in stopped.json["stopped_by"]


@pytest.mark.parametrize("scenario", [STREAMED, ONE_BY_ONE], ids=["streamed", "one by one"])
def test_a_run_whose_server_dies_half_way_refuses_nothing_and_loses_nothing(
    place: Place, server: Server, scenario: str
) -> None:
    server.start()
    server.dies_after = PEOPLE // 2
    stopped = place.run(scenario)
    server.start()
    done = place("runs", "resume", stopped.json["run"], "--json")

    read, delivered, refused = counts(stopped)
    assert (stopped.code, refused) == (2, 0), stopped.err
    assert read == delivered < PEOPLE
    assert (done.code, counts(done)) == (0, (PEOPLE, PEOPLE, 0)), done.err
    assert set(server.got) == set(place.mails)
    assert len(server.got) - PEOPLE <= 16  # sent again: those that were under way


def test_a_server_that_is_soon_back_stops_no_run(
    place: Place, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEGCONNECT_ATTEMPTS")
    server.start()
    server.dies_after = PEOPLE // 2

    def back() -> None:
        while server.dies_after is not None:
            time.sleep(0.01)
        time.sleep(0.3)
        server.start()

    Thread(target=back).start()
    done = place.run()

    assert (done.code, counts(done)) == (0, (PEOPLE, PEOPLE, 0)), done.err
    assert set(server.got) == set(place.mails)


def test_a_row_whose_connection_breaks_is_refused_alone(place: Place, server: Server) -> None:
    server.start()
    place.rows(["a@b.c", "broken@b.c", *(f"person{number}@b.c" for number in range(20))])
    done = place.run()

    assert (done.code, counts(done)) == (1, (22, 21, 1)), done.err
    assert done.json["stopped_by"] is None
    assert "broke off" in next(iter(done.json["reasons"]))


def test_what_must_not_be_repeated_is_not_when_a_row_had_come_so_far(
    place: Place, server: Server
) -> None:
    """The row is refused, since a part of it was done, and the run goes on after it."""
    other = Server()
    other.start()
    place.rows(["a@b.c", "b@b.c"])
    scenario = f"""
name: People
flow:
  - {{id: 1, module: csv, parameters: {{file: people.csv}}}}
  - id: 2
    module: "http:ActionSendData"
    version: 3
    parameters: {{handleErrors: true}}
    mapper: {{url: "{other.url}/once", method: post, bodyType: raw, data: "{{}}"}}
  - {{id: 3, module: add-update-contact, mapper: {{email: "{{{{1.mail}}}}"}}}}
"""
    stopped = place.run(scenario)
    server.start()
    done = place("runs", "resume", stopped.json["run"], "--json")
    other.stop()

    assert (stopped.code, counts(stopped)) == (2, (1, 0, 1)), stopped.err
    assert counts(done) == (2, 1, 1)
    assert other.posted == 2
    assert server.got == ["b@b.c"]


def test_what_waits_is_not_tried_one_by_one_while_nobody_is_there(
    place: Place, server: Server
) -> None:
    """At most the three that are taken up at a time find out."""
    place.rows([f"person{number}@b.c" for number in range(60)])
    aside = place.run(STREAMED + "settings: {dlq: true}\n")
    began = time.monotonic()
    again = place("incomplete", "retry", "all", "--json")
    took = time.monotonic() - began
    waiting = place("incomplete", "list", "--most", 100, "--json").json
    server.start()
    done = place("incomplete", "retry", "all", "--json")

    assert (aside.code, aside.json["waiting"]) == (1, 60), aside.err
    assert (again.code, again.json["waiting"]) == (1, 60), again.err
    assert took < 10  # two pauses for each three would be 15 s
    assert [each["attempts"] for each in waiting] == [1] * 60
    assert all("cannot connect to" in each["reason"] for each in waiting)
    assert (done.code, counts(done)) == (0, (60, 60, 0)), done.err
    assert sorted(server.got) == sorted(place.mails)
