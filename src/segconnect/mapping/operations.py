"""The shapes of closures that operators are compiled to; see closures.py for those of the rest."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Final, TypeAlias

from segconnect.mapping import operators
from segconnect.mapping.closures import Fail, Item
from segconnect.mapping.comparison import is_equal, is_less
from segconnect.mapping.context import Context
from segconnect.mapping.registry import Closure
from segconnect.mapping.values import UnusableError, Value, read_number, truth

Operate: TypeAlias = Callable[[Value, Value], Value]
"""What an operator that reckons does with the values on its sides."""

Compare: TypeAlias = Callable[[Value, Value, tzinfo], bool]
"""What an operator that compares does with them."""


def both(operands: Sequence[Closure]) -> Closure:
    """True if all are; those after one that is not are left alone."""
    if len(operands) == 2:
        return _both_of_two(*operands)

    def check(context: Context) -> bool:
        for operand in operands:
            holds = operand(context)
            if holds is not True and not truth(holds):
                return False
        return True

    return check


def _both_of_two(one: Closure, two: Closure) -> Closure:
    def check(context: Context) -> bool:
        holds = one(context)
        if holds is False or (holds is not True and not truth(holds)):
            return False
        holds = two(context)
        return holds if holds is True or holds is False else truth(holds)

    return check


def either(operands: Sequence[Closure]) -> Closure:
    """True if one is; those after it are left alone."""
    if len(operands) == 2:
        return _either_of_two(*operands)

    def check(context: Context) -> bool:
        for operand in operands:
            holds = operand(context)
            if holds is True or (holds is not False and truth(holds)):
                return True
        return False

    return check


def _either_of_two(one: Closure, two: Closure) -> Closure:
    def check(context: Context) -> bool:
        holds = one(context)
        if holds is True or (holds is not False and truth(holds)):
            return True
        holds = two(context)
        return holds if holds is True or holds is False else truth(holds)

    return check


def negated(operand: Closure, fail: Fail) -> Closure:
    """A value with another sign."""

    def reckon(context: Context) -> Value:
        try:
            return operators.negate(operand(context))
        except UnusableError as error:
            raise fail(error) from None

    return reckon


def binary(left: Closure, operate: Operate, right: Closure, fail: Fail) -> Closure:
    """An operator between two values."""

    def reckon(context: Context) -> Value:
        try:
            return operate(left(context), right(context))
        except UnusableError as error:
            raise fail(error) from None

    if operate not in _OF_INTS:
        return reckon
    quick = _OF_INTS[operate]

    def reckon_numbers(context: Context) -> Value:
        one, two = left(context), right(context)
        if (
            type(one) is int
            and type(two) is int
            and -_SMALL < one < _SMALL
            and -_SMALL < two < _SMALL
        ):
            return quick(one, two)
        try:
            return operate(one, two)
        except UnusableError as error:
            raise fail(error) from None

    return reckon_numbers


def binary_with_constant(left: Closure, operate: Operate, right: Value, fail: Fail) -> Closure:
    """An operator between a value and one that does not change."""

    def reckon(context: Context) -> Value:
        try:
            return operate(left(context), right)
        except UnusableError as error:
            raise fail(error) from None

    if operate not in _OF_INTS or type(right) is not int or not -_SMALL < right < _SMALL:
        return reckon
    quick = _OF_INTS[operate]

    def reckon_numbers(context: Context) -> Value:
        value = left(context)
        if type(value) is int and -_SMALL < value < _SMALL:
            return quick(value, right)
        try:
            return operate(value, right)
        except UnusableError as error:
            raise fail(error) from None

    return reckon_numbers


_SMALL: Final = 1 << 60
"""What is made of whole numbers that are smaller is never too large."""

_OF_INTS: Final[dict[Operate, Callable[[int, int], int]]] = {
    operators.add: operator.add,
    operators.subtract: operator.sub,
    operators.multiply: operator.mul,
}
"""What reckons two small ints as an operator does."""


def comparison(left: Closure, operate: Compare, right: Closure, fail: Fail) -> Closure:
    """A comparison of two values."""

    def compare(context: Context) -> bool:
        try:
            return operate(left(context), right(context), context.zone)
        except UnusableError as error:
            raise fail(error) from None

    return compare


def comparisons(first: Closure, steps: Sequence[tuple[Compare, Closure, Fail]]) -> Closure:
    """Comparisons one after another: what comes of one is compared next."""

    def compare(context: Context) -> Value:
        value = first(context)
        for operate, operand, fail in steps:
            right = operand(context)
            try:
                value = operate(value, right, context.zone)
            except UnusableError as error:
                raise fail(error) from None
        return value

    return compare


def equals_constant(
    left: Closure, right: str | int, fail: Fail, item: Item | None = None
) -> Closure:
    """Whether a value is the same as a text or a whole number that does not change."""
    kind = type(right)

    def compare(context: Context) -> bool:
        value = left(context)
        if type(value) is kind:
            return value == right
        try:
            return is_equal(value, right, context.zone)
        except UnusableError as error:
            raise fail(error) from None

    if item is None:
        return compare
    number, key = item

    def compare_item(context: Context) -> bool:
        bundle = context.bundles.get(number)
        if type(bundle) is dict:
            value = bundle.get(key)
            if type(value) is kind:
                return value == right
        return compare(context)

    return compare_item


def differs_from_constant(
    left: Closure, right: str | int, fail: Fail, item: Item | None = None
) -> Closure:
    """Whether a value is not the same as a text or a whole number that does not change."""
    kind = type(right)

    def compare(context: Context) -> bool:
        value = left(context)
        if type(value) is kind:
            return value != right
        try:
            return not is_equal(value, right, context.zone)
        except UnusableError as error:
            raise fail(error) from None

    if item is None:
        return compare
    number, key = item

    def compare_item(context: Context) -> bool:
        bundle = context.bundles.get(number)
        if type(bundle) is dict:
            value = bundle.get(key)
            if type(value) is kind:
                return value != right
        return compare(context)

    return compare_item


def ordered_with_constant(
    left: Closure, operate: Compare, right: int | Decimal, fail: Fail, item: Item | None = None
) -> Closure:
    """Whether a value is less, or more, than a number that does not change."""
    quick = _OF_NUMBERS[operate]
    is_whole = type(right) is int

    def compare(context: Context) -> bool:
        value = left(context)
        kind = type(value)
        if kind is int or (kind is float and is_whole and -_EXACT < value < _EXACT):
            return quick(value, right)
        try:
            if kind is str:
                try:
                    return quick(read_number(value), right)
                except UnusableError:
                    pass  # it is no number: compared as text
            return operate(value, right, context.zone)
        except UnusableError as error:
            raise fail(error) from None

    if item is None:
        return compare
    number, key = item

    def compare_item(context: Context) -> bool:
        bundle = context.bundles.get(number)
        if type(bundle) is dict:
            value = bundle.get(key)
            if type(value) is int:
                return quick(value, right)
        return compare(context)

    return compare_item


_EXACT: Final = 1 << 53
"""Floating-point numbers below are on the same side of a whole number as what they are written."""

_OF_NUMBERS: Final[dict[Compare, Callable[[Value, Value], bool]]] = {
    is_less: operator.lt,
    operators.is_more: operator.gt,
    operators.is_at_most: operator.le,
    operators.is_at_least: operator.ge,
}
"""What compares two numbers as an operator does."""

ORDERING: Final = frozenset(_OF_NUMBERS)
"""The operators that tell which of two values comes first."""


def chain(first: Closure, steps: Sequence[tuple[Operate, Closure, Fail]]) -> Closure:
    """Operators between three values and more, from left to right."""

    def reckon(context: Context) -> Value:
        value = first(context)
        for operate, operand, fail in steps:
            right = operand(context)
            try:
                value = operate(value, right)
            except UnusableError as error:
                raise fail(error) from None
        return value

    return reckon
