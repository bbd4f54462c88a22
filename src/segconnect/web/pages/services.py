"""Connections to other services than SegMetrics: adding one, and changing it.

The form is drawn from the declaration of the service. What is secret is never sent back: where it
is kept, an empty field keeps it, and a box beside it forgets it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.connections import Connections
from segconnect.credentials import SERVICES, Service, Values
from segconnect.errors import ConnectionSetupError, SegconnectError, UsageError
from segconnect.modules.schema import Input, form
from segconnect.web.house import House, back, text

PURPOSES = {
    "smtp": "Sends e-mail",
    "imap": "Watches a mailbox",
    "http-basic": "HTTP, by user name and password",
    "api-key": "HTTP, by a key",
    "oauth2": "HTTP, by OAuth 2",
    "values": "A database, or anything else",
}
"""What each service is for, in the words of who looks for it."""

FREE = 3  # rows for keys and values that are not kept yet
TYPES = {Input.SECRET: "password", Input.WHOLE: "number"}


class Asked(NamedTuple):
    """A value that is asked for."""

    name: str
    label: str
    help: str = ""
    type: str = "text"
    is_must: bool = False
    value: str = ""  # never of what is secret
    is_kept: bool = False  # of what is secret
    may_go: bool = False  # whether it can be forgotten while the others stay
    choices: tuple[tuple[str, str], ...] = ()


def asked(
    kind: type[Service], kept: Mapping[str, Any], typed: Mapping[str, str] | None = None
) -> list[Asked]:
    """Answers what is asked for a service: what is kept of it is shown, but for what is secret.

    Args:
        kind: The service.
        kept: Its values as they are kept; empty for a new one.
        typed: What was typed instead, into a form that did not do.
    """
    if kind is Values:
        return [Asked(key, key, type="password", is_kept=True, may_go=True) for key in kept]
    secrets, facts, found = kind.secrets(), kind.facts(), []
    for field in form(kind):
        name = facts[field.name].wire or field.name
        is_secret = field.name in secrets
        is_kept = is_secret and name in kept
        value = "" if is_secret else (typed if typed is not None else kept).get(name, "")
        found.append(
            Asked(
                name,
                field.label,
                field.help,
                TYPES.get(field.input, "text"),
                field.required and not is_kept,
                str(value),
                is_kept,
                is_kept and not field.required,
                field.choices,
            )
        )
    return found


def together(kind: type[Service]) -> list[str]:
    """Says which values a service wants together, and which instead of others."""
    facts = kind.facts()

    def labels(names: tuple[str, ...]) -> list[str]:
        return [facts[name].label for name in names]

    told = [f"{' or '.join(labels(group))} is needed." for group in kind.one_of]
    for group in kind.together:
        *most, last = labels(group)
        told.append(f"{', '.join(most)} and {last} go together.")
    return told


async def new(house: House, request: Request) -> Response:
    """Shows the services, and the form of the one that was chosen."""
    chosen = request.query_params.get("service", "")
    if chosen and chosen not in SERVICES:
        raise HTTPException(404, "There is no such service; choose one of the list.")
    return _new(house, request, SERVICES.get(chosen))


def _new(
    house: House,
    request: Request,
    kind: type[Service] | None,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
) -> Response:
    shown: dict[str, Any] = {"typed": typed or {}, "problem": problem, "kind": kind}
    if kind is not None:
        shown |= form_of(kind, {}, typed)
    return house.render(
        request, "connection_new.html", 422 if problem else 200, services=SERVICES,
        purposes=PURPOSES, **shown,
    )  # fmt: skip


def form_of(
    kind: type[Service], kept: Mapping[str, Any], typed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Answers what the form of a service is drawn from."""
    return {
        "kind": kind,
        "fields": asked(kind, kept, typed),
        "together": together(kind),
        "free": FREE if kind is Values else 0,
    }


async def create(house: House, request: Request) -> Response:
    """Saves a new connection, once its server accepted it where it has one."""
    chosen, name = await text(request, "service"), await text(request, "name")
    if chosen not in SERVICES:
        raise HTTPException(404, "There is no such service; choose one of the list.")
    connections, kind = Connections(house.settings), SERVICES[chosen]
    data = await request.form()
    try:
        if any(each.name == name for each in await asyncio.to_thread(connections.list)):
            raise UsageError(f"there is a connection {name!r} already; change that one")
        return await _save(house, request, name, kind, read(kind, {}, data), "saved")
    except SegconnectError as error:
        return _new(house, request, kind, {**plain(kind, data), "": name}, str(error))


async def change(house: House, request: Request, name: str, kind: type[Service]) -> Response:
    """Changes a connection; what is secret and not typed stays as it is.

    Raises:
        SegconnectError: It cannot be saved.
    """
    kept = await asyncio.to_thread(Connections(house.settings).credentials, name)
    given = read(kind, kept, await request.form())
    return await _save(house, request, name, kind, given, "changed")


async def _save(
    house: House,
    request: Request,
    name: str,
    kind: type[Service],
    given: Mapping[str, Any],
    done: str,
) -> Response:
    is_asked = kind.is_verified and await text(request, "ask") == "yes"
    save = Connections(house.settings).save_credentials
    await asyncio.to_thread(save, name, kind.service, given, verify=is_asked)
    await asyncio.to_thread(house.users.note, request.state.user, f"{done} connection {name}")
    told = "the server accepts it" if is_asked else "nobody was asked whether it works"
    return back("/app/set-up#connections", f"{name} is saved; {told}.")


def read(kind: type[Service], kept: Mapping[str, Any], data: FormData) -> dict[str, Any]:
    """Reads the values of a form; of what is secret, what is kept where nothing was typed.

    Raises:
        ConnectionSetupError: A key is given twice, or a value has none.
    """
    found: dict[str, Any] = {}
    for each in asked(kind, kept):
        value = _typed(data, f"v-{each.name}", is_secret=each.type == "password")
        if value:
            found[each.name] = value
        elif each.is_kept and not (each.may_go and data.get(f"forget-{each.name}")):
            found[each.name] = kept[each.name]
    for number in range(1, FREE + 1) if kind is Values else ():
        key = _typed(data, f"key-{number}")
        value = _typed(data, f"value-{number}", is_secret=True)
        if value and not key:
            raise ConnectionSetupError(f"{kind.label}: a value has no key; name it")
        if key and not value:
            raise ConnectionSetupError(f"{kind.label}: {key}: has no value; type it")
        if key in found:
            raise ConnectionSetupError(f"{kind.label}: {key}: is given twice; give it once")
        if key:
            found[key] = value
    return found


def plain(kind: type[Service], data: FormData) -> dict[str, str]:
    """Answers what was typed and is not secret."""
    return {
        each.name: _typed(data, f"v-{each.name}")
        for each in asked(kind, {})
        if each.type != "password"
    }


def _typed(data: FormData, name: str, *, is_secret: bool = False) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        return ""
    return value.replace("\r\n", "\n") if is_secret else value.strip()
