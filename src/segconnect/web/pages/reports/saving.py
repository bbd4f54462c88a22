"""Reports that are kept under a name."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.reports import saved
from segconnect.errors import UsageError
from segconnect.web.house import House, back, text
from segconnect.web.pages.reports.asking import must_find


async def save(house: House, request: Request) -> Response:
    """Keeps a report under a name."""
    asked = must_find(house, request)
    name = await text(request, "name")
    if not name:
        raise UsageError("give the report a name")
    await asyncio.to_thread(asked.plan)
    query = asked.view.query()
    await asyncio.to_thread(saved.keep, house.engine, asked.account["account_id"], name, query)
    await asyncio.to_thread(house.users.note, request.state.user, f"saved report {name}")
    return back(f"/app/reports?{asked.view.address()}", f"{name} is saved.")


async def forget(house: House, request: Request) -> Response:
    """Forgets a report that was kept."""
    asked = must_find(house, request)
    id_ = await text(request, "id")
    await asyncio.to_thread(saved.forget, house.engine, asked.account["account_id"], id_)
    await asyncio.to_thread(house.users.note, request.state.user, f"forgot report {id_}")
    return back(f"/app/reports?{asked.view.address()}", "It is not kept any more.")
