"""Regular expressions that Python's `re` can match as JavaScript does, in a time that is known.

`re` cannot be stopped, so it gets a pattern only where the number of steps that it could take in
the worst case is small for the text at hand. That is so where each character of the text decides
which way to go (the pattern is deterministic), or where the few ways there are multiply to little.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from segconnect.mapping.regex import syntax
from segconnect.mapping.regex.cases import Ranges, inverted
from segconnect.mapping.regex.syntax import Chars, Node

SAFE_STEPS: Final = 100_000_000
"""What `re` does in about a second."""

_EDGES: Final = {
    "^": r"\A",
    "$": r"\Z",
    "M": r"(?<![^\n\r\u2028\u2029])",
    "E": r"(?=[\n\r\u2028\u2029]|\Z)",
    "b": r"(?a:\b)",
    "B": r"(?!(?a:\b))",
}


def compiled(node: Node) -> re.Pattern[str] | None:
    """The pattern for `re`, or None where it would not match as JavaScript does."""
    if not _is_alike(node, in_loop=False):
        return None
    try:
        return re.compile(written(node))
    except (re.error, RecursionError, OverflowError):
        return None


def written(node: Node) -> str:
    """A node in the syntax of `re`."""
    match node:
        case Chars():
            return chars(node.ranges)
        case syntax.Sequence():
            return "".join(written(item) for item in node.items)
        case syntax.Choice():
            return f"(?:{'|'.join(written(option) for option in node.options)})"
        case syntax.Group():
            return f"({written(node.node)})"
        case syntax.Repeat():
            most = "" if node.most is None else node.most
            return f"(?:{written(node.node)}){{{node.least},{most}}}{'?' if node.is_lazy else ''}"
        case syntax.Look():
            sign = ("" if node.is_ahead else "<") + ("!" if node.is_negative else "=")
            return f"(?{sign}{written(node.node)})"
        case syntax.Edge():
            return _EDGES[node.kind]
        case syntax.Again():
            return f"(?({node.number})\\{node.number}|)"


def chars(ranges: Ranges) -> str:
    """A set of characters in the syntax of `re`."""
    if not ranges:
        return "(?!)"
    if ranges == syntax.EVERY:
        return r"(?s:.)"
    others = inverted(ranges)
    if len(others) < len(ranges):
        return f"[^{_spans(others)}]"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return re.escape(chr(ranges[0][0]))
    return f"[{_spans(ranges)}]"


def _spans(ranges: Ranges) -> str:
    return "".join(
        _escaped(first) if first == last else f"{_escaped(first)}-{_escaped(last)}"
        for first, last in ranges
    )


def _escaped(code: int) -> str:
    return f"\\U{code:08x}"


def _is_alike(node: Node, *, in_loop: bool) -> bool:
    """Whether `re` gives the same match and groups.

    In JavaScript a group is forgotten when the loop around it goes on without it, and by a look
    that must not match; a loop does not go round for nothing; and it may look back over any length.
    """
    match node:
        case syntax.Sequence():
            return all(_is_alike(item, in_loop=in_loop) for item in node.items)
        case syntax.Choice():
            return all(_is_alike(item, in_loop=in_loop) for item in node.options)
        case syntax.Group():
            return not in_loop and _is_alike(node.node, in_loop=in_loop)
        case syntax.Repeat():
            if can_be_empty(node.node):
                return False
            return _is_alike(node.node, in_loop=in_loop or node.most != 1)
        case syntax.Look():
            return node.is_ahead and _is_alike(node.node, in_loop=True)
        case syntax.Again():
            return False
    return True


def worst_steps(node: Node, length: int) -> float:
    """How many steps `re` takes at most to find one match in a text of that length, or none."""
    return (length + 1) * _steps_at_one_place(node, length)


def _steps_at_one_place(node: Node, length: int) -> float:
    ways = 1.0 if is_deterministic(node) else _ways(node, length)
    steps = ways * (length + 1 if _count_loops(node) else 1)
    for look in _looks(node):
        steps *= max(1, _steps_at_one_place(look.node, length))
    return steps


def _looks(node: Node) -> list[syntax.Look]:
    """The looks of a node that are not inside another one."""
    match node:
        case syntax.Look():
            return [node]
        case syntax.Sequence():
            return [look for item in node.items for look in _looks(item)]
        case syntax.Choice():
            return [look for option in node.options for look in _looks(option)]
        case syntax.Group() | syntax.Repeat():
            return _looks(node.node)
    return []


def _count_loops(node: Node) -> int:
    match node:
        case syntax.Sequence():
            return sum(_count_loops(item) for item in node.items)
        case syntax.Choice():
            return sum(_count_loops(option) for option in node.options)
        case syntax.Repeat():
            return 1 + _count_loops(node.node)
        case syntax.Group() | syntax.Look():
            return _count_loops(node.node)
    return 0


def _ways(node: Node, length: int) -> float:
    """In how many ways a node can match at one place, at most."""
    match node:
        case syntax.Sequence():
            return math.prod(_ways(item, length) for item in node.items)
        case syntax.Choice():
            return sum(_ways(option, length) for option in node.options)
        case syntax.Repeat():
            inner = _ways(node.node, length)
            if node.most == 1:
                return inner + 1 - node.least
            if inner > 1 or can_be_empty(node.node):
                return math.inf
            most = length if node.most is None else min(node.most, length)
            return max(1, most - node.least + 1)
        case syntax.Group() | syntax.Look():
            return _ways(node.node, length)
    return 1


def can_be_empty(node: Node) -> bool:
    """Whether a node can match without a character."""
    match node:
        case Chars():
            return False
        case syntax.Sequence():
            return all(can_be_empty(item) for item in node.items)
        case syntax.Choice():
            return any(can_be_empty(option) for option in node.options)
        case syntax.Group():
            return can_be_empty(node.node)
        case syntax.Repeat():
            return node.least == 0 or can_be_empty(node.node)
    return True


def is_deterministic(node: Node) -> bool:
    """Whether, at every place of the pattern, the next character says which way to go.

    It is so where no two of the places that may come next share a character.
    """
    automaton = _Places()
    try:
        first, _, _ = automaton.add(node)
    except (OverflowError, RecursionError):
        return False
    return all(automaton.are_apart(each) for each in (first, *automaton.next.values()))


class _Places:
    """The places of a pattern, and which may come after which."""

    LIMIT = 300

    def __init__(self) -> None:
        self.sets: list[Ranges] = []
        self.next: dict[int, set[int]] = {}

    def add(self, node: Node) -> tuple[set[int], set[int], bool]:
        """The places that it may begin with and end with, and whether it may be empty."""
        match node:
            case Chars():
                return self._add_chars(node.ranges)
            case syntax.Sequence():
                return self._add_sequence(node.items)
            case syntax.Choice():
                parts = [self.add(option) for option in node.options]
                firsts, lasts, empties = zip(*parts, strict=True)
                if sum(empties) > 1:
                    raise OverflowError
                return set().union(*firsts), set().union(*lasts), any(empties)
            case syntax.Group():
                return self.add(node.node)
            case syntax.Repeat():
                return self._add_repeat(node)
            case syntax.Again():
                raise OverflowError
        return set(), set(), True

    def _add_chars(self, ranges: Ranges) -> tuple[set[int], set[int], bool]:
        place = len(self.sets)
        if place >= self.LIMIT:
            raise OverflowError
        self.sets.append(ranges)
        self.next[place] = set()
        return {place}, {place}, False

    def _add_sequence(self, items: Iterable[Node]) -> tuple[set[int], set[int], bool]:
        first: set[int] = set()
        last: set[int] = set()
        is_empty = True
        for item in items:
            item_first, item_last, item_empty = self.add(item)
            self._follow(last, item_first)
            first = first | item_first if is_empty else first
            last = last | item_last if item_empty else item_last
            is_empty = is_empty and item_empty
        return first, last, is_empty

    def _follow(self, last: set[int], first: set[int]) -> None:
        for place in last:
            if self.next[place] & first:  # two loops lead from one to the other, as in (a+)+
                raise OverflowError
            self.next[place] |= first

    def _add_repeat(self, node: syntax.Repeat) -> tuple[set[int], set[int], bool]:
        first, last, is_empty = self.add(node.node)
        if is_empty and node.most != 0:
            raise OverflowError
        if node.most is None or node.most > 1:
            if (
                node.least != node.most
                and (node.least > 1 or node.most is not None)
                and (not isinstance(node.node, Chars))
            ):
                raise OverflowError
            self._follow(last, first)
        return first, last, is_empty or node.least == 0

    def are_apart(self, places: set[int]) -> bool:
        """Whether no two places share a character."""
        spans = sorted(span for place in places for span in self.sets[place])
        return all(before[1] < after[0] for before, after in pairwise(spans))
