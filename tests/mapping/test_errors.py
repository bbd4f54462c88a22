"""What a person reads when a template does not work: the field, the reason, the place."""

from __future__ import annotations

import pytest

from segconnect.errors import MappingError, Recovery
from segconnect.mapping import Context, compile_template, compile_value, evaluate

NOTHING = Context({})


def message(template: str, *, field: str = "", bundle: object = None) -> str:
    with pytest.raises(MappingError) as caught:
        compile_value(template, field=field)(Context({1: bundle}))
    return str(caught.value)


def test_an_unknown_function_is_underlined_and_guessed() -> None:
    assert message('Day: {{formatDat(now; "YYYY")}}') == (
        "Function 'formatDat' not found; did you mean 'formatDate'?\n"
        '  Day: {{formatDat(now; "YYYY")}}\n'
        "         ^^^^^^^^^"
    )


def test_the_field_is_named_where_it_is_known() -> None:
    assert message("{{round(1.price)}}", field="amount", bundle={"price": "ten"}) == (
        "Failed to map 'amount': Function 'round' finished with error! \"ten\" is not a number\n"
        "  {{round(1.price)}}\n"
        "    ^^^^^"
    )


def test_the_field_of_a_nested_value_is_named_with_its_path() -> None:
    mapper = {"email": "{{1.email}}", "items": [{"amount": "1"}, {"amount": "{{1.price * 100}}"}]}

    with pytest.raises(MappingError) as caught:
        compile_value(mapper)(Context({1: {"price": "ten"}}))

    assert caught.value.field == "items[2].amount"
    assert str(caught.value) == (
        "Failed to map 'items[2].amount': Operator '*': \"ten\" is not a number\n"
        "  {{1.price * 100}}\n"
        "            ^"
    )


def test_a_mistake_in_a_nested_value_is_told_when_it_is_compiled() -> None:
    with pytest.raises(MappingError, match="Failed to map 'contact\\.tags\\[1\\]'"):
        compile_value({"contact": {"tags": ["{{lower(}}"]}})


def test_the_line_of_a_long_template_is_shown() -> None:
    assert message("first line\nsecond {{lowr(1.a)}} line\nthird line") == (
        "Function 'lowr' not found; did you mean 'lower'?\n"
        "  second {{lowr(1.a)}} line\n"
        "           ^^^^"
    )


def test_only_the_surroundings_of_the_place_are_shown_in_a_long_line() -> None:
    shown = message("x" * 500 + "{{lowr(1.a)}}" + "y" * 500).splitlines()

    assert len(shown) == 3
    assert all(len(line) < 130 for line in shown[1:])
    assert shown[1].startswith("  ...xxx")
    assert shown[1].endswith("yyy...")
    assert shown[1][shown[2].index("^") :].startswith("lowr")


def test_a_tab_does_not_move_the_mark() -> None:
    shown = message("\t\t{{lowr(1.a)}}").splitlines()

    assert shown[1][shown[2].index("^") :].startswith("lowr")


def test_the_place_of_an_operator_is_the_operator() -> None:
    assert message("{{1 + 2 / 0}}").splitlines()[2] == "          ^"


def test_the_place_of_a_missing_bracket_is_the_end() -> None:
    assert message("{{lower(1.email}} and more") == (
        "the expression ends too early: ) is missing\n"
        "  {{lower(1.email}} and more\n"
        "                ^"
    )


def test_an_argument_that_is_separated_by_a_comma_says_how_to_do_it() -> None:
    assert message("{{replace(1.a, 2)}}").splitlines()[0] == (
        "unexpected ','; arguments are separated by ;"
    )


def test_a_value_that_cannot_be_text_is_placed_at_its_expression() -> None:
    assert message("a {{1.file}} b", bundle={"file": b"\xff"}) == (
        "a buffer of 1 bytes is not text in UTF-8\n  a {{1.file}} b\n      ^^^^^^"
    )


def test_a_wrong_call_is_told_before_any_bundle_comes() -> None:
    with pytest.raises(MappingError, match="takes 2 to 3 arguments, and 1 is given"):
        compile_template("{{formatDate(now)}}")


def test_what_depends_on_the_bundle_is_told_when_it_comes() -> None:
    template = compile_template("{{1.a / 1.b}}")

    with pytest.raises(MappingError, match="cannot be divided by zero"):
        template.evaluate(Context({1: {"a": 1, "b": 0}}))


def test_an_error_says_what_it_is_for_machines() -> None:
    with pytest.raises(MappingError) as caught:
        evaluate("ab{{lowr(1.a)}}", {})

    error = caught.value
    assert (error.kind, error.recovery) == ("DataError", Recovery.FIX)
    assert error.template[error.start : error.end] == "lowr"
    assert error.reason == "Function 'lowr' not found; did you mean 'lower'?"


def test_an_unknown_time_zone_of_the_organisation_is_an_error() -> None:
    with pytest.raises(MappingError, match="unknown time zone 'Mars/Base'"):
        evaluate("{{now}}", {}, timezone="Mars/Base")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("formatdate(now; 1)", "formatDate"),
        ("parsedate(1; 1)", "parseDate"),
        ("upercase(1)", "upper"),
        ("xyzzy(1)", None),
        ("substr(1; 1)", "substring"),
        ("isempty(1; 2)", "ifempty"),
        ("lenght(1)", "length"),
        ("tostring(1)", "toString"),
    ],
)
def test_what_was_meant_is_guessed(written: str, meant: str | None) -> None:
    first = message("{{" + written + "}}").splitlines()[0]

    assert first.endswith(f"did you mean {meant!r}?" if meant else "see the list of functions")
