"""Whatever the template and the bundles are: a value or a MappingError, and nothing else."""

from __future__ import annotations

import contextlib
import json
import string
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segconnect.errors import MappingError
from segconnect.mapping import Context, UnusableError, compile_value, evaluate, registry
from segconnect.mapping.compiler import KEYWORDS, VARIABLES
from segconnect.mapping.moment_parser import READ, parse_as
from segconnect.mapping.moments import WRITTEN, format_moment
from segconnect.mapping.operators import ARITHMETIC, COMPARISONS
from segconnect.mapping.values import number_to_text, read_number, to_json, to_text

MOMENTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001
    max_value=datetime(2199, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=12),
    st.text(alphabet="0123456789.,-/: eTZ", max_size=12),
    st.datetimes(timezones=st.just(UTC)),
    st.binary(max_size=6),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "key", "value", "0"]), inner, max_size=3),
    ),
    max_leaves=8,
)
BUNDLES = st.dictionaries(
    st.sampled_from([1, 2, "3"]), st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
)
WORDS = [*KEYWORDS, *VARIABLES, "unknown", "var.team.x"]
LEAVES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(["1.a", "1.b", "2.a[1]", "3.a", "1.a[-1].b", "`1`", "1.a.b", "2.c[1.a]"]),
    st.integers(0, 10**12).map(str),
    st.sampled_from(["0.5", "12.75", "100"]),
    st.sampled_from(
        ['"/a+/g"', '"YYYY-MM-DD"', '"x"', '"asc"', '"a.b"', '","', '"base64"', '"$1"']
    ),
    st.text(alphabet=string.printable, max_size=6).map(
        lambda text: f'"{text.replace(chr(34), "")}"'
    ),
)
FUNCTIONS = list(registry.built_in().values())


def expressions() -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operator = st.sampled_from(["+", "-", "*", "/", "%", "=", "!=", "<", ">=", "&", "|"])
        call = st.sampled_from(FUNCTIONS).flatmap(
            lambda function: st.lists(
                inner,
                min_size=function.fewest,
                max_size=4 if function.most is None else function.most,
            ).map(lambda arguments: f"{function.name}({';'.join(arguments)})")
        )
        return st.one_of(
            call,
            st.tuples(inner, operator, inner).map(" ".join),
            inner.map(lambda each: f"-({each})"),
            inner.map(lambda each: f"({each})[1].a"),
        )

    return st.recursive(LEAVES, larger, max_leaves=6)


def value_or_mapping_error(template: str, bundles: Any) -> None:
    try:
        value = evaluate(template, bundles, now=datetime(2016, 12, 28, tzinfo=UTC))
    except MappingError as error:
        str(error)
        cause = error.__cause__
        assert cause is None or isinstance(cause, UnusableError), repr(cause)
    else:
        with contextlib.suppress(UnusableError):
            to_text(value)


@settings(max_examples=200, deadline=None)
@given(expressions(), BUNDLES)
def test_an_expression_gives_a_value_or_a_mapping_error(expression: str, bundles: Any) -> None:
    value_or_mapping_error("{{" + expression + "}}", bundles)
    value_or_mapping_error("a{{" + expression + "}}b{{1.a}}", bundles)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="{}()[];`'\"1.a +-*/%=<>&|,lower$é\n", max_size=24), BUNDLES)
def test_any_text_gives_a_value_or_a_mapping_error(template: str, bundles: Any) -> None:
    value_or_mapping_error(template, bundles)
    value_or_mapping_error("{{" + template + "}}", bundles)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_a_function_takes_any_values(function: registry.Function, data: st.DataObject) -> None:
    most = 4 if function.most is None else function.most
    values = data.draw(st.lists(VALUES, min_size=function.fewest, max_size=most))
    arguments = ";".join(f"1.v{position}" for position in range(len(values)))
    bundle = {f"v{position}": value for position, value in enumerate(values)}

    value_or_mapping_error("{{" + f"{function.name}({arguments})" + "}}", {1: bundle})


def outcome(template: str, bundle: Any) -> Any:
    """The value with its type, or the reason why there is none."""
    try:
        return repr(evaluate(template, {1: bundle}))
    except MappingError as error:
        return error.reason


CONSTANTS = st.one_of(
    st.sampled_from(
        ["", ",", "a", "a.b", "2", "[2].a", "/a+/g", "/a/", "/(/", "$1", "desc", "x" * 20]
    ),
    st.integers(-3, 12),
    st.sampled_from([Decimal("1.5"), Decimal("0.25")]),
)


def literal(value: Any) -> str:
    """A constant as it is written in an expression."""
    return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize(
    "function", [each for each in FUNCTIONS if each.prepare], ids=lambda function: function.name
)
@given(data=st.data())
def test_a_call_that_is_prepared_does_what_the_plain_one_does(
    function: registry.Function, data: st.DataObject
) -> None:
    most = 4 if function.most is None else function.most
    first = data.draw(VALUES | st.text("a,b2/", max_size=6))
    others = data.draw(st.lists(CONSTANTS, min_size=max(1, function.fewest - 1), max_size=most - 1))
    bundle = {"v": first, **{f"v{at}": value for at, value in enumerate(others)}}
    prepared = ["1.v", *map(literal, others)]
    plain = ["1.v", *(f"1.v{at}" for at in range(len(others)))]

    assert outcome(f"{{{{{function.name}({';'.join(prepared)})}}}}", bundle) == outcome(
        f"{{{{{function.name}({';'.join(plain)})}}}}", bundle
    )


@pytest.mark.parametrize("operator", [*ARITHMETIC, *COMPARISONS])
@given(
    left=VALUES | st.integers(-5, 15) | st.sampled_from([1e23, 2.0, "2", "12.50"]), right=CONSTANTS
)
def test_an_operator_with_a_constant_does_what_the_plain_one_does(
    operator: str, left: Any, right: Any
) -> None:
    bundle = {"v": left, "w": right}

    answer = outcome("{{(1.v) " + operator + " if(true; 1.w)}}", bundle)
    assert outcome("{{1.v " + operator + " " + literal(right) + "}}", bundle) == answer
    assert outcome("{{if(true; 1.v) " + operator + " " + literal(right) + "}}", bundle) == answer


@given(VALUES)
def test_a_reference_gives_the_very_value(value: Any) -> None:
    assert evaluate("{{1.a}}", {1: {"a": value}}) is value


@given(st.text(alphabet=st.characters(exclude_characters="{"), max_size=40))
def test_text_without_expressions_is_itself(text: str) -> None:
    assert evaluate(text, {}) == text


@given(st.text(max_size=40))
def test_a_text_literal_gives_its_text(text: str) -> None:
    assert evaluate('{{"' + text.replace('"', '""') + '"}}', {}) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_a_number_is_read_as_it_is_written(value: Decimal) -> None:
    text = number_to_text(value)

    assert "e" not in text.lower()
    assert read_number(text) == value


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_amounts_of_cents_are_added_without_loss(left: int, right: int) -> None:
    bundles = {1: {"a": left / 100, "b": right / 100}}

    assert evaluate("{{round((1.a + 1.b) * 100)}}", bundles) == left + right


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists))
def test_json_is_read_as_it_is_written(value: Any) -> None:
    assert json.loads(to_json(value)) == value


@given(st.dictionaries(st.text(max_size=5), VALUES))
def test_a_mapper_without_templates_is_itself(value: dict[str, Any]) -> None:
    literal = {key: each for key, each in value.items() if isinstance(each, (bool, int, bytes))}

    assert compile_value(literal)(Context({})) == literal


@given(MOMENTS, st.sampled_from(["UTC", "Europe/Prague", "America/St_Johns", "Asia/Kolkata"]))
def test_a_date_is_read_as_it_is_written(moment: datetime, zone: str) -> None:
    for pattern in ("YYYY-MM-DDTHH:mm:ss.SSSZ", "D MMMM YYYY h:mm:ss.SSS a ZZ", "x"):
        text = format_moment(moment, pattern, ZoneInfo(zone))
        read = parse_as(text, pattern, UTC, lambda: moment)
        seconds = timedelta(seconds=moment.astimezone(ZoneInfo(zone)).utcoffset().seconds % 60)  # type: ignore[union-attr]

        assert abs(read - moment) < timedelta(milliseconds=1) + seconds


TOKEN_LISTS = st.lists(st.sampled_from([*WRITTEN, *READ, "-", " ", "[at]", "T", "/"]), max_size=6)


@settings(deadline=None)
@given(TOKEN_LISTS, st.datetimes(timezones=st.just(UTC)), st.text(max_size=10))
def test_any_format_is_written_and_read(tokens: list[str], moment: datetime, other: str) -> None:
    pattern = "".join(tokens)
    written = format_moment(moment, pattern, UTC)
    for text in (written, other):
        with contextlib.suppress(UnusableError):
            parse_as(text, pattern, UTC, lambda: moment)


@given(MOMENTS, st.integers(-5000, 5000))
def test_days_added_are_days_between(moment: datetime, days: int) -> None:
    bundles = {1: {"d": moment, "n": days}}

    assert evaluate("{{(addDays(1.d; 1.n) - 1.d) / 86400000}}", bundles) == days


@given(MOMENTS)
def test_weeks_of_a_date_lead_back_to_it(moment: datetime) -> None:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    for pattern in ("gggg-ww-d", "GGGG-WW-E", "YYYY-DDDD"):
        text = format_moment(day, pattern, UTC)

        assert parse_as(text, pattern, UTC, lambda: day) == day
