"""The tracking snippet of an account, and whether anything comes from the pages that have it."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect import clock
from segconnect.account.api import owner
from segconnect.account.owner import access, preferences
from segconnect.web.house import House

SECONDS = 60  # for which a check waits
LOOPBACK = ("localhost", "127.0.0.1", "::1")


async def show(house: House, request: Request) -> Response:
    """Shows the snippet; nothing is waited for yet."""
    values = await asyncio.to_thread(_read, house, request)
    return house.render(request, "tracking.html", **values, since=0, came=[], is_over=False)


async def check(house: House, request: Request) -> Response:
    """Tells what came since a check began; the page asks again until something did."""
    values = await asyncio.to_thread(_read, house, request)
    moment = int(clock.now().timestamp() * 1000)
    given = request.query_params.get("since", "")
    since = int(given) if given.isascii() and given.isdigit() and len(given) < 15 else moment
    came = house.arrivals.since(values["account_id"], since)
    seen: dict[str, Any] = {
        "since": since,
        "came": [each for each in came if not each.is_script],
        "has_script": any(each.is_script for each in came),
        "is_over": moment - since >= SECONDS * 1000,
        "left": max(0, SECONDS - (moment - since) // 1000),
    }
    template = "parts/check.html" if "hx-request" in request.headers else "tracking.html"
    return house.render(request, template, **{**values, **seen})


def _read(house: House, request: Request) -> dict[str, Any]:
    account_id = str(request.path_params["account"])
    found = [a for a in access.list_accounts(house.engine) if a["account_id"] == account_id]
    if not found:
        raise HTTPException(404, "There is no such account.")
    pk = access.account_pk(house.engine, account_id)
    with house.engine.connect() as connection:
        settings = preferences.tracking_settings(connection, pk)
    address = urlsplit(house.address(request))
    told = owner.snippet(account_id, settings, address.netloc)
    domain = told["tracking-domain"]
    return {
        "account_id": account_id,
        "name": found[0]["name"],
        "snippet": told["snippet"],
        "script": f"{address.scheme}://{domain}/tag/{account_id}.js",
        "settings": settings,
        "is_here": urlsplit(f"//{domain}").hostname in LOOPBACK,
        "is_plain": address.scheme == "http",
        "has_script": False,
        "left": SECONDS,
    }
