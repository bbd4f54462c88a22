"""A shop small enough to hold in the head, and every metric of it."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.account.metrics import METRICS
from segconnect.account.reports.behind import listing
from segconnect.account.reports.run import value
from tests.account.reports.world import World


@pytest.fixture(scope="module")
def shop() -> World:
    """March 2026 of a shop that sells tea for 10.00, and a tea club for 45.00 a month.

    Ann, Bob, Cid and Dee became leads in March, Eve in January. Ann bought twice, Bob once and got
    his money back, Eve came back, Cid owes half of what he ordered in April, Dee bought nothing.
    """
    world = World()
    ann, bob, cid, _dee = (world.contact(f"2026-03-0{day}") for day in (1, 2, 3, 4))
    eve = world.contact("2026-01-01")
    world.order(eve, "2026-01-02", 1000)
    world.order(ann, "2026-03-05", 1000)
    world.order(ann, "2026-03-10", 3000, items=[("tea", 1000), ("pot", 2000)])
    world.order(bob, "2026-03-04", 1000, is_refunded=True)
    world.order(eve, "2026-03-20", 1000)
    world.order(cid, "2026-04-04", 2000, paid=1000)
    world.ad("a1", "Spring")
    world.ad("a2", "Autumn")
    world.spend("a1", "2026-03-01", 1500, clicks=10, impressions=1000)
    world.spend("a2", "2026-03-31", 500, clicks=10, impressions=4000)
    world.visit(ann, "2026-02-28", channel="paid", ad_id="a1")
    world.visit(ann, "2026-03-01", channel="paid", ad_id="a1")
    world.visit(bob, "2026-03-02", channel="email")
    world.view(ann, "2026-02-28")
    world.view(ann, "2026-03-01")  # when she became a lead
    world.visit(eve, "2026-03-19", channel="email")  # the first that anybody saw
    world.view(eve, "2026-03-19")
    world.view(eve, "2026-03-19 00:00:09")
    world.subscription(ann, "2026-03-05", 4500)  # new
    world.subscription(eve, "2026-01-01", 4500)  # stays
    world.subscription(eve, "2026-03-10", 4500)  # expands
    world.subscription(bob, "2026-02-01", 4500, ends="2026-03-15")  # churns
    world.subscription(cid, "2026-01-01", 4500, ends="2026-02-01")
    world.subscription(cid, "2026-03-01", 9000)  # comes back
    world.subscription(cid, "2026-02-01", 3000, trial="2026-02-15", ends="2026-02-15")  # a trial
    return world


BY_PERIOD: dict[str, Any] = {
    "leads": 4,
    "numOfCustomers": 3,
    "newCustomers": 2,
    "leadCustomers": 3,
    "conversionRate": 75,
    "daysWaited": 4 + 2 + 32,
    "daysUntilPurchase": pytest.approx(38 / 3),
    "leadDays": 30.5 + 29.5 + 28.5 + 27.5,
    "customerAge": 29,
    "visits": 3,
    "visitors": 3,
    "adVisits": 1,
    "leadsToDate": 5,
    "engagedLeads": 1,
    "engagementRate": 20,
    "leadVisits": 1,
    "leadPageViews": 2,
    "activeDays": 1,
    "visitsPerLead": 1,
    "pagesPerLead": 2,
    "daysPerLead": 1,
    "returningLeads": 0,
    "returningRate": 0,
    "pageViews": 3,
    "revenue": 6000,
    "refunds": 1000,
    "netRevenue": 5000,
    "collected": 6000,
    "outstanding": 0,
    "orders": 4,
    "lineItems": 5,
    "refundedOrders": 1,
    "aov": 1500,
    "leadValue": 1500,
    "customerValue": 2000,
    "refundRate": 25,
    "refundedShare": pytest.approx(100 / 6),
    "ordersPerCustomer": pytest.approx(4 / 3),
    "adSpend": 2000,
    "adSpendUnmatched": 500,
    "adClicks": 20,
    "adImpressions": 5000,
    "ad_cpc": 100,
    "adCpm": 400,
    "adCtr": 0.4,
    "adCpl": 500,
    "adCpa": pytest.approx(2000 / 3),
    "adCac": 1000,
    "adEpc": 300,
    "adRoas": 3,
    "adRoi": 200,
    "adProfit": 4000,
    "breakEvenCpc": 300,
    "breakEvenCpl": 1500,
    "toBreakEven": 0,
    "mrr": 22500,
    "mrrCalendar": 22500,
    "arr": 270000,
    "activeSubscriptions": 4,
    "trialing": 0,
    "newSubscriptions": 3,
    "cancellations": 1,
    "activeBefore": 3,
    "endedSince": 1,
    "churnRate": pytest.approx(100 / 3),
    "arpu": 5625,
    "subscriptionLtv": 16875,
    "trialsEnded": 1,
    "trialsConverted": 0,
    "trialConversion": 0,
    "openingMrr": 9000,
    "newMrr": 4500,
    "expansionMrr": 4500,
    "reactivatedMrr": 9000,
    "contractionMrr": 0,
    "churnedMrr": 4500,
    "netNewMrr": 13500,
    "grossMrrChurn": 50,
    "netMrrChurn": -100,
}
OF_THE_COHORT: dict[str, Any] = {
    **BY_PERIOD,
    "numOfCustomers": 3,
    "newCustomers": 3,
    "revenue": 7000,
    "netRevenue": 6000,
    "collected": 6000,
    "outstanding": 1000,
    "aov": 1750,
    "leadValue": 1750,
    "customerValue": pytest.approx(7000 / 3),
    "refundedShare": pytest.approx(100 / 7),
    "adCac": pytest.approx(2000 / 3),
    "adEpc": 350,
    "adRoas": 3.5,
    "adRoi": 250,
    "adProfit": 5000,
    "breakEvenCpc": 350,
    "breakEvenCpl": 1750,
}


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_of_what_happened_in_march(shop: World, metric: str) -> None:
    assert shop.total(metric, options={"view": "period"}) == BY_PERIOD[metric]


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_of_the_leads_of_march(shop: World, metric: str) -> None:
    assert shop.total(metric, options={"view": "cohort"}) == OF_THE_COHORT[metric]


@pytest.mark.parametrize("metric", METRICS)
def test_where_nothing_happened_every_metric_is_0_or_unknown(metric: str) -> None:
    assert World().total(metric) in (0, None)


NEVER_BY_NOTHING = {
    "adCpl", "adCpa", "adCac", "ad_cpc", "adCpm", "adCtr", "adEpc", "adRoas", "adRoi", "arpu",
    "churnRate", "refundRate", "trialConversion", "subscriptionLtv", "daysUntilPurchase",
}  # fmt: skip


@pytest.mark.parametrize("metric", sorted(NEVER_BY_NOTHING))
def test_what_would_be_divided_by_nothing_is_unknown(metric: str) -> None:
    assert World().total(metric) is None


def test_documented_ratios_are_0_where_there_are_no_leads() -> None:
    world = World()
    assert [world.total(metric) for metric in ("conversionRate", "leadValue", "aov")] == [0, 0, 0]


def test_money_spent_on_nothing_is_lost() -> None:
    world = World()
    world.ad("a1", "Spring")
    world.spend("a1", "2026-03-01", 1500)

    assert [world.total(each) for each in ("adRoas", "adRoi", "adProfit", "toBreakEven")] == [
        0, -100, -1500, 1500,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cycle", "frequency", "amount", "days_30", "calendar"),
    [
        ("month", 1, 4500, 4500, 4500),
        ("month", 3, 9000, 3000, 3000),
        ("year", 1, 12000, 12000 * 30 / 365, 1000),
        ("week", 1, 700, 3000, 700 * 52 / 12),
        ("day", 1, 100, 3000, 100 * 365 / 12),
    ],
)
def test_both_kinds_of_mrr_bring_every_cycle_to_their_month(
    cycle: str, frequency: int, amount: int, days_30: float, calendar: float
) -> None:
    world = World()
    world.subscription(1, "2026-01-01", amount, cycle=cycle, frequency=frequency)

    assert world.total("mrr") == pytest.approx(days_30, abs=1e-6)
    assert world.total("mrrCalendar") == pytest.approx(calendar, abs=1e-6)


SWITCHED = {
    "exclude_failed": 3100,
    "exclude_refunded": 2400,
    "exclude_tax": 3300,
    "exclude_shipping": 3350,
}


@pytest.mark.parametrize("switch", [*SWITCHED, None])
def test_switches_say_what_counts_as_revenue(switch: str | None) -> None:
    world = World()
    world.order(1, "2026-03-01", 1000, is_refunded=True)
    world.order(1, "2026-03-01", 300, paid=0)  # the card failed
    world.order(2, "2026-03-01", 2100, paid=2000, tax=100, shipping=50)

    found = world.total("revenue", options={switch: True} if switch else {})

    assert found == (SWITCHED[switch] if switch else 3400)


@pytest.mark.parametrize(
    ("day", "refunds"), [("2026-02-28", 0), ("2026-03-01", 700), ("2026-03-31", 700),
                         ("2026-04-01", 0)],
)  # fmt: skip
def test_a_refund_counts_on_the_day_of_its_order(day: str, refunds: int) -> None:
    world = World()
    world.order(1, "2026-03-15", 1000)
    world.order(1, day, 700, is_refunded=True)

    assert world.total("refunds") == refunds
    assert world.total("netRevenue") == 1000


def test_nothing_is_owed_for_what_was_paid_twice_or_refunded() -> None:
    world = World()
    world.order(1, "2026-03-01", 1000, paid=1500)
    world.order(1, "2026-03-01", 1000, paid=0, is_refunded=True)
    world.order(1, "2026-03-01", 1000, paid=400)

    assert world.total("outstanding") == 600


@pytest.mark.parametrize("key", METRICS)
def test_what_is_behind_a_metric_is_listed_by_name_and_adds_up_to_it(shop: World, key: str) -> None:
    answer = shop.ask("revenue", key)

    told = listing(shop.facts, answer.plan, (), None, 0, None)

    for each in told:
        assert each.total == pytest.approx(value(each.measure, answer.totals) or 0)
    parts = [part or 0 for _, part in told[0].listed]
    assert sum(parts) == pytest.approx(told[0].total or 0)
    assert told[0].size == len(parts)
    assert all(name.contact_id or name.of for name, _ in told[0].listed)
    some = listing(shop.facts, answer.plan, (), told[-1].measure.key, 1, 1)
    assert some[-1].listed == listing(
        shop.facts, answer.plan, (), told[-1].measure.key, 0, None
    )[-1].listed[1:2]  # fmt: skip


def test_who_is_counted_is_named_and_not_an_order_of_the_same_number(shop: World) -> None:
    answer = shop.ask("revenue", "numOfCustomers")

    (told,) = listing(shop.facts, answer.plan, (), None, 0, None)

    assert {(name.contact_id, name.of) for name, _ in told.listed} == {
        ("c1", ""), ("c3", ""), ("c9", ""),  # Ann, Bob and Eve
    }  # fmt: skip
