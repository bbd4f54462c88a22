"""The address of a report: what it says is what is asked, kept, and opened again."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from segconnect.account.metrics import DIMENSIONS, METRICS
from segconnect.account.reports.dates import Bucket, read_period
from segconnect.account.reports.filters import read_filters
from segconnect.account.reports.saved import Saved
from segconnect.account.reports.types import COHORTS, FUNNEL, TYPES
from segconnect.errors import UsageError
from segconnect.web.pages.reports.conditions import (
    EMPTY,
    FILLED,
    WORDS,
    Condition,
    from_filters,
    to_filters,
)
from segconnect.web.pages.reports.drill import down, fitted, splits
from segconnect.web.pages.reports.view import (
    COMPARISONS,
    CUSTOM_RANGE,
    RANGES,
    SWITCHES,
    View,
    of_saved,
    read,
)

FIELDS = [*DIMENSIONS, *METRICS, "contacts.custom.company"]
VALUES = st.text("aZ1 ,\"'&=%+<>{}()ü–", min_size=1).map(lambda text: text.strip() or "x")


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from(list(WORDS)))
    value = "" if operator in (EMPTY, FILLED) else draw(VALUES)
    return Condition(draw(st.sampled_from(["all", "any"])), draw(st.sampled_from(FIELDS)), operator,
                     value)  # fmt: skip


@st.composite
def views(draw: st.DrawFn) -> View:
    type_ = draw(st.sampled_from([each for each in TYPES if each != FUNNEL]))
    range_ = draw(st.sampled_from([*RANGES, CUSTOM_RANGE]))
    by = draw(st.none() | st.lists(st.sampled_from(list(DIMENSIONS)), unique=True).map(tuple))
    metrics = draw(st.none() | st.lists(st.sampled_from(list(METRICS)), unique=True, min_size=1))
    is_custom = range_ == CUSTOM_RANGE
    return View(
        type_,
        dimensions=None if by == TYPES[type_].dimensions else by,
        metrics=None if metrics is None or tuple(metrics) == TYPES[type_].metrics
        else tuple(metrics),
        range=range_,
        start="2026-01-01" if is_custom else "",
        end="2026-02-28" if is_custom else "",
        conditions=tuple(draw(st.lists(conditions(), max_size=4))),
        model=draw(st.sampled_from(["", "linear", "markov:2"])),
        beside=draw(st.sampled_from([(), ("any", "linear")])) if type_ == "comparison" else (),
        conversion=draw(st.sampled_from(["", "lead"])) if type_ == "paths" else "",
        view=draw(st.sampled_from(["", "cohort", "period"])),
        compare=draw(st.sampled_from([*COMPARISONS, "2025-01-01..2025-02-28"])),
        sort=draw(st.sampled_from(["", "-revenue", "channel"])),
        switches=tuple(each for each in SWITCHES if draw(st.booleans())),
        limit=draw(st.sampled_from(["", "10"])),
    )  # fmt: skip


@given(views())
def test_an_address_says_all_of_a_view(view: View) -> None:
    assert read(QueryParams(view.address())) == view


@given(views())
def test_a_report_is_opened_as_it_was_kept(view: View) -> None:
    kept = of_saved(Saved("r1", "Mine", view.query()))

    assert kept.query() == view.query()
    assert kept.ends == view.ends


@given(st.lists(conditions(), max_size=6))
def test_rows_of_conditions_are_read_back_from_what_they_say(rows: list[Condition]) -> None:
    in_order = [row for row in rows if row.join == "all"] + [
        row for row in rows if row.join == "any"
    ]

    again, others = from_filters(to_filters(rows))

    assert to_filters(again) == to_filters(in_order)
    assert others == ""


def test_what_no_row_can_say_is_kept_as_it_is() -> None:
    nested = {"any": [{"all": [{"field": "revenue", "at_least": 1}]}, {"field": "leads", "is": 2}]}
    listed = {"field": "clicks.channel", "is": ["paid", "a, b"]}
    view = View("leads", also=from_filters([nested])[1])

    assert from_filters([nested])[0] == ()
    assert view.query().filters == [nested]
    assert from_filters([listed])[0] == (
        Condition("all", "clicks.channel", "among", 'paid,"a, b"'),
    )
    assert to_filters(from_filters([listed])[0]) == [listed]
    read_filters(view.query().filters)


def test_names_are_read_in_any_of_their_spellings() -> None:
    view = read(QueryParams("type=ads&by=Ad Campaign&by=channel&metric=Revenue"))

    assert view.dimensions == ("ads.campaign", "clicks.channel")
    assert view.metrics == ("revenue",)


def test_the_columns_of_another_type_are_left_behind() -> None:
    view = read(QueryParams("was=ads&type=leads&metric=adSpend&by=ads.campaign&range=last_7"))

    assert (view.metrics, view.dimensions, view.range) == (None, None, "last_7")


@pytest.mark.parametrize("range_", RANGES)
def test_a_range_that_moves_on_is_one_that_accounts_read(range_: str) -> None:
    now = datetime(2026, 2, 28, 12, tzinfo=UTC)
    period = read_period(*View("leads", range=range_).ends, None, now=now, zone=UTC)

    days = {"last_7": 7, "last_30": 30, "last_90": 90, "this_month": 28, "last_month": 31,
            "this_year": 59}  # fmt: skip
    assert period.days == days[range_]


@pytest.mark.parametrize("query", ["range=ever", "field=revenue&op=near&join=all&value=1",
                                   "also={", "limit=many", "window=-1&type=funnel"])  # fmt: skip
def test_what_is_no_question_is_told(query: str) -> None:
    view = read(QueryParams(query))

    with pytest.raises(UsageError):
        view.query()


def asked(view: View | None) -> object:
    assert view is not None
    return view.dimensions, [each.told for each in view.conditions]


def test_a_value_leads_to_what_is_within_it() -> None:
    campaigns = View("ads")
    sets = down(campaigns, 0, "Brand", {})
    assert asked(sets) == (("ads.adset",), ["Ad Campaign is Brand"])
    assert sets is not None
    ads = down(sets, 0, "(none)", {})
    assert asked(ads) == (("ads.ad",), ["Ad Campaign is Brand", "Ad Set is empty"])
    assert ads is not None
    last = down(ads, 0, "Blue", {})
    assert last is not None
    assert last.dimensions == ()
    offered = [name for name, _ in splits(last)]
    assert "Channel" in offered
    assert "Product" not in offered  # of which spend knows nothing


def test_a_month_leads_to_its_days() -> None:
    months = {"2026-02": Bucket("2026-02", date(2026, 2, 10), date(2026, 2, 28))}
    view = down(View("revenue", ("date.month", "orders.product")), 0, "2026-02", months)

    assert view is not None
    assert view.dimensions == ("date.day", "orders.product")
    assert view.ends == ("2026-02-10", "2026-02-28")


def test_a_plan_is_within_a_product_only_where_all_columns_know_plans() -> None:
    revenue = down(View("revenue"), 0, "Tea", {})
    subscriptions = down(View("subscriptions", ("orders.product",)), 0, "Tea", {})

    assert asked(revenue) == ((), ["Product is Tea"])
    assert asked(subscriptions) == (("subscriptions.plan",), ["Product is Tea"])


@pytest.mark.parametrize("type_", [each for each in TYPES if each not in (COHORTS, FUNNEL)])
def test_columns_that_a_dimension_does_not_know_are_left_out(type_: str) -> None:
    view, gone = fitted(View(type_, ("orders.product",), sort="-adSpend"))

    assert "adSpend" not in view.asked_metrics or not gone
    assert set(gone).isdisjoint(METRICS[each].name for each in view.asked_metrics)
