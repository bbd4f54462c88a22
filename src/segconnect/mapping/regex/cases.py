"""Sets of characters as ranges of codes, and which characters differ in nothing but case."""

from __future__ import annotations

import sys
from bisect import bisect_right
from functools import cache, lru_cache
from typing import Final, TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""First and last code of each range: sorted, and apart from each other."""

LAST: Final = sys.maxunicode


def merged(ranges: list[tuple[int, int]]) -> Ranges:
    """Sorts ranges and joins those that touch."""
    result: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return tuple(result)


def inverted(ranges: Ranges) -> Ranges:
    """The characters that are in none of the ranges."""
    result = []
    start = 0
    for first, last in ranges:
        if first > start:
            result.append((start, first - 1))
        start = last + 1
    if start <= LAST:
        result.append((start, LAST))
    return tuple(result)


def canonical(char: str, is_unicode: bool) -> str:
    """What a character has in common with its other cases, as JavaScript has it."""
    if is_unicode:
        folded = char.casefold()
        return folded if len(folded) == 1 else char
    upper = char.upper()
    return char if len(upper) != 1 or (char > "\x7f" and upper <= "\x7f") else upper


@lru_cache(maxsize=2048)
def closed(ranges: Ranges, is_unicode: bool) -> Ranges:
    """A set with the other cases of all its characters."""
    families = _families(is_unicode)
    firsts = [first for first, _ in ranges]
    added = list(ranges)
    for family in families:
        if any(_has(ranges, firsts, code) for code in family):
            added.extend((code, code) for code in family)
    return merged(added)


def _has(ranges: Ranges, firsts: list[int], code: int) -> bool:
    place = bisect_right(firsts, code) - 1
    return place >= 0 and code <= ranges[place][1]


@cache
def _families(is_unicode: bool) -> list[tuple[int, ...]]:
    """The characters that have several cases, those that differ only in it together."""
    families: dict[str, list[int]] = {}
    for code in range(0x1E944 if is_unicode else 0x10000):
        families.setdefault(canonical(chr(code), is_unicode), []).append(code)
    return [tuple(family) for family in families.values() if len(family) > 1]
