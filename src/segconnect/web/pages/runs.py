"""Runs: the history, one run as it goes on, and what it refused."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from segconnect.errors import UsageError
from segconnect.scenario.blueprint import Blueprint
from segconnect.scenario.journal import Journal, RunRow, State, Takes, repeated
from segconnect.scenario.runner import RefusedFile
from segconnect.web.house import House, back

PAGE = 50
ENOUGH = 286  # tells the page that it need not ask again


async def listed(house: House, request: Request) -> Response:
    """Shows the latest runs."""
    wanted = request.query_params.get("state", "")
    states = [State(wanted)] if wanted in list(State) else []
    rows = await asyncio.to_thread(house.journal.latest, PAGE, states)
    states_shown = [State.RUNNING, State.SUCCEEDED, State.PARTIAL, State.FAILED, State.PAUSED]
    return house.render(
        request, "runs.html", runs=rows, wanted=wanted, states=[each.value for each in states_shown]
    )


async def show(house: House, request: Request) -> Response:
    """Shows one run."""
    values = await asyncio.to_thread(_read, house.journal, request.path_params["id"])
    return house.render(request, "run.html", **values)


async def live(house: House, request: Request) -> Response:
    """Answers the part of the page that changes while a run goes on."""
    values = await asyncio.to_thread(_read, house.journal, request.path_params["id"])
    status = ENOUGH if values["is_over"] else 200
    return house.render(request, "parts/run.html", status, **values)


async def refused(house: House, request: Request) -> Response:
    """Answers all bundles that a run refused, as CSV."""
    row = _find(house.journal, request.path_params["id"])

    def lines() -> Any:
        last = 0
        yield _csv(RefusedFile.HEADER)
        while rows := house.journal.refusals(row.id, 1_000, last):
            for _, each in rows:
                yield _csv(RefusedFile.columns(each))
            last = rows[-1][0]

    name = f'attachment; filename="{row.id}.refused.csv"'
    headers = {"content-disposition": name, "cache-control": "no-store"}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


async def act(house: House, request: Request) -> Response:
    """Pauses, cancels or resumes a run, or runs it again."""
    action = request.path_params["action"]
    row = _find(house.journal, request.path_params["id"])
    target = await asyncio.to_thread(_act, house.journal, row, action)
    await asyncio.to_thread(house.users.note, request.state.user, f"{action} run {row.id}")
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"hx-redirect": f"/app/runs/{target}"})
    return back(f"/app/runs/{target}")


def _act(journal: Journal, row: RunRow, action: str) -> str:
    state = State(row.state)
    match action:
        case "pause" | "cancel" if state is State.RUNNING:
            journal.ask(row.id, action)
        case "pause" | "cancel" if not state.is_over:
            journal.end(row.id, State.CANCELED if action == "cancel" else State.PAUSED)
        case "resume" if state in (State.PAUSED, State.FAILED, State.CANCELED):
            journal.queue(row.id)
        case "retry" if row.refused:
            return journal.create(repeated(row, "retry", Takes.REFUSED, 0, 0))
        case "again" if state.is_over:
            return journal.create(repeated(row, "again", None, 0, 0))
        case _:
            raise UsageError(f"a run that is {row.state} cannot be told to {action}")
    return row.id


def _find(journal: Journal, id_: str) -> RunRow:
    try:
        return journal.get(id_)
    except UsageError as error:
        raise HTTPException(404, str(error)) from None


def _read(journal: Journal, id_: str) -> dict[str, Any]:
    row = _find(journal, id_)
    named = {node.id: node.label for node in Blueprint(json.loads(row.document)).walk()}
    report = journal.report(row)
    samples: dict[int, list[dict[str, Any]]] = {}
    for each in journal.samples(row.id):
        samples.setdefault(each.bundle, []).append(
            {
                "module_id": each.module_id,
                "label": named.get(each.module_id, each.module),
                "took": each.took / 1000,
                "input": _pretty(each.input),
                "output": _pretty(each.output),
                "error": None if each.error is None else _pretty(each.error),
            }
        )
    return {
        "run": row,
        "is_over": State(row.state).is_over,
        "modules": [
            (id_, named.get(id_, ""), count) for id_, count in sorted(report.modules.items())
        ],
        "samples": samples,
        "refusals": report.refusals,
        "waiting": journal.incompletes.waiting(100, is_open=False, run_id=row.id),
        "windows": journal.windows(row.id),
    }


def _pretty(text: str) -> str:
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False)


def _csv(values: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
