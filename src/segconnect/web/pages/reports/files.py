"""The table of a report as a file."""

from __future__ import annotations

import asyncio
import csv
import io

from starlette.requests import Request
from starlette.responses import Response

from segconnect.web.house import House
from segconnect.web.pages.reports.asking import must_find


async def export(house: House, request: Request) -> Response:
    """Answers the table of a report as CSV."""
    asked = must_find(house, request)
    told, _ = asked.fitted()
    answer = await asyncio.to_thread(asked.ask, told.body())
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([each["name"] for each in answer["fields"]])
    writer.writerows(answer["rows"])
    ranged = answer["date_range"]
    name = f"{told.type}_{ranged['start_date']}_{ranged['end_date']}.csv"
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    return Response(table.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
