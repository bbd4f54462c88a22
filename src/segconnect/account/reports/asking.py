"""Answers a planned report of any type."""

from __future__ import annotations

from segconnect.account.replica import Facts
from segconnect.account.reports.answering import Json, query_answer
from segconnect.account.reports.cohort import cohort_answer
from segconnect.account.reports.funnel import funnel_answer
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.run import run
from segconnect.account.reports.types import COHORTS, FUNNEL


def ask(facts: Facts, plan: Plan, scale: str = "day") -> Json:
    """Answers a report in the shape of a query: fields, rows, totals."""
    if plan.type.slug == COHORTS:
        return cohort_answer(facts, plan)
    if plan.type.slug == FUNNEL:
        return funnel_answer(facts, plan)
    return query_answer(run(facts, plan), scale)
