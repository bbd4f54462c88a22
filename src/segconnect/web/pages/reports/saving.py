"""Reports that are kept under a name: listed, renamed, changed, deleted, and taken back."""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.reports import saved
from segconnect.account.reports.saved import Saved
from segconnect.account.reports.types import TYPES
from segconnect.errors import UsageError
from segconnect.web.house import House, back, text
from segconnect.web.pages.reports.asking import Asked, find, must_find
from segconnect.web.pages.reports.conditions import name_of
from segconnect.web.pages.reports.view import RANGES, View, of_saved
from segconnect.web.pages.undo import delete

LIST = "/app/reports/saved"
MAX_NAME = 80


class Kept(NamedTuple):
    """A report that is kept, as a list tells of it."""

    id: str
    name: str
    type: str
    range: str
    by: str
    address: str


def kept(asked: Asked) -> list[Kept]:
    """The reports that an account keeps, by name."""
    with asked.house.engine.connect() as connection:
        found = saved.list_all(connection, asked.pk)
    return [_told(each, of_saved(each, asked.view.account)) for each in found]


def _told(report: Saved, view: View) -> Kept:
    type_ = TYPES.get(view.type)
    dates = " – ".join(each or "today" for each in view.ends)
    range_ = RANGES[view.range][0] if view.range in RANGES else dates
    by = ", ".join(map(name_of, view.asked_dimensions))
    return Kept(report.id, report.name, type_.name if type_ else view.type, range_, by,
                view.address())  # fmt: skip


async def listed(house: House, request: Request) -> Response:
    """Shows all that are kept, and the links by which reports are shared."""
    return await show(house, request)


async def show(house: House, request: Request, link: str = "", until: int = 0) -> Response:
    """Shows the page.

    Args:
        house: The house.
        request: The request.
        link: One that was just made, which is told this one time.
        until: When it ends.
    """
    asked = await asyncio.to_thread(find, house, request)
    rows, links = [], []
    if asked is not None:
        rows = await asyncio.to_thread(kept, asked)
        links = await asyncio.to_thread(house.shares.of, asked.account["account_id"])
    return house.render(
        request, "reports_saved.html", rows=rows, links=links, link=link, until=until,
        account=asked and asked.account, own=asked.view.account if asked else "",
    )  # fmt: skip


async def save(house: House, request: Request) -> Response:
    """Keeps a report under a name."""
    asked, name = must_find(house, request), await _name(request)
    await asyncio.to_thread(asked.plan)
    query = asked.view.query()
    id_ = await asyncio.to_thread(
        saved.keep, house.engine, asked.account["account_id"], name, query
    )
    await _note(house, request, f"saved report {name}")
    return back(f"/app/reports?{asked.view.address(saved=id_)}", f"{name} is saved.")


async def change(house: House, request: Request) -> Response:
    """Changes a report that is kept: its name, or what it asks; or forgets it."""
    asked, id_ = must_find(house, request), request.path_params["id"]
    account_id, action = asked.account["account_id"], request.path_params["action"]
    before = await asyncio.to_thread(_find, asked, id_)
    if action == "rename":
        name = await _name(request)
        await asyncio.to_thread(saved.keep, house.engine, account_id, name, before.query, id_)
        await _note(house, request, f"renamed report {before.name} to {name}")
        return back(_list(asked), f"{before.name} is called {name} now.")
    if action == "update":
        await asyncio.to_thread(asked.plan)
        query = asked.view.query()
        await asyncio.to_thread(saved.keep, house.engine, account_id, before.name, query, id_)
        await _note(house, request, f"changed report {before.name}")
        return back(f"/app/reports?{asked.view.address(saved=id_)}", f"{before.name} is updated.")
    if action == "delete":
        held = {"account": account_id, "id": id_, "kept": saved.to_text(before.name, before.query)}
        return await delete(
            house, request, "report", before.name, held,
            lambda: _forget(house, account_id, id_), _list(asked), f"{before.name} is deleted.",
        )  # fmt: skip
    raise HTTPException(404, f"There is no {action}.")


def _forget(house: House, account_id: str, id_: str) -> None:
    saved.forget(house.engine, account_id, id_)


def _find(asked: Asked, id_: str) -> Saved:
    with asked.house.engine.connect() as connection:
        found = saved.find(connection, asked.pk, id_)
    if found is None:
        raise HTTPException(404, "There is no such report; it may have been deleted.")
    return found


def _list(asked: Asked) -> str:
    account = asked.view.account
    return f"{LIST}?{urlencode({'account': account})}" if account else LIST


async def _name(request: Request) -> str:
    name = await text(request, "name")
    if not name:
        raise UsageError("give the report a name")
    if len(name) > MAX_NAME:
        raise UsageError(f"a name has at most {MAX_NAME} characters")
    return name


async def _note(house: House, request: Request, what: str) -> None:
    await asyncio.to_thread(house.users.note, request.state.user, what)
