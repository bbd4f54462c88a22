"""Regular expressions as JavaScript has them, in bounded time and memory.

A pattern goes to Python's `re` where that is known to be quick and to agree with JavaScript, and to
a matcher of our own, which counts its steps, where it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from segconnect.mapping.regex import syntax
from segconnect.mapping.regex.machine import Machine, Meter
from segconnect.mapping.regex.python import (
    SAFE_STEPS,
    compiled,
    worst_steps,
)
from segconnect.mapping.values import MAX_TEXT, TOO_LONG, UnusableError

FLAGS = "dgimsuvy"

__all__ = ["FLAGS", "Found", "Regex", "pattern_of", "regex", "replace_pattern"]


class Found:
    """A match: where it and its groups are in the text."""

    __slots__ = ("names", "spans", "text")

    def __init__(
        self, text: str, spans: tuple[tuple[int, int], ...], names: dict[str, int]
    ) -> None:
        self.text, self.spans, self.names = text, spans, names

    @property
    def start(self) -> int:
        return self.spans[0][0]

    @property
    def end(self) -> int:
        return self.spans[0][1]

    def group(self, number: int = 0) -> str | None:
        """The text of a group, or of the whole match; None if the group took no part in it."""
        start, end = self.spans[number]
        return None if start < 0 else self.text[start:end]

    def groups(self) -> list[str | None]:
        """The texts of all groups."""
        return [self.group(number) for number in range(1, len(self.spans))]

    def named(self) -> dict[str, str | None]:
        """The texts of the groups that have a name."""
        return {name: self.group(number) for name, number in self.names.items()}


class Regex:
    """A regular expression with its flags (of d g i m s u v y).

    Raises:
        UnusableError: It is none, or too large.
    """

    def __init__(self, pattern: str, flags: str = "") -> None:
        if len(set(flags)) < len(flags) or not set(flags) <= set(FLAGS):
            raise UnusableError(f"invalid regular expression flags {flags!r}")
        try:
            parsed = syntax.parse(pattern, flags)
        except RecursionError:
            raise UnusableError("the regular expression is nested too deeply") from None
        self.pattern, self.flags = pattern, flags
        self.is_global, self.is_sticky = "g" in flags, "y" in flags
        self.groups, self.names = parsed.groups, parsed.names
        self._node = parsed.node
        self._quick: re.Pattern[str] | None = compiled(parsed.node)
        self._machine: Machine | None = None

    def finditer(self, text: str) -> Iterator[Found]:
        """All matches, one after another; an empty one does not stop the search.

        Raises:
            UnusableError: It takes too many steps.
        """
        quick = self._quick_for(text)
        place = 0
        meter = Meter()
        while place <= len(text):
            if quick is not None:
                match = (quick.match if self.is_sticky else quick.search)(text, place)
                spans = match and match.regs
            else:
                spans = self._slow(text, place, meter)
            if not spans:
                return
            found = Found(text, spans, self.names)
            yield found
            place = found.end + (found.end == found.start)

    def search(self, text: str) -> Found | None:
        """The first match."""
        return next(self.finditer(text), None)

    def _quick_for(self, text: str) -> re.Pattern[str] | None:
        return self._quick if len(text) <= self._quick_length else None

    @cached_property
    def _quick_length(self) -> int:
        """The longest text that `re` is surely done with in time."""
        length = 1 << 24
        while length and worst_steps(self._node, length) > SAFE_STEPS:
            length //= 2
        return length

    def replace_all(self, text: str, replacement: str) -> str | None:
        """Replaces every match by the same text, where that is quick and surely not too long."""
        quick = self._quick_for(text)
        size = len(text) + (len(text) + 1) * len(replacement)
        if quick is None or self.is_sticky or size > MAX_TEXT:
            return None
        return quick.sub(lambda match: replacement, text) if replacement else quick.sub("", text)

    def _slow(self, text: str, place: int, meter: Meter) -> tuple[tuple[int, int], ...] | None:
        if self._machine is None:
            self._machine = Machine(self._node, self.groups, self.flags)
        find = self._machine.match if self.is_sticky else self._machine.search
        registers = find(text, place, meter)
        if registers is None:
            return None
        pairs = [(registers[at], registers[at + 1]) for at in range(0, 2 * self.groups + 2, 2)]
        return tuple(pair if pair[1] >= 0 else (-1, -1) for pair in pairs)


@lru_cache(maxsize=512)
def regex(pattern: str, flags: str = "") -> Regex:
    """A regular expression, from a cache if it was used lately."""
    return Regex(pattern, flags)


def pattern_of(search: str) -> Regex | None:
    """The regular expression that a text of the form /pattern/flags says; None for another text.

    Raises:
        UnusableError: It has that form and is no regular expression.
    """
    if not search.startswith("/") or len(search) < 3:
        return None
    return _cached_pattern_of(search) if len(search) <= 500 else _pattern_of(search)


def _pattern_of(search: str) -> Regex | None:
    pattern, slash, flags = search[1:].rpartition("/")
    if not slash or not pattern or len(set(flags)) < len(flags) or not set(flags) <= set(FLAGS):
        return None
    return Regex(pattern, flags)


_cached_pattern_of = lru_cache(maxsize=512)(_pattern_of)


_REFERENCE = re.compile(r"\$(?:([$&`'])|(\d\d?)|(<))", re.ASCII)


def replace_pattern(pattern: Regex, text: str, replacement: str) -> str:
    """Replaces the first match, or with the flag g all of them.

    In the replacement, $& is the match, $1 to $99 are groups, $` and $' are what stands before and
    after, and $$ is a dollar sign.

    Raises:
        UnusableError: It has named groups, takes too many steps, or the text would be too long.
    """
    if pattern.names:
        raise UnusableError("named groups are not supported; number them: $1, $2")
    if pattern.is_global and "$" not in replacement:
        replaced = pattern.replace_all(text, replacement)
        if replaced is not None:
            return replaced
    pieces, size, place = [], 0, 0
    for found in pattern.finditer(text):
        expanded = _expanded(replacement, found) if "$" in replacement else replacement
        pieces += [text[place : found.start], expanded]
        size += found.start - place + len(expanded)
        if size > MAX_TEXT:
            raise UnusableError(TOO_LONG)
        place = found.end
        if not pattern.is_global:
            break
    return "".join([*pieces, text[place:]])


def _expanded(replacement: str, found: Found) -> str:
    pieces, size, place = [], 0, 0
    for reference in _REFERENCE.finditer(replacement):
        piece = _referred(reference, found)
        if piece is None:
            continue
        pieces += [replacement[place : reference.start()], piece[0]]
        size += len(piece[0])
        if size > MAX_TEXT:
            raise UnusableError(TOO_LONG)
        place = reference.end() - piece[1]
    return "".join([*pieces, replacement[place:]])


def _referred(reference: re.Match[str], found: Found) -> tuple[str, int] | None:
    """What a reference stands for, and how many of its characters are none of it."""
    sign, digits, _ = reference.groups()
    match sign:
        case "$":
            return "$", 0
        case "&":
            return found.group() or "", 0
        case "`":
            return found.text[: found.start], 0
        case "'":
            return found.text[found.end :], 0
    if digits and 0 < int(digits) < len(found.spans):
        return found.group(int(digits)) or "", 0
    if digits and len(digits) == 2 and 0 < int(digits[0]) < len(found.spans):
        return found.group(int(digits[0])) or "", 1
    return None
