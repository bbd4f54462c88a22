"""The table of a report as a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.reports.files import write, writes_excel
from segconnect.web.house import House
from segconnect.web.pages.reports.asking import Asked, must_find

KINDS = {
    "csv": ("CSV", "text/csv; charset=utf-8"),
    "xlsx": ("Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
}
"""What a table is written as: how people call it, and how browsers do."""


def offered() -> list[tuple[str, str]]:
    """The endings of files that can be written here, and their names."""
    return [(kind, name) for kind, (name, _) in KINDS.items() if kind != "xlsx" or writes_excel()]


async def export(house: House, request: Request) -> Response:
    """Answers the table of a report as a file; its columns are named as in the API."""
    asked, kind = must_find(house, request), request.path_params["kind"]
    if kind not in KINDS:
        raise HTTPException(404, f"There is no .{kind[:20]}; expected {', '.join(KINDS)}.")
    name, content = await asyncio.to_thread(_write, asked, kind)
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    return Response(content, media_type=KINDS[kind][1], headers=headers)


def _write(asked: Asked, kind: str) -> tuple[str, bytes]:
    told, _ = asked.fitted()
    answer = asked.ask(told.body())
    ranged = answer["date_range"]
    name = f"{told.type}_{ranged['start_date']}_{ranged['end_date']}.{kind}"
    with TemporaryDirectory(prefix="segconnect-") as directory:
        out = Path(directory) / name
        write(answer, out)
        return name, out.read_bytes()
