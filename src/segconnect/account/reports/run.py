"""Runs a report: each fact is summed at its own grain, and the sums are joined by their group.

A total comes from the facts and never from the rows: of a model that is not fractional, of tags and
of people counted once, rows add up to more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeAlias

from segconnect.account.metrics import (
    AnyMetric,
    Dimension,
    Fact,
    Formula,
    Kind,
    Measure,
    Metric,
    Number,
    Ratio,
    parts,
)
from segconnect.account.replica import Facts
from segconnect.account.reports.columns import TOUCHES
from segconnect.account.reports.filters import conditions, holds
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.querying import Cells, FactQuery
from segconnect.account.reports.texts import whole
from segconnect.errors import UsageError
from segconnect.types import ZERO_DECIMAL

MAX_ROWS = 100_000

Sums: TypeAlias = Mapping[str, Number]


class Reading(Protocol):
    """Opens the replica of an account, with the credits of these models."""

    def __call__(self, account_pk: int, models: Sequence[str]) -> AbstractContextManager[Facts]:
        """See `replica.reading`."""


@dataclass(frozen=True)
class Row:
    """One group, and the sums that its figures are computed from."""

    cells: Cells
    sums: Sums


@dataclass(frozen=True)
class Answer:
    """A report's figures."""

    plan: Plan
    rows: list[Row]
    totals: Sums
    number: int  # of the newest change that it includes
    as_of: datetime
    comparison: Answer | None = None
    hidden: int = 0  # rows beyond the limit

    def value(self, measure: Measure, sums: Sums) -> Number | None:
        """Computes a figure of a row, or of the totals: cents where it is money."""
        return value(measure, sums)


def value(measure: Measure, sums: Sums) -> Number | None:
    """Computes a figure from sums; None where there is none, as a cost for each of no leads."""
    if isinstance(measure, Metric):
        return sums.get(measure.key, 0)
    if isinstance(measure, Ratio):
        of, per = value(measure.of, sums), value(measure.per, sums)
        if of is None or per is None:
            return None
        return of * measure.scale / per if per else measure.empty
    assert isinstance(measure, Formula)
    found = [value(part, sums) for part in measure.parts]
    if any(each is None for each in found):
        return None
    computed: Number | None = measure.compute(*found)
    return computed


def run(facts: Facts, plan: Plan) -> Answer:
    """Answers a planned report.

    Raises:
        UsageError: It has too many rows.
    """
    groups = _sums(facts, plan, plan.dimensions) if plan.dimensions else {}
    totals = _totals(facts, plan, groups)
    rows = _rows(plan, groups) if plan.dimensions else []
    kept = [row for row in rows if holds(plan.filters.after, partial(in_units, plan, row.sums))]
    kept = in_order(plan, kept)
    limit = plan.limit or len(kept)
    return Answer(
        plan=plan,
        rows=kept[:limit],
        totals=totals,
        number=facts.number,
        as_of=facts.as_of,
        comparison=run(facts, plan.for_period(plan.compared)) if plan.compared else None,
        hidden=max(len(kept) - limit, 0),
    )


def in_units(plan: Plan, sums: Sums, measure: AnyMetric) -> Number | None:
    """A figure as filters compare it: money in units of the currency."""
    figure = value(measure, sums)
    is_cents = measure.type is Kind.CURRENCY and plan.settings.currency not in ZERO_DECIMAL
    return figure / 100 if is_cents and figure is not None else figure


def _totals(facts: Facts, plan: Plan, groups: Mapping[Cells, Sums]) -> Sums:
    """Sums all facts of a report up: from the groups only where each row is in exactly one."""
    told: dict[str, Number] = {}
    left: list[Metric] = []
    for fact, metrics in _by_fact(plan, _asked(plan)).items():
        query = _query(facts, plan, fact, metrics, plan.dimensions)
        figures = [sums.get(metric.key, 0) for metric in metrics for sums in groups.values()]
        if query.is_parted and all(isinstance(figure, int) for figure in figures):
            for metric in metrics:
                told[metric.key] = sum(sums.get(metric.key, 0) for sums in groups.values())
        else:
            left += metrics
    whole_ = plan.with_dimensions(())  # its orders need not be looked into
    return {**told, **_sums(facts, whole_, (), _by_fact(whole_, left)).get((), {})}


def _query(
    facts: Facts,
    plan: Plan,
    fact: Fact,
    metrics: Sequence[Metric],
    dimensions: Sequence[Dimension],
) -> FactQuery:
    period = plan.period if dimensions else plan.period.told_by("")
    return FactQuery(plan, fact, metrics, dimensions, period, int(facts.as_of.timestamp()))


def _sums(
    facts: Facts,
    plan: Plan,
    dimensions: Sequence[Dimension],
    by_fact: Mapping[Fact, list[Metric]] | None = None,
) -> dict[Cells, dict[str, Number]]:
    """Sums facts of a report up, by group; all that it asks for, unless some are given."""
    found: dict[Cells, dict[str, Number]] = defaultdict(dict)
    asked = _by_fact(plan, _asked(plan)) if by_fact is None else by_fact
    for fact, metrics in asked.items():
        query = _query(facts, plan, fact, metrics, dimensions)
        if query.is_credited and plan.model.together:
            from segconnect.account.reports.journeys import credited_rows

            for told, figures in credited_rows(facts, query):
                found[told].update(figures)
            continue
        text, values = query.sums()
        rows: list[Sequence[Any]] = []
        rows += facts.connection.execute(text, values).fetchmany(MAX_ROWS + 1)
        if len(rows) > MAX_ROWS:
            raise UsageError(
                f"the report has more than {MAX_ROWS} rows; filter it, or group it by less"
            )
        if query.is_fractional and dimensions:
            rows = settled(
                metrics,
                len(dimensions),
                sorted(rows, key=lambda row: _order(row[: len(dimensions)])),
            )
        for row in rows:
            cells = tuple(row[: len(dimensions)])
            for metric, figure in zip(metrics, row[len(dimensions) :], strict=True):
                found[cells][metric.key] = whole(figure)
    return dict(found)


def _asked(plan: Plan) -> list[AnyMetric]:
    """The metrics of a report, and those that its rows are filtered by."""
    fields = [each.field for each in conditions(plan.filters.after)]
    return [*plan.metrics, *(each for each in fields if not isinstance(each, Dimension))]


def _by_fact(plan: Plan, measures: Iterable[AnyMetric]) -> dict[Fact, list[Metric]]:
    found: dict[Fact, dict[str, Metric]] = defaultdict(dict)
    for measure in measures:
        for metric in parts(measure):
            found[plan.fact_of(metric)][metric.key] = metric
    return {fact: list(metrics.values()) for fact, metrics in found.items()}


def _order(row: Sequence[Any]) -> tuple[tuple[bool, Any], ...]:
    return tuple((cell is None, cell) for cell in row)


def settled(metrics: Sequence[Metric], skip: int, rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
    """Rounds shares of money to whole cents such that rows still add up to the total."""
    parted = [list(row) for row in rows]
    for place, metric in enumerate(metrics, skip):
        if metric.type is not Kind.CURRENCY:
            continue
        exact, told = 0.0, 0
        for row in parted:
            exact += float(row[place] or 0)
            row[place] = round(exact) - told
            told += row[place]
    return [*parted]


def _rows(plan: Plan, groups: Mapping[Cells, Sums]) -> list[Row]:
    found = dict(groups)
    if len(found) > MAX_ROWS:
        raise UsageError(
            f"the report has more than {MAX_ROWS} rows; filter it, or group it by less"
        )
    if plan.time is not None and len(plan.dimensions) == 1:  # a day without anything is told, too
        for bucket in plan.period.buckets():
            found.setdefault((bucket.name,), {})
    return [Row(cells, sums) for cells, sums in found.items()]


def in_order(plan: Plan, rows: Sequence[Row]) -> list[Row]:
    """Rows in the order that is asked for; else by time, else the largest first."""
    rows = sorted(rows, key=lambda row: _order(row.cells))
    by, is_descending = plan.sort or (None, True)
    if by is None and (plan.time is not None or not plan.metrics):
        return rows
    if isinstance(by, Dimension):
        place = plan.dimensions.index(by)
        return sorted(rows, key=lambda row: _order([row.cells[place]]), reverse=is_descending)
    measure = by or plan.metrics[0]
    sign = -1 if is_descending else 1

    def key(row: Row) -> tuple[bool, float]:
        figure = value(measure, row.sums)
        return figure is None, sign * float(figure or 0)

    return sorted(rows, key=key)


def overlaps(plan: Plan) -> bool:
    """Tells whether rows count the same things: then they add up to more than the total."""
    touched = any(each.family in TOUCHES for each in plan.dimensions)
    return any(each.is_multiple for each in plan.dimensions) or (
        touched and not plan.model.is_fractional
    )
