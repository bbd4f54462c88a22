"""Customers are counted without telling them apart where that is the same: as by a plain loop."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.account.reports.test_adding_up import few
from tests.account.reports.world import World

DAYS = [f"2026-03-{day:02}" for day in (1, 2, 10, 20, 31)]
LATER = [*DAYS, "2026-04-15"]
CHANNELS = ("paid", "email", "direct")


class Lead(NamedTuple):
    """Somebody of March, with visits and orders before, in and after it."""

    day: str
    tags: list[str]
    visits: list[tuple[str, str]]  # day and channel
    orders: list[tuple[str, int]]  # day and amount


days = st.sampled_from(["2026-02-01", *LATER])
leads = st.builds(
    Lead,
    st.sampled_from(DAYS),
    st.lists(st.sampled_from(["VIP", "cold"]), unique=True),
    st.lists(st.tuples(days, st.sampled_from(CHANNELS)), max_size=4).map(sorted),
    st.lists(st.tuples(days, st.integers(1, 9)), max_size=3),
)


def build(people: list[Lead]) -> World:
    world = World()
    for lead in people:
        person = world.contact(lead.day, tags=lead.tags)
        for day, channel in lead.visits:
            world.visit(person, day, channel=channel)
        for day, amount in lead.orders:
            world.order(person, day, amount)
    return world


def channels_before(lead: Lead, day: str) -> set[str | None]:
    found: set[str | None] = {channel for visited, channel in lead.visits if visited <= day}
    return found or {None}


def days_of(lead: Lead, day: str) -> set[str | None]:
    return {lead.day}


def tags_of(lead: Lead, day: str) -> set[str | None]:
    return {*lead.tags} or {None}


@pytest.mark.parametrize(
    ("by", "told"),
    [("clicks.channel", channels_before), ("date.day", days_of), ("contacts.tag", tags_of)],
)
@few
@given(people=st.lists(leads, max_size=4))
def test_customers_of_a_cohort_are_those_of_a_plain_loop(
    by: str, told: Any, people: list[Lead]
) -> None:
    buyers: dict[Any, set[int]] = defaultdict(set)
    revenue: dict[Any, int] = defaultdict(int)
    for number, lead in enumerate(people):
        for day, amount in lead.orders:
            for group in told(lead, day):
                buyers[group].add(number)
                revenue[group] += amount

    answer = build(people).told("leads", "numOfCustomers", "revenue", by=[by], model="any")

    rows = {row[0]: tuple(row[1:]) for row in answer["rows"] if any(row[1:])}
    assert rows == {
        group or "(none)": (len(buyers[group]), revenue[group] / 100) for group in revenue
    }
    assert answer["totals"] == [
        sum(bool(lead.orders) for lead in people),
        sum(amount for lead in people for _, amount in lead.orders) / 100,
    ]
