"""The JSON Schema of our YAML, so that editors complete and check it.

    python -m segconnect.scenario.blueprint.schema

writes `scenario.schema.json` beside this file anew. A scenario names it in its first line:

    # yaml-language-server: $schema=scenario.schema.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segconnect.modules.base import Collection, part_of
from segconnect.scenario.blueprint import segmetrics
from segconnect.scenario.blueprint.case import Case
from segconnect.scenario.blueprint.known import KNOWN, Kind, Known
from segconnect.scenario.blueprint.model import DEFAULT_SETTINGS
from segconnect.scenario.schedules import TYPES
from segconnect.scenario.sources import SOURCES, parameters_of

FILE = Path(__file__).with_name("scenario.schema.json")

_TEMPLATE = "Literal text with any number of {{expressions}} in it."
_SETTING_HELP: Mapping[str, str] = {
    "roundtrips": "How many cycles a run has at most.",
    "maxErrors": "After how many failed runs one after another the schedule is stopped.",
    "autoCommit": "Whether each module commits as soon as it ran.",
    "autoCommitTriggerLast": "Whether the trigger's place is saved after all else.",
    "sequential": "Whether a run waits for the one before it.",
    "slots": "How many runs may go on at once.",
    "confidential": "Whether history keeps no contents of bundles.",
    "dataloss": "Whether bundles may be lost when the store of incomplete executions is full.",
    "dlq": "Whether bundles that fail are kept as incomplete executions.",
    "freshVariables": "Whether variables are read anew for each run.",
}


def scenario_schema() -> dict[str, Any]:
    """Answers the JSON Schema of a scenario in YAML."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "segconnect scenario",
        "type": "object",
        "required": ["flow"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "description": "The scenario's name."},
            "description": {"description": "What it is for."},
            "timezone": {"description": "The zone of dates without one, such as Europe/Prague."},
            "connection": {"description": "The name of the connection to send with."},
            "scheduling": {"type": "object", "description": "When it runs.", **_scheduling()},
            "settings": _settings(),
            "notes": {"description": "Notes of the scenario editor."},
            "io": {"description": "Inputs and outputs: input_spec and output_spec."},
            "flow": _flow("The modules, in their order; the first one starts the scenario."),
            "tests": _tests(),
            "recipe": {"description": "Which files it is for; see docs/recipes.md."},
            **_kept(),
            "module-blueprints": {
                "type": "object",
                "description": "By module id, what a blueprint says of a module besides.",
            },
            "envelope": {"type": "object", "description": "What stands around the blueprint."},
        },
        "definitions": {"module": _module(), "filter": _filter()},
    }


def _kept() -> dict[str, Any]:
    return {
        "blueprint": {"type": "object", "description": "What a blueprint says besides."},
        "without": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What is usual in a blueprint, and not in this one.",
        },
    }


def _tests() -> dict[str, Any]:
    return {
        "type": "array",
        "description": "What is to come of given bundles: `segconnect scenario test`.",
        "items": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                name: {"description": field.description}
                for name, field in Case.model_fields.items()
            },
        },
    }


def _flow(description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "description": description,
        "items": {"$ref": "#/definitions/module"},
    }


def _scheduling() -> dict[str, Any]:
    return {"properties": {"type": {"enum": list(TYPES)}}}


def _settings() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "What differs from the usual settings.",
        "properties": {
            name: {"default": default, "description": _SETTING_HELP[name]}
            for name, default in DEFAULT_SETTINGS.items()
        },
    }


def _module() -> dict[str, Any]:
    names = [{"const": known.short, "description": known.label} for known in KNOWN.values()]
    apps = {"type": "string", "pattern": ":", "description": "app:Module, as blueprints have it."}
    chain = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "label": {"type": "string"},
                "disabled": {"type": "boolean"},
                "flow": _flow("The modules of this way."),
            },
        },
    }
    return {
        "type": "object",
        "required": ["id", "module"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": "integer", "minimum": 1, "description": "Its number, for references."},
            "module": {"anyOf": [*names, apps], "description": "What it does."},
            "version": {"type": "integer", "description": "Its version, if not the usual one."},
            "name": {"description": "The name to show."},
            "at": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "description": "Its place in the scenario editor: x and y.",
            },
            "parameters": {"description": "What is set once; not evaluated."},
            "mapper": {"description": "The fields, and the templates that fill them in."},
            "filter": {"$ref": "#/definitions/filter"},
            "flags": {"type": "object", "description": "Of an aggregator: groupBy, stopIfEmpty."},
            "outputs": {"description": "Of a merge: names, and a mapping for each branch."},
            "filters": {"description": "Of a merge: a filter for each branch, or null."},
            "routes": {**chain, "description": "Of a router: its routes, each with a flow."},
            "branches": {**chain, "description": "Of an if-else: its branches, each with a flow."},
            "onerror": _flow("What happens on an error of this module."),
            **_kept(),
        },
        "allOf": [rule for known in KNOWN.values() for rule in _rules(known)],
    }


def _filter() -> dict[str, Any]:
    from segconnect.scenario.engine.conditions import OPERATORS

    operator = {"anyOf": [{"enum": list(OPERATORS)}, {"type": "string"}]}
    condition = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {}, "o": {"default": "text:equal", **operator}, "b": {}},
    }
    return {
        "type": ["object", "null"],
        "description": "What a bundle must pass: all conditions of any row.",
        "properties": {
            "name": {"type": "string"},
            "conditions": {"type": "array", "items": {"type": "array", "items": condition}},
        },
    }


def _rules(known: Known) -> list[dict[str, Any]]:
    """Describes what one module is filled in with."""
    properties: dict[str, Any] = {}
    module = segmetrics.CANONICAL.get(known.id)
    if module is not None:
        properties["mapper"] = _fields(module)
    elif known.id in SOURCES:
        parameters = parameters_of(known.id)
        properties["parameters"] = {
            "type": "object",
            "required": [name for name, each in parameters.items() if each.is_required()],
            "additionalProperties": False,
            "properties": {
                name: {"description": each.description} for name, each in parameters.items()
            },
        }
    elif known.kind is Kind.AGGREGATOR:
        feeder = {"type": "integer", "description": "The id of the module that it collects from."}
        properties["parameters"] = {"type": "object", "properties": {"feeder": feeder}}
    if not properties:
        return []
    names = {"enum": [known.short, known.id]}
    return [
        {
            "if": {"required": ["module"], "properties": {"module": names}},
            "then": {"properties": properties},
        }
    ]


def _fields(kind: type[Collection]) -> dict[str, Any]:
    properties = {}
    for name, fact in kind.facts().items():
        field: dict[str, Any] = {"title": fact.label, "description": fact.help}
        inner = part_of(kind, name)
        if isinstance(inner, type) and issubclass(inner, Collection):
            inside = _fields(inner)
            field["anyOf"] = [
                {"type": "array", "items": {"anyOf": [inside, {"type": ["string", "number"]}]}},
                inside,
                {"type": ["string", "number"], "description": _TEMPLATE},
            ]
        properties[name] = field
    return {"type": "object", "properties": properties}


def written() -> str:
    """Answers the text of the schema file."""
    return json.dumps(scenario_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
