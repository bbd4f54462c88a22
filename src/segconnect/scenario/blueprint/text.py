"""JSON and YAML as texts: read within bounds, written so that what was read comes back.

YAML is read as YAML 1.2 and JSON have it: `on`, `12:30`, `010` and `2026-01-31` are texts, and only
`true`, `false`, `null` and numbers are not. Keys are texts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import yaml

from segconnect.errors import ScenarioError

MAX_FILE = 10_000_000
"""Bytes in a file."""

MAX_DEPTH = 150
"""How deep arrays and collections may be nested."""

MAX_VALUES = 1_000_000
"""Values in a file, where YAML's aliases are counted each time they are used."""

_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_BOOLEAN = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INTEGER = re.compile(r"^[-+]?[0-9]{1,4300}$")
_FLOAT = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_LEADING_ZERO = re.compile(r"^[-+]?0[0-9]")


class _Loader(yaml.SafeLoader):
    """Reads scalars as YAML 1.2's core schema does, and refuses a key that is there twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Reads a collection."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    told = f"the key {key.value[:60]!r} is there twice"
                    raise yaml.constructor.ConstructorError(None, None, told, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _scalar(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    text = node.value
    if _LEADING_ZERO.match(text):
        return text
    return int(text) if _INTEGER.match(text) else float(text)


for _first, _tag, _pattern in (
    (["~", "n", "N", ""], "tag:yaml.org,2002:null", _NULL),
    (list("tTfF"), "tag:yaml.org,2002:bool", _BOOLEAN),
    (list("-+.0123456789"), "tag:yaml.org,2002:float", _FLOAT),
    (["<"], "tag:yaml.org,2002:merge", re.compile(r"^<<$")),
):
    _Loader.add_implicit_resolver(_tag, _pattern, _first)
_Loader.add_constructor("tag:yaml.org,2002:float", _scalar)
_Loader.add_constructor("tag:yaml.org,2002:int", _scalar)


class _Dumper(yaml.SafeDumper):
    """Writes short texts in one line, long ones as blocks, and quotes whatever is ambiguous."""

    def ignore_aliases(self, data: Any) -> bool:
        """Writes the same value out each time."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indents lists, so that the modules of a flow stand out."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    tag = "tag:yaml.org,2002:str"
    style = None
    if not value.replace("\n", "").isprintable():
        style = '"'
    elif "\n" in value and _fits_a_block(value):
        style = "|"
    elif len(value) > 88 and " " in value and _fits_a_block(value):
        style = ">"
    elif "{{" in value or _is_ambiguous(value):
        style = "'" if '"' in value and "\n" not in value else '"'
    return dumper.represent_scalar(tag, value, style=style)


def _fits_a_block(value: str) -> bool:
    lines = value.split("\n")
    return not value.startswith((" ", "\n")) and all(
        line == line.rstrip() and line.isprintable() for line in lines
    )


def _is_ambiguous(value: str) -> bool:
    return bool(_NULL.match(value) or _BOOLEAN.match(value) or _FLOAT.match(value))


_Dumper.add_representer(str, _text)


class Inline(dict[str, Any]):
    """A collection that YAML shows in one line, or in as few as hold it."""


class InlineList(list[Any]):
    """A list that YAML shows in one line, or in as few as hold it."""


def _inline(dumper: yaml.SafeDumper, value: Inline) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True)


def _inline_list(dumper: yaml.SafeDumper, value: InlineList) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


_Dumper.add_representer(Inline, _inline)
_Dumper.add_representer(InlineList, _inline_list)


def read_json(text: str) -> Any:
    """Reads JSON.

    Raises:
        ValueError: It is not JSON; the message names the line and the column.
        ScenarioError: It is JSON that is too large or too deep, or holds what JSON does not.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_number)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise ScenarioError(f"is nested more than {MAX_DEPTH} deep") from None
    except ValueError as error:  # a number of thousands of digits
        raise ScenarioError(str(error)) from None
    return plain(value)


def _no_constant(name: str) -> NoReturn:
    raise ScenarioError(f"holds {name}, which is no JSON")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ScenarioError(f"holds the number {text[:40]}, which is too large")
    return value


def write_json(value: Any) -> str:
    """Writes JSON, indented, with its characters as they are."""
    text = json.dumps(value, indent=4, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"  # half characters as \udXXX


def read_yaml(text: str) -> Any:
    """Reads YAML as JSON's values; anchors, aliases and merge keys are resolved.

    Raises:
        ScenarioError: It is not YAML, is too large or too deep, or holds what JSON does not.
    """
    try:
        value = yaml.load(text, _Loader)  # noqa: S506  # a safe loader, with other scalars
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ScenarioError(f"is not YAML: {where}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ScenarioError(f"is nested more than {MAX_DEPTH} deep") from None
    except ValueError as error:
        raise ScenarioError(f"is not YAML: {error}") from None
    return plain(value)


def write_yaml(value: Any) -> str:
    """Writes YAML for people: in the given order, wrapped at about 100 columns."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=88, indent=2)


def plain(value: Any) -> Any:
    """Copies a value that was read, with keys as texts.

    Raises:
        ScenarioError: It is too large or too deep, or holds what JSON does not.
    """
    left = MAX_VALUES

    def copy(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ScenarioError(f"holds more than {MAX_VALUES:,} values")
        if depth > MAX_DEPTH:
            raise ScenarioError(f"is nested more than {MAX_DEPTH} deep")
        if isinstance(value, Mapping):
            return {_key(key): copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [copy(item, depth + 1) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            raise ScenarioError("holds a number that is too large")
        if value is None or isinstance(value, (str, int, float, bool)):
            return value
        raise ScenarioError(f"holds a {type(value).__name__}, which JSON does not have")

    return copy(value, 0)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key)
    raise ScenarioError("holds a key that is no text")


def is_same(a: Any, b: Any) -> bool:
    """Tells whether two values are the same JSON; 1, 1.0 and true are three values."""
    if type(a) is not type(b) and not (isinstance(a, Mapping) and isinstance(b, Mapping)):
        return isinstance(a, list) and isinstance(b, list) and _are_same(a, b)
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(is_same(item, b[key]) for key, item in a.items())
    if isinstance(a, list):
        return _are_same(a, b)
    return bool(a == b) and (a != 0 or str(a) == str(b))  # -0.0 is not 0.0


def _are_same(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(map(is_same, a, b))
