"""What typed cells become: values of the mapping language, as a CSV of the same table would say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

MAX_EXACT = 2**53


def plain(value: Any) -> Any:
    """Makes a typed cell a value of the mapping language; None where there is nothing.

    A date stays a day, and a time without a zone stays without one: both are given as the text
    "2026-09-01" or "2026-09-01 13:45:00". Made an instant here, 1 September would be 31 August
    in half of the world; as text it is read in the scenario's time zone where a field wants a
    moment, and as the day it says where a field wants a day. A time with a zone is a moment.
    """
    if value is None or value == "":
        return None
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return None
        return int(value) if value.is_integer() and abs(value) < MAX_EXACT else value
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Iterable):
        return [plain(each) for each in value]
    return str(value)


def _moment(value: datetime) -> datetime | str:
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    return value.isoformat(" ", "seconds" if not value.microsecond else "milliseconds")


def bundle_values(names: Iterable[str], cells: Iterable[Any]) -> dict[str, Any]:
    """Answers a row's bundle: a cell that is empty is absent from it."""
    values: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=False):
        value = cell if type(cell) in (str, int, bool) else plain(cell)  # most of them
        if value is not None and value != "":
            values[name] = value
    return values
