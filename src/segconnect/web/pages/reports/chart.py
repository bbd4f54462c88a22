"""The chart of a report: what its script draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from segconnect.account.reports.dates import SCALES
from segconnect.account.reports.types import SPECIAL
from segconnect.errors import UsageError
from segconnect.web.pages.reports.drawing import Json, drawn
from segconnect.web.pages.reports.view import View, body_of

SUITING = ((45, "day"), (200, "week"), (1_500, "month"))  # the longest span in days for each
COARSEST = "year"

Ask = Callable[[Json], Json]


def chart_of(view: View, answer: Json, ask: Ask) -> Json | None:
    """Answers what is drawn of a report; None: nothing.

    Args:
        view: The report.
        answer: Its answer, in the shape of a query's.
        ask: Asks for more, such as the same over time.
    """
    own = drawn(view.type, answer)
    if own or view.type in SPECIAL:
        return own
    return _over_time(view, answer, ask)


def scale_of(view: View, answer: Json) -> str:
    """Answers what the chart is told by: what is asked for, or what suits the range."""
    if view.scale in SCALES:
        return view.scale
    ranged = answer["date_range"]
    days = (date.fromisoformat(ranged["end_date"]) - date.fromisoformat(ranged["start_date"])).days
    return next((name for most, name in SUITING if days <= most), COARSEST)


def _over_time(view: View, answer: Json, ask: Ask) -> Json | None:
    """The two metrics that say most, over time."""
    metrics = [each for each in answer["fields"] if each["aggregation"] is not None]
    sums = [each for each in metrics if each["aggregation"] == "SUM"]
    money = [each for each in sums if each["type"] == "CURRENCY"]
    shown = (money or sums or metrics)[:2]
    keys = [each["key"] for each in shown]
    query = replace(view.query(), dimensions=[f"date.{scale_of(view, answer)}"], metrics=keys)
    rowless = replace(query, sort=None, limit=None, compare=None)
    try:
        over_time = ask(body_of(rowless))
    except UsageError:  # a range that is told by days, but not by so many
        return None
    rows = sorted(over_time["rows"], key=lambda row: str(row[0]))
    return {
        "kind": "lines",
        "title": "Over time",
        "note": "",
        "told": "The first figures of the report over time.",
        "currency": answer["currency"] if money else None,
        "days": [row[0] for row in rows],
        "series": [
            {"name": each["name"], "data": [row[number] for row in rows]}
            for number, each in enumerate(shown, 1)
        ],
    }
