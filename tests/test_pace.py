"""How fast an account is asked, where nobody said what it takes."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import pairwise

import pytest

from benchmarks.faults import Plan, faulty
from segconnect import AddUpdateContact, AsyncClient, Limits
from segconnect.pace import Pace


async def sent(address: str, contacts: int, in_flight: int) -> tuple[int, float]:
    """Sends contacts; answers how many arrived, and the seconds that it took."""
    async with AsyncClient(
        api_key="0123456789abcdefghijkl", account_id="a", integration_id="i",
        base_url=f"{address}/api", limits=Limits(backoff=0.05),
    ) as client:  # fmt: skip
        modules = [AddUpdateContact(email=f"p{n}@b.c") for n in range(contacts)]
        began = time.monotonic()
        results = [each async for each in client.send_many(modules, concurrency=in_flight)]
    return sum(each.error is None for each in results), time.monotonic() - began


@pytest.mark.parametrize("in_flight", [16, 100])
def test_a_limit_that_nobody_told_is_found_and_costs_no_contact(in_flight: int) -> None:
    with faulty(Plan(limit=50)) as server:
        arrived, seconds = asyncio.run(sent(server.address, 400, in_flight))
        told = server.told()

    assert arrived == told["records"] == 400
    assert told["repeated"] == 0
    assert told["happened"]["429"] <= 2 * in_flight
    assert seconds < 2 * (400 - 50) / 50


def test_a_rate_that_was_set_is_kept_whatever_the_account_asks_for() -> None:
    pace = Pace(100, 0)
    pace.taken()

    pace.pause(0.01, is_limit=True)

    assert pace.rate == 100


def test_an_account_in_trouble_is_left_alone_and_not_asked_more_slowly_then() -> None:
    async def waited() -> float:
        pace = Pace(None, 0)
        pace.pause(0.05, is_limit=False)
        began = time.monotonic()
        await pace.turn()
        assert not pace.is_held
        return time.monotonic() - began

    assert asyncio.run(waited()) >= 0.049


class Clock:
    """Seconds, as the pace sees them."""

    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("segconnect.pace.monotonic", lambda: clock.now)
    return clock


def asked_once(clock: Clock) -> Pace:
    """A pace whose account has asked for a pause, which is over."""
    pace = Pace(None, 0)
    pace.pause(1, is_limit=True)
    clock.now += 1
    return pace


def test_a_pause_now_and_then_tells_of_no_limit(clock: Clock) -> None:
    pace = asked_once(clock)
    clock.now += 60
    pace.pause(1, is_limit=True)

    assert pace.rate is None


def test_what_was_not_sent_for_a_while_does_not_make_it_slower(clock: Clock) -> None:
    pace = asked_once(clock)
    pace.taken()
    clock.now += 3
    for _ in range(10):
        pace.taken()
        clock.now += 0.1
    pace.pause(1, is_limit=True)

    assert pace.rate == pytest.approx(5)  # 10 in 2 s, the pause among them


def test_what_is_answered_after_the_account_asked_for_a_pause_was_taken_before(
    clock: Clock,
) -> None:
    pace = asked_once(clock)
    pace.taken()
    clock.now += 1
    pace.pause(1, is_limit=True)
    for _ in range(9):
        pace.taken()

    assert pace.rate == pytest.approx(5)  # 10 in 2 s


def test_a_rate_that_was_found_falls_by_steps(clock: Clock) -> None:
    pace = asked_once(clock)
    for _ in range(100):
        pace.taken()
    clock.now += 1
    pace.pause(1, is_limit=True)
    assert pace.rate == pytest.approx(50)

    clock.now += 2
    pace.taken()
    pace.pause(1, is_limit=True)

    assert pace.rate == pytest.approx(0.85 * 50)


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: most)


@pytest.mark.usefixtures("longest")
def test_a_failure_among_many_successes_waits_for_a_moment_only() -> None:
    pace = Pace(None, 0)
    at_first = pace.back_off(10, 0)
    for number in range(1_000):
        pace.taken()
        if number % 10 == 0:
            seldom = pace.back_off(10, 0)
    down = pace.back_off(10, 0, is_down=True)
    for _ in range(200):
        ill = pace.back_off(10, 0)

    assert at_first == down == 10
    assert 0.0001 <= seldom < 0.01
    assert 9 < ill <= 10


@pytest.mark.usefixtures("longest")
def test_a_request_that_fails_while_others_do_not_waits_longer_each_time() -> None:
    pace = Pace(None, 0)
    pauses = []
    for tries in range(Limits().attempts - 1):
        for _ in range(100):
            pace.taken()
        pauses.append(pace.back_off(min(30, 0.5 * 2**tries), tries))

    assert all(later > 4 * before for before, later in pairwise(pauses))
    assert pauses[0] < 0.001
    assert 0.2 < pauses[-1] < 1
