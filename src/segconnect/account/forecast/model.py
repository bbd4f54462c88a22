"""The formulas of the forecast: a cohort is the people of one month, an age a month of 30 days.

    usual(a)    = money that the newest 12 cohorts that are past age a brought in it, by person
    expected(c) = people(c) × (usual(0) + ... + usual(r - 1)), r the age that c has reached
    typical     = the same for as many people as a cohort has on average
    level(c)    = (brought(c) + typical) / (expected(c) + typical)
    forecast(c) = brought(c) / people(c) + level(c) × (usual(r) + ... + usual(horizon - 1))

So a cohort goes on as others did at its coming ages, more so the more it has brought until now; one
of few people is drawn to what is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from segconnect.account.reports.dates import months_later

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

AGE_DAYS = 30
NEWEST = 12  # cohorts that what is usual at an age is taken from
YEAR = 12  # cohorts
ORIGINS = 24  # months that are gone back for the test, at most
UNBORN = -1  # the age of a cohort whose month is not over: not all of its people are there
SURE = 10  # forecasts that a range is told from, at least
RANGE = (0.1, 0.9)


@dataclass(frozen=True)
class Cohorts:
    """The people of consecutive months, and what they brought.

    Attributes:
        first: The first day of the first month.
        people: Shape (C,).
        money: Shape (C, A): cents, at each age. Of ages that a cohort has not reached it is not
            whole, and never looked at.
    """

    first: date
    people: Ints
    money: Ints

    def months(self) -> Sequence[date]:
        """The first day of each cohort's month."""
        return [months_later(self.first, number) for number in range(len(self.people))]

    def reached(self, day: date) -> Ints:
        """How many whole months of age all people of each cohort had had by a day. Shape (C,)."""
        ages = []
        for month in self.months():
            youngest = months_later(month, 1) - timedelta(1)
            days = (day - youngest).days - 1
            ages.append(days // AGE_DAYS if days >= 0 else UNBORN)
        return np.array(ages, np.int64)

    def value(self, age: int, known: Ints) -> Floats:
        """What a person of each cohort had brought at an age; nan where that is not known."""
        is_known = (known >= age) & (self.people > 0)
        brought = self.money[:, :age].sum(axis=1, dtype=np.int64)
        return np.where(is_known, brought / np.maximum(self.people, 1), np.nan)


def usual(cohorts: Cohorts, reached: Ints) -> Floats:
    """What a person brings at each age, nan where no cohort is past it. Shape (A,)."""
    ages = cohorts.money.shape[1]
    found = np.full(ages, np.nan)
    for age in range(ages):
        past = np.flatnonzero((reached > age) & (cohorts.people > 0))[-NEWEST:]
        if len(past):
            found[age] = cohorts.money[past, age].sum() / cohorts.people[past].sum()
    return found


def forecast(cohorts: Cohorts, reached: Ints, horizon: int) -> Floats:
    """What a person of each cohort will have brought at the age of the horizon.

    Args:
        cohorts: The cohorts.
        reached: How old each is; nothing is looked at that came later.
        horizon: The age, in months of 30 days.

    Returns:
        Shape (C,); nan for a cohort without people, whose month is not over, or where no cohort
        has been as old. A cohort that has reached the horizon has what it brought.
    """
    by_age = usual(cohorts, reached)[:horizon]
    if len(by_age) < horizon:
        by_age = np.append(by_age, np.full(horizon - len(by_age), np.nan))
    until = np.concatenate([[0.0], np.cumsum(by_age)])
    is_there = (reached > UNBORN) & (cohorts.people > 0)
    average = cohorts.people[is_there].mean() if is_there.any() else 0.0
    found = np.full(len(reached), np.nan)
    for place in np.flatnonzero(is_there):
        age, people = min(int(reached[place]), horizon), int(cohorts.people[place])
        brought = float(cohorts.money[place, :age].sum())
        typical = average * until[age]
        expected = people * until[age]
        level = (brought + typical) / (expected + typical) if expected + typical > 0 else 1.0
        left = until[horizon] - until[age] if age < horizon else 0.0
        found[place] = brought / people + level * left
    return found


def last_year(cohorts: Cohorts, reached: Ints, horizon: int) -> Floats:
    """The rule to beat: what a person of the cohort of a year before had brought by that age."""
    known = cohorts.value(horizon, reached)
    before = np.full(len(known), np.nan)
    before[YEAR:] = known[:-YEAR]
    before[reached == UNBORN] = np.nan
    return before


@dataclass(frozen=True)
class BackTest:
    """How forecasts of the past came true, beside what the year before would have said.

    Attributes:
        forecasts: How many there were: of each month gone back to, and each cohort that was not at
            the horizon then and is now.
        error: How far off they were, of what came: sums weighted by people.
        rule_error: The same of the rule.
        low: Of what was forecast, what came in one of ten cases at most; None of too few.
        high: What came in nine of ten at most.
    """

    forecasts: int
    error: float | None
    rule_error: float | None
    low: float | None = None
    high: float | None = None

    @property
    def is_better(self) -> bool | None:
        """Whether the forecast beats the rule; None where that cannot be told."""
        if self.error is None or self.rule_error is None:
            return None
        return self.error < self.rule_error


def back_test(cohorts: Cohorts, today: date, horizon: int) -> BackTest:
    """Forecasts at the beginning of each of the last months, with what was known then."""
    truth = cohorts.value(horizon, cohorts.reached(today))
    looked: list[Floats] = [np.empty((4, 0))]
    for back in range(1, ORIGINS + 1):
        then = months_later(today.replace(day=1), -back)
        reached = cohorts.reached(then)
        said, ruled = forecast(cohorts, reached, horizon), last_year(cohorts, reached, horizon)
        told = np.array([said, ruled, truth, cohorts.people])
        looked.append(told[:, (reached < horizon) & ~np.isnan(told).any(axis=0)])
    ours, rule, real, people = np.concatenate(looked, axis=1)
    whole = float((real * people).sum())
    if whole <= 0:
        return BackTest(len(real), None, None)
    error, rule_error = (
        float((np.abs(each - real) * people).sum()) / whole for each in (ours, rule)
    )
    positive = ours > 0
    if positive.sum() < SURE:
        return BackTest(len(real), error, rule_error)
    low, high = np.quantile(real[positive] / ours[positive], RANGE)
    return BackTest(len(real), error, rule_error, float(low), float(high))
