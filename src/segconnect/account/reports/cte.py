"""What a view is, and how those that a query reads are put before it, with no more than it reads.

DuckDB would leave out columns that nobody reads by itself, but first has to understand them all,
which takes longer than a small report; and it cannot know that a join finds one row and no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

INLINE = "not materialized"
"""DuckDB would else make whole tables of views, of which a report reads a few columns. Spark, which
never does, does not know the words: leave them out there."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class View:
    """A common table expression: columns over a source, and joins that some of them need.

    A join finds at most one row for each, so that without it there are as many rows.
    """

    columns: Mapping[str, str]  # what each one is
    source: str  # what follows from
    joins: Mapping[str, str] = field(default_factory=dict)  # by the alias that columns name
    where: str = ""

    def text(self, read: Collection[str]) -> str:
        """Writes the view with the columns that may be read, and with the joins that they need."""
        chosen = {name: sql for name, sql in self.columns.items() if name in read}
        if not chosen:  # rows are counted
            name, sql = next(iter(self.columns.items()))
            chosen = {name: sql}
        needing = " ".join([*chosen.values(), self.where])
        joins: list[str] = []
        for alias, join in reversed([*self.joins.items()]):
            if re.search(rf"\b{alias}\.", needing):
                joins.insert(0, join)
                needing += f" {join}"
        told = ", ".join(f"{sql} as {name}" for name, sql in chosen.items())
        where = f"\nwhere {self.where}" if self.where else ""
        return "\n".join([f"select {told} from {self.source}", *joins]) + where


Views: TypeAlias = Mapping[str, "str | View | Callable[[], str]"]
"""Views by name, each after those that it reads. Some are written only if they are read."""


def with_views(body: str, views: Views) -> str:
    """Puts before a query the views that it reads, and those that they read."""
    read = set(_WORD.findall(body))
    needed = []
    for name, view in reversed([*views.items()]):
        if name in read:
            if isinstance(view, str):
                text = view
            else:
                text = view.text(read) if isinstance(view, View) else view()
            needed.append(f"{name} as {INLINE} ({text})")
            read.update(_WORD.findall(text))
    if not needed:
        return body
    told = ",\n".join(reversed(needed))
    return f"with {told}\n{body}"


def named(alias: str, names: Iterable[str]) -> dict[str, str]:
    """Columns that are what they are called."""
    return {name: f"{alias}.{name}" for name in names}
