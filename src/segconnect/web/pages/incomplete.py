"""What waits: bundles that were set aside at a module that failed."""

from __future__ import annotations

import asyncio
import json

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.errors import UsageError
from segconnect.scenario import values_json
from segconnect.scenario.journal import Journal
from segconnect.scenario.journal.incompletes import IncompleteRow, Wait, bundles_of
from segconnect.scenario.scheduler import retry_of
from segconnect.web.house import House, back, text


async def listed(house: House, request: Request) -> Response:
    """Shows what waits, the oldest first."""
    is_open = request.query_params.get("all") != "yes"
    rows = await asyncio.to_thread(house.journal.incompletes.waiting, 200, is_open=is_open)
    return house.render(request, "incomplete.html", rows=rows, is_open=is_open)


async def show(house: House, request: Request) -> Response:
    """Shows one: what stood at the module, to be changed."""
    row = _find(house.journal, request.path_params["id"])
    held = json.dumps(
        json.loads(values_json.dumps(bundles_of(row.bundles))), indent=2, ensure_ascii=False
    )
    return house.render(
        request, "incomplete_one.html", row=row, held=held, is_open=Wait(row.state).is_open
    )


async def act(house: House, request: Request) -> Response:
    """Takes one up, gives it up, or changes it."""
    action, journal = request.path_params["action"], house.journal
    row = _find(journal, request.path_params["id"])
    here = f"/app/incomplete/{row.id}"
    if not Wait(row.state).is_open or row.state == Wait.RUNNING:
        raise UsageError(f"it is {row.state}")
    await asyncio.to_thread(house.users.note, request.state.user, f"{action} of waiting {row.id}")
    match action:
        case "save":
            held = _held(await text(request, "bundles"))
            journal.incompletes.edit(row.id, held, json.loads(row.blueprint))
            return back(here, "Saved. Take it up when you are ready.")
        case "retry" | "as-done":
            run = retry_of(journal, [row], as_done=action == "as-done")
            return back(f"/app/runs/{run}" if run else here)
        case "drop":
            journal.incompletes.drop(row.id)
            return back("/app/incomplete", "Dropped; what it held stays in the history.")
    raise HTTPException(404, f"There is no {action}.")


def _find(journal: Journal, id_: str) -> IncompleteRow:
    try:
        return journal.incompletes.get(id_)
    except UsageError as error:
        raise HTTPException(404, str(error)) from None


def _held(given: str) -> dict[int | str, object]:
    try:
        return bundles_of(given)
    except (ValueError, AttributeError) as error:
        raise UsageError(
            f"the bundles: expected JSON of what each module put out, by its id: {error}"
        ) from None
