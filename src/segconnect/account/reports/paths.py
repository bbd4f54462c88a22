"""Paths: which visits, in which order, come before an order, or before somebody becomes a lead.

A path is what a dimension tells of the visits up to a conversion, or of those in the window of the
model. Steps that are the same as the one before are told once, unless repeats are asked for. The
paths of most conversions have rows; all others share one, so that rows add up to the total.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from segconnect.account.metrics import Metric, Number, parts
from segconnect.account.metrics.facts import LEADS
from segconnect.account.replica import Facts
from segconnect.account.reports.answering import (
    NONE,
    Json,
    beside_of,
    certainties,
    field_of,
    on_wire,
    range_of,
    with_comparison,
)
from segconnect.account.reports.behind import Behind
from segconnect.account.reports.naming import Part
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.querying import ORDER_KEYS, FactQuery
from segconnect.account.reports.run import MAX_ROWS, Sums, value
from segconnect.account.reports.special import OTHERS
from segconnect.account.reports.texts import whole
from segconnect.account.reports.types import COHORT
from segconnect.errors import UsageError

USUAL, MOST = 20, 1000  # paths with a row of their own
UNVISITED = "(no visits)"
ARROW = " → "
BETWEEN = "\x1f"  # between the steps of a path, while it is looked for
MEANS = (("pathVisits", "Visits before", "visits", 1), ("pathDays", "Days before", "days", 86400))
"""What is told of each path: the key, the name, the column, and what it is divided by."""


def paths_answer(facts: Facts, plan: Plan) -> Json:
    """Answers paths in the shape of a query: a row for each, and one for all others.

    Its columns: the path, the metrics, and how many visits and days there were before the
    conversion on average, where there were any. Beside them, `paths` has the steps of each row.
    """
    metrics = _sums(plan)
    text, values = _found(plan, metrics, facts)
    rows = facts.connection.execute(text, values).fetchall()
    groups = [(row[1], _read(metrics, row[2:])) for row in rows if not row[0]]
    totals = next((_read(metrics, row[2:]) for row in rows if row[0]), _read(metrics, []))
    by, is_descending = _order(plan, metrics)
    sign = -1 if is_descending else 1
    groups.sort(key=lambda each: (each[0] is None, sign * each[1][by.key],
                                  -each[1]["conversions"], each[0] or ""))  # fmt: skip
    hidden = int(totals["paths"] - len([path for path, _ in groups if path is not None]))
    told = {
        "type": plan.type.slug,
        "fields": [
            {"name": "Path", "key": "path", "type": "STRING", "aggregation": None},
            *map(field_of, plan.metrics),
            *({"name": name, "key": key, "type": "NUMBER", "aggregation": "AVG"}
              for key, name, _, _ in MEANS),
        ],
        "rows": [[name_of(path), *_figures(plan, sums)] for path, sums in groups],
        "totals": _figures(plan, totals),
        "date_range": range_of(plan.period, "day"),
        "comparison": None,
        "paths": [None if path is None else steps_of(path) for path, _ in groups],
        "conversion": plan.conversion,
        "rows_overlap": False,
        "rows_hidden": hidden,
        "certainty": certainties(plan.metrics, [sums for _, sums in groups], totals),
        **beside_of(facts, plan),
    }  # fmt: skip
    return with_comparison(told, plan, lambda other: paths_answer(facts, other))


def steps_of(path: str) -> list[str]:
    """Answers the steps of a path as it was found."""
    return path.split(BETWEEN) if path else []


def name_of(path: str | None) -> str:
    """Names a path for people; None for all that have no row of their own."""
    if path is None:
        return OTHERS
    return ARROW.join(steps_of(path)) or UNVISITED


def _sums(plan: Plan) -> list[Metric]:
    return list({each.key: each for measure in plan.metrics for each in parts(measure)}.values())


def _figures(plan: Plan, sums: Sums) -> list[Number | None]:
    figures = [on_wire(each, value(each, sums), plan.settings.currency) for each in plan.metrics]
    visited = sums["visited"]
    means = [
        round(sums[column] / visited / unit, 4) if visited else None for _, _, column, unit in MEANS
    ]
    return [*figures, *means]


def _read(metrics: Sequence[Metric], row: Sequence[Any]) -> dict[str, Number]:
    names = [*(each.key for each in metrics), "visits", "visited", "days", "conversions", "paths"]
    given = row or [0] * len(names)
    return {name: whole(each) for name, each in zip(names, given, strict=True)}


def _found(plan: Plan, metrics: Sequence[Metric], facts: Facts) -> tuple[str, list[object]]:
    """Answers the SQL of the sums: whether of all, the path or null for others, and the figures."""
    taken, values = _taken(plan, metrics, facts)
    figures = [_summed(plan, metrics, each) for each in metrics]
    figures += ["sum(visits)", "count(visits)", "sum(days)", "count(*)", "count(distinct path)"]
    return (
        f"{taken}\nselect grouping(told) as is_all, told, {', '.join(figures)} from told"
        " group by grouping sets ((told), ())",
        values,
    )


def _taken(plan: Plan, metrics: Sequence[Metric], facts: Facts) -> tuple[str, list[object]]:
    """Answers the SQL of `told`: conversions, what they are of each metric, and their paths."""
    is_lead = plan.conversion == "lead"
    of_leads = [each for each in metrics if each.fact is LEADS]
    own = of_leads if is_lead else list(metrics)
    main = _query(plan, own, facts, is_lead=is_lead)
    text, values = main.converted()
    ctes = [f"asked as ({text})"]
    columns = {each.key: f"a.m{place}" for place, each in enumerate(own)}
    join = ""
    bought = [each for each in metrics if each not in own]
    if bought:
        text, more = _query(replace(plan, view=COHORT), bought, facts).of_people()
        ctes.append(f"bought as ({text})")
        values = [*values, *more]
        columns |= {each.key: f"b.m{place}" for place, each in enumerate(bought)}
        join = " left join bought b on b.person = a.person"
    step = f"coalesce(nullif(translate({plan.dimensions[0].sql}, '{BETWEEN}', ''), ''), '{NONE}')"
    visits = main.visits(step, "asked", ", t.moment, t.converted")
    kept = "" if plan.repeats else "case when earlier is null or earlier <> step then step end"
    sums = ", ".join(f"{columns[each.key]} as m{place}" for place, each in enumerate(metrics))
    by, is_descending = _order(plan, metrics)
    order = f"{_summed(plan, metrics, by)}{' desc' if is_descending else ''}"
    ctes += [
        f"visited as ({visits})",
        "ordered as (select visited.*, lag(step) over (partition by conversion order by number)"
        " as earlier from visited)",
        f"walked as (select conversion, string_agg({kept or 'step'}, '{BETWEEN}' order by number)"
        " as path, count(*) as visits, cast(min(converted) - min(moment) as double precision)"
        " as days from ordered group by conversion)",
        f"taken as (select a.conversion, a.person, {sums}, coalesce(w.path, '') as path, w.visits,"
        f" w.days from asked a left join walked w on w.conversion = a.conversion{join})",
        f"foremost as (select path from taken group by path order by {order}, count(*) desc, path"
        f" limit {limit_of(plan)})",
        "told as (select l.path as told, t.* from taken t left join foremost l on l.path = t.path)",
    ]
    return f"with {', '.join(ctes)}", values


def _order(plan: Plan, metrics: Sequence[Metric]) -> tuple[Metric, bool]:
    """By what paths are the first ones, and whether the largest is."""
    by, is_descending = plan.sort or (metrics[0], True)
    return (by if isinstance(by, Metric) else metrics[0]), is_descending


def _summed(plan: Plan, metrics: Sequence[Metric], metric: Metric) -> str:
    """Sums a metric up over conversions; of leads what is counted is a number already."""
    name = f"m{metrics.index(metric)}"
    if not metric.is_distinct or plan.conversion == "lead":
        return f"sum({name})"
    return f"count({'' if metric.column in ORDER_KEYS else 'distinct '}{name})"


def limit_of(plan: Plan) -> int:
    """How many paths have rows of their own."""
    return min(plan.limit or USUAL, MOST)


def _query(
    plan: Plan, metrics: Sequence[Metric], facts: Facts, *, is_lead: bool = False
) -> FactQuery:
    fact = LEADS if is_lead else plan.fact_of(metrics[0])
    return FactQuery(
        plan, fact, metrics, plan.dimensions, plan.period, int(facts.as_of.timestamp())
    )


def paths_behind(facts: Facts, plan: Plan, path: str | None) -> list[Behind]:
    """Lists the conversions behind a path, by its name; behind all of them for None.

    Raises:
        UsageError: There is more than can be listed.
    """
    metrics = _sums(plan)
    taken, values = _taken(plan, metrics, facts)
    where, bound = _where(path)
    return [
        Behind(
            replace(metric, fact=LEADS) if plan.conversion == "lead" else metric,
            list(_parts(facts, metric, place, (taken, where), [*values, *bound])),
        )
        for place, metric in enumerate(metrics)
    ]  # fmt: skip


def _where(path: str | None) -> tuple[str, list[object]]:
    if path is None:
        return "true", []
    if path == OTHERS:
        return "told is null", []
    if path == UNVISITED:
        return "told = ''", []
    return f"replace(told, '{BETWEEN}', '{ARROW}') = ?", [path]


def _parts(
    facts: Facts, metric: Metric, place: int, found: tuple[str, str], values: Sequence[object]
) -> Iterator[Part]:
    taken, where = found
    part = f"case when m{place} is null then 0 else 1 end" if metric.is_distinct else f"m{place}"
    text = (
        f"{taken}\nselect person, conversion, {part} from told where {where} and {part} <> 0"
        " order by person, conversion"
    )
    rows = facts.connection.execute(text, values).fetchmany(MAX_ROWS + 1)
    if len(rows) > MAX_ROWS:
        raise UsageError(f"more than {MAX_ROWS} are behind {metric.key}; filter the report")
    seen: set[object] = set()
    for person, conversion, figure in rows:
        if metric.is_distinct and metric.column in ("buyer", "new_buyer"):  # one, for all orders
            if person in seen:
                continue
            seen.add(person)
            yield Part(person, (person,), 1)
        else:
            yield Part(person, (conversion,), whole(figure))
