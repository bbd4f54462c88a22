"""The values that a filter may ask for: those that the report's range has most of."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.metrics import Family, find_dimension
from segconnect.account.reports.answering import NONE
from segconnect.errors import UsageError
from segconnect.web.house import House
from segconnect.web.pages.reports.asking import Asked, must_find
from segconnect.web.pages.reports.drill import can_tell
from segconnect.web.pages.reports.view import body_of
from segconnect.wire.shape import ShapeError

MOST = 50
COMMON = ("leads", "orders", "activeSubscriptions")  # one of which knows nearly every dimension


async def values(house: House, request: Request) -> Response:
    """Answers the values of a dimension as options of a list; none where they cannot be told."""
    asked = must_find(house, request)
    field = request.query_params.get("of", "")
    found = await asyncio.to_thread(_values, asked, field)
    return house.render(request, "reports_values.html", values=found)


def _values(asked: Asked, field: str) -> list[str]:
    try:
        dimension = find_dimension(field)
        if dimension.family is Family.TIME:
            return []
        query = asked.view.query()
        known = [each for each in (*asked.view.asked_metrics, *COMMON) if can_tell(each, dimension)]
        plain = replace(
            query, type="revenue", dimensions=[dimension.slug], metrics=known[:1], filters=(),
            steps=(), compare=None, sort=None, limit=MOST,
        )  # fmt: skip
        rows = asked.ask(body_of(plain))["rows"]
    except (UsageError, ShapeError):  # what is being typed is no question yet
        return []
    return [str(row[0]) for row in rows if row[0] != NONE]
