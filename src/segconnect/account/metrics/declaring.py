"""How a fact, a metric and a dimension are declared, and where the declared ones are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, TypeVar

from segconnect.errors import UsageError, unknown_name

Number: TypeAlias = int | float


class Kind(StrEnum):
    """What kind of values there are in a column, in the words of the API."""

    NUMBER = "NUMBER"
    CURRENCY = "CURRENCY"  # cents within, units of the currency on the wire
    STRING = "STRING"


class Unit(StrEnum):
    """How a number is shown to people."""

    COUNT = ""
    PERCENT = "%"
    DAYS = " d"
    TIMES = "x"


class Family(StrEnum):
    """What a dimension is a property of; each fact says which families it knows."""

    TIME = "time"
    TOUCH = "visit"
    AD = "ad"
    LEAD = "lead"
    TAG = "tag"
    PRODUCT = "product"
    ORDER = "order"
    AGE = "age at an order"
    SUBSCRIPTION = "subscription"
    PAGE = "page view"


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """Things that happened, one row each, in a view of reports/views.py: what metrics sum up."""

    name: str
    grain: str  # what one row is, in words
    view: str
    key: tuple[str, ...]  # the columns that tell its rows apart
    knows: frozenset[Family]
    conversion: str = ""  # the kind of conversion whose credits share a row out; "" for none
    credited: str = ""  # the column that holds the conversion's key
    also: frozenset[str] = frozenset()  # slugs that it knows of families that it does not know
    is_timed: bool = True  # whether a row has a day; else it has its period's bucket already

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measure:
    """What metrics have in common."""

    key: str  # on the wire
    name: str
    type: Kind
    help: str
    source: str
    unit: Unit = Unit.COUNT
    aliases: tuple[str, ...] = ()
    places: int = 4  # decimals on the wire

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Metric(Measure):
    """Sums a column of a fact up, times the credit that a group has; or counts what differs."""

    fact: Fact
    column: str
    is_distinct: bool = False  # whether values are counted, each once in a group


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ratio(Measure):
    """Divides one metric by another; it is never summed, but computed anew for each total."""

    of: Measure
    per: Measure
    scale: int = 1
    empty: int | None = None  # the value where there is nothing to divide by
    is_rate: bool = False  # whether `of` counts some of what `per` counts: it has an interval


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Formula(Measure):
    """Computes a figure from others."""

    parts: tuple[Measure, ...]
    compute: Callable[..., Number | None]
    text: str  # the formula for people
    is_sum: bool = False  # whether rows add up to the total


AnyMetric: TypeAlias = Metric | Ratio | Formula


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dimension:
    """What figures are grouped and filtered by."""

    slug: str
    key: str  # of its column on the wire
    name: str
    family: Family
    sql: str  # over t: the visit, d: the lead's contact, g: a tag, f: the fact
    help: str
    source: str
    type: Kind = Kind.STRING
    aliases: tuple[str, ...] = ()
    is_multiple: bool = False  # whether one lead or order may have several: rows then overlap

    def __str__(self) -> str:
        return self.slug


Named = TypeVar("Named")


class Registry(Mapping[str, Named]):
    """Declarations by the name that they have on the wire; found by any name that they have."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._by_key: dict[str, Named] = {}
        self._names: dict[str, str] = {}

    def add(self, key: str, each: Named, names: Iterable[str]) -> None:
        """Adds a declaration; its names must be new."""
        assert key not in self._by_key, f"two {self._what}s are called {key}"
        self._by_key[key] = each
        for name in {_folded(name) for name in (key, *names)}:
            assert name not in self._names, f"{name} names {self._names[name]} already"
            self._names[name] = key

    def find(self, name: str) -> Named:
        """Finds one by its key, label or another name, in any case of letters.

        Raises:
            UsageError: There is none.
        """
        key = self._names.get(_folded(name))
        if key is None:
            known = self._by_key if len(name) < 100 else ()
            raise UsageError(unknown_name(self._what, name[:100], known))
        return self._by_key[key]

    def __getitem__(self, key: str) -> Named:
        return self._by_key[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)


def _folded(name: str) -> str:
    return "".join(each for each in name.lower() if each.isalnum() or each == ".")


METRICS: Registry[AnyMetric] = Registry("metric")
DIMENSIONS: Registry[Dimension] = Registry("dimension")


def declare(*metrics: AnyMetric) -> None:
    """Makes metrics known."""
    for each in metrics:
        METRICS.add(each.key, each, (each.name, *each.aliases))


def declare_dimensions(*dimensions: Dimension) -> None:
    """Makes dimensions known."""
    for each in dimensions:
        DIMENSIONS.add(each.slug, each, (each.key, each.name, *each.aliases))


def parts(measure: Measure) -> Iterator[Metric]:
    """Answers the sums that a metric is computed from."""
    if isinstance(measure, Metric):
        yield measure
    elif isinstance(measure, Ratio):
        yield from parts(measure.of)
        yield from parts(measure.per)
    elif isinstance(measure, Formula):
        for each in measure.parts:
            yield from parts(each)


def is_additive(measure: Measure) -> bool:
    """Tells whether rows that do not overlap add up to the total."""
    if isinstance(measure, Metric):
        return not measure.is_distinct
    return isinstance(measure, Formula) and measure.is_sum and all(map(is_additive, measure.parts))
