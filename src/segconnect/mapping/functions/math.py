"""Math functions. Those that take several numbers take an array of them, too."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DecimalException

from segconnect.mapping.comparison import is_nothing
from segconnect.mapping.operators import add, divide, multiply, subtract
from segconnect.mapping.registry import function
from segconnect.mapping.values import (
    DECIMALS,
    EXACT,
    Number,
    UnusableError,
    Value,
    checked_int,
    number_to_text,
    read_number,
    shown,
    to_number,
    to_text,
)

MAX_PLACES = 100
"""Decimals that a number can be written with."""


@function("abs(-5) → 5")
def abs_(number: Number) -> Number:
    """Takes away the sign."""
    return abs(number) if isinstance(number, int) else number.copy_abs()


@function("average(1; 2; 3; 6) → 3")
def average(number1: Value, *numbers: Value) -> Number | None:
    """The sum divided by the count; absent ones do not count."""
    counted = _numbers(number1, *numbers)
    return _mean(counted) if counted else None


@function("ceil(1.2) → 2", "ceil(-1.8) → -1")
def ceil(number: Number) -> Number:
    """The smallest whole number that is not less."""
    return _rounded(number, ROUND_CEILING)


@function("floor(1.8) → 1", "floor(-1.2) → -2")
def floor(number: Number) -> Number:
    """The largest whole number that is not more."""
    return _rounded(number, ROUND_FLOOR)


@function("round(1.5) → 2", "round(1.4) → 1", "round(-1.5) → -2")
def round_(number: Number) -> Number:
    """The nearest whole number; a half goes away from zero."""
    return _rounded(number, ROUND_HALF_UP)


@function("trunc(3.789; 2) → 3.78", "trunc(-3.789) → -3")
def trunc(number: Number, decimals: Number = 0) -> Number:
    """Cuts decimals off; a negative count of them makes digits before the point 0."""
    places = int(max(-MAX_PLACES, min(MAX_PLACES, decimals)))
    shifted = Decimal(to_number(number)).scaleb(places, EXACT)
    return to_number(Decimal(int(shifted)).scaleb(-places, EXACT))


@function("max(1; 5; 3) → 5")
def max_(number1: Value, *numbers: Value) -> Number | None:
    """The largest number."""
    counted = _numbers(number1, *numbers)
    return max(counted) if counted else None


@function("min(4; 2; 3) → 2")
def min_(number1: Value, *numbers: Value) -> Number | None:
    """The smallest number."""
    counted = _numbers(number1, *numbers)
    return min(counted) if counted else None


@function("median(1; 9; 3) → 3", "median(1; 2; 3; 4) → 2.5")
def median(number1: Value, *numbers: Value) -> Number | None:
    """The number in the middle of the sorted ones, or the mean of the two in the middle."""
    counted = sorted(_numbers(number1, *numbers))
    if not counted:
        return None
    middle = len(counted) // 2
    if len(counted) % 2:
        return counted[middle]
    return _mean(counted[middle - 1 : middle + 1])


@function("sum(1; 2; 3.5) → 6.5", 'sum(split("1,2"; ",")) → 3')
def sum_(number1: Value | None, *numbers: Value) -> Number:
    """The numbers added up; 0 if there are none."""
    if type(number1) is list and not numbers and _INT.issuperset(map(type, number1)):
        return checked_int(sum(number1))
    return _sum(_numbers(number1, *numbers))


@function("stdevP(2; 4; 4; 4; 5; 5; 7; 9) → 2", name="stdevP")
def stdev_p(number1: Value, *numbers: Value) -> Number | None:
    """The standard deviation of a whole population."""
    return _deviation(_numbers(number1, *numbers), 0)


@function("stdevS(1; 3) → 1.4142135623730950488", name="stdevS")
def stdev_s(number1: Value, *numbers: Value) -> Number | None:
    """The standard deviation estimated from a sample of at least two."""
    return _deviation(_numbers(number1, *numbers), 1)


@function(
    'formatNumber(123456789; 3; ","; ".") → "123.456.789,000"',
    'formatNumber(1234.5; 2; "."; ",") → "1,234.50"',
)
def format_number(
    number: Number,
    decimals: Number = 0,
    decimal_separator: str = ",",
    thousands_separator: str = ".",
) -> str:
    """Writes a number with a fixed count of decimals, a half rounded away from zero."""
    places = int(max(0, min(MAX_PLACES, decimals)))
    rounded = Decimal(to_number(number)).quantize(EXACT.scaleb(1, -places), context=EXACT)
    sign = "-" if rounded < 0 else ""
    whole, _, fraction = format(rounded.copy_abs(), "f").partition(".")
    first = len(whole) % 3 or 3
    groups = [whole[:first], *(whole[at : at + 3] for at in range(first, len(whole), 3))]
    if len(decimal_separator) + len(thousands_separator) > 1000:
        raise UnusableError("a separator is too long")
    text = sign + thousands_separator.join(groups)
    return text + decimal_separator + fraction if fraction else text


@function(
    'parseNumber("1 756,456"; ",") → 1756.456',
    'parseNumber("1,756.456") → 1756.456',
)
def parse_number(number: Value, decimal_separator: str = ".") -> Number:
    """Reads a number; blanks and the other separator (, or .) are left out."""
    if type(number) is not str:
        if isinstance(number, (int, float, Decimal)) and not isinstance(number, bool):
            return to_number(number)
        number = to_text(number)
    if decimal_separator == ".":
        plain = number.replace(",", "")
    else:
        plain = number.replace(".", "")
        if decimal_separator:
            plain = plain.replace(decimal_separator, ".")
    try:
        return read_number("".join(plain.split()))
    except UnusableError:
        raise UnusableError(f"{shown(number)} is not a number") from None


_INT = frozenset((int,))


def _numbers(*values: Value) -> list[Number]:
    found: list[Number] = []
    for value in values:
        if type(value) is int:
            found.append(checked_int(value))
        elif isinstance(value, (list, tuple)):
            found += [to_number(each) for each in value if not is_nothing(each)]
        elif not is_nothing(value):
            found.append(to_number(value))
    return found


def _sum(numbers: list[Number]) -> Number:
    if _INT.issuperset(map(type, numbers)):
        return checked_int(sum(numbers))  # type: ignore[arg-type]
    total: Number = 0
    for each in numbers:
        total = add(total, each)
    return total


def _mean(numbers: list[Number]) -> Number:
    mean: Number = divide(_sum(numbers), len(numbers))
    return mean


def _rounded(number: Number, rounding: str) -> Number:
    if isinstance(number, int):
        return number
    return int(number.to_integral_value(rounding=rounding))


def _deviation(numbers: list[Number], less: int) -> Number | None:
    if not numbers:
        return None
    if len(numbers) <= less:
        raise UnusableError(
            f"it needs at least 2 numbers, and {number_to_text(len(numbers))} is given"
        )
    mean = _mean(numbers)
    differences = [subtract(each, mean) for each in numbers]
    variance = divide(_sum([multiply(each, each) for each in differences]), len(numbers) - less)
    try:
        return to_number(DECIMALS.sqrt(variance))
    except DecimalException:
        raise UnusableError("the number is too large") from None
