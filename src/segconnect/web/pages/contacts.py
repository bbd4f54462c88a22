"""Contacts: found as one types, and by filters."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.owner import access, preferences
from segconnect.account.people import finding
from segconnect.account.people.finding import Asked
from segconnect.account.store import schema
from segconnect.web.house import House, is_row

STATUSES = {
    finding.Status.LEAD: "Leads (paid nothing)",
    finding.Status.CUSTOMER: "Customers (paid)",
    finding.Status.SUBSCRIBER: "Subscribers (now)",
}


async def show(house: House, request: Request) -> Response:
    """Shows contacts, the ones that came last first; or the part of the page that lists them."""
    account = account_of(house, request.query_params.get("account", ""))
    if account is None:
        return house.render(request, "contacts.html", account=None)
    asked = asked_of(request)
    shown: dict[str, Any] = await asyncio.to_thread(found, house, account, asked)
    match request.headers.get("hx-target"):
        case "found":
            template = "parts/contacts.html"
        case "more":
            template = "parts/contact_rows.html"
        case _:
            template = "contacts.html"
            shown |= await asyncio.to_thread(_choices, house, account)
    response = house.render(request, template, **shown)
    if template == "parts/contacts.html":  # the address is without what is not asked for
        response.headers["hx-replace-url"] = f"/app/contacts?{_query(account, asked)}"
    return response


async def origins(house: House, request: Request) -> Response:
    """Tells how the contacts of a list came first, once the list is shown.

    The list is found by the indexes of the store; this asks the replica, which may catch up first.
    """
    account = account_of(house, request.query_params.get("account", ""))
    asked = request.query_params.get("rows", "").split(",")
    if account is None or len(asked) > finding.PAGE * 2 or not all(map(is_row, asked)):
        raise HTTPException(404, "There are no such contacts.")
    pk, rows = access.account_pk(house.engine, account["account_id"]), [int(each) for each in asked]
    known = await asyncio.to_thread(house.reports.origins, pk, rows)
    return house.render(request, "parts/contact_origins.html", rows=rows, known=known)


def account_of(house: House, wanted: str) -> dict[str, Any] | None:
    """Answers an account by its id, else the first; None: there is none yet."""
    accounts = access.list_accounts(house.engine)
    return next(
        (each for each in accounts if each["account_id"] == wanted),
        accounts[0] if accounts else None,
    )


def asked_of(request: Request) -> Asked:
    """Reads what is asked for from an address."""
    given = request.query_params
    names = ("tag", "status", "integration", "channel", "start", "end")
    texts = {name: given.get(name, "").strip() for name in names}
    return Asked(
        given.get("q", "").strip(), **texts, several=given.get("several") == "yes",
        after=given.get("after", ""),
    )  # fmt: skip


def found(house: House, account: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Answers what the list of contacts shows."""
    pk = access.account_pk(house.engine, account["account_id"])
    page = house.reports.find(pk, asked)
    return {
        "account": account,
        "asked": asked,
        "page": page,
        "places": _integrations(house, pk),
        "zone": account["timezone"],
        "next": f"/app/contacts?{_query(account, asked, page.after)}" if page.after else "",
    }


def _query(account: dict[str, Any], asked: Asked, after: str = "") -> str:
    """Writes what is asked for as the query of an address."""
    given = asked._asdict() | {"account": account["account_id"], "after": after}
    given |= {"q": given.pop("typed"), "several": "yes" if asked.several else ""}
    return urlencode({name: value for name, value in given.items() if value})


def _integrations(house: House, account_pk: int) -> dict[int, str]:
    table = schema.integrations.c
    query = select(table.pk, table.name).where(table.account_pk == account_pk)
    with house.engine.connect() as connection:
        return {row.pk: row.name for row in connection.execute(query)}


def _choices(house: House, account: dict[str, Any]) -> dict[str, Any]:
    pk = access.account_pk(house.engine, account["account_id"])
    with house.engine.connect() as connection:
        rules = preferences.channel_rules(connection, pk).rules
    return {
        "accounts": access.list_accounts(house.engine),
        "tags": finding.tags(house.engine, pk),
        "channels": sorted({rule.channel for rule in rules}),
        "statuses": STATUSES,
    }
