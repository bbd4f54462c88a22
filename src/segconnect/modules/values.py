"""The values of fields, beyond those of `types`: texts, counts, keys and values, JSON.

What is accepted here can be written as JSON, read back by anyone, and kept in a database.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainValidator

from segconnect.types import MAX_CENTS, shown

MAX_EXACT = MAX_CENTS  # whole numbers up to here survive every JSON reader
MAX_DEPTH = 100  # of arrays and collections in a body


def _read_text(value: str) -> str:
    if "\0" in value:
        raise ValueError("holds a NUL character; leave it out")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("holds half a character (a lone surrogate); read it as UTF-8 again")
    return value


def _read_scalar(value: Any) -> Any:
    """Answers a text, a number, a truth or null; a date is the text that goes on the wire."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _read_text(str(value))
    if isinstance(value, Decimal) and value.is_finite():
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, int):
        if abs(value) > MAX_EXACT:
            raise ValueError("is a number too long to be kept exactly; send it as a text")
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    raise ValueError(f"{shown(value)} is not a text, number, truth or null")


def _read_key(value: str) -> str:
    if not value.strip():
        raise ValueError("the key is empty; name it")
    return _read_text(value)


def _read_json(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is not a text; JSON has no other keys")
        return {_read_text(key): _read_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_read_json(item, depth + 1) for item in value]
    return _read_scalar(value)


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not a number")
    return value


def _as_list(value: Any) -> Any:
    alone = isinstance(value, (str, int, float, Decimal, Mapping, BaseModel))
    return [value] if alone else value


AS_LIST = BeforeValidator(_as_list)
"""One value where many are asked for is a list of one, as in the scenario builder."""

Text = Annotated[str, AfterValidator(_read_text)]
"""A text that can be sent and kept."""

Scalar = Annotated[str | int | float | bool | None, PlainValidator(_read_scalar)]
"""A text, a number, a truth or null."""

Pairs = dict[Annotated[str, AfterValidator(_read_key)], Scalar]
"""Rows of key and value."""

Json = Annotated[Any, PlainValidator(_read_json)]
"""Whatever JSON can say."""

Count = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=10_000)]
"""How many; at least one."""

Quantity = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=1_000_000)]
"""How many of a product; at least one."""

Figure = Annotated[int, BeforeValidator(_no_truth), Field(ge=0, le=MAX_EXACT)]
"""How often something happened on a day."""

Port = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=65535)]
"""A port of a server."""

Latitude = Annotated[float, BeforeValidator(_no_truth), Field(ge=-90, le=90)]
"""Degrees north."""

Longitude = Annotated[float, BeforeValidator(_no_truth), Field(ge=-180, le=180)]
"""Degrees east."""
