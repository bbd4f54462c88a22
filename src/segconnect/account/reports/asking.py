"""Answers a planned report of any type, and lists what is behind a figure of it."""

from __future__ import annotations

from collections.abc import Callable

from segconnect.account.replica import Facts
from segconnect.account.reports.answering import NONE, Json, query_answer
from segconnect.account.reports.behind import Behind, Listing, behind, listing
from segconnect.account.reports.cohort import cohort_answer
from segconnect.account.reports.comparison import comparison_answer
from segconnect.account.reports.funnel import funnel_answer, funnel_behind
from segconnect.account.reports.journey import journey_answer, journey_behind
from segconnect.account.reports.paths import paths_answer, paths_behind
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.querying import Cells
from segconnect.account.reports.run import run
from segconnect.account.reports.types import COHORTS, COMPARISON, FUNNEL, JOURNEY, PATHS
from segconnect.errors import UsageError

ANSWERS: dict[str, Callable[[Facts, Plan], Json]] = {
    COHORTS: cohort_answer,
    FUNNEL: funnel_answer,
    PATHS: paths_answer,
    JOURNEY: journey_answer,
    COMPARISON: comparison_answer,
}
BEHIND: dict[str, Callable[[Facts, Plan, str | None], list[Behind]]] = {
    FUNNEL: funnel_behind,
    PATHS: paths_behind,
    JOURNEY: journey_behind,
}
"""Of the types whose rows are no groups: what is behind one, by its name."""


def ask(facts: Facts, plan: Plan, scale: str = "day") -> Json:
    """Answers a report in the shape of a query: fields, rows, totals."""
    answer = ANSWERS.get(plan.type.slug)
    return answer(facts, plan) if answer else query_answer(run(facts, plan), scale)


def ask_listing(
    facts: Facts, plan: Plan, row: Cells, of: str | None, first: int, most: int | None
) -> list[Listing]:
    """Tells what the first figure of a row is made of; see `behind.listing`.

    Args:
        facts: The replica.
        plan: The report.
        row: What the row says it is of: a path, or a group and a step; none asks for the total.
        of: The metric whose parts are named; None: the first one.
        first: How many of its parts are left out before.
        most: How many are named; None: all.

    Raises:
        UsageError: There is no such row, or there is more than can be listed.
    """
    if plan.type.slug == COMPARISON:
        plan = plan.by_model(plan.models[0])
    listed = BEHIND.get(plan.type.slug)
    if listed is None:
        return listing(facts, plan, row, of, first, most)
    if plan.type.slug == JOURNEY and row:
        found = journey_behind(facts, plan, row[-1], row[:-1])
    else:
        found = listed(facts, plan, row[-1] if row else None)
    return listing(facts, plan, (), of, first, most, found)


def ask_behind(facts: Facts, plan: Plan, value: str = "") -> list[Behind]:
    """Lists what is behind the figures of a row, by its value; of the total where there is none.

    Of a comparison what is behind the first of its models.

    Raises:
        UsageError: There is no such row, or there is more than can be listed.
    """
    listed = BEHIND.get(plan.type.slug)
    if listed is not None:
        return listed(facts, plan, value or None)
    if len(plan.dimensions) > 1 and value:
        raise UsageError("--behind names one value; group the report by one dimension")
    if plan.type.slug == COMPARISON:
        plan = plan.by_model(plan.models[0])
    cells: Cells = ()
    if value and plan.dimensions:
        cells = (None if value == NONE else value,)
    return behind(facts, plan, cells)
