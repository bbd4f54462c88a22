"""Markov and Shapley over what an account has stored, against the same from a plain table."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segconnect.account.attribution import attribute
from segconnect.account.reports.behind import behind
from segconnect.account.reports.crediting import find_model
from segconnect.errors import UsageError
from tests.account.reports.test_endpoints import docs, query
from tests.account.reports.world import World
from tests.conftest import Account

__all__ = ["docs"]  # a fixture

CHANNELS = ("paid", "email", "social")
MODELS: dict[str, dict[str, Any]] = {
    "markov": {"model": "markov"},
    "markov:2": {"model": "markov", "order": 2},
    "markov:null": {"model": "markov", "null": True},
    "markov:3:null": {"model": "markov", "order": 3, "null": True},
    "shapley": {"model": "shapley"},
    "shapley:rate": {"model": "shapley", "worth": "rate"},
}

journeys = st.lists(st.sampled_from(CHANNELS), max_size=4) | st.lists(
    st.sampled_from(CHANNELS), min_size=32, max_size=36
)
shops = st.lists(st.tuples(journeys, st.integers(0, 9999)), min_size=1, max_size=4)
strangers = st.lists(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=4), max_size=3)
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
few = settings(max_examples=6, deadline=None, phases=QUICK)


def build(shop: list[tuple[list[str], int]], lost: list[list[str]] | None = None) -> World:
    """A person with an order for each journey, and a visitor for each one that led to nothing."""
    world = World()
    for person, (path, amount) in enumerate(shop, 1):
        for channel in path:
            world.visit(person, "2026-03-02", channel=channel)
        order = world.order(person, "2026-03-10", amount)
        for kept in ("any", "any@7"):
            world.credit(order, kept, *((1, {"channel": channel}) for channel in path))
    for person, path in enumerate(lost or [], 1000):
        for channel in path:
            world.visit(person, "2026-03-02", channel=channel)
    return world


@few
@given(shops, strangers)
@pytest.mark.parametrize("name", MODELS)
def test_revenue_by_channel_is_what_the_model_makes_of_the_same_paths_in_a_table(
    name: str, shop: list[tuple[list[str], int]], lost: list[list[str]]
) -> None:
    paths = [(path, 1, amount / 100, 0) for path, amount in shop if path]
    paths += [(path, 0, 0, 1) for path in lost]
    expected: dict[str | None, float] = defaultdict(float)
    for row in attribute(paths, **MODELS[name]) if any(path for path, _ in shop) else ():
        channel = None if row["channel"] == "(none)" else row["channel"]
        expected[channel] += round((row["value"] or 0) * 100)
    expected[None] += sum(amount for path, amount in shop if not path)
    world = build(shop, lost)

    found = world.rows("revenue", by="channel", model=name)

    assert found == {channel: figure for channel, figure in expected.items() if figure}


@few
@given(shops)
@pytest.mark.parametrize("name", ["markov:2", "shapley"])
def test_rows_and_what_is_behind_them_add_up_to_the_total(
    name: str, shop: list[tuple[list[str], int]]
) -> None:
    world = build(shop)
    metrics = ("revenue", "orders", "numOfCustomers", "leads")

    rows = world.rows(*metrics, by="channel", model=name)

    for place, metric in enumerate(metrics):
        total = world.total(metric)
        assert total is not None
        assert sum(row[place] for row in rows.values()) == pytest.approx(total, abs=1e-5)
    plan = world.plan("revenue", "revenue", "orders", by=["channel"], model=name)
    for channel, row in rows.items():
        revenue, orders = behind(world.facts, plan, (channel,))
        assert sum(each.part for each in revenue.parts) == row[0]
        assert sum(each.part for each in orders.parts) == pytest.approx(row[1])


def test_leads_are_shared_out_over_the_visits_before_they_were_leads() -> None:
    world = World()
    for person, path in enumerate((["paid", "email"], ["email"]), 1):
        for day, channel in enumerate(path, 1):
            world.visit(person, f"2026-03-0{day}", channel=channel)
        world.contact("2026-03-05", person=person)
        world.visit(person, "2026-03-06", channel="social")  # after it, which earns nothing

    found = world.rows("leads", by="channel", model="shapley")

    assert found == {"paid": 0.5, "email": 1.5}


def test_several_dimensions_of_visits_are_steps_together() -> None:
    world = World()
    order = world.order(1, "2026-03-10", 900)
    paid = ({"channel": "paid", "utm_source": source} for source in ("google", "meta"))
    world.credit(order, "any", *((1, visit) for visit in paid), (1, {"channel": "email"}))

    found = world.rows("revenue", by=["channel", "utm_source"], model="markov")

    assert found == {("paid", "google"): 300, ("paid", "meta"): 300, ("email", None): 300}


def test_ads_are_told_by_their_campaigns() -> None:
    world = World()
    world.ad("a1", "Spring")
    order = world.order(1, "2026-03-10", 900)
    world.credit(order, "any", (1, {"ad_id": "a1"}), (1, {"utm_campaign": "spring"}))

    assert world.rows("revenue", by="ads.campaign", model="markov") == {"Spring": 900}


def test_a_window_is_that_of_the_credits_which_are_read() -> None:
    world = World()
    order = world.order(1, "2026-03-10", 900)
    world.credit(order, "any", (1, {"channel": "paid"}), (1, {"channel": "email"}))
    world.credit(order, "any@7", (1, {"channel": "email"}))

    assert world.rows("revenue", by="channel", model="markov@7") == {"email": 900}
    assert world.rows("revenue", by="channel", model="markov") == {"email": 450, "paid": 450}


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ("Markov Chain", "markov"),
        ("markov:1", "markov"),
        ("markov:2:NULL@30", "markov:2:null@30"),
        ("markov:null:3", "markov:3:null"),
        ("shapley_value:conversions", "shapley"),
        ("shapley:rate@7", "shapley:rate@7"),
    ],
)
def test_names_of_models_are_told_in_one_form(asked: str, slug: str) -> None:
    assert find_model(asked).slug == slug
    assert find_model(slug) == find_model(asked)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("markov:4", "4 is out of range; expected 1 to 3"),
        ("markov:x", "'x' is not a number; expected 1 to 3"),
        ("markov:1:2", "such as markov:2:null"),
        ("shapley:null", "'null' is unknown; known are conversions, rate"),
        ("markov@0", "a window is 1 to 3650 days"),
        ("linear:2", "linear:2"),
    ],
)
def test_what_follows_a_model_and_is_not_known_is_refused(asked: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        find_model(asked)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"by": ["product"]}, "it tells nothing by orders.product"),
        ({"by": ["channel", "month"]}, "it tells nothing by date.month"),
        ({"filters": [{"field": "channel", "is": "paid"}]}, "a filter on visits would cut them"),
        (
            {"by": ["channel"], "model": "markov:null",
             "filters": [{"field": "product", "is": "tea"}]},
            "nobody knows orders.product",
        ),
    ],
)  # fmt: skip
def test_what_such_a_model_cannot_tell_is_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        World().plan("revenue", "revenue", **{"model": "markov", **asked})


def test_figures_over_time_are_told_whatever_the_model_is() -> None:
    world = build([(["paid"], 900)])

    assert world.rows("revenue", by="month", model="markov") == {"2026-03": 900}


def test_a_query_by_markov_has_the_documented_totals(docs: Account) -> None:
    status, answer = query(
        docs, dimensions=["clicks.channel"], metrics=["leads", "revenue"],
        options={"attribution_model": "markov:2:null@30"},
    )  # fmt: skip

    assert (status, answer["totals"]) == (200, [42, 3350])
    assert answer["attribution_model"] == "markov:2:null@30"
    assert sum(row[2] for row in answer["rows"]) == 3350
    assert {row[0]: row[1] for row in answer["rows"]} == {"paid": 33, "direct": 7, "social": 2}


def test_a_filter_on_people_is_looked_at_before_journeys_are() -> None:
    world = build([(["paid", "email"], 900), (["social"], 500)])
    world.contact("2026-03-01", person=1, tags=["VIP"])

    found = world.rows("revenue", by="channel", model="shapley",
                       filters=[{"field": "contacts.tag", "is": "VIP"}])  # fmt: skip

    assert found == {"paid": 450, "email": 450}
