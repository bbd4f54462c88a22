"""The reference of the account's API for people: one page, made from its OpenAPI description.

The page is whole in itself: it loads nothing, runs nothing, and shows nothing unescaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from html import escape
from typing import Any

from segconnect.account.reference.openapi import SCHEMAS, openapi
from segconnect.account.reference.words import Json

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --faint: #666; --accent: #2356c7; }
@media (prefers-color-scheme: dark) { :root { --faint: #aaa; --accent: #8db1ff; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0; overflow-wrap: anywhere; }
main { max-width: 54rem; margin: 0 auto; padding: 2rem 1rem 6rem; }
h1 { font-size: 1.8rem; margin: 0 0 1rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 0; }
h3 { font-size: 1.05rem; margin: 0 0 .3rem; }
section { border-top: 1px solid var(--line); margin-top: 1rem; padding: 1.4rem 0 0; }
a { color: var(--accent); }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .8rem 1rem; border-radius: .5rem; overflow-x: auto;
  overflow-wrap: normal; }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; columns: 18rem; }
nav li { break-inside: avoid; padding: .15rem 0; }
.call { margin: 0 0 .6rem; }
.call b { color: var(--accent); }
dl { margin: 1rem 0; }
dt { border-top: 1px solid var(--line); padding-top: .5rem; }
dd { margin: 0 0 .5rem; }
dd dl { margin: .5rem 0 0; padding-left: 1rem; border-left: 3px solid var(--line); }
.kind { color: var(--faint); font-size: .9rem; }
.must { font-size: .75rem; border: 1px solid var(--line); border-radius: 1rem; padding: 0 .5rem; }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The content security policy of the page."""

KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
}


@cache
def page() -> str:
    """Writes the whole reference as an HTML page."""
    described = openapi()
    calls = [
        (path, method, call)
        for path, methods in described["paths"].items()
        for method, call in methods.items()
    ]
    groups = {tag["name"]: tag["name"] for tag in described["tags"]}
    links = [
        f'<li><a href="#{escape(call["operationId"])}">{escape(call["summary"])}</a></li>'
        for _, _, call in calls
    ]
    sections = [
        f"<h2>{escape(group)}</h2>"
        + "".join(_section(*each) for each in calls if group in each[2]["tags"])
        for group in groups
    ]
    info = described["info"]
    title = f"{escape(info['title'])} {escape(info['version'])}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>"
        f"{_paragraphs(info['description'])}"
        '<p>The same for programs: <a href="/openapi.json">openapi.json</a>, in OpenAPI 3.1.</p>'
        f"<nav><ul>{''.join(links)}</ul></nav>{''.join(sections)}{_errors(described)}"
        "</main></body></html>"
    )


def _section(path: str, method: str, call: Json) -> str:
    parts = [
        f'<section id="{escape(call["operationId"])}"><h3>{escape(call["summary"])}</h3>'
        f'<p class="call"><code><b>{escape(method.upper())}</b> {escape(path)}</code></p>',
        _paragraphs(call.get("description", "")),
    ]
    query = [each for each in call.get("parameters", ()) if each["in"] == "query"]
    if query:
        fields = {each["name"]: {**each["schema"], **each} for each in query}
        parts.append(_fields(fields, (), nested=False))
    content = call.get("requestBody", {}).get("content", {}).get("application/json", {})
    if content:
        shape = _followed(content["schema"])
        parts.append(_fields(shape.get("properties", {}), shape.get("required", ())))
        if "anyOf" in shape:
            parts.append(f"<p>{_either(shape['anyOf'])}</p>")
    if call["tags"] != ["Health"]:
        parts.append(f"<pre>{escape(_example(path, method, call, content.get('example')))}</pre>")
    answer = call["responses"].get("200", call["responses"].get("204"))
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    what = f"Answers {_code(_answered(schema))} " if schema else ""
    parts.append(f"<p>{what}{escape(answer['description'])}</p>")
    return "".join([*parts, "</section>"])


def _fields(fields: dict[str, Json], required: Iterable[str], *, nested: bool = True) -> str:
    rows = []
    for name, field in fields.items():
        must = ' <span class="must">mandatory</span>' if name in required else ""
        text = field.get("description", "")
        inner = "".join(
            _fields(shape["properties"], shape.get("required", ())) for shape in _objects(field)
        )
        kind = f'<span class="kind">{escape(_kind(field))}</span>'
        rows.append(
            f"<dt><code>{escape(name)}</code>{must} {kind}</dt>"
            f"<dd>{_inline(text)}{inner if nested else ''}</dd>"
        )
    return f"<dl>{''.join(rows)}</dl>" if rows else ""


def _objects(field: Json) -> list[Json]:
    """The objects that a field may hold, itself or in a list."""
    branches = field.get("anyOf") or field.get("oneOf") or [field]
    found = []
    for branch in branches:
        if branch is not field and ("items" in branch or "anyOf" in branch):
            found += _objects(branch)
        elif "items" in branch:
            found += _objects(branch["items"])
        elif "properties" in (shape := _followed(branch)):
            found.append(shape)
    return found


def _kind(field: Json) -> str:
    """Says in words what a field holds."""
    branches = field.get("anyOf") or field.get("oneOf")
    if branches:
        kinds = [_kind(branch) for branch in branches if branch != {"type": "null"}]
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in field:
        shape = _followed(field)
        name = field["$ref"].removeprefix(SCHEMAS)
        named = {"Moment": "date and time", "Day": "day"}
        return named.get(name) or " or ".join(shape.get("enum", ["object"]))
    kinds = field.get("type", "object")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = [KINDS[kind] for kind in kinds if kind != "null"]
    if "string" in kinds and "integer" in kinds:
        words = ["id", *words[2:]]
    if "items" in field:
        words[0] = f"list, each {_kind(field['items'])}"
    limits = [
        f"{word} {field[name]:,}"
        for name, word in (("minimum", "from"), ("maximum", "up to"), ("default", "by default"))
        if name in field
    ]
    return ", ".join([" or ".join(words), *limits])


def _either(branches: list[Json]) -> str:
    names = " or ".join(f"`{name}`" for branch in branches for name in branch["required"])
    return _inline(f"Needs {names}, or {'both' if len(branches) == 2 else 'several'}.")


def _example(path: str, method: str, call: Json, body: Any) -> str:
    query = []
    for parameter in call["parameters"]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
        elif "example" in parameter:
            query.append(f"{parameter['name']}={parameter['example']}")
    path += f"?{'&'.join(query)}" if query else ""
    verb = "" if method == "get" else f"-X {method.upper()} "
    lines = [f"curl {verb}'http://127.0.0.1:8350{path}'"]
    if call.get("security") != []:
        lines[-1] += " \\"
        lines.append("  -H 'Authorization: YOUR_API_KEY'")
    if body is not None:
        lines[-1] += " \\"
        lines += [
            "  -H 'Content-Type: application/json' \\",
            f"  -d '{json.dumps(body, indent=2)}'",
        ]
    return "\n".join(lines)


def _answered(schema: Json) -> str:
    """The outline of an answer, such as {status, contact: {contact_id, ...}}."""
    schema = _followed(schema)
    if "allOf" in schema:
        merged: Json = {}
        for part in schema["allOf"]:
            merged |= _followed(part)["properties"]
        schema = {"properties": merged}
    if "items" in schema:
        return f"[{_answered(schema['items'])}, ...]"
    inside = [
        f"{name}: {_answered(field)}" if _has_fields(field) else name
        for name, field in schema.get("properties", {}).items()
    ]
    return f"{{{', '.join(inside)}}}"


def _has_fields(field: Json) -> bool:
    shape = _followed(field.get("items", field))
    return "properties" in shape or "allOf" in shape


def _errors(described: Json) -> str:
    """What the errors mean, which are the same for every call."""
    call = described["paths"]["/api/v1/{account_id}/{integration_id}/product"]["post"]
    rows = []
    for status, response in call["responses"].items():
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            text = described["components"]["responses"][name]["description"]
            rows.append(f"<dt><code>{escape(status)}</code></dt><dd>{_inline(text)}</dd>")
    example = json.dumps(described["components"]["schemas"]["Problems"]["examples"][0])
    return f"<h2>Errors</h2><p>{_code(example)}</p><dl>{''.join(rows)}</dl>"


def _followed(schema: Json) -> Json:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Json = openapi()["components"]["schemas"][reference.removeprefix(SCHEMAS)]
    return found


def _paragraphs(text: str) -> str:
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return "".join(f"<p>{_inline(block)}</p>" for block in blocks)


def _inline(text: str) -> str:
    """Escapes a text; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
