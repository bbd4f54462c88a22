"""The operators between two values, and the steps that lead into a value.

Nothing contributes nothing: added to a value it leaves the value, and any other arithmetic with
nothing is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, DecimalException
from typing import Final

from segconnect.mapping.comparison import is_equal, is_less, is_nothing
from segconnect.mapping.values import (
    DECIMALS,
    EXACT,
    UnusableError,
    Value,
    bounded,
    checked_int,
    milliseconds,
    read_number,
    shown,
    to_number,
    to_text,
)

_PLAIN: Final = frozenset((int, Decimal))
_SMALL: Final = 1 << 60  # a product with a smaller number is made in no time


def add(left: Value, right: Value) -> Value:
    """Adds numbers, and puts texts together as soon as one side is a text."""
    if type(left) is int and type(right) is int:
        return checked_int(left + right)
    if type(left) is str and type(right) is str:
        return bounded(left + right)
    if type(left) not in _PLAIN or type(right) not in _PLAIN:
        if isinstance(left, str) or isinstance(right, str):
            return bounded(to_text(left) + to_text(right))
        if is_nothing(left):
            return None if is_nothing(right) else right
        if is_nothing(right):
            return left
        if isinstance(left, datetime) and isinstance(right, datetime):
            raise UnusableError("two dates cannot be added; add days to a date with addDays")
        left, right = _term(left), _term(right)
    if type(left) is int and type(right) is int:
        return checked_int(left + right)
    return _reckon(DECIMALS.add, left, right)


def subtract(left: Value, right: Value) -> Value:
    """Subtracts numbers; a date counts as its milliseconds."""
    if type(left) is int and type(right) is int:
        return checked_int(left - right)
    if type(left) not in _PLAIN or type(right) not in _PLAIN:
        if is_nothing(left) or is_nothing(right):
            return None
        left, right = _term(left), _term(right)
    if type(left) is int and type(right) is int:
        return checked_int(left - right)
    return _reckon(DECIMALS.subtract, left, right)


def multiply(left: Value, right: Value) -> Value:
    """Multiplies numbers."""
    if type(left) is int and type(right) is int and -_SMALL < left < _SMALL:
        return checked_int(left * right)
    if type(left) not in _PLAIN or type(right) not in _PLAIN:
        if is_nothing(left) or is_nothing(right):
            return None
        left, right = _term(left), _term(right)
    if type(left) is int and type(right) is int:
        if left.bit_length() + right.bit_length() > 4000:
            raise UnusableError("the number is too large")
        return checked_int(left * right)
    return _reckon(DECIMALS.multiply, left, right)


def divide(left: Value, right: Value) -> Value:
    """Divides numbers; by zero is an error."""
    if type(left) is int and type(right) is int and right:
        return left // right if left % right == 0 else _reckon(DECIMALS.divide, left, right)
    if is_nothing(left) or is_nothing(right):
        return None
    first, second = _term(left), _term(right)
    if not second:
        raise UnusableError(f"{shown(left)} cannot be divided by zero")
    if type(first) is int and type(second) is int and first % second == 0:
        return first // second
    return _reckon(DECIMALS.divide, first, second)


def modulo(left: Value, right: Value) -> Value:
    """The remainder of a division; it has the sign of the first number."""
    if type(left) is int and type(right) is int and left >= 0 and right > 0:
        return left % right
    if is_nothing(left) or is_nothing(right):
        return None
    first, second = _term(left), _term(right)
    if not second:
        raise UnusableError(f"{shown(left)} cannot be divided by zero")
    if type(first) is int and type(second) is int:
        rest = abs(first) % abs(second)
        return rest if first >= 0 else -rest
    return _reckon(EXACT.remainder, first, second)


def negate(value: Value) -> Value:
    """Changes the sign of a number."""
    if type(value) is int:
        return checked_int(-value)
    if is_nothing(value):
        return None
    result = to_number(value)
    return -result if isinstance(result, int) else result.copy_negate()


def _term(value: Value) -> int | Decimal:
    kind = type(value)
    if kind is int or kind is Decimal:
        return value  # type: ignore[no-any-return]
    if kind is str:
        return read_number(value)
    return milliseconds(value) if isinstance(value, datetime) else to_number(value)


def _reckon(
    operate: Callable[[Decimal | int, Decimal | int], Decimal],
    left: int | Decimal,
    right: int | Decimal,
) -> int | Decimal:
    try:
        result = operate(left, right)
        whole = int(result)
    except (DecimalException, ValueError, OverflowError):
        raise UnusableError("the number is too large") from None
    return whole if whole == result else result


def is_different(left: Value, right: Value, zone: tzinfo = UTC) -> bool:
    """Whether two values are not the same."""
    return not is_equal(left, right, zone)


def is_more(left: Value, right: Value, zone: tzinfo = UTC) -> bool:
    """Whether the first value comes after the second."""
    return is_less(right, left, zone)


def is_at_most(left: Value, right: Value, zone: tzinfo = UTC) -> bool:
    """Whether the first value comes before the second, or is the same."""
    return not (is_nothing(left) or is_nothing(right) or is_less(right, left, zone))


def is_at_least(left: Value, right: Value, zone: tzinfo = UTC) -> bool:
    """Whether the first value comes after the second, or is the same."""
    return not (is_nothing(left) or is_nothing(right) or is_less(left, right, zone))


ARITHMETIC: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "mod": modulo,
}
"""What each operator that reckons does."""

COMPARISONS: Final[dict[str, Callable[[Value, Value, tzinfo], bool]]] = {
    "=": is_equal,
    "==": is_equal,
    "===": is_equal,
    "!=": is_different,
    "!==": is_different,
    "<": is_less,
    ">": is_more,
    "<=": is_at_most,
    ">=": is_at_least,
}
"""What each operator that compares does; a text that is read as a date may need the zone."""


def member(value: Value, key: str) -> Value:
    """The item of a collection; nothing where there is no such key, or no collection."""
    return value.get(key) if isinstance(value, Mapping) else None


def item(value: Value, index: Value) -> Value:
    """The item of an array, counted from 1, or from its end with -1; nothing outside it."""
    if not isinstance(value, (list, tuple)):
        return None
    try:
        position = to_number(index)
    except UnusableError:
        return None
    if not isinstance(position, int) or not 0 < abs(position) <= len(value):
        return None
    return value[position - 1 if position > 0 else position]
