"""What several ask for at one time is found once, and is never older than the question."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import monotonic, sleep

from segconnect.account.owner import access
from segconnect.account.replica.sharing import Shared
from tests.conftest import Account, InProcess


class Counting:
    """Finds how often it was asked, when it may."""

    def __init__(self) -> None:
        self.times, self.began, self.may = 0, Event(), Event()

    def __call__(self) -> tuple[int, float]:
        self.times, began = self.times + 1, monotonic()
        self.began.set()
        assert self.may.wait(10)
        return self.times, began


def test_those_who_wait_share_what_is_found_after_they_asked() -> None:
    shared, find = Shared[int](), Counting()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(shared.answer, "leads", find)
        assert find.began.wait(10)
        late = [pool.submit(shared.answer, "leads", find) for _ in range(3)]
        sleep(0.1)  # until they wait
        find.may.set()
        answers = [each.result(10) for each in late]

    assert first.result() == 1  # it may lack what was acknowledged before the others asked
    assert answers == [2, 2, 2]


def test_nothing_is_kept_for_who_asks_later() -> None:
    shared, find = Shared[int](), Counting()
    find.may.set()

    assert [shared.answer("leads", find) for _ in range(3)] == [1, 2, 3]


def test_another_question_waits_for_nobody() -> None:
    shared, slow, quick = Shared[int](), Counting(), Counting()
    quick.may.set()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(shared.answer, "leads", slow)
        assert slow.began.wait(10)

        assert shared.answer("orders", quick) == 1

        slow.may.set()
        assert waiting.result(10) == 1


def test_reports_asked_at_one_time_each_have_what_was_acknowledged_before(
    account: Account,
) -> None:
    assert isinstance(account.door, InProcess)
    reports, pk = account.door.app.reports, access.account_pk(account.engine, account.id)
    query = {"type": "orders", "dimensions": [], "metrics": ["orders"], "date_range": {
        "start": "2020-01-01", "end": "now"}}  # fmt: skip
    begin, rounds = Barrier(5), 8

    def look() -> list[int]:
        found = []
        for _ in range(rounds):
            begin.wait(30)
            found.append(reports.query(pk, json.dumps(query).encode())["totals"][0])
        return found

    with ThreadPoolExecutor(4) as pool:
        looking = [pool.submit(look) for _ in range(4)]
        for number in range(rounds):
            account.order(str(number), email="joey@bloggs.com", date_created="2026-01-10 03:00:00")
            begin.wait(30)
        seen = [each.result(30) for each in looking]

    for found in seen:  # another order may have come in before it was answered
        assert all(count >= number for number, count in enumerate(found, 1))
