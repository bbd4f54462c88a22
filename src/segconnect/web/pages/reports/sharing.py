"""A report that is shared by a link: who has it sees this one report, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.owner import access
from segconnect.account.reports import saved
from segconnect.errors import UsageError
from segconnect.web.house import House, back, text
from segconnect.web.pages.reports.asking import Asked, must_find
from segconnect.web.pages.reports.chart import chart_of
from segconnect.web.pages.reports.saving import MAX_NAME, show
from segconnect.web.pages.reports.table import table_of
from segconnect.web.pages.reports.view import of_saved
from segconnect.wire.shape import ShapeError

HEADERS = {"x-robots-tag": "noindex, nofollow", "referrer-policy": "no-referrer"}


async def share(house: House, request: Request) -> Response:
    """Makes a link to a report, and shows it this one time."""
    asked = must_find(house, request)
    name, days = await text(request, "name"), await text(request, "days")
    if not name or len(name) > MAX_NAME:
        raise UsageError(f"give the report a name of at most {MAX_NAME} characters: it is shown")
    await asyncio.to_thread(asked.plan)
    user = request.state.user
    token = await asyncio.to_thread(
        house.shares.share, asked.account["account_id"], name, asked.view.query(),
        int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0,
        user.email or user.name,
    )  # fmt: skip
    found = await asyncio.to_thread(house.shares.find, token)
    assert found is not None
    until = datetime.fromtimestamp(found.expires_at / 1000, UTC)
    told = f"shared report {name} by a link until {until:%Y-%m-%d %H:%M} UTC"
    await asyncio.to_thread(house.users.note, user, told)
    link = f"{house.address(request)}/app/shared/{token}"
    return await show(house, request, link, found.expires_at)


async def revoke(house: House, request: Request) -> Response:
    """Ends a link at once."""
    asked = must_find(house, request)
    account_id, id_ = asked.account["account_id"], request.path_params["id"]
    name = await asyncio.to_thread(house.shares.revoke, account_id, id_)
    told = f"revoked a link to report {name}"
    await asyncio.to_thread(house.users.note, request.state.user, told)
    to = f"?account={asked.view.account}" if asked.view.account else ""
    return back(f"/app/reports/saved{to}#links", f"The link to {name} is not good any more.")


async def shared(house: House, request: Request) -> Response:
    """Shows the report of a link to whoever has it: no sign-in, and nothing to ask."""
    found = await asyncio.to_thread(house.shares.find, request.path_params["token"])
    if found is None:
        response: Response = house.render(request, "reports_unshared.html", 404)
    else:
        async with house.shares.one_at_a_time:
            values: dict[str, Any] | None = house.shares.fresh(found.id)
            if values is None:
                values = await asyncio.to_thread(_read, house, found)
                await asyncio.to_thread(house.shares.opened, found.id, values)
        response = house.render(request, "reports_shared.html", **values)
    response.headers.update(HEADERS)
    return response


def _read(house: House, found: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": found.name, "until": found.expires_at, "problem": "",
                             "answer": None, "chart": None, "table": None}  # fmt: skip
    accounts = access.list_accounts(house.engine)
    account = next((each for each in accounts if each["account_id"] == found.account_id), None)
    if account is None:
        return {**shown, "problem": "The account of this report is not there any more."}
    view = of_saved(saved.read("", found.question))
    asked = Asked(house, accounts, account, access.account_pk(house.engine, found.account_id), view)
    try:
        told, _ = asked.fitted()
        answer = asked.ask(told.body())
        shown["table"] = table_of(told, answer, asked.settings, leads=False)
        shown["chart"] = chart_of(told, answer, asked.ask)
        shown["answer"] = answer
    except (UsageError, ShapeError):
        shown["problem"] = "This report cannot be answered any more; ask for another link."
    filters = [each.told for each in view.conditions]
    return {**shown, "zone": account["timezone"], "of": account["name"], "filters": filters,
            "has_columns": asked.is_plain}  # fmt: skip
