"""Set-up: the account, its integrations and keys, and connections."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.owner import access, uses
from segconnect.connections import Connection, Connections
from segconnect.credentials import SERVICES
from segconnect.errors import SegconnectError, UsageError
from segconnect.web.house import House, back, is_row, text
from segconnect.web.pages.connections import used_by

KINDS = {
    access.Kind.PAYMENTS: "Custom payments: orders and subscriptions",
    access.Kind.ADS: "Custom ads: spend, clicks, impressions",
    access.Kind.CRM: "CRM: contacts and tags",
}


async def show(house: House, request: Request) -> Response:
    """Shows the page."""
    return await _page(house, request)


async def _page(
    house: House,
    request: Request,
    *,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    **shown: str,
) -> Response:
    """Shows the page.

    Args:
        house: The house.
        request: The request.
        typed: What was typed into a form that does not do.
        problems: What is wrong with it, by the id of the form.
        shown: What is shown this one time: account, integration, key.
    """
    values = await asyncio.to_thread(_read, house)
    base = house.address(request)
    new = {"key": "", "integration": "", "account": "", "old": "", "grace": "0", **shown}
    usual = {"currency": "USD", "timezone": "UTC", "base_url": f"{base}/api"}
    return house.render(
        request, "set_up.html", 422 if problems else 200, new=new,
        typed=defaultdict(str, {**usual, **(typed or {})}), problems=problems or {}, base=base,
        **values,
    )  # fmt: skip


def _read(house: House) -> dict[str, Any]:
    kept = Connections(house.settings).list()
    accounts = []
    for each in access.list_accounts(house.engine):
        pk = access.account_pk(house.engine, each["account_id"])
        with house.engine.connect() as connection:
            accounts.append(
                {
                    **each,
                    "keys": uses.keys_of(connection, pk),
                    "integrations": uses.integrations_of(connection, pk),
                }
            )
    return {
        "accounts": accounts,
        "connections": kept,
        "used": used_by(house),
        "kinds": KINDS,
        "graces": access.GRACES,
        "services": SERVICES,
    }


async def create_account(house: House, request: Request) -> Response:
    """Creates an account, and shows its key this one time."""
    typed = {name: await text(request, name) for name in ("name", "currency", "timezone")}
    try:
        account_id, key = await asyncio.to_thread(
            access.create_account,
            house.engine,
            typed["name"],
            typed["currency"] or "USD",
            typed["timezone"] or "UTC",
        )
    except UsageError as error:
        return await _page(house, request, typed=typed, problems={"account": str(error)})
    await _note(house, request, f"created account {account_id}")
    return await _page(house, request, account=account_id, key=key)


async def create_integration(house: House, request: Request) -> Response:
    """Creates an integration, with a key of its own."""
    account_id, kind = await text(request, "account"), await text(request, "kind")
    name = await text(request, "name")
    integration_id = await asyncio.to_thread(
        access.create_integration, house.engine, account_id, kind, name
    )
    key = await asyncio.to_thread(access.create_key, house.engine, account_id)
    await _note(house, request, f"created integration {integration_id}")
    return await _page(house, request, account=account_id, integration=integration_id, key=key)


async def create_key(house: House, request: Request) -> Response:
    """Creates one more key, and shows it this one time."""
    account_id = await text(request, "account")
    key = await asyncio.to_thread(access.create_key, house.engine, account_id)
    await _note(house, request, f"created a key of {account_id}")
    return await _page(house, request, account=account_id, key=key)


async def revoke_key(house: House, request: Request) -> Response:
    """Revokes a key."""
    account_id, hint = await text(request, "account"), await text(request, "hint")
    await asyncio.to_thread(access.revoke_key, house.engine, account_id, hint)
    await _note(house, request, f"revoked the key ...{hint} of {account_id}")
    return back("/app/set-up#keys", f"The key ...{hint} is not good any more.")


async def renew_key(house: House, request: Request) -> Response:
    """Makes a key in the place of another one, and shows it this one time."""
    account_id, hint = await text(request, "account"), await text(request, "hint")
    grace = await text(request, "grace")
    key = await asyncio.to_thread(
        access.renew_key, house.engine, account_id, hint, int(grace) if is_row(grace) else -1
    )
    await _note(house, request, f"renewed the key ...{hint} of {account_id}")
    return await _page(house, request, account=account_id, key=key, old=hint, grace=grace)


async def add_connection(house: House, request: Request) -> Response:
    """Saves a new connection, once the account accepted it."""
    names = ("name", "account_id", "integration_id", "base_url")
    typed = {name: await text(request, name) for name in names}
    key, connections = await text(request, "api_key"), Connections(house.settings)
    try:
        connection = Connection(api_key=key, **typed)
        kept = await asyncio.to_thread(connections.list)
        if any(each.name == connection.name for each in kept):
            raise UsageError(f"there is a connection {connection.name!r} already; change that one")
        await asyncio.to_thread(connections.save, connection)
    except SegconnectError as error:
        # the key is not sent back
        typed |= {f"c-{name}": value for name, value in typed.items()}
        return await _page(house, request, typed=typed, problems={"connection": str(error)})
    await _note(house, request, f"saved connection {connection.name}")
    return back("/app/set-up#connections", f"{connection.name} is saved; the account accepts it.")


async def _note(house: House, request: Request, what: str) -> None:
    await asyncio.to_thread(house.users.note, request.state.user, what)
