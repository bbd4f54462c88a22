"""What a caller of a webhook is answered, and what its answer promises."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import text

from segconnect.scenario.engine.state import Response
from segconnect.scenario.hooks import app, limits
from segconnect.scenario.hooks.limits import Queue, Rate
from tests.conftest import Answer, Clock
from tests.scenario.hooks.conftest import Receiver


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as found:
        yield found


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "REPORT"])
def test_any_method_brings_a_bundle(shared: Receiver, method: str) -> None:
    hook = shared.hook()

    answer = shared.send(hook, method=method, query="?a=1")

    assert (answer.status, answer.content) == (200, b"Accepted")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert shared.came(hook) == [{"a": "1"}]


def test_to_look_whether_an_address_is_right_brings_nothing(shared: Receiver) -> None:
    hook = shared.hook()

    head = shared.send(hook, method="HEAD")
    options = shared.send(hook, method="OPTIONS")

    assert (head.status, head.content) == (200, b"")
    assert (options.status, options.content) == (204, b"")
    assert "POST" in options.headers["access-control-allow-methods"]
    assert options.headers["access-control-allow-origin"] == "*"
    assert shared.came(hook) == []


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "token", ["", "x" * 32, "x" * 5_000, "a/b", "%00", "%ff%fe", "..%2f", "a%0d%0ab"]
)
def test_an_address_that_is_none_is_not_found(shared: Receiver, token: str, method: str) -> None:
    answer = shared.send(token, method=method)

    assert answer.status == 404
    assert answer.content == (b"" if method == "HEAD" else b"There is no webhook at this address.")


def test_the_end_of_an_address_may_be_a_slash(shared: Receiver) -> None:
    hook = shared.hook()

    assert shared.send(f"{hook.token}/", {"a": 1}).status == 200


def test_a_webhook_without_a_scenario_is_gone_after_five_days(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segconnect.clock.now", clock)
    never, before = receiver.hook(scenario_id=None), receiver.hook()
    clock.forward(timedelta(hours=1))
    receiver.hooks.detach(before.id)

    clock.forward(timedelta(hours=119, seconds=1))
    first = [receiver.send(each).status for each in (never, before)]
    clock.forward(timedelta(hours=1))
    then = [receiver.send(each).status for each in (never, before)]

    assert (first, then) == ([410, 200], [410, 410])


def test_a_webhook_that_is_changed_or_deleted_is_so_within_a_second(receiver: Receiver) -> None:
    hook = receiver.hook()
    assert receiver.send(hook).status == 200

    receiver.hooks.set(hook.id, gives_method=True)
    sleep(app.REMEMBERED)
    assert receiver.send(hook).status == 200
    assert receiver.came(hook) == [{}, {"__IMTMETHOD__": "POST"}]
    receiver.hooks.delete(hook.id)
    sleep(app.REMEMBERED)

    assert receiver.send(hook).status == 404
    assert receiver.came(hook) == []


def test_more_requests_than_the_rate_are_told_when_to_come_again(shared: Receiver) -> None:
    hook, other = shared.hook(rate=3), shared.hook(rate=3)

    answers = [shared.send(hook) for _ in range(5)]

    assert [each.status for each in answers] == [200, 200, 200, 429, 429]
    assert 9 <= int(answers[-1].headers["retry-after"]) <= 10
    assert shared.send(other).status == 200
    assert len(shared.came(hook)) == 3


def test_the_rate_looks_back_ten_seconds() -> None:
    rate = Rate()

    waits = [rate.wait(2, moment) for moment in (0.0, 4.0, 4.5, 9.5, 10.0, 10.1, 14.0)]

    assert waits == [0, 0, 6, 1, 0, 4, 0]
    assert rate.wait(0, 14.0) == 0


def test_a_queue_that_is_full_takes_no_more_until_some_are_run(receiver: Receiver) -> None:
    scenario = receiver.scenario("Welcome")
    hook = receiver.hook(scenario_id=scenario, queue_limit=3)

    answers = [receiver.send(hook) for _ in range(4)]
    receiver.reach(scenario, receiver.hooks.items(hook.id, 0, 10)[1].id)
    sleep(2 * limits.COUNT_SECONDS_FULL)
    later = [receiver.send(hook) for _ in range(3)]

    assert [each.status for each in answers] == [200, 200, 200, 400]
    assert answers[-1].content == b"Queue is full."
    assert [each.status for each in later] == [200, 200, 400]


def test_those_who_come_together_do_not_overfill_a_queue(
    receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    hook = receiver.hook(queue_limit=10)

    answers = list(pool.map(lambda _: receiver.send(hook).status, range(40)))

    assert (answers.count(200), answers.count(400)) == (10, 30)
    assert len(receiver.came(hook)) == 10


def test_what_is_being_written_while_the_queue_is_counted_counts() -> None:
    queue = Queue()
    queue.admit()
    mark = queue.begin_count()
    queue.admit()

    queue.end_count(3, mark, 0.0)

    assert queue.is_full(5)
    assert not queue.is_full(6)


def test_a_body_that_breaks_off_brings_nothing(shared: Receiver) -> None:
    hook = shared.hook()
    head = f"POST /hook/{hook.token} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n".encode()

    answers = [shared.write(head, then_ends=True), shared.write(head + b"12345", then_ends=True)]

    assert answers == [b"", b""]
    assert shared.send(hook, query="?whole=1").status == 200
    assert shared.came(hook) == [{"whole": "1"}]


def test_a_body_in_chunks_is_read_whole_and_has_an_end(shared: Receiver) -> None:
    hook = shared.hook()
    head = f"POST /hook/{hook.token} HTTP/1.1\r\nHost: x\r\n".encode()
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"

    whole = shared.write(head + b"3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n")
    large = shared.write(head + chunk * 6 + b"0\r\n\r\n")

    assert whole.startswith(b"HTTP/1.1 200 OK")
    assert large.startswith(b"HTTP/1.1 413 ")
    assert shared.came(hook) == [{"value": [1, 2]}]


def test_a_body_that_does_not_come_is_not_waited_for(
    shared: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "BODY_SECONDS", 0.1)
    hook = shared.hook()
    head = f"POST /hook/{hook.token} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"

    answer = shared.write(head.encode() + b"12345")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert shared.came(hook) == []


# -- answers of scenarios --------------------------------------------------------------------------


def asked(
    receiver: Receiver, pool: ThreadPoolExecutor, responses: list[Response | None]
) -> list[Answer]:
    """Sends as many requests, and answers them as a scenario would, the last one first."""
    scenario = receiver.scenario("Answers")
    hook = receiver.hook(scenario_id=scenario, responds=True)
    futures: list[Future[Answer]] = []
    for number in range(1, len(responses) + 1):
        futures.append(pool.submit(receiver.send, hook, {"n": number}))
        deadline = monotonic() + 20
        while len(items := receiver.hooks.items(hook.id, 0, 100)) < number:
            assert monotonic() < deadline
            sleep(0.01)
    for item, response in reversed(list(zip(items, responses, strict=True))):
        if response is not None:
            receiver.respond(scenario, item.id, response)
    return [each.result(30) for each in futures]


def test_a_scenario_that_responds_answers_each_caller(
    receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    first, second = asked(
        receiver,
        pool,
        [
            Response(201, '{"id": 1}', [("Content-Type", "application/json"), ("X-Id", "1")]),
            Response(302, b"\x00\xff", [("Location", "https://bloggs.com/thanks")]),
        ],
    )

    assert (first.status, first.content) == (201, b'{"id": 1}')
    assert (first.headers["content-type"], first.headers["x-id"]) == ("application/json", "1")
    assert (second.status, second.content) == (302, b"\x00\xff")
    assert second.headers["location"] == "https://bloggs.com/thanks"


def test_a_scenario_that_does_not_answer_in_time_has_accepted(
    receiver: Receiver, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segconnect.scenario.hooks.asking.MOST_WAIT", 0.3)

    [answer] = asked(receiver, pool, [None])

    assert (answer.status, answer.content) == (200, b"Accepted")


@pytest.mark.parametrize(
    ("response", "status", "content"),
    [
        (Response(200, None, []), 200, b""),
        (Response(204, "text", [("Content-Length", "4")]), 204, b""),
        (Response(304, "text", []), 304, b""),
        (Response(101, "text", [("Upgrade", "h2c"), ("Connection", "upgrade")]), 200, b"text"),
        (Response(200, "half \ud83d", []), 200, b"half ?"),
        (Response(599, "x", [("Transfer-Encoding", "chunked"), ("content-length", "9")]), 599,
         b"x"),
        (Response(200, "x", [("X-A", "1\r\nX-Evil: 1\r\n\r\n<script>"), ("X-B\r\nX-Evil", "1"),
                             ("", "1"), ("X Evil", "1"), ("X-Evil:", "1"), ("Ø", "ø")]), 200, b"x"),
        (Response(200, "x", [("X-Euro", "€ 5"), ("X-Long", "x" * 20_000)]), 200, b"x"),
    ],
)  # fmt: skip
def test_an_answer_holds_nothing_that_http_does_not_allow(
    shared: Receiver, pool: ThreadPoolExecutor, response: Response, status: int, content: bytes
) -> None:
    [answer] = asked(shared, pool, [response])

    assert (answer.status, answer.content) == (status, content)
    assert "x-evil" not in answer.headers
    assert not {"upgrade", "transfer-encoding"} & set(answer.headers)


def test_a_server_that_ends_has_accepted_what_is_on_disk(
    receiver: Receiver, pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller was told of a fault, and sent it again."""
    hook = receiver.hook(scenario_id=receiver.scenario("Ends"), responds=True)
    held = pool.submit(receiver.send, hook, {"n": 1})
    while not receiver.came(hook):
        sleep(0.01)

    receiver.end()

    assert (held.result(20).status, held.result().content) == (200, b"Accepted")
    assert "Traceback" not in caplog.text


# -- when something is wrong -----------------------------------------------------------------------


def test_a_store_that_cannot_be_written_refuses_for_now_and_tells_no_secret(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook = receiver.hook()
    assert receiver.send(hook, {"email": "joey@bloggs.com"}).status == 200
    with receiver.hooks.engine.begin() as connection:
        connection.execute(text("alter table hook_items rename to away"))

    with caplog.at_level(logging.DEBUG):
        answer = receiver.send(hook, {"email": "joey@bloggs.com"})
    with receiver.hooks.engine.begin() as connection:
        connection.execute(text("alter table away rename to hook_items"))

    assert (answer.status, answer.content) == (503, b"Try again.")
    assert answer.headers["retry-after"] == "1"
    assert "hook_items" in caplog.text
    assert hook.token not in caplog.text
    assert "joey@bloggs.com" not in caplog.text
    assert receiver.send(hook).status == 200


def test_what_was_run_is_deleted_after_three_days(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segconnect.clock.now", clock)
    monkeypatch.setattr(app, "CLEAN_SECONDS", 0.0)
    scenario = receiver.scenario("Cleaned")
    hook, detached = receiver.hook(scenario_id=scenario), receiver.hook()
    for number in range(3):
        receiver.send(hook, {"n": number})
    receiver.send(detached)
    receiver.hooks.detach(detached.id)
    receiver.reach(scenario, receiver.hooks.items(hook.id, 0, 10)[1].id)
    clock.forward(timedelta(days=5, seconds=1))
    sleep(app.REMEMBERED)

    receiver.send(hook, {"n": "new"})

    wanted: list[Any] = [{"n": 2}, {"n": "new"}]
    deadline = monotonic() + 10
    while receiver.came(hook) != wanted or receiver.came(detached):
        assert monotonic() < deadline
        sleep(0.02)
