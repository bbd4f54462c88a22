"""Filters between modules: conditions in rows of AND, joined by OR."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from segconnect.errors import MappingError, ScenarioError, unknown_name
from segconnect.mapping import Context, UnusableError, compile_value
from segconnect.mapping.comparison import is_equal, is_nothing
from segconnect.mapping.values import to_array, to_boolean, to_date, to_number, to_text

Test = Callable[[Context], bool]
Operator = Callable[[Any, Any], bool]


def _exist(a: Any, _b: Any) -> bool:
    return not is_nothing(a)


def _not(operator: Operator) -> Operator:
    return lambda a, b: not operator(a, b)


def _on(convert: Callable[[Any], Any], compare: Operator) -> Operator:
    return lambda a, b: compare(convert(a), convert(b))


def _text(value: Any) -> str:
    return "" if is_nothing(value) else to_text(value)


def _small(value: Any) -> str:
    return _text(value).lower()


def _length(value: Any) -> Any:
    return to_number(value) if isinstance(value, str | int) else len(to_array(value))


def _array_has(a: Any, b: Any) -> bool:
    return any(is_equal(item, b) for item in to_array(a))


def _array_has_small(a: Any, b: Any) -> bool:
    return any(_small(item) == _small(b) for item in to_array(a))


COMPARISONS: dict[str, Operator] = {
    "equal": lambda a, b: bool(a == b),
    "notequal": lambda a, b: bool(a != b),
    "greater": lambda a, b: bool(a > b),
    "less": lambda a, b: bool(a < b),
    "greaterorequal": lambda a, b: bool(a >= b),
    "lessorequal": lambda a, b: bool(a <= b),
}

TEXT: dict[str, Operator] = {
    "equal": lambda a, b: bool(a == b),
    "contain": lambda a, b: b in a,
    "startwith": lambda a, b: bool(a.startswith(b)),
    "endwith": lambda a, b: bool(a.endswith(b)),
}


def _operators() -> dict[str, Operator]:
    found: dict[str, Operator] = {"exist": _exist, "notexist": _not(_exist)}
    for name, compare in TEXT.items():
        for suffix, text in (("", _text), (":ci", _small)):
            found[f"text:{name}{suffix}"] = _on(text, compare)
            found[f"text:not{name}{suffix}"] = _not(_on(text, compare))
    kinds: dict[str, Callable[[Any], Any]] = {
        "number": to_number,
        "date": to_date,
        "array": _length,
    }
    for kind, convert in kinds.items():
        for name, compare in COMPARISONS.items():
            found[f"{kind}:{name}"] = _on(convert, compare)
    for name in ("equal", "notequal"):
        found[f"boolean:{name}"] = _on(to_boolean, COMPARISONS[name])
    for suffix, has in (("", _array_has), (":ci", _array_has_small)):
        found[f"array:contain{suffix}"] = has
        found[f"array:notcontain{suffix}"] = _not(has)
    return found


OPERATORS = _operators()
"""Every operator by its name in blueprints; array comparisons are of the arrays' lengths."""


def compile_filter(filter_: Mapping[str, Any] | None, where: str) -> Test | None:
    """Compiles a module's filter; None where every bundle passes.

    Args:
        filter_: {"name": ..., "conditions": [[{"a": template, "o": operator, "b": template}]]}:
            a bundle passes if all conditions of any row hold.
        where: The module, for messages.

    Raises:
        ScenarioError: The filter is not of this shape, or names an operator that there is not.
        MappingError: One of its templates cannot be compiled.
    """
    rows = (filter_ or {}).get("conditions") or []
    if not isinstance(rows, Sequence) or not all(isinstance(row, Sequence) for row in rows):
        raise ScenarioError(f"{where}: filter: conditions are a list of lists")
    tests = [[_condition(condition, f"{where}: filter") for condition in row] for row in rows]
    if not tests:
        return None
    return lambda context: any(all(test(context) for test in row) for row in tests)


def _condition(condition: Any, where: str) -> Test:
    if not isinstance(condition, Mapping) or "a" not in condition:
        raise ScenarioError(f"{where}: a condition has a, o and b")
    name = str(condition.get("o", "text:equal"))
    operator = OPERATORS.get(name)
    if operator is None:
        raise ScenarioError(f"{where}: {unknown_name('operator', name, OPERATORS)}")
    left = compile_value(condition["a"], field="filter")
    right = compile_value(condition.get("b"), field="filter")

    def test(context: Context) -> bool:
        a, b = left(context), right(context)
        try:
            return operator(a, b)
        except (UnusableError, TypeError) as error:
            raise MappingError(f"{name}: {error}", field="filter") from None

    return test
