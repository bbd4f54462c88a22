"""Conditions of filters: each operator compares as its kind, and rows are joined by OR."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.errors import ScenarioError
from segconnect.mapping import Context
from segconnect.scenario.engine.conditions import compile_conditions


@pytest.mark.parametrize(
    ("operator", "a", "b", "passes"),
    [
        ("exist", "x", None, True),
        ("exist", None, None, False),
        ("notexist", None, None, True),
        ("text:equal", "a", "A", False),
        ("text:equal:ci", "a", "A", True),
        ("text:notequal", "a", "b", True),
        ("text:contain", "teapot", "pot", True),
        ("text:notstartwith", "Total: all", "Total:", False),
        ("text:endwith:ci", "teaPOT", "pot", True),
        ("text:pattern", "order 7", "[0-9]", True),
        ("text:notpattern:ci", "ORDER", "order", False),
        ("number:greater", "10", 9, True),
        ("number:less", None, 9, False),
        ("number:notequal", None, 9, True),
        ("number:lessorequal", 9.5, "9.5", True),
        ("date:less", "2026-01-31", "2026-02-01", True),
        ("datetime:greater", "2026-01-31", "2026-02-01", False),
        ("time:less", "09:00", "10:30", True),
        ("boolean:equal", True, "false", False),
        ("array:contain", ["a", "b"], "b", True),
        ("array:notcontain:ci", ["a"], "A", False),
        ("array:greater", ["a", "b"], 1, True),
    ],
)
def test_an_operator_compares_as_its_kind(operator: str, a: Any, b: Any, passes: bool) -> None:
    test = compile_conditions([[{"a": "{{1.a}}", "o": operator, "b": "{{1.b}}"}]], "m")

    assert test is not None
    assert test(Context({1: {"a": a, "b": b}})) is passes


def test_conditions_are_rows_of_and_joined_by_or() -> None:
    is_a, is_b, is_c = ({"a": f"{{{{1.{n}}}}}", "o": "exist"} for n in "abc")
    test = compile_conditions([[is_a, is_b], [is_c]], "m")

    assert test is not None
    assert [test(Context({1: dict.fromkeys(given, 1)})) for given in ("ab", "a", "c", "")] == [
        True, False, True, False,
    ]  # fmt: skip


def test_an_operator_that_there_is_not_is_told_with_a_guess() -> None:
    with pytest.raises(ScenarioError, match=r"m: unknown operator 'text:equals'.*'text:equal'"):
        compile_conditions([[{"a": "x", "o": "text:equals"}]], "m")
