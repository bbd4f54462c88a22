"""Blueprint to our YAML and back, without loss.

What the YAML says in words of its own, such as a short name, makes a blueprint by itself, with the
usual values for what it leaves out. Where the real blueprint differs from that one, the difference
is kept: under `blueprint` what is there besides, under `without` what is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from segconnect.errors import ScenarioError, unknown_name
from segconnect.scenario.blueprint.known import KNOWN, SHORT, Kind, short_name
from segconnect.scenario.blueprint.model import DEFAULT_SETTINGS, whole_number
from segconnect.scenario.blueprint.text import Inline, InlineList, is_same, read_json, write_json
from segconnect.types import shown

OWN_KEYS = ("timezone", "connection", "recipe", "tests")
"""What only segconnect says; a blueprint keeps it in metadata.segconnect."""

REST_KEYS = ("without", "module-blueprints", "envelope")
TOP_KEYS = (
    "name",
    "description",
    "recipe",
    "timezone",
    "connection",
    "scheduling",
    "settings",
    "notes",
    "io",
    "flow",
    "tests",
    "blueprint",
    *REST_KEYS,
)
MODULE_KEYS = (
    "id",
    "module",
    "version",
    "name",
    "at",
    "parameters",
    "mapper",
    "filter",
    "flags",
    "outputs",
    "filters",
    "without",
    "routes",
    "branches",
    "onerror",
    "blueprint",
)
ALL_SETTINGS = "metadata.scenario.*"
"""Stands under `without` where a blueprint says some settings only: none is added to them."""

_VERBATIM = ("filter", "flags", "outputs", "filters")  # the same in both forms
_CHAINS = ("routes", "branches")

Steps = Sequence[str | int | None]


# ---------------------------------------------------------------- YAML to blueprint


def from_yaml(document: Mapping[str, Any]) -> tuple[Any, tuple[str | int | None, ...]]:
    """Makes a blueprint, in its envelope, of our YAML.

    Returns:
        The whole, and the steps from it to the blueprint.

    Raises:
        ScenarioError: It does not follow the format; every problem is told.
    """
    problems: list[str] = []
    raw = _blueprint_of(document, problems)
    envelope = document.get("envelope")
    scheduling = document.get("scheduling")
    if scheduling is not None and not isinstance(scheduling, Mapping):
        problems.append("scheduling: expected a collection such as {type: daily, time: '09:00'}")
    if problems:
        raise ScenarioError("; ".join(problems))
    if envelope is None:
        if scheduling is None:
            return raw, ()
        return {"blueprint": raw, "scheduling": dict(scheduling)}, ("blueprint",)
    steps, around = _envelope_of(envelope)
    try:
        return _wrapped(around, steps, raw, scheduling), steps
    except (TypeError, KeyError, IndexError, ValueError):
        raise ScenarioError("envelope: its steps do not lead anywhere in what is around") from None


def _envelope_of(envelope: Any) -> tuple[tuple[str | int | None, ...], Any]:
    steps = envelope.get("steps") if isinstance(envelope, Mapping) else None
    if not isinstance(steps, list) or not all(
        step is None or isinstance(step, str) or (type(step) is int and step >= 0) for step in steps
    ):
        raise ScenarioError("envelope: expected steps, a list of keys, and around")
    return tuple(steps), envelope.get("around")


def _wrapped(around: Any, steps: Steps, raw: Any, scheduling: Any) -> Any:
    if not steps:
        return raw
    first, rest = steps[0], steps[1:]
    if first is None:
        return write_json(_wrapped(around["json"], rest, raw, scheduling)).strip()
    if isinstance(first, int):
        before, after = list(around)[:first], list(around)[first + 1 :]
        return [*before, _wrapped(around[first], rest, raw, scheduling), *after]
    result = {**(around or {})}
    result[first] = _wrapped(result.get(first), rest, raw, scheduling)
    if _holds_schedule(steps) and scheduling is not None:
        result["scheduling"] = dict(scheduling)
    return result


def _holds_schedule(steps: Steps) -> bool:
    """Tells whether the blueprint is in the collection that the first step leads into."""
    return len(steps) == 1 or (len(steps) == 2 and steps[1] is None)


def _blueprint_of(document: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    _only_known(document, TOP_KEYS, "the scenario", problems)
    if not isinstance(document.get("flow"), list):
        problems.append("flow: expected a list of modules")
    rests = document.get("module-blueprints")
    rests = rests if isinstance(rests, Mapping) else {}
    raw = _derived_top(document)
    raw["flow"] = _flow_of(document.get("flow"), "flow", rests, problems)
    return _applied(raw, document, "the scenario", problems)


def _derived_top(document: Mapping[str, Any]) -> dict[str, Any]:
    raw: dict[str, Any] = {"name": document.get("name", "")}
    if "description" in document:
        raw["description"] = document["description"]
    raw["flow"] = []
    settings = document.get("settings")
    without = document.get("without")
    is_complete = isinstance(without, list) and ALL_SETTINGS in without
    metadata: dict[str, Any] = {"version": 1}
    metadata["scenario"] = {
        **({} if is_complete else DEFAULT_SETTINGS),
        **(settings if isinstance(settings, Mapping) else {}),
    }
    if "notes" in document:
        metadata["notes"] = document["notes"]
    own = {key: document[key] for key in OWN_KEYS if key in document}
    if own:
        metadata["segconnect"] = own
    raw["metadata"] = metadata
    if "io" in document:
        raw["io"] = document["io"]
    return raw


def _flow_of(
    flow: Any, path: str, rests: Mapping[str, Any], problems: list[str]
) -> list[Any] | None:
    if not isinstance(flow, list):
        return flow  # type: ignore[no-any-return]  # kept as it is; check tells
    return [
        _module_of(module, f"{path}[{position}]", rests, problems)
        for position, module in enumerate(flow)
    ]


def _module_of(module: Any, path: str, rests: Mapping[str, Any], problems: list[str]) -> Any:
    if not isinstance(module, Mapping):
        return module
    _only_known(module, MODULE_KEYS, path, problems)
    raw = _derived_module(module)
    for key in _CHAINS:
        if isinstance(module.get(key), list):
            raw[key] = [
                {**each, "flow": _flow_of(each["flow"], f"{path}.{key}[{i}].flow", rests, problems)}
                if isinstance(each, Mapping) and "flow" in each
                else each
                for i, each in enumerate(module[key])
            ]
        elif key in module:
            raw[key] = module[key]
    if "onerror" in module:
        raw["onerror"] = _flow_of(module["onerror"], f"{path}.onerror", rests, problems)
    id_ = whole_number(module.get("id"))
    rest = {} if id_ is None else rests.get(str(id_), {})
    raw = _applied(raw, {"blueprint": rest}, path, problems)
    return _applied(raw, module, path, problems)


def _derived_module(module: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the blueprint of a module that says no more than the YAML's own words."""
    raw: dict[str, Any] = {}
    if "id" in module:
        raw["id"] = module["id"]
    name = module.get("module")
    id_ = SHORT.get(name, name) if isinstance(name, str) else name
    known = KNOWN.get(id_) if isinstance(id_, str) else None
    if "module" in module:
        raw["module"] = id_
    raw["version"] = module.get("version", known.version if known else 1)
    raw["parameters"] = module.get("parameters", {})
    branching = known is not None and known.kind in (
        Kind.ROUTER,
        Kind.CONDITIONAL,
        Kind.CONVERGER,
    )
    raw["mapper"] = module.get("mapper", None if branching else {})
    raw.update({key: module[key] for key in _VERBATIM if key in module})
    designer: dict[str, Any] = {}
    if "at" in module:
        at = module["at"]
        pair = at if isinstance(at, list) and len(at) == 2 else [at, 0]
        designer = {"x": pair[0], "y": pair[1]}
    if "name" in module:
        designer["name"] = module["name"]
    if designer:
        raw["metadata"] = {"designer": designer}
    return raw


def _applied(
    raw: dict[str, Any], said: Mapping[str, Any], where: str, problems: list[str]
) -> dict[str, Any]:
    """Lays the kept difference over what was derived."""
    rest, without = said.get("blueprint", {}), said.get("without", [])
    if not isinstance(rest, Mapping):
        problems.append(f"{where}: blueprint: expected a collection, found {shown(rest)}")
        rest = {}
    if not isinstance(without, list) or not all(isinstance(path, str) for path in without):
        problems.append(f"{where}: without: expected a list of keys such as metadata.version")
        without = []
    raw = _overlaid(raw, rest)
    for path in without:
        if path == ALL_SETTINGS:
            continue
        *way, last = path.split(".")
        place: Any = raw
        for key in way:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(last, None)
    return raw


def _overlaid(base: Any, over: Any) -> Any:
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    result = dict(base)
    for key, value in over.items():
        result[key] = _overlaid(base[key], value) if key in base else value
    return result


def _only_known(
    given: Mapping[str, Any], known: Sequence[str], where: str, problems: list[str]
) -> None:
    problems += [f"{where}: {unknown_name('key', key, known)}" for key in given if key not in known]


# ---------------------------------------------------------------- blueprint to YAML


def to_yaml(whole: Any, steps: Steps) -> dict[str, Any]:
    """Makes our YAML, as values, of a blueprint in its envelope."""
    raw, scheduling = whole, None
    for position, step in enumerate(steps):
        if _holds_schedule(steps[position:]) and isinstance(raw, Mapping) and step is not None:
            scheduling = raw.get("scheduling")
        raw = read_json(raw.lstrip("\ufeff")) if step is None else raw[step]
    scheduling = scheduling if isinstance(scheduling, Mapping) else None
    document = _document_of(raw, scheduling)
    usual = ("blueprint",) if scheduling is not None else ()
    if tuple(steps) != usual or not is_same(from_yaml(document)[0], whole):
        around = _unwrapped(whole, steps, scheduling is not None)
        document["envelope"] = {"steps": InlineList(steps), "around": _compact(around)}
    return document


def _unwrapped(whole: Any, steps: Steps, has_schedule: bool) -> Any:
    """Answers what stands around a blueprint, without the blueprint."""
    if not steps:
        return None
    first, rest = steps[0], steps[1:]
    if first is None:
        inner = read_json(whole.lstrip("\ufeff"))
        return {"json": _unwrapped(inner, rest, has_schedule)}
    if isinstance(first, int):
        items = list(whole)
        items[first] = _unwrapped(whole[first], rest, has_schedule)
        return items
    result = dict(whole)
    inner = _unwrapped(whole[first], rest, has_schedule)
    result[first] = inner
    if inner is None:
        del result[first]
    if has_schedule and _holds_schedule(steps):
        del result["scheduling"]
    return result


def _document_of(raw: Mapping[str, Any], scheduling: Any) -> dict[str, Any]:
    metadata = raw.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    document: dict[str, Any] = {"name": raw.get("name", "")}
    if "description" in raw:
        document["description"] = raw["description"]
    own = metadata.get("segconnect")
    if isinstance(own, Mapping):
        document.update({key: own[key] for key in OWN_KEYS if key in own})
    if scheduling is not None:
        document["scheduling"] = Inline(scheduling)
    given = metadata.get("scenario")
    if isinstance(given, Mapping):
        settings = {
            key: value
            for key, value in given.items()
            if key not in DEFAULT_SETTINGS or not is_same(value, DEFAULT_SETTINGS[key])
        }
        if DEFAULT_SETTINGS.keys() - given:
            document["settings"], document["without"] = dict(given), [ALL_SETTINGS]
        elif settings:
            document["settings"] = settings
    if "notes" in metadata:
        document["notes"] = metadata["notes"]
    if "io" in raw:
        document["io"] = raw["io"]
    rests: dict[str, Any] = {}
    counted = Counter(_ids(raw.get("flow")))
    unique = {id_ for id_, count in counted.items() if count == 1}
    document["flow"] = _yaml_flow(raw.get("flow"), unique, rests)
    derived = {**_derived_top(document), "flow": raw.get("flow")}
    _keep_difference(document, derived, raw)
    if "blueprint" in document:
        document["blueprint"] = _compact(document["blueprint"])
    if rests:
        document["module-blueprints"] = rests
    return _ordered(document, TOP_KEYS)


def _ids(flow: Any) -> list[int]:
    """Lists the ids of all modules, to tell which may stand for their module."""
    found: list[int] = []
    for module in flow if isinstance(flow, list) else []:
        if not isinstance(module, Mapping):
            continue
        id_ = whole_number(module.get("id"))
        found += [] if id_ is None else [id_]
        for key in _CHAINS:
            for each in module[key] if isinstance(module.get(key), list) else []:
                found += _ids(each.get("flow")) if isinstance(each, Mapping) else []
        found += _ids(module.get("onerror"))
    return found


def _yaml_flow(flow: Any, unique: set[int], rests: dict[str, Any]) -> Any:
    if not isinstance(flow, list):
        return flow
    return [_yaml_module(module, unique, rests) for module in flow]


def _yaml_module(raw: Any, unique: set[int], rests: dict[str, Any]) -> Any:
    if not isinstance(raw, Mapping):
        return raw
    module: dict[str, Any] = {}
    if "id" in raw:
        module["id"] = raw["id"]
    id_ = raw.get("module")
    if "module" in raw:
        module["module"] = short_name(id_) if isinstance(id_, str) else id_
    known = KNOWN.get(id_) if isinstance(id_, str) else None
    if "version" in raw and not is_same(raw["version"], known.version if known else 1):
        module["version"] = raw["version"]
    metadata = raw.get("metadata")
    designer = metadata.get("designer") if isinstance(metadata, Mapping) else None
    if isinstance(designer, Mapping):
        if "name" in designer:
            module["name"] = designer["name"]
        if "x" in designer and "y" in designer:
            module["at"] = InlineList([designer["x"], designer["y"]])
    usual = _derived_module(module)
    for key in ("parameters", "mapper"):
        if key in raw and not is_same(raw[key], usual[key]):
            module[key] = raw[key]
    module.update({key: raw[key] for key in _VERBATIM if key in raw})
    if "filter" in module:
        module["filter"] = _short_filter(module["filter"])
    for key in _CHAINS:
        if isinstance(raw.get(key), list):
            module[key] = [_yaml_chain(each, unique, rests) for each in raw[key]]
        elif key in raw:
            module[key] = raw[key]
    if "onerror" in raw:
        module["onerror"] = _yaml_flow(raw["onerror"], unique, rests)
    derived = _derived_module(module)
    derived.update({key: raw[key] for key in (*_CHAINS, "onerror") if key in raw})
    _keep_difference(module, derived, raw)
    if "blueprint" in module:
        number = whole_number(raw.get("id"))
        if number in unique:
            rests[str(number)] = _compact(module.pop("blueprint"))
        else:
            module["blueprint"] = _compact(module["blueprint"])
    return _ordered(module, MODULE_KEYS)


def _ordered(said: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: said[key] for key in keys if key in said}


def _yaml_chain(each: Any, unique: set[int], rests: dict[str, Any]) -> Any:
    if not isinstance(each, Mapping) or "flow" not in each:
        return each
    chain = {key: value for key, value in each.items() if key != "flow"}
    return {**chain, "flow": _yaml_flow(each["flow"], unique, rests)}


def _short_filter(value: Any) -> Any:
    """Shows each row of conditions in a line."""
    if not isinstance(value, Mapping) or not isinstance(value.get("conditions"), list):
        return value
    rows = [
        InlineList([Inline(c) if isinstance(c, Mapping) else c for c in row])
        if isinstance(row, list)
        else row
        for row in value["conditions"]
    ]
    return {**value, "conditions": rows}


def _keep_difference(
    said: dict[str, Any], derived: Mapping[str, Any], raw: Mapping[str, Any]
) -> None:
    """Notes in `said` what makes of the derived blueprint the real one."""
    without: list[str] = list(said.get("without", []))
    rest = _difference(derived, raw, "", without)
    if without:
        said["without"] = InlineList(without)
    if rest:
        said["blueprint"] = rest


def _difference(
    derived: Mapping[str, Any], raw: Mapping[str, Any], path: str, without: list[str]
) -> dict[str, Any]:
    without += [f"{path}{key}" for key in derived if key not in raw]
    rest = {}
    for key, value in raw.items():
        if key not in derived:
            rest[key] = value
        elif isinstance(value, Mapping) and isinstance(derived[key], Mapping):
            inner = _difference(derived[key], value, f"{path}{key}.", without)
            if inner:
                rest[key] = inner
        elif not is_same(derived[key], value):
            rest[key] = value
    return rest


def _compact(value: Any, depth: int = 0) -> Any:
    """Shows what is deep inside in as few lines as hold it: nobody edits it by hand."""
    if isinstance(value, Mapping):
        kind: Any = Inline if depth >= 2 else dict
        return kind((key, _compact(item, depth + 1)) for key, item in value.items())
    if isinstance(value, list):
        kind = InlineList if depth >= 2 else list
        return kind(_compact(item, depth + 1) for item in value)
    return value
