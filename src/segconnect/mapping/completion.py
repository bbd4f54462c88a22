"""What may stand at the end of a template that is being written, and the call that is open."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segconnect.errors import MappingError
from segconnect.mapping.compiler import KEYWORDS, VARIABLES
from segconnect.mapping.context import Context
from segconnect.mapping.registry import Function, Functions
from segconnect.mapping.template import compile_template
from segconnect.mapping.values import Value


@dataclass(frozen=True, slots=True)
class Completions:
    """What a word may become.

    Attributes:
        start: Where the word begins.
        words: What may stand in its place, each whole.
    """

    start: int
    words: Sequence[str]


_QUOTED = r"\"[^\"]*(?:\"|$)|'[^']*(?:'|$)"
_TICKED = r"`[^`]*(?:`|$)"
_PLACE = re.compile(rf"{_QUOTED}|{_TICKED}|}}}}")
_TOKEN = re.compile(rf"{_QUOTED}|{_TICKED}|([^\W\d][\w$]*)?\s*\(|[\[;)\]]")
_LITERAL = re.compile(rf"{_QUOTED}|{_TICKED}")
_STEPS = r"(?:\d+|`\d+`)(?:\.(?:[\w$]+|`[^`]*`)|\[[^\[\]]*\])*"
_PATH = re.compile(rf"({_STEPS})\.(`[^`]*`?|[\w$]*)$")
_WORD = re.compile(r"[\w$]*$")
_BARE = re.compile(r"(?:[^\W\d]|\$)[\w$]*")


def opened(text: str) -> int | None:
    """Where the expression begins that is open at the end of a text; None if none is."""
    position = 0
    while (opening := text.find("{{", position)) >= 0:
        while text.startswith("{{{", opening):
            opening += 1
        start = opening + 2
        closing = next((each for each in _PLACE.finditer(text, start) if each[0] == "}}"), None)
        if closing is None:
            return start
        position = closing.end()
    return None


def call_at(text: str, functions: Functions) -> tuple[Function, int] | None:
    """The innermost call that is open at the end of a text, and the number of its argument from 0.

    A bracket that is opened in it, such as that of an index, does not hide it.
    """
    start = opened(text)
    calls: list[list[Any]] = []  # the name before each open bracket, and the argument
    for token in _TOKEN.finditer(text, len(text) if start is None else start):
        match token[0][-1]:
            case "(" | "[":
                calls.append([token[1] or "", 0])
            case ")" | "]" if calls:
                calls.pop()
            case ";" if calls:
                calls[-1][1] += 1
    found = next(((name, at) for name, at in reversed(calls) if name in functions), None)
    return found and (functions[found[0]], found[1])


def completions(text: str, functions: Functions, bundles: Mapping[Any, Value]) -> Completions:
    """What the word at the end of a text may become.

    A word becomes a function, a keyword, a variable or the number of a module; after N. it becomes
    a key of what there is, in backticks where it has to be. In a text literal, and outside of
    expressions, nothing is suggested.
    """
    start = opened(text)
    end = len(text)
    if start is None or _is_in_literal(text, start):
        return Completions(end, [])
    path = _PATH.search(text, start)
    if path:
        keys = _keys_at(path[1], functions, bundles)
        key = path[2].strip("`")
        fitting = [written(each) for each in keys if each.startswith(key)]
        return Completions(path.start(2), fitting)
    word = _WORD.search(text, start)
    begun = word[0] if word else ""
    names = [f"{name}(" for name in functions]
    names += [*KEYWORDS, *VARIABLES, *(f"{module}." for module in bundles)]
    return Completions(end - len(begun), sorted(name for name in names if name.startswith(begun)))


def similar(expression: str, functions: Functions, bundles: Mapping[Any, Value]) -> str | None:
    """What was meant by a path or a word that leads nowhere, if there is something like it."""
    path = _PATH.fullmatch(expression)
    if path:
        keys = _keys_at(path[1], functions, bundles)
        close = difflib.get_close_matches(path[2].strip("`"), keys, n=1)
        return f"{path[1]}.{written(close[0])}" if close else None
    if not _BARE.fullmatch(expression):
        return None
    close = difflib.get_close_matches(expression, [*KEYWORDS, *VARIABLES], n=1)
    return close[0] if close and close[0] != expression else None


def _is_in_literal(text: str, start: int) -> bool:
    last = ""
    for token in _LITERAL.finditer(text, start):
        last = token[0] if token.end() == len(text) else ""
    return last.startswith(("'", '"')) and (len(last) == 1 or last[-1] != last[0])


def _keys_at(path: str, functions: Functions, bundles: Mapping[Any, Value]) -> list[str]:
    """The keys of what is at a path; none where there is no collection."""
    module = f"`{path}`" if path.isdigit() else path
    try:
        value = compile_template("{{" + module + "}}", functions).evaluate(Context(bundles))
    except MappingError:
        return []
    return [key for key in value if isinstance(key, str)] if isinstance(value, Mapping) else []


def written(key: str) -> str:
    """A key as it stands in a path: in backticks where it has to."""
    return key if _BARE.fullmatch(key) else f"`{key}`"
