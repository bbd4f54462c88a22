"""Connections: one of them, what came back of it, where it is used; changing and deleting it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect import credentials
from segconnect.connections import SEGMETRICS, Connection, Connections, Listed, verify_now
from segconnect.errors import SegconnectError, UsageError
from segconnect.scenario import blueprint
from segconnect.scenario.sources import SOURCES
from segconnect.web.house import House, back, text
from segconnect.web.pages import services
from segconnect.web.pages.undo import delete
from segconnect.web.users import Role

FIELDS = ("name", "account_id", "integration_id", "base_url")


class Use(NamedTuple):
    """A scenario that names a connection."""

    id: str
    name: str
    is_on: bool


def used_by(house: House) -> dict[str, list[Use]]:
    """Answers the scenarios that name each connection: as a whole, or in one of their modules."""
    used: dict[str, list[Use]] = defaultdict(list)
    for row in house.journal.scenarios.all():
        named = {*json.loads(row.bindings).get("connections", {}).values(), row.connection}
        if '"connection"' in row.document:  # most documents name none, and are not read
            named |= {*_named(row.document)}
        for name in sorted(named - {None}):
            used[name].append(Use(row.id, row.name, row.is_on))
    return used


def _named(document: str) -> Iterator[str]:
    """The connections that a scenario and its sources name as they are kept."""
    found = blueprint.parse(document).blueprint
    if found.connection is not None:
        yield found.connection
    for node in found.walk():
        name = node.parameters.get("connection") if node.module in SOURCES else None
        if isinstance(name, str):
            yield name


async def show(house: House, request: Request) -> Response:
    """Shows one connection."""
    found = await asyncio.to_thread(_find, house, request.query_params.get("name", ""))
    typed = found._asdict() if found.service == SEGMETRICS else {}
    return await _page(house, request, found, typed)


async def _page(
    house: House, request: Request, found: Listed, typed: dict[str, str], problem: str = ""
) -> Response:
    used, is_ours = await asyncio.to_thread(used_by, house), found.service == SEGMETRICS
    shown: dict[str, Any] = {"is_asked": True}
    if not is_ours:
        kind, kept = credentials.service_of(found.service), {}
        if request.state.user.role.may(Role.OWNER):
            try:
                kept = await asyncio.to_thread(Connections(house.settings).credentials, found.name)
            except SegconnectError as error:  # its key is lost: it can be typed anew
                problem = problem or str(error)
        shown = {"is_asked": kind.is_verified, **services.form_of(kind, kept, typed or None)}
    return house.render(
        request, "connection.html", 422 if problem else 200, each=found, typed=typed,
        problem=problem, used=used[found.name], is_ours=is_ours, **shown,
    )  # fmt: skip


def _find(house: House, name: str) -> Listed:
    for each in Connections(house.settings).list():
        if each.name == name:
            return each
    raise HTTPException(404, "There is no connection of this name.")


async def change(house: House, request: Request) -> Response:
    """Changes a connection, once it is accepted; what is secret and not given it keeps."""
    typed = {name: await text(request, name) for name in FIELDS}
    found = await asyncio.to_thread(_find, house, typed["name"])
    if found.service != SEGMETRICS:
        kind = credentials.service_of(found.service)
        try:
            return await services.change(house, request, found.name, kind)
        except SegconnectError as error:
            plain = services.plain(kind, await request.form())
            return await _page(house, request, found, plain, f"Nothing was saved: {error}")
    key = await text(request, "api_key")
    connections = Connections(house.settings)
    try:
        if not key:
            kept = await asyncio.to_thread(connections.get, found.name)
            key = kept.api_key.get_secret_value()
        connection = Connection(api_key=key, **typed)
        await asyncio.to_thread(connections.save, connection)
    except SegconnectError as error:
        return await _page(house, request, found, typed, str(error))
    await _note(house, request, f"changed connection {found.name}")
    return back(place_of(found.name), f"{found.name} is saved; the account accepts it.")


async def test(house: House, request: Request) -> Response:
    """Asks the account or the server whether it still accepts a connection."""
    name = await text(request, "name")
    found = await asyncio.to_thread(_find, house, name)
    began = monotonic()
    try:
        who = await asyncio.to_thread(_ask, house, found)
    except SegconnectError as error:
        return back(place_of(name), failure=f"{name} does not work: {error}")
    took = round((monotonic() - began) * 1000)
    return back(place_of(name), f"{who} accepts {name}; it answered in {took} ms.")


def _ask(house: House, found: Listed) -> str:
    """Asks, and answers who was asked."""
    connections = Connections(house.settings)
    if found.service == SEGMETRICS:
        connection = connections.get(found.name)
        verify_now(connection, house.settings)
        return f"The account at {connection.root(house.settings)}"
    values = connections.credentials(found.name)
    if not credentials.verify(found.name, found.service, values):
        raise UsageError("only the modules that use it know whom to ask; run a scenario with it")
    return f"The server {values['host']}"


async def remove(house: House, request: Request) -> Response:
    """Deletes a connection, which can be undone for a day."""
    name, connections = await text(request, "name"), Connections(house.settings)
    fields = await asyncio.to_thread(connections.held, name)
    used = (await asyncio.to_thread(used_by, house))[name]
    told = f"{name} is deleted."
    if used:
        told = f"{name} is deleted; {_listed(used)} cannot run without it."
    held: dict[str, Any] = {"name": name, "fields": fields}
    return await delete(
        house, request, "connection", name, held, lambda: connections.delete(name),
        "/app/set-up#connections", told,
    )  # fmt: skip


def _listed(used: list[Use]) -> str:
    return ", ".join(each.name for each in used)


def place_of(name: str) -> str:
    """Answers where a connection is shown."""
    return f"/app/set-up/connection?name={quote(name)}"


async def _note(house: House, request: Request, what: str) -> None:
    await asyncio.to_thread(house.users.note, request.state.user, what)
