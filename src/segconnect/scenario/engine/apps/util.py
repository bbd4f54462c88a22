"""Tools: variables, increment, sleep, switcher, compose, basic trigger, aggregators of values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from segconnect.mapping import UnusableError
from segconnect.mapping.regex import pattern_of, regex, replace_pattern
from segconnect.mapping.values import (
    DECIMALS,
    bounded,
    number,
    to_array,
    to_boolean,
    to_number,
    to_text,
)
from segconnect.scenario.engine.errors import ModuleError, invalid, missing
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Kind,
    Parameters,
    Values,
    aggregator,
    module,
    option,
)

LONGEST_SLEEP = 300  # seconds


# variables


def _scope(call: Call, parameters: Parameters, values: Values) -> dict[str, Any]:
    name = str(option(parameters, values, "scope", "roundtrip"))
    return call.state.variables["execution" if name == "execution" else "roundtrip"]


@module("util:SetVariable2", "util:SetVariable")
def set_variable(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Sets a variable, for the cycle or for the whole run."""
    if "name" not in values:
        raise missing("name")
    name = to_text(values["name"])
    _scope(call, parameters, values)[name] = values.get("value")
    return {name: values.get("value")}


@module("util:SetVariables")
def set_variables(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Sets several variables."""
    named = {
        to_text(each["name"]): each.get("value")
        for each in to_array(values.get("variables"))
        if isinstance(each, Mapping) and each.get("name") is not None
    }
    _scope(call, parameters, values).update(named)
    return named


def _variable(call: Call, name: str) -> Any:
    scopes = call.state.variables
    return scopes["roundtrip"].get(name, scopes["execution"].get(name))


@module("util:GetVariable2", "util:GetVariable")
def get_variable(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Gives a variable that was set before; nothing if it was not."""
    if "name" not in values:
        raise missing("name")
    name = to_text(values["name"])
    value = _variable(call, name)
    return {} if value is None else {name: value}


@module("util:GetVariables")
def get_variables(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Gives several variables."""
    names = [
        to_text(each.get("name") if isinstance(each, Mapping) else each)
        for each in to_array(values.get("variables"))
    ]
    found = {name: _variable(call, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


@module("util:FunctionIncrement")
def increment(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Counts, from 1 on: within a cycle, a run, or for ever."""
    scope = str(option(parameters, values, "reset", "run"))
    if scope in ("run", "execution"):
        counters = call.state.counters[scope]
        counters[call.module_id] = counters.get(call.module_id, 0) + 1
        return {"i": counters[call.module_id]}
    key = (call.scenario, call.module_id)
    call.services.counters[key] = call.services.counters.get(key, 0) + 1
    return {"i": call.services.counters[key]}


# flow


@module("util:FunctionSleep")
def sleep(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Waits before it lets the bundle go on."""
    value = option(parameters, values, "duration", option(parameters, values, "delay"))
    if value is None:
        raise missing("duration")
    try:
        seconds = to_number(value)
    except UnusableError:
        raise invalid(["Invalid number in parameter 'duration'."]) from None
    if not 0 <= seconds <= LONGEST_SLEEP:
        raise invalid([f"Invalid number in parameter 'duration': at most {LONGEST_SLEEP} seconds."])
    call.services.sleep(float(seconds))
    return {}


@module("util:Switcher")
def switch(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Gives what belongs to the first pattern that the input matches, else the else output."""
    text = to_text(values.get("input"))
    is_pattern = to_boolean(option(parameters, values, "useRegExpMatch"))
    for case in to_array(option(parameters, values, "casesTable")):
        pattern = to_text(case.get("pattern")) if isinstance(case, Mapping) else ""
        output = case.get("output") if isinstance(case, Mapping) else None
        if is_pattern:
            compiled = pattern_of(pattern) or regex(pattern)
            if compiled.search(text) is not None:
                if isinstance(output, str) and "$" in output:
                    output = _expanded(pattern, text, output)
                yield {"output": output}
                return
        elif text == pattern:
            yield {"output": output}
            return
    otherwise = values.get("elseOutput")
    if otherwise is not None:
        yield {"output": otherwise}


def _expanded(pattern: str, text: str, output: str) -> str:
    compiled = pattern_of(pattern) or regex(pattern)
    found = compiled.search(text)
    return replace_pattern(compiled, found.group() or "", output) if found else output


@module("util:ComposeTransformer")
def compose(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes a text."""
    return {"value": to_text(values.get("value"))}


@module("util:BasicTrigger", kind=Kind.TRIGGER, polls=False)
def basic_trigger(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Gives bundles that are written down in the scenario."""
    for each in to_array(option(parameters, values, "values")):
        if not isinstance(each, Mapping):
            continue
        spec = each.get("spec")
        if isinstance(spec, list):
            yield {str(item["name"]): item.get("value") for item in spec if "name" in item}
        else:
            yield dict(each)


# aggregators


def separator(parameters: Parameters, name: str, default: str) -> str:
    """Reads a separator: itself, or `other` with the text beside it."""
    value = parameters.get(name)
    if value is None:
        return default
    text = str(value)
    if text == "other":
        return str(parameters.get(f"other{name[0].upper()}{name[1:]}") or "")
    return {"\\n": "\n", "\\t": "\t", "newline": "\n", "tab": "\t"}.get(text, text)


@aggregator("util:TextAggregator")
def join_texts(call: Call, parameters: Parameters, rows: list[Values]) -> Bundle:
    """Joins texts."""
    between = separator(parameters, "rowSeparator", "")
    return {"text": _joined((to_text(row.get("value")) for row in rows), between)}


def _joined(texts: Iterable[str], between: str) -> str:
    pieces, length = [], 0
    for text in texts:
        length += len(text) + len(between)
        bounded(text) if length < len(text) else None
        if length > 10_000_000:
            raise ModuleError("DataError", "the text would be longer than 10,000,000 characters")
        pieces.append(text)
    return between.join(pieces)


@aggregator("util:AggregateAggregator")
def make_table(call: Call, parameters: Parameters, rows: list[Values]) -> Bundle:
    """Makes a table: the values of a bundle are a row of it."""
    column = separator(parameters, "columnSeparator", "\t")
    row = separator(parameters, "rowSeparator", "\n")
    return {"text": _joined((column.join(_cells(each)) for each in rows), row)}


def _cells(values: Values) -> list[str]:
    cells = values.get("columns", values.get("value")) if len(values) == 1 else None
    if isinstance(cells, list):
        return [to_text(each.get("value") if isinstance(each, Mapping) else each) for each in cells]
    return [to_text(each) for each in values.values()]


@aggregator("util:FunctionAggregator2", "util:FunctionAggregator")
def reckon(call: Call, parameters: Parameters, rows: list[Values]) -> Bundle:
    """Reckons the sum, average, count, least or greatest of numbers."""
    name = str(parameters.get("fn") or "sum").lower()
    if name == "count":
        return {"result": len(rows)}
    try:
        numbers = [to_number(row["value"]) for row in rows if row.get("value") is not None]
    except UnusableError:
        raise invalid(["Invalid number in parameter 'value'."]) from None
    if name == "sum":
        return {"result": _sum(numbers)}
    if not numbers:
        return {"result": None}
    if name == "avg":
        return {"result": number(DECIMALS.divide(Decimal(_sum(numbers)), Decimal(len(numbers))))}
    if name in ("max", "min"):
        return {"result": max(numbers) if name == "max" else min(numbers)}
    raise ModuleError("InvalidConfigurationError", f"there is no aggregate function {name!r}")


def _sum(numbers: list[Any]) -> Any:
    total = Decimal(0)
    for each in numbers:
        total = DECIMALS.add(total, Decimal(each))
    return number(total)
