"""Journeys: how far people come, from the first visit to the second order, and how long it takes.

Everybody of whom something is known first within the range: a visit, a contact, an order. Each step
is told of all who ever took it; the share and the days from the step before, of those who took
both. Who took them the other way round, as somebody who bought before the first visit, waited 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from segconnect.account.metrics import Metric
from segconnect.account.metrics.facts import PEOPLE
from segconnect.account.metrics.intervals import wilson
from segconnect.account.replica import Facts
from segconnect.account.reports.answering import (
    Json,
    beside_of,
    cell,
    field_of,
    range_of,
    with_comparison,
)
from segconnect.account.reports.behind import Behind, behind
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.querying import Cells, FactQuery
from segconnect.account.reports.run import MAX_ROWS
from segconnect.account.reports.special import TOOK
from segconnect.errors import UsageError, unknown_name

DAY = 86400


class Stage(NamedTuple):
    """A step of a journey."""

    slug: str
    name: str
    column: str  # of the moment, and after has_ of whether there is one


STAGES = (
    Stage("visit", "First Visit", "visited"),
    Stage("lead", "Lead", "joined"),
    Stage("customer", "Customer", "bought"),
    Stage("repeat", "Repeat Customer", "again"),
)
FIELDS = (
    ("People", "people", "SUM"),
    ("Of the Step Before", "stepRate", "AVG"),
    ("Of All", "overallRate", "AVG"),
    ("Days since, Median", "daysMedian", "AVG"),
    ("Days since, Mean", "daysMean", "AVG"),
)


class Taken(NamedTuple):
    """A step, as a group of people took it."""

    everybody: int  # of the group
    people: int  # who took it
    before: int  # who took the step before
    both: int
    median: float | None  # seconds from the step before, of both
    mean: float | None


def journey_answer(facts: Facts, plan: Plan) -> Json:
    """Answers a journey in the shape of a query: a row for each group and step.

    Its columns: the dimensions, the step, its people, how many percent they are of those of the
    step before and of everybody, and the days between, in the middle and on average. The total is
    of everybody; `everybody` has the steps of all groups together.
    """
    everybody = _groups(facts, plan.with_dimensions(()))
    (whole,) = everybody.values()
    groups = _groups(facts, plan) if plan.dimensions else everybody
    cells = _in_order(plan, groups)
    kept = cells[: plan.limit]
    told = {
        "type": plan.type.slug,
        "fields": [
            *map(field_of, plan.dimensions),
            {"name": "Step", "key": "step", "type": "STRING", "aggregation": None},
            *({"name": name, "key": key, "type": "NUMBER", "aggregation": how}
              for name, key, how in FIELDS),
        ],
        "rows": [[*map(cell, told), *row] for told in kept for row in _rows(groups[told])],
        "totals": [whole[0].everybody, *[None] * (len(FIELDS) - 1)],
        "date_range": range_of(plan.period, plan.time.key if plan.time else "day"),
        "comparison": None,
        "everybody": _rows(whole),
        "rows_overlap": any(each.is_multiple for each in plan.dimensions),
        "rows_hidden": len(cells) - len(kept),
        **beside_of(facts, plan),
        "certainty": {
            "stepRate": {
                "rows": [each for told in kept for each in map(_certainty, groups[told])],
                "totals": None,
            }
        },
    }  # fmt: skip
    return with_comparison(told, plan, lambda other: journey_answer(facts, other))


def _rows(steps: Sequence[Taken]) -> list[list[Any]]:
    return [
        [stage.name, step.people, _rate(step.both, step.before), _rate(step.people, step.everybody),
         _days(step.median), _days(step.mean)]
        for stage, step in zip(STAGES, steps, strict=True)
    ]  # fmt: skip


def _rate(count: int, of: int) -> float | None:
    return round(100 * count / of, 4) if of else None


def _days(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / DAY, 4)


def _certainty(step: Taken) -> Json:
    interval = wilson(step.both, step.before)
    return {
        "sample": step.before,
        "interval": interval and [round(100 * end, 4) for end in interval],
    }


def _in_order(plan: Plan, groups: dict[Cells, list[Taken]]) -> list[Cells]:
    """Groups by time, else the largest first."""

    def key(cells: Cells) -> tuple[Any, ...]:
        size = 0 if plan.time is not None else -groups[cells][0].everybody
        return (size, *((each is None, each) for each in cells))

    return sorted(groups, key=key)


def _groups(facts: Facts, plan: Plan) -> dict[Cells, list[Taken]]:
    """Counts who took each step, in each group."""
    columns = [stage.column for stage in STAGES]
    figures = ["count(*)", f"count({columns[0]})"]
    for before, column in pairwise(columns):
        waited = (
            f"case when {column} < {before} then 0 when {before} is not null"
            f" then cast({column} - {before} as double precision) end"
        )
        figures += [
            f"count({column})",
            f"count({waited})",
            f"median({waited})",
            f"avg({waited})",
        ]
    query = FactQuery(
        plan, PEOPLE, [_metric(each) for each in columns], plan.dimensions, plan.period,
        int(facts.as_of.timestamp()),
    )  # fmt: skip
    text, values = query.figures(figures)
    rows = facts.connection.execute(text, values).fetchmany(MAX_ROWS + 1)
    if len(rows) > MAX_ROWS:
        raise UsageError(f"the journey has more than {MAX_ROWS} groups; group it by less")
    size = len(plan.dimensions)
    return {tuple(row[:size]): _read(row[size:]) for row in rows}


def _read(row: Sequence[Any]) -> list[Taken]:
    everybody, visited, *rest = row
    steps = [Taken(everybody, visited, everybody, visited, None, None)]
    for place in range(0, len(rest), 4):
        people, both, median, mean = rest[place : place + 4]
        steps.append(Taken(everybody, people, steps[-1].people, both, median, mean))
    return steps


def _metric(column: str) -> Metric:
    return replace(TOOK, column=column)


def journey_behind(facts: Facts, plan: Plan, step: str | None, group: Cells = ()) -> list[Behind]:
    """Lists the people who took a step, by its name or slug; everybody for None.

    Args:
        facts: The replica.
        plan: The report.
        step: The step.
        group: One value for each dimension; none asks for all groups.

    Raises:
        UsageError: There is no such step, or there are more people than can be listed.
    """
    columns = {name: f"has_{each.column}" for each in STAGES for name in (each.slug, each.name)}
    if step is not None and step not in columns:
        raise UsageError(unknown_name("step", step[:100], [each.slug for each in STAGES]))
    metric = _metric("one" if step is None else columns[step])
    told = plan if group else plan.with_dimensions(())
    return behind(facts, replace(told, metrics=(metric,)), group)
