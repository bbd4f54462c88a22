"""One person: who it is, and what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic_core import to_json
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account import access, reading
from segconnect.account.people import CONTACT, EMAIL
from segconnect.account.person import members
from segconnect.errors import UsageError
from segconnect.web.filters import units
from segconnect.web.house import House

PLACE = "/app/contacts"
PEOPLE = "/app/people"
SHOWN = 300  # of what happened to one person
VISIT = timedelta(minutes=30)  # between two pages of one visit


async def show(house: House, request: Request) -> Response:
    """Shows one person: who it is, and what happened, the latest first."""
    found = await person(house, request, request.path_params["id"])
    return house.render(request, "contact.html", **found)


async def export(house: House, request: Request) -> Response:
    """Answers all that is known of one person, as JSON."""
    found = await person(house, request, request.path_params["id"])
    contact = found["contact"]
    await asyncio.to_thread(
        house.users.note, request.state.user, f"exported contact {contact['contact_id']}"
    )
    named = quote(f"{contact['contact_id']}.json")
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{named}",
        "cache-control": "no-store",
    }
    content = to_json({**contact, "known_as": found["members"]}, indent=2)
    return Response(content, media_type="application/json", headers=headers)


async def person(house: House, request: Request, id_: str) -> dict[str, Any]:
    """Answers what pages show of the person behind a contact of the account in the address.

    Raises:
        HTTPException: There is no such contact.
    """
    account_id = request.query_params.get("account", "")
    found = await asyncio.to_thread(read, house.engine, account_id, id_)
    if found is None:
        raise HTTPException(404, "There is no such contact.")
    return found


def read(engine: Engine, account_id: str, id_: str) -> dict[str, Any] | None:
    """Reads what pages show of the person behind a contact; None: there is none."""
    accounts = {each["account_id"]: each for each in access.list_accounts(engine)}
    account = accounts.get(account_id)
    if account is None:
        return None
    pk = access.account_pk(engine, account_id)
    extend = reading.expansions("events,tags,orders,subscriptions")
    found = reading.contact(engine, pk, account["currency"], id_, extend)
    if found is None:
        return None
    who = identity(found)
    try:
        with engine.connect() as connection:
            known = members(connection, pk, who)
    except UsageError:  # nobody but who was imported
        known = []
    happened = journey(found, account["currency"])
    return {
        "contact": found,
        "fields": reading.record(engine, pk, found["contact_id"]) or {},
        "account": account,
        "zone": account["timezone"],
        "members": known,
        "journey": happened[:SHOWN],
        "more": max(0, len(happened) - SHOWN),
        "value": sum(order["total_paid"] for order in found["orders"]),
        "path": PLACE,
    }


def identity(contact: dict[str, Any]) -> tuple[str, str]:
    """By what a contact is joined with others: its email, or its id if it has none."""
    if contact["email"]:
        return EMAIL, contact["email"]
    return CONTACT, contact["contact_id"]


def named(person: dict[str, Any]) -> str:
    """Names somebody in the query of an address."""
    id_ = quote(person["contact"]["contact_id"], safe="")
    return f"account={person['account']['account_id']}&id={id_}"


def address(contact: dict[str, Any], account: dict[str, Any]) -> str:
    """The page of a contact."""
    return f"{PLACE}/{quote(contact['contact_id'])}?account={account['account_id']}"


class Happened(NamedTuple):
    """Something on the time line."""

    at: datetime
    kind: str  # visit, contact, tag, order, refund, subscription, end
    told: str
    detail: str
    pages: list[str]


def journey(contact: dict[str, Any], currency: str) -> list[Happened]:
    """Puts what happened to somebody in order, the latest first."""
    found = list(_visits(contact["events"]))
    found.append(_happened(contact["date_created"], "contact", "Became a contact", _utm(contact)))
    found += [
        _happened(tag["date_created"], "tag", f"Tagged {tag['name']}") for tag in contact["tags"]
    ]
    for order in contact["orders"]:
        items = ", ".join(str(item["product_name"]) for item in order["line_items"])
        told = f"Ordered for {units(order['total_paid'], currency)}"
        kind = "refund" if order["is_refunded"] else "order"
        told += ", refunded" if order["is_refunded"] else ""
        detail = f"{items} · {order['order_id']}"
        found.append(_happened(order["date_created"], kind, told, detail))
    for each in contact["subscriptions"]:
        every = each["billing_cycle"]
        every = every if each["frequency"] == 1 else f"{each['frequency']} {every}s"
        price = f"{units(each['amount'], currency)} every {every}"
        name = each["product_name"] or each["product_id"]
        found.append(_happened(each["start_date"], "subscription", f"Subscribed to {name}", price))
        for date_, told in (("trial_end_date", "Trial ended"), ("canceled_date", "Canceled"),
                            ("end_date", "Subscription ended")):  # fmt: skip
            if each.get(date_):
                found.append(_happened(each[date_], "end", f"{told}: {name}"))
    return sorted(found, key=lambda each: each.at, reverse=True)


def _visits(events: list[dict[str, Any]]) -> Iterator[Happened]:
    """Makes visits of page views: those that follow one another within half an hour."""
    visit: list[dict[str, Any]] = []
    last: datetime | None = None
    for event in events:
        at = datetime.fromisoformat(event["date_created"])
        if visit and (last is None or at - last > VISIT or event["uid"] != visit[-1]["uid"]):
            yield _visit(visit)
            visit = []
        visit.append(event)
        last = at
    if visit:
        yield _visit(visit)


def _visit(views: list[dict[str, Any]]) -> Happened:
    first, count = views[0], len(views)
    pages = "1 page" if count == 1 else f"{count} pages"
    detail = " · ".join(filter(None, (first["channel"], _utm(first), first["referrer"])))
    at = datetime.fromisoformat(first["date_created"])
    return Happened(at, "visit", f"Visited {pages}", detail, [view["url"] for view in views])


def _utm(values: dict[str, Any]) -> str:
    found = [values.get(name) for name in ("utm_source", "utm_medium", "utm_campaign")]
    return " / ".join(str(value) for value in found if value)


def _happened(at: str, kind: str, told: str, detail: str = "") -> Happened:
    return Happened(datetime.fromisoformat(at), kind, told, detail, [])
