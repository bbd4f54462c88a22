"""What was answered with 200 is in the queue, whenever the serving process is killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from threading import Semaphore
from urllib.parse import urlsplit

import pytest

from segconnect.scenario.hooks import HookRow, Hooks, url_of
from segconnect.settings import Settings
from tests.conftest import Server

KILLS = int(os.environ.get("SEGCONNECT_TEST_KILLS", "4"))
CALLERS = 8


@pytest.fixture
def hooks(settings: Settings) -> Iterator[Hooks]:
    with closing(Hooks(url_of(settings))) as found:
        yield found


def call(server: Server, hook: HookRow, caller: str, accepted: list[str], done: Semaphore) -> None:
    """Sends request after request on one connection, until it breaks."""
    with closing(HTTPConnection(urlsplit(server.address).netloc, timeout=20)) as line:
        number = 0
        while True:
            number += 1
            line.request("POST", f"/hook/{hook.token}", f"n={caller}-{number}", FORM)
            answer = line.getresponse()
            assert (answer.status, answer.read()) == (200, b"Accepted")
            accepted.append(f"{caller}-{number}")
            done.release()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_every_request_that_was_accepted_is_there_once_after_a_kill(
    serve: Callable[[], Server], hooks: Hooks
) -> None:
    hook = hooks.create("Killed", scenario_id="no-run-yet", rate=0)
    accepted: list[str] = []

    for kill in range(KILLS):
        server, done = serve(), Semaphore(0)
        with ThreadPoolExecutor(CALLERS) as pool:
            calls = [
                pool.submit(call, server, hook, f"{kill}.{caller}", accepted, done)
                for caller in range(CALLERS)
            ]
            for _ in range(100):
                assert done.acquire(timeout=20)
            server.kill()
            ends = [each.exception(timeout=20) for each in calls]
        assert not any(isinstance(end, AssertionError) for end in ends)

    came = [item.bundle["n"] for item in hooks.items(hook.id, 0, 100_000)]
    assert len(came) == len(set(came))
    assert set(accepted) <= set(came)
    assert len(came) - len(accepted) <= KILLS * CALLERS  # those whose answer was on its way


def test_two_servers_take_in_for_one_webhook(serve: Callable[[], Server], hooks: Hooks) -> None:
    servers = [serve(), serve()]
    hook = hooks.create("Shared", scenario_id="no-run-yet", rate=0)

    def send(place: int) -> int:
        with closing(HTTPConnection(urlsplit(servers[place % 2].address).netloc)) as line:
            line.request("GET", f"/hook/{hook.token}?n={place}")
            return line.getresponse().status

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(40)))

    assert answers == [200] * 40
    assert {item.bundle["n"] for item in hooks.items(hook.id, 0, 100)} == set(map(str, range(40)))
