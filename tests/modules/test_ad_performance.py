"""Record Ad Performance: many ads in the form, one ad a call on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.errors import InvalidBundleError
from segconnect.modules import RecordAdPerformance
from segconnect.wire.request import Address

FIGURES = {"spend": 1999, "date": "2026-03-02", "impressions": 1500, "clicks": 42}


def bodies(**values: Any) -> list[Any]:
    """Answers what is sent, call by call, without the figures that all have."""
    requests = RecordAdPerformance(**FIGURES, **values).requests(Address("a7f", "i9"))
    sent = [dict(request.body) for request in requests]
    for body in sent:
        assert {name: body.pop(name) for name in FIGURES} == FIGURES
    return sent


def test_each_ad_is_a_call_of_its_own_with_the_figures_of_one_ad() -> None:
    assert bodies(ad=[{"id": 1}, {"id": 2, "name": "Video"}]) == [
        {"ad": {"id": "1"}},
        {"ad": {"id": "2", "name": "Video"}},
    ]


def test_ads_pair_with_campaigns_and_ad_sets_in_their_order() -> None:
    assert bodies(ad=[1, 2], adcampaign=["C1", "C2"], adset=["G1", "G2"]) == [
        {"ad": {"id": "1"}, "adcampaign": {"id": "C1"}, "adset": {"id": "G1"}},
        {"ad": {"id": "2"}, "adcampaign": {"id": "C2"}, "adset": {"id": "G2"}},
    ]


def test_a_single_campaign_or_ad_set_goes_with_every_ad() -> None:
    assert bodies(ad=[1, 2], adcampaign={"id": "C1", "name": "Spring"}, adset="G1") == [
        {"ad": {"id": "1"}, "adcampaign": {"id": "C1", "name": "Spring"}, "adset": {"id": "G1"}},
        {"ad": {"id": "2"}, "adcampaign": {"id": "C1", "name": "Spring"}, "adset": {"id": "G1"}},
    ]


@pytest.mark.parametrize("none", [None, []])
def test_no_campaign_is_no_campaign(none: Any) -> None:
    assert bodies(ad=[1], adcampaign=none, adset=none) == [{"ad": {"id": "1"}}]


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(InvalidBundleError) as refused:
        RecordAdPerformance(**FIGURES, ad=[1, 2, 3], adcampaign=["C1", "C2"], adset=[1, 2, 3, 4])

    assert refused.value.problems == [
        "AD Campaign: 2 given for 3 ads; give one for all ads, or one for each",
        "AD Set: 4 given for 3 ads; give one for all ads, or one for each",
    ]


def test_a_record_of_no_ad_is_refused() -> None:
    with pytest.raises(InvalidBundleError) as refused:
        RecordAdPerformance(**FIGURES, ad=[])

    assert refused.value.problems == ["AD: is empty; give at least 1"]


def test_what_renames_the_same_campaign_keeps_its_order() -> None:
    sent = RecordAdPerformance(**FIGURES, ad=[1, 2], adcampaign="C1")

    assert sent.keys() == ("ad:1", "ad:2", "adcampaign:C1")
