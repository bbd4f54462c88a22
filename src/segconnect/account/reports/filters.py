"""Filters of a report: conditions on dimensions before figures are summed, on metrics after.

    {"field": "clicks.channel", "is": "paid"}
    {"any": [{"field": "contacts.tag", "is": "VIP"}, {"field": "status", "is": "active"}]}
    {"field": "revenue", "at_least": 1000}

A list of filters means all of them. Source: ours; the shape of the hosted service is not published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from segconnect.account.metrics import (
    CUSTOM,
    DIMENSIONS,
    METRICS,
    AnyMetric,
    Dimension,
    Kind,
    find_dimension,
)
from segconnect.errors import UsageError, unknown_name
from segconnect.types import shown

MAX_FILTERS = 200
MAX_VALUES = 1000
MAX_DEPTH = 5


@dataclass(frozen=True)
class Condition:
    """One condition on a dimension or a metric."""

    field: Dimension | AnyMetric
    operator: str
    value: Any


@dataclass(frozen=True)
class Group:
    """Conditions of which all, or any, must be true."""

    is_any: bool
    members: tuple[Filter, ...]


Filter: TypeAlias = Condition | Group
NOTHING = Group(False, ())

OPERATORS: dict[str, str] = {
    "is": "the value, or one of a list",
    "is_not": "another value, also none at all",
    "contains": "a part of the value, in any case of letters",
    "starts_with": "its beginning, in any case of letters",
    "is_empty": "true: there is no value; false: there is one",
    "at_least": "the value or more",
    "at_most": "the value or less",
    "more_than": "more than the value",
    "less_than": "less than the value",
}
COMPARING: dict[str, Callable[[Any, Any], bool]] = {
    "at_least": lambda found, wanted: found >= wanted,
    "at_most": lambda found, wanted: found <= wanted,
    "more_than": lambda found, wanted: found > wanted,
    "less_than": lambda found, wanted: found < wanted,
    "is": lambda found, wanted: found == wanted,
    "is_not": lambda found, wanted: found != wanted,
}
SQL = {"at_least": ">=", "at_most": "<=", "more_than": ">", "less_than": "<"}
WORDS = {"=": "is", "!=": "is_not", "~": "contains", ">=": "at_least", "<=": "at_most",
         ">": "more_than", "<": "less_than"}  # fmt: skip
"""How the command line writes them: revenue>=100."""


@dataclass(frozen=True)
class Filters:
    """The filters of a report, parted by when they are looked at."""

    before: Group  # conditions on dimensions
    after: Group  # conditions on metrics


def read_filters(given: object) -> Filters:
    """Reads the `filters` of a query.

    Raises:
        UsageError: They are not of the published shape; the place is named.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise UsageError(f"filters: expected an array, found {shown(given)}")
    read = [_read(each, f"filters.{place}", 0) for place, each in enumerate(given)]
    if sum(1 for each in read for _ in conditions(each)) > MAX_FILTERS:
        raise UsageError(f"filters: more than {MAX_FILTERS} conditions")
    before: list[Filter] = []
    after: list[Filter] = []
    for place, each in enumerate(read):
        kinds = {isinstance(one.field, Dimension) for one in conditions(each)}
        if len(kinds) > 1:
            raise UsageError(
                f"filters.{place}: mixes metrics with dimensions, which are looked at before"
                " figures are summed; give each kind a filter of its own"
            )
        (before if kinds == {True} else after).append(each)
    return Filters(Group(False, tuple(before)), Group(False, tuple(after)))


def conditions(filter_: Filter) -> Iterator[Condition]:
    """Answers every condition within."""
    if isinstance(filter_, Condition):
        yield filter_
    else:
        for each in filter_.members:
            yield from conditions(each)


def _read(given: object, place: str, depth: int) -> Filter:
    if not isinstance(given, Mapping):
        raise UsageError(f"{place}: expected an object, found {shown(given)}")
    if depth > MAX_DEPTH:
        raise UsageError(f"{place}: is nested deeper than {MAX_DEPTH}")
    for word in ("any", "all"):
        if word in given:
            members = given[word]
            if not isinstance(members, list) or not members or len(given) > 1:
                raise UsageError(f"{place}: {word!r} stands alone, with an array of filters")
            read = [
                _read(each, f"{place}.{word}.{number}", depth + 1)
                for number, each in enumerate(members)
            ]
            return Group(word == "any", tuple(read))
    name = given.get("field")
    if not isinstance(name, str):
        raise UsageError(f"{place}: missing 'field', the name of a dimension or metric")
    named = [key for key in given if key != "field"]
    if len(named) != 1:
        raise UsageError(f"{place}: expected one operator beside 'field': {', '.join(OPERATORS)}")
    operator = named[0]
    if operator not in OPERATORS:
        raise UsageError(f"{place}: {unknown_name('operator', str(operator)[:100], OPERATORS)}")
    field = _field(name, place)
    return Condition(field, operator, _value(field, operator, given[operator], place))


def _field(name: str, place: str) -> Dimension | AnyMetric:
    if name in METRICS:
        return METRICS[name]
    if name in DIMENSIONS or name.startswith(CUSTOM):
        return find_dimension(name)
    for find in (find_dimension, METRICS.find):
        try:
            return find(name)
        except UsageError:
            continue
    told = unknown_name("metric or dimension", name[:100], [*DIMENSIONS, *METRICS])
    raise UsageError(f"{place}: {told}")


def _value(field: Dimension | AnyMetric, operator: str, value: object, place: str) -> object:
    if operator == "is_empty":
        if not isinstance(value, bool):
            raise UsageError(f"{place}: 'is_empty' is true or false, found {shown(value)}")
        return value
    if not isinstance(field, Dimension):
        if operator not in COMPARING:
            raise UsageError(f"{place}: {field.key} is a number; use {', '.join(COMPARING)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{place}: expected a number, found {shown(value)}")
        return value
    if field.type is Kind.NUMBER and operator in ("contains", "starts_with"):
        raise UsageError(f"{place}: {field.slug} is a number; use {', '.join(COMPARING)}")
    values = value if isinstance(value, list) and operator in ("is", "is_not") else [value]
    if not values or len(values) > MAX_VALUES:
        raise UsageError(f"{place}: expected 1 to {MAX_VALUES} values")
    texts = []
    for each in values:
        if isinstance(each, bool) or not isinstance(each, (str, int, float)) or "\0" in str(each):
            raise UsageError(f"{place}: expected a text, found {shown(each)}")
        texts.append(str(each))
    if field.type is Kind.NUMBER:
        return _numbers(texts, operator, place)
    return texts if operator in ("is", "is_not") else texts[0]


def _numbers(texts: Sequence[str], operator: str, place: str) -> object:
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        raise UsageError(f"{place}: expected a number, found {shown(texts[0])}") from None
    return numbers if operator in ("is", "is_not") else numbers[0]


def to_sql(condition: Condition, column: str, bind: Callable[[object], str]) -> str:
    """Writes a condition on a dimension as SQL over a column."""
    operator, value = condition.operator, condition.value
    if operator == "is_empty":
        return f"({column} is null)" if value else f"({column} is not null)"
    if operator in ("is", "is_not"):
        listed = f"{column} in ({', '.join(map(bind, value))})"
        return f"({listed})" if operator == "is" else f"({column} is null or not {listed})"
    if operator in SQL:
        return f"({column} {SQL[operator]} {bind(value)})"
    length = len(value)
    if operator == "starts_with":
        return f"(substring(lower({column}), 1, {length}) = {bind(value.lower())})"
    return f"(lower({column}) like {bind('%' + _escaped(value.lower()) + '%')} escape '!')"


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def holds(filter_: Filter, value_of: Callable[[AnyMetric], Any]) -> bool:
    """Tells whether figures meet a filter on metrics; what is not known meets only is_empty."""
    if isinstance(filter_, Group):
        test = any if filter_.is_any else all
        return test(holds(each, value_of) for each in filter_.members)
    assert not isinstance(filter_.field, Dimension)
    found = value_of(filter_.field)
    if filter_.operator == "is_empty":
        return bool((found is None) == filter_.value)
    return found is not None and bool(COMPARING[filter_.operator](found, filter_.value))
