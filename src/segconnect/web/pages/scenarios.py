"""Scenarios: what is kept, one of them as a flow and as text, and switching it on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.connections import Connections
from segconnect.errors import SegconnectError, UsageError
from segconnect.scenario import blueprint
from segconnect.scenario.blueprint.bindings import validated
from segconnect.scenario.blueprint.model import Chain
from segconnect.scenario.blueprint.text import MAX_FILE
from segconnect.scenario.journal.scenarios import ScenarioRow
from segconnect.scenario.keeping import switch_on
from segconnect.scenario.moments import now
from segconnect.scenario.schedule_words import as_typed, describe
from segconnect.scenario.scheduler import run_of
from segconnect.scenario.schedules import Schedule
from segconnect.web.house import House, back, is_row, text
from segconnect.web.pages.keeping import find, kept
from segconnect.web.pages.undo import delete

SPARK = 14  # runs that are shown as bars
SAMPLE_SECONDS = 60  # for which a sample of a webhook is waited for
START = """\
name: New scenario
flow:
  - {id: 1, module: "gateway:CustomWebHook", parameters: {hook: 1}}
  - id: 2
    module: add-update-contact
    mapper:
      email: "{{1.email}}"
      first_name: "{{1.first_name}}"
"""


async def listed(house: House, request: Request) -> Response:
    """Shows all scenarios."""
    values = await asyncio.to_thread(_listed, house)
    return house.render(request, "scenarios.html", **values)


def _listed(house: House) -> dict[str, Any]:
    return {"scenarios": [_shown(house, row) for row in house.journal.scenarios.all()]}


def _shown(house: House, row: ScenarioRow) -> dict[str, Any]:
    runs = house.journal.runs_of(row.id, SPARK)
    schedule = Schedule.read(json.loads(row.schedule))
    following = None
    if row.is_on and row.next_at is not None and not row.is_instant:
        following = row.next_at
    most = max((each.was_read for each in runs), default=0) or 1
    return {
        "row": row,
        "starts": describe(schedule, row.timezone),
        "next": following,
        "last": runs[0] if runs else None,
        "bars": [(max(1, round(18 * each.was_read / most)), each.state) for each in runs[::-1]],
    }


async def show(house: House, request: Request) -> Response:
    """Shows one scenario."""
    values = await asyncio.to_thread(
        _read, house, request.path_params["id"], house.address(request)
    )
    return house.render(request, "scenario.html", problem="", **values)


def _read(house: House, id_: str, base: str) -> dict[str, Any]:
    row = find(house, id_)
    document = blueprint.parse(row.document)
    report = blueprint.check(document, validated(json.loads(row.bindings)))
    hook = house.hooks.get(row.hook) if row.hook is not None else None
    return {
        **_shown(house, row),
        "flow": list(_rows(document.blueprint.flow, 0)),
        "yaml": document.to_yaml(),
        "problems": report.problems,
        "runs": house.journal.runs_of(row.id, 10),
        "hook": hook,
        "address": "" if hook is None else f"{base}/hook/{hook.token}",
        "state": "",
        "connections": [each.name for each in Connections(house.settings).list()
                        if each.account_id],
        "zone": row.timezone,
        "zone_text": row.timezone,
        "schedule_text": as_typed(Schedule.read(json.loads(row.schedule))),
    }  # fmt: skip


def _rows(chain: Chain, depth: int) -> Any:
    """The modules of a flow, one under another, routes and handlers further in."""
    for node in chain.nodes:
        filtered = node.raw.get("filter")
        condition = filtered.get("name") if isinstance(filtered, dict) else None
        yield {
            "depth": depth,
            "id": node.id,
            "label": node.label,
            "module": node.module,
            "filter": condition,
            "mapper": node.raw.get("mapper") or {},
            "parameters": {k: v for k, v in node.parameters.items() if not str(k).startswith("__")},
            "title": "",
        }
        for number, inner in enumerate(node.chains, 1):
            named = f"{inner.kind} {number}" if inner.kind != "onerror" else "on error"
            yield {"depth": depth + 1, "title": inner.label or named}
            yield from _rows(inner, depth + 1)


async def sample(house: House, request: Request) -> Response:
    """Waits for a request to a webhook, whose fields can be mapped then; asked again and again."""
    row, given = find(house, request.path_params["id"]), request.query_params
    if row.hook is None:
        raise HTTPException(404, "The scenario has no webhook.")
    began, since = given.get("began", ""), given.get("since", "")
    is_going_on = is_row(began) and is_row(since)
    shown = await asyncio.to_thread(
        _waited, house, row, int(began) if is_going_on else None, int(since) if is_going_on else 0
    )
    return house.render(request, "parts/sample.html", row=row, zone=row.timezone, **shown)


def _waited(house: House, row: ScenarioRow, began: int | None, since: int) -> dict[str, Any]:
    moment, came = now(), house.hooks.newest(str(row.hook))
    last = 0 if came is None else came.id
    if began is None:  # it begins
        began, since = moment, last
    left = max(0, SAMPLE_SECONDS - (moment - began) // 1000)
    is_new = last > since
    flow = blueprint.parse(row.document).blueprint.flow.nodes
    return {
        "came": came if is_new else None,
        "state": "came" if is_new else "waits" if left else "over",
        "began": began,
        "since": since,
        "left": left,
        "next": flow[1].id if len(flow) > 1 else None,
    }


async def new(house: House, request: Request) -> Response:
    """Shows the ways to begin."""
    return _ways(house, request)


def _ways(
    house: House, request: Request, content: str = START, connection: str = "", problem: str = ""
) -> Response:
    names = [each.name for each in Connections(house.settings).list() if each.account_id]
    return house.render(
        request, "scenario_new.html", 422 if problem else 200,
        start=content, connections=names, connection=connection, problem=problem,
    )  # fmt: skip


async def create(house: House, request: Request) -> Response:
    """Keeps a scenario that was typed, or uploaded: YAML, or a blueprint."""
    form, user = await request.form(), request.state.user
    given = form.get("file")
    content, connection = await text(request, "yaml"), await text(request, "connection")
    if isinstance(given, UploadFile) and given.filename:
        content = (await given.read(MAX_FILE)).decode("utf-8-sig", "replace")
    try:
        row = await asyncio.to_thread(kept, house, content, {}, connection, "", None, user)
    except SegconnectError as error:
        return _ways(house, request, content, connection, str(error))
    await asyncio.to_thread(house.users.note, user, f"created scenario {row.name}")
    return back(f"/app/scenarios/{row.id}", "Kept. Switch it on when it is right.")


async def save(house: House, request: Request) -> Response:
    """Changes a scenario: its text, its connection, its schedule."""
    row, user = find(house, request.path_params["id"]), request.state.user
    typed = {name: await text(request, name) for name in ("yaml", "connection", "schedule", "zone")}
    bindings = json.loads(row.bindings)
    try:
        changed = await asyncio.to_thread(
            kept, house, typed["yaml"], bindings, typed["connection"], typed["schedule"], row, user,
            timezone=typed["zone"].strip() or None,
        )  # fmt: skip
    except SegconnectError as error:
        values = await asyncio.to_thread(_read, house, row.id, house.address(request))
        values |= {"yaml": typed["yaml"], "schedule_text": typed["schedule"]}
        values["zone_text"] = typed["zone"]
        return house.render(request, "scenario.html", 422, problem=str(error), **values)
    await asyncio.to_thread(house.users.note, user, f"changed scenario {row.name}")
    return back(f"/app/scenarios/{changed.id}", "Saved; the next run is of this.")


async def switch(house: House, request: Request) -> Response:
    """Switches a scenario on, or off."""
    row = find(house, request.path_params["id"])
    journal = house.journal
    if row.is_on:
        journal.scenarios.set(row.id, is_on=False, next_at=None, told=None)
    else:
        await asyncio.to_thread(switch_on, journal, row)
    what = "off" if row.is_on else "on"
    await asyncio.to_thread(house.users.note, request.state.user, f"switched {row.name} {what}")
    if request.headers.get("hx-target", "").startswith("row-"):
        shown = await asyncio.to_thread(_shown, house, find(house, row.id))
        return house.render(request, "parts/scenario_row.html", each=shown)
    return back(f"/app/scenarios/{row.id}", f"{row.name} is {what}.")


async def run(house: House, request: Request) -> Response:
    """Runs a scenario once, now."""
    row = find(house, request.path_params["id"])
    state = house.journal.scenarios.is_busy(row.id)
    if state is not None:
        raise UsageError(f"a run of {row.name} is {state}")
    if row.hook is not None:
        raise UsageError(f"{row.name} starts when a request comes to its webhook; send one")
    id_ = await asyncio.to_thread(house.journal.create, run_of(row, "by hand"))
    return back(f"/app/runs/{id_}")


async def remove(house: House, request: Request) -> Response:
    """Forgets a scenario; its runs stay in the history."""
    row = find(house, request.path_params["id"])
    held = await asyncio.to_thread(house.journal.scenarios.held, row.id)

    def remove_it() -> None:
        house.journal.scenarios.remove(row.id)
        if row.hook is not None:
            house.hooks.detach(row.hook)

    told = f"{row.name} is removed; its runs stay in the history."
    return await delete(
        house, request, "scenario", row.name, held, remove_it, "/app/scenarios", told
    )
