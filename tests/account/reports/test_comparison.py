"""Attribution models side by side."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segconnect.account.attribution import attribute
from segconnect.account.reports.asking import ask_behind
from segconnect.errors import UsageError
from tests.account.reports.world import World

CHANNELS = ("paid", "email", "social")


@pytest.fixture
def shop() -> World:
    """Ann came by an ad and then an email, and bought for 10.00; Bob by an email, for 3.00."""
    world = World()
    world.visit(1, "2026-03-01", channel="paid")
    world.visit(1, "2026-03-02", channel="email")
    world.order(1, "2026-03-03", 1000)
    world.visit(2, "2026-03-02", channel="email")
    world.order(2, "2026-03-03", 300)
    return world


def test_each_model_has_a_column_and_its_difference_from_the_first(shop: World) -> None:
    told = shop.told("comparison", options={"models": ["first_touch", "linear", "last_touch"]})

    assert [field["key"] for field in told["fields"]] == [
        "channel",
        "revenue.first_touch", "revenue.linear", "revenue.last_touch",
        "revenue.linear.difference", "revenue.last_touch.difference",
        "orders.first_touch", "orders.linear", "orders.last_touch",
        "orders.linear.difference", "orders.last_touch.difference",
    ]  # fmt: skip
    assert told["fields"][4]["name"] == "Revenue, Linear − First Visit"
    assert told["rows"] == [
        ["paid", 10, 5, 0, -5, -10, 1, 0.5, 0, -0.5, -1],
        ["email", 3, 8, 13, 5, 10, 1, 1.5, 2, 0.5, 1],
    ]
    assert told["totals"] == [13, 13, 13, 0, 0, 2, 2, 2, 0, 0]
    assert (told["rows_overlap"], told["models"]) == (
        False, ["first_touch", "linear", "last_touch"],
    )  # fmt: skip


def test_four_models_are_compared_unless_others_are_named(shop: World) -> None:
    told = shop.told("comparison", "revenue")

    assert told["models"] == ["first_touch", "linear", "position", "last_touch"]


def test_models_over_all_journeys_stand_beside_the_others(shop: World) -> None:
    told = shop.told("comparison", "revenue", options={"models": ["linear@30", "markov"]})

    assert told["fields"][2]["name"] == "Revenue, Markov Chain"
    assert told["fields"][1]["name"] == "Revenue, Linear (30 days)"
    assert sum(row[2] for row in told["rows"]) == pytest.approx(13)


def test_rows_overlap_where_one_of_the_models_counts_in_full(shop: World) -> None:
    told = shop.told("comparison", "revenue", options={"models": ["any", "linear"]})

    assert told["rows"] == [["email", 13, 8, -5], ["paid", 10, 5, -5]]
    assert told["totals"] == [13, 13, 0]
    assert told["rows_overlap"]


def test_a_row_that_one_model_lets_through_is_there_by_all(shop: World) -> None:
    told = shop.told("comparison", "revenue", filters=[{"field": "revenue", "more_than": 8}],
                     options={"models": ["last_touch", "first_touch"]})  # fmt: skip

    assert told["rows"] == [["email", 13, 3, -10], ["paid", 0, 10, 10]]
    assert shop.told("comparison", limit=1)["rows_hidden"] == 1


def test_it_is_compared_with_the_days_before(shop: World) -> None:
    told = shop.told("comparison", "orders", compare="previous")

    assert told["comparison"]["totals"] == [0] * 7


def test_behind_a_row_is_what_the_first_model_gives_it(shop: World) -> None:
    plan = shop.credited("comparison", by=None, model=None,
                         options={"models": ["linear", "last_touch"]})  # fmt: skip

    revenue, _ = ask_behind(shop.facts, plan, "email")

    assert [each.part for each in revenue.parts] == [500, 300]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"by": ["product"]}, "expected one dimension of visits"),
        ({"by": ["channel", "device"]}, "expected one dimension of visits"),
        ({"options": {"models": ["linear"]}}, "expected 2 to 8 different ones"),
        ({"options": {"models": ["linear", "Linear"]}}, "expected 2 to 8 different ones"),
        ({"options": {"models": "linear"}}, "expected an array of models, found 'linear'"),
        ({"options": {"models": ["linear", "lst_touch"]}}, "did you mean 'last_touch'"),
        ({"model": "linear"}, "a comparison names its models in the option models"),
        ({"options": {"models": ["linear", "markov"]},
          "filters": [{"field": "channel", "is": "paid"}]}, "a filter on visits would cut them"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(asked: dict[str, Any], told: str) -> None:
    asked = {"by": None, "model": None, **asked}
    with pytest.raises(UsageError, match=told):
        World().plan("comparison", **asked)


paths = st.lists(
    st.tuples(st.lists(st.sampled_from(CHANNELS), max_size=4), st.integers(1, 9999)),
    min_size=1, max_size=4,
)  # fmt: skip
MODELS = ("linear", "first_touch", "last_touch", "position")


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(paths)
def test_figures_are_those_of_each_model_over_the_same_paths(
    shop: list[tuple[list[str], int]],
) -> None:
    world = World()
    for person, (path, cents) in enumerate(shop, 1):
        for hour, channel in enumerate(path):
            world.visit(person, f"2026-03-01 {hour:02}:00:00", channel=channel)
        world.order(person, "2026-03-02", cents)

    told = world.told("comparison", "revenue", options={"models": list(MODELS)})

    total = sum(cents for _, cents in shop) / 100
    assert told["totals"][:4] == [pytest.approx(total)] * 4
    found = {row[0]: row[1:] for row in told["rows"]}
    table = [(path, 1, cents / 100, 0) for path, cents in shop if path]
    for place, model in enumerate(MODELS):
        assert sum(row[place] for row in found.values()) == pytest.approx(total)
        for row in attribute(table, model=model) if table else ():
            figure = found.get(row["channel"], [0] * 4)[place]
            assert figure == pytest.approx(row["value"], abs=0.011)
