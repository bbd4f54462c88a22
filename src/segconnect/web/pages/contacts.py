"""Contacts: search as one types, and one person's journey."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Engine, or_, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account import access, reading
from segconnect.account.store import schema
from segconnect.web.house import House

MOST = 50


async def search(house: House, request: Request) -> Response:
    """Shows contacts whose email, id or name begins with what was typed."""
    typed = request.query_params.get("q", "").strip()
    rows = await asyncio.to_thread(_search, house.engine, typed)
    is_part = request.headers.get("hx-target") == "found"
    template = "parts/contacts.html" if is_part else "contacts.html"
    return house.render(request, template, rows=rows, typed=typed, most=MOST)


def _search(engine: Engine, typed: str) -> list[Any]:
    table = schema.contacts.c
    query = (
        select(
            table.pk, table.contact_id, table.email, table.first_name, table.last_name,
            table.date_created, schema.accounts.c.account_id, schema.accounts.c.timezone,
        )
        .join(schema.accounts, schema.accounts.c.pk == table.account_pk)
        .limit(MOST)
    )  # fmt: skip
    if typed:
        end = typed.lower() + "\uffff"
        begins = (table.email >= typed.lower()) & (table.email < end)
        query = query.where(or_(begins, table.contact_id == typed)).order_by(table.email)
    else:
        query = query.order_by(table.pk.desc())
    with engine.connect() as connection:
        return list(connection.execute(query))


async def show(house: House, request: Request) -> Response:
    """Shows one person: who it is, and what happened, the latest first."""
    account_id = request.query_params.get("account", "")
    found = await asyncio.to_thread(_read, house.engine, account_id, request.path_params["id"])
    if found is None:
        raise HTTPException(404, "There is no such contact.")
    return house.render(request, "contact.html", **found)


def _read(engine: Engine, account_id: str, id_: str) -> dict[str, Any] | None:
    accounts = {each["account_id"]: each for each in access.list_accounts(engine)}
    account = accounts.get(account_id)
    if account is None:
        return None
    pk = access.account_pk(engine, account_id)
    extend = reading.expansions("tags,orders,subscriptions")
    found = reading.contact(engine, pk, account["currency"], id_, extend)
    if found is None:
        return None
    return {"contact": found, "account": account}
