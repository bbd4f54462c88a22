"""Reads scenario files: blueprints in every envelope they come in, and our YAML.

Whatever stands around a blueprint is kept, and written back with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from segconnect.errors import ScenarioError
from segconnect.scenario.blueprint import convert, text
from segconnect.scenario.blueprint.known import SHORT
from segconnect.scenario.blueprint.model import Blueprint

Step: TypeAlias = str | int | None
"""A step on the way to a blueprint: a key, a position, or None: a text that holds JSON."""


class Form(StrEnum):
    """What a file is."""

    BARE = "a blueprint"
    WRAPPED = "a blueprint in an envelope"
    ANSWER = "an API answer with a blueprint"
    TEMPLATE = "a template"
    COPIED = "modules copied from the scenario editor"
    YAML = "a segconnect scenario"


@dataclass(frozen=True)
class Document:
    """A scenario file that was read.

    Attributes:
        form: What the file is.
        blueprint: Its blueprint; for our YAML, the blueprint that it stands for.
        whole: All of the file, as JSON's values; the blueprint lies `steps` deep in it.
        steps: The way from `whole` to the blueprint.
    """

    form: Form
    blueprint: Blueprint
    whole: Any
    steps: tuple[Step, ...] = ()

    @property
    def scheduling(self) -> Mapping[str, Any] | None:
        """The schedule that stands beside the blueprint."""
        beside = self._reach(self.steps[:-1]) if self.steps else None
        found = beside.get("scheduling") if isinstance(beside, Mapping) else None
        if isinstance(found, str):
            try:
                found = text.read_json(found)
            except (ValueError, ScenarioError):
                return None
        return found if isinstance(found, Mapping) else None

    def _reach(self, steps: tuple[Step, ...]) -> Any:
        value = self.whole
        for step in steps:
            value = text.read_json(value) if step is None else value[step]
        return value

    def to_json(self) -> str:
        """Writes the blueprint in its envelope: what was read, if nothing was changed."""
        return text.write_json(_put(self.whole, self.steps, self.blueprint.raw))

    def to_yaml(self) -> str:
        """Writes our YAML; `parse` makes the same document of it."""
        return text.write_yaml(
            convert.to_yaml(_put(self.whole, self.steps, self.blueprint.raw), self.steps)
        )

    def with_blueprint(self, raw: dict[str, Any]) -> Document:
        """Answers the same envelope round another blueprint."""
        return replace(self, blueprint=Blueprint(raw))


def read(path: Path) -> Document:
    """Reads a scenario file.

    Raises:
        ScenarioError: It cannot be read, or is no scenario; the message names the file.
    """
    try:
        if path.stat().st_size > text.MAX_FILE:
            raise ScenarioError(f"{path}: is larger than {text.MAX_FILE:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return parse(_decoded(content))
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise ScenarioError("is not UTF-8 text; save it as UTF-8") from None


def parse(content: str) -> Document:
    """Reads a scenario from its text: JSON, or else YAML.

    Raises:
        ScenarioError: It is no scenario.
    """
    if len(content) > text.MAX_FILE:
        raise ScenarioError(f"is larger than {text.MAX_FILE:,} characters")
    content = content.removeprefix("\ufeff")
    if not content.strip():
        raise ScenarioError("is empty; expected a blueprint (JSON) or a scenario (YAML)")
    try:
        value = text.read_json(content)
    except ValueError as error:
        if content.lstrip()[:1] in '{["':
            return _of_flow_yaml(content, error)
        return _document(text.read_yaml(content), is_yaml=True)
    return _document(value, is_yaml=False)


def _of_flow_yaml(content: str, error: ValueError) -> Document:
    """Takes what begins like JSON for YAML in braces, or tells where the JSON is broken."""
    try:
        value = text.read_yaml(content)
    except ScenarioError:
        at = error if isinstance(error, json.JSONDecodeError) else None
        where = f"line {at.lineno}, column {at.colno}: {at.msg}" if at else str(error)
        raise ScenarioError(f"is not JSON: {where}") from None
    return _document(value, is_yaml=True)


def _document(value: Any, *, is_yaml: bool) -> Document:
    if _is_ours(value, is_yaml=is_yaml):
        whole, steps = convert.from_yaml(value)
        raw = whole
        for step in steps:
            raw = text.read_json(raw) if step is None else raw[step]
        return Document(Form.YAML, Blueprint(raw), whole, tuple(steps))
    found = _find(value)
    if found is None:
        raise ScenarioError(_told(value))
    steps, raw = found
    return Document(_form(value, steps), Blueprint(raw), value, steps)


def _is_ours(value: Any, *, is_yaml: bool) -> bool:
    """Tells our format from a blueprint; where both would do, the language of the file decides."""
    if not isinstance(value, Mapping) or "metadata" in value or "flow" not in value:
        return False
    flow = value["flow"] if isinstance(value["flow"], list) else []
    names = [module.get("module") for module in flow if isinstance(module, Mapping)]
    return (
        is_yaml
        or any(key in value for key in ("timezone", *convert.REST_KEYS))
        or any(isinstance(name, str) and name in SHORT for name in names)
    )


_WRAPPERS = ("blueprint", "response", "scenario", "template", "data", "result", "flow")
MAX_ENVELOPES = 6


def _find(value: Any) -> tuple[tuple[Step, ...], dict[str, Any]] | None:
    """Finds the blueprint nearest to the outside."""
    front: list[tuple[tuple[Step, ...], Any]] = [((), value)]
    for _ in range(MAX_ENVELOPES):
        following: list[tuple[tuple[Step, ...], Any]] = []
        for steps, each in front:
            if isinstance(each, dict):
                if isinstance(each.get("flow"), list):
                    return steps, each
                following += [((*steps, key), each[key]) for key in _WRAPPERS if key in each]
                subflows = each.get("subflows")
                if isinstance(subflows, list) and subflows:
                    following.append(((*steps, "subflows", 0), subflows[0]))
            elif isinstance(each, list) and len(each) == 1:
                following.append(((*steps, 0), each[0]))
            elif isinstance(each, str) and each.lstrip("\ufeff \t\r\n")[:1] in ("{", '"', "["):
                try:
                    following.append(((*steps, None), text.read_json(each.lstrip("\ufeff"))))
                except ValueError:
                    continue
        front = following
    return None


def _form(value: Any, steps: tuple[Step, ...]) -> Form:
    if steps in ((), (None,)):
        return Form.BARE
    if "subflows" in steps:
        return Form.COPIED
    if "response" in steps:
        return Form.ANSWER
    if isinstance(value, Mapping) and ("controller" in value or "language" in value):
        return Form.TEMPLATE
    return Form.WRAPPED


_STRANGERS = (
    (("nodes", "connections"), "an n8n workflow", "rebuild it here; only blueprints are read"),
    (("nodes", "edges"), "a graph of nodes and edges", "only blueprints are read"),
    (("zap",), "a Zapier export", "only blueprints are read"),
    (("steps", "trigger"), "a workflow of steps", "only blueprints are read"),
    (("openapi",), "an OpenAPI description", "a blueprint has a flow of modules"),
    (("conditions",), "a filter", "a blueprint has a flow of modules"),
    (("module", "id"), "a single module", 'put it into {"name": ..., "flow": [...]}'),
    (("name", "modules"), "no blueprint", "the list of modules is called 'flow'"),
)


def _told(value: Any) -> str:
    """Says what was found instead of a blueprint."""
    if isinstance(value, Mapping):
        for keys, what, advice in _STRANGERS:
            if all(key in value for key in keys):
                return f"is {what}; {advice}"
        if "flow" in value:
            return "is no blueprint: flow is not a list of modules"
        if value.get("blueprint", 0) is None:
            return "is an envelope without a blueprint: 'blueprint' is null"
        found = ", ".join(map(repr, list(value)[:6])) or "nothing"
        return f"is no blueprint: expected a flow of modules, found {found}"
    if isinstance(value, list):
        if value and all(isinstance(each, Mapping) and "module" in each for each in value):
            return 'is a list of modules; put it into {"name": ..., "flow": [...]}'
        return f"is no blueprint but a list of {len(value)}; expected a flow of modules"
    return "is no blueprint; expected a flow of modules"


def _put(whole: Any, steps: tuple[Step, ...], raw: dict[str, Any]) -> Any:
    """Puts a blueprint in its place; JSON inside of a text stays as it is if it says the same."""
    if not steps:
        return raw
    first, rest = steps[0], steps[1:]
    if first is None:
        before = text.read_json(whole.lstrip("\ufeff"))
        after = _put(before, rest, raw)
        return whole if text.is_same(before, after) else text.write_json(after).strip()
    if isinstance(first, int):
        return [*whole[:first], _put(whole[first], rest, raw), *whole[first + 1 :]]
    return {**whole, first: _put(whole[first], rest, raw)}
