"""Users: who may come in, invitations, and what was done."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.errors import UsageError, unknown_name
from segconnect.web.house import House, back, text
from segconnect.web.users import Role


async def show(house: House, request: Request) -> Response:
    """Shows users, and the audit log."""
    rows = await asyncio.to_thread(house.users.all)
    log = await asyncio.to_thread(house.users.log, 100)
    return house.render(
        request, "users.html", rows=rows, log=log, roles=[each.value for each in Role], link=""
    )


async def invite(house: House, request: Request) -> Response:
    """Makes a link by which somebody may join."""
    email, role = await text(request, "email"), _role(await text(request, "role"))
    if "@" not in email:
        raise UsageError(f"{email!r} is not an email address")
    token = await asyncio.to_thread(house.users.invite, email, role)
    await asyncio.to_thread(house.users.note, request.state.user, f"invited {email} as {role}")
    rows = await asyncio.to_thread(house.users.all)
    log = await asyncio.to_thread(house.users.log, 100)
    link = f"{house.address(request)}/app/join/{token}"
    return house.render(
        request, "users.html", rows=rows, log=log, roles=[each.value for each in Role], link=link
    )


async def act(house: House, request: Request) -> Response:
    """Gives a user another role, or removes them."""
    id_, action = request.path_params["id"], request.path_params["action"]
    if action == "role":
        role = _role(await text(request, "role"))
        await asyncio.to_thread(house.users.change_role, id_, role)
    elif action == "remove":
        await asyncio.to_thread(house.users.remove, id_)
    else:
        raise HTTPException(404, f"There is no {action}.")
    await asyncio.to_thread(house.users.note, request.state.user, f"{action} of user {id_}")
    return back("/app/users", "Done.")


def _role(name: str) -> Role:
    if name not in list(Role):
        raise UsageError(unknown_name("role", name, list(Role)))
    return Role(name)
