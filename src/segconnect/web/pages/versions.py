"""The versions of a scenario: what was changed, when and by whom, and back to one of them."""

from __future__ import annotations

import asyncio
import difflib
import json
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from segconnect.scenario import blueprint
from segconnect.scenario.journal.versions import VersionRow
from segconnect.scenario.schedule_words import describe
from segconnect.scenario.schedules import Schedule
from segconnect.web.house import House, back
from segconnect.web.pages.keeping import find, kept

SHOWN = 50


class Change(NamedTuple):
    """A version, and what it changed: lines, each with the sign of what became of it."""

    row: VersionRow
    lines: list[tuple[str, str]]
    is_now: bool


async def show(house: House, request: Request) -> Response:
    """Shows them, the newest first."""
    values = await asyncio.to_thread(_read, house, request.path_params["id"])
    return house.render(request, "versions.html", **values)


def _read(house: House, id_: str) -> dict[str, Any]:
    row = find(house, id_)
    rows = house.journal.versions.all(id_)
    texts = [_text(each, row.timezone) for each in rows] + [""]
    changes = [
        Change(each, list(_difference(texts[number + 1], texts[number])), number == 0)
        for number, each in enumerate(rows[:SHOWN])
    ]
    return {"row": row, "changes": changes, "zone": row.timezone}


def _text(row: VersionRow, timezone: str) -> str:
    """A version as text: when it starts, what it sends with, and what it does."""
    schedule = describe(Schedule.read(json.loads(row.schedule)), timezone)
    document = blueprint.parse(row.document).to_yaml()
    return f"# starts: {schedule}\n# sends with: {row.connection or '(as it says)'}\n{document}"


def _difference(before: str, now: str) -> Any:
    if not before:
        return
    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=2)
    for line in list(lines)[2:]:
        kind = {"+": "added", "-": "gone", "@": "place"}.get(line[:1], "")
        yield kind, "⋯" if kind == "place" else line


async def restore(house: House, request: Request) -> Response:
    """Makes a scenario what it was in a version; that is a version, too."""
    id_, number = request.path_params["id"], int(request.path_params["number"])
    await asyncio.to_thread(_restore, house, id_, number, request)
    return back(f"/app/scenarios/{id_}", f"It is again what it was in version {number}.")


def _restore(house: House, id_: str, number: int, request: Request) -> None:
    row, user = find(house, id_), request.state.user
    version = house.journal.versions.get(id_, number)
    kept(
        house, version.document, json.loads(version.bindings), version.connection or "", "", row,
        user, schedule_values=json.loads(version.schedule),
    )  # fmt: skip
    house.users.note(user, f"restored version {number} of {row.name}")
