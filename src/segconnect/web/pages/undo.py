"""Deleting on pages, and undoing it: one way for all that can be deleted."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.reports import saved
from segconnect.connections import Connections
from segconnect.errors import UsageError
from segconnect.web.house import House, back
from segconnect.web.trash import KEPT
from segconnect.web.users import Role


class Kind(NamedTuple):
    """Something that can be deleted."""

    role: Role  # who may give it back: who may delete it
    place: str  # the page where it is seen again
    give_back: Callable[[House, Mapping[str, Any]], None]
    forget: Callable[[House, Mapping[str, Any]], None] = lambda _house, _held: None


def _scenario(house: House, held: Mapping[str, Any]) -> None:
    row = house.journal.scenarios.give_back(held)
    if row.hook is not None:
        try:
            house.hooks.get(row.hook)
        except UsageError:
            told = "its webhook is gone; save it to make another one"
            house.journal.scenarios.set(row.id, is_on=False, hook=None, told=told)
        else:
            house.hooks.set(row.hook, scenario_id=row.id, detached_at=None)


def _connection(house: House, held: Mapping[str, Any]) -> None:
    Connections(house.settings).give_back(held["name"], held["fields"])


def _report(house: House, held: Mapping[str, Any]) -> None:
    kept = saved.read(held["id"], held["kept"])
    saved.keep(house.engine, held["account"], kept.name, kept.query, kept.id)


def _upload(house: House, held: Mapping[str, Any]) -> None:
    aside, place = uploads(house)
    try:
        (aside / held["token"]).rename(place / held["token"])
    except OSError:
        raise UsageError("the file is not here any more; upload it again") from None


def _forget_upload(house: House, held: Mapping[str, Any]) -> None:
    if re.fullmatch("[0-9a-f]{16}", held["token"]):
        shutil.rmtree(uploads(house)[0] / held["token"], ignore_errors=True)


def uploads(house: House) -> tuple[Path, Path]:
    """Answers where uploaded files are that were deleted, and where the others are."""
    place = house.settings.data.expanduser() / "uploads"
    return place / "deleted", place


KINDS = {
    "scenario": Kind(Role.EDITOR, "/app/scenarios", _scenario),
    "connection": Kind(Role.OWNER, "/app/set-up#connections", _connection),
    "upload": Kind(Role.EDITOR, "/app/scenarios/upload/{token}", _upload, _forget_upload),
    "report": Kind(Role.EDITOR, "/app/reports/saved", _report),
    "user": Kind(Role.OWNER, "/app/users", lambda house, held: house.users.give_back(held)),
    "invitation": Kind(
        Role.OWNER, "/app/users", lambda house, held: house.users.give_back_invitation(held)
    ),
}


async def delete(
    house: House,
    request: Request,
    kind: str,
    name: str,
    held: Mapping[str, Any],
    remove: Callable[[], None],
    to: str,
    told: str,
) -> Response:
    """Deletes something, and leads to a page that says so and can undo it.

    Args:
        house: The house.
        request: The request.
        kind: One of KINDS.
        name: What it is called.
        held: All that is needed to give it back.
        remove: Removes it where it is.
        to: The page that is led to.
        told: What is told there.
    """
    user = request.state.user
    put = house.trash.put
    id_ = await asyncio.to_thread(put, kind, name, held, user.email or user.name, remove)
    await asyncio.to_thread(house.users.note, user, f"deleted {kind} {name}")
    loop = asyncio.get_running_loop()
    loop.call_later(KEPT / 1000 + 1, lambda: loop.run_in_executor(None, purge, house))
    return back(to, told, undo=id_)


async def undo(house: House, request: Request) -> Response:
    """Gives back what was deleted."""
    found = await asyncio.to_thread(house.trash.get, request.path_params["id"])
    kind, user = KINDS[found.kind], request.state.user
    if not user.role.may(kind.role):
        raise HTTPException(403, f"That is for {kind.role.value}s; ask an owner of the account.")
    held = found.values
    await asyncio.to_thread(kind.give_back, house, held)
    await asyncio.to_thread(house.trash.drop, found.id)
    await asyncio.to_thread(house.users.note, user, f"gave back {found.kind} {found.name}")
    return back(kind.place.format(token=held.get("token", "")), f"{found.name} is back.")


def purge(house: House) -> None:
    """Forgets for good what was deleted long ago."""
    for each in house.trash.old():
        with suppress(OSError):
            KINDS[each.kind].forget(house, each.values)
        house.trash.drop(each.id)
