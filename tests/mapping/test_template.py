"""The Python side: templates compiled once, mappers with templates in them, contexts."""

from __future__ import annotations

import pickle
import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from segconnect import clock
from segconnect.errors import MappingError
from segconnect.mapping import ERASE, IGNORE, Context, compile_template, compile_value, evaluate

NOON = datetime(2016, 12, 28, 12, tzinfo=UTC)


def test_a_template_is_compiled_once() -> None:
    assert compile_template("{{1.a}}") is compile_template("{{1.a}}")


def test_a_template_is_evaluated_for_many_bundles() -> None:
    template = compile_template("Hi {{1.name}}")

    assert [template.evaluate(Context({1: {"name": name}})) for name in ("Ann", "Bob")] == [
        "Hi Ann",
        "Hi Bob",
    ]


def test_a_template_knows_the_modules_it_reads_from() -> None:
    assert compile_template("{{1.a}} {{lower(12.b)}} {{`3`}}").modules == {"1", "12", "3"}


@pytest.mark.parametrize("key", [1, "1"])
def test_a_module_id_is_a_number_or_a_text(key: int | str) -> None:
    bundles: dict[Any, Any] = {key: {"a": 5}}

    assert evaluate("{{1.a}} {{`1`}}", bundles) == '5 {"a":5}'


def test_what_is_referred_to_is_passed_on_as_it_is() -> None:
    items = [1, 2]

    assert evaluate("{{1.items}}", {1: {"items": items}}) is items


def test_whole_numbers_are_ints_and_others_decimals() -> None:
    results = [evaluate(template, {}) for template in ("{{2.5 * 2}}", "{{5 / 2}}", "{{2.0}}")]

    assert [(type(each), each) for each in results] == [
        (int, 5),
        (Decimal, Decimal("2.5")),
        (int, 2),
    ]


def test_a_mapper_tells_left_out_from_empty_and_from_null() -> None:
    mapper = compile_value(
        {
            "given": "{{1.name}}",
            "absent": "{{1.missing}}",
            "null": "{{null}}",
            "blank": "",
            "ignored": "{{ifempty(1.missing; ignore)}}",
            "empty": "{{emptystring}}",
            "erased": "{{erase}}",
        }
    )

    assert mapper(Context({1: {"name": "Ann"}})) == {"given": "Ann", "empty": "", "erased": None}


def test_a_mapper_keeps_what_is_no_text() -> None:
    mapper = compile_value({"a": 1, "b": True, "c": 1.5, "d": None, "e": b"x", "{{1.k}}": "v"})

    assert mapper(Context({})) == {"a": 1, "b": True, "c": 1.5, "e": b"x", "{{1.k}}": "v"}


def test_an_array_leaves_out_what_is_absent_or_ignored() -> None:
    mapper = compile_value(["{{1.a}}", "{{1.missing}}", "{{ignore}}", "{{erase}}", "", "x"])

    assert mapper(Context({1: {"a": "first"}})) == ["first", None, "x"]


def test_collections_and_arrays_are_filled_at_any_depth() -> None:
    mapper = compile_value(
        {"items": [{"id": "{{1.id}}", "note": "{{1.missing}}"}, {"tags": ["{{1.tag}}"]}]}
    )

    assert mapper(Context({1: {"id": 7, "tag": "vip"}})) == {
        "items": [{"id": 7}, {"tags": ["vip"]}]
    }


def test_a_single_template_answers_its_special_value() -> None:
    templates = ("{{ignore}}", "{{erase}}", "{{null}}", "{{emptystring}}", "")

    assert [compile_value(each)(Context({})) for each in templates] == [
        IGNORE,
        ERASE,
        None,
        "",
        None,
    ]


def test_evaluate_takes_a_mapper_too() -> None:
    assert evaluate({"a": ["{{1.x}}"]}, {1: {"x": 1}}) == {"a": [1]}


def test_a_mapper_that_is_nested_too_deeply_is_refused() -> None:
    value: Any = "{{1.a}}"
    for _ in range(5000):
        value = [value]

    with pytest.raises(MappingError, match="nested more than 100 deep"):
        compile_value(value)


def test_the_special_values_stay_what_they_are() -> None:
    assert pickle.loads(pickle.dumps([IGNORE, ERASE])) == [IGNORE, ERASE]
    assert not IGNORE
    assert not ERASE


def test_the_clock_is_not_read_when_now_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> datetime:
        raise AssertionError("the clock was read")

    monkeypatch.setattr(clock, "now", read)

    assert evaluate("{{timestamp}}", {}, now=NOON) == 1482926400
    assert evaluate('{{parseDate("14:05"; "HH:mm")}}', {}, now=NOON) == datetime(
        2016, 12, 28, 14, 5, tzinfo=UTC
    )


def test_the_clock_is_read_once_for_a_context(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([NOON])
    monkeypatch.setattr(clock, "now", lambda: next(moments))
    context = Context({})

    assert compile_template("{{now}}").evaluate(context) == NOON
    assert compile_template("{{now - now}}").evaluate(context) == 0


def test_templates_are_evaluated_in_threads() -> None:
    wrong: list[Any] = []

    def work(number: int) -> None:
        template = compile_template('{{replace(1.n + "a1b22"; "/\\d+/g"; "#")}} {{0.1 + 1.n}}')
        for _ in range(200):
            text = template.evaluate(Context({1: {"n": number}}))
            if text != f"#a#b# {number}.1":
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
