"""Conditions, in rows of AND joined by OR: of filters, if-else branches and searches."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from segconnect.errors import MappingError, ScenarioError, unknown_name
from segconnect.mapping import Context, Functions, UnusableError, compile_value
from segconnect.mapping.comparison import is_equal, is_nothing
from segconnect.mapping.regex import pattern_of, regex
from segconnect.mapping.values import (
    to_array,
    to_boolean,
    to_date,
    to_number,
    to_text,
    to_time,
)

Test = Callable[[Context], bool]
Compare = Callable[[Any, Any], bool]
Operator = Callable[[Any, Any, Context], bool]


def _text(value: Any) -> str:
    return "" if is_nothing(value) else to_text(value)


def _small(value: Any) -> str:
    return _text(value).lower()


def _lengths(compare: Compare) -> Operator:
    """Compares the length of an array with a number, or with that of another array."""

    def test(a: Any, b: Any, context: Context) -> bool:
        is_number = not isinstance(b, (list, tuple)) and not is_nothing(b)
        return compare(len(to_array(a)), to_number(b) if is_number else len(to_array(b)))

    return test


def _on(convert: Callable[[Any], Any], compare: Compare) -> Operator:
    return lambda a, b, context: bool(compare(convert(a), convert(b)))


def _not(test: Operator) -> Operator:
    return lambda a, b, context: not test(a, b, context)


def _exist(a: Any, b: Any, context: Context) -> bool:
    return not is_nothing(a)


def _matches(flags: str) -> Operator:
    def test(a: Any, b: Any, context: Context) -> bool:
        wanted = _text(b)
        return (pattern_of(wanted) or regex(wanted, flags)).search(_text(a)) is not None

    return test


def _array_has(a: Any, b: Any, context: Context) -> bool:
    return any(is_equal(item, b) for item in to_array(a))


def _array_has_small(a: Any, b: Any, context: Context) -> bool:
    return any(_small(item) == _small(b) for item in to_array(a))


def _dates(compare: Compare) -> Operator:
    return lambda a, b, context: compare(to_date(a, context.zone), to_date(b, context.zone))


def _without_nothing(test: Operator) -> Operator:
    """Of nothing, no number, date or time is equal, greater or less; only unlike."""
    return lambda a, b, context: not (is_nothing(a) or is_nothing(b)) and test(a, b, context)


def _unlike(test: Operator) -> Operator:
    def unlike(a: Any, b: Any, context: Context) -> bool:
        if is_nothing(a) or is_nothing(b):
            return is_nothing(a) is not is_nothing(b)
        return test(a, b, context)

    return unlike


COMPARISONS: dict[str, Compare] = {
    "equal": operator.eq,
    "notequal": operator.ne,
    "greater": operator.gt,
    "less": operator.lt,
    "greaterorequal": operator.ge,
    "lessorequal": operator.le,
}

TEXT: dict[str, Compare] = {
    "equal": operator.eq,
    "contain": operator.contains,
    "startwith": str.startswith,
    "endwith": str.endswith,
}


def _operators() -> dict[str, Operator]:
    found: dict[str, Operator] = {"exist": _exist, "notexist": _not(_exist)}
    spellings = (("", _text, "", _array_has), (":ci", _small, "i", _array_has_small))
    for name, compare in TEXT.items():
        for suffix, text, _, _ in spellings:
            found[f"text:{name}{suffix}"] = _on(text, compare)
            found[f"text:not{name}{suffix}"] = _not(_on(text, compare))
    for suffix, _, flags, has in spellings:
        found[f"text:pattern{suffix}"] = _matches(flags)
        found[f"text:notpattern{suffix}"] = _not(_matches(flags))
        found[f"array:contain{suffix}"] = has
        found[f"array:notcontain{suffix}"] = _not(has)
    for name, compare in COMPARISONS.items():
        guard = _unlike if name == "notequal" else _without_nothing
        found[f"number:{name}"] = guard(_on(to_number, compare))
        found[f"date:{name}"] = guard(_dates(compare))
        found[f"time:{name}"] = guard(_on(to_time, compare))
        found[f"array:{name}"] = _lengths(compare)
    for name in ("equal", "notequal"):
        found[f"boolean:{name}"] = _on(to_boolean, COMPARISONS[name])
    return found


OPERATORS = _operators()
"""Every operator by its name in blueprints; array comparisons are of the arrays' lengths."""

OTHER_SPELLINGS = {
    "text:isempty": "notexist",
    "text:isnotempty": "exist",
    "text:startswith": "text:startwith",
    "text:endswith": "text:endwith",
    "text:contains": "text:contain",
    "text:notcontains": "text:notcontain",
    "date:before": "date:less",
    "date:after": "date:greater",
    "date:later": "date:greater",
    "date:earlier": "date:less",
    "number:greaterthan": "number:greater",
    "number:lessthan": "number:less",
}
"""Names that the builder does not have and hand-written blueprints use.

Source: integromat/make-skills, scenario building.
"""


def operator_named(name: str, where: str) -> Operator:
    """Finds an operator; `datetime:` is another word for `date:`.

    Raises:
        ScenarioError: There is none of that name.
    """
    known = name.replace("datetime:", "date:", 1)
    found = OPERATORS.get(OTHER_SPELLINGS.get(known, known))
    if found is None:
        raise ScenarioError(f"{where}: {unknown_name('operator', name, OPERATORS)}")
    return found


def rows_of(conditions: Any, where: str) -> list[list[Mapping[str, Any]]]:
    """Reads conditions: a list of rows, or one row by itself.

    Raises:
        ScenarioError: They are not of this shape.
    """
    if not conditions:
        return []
    if isinstance(conditions, Sequence) and not isinstance(conditions, str):
        is_row = all(isinstance(each, Mapping) for each in conditions)
        rows = [
            [each for each in row if each != {}]  # a row of the form that nobody filled in
            for row in ([conditions] if is_row else conditions)
            if isinstance(row, Sequence)
        ]
        if all(isinstance(each, Mapping) and "a" in each for row in rows for each in row):
            return [row for row in rows if row]
    raise ScenarioError(f"{where}: conditions are rows of a, o and b")


def compile_conditions(
    conditions: Any, where: str, functions: Functions | None = None
) -> Test | None:
    """Compiles conditions; None where every bundle passes.

    Raises:
        ScenarioError: They are not of the shape, or name an operator that there is not.
        MappingError: A template cannot be compiled.
    """
    rows = rows_of(conditions, where)
    tests = [[_condition(each, where, functions) for each in row] for row in rows]
    if not tests:
        return None
    return lambda context: any(all(test(context) for test in row) for row in tests)


def _condition(condition: Mapping[str, Any], where: str, functions: Functions | None) -> Test:
    name = str(condition.get("o") or "text:equal")
    holds = operator_named(name, where)
    left = compile_value(condition["a"], field="filter", functions=functions)
    right = compile_value(condition.get("b"), field="filter", functions=functions)

    def test(context: Context) -> bool:
        a, b = left(context), right(context)
        try:
            return holds(a, b, context)
        except (UnusableError, TypeError) as error:
            raise MappingError(f"{name}: {error}", field="filter") from None

    return test
