"""Filters as rows of a form: each a field, an operator and a value, of which all or any must hold.

What a row says is what the language of filters says; what of that language no row can say, such as
a group within a group, is kept as it is.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from segconnect.account.metrics import CUSTOM, METRICS, find_dimension
from segconnect.account.reports.filters import OPERATORS
from segconnect.errors import UsageError

ALL, ANY = "all", "any"
EMPTY, FILLED, AMONG, NOT_AMONG = "empty", "filled", "among", "not_among"
WORDS = {
    "is": "is", "is_not": "is not", AMONG: "is one of", NOT_AMONG: "is none of",
    "contains": "contains", "starts_with": "starts with", "at_least": "is at least",
    "at_most": "is at most", "more_than": "is more than", "less_than": "is less than",
    EMPTY: "is empty", FILLED: "is not empty",
}  # fmt: skip
"""The operators of a row, and how people say them."""

OF_NUMBERS = ("is", "is_not", "at_least", "at_most", "more_than", "less_than", EMPTY, FILLED)
"""Those that metrics know."""

_LISTED = {AMONG: "is", NOT_AMONG: "is_not"}


class Condition(NamedTuple):
    """A row."""

    join: str  # all, or any
    field: str
    operator: str
    value: str

    @property
    def name(self) -> str:
        """The field's name, as people read it."""
        return name_of(self.field)

    @property
    def told(self) -> str:
        """What it says, in words."""
        words = WORDS.get(self.operator, self.operator)
        has_value = self.operator not in (EMPTY, FILLED)
        told = f"{self.name} {words}{f' {self.value}' if has_value else ''}"
        return f"any of: {told}" if self.join == ANY else told


def name_of(field: str) -> str:
    """Answers the name of a dimension or a metric; of what is unknown, what was given."""
    if field in METRICS:
        return METRICS[field].name
    try:
        return find_dimension(field).name
    except UsageError:
        return field


def is_metric(field: str) -> bool:
    """Whether a field is looked at after figures are summed."""
    return field in METRICS and not field.startswith(CUSTOM)


def to_filters(conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    """Writes rows in the language of filters."""
    found = [_filter(each) for each in conditions if each.join != ANY]
    any_of = [_filter(each) for each in conditions if each.join == ANY]
    return [*found, {"any": any_of}] if any_of else found


def _filter(row: Condition) -> dict[str, Any]:
    if row.operator in (EMPTY, FILLED):
        return {"field": row.field, "is_empty": row.operator == EMPTY}
    if row.operator in _LISTED:
        return {"field": row.field, _LISTED[row.operator]: split(row.value)}
    return {"field": row.field, row.operator: _value(row)}


def _value(row: Condition) -> str | float:
    """A number where a metric is asked about; what is none is refused with the others."""
    if not is_metric(row.field):
        return row.value
    try:
        number = float(row.value.replace(",", ""))
    except ValueError:
        return row.value
    return int(number) if number.is_integer() else number


def from_filters(filters: object) -> tuple[tuple[Condition, ...], str]:
    """Reads filters into rows.

    Returns:
        The rows, and as JSON what no row can say; "" where there is nothing.
    """
    rows: list[Condition] = []
    others: list[Any] = []
    for each in filters if isinstance(filters, Sequence) else ():
        members = each.get(ANY) if isinstance(each, Mapping) else None
        is_first = not any(row.join == ANY for row in rows)
        if isinstance(members, list) and is_first:
            found = [_condition(ANY, member) for member in members]
        else:
            found = [_condition(ALL, each)]
        if None in found:
            others.append(each)
        else:
            rows += [row for row in found if row is not None]
    return tuple(rows), json.dumps(others) if others else ""


def _condition(join: str, given: Any) -> Condition | None:
    if not isinstance(given, Mapping) or not isinstance(given.get("field"), str):
        return None
    named = [(key, value) for key, value in given.items() if key != "field"]
    if len(named) != 1 or named[0][0] not in OPERATORS:
        return None
    field, (operator, value) = given["field"], named[0]
    if operator == "is_empty":
        return Condition(join, field, EMPTY if value else FILLED, "")
    if isinstance(value, list):
        word = next((row for row, wire in _LISTED.items() if wire == operator), None)
        return Condition(join, field, word, joined(map(str, value))) if word else None
    return Condition(join, field, operator, str(value))


def split(text: str) -> list[str]:
    """Reads values with commas between them; one that has a comma stands in quotes."""
    found = next(csv.reader([text], skipinitialspace=True), [])
    return [each.strip() for each in found if each.strip()]


def joined(values: Any) -> str:
    """Writes values with commas between them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue()
