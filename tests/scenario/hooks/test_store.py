"""What came in is kept in an order that readers can rely on, however many write it down."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from threading import Thread

import pytest

from segconnect.errors import UsageError
from segconnect.scenario import values_json
from segconnect.scenario.hooks import HookRow, Hooks, url_of
from segconnect.settings import Settings
from tests.conftest import Clock

WRITERS = 3
GROUPS = 60
SIZE = 20

WRITES = """
import sys
from segconnect.scenario.hooks import Hooks

url, hook, mark = sys.stdin.readline().split()
hooks = Hooks(url)
print(flush=True)
sys.stdin.readline()
for group in range(GROUPS):
    hooks.append([(hook, '{"n": "%s %d"}' % (mark, group * SIZE + each)) for each in range(SIZE)])
hooks.close()
""".replace("GROUPS", str(GROUPS)).replace("SIZE", str(SIZE))


@pytest.fixture
def hooks(settings: Settings) -> Iterator[Hooks]:
    with closing(Hooks(url_of(settings))) as found:
        yield found


def add(hooks: Hooks, hook: HookRow, *numbers: int) -> list[int]:
    return hooks.append([(hook.id, values_json.dumps({"n": number})) for number in numbers])


def test_a_webhook_has_an_address_that_nobody_guesses_and_that_is_not_shown(hooks: Hooks) -> None:
    one, two = hooks.create("One"), hooks.create("Two", rate=0, queue_limit=5)

    assert one.token != two.token
    assert len(one.token) == 32
    assert (one.queue_limit, one.rate) == (10_000, 300)
    assert hooks.get(two.id) == hooks.by_token(two.token) == two
    assert {one, two} <= set(hooks.all())
    assert one.token not in repr(one)


def test_a_webhook_that_is_none_is_told(hooks: Hooks) -> None:
    assert hooks.by_token("x" * 32) is None
    with pytest.raises(UsageError, match="there is no webhook 'x'"):
        hooks.get("x")


def test_items_come_in_their_order_each_to_its_webhook(hooks: Hooks) -> None:
    one, two = hooks.create("One"), hooks.create("Two")

    ids = add(hooks, one, 1, 2)
    add(hooks, two, 3)
    ids += add(hooks, one, 4)

    assert ids == sorted(set(ids))
    assert [(each.id, each.bundle) for each in hooks.items(one.id, 0, 10)] == list(
        zip(ids, [{"n": 1}, {"n": 2}, {"n": 4}], strict=True)
    )
    assert [each.bundle for each in hooks.items(one.id, ids[0], 1)] == [{"n": 2}]
    assert [hooks.waiting(one.id, after, 10) for after in (0, *ids)] == [3, 2, 1, 0]


def test_a_number_that_was_used_does_not_come_again(hooks: Hooks) -> None:
    """A reader stands after it, and would miss what has it now."""
    one, two = hooks.create("One"), hooks.create("Two")
    [last] = add(hooks, one, 1)
    hooks.delete(one.id)

    [following] = add(hooks, two, 2)

    assert following > last
    assert hooks.items(one.id, 0, 10) == []


def test_what_is_old_is_forgotten_up_to_where_it_was_run(
    hooks: Hooks, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segconnect.clock.now", clock)
    monkeypatch.setattr("segconnect.scenario.hooks.FORGET_PAGE", 2)
    one, two = hooks.create("One"), hooks.create("Two")
    ids = add(hooks, one, 1, 2, 3, 4)
    add(hooks, two, 5)
    clock.forward(timedelta(days=3, seconds=1))
    add(hooks, one, 6)

    deleted = [hooks.forget(one.id, ids[2]) for _ in range(3)]

    assert deleted == [2, 1, 0]
    assert [each.bundle["n"] for each in hooks.items(one.id, 0, 10)] == [4, 6]
    assert hooks.forget(one.id, None) == 1
    assert [each.bundle["n"] for each in hooks.items(one.id, 0, 10)] == [6]
    assert len(hooks.items(two.id, 0, 10)) == 1


def test_who_reads_on_misses_nothing_while_several_processes_write(
    hooks: Hooks, settings: Settings
) -> None:
    """In PostgreSQL a number that is given first may be committed last."""
    hook = hooks.create("Busy")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(WRITERS)
    ]
    for mark, writer in enumerate(writers):
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write(f"{url_of(settings)} {hook.id} {mark}\n")
        writer.stdin.flush()
        writer.stdout.readline()
    ends = [Thread(target=writer.communicate, args=("go\n",)) for writer in writers]
    for each in ends:
        each.start()

    seen: list[str] = []
    last = 0
    while True:
        is_over = not any(each.is_alive() for each in ends)
        items = hooks.items(hook.id, last, 50)
        seen += [each.bundle["n"] for each in items]
        last = items[-1].id if items else last
        if is_over and not items:
            break

    assert [writer.returncode for writer in writers] == [0] * WRITERS
    assert len(seen) == WRITERS * GROUPS * SIZE
    for mark in range(WRITERS):
        mine = [each for each in seen if each.startswith(f"{mark} ")]
        assert mine == [f"{mark} {number}" for number in range(GROUPS * SIZE)]
