"""Random small shops: every grouping against a plain loop, and against the total."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segconnect.account.metrics import METRICS, is_additive
from segconnect.account.reports.behind import behind
from segconnect.account.reports.run import value
from tests.account.reports.world import World

DAYS = ("2026-02-28", "2026-03-01", "2026-03-15", "2026-03-31", "2026-04-01")
IN_MARCH = DAYS[1:4]
CHANNELS = ("paid", "email", "direct")
PRODUCTS = ("tea", "pot", "club")
TAGS = ("VIP", "cold")


class Lead(NamedTuple):
    """Somebody, and the contacts that there are of them."""

    days: list[str]
    tags: list[str]
    visits: list[tuple[str, str]]  # day and channel
    orders: list[Order]


class Order(NamedTuple):
    """What somebody bought."""

    day: str
    items: list[tuple[str, int]]
    beside: int  # tax, shipping, discount
    is_refunded: bool
    credits: list[str]  # channels, each of which has the same share


orders = st.builds(
    Order,
    day=st.sampled_from(DAYS),
    items=st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 999)), min_size=1,
                   max_size=3),
    beside=st.integers(-1, 1),
    is_refunded=st.booleans(),
    credits=st.lists(st.sampled_from(CHANNELS), max_size=3),
)  # fmt: skip
leads = st.builds(
    Lead,
    days=st.lists(st.sampled_from(DAYS), max_size=2),
    tags=st.lists(st.sampled_from(TAGS), unique=True),
    visits=st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from(CHANNELS)), max_size=3),
    orders=st.lists(orders, max_size=3),
)
shops = st.lists(leads, max_size=4)
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # a shop is small as it is
few = settings(max_examples=12, deadline=None, phases=QUICK)


def build(shop: list[Lead]) -> World:
    world = World()
    for person, lead in enumerate(shop, 1):
        for day in lead.days:
            world.contact(day, person=person, tags=lead.tags)
        for day, channel in sorted(lead.visits):
            world.visit(person, day, channel=channel)
        for order in lead.orders:
            amount = sum(price for _, price in order.items) + order.beside
            pk = world.order(
                person, order.day, amount, items=order.items, is_refunded=order.is_refunded
            )
            touches = [(1 / len(order.credits), {"channel": each}) for each in order.credits]
            world.credit(pk, "linear", *touches)
            world.credit(pk, "any", *((1, touch) for _, touch in touches))
    return world


def bought(shop: list[Lead]) -> Iterator[tuple[int, Order]]:
    """The orders of March, and whose they are."""
    for person, lead in enumerate(shop):
        for order in lead.orders:
            if order.day in IN_MARCH:
                yield person, order


def amount(order: Order) -> int:
    return sum(price for _, price in order.items) + order.beside


@few
@given(shops)
def test_revenue_and_orders_by_product_are_those_of_a_plain_loop(shop: list[Lead]) -> None:
    revenue: dict[Any, int] = defaultdict(int)
    counted: dict[Any, set[int]] = defaultdict(set)
    buyers: dict[Any, set[int]] = defaultdict(set)
    for number, (person, order) in enumerate(bought(shop)):
        for product, price in order.items:
            revenue[product] += price
            counted[product].add(number)
            buyers[product].add(person)
        if order.beside:
            revenue[None] += order.beside

    found = build(shop).rows("revenue", "orders", "numOfCustomers", by="product")

    assert {key: row for key, row in found.items() if any(row)} == {
        key: (figure, len(counted[key]), len(buyers[key]))
        for key, figure in revenue.items()
        if figure or counted[key]
    }


@few
@given(shops)
def test_revenue_by_channel_is_that_of_a_plain_loop_shared_out_or_in_full(shop: list[Lead]) -> None:
    shared: dict[Any, Fraction] = defaultdict(Fraction)
    full: dict[Any, int] = defaultdict(int)
    for _, order in bought(shop):
        touched: list[str | None] = [*order.credits]
        touched = touched or [None]
        for channel in touched:
            shared[channel] += Fraction(amount(order), len(touched))
        for channel in set(touched):
            full[channel] += amount(order)
    world = build(shop)

    linear = world.rows("revenue", by="channel")

    assert world.rows("revenue", by="channel", model="any") == full
    assert linear.keys() == shared.keys()
    assert all(abs(linear[key] - shared[key]) <= 1 for key in shared)
    assert sum(linear.values()) == sum(shared.values()) == world.total("revenue")


@few
@given(shops)
def test_leads_and_customers_by_tag_are_those_of_a_plain_loop(shop: list[Lead]) -> None:
    joined: dict[Any, int] = defaultdict(int)
    converted: dict[Any, int] = defaultdict(int)
    for lead in shop:
        if lead.days and min(lead.days) in IN_MARCH:
            tags: list[str | None] = [*lead.tags]
            for tag in tags or [None]:
                joined[tag] += 1
                converted[tag] += bool(lead.orders)

    found = build(shop).rows("leads", "leadCustomers", by="tag")

    assert found == {tag: (count, converted[tag]) for tag, count in joined.items()}


@few
@given(shops)
def test_a_cohort_has_all_orders_of_its_leads_and_no_others(shop: list[Lead]) -> None:
    revenue = sum(
        amount(order)
        for lead in shop
        if lead.days and min(lead.days) in IN_MARCH
        for order in lead.orders
    )

    assert build(shop).total("revenue", options={"view": "cohort"}) == revenue


GROUPINGS = (
    ["channel"], ["month"], ["day"], ["week"], ["product"], ["order status"],
    ["channel", "product"], ["channel", "month"], ["orders.kind", "channel"], ["status"],
)  # fmt: skip
SUMS = [key for key, metric in METRICS.items() if is_additive(metric)]


@pytest.mark.parametrize("by", GROUPINGS, ids=" ".join)
@pytest.mark.parametrize("view", ["cohort", "period"])
@settings(max_examples=3, deadline=None, phases=QUICK)
@given(shop=shops)
def test_rows_of_any_grouping_add_up_to_the_total(shop: list[Lead], by: list[str],
                                                  view: str) -> None:  # fmt: skip
    world = build(shop)
    options = {"view": view}
    planned = world.plan(options=options, by=by)
    told = [key for key in SUMS if planned.can_tell(METRICS[key], planned.dimensions)]
    states = {"leadsToDate", "activeSubscriptions", "trialing", "activeBefore", "endedSince"}
    told = [key for key in told if planned.time is None or key not in states]  # of a moment each

    answer = world.ask("revenue", *told, by=by, options=options)

    for key in told:
        metric = METRICS[key]
        if metric.key in ("mrr", "mrrCalendar"):
            continue
        parts = [value(metric, row.sums) or 0 for row in answer.rows]
        assert sum(parts) == pytest.approx(value(metric, answer.totals)), key


@pytest.mark.parametrize("model", ["linear", "any"])
@pytest.mark.parametrize("by", [[], ["channel"], ["channel", "month"], ["tag"]], ids=" ".join)
@settings(max_examples=4, deadline=None, phases=QUICK)
@given(shop=shops)
def test_what_is_listed_behind_a_figure_adds_up_to_it(shop: list[Lead], by: list[str],
                                                      model: str) -> None:  # fmt: skip
    world = build(shop)
    metrics = ("revenue", "orders", "numOfCustomers", "leads", "refunds")
    answer = world.ask("revenue", *metrics, by=by, model=model)
    rows = [(row.cells, row.sums) for row in answer.rows] if by else [((), answer.totals)]

    for cells, sums in rows:
        for found in behind(world.facts, answer.plan, cells):
            listed = sum(part.part for part in found.parts)
            assert listed == pytest.approx(value(found.metric, sums), abs=1), found.metric
            assert len({(part.person, *part.key) for part in found.parts}) == len(found.parts)
