"""The first page: how the business stands, and what needs somebody."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from segconnect import clock
from segconnect.account import access
from segconnect.account.summary import Summary, summarize
from segconnect.scenario.journal import State
from segconnect.web.house import House


class Need(NamedTuple):
    """Something that waits for a person, and the page that mends it."""

    told: str
    href: str


class Account(NamedTuple):
    """An account of this store, and what it holds."""

    account_id: str
    name: str
    currency: str
    timezone: str
    found: Summary


async def show(house: House, request: Request) -> Response:
    """Shows the page."""
    wanted = request.query_params.get("account", "")
    values = await asyncio.to_thread(_read, house, wanted)
    return house.render(request, "overview.html", **values)


def _read(house: House, wanted: str) -> dict[str, Any]:
    accounts = access.list_accounts(house.engine)
    chosen = next((each for each in accounts if each["account_id"] == wanted), None)
    chosen = chosen or (accounts[0] if accounts else None)
    account = None
    if chosen is not None:
        pk = access.account_pk(house.engine, chosen["account_id"])
        found = summarize(house.engine, pk, int(clock.now().timestamp()))
        account = Account(
            chosen["account_id"], chosen["name"], chosen["currency"], chosen["timezone"], found
        )
    return {
        "accounts": accounts,
        "account": account,
        "zone": "UTC" if account is None else account.timezone,
        "needs": _needs(house),
        "runs": house.journal.latest(8),
        "scenarios": house.journal.scenarios.all(),
    }


def _needs(house: House) -> list[Need]:
    found = []
    failed = house.journal.latest(100, [State.FAILED])
    if failed:
        told = "A run failed" if len(failed) == 1 else f"{len(failed)} runs failed"
        found.append(Need(told, f"/app/runs/{failed[0].id}"))
    waiting = house.journal.incompletes.waiting(1_000)
    if waiting:
        bundles = "1 bundle waits" if len(waiting) == 1 else f"{len(waiting):,} bundles wait"
        found.append(Need(f"{bundles} at a module that failed", "/app/incomplete"))
    told_of = [row for row in house.journal.scenarios.all() if row.told]
    return found + [Need(f"{row.name}: {row.told}", f"/app/scenarios/{row.id}") for row in told_of]
