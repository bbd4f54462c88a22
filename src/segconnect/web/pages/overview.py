"""The first page: how the business stands, and what needs somebody."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.figures.overview import Standing
from segconnect.account.owner import access, account_settings
from segconnect.connections import Connections
from segconnect.scenario.journal import State
from segconnect.web import filters
from segconnect.web.house import House

SPANS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "12 months"}
USUAL = "30"

REPORT = "/app/reports?account={id}&start={start}&end={end}&type="
MENDED = {
    "duplicate_orders": REPORT + "orders&by=orders.integration",
    "utm_spellings": REPORT + "leads&by=clicks.utm_source",
    "unmatched_spend": REPORT + "ads&by=ads.campaign",
    "unmatched_clicks": "/app/scenarios/new",
    "unlinked_orders": "/app/scenarios/new",
    "failed_invoices": "/app/set-up/accounts/{id}#revenue",
}
"""The page where what a check finds is looked into, or mended."""
MENDS = {
    "duplicate_orders": "Orders by integration",
    "utm_spellings": "Leads by source",
    "unmatched_spend": "Spend by campaign",
    "unmatched_clicks": "Bring the ads' days",
    "unlinked_orders": "Bring the contacts",
    "failed_invoices": "Leave them out of revenue",
}


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
    """Shows the page; what is wrong with the data is told a moment later."""
    chosen, span = _asked(house, request)
    values = await asyncio.to_thread(_read, house, chosen, span)
    return house.render(request, "overview.html", **values)


async def needs(house: House, request: Request) -> Response:
    """Shows what needs somebody, the data's health included: the part of the page that waits."""
    chosen, span = _asked(house, request)
    found = await asyncio.to_thread(_needs, house)
    if chosen is not None:
        found += await asyncio.to_thread(_unwell, house, chosen, span)
    return house.render(request, "parts/needs.html", needs=found, later="")


async def health(house: House, request: Request) -> Response:
    """Shows what is wrong with the data, examples of it, and what mends it."""
    chosen, span = _asked(house, request)
    if chosen is None:
        return house.render(request, "health.html", account=None, checks=[], told=None)
    pk = access.account_pk(house.engine, chosen["account_id"])
    told = await asyncio.to_thread(house.figures.health, pk, int(span))
    where = {
        each["check"]: MENDED[each["check"]].format(
            id=chosen["account_id"], start=told["date_range"]["start_date"],
            end=told["date_range"]["end_date"],
        )
        for each in told["checks"]
        if each["check"] in MENDED
    }  # fmt: skip
    return house.render(
        request, "health.html", account=chosen, told=told, checks=told["checks"], where=where,
        words=MENDS, spans=SPANS, span=span,
    )  # fmt: skip


def _asked(house: House, request: Request) -> tuple[Any, str]:
    """The account that is looked at, if there is one, and for how long back."""
    wanted = request.query_params.get("account", "")
    span = request.query_params.get("span", USUAL)
    accounts = access.list_accounts(house.engine)
    chosen = next((each for each in accounts if each["account_id"] == wanted), None)
    return chosen or (accounts[0] if accounts else None), span if span in SPANS else USUAL


def _read(house: House, chosen: Any, span: str) -> dict[str, Any]:
    found, zone, chart, later = None, "UTC", None, ""
    if chosen is not None:
        zone = chosen["timezone"]
        pk = access.account_pk(house.engine, chosen["account_id"])
        found = house.figures.standing(pk, int(span))
        chart = _chart(found, chosen["currency"])
        later = urlencode({"account": chosen["account_id"], "span": span})
    scenarios, runs = house.journal.scenarios.all(), house.journal.latest(6)
    steps = _steps(house, chosen, bool(scenarios), bool(runs))
    return {
        "accounts": access.list_accounts(house.engine),
        "account": chosen,
        "found": found,
        "chart": chart,
        "spans": SPANS,
        "span": span,
        "zone": zone,
        "needs": _needs(house),
        "later": later,
        "runs": runs,
        "scenarios": scenarios,
        "steps": [] if all(each.is_done for each in steps) else steps,
    }


def _chart(found: Standing, currency: str) -> str:
    """What the chart's script draws, as JSON; money in units."""
    return json.dumps(
        {
            "currency": currency,
            "days": [each.name for each in found.parts],
            "series": [
                {"name": "Revenue", "data": [each.revenue for each in found.parts]},
                {"name": "Ad spend", "data": [each.spend for each in found.parts]},
            ],
        }
    )


def _unwell(house: House, account: Any, span: str) -> list[Need]:
    """What is wrong with the data, as far as somebody can mend it."""
    pk = access.account_pk(house.engine, account["account_id"])
    told = house.figures.health(pk, int(span))
    settings = account_settings.read(house.engine, account["account_id"])
    asked = urlencode({"account": account["account_id"], "span": span})
    found = []
    for each in told["checks"]:
        is_settled = each["check"] == "failed_invoices" and settings.switches.exclude_failed
        if not each["count"] or each["check"] not in MENDED or is_settled:
            continue
        money = filters.units(each["money"], told["currency"]) if each["money"] else ""
        unit = each["unit"].removesuffix("s") if each["count"] == 1 else each["unit"]
        detail = f"{each['count']:,} {unit}" + (f", {money}" if money else "")
        found.append(Need(each["name"], detail, f"/app/health?{asked}#{each['check']}"))
    return found


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


def _needs(house: House) -> list[Need]:
    """What runs and scenarios wait for."""
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
    return found
