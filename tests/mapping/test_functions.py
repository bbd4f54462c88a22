"""What holds for every declared function, and for functions that others declare."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import MappingError, ScenarioError
from segconnect.mapping import compile_template, evaluate, load_functions, registry
from segconnect.mapping.reference import reference_page
from segconnect.mapping.registry import Function, Functions
from segconnect.mapping.values import to_json

REFERENCE = Path(__file__).parents[2] / "docs" / "mapping.md"

FUNCTIONS = list(registry.built_in().values())
EXAMPLES = [
    pytest.param(*example.split(" → "), id=example)
    for function in FUNCTIONS
    for example in function.examples
    if " → " in example
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES)
def test_an_example_is_true(expression: str, expected: str) -> None:
    value = evaluate("{{" + expression + "}}", {})

    assert json.loads(to_json(as_json(value)), parse_float=Decimal) == json.loads(
        expected, parse_float=Decimal
    )


def as_json(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_has_help_and_a_checked_example(function: Function) -> None:
    assert function.help.endswith(".")
    assert any(" → " in example for example in function.examples)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_an_example_that_is_only_shown_can_be_read(function: Function) -> None:
    for example in function.examples:
        compile_template("{{" + example.split(" → ")[0] + "}}")


def test_the_reference_page_is_what_the_declarations_say() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference_page(), (
        "write it anew: python -m segconnect.mapping.reference docs/mapping.md"
    )


def test_the_palette_is_whole() -> None:
    assert {function.family: 0 for function in FUNCTIONS}.keys() == {
        "general",
        "math",
        "text",
        "dates",
        "arrays",
        "money",
    }
    assert set(registry.built_in()) == {
        *("get", "if", "ifempty", "switch", "omit", "pick", "equal", "set"),
        *("abs", "average", "ceil", "floor", "max", "min", "median", "sum", "round"),
        *("stdevP", "stdevS", "trunc", "formatNumber", "parseNumber"),
        *("ascii", "base64", "capitalize", "startcase", "lower", "upper", "trim", "contains"),
        *("decodeURL", "encodeURL", "escapeHTML", "stripHTML", "escapeMarkdown", "escapeJSON"),
        *("indexOf", "length", "md5", "sha1", "sha256", "sha512", "replace", "split"),
        *("replaceEmojiCharacters", "substring", "toBinary", "toString", "mime"),
        *("formatDate", "parseDate", "addSeconds", "addMinutes", "addHours", "addDays"),
        *("addMonths", "addYears", "setSecond", "setMinute", "setHour", "setDay", "setDate"),
        *("setMonth", "setYear"),
        *("add", "deduplicate", "distinct", "first", "last", "flatten", "join", "keys", "map"),
        *("merge", "remove", "reverse", "shuffle", "slice", "sort", "toArray", "toCollection"),
        *("arrayIntersect", "arrayDiff"),
        "cents",
    }


SHOUT = '''
from segconnect.mapping import function


@function('shout("hi") → "HI!"')
def shout(text: str, times: int = 1) -> str:
    """Says it louder."""
    return text.upper() + "!" * times


@function("crash(1)")
def crash(number: int) -> str:
    """Does not work."""
    return {}["missing"]
'''


@pytest.fixture
def shouting(tmp_path: Path) -> Functions:
    file = tmp_path / "functions.py"
    file.write_text(SHOUT, encoding="utf-8")
    return load_functions(file)


def test_a_file_beside_a_scenario_adds_functions(shouting: Functions) -> None:
    assert evaluate('{{shout(1.x; "2")}}', {1: {"x": "hi"}}, functions=shouting) == "HI!!"
    assert evaluate("{{lower(shout(1.x))}}", {1: {"x": "hi"}}, functions=shouting) == "hi!"
    assert shouting["shout"].signature == "shout(text; [times])"


def test_a_whole_number_is_asked_for_by_its_type(shouting: Functions) -> None:
    with pytest.raises(MappingError, match=r"2\.5 is not a whole number"):
        evaluate('{{shout("hi"; 2.5)}}', {}, functions=shouting)


def test_added_functions_are_for_those_who_ask_for_them(shouting: Functions) -> None:
    with pytest.raises(MappingError, match="Function 'shout' not found"):
        evaluate('{{shout("hi")}}', {})


def test_a_missing_argument_is_no_business_of_the_function(shouting: Functions) -> None:
    assert evaluate("{{crash(1.missing)}}", {}, functions=shouting) is None


def test_a_function_that_crashes_is_a_mapping_error(shouting: Functions) -> None:
    with pytest.raises(MappingError, match="Function 'crash' finished with error! KeyError"):
        evaluate("{{crash(1)}}", {}, functions=shouting)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1", "it declares no function"),
        ("def (", "SyntaxError"),
        ("import nowhere_at_all", "ModuleNotFoundError"),
        (SHOUT.replace("def shout", "def lower"), "there is a function 'lower' already"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "functions.py"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ScenarioError, match=reason):
        load_functions(file)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no Python file of functions at"):
        load_functions(tmp_path / "missing.py")


class FakeEntryPoint:
    name, value = "loud", "loud.functions"

    def __init__(self, module: Any) -> None:
        self.module = module

    def load(self) -> Any:
        if isinstance(self.module, Exception):
            raise self.module
        return self.module


@pytest.fixture
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(*modules: Any) -> None:
        monkeypatch.setattr(
            registry, "entry_points", lambda group: [FakeEntryPoint(each) for each in modules]
        )
        registry.installed.cache_clear()

    yield install
    monkeypatch.undo()
    registry.installed.cache_clear()


def test_an_installed_plug_in_adds_functions(plug_ins: Any, tmp_path: Path) -> None:
    file = tmp_path / "loud.py"
    file.write_text(SHOUT, encoding="utf-8")
    plug_ins(registry.module_from(file))

    assert evaluate('{{shout("hi")}}', {}) == "HI!"


def test_a_plug_in_that_does_not_load_is_named(plug_ins: Any) -> None:
    plug_ins(ImportError("no module named louder"))

    with pytest.raises(MappingError, match="function plug-in 'loud'"):
        evaluate('{{lower("HI")}}', {})
