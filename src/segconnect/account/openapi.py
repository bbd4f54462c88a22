"""What the account answers, for programs (OpenAPI 3.1) and for people (a page made from it)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.metadata import version
from typing import Any

from segconnect.wire.endpoints import ENDPOINTS, MAX_BATCH_BODY, MAX_BATCH_LINES, MAX_BODY

EXAMPLES: dict[str, Any] = {
    "POST contact": {
        "email": "joey@bloggs.com",
        "first_name": "Joey",
        "status": "active",
        "tags": ["New Lead", {"id": 7, "name": "Webinar", "date": "2026-01-31 09:30:00"}],
        "custom_fields": {"company": "Bloggs Tea", "nickname": None},
    },
    "POST tags/add": {"email": "joey@bloggs.com", "tags": ["Platinum"]},
    "POST tags/remove": {"email": "joey@bloggs.com", "tags": ["New Lead"]},
    "POST invoice": {
        "id": 1001,
        "email": "joey@bloggs.com",
        "amount": 12300,
        "paid": 12300,
        "date_created": "2026-01-31 09:30:00",
        "items": [{"name": "Green tea", "product_id": "tea", "amount": 12300}],
    },
    "POST subscription": {
        "id": "sub-1",
        "email": "joey@bloggs.com",
        "amount": 4500,
        "product_id": "club",
        "start_date": "2026-01-31",
        "last_bill_date": "2026-03-31",
        "billing_cycle": "month",
        "frequency": 1,
    },
    "POST product": {"id": "tea", "name": "Green tea"},
    "POST ad/performance": {
        "ad": {"id": 900, "name": "Spring video"},
        "adset": {"id": 90, "name": "Tea lovers"},
        "adcampaign": {"id": 9, "name": "Spring"},
        "spend": 1250,
        "date": "2026-01-31",
        "clicks": 31,
        "impressions": 2048,
    },
}
"""A body that each call accepts; the tests send them."""

ROOT = "/api/v1/{account_id}/{integration_id}"
PARAMETERS = [
    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name in ("account_id", "integration_id")
]


@cache
def openapi() -> dict[str, Any]:
    """Describes every call in OpenAPI 3.1."""
    schemas: dict[str, Any] = {
        "Error": {
            "type": "object",
            "required": ["status", "errors"],
            "properties": {
                "status": {"const": "error"},
                "errors": {"type": "array", "items": {"type": "string"}},
            },
        }
    }
    paths: dict[str, Any] = {}
    for key, endpoint in ENDPOINTS.items():
        answers: dict[str, Any] = {"200": _answer("Done, and on disk.", endpoint.object)}
        for status, why in ERRORS.items():
            answers[status] = {"description": why, "content": _json({"$ref": _ref("Error")})}
        call: dict[str, Any] = {
            "summary": endpoint.summary,
            "operationId": key.replace(" ", "-").replace("/", "-").replace("{id}", "id").lower(),
            "responses": answers,
        }
        if endpoint.shape is not None:
            schema = endpoint.shape.model_json_schema(ref_template=_ref("{model}"))
            schemas.update(schema.pop("$defs", {}))
            name = endpoint.shape.__name__
            schemas[name] = {**schema, "description": (endpoint.shape.__doc__ or "").strip()}
            body = {**_json({"$ref": _ref(name)})}
            body["application/json"]["example"] = EXAMPLES[key]
            call["requestBody"] = {"required": True, "content": body}
        parameters = PARAMETERS
        if "{id}" in endpoint.path:
            parameters = [*PARAMETERS, {**PARAMETERS[0], "name": "id"}]
        path = paths.setdefault(f"{ROOT}/{endpoint.path}", {"parameters": parameters})
        path[endpoint.method.lower()] = call
    paths[f"{ROOT}/contact"]["get"] = {
        "summary": "List contacts, newest first",
        "parameters": [_query(name) for name in ("email", "contact_id", "limit", "page")],
        "responses": {"200": _answer("The contacts, under `contact`.", "contact")},
    }
    paths[f"{ROOT}/batch"] = {
        "parameters": PARAMETERS,
        "post": {
            "summary": "Make many calls at once, in order",
            "description": (
                "A JSON array, or one object a line (application/x-ndjson). Each is answered as if"
                " it had come alone: its status and body, in the same order and form."
                f" At most {MAX_BATCH_LINES:,} calls and {MAX_BATCH_BODY // 1_000_000} MB."
            ),
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-ndjson": {"example": BATCH_EXAMPLE},
                    "application/json": {"schema": {"type": "array", "items": BATCH_LINE}},
                },
            },
            "responses": {"200": {"description": "One answer for each call."}},
        },
    }
    paths["/{account_id}/contact/{contact}"] = {
        "parameters": [PARAMETERS[0], {**PARAMETERS[0], "name": "contact"}],
        "get": {
            "summary": "Read a contact by ID or email; money in units of the currency",
            "parameters": [_query("extend")],
            "responses": {
                "200": {"description": "The contact, under `data`."},
                "404": {"description": "There is none: a `message` says so."},
            },
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "segconnect account",
            "version": version("segconnect"),
            "description": (
                "Speaks the wire of SegMetrics. Money is whole cents; dates are ISO-8601 or"
                " YYYY-MM-DD HH:MM:SS in UTC; IDs are numbers or texts. A request is answered after"
                f" its commit is on disk. A body is at most {MAX_BODY // 1_000_000} MB."
            ),
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "The bare API key; `Bearer KEY` and `Basic KEY` do as well.",
                }
            },
        },
    }


ERRORS = {
    "400": "Data is missing or wrong: every problem is told.",
    "401": "The key is wrong, or not this account's.",
    "404": "There is no such integration or path.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "503": "The store does not answer; try again.",
}
BATCH_LINE = {
    "type": "object",
    "required": ["endpoint"],
    "properties": {"endpoint": {"type": "string"}, "body": {"type": "object"}},
}
BATCH_EXAMPLE = "\n".join(
    json.dumps(line)
    for line in (
        {"endpoint": "POST product", "body": EXAMPLES["POST product"]},
        {"endpoint": "DELETE contact/joey@bloggs.com"},
    )
)


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


def _answer(text: str, name: str) -> dict[str, Any]:
    fields = {"status": {"const": "success"}, name: {}}
    return {"description": text, "content": _json({"type": "object", "properties": fields})}


STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2563eb; }
@media (prefers-color-scheme: dark) { :root { --accent: #7aa7ff; } }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; }
main { padding: 2rem 1rem 6rem; }
h1 { font-size: 1.7rem; margin: 0 0 .5rem; } h2 { font-size: 1.05rem; margin: 0; }
section { border-top: 1px solid var(--line); padding: 1.4rem 0; }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .8rem 1rem; border-radius: .5rem; overflow-x: auto; }
.call { overflow-wrap: anywhere; margin: .3rem 0 .6rem; } .call b { color: var(--accent); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
td { border-top: 1px solid var(--line); padding: .35rem .8rem .35rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; } .must { font-weight: 600; }
nav a { display: inline-block; margin: 0 1rem .3rem 0; } a { color: var(--accent); }
"""


@cache
def page() -> str:
    """Writes the description as one page that loads nothing else."""
    told = openapi()
    schemas = told["components"]["schemas"]
    calls = [
        (path, method.upper(), call)
        for path, methods in told["paths"].items()
        for method, call in methods.items()
        if method != "parameters"
    ]
    links = "".join(
        f'<a href="#c{n}">{escape(call["summary"])}</a>' for n, (_, _, call) in enumerate(calls)
    )
    sections = "".join(
        _section(f"c{n}", path, method, call, schemas)
        for n, (path, method, call) in enumerate(calls)
    )
    title = escape(told["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<main><h1>{title}</h1><p>{escape(told['info']['description'])}</p>"
        f"<p>Each call carries the header <code>Authorization: YOUR_API_KEY</code>. The same for"
        f' programs: <a href="/openapi.json">openapi.json</a>.</p><nav>{links}</nav>{sections}'
        "</main>"
    )


def _section(
    anchor: str, path: str, method: str, call: dict[str, Any], schemas: dict[str, Any]
) -> str:
    parts = [
        f'<section id="{anchor}"><h2>{escape(call["summary"])}</h2>'
        f'<p class="call"><code><b>{method}</b> {escape(path)}</code></p>'
    ]
    if "description" in call:
        parts.append(f"<p>{escape(call['description'])}</p>")
    content = call.get("requestBody", {}).get("content", {})
    for form in content.values():
        schema = form.get("schema", {})
        if "$ref" in schema:
            shape = schemas[schema["$ref"].rsplit("/", 1)[1]]
            parts.append(f"<p>{escape(shape['description'])}</p>")
            parts.append(f"<table>{''.join(_rows(shape, schemas))}</table>")
        if "example" in form:
            example = form["example"]
            text = example if isinstance(example, str) else json.dumps(example, indent=2)
            parts.append(f"<pre>{escape(text)}</pre>")
    return "".join([*parts, "</section>"])


def _rows(shape: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    for name, field in shape.get("properties", {}).items():
        must = name in shape.get("required", ())
        label = f'<span class="must">{escape(name)}</span>' if must else escape(name)
        kind = _kind(field, schemas) + (", mandatory" if must else "")
        yield f"<tr><td><code>{label}</code></td><td>{escape(kind)}</td></tr>"


def _kind(field: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Says a field's type in words."""
    if "$ref" in field:
        shape = schemas[field["$ref"].rsplit("/", 1)[1]]
        return " or ".join(shape["enum"]) if "enum" in shape else f"object of {_names(shape)}"
    options = field.get("anyOf") or field.get("oneOf")
    if options:
        told = [_kind(each, schemas) for each in options if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(told))
    if field.get("unit") == "cents":
        return "whole cents"
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}), schemas)}"
    if field.get("type") == ["string", "integer"]:
        return "ID"
    words = {"date-time": "date and time", "email": "email address", "date": "day"}
    kinds = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    kind = str(field.get("type", "value"))
    return words.get(field.get("format", ""), kinds.get(kind, kind))


def _names(shape: dict[str, Any]) -> str:
    return ", ".join(shape.get("properties", {}))
