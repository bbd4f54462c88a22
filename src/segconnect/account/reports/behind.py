"""Who and what is behind a figure: the people and the rows of its fact, which add up to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from segconnect.account.metrics import (
    AnyMetric,
    Formula,
    Kind,
    Measure,
    Metric,
    Number,
    Ratio,
    parts,
)
from segconnect.account.replica import Facts
from segconnect.account.reports.naming import Named, Part, named
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.querying import Cells, FactQuery
from segconnect.account.reports.run import MAX_ROWS, settled, value
from segconnect.account.reports.texts import whole
from segconnect.errors import UsageError


class Behind(NamedTuple):
    """What a figure is made of."""

    metric: Metric
    parts: list[Part]


class Listing(NamedTuple):
    """What a figure is made of, and some of it by name."""

    measure: AnyMetric
    total: Number | None
    size: int  # how many parts there are
    listed: list[tuple[Named, Number | None]]


def behind(facts: Facts, plan: Plan, cells: Cells = ()) -> list[Behind]:
    """Lists what each figure of a report is made of, in one of its groups.

    A figure that is computed from others, as a rate is, has a list for each of them.

    Args:
        facts: The replica.
        plan: The report.
        cells: The group, one value for each dimension; none asks for the totals.

    Raises:
        UsageError: There is more than can be listed.
    """
    told = plan if cells else plan.with_dimensions(())
    metrics = {m.key: m for measure in plan.metrics for m in parts(measure)}
    return [Behind(metric, _parts(facts, told, metric, cells)) for metric in metrics.values()]


def _parts(facts: Facts, plan: Plan, metric: Metric, cells: Cells) -> list[Part]:
    query = _query(facts, plan, metric)
    if plan.model.together is not None and query.is_credited:
        return _parts_together(facts, plan, query, metric, cells)
    text, values = query.behind(cells)
    rows: list[Sequence[Any]] = []
    rows += facts.connection.execute(text, values).fetchmany(MAX_ROWS + 1)
    if len(rows) > MAX_ROWS:
        raise UsageError(f"more than {MAX_ROWS} are behind {metric.key}; filter the report")
    if query.is_fractional and metric.type is Kind.CURRENCY:
        rows = settled([metric], len(rows[0]) - 1 if rows else 0, rows)
    return [Part(row[0], tuple(row[1:-1]) or (row[0],), whole(row[-1])) for row in rows]


def _parts_together(
    facts: Facts, plan: Plan, query: FactQuery, metric: Metric, cells: Cells
) -> list[Part]:
    """Lists what a model over all journeys gives a group: its figure is no row's alone.

    Each row that the group had a visit in is told with an equal part of what it is; where the group
    has a figure and no such row, as with journeys that did not convert, all rows are.
    """
    from segconnect.account.reports.journeys import credited_rows

    figure = next(
        (row[metric.key] for group, row in credited_rows(facts, query) if group == cells), 0
    )
    visited = replace(plan, model=plan.model.of_each_visit())
    listed = _parts(facts, visited, metric, cells)
    if figure and not sum(each.part for each in listed):
        listed = _parts(facts, visited.with_dimensions(()), metric, ())
    whole_part = sum(each.part for each in listed)
    if not figure or not whole_part:
        return []
    rows: list[Sequence[Any]] = [
        [each.person, each.key, each.part * figure / whole_part] for each in listed
    ]
    if metric.type is Kind.CURRENCY:
        rows = settled([metric], 2, rows)
    return [Part(person, key, whole(part)) for person, key, part in rows]


def _query(facts: Facts, plan: Plan, metric: Metric) -> FactQuery:
    return FactQuery(
        plan, plan.fact_of(metric), [metric], plan.dimensions, plan.period,
        int(facts.as_of.timestamp()),
    )  # fmt: skip


def contacts_behind(
    facts: Facts, plan: Plan, metrics: Sequence[Metric], limit: int, page: int
) -> tuple[int, list[int]]:
    """Lists the contacts behind metrics, in the order in which they were created.

    Somebody with several contacts is listed by the first one; who has none is left out.

    Returns:
        How many there are, and the pk of those of the page.
    """
    texts, values = [], []
    for metric in metrics:
        text, bound = _query(facts, plan.with_dimensions(()), metric).behind(())
        texts.append(f"select person from ({text}) x")
        values += bound
    people = " union ".join(texts)
    found = f"from leads l where l.person in ({people})"
    ((count,),) = facts.connection.execute(f"select count(*) {found}", values).fetchall()
    rows = facts.connection.execute(
        f"select l.contact_pk {found} order by l.contact_pk limit {limit}"
        f" offset {(page - 1) * limit}",
        values,
    ).fetchall()
    return int(count), [int(pk) for (pk,) in rows]


def listing(
    facts: Facts, plan: Plan, cells: Cells, of: str | None, first: int, most: int | None,
    found: Sequence[Behind] = (),
) -> list[Listing]:  # fmt: skip
    """Tells what the first figure of a report is made of, and names the parts of it.

    Of one that is divided by another, both are told; the parts of one of them are named.

    Args:
        facts: The replica.
        plan: The report.
        cells: The group; see `behind`.
        of: The metric whose parts are named; None: the first one.
        first: How many of its parts are left out before.
        most: How many are named; None: all.
        found: What is behind the figures, where that is known already.

    Raises:
        UsageError: There is more than can be listed.
    """
    asked = plan if cells else plan.with_dimensions(())
    told = []
    known = {each.metric.key: each for each in found}
    made = dict.fromkeys(_listable(plan.metrics[0]))
    if not any(metric.key in known for _, metric in made):  # the steps of a funnel
        made = {(each.metric, each.metric): None for each in found} or made
    for place, (measure, metric_) in enumerate(made):
        metric, listed = known.get(metric_.key) or Behind(
            metric_, _parts(facts, asked, metric_, cells)
        )
        amounts = _amounts(measure, metric, listed)
        rows: list[tuple[Named, Number | None]] = []
        if measure.key == of if of else place == 0:
            shown = slice(first, None if most is None else first + most)
            names = named(facts, asked, metric, listed[shown])
            rows = list(zip(names, amounts[shown], strict=True))
        total = value(measure, {metric.key: sum(each.part for each in listed)})
        told.append(Listing(measure, total, len(listed), rows))
    return told


def _listable(measure: Measure) -> Iterator[tuple[AnyMetric, Metric]]:
    """The figures that a figure is computed from, each made of one metric: MRR, not its units."""
    summed = list({each.key: each for each in parts(measure)}.values())
    if isinstance(measure, (Metric, Formula)) and len(summed) == 1:
        yield measure, summed[0]
    elif isinstance(measure, Ratio):
        yield from _listable(measure.of)
        yield from _listable(measure.per)
    elif isinstance(measure, Formula):
        for each in measure.parts:
            yield from _listable(each)


def _amounts(measure: AnyMetric, metric: Metric, listed: Sequence[Part]) -> list[Number | None]:
    """What each part is of a figure; of money in whole cents, which add up to the total's."""
    if isinstance(measure, Metric):
        return [each.part for each in listed]
    if measure.type is not Kind.CURRENCY:
        return [value(measure, {metric.key: each.part}) for each in listed]
    amounts: list[Number | None] = []
    summed: Number = 0
    told = 0
    for each in listed:
        summed += each.part
        cents = round(value(measure, {metric.key: summed}) or 0)
        amounts.append(cents - told)
        told = cents
    return amounts
