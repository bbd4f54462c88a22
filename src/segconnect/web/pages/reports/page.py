"""The explorer: a question put together, its answer as chart and table."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segconnect.account.attribution import MODELS
from segconnect.account.reports.crediting import REPORTED
from segconnect.account.reports.dates import SCALES
from segconnect.account.reports.plan import MAX_DIMENSIONS
from segconnect.account.reports.special import COMPARED
from segconnect.account.reports.steps import EVENTS, MAX_STEPS
from segconnect.account.reports.types import (
    COHORT,
    COHORTS,
    COMPARISON,
    FUNNEL,
    JOURNEY,
    PATHS,
    PERIOD,
    SPECIAL,
    TYPES,
)
from segconnect.errors import UsageError
from segconnect.web.filters import day
from segconnect.web.house import House
from segconnect.web.pages.reports import choices, programs
from segconnect.web.pages.reports.asking import Asked, find
from segconnect.web.pages.reports.chart import chart_of, scale_of
from segconnect.web.pages.reports.conditions import ALL, ANY, OF_NUMBERS, WORDS, Condition
from segconnect.web.pages.reports.drill import elsewhere, splits
from segconnect.web.pages.reports.files import offered
from segconnect.web.pages.reports.saving import kept
from segconnect.web.pages.reports.table import FEW, MOST, table_of
from segconnect.web.pages.reports.view import (
    COMPARISONS,
    CUSTOM_RANGE,
    RANGES,
    STEPS,
    View,
    read,
)
from segconnect.web.shares import DAYS
from segconnect.wire.shape import ShapeError

VIEWS = {"": "as the report does", COHORT: "all orders of the range's leads",
         PERIOD: "orders placed in the range"}  # fmt: skip
LISTED = (FUNNEL, JOURNEY, PATHS)  # of whose rows the people are listed
CONVERSIONS = {"order": "Orders", "lead": "Leads"}
SWITCHES = {
    "exclude_failed": "without orders that failed",
    "exclude_refunded": "without refunded orders",
    "exclude_tax": "without tax",
    "exclude_shipping": "without shipping",
}


async def show(house: House, request: Request) -> Response:
    """Shows a report."""
    is_part = "hx-request" in request.headers
    if "was" in request.query_params and not is_part:  # a form; a link says the same in fewer words
        return RedirectResponse(f"/app/reports?{read(request.query_params).address()}", 303)
    values = await asyncio.to_thread(_read, house, request)
    status = 422 if values["problem"] and not is_part else 200
    response = house.render(request, "reports.html", status, **values)
    if is_part:
        response.headers["hx-push-url"] = f"/app/reports?{values['view'].address()}"
    return response


def _read(house: House, request: Request) -> dict[str, Any]:
    asked = find(house, request)
    view = read(request.query_params) if asked is None else asked.view
    most = MOST if request.query_params.get("rows") == ALL else FEW
    shown: dict[str, Any] = {
        "account": asked and asked.account,
        "accounts": asked.accounts if asked else [],
        "view": view,
        "type": TYPES.get(view.type),
        "types": TYPES,
        "answer": None,
        "table": None,
        "chart": None,
        "problem": "",
        "left_out": [],
        "elsewhere": [],
        "splits": [],
        "kept": [],
        "opened": None,
        "days": DAYS,
        "files": offered(),
        "most": most,
        "at_most": MOST,
        "address": house.address(request),
        "start": view.start,
        "end": view.end,
        "scale": view.scale,
    }
    if asked is None:
        return shown
    shown |= _form(view, asked.custom_fields())
    shown["zone"] = asked.account["timezone"]
    shown["kept"] = kept(asked)
    shown["opened"] = next((each for each in shown["kept"] if each.id == view.saved), None)
    try:
        _answer(asked, shown)
    except (UsageError, ShapeError) as error:
        shown["problem"] = str(error)
        if asked.is_plain:
            shown["elsewhere"] = elsewhere(view)
    return shown


def _answer(asked: Asked, shown: dict[str, Any]) -> None:
    told, left_out = asked.fitted()
    answer = asked.ask(told.body())
    ranged, compared = answer["date_range"], answer.get("comparison")
    shown |= {
        "answer": answer,
        "left_out": left_out,
        "table": table_of(
            told,
            answer,
            asked.settings,
            most=shown["most"],
            leads=asked.is_plain,
            listed=told.type in LISTED,
        ),
        "chart": chart_of(told, answer, asked.ask),
        "dates": _dates(ranged),
        "before": _dates(compared["date_range"]) if compared else "",
        "credit": _credit(answer.get("attribution_model")),
        "splits": [] if told.asked_dimensions or not asked.is_plain else splits(told),
        "programs": [
            (name, write(shown["address"], asked.account["account_id"], told.body()))
            for name, write in (("curl", programs.curl), ("Python", programs.python))
        ],
        "start": ranged["start_date"],
        "end": ranged["end_date"],
        "scale": scale_of(told, answer),
    }


def _dates(ranged: dict[str, str]) -> str:
    """Writes a range of days for people."""
    first, last = (date.fromisoformat(ranged[f"{end}_date"]) for end in ("start", "end"))
    if first == last:
        return day(first)
    begin = day(first) if first.year != last.year else f"{first.day} {first:%b}"
    return f"{begin} – {day(last)}"


def _credit(model: str | None) -> str:
    """Writes a model for people: its name, and what was said of it."""
    if model is None:
        return ""
    slug, _, window = model.partition("@")
    name, *given = slug.split(":")
    told = [MODELS[name].label, *given, *([f"within {window} days"] if window else [])]
    return ", ".join(told)


def _form(view: View, fields: list[str]) -> dict[str, Any]:
    """What the form offers, and what of it is chosen."""
    by = view.asked_dimensions
    of_visits = view.type in (PATHS, COMPARISON)
    most = 1 if of_visits or view.type == COHORTS else MAX_DIMENSIONS
    splitters = choices.dimensions([*fields, *by])
    if view.type == COHORTS:
        splitters = choices.times()
    elif of_visits:
        splitters = choices.of_visits()
    custom = [*fields, *by, *(each.field for each in view.conditions)]
    return {
        "by": [*by, ""][:most],
        "most_picks": MAX_STEPS if view.type == FUNNEL else most,
        "dimensions": choices.dimensions(custom),
        "splitters": splitters,
        "metrics": choices.in_order(view.asked_metrics, choices.metrics()),
        "chosen": view.asked_metrics,
        "models": [MODELS[slug] for slug in REPORTED],
        "ranges": {**{slug: name for slug, (name, *_) in RANGES.items()}, CUSTOM_RANGE: "Custom"},
        "comparisons": COMPARISONS,
        "scales": SCALES,
        "views": VIEWS,
        "switches": SWITCHES,
        "joins": {ALL: "all of", ANY: "any of"},
        "conditions": [*view.conditions, Condition(ALL, "", "is", "")],
        "chips": [
            (row.told, f"/app/reports?{view.without(place).address()}")
            for place, row in enumerate(view.conditions)
        ],
        "operators": WORDS,
        "of_numbers": OF_NUMBERS,
        "has_columns": view.type not in SPECIAL,
        "has_comparison": view.type not in (FUNNEL, COHORTS),
        "has_dimensions": view.type != FUNNEL,
        "has_filters": view.type != FUNNEL,
        "is_cohort": view.type == COHORTS,
        "has_model": view.type not in (FUNNEL, JOURNEY, PATHS, COMPARISON),
        "compared": (view.beside or COMPARED) if view.type == COMPARISON else (),
        "conversions": CONVERSIONS if view.type == PATHS else {},
        "steps": [*(view.steps or STEPS), ("", "")] if view.type == FUNNEL else [],
        "events": list(EVENTS),
    }
