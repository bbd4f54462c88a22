"""Which visits come before an order, or before somebody becomes a lead."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segconnect.account.reports.asking import ask_behind
from segconnect.errors import UsageError
from tests.account.reports.world import World, seconds

CHANNELS = ("paid", "email", "direct")


@pytest.fixture
def shop() -> World:
    """Ann came by an ad twice, by an email, and bought twice; Bob by an ad alone.

    Cid bought without a visit, and Dee visited and bought nothing.
    """
    world = World()
    ann, bob, cid = (world.contact(day) for day in ("2026-03-03", "2026-03-02", "2026-03-01"))
    world.visit(ann, "2026-03-01", channel="paid")
    world.visit(ann, "2026-03-02", channel="paid")
    world.visit(ann, "2026-03-05", channel="email")
    world.visit(bob, "2026-03-02", channel="paid")
    world.visit(99, "2026-03-02", channel="social")
    world.order(ann, "2026-03-03", 1000)
    world.order(ann, "2026-03-06", 500)
    world.order(bob, "2026-03-04", 300)
    world.order(cid, "2026-03-04", 200)
    return world


def test_paths_are_the_channels_before_each_order(shop: World) -> None:
    told = shop.told("paths")

    assert [field["key"] for field in told["fields"]] == [
        "path", "orders", "numOfCustomers", "revenue", "pathVisits", "pathDays",
    ]  # fmt: skip
    assert told["rows"] == [
        ["paid", 2, 2, 13, 1.5, 2],  # Ann's two visits are one step, and two days
        ["(no visits)", 1, 1, 2, None, None],
        ["paid → email", 1, 1, 5, 3, 5],
    ]
    assert told["totals"] == [4, 3, 20, 2, 3]
    assert told["paths"] == [["paid"], [], ["paid", "email"]]


def test_steps_that_repeat_are_told_when_asked_for(shop: World) -> None:
    told = shop.told("paths", "orders", options={"repeats": True})

    assert [row[0] for row in told["rows"]] == [
        "(no visits)", "paid", "paid → paid", "paid → paid → email",
    ]  # fmt: skip


def test_paths_beyond_the_limit_share_a_row(shop: World) -> None:
    told = shop.told("paths", limit=1, sort="-revenue")

    assert told["rows"] == [["paid", 2, 2, 13, 1.5, 2], ["(other paths)", 2, 2, 7, 3, 5]]
    assert told["paths"] == [["paid"], None]
    assert told["rows_hidden"] == 2
    assert told["totals"] == [4, 3, 20, 2, 3]


def test_a_window_leaves_out_earlier_visits(shop: World) -> None:
    told = shop.told("paths", "orders", "revenue", model="any@2")

    assert ["email", 1, 5, 1, 1] in told["rows"]


def test_a_filter_on_visits_asks_whether_the_path_has_one(shop: World) -> None:
    told = shop.told("paths", "orders", filters=[{"field": "channel", "is": "email"}])

    assert told["rows"] == [["paid → email", 1, 3, 5]]
    assert told["totals"] == [1, 3, 5]


def test_other_filters_are_those_of_orders(shop: World) -> None:
    told = shop.told("paths", "orders", filters=[{"field": "orders.kind", "is": "first"}])

    assert told["totals"][0] == 3


def test_paths_to_leads_tell_all_that_these_ever_ordered(shop: World) -> None:
    told = shop.told("paths", options={"conversion": "lead"})

    assert [field["key"] for field in told["fields"]][1:5] == [
        "leads", "leadCustomers", "conversionRate", "revenue",
    ]  # fmt: skip
    assert told["rows"] == [
        ["paid", 2, 2, 100, 18, 1.5, 1],
        ["(no visits)", 1, 1, 100, 2, None, None],
    ]
    assert told["view"] == "cohort"
    assert told["certainty"]["conversionRate"]["totals"]["sample"] == 3


def test_what_is_behind_a_path_are_its_orders(shop: World) -> None:
    plan = shop.credited("paths", by=None)
    facts = shop.facts

    orders, customers, revenue = ask_behind(facts, plan, "paid")
    assert [each.part for each in revenue.parts] == [1000, 300]
    assert [each.part for each in orders.parts] == [each.part for each in customers.parts] == [1, 1]
    assert [each.person for each in customers.parts] == [each.person for each in revenue.parts]
    (_, _, revenue) = ask_behind(facts, plan, "(no visits)")
    assert [each.part for each in revenue.parts] == [200]
    (_, customers, revenue) = ask_behind(facts, plan)
    assert sum(each.part for each in revenue.parts) == 2000
    assert len(customers.parts) == 3


def test_a_comparison_is_the_same_of_the_days_before(shop: World) -> None:
    told = shop.told("paths", "orders", start="2026-03-04", end="2026-03-06", compare="previous")

    assert told["totals"][0] == 3
    assert told["comparison"]["totals"] == [1, 2, 2]
    assert told["comparison"]["rows"] == [["paid", 1, 2, 2]]
    assert told["comparison"]["changes"][0] == 200


def test_before_anything_happened_there_are_no_paths() -> None:
    told = World().told("paths")

    assert (told["rows"], told["totals"]) == ([], [0, 0, 0, None, None])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"by": ["product"]}, "paths: expected one dimension of visits, such as clicks.channel"),
        ({"by": []}, "expected one dimension of visits"),
        ({"metrics": ["adSpend"]}, "adSpend is not known of paths to orders"),
        ({"metrics": ["leads"]}, "leads is not known of paths to orders"),
        ({"sort": "-aov", "metrics": ["aov"]}, "paths are sorted by sums such as revenue"),
        ({"filters": [{"field": "revenue", "at_least": 1}]}, "filtered by dimensions"),
        ({"options": {"conversion": "sale"}}, "option conversion: expected order or lead"),
        ({"options": {"repeats": 1}}, "option repeats: expected true or false, found 1"),
        ({"options": {"models": ["any", "linear"]}}, "option models is for reports of the type"),
    ],
)
def test_what_paths_cannot_tell_is_refused(asked: dict[str, Any], told: str) -> None:
    asked = {"by": None, **asked}
    with pytest.raises(UsageError, match=told):
        World().plan("paths", *asked.pop("metrics", ()), **asked)


# -- against a plain loop ------------------------------------------------------------------------

DAYS = [f"2026-03-0{day}" for day in range(1, 8)]
people = st.tuples(
    st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from(CHANNELS)), max_size=4),
    st.lists(st.tuples(st.sampled_from(DAYS), st.integers(1, 999)), max_size=3),
)
shops = st.lists(people, max_size=4)


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(shops, st.booleans(), st.integers(1, 4))
def test_paths_are_those_of_a_plain_loop(
    shop: list[tuple[list[tuple[str, str]], list[tuple[str, int]]]], repeats: bool, limit: int
) -> None:
    world = World()
    found: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    for person, (visits, orders) in enumerate(shop, 1):
        for day, channel in sorted(visits):
            world.visit(person, day, channel=channel)
        for day, cents in orders:
            world.order(person, day, cents)
            before = sorted(each for each in visits if each[0] <= day)
            steps = [channel for _, channel in before]
            told = [
                step
                for place, step in enumerate(steps)
                if repeats or not place or steps[place - 1] != step
            ]
            waited = (seconds(day) - seconds(before[0][0])) // 86400 if before else 0
            found[" → ".join(told) or "(no visits)"].append((person, cents, len(steps), waited))

    answer = world.told("paths", options={"repeats": repeats}, limit=limit)

    ranked = sorted(found, key=lambda path: (-len(found[path]), _unnamed(path)))
    rows = [[path, *_figures(found[path])] for path in ranked[:limit]]
    others = [each for path in ranked[limit:] for each in found[path]]
    rows += [["(other paths)", *_figures(others)]] if others else []
    assert answer["rows"] == rows
    assert answer["totals"] == _figures([each for path in found.values() for each in path])


def _unnamed(path: str) -> str:
    return "" if path == "(no visits)" else path.replace(" → ", "\x1f")


def _figures(orders: list[tuple[int, int, int, int]]) -> list[Any]:
    visited = [each for each in orders if each[2]]
    means = [
        pytest.approx(sum(each[place] for each in visited) / len(visited), abs=1e-4)
        if visited
        else None
        for place in (2, 3)
    ]
    people = {person for person, *_ in orders}
    cents = sum(cents for _, cents, _, _ in orders)
    return [len(orders), len(people), pytest.approx(cents / 100), *means]
