"""Reads a regular expression of JavaScript into nodes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

from segconnect.mapping.regex.cases import LAST, Ranges, closed, inverted, merged
from segconnect.mapping.values import UnusableError

MAX_PATTERN: Final = 5000
"""Characters of a regular expression."""

MAX_DEPTH: Final = 50
"""Groups inside one another."""

MAX_REPEAT: Final = 100_000
"""The largest number in braces."""

MAX_RANGES: Final = 50_000
"""Ranges of characters in all sets of a pattern."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    ranges: Ranges  # sorted, apart from each other


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after another."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The first that leads to a match."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A part that is remembered."""

    number: int
    node: Node


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times; no end where `most` is None."""

    node: Node
    least: int
    most: int | None
    is_lazy: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What must, or must not, stand after or before a place."""

    node: Node
    is_ahead: bool
    is_negative: bool


@dataclass(frozen=True, slots=True)
class Again:
    """The text of a group once more; the empty text while it has none."""

    number: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A place: ^ $ b B, and M (a line's start) and E (a line's end) with the flag m."""

    kind: str


Node: TypeAlias = Chars | Sequence | Choice | Group | Repeat | Look | Again | Edge


@dataclass(frozen=True, slots=True)
class Parsed:
    """A regular expression that was read."""

    node: Node
    groups: int
    names: dict[str, int]


def _ranges(*spans: str) -> Ranges:
    return merged([(ord(span[0]), ord(span[-1])) for span in spans])


DIGITS: Final = _ranges("09")
WORD: Final = _ranges("09", "AZ", "az", "_")
SPACE: Final = _ranges(
    "\t\r", " ", "\u00a0", "\u1680", "\u2000\u200a", "\u2028\u2029", "\u202f", "\u205f", "\u3000",
    "\ufeff",
)  # fmt: skip
LINE_ENDS: Final = _ranges("\n", "\r", "\u2028\u2029")
EVERY: Final = ((0, LAST),)

_SETS: Final = {"d": DIGITS, "w": WORD, "s": SPACE}
_INVERTED: Final = {"D": DIGITS, "W": WORD, "S": SPACE}
_CONTROLS: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_BRACES = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_GROUP_NAME = re.compile(r"\(\?<([A-Za-z_$][\w$]*)>")


def parse(pattern: str, flags: str) -> Parsed:
    """Reads a regular expression.

    Raises:
        UnusableError: It is not one, or more than is supported.
    """
    if len(pattern) > MAX_PATTERN:
        raise UnusableError(f"the regular expression is longer than {MAX_PATTERN} characters")
    return _Reader(pattern, flags).read()


class _Reader:
    def __init__(self, pattern: str, flags: str) -> None:
        self.pattern, self.position = pattern, 0
        self.is_unicode, self.is_blind = is_unicode(flags), "i" in flags
        self.is_multiline, self.is_dot_all = "m" in flags, "s" in flags
        self.total, self.names = self._survey()
        self.groups = self.ranges = 0

    def _survey(self) -> tuple[int, dict[str, int]]:
        """How many groups there are, and their names: \\2 may stand before the second."""
        count, names = 0, {}
        for found in re.finditer(
            r"\\.|\[(?:\\.|[^\]\\])*\]|\((?!\?)|\(\?<(?![=!])", self.pattern, re.S
        ):
            if found[0].startswith("("):
                count += 1
                name = _GROUP_NAME.match(self.pattern, found.start())
                if name:
                    names[name[1]] = count
        return count, names

    def refuse(self, why: str) -> UnusableError:
        shown = self.pattern if len(self.pattern) <= 60 else self.pattern[:57] + "..."
        return UnusableError(f"invalid regular expression /{shown}/: {why}")

    def read(self) -> Parsed:
        node = self.choice(0)
        if self.position < len(self.pattern):
            raise self.refuse("unmatched )")
        return Parsed(node, self.groups, self.names)

    def peek(self) -> str:
        return self.pattern[self.position : self.position + 1]

    def takes(self, text: str) -> bool:
        if self.pattern.startswith(text, self.position):
            self.position += len(text)
            return True
        return False

    def choice(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.refuse(f"groups are nested more than {MAX_DEPTH} deep")
        options = [self.sequence(depth)]
        while self.takes("|"):
            options.append(self.sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, depth: int) -> Node:
        items: list[Node] = []
        while self.peek() not in ("", "|", ")"):
            items.append(self.quantified(self.atom(depth)))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def quantified(self, node: Node) -> Node:
        bounds = self.quantifier()
        if bounds is None:
            return node
        if isinstance(node, Edge) or (
            isinstance(node, Look) and (self.is_unicode or not node.is_ahead)
        ):
            raise self.refuse("nothing to repeat")
        least, most = bounds
        is_lazy = self.takes("?")
        if self.peek() in ("*", "+", "?") or self.quantifier() is not None:
            raise self.refuse("nothing to repeat")
        return Repeat(node, least, most, is_lazy)

    def quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.takes(sign):
                return bounds
        found = _BRACES.match(self.pattern, self.position)
        if found is None:
            return None
        if max(len(found[1]), len(found[3] or "")) > 6:
            raise self.refuse(f"a count is larger than {MAX_REPEAT}")
        least = int(found[1])
        most = least if not found[2] else int(found[3]) if found[3] else None
        if max(least, most or 0) > MAX_REPEAT:
            raise self.refuse(f"a count is larger than {MAX_REPEAT}")
        if most is not None and most < least:
            raise self.refuse("numbers out of order in {} quantifier")
        self.position = found.end()
        return least, most

    def atom(self, depth: int) -> Node:
        char = self.peek()
        self.position += 1
        match char:
            case ".":
                return Chars(EVERY if self.is_dot_all else inverted(LINE_ENDS))
            case "^":
                return Edge("M" if self.is_multiline else "^")
            case "$":
                return Edge("E" if self.is_multiline else "$")
            case "(":
                return self.group(depth)
            case "[":
                return self.char_set()
            case "\\":
                return self.escape()
            case "*" | "+" | "?":
                raise self.refuse("nothing to repeat")
            case "{" if _BRACES.match(self.pattern, self.position - 1):
                raise self.refuse("nothing to repeat")
            case "{" | "}" | "]" if self.is_unicode:
                raise self.refuse(f"lone {char}")
        return self.chars(_one(ord(char)))

    def chars(self, ranges: Ranges, *, is_inverted: bool = False) -> Chars:
        ranges = self.in_all_cases(ranges)
        self.ranges += len(ranges)
        if self.ranges > MAX_RANGES:
            raise self.refuse("its sets of characters are too large")
        return Chars(inverted(ranges) if is_inverted else ranges)

    def in_all_cases(self, ranges: Ranges) -> Ranges:
        return closed(ranges, self.is_unicode) if self.is_blind else ranges

    def group(self, depth: int) -> Node:
        start = self.position - 1
        if self.takes("?:"):
            node: Node = Sequence((self.choice(depth + 1),))
        elif self.takes("?="):
            node = Look(self.choice(depth + 1), is_ahead=True, is_negative=False)
        elif self.takes("?!"):
            node = Look(self.choice(depth + 1), is_ahead=True, is_negative=True)
        elif self.takes("?<="):
            node = Look(self.choice(depth + 1), is_ahead=False, is_negative=False)
        elif self.takes("?<!"):
            node = Look(self.choice(depth + 1), is_ahead=False, is_negative=True)
        else:
            name = _GROUP_NAME.match(self.pattern, start)
            if name:
                self.position = name.end()
            elif self.peek() == "?":
                raise self.refuse("invalid group")
            self.groups += 1
            number = self.groups
            node = Group(number, self.choice(depth + 1))
        if not self.takes(")"):
            raise self.refuse("unterminated group")
        return node

    def escape(self) -> Node:
        char = self.peek()
        if not char:
            raise self.refuse("\\ at end of pattern")
        if char in "bB":
            self.position += 1
            return Edge(char)
        if char == "k" and self.names:
            name = re.compile(r"k<([\w$]+)>").match(self.pattern, self.position)
            if name is None or name[1] not in self.names:
                raise self.refuse("invalid named reference")
            self.position = name.end()
            return Again(self.names[name[1]])
        if char in "123456789":
            digits = re.compile(r"\d{1,3}", re.ASCII).match(self.pattern, self.position)
            if digits and int(digits[0]) <= self.total:
                self.position = digits.end()
                return Again(int(digits[0]))
        return self.chars(self.escaped())

    def escaped(self) -> Ranges:
        """What stands after a backslash, in a set or outside."""
        char = self.peek()
        self.position += 1
        if char in _SETS:
            return _SETS[char]
        if char in _INVERTED:
            return inverted(self.in_all_cases(_INVERTED[char]))
        if char in _CONTROLS:
            return _one(ord(_CONTROLS[char]))
        if char in "pP" and self.is_unicode:
            return self.category(is_inverted=char == "P")
        if char == "c":
            letter = self.peek()
            if letter.isascii() and letter.isalpha():
                self.position += 1
                return _one(ord(letter) % 32)
            self.position -= 1
            return _one(ord("\\"))
        if char == "x":
            return _one(self.hexadecimal(r"[0-9a-fA-F]{2}", "x"))
        if char == "u":
            if self.is_unicode and self.peek() == "{":
                return _one(self.hexadecimal(r"\{[0-9a-fA-F]{1,6}\}", "u"))
            code = self.hexadecimal(r"[0-9a-fA-F]{4}", "u")
            return _one(self.joined(code))
        if char == "0" and self.is_unicode:
            return _one(0)
        if char in "01234567" and not self.is_unicode:
            digits = re.compile(r"[0-3]?[0-7]{1,2}").match(self.pattern, self.position - 1)
            if digits:
                self.position = digits.end()
                return _one(int(digits[0], 8))
        if self.is_unicode and char not in "^$\\.*+?()[]{}|/":
            raise self.refuse("invalid escape")
        return _one(ord(char))

    def hexadecimal(self, form: str, letter: str) -> int:
        found = re.compile(form).match(self.pattern, self.position)
        if found is None:
            if self.is_unicode:
                raise self.refuse(f"invalid escape \\{letter}")
            return ord(letter)
        self.position = found.end()
        code = int(found[0].strip("{}"), 16)
        if code > LAST:
            raise self.refuse("there is no such character")
        return code

    def joined(self, code: int) -> int:
        """Makes one character of the two halves that JavaScript writes it with."""
        second = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})").match(self.pattern, self.position)
        if 0xD800 <= code <= 0xDBFF and second:
            self.position = second.end()
            return 0x10000 + ((code - 0xD800) << 10) + (int(second[1], 16) - 0xDC00)
        return code

    def category(self, *, is_inverted: bool) -> Ranges:
        found = re.compile(r"\{(?:(?:gc|General_Category)=)?(\w+)\}").match(
            self.pattern, self.position
        )
        if found is None or found[1] not in _CATEGORIES:
            raise self.refuse("such a property is not supported; \\p{L}, \\p{Lu}, \\p{N} are")
        self.position = found.end()
        ranges = _of_category(_CATEGORIES[found[1]])
        return inverted(ranges) if is_inverted else ranges

    def char_set(self) -> Node:
        is_inverted = self.takes("^")
        ranges: list[tuple[int, int]] = []
        while not self.takes("]"):
            first = self.member()
            if self.pattern.startswith("-", self.position) and self.pattern[
                self.position + 1 : self.position + 2
            ] not in ("]", ""):
                self.position += 1
                second = self.member()
                if not (_is_one(first) and _is_one(second)):
                    ranges.extend((*first, *second, (ord("-"), ord("-"))))
                    continue
                if first[0][0] > second[0][0]:
                    raise self.refuse("range out of order in character class")
                ranges.append((first[0][0], second[0][0]))
            else:
                ranges.extend(first)
        return self.chars(merged(ranges), is_inverted=is_inverted)

    def member(self) -> Ranges:
        char = self.peek()
        if not char:
            raise self.refuse("unterminated character class")
        self.position += 1
        if char != "\\":
            return _one(ord(char))
        if not self.peek():
            raise self.refuse("\\ at end of pattern")
        if self.takes("b"):
            return _one(8)
        if self.is_unicode and self.takes("-"):
            return _one(ord("-"))
        return self.escaped()


def _one(code: int) -> Ranges:
    return ((code, code),)


def is_unicode(flags: str) -> bool:
    """Whether the flags ask for the stricter syntax with \\p{...} and \\u{...}."""
    return "u" in flags or "v" in flags


def _is_one(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


_CATEGORIES: Final = {
    **{
        name: name
        for name in [
            "L",
            "Lu",
            "Ll",
            "Lt",
            "Lm",
            "Lo",
            "M",
            "Mn",
            "Mc",
            "Me",
            "N",
            "Nd",
            "Nl",
            "No",
            "P",
            "S",
            "Sm",
            "Sc",
            "Z",
            "Zs",
            "C",
            "Cc",
        ]
    },
    "Letter": "L",
    "Uppercase_Letter": "Lu",
    "Lowercase_Letter": "Ll",
    "Mark": "M",
    "Number": "N",
    "Punctuation": "P",
    "Symbol": "S",
    "Separator": "Z",
    "Alphabetic": "L",
    "Uppercase": "Lu",
    "Lowercase": "Ll",
}


@cache
def _of_category(name: str) -> Ranges:
    codes = [code for code in range(LAST + 1) if unicodedata.category(chr(code)).startswith(name)]
    return merged([(code, code) for code in codes])
