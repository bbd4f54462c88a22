"""Touches: the same visit is never counted twice, and only those in the window earn credit."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconnect.account.attribution import (
    Conversion,
    DatedBy,
    Kind,
    Source,
    Touch,
    Window,
    fold,
)
from tests.account.attribution.worlds import NOON, at

AD, CONTACT = Source.AD, Source.CONTACT
UTM = ("google", "cpc", "spring", "", "")


@pytest.mark.parametrize(
    ("touches", "expected"),
    [
        pytest.param(
            [at(0, "search"), at(5, "direct"), at(25, "direct"), at(54, "direct")],
            [at(0, "search")],
            id="the site's own pages belong to the visit, as long as it goes on",
        ),
        pytest.param(
            [at(0, "search"), at(30, "direct")],
            [at(0, "search"), at(30, "direct")],
            id="half an hour later it is another visit",
        ),
        pytest.param(
            [at(0, "search"), at(5, "email")],
            [at(0, "search"), at(5, "email")],
            id="another origin is another touch at once",
        ),
        pytest.param(
            [at(0, ad_id="1"), at(5, ad_id="2"), at(9, ad_id="2")],
            [at(0, ad_id="1"), at(5, ad_id="2")],
            id="another ad is another touch",
        ),
        pytest.param(
            [at(0, utm=UTM), at(1, source=AD, ad_id="7")],
            [at(0, utm=UTM, ad_id="7")],
            id="an ad id tells more of the page view",
        ),
        pytest.param(
            [at(0, "direct"), at(1, "ad", source=AD, ad_id="7")],
            [at(0, "ad", source=AD, ad_id="7")],
            id="a direct visit takes the origin that an ad id tells",
        ),
        pytest.param(
            [at(0, "direct"), at(9, utm=UTM, source=CONTACT, kind=Kind.OPT_IN)],
            [at(0, utm=UTM, source=CONTACT, kind=Kind.OPT_IN)],
            id="a direct visit takes the origin that the contact tells",
        ),
        pytest.param(
            [at(0, utm=UTM), at(10, utm=UTM, source=CONTACT, kind=Kind.OPT_IN)],
            [at(0, utm=UTM, kind=Kind.OPT_IN)],
            id="the contact tells what was seen",
        ),
        pytest.param(
            [at(0, "email"), at(60 * 24, utm=UTM, source=CONTACT)],
            [at(0, "email")],
            id="what was seen within a day is believed before what is told",
        ),
        pytest.param(
            [at(0, "email"), at(60 * 24 + 1, utm=UTM, source=CONTACT)],
            [at(0, "email"), at(60 * 24 + 1, utm=UTM, source=CONTACT)],
            id="what was seen more than a day ago is another touch",
        ),
        pytest.param(
            [at(0, source=CONTACT, utm=UTM), at(1, utm=UTM)],
            [at(0, utm=UTM)],
            id="a clock that is a little off does not double a visit",
        ),
    ],
)
def test_the_same_visit_is_one_touch(touches: list[Touch], expected: list[Touch]) -> None:
    for order in itertools.permutations(touches):
        assert fold(order) == expected


@st.composite
def touches(draw: st.DrawFn) -> Touch:
    """Any touch within two days."""
    source = draw(st.sampled_from(Source))
    facts: dict[str, Any] = {
        "source": source,
        "ad_id": draw(st.sampled_from(["", "1", "2"])),
        "utm": draw(st.sampled_from([(), UTM])),
    }
    channel = draw(
        st.sampled_from(
            ["ad", "email", "direct"] if source is Source.PAGE_VIEW else ["ad", "email"]
        )
    )
    return at(draw(st.integers(0, 2 * 24 * 6)) * 10, channel, **facts)


@given(st.lists(touches(), max_size=12), st.randoms())
def test_folding_again_changes_nothing_and_order_does_not_matter(
    given_: list[Touch], chance: Any
) -> None:
    once = fold(given_)

    assert fold(once) == once
    assert fold(given_ + given_) == once  # the same touch, sent twice
    chance.shuffle(given_)
    assert fold(given_) == once
    assert [touch.moment for touch in once] == sorted(touch.moment for touch in once)


ORDER = Conversion("O-1", NOON, 1000, "joey@bloggs.com", opt_in=NOON - timedelta(days=5))
DAY = 24 * 60


def test_touches_after_the_conversion_or_before_the_window_earn_nothing() -> None:
    known = [at(1), at(0, "email"), at(-30 * DAY), at(-30 * DAY - 1, "search")]

    journey = Window(timedelta(days=30)).journey(known, ORDER)

    assert journey.touches == [at(-30 * DAY), at(0, "email")]
    assert [touch.channel for touch in Window().journey(known, ORDER).touches] == [
        *("search", "ad", "email")
    ]


def test_the_touch_of_the_opt_in_is_the_last_one_before_it() -> None:
    known = [at(-9 * DAY), at(-5 * DAY, "email"), at(-4 * DAY, "search")]

    assert Window().journey(known, ORDER).opt_in == 1
    assert Window(timedelta(days=4)).journey(known, ORDER).opt_in is None


def test_credit_is_reported_at_the_sale_or_at_the_click() -> None:
    touch = at(-9 * DAY)

    assert Window().reported_at(touch, ORDER) == ORDER.moment
    assert Window(dated_by=DatedBy.CLICK).reported_at(touch, ORDER) == touch.moment
    assert Window(dated_by=DatedBy.CLICK).reported_at(None, ORDER) == ORDER.moment
