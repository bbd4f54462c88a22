"""Who is one person: joining two by hand, what was joined and why, and devices that are shared."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.owner import access
from segconnect.account.people.person import Links, devices, identity_named, links
from segconnect.account.writing.work import Operation
from segconnect.errors import UsageError, unknown_name
from segconnect.web.house import House, back, is_row, text
from segconnect.web.pages import contact, contacts

MOST = 50
PLACE = contact.PLACE  # whose part of the house this is


async def join(house: House, request: Request) -> Response:
    """Shows a person, and looks for the other that it is to be one with; then both."""
    given = request.query_params
    one = await contact.person(house, request, given.get("id", ""))
    shown: dict[str, Any] = {"one": one, "account": one["account"], "path": PLACE}
    shown["here"] = f"/app/people/join?{contact.named(one)}"
    if given.get("with"):
        shown["other"] = await contact.person(house, request, given["with"])
        shown["are_one"] = _are_one(one, shown["other"])
        return house.render(request, "people_join.html", **shown)
    asked = contacts.asked_of(request)
    found = await asyncio.to_thread(contacts.found, house, one["account"], asked)
    is_part = request.headers.get("hx-target") == "others"
    template = "parts/people_others.html" if is_part else "people_join.html"
    return house.render(request, template, **{**shown, "other": None, **found, "path": PLACE})


def _are_one(one: dict[str, Any], other: dict[str, Any]) -> bool:
    who = contact.identity(other["contact"])
    return who == contact.identity(one["contact"]) or who in one["members"]


async def do_join(house: House, request: Request) -> Response:
    """Joins two people for a reason."""
    one = await contact.person(house, request, await text(request, "one"))
    other = await contact.person(house, request, await text(request, "other"))
    ends = [contact.identity(each["contact"]) for each in (one, other)]
    await _change(house, request, "merge", ends=ends, reason=await _reason(request))
    ids = [f"contact {each['contact']['contact_id']}" for each in (one, other)]
    await _note(house, request, f"joined {' with '.join(ids)}")
    return back(contact.address(one["contact"], one["account"]), "They are one person now.")


async def merges(house: House, request: Request) -> Response:
    """Lists what was joined, by whom and why, the latest first."""
    given = request.query_params
    account = contacts.account_of(house, given.get("account", ""))
    if account is None:
        raise HTTPException(404, "There is no account yet.")
    which = given.get("which", Links.ALL)
    if which not in list(Links):
        raise UsageError(unknown_name("list", which[:100], list(Links)))
    who = given.get("who", "").strip()
    before = given.get("before", "")
    if before and not is_row(before):
        raise UsageError("the list does not go on from there; load it anew")
    problem, found = "", []
    try:
        found = await asyncio.to_thread(
            _links, house, account["account_id"], who, Links(which), int(before or 0)
        )
    except UsageError as error:
        problem = str(error)
    return house.render(
        request, "people_merges.html", account=account, rows=found[:MOST], which=which, who=who,
        lists=list(Links), more=found[MOST - 1].number if len(found) > MOST else 0,
        problem=problem, zone=account["timezone"], path=PLACE,
        accounts=access.list_accounts(house.engine),
    )  # fmt: skip


def _links(house: House, account_id: str, who: str, which: Links, before: int) -> list[Any]:
    pk = access.account_pk(house.engine, account_id)
    named = identity_named(who) if who else None
    with house.engine.connect() as connection:
        return links(connection, pk, named, MOST + 1, which=which, before=before or None)


async def split(house: House, request: Request) -> Response:
    """Takes a link back, or makes one again that was taken back."""
    number = await text(request, "link")
    if not is_row(number):
        raise UsageError(f"there is no link {number[:20]!r}")
    reason = await _reason(request)
    account = _account(house, request)
    if await text(request, "again"):
        (found,) = await asyncio.to_thread(_numbered, house, account["account_id"], int(number))
        await _change(house, request, "merge", ends=found.ends, reason=reason)
        await _note(house, request, f"made link {number} again")
        return _came(request, account, "They are one person again.")
    await _change(house, request, "split", link=int(number), reason=reason)
    await _note(house, request, f"undid link {number}")
    return _came(request, account, "Undone. What it had joined is as if it had never been.")


def _numbered(house: House, account_id: str, number: int) -> list[Any]:
    pk = access.account_pk(house.engine, account_id)
    with house.engine.connect() as connection:
        found = links(connection, pk, None, 1, before=number + 1)
    if not found or found[0].number != number:
        raise UsageError(f"there is no link {number}")
    return found


def _came(request: Request, account: dict[str, Any], message: str) -> Response:
    """Leads back to the list that a form was on, as it was asked for."""
    given = {name: request.query_params.get(name, "") for name in ("which", "who")}
    query = "".join(f"&{name}={quote(value)}" for name, value in given.items() if value)
    return back(f"/app/people/merges?account={account['account_id']}{query}", message)


async def show_devices(house: House, request: Request) -> Response:
    """Lists devices that many people use, or that somebody said are one person's."""
    account = contacts.account_of(house, request.query_params.get("account", ""))
    if account is None:
        raise HTTPException(404, "There is no account yet.")

    def read() -> list[Any]:
        pk = access.account_pk(house.engine, account["account_id"])
        with house.engine.connect() as connection:
            return devices(connection, pk, 10 * MOST)

    rows = await asyncio.to_thread(read)
    return house.render(
        request, "people_devices.html", account=account, rows=rows, zone=account["timezone"],
        path=PLACE, uid=request.query_params.get("uid", ""),
        accounts=access.list_accounts(house.engine),
    )  # fmt: skip


async def mark(house: House, request: Request) -> Response:
    """Marks a device as shared, or takes that back."""
    is_shared = await text(request, "is_shared") == "yes"
    uid, reason = await text(request, "uid"), await _reason(request)
    await _change(house, request, "device", uid=uid, is_shared=is_shared, reason=reason)
    await _note(house, request, f"marked device {uid} as {'' if is_shared else 'not '}shared")
    account = _account(house, request)
    told = "is shared: what is seen on it is nobody's" if is_shared else "is one person's again"
    return back(f"/app/people/devices?account={account['account_id']}", f"{uid} {told}.")


def _account(house: House, request: Request) -> dict[str, Any]:
    wanted = request.query_params.get("account", "")
    account = contacts.account_of(house, wanted)
    if account is None or account["account_id"] != wanted:
        raise HTTPException(404, "There is no such account.")
    return account


async def _reason(request: Request) -> str:
    reason = await text(request, "reason")
    if not reason:
        raise UsageError("the reason is missing; say why, for whoever looks at it later")
    return reason[:1000]


async def _change(house: House, request: Request, endpoint: str, **fields: Any) -> None:
    user = request.state.user
    pk = access.account_pk(house.engine, _account(house, request)["account_id"])
    fields["who"] = user.email or user.name
    await house.change(Operation(endpoint, pk, 0, fields))


async def _note(house: House, request: Request, what: str) -> None:
    await asyncio.to_thread(house.users.note, request.state.user, what)
