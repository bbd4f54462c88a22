"""The form of a module: its fields filled in with templates, shown with what they come to."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.errors import MappingError, ScenarioError, SegconnectError
from segconnect.mapping import Context, compile_template, compile_value, installed_functions
from segconnect.mapping.completion import call_at, completions, written
from segconnect.mapping.values import Value
from segconnect.modules.schema import Input, form, summary
from segconnect.scenario import blueprint, values_json
from segconnect.scenario.blueprint import Blueprint, Node
from segconnect.scenario.blueprint.segmetrics import renamed, resolve
from segconnect.scenario.journal.scenarios import ScenarioRow
from segconnect.scenario.sources import open_source
from segconnect.web.house import House, back, is_row, text
from segconnect.web.pages.keeping import changed, find

LOOKED_AT = 5  # runs, for one whose samples were kept
MOST_PATHS = 120  # pills of one module
DEEPEST = 3
MOST_WORDS = 12
SHOWN = 300  # characters of a value
STRUCTURED = (Input.COLLECTION, Input.PAIRS, Input.JSON)


class Field(NamedTuple):
    """A field of the form."""

    name: str
    label: str
    help: str
    kind: str
    is_must: bool
    is_advanced: bool
    is_structured: bool  # whether it may hold a list or a collection, written as JSON
    choices: tuple[tuple[str, str], ...]
    typed: str


class Pill(NamedTuple):
    """Something that can be mapped, and what it was in the sample."""

    path: str
    name: str
    depth: int
    value: str


class Shown(NamedTuple):
    """What a template comes to."""

    value: str = ""
    reason: str = ""
    before: str = ""  # of the template, with the place that is wrong in the middle
    wrong: str = ""
    after: str = ""


async def show(house: House, request: Request) -> Response:
    """Shows the form."""
    values = await asyncio.to_thread(_read, house, *_named(request))
    return house.render(request, "module.html", **values)


async def preview(house: House, request: Request) -> Response:
    """Answers what a template comes to with the sample, and what may stand at the cursor."""
    typed = await text(request, await text(request, "field"), strip=False)
    cursor = await text(request, "cursor", str(len(typed)))
    is_structured = await text(request, "structured") == "yes"
    id_, module = _named(request)
    values = await asyncio.to_thread(_previewed, house, id_, module, typed, is_structured)
    begun = typed[: int(cursor)] if is_row(cursor) else typed
    functions, bundles = installed_functions(), values.pop("bundles")
    found = completions(begun, functions, bundles)
    call = call_at(begun, functions)
    # UTF-16, as scripts count
    start = len(begun[: found.start].encode("utf-16-le")) // 2
    return house.render(
        request, "parts/preview.html", words=found.words[:MOST_WORDS], start=start,
        call=call and call[0], **values,
    )  # fmt: skip


async def save(house: House, request: Request) -> Response:
    """Changes the mapper of a module."""
    id_, module = _named(request)
    posted = await request.form()
    typed = {k.removeprefix("field-"): v for k, v in posted.items() if k.startswith("field-")}
    row = await asyncio.to_thread(find, house, id_)
    document = blueprint.parse(row.document)
    raw = copy.deepcopy(document.blueprint.raw)
    node = _node(Blueprint(raw), module)
    mapper: dict[str, Any] = {}
    problems = {}
    for field in fields(node):
        given = str(typed.get(field.name, "")).replace("\r\n", "\n")
        try:
            value = _value(given, is_structured=field.is_structured)
            compile_value(value, field=field.label)
        except (MappingError, ScenarioError) as error:
            problems[field.name] = error.why if isinstance(error, MappingError) else str(error)
            continue
        if value != "":
            mapper[field.name] = value
    if problems:
        values = await asyncio.to_thread(_read, house, id_, module, typed)
        return house.render(request, "module.html", 422, problems=problems, **values)
    assert isinstance(node.raw, dict)
    node.raw["mapper"] = mapper
    content = document.with_blueprint(raw).to_json()
    told = f"changed {node.label} of {row.name}"
    await asyncio.to_thread(changed, house, row, content, request.state.user, told)
    return back(f"/app/scenarios/{id_}/modules/{module}", "Saved; the next run is of this.")


def _named(request: Request) -> tuple[str, int]:
    module = request.path_params["module"]
    if not is_row(module):
        raise HTTPException(404, "There is no such module.")
    return request.path_params["id"], int(module)


def _read(
    house: House, id_: str, module: int, typed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    row = find(house, id_)
    found = blueprint.parse(row.document).blueprint
    node = _node(found, module)
    bundles = _sample(house, row, found, node)
    shown = []
    for field in fields(node):
        if typed is not None:
            field = field._replace(typed=str(typed.get(field.name, "")))
        shown.append((field, _evaluated(field.typed, field.is_structured, bundles, row.timezone)))
    functions = installed_functions()
    families: dict[str, list[Any]] = {}
    for each in functions.values():
        families.setdefault(each.family, []).append(each)
    declared = resolve(node.module)
    return {
        "row": row,
        "node": node,
        "help": summary(declared) if declared else "",
        "fields": shown,
        "is_known": declared is not None,
        "one_of": [
            [declared.facts()[name].label for name in group] for group in declared.one_of
        ] if declared else [],
        "sources": [
            (each, list(islice(_pills(str(each.id), bundles.get(each.id), 0), MOST_PATHS)))
            for each in found.walk()
            if each.id in node.scope
        ],
        "families": families,
        "zone": row.timezone,
    }  # fmt: skip


def _node(found: Blueprint, id_: int) -> Node:
    for node in found.walk():
        if node.id == id_:
            return node
    raise HTTPException(404, f"The scenario has no module {id_}.")


def fields(node: Node) -> list[Field]:
    """Answers the fields of a module's form, with what is filled in."""
    mapper = node.mapper if isinstance(node.mapper, Mapping) else {}
    declared = resolve(node.module)
    if declared is not None:
        given, _ = renamed(declared, mapper)
        return [
            Field(
                each.name, each.label, each.help, each.kind(), each.required, each.advanced,
                each.many or each.input in STRUCTURED, each.choices, _typed(given.get(each.name)),
            )
            for each in form(declared)
        ]  # fmt: skip
    names = {str(each.get("name")): str(each.get("label") or "") for each in node.expect}
    names |= {str(name): "" for name in mapper if str(name) not in names}
    return [
        Field(name, label or name, "", "", False, False, True, (), _typed(mapper.get(name)))
        for name, label in names.items()
    ]


def _typed(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _value(typed: str, *, is_structured: bool) -> Any:
    """Reads what was typed: a template, or where that is possible JSON with templates in it."""
    stripped = typed.strip()
    is_json = stripped.startswith("[") or (
        stripped.startswith("{") and not stripped.startswith("{{")
    )
    if not is_structured or not is_json:
        return typed.rstrip("\n")
    try:
        return json.loads(stripped)
    except ValueError as error:
        raise ScenarioError(
            f"expected JSON, or one expression such as {{{{1.items}}}}: {error}"
        ) from None


def _previewed(
    house: House, id_: str, module: int, typed: str, is_structured: bool
) -> dict[str, Any]:
    row = find(house, id_)
    found = blueprint.parse(row.document).blueprint
    bundles = _sample(house, row, found, _node(found, module))
    shown = _evaluated(typed, is_structured, bundles, row.timezone)
    return {"shown": shown, "bundles": bundles}


def _evaluated(
    typed: str, is_structured: bool, bundles: Mapping[Any, Value], timezone: str
) -> Shown:
    if not typed.strip():
        return Shown()
    try:
        value = _value(typed, is_structured=is_structured)
        closure = compile_value(value)
        named = compile_template(typed).modules if isinstance(value, str) else set[str]()
        if any(int(name) not in bundles for name in named if is_row(name)):
            return Shown()  # there is no sample to show it with
        found = closure(Context(bundles, timezone=timezone))
    except MappingError as error:
        whole, start, end = error.template, error.start, max(error.end, error.start + 1)
        return Shown("", error.reason, whole[:start], whole[start:end], whole[end:])
    except ScenarioError as error:
        return Shown("", str(error))
    return Shown(_brief(found))


def _brief(value: Any) -> str:
    if isinstance(value, str):
        told = value if value else '""'
    else:
        told = json.dumps(json.loads(values_json.dumps(value)), ensure_ascii=False)
    return told if len(told) <= SHOWN else told[:SHOWN] + "…"


def _sample(house: House, row: ScenarioRow, found: Blueprint, node: Node) -> dict[int | str, Value]:
    """What stood before a module in the last run that kept it; else the source's first bundle.

    Of a webhook, its newest request stands for the source: it is what somebody waited for.
    """
    came = house.hooks.newest(row.hook) if row.hook is not None else None
    begins = found.flow.nodes[0].id
    newest: dict[int | str, Value] = {}
    if came is not None and begins is not None and begins in node.scope:
        newest[begins] = came.bundle
    for run in house.journal.runs_of(row.id, LOOKED_AT):
        bundles: dict[int | str, Value] = {}
        for each in house.journal.samples(run.id):
            if each.module_id in node.scope and each.module_id not in bundles:
                output = values_json.loads(each.output)
                if output:
                    bundles[each.module_id] = output[0] if isinstance(output, list) else output
        if bundles:
            return bundles | newest
    if newest:
        return newest
    first = found.flow.nodes[0]
    if first.id in node.scope and "file" in first.parameters:
        try:
            source = open_source(first.module, first.parameters, Path(row.file).parent)
            for bundle in islice(source.bundles(), 1):
                return {first.id: bundle.values}
        except SegconnectError:
            pass  # which the page of the scenario tells
    return {}


def _pills(path: str, value: Any, depth: int) -> Iterator[Pill]:
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            step = written(str(key))
            yield Pill(f"{path}.{step}", str(key), depth, _of_sample(inner))
            yield from _pills(f"{path}.{step}", inner, depth + 1)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        yield from _pills(f"{path}[1]", value[0], depth + 1)


def _of_sample(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{len(value)} fields"
    if isinstance(value, list):
        return f"list of {len(value)}"
    return _brief(value)[:60]
