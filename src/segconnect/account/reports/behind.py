"""Who and what is behind a figure: the people and the rows of its fact, which add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from segconnect.account.metrics import Fact, Kind, Metric, Number, parts
from segconnect.account.replica import Facts
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.querying import Cells, FactQuery, whole
from segconnect.account.reports.run import MAX_ROWS, settled
from segconnect.errors import UsageError


class Part(NamedTuple):
    """A row of a fact, and what of the figure it is."""

    person: int | None
    key: tuple[object, ...]  # of the fact's row: of an order its pk
    part: Number


class Behind(NamedTuple):
    """What a figure is made of."""

    metric: Metric
    parts: list[Part]


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


def named(facts: Facts, fact: Fact, listed: Sequence[Part]) -> list[tuple[str, str, str]]:
    """Tells who and what parts are: the contact's id and email, and the order's or another key."""
    people = {part.person for part in listed if part.person is not None}
    contacts = _contacts(facts, people)
    is_order = fact.conversion == "order"
    orders = _orders(facts, {part.key[0] for part in listed}) if is_order else {}
    told = []
    for person, key, _ in listed:
        contact_id, email = contacts.get(person, ("", ""))
        of, order_email = orders.get(key[0], (" ".join(map(str, key)), ""))
        told.append((contact_id, email or order_email, of if is_order or len(key) > 1 else ""))
    return told


def _contacts(facts: Facts, people: set[int]) -> dict[int | None, tuple[str, str]]:
    rows = facts.connection.execute(
        "select l.person, c.contact_id, coalesce(c.email, '') from leads l"
        " join contacts c on c.pk = l.contact_pk where l.person in (select unnest(?))",
        [sorted(people)],
    ).fetchall()
    return {person: (contact_id, email) for person, contact_id, email in rows}


def _orders(facts: Facts, keys: set[object]) -> dict[object, tuple[str, str]]:
    rows = facts.connection.execute(
        "select pk, order_id, coalesce(email, '') from orders where pk in (select unnest(?))",
        [list(keys)],
    ).fetchall()
    return {pk: (order_id, email) for pk, order_id, email in rows}
