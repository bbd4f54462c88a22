"""Flow control: router, if-else, iterator, array aggregator, repeater, and the error directives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from segconnect.mapping import UnusableError
from segconnect.mapping.values import to_array, to_number
from segconnect.scenario.engine.errors import ModuleError, invalid
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Kind,
    Parameters,
    Values,
    aggregator,
    declare,
    module,
)

MOST_REPEATS = 10_000

declare(
    "builtin:BasicRouter", Kind.ROUTER, "Takes each bundle through several routes.", counts=False
)
declare("builtin:BasicIfElse", Kind.CONDITIONAL, "Takes each bundle through one of its branches.")
declare("builtin:BasicMerge", Kind.CONVERGER, "Joins the branches of an if-else.")
declare("builtin:Noop", Kind.NOOP, "Does nothing.", counts=False)
declare("builtin:Ignore", Kind.DIRECTIVE, "Drops the bundle that failed.", counts=False)
declare("builtin:Resume", Kind.DIRECTIVE, "Goes on with a substitute.", counts=False)
declare("builtin:Commit", Kind.DIRECTIVE, "Ends the run, and keeps what was done.", counts=False)
declare("builtin:Rollback", Kind.DIRECTIVE, "Ends the run, and undoes what can be.", counts=False)
declare("builtin:Break", Kind.DIRECTIVE, "Sets the bundle aside to be retried.", counts=False)


@module("builtin:BasicFeeder", kind=Kind.ITERATOR)
def iterate(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Gives each element of an array: a collection as it is, anything else as `value`."""
    for item in to_array(values.get("array")):
        yield item if isinstance(item, dict) else {"value": item}


@aggregator("builtin:BasicAggregator")
def collect(call: Call, parameters: Parameters, rows: list[Values]) -> Bundle:
    """Collects bundles into an array."""
    return {"array": rows}


@module("builtin:BasicRepeater", kind=Kind.ITERATOR)
def repeat(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Gives a number of bundles, each with `i`, from `start` on in steps of `step`."""
    start = _number(values, "start", 1)
    repeats = _number(values, "repeats", 1)
    step = _number(values, "step", 1)
    if not 0 <= repeats <= MOST_REPEATS or repeats != int(repeats):
        raise invalid([f"Invalid number in parameter 'repeats': 0 to {MOST_REPEATS:,}."])
    for turn in range(int(repeats)):
        yield {"i": start + turn * step}


def _number(values: Values, name: str, default: int) -> Any:
    value = values.get(name)
    if value is None:
        return default
    try:
        return to_number(value)
    except UnusableError:
        raise invalid([f"Invalid number in parameter '{name}'."]) from None


@module("placeholder:Placeholder")
def placeholder(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Stands where a module is still to be chosen, and fails."""
    raise ModuleError("BundleValidationError", "no module has been chosen here yet")
