"""JSON: parse, create, transform, aggregate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import isinf
from typing import Any

from segconnect.mapping.values import number, to_json, to_text
from segconnect.scenario.engine.errors import ModuleError, invalid, missing
from segconnect.scenario.engine.fields import Field, coerced
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Parameters,
    Values,
    aggregator,
    module,
    option,
)

MAX_DIGITS = 4_000  # of a number that is kept exactly
_SPACES = range(1, 11)


def _number(text: str) -> Any:
    approximate = float(text)
    if isinf(approximate):
        raise ValueError(f"the number {text[:30]} is too large")
    if len(text) > MAX_DIGITS:
        return approximate
    try:
        value = Decimal(text)
    except InvalidOperation:  # of an exponent without measure
        return approximate
    return number(value) if abs(value.adjusted()) < 400 else approximate


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS:,} digits")
    return int(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def read_json(text: str) -> Any:
    """Reads JSON; fractions are kept exactly.

    Raises:
        ModuleError: DataError, with the place where it goes wrong.
    """
    try:
        return json.loads(
            text, parse_float=_number, parse_int=_integer, parse_constant=_no_constant
        )
    except RecursionError:
        raise ModuleError("DataError", "the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ModuleError(
            "DataError",
            f"Source is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            detail=text[max(0, error.pos - 20) : error.pos + 20],
        ) from None
    except ValueError as error:
        raise ModuleError("DataError", f"Source is not valid JSON: {error}.") from None


def structure(call: Call, parameters: Parameters) -> Sequence[Field]:
    """The fields of the data structure that a module names; none if it names none."""
    kind = parameters.get("type")
    return call.services.structures.get(str(kind), ()) if kind not in (None, "") else ()


@module("json:ParseJSON")
def parse(call: Call, parameters: Parameters, values: Values) -> list[Bundle]:
    """Parses JSON; an array becomes one bundle for each element."""
    text = values.get("json")
    if text is None:
        raise missing("json")
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", "replace")
    found = read_json(to_text(text).removeprefix("\ufeff"))
    fields = structure(call, parameters)
    items = found if isinstance(found, list) else [found]
    bundles = [item if isinstance(item, dict) else {"value": item} for item in items]
    if not fields:
        return bundles
    return [coerced(each, fields, call.context.zone) for each in bundles]


def write_json(value: Any, space: Any) -> str:
    """Writes JSON, indented by that many blanks or by a tab where it is asked for."""
    text = to_json(value)
    if space in (None, "", "0", 0):
        return text
    if space not in (*_SPACES, *map(str, _SPACES), "tab", "\t"):
        raise invalid([f"Value '{to_text(space)[:60]}' is not allowed in parameter 'space'."])
    indent = "\t" if space in ("tab", "\t") else int(space)
    return json.dumps(read_json(text), indent=indent, ensure_ascii=False, default=float)


@module("json:CreateJSON")
def create(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes JSON of the fields of a data structure."""
    fields = structure(call, parameters)
    found = coerced(values, fields, call.context.zone) if fields else values
    return {"json": write_json(found, parameters.get("space"))}


@module("json:TransformToJSON")
def transform(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes JSON of a value."""
    return {"json": write_json(values.get("object"), option(parameters, values, "space"))}


@aggregator("json:AggregateToJSON")
def aggregate(call: Call, parameters: Parameters, rows: list[Values]) -> Bundle:
    """Makes a JSON array of bundles."""
    fields = structure(call, parameters)
    found = [coerced(row, fields, call.context.zone) for row in rows] if fields else rows
    return {"json": write_json(found, parameters.get("space"))}
