"""The account's API as OpenAPI 3.1, made from the shapes on the wire.

What a shape cannot say, what fields mean and what answers hold, is said here; the examples are
those of the API docs, and a test sends every one of them.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from segconnect.account.reference.reports import report_paths
from segconnect.account.reference.tracking import tracking_paths
from segconnect.account.reference.words import (
    ANSWERS,
    EXAMPLE_IDS,
    EXAMPLES,
    FIELDS,
    LIST,
    OBJECT,
    TEXT,
    TRUTH,
    WHOLE,
    Json,
)
from segconnect.types import DATE_FORMATS
from segconnect.wire.contact import Whose
from segconnect.wire.endpoints import (
    BATCH_HEADER,
    ENDPOINTS,
    MAX_BATCH_BODY,
    MAX_BATCH_LINES,
    MAX_BODY,
)
from segconnect.wire.order import ItemShape
from segconnect.wire.shape import Endpoint

ROOT = "/api/v1/{account_id}/{integration_id}/"
SCHEMAS = "#/components/schemas/"

INTRODUCTION = f"""\
An account of one's own that speaks the SegMetrics API: programs written against the hosted service
work unchanged. The import side takes contacts, tags, orders, subscriptions, products and ad
figures; the reporting side answers what is there.

Send the API key as the header `Authorization`, bare or after `Bearer` or `Basic`. Money is whole
cents on the way in, and units of the account's currency on the way out. Ids are texts; 42 and
"42" are the same one. A moment without an offset is UTC. Fields that are not known are left aside.

An answer of 200 means that what was sent is on disk. 400 lists every problem at once, and sending
the same again would not help; 503 means try again soon. A body is JSON of at most {MAX_BODY:,}
bytes. Sending anything twice is harmless: all calls are upserts, or deletions.
"""

KNOWN_ERRORS = {
    "400": ("Refused", "What is sent cannot be used; every problem is listed."),
    "401": ("Unauthorized", "The API key is wrong, or not this account's; it is not said which."),
    "404": ("NotFound", "The account has no such integration, or there is no such call or object."),
    "413": ("TooLarge", f"The body is larger than {MAX_BODY:,} bytes."),
    "415": ("NotJson", "The body is not sent as JSON."),
    "503": ("TryAgain", "The store does not answer; try again after `Retry-After` seconds."),
}


@cache
def openapi() -> Json:
    """Describes the whole API in OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "segconnect account",
            "version": version("segconnect"),
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in ("Import", "Reading", "Tracking", "Health")],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "Authorization"}},
            "schemas": {**_schemas(), **_answer_schemas()},
            "responses": {
                name: _json(text, {"$ref": f"{SCHEMAS}Problems"})
                for name, text in KNOWN_ERRORS.values()
            },
        },
    }


# -- paths ---------------------------------------------------------------------------------------


def _paths() -> Json:
    paths: dict[str, Json] = {}
    for key, endpoint in ENDPOINTS.items():
        paths.setdefault(ROOT + endpoint.path, {})[endpoint.method.lower()] = _call(key, endpoint)
    contact = {"$ref": f"{SCHEMAS}ContactAnswer"}
    paths[f"{ROOT}contact"]["get"] = _operation(
        "Import", "listContacts", "List the newest contacts of an integration",
        _places(("email", TEXT), ("contact_id", TEXT),
                ("limit", WHOLE | {"minimum": 1, "maximum": 100, "default": 20}),
                ("page", WHOLE | {"minimum": 1, "default": 1})),
        _json("The contacts, newest first.", _wrapped({"contact": LIST | {"items": contact}})),
    )  # fmt: skip
    paths[f"{ROOT}contact/{{id}}"]["get"] = _operation(
        "Import", "getContact", "Read a contact by its id or email", _places(path="id"),
        _json("The contact.", _wrapped({"contact": contact})),
    )  # fmt: skip
    paths[f"{ROOT}batch"] = {"post": _batch()}
    paths["/{account_id}/contact/{id}"] = {"get": _reading()}
    paths.update(tracking_paths())
    paths.update(report_paths())
    for path, text in (("healthz", "Whether the server runs"), ("readyz", "Whether it can work")):
        paths[f"/{path}"] = {
            "get": {
                "tags": ["Health"], "operationId": path, "summary": text, "security": [],
                "responses": {"200": _json("It does.", _wrapped({}, "ok"))},
            }
        }  # fmt: skip
    return paths


def _call(key: str, endpoint: Endpoint) -> Json:
    method, path = key.split(" ")
    name = "".join(part.capitalize() for part in path.replace("/{id}", "").split("/"))
    if endpoint.shape is None:
        identity = _places(path="id", example=EXAMPLE_IDS[endpoint.object])
        answer = {"id": TEXT, "object": {"const": endpoint.object}, "deleted": TRUTH}
        return _operation(
            "Import", f"delete{name}", endpoint.summary, identity,
            _json("Whether there was one to delete.", _wrapped(answer)),
        )  # fmt: skip
    shape = _name(endpoint.shape.__name__)
    schema = {"$ref": f"{SCHEMAS}{endpoint.object.title().replace('_', '')}Answer"}
    operation = _operation(
        "Import", f"{method.lower()}{name}", endpoint.summary, _places(),
        _json("What is now stored.", _wrapped({endpoint.object: schema})),
    )  # fmt: skip
    description = _sentences(endpoint.shape.__doc__)
    if description:
        operation["description"] = description
    operation["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": SCHEMAS + shape}, "example": EXAMPLES[key]}
        },
    }
    return operation


def _batch() -> Json:
    line = {
        "type": "object",
        "required": ["endpoint"],
        "properties": {
            "endpoint": {"type": "string", "examples": [*ENDPOINTS][:2]},
            "body": {"type": "object"},
            "after": {
                "type": "array",
                "items": WHOLE | {"minimum": 1},
                "description": "Numbers of lines before this one, counted from 1; it is done only"
                " if all of them were, and is answered with 424 otherwise.",
            },
        },
    }
    result = {
        "type": "object",
        "required": ["status", "body"],
        "properties": {"status": WHOLE, "body": OBJECT},
    }
    example = [
        {"endpoint": "POST tags/add", "body": EXAMPLES["POST tags/add"]},
        {"endpoint": "DELETE invoice/1001", "after": [1]},
    ]
    operation = _operation(
        "Import", "batch", "Send many calls at once", _places(),
        _json("One result for each line, in their order.", LIST | {"items": result}),
    )  # fmt: skip
    operation["description"] = (
        "An array, or lines of JSON (application/x-ndjson), answered in the same form. Each line is"
        " answered as if it had come alone: one that is refused hurts only those that name it in"
        " `after`. At most"
        f" {MAX_BATCH_LINES:,} lines and {MAX_BATCH_BODY:,} bytes. This call is not part of the"
        f" SegMetrics API; a server that has it says so in the header `{BATCH_HEADER}`: the most"
        " lines, and `; after` if lines may have that member."
    )
    operation["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {
                "schema": LIST | {"items": line, "maxItems": MAX_BATCH_LINES},
                "example": example,
            },
            "application/x-ndjson": {"schema": TEXT},
        },
    }
    return operation


def _reading() -> Json:
    extend = {
        "name": "extend",
        "in": "query",
        "description": "What to add to the core, separated by commas.",
        "schema": TEXT,
        "example": "tags,orders,subscriptions",
    }
    contact = {
        "allOf": [
            {"$ref": f"{SCHEMAS}ContactAnswer"},
            {
                "properties": {
                    name: LIST | {"items": OBJECT}
                    for name in ("events", "tags", "orders", "subscriptions", "lists", "companies")
                }
            },
        ]
    }
    return {
        "tags": ["Reading"],
        "operationId": "readContact",
        "summary": "Read a contact with all that belongs to it",
        "description": "By id or email, in any integration. Money is in units of the currency.",
        "parameters": [
            *(each for each in _places(path="id") if each["name"] != "integration_id"),
            extend,
        ],
        "responses": {
            "200": _json("The contact.", {"type": "object", "required": ["data"],
                                          "properties": {"data": contact}}),
            **{
                status: _json(
                    KNOWN_ERRORS[status][1],
                    {"type": "object", "required": ["message"], "properties": {"message": TEXT}},
                )
                for status in ("400", "401", "404", "503")
            },
        },
    }  # fmt: skip


def _operation(tag: str, name: str, summary: str, parameters: list[Json], answer: Json) -> Json:
    return {
        "tags": [tag],
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": answer,
            **{
                status: {"$ref": f"#/components/responses/{name}"}
                for status, (name, _) in KNOWN_ERRORS.items()
            },
        },
    }


def _places(*query: tuple[str, Json], path: str | None = None, example: str = "42") -> list[Json]:
    """The parameters of a call: account, integration, an id in the path, and query parameters."""
    inside = {"account_id": "a7f3k9x2m1q", "integration_id": "i2m8v4c6z0p"}
    if path is not None:
        inside[path] = example
    return [
        {"name": name, "in": "path", "required": True, "schema": TEXT, "example": value}
        for name, value in inside.items()
    ] + [{"name": name, "in": "query", "schema": schema} for name, schema in query]


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _wrapped(fields: dict[str, Json], const: str = "success") -> Json:
    """An answer: its status, and these fields."""
    properties = {"status": {"const": const}, **fields}
    return {"type": "object", "required": [*properties], "properties": properties}


# -- schemas -------------------------------------------------------------------------------------


def _schemas() -> Json:
    shapes = dict.fromkeys(e.shape for e in ENDPOINTS.values() if e.shape is not None)
    _, made = models_json_schema(
        [(shape, "validation") for shape in shapes], ref_template=SCHEMAS + "{model}"
    )
    schemas = {_name(name): _tidy(schema) for name, schema in made["$defs"].items()}
    for shape in shapes:
        if issubclass(shape, Whose):
            schemas[_name(shape.__name__)]["anyOf"] = [
                {"required": [name]} for name in shape.one_of
            ]
    schemas[_name(ItemShape.__name__)]["anyOf"] = [
        {"required": ["product_id"]},
        {"required": ["name"]},
    ]
    for name, schema in schemas.items():
        for field, about in schema.get("properties", {}).items():
            text = FIELDS.get(f"{name}.{field}", FIELDS.get(field))
            if text:
                about["description"] = text
    schemas["Moment"] = TEXT | {
        "description": "A date, with or without time and offset; UTC unless it says.",
        "examples": list(DATE_FORMATS[:5]),
    }
    schemas["Day"] = TEXT | {"description": "A calendar day.", "examples": ["2016-06-20"]}
    return schemas


def _answer_schemas() -> Json:
    made: Json = {
        name.title().replace("_", "") + "Answer": {
            "type": "object", "required": [*fields], "properties": fields,
        }
        for name, fields in ANSWERS.items()
    }  # fmt: skip
    made["Problems"] = {
        "type": "object",
        "required": ["status", "errors"],
        "properties": {"status": {"const": "error"}, "errors": LIST | {"items": TEXT}},
        "examples": [{"status": "error", "errors": ["missing 'id' field"]}],
    }
    return made


def _name(shape: str) -> str:
    return {"AdObject": "Ad", "CampaignShape": "AdCampaign", "AdSetShape": "AdSet"}.get(
        shape, shape.removesuffix("Shape")
    )


def _tidy(schema: Any) -> Any:
    """Leaves out what pydantic says beside the point, and names what it calls a format."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": SCHEMAS + _name(schema["$ref"].removeprefix(SCHEMAS))}
    if schema.get("format") in ("date-time", "date"):
        return {"$ref": SCHEMAS + ("Moment" if schema["format"] == "date-time" else "Day")}
    answer = {
        name: {field: _tidy(about) for field, about in value.items()}
        if name == "properties"
        else _tidy(value)
        for name, value in schema.items()
        if name not in ("title", "default", "unit")
    }
    if "description" in answer:
        answer["description"] = _sentences(str(answer["description"]))
    branches = answer.get("anyOf", [])
    if len(branches) == 2 and branches[1] == {"type": "null"} and "type" in branches[0]:
        kinds = branches[0]["type"]
        kinds = kinds if isinstance(kinds, list) else [kinds]
        return {**branches[0], "type": [*kinds, "null"]}
    return answer


def _sentences(docstring: str | None) -> str:
    """A shape's docstring, without the call that begins it."""
    text = " ".join((docstring or "").split())
    return text.partition(". ")[2] if text.startswith("POST /") else text
