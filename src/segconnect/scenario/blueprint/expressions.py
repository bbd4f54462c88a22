"""Checks of what a blueprint's templates say: grammar, functions, references, filters, fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from segconnect.errors import MappingError, ScenarioError
from segconnect.mapping import Functions, compile_template
from segconnect.scenario.blueprint import segmetrics
from segconnect.scenario.blueprint.model import Blueprint, Node, whole_number
from segconnect.scenario.blueprint.places import Place, conditions_of, templates, with_before
from segconnect.scenario.blueprint.report import Problem, Severity
from segconnect.scenario.blueprint.rules import ERROR, WARNING, problem

MANY = 20  # modules that a message lists


def wrong(blueprint: Blueprint, functions: Functions | None = None) -> Iterator[Problem]:
    """Gives everything that is wrong in the templates, filters and fields of modules that run.

    Args:
        blueprint: The blueprint.
        functions: What templates may call; None is the built-in and installed functions.
    """
    ids = {node.id for node in blueprint.walk() if node.id is not None}
    for node, before in with_before(blueprint.flow):
        for place in templates(node, before):
            yield from _template(place, ids, functions)
        yield from _parameters(node)
        yield from _operators(node)
        yield from _fields(node)


def _template(place: Place, ids: set[int], functions: Functions | None) -> Iterator[Problem]:
    if "{{" not in place.text:
        return
    node = place.node
    try:
        compiled = compile_template(place.text, functions)
    except MappingError as error:
        excerpt = error.excerpt() if error.template else ""
        yield Problem(ERROR, "expression", place.path, node.id, error.reason, excerpt)
        return
    for name in sorted(compiled.modules, key=lambda name: (len(name), name)):
        id_ = whole_number(name)
        if id_ in place.scope:
            continue
        if id_ not in ids:
            before = sorted(place.scope)
            known = ", ".join(map(str, before[-MANY:])) or "none"
            more = "..., " if len(before) > MANY else ""
            told = f"there is no module {name}; those before this one are {more}{known}"
            yield _reference(ERROR, place, told)
        elif id_ == node.id:
            yield _reference(WARNING, place, "the module reads from itself, which gives nothing")
        else:
            told = (
                f"module {name} is not before this one on its way, or is behind an aggregator;"
                " what is read from it is nothing"
            )
            yield _reference(WARNING, place, told)


def _reference(severity: Severity, place: Place, message: str) -> Problem:
    return Problem(severity, "reference", place.path, place.node.id, message)


def _parameters(node: Node) -> Iterator[Problem]:
    """Finds templates where none is evaluated."""
    waiting: list[tuple[str, Any]] = [(".parameters", node.parameters)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(f"{path}.{key}", item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{position}]", item) for position, item in enumerate(value)]
        elif isinstance(value, str) and "{{" in value and "}}" in value:
            message = "parameters are not evaluated; a template belongs into the mapper"
            yield problem(WARNING, "parameters", node, message, path)


def _operators(node: Node) -> Iterator[Problem]:
    from segconnect.scenario.engine.conditions import OTHER_SPELLINGS, operator_named

    found = list(conditions_of(node.filter, ".filter.conditions"))
    for position, branch in enumerate(node.branches):
        found += conditions_of(branch.raw, f".branches[{position}].conditions")
    for place, condition in found:
        if "a" not in condition:
            yield problem(ERROR, "filter", node, "a condition has a, o and b", place)
        name = str(condition.get("o") or "text:equal")
        if name in OTHER_SPELLINGS:
            message = f"{name!r} is called {OTHER_SPELLINGS[name]!r}; it is read as that"
            yield problem(WARNING, "operator", node, message, f"{place}.o")
            continue
        try:
            operator_named(name, "")
        except ScenarioError as error:
            message = str(error).removeprefix(": ")
            yield problem(ERROR, "operator", node, message, f"{place}.o")


def _fields(node: Node) -> Iterator[Problem]:
    """Holds a SegMetrics module to its fields."""
    module = segmetrics.resolve(node.module)
    if module is None:
        return
    if not isinstance(node.mapper, Mapping):
        message = f"{module.label} is filled in by a mapper: fields and their templates"
        yield problem(ERROR, "fields", node, message, ".mapper")
        return
    values, unknown = segmetrics.renamed(module, node.mapper)
    for name in unknown:
        message = f"{module.label} has no field {name!r}; it has {', '.join(module.facts())}"
        yield problem(ERROR, "fields", node, message, f".mapper.{name}")
    given = {name for name, value in values.items() if value not in (None, "")}
    missing = [
        module.facts()[name].label
        for name, info in module.model_fields.items()
        if info.is_required() and name not in given
    ]
    missing += [
        " or ".join(module.facts()[name].label for name in group)
        for group in module.one_of
        if not given.intersection(group)
    ]
    for label in missing:
        yield problem(ERROR, "fields", node, f"{module.label} needs {label}", ".mapper")
