"""Reports: a question put together, its answer as chart and table, and how programs ask it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect import clock
from segconnect.account import access
from segconnect.account.attribution import MODELS
from segconnect.account.metrics import DIMENSIONS
from segconnect.account.reports import saved
from segconnect.account.reports.crediting import REPORTED
from segconnect.account.reports.plan import Query
from segconnect.account.reports.types import TYPES
from segconnect.errors import UsageError
from segconnect.web.house import House, back, text
from segconnect.wire.shape import ShapeError

USUAL = "leads"
DAYS = 30
MOST = 500  # rows that are shown
SCALES = ((45, "day"), (200, "week"), (1_500, "month"))  # the longest span in days for each
COARSEST = "year"


class Asked(NamedTuple):
    """What the form says."""

    type: str
    start: str
    end: str
    by: str
    model: str
    sort: str
    account: str

    def with_(self, **changed: str) -> str:
        """The query of an address that asks the same but for what is changed."""
        return urlencode({k: v for k, v in {**self._asdict(), **changed}.items() if v})


async def show(house: House, request: Request) -> Response:
    """Shows a report."""
    values = await asyncio.to_thread(_read, house, request)
    status = 422 if values["problem"] else 200
    return house.render(request, "reports.html", status, **values)


async def export(house: House, request: Request) -> Response:
    """Answers the table of a report as CSV."""
    account, asked = _asked(house, request)
    if account is None:
        raise HTTPException(404, "There is no account yet.")
    pk = access.account_pk(house.engine, account["account_id"])
    answer = await asyncio.to_thread(house.reports.query, pk, _body(_query(asked)))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([each["name"] for each in answer["fields"]])
    writer.writerows(answer["rows"])
    name = f'attachment; filename="{asked.type}_{asked.start}_{asked.end}.csv"'
    headers = {"content-disposition": name, "cache-control": "no-store"}
    return Response(table.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


async def save(house: House, request: Request) -> Response:
    """Keeps a report under a name."""
    account, asked = _asked(house, request)
    name = await text(request, "name")
    if account is None or not name:
        raise UsageError("give the report a name")
    query = Query(
        asked.type,
        dimensions=[asked.by] if asked.by else None,
        start=request.query_params.get("start"),
        end=request.query_params.get("end"),
        options={"attribution_model": asked.model} if asked.model else {},
        sort=asked.sort or None,
    )
    await asyncio.to_thread(saved.keep, house.engine, account["account_id"], name, query)
    await asyncio.to_thread(house.users.note, request.state.user, f"saved report {name}")
    return back(f"/app/reports?{asked.with_()}", f"{name} is saved.")


async def forget(house: House, request: Request) -> Response:
    """Forgets a report that was kept."""
    account, asked = _asked(house, request)
    if account is None:
        raise HTTPException(404, "There is no account yet.")
    id_ = await text(request, "id")
    await asyncio.to_thread(saved.forget, house.engine, account["account_id"], id_)
    await asyncio.to_thread(house.users.note, request.state.user, f"forgot report {id_}")
    return back(f"/app/reports?{asked.with_()}", "It is not kept any more.")


def _kept(house: House, account_pk: int, account: str) -> list[tuple[str, str, str]]:
    """The reports that are kept: id, name, and the address of each."""
    with house.engine.connect() as connection:
        found = saved.list_all(connection, account_pk)
    return [
        (
            each.id,
            each.name,
            Asked(
                each.query.type, each.query.start or "", each.query.end or "",
                next(iter(each.query.dimensions or ()), ""),
                str((each.query.options or {}).get("attribution_model") or ""),
                each.query.sort or "", account,
            ).with_(),
        )
        for each in found
    ]  # fmt: skip


def _asked(house: House, request: Request) -> tuple[dict[str, Any] | None, Asked]:
    given = request.query_params
    accounts = access.list_accounts(house.engine)
    wanted = given.get("account", "")
    account = next((each for each in accounts if each["account_id"] == wanted), None)
    account = account or (accounts[0] if accounts else None)
    zone = ZoneInfo(account["timezone"] if account else "UTC")
    today = clock.now().astimezone(zone).date()
    start = given.get("start") or (today - timedelta(days=DAYS - 1)).isoformat()
    asked = Asked(
        given.get("type") or USUAL, start, given.get("end") or today.isoformat(),
        given.get("by", ""), given.get("model", ""), given.get("sort", ""), wanted,
    )  # fmt: skip
    return account, asked


def _query(asked: Asked) -> dict[str, Any]:
    """What is asked of the API."""
    query: dict[str, Any] = {
        "type": asked.type,
        "date_range": {"start": asked.start, "end": asked.end},
    }
    if asked.by:
        query["dimensions"] = [asked.by]
    if asked.model:
        query["options"] = {"attribution_model": asked.model}
    if asked.sort:
        query["sort"] = asked.sort
    return query


def _body(query: dict[str, Any]) -> bytes:
    return json.dumps(query).encode()


def _read(house: House, request: Request) -> dict[str, Any]:
    account, asked = _asked(house, request)
    shown: dict[str, Any] = {
        "account": account,
        "asked": asked,
        "types": TYPES,
        "dimensions": DIMENSIONS.values(),
        "models": [MODELS[slug] for slug in REPORTED],
        "answer": None,
        "chart": None,
        "problem": "",
        "kept": [],
        "most": MOST,
        "body": json.dumps(_query(asked), indent=2),
        "address": house.address(request),
    }
    if account is None:
        return shown
    shown["zone"] = account["timezone"]
    pk = access.account_pk(house.engine, account["account_id"])
    shown["kept"] = _kept(house, pk, asked.account)
    try:
        answer = house.reports.query(pk, _body({**_query(asked), "compare": "previous"}))
        shown["answer"] = answer
        shown["chart"] = _chart(house, pk, asked, answer)
    except (UsageError, ShapeError) as error:
        shown["problem"] = str(error)
    return shown


def _chart(house: House, account_pk: int, asked: Asked, answer: dict[str, Any]) -> str:
    """What the chart's script draws, as JSON: the two metrics that say most, over time."""
    ranged = answer["date_range"]
    days = (date.fromisoformat(ranged["end_date"]) - date.fromisoformat(ranged["start_date"])).days
    scale = next((name for most, name in SCALES if days <= most), COARSEST)
    metrics = [each for each in answer["fields"] if each["aggregation"] is not None]
    sums = [each for each in metrics if each["aggregation"] == "SUM"]
    money = [each for each in sums if each["type"] == "CURRENCY"]
    drawn = (money or sums or metrics)[:2]
    query = {**_query(asked), "dimensions": [f"date.{scale}"]}
    query |= {"metrics": [each["key"] for each in drawn]}
    query.pop("sort", None)
    over_time = house.reports.query(account_pk, _body(query))
    rows = sorted(over_time["rows"], key=lambda row: str(row[0]))
    return json.dumps(
        {
            "currency": answer["currency"] if money else None,
            "days": [row[0] for row in rows],
            "series": [
                {"name": each["name"], "data": [row[number] for row in rows]}
                for number, each in enumerate(drawn, 1)
            ],
        }
    )
