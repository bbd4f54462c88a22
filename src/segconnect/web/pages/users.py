"""Users: who may come in, invitations, and what was done."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.errors import UsageError, unknown_name
from segconnect.web.house import House, back, text
from segconnect.web.pages.undo import delete
from segconnect.web.users import Role


async def show(house: House, request: Request) -> Response:
    """Shows users, and the audit log."""
    return await _page(house, request)


async def _page(house: House, request: Request, link: str = "") -> Response:
    values = await asyncio.to_thread(_read, house)
    return house.render(request, "users.html", link=link, **values)


def _read(house: House) -> dict[str, Any]:
    return {
        "rows": house.users.all(),
        "invited": house.users.invited(),
        "log": house.users.log(100),
        "deleted": house.trash.all(),
        "roles": [each.value for each in Role],
    }


async def invite(house: House, request: Request) -> Response:
    """Makes a link by which somebody may join."""
    email, role = await text(request, "email"), _role(await text(request, "role"))
    if "@" not in email:
        raise UsageError(f"{email!r} is not an email address")
    token = await asyncio.to_thread(house.users.invite, email, role)
    await asyncio.to_thread(house.users.note, request.state.user, f"invited {email} as {role}")
    return await _page(house, request, f"{house.address(request)}/app/join/{token}")


async def withdraw(house: House, request: Request) -> Response:
    """Makes the link of an invitation no good any more."""
    wanted = request.path_params["hash"]
    rows = await asyncio.to_thread(house.users.invited)
    row = next((each for each in rows if each.hash == wanted), None)
    if row is None:
        raise UsageError("that invitation is not good any more")
    held = dict(row._mapping)
    return await delete(
        house, request, "invitation", row.email, held, lambda: house.users.withdraw(wanted),
        "/app/users", f"The link for {row.email} is not good any more.",
    )  # fmt: skip


async def act(house: House, request: Request) -> Response:
    """Gives a user another role, or removes them."""
    id_, action = request.path_params["id"], request.path_params["action"]
    if action == "role":
        role = _role(await text(request, "role"))
        await asyncio.to_thread(house.users.change_role, id_, role)
    elif action == "remove":
        held = await asyncio.to_thread(house.users.held, id_)
        return await delete(
            house, request, "user", held["email"], held, lambda: house.users.remove(id_),
            "/app/users", f"{held['email']} is removed, and signed out.",
        )  # fmt: skip
    else:
        raise HTTPException(404, f"There is no {action}.")
    await asyncio.to_thread(house.users.note, request.state.user, f"{action} of user {id_}")
    return back("/app/users", "Done.")


def _role(name: str) -> Role:
    if name not in list(Role):
        raise UsageError(unknown_name("role", name, list(Role)))
    return Role(name)
