"""Who is signed in: their password, and their sessions."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.errors import UnfitError
from segconnect.web.house import COOKIE, House, back, text


async def show(house: House, request: Request) -> Response:
    """Shows the page."""
    return house.render(request, "you.html")


async def change_password(house: House, request: Request) -> Response:
    """Changes the password of who is signed in; their other sessions end."""
    user = request.state.user
    if user.id is None:
        raise HTTPException(400, "Who comes by the printed address has no password.")
    old, new = await text(request, "old"), await text(request, "password")
    token = request.cookies[COOKIE]
    try:
        await asyncio.to_thread(house.users.change_password, user.id, old, new, token)
    except UnfitError as error:
        return house.render(request, "you.html", 422, problems=error.problems)
    await asyncio.to_thread(house.users.note, user, "changed the own password")
    return back("/app/you", "Changed. Wherever else you were signed in, you are not any more.")
