"""What is due starts, once; what fails waits, is mended and taken up again; nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, delete

from segconnect.cli.switching import switch_on
from segconnect.connections import Connection, Connections
from segconnect.scenario import hooks as webhooks
from segconnect.scenario.durable import Worker
from segconnect.scenario.hooks import Hooks
from segconnect.scenario.hooks import schema as hooks_schema
from segconnect.scenario.journal import Journal, RunRow, State, url_of
from segconnect.scenario.journal import schema as journal_schema
from segconnect.scenario.journal.incompletes import Wait
from segconnect.scenario.scheduler import Scheduler, retry_of
from segconnect.settings import Settings
from tests.conftest import Clock


class Peer:
    """A server that is up, or not, and writes down what it was sent."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[str] = []
        self.status = 200
        self.takes, self.at_work, self.most = 0.0, 0, 0  # seconds, and requests at once
        self.kills: subprocess.Popen[bytes] | None = None  # in the midst of the next request
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                peer.at_work += 1
                peer.most = max(peer.most, peer.at_work)
                time.sleep(peer.takes)
                peer.at_work -= 1
                if peer.status == 200:
                    peer.got.append(body)
                if peer.kills is not None:
                    peer.kills.kill()
                    peer.kills = None
                self.send_response(peer.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_PUT = do_POST  # noqa: N815  # as the server calls it

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Is there no more."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    found = Peer()
    yield found
    found.close()


class Place:
    """A data directory with a worker at work."""

    def __init__(
        self, path: Path, settings: Settings, worker: Worker, hooks: Hooks, clock: Clock
    ) -> None:
        self.path, self.settings, self.worker = path, settings, worker
        self.journal, self.hooks, self.clock = worker.journal, hooks, clock
        self.scheduler = Scheduler(worker, hooks)

    def on(self, text: str, **given: Any) -> None:
        """Switches a scenario on."""
        file = self.path / "scenario.yaml"
        file.write_text(text)
        switch_on(str(file), data=self.settings.data, **given)

    def rows(self, *lines: str) -> None:
        """Adds lines to the file that is read."""
        file = self.path / "people.csv"
        before = file.read_text() if file.exists() else "mail\n"
        file.write_text(before + "".join(f"{line}\n" for line in lines))

    def wait_for(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def run(self) -> list[RunRow]:
        """Starts what is due, waits until it has ended, and answers all runs, the first first."""
        begun = self.scheduler.turn()
        self.wait_for(lambda: all(State(self.journal.get(id_).state).is_over for id_ in begun))
        return self.journal.latest()[::-1]


@pytest.fixture
def place(
    store_url: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    database = store_url if store_url.startswith("postgresql") else None
    settings = Settings(data=tmp_path / "mine", database=database, allowed_hosts=["127.0.0.1"])
    if database is not None:
        monkeypatch.setenv("SEGCONNECT_DATABASE", database)
    monkeypatch.setattr("segconnect.clock.now", clock)
    monkeypatch.setenv("SEGCONNECT_ALLOWED_HOSTS", "127.0.0.1")
    with (
        closing(Journal(url_of(settings))) as journal,
        closing(Hooks(webhooks.url_of(settings))) as hooks,
        Worker(settings, journal) as worker,
    ):
        _empty(journal.engine, journal_schema.metadata)  # of other tests, on PostgreSQL
        _empty(hooks.engine, hooks_schema.metadata)
        yield Place(tmp_path, settings, worker, hooks, clock)
        _empty(journal.engine, journal_schema.metadata)  # for other tests


def _empty(engine: Engine, metadata: MetaData) -> None:
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(delete(table))


READS = """
name: People
flow:
  - {id: 1, module: csv, parameters: {file: people.csv}}
  - {id: 2, module: "util:ComposeTransformer", mapper: {value: "{{1.mail}}"}}
"""


def sends(peer: Peer, *, dlq: bool = True, sequential: bool = False, method: str = "put") -> str:
    return f"""
name: People
settings: {{dlq: {str(dlq).lower()}, sequential: {str(sequential).lower()}}}
flow:
  - {{id: 1, module: csv, parameters: {{file: people.csv}}}}
  - id: 2
    module: "http:ActionSendData"
    version: 3
    parameters: {{handleErrors: true}}
    mapper: {{url: "{peer.url}", method: {method}, bodyType: raw, data: "{{{{1.mail}}}}"}}
  - {{id: 3, module: "util:ComposeTransformer", mapper: {{value: "sent {{{{1.mail}}}}"}}}}
"""


def test_a_schedule_starts_once_however_many_look_and_takes_what_is_new(place: Place) -> None:
    place.rows("a", "b")
    place.on(READS, schedule="every 15m")
    others = [Scheduler(place.worker, place.hooks) for _ in range(3)]
    assert place.run() == []  # it is not due yet
    place.clock.forward(timedelta(minutes=15))
    begun = [run for each in others for run in each.turn()]
    place.wait_for(lambda: place.journal.latest()[0].state == State.SUCCEEDED)
    place.rows("c")
    place.clock.forward(timedelta(minutes=15))
    first, second = place.run()

    assert len(begun) == 1
    assert (first.was_read, first.cause) == (2, "schedule")
    assert second.was_read == 1


def test_what_was_missed_is_told_and_caught_up_once(place: Place) -> None:
    place.rows("a")
    place.on(READS, schedule="every 15m")
    place.clock.forward(timedelta(hours=2))

    assert len(place.run()) == 1
    assert (place.journal.scenarios.get("People").told or "").startswith("missed 8 starts since")
    assert len(place.run()) == 1


def test_a_scenario_that_fails_again_and_again_is_switched_off(place: Place) -> None:
    place.rows("a")
    place.on(READS, schedule="every 15m")
    (place.path / "people.csv").unlink()
    for _ in range(5):
        place.clock.forward(timedelta(minutes=15))
        runs = place.run()

    kept = place.journal.scenarios.get("People")
    assert [run.state for run in runs] == [State.FAILED] * 3
    assert not kept.is_on
    assert "people.csv" in (kept.told or "")


def test_what_failed_waits_is_tried_again_and_gets_through(place: Place, peer: Peer) -> None:
    place.rows("a", "b")
    place.on(sends(peer), schedule="every 15m")
    peer.status = 503
    place.clock.forward(timedelta(minutes=15))
    (first,) = place.run()
    waiting = place.journal.incompletes.waiting()
    still = place.run()
    peer.status = 200
    place.clock.forward(timedelta(minutes=1))  # the first of the published back-off
    *_, again = place.run()

    assert (first.state, first.waiting, first.refused) == (State.PARTIAL, 2, 0)
    assert [each.state for each in waiting] == [Wait.SCHEDULED] * 2
    assert [each.place for each in waiting] == ["people.csv, line 2", "people.csv, line 3"]
    assert len(still) == 1  # it is not time yet
    assert (again.cause, again.delivered) == ("retry", 2)
    assert sorted(peer.got) == ["a", "b"]
    assert place.journal.incompletes.waiting() == []


@pytest.mark.parametrize(("sequential", "most"), [(False, 3), (True, 1)])
def test_three_that_wait_are_tried_again_at_once_and_one_where_order_matters(
    place: Place, peer: Peer, *, sequential: bool, most: int
) -> None:
    place.rows("a", "b", "c", "d")
    place.on(sends(peer, sequential=sequential), schedule="every 15m")
    peer.status = 503
    place.clock.forward(timedelta(minutes=15))
    place.run()
    peer.status, peer.takes, peer.most = 200, 0.3, 0
    place.clock.forward(timedelta(minutes=1))
    *_, again = place.run()

    assert (again.cause, again.was_read, again.delivered) == ("retry", 4, 4)
    assert peer.most == most
    assert (peer.got if sequential else sorted(peer.got)) == ["a", "b", "c", "d"]
    assert place.journal.incompletes.waiting() == []


def test_what_waits_is_not_tried_while_its_run_or_another_retry_goes_on(
    place: Place, peer: Peer
) -> None:
    place.rows("a", "b")
    place.on(sends(peer), schedule="every 15m")
    peer.status = 503
    place.clock.forward(timedelta(minutes=15))
    [first] = place.run()
    waiting = place.journal.incompletes.waiting()
    peer.status = 200
    place.clock.forward(timedelta(minutes=1))

    place.journal.begin(first.id)  # it goes on
    while_it_runs = place.scheduler.turn()
    place.journal.end(first.id, State.PARTIAL)
    by_hand = retry_of(place.journal, waiting[:1])
    while_another = place.scheduler.turn()
    assert by_hand is not None
    place.wait_for(lambda: State(place.journal.get(by_hand).state).is_over)
    *_, after = place.run()

    assert (while_it_runs, while_another) == ([], [])
    assert (after.cause, after.was_read) == ("retry", 1)
    assert sorted(peer.got) == ["a", "b"]


def test_in_order_nothing_starts_before_what_waits_is_resolved(place: Place, peer: Peer) -> None:
    place.rows("a")
    place.on(sends(peer, sequential=True), schedule="every 15m")
    peer.status = 503
    place.clock.forward(timedelta(minutes=15))
    place.run()
    [waiting] = place.journal.incompletes.waiting()
    place.rows("b")
    place.clock.forward(timedelta(minutes=15))
    held = place.run()
    told = place.journal.scenarios.get("People").told
    place.journal.incompletes.drop(waiting.id)
    place.clock.forward(timedelta(minutes=15))
    peer.status = 200
    freed = place.run()

    assert [[run.cause for run in runs].count("schedule") for runs in (held, freed)] == [1, 2]
    assert told == "did not start: 1 incomplete executions must be resolved first"
    assert peer.got == ["b"]


def test_what_waits_may_be_edited_before_it_is_taken_up(place: Place, peer: Peer) -> None:
    place.rows("a")
    place.on(sends(peer), schedule="every 15m")
    peer.status = 503
    place.clock.forward(timedelta(minutes=15))
    place.run()
    [waiting] = place.journal.incompletes.waiting()
    peer.status = 200
    blueprint = json.loads(waiting.blueprint)
    blueprint["flow"][1]["mapper"]["data"] = "mended {{1.mail}}"
    place.journal.incompletes.edit(waiting.id, {1: {"mail": "A"}}, blueprint)
    run = retry_of(place.journal, [place.journal.incompletes.get(waiting.id)])
    assert run is not None
    place.worker.enqueue(run)
    place.wait_for(lambda: State(place.journal.get(run).state).is_over)

    assert peer.got == ["mended A"]
    assert place.journal.incompletes.get(waiting.id).state == Wait.RESOLVED


def test_an_operation_that_may_have_been_done_asks_a_person(place: Place, peer: Peer) -> None:
    """The process dies between the request and its answer: nobody knows whether it was done."""
    place.rows("a", "b")
    file = place.path / "scenario.yaml"
    file.write_text(sends(peer, dlq=False, method="post"))
    environment = {**os.environ, "SEGCONNECT_DATA": str(place.settings.data)}
    process = subprocess.Popen(
        [sys.executable, "-m", "segconnect", "run", str(file)], cwd=place.path, env=environment
    )
    peer.kills = process
    process.wait(30)
    [run] = place.journal.latest()
    place.worker.carry_out(run.id)
    ended = place.journal.get(run.id)
    [waiting] = place.journal.incompletes.waiting()
    again = retry_of(place.journal, [waiting], as_done=True)
    assert again is not None
    place.worker.carry_out(again)

    assert process.returncode == -signal.SIGKILL
    assert (waiting.kind, waiting.module_id, waiting.state) == (
        "UnknownFateError", 2, Wait.UNRESOLVED,
    )  # fmt: skip
    assert (ended.delivered, ended.waiting) == (1, 1)
    assert peer.got == ["a", "b"]  # neither was sent twice
    assert place.journal.get(again).modules == '{"3": 1}'  # it went on after the request
    assert place.journal.incompletes.waiting() == []


def test_requests_of_a_webhook_run_once_in_their_order(place: Place) -> None:
    text = """
name: Heard
flow:
  - {id: 1, module: "gateway:CustomWebHook", parameters: {hook: 1}}
  - {id: 2, module: "util:ComposeTransformer", mapper: {value: "{{1.n}}"}}
"""
    place.on(text)
    hook = place.journal.scenarios.get("Heard").hook
    assert hook is not None
    place.hooks.append([(hook, json.dumps({"n": n})) for n in range(3)])
    begun = place.scheduler.turn()
    place.hooks.append([(hook, json.dumps({"n": 3}))])  # while it is at work
    place.wait_for(lambda: State(place.journal.get(begun[0]).state).is_over)
    first = place.journal.get(begun[0])
    place.hooks.append([(hook, json.dumps({"n": 4}))])
    place.clock.forward(timedelta(seconds=1))
    *_, second = place.run()

    shown = [
        json.loads(each.output)[0]["value"]
        for run in (first, second)
        for each in place.journal.samples(run.id)
        if each.module_id == 2
    ]
    assert shown == ["0", "1", "2", "3", "4"]
    assert (first.cause, first.was_read + second.was_read) == ("webhook", 5)


def test_requests_of_a_webhook_wait_while_the_account_is_not_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGCONNECT_ATTEMPTS", "1")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    shop = Connection(
        name="shop", api_key="key", account_id="a", integration_id="i",
        base_url=f"http://127.0.0.1:{port}/api",
    )  # fmt: skip
    Connections(place.settings).save(shop, verify=False)
    text = """
name: Heard
flow:
  - {id: 1, module: "gateway:CustomWebHook", parameters: {hook: 1}}
  - {id: 2, module: add-tag-to-contact, mapper: {email: "{{1.mail}}", tags: [New]}}
"""
    place.on(text, connection="shop")
    hook = place.journal.scenarios.get("Heard").hook
    assert hook is not None
    place.hooks.append([(hook, json.dumps({"mail": mail})) for mail in ("a@b.c", "d@b.c")])
    [failed] = place.run()
    kept = place.journal.scenarios.get("Heard")
    rests = place.run()
    peer = Peer(port)
    place.clock.forward(timedelta(minutes=1))
    *_, done = place.run()
    peer.close()

    assert (failed.state, failed.was_read, failed.error_kind) == ("failed", 0, "ConnectionError")
    assert kept.is_on
    assert "rests for a while: " in (kept.told or "")
    assert "cannot connect to" in (kept.told or "")
    assert len(rests) == 1
    assert (done.state, done.was_read, done.delivered) == ("succeeded", 2, 2)
    assert [json.loads(each)["email"] for each in peer.got] == ["a@b.c", "d@b.c"]
    assert place.journal.scenarios.get("Heard").errors == 0


def test_the_history_forgets_what_is_old_but_not_what_waits(place: Place, peer: Peer) -> None:
    place.rows("a")
    place.on(READS, schedule="every 15m", name="Old")
    place.clock.forward(timedelta(minutes=15))
    place.run()
    peer.status = 503
    place.on(sends(peer), schedule="every 15m", name="Waits")
    place.clock.forward(timedelta(minutes=15))
    place.run()
    for name in ("Old", "Waits"):
        place.journal.scenarios.remove(place.journal.scenarios.get(name).id)
    place.clock.forward(timedelta(days=31))
    left = place.run()

    assert {run.scenario for run in left} == {"Waits"}
    assert len(place.journal.incompletes.waiting()) == 1
