"""Where a join would count twice, a day would be lost, or a row would be added up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.account.reports.world import World


def test_somebody_with_contacts_in_two_integrations_is_one_lead() -> None:
    world = World()
    world.contact("2026-03-01", person=1, tags=["VIP"])
    world.insert("integrations", pk=2, integration_id="i2", kind="crm", name="Other")
    world.contact("2026-03-05", person=1, tags=["VIP"], integration_pk=2)
    world.order(1, "2026-03-10", 1000)

    assert world.rows("leads", "revenue", by="tag") == {"VIP": (1, 1000)}
    assert world.rows("leads", by="integration") == {"CRM": 1}


def test_an_order_with_two_items_of_a_product_is_one_order() -> None:
    world = World()
    world.order(1, "2026-03-10", 3000, items=[("tea", 1000), ("tea", 2000)])

    found = world.rows("orders", "numOfCustomers", "revenue", by="product")

    assert found == {"tea": (1, 1, 3000)}


def test_products_tags_and_visits_together_count_nothing_twice() -> None:
    world = World()
    joey = world.contact("2026-03-01", tags=["A", "B"])
    order = world.order(joey, "2026-03-10", 3000, items=[("tea", 1000), ("pot", 2000)])
    paid: dict[str, Any] = {"channel": "paid", "ad_id": "a1"}
    world.credit(order, "linear", (0.25, paid), (0.25, paid), (0.5, {"channel": "email"}))
    world.credit(order, "any", (1, paid), (1, paid), (1, {"channel": "email"}))

    assert world.rows("revenue", "orders", by=["channel", "tag", "product"]) == {
        (channel, tag, product): (amount / 2, 0.5)
        for channel in ("paid", "email") for tag in "AB"
        for product, amount in (("tea", 1000), ("pot", 2000))
    }  # fmt: skip
    assert world.rows("revenue", "orders", by="channel", model="any") == {
        "paid": (3000, 1), "email": (3000, 1),
    }  # fmt: skip
    assert world.total("revenue", model="any") == 3000


def test_an_ad_id_that_two_integrations_have_takes_its_spend_from_each_once() -> None:
    world = World()
    world.insert("integrations", pk=2, integration_id="i2", kind="ads", name="Other")
    world.ad("a1", "Spring")
    world.ad("a1", "Autumn", integration=2)
    world.spend("a1", "2026-03-01", 100)
    world.spend("a1", "2026-03-01", 700, integration=2)
    order = world.order(1, "2026-03-10", 1000)
    world.credit(order, "linear", (1, {"channel": "paid", "ad_id": "a1"}))

    assert world.rows("adSpend", "revenue", by="campaign") == {
        "Spring": (100, 1000), "Autumn": (700, 0),
    }  # fmt: skip
    assert world.total("adSpend") == 800


def test_money_meets_visits_at_the_ad_the_ad_set_and_the_campaign() -> None:
    world = World()
    world.ad("a1", "Spring", "Oslo")
    world.ad("a2", "Spring", "Bergen")
    world.spend("a1", "2026-03-01", 100)
    world.spend("a2", "2026-03-01", 300)
    by_ad = world.order(1, "2026-03-10", 1000)
    by_name = world.order(2, "2026-03-10", 500)
    world.credit(by_ad, "linear", (1, {"channel": "paid", "ad_id": "a1"}))
    world.credit(by_name, "linear", (1, {"channel": "paid", "utm_campaign": "spring"}))

    assert world.rows("adSpend", "revenue", by="ad") == {
        "Ad a1": (100, 1000), "Ad a2": (300, 0), None: (0, 500),
    }  # fmt: skip
    assert world.rows("adSpend", "revenue", by="ad set") == {
        "Oslo": (100, 1000), "Bergen": (300, 0), None: (0, 500),
    }  # fmt: skip
    assert world.rows("adSpend", "revenue", by="campaign") == {"Spring": (400, 1500)}
    assert world.rows("adSpend", "revenue", by="channel") == {"paid": (400, 1500)}


def test_spend_that_no_visit_names_and_clicks_of_unknown_ads_have_rows_of_their_own() -> None:
    world = World()
    world.ad("a1", "Spring")
    world.ad("a2", "Spring")
    world.spend("a1", "2026-03-01", 100)
    world.spend("a2", "2026-03-01", 300)
    world.visit(1, "2026-03-01", channel="paid", ad_id="a1")
    world.visit(1, "2026-03-02", channel="paid", ad_id="a9")

    assert world.rows("adSpend", "adVisits", by="ad match") == {
        "matched": (100, 1), "spend without visits": (300, 0), "visits without an ad": (0, 1),
    }  # fmt: skip
    assert world.rows("adSpend", "adVisits", by="campaign") == {
        "Spring": (400, 1), "(unknown ad)": (0, 1),
    }  # fmt: skip
    assert world.total("adSpendUnmatched") == 300


def test_what_an_amount_holds_beside_its_items_has_no_product_and_is_no_order() -> None:
    world = World()
    world.order(1, "2026-03-10", 1250, items=[("tea", 1000)])  # with tax and shipping

    found = world.rows("revenue", "collected", "orders", "numOfCustomers", by="product")

    assert found == {"tea": (1000, 1000, 1, 1), None: (250, 250, 0, 0)}
    assert world.total("revenue", filters=[{"field": "product", "is": "tea"}]) == 1000


def test_a_filter_on_products_does_not_change_the_leads() -> None:
    """Source: help 222."""
    world = World()
    world.order(world.contact("2026-03-01"), "2026-03-10", 1000)
    world.order(world.contact("2026-03-01"), "2026-03-10", 500, items=[("pot", 500)])
    asked: dict[str, Any] = {"filters": [{"field": "product", "is": "tea"}]}

    found = [world.total(metric, **asked) for metric in ("leads", "leadCustomers", "revenue")]

    assert found == [2, 1, 1000]


@pytest.mark.parametrize(
    ("filters", "revenue"),
    [
        ([{"field": "tag", "is": "VIP"}], 1000),
        ([{"field": "tag", "is_not": "VIP"}], 620),
        ([{"field": "tag", "is_empty": True}], 20),
        ([{"field": "channel", "is": "paid"}], 500),
        ([{"field": "channel", "is_not": "paid"}], 1120),
        ([{"field": "channel", "is_empty": True}], 620),
        ([{"any": [{"field": "tag", "is": "cold"}, {"field": "channel", "is": "paid"}]}], 1100),
        ([{"field": "tag", "is": "VIP"}, {"field": "channel", "is": "paid"}], 500),
        ([{"all": [{"field": "tag", "is": ["VIP", "cold"]}]}], 1600),
        ([{"field": "product", "contains": "EA"}], 1600),
        ([{"field": "product", "starts_with": "p"}], 20),
        ([{"field": "product", "contains": "%"}], 0),
        ([{"field": "contacts.custom.company size", "is": "12"}], 1000),
        ([{"field": "contacts.custom.o'neil", "is_empty": False}], 600),
        ([{"field": "order status", "is": "paid"}], 1620),
    ],
)
def test_filters_limit_what_is_counted(filters: list[Any], revenue: int) -> None:
    world = World()
    one = world.contact("2026-03-01", tags=["VIP"], custom_fields='{"company size": 12}')
    two = world.contact("2026-03-01", tags=["cold"], custom_fields='{"o\'neil": "x"}')
    order = world.order(one, "2026-03-10", 1000)
    world.credit(order, "linear", (0.5, {"channel": "paid"}), (0.5, {"channel": "email"}))
    world.order(two, "2026-03-10", 600)
    world.order(3, "2026-03-10", 20, items=[("pot", 20)])

    assert world.total("revenue", filters=filters) == revenue


def test_filters_on_figures_hide_rows_and_leave_the_totals() -> None:
    world = World()
    world.order(1, "2026-03-10", 1000)
    world.order(1, "2026-03-10", 500, items=[("pot", 500)])
    few = [{"field": "revenue", "at_least": 6.0}]  # in units of the currency

    assert world.rows("revenue", by="product", filters=few) == {"tea": 1000}
    assert world.total("revenue", filters=few) == 1500


def test_a_day_without_anything_is_told_and_one_outside_is_not() -> None:
    world = World()
    for day in ("2026-02-28", "2026-03-30", "2026-04-01"):
        world.order(1, day, 1000)

    assert world.rows("revenue", by="day", start="2026-03-29", end="2026-03-31") == {
        "2026-03-29": 0, "2026-03-30": 1000, "2026-03-31": 0,
    }  # fmt: skip


def test_somebody_who_buys_in_two_months_is_a_customer_of_each_and_one_in_all() -> None:
    world = World()
    world.order(1, "2026-02-28", 1000)
    world.order(1, "2026-03-01", 1000)
    asked: dict[str, Any] = {"start": "2026-02-01"}

    assert world.rows("numOfCustomers", by="month", **asked) == {"2026-02": 1, "2026-03": 1}
    assert world.total("numOfCustomers", **asked) == 1


@pytest.mark.parametrize(
    ("model", "paid", "email"),
    [("first_touch", 1, 0), ("last_touch", 0, 1), ("linear", 0.5, 0.5), ("any", 1, 1),
     ("linear@5", 0, 1), ("last_non_direct", 0, 1), ("position", 0.5, 0.5)],
)  # fmt: skip
def test_a_lead_is_credited_to_the_visits_before_it(model: str, paid: float, email: float) -> None:
    world = World()
    joey = world.contact("2026-03-10 12:00:00")
    world.visit(joey, "2026-03-01", channel="paid")
    world.visit(joey, "2026-03-10", channel="email")
    world.visit(joey, "2026-03-11", channel="search")  # too late

    found = world.rows("leads", by="channel", model=model)

    assert (found.get("paid", 0), found.get("email", 0)) == (paid, email)
    assert "search" not in found


def test_shares_of_money_are_whole_cents_that_add_up() -> None:
    world = World()
    order = world.order(1, "2026-03-10", 100)
    world.credit(order, "linear", *((1 / 3, {"channel": name}) for name in ("a", "b", "c")))

    found = world.rows("revenue", by="channel")

    assert sorted(found.values()) == [33, 33, 34]
