"""A table of paths in columns: each distinct path once, its steps as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from math import fsum, isfinite
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segconnect.account.attribution.models import Path
from segconnect.account.attribution.touches import is_direct

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]

CENTS = 2  # decimals of a value, at least
MOST_PLACES = 6
MOST_LOOKED_UP = 20_000_000  # keys
MOST = 1e15  # beyond it, a float no longer counts one by one


@dataclass(frozen=True, eq=False)
class PathTable:
    """Paths, and how many journeys took each of them.

    P paths have S steps in all. All of it is ready to be summed by `summed`.
    """

    channels: tuple[str, ...]  # by name
    steps: IntArray  # (S,) places in channels, path after path
    starts: IntArray  # (P,) where each path begins in steps
    conversions: FloatArray  # (P,)
    values: FloatArray | None  # (P,); None: the table has no such column
    nulls: FloatArray | None  # (P,)
    opt_ins: IntArray | None  # (P,) the step of the opt-in, from 0; -1: none is known
    places: int = CENTS  # decimals that values are written with

    @cached_property
    def lengths(self) -> IntArray:
        """(P,) how many steps each path has."""
        return np.diff(self.starts, append=len(self.steps))

    @cached_property
    def paths(self) -> IntArray:
        """(S,) the path of each step."""
        return np.repeat(np.arange(len(self.starts)), self.lengths)

    @cached_property
    def positions(self) -> IntArray:
        """(S,) the place of each step in its path, from 0."""
        return np.arange(len(self.steps)) - np.repeat(self.starts, self.lengths)

    @cached_property
    def ends(self) -> IntArray:
        """(P,) the last step of each path."""
        return self.starts + self.lengths - 1

    @cached_property
    def is_direct(self) -> npt.NDArray[np.bool_]:
        """(S,) whether each step is a direct visit."""
        direct = np.array([is_direct(channel) for channel in self.channels], dtype=bool)
        return direct[self.steps]

    @cached_property
    def members(self) -> tuple[IntArray, IntArray]:
        """Each path's channels, each once: paths (M,), ascending, and channels (M,)."""
        width = len(self.channels)
        pairs, _ = numbered(self.paths * width + self.steps, len(self.starts) * width)
        return pairs // width, pairs % width

    def journeys(self, *, with_null: bool) -> FloatArray:
        """(P,) how many journeys took each path."""
        if with_null and self.nulls is not None:
            return self.conversions + self.nulls
        return self.conversions


@dataclass(slots=True)
class TableBuilder:
    """Takes rows one at a time, and remembers what is wrong with them."""

    separator: str = ">"
    unit: str = "row"  # what a message counts
    has_values: bool = False
    has_nulls: bool = False
    has_opt_ins: bool = False
    problems: list[str] = field(default_factory=list)
    _rows: dict[Any, int] = field(default_factory=dict)
    _codes: dict[str, int] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)  # the same, by steps with their blanks
    _steps: list[int] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _conversions: list[float] = field(default_factory=list)
    _values: list[float] = field(default_factory=list)
    _nulls: list[float] = field(default_factory=list)
    _opt_ins: list[int] = field(default_factory=list)
    _places: int = CENTS

    @property
    def is_empty(self) -> bool:
        """Whether there is no path in it."""
        return not self._starts

    def add(
        self,
        at: int,
        path: str | Sequence[str],
        conversions: Any,
        value: Any = 0,
        null: Any = 0,
        opt_in: Any = 0,
    ) -> None:
        """Adds a row; one of a path that is known is added to it.

        Args:
            at: Where the row is, for messages.
            path: Steps joined by the separator, or the steps.
            conversions: A number, or the text of one, as are the next two.
            value: What the conversions were worth together.
            null: How many journeys took the path and did not convert.
            opt_in: The step that led to the opt-in, from 1; 0 or empty: none is known.
        """
        try:
            converted, worth, lost = float(conversions), float(value), float(null)
        except (TypeError, ValueError):
            converted = worth = lost = -1.0
        if not (0 <= converted <= MOST and 0 <= worth <= MOST and 0 <= lost <= MOST):
            converted = self._number(at, "conversions", conversions)
            worth, lost = self._number(at, "value", value), self._number(at, "null", null)
        if worth % 1 and round(worth, self._places) != worth:
            self._places = min(_decimals(value), MOST_PLACES)
        key: Any = path if isinstance(path, str) else tuple(path)
        if self.has_opt_ins:
            key = (key, opt_in)
        row = self._rows.get(key)
        if row is not None:
            self._conversions[row] += converted
            self._values[row] += worth
            self._nulls[row] += lost
        elif self._add_path(at, path, opt_in):
            self._rows[key] = len(self._conversions)
            self._conversions.append(converted)
            self._values.append(worth)
            self._nulls.append(lost)

    def table(self) -> PathTable:
        """Answers what was added, its channels by name."""
        names = sorted(self._codes)
        order = np.empty(len(names), dtype=np.int64)
        order[[self._codes[name] for name in names]] = np.arange(len(names))
        return PathTable(
            channels=tuple(names),
            steps=order[np.array(self._steps, dtype=np.int64)],
            starts=np.array(self._starts, dtype=np.int64),
            conversions=np.array(self._conversions, dtype=np.float64),
            values=np.array(self._values, dtype=np.float64) if self.has_values else None,
            nulls=np.array(self._nulls, dtype=np.float64) if self.has_nulls else None,
            opt_ins=np.array(self._opt_ins, dtype=np.int64) if self.has_opt_ins else None,
            places=self._places,
        )

    def _add_path(self, at: int, path: str | Sequence[str], opt_in: Any) -> bool:
        """Adds a path that is new; answers whether it is one."""
        steps = path.split(self.separator) if isinstance(path, str) else path
        try:
            codes = list(map(self._known.__getitem__, steps))
        except (KeyError, TypeError):
            codes = []
        codes = codes or self._named(at, path, steps)
        if not codes:
            return False
        if self.has_opt_ins:
            text = str(opt_in or 0).strip() or "0"
            if not text.isascii() or not text.isdecimal() or int(text) > len(codes):
                wanted = f"expected 1 to {len(codes)}, or nothing"
                self._tell(at, f"optin {_short(opt_in)} is no step of the path; {wanted}")
                return False
            self._opt_ins.append(int(text) - 1)
        self._starts.append(len(self._steps))
        self._steps.extend(codes)
        return True

    def _tell(self, at: int, problem: str) -> None:
        self.problems.append(f"{self.unit} {at}: {problem}")

    def _named(self, at: int, path: str | Sequence[str], steps: Sequence[Any]) -> list[int]:
        """The channels' numbers, some of them new ones; none where a step is wrong."""
        if not steps or (isinstance(path, str) and not path.strip()):
            self._tell(at, "the path is empty; expected steps such as ad > email")
            return []
        for number, step in enumerate(steps, 1):
            name = step.strip() if isinstance(step, str) else ""
            if not name:
                self._tell(at, f"step {number} of path {_short(path)} is empty")
                return []
            self._known[step] = self._codes.setdefault(name, len(self._codes))
        return [self._known[step] for step in steps]

    def _number(self, at: int, name: str, given: Any) -> float:
        try:
            number = float(given)
        except (TypeError, ValueError):
            if given is None or (isinstance(given, str) and not given.strip()):
                if name != "conversions":
                    return 0.0
                self._tell(at, f"{name} is empty; expected a number, such as 0")
            else:
                hint = "; decimals are written 12.5" if "," in str(given) else ""
                self._tell(at, f"{name} {_short(given)} is not a number{hint}")
            return 0.0
        if not isfinite(number) or abs(number) > MOST:
            self._tell(at, f"{name} {_short(given)} cannot be counted")
            return 0.0
        if number < 0:
            self._tell(at, f"{name} {_short(given)} is negative")
            return 0.0
        return number


def table_of(paths: Iterable[Path]) -> PathTable:
    """Makes a table of paths that are known to be in order."""
    builder = TableBuilder(has_values=True, has_nulls=True, has_opt_ins=True)
    for path in paths:
        opt_in = 0 if path.opt_in is None else path.opt_in + 1
        builder.add(0, path.steps, path.conversions, path.value, path.null, opt_in)
    assert not builder.problems, builder.problems
    return builder.table()


def numbered(keys: IntArray, limit: int) -> tuple[IntArray, IntArray]:
    """Answers the distinct keys, ascending, and the place of each key among them.

    Args:
        keys: From 0 up to, and without, the limit.
        limit: Where it is small, keys are looked up and not sorted.
    """
    if limit > MOST_LOOKED_UP:
        return np.unique(keys, return_inverse=True)
    is_used = np.zeros(limit, dtype=bool)
    is_used[keys] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1)[keys]


def summed(places: IntArray, weights: FloatArray, count: int) -> FloatArray:
    """Sums weights by place: (count,), 0 where nothing falls."""
    return np.bincount(places, weights, count).astype(np.float64)


def exact_total(numbers: FloatArray, places: int) -> Decimal:
    """Answers their sum, as it is written with so many decimals."""
    return round(Decimal(fsum(numbers.tolist())), places)


def _decimals(given: Any) -> int:
    exponent = Decimal(str(given).strip()).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
