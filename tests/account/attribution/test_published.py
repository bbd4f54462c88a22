"""The models answer what others published, or what other programs answer."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from segconnect.account.attribution import MODELS, Path, attribute, plain
from segconnect.account.attribution.attributing import credited
from segconnect.account.attribution.reading import read_paths


def conversions(rows: Sequence[tuple[Any, ...]], model: str, **settings: Any) -> dict[str, float]:
    """What each channel is credited with."""
    return {row["channel"]: row["conversions"] for row in attribute(rows, model, **settings)}


def test_the_three_paths_that_markov_attribution_is_explained_with() -> None:
    """Removal effects 0.5, 1 and 1, so 0.2, 0.4 and 0.4 of the one conversion.

    Source: S. Bryl, Marketing Multi-Channel Attribution model with R, part 1 (analyzecore.com,
    2016), after E. Anderl and others, Mapping the Customer Journey (IJRM 33, 2016).
    """
    rows = [("C1 > C2 > C3", 1, 0, 0), ("C1", 0, 0, 1), ("C2 > C3", 0, 0, 1)]

    found = credited(read_paths(rows), MODELS["markov"], {"order": 1}, with_null=True)

    assert found.effects is not None
    assert found.effects.conversions == pytest.approx([0.5, 1, 1])
    assert conversions(rows, "markov", null=True) == {"C1": 0.2, "C2": 0.4, "C3": 0.4}
    graph = plain.transitions(
        [Path(tuple(row[0].split(" > ")), *row[1:]) for row in rows], "conversions", 1
    )
    assert graph[()] == {("C1",): Fraction(2, 3), ("C2",): Fraction(1, 3)}
    assert graph[("C3",)] == {plain.END: Fraction(1, 2)}


def test_the_four_paths_of_google_ads_and_mailing() -> None:
    """From the start 0.8 go to Google Ads, of whom 0.5 convert and 0.25 go on to the mailing.

    So 0.8 convert; without Google Ads 0.2 do, without the mailing 0.4.

    Source: S. Puzyrov, Markov Chain Attribution: simple explanation of removal effect (2019).
    """
    rows = [("Google Ads", 2, 0, 1), ("Mailing", 1, 0, 0), ("Google Ads > Mailing", 1, 0, 0)]

    found = credited(read_paths(rows), MODELS["markov"], {"order": 1}, with_null=True)

    assert found.effects is not None
    assert found.effects.conversions == pytest.approx([0.75, 0.5])
    assert conversions(rows, "markov", null=True) == {"Google Ads": 2.4, "Mailing": 1.6}


def test_the_example_of_pychattr() -> None:
    """It draws 10,000 journeys and answers 1.991106 and 1.008894; not drawn, it is 2 and 1.

    Source: README of pychattr.
    """
    rows = [
        ("A >>> B >>> A >>> B >>> B >>> A", 1),
        ("A >>> B >>> B >>> A >>> A", 1),
        ("A >>> A", 1),
    ]

    assert conversions(rows, "markov", separator=">>>") == pytest.approx({"A": 2, "B": 1})


JOURNEYS = [
    ("ad > email", 30, 2700, 90),
    ("ad > search > email", 18, 1980, 40),
    ("search", 25, 1500, 160),
    ("email", 12, 420, 30),
    ("ad", 6, 240, 210),
    ("social > ad > ad > search", 9, 1170, 35),
    ("social > social", 2, 60, 120),
    ("email > search > ad > email", 7, 980, 12),
    ("search > email > search > email", 5, 640, 9),
    ("social > search > ad", 4, 300, 44),
]


@pytest.mark.parametrize(
    ("order", "drawn", "tolerance"),
    [
        (
            1,
            {
                "ad": (34.320739, 2829.269452),
                "email": (41.159775, 3720.672091),
                "search": (33.757806, 2776.772157),
                "social": (8.761680, 663.286299),
            },
            0.0005,  # of 20 million journeys
        ),
        (
            2,
            {
                "ad": (37.010988, 3288.162623),
                "email": (37.299616, 3075.047244),
                "search": (33.498608, 2734.284798),
                "social": (10.190788, 892.505335),
            },
            0.01,  # of a million
        ),
        (
            3,
            {
                "ad": (38.214597, 3316.909803),
                "email": (37.086983, 3031.324903),
                "search": (34.947178, 2955.441858),
                "social": (7.751242, 686.323437),
            },
            0.01,
        ),
    ],
    ids=["first order", "second order", "third order"],
)
def test_markov_answers_what_channelattribution_draws(
    order: int, drawn: dict[str, tuple[float, float]], tolerance: float
) -> None:
    """Source: markov_model of the Python package ChannelAttribution 2.2.5, which draws journeys."""
    rows = attribute(JOURNEYS, "markov", order=order, null=True)

    for row in rows:
        by_conversions, by_value = drawn[row["channel"]]
        assert row["conversions"] == pytest.approx(by_conversions, rel=tolerance)
        assert row["value"] == pytest.approx(by_value, rel=tolerance)


def test_heuristic_models_answer_what_channelattribution_does() -> None:
    """Source: heuristic_models of the Python package ChannelAttribution 2.2.5."""
    expected = {
        "first_touch": {"ad": 54, "email": 19, "search": 30, "social": 15},
        "last_touch": {"ad": 10, "email": 72, "search": 34, "social": 2},
        "linear": {"ad": 34.583333, "email": 39, "search": 38.833333, "social": 5.583333},
    }
    for model, credit in expected.items():
        assert conversions(JOURNEYS, model) == pytest.approx(credit, abs=1e-6)
    linear = {row["channel"]: row["value"] for row in attribute(JOURNEYS, "linear")}
    assert linear == {"ad": 3180, "email": 3240, "search": 3117.5, "social": 452.5}


def test_the_value_of_three_channels_by_what_their_coalitions_came_to() -> None:
    """Facebook 20, Organic 10, LinkedIn 17, and so on, of 100 conversions.

    Worth of coalitions: F 20, O 10, L 17, FO 47, FL 67, OL 27, FOL 100. By the formula F gets
    20/3 + 37/6 + 50/6 + 73/3 = 45.5.

    Source: Data-Driven Marketing Attribution (towardsdatascience.com).
    """
    rows = [
        *[("F", 20), ("O", 10), ("L", 17)],
        *[("F > O", 17), ("F > L", 30), ("O > L", 0), ("F > O > L", 6)],
    ]

    assert conversions(rows, "shapley") == {"F": 45.5, "L": 34, "O": 20.5}


def test_channels_that_are_alike_get_the_same_and_one_that_adds_nothing_gets_nothing() -> None:
    """Symmetry and the null player.

    Source: L. Shapley, A Value for n-Person Games (1953).
    """
    alike = [("a > b", 4, 0, 0), ("a", 1, 0, 1), ("b", 1, 0, 1)]

    assert conversions(alike, "shapley", worth="rate") == {"a": 3, "b": 3}
    assert conversions([("a", 3), ("idle", 0), ("a > a", 2)], "shapley") == {"a": 5, "idle": 0}
