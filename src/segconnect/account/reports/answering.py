"""Reports in the words of the API: units of the currency, rounded as documented.

Beside what is documented, an answer tells how sure its rates are, which definitions it follows, and
which change of the data it includes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from segconnect.account.metrics import AnyMetric, Dimension, Kind, Measure, Number, Ratio
from segconnect.account.metrics.declaring import Formula, Metric
from segconnect.account.metrics.intervals import wilson
from segconnect.account.reports.dates import Period
from segconnect.account.reports.plan import Plan
from segconnect.account.reports.run import Answer, Sums, overlaps, value
from segconnect.types import ZERO_DECIMAL

Json = dict[str, Any]

VERSION = "2022-06"  # of the answer's shape, as the hosted service says it
DEFINITIONS = 1  # of the metrics; counted on whenever one of them changes its meaning
NONE = "(none)"  # the cell of what has no value


def on_wire(measure: Measure, figure: Number | None, currency: str) -> Number | None:
    """Answers a figure as the API tells it."""
    if figure is None:
        return None
    places = measure.places
    if measure.type is Kind.CURRENCY:
        if currency not in ZERO_DECIMAL:
            figure = figure / 100
        if isinstance(measure, Metric) or (isinstance(measure, Formula) and places == 4):
            places = 2
    rounded = round(figure, places)
    return int(rounded) if rounded == int(rounded) else rounded


def cell(text: str | None) -> str:
    """Answers the cell of a dimension."""
    return NONE if text is None else text


def aggregation(field: AnyMetric | Dimension) -> str | None:
    """Says how a column is summed: SUM as documented; AVG for what is a ratio, which is a guess."""
    if isinstance(field, Dimension):
        return None
    return "AVG" if isinstance(field, Ratio) else "SUM"


def field_of(field: AnyMetric | Dimension) -> Json:
    """Describes a column."""
    return {
        "name": field.name,
        "key": field.key,
        "type": str(field.type),
        "aggregation": aggregation(field),
    }


def figure_of(answer: Answer, measure: AnyMetric, sums: Sums) -> Number | None:
    """Answers a figure of a row as the API tells it."""
    return on_wire(measure, value(measure, sums), answer.plan.settings.currency)


def certainty(measure: AnyMetric, sums: Sums) -> Json | None:
    """Answers the sample of a rate and its 95% interval; None for what is no rate."""
    if not isinstance(measure, Ratio) or not measure.is_rate:
        return None
    of, per = value(measure.of, sums), value(measure.per, sums)
    if of is None or per is None:
        return None
    interval = wilson(of, per)
    return {
        "sample": round(per, 4),
        "interval": interval and [round(end * measure.scale, 4) for end in interval],
    }


def query_answer(answer: Answer, scale: str) -> Json:
    """Answers POST data/query."""
    plan = answer.plan
    told = {
        "type": plan.type.slug,
        "fields": [field_of(each) for each in (*plan.dimensions, *plan.metrics)],
        "rows": _rows(answer),
        "totals": _totals(answer),
        "date_range": range_of(plan.period, scale),
        "comparison": None,
        **beside(answer),
    }
    if answer.comparison is not None:
        before = answer.comparison
        told["comparison"] = {
            "date_range": range_of(before.plan.period, scale),
            "rows": _rows(before),
            "totals": _totals(before),
            "changes": changes(answer),
        }
    return told


def _rows(answer: Answer) -> list[list[Any]]:
    return [
        [*map(cell, row.cells), *(figure_of(answer, m, row.sums) for m in answer.plan.metrics)]
        for row in answer.rows
    ]


def _totals(answer: Answer) -> list[Number | None]:
    return [figure_of(answer, each, answer.totals) for each in answer.plan.metrics]


def changes(answer: Answer) -> list[float | None]:
    """Answers by how many percent each total differs from the one that it is compared with."""
    assert answer.comparison is not None
    told: list[float | None] = []
    for measure in answer.plan.metrics:
        now, before = value(measure, answer.totals), value(measure, answer.comparison.totals)
        told.append(_change(now, before))
    return told


def _change(now: Number | None, before: Number | None) -> float | None:
    return round(100 * (now - before) / abs(before), 4) if before and now is not None else None


def with_comparison(told: Json, plan: Plan, ask: Callable[[Plan], Json]) -> Json:
    """Adds to an answer the one of the range that it is compared with, where there is one."""
    if plan.compared is None:
        return told
    before = ask(plan.for_period(plan.compared))
    changed = map(_change, told["totals"], before["totals"])
    shown = {name: before[name] for name in ("date_range", "rows", "totals")}
    return {**told, "comparison": {**shown, "changes": [*changed]}}


def certainties(measures: Sequence[AnyMetric], rows: Sequence[Sums], totals: Sums) -> Json:
    """Answers how sure the rates of an answer are."""
    return {
        each.key: {
            "rows": [certainty(each, sums) for sums in rows],
            "totals": certainty(each, totals),
        }
        for each in measures
        if certainty(each, {}) is not None
    }


def beside(answer: Answer) -> Json:
    """What is told beside the figures."""
    plan = answer.plan
    return {
        "certainty": certainties(plan.metrics, [row.sums for row in answer.rows], answer.totals),
        "rows_overlap": overlaps(plan),
        "rows_hidden": answer.hidden,
        **beside_of(answer, plan),
    }


class Dated(Protocol):
    """The replica, or an answer from it."""

    @property
    def number(self) -> int:
        """The number of the newest change that it includes."""

    @property
    def as_of(self) -> datetime:
        """When it was read."""


def beside_of(dated: Dated, plan: Plan) -> Json:
    """What makes an answer one that can be checked later."""
    return {
        "v": VERSION,
        "attribution_model": plan.model.slug,
        "view": plan.view,
        "currency": plan.settings.currency,
        "definitions": DEFINITIONS,
        "change": dated.number,
        "as_of": dated.as_of.isoformat(),
    }


def range_of(period: Period, scale: str) -> Json:
    """Tells a range."""
    return {
        "start_date": period.first.isoformat(),
        "end_date": period.last.isoformat(),
        "scale": scale,
    }


# -- saved reports -------------------------------------------------------------------------------


def report_answer(name: str, asked: tuple[str, str], table: Answer, graph: Answer) -> Json:
    """Answers GET report: the totals as KPIs, the graph over time, and the table.

    Args:
        name: Of the report.
        asked: Its start and end as they were given.
        table: The report by its dimensions.
        graph: The same by time.
    """
    plan, period = table.plan, table.plan.period
    scale = graph.plan.period.scale
    return {
        "report": {
            "name": name,
            "type": plan.type.slug,
            "date_range": {
                "start": asked[0],
                "end": asked[1],
                "duration": period.days,
                **range_of(period, scale),
                "name": _name(period, plan),
            },
        },
        "kpis": [_kpi(table, each) for each in graph.plan.metrics],
        "graph": {
            "labels": [cell(row.cells[0]) for row in graph.rows],
            "datasets": [
                {
                    "label": each.name,
                    "key": each.key,
                    "data": [figure_of(graph, each, row.sums) for row in graph.rows],
                }
                for each in graph.plan.metrics
            ],
        },
        "table": {
            "fields": [field_of(each) for each in (*plan.dimensions, *plan.metrics)],
            "rows": [
                {
                    **{
                        each.key: cell(text)
                        for each, text in zip(plan.dimensions, row.cells, strict=True)
                    },
                    **{each.key: figure_of(table, each, row.sums) for each in plan.metrics},
                }
                for row in table.rows
            ],
        },
        **{key: told for key, told in beside(table).items() if key != "certainty"},
    }


def _kpi(answer: Answer, measure: AnyMetric) -> Json:
    told = {
        "name": measure.name,
        "key": measure.key,
        "value": figure_of(answer, measure, answer.totals),
        "type": str(measure.type),
        "aggregation": aggregation(measure),
    }
    return {**told, **(certainty(measure, answer.totals) or {})}


def _name(period: Period, plan: Plan) -> str:
    """Names a range as people do."""
    if period.last == plan.settings.today:
        return "Today" if period.days == 1 else f"Last {period.days - 1} Days"
    return f"{period.first} to {period.last}"
