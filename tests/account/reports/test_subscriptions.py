"""Recurring revenue: what is active when, and why it moved."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.account.reports.world import World

MOVES = ("newMrr", "expansionMrr", "reactivatedMrr", "contractionMrr", "churnedMrr")


def moves(world: World, **asked: str) -> dict[str, float]:
    """What moved, without what did not."""
    found = {name: world.total(name, **asked) or 0 for name in MOVES}
    return {name: amount for name, amount in found.items() if amount}


def test_a_subscription_is_active_up_to_the_day_that_it_ends_on() -> None:
    world = World()
    world.subscription(1, "2026-03-10", 3000, ends="2026-03-20")

    found = world.rows("mrr", by="day", start="2026-03-09", end="2026-03-20")

    assert [found[f"2026-03-{day:02}"] for day in (9, 10, 19, 20)] == [0, 3000, 3000, 0]


def test_a_trial_is_shown_apart_and_is_new_revenue_once_it_is_over() -> None:
    world = World()
    world.subscription(1, "2026-03-01", 3000, trial="2026-03-15")

    assert world.total("trialing", end="2026-03-14") == 1
    assert world.total("mrr", end="2026-03-14") == 0
    assert moves(world, end="2026-03-14") == {}
    assert world.total("mrr", end="2026-03-15") == 3000
    assert moves(world) == {"newMrr": 3000}
    assert world.total("trialConversion") == 100


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, 3000, {"newMrr": 3000}),
        (1000, 3000, {"expansionMrr": 2000}),
        (3000, 1000, {"contractionMrr": 2000}),
        (3000, 3000, {}),
        (3000, None, {"churnedMrr": 3000}),
    ],
)
def test_a_change_of_plan_on_one_day_is_what_it_comes_to(
    before: int | None, after: int | None, expected: dict[str, int]
) -> None:
    world = World()
    if before:
        world.subscription(1, "2026-01-01", before, ends="2026-03-10", product="old")
    if after:
        world.subscription(1, "2026-03-10", after, product="new")

    assert moves(world) == expected


def test_who_comes_back_is_not_new() -> None:
    world = World()
    world.subscription(1, "2026-01-01", 3000, ends="2026-02-01")
    world.subscription(1, "2026-03-10", 3000)

    assert moves(world) == {"reactivatedMrr": 3000}
    assert moves(world, start="2026-01-01") == {
        "newMrr": 3000, "churnedMrr": 3000, "reactivatedMrr": 3000,
    }  # fmt: skip


def test_nothing_is_known_of_days_that_are_to_come() -> None:
    """It is 31 March."""
    world = World()
    world.subscription(1, "2026-01-01", 3000, ends="2026-04-10")

    assert world.total("mrr", end="2026-12-31") == 3000
    assert world.total("churnedMrr", end="2026-12-31") == 0
    assert world.total("cancellations", end="2026-12-31") == 0


def test_churn_looks_back_30_days_whatever_the_range() -> None:
    world = World()
    for ends in ("2026-02-20", "2026-03-05", None, None):
        world.subscription(1, "2026-01-01", 3000, ends=ends)

    for start in ("2026-03-31", "2026-01-01"):
        assert world.total("churnRate", start=start) == pytest.approx(100 / 3)


def test_a_mean_of_subscriptions_by_plan() -> None:
    world = World()
    world.subscription(1, "2026-01-01", 3000)
    world.subscription(2, "2026-01-01", 9000, frequency=3)

    assert world.rows("mrr", "activeSubscriptions", by="plan") == {
        "club, every month": (3000, 1), "club, every 3 months": (3000, 1),
    }  # fmt: skip


days = st.dates(date(2026, 1, 1), date(2026, 4, 30)).map(date.isoformat)
subscriptions = st.tuples(
    st.integers(1, 2), days, st.integers(1, 5000), st.none() | days, st.none() | days,
    st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 3),
)  # fmt: skip


@settings(max_examples=15, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(st.lists(subscriptions, max_size=5), days, days)
def test_what_there_was_and_all_movements_come_to_what_there_is(
    held: list[tuple[int, str, int, str | None, str | None, str, int]], one: str, other: str
) -> None:
    world = World()
    for person, starts, amount, trial, ends, cycle, frequency in held:
        world.subscription(person, starts, amount, trial=trial, ends=ends, cycle=cycle,
                           frequency=frequency)  # fmt: skip
    asked = {"start": min(one, other), "end": max(one, other)}

    def total(metric: str) -> float:
        return world.total(metric, **asked) or 0

    assert total("openingMrr") + total("netNewMrr") == pytest.approx(total("mrr"), abs=1e-4)
    by_week = world.rows("netNewMrr", by="week", **asked)
    assert sum(by_week.values()) == pytest.approx(total("netNewMrr"), abs=1e-4)
