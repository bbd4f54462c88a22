"""A bundle on its way: what it holds, where it came from, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segconnect.errors import SegconnectError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bundle lies in its source: physical lines of a text file, or the item's number."""

    source: str  # the file's name
    first: int  # counted from 1
    last: int
    unit: str = "line"

    def __str__(self) -> str:
        if self.first == self.last:
            return f"{self.source}, {self.unit} {self.first}"
        return f"{self.source}, {self.unit}s {self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class SourceBundle:
    """What a source gives: a bundle and its place, or why the place cannot be read.

    With its cursor, a plain JSON object, the source goes on right after this bundle: after a crash,
    and in a later run, which so gets only what is new.
    """

    values: dict[str, Any]
    place: Place
    error: SegconnectError | None = None
    cursor: Any = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A bundle that could not be delivered, and why."""

    place: Place
    module: str  # the label of the module that failed, or of the source
    error: SegconnectError
    values: dict[str, Any]  # the source's bundle, to be mended and run again
