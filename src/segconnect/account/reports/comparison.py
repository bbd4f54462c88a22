"""Attribution models side by side: the same figures by each, and what differs from the first one.

Totals are those of the facts, and the same by every model, unless visits are filtered; what differs
is how rows share them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from segconnect.account.metrics import AnyMetric, Number
from segconnect.account.replica import Facts
from segconnect.account.reports.answering import (
    Json,
    beside_of,
    cell,
    field_of,
    on_wire,
    range_of,
    with_comparison,
)
from segconnect.account.reports.filters import Filters, Group, holds
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.run import Row, Sums, in_order, in_units, overlaps, run, value


def comparison_answer(facts: Facts, plan: Plan) -> Json:
    """Answers a comparison in the shape of a query: columns for each metric and model.

    Rows are in the order of the first model. A row that the filters on metrics let through by one
    of the models is there by all. `models` and `metrics` tell what the columns are of.
    """
    whole = Filters(plan.filters.before, Group(False, ()))
    asked = replace(plan, filters=whole, compared=None, limit=None, sort=None)
    answers = [run(facts, replace(asked, model=model)) for model in plan.models]
    by_model = [{row.cells: row.sums for row in each.rows} for each in answers]
    together = {
        cells: [sums.get(cells, {}) for sums in by_model]
        for cells in dict.fromkeys(each for rows in by_model for each in rows)
    }
    kept = [
        Row(cells, by_each[0])
        for cells, by_each in together.items()
        if any(holds(plan.filters.after, partial(in_units, plan, sums)) for sums in by_each)
    ]
    rows = in_order(plan, kept)[: plan.limit]
    totals = [each.totals for each in answers]
    told = {
        "type": plan.type.slug,
        "fields": [*map(field_of, plan.dimensions), *_fields(plan)],
        "rows": [[*map(cell, row.cells), *_figures(plan, together[row.cells])] for row in rows],
        "totals": _figures(plan, totals),
        "date_range": range_of(plan.period, "day"),
        "comparison": None,
        "models": [model.slug for model in plan.models],
        "metrics": [metric.key for metric in plan.metrics],
        "rows_overlap": any(overlaps(replace(plan, model=model)) for model in plan.models),
        "rows_hidden": len(kept) - len(rows),
        "certainty": {},
        **beside_of(facts, plan),
        "attribution_model": None,
    }
    return with_comparison(told, plan, lambda other: comparison_answer(facts, other))


def _fields(plan: Plan) -> list[Json]:
    """The columns: of each metric first the models, then the differences from the first one."""
    fields = []
    for metric in plan.metrics:
        told = field_of(metric)
        for model in plan.models:
            name = f"{metric.name}, {model.title}"
            fields.append({**told, "name": name, "key": f"{metric.key}.{model.slug}"})
        for model in plan.models[1:]:
            name = f"{metric.name}, {model.title} − {plan.models[0].title}"
            fields.append({**told, "name": name, "key": f"{metric.key}.{model.slug}.difference"})
    return fields


def _figures(plan: Plan, by_model: Sequence[Sums]) -> list[Number | None]:
    told: list[Number | None] = []
    for metric in plan.metrics:
        figures = [value(metric, sums) for sums in by_model]
        told += [_on_wire(plan, metric, each) for each in figures]
        told += [_on_wire(plan, metric, _minus(each, figures[0])) for each in figures[1:]]
    return told


def _on_wire(plan: Plan, metric: AnyMetric, figure: Number | None) -> Number | None:
    return on_wire(metric, figure, plan.settings.currency)


def _minus(figure: Number | None, first: Number | None) -> Number | None:
    return None if figure is None or first is None else figure - first
