"""The reports of the account's API as OpenAPI."""

from __future__ import annotations

from typing import Any

from segconnect.account.reports.dates import SCALES
from segconnect.account.reports.types import SPECIAL, TYPES

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
OBJECT: Json = {"type": "object"}
LIST: Json = {"type": "array"}
PERIOD = (
    ("start", "The first day: ISO, or relative as PHP reads it; 30 days ago.", TEXT, "-30 day"),
    ("end", "The last day; today.", TEXT, "now"),
)
SAVED = [slug for slug in TYPES if slug not in SPECIAL]
WRONG = {
    "400": "What is asked for is not there; every problem is told, with what was meant.",
    "401": "The API key is wrong, or not this account's; it is not said which.",
    "404": "There is no such report.",
    "503": "The store does not answer; try again after `Retry-After` seconds.",
}
QUERY: Json = {
    "type": "leads",
    "dimensions": ["clicks.channel"],
    "metrics": ["leads", "revenue"],
    "date_range": {"start": "-30 day", "end": "now", "scale": "day"},
    "filters": [{"field": "contacts.status", "is": "active"}],
    "options": {"attribution_model": "last_touch", "include_source": True},
    "compare": "previous",
}
"""The API docs' example, with a filter and a comparison of our own."""


def report_paths() -> Json:
    """Answers the paths of reports."""
    paths: Json = {}
    for end, name in (("", "readReport"), ("/{report_id}", "readSavedReport")):
        path = f"/{{account_id}}/report/{{report_type}}{end}"
        scale = ("scale", "What the graph is told by.", TEXT | {"enum": list(SCALES)}, "day")
        paths[path] = {
            "get": _operation(
                name, "Read a report: its figures, a graph and a table", end,
                [*PERIOD, scale], _saved(),
            )
        }  # fmt: skip
        pages = [
            ("extend", "What to add to each contact, separated by commas.", TEXT, "tags,orders"),
            ("limit", "Contacts on a page.",
             {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, 20),
            ("page", "Which page.", {"type": "integer", "minimum": 1, "default": 1}, 1),
        ]  # fmt: skip
        paths[f"{path}/contacts"] = {
            "get": _operation(
                f"{name}Contacts", "Read the contacts behind a report", end, [*PERIOD, *pages],
                {"data": LIST | {"items": OBJECT}, "meta": OBJECT},
            )
        }  # fmt: skip
    paths["/v2/{account_id}/data/query"] = {"post": _query()}
    paths["/{account_id}/forecast"] = {
        "get": _operation(
            "readForecast", "Read what the people of each month will have brought by an age", None,
            [("of", "Whose money.", TEXT | {"enum": ["leads", "customers"]}, "leads"),
             ("months", "The age, in months of 30 days; 12.",
              {"type": "integer", "minimum": 1, "maximum": 60}, 12)],
            {"of": TEXT, "months": {"type": "integer"}, "rows": LIST | {"items": OBJECT},
             "back_test": OBJECT, "told": TEXT},
        )
    }  # fmt: skip
    paths["/{account_id}/health"] = {
        "get": _operation(
            "readHealth", "Read what is wrong with an account's data, and what mends it", None,
            [("start", "The first day, as in reports; a year ago.", TEXT, "-1 year"), PERIOD[1]],
            {"date_range": OBJECT, "currency": TEXT, "change": {"type": "integer"},
             "checks": LIST | {"items": OBJECT}},
        )
    }  # fmt: skip
    return paths


def _query() -> Json:
    operation = _operation(
        "queryReport", "Answer any report", None, [],
        {"type": TEXT, "fields": LIST | {"items": OBJECT}, "rows": LIST | {"items": LIST},
         "totals": LIST, "date_range": OBJECT, "comparison": {"type": ["object", "null"]},
         "v": TEXT},
    )  # fmt: skip
    operation["description"] = (
        "Rows are arrays in the order of the fields; totals are of the metrics alone, and come from"
        " the data and not from the rows. docs/reference/metrics.md lists types, metrics,"
        " dimensions, filters and options."
    )
    operation["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["type"],
                    "properties": {
                        "type": TEXT | {"enum": list(TYPES)},
                        "dimensions": LIST | {"items": TEXT},
                        "metrics": LIST | {"items": TEXT},
                        "date_range": OBJECT,
                        "filters": LIST | {"items": OBJECT},
                        "steps": LIST | {"items": OBJECT, "description": "Of a funnel."},
                        "options": OBJECT,
                        "compare": {"type": ["object", "string", "null"]},
                        "sort": TEXT,
                        "limit": {"type": "integer", "minimum": 1},
                        "as_of": {
                            "type": ["integer", "string", "null"],
                            "description": "Answers as then: the number of a change, or a moment,"
                            " of which the state was kept.",
                        },
                    },
                },
                "example": QUERY,
            }
        },
    }
    return operation


def _saved() -> Json:
    return {
        "report": OBJECT,
        "kpis": LIST | {"items": OBJECT},
        "graph": OBJECT,
        "table": OBJECT,
    }


def _operation(
    name: str, summary: str, end: str | None, query: list[Any], answer: Json
) -> Json:  # fmt: skip
    places: list[tuple[str, Json, str]] = [("account_id", TEXT, "a7f3k9x2m1q")]
    if end is not None:
        places.append(("report_type", TEXT | {"enum": SAVED}, "leads"))
    if end:
        places.append(("report_id", TEXT, "r2m8v4c6z0"))
    told: Json = {"type": "object", "required": ["message"], "properties": {"message": TEXT}}
    return {
        "tags": ["Reading"],
        "operationId": name,
        "summary": summary,
        "parameters": [
            *(
                {"name": each, "in": "path", "required": True, "schema": schema, "example": value}
                for each, schema, value in places
            ),
            *(
                {"name": each, "in": "query", "description": text, "schema": schema,
                 "example": value}
                for each, text, schema, value in query
            ),
        ],
        "responses": {
            "200": _json(
                "The answer.",
                {"type": "object", "required": list(answer), "properties": answer},
            ),
            **{status: _json(text, told) for status, text in WRONG.items()},
        },
    }  # fmt: skip


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
