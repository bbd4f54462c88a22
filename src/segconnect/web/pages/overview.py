"""The first page: how the business stands, and what needs somebody."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response

from segconnect import clock
from segconnect.account import access
from segconnect.account.figures import Standing, standing
from segconnect.account.store import schema
from segconnect.connections import Connections
from segconnect.scenario.journal import State
from segconnect.types import in_units
from segconnect.web.house import House

SPANS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "12 months"}
USUAL = "30"


class Need(NamedTuple):
    """Something that waits for a person, and the page that mends it."""

    told: str
    detail: str
    href: str


class Step(NamedTuple):
    """A step of the set-up, and where it is done."""

    told: str
    detail: str
    href: str
    is_done: bool


async def show(house: House, request: Request) -> Response:
    """Shows the page."""
    wanted = request.query_params.get("account", "")
    span = request.query_params.get("span", USUAL)
    values = await asyncio.to_thread(_read, house, wanted, span if span in SPANS else USUAL)
    return house.render(request, "overview.html", **values)


def _read(house: House, wanted: str, span: str) -> dict[str, Any]:
    accounts = access.list_accounts(house.engine)
    chosen = next((each for each in accounts if each["account_id"] == wanted), None)
    chosen = chosen or (accounts[0] if accounts else None)
    found, waiting, zone, chart = None, 0, "UTC", None
    if chosen is not None:
        zone = chosen["timezone"]
        pk = access.account_pk(house.engine, chosen["account_id"])
        today = clock.now().astimezone(ZoneInfo(zone)).date()
        found = standing(house.engine, pk, zone, today, int(span))
        waiting = _unlinked(house, pk)
        chart = _chart(found, chosen["currency"])
    scenarios, runs = house.journal.scenarios.all(), house.journal.latest(6)
    steps = _steps(house, chosen, bool(scenarios), bool(runs))
    return {
        "accounts": accounts,
        "account": chosen,
        "found": found,
        "chart": chart,
        "spans": SPANS,
        "span": span,
        "zone": zone,
        "needs": _needs(house, waiting),
        "runs": runs,
        "scenarios": scenarios,
        "steps": [] if all(each.is_done for each in steps) else steps,
    }


def _chart(found: Standing, currency: str) -> str:
    """What the chart's script draws, as JSON; money in units."""
    return json.dumps(
        {
            "currency": currency,
            "days": [each.day.isoformat() for each in found.days],
            "series": [
                {
                    "name": "Revenue",
                    "data": [in_units(each.revenue, currency) for each in found.days],
                },
                {
                    "name": "Ad spend",
                    "data": [in_units(each.spend, currency) for each in found.days],
                },
            ],
        }
    )


def _unlinked(house: House, account_pk: int) -> int:
    """How many orders are of people who are not contacts yet."""
    orders = schema.orders.c
    with house.engine.connect() as connection:
        return int(
            connection.scalar(
                select(func.count()).where(
                    orders.account_pk == account_pk,
                    orders.email >= "",  # by which it is answered by the index of those that wait
                    orders.contact_pk.is_(None),
                )
            )
            or 0
        )


def _steps(house: House, account: Any, has_scenario: bool, has_run: bool) -> list[Step]:
    """What is to be done before the first figures are seen."""
    kept = [each for each in Connections(house.settings).list() if each.account_id]
    has_integration = bool(account and account["integrations"])
    return [
        Step("Make an account", "or connect to the hosted SegMetrics", "/app/set-up#new",
             bool(account) or bool(kept)),
        Step("Create an integration", "for contacts, payments or ads", "/app/set-up#account",
             has_integration or bool(kept)),
        Step("Save a connection", "with the key that you were shown", "/app/set-up#connections",
             bool(kept)),
        Step("Bring your data", "upload an export, or import a blueprint", "/app/scenarios/new",
             has_scenario or has_run),
    ]  # fmt: skip


def _needs(house: House, unlinked: int) -> list[Need]:
    found = []
    failed = house.journal.latest(100, [State.FAILED])
    if failed:
        told = "A run failed" if len(failed) == 1 else f"{len(failed)} runs failed"
        found.append(Need(told, failed[0].error or "", f"/app/runs/{failed[0].id}"))
    waiting = house.journal.incompletes.waiting(1_000)
    if waiting:
        bundles = "1 bundle waits" if len(waiting) == 1 else f"{len(waiting):,} bundles wait"
        found.append(Need(bundles, "set aside at a module that failed", "/app/incomplete"))
    found += [
        Need(row.name, row.told, f"/app/scenarios/{row.id}")
        for row in house.journal.scenarios.all()
        if row.told
    ]
    if unlinked:
        told = "1 order has" if unlinked == 1 else f"{unlinked:,} orders have"
        found.append(
            Need(
                f"{told} no contact",
                "bring in the contacts with these emails",
                "/app/scenarios/new",
            )
        )
    return found
