"""The forecast: its formula by hand, what holds for all cohorts, and that it cannot see ahead."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segconnect.account.forecast.model import (
    UNBORN,
    Cohorts,
    back_test,
    forecast,
    last_year,
    usual,
)

FIRST, HORIZON = date(2023, 1, 1), 6
TODAY = date(2026, 3, 15)
COHORTS = 38  # the months from the first until the last one that is over


def cohorts(people: Any, money: Any) -> Cohorts:
    """Cohorts from January 2023 on."""
    return Cohorts(FIRST, np.array(people, np.int64), np.array(money, np.int64))


def worlds() -> st.SearchStrategy[Cohorts]:
    """Three years of cohorts, some of them empty."""
    people = arrays(np.int64, COHORTS, elements=st.integers(0, 1000))
    money = arrays(np.int64, (COHORTS, HORIZON), elements=st.integers(0, 10**7))
    return st.builds(lambda p, m: Cohorts(FIRST, p, m * (p[:, None] > 0)), people, money)


def test_the_formula_by_hand() -> None:
    """10 people are 2 months old, and 30 people 1 month."""
    made = cohorts([10, 30], [[1000, 500], [1800, 99999]])
    reached = np.array([2, 1])

    # usual: 28.00 of 40 people, then 5.00 of 10; a cohort has 20 people, who are worth 14.00 at 1
    assert usual(made, reached).tolist() == [70, 50]
    level = (1800 + 20 * 70) / (30 * 70 + 20 * 70)
    assert forecast(made, reached, 2).tolist() == pytest.approx([150, 60 + level * 50])


def test_the_age_is_that_of_the_youngest_and_an_open_month_has_none() -> None:
    made = cohorts([1, 1, 1], np.zeros((3, 6)))

    ages = {str(day): made.reached(date.fromisoformat(day)).tolist()
            for day in ("2023-02-01", "2023-03-02", "2023-03-03", "2023-06-15")}  # fmt: skip

    assert ages == {
        "2023-02-01": [0, UNBORN, UNBORN],
        "2023-03-02": [0, 0, UNBORN],
        "2023-03-03": [1, 0, UNBORN],
        "2023-06-15": [4, 3, 2],
    }


@given(worlds())
def test_nobody_is_forecast_to_have_brought_less_than_they_have(world: Cohorts) -> None:
    reached = world.reached(TODAY)
    until = np.array([
        row[: max(age, 0)].sum() / max(count, 1)
        for row, age, count in zip(world.money, reached, world.people, strict=True)
    ])  # fmt: skip
    found = forecast(world, reached, HORIZON)

    told = ~np.isnan(found)
    assert (found[told] >= until[told] - 1e-6).all()
    known = world.value(HORIZON, reached)
    there = ~np.isnan(known)
    assert np.allclose(found[there], known[there])


@given(worlds(), st.integers(1, 30), st.integers(1, 10**6))
def test_what_came_later_is_never_looked_at(world: Cohorts, back: int, more: int) -> None:
    reached = world.reached(date(2025 - back // 13, 1 + back % 12, 1))
    later = world.money.copy()
    for row, age in zip(later, reached, strict=True):
        row[max(age, 0) :] += more
    changed = Cohorts(FIRST, world.people, later)

    for rule in (forecast, last_year):
        before, after = rule(world, reached, HORIZON), rule(changed, reached, HORIZON)
        assert np.array_equal(before, after, equal_nan=True)


@settings(deadline=None)
@given(worlds(), st.integers(2, 50))
def test_money_in_another_unit_is_forecast_in_that_unit(world: Cohorts, times: int) -> None:
    scaled = Cohorts(FIRST, world.people, world.money * times)
    reached = world.reached(TODAY)

    assert np.allclose(
        forecast(scaled, reached, HORIZON), forecast(world, reached, HORIZON) * times,
        equal_nan=True,
    )  # fmt: skip
    one, other = (back_test(each, TODAY, HORIZON) for each in (world, scaled))
    assert other.error == pytest.approx(one.error)


@settings(deadline=None)
@given(
    arrays(np.int64, COHORTS, elements=st.integers(1, 1000)),
    arrays(np.int64, HORIZON, elements=st.integers(1, 10_000)),
)
def test_where_every_month_is_alike_the_forecast_is_exact(people: Any, curve: Any) -> None:
    world = Cohorts(FIRST, people, people[:, None] * curve[None, :])
    found = forecast(world, world.reached(TODAY), HORIZON)

    assert np.allclose(found, curve.sum())
    test = back_test(world, TODAY, HORIZON)
    assert test.error == pytest.approx(0, abs=1e-9)
    assert test.rule_error == pytest.approx(0, abs=1e-9)
    assert test.low == pytest.approx(1)
    assert test.high == pytest.approx(1)


def test_where_people_get_better_every_month_it_beats_last_year() -> None:
    growing = np.array([[100 * (10 + month)] * HORIZON for month in range(COHORTS)])
    test = back_test(cohorts([10] * COHORTS, growing), TODAY, HORIZON)

    assert test.error is not None
    assert test.rule_error is not None
    assert test.is_better
    assert 0 < test.error < test.rule_error


def test_where_years_repeat_themselves_last_year_is_better_and_it_says_so() -> None:
    seasons = np.array([[1000 if month % 12 == 11 else 10, 0, 0, 0, 0, 500 * (month % 12)]
                        for month in range(COHORTS)])  # fmt: skip
    test = back_test(cohorts([10] * COHORTS, seasons), TODAY, HORIZON)

    assert (test.rule_error, test.is_better) == (0, False)


def test_without_a_year_before_nothing_is_claimed() -> None:
    test = back_test(cohorts([10] * 8, np.full((8, HORIZON), 10)), date(2023, 9, 1), HORIZON)

    assert (test.forecasts, test.error, test.is_better) == (0, None, None)
    nobody = cohorts([], np.zeros((0, HORIZON)))
    assert back_test(nobody, TODAY, HORIZON).is_better is None
    assert forecast(nobody, nobody.reached(TODAY), HORIZON).tolist() == []


def test_an_age_that_nobody_has_reached_is_not_forecast() -> None:
    made = cohorts([10, 10], [[100, 0, 0], [100, 0, 0]])

    assert np.isnan(forecast(made, np.array([2, 1]), 3)).all()
    assert not np.isnan(forecast(made, np.array([2, 1]), 2)).any()
