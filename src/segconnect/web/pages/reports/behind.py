"""The people and orders behind a figure, which add up to it."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.metrics import METRICS, Number, parts
from segconnect.account.metrics.facts import (
    LINES,
    MOVEMENTS,
    PAGE_VIEWS,
    SALES,
    SPEND,
    STATES,
    VISITS,
)
from segconnect.account.reports.answering import field_of, on_wire
from segconnect.account.reports.behind import Listing
from segconnect.account.reports.files import write_rows
from segconnect.account.reports.special import TOOK
from segconnect.account.reports.types import FUNNEL, JOURNEY, PATHS
from segconnect.web.house import House, is_row
from segconnect.web.pages.reports.asking import Asked, must_find
from segconnect.web.pages.reports.conditions import name_of
from segconnect.web.pages.reports.table import BEHIND, figure
from segconnect.web.pages.reports.view import View

PAGE = 50
WHAT = {
    SALES: "Order", LINES: "Order", SPEND: "Ad and day", VISITS: "Visit", STATES: "Subscription",
    PAGE_VIEWS: "Page", MOVEMENTS: "Day",
}  # fmt: skip


async def behind(house: House, request: Request) -> Response:
    """Shows what a figure is made of, a page of it."""
    asked = must_find(house, request)
    values = await asyncio.to_thread(_read, asked, request)
    return house.render(request, "reports_behind.html", **values)


async def export(house: House, request: Request) -> Response:
    """Answers all that a figure is made of as CSV."""
    asked = must_find(house, request)
    key, of = _figure(request), request.query_params.get("part")
    listings = await asyncio.to_thread(_listings, asked, request, 0, None)
    shown = _shown(listings, of)
    currency = asked.account["currency"]
    table = io.StringIO()
    rows = [[*each[:3], on_wire(shown.measure, amount, currency)] for each, amount in shown.listed]
    write_rows(table, ["contact", "email", "of", "part"], rows)
    told = f"exported the {shown.size} people and orders behind {key}"
    await asyncio.to_thread(house.users.note, request.state.user, told)
    headers = {
        "content-disposition": f'attachment; filename="behind_{shown.measure.key}.csv"',
        "cache-control": "no-store",
    }
    return Response(table.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _names(view: View) -> list[str]:
    """What the values of a row are called."""
    if view.type == PATHS:
        return ["Path"]
    steps = ["Step"] if view.type in (FUNNEL, JOURNEY) else []
    return [*map(name_of, view.asked_dimensions), *steps]


def _figure(request: Request) -> str:
    key = request.query_params.get("figure", "")
    if key not in METRICS and key != TOOK.key:
        raise HTTPException(404, f"There is no figure {key[:60]!r}.")
    return key


def _listings(asked: Asked, request: Request, first: int, most: int | None) -> list[Listing]:
    key = _figure(request)
    metrics = None if key == TOOK.key else [key]
    query = replace(asked.view.query(), metrics=metrics, compare=None, sort=None, limit=None)
    cells = request.query_params.getlist("cell")
    if not cells and asked.is_plain:  # the total, whatever it is split by
        query = replace(query, dimensions=[])
    of = request.query_params.get("part")
    return asked.house.reports.behind(asked.pk, query, cells, of, first, most)


def _shown(listings: list[Listing], of: str | None) -> Listing:
    found = next((each for each in listings if each.measure.key == of), None)
    if of and found is None:
        raise HTTPException(404, f"There is no {of[:60]!r} behind this figure.")
    return found or listings[0]


def _read(asked: Asked, request: Request) -> dict[str, Any]:
    given = request.query_params
    key, of = _figure(request), given.get("part")
    number = int(text) if is_row(text := given.get("page", "1")) and len(text) < 7 else 1
    page = max(1, number)
    listings = _listings(asked, request, (page - 1) * PAGE, PAGE)
    shown = _shown(listings, of)
    last = max(1, -(-shown.size // PAGE))
    if page > last:
        page = last
        shown = _shown(_listings(asked, request, (page - 1) * PAGE, PAGE), of)
    currency = asked.account["currency"]
    cells = given.getlist("cell")
    fact = asked.plan().fact_of(next(iter(parts(shown.measure))))

    def told(listing: Listing, amount: Number | None) -> str:
        measure = listing.measure
        return figure(field_of(measure), on_wire(measure, amount, currency), currency)

    def address(path: str = BEHIND, **changed: str) -> str:
        asks = [*asked.view.parameters(), ("figure", key), *(("cell", each) for each in cells)]
        return f"{path}?{urlencode([*asks, *(pair for pair in changed.items() if pair[1])])}"

    part = shown.measure.key if len(listings) > 1 else ""
    return {
        "account": asked.account,
        "zone": asked.account["timezone"],
        "figure": METRICS.get(key, TOOK),
        "row": list(zip(_names(asked.view), cells, strict=False)),
        "filters": [each.told for each in asked.view.conditions],
        "report": f"/app/reports?{asked.view.address()}",
        "shown": shown,
        "total": told(shown, shown.total),
        "rows": [(each, told(shown, amount)) for each, amount in shown.listed],
        "has_people": any(each.contact_id or each.email for each, _ in shown.listed),
        "has_things": any(each.of for each, _ in shown.listed),
        "has_moments": any(each.at is not None for each, _ in shown.listed),
        "first": (page - 1) * PAGE + 1,
        "what": WHAT.get(fact, "What"),
        "parts": [
            (each.measure, told(each, each.total), address(part=each.measure.key))
            for each in listings
        ]
        if len(listings) > 1
        else [],
        "before": address(part=part, page=str(page - 1)) if page > 1 else "",
        "after": address(part=part, page=str(page + 1)) if page < last else "",
        "csv": address(f"{BEHIND}.csv", part=part),
    }
