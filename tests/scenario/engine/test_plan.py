"""What is told before anything is sent; plug-ins; limits; secrets."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.errors import ScenarioError
from segconnect.mapping import Context
from segconnect.scenario.engine import (
    RUNNABLE,
    Call,
    Declaration,
    Kind,
    Limits,
    Operation,
    Result,
    Services,
    Status,
    find,
    run,
)
from segconnect.scenario.engine.conditions import OPERATORS, OTHER_SPELLINGS, compile_conditions


def blueprint(*flow: dict[str, Any], **scenario: Any) -> dict[str, Any]:
    return {"name": "test", "flow": list(flow), "metadata": {"scenario": scenario}}


def say(id_: int, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "module": "util:ComposeTransformer", "mapper": {"value": text}, **more}


def said(result: Result, module_id: int) -> list[Any]:
    return [o["value"] for each in result.trace if each.module_id == module_id for o in each.output]


HOOK = {"id": 1, "module": "gateway:CustomWebHook", "parameters": {"hook": 7}}

ROUTER = {"id": 2, "module": "builtin:BasicRouter", "routes": []}
IGNORE = {"id": 3, "module": "builtin:Ignore"}


def test_every_problem_is_told_before_anything_runs() -> None:
    flow = [
        HOOK,
        {"id": 2, "module": "google-sheets:addRow", "mapper": {}},
        say(3, "{{formatDat(now)}}"),
        say(3, "twice"),
        say(4, "x", filter={"conditions": [[{"a": "1", "o": "text:equals", "b": "1"}]]}),
        {"id": 5, "module": "builtin:BasicAggregator", "parameters": {"feeder": 99}},
        {"id": 6, "module": "builtin:Ignore"},
    ]

    with pytest.raises(ScenarioError) as told:
        run(blueprint(*flow), given=[{}])

    message = str(told.value)
    for part in (
        "module 2 (google-sheets:addRow): does not run here",
        "did you mean 'formatDate'?",
        "module 3 (util:ComposeTransformer): the id is used twice",
        "unknown operator 'text:equals'; did you mean 'text:equal'?",
        "parameter feeder: 99",
        "module 6 (builtin:Ignore): stands outside of an error handler",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("flow", "reason"),
    [
        ([], "the flow has no modules"),
        ([{"id": 1, "module": "builtin:BasicRouter", "routes": []}], "cannot start with it"),
        ([say(1, "x", filter={"conditions": [[{"a": "1", "o": "exist"}]]})], "has a filter"),
        ([HOOK, ROUTER, say(3, "x")], "nothing can follow"),
        ([HOOK, {"id": 2, "module": "builtin:BasicMerge"}], "does not follow an if-else"),
        (
            [
                HOOK,
                {"id": 2, "module": "builtin:BasicFeeder", "mapper": {"array": "{{1.a}}"}},
                say(3, "{{2.value}}"),
                {"id": 4, "module": "util:TextAggregator", "parameters": {"feeder": 2}},
                {"id": 5, "module": "util:TextAggregator", "parameters": {"feeder": 3}},
            ],
            r"module 3 \(.*\) end in module 4",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_flow_that_cannot_be_is_refused(flow: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(ScenarioError, match=reason):
        run({"name": "test", "flow": flow})


def test_a_module_of_another_app_can_be_bound_by_name_or_by_id() -> None:
    def rows(_call: Call, parameters: Any, values: Any) -> list[dict[str, Any]]:
        return [{"row": f"{parameters['sheet']}{values['n']}.{n}"} for n in (1, 2)]

    flow = [
        HOOK,
        {
            "id": 2,
            "module": "sheets:addRow",
            "parameters": {"sheet": "S"},
            "mapper": {"n": "{{1.n}}"},
        },
        {"id": 3, "module": "sheets:addRow", "mapper": {}},
        say(4, "{{2.row}} {{3.seen}}"),
    ]
    services = Services(bound={"sheets:addRow": rows, 3: lambda call, p, v: {"seen": call.module}})

    result = run(blueprint(*flow), services, given=[{"n": 5}], trace=True)

    assert said(result, 4) == [
        "S5.1 sheets:addRow",
        "S5.2 sheets:addRow",
    ]


def test_a_bound_trigger_begins_a_cycle_for_as_long_as_it_has_data() -> None:
    waiting = [["a", "b"], ["c"], []]

    def watch(_call: Call, _parameters: Any, _values: Any) -> list[dict[str, Any]]:
        return [{"n": each} for each in waiting.pop(0)]

    bound: dict[int | str, Any] = {"shop:watch": Declaration("shop:watch", Kind.TRIGGER, run=watch)}
    flow = [{"id": 1, "module": "shop:watch"}, say(2, "{{1.n}}")]

    result = run(blueprint(*flow, roundtrips=10), Services(bound=bound), trace=True)

    assert result.cycles == 3
    assert said(result, 2) == ["a", "b", "c"]


def test_an_exception_of_a_plug_in_is_an_error_of_its_module() -> None:
    def fail(_call: Call, _parameters: Any, _values: Any) -> None:
        raise KeyError("name")

    result = run(blueprint({"id": 1, "module": "x:Y"}), Services(bound={"x:Y": fail}))

    assert result.error is not None
    assert (result.error.kind, result.error.message) == ("RuntimeError", "KeyError: 'name'")


def test_what_is_nested_too_deeply_ends_the_run_and_not_the_process() -> None:
    module = {"module": "builtin:BasicRepeater", "mapper": {"start": "1", "repeats": "2"}}
    flow = [HOOK, *({"id": id_, **module} for id_ in range(2, 250))]

    result = run(blueprint(*flow), given=[{}])

    assert result.status is Status.ERROR
    assert result.error is not None
    assert "nested" in result.error.message


def test_a_long_chain_of_modules_is_not_deep() -> None:
    flow = [HOOK, *(say(id_, "{{1.n}}") for id_ in range(2, 1_500))]

    assert run(blueprint(*flow), given=[{"n": 1}]).total == 1_499


def test_a_search_gives_no_more_than_the_limit() -> None:
    module = {
        "id": 1,
        "module": "regexp:Parser",
        "parameters": {"pattern": "a", "global": True},
        "mapper": {"text": "aaaa"},
    }

    result = run(blueprint(module), Services(limits=Limits(results=3)))

    assert result.error is not None
    assert result.error.kind == "MaxResultsExceededError"
    assert result.disables


def test_a_bundle_is_no_larger_than_the_limit() -> None:
    result = run(blueprint(say(1, "x" * 2_000)), Services(limits=Limits(bundle_bytes=1_000)))

    assert result.error is not None
    assert result.error.kind == "MaxFileSizeExceededError"


def test_the_trace_is_short_and_shows_no_secrets() -> None:
    values = [
        {"name": "password", "value": "hunter2"},
        {"name": "note", "value": "the key is K-987654"},
        {"name": "url", "value": "https://ann:pw@example.com/?api_key=abc&x=1"},
        {"name": "long", "value": "y" * 5_000},
    ]
    flow = [{"id": 1, "module": "util:SetVariables", "mapper": {"variables": values}}]
    told: list[Operation] = []
    services = Services(connections={"1": {"key": "K-987654"}}, on_operation=told.append)

    result = run(blueprint(*flow), services, trace=True)

    assert told == result.trace
    output = result.trace[0].output[0]
    assert output["password"] == "••••••"
    assert output["note"] == "the key is ••••••"
    assert output["url"] == "https://••••••@example.com/?api_key=••••••&x=1"
    assert len(output["long"]) < 2_100
    assert "hunter2" not in repr(result.trace)


def test_an_increment_counts_by_cycle_by_run_or_for_ever() -> None:
    flow = [
        {**HOOK, "parameters": {"maxResults": 1}},
        {"id": 2, "module": "util:FunctionIncrement", "parameters": {"reset": "run"}},
        {"id": 3, "module": "util:FunctionIncrement", "parameters": {"reset": "execution"}},
        {"id": 4, "module": "util:FunctionIncrement", "parameters": {"reset": "scenario"}},
        say(5, "{{2.i}} {{3.i}} {{4.i}}"),
    ]
    services = Services()

    results = [
        run(blueprint(*flow, roundtrips=2), services, given=[{}, {}], trace=True) for _ in range(2)
    ]

    assert [value for result in results for value in said(result, 5)] == [
        "1 1 1",
        "1 2 2",
        "1 1 3",
        "1 2 4",
    ]


CONDITIONS = [
    ("exist", "x", None, True),
    ("exist", None, None, False),
    ("notexist", None, None, True),
    ("text:equal", "a", "a", True),
    ("text:equal", "a", "A", False),
    ("text:equal:ci", "a", "A", True),
    ("text:notequal", "a", "b", True),
    ("text:notequal:ci", "a", "A", False),
    ("text:contain", "abc", "b", True),
    ("text:contain:ci", "abc", "B", True),
    ("text:notcontain", "abc", "x", True),
    ("text:notcontain:ci", "abc", "B", False),
    ("text:startwith", "abc", "ab", True),
    ("text:startwith:ci", "abc", "AB", True),
    ("text:notstartwith", "abc", "b", True),
    ("text:notstartwith:ci", "abc", "AB", False),
    ("text:endwith", "abc", "bc", True),
    ("text:endwith:ci", "abc", "BC", True),
    ("text:notendwith", "abc", "b", True),
    ("text:notendwith:ci", "abc", "BC", False),
    ("text:pattern", "a1", r"^a\d$", True),
    ("text:pattern:ci", "A1", r"^a\d$", True),
    ("text:notpattern", "b1", r"^a\d$", True),
    ("text:notpattern:ci", "A1", r"^a\d$", False),
    ("number:equal", "1.0", 1, True),
    ("number:notequal", 1, "2", True),
    ("number:notequal", None, "2", True),
    ("number:greater", "10", "9", True),
    ("number:greater", None, "9", False),
    ("number:less", "10", "9", False),
    ("number:greaterorequal", 9, "9", True),
    ("number:lessorequal", 9, "9", True),
    ("date:equal", "2026-03-01", "03/01/2026", True),
    ("date:notequal", "2026-03-01", "2026-03-02", True),
    ("date:greater", "2026-03-02", "2026-03-01", True),
    ("date:less", "2026-03-02", "2026-03-01", False),
    ("date:less", None, "2026-03-01", False),
    ("date:greaterorequal", "2026-03-01", "2026-03-01", True),
    ("date:lessorequal", "2026-03-01", "2026-03-01", True),
    ("time:equal", "9:00", "09:00:00", True),
    ("time:notequal", "9:00", "9:01", True),
    ("time:greater", "10:00", "9:00", True),
    ("time:less", "10:00", "9:00", False),
    ("time:greaterorequal", "9:00", "9:00", True),
    ("time:lessorequal", "9:00", "9:00", True),
    ("boolean:equal", True, "true", True),
    ("boolean:equal", False, "false", True),
    ("boolean:notequal", True, "false", True),
    ("array:contain", ["a", "b"], "b", True),
    ("array:contain:ci", ["a", "b"], "B", True),
    ("array:notcontain", ["a"], "b", True),
    ("array:notcontain:ci", ["a"], "A", False),
    ("array:equal", ["a"], 1, True),
    ("array:notequal", ["a"], 1, False),
    ("array:greater", ["a", "b"], 1, True),
    ("array:less", [], 1, True),
    ("array:greaterorequal", ["a"], 1, True),
    ("array:lessorequal", ["a", "b"], 1, False),
]


@pytest.mark.parametrize(("name", "a", "b", "expected"), CONDITIONS)
def test_each_operator_of_the_list_compares(name: str, a: Any, b: Any, expected: bool) -> None:
    test = compile_conditions([[{"a": "{{1.a}}", "o": name, "b": "{{1.b}}"}]], "test")

    assert test is not None
    assert test(Context({1: {"a": a, "b": b}})) is expected


def test_every_operator_is_tried() -> None:
    assert {each[0] for each in CONDITIONS} == set(OPERATORS)
    assert set(OTHER_SPELLINGS.values()) <= set(OPERATORS)


def test_every_module_says_what_it_does() -> None:
    for name, declaration in RUNNABLE.items():
        assert declaration.name == name
        assert declaration.help.endswith("."), name
        assert declaration.versions


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ("segmetrics:upsertContact", "segmetrics:addUpdateAContact"),
        ("segmetrics:DeleteOrder", "segmetrics:deleteAnOrder"),
        ("segmetrics:makeApiCall", "segmetrics:makeAnApiCall"),
    ],
)
def test_segmetrics_modules_run_under_other_names(other: str, name: str) -> None:
    found = find(other)

    assert found is not None
    assert found.name == name


def test_a_name_that_stands_for_nothing_is_not_found() -> None:
    assert find("segmetrics:dance") is None
