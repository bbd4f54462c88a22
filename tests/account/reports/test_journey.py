"""How far people come, from the first visit to the second order."""

from __future__ import annotations

from statistics import mean, median
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segconnect.account.reports.asking import ask_behind
from segconnect.errors import UsageError
from tests.account.reports.world import World, seconds


@pytest.fixture
def shop() -> World:
    """Ann went the whole way, in 2, 3 and 4 days; Bob bought at once after a visit by email.

    Cid bought before anybody knew more of him, and became a lead later. Dee only visited, in
    February, and became a lead in March.
    """
    world = World()
    ann, bob, cid, dee, eve = range(1, 6)
    world.visit(ann, "2026-03-01", channel="paid")
    world.contact("2026-03-03", person=ann, tags=["VIP", "cold"])
    world.order(ann, "2026-03-06", 1000)
    world.order(ann, "2026-03-10", 500)
    world.order(ann, "2026-03-11", 500)
    world.visit(bob, "2026-03-02", channel="email")
    world.visit(bob, "2026-03-03", channel="paid")
    world.contact("2026-03-06", person=bob)
    world.order(bob, "2026-03-06", 300)
    world.order(cid, "2026-03-04", 200)
    world.contact("2026-03-05", person=cid)
    world.visit(dee, "2026-02-28", channel="paid")
    world.contact("2026-03-01", person=dee)
    world.visit(eve, "2026-03-04", channel="paid")
    return world


def test_each_step_tells_its_people_and_the_days_from_the_one_before(shop: World) -> None:
    told = shop.told("journey")

    assert [field["key"] for field in told["fields"]] == [
        "step", "people", "stepRate", "overallRate", "daysMedian", "daysMean",
    ]  # fmt: skip
    assert told["everybody"] == told["rows"]
    assert told["rows"] == [
        ["First Visit", 3, 75, 75, None, None],
        ["Lead", 3, 66.6667, 75, 3, 3],  # of the three visitors two; Cid was none
        ["Customer", 3, 100, 75, 0, 1],  # 3 days, none, and Cid none, who bought before
        ["Repeat Customer", 1, 33.3333, 25, 4, 4],
    ]
    assert told["totals"] == [4, None, None, None, None]
    assert [each["sample"] for each in told["certainty"]["stepRate"]["rows"]] == [4, 3, 3, 3]


def test_by_a_dimension_people_are_told_by_their_first_visit(shop: World) -> None:
    told = shop.told("journey", by=["channel"])

    assert [row[:3] for row in told["rows"]] == [
        ["paid", "First Visit", 2], ["paid", "Lead", 1], ["paid", "Customer", 1],
        ["paid", "Repeat Customer", 1],
        ["email", "First Visit", 1], ["email", "Lead", 1], ["email", "Customer", 1],
        ["email", "Repeat Customer", 0],
        ["(none)", "First Visit", 0], ["(none)", "Lead", 1], ["(none)", "Customer", 1],
        ["(none)", "Repeat Customer", 0],
    ]  # fmt: skip
    assert told["rows"][4] == ["email", "First Visit", 1, 100, 100, None, None]
    assert told["everybody"][0] == ["First Visit", 3, 75, 75, None, None]
    assert shop.told("journey", by=["channel"], limit=1)["rows_hidden"] == 2


def test_by_month_they_are_told_by_when_they_were_first_known(shop: World) -> None:
    told = shop.told("journey", by=["month"], start="2026-02-01")

    assert [row[:3] for row in told["rows"] if row[1] == "Lead"] == [
        ["2026-02", "Lead", 1], ["2026-03", "Lead", 3],
    ]  # fmt: skip


def test_tags_and_visits_say_whose_journeys_are_told(shop: World) -> None:
    tagged = shop.told("journey", filters=[{"field": "tag", "is": ["VIP", "cold"]}])
    paid = shop.told("journey", filters=[{"field": "channel", "is": "paid"}])

    assert tagged["totals"][0] == 1
    assert paid["totals"][0] == 2


def test_switches_say_which_orders_make_a_customer() -> None:
    world = World()
    world.order(1, "2026-03-01", 100, is_refunded=True)
    world.order(1, "2026-03-02", 100)

    assert world.told("journey")["rows"][3][1] == 1
    assert world.told("journey", options={"exclude_refunded": True})["rows"][3][1] == 0


@pytest.mark.parametrize(
    ("step", "people"),
    [("", [1, 2, 3, 5]), ("visit", [1, 2, 5]), ("Lead", [1, 2, 3]), ("repeat", [1])],
)
def test_the_people_of_a_step_are_listed(shop: World, step: str, people: list[int]) -> None:
    (found,) = ask_behind(shop.facts, shop.plan("journey", by=None), step)

    assert [each.person for each in found.parts] == people


def test_journeys_are_compared_with_those_that_began_before(shop: World) -> None:
    told = shop.told("journey", compare="previous")

    assert told["comparison"]["totals"] == [1, None, None, None, None]
    assert told["comparison"]["changes"] == [300, None, None, None, None]


def test_before_anything_happened_nobody_has_come_far() -> None:
    told = World().told("journey")

    assert [row[1:] for row in told["rows"]] == [[0, None, None, None, None]] * 4


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"by": ["product"]}, "people are not known by orders.product"),
        ({"filters": [{"field": "product", "is": "tea"}]}, "people are not known by orders.produ"),
        ({"filters": [{"field": "revenue", "at_least": 1}]}, "filtered by dimensions"),
        ({"metrics": ["revenue"]}, "a journey has columns of its own"),
        ({"sort": "revenue"}, "a journey has an order of its own"),
    ],
)
def test_what_a_journey_cannot_tell_is_refused(asked: dict[str, Any], told: str) -> None:
    asked = {"by": None, **asked}
    with pytest.raises(UsageError, match=told):
        World().plan("journey", *asked.pop("metrics", ()), **asked)


def test_a_step_that_there_is_not_is_told(shop: World) -> None:
    with pytest.raises(UsageError, match="unknown step 'leed'; did you mean 'lead'"):
        ask_behind(shop.facts, shop.plan("journey", by=None), "leed")


DAYS = st.sampled_from([f"2026-{day}" for day in ("02-28", "03-01", "03-04", "03-09", "04-01")])
person = st.tuples(st.lists(DAYS, max_size=2), st.lists(DAYS, max_size=1),
                   st.lists(DAYS, max_size=3))  # fmt: skip


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(person, max_size=5))
def test_steps_are_those_of_a_plain_loop(
    shop: list[tuple[list[str], list[str], list[str]]],
) -> None:
    world = World()
    journeys: list[list[str | None]] = []
    for number, (visits, contacts, orders) in enumerate(shop, 1):
        for day in sorted(visits):
            world.visit(number, day, channel="paid")
        for day in contacts:
            world.contact(day, person=number)
        for day in orders:
            world.order(number, day, 100)
        taken = [*sorted(visits)[:1], *contacts, *orders]
        if taken and "2026-03-01" <= min(taken) <= "2026-03-31":
            bought: list[str | None] = [*sorted(orders), None, None]
            journeys.append([min(visits, default=None), *[*contacts, None][:1], *bought[:2]])

    rows = world.told("journey")["rows"]

    for place in range(4):
        count = sum(each[place] is not None for each in journeys)
        assert rows[place][1] == count
        if place:
            waited = [
                max(seconds(after) - seconds(before), 0) / 86400
                for *_, before, after in (each[: place + 1] for each in journeys)
                if before is not None and after is not None
            ]
            assert rows[place][4] == (round(median(waited), 4) if waited else None)
            assert rows[place][5] == (round(mean(waited), 4) if waited else None)
