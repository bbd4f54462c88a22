"""What a check tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from segconnect.scenario.blueprint import Report, Status, Verdict, check, known, parse, read
from segconnect.scenario.blueprint.bindings import parse as parse_bindings

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def module(id_: int, name: str, **more: Any) -> dict[str, Any]:
    """A module as blueprints have it."""
    return {"id": id_, "module": name, "version": 1, "parameters": {}, "mapper": {}, **more}


TRIGGER = module(1, "util:BasicTrigger")


def checked(*flow: Any, bindings: str = "", **top: Any) -> Report:
    """The report on a blueprint with this flow."""
    blueprint = {"name": "test", "flow": list(flow), "metadata": {"version": 1}, **top}
    return check(parse(json.dumps(blueprint)), parse_bindings(bindings))


def told(report: Report) -> list[tuple[str, str, str]]:
    """Each problem: severity, rule and place."""
    return [(str(each.severity), each.rule, each.path) for each in report.problems]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path) -> None:
    report = check(read(path))

    assert (report.verdict, report.problems) == (Verdict.RUNNABLE, [])


def test_a_blueprint_runs_once_what_it_needs_is_bound(files: Path) -> None:
    document = read(files / "shop_orders.blueprint.json")

    report = check(document)
    assert report.verdict is Verdict.TO_BE_BOUND
    assert [need.explained() for need in report.missing] == [
        "connection 'SegMetrics of the shop' of segmetrics, for module 7",
        "webhook 'Orders of the shop', for module 1",
        "module slack:CreateMessage, for module 8",
    ]

    bindings = parse_bindings(
        "connections: {SegMetrics of the shop: shop}\nwebhooks: {'45': new-order}\n"
        "modules: {'slack:*': {sample: {ok: true}}}"
    )
    report = check(document, bindings)
    assert (report.verdict, report.missing) == (Verdict.RUNNABLE, [])
    assert report.modules["flow[3].routes[1].flow[0]"].status is Status.BOUND


def test_names_that_a_language_model_invents_are_told_with_the_real_ones(files: Path) -> None:
    report = check(read(files / "invented_names.json"))

    assert report.verdict is Verdict.NOT_RUNNABLE
    assert [p.message.partition("; ")[2] for p in report.problems if p.rule == "unreal"] == [
        "a schedule is no module; it is set beside the scenario",
        "did you mean 'http:MakeRequest'?",
        "did you mean 'json:ParseJSON'?",
        "did you mean 'builtin:BasicFeeder'?",
    ]
    assert [(p.path, p.message) for p in report.problems if p.rule == "expression"] == [
        (
            "flow[4].mapper.custom_fields[0].value",
            "Function 'toLower' not found; did you mean 'lower'?",
        ),
        ("flow[5].mapper.value", "Function 'formatDat' not found; did you mean 'formatDate'?"),
    ]


@pytest.mark.parametrize("name", known.INVENTED)
def test_an_invented_name_leads_to_a_module_or_to_an_explanation(name: str) -> None:
    meant = known.meant_by(name)

    assert meant in known.KNOWN or " " in str(meant)


@pytest.mark.parametrize("name", [*known.KNOWN, *known.FOREIGN])
def test_no_real_name_is_taken_for_an_invented_one(name: str) -> None:
    assert known.meant_by(name) is None


def test_what_is_known_has_a_short_name_of_its_own() -> None:
    assert len(known.SHORT) == len(known.KNOWN)
    assert not [short for short in known.SHORT if ":" in short]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("slack:CreateMessage", "there is no app 'slack' here; bind it to an HTTP call"),
        ("http:MakeRequests", "no such module of 'http' is known (or did you mean 'http:MakeReq"),
        ("segmetrics:watchContacts", "no module of SegMetrics is known by this name; known are"),
    ],
)
def test_a_module_that_is_not_here_can_be_bound(name: str, why: str) -> None:
    report = checked(TRIGGER, module(2, name))

    assert report.modules["flow[1]"].status is Status.BINDABLE
    assert report.modules["flow[1]"].why.startswith(why)
    assert report.verdict is Verdict.TO_BE_BOUND
    bound = checked(TRIGGER, module(2, name), bindings="modules: {'2': {python: 'a.py:b'}}")
    assert bound.verdict is Verdict.RUNNABLE


def test_an_unknown_module_is_an_error_and_one_out_of_reach_a_warning() -> None:
    way = [module(3, "util:FunctionSleep"), module(4, "util:ComposeTransformer")]
    other = module(5, "util:ComposeTransformer", mapper={"value": "{{4.value}}{{9.x}}{{5.x}}"})
    router = module(2, "builtin:BasicRouter", routes=[{"flow": way}, {"flow": [other]}])

    assert told(checked(TRIGGER, router)) == [
        ("warning", "reference", "flow[1].routes[1].flow[0].mapper.value"),
        ("warning", "reference", "flow[1].routes[1].flow[0].mapper.value"),
        ("error", "reference", "flow[1].routes[1].flow[0].mapper.value"),
    ]


ROUTE: list[dict[str, Any]] = [{"flow": []}]
IF_ELSE = {"branches": [{"type": "else", "flow": [], "merge": True}]}


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ([], [("error", "empty", "flow")]),
        (["x"], [("error", "shape", "flow[0]")]),
        ([TRIGGER, TRIGGER], [("error", "id", "flow[1].id"), ("error", "trigger", "flow[1]")]),
        ([{**TRIGGER, "id": "1"}], [("warning", "id", "flow[0].id")]),
        ([{**TRIGGER, "id": None}], [("error", "id", "flow[0].id")]),
        ([{"id": 1}], [("error", "module", "flow[0].module")]),
        (
            [module(1, "segconnect:ReadCsvFile", parameters={"fil": "a.csv"})],
            [
                ("error", "source", "flow[0].parameters.fil"),
                ("error", "source", "flow[0].parameters"),
            ],
        ),
        ([{**TRIGGER, "version": 8}], [("warning", "version", "flow[0].version")]),
        (
            [{**TRIGGER, "filter": {"conditions": [[{"a": "x", "o": "exist"}]]}}],
            [("error", "filter", "flow[0].filter")],
        ),
        ([TRIGGER, module(2, "builtin:BasicRouter")], [("error", "routes", "flow[1].routes")]),
        (
            [TRIGGER, module(2, "builtin:BasicRouter", routes=ROUTE, parameters={"else": 1})],
            [("error", "routes", "flow[1].parameters.else")],
        ),
        (
            [TRIGGER, module(2, "builtin:BasicRouter", routes=ROUTE), module(3, "builtin:Noop")],
            [("error", "order", "flow[2]")],
        ),
        (
            [TRIGGER, module(2, "util:TextAggregator", parameters={"feeder": 7})],
            [("error", "feeder", "flow[1].parameters.feeder")],
        ),
        ([TRIGGER, module(2, "builtin:Ignore")], [("error", "directive", "flow[1]")]),
        ([TRIGGER, module(2, "builtin:BasicMerge")], [("error", "merge", "flow[1]")]),
        (
            [
                TRIGGER,
                module(2, "builtin:BasicIfElse", **IF_ELSE),
                module(3, "builtin:BasicMerge", outputs=[{"name": "a", "mappings": ["x", "y"]}]),
            ],
            [("error", "merge", "flow[2].outputs[0].mappings")],
        ),
        (
            [TRIGGER, module(2, "gateway:WebhookRespond", mapper={"status": "OK"})],
            [("error", "status", "flow[1].mapper.status")],
        ),
        (
            [TRIGGER, module(2, "http:MakeRequest", version=4, mapper={"url": "x", "qs": []})],
            [("warning", "http", "flow[1].mapper.qs")],
        ),
        ([TRIGGER, module(2, "placeholder:Placeholder")], [("error", "placeholder", "flow[1]")]),
        (
            [TRIGGER, module(2, "builtin:Noop", filter={"conditions": [[{"a": "x", "o": "y"}]]})],
            [("error", "operator", "flow[1].filter.conditions[0][0].o")],
        ),
        (
            [TRIGGER, module(2, "json:ParseJSON", parameters={"type": "{{1.x}}"})],
            [("warning", "parameters", "flow[1].parameters.type")],
        ),
        (
            [TRIGGER, module(2, "segmetrics:deleteAnOrder")],
            [("error", "fields", "flow[1].mapper")],
        ),
    ],
)
def test_a_broken_rule_is_told_with_its_place(flow: Any, expected: Any) -> None:
    assert [each for each in told(checked(*flow)) if each[1] != "name"] == expected


def test_orphans_and_routes_that_are_switched_off_are_ignored(files: Path) -> None:
    off = {"disabled": True, "flow": [module(3, "slack:CreateMessage", mapper={"x": "{{oops("})]}
    report = checked(TRIGGER, module(2, "builtin:BasicRouter", routes=[off]))
    assert (report.verdict, report.problems, report.needs) == (Verdict.RUNNABLE, [], [])

    report = check(read(files / "behind_an_aggregator.blueprint.json"))
    assert report.modules["metadata.designer.orphans[0][0]"].status is Status.IGNORED
    assert told(report) == [("warning", "reference", "flow[3].mapper.value")]


def test_what_published_blueprints_leave_out_is_asked_for() -> None:
    report = checked(module(1, "gateway:CustomWebHook"), module(2, "datastore:GetRecord"))

    assert [need.key for need in report.missing] == ["module 1", "module 2"]


def test_a_data_structure_is_not_required() -> None:
    report = checked(TRIGGER, module(2, "json:ParseJSON", parameters={"type": 12}))

    assert [(need.key, need.is_required) for need in report.needs] == [("12", False)]
    assert report.verdict is Verdict.RUNNABLE


def test_a_time_zone_that_there_is_not_is_told_with_the_one_that_was_meant() -> None:
    report = checked(TRIGGER, metadata={"segconnect": {"timezone": "europe/prag"}})

    assert told(report) == [("error", "timezone", "timezone")]
    assert report.problems[0].message == (
        "unknown time zone 'europe/prag'; did you mean 'Europe/Prague'?"
    )
    assert report.verdict is Verdict.NOT_RUNNABLE


def test_a_time_zone_is_found_whatever_its_capitals() -> None:
    report = checked(TRIGGER, metadata={"segconnect": {"timezone": "europe/prague"}})

    assert report.verdict is Verdict.RUNNABLE


def test_a_long_flow_is_checked_in_good_time() -> None:
    way = [
        module(n, "util:ComposeTransformer", mapper={"value": "{{1.x}}"}) for n in range(2, 2001)
    ]

    assert checked(TRIGGER, *way).problems == []
