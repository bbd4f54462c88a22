"""Cohorts as they are read from the replica, and what is told of their forecast."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from segconnect.account.forecast import KINDS, forecast_answer
from segconnect.account.forecast.answering import read_cohorts
from segconnect.account.reports.plan import Settings
from segconnect.errors import UsageError
from tests.account.reports.world import World, seconds
from tests.conftest import Account

TODAY = date(2026, 3, 31)
SETTINGS = Settings(datetime(2026, 3, 31, 12, tzinfo=UTC), UTC, "USD")


def ask(world: World, of: str = "leads", months: int = 3) -> dict[str, Any]:
    """Answers a forecast at the end of March 2026."""
    return forecast_answer(world.facts, SETTINGS, of, months)


@pytest.fixture
def shop() -> World:
    """Two leads of November, of whom one bought at once and again; one of January, and of March."""
    world = World()
    ann, _bob = world.contact("2025-11-05"), world.contact("2025-11-30")
    cid = world.contact("2026-01-10")
    world.contact("2026-03-02")
    world.order(ann, "2025-11-06", 1000)
    world.order(ann, "2025-12-20", 500)
    world.order(cid, "2026-01-10", 800)
    return world


def test_each_month_tells_what_it_brought_and_what_it_will_have(shop: World) -> None:
    told = ask(shop)

    # usual: 18.00 of 3 people, then 5.00 of 3, then nothing of the 2 who are that old
    level = (800 + 1.5 * (600 + 0)) / (600 + 1.5 * 600)
    assert [(row["month"], row["leads"], row["age"], row["brought"], row["is_known"])
            for row in told["rows"]] == [("2025-11", 2, 4, 7.5, True),
                                         ("2026-01", 1, 1, 8, False)]  # fmt: skip
    assert told["rows"][0]["forecast"] == 7.5
    assert told["rows"][1]["forecast"] == pytest.approx(8 + level * 2.5, abs=1e-6)
    assert told["back_test"] == {"forecasts": 0, "error": None, "last_year_error": None,
                                 "is_better": None}  # fmt: skip
    assert told["told"].startswith("The forecast cannot be tested yet")


def test_customers_are_counted_from_their_first_order(shop: World) -> None:
    told = ask(shop, "customers")

    assert [(row["month"], row["customers"], row["brought"]) for row in told["rows"]] == [
        ("2025-11", 1, 15), ("2026-01", 1, 8),
    ]  # fmt: skip


def test_cohorts_are_those_of_a_plain_loop() -> None:
    dice, world = random.Random(5), World()
    people: dict[str, int] = {}
    money: dict[tuple[str, int], int] = {}
    for _ in range(60):
        joined = date(2025, 6, 1) + timedelta(dice.randrange(250))
        person = world.contact(str(joined))
        if joined < date(2026, 3, 1):
            people[f"{joined:%Y-%m}"] = people.get(f"{joined:%Y-%m}", 0) + 1
        for _ in range(dice.randrange(4)):
            bought = joined + timedelta(dice.randrange(-5, 100))
            cents = dice.randrange(1, 9000)
            world.order(person, str(bought), cents)
            age = max((seconds(str(bought)) - seconds(str(joined))) // 2_592_000, 0)
            key = (f"{joined:%Y-%m}", age)
            money[key] = money.get(key, 0) + cents

    found = read_cohorts(world.facts, KINDS["leads"], TODAY, 4)

    for month, count, row in zip(found.months(), found.people, found.money, strict=True):
        name = f"{month:%Y-%m}"
        assert count == people.get(name, 0)
        assert row.tolist() == [money.get((name, age), 0) for age in range(4)]


def test_an_account_of_nobody_has_no_rows() -> None:
    assert ask(World())["rows"] == []


def test_when_last_year_is_the_better_guide_it_says_so() -> None:
    world = World()
    for number in range(36):
        year, month = divmod(2022 * 12 + 11 + number, 12)
        person = world.contact(f"{year}-{month + 1:02}-03")
        world.order(person, f"{year}-{month + 1:02}-04", 1000)
        if month == 11:  # who comes for Christmas never comes again; all others do
            continue
        later = date(year, month + 1, 3) + timedelta(40)
        world.order(person, str(later), 1000 * month + 1000)

    told = ask(world, months=2)

    assert told["back_test"]["forecasts"] > 0
    assert told["back_test"]["last_year_error"] == 0
    assert told["back_test"]["is_better"] is False
    assert told["told"].endswith("the forecast does not beat that rule; rely on last year's.")


def test_what_is_not_there_is_refused(shop: World) -> None:
    with pytest.raises(UsageError, match="unknown forecast 'lead'; did you mean 'leads'"):
        ask(shop, "lead")
    with pytest.raises(UsageError, match="months: expected 1 to 60, found 61"):
        ask(shop, months=61)


def test_programs_ask_for_it_over_http(account: Account) -> None:
    account.send("contact", {"email": "ann@bloggs.com", "date_created": "2026-01-02"})
    account.order("1", email="ann@bloggs.com", amount=700, date_created="2026-01-02")

    answer = account.request("GET", f"/{account.id}/forecast?of=customers&months=1", b"")

    assert answer.status == 200, answer.body
    assert [row["brought"] for row in answer.body["rows"]] == [7]
    refused = account.request("GET", f"/{account.id}/forecast?months=x", b"")
    assert (refused.status, "whole number" in refused.body["message"]) == (400, True)
