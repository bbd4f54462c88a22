"""Funnels: how many people go from step to step, and how long they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segconnect.account.metrics.intervals import wilson
from segconnect.account.replica import Facts
from segconnect.account.reports.answering import beside_of
from segconnect.account.reports.behind import Behind
from segconnect.account.reports.dates import Period
from segconnect.account.reports.naming import Part
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.run import MAX_ROWS
from segconnect.account.reports.special import TOOK
from segconnect.account.reports.steps import BOUGHT, CONDITIONS, EVENTS, Step
from segconnect.account.reports.texts import Parameters
from segconnect.account.reports.views import day
from segconnect.errors import UsageError, unknown_name


def funnel_sql(
    steps: Sequence[Step], period: Period, window: int | None, at: int | None = None
) -> tuple[str, list[Any]]:
    """Writes the SQL of a funnel: a row for each step, with its people and their seconds.

    Args:
        steps: What people do, in order.
        period: When they took the first step.
        window: The days that they have for all of them.
        at: Lists the people who took this step instead.
    """
    parameters = Parameters()
    ctes, counts = [], []
    for place, step in enumerate(steps):
        events = _events(step, parameters)
        if place == 0:
            within = f"between {day(period.first)} and {day(period.last)}"
            ctes.append(
                f"s0 as (select e.person, min(e.moment) as first, min(e.moment) as moment,"
                f" cast(0 as bigint) as waited from ({events}) e where e.day {within}"
                " group by e.person)"
            )
        else:
            after = ">" if step.event == steps[place - 1].event else ">="
            until = "" if window is None else f" and e.moment <= s.first + {window * 86400}"
            ctes.append(
                f"s{place} as (select s.person, s.first, min(e.moment) as moment,"
                f" min(e.moment) - min(s.moment) as waited from s{place - 1} s join ({events}) e"
                f" on e.person = s.person and e.moment {after} s.moment{until}"
                " group by s.person, s.first)"
            )
        counts.append(
            f"select {place} as step, count(*) as people, sum(waited),"
            f" median(cast(waited as double precision)) from s{place}"
        )
    body = "\nunion all\n".join(counts) + "\norder by step"
    if at is not None:
        body = f"select person from s{at} order by person"
    return parameters.finish(f"with {', '.join(ctes)}\n{body}")


def _events(step: Step, parameters: Parameters) -> str:
    where = [_matches(step.event, name, text, parameters) for name, text in step.asked.items()]
    return EVENTS[step.event] + (f" where {' and '.join(where)}" if where else "")


def _matches(event: str, name: str, text: str, parameters: Parameters) -> str:
    if (event, name) == ("order", "product"):
        return BOUGHT.format(_equals("d.name", text, parameters))
    return _equals(CONDITIONS[event, name], text, parameters)


def _equals(column: str, text: str, parameters: Parameters) -> str:
    if text.endswith("*"):
        begin = text[:-1]
        return f"substring({column}, 1, {len(begin)}) = {parameters.bind(begin)}"
    return f"{column} = {parameters.bind(text)}"


def funnel_answer(facts: Facts, plan: Plan) -> dict[str, Any]:
    """Answers a funnel in the shape of a query: a row for each step.

    Its columns: the step, its people, how many percent they are of those of the step before and of
    the first one, how many went away before it, and the days from the step before, on average and
    in the middle.
    """
    text, values = funnel_sql(plan.steps, plan.period, plan.window)
    counted = facts.connection.execute(text, values).fetchall()
    rows, sure = [], []
    first = before = int(counted[0][1])
    for step, (_, count, waited, median) in zip(plan.steps, counted, strict=True):
        days = round(int(waited) / count / 86400, 4) if count else None
        middle = round(median / 86400, 4) if count else None
        rows.append([step.name, count, _rate(count, before), _rate(count, first), before - count,
                     days, middle])  # fmt: skip
        interval = wilson(count, before)
        sure.append({
            "sample": before, "interval": interval and [round(100 * end, 4) for end in interval],
        })  # fmt: skip
        before = count
    numbers = (("People", "people"), ("Of the Step Before", "stepRate"),
               ("Of the First Step", "overallRate"), ("Drop-off", "dropOff"),
               ("Days since, Mean", "daysSince"), ("Days since, Median", "daysMedian"))  # fmt: skip
    return {
        "type": "funnel",
        "fields": [
            {"name": "Step", "key": "step", "type": "STRING", "aggregation": None},
            *({"name": name, "key": key, "type": "NUMBER", "aggregation": None}
              for name, key in numbers),
        ],
        "rows": rows,
        "totals": [before, _rate(before, first), _rate(before, first), first - before, None,
                   None],
        "date_range": {
            "start_date": plan.period.first.isoformat(),
            "end_date": plan.period.last.isoformat(),
            "scale": "day",
        },
        "comparison": None,
        "window": plan.window,
        **beside_of(facts, plan),
        "certainty": {"stepRate": {"rows": sure, "totals": None}},
    }  # fmt: skip


def funnel_behind(facts: Facts, plan: Plan, step: str | None) -> list[Behind]:
    """Lists the people who took a step, by its name; those who took the last one for None.

    Raises:
        UsageError: There is no such step, or there are more people than can be listed.
    """
    names = [each.name for each in plan.steps]
    if step is not None and step not in names:
        raise UsageError(unknown_name("step", step[:100], names))
    at = len(names) - 1 if step is None else names.index(step)
    text, values = funnel_sql(plan.steps, plan.period, plan.window, at)
    rows = facts.connection.execute(text, values).fetchmany(MAX_ROWS + 1)
    if len(rows) > MAX_ROWS:
        raise UsageError(f"more than {MAX_ROWS} took the step; take a shorter range")
    return [Behind(TOOK, [Part(person, (person,), 1) for (person,) in rows])]


def _rate(count: int, of: int) -> float:
    return round(100 * count / of, 4) if of else 0
