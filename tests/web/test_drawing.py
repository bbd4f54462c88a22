"""What is drawn of each type of report."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.account.reports.types import SPECIAL, TYPES
from segconnect.web.pages.reports.drawing import drawn
from tests.account.reports.world import World


@pytest.fixture
def shop() -> World:
    """Ann came by an ad, then by an email, and bought; Bob bought without a visit."""
    world = World()
    world.visit(1, "2026-01-01", channel="paid")
    world.visit(1, "2026-01-03", channel="email")
    world.contact("2026-01-02", person=1)
    world.order(1, "2026-01-04", 1000)
    world.contact("2026-03-02", person=2)
    world.order(2, "2026-03-04", 500)
    world.subscription(1, "2026-03-01", 3000)
    world.subscription(2, "2026-02-01", 1000, ends="2026-03-10")
    return world


def picture(world: World, type_: str, **asked: Any) -> Any:
    return drawn(type_, world.told(type_, start="2026-01-01", **asked))


def test_cohorts_are_a_heat_map_of_those_that_are_old_enough(shop: World) -> None:
    told = picture(shop, "cohort")

    assert told["kind"] == "heat"
    assert told["columns"] == ["1"]
    assert told["rows"] == [{"name": "2026-01", "note": "1 leads", "cells": [10]}]


def test_paths_are_drawn_from_their_steps_and_say_what_they_leave_out(shop: World) -> None:
    all_, some = picture(shop, "paths"), picture(shop, "paths", limit=1)

    assert all_["paths"] == [
        {"steps": [], "value": 1}, {"steps": ["paid", "email"], "value": 1},
    ]  # fmt: skip
    assert (all_["outcome"], all_["note"], all_["currency"]) == ("Orders", "", None)
    assert some["note"] == "the paths of 50% of them"
    assert picture(shop, "paths", sort="-revenue")["title"] == "Paths to orders"


def test_steps_have_their_people_shares_and_days(shop: World) -> None:
    steps = [{"event": "lead"}, {"event": "order"}]
    funnel, journey = picture(shop, "funnel", steps=steps), picture(shop, "journey", by=["channel"])

    assert funnel["steps"] == [
        {"name": "lead", "people": 2, "rate": 100, "overall": 100, "days": 0},
        {"name": "order", "people": 2, "rate": 100, "overall": 100, "days": 2},
    ]
    assert [each["people"] for each in journey["steps"]] == [1, 2, 2, 0]
    assert journey["told"].startswith("People who took each step: First Visit 1, Lead 2,")


def test_movements_go_up_and_down_and_have_a_line_of_what_is_left(shop: World) -> None:
    told = picture(shop, "movements", by=["month"])

    assert told["names"] == ["2026-01", "2026-02", "2026-03"]
    assert [(each["key"], each["data"]) for each in told["series"] if each["stack"]] == [
        ("newMrr", [0, 10, 30]), ("expansionMrr", [0, 0, 0]), ("reactivatedMrr", [0, 0, 0]),
        ("contractionMrr", [0, 0, 0]), ("churnedMrr", [0, 0, -10]),
    ]  # fmt: skip
    assert [each["data"] for each in told["series"] if not each["stack"]] == [[0, 10, 20]]
    assert picture(shop, "movements", by=["channel"]) is None


def test_models_are_bars_beside_each_other(shop: World) -> None:
    told = picture(shop, "comparison", options={"models": ["first_touch", "last_touch"]})

    assert (told["title"], told["currency"]) == ("Revenue by model", "USD")
    assert told["names"] == ["paid", "(none)", "email"]
    assert told["series"] == [
        {"name": "First Visit", "data": [10, 5, 0]}, {"name": "Last Touch", "data": [0, 5, 10]},
    ]  # fmt: skip


@pytest.mark.parametrize("type_", TYPES)
def test_where_nothing_happened_nothing_is_drawn_that_has_no_steps(type_: str) -> None:
    asked = {"steps": [{"event": "lead"}]} if type_ == "funnel" else {}

    told = picture(World(), type_, **asked)

    assert (told is None) == (type_ not in ("funnel", "journey", "movements"))
    assert type_ in SPECIAL or told is None or type_ == "movements"
