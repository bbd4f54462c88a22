"""Triggers that ask for what is new: where they stand moves on with what was committed."""

from __future__ import annotations

import re
import socketserver
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from segconnect.scenario.engine import Result, Services, Status, run

from .conftest import Asked


def said(result: Result) -> list[Any]:
    return [o["value"] for each in result.trace if each.module_id == 2 for o in each.output]


def feed(asked: Asked, then: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    trigger = {
        "id": 1,
        "module": "rss:TriggerNewArticle",
        "parameters": {"url": f"{asked.url}/feed.xml", **parameters},
    }
    flow = [trigger, {"id": 2, **then}]
    return {"name": "news", "flow": flow, "metadata": {"scenario": {"roundtrips": 5}}}


SAY = {"module": "util:ComposeTransformer", "mapper": {"value": "{{1.title}}"}}


def test_each_article_is_given_once_the_oldest_first(asked: Asked) -> None:
    services = Services(allowed_hosts=[asked.host])

    first = run(feed(asked, SAY, maxResults=1), services, trace=True)
    second = run(feed(asked, SAY, maxResults=1), services, trace=True)

    assert (said(first), first.cycles) == (["Old", "New"], 3)
    assert (said(second), second.cycles, second.total) == ([], 1, 1)


def test_what_a_failed_run_took_is_given_again(asked: Asked) -> None:
    services = Services(allowed_hosts=[asked.host])
    bad = {"module": "json:ParseJSON", "mapper": {"json": "{{1.title}}"}}

    assert run(feed(asked, bad), services).status is Status.ERROR

    assert said(run(feed(asked, SAY), services, trace=True)) == ["Old", "New"]


def test_where_a_trigger_is_not_committed_last_it_does_not_give_it_again(asked: Asked) -> None:
    services = Services(allowed_hosts=[asked.host])
    bad = {"module": "json:ParseJSON", "mapper": {"json": "{{1.title}}"}}
    blueprint = feed(asked, bad)
    blueprint["metadata"] = {"scenario": {"autoCommitTriggerLast": False}}

    failed = run(blueprint, services)

    assert (failed.is_committed, failed.is_trigger_committed) == (False, True)
    assert said(run(feed(asked, SAY), services, trace=True)) == []


MAILS = {
    3: b"From: Ann <ann@bloggs.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Sun, 01 Mar 2026 09:00:00 +0100\r\nMessage-ID: <1@bloggs.com>\r\n\r\nHello\r\n",
    7: b"From: bob@bloggs.com\r\nSubject: Two\r\n\r\nHi\r\n",
}


class Imap(socketserver.StreamRequestHandler):
    """As much of a mail server as reading a folder needs; mail 3 has been unread all along."""

    def handle(self) -> None:
        self.wfile.write(b"* OK here\r\n")
        while line := self.rfile.readline().decode().strip():
            tag, _, command = line.partition(" ")
            answer = b""
            if command.startswith("CAPABILITY"):
                answer = b"* CAPABILITY IMAP4rev1\r\n"
            elif command.startswith("LOGIN") and "wrong" in command:
                self.wfile.write(f"{tag} NO go away\r\n".encode())
                continue
            elif command.startswith(("EXAMINE", "SELECT")):
                answer = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 55] valid\r\n"
            elif command.startswith("UID SEARCH UNSEEN"):
                answer = b"* SEARCH 3\r\n"
            elif command.startswith("UID SEARCH"):
                answer = b"* SEARCH 7\r\n"
            elif found := re.match(r"UID FETCH (\d+)", command):
                raw = MAILS[int(found.group(1))]
                head = f"* 1 FETCH (UID {found.group(1)} BODY[] {{{len(raw)}}}\r\n".encode()
                answer = head + raw + b")\r\n"
            elif command.startswith("LOGOUT"):
                answer = b"* BYE\r\n"
            self.wfile.write(answer + f"{tag} OK done\r\n".encode())


@pytest.fixture
def imap() -> Iterator[int]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Imap)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def mailbox(port: int, password: str = "right") -> Services:
    connection = {"host": "127.0.0.1", "port": port, "tls": "none", "user": "me"}
    return Services(connections={"3": {**connection, "password": password}})


MAIL = {
    "name": "mail",
    "flow": [
        {"id": 1, "module": "email:TriggerNewEmail", "parameters": {"account": 3}},
        {
            "id": 2,
            "module": "util:ComposeTransformer",
            "mapper": {"value": "{{1.subject}}: {{trim(1.text)}} ({{1.from.address}}, {{1.date}})"},
        },
    ],
}


def test_new_mail_is_read_and_each_only_once(imap: int) -> None:
    services = mailbox(imap)

    results = [run(MAIL, services, trace=True) for _ in range(3)]

    assert [said(each) for each in results] == [
        ["Grüße: Hello (ann@bloggs.com, 2026-03-01T08:00:00.000Z)"],
        ["Two: Hi (bob@bloggs.com, )"],
        [],
    ]


def test_a_mailbox_that_refuses_the_password_switches_the_scenario_off(imap: int) -> None:
    result = run(MAIL, mailbox(imap, "wrong"))

    assert result.error is not None
    assert result.error.kind == "InvalidAccessTokenError"
    assert result.disables
