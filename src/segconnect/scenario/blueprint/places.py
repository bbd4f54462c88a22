"""Where templates stand in a blueprint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from segconnect.scenario.blueprint.model import Chain, Node


class Place(NamedTuple):
    """A template, where it stands, and what it can read."""

    node: Node
    path: str  # such as flow[2].mapper.items[0].name
    field: str  # the same, seen from the module: items[0].name
    text: str
    scope: frozenset[int]


def with_before(chain: Chain) -> Iterator[tuple[Node, Node | None]]:
    """Gives every module of a chain, and of those within it, with the one before it."""
    before: Node | None = None
    for node in chain.nodes:
        yield node, before
        before = node
        for inner in node.chains:
            yield from with_before(inner)


def templates(node: Node, before: Node | None = None) -> Iterator[Place]:
    """Gives every text of a module that is evaluated, also those without an expression.

    Args:
        node: The module.
        before: The module before it in its chain, which a merge reads the branches of.
    """
    own = node.scope
    for field, text in _texts(node.mapper, ""):
        yield Place(node, f"{node.path}.mapper{_joined(field)}", field, text, own)
    for field, text in _conditions(node.filter, "filter.conditions"):
        yield Place(node, f"{node.path}.{field}", field, text, own)
    for position, branch in enumerate(node.branches):
        for field, text in _conditions(branch.raw, f"branches[{position}].conditions"):
            yield Place(node, f"{node.path}.{field}", field, text, own)
    group_by = node.flags.get("groupBy")
    if isinstance(group_by, str):
        yield Place(node, f"{node.path}.flags.groupBy", "groupBy", group_by, own)
    yield from _merged(node, before)


def _merged(node: Node, before: Node | None) -> Iterator[Place]:
    """Gives a merge's templates; each reads from one branch."""
    branches = before.branches if before else ()
    merging = [branch for branch in branches if branch.raw.get("merge") is True]
    scopes = [
        node.scope | {inner.id for inner in branch.nodes if inner.id is not None}
        for branch in merging
    ]
    outputs = node.raw.get("outputs")
    for position, output in enumerate(outputs if isinstance(outputs, list) else []):
        mappings = output.get("mappings") if isinstance(output, Mapping) else None
        for index, mapping in enumerate(mappings if isinstance(mappings, list) else []):
            scope = scopes[index] if index < len(scopes) else node.scope
            for inside, text in _texts(mapping, ""):
                field = f"outputs[{position}].mappings[{index}]{_joined(inside)}"
                yield Place(node, f"{node.path}.{field}", field, text, scope)
    filters = node.raw.get("filters")
    for index, each in enumerate(filters if isinstance(filters, list) else []):
        scope = scopes[index] if index < len(scopes) else node.scope
        for field, text in _conditions(each, f"filters[{index}].conditions"):
            yield Place(node, f"{node.path}.{field}", field, text, scope)


def _conditions(filter_: Any, path: str) -> Iterator[tuple[str, str]]:
    for place, condition in conditions_of(filter_, path):
        for operand in ("a", "b"):
            if operand in condition:
                for field, text in _texts(condition[operand], ""):
                    yield f"{place}.{operand}{_joined(field)}", text


def conditions_of(filter_: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Gives each condition of a filter or branch with its path; a row may stand by itself."""
    rows = filter_.get("conditions") if isinstance(filter_, Mapping) else None
    for position, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, Mapping):
            yield f"{path}[{position}]", row
        for column, condition in enumerate(row if isinstance(row, list) else []):
            if isinstance(condition, Mapping):
                yield f"{path}[{position}][{column}]", condition


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Gives every text in a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, f"{path}[{position}]")


def _joined(field: str) -> str:
    return field if not field or field.startswith("[") else f".{field}"
