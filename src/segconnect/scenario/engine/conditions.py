"""Conditions, in rows of AND joined by OR: of filters, if-else branches and searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from segconnect.errors import MappingError, ScenarioError, unknown_name
from segconnect.mapping import Context, UnusableError, compile_value
from segconnect.mapping.comparison import is_nothing
from segconnect.mapping.regex import pattern_of, regex
from segconnect.mapping.values import to_date, to_text, to_time
from segconnect.scenario.filters import COMPARISONS
from segconnect.scenario.filters import OPERATORS as PLAIN

Test = Callable[[Context], bool]
Operator = Callable[[Any, Any, Context], bool]


def _plain(operator: Callable[[Any, Any], bool]) -> Operator:
    return lambda a, b, context: operator(a, b)


def _matches(a: Any, b: Any, flags: str) -> bool:
    text = "" if is_nothing(a) else to_text(a)
    wanted = "" if is_nothing(b) else to_text(b)
    return (pattern_of(wanted) or regex(wanted, flags)).search(text) is not None


def _pattern(flags: str, wanted: bool) -> Operator:
    return lambda a, b, context: _matches(a, b, flags) is wanted


def _dates(compare: Callable[[Any, Any], bool]) -> Operator:
    return lambda a, b, context: compare(to_date(a, context.zone), to_date(b, context.zone))


def _times(compare: Callable[[Any, Any], bool]) -> Operator:
    return lambda a, b, context: compare(to_time(a), to_time(b))


def _without_nothing(operator: Operator) -> Operator:
    """Of nothing, no number, date or time is equal, greater or less; only unlike."""
    return lambda a, b, context: not (is_nothing(a) or is_nothing(b)) and operator(a, b, context)


def _unlike(operator: Operator) -> Operator:
    def test(a: Any, b: Any, context: Context) -> bool:
        if is_nothing(a) or is_nothing(b):
            return is_nothing(a) is not is_nothing(b)
        return operator(a, b, context)

    return test


def _operators() -> dict[str, Operator]:
    found = {name: _plain(operator) for name, operator in PLAIN.items()}
    for suffix, flags in (("", ""), (":ci", "i")):
        found[f"text:pattern{suffix}"] = _pattern(flags, True)
        found[f"text:notpattern{suffix}"] = _pattern(flags, False)
    for name, compare in COMPARISONS.items():
        guard = _unlike if name == "notequal" else _without_nothing
        found[f"date:{name}"] = guard(_dates(compare))
        found[f"time:{name}"] = guard(_times(compare))
        found[f"number:{name}"] = guard(_plain(PLAIN[f"number:{name}"]))
    return found


OPERATORS = _operators()
"""Every operator by its name in blueprints."""

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
        if all(isinstance(each, Mapping) for each in conditions):
            return [list(conditions)]
        rows = [list(row) for row in conditions if isinstance(row, Sequence) and row]
        if all(isinstance(each, Mapping) and "a" in each for row in rows for each in row):
            return rows
    raise ScenarioError(f"{where}: conditions are rows of a, o and b")


def compile_conditions(conditions: Any, where: str) -> Test | None:
    """Compiles conditions; None where every bundle passes.

    Raises:
        ScenarioError: They are not of the shape, or name an operator that there is not.
        MappingError: A template cannot be compiled.
    """
    tests = [[_condition(each, where) for each in row] for row in rows_of(conditions, where)]
    if not tests:
        return None
    return lambda context: any(all(test(context) for test in row) for row in tests)


def _condition(condition: Mapping[str, Any], where: str) -> Test:
    name = str(condition.get("o") or "text:equal")
    operator = operator_named(name, where)
    left = compile_value(condition["a"], field="filter")
    right = compile_value(condition.get("b"), field="filter")

    def test(context: Context) -> bool:
        a, b = left(context), right(context)
        try:
            return operator(a, b, context)
        except (UnusableError, TypeError) as error:
            raise MappingError(f"{name}: {error}", field="filter") from None

    return test
