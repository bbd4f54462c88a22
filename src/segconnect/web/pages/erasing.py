"""Erasing a person, after saying what goes."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.export import history
from segconnect.account.owner import access
from segconnect.account.writing import erasing
from segconnect.account.writing.work import Operation
from segconnect.web.house import House, back, text
from segconnect.web.pages import contact


async def show(house: House, request: Request) -> Response:
    """Shows what goes, and asks for it to be typed."""
    return await _page(house, request)


async def _page(house: House, request: Request, problem: str = "") -> Response:
    person = await contact.person(house, request, request.query_params.get("id", ""))
    account_id = person["account"]["account_id"]
    goes = await asyncio.to_thread(_goes, house, person)
    exports = house.settings.data.expanduser() / "parquet"
    shown: dict[str, Any] = {
        **person,
        "goes": goes,
        "word": word(person["contact"]),
        "kept": len(history.states(exports, account_id)) if exports.exists() else 0,
        "exports": exports,
        "problem": problem,
        "here": f"{contact.PEOPLE}/erase?{contact.named(person)}",
    }
    return house.render(request, "contact_erase.html", 422 if problem else 200, **shown)


def _goes(house: House, person: dict[str, Any]) -> erasing.Goes:
    pk = access.account_pk(house.engine, person["account"]["account_id"])
    goes = erasing.look(house.engine, pk, contact.identity(person["contact"]))
    if goes is None:
        raise HTTPException(404, "There is no such contact.")
    return goes


def word(found: dict[str, Any]) -> str:
    """What must be typed."""
    return str(found["email"] or found["contact_id"])


async def erase(house: House, request: Request) -> Response:
    """Erases a person, and what runs, webhooks and the audit log hold of them."""
    person = await contact.person(house, request, request.query_params.get("id", ""))
    wanted = word(person["contact"])
    if (await text(request, "typed")).lower() != wanted.lower():
        return await _page(house, request, f"type {wanted}, as it stands here")
    pk = access.account_pk(house.engine, person["account"]["account_id"])
    user = request.state.user
    fields = {"named": contact.identity(person["contact"]), "who": user.email or user.name}
    answer = await house.change(Operation("erase", pk, 0, fields))
    names = [(str(kind), str(value)) for kind, value in answer["known_as"]]
    left = await asyncio.to_thread(_erase, house, pk, names)
    told = erasing.told({**answer["erased"], "samples": left})
    await asyncio.to_thread(house.users.note, user, f"erased a person: {told}")
    account_id = person["account"]["account_id"]
    response = back(f"{contact.PLACE}?account={account_id}", f"Erased: {told}.")
    response.background = BackgroundTask(house.reports.catch_up, pk)
    return response


def _erase(house: House, account_pk: int, names: list[tuple[str, str]]) -> int:
    """Erases what is held beside the account; answers how much of it runs and webhooks held."""
    house.users.erase([value for _, value in names])
    texts = erasing.texts(names)
    erasing.erase_errors(house.engine, account_pk, texts)
    return house.journal.erase(texts) + house.hooks.erase(texts)
