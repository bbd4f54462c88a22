"""When two values are the same, and which of them comes first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from segconnect.mapping.values import (
    Number,
    Special,
    UnusableError,
    Value,
    as_utc,
    milliseconds,
    read_number,
    to_date,
    to_json,
    to_number,
    to_text,
)
from segconnect.types import parse_moment


def is_empty(value: Value) -> bool:
    """Whether there is nothing: absent, null, or the empty text."""
    return value is None or value == "" or isinstance(value, Special)


def is_equal(left: Value, right: Value, zone: tzinfo = UTC) -> bool:
    """Whether two values are the same.

    Two texts are compared character by character; a number and a text as numbers if the text is
    one; a date and a text as dates if the text is one, in the zone if it names none; arrays and
    collections item by item.
    """
    kind = type(left)
    if kind is type(right) and (kind is str or kind is int):
        return bool(left == right)
    if is_nothing(left) or is_nothing(right):
        return is_nothing(left) and is_nothing(right)
    return identity(left, right, zone) == identity(right, left, zone)


def exists(value: Value) -> bool:
    """Whether there is a value, as the filter operator `exist` has it: the empty text is one."""
    return not is_nothing(value)


def is_nothing(value: Value) -> bool:
    """Whether a value is absent, null, `ignore` or `erase`."""
    return value is None or isinstance(value, Special)


def identity(value: Value, like: Value = None, zone: tzinfo = UTC) -> tuple[str, Value]:
    """What two equal values have in common, as something to compare or to look up.

    Args:
        value: The value.
        like: What it is compared with: a text beside a number is read as a number, and so on.
        zone: The zone of a text that is read as a date and names none.
    """
    if isinstance(value, str):
        return _text_identity(value, like, zone)
    if is_nothing(value):
        return ("nothing", None)
    if isinstance(value, bool):
        return ("text", to_text(value)) if isinstance(like, str) else ("boolean", value)
    if isinstance(value, (int, float, Decimal)):
        return ("number", value if isinstance(value, int) else _exact(value))
    if isinstance(value, datetime):
        if isinstance(like, (int, float, Decimal)) and not isinstance(like, bool):
            return ("number", milliseconds(value))
        return ("date", as_utc(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ("buffer", bytes(value))
    if isinstance(value, (list, tuple, Mapping)):
        return ("json", to_json(value, sort_keys=True))
    return ("text", to_text(value))


def _text_identity(text: str, like: Value, zone: tzinfo) -> tuple[str, Value]:
    if isinstance(like, str) or like is None:
        return ("text", text)
    try:
        if isinstance(like, (int, float, Decimal)) and not isinstance(like, bool):
            return ("number", read_number(text))
        if isinstance(like, datetime):
            return ("date", parse_moment(text, zone))
    except ValueError:
        pass
    return ("text", text)


def _exact(value: float | Decimal) -> Value:
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    return "NaN" if exact.is_nan() else exact


def is_less(left: Value, right: Value, zone: tzinfo = UTC) -> bool:
    """Whether the first value comes before the second; nothing comes neither before nor after.

    Values are compared as numbers when both look like numbers (a date is its milliseconds), as
    dates when one is a date and the other can be read as one, and else as text. A text that is
    read as a date and names no zone is in the one that is given.
    """
    if type(left) is int and type(right) is int:
        return bool(left < right)
    if is_nothing(left) or is_nothing(right):
        return False
    first, second = _ordinal(left), _ordinal(right)
    if first is None and isinstance(right, datetime):
        first = _ordinal_of_date(left, zone)
    if second is None and isinstance(left, datetime):
        second = _ordinal_of_date(right, zone)
    if first is not None and second is not None:
        return bool(first < second)
    return to_text(left) < to_text(right)


def _ordinal(value: Value) -> Number | None:
    if isinstance(value, datetime):
        return milliseconds(value)
    if isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool):
        try:
            return to_number(value)
        except UnusableError:
            return None
    return None


def _ordinal_of_date(value: Value, zone: tzinfo) -> Number | None:
    try:
        return milliseconds(to_date(value, zone))
    except UnusableError:
        return None
