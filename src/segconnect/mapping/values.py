"""The values of the mapping language, and how one becomes a value of another type.

A value is None (absent and null are the same thing), True or False, a number (int, Decimal or
float), a str, an aware datetime, bytes (a buffer), a list (an array), a dict (a collection), or one
of two specials: IGNORE and ERASE. Numbers made here are an int where they are whole, else a
Decimal of at most 20 significant digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from enum import Enum
from typing import Any, Final, TypeAlias

from segconnect.types import parse_moment

Value: TypeAlias = Any
"""Any value of the language."""

Number: TypeAlias = int | Decimal

MAX_TEXT: Final = 5_000_000
"""Characters in a text, and bytes in a buffer, that a template may make."""

TOO_LONG: Final = f"the text would be longer than {MAX_TEXT:,} characters"

MAX_ITEMS: Final = 100_000
"""Items in an array that a template may make."""

MAX_DIGITS: Final = 400
"""Digits before or after the point of a number."""

_SMALL: Final = 1 << 60  # whole numbers below need no look at their digits

_EXACT: Final = 1 << 53  # floating-point numbers below are whole where they are written so

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_NUMBER = re.compile(r"(?=\.?\d|[+-]\.?\d)([+-]?\d*)(?:\.(\d*))?([eE][+-]?\d{1,4})?", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?", re.ASCII)
_escape_json = json.encoder.encode_basestring

DECIMALS: Final = Context(
    prec=20,
    rounding=ROUND_HALF_UP,
    Emin=-MAX_DIGITS,
    Emax=MAX_DIGITS,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""How decimals are reckoned: as decimal.js does unless it is told otherwise."""

EXACT: Final = Context(prec=4 * MAX_DIGITS, rounding=ROUND_HALF_UP, traps=[InvalidOperation])
"""For what must not lose a digit: remainders and rounding of long numbers."""


class Special(Enum):
    """What a field may be told instead of a value."""

    IGNORE = "ignore"
    ERASE = "erase"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.value


IGNORE: Final = Special.IGNORE
"""Leaves the field or the item out."""

ERASE: Final = Special.ERASE
"""Sends an explicit null, which clears the field on the other side."""


class UnusableError(ValueError):
    """A value that a function, an operator or a field cannot use: the reason, without the place."""


def shown(value: Value) -> str:
    """The value as a message shows it: short, and what kind of thing it is when that matters."""
    if value is None or isinstance(value, Special):
        return "nothing" if value is None else value.value
    if isinstance(value, (list, tuple)):
        return f"an array of {len(value)}"
    if isinstance(value, Mapping):
        return "a collection"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"a buffer of {len(value)} bytes"
    if isinstance(value, str):
        text = json.dumps(value[:60], ensure_ascii=False)
        return text if len(value) <= 60 else text[:-1] + '..."'
    try:
        text = to_text(value)
    except UnusableError:
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def bounded(text: str) -> str:
    """Passes a text on, unless it is longer than a template may make."""
    if len(text) > MAX_TEXT:
        raise UnusableError(TOO_LONG)
    return text


def bounded_items(items: list[Value]) -> list[Value]:
    """Passes an array on, unless it is longer than a template may make."""
    if len(items) > MAX_ITEMS:
        raise UnusableError(f"the array would have more than {MAX_ITEMS:,} items")
    return items


# numbers


def number(value: Decimal) -> Number:
    """Makes a whole decimal an int, and leaves any other as it is."""
    if value.adjusted() > MAX_DIGITS:
        raise UnusableError("the number is too large")
    try:
        whole = int(value)
    except (ValueError, OverflowError):  # NaN, Infinity
        raise UnusableError(f"{value} is not a number") from None
    return whole if whole == value else value


def checked_int(value: int) -> int:
    """Passes an int on, unless it is larger than numbers may be."""
    if -_SMALL < value < _SMALL or value.bit_length() < MAX_DIGITS * 3.32:
        return value
    raise UnusableError("the number is too large")


def read_number(text: str) -> Number:
    """Reads a text such as "12.50", "-3" or "1e3".

    Raises:
        UnusableError: The text is no number, or a larger one than numbers may be.
    """
    if len(text) < 30 and text.isascii():  # most are such as 12 or 12.50
        if text.isdigit():
            return int(text)
        whole, _, fraction = text.partition(".")
        if whole.isdigit() and fraction.isdigit():
            return Decimal(text) if fraction.strip("0") else int(whole)
    match = _NUMBER.fullmatch(text) or _NUMBER.fullmatch(text.strip())
    if match is None or len(text) > 2 * MAX_DIGITS:
        raise UnusableError(f"{shown(text)} is not a number")
    whole, fraction, exponent = match.groups()
    if exponent is None and whole:
        if fraction is not None and fraction.strip("0"):
            return Decimal(match.group())
        return checked_int(int(whole))
    value = Decimal(match.group())
    if value and not -MAX_DIGITS <= value.adjusted() <= MAX_DIGITS:
        raise UnusableError(f"{shown(text)} is too large a number")
    return number(value)


def to_number(value: Value) -> Number:
    """Makes a number: of a number, or of a text that is one; of nothing else."""
    kind = type(value)
    if kind is int:
        return checked_int(value)
    if kind is str:
        return read_number(value)
    if kind is Decimal:
        return number(value)
    if kind is float:
        if -_EXACT < value < _EXACT:
            return int(value) if value.is_integer() else Decimal(repr(value))
        return read_number(repr(value))
    if isinstance(value, str):
        return read_number(str(value))
    raise UnusableError(f"{shown(value)} is not a number")


def to_whole(value: Value) -> int:
    """Makes a whole number, of what is one."""
    result = to_number(value)
    if isinstance(result, int):
        return result
    raise UnusableError(f"{shown(value)} is not a whole number")


def number_to_text(value: int | float | Decimal) -> str:
    """Writes a number without exponent and without trailing zeros."""
    try:
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            value = Decimal(repr(value))
        if not value.is_finite() or not -1000 < value.adjusted() < 1000:
            raise UnusableError(f"{value} is not a number that can be written")
        text = format(value, "f")
    except ValueError:
        raise UnusableError("the number has too many digits") from None
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


# text


def to_text(value: Value) -> str:
    """Makes a text; nothing becomes the empty text.

    Dates are written as ISO 8601 in UTC, collections as JSON, and arrays as the texts of their
    items with commas between them.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return str(value) if -_SMALL < value < _SMALL else number_to_text(value)
    if value is None or kind is Special:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (int, float, Decimal)):
        return number_to_text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bounded(bytes(value).decode())
        except UnicodeDecodeError:
            raise UnusableError(f"{shown(value)} is not text in UTF-8") from None
    if isinstance(value, (list, tuple)):
        return _array_to_text(value)
    if isinstance(value, Mapping):
        return to_json(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    raise UnusableError(f"a {type(value).__name__} cannot be made text")


def iso(moment: datetime) -> str:
    """Writes a moment as 2016-06-20T17:26:44.356Z."""
    if moment.tzinfo is not UTC:
        moment = as_utc(moment)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def as_utc(moment: datetime) -> datetime:
    """The same instant in UTC; a moment without a zone is taken to be in UTC."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise UnusableError("the date is out of range") from None


def _array_to_text(items: list[Value] | tuple[Value, ...]) -> str:
    writer = _Writer()
    try:
        writer.write_items(items)
    except RecursionError:
        raise UnusableError("the array is nested too deeply to be made text") from None
    return "".join(writer.pieces)


def to_json(value: Value, *, sort_keys: bool = False) -> str:
    """Writes a value as JSON, without blanks."""
    writer = _Writer(sort_keys)
    try:
        writer.write_json(value)
    except RecursionError:
        raise UnusableError("the value is nested too deeply to be written as JSON") from None
    return "".join(writer.pieces)


class _Writer:
    """Collects the pieces of a text, and stops when they are too many."""

    def __init__(self, sort_keys: bool = False) -> None:
        self.sort_keys = sort_keys
        self.pieces: list[str] = []
        self.size = 0

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.size += len(piece)
        if self.size > MAX_TEXT or len(self.pieces) > 10 * MAX_ITEMS:
            raise UnusableError(TOO_LONG)

    def write_items(self, items: list[Value] | tuple[Value, ...]) -> None:
        """Writes the texts of items, with commas between them."""
        for position, item in enumerate(items):
            if position:
                self.add(",")
            if isinstance(item, (list, tuple)):
                self.write_items(item)
            elif isinstance(item, Mapping):
                self.write_json(item)
            else:
                self.add(to_text(item))

    def write_json(self, value: Value) -> None:
        """Writes a value as JSON."""
        if isinstance(value, Mapping):
            self.add("{")
            entries = sorted(value.items(), key=_key) if self.sort_keys else value.items()
            for position, (key, item) in enumerate(entries):
                name = _escape_json(key if isinstance(key, str) else to_text(key))
                self.add(f",{name}:" if position else f"{name}:")
                self.write_json(item)
            self.add("}")
        elif isinstance(value, (list, tuple)):
            self.add("[")
            for position, item in enumerate(value):
                if position:
                    self.add(",")
                self.write_json(item)
            self.add("]")
        else:
            self.add(_scalar_to_json(value))


def _scalar_to_json(value: Value) -> str:
    if isinstance(value, str):
        return _escape_json(value)
    if value is None or isinstance(value, Special):
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        is_number = not isinstance(value, float) or value - value == 0
        return number_to_text(value) if is_number else "null"  # NaN and the infinities
    return _escape_json(to_text(value))


def _key(entry: tuple[Value, Value]) -> str:
    return entry[0] if isinstance(entry[0], str) else to_text(entry[0])


# other types


def to_boolean(value: Value) -> bool:
    """Makes a boolean as a field of that type does: 0 is true, and "" and "false" are not."""
    if isinstance(value, str):
        return value not in ("", "false")
    if value is None or isinstance(value, (bool, Special)):
        return bool(value)
    return True


def truth(value: Value) -> bool:
    """Whether a condition holds, as JavaScript has it: not for nothing, false, 0, NaN and ""."""
    if value is True or value is False:
        return value
    if value is None or isinstance(value, (str, int, Decimal, Special)):
        return bool(value)
    if isinstance(value, float):
        return bool(value) and value == value
    return True


def to_date(value: Value, zone: tzinfo = UTC) -> datetime:
    """Makes a moment, in UTC, of a date, a text in a supported format, or milliseconds since 1970.

    Args:
        value: What is given.
        zone: The zone of a text that does not name one.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo is UTC else as_utc(value)
    if isinstance(value, str):
        try:
            return parse_moment(value, zone)
        except ValueError as error:
            raise UnusableError(str(error)) from None
    if isinstance(value, date):
        return as_utc(datetime(value.year, value.month, value.day, tzinfo=zone))
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return from_milliseconds(to_number(value))
    raise UnusableError(f"{shown(value)} is not a date")


def from_milliseconds(count: Number) -> datetime:
    """The moment that many milliseconds after the beginning of 1970 in UTC."""
    try:
        return EPOCH + timedelta(microseconds=int(count * 1000))
    except (OverflowError, ValueError, DecimalException):
        raise UnusableError(f"{shown(count)} milliseconds is no date: out of range") from None


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the beginning of 1970 in UTC."""
    return (as_utc(moment) - EPOCH) // timedelta(milliseconds=1)


def to_time(value: Value) -> time:
    """Makes a time of day of a text such as 17:26 or 17:26:44."""
    if isinstance(value, time):
        return value
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise UnusableError(f"{shown(value)} is not a time; expected for example 17:26:44")
    hours, minutes, seconds, fraction = match.groups()
    try:
        return time(
            int(hours), int(minutes), int(seconds or 0), int((fraction or "0").ljust(6, "0"))
        )
    except ValueError as error:
        raise UnusableError(f"{shown(value)} is not a time: {error}") from None


def to_array(value: Value) -> list[Value]:
    """Makes an array: anything else becomes the one item of it, and nothing the empty one."""
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    return [] if value is None or isinstance(value, Special) else [value]


def to_collection(value: Value) -> Mapping[str, Value]:
    """Passes a collection on; nothing else can be made one."""
    if isinstance(value, Mapping):
        return value
    raise UnusableError(f"{shown(value)} is not a collection")


def to_buffer(value: Value) -> bytes:
    """Makes a buffer; texts, numbers, booleans and dates are written as text in UTF-8."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (Mapping, list, tuple)):
        raise UnusableError(f"{shown(value)} is not a buffer")
    return to_text(value).encode("utf-8", "replace")
