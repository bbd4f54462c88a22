"""One person: who it is, and what happened."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from pydantic_core import to_json
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.attribution import MODELS
from segconnect.account.owner import access
from segconnect.account.people import reading
from segconnect.account.people.person import Link, links, members
from segconnect.account.writing.identities import CONTACT, EMAIL
from segconnect.errors import UsageError
from segconnect.web.house import House
from segconnect.web.pages.contacts import account_of
from segconnect.web.pages.journey import SHOWN, days, journey

PLACE = "/app/contacts"
PEOPLE = "/app/people"
ORIGIN = {
    "utm_source": "Source",
    "utm_medium": "Medium",
    "utm_campaign": "Campaign",
    "utm_content": "Content",
    "utm_term": "Term",
    "referring_url": "Came from",
    "optin_url": "Opted in at",
    "affiliate_id": "Affiliate",
    "ip_address": "IP address",
    "geo_lat": "Latitude",
    "geo_lon": "Longitude",
}
MOMENTS = {
    "start_date": "since",
    "last_bill_date": "billed last",
    "trial_end_date": "trial until",
    "canceled_date": "canceled",
    "end_date": "ended",
}
LINKS = 200  # that are shown of one person


async def show(house: House, request: Request) -> Response:
    """Shows one person: who it is, and what happened, the latest first."""
    found = await person(house, request, request.path_params["id"])
    return house.render(request, "contact.html", **found, origin=ORIGIN)


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
    fields = {name: value for name, value in found["fields"].items() if name in ORIGIN}
    joined = [link.shown() for link in found["joined"]]
    known = {"known_as": found["members"], "joined": joined}
    content = to_json({**contact, **fields, **known}, indent=2)
    return Response(content, media_type="application/json", headers=headers)


async def data(house: House, request: Request) -> Response:
    """Shows all that is known of one person, to be read or printed."""
    found = await person(house, request, request.query_params.get("id", ""))
    what = f"looked at all of contact {found['contact']['contact_id']}"
    await asyncio.to_thread(house.users.note, request.state.user, what)
    return house.render(request, "contact_data.html", **found, origin=ORIGIN, moments=MOMENTS)


async def credits_(house: House, request: Request) -> Response:
    """Shows the part of a page that tells what earned the orders of somebody."""
    found = await person(house, request, request.query_params.get("id", ""))
    account_id, contact_pk = found["account"]["account_id"], found["fields"]["pk"]
    pk = access.account_pk(house.engine, account_id)
    try:
        model, orders = await asyncio.to_thread(house.reports.credits_of, pk, contact_pk)
    except UsageError as error:  # the model looks at all journeys together
        return house.render(request, "parts/contact_credits.html", problem=str(error))
    shown = {**found, "orders": orders, "model": MODELS[model.partition("@")[0]]}
    return house.render(request, "parts/contact_credits.html", problem="", **shown)


async def person(house: House, request: Request, id_: str) -> dict[str, Any]:
    """Answers what pages show of the person behind a contact of the account in the address.

    Raises:
        HTTPException: There is no such contact.
    """
    account_id = request.query_params.get("account")
    if account_id is None and (first := await asyncio.to_thread(account_of, house, "")):
        account_id = first["account_id"]  # as on other pages, where none is named
    found = await asyncio.to_thread(read, house.engine, account_id or "", id_)
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
    joined: list[Link] = []
    try:
        with engine.connect() as connection:
            known = members(connection, pk, who)
            joined = links(connection, pk, who, LINKS)
    except UsageError:  # nobody but who was imported
        known = []
    record = reading.record(engine, pk, found["contact_id"]) or {}
    happened = journey(found, joined, record, account["currency"])
    return {
        "contact": found,
        "fields": record,
        "joined": joined,
        "account": account,
        "zone": account["timezone"],
        "members": known,
        "days": days(happened[:SHOWN], account["timezone"]),
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
