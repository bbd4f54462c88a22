"""What becomes of a bundle on its way: filters, iterators, aggregators, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import ScenarioError
from segconnect.mapping import Context
from segconnect.scenario.filters import OPERATORS, compile_filter
from segconnect.scenario.flow import Flow, StepError
from segconnect.scenario.scenario import Scenario, load

SOURCE = {"id": 1, "module": "json", "parameters": {"file": "x.json"}}


def sent(flow: list[dict[str, Any]], bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """What the modules of the account send for one bundle of the source."""
    bodies: list[dict[str, Any]] = []
    compiled = Flow(Scenario(name="test", flow=[SOURCE, *flow]))
    compiled.run(bundle, lambda _step, module: bodies.append(module.on_the_wire()))
    return bodies


CONTACT = {"id": 9, "module": "add-update-contact"}


def test_a_module_is_filled_in_from_the_bundle() -> None:
    flow = [{**CONTACT, "mapper": {"email": "{{1.mail}}", "tags": ["{{1.plan}}", "all"]}}]

    assert sent(flow, {"mail": "A@B.c", "plan": "gold"}) == [
        {"email": "a@b.c", "tags": ["gold", "all"]}
    ]


def test_absent_empty_and_erased_are_three_things() -> None:
    mapper = {
        "email": "{{1.mail}}",
        "first_name": "{{1.nothing}}",
        "last_name": "{{emptystring}}",
        "utm_source": "{{erase}}",
    }

    assert sent([{**CONTACT, "mapper": mapper}], {"mail": "a@b.c"}) == [
        {"email": "a@b.c", "last_name": "", "utm_source": None}
    ]


def test_an_iterator_gives_each_element_and_an_aggregator_collects_them() -> None:
    flow = [
        {"id": 2, "module": "iterator", "mapper": {"array": "{{1.rows}}"}},
        {
            "id": 3,
            "module": "array-aggregator",
            "parameters": {"feeder": 2},
            "mapper": {"product_id": "{{2.sku}}", "amount": "{{2.price * 100}}"},
        },
        {
            "id": 4,
            "module": "add-update-order",
            "mapper": {
                "email": "{{1.mail}}", "invoice_id": "{{1.id}}", "amount": 350, "paid": 350,
                "date_created": "2026-01-02", "items": "{{3.array}}",
            },
        },
    ]  # fmt: skip
    order = {
        "id": 7,
        "mail": "a@b.c",
        "rows": [{"sku": "x", "price": "1.5"}, {"sku": "y", "price": 2}],
    }

    assert sent(flow, order) == [
        {
            "email": "a@b.c", "id": "7", "amount": 350, "paid": 350,
            "date_created": "2026-01-02 00:00:00",
            "items": [{"product_id": "x", "amount": 150}, {"product_id": "y", "amount": 200}],
        }
    ]  # fmt: skip


def test_group_by_makes_one_bundle_for_each_key() -> None:
    flow = [
        {"id": 2, "module": "iterator", "mapper": {"array": "{{1.people}}"}},
        {
            "id": 3,
            "module": "array-aggregator",
            "parameters": {"feeder": 2},
            "flags": {"groupBy": "{{2.mail}}"},
            "mapper": "{{2.tag}}",
        },
        {**CONTACT, "mapper": {"email": "{{3.`__IMTKEY__`}}", "tags": "{{3.array}}"}},
    ]
    people = [
        {"mail": "a@b.c", "tag": "one"},
        {"mail": "d@e.f", "tag": "two"},
        {"mail": "a@b.c", "tag": "three"},
    ]

    assert sent(flow, {"people": people}) == [
        {"email": "a@b.c", "tags": ["one", "three"]},
        {"email": "d@e.f", "tags": ["two"]},
    ]


def test_a_filter_stops_a_bundle_and_a_filter_on_an_iterated_one_stops_that_one() -> None:
    only = {"conditions": [[{"a": "{{1.kind}}", "o": "text:equal", "b": "yes"}]]}
    flow = [{**CONTACT, "filter": only, "mapper": {"email": "{{1.mail}}"}}]

    assert sent(flow, {"kind": "no", "mail": "a@b.c"}) == []
    assert sent(flow, {"kind": "yes", "mail": "a@b.c"}) == [{"email": "a@b.c"}]


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
        ("number:greater", "10", 9, True),
        ("number:lessorequal", 9.5, "9.5", True),
        ("date:less", "2026-01-31", "2026-02-01", True),
        ("boolean:equal", True, "false", False),
        ("array:contain", ["a", "b"], "b", True),
        ("array:notcontain:ci", ["a"], "A", False),
        ("array:greater", ["a", "b"], 1, True),
    ],
)
def test_an_operator_compares_as_its_kind(operator: str, a: Any, b: Any, passes: bool) -> None:
    test = compile_filter({"conditions": [[{"a": "{{1.a}}", "o": operator, "b": "{{1.b}}"}]]}, "m")

    assert test is not None
    assert test(Context({1: {"a": a, "b": b}})) is passes


def test_conditions_are_rows_of_and_joined_by_or() -> None:
    is_a, is_b, is_c = ({"a": f"{{{{1.{n}}}}}", "o": "exist"} for n in "abc")
    test = compile_filter({"conditions": [[is_a, is_b], [is_c]]}, "m")

    assert test is not None
    assert [test(Context({1: dict.fromkeys(given, 1)})) for given in ("ab", "a", "c", "")] == [
        True, False, True, False,
    ]  # fmt: skip


def test_every_documented_operator_is_there() -> None:
    assert len(OPERATORS) == 2 + 16 + 6 * 3 + 2 + 4


def test_every_problem_of_a_scenario_is_told_before_anything_is_sent() -> None:
    flow = [
        {"id": 2, "module": "iteratr", "mapper": {"array": "{{1.rows}}"}},
        {"id": 3, "module": "array-aggregator", "parameters": {"feeder": 2}, "mapper": "{{2.x}}"},
        {"id": 4, "module": "add-update-contact", "mapper": {"email": "{{lowr(1.x)}}"}},
        {"id": 5, "module": "delete-order", "mapper": {"invoice": "{{1.x}}"}},
        {
            "id": 6,
            "module": "delete-contact",
            "filter": {"conditions": [[{"a": "x", "o": "equals"}]]},
        },
    ]

    with pytest.raises(ScenarioError) as told:
        sent(flow, {})

    for part in (
        "unknown module 'iteratr'; did you mean 'iterator'?",
        "module 3 (array-aggregator): parameter feeder: 2 is not the id of an iterator",
        "Function 'lowr' not found; did you mean 'lower'?",
        "module 5 (delete-order): there is no field 'invoice'",
        "module 6 (delete-contact): filter: unknown operator 'equals'",
    ):
        assert part in str(told.value)


def test_a_module_that_fails_says_which_and_what_follows_is_not_run() -> None:
    flow = [
        {**CONTACT, "mapper": {"email": "{{1.mail}}"}},
        {
            "id": 10,
            "module": "add-tag-to-contact",
            "mapper": {"email": "{{1.mail}}", "tags": ["x"]},
        },
    ]

    with pytest.raises(StepError) as failed:
        sent(flow, {"mail": "nobody"})

    assert failed.value.label == "Add/Update a Contact"
    assert failed.value.error.why == (
        "Contact Email Address: 'nobody' is not an e-mail address; expected name@example.com"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no scenario; expected name and flow"),
        ("name: [", "is not YAML"),
        ("name: x\nflow: []", "flow: List should have at least 1 item"),
        ("name: x\nflow:\n - {id: 1, module: csv, maper: {}}", r"flow\.0\.maper: Extra inputs"),
        (
            "name: x\nflow:\n - {id: 1, module: csv}\n - {id: 1, module: csv}",
            "two modules have the id 1",
        ),
    ],
)
def test_a_file_that_is_no_scenario_says_why(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)

    with pytest.raises(ScenarioError, match=reason):
        load(file)
