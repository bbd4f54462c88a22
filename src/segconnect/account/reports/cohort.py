"""Cohorts: what a lead has brought by its age, for the leads of each month.

The value of a cohort at an age is told only once all of its leads are that old; before, its
youngest would pull it down, and every cohort would seem to grow less than the one before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from segconnect.account.metrics import DIMENSIONS, Kind, Number, people, revenue
from segconnect.account.replica import Facts
from segconnect.account.reports.answering import NONE, beside, on_wire
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.run import Answer, run, value
from segconnect.account.reports.types import COHORT

AGE_DAYS = 30  # of a month of age
MAX_AGES = 120


def cohort_answer(facts: Facts, plan: Plan) -> dict[str, Any]:
    """Answers a cohort report in the shape of a query: a row for each month in which leads came.

    Its columns: the month, its leads, and what each of them had brought, on average, when it was
    1, 2, 3 ... months of 30 days old; null where not all of them are that old yet.
    """
    scale = plan.time or DIMENSIONS["date.month"]
    asked = replace(plan.with_dimensions([scale]), view=COHORT, compared=None, limit=None)
    joined = run(facts, replace(asked, metrics=(people.leads,)))
    by_age = replace(asked.with_dimensions([scale, DIMENSIONS["orders.age"]]), view=COHORT)
    spent = run(facts, replace(by_age, metrics=(revenue.revenue,)))
    brought: dict[str | None, dict[int, Number]] = defaultdict(dict)
    for row in spent.rows:
        if row.cells[1] is not None:
            brought[row.cells[0]][int(row.cells[1])] = value(revenue.revenue, row.sums) or 0
    table = list(_rows(asked, joined, brought))
    ages = max((len(values) for _, _, values in table), default=0)
    currency = plan.settings.currency

    def told(sums: list[tuple[Number, Number]]) -> list[Number | None]:
        figures = [on_wire(revenue.lead_value, cents / leads, currency) for cents, leads in sums]
        return [*figures, *[None] * (ages - len(figures))]

    return {
        "type": plan.type.slug,
        "fields": [
            {"name": scale.name, "key": scale.key, "type": "STRING", "aggregation": None},
            {"name": "Leads", "key": "leads", "type": "NUMBER", "aggregation": "SUM"},
            *(
                {"name": f"Month {age}", "key": f"leadValue{age}", "type": str(Kind.CURRENCY),
                 "aggregation": "AVG"} for age in range(1, ages + 1)
            ),
        ],
        "rows": [[name or NONE, leads, *told(sums)] for name, leads, sums in table],
        "totals": [sum(leads for _, leads, _ in table), *told(_together(table, ages))],
        "date_range": {
            "start_date": plan.period.first.isoformat(),
            "end_date": plan.period.last.isoformat(),
            "scale": scale.key,
        },
        "comparison": None,
        **beside(spent),
    }  # fmt: skip


def _rows(
    plan: Plan, joined: Answer, brought: dict[str | None, dict[int, Number]]
) -> Iterator[tuple[str | None, Number, list[tuple[Number, Number]]]]:
    """Each cohort: its name, its leads, and revenue and leads up to each age that it reached."""
    leads = {row.cells[0]: value(people.leads, row.sums) or 0 for row in joined.rows}
    for bucket in plan.period.buckets():
        count = leads.get(bucket.name, 0)
        if not count:
            continue
        youngest = min(bucket.last, plan.settings.today)
        reached = (plan.settings.today - youngest - timedelta(1)).days // AGE_DAYS
        total: Number = 0
        sums: list[tuple[Number, Number]] = []
        for age in range(min(max(reached, 0), MAX_AGES)):
            total += brought[bucket.name].get(age, 0)
            sums.append((total, count))
        yield bucket.name, count, sums


def _together(
    table: list[tuple[str | None, Number, list[tuple[Number, Number]]]], ages: int
) -> list[tuple[Number, Number]]:
    """All cohorts that have reached an age, as one."""
    return [
        (
            sum(sums[age][0] for _, _, sums in table if len(sums) > age),
            sum(sums[age][1] for _, _, sums in table if len(sums) > age),
        )
        for age in range(ages)
    ]
