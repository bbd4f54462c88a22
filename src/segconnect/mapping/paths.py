"""Paths given at run time, such as "items[2].name": keys, and positions counted from 1."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from segconnect.mapping.comparison import is_nothing
from segconnect.mapping.operators import item, member
from segconnect.mapping.values import MAX_ITEMS, UnusableError, Value, to_text

Step: TypeAlias = str | int
"""A key, or a position that was written in brackets."""

MAX_STEPS = 100

_STEP = re.compile(r"\.?\s*(?:`([^`]*)`|\[\s*(-?\d{0,9})\s*\]|([^.`\[\]]+))")


def steps_of(path: Value) -> tuple[Step, ...]:
    """Reads a path: "a.b", "a[2].b", "a.2.b", "a.`b c`" or a number.

    Raises:
        UnusableError: It is no path.
    """
    text = path if type(path) is str else to_text(path)
    if len(text) > 1000:
        raise UnusableError("the path is too long")
    return _steps_of(text)


@lru_cache(maxsize=1024)
def _steps_of(text: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None or len(steps) == MAX_STEPS:
            raise UnusableError(f"{text[:60]!r} is not a path such as items[2].name")
        ticked, index, key = found.groups()
        if index is not None:
            steps.append(int(index) if index not in ("", "-") else 1)
        else:
            steps.append(key if ticked is None else ticked)
        position = found.end()
    return tuple(steps)


def reached(value: Value, steps: Sequence[Step]) -> Value:
    """The value at the end of a path; nothing where it leads nowhere."""
    for step in steps:
        if type(value) is dict:
            value = value.get(step) if type(step) is str else None
        elif isinstance(step, int) or not isinstance(value, Mapping):
            value = item(value, step)
        else:
            value = member(value, step)
        if value is None:
            return None
    return value


def changed(value: Value, steps: Sequence[Step], new: Value) -> Value:
    """A copy of a value with another one at the end of a path."""
    if not steps:
        return new
    step, rest = steps[0], steps[1:]
    if isinstance(value, (list, tuple)) and (value or isinstance(step, int)):
        return _changed_array(list(value), step, rest, new)
    if is_nothing(value) and isinstance(step, int):
        return _changed_array([], step, rest, new)
    if is_nothing(value) or value == []:
        value = {}
    if not isinstance(value, Mapping):
        raise UnusableError("a path leads through collections and arrays only")
    return {**value, str(step): changed(value.get(str(step)), rest, new)}


def _changed_array(items: list[Value], step: Step, rest: Sequence[Step], new: Value) -> Value:
    try:
        position = int(step)
    except ValueError:
        raise UnusableError(f"{step!r} is not a position in an array") from None
    if position < 0:
        position += len(items) + 1
    if not 0 < position <= MAX_ITEMS:
        raise UnusableError(f"an array has no position {step}")
    items.extend([None] * (position - len(items)))
    items[position - 1] = changed(items[position - 1], rest, new)
    return items
