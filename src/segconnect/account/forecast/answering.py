"""Asks the replica for cohorts, and tells their forecast with its test."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from segconnect.account.metrics import revenue
from segconnect.account.replica import Facts
from segconnect.account.reports.answering import DEFINITIONS, on_wire
from segconnect.account.reports.plan import Settings
from segconnect.account.reports.views import day
from segconnect.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from segconnect.account.forecast.model import BackTest, Cohorts

MONTHS = 12
MAX_MONTHS = 60
MAX_COHORTS = 120
BETTER = "Past forecasts were {error:.0%} off, and the same as last year {rule:.0%}."
WORSE = (
    "Past forecasts were {error:.0%} off, and the same as last year {rule:.0%}: the forecast does"
    " not beat that rule; rely on last year's."
)
UNTESTED = (
    "The forecast cannot be tested yet: no month can be looked back at for which the year before"
    " was known at {months} months of age."
)


class Kind(NamedTuple):
    """Whose money is forecast."""

    name: str
    people: str  # what they are called
    since: str  # the SQL of each person, and of the moment and day that ages are counted from


KINDS: Mapping[str, Kind] = {
    "leads": Kind("Lead Value", "leads", "select person, moment, day from leads"),
    "customers": Kind(
        "Customer Lifetime Value", "customers",
        "select p.person, min(o.date_created) as moment, min(o.day) as day from orders o"
        " join people p on p.kind = 'order' and p.pk = o.pk group by p.person",
    ),
}  # fmt: skip
"""Leads from their first contact, customers from their first order."""


def forecast_answer(
    facts: Facts, settings: Settings, of: str = "leads", months: int = MONTHS
) -> dict[str, Any]:
    """Answers what the people of each month will have brought at an age, by person.

    Args:
        facts: The replica.
        settings: What the account says about its reports.
        of: leads, or customers.
        months: The age, in months of 30 days.

    Raises:
        UsageError: There are no such people, or the age is out of bounds.
    """
    from segconnect.account.forecast import model

    if of not in KINDS:
        raise UsageError(unknown_name("forecast", of[:100], KINDS))
    if not 1 <= months <= MAX_MONTHS:
        raise UsageError(f"months: expected 1 to {MAX_MONTHS}, found {months}")
    cohorts = read_cohorts(facts, KINDS[of], settings.today, months)
    reached = cohorts.reached(settings.today)
    test = model.back_test(cohorts, settings.today, months)
    columns = zip(
        cohorts.months(), cohorts.people.tolist(), reached.tolist(),
        model.forecast(cohorts, reached, months).tolist(),
        model.last_year(cohorts, reached, months).tolist(), strict=True,
    )  # fmt: skip

    def money(cents: float) -> float | int | None:
        return None if cents != cents else on_wire(revenue.lead_value, cents, settings.currency)

    rows = []
    for place, (month, people, age, ahead, before) in enumerate(columns):
        if not people or age < 0:
            continue
        is_there = age >= months
        bounds = [None, None] if is_there or test.low is None or test.high is None else [
            money(ahead * test.low), money(ahead * test.high)
        ]  # fmt: skip
        until = int(cohorts.money[place, : min(age, months)].sum())
        rows.append({
            "month": f"{month:%Y-%m}",
            of: people,
            "age": age,
            "brought": money(until / people),
            "forecast": money(ahead),
            "range": bounds,
            "last_year": money(before),
            "is_known": is_there,
        })  # fmt: skip
    return {
        "of": of,
        "name": KINDS[of].name,
        "months": months,
        "currency": settings.currency,
        "rows": rows,
        "back_test": {
            "forecasts": test.forecasts,
            "error": test.error,
            "last_year_error": test.rule_error,
            "is_better": test.is_better,
        },
        "told": told_of(test, months),
        "definitions": DEFINITIONS,
        "change": facts.number,
        "as_of": facts.as_of.isoformat(),
    }


def told_of(test: BackTest, months: int) -> str:
    """Says whether to rely on the forecast."""
    if test.is_better is None:
        return UNTESTED.format(months=months)
    text = BETTER if test.is_better else WORSE
    return text.format(error=test.error, rule=test.rule_error)


def read_cohorts(facts: Facts, kind: Kind, today: date, months: int) -> Cohorts:
    """Reads the cohorts of the last ten years, without the month that is not over."""
    import numpy as np

    from segconnect.account.forecast.model import AGE_DAYS, Cohorts
    from segconnect.account.reports.dates import months_later

    end = today.replace(day=1)
    within = f"s.day >= {day(months_later(end, -MAX_COHORTS))} and s.day < {day(end)}"
    counted = facts.connection.execute(
        f"select cast(date_trunc('month', s.day) as date), count(*) from ({kind.since}) s"
        f" where {within} group by 1 order by 1"
    ).fetchall()
    first = counted[0][0] if counted else end

    def place(month: date) -> int:
        return (month.year - first.year) * 12 + month.month - first.month

    people = np.zeros(place(end), np.int64)
    money = np.zeros((place(end), months), np.int64)
    for month, count in counted:
        people[place(month)] = count
    age = (
        "case when o.date_created < s.moment then 0 else cast(floor(cast(o.date_created - s.moment"
        f" as double precision) / {AGE_DAYS * 86400}) as integer) end"
    )
    spent = facts.connection.execute(
        f"select month, age, sum(amount) from (select cast(date_trunc('month', s.day) as date)"
        f" as month, {age} as age, o.amount from ({kind.since}) s"
        " join people p on p.kind = 'order' and p.person = s.person"
        f" join orders o on o.pk = p.pk where {within}) x where age < {months} group by month, age"
    ).fetchall()
    for month, at, cents in spent:
        money[place(month), at] = int(cents)
    return Cohorts(first, people, money)
