"""Incomplete executions: taken up where they failed; and what runs mean for the next one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from segconnect.scenario.engine import (
    Call,
    ModuleError,
    Result,
    ScenarioSettings,
    Services,
    Status,
    retry,
    retry_after,
    run,
    verdict,
)
from segconnect.scenario.engine.plan import Plan
from segconnect.scenario.engine.run import Run


class Peer:
    """A peer that can be down."""

    def __init__(self) -> None:
        self.is_up = False
        self.got: list[Any] = []

    def __call__(self, _call: Call, _parameters: Any, values: dict[str, Any]) -> None:
        if not self.is_up:
            raise ModuleError("ConnectionError", "no answer")
        self.got.append(values["n"])


BLUEPRINT: dict[str, Any] = {
    "name": "numbers",
    "metadata": {"scenario": {"dlq": True, "sequential": True}},
    "flow": [
        {"id": 1, "module": "gateway:CustomWebHook"},
        {"id": 2, "module": "builtin:BasicFeeder", "mapper": {"array": "{{1.items}}"}},
        {"id": 3, "module": "peer:Send", "mapper": {"n": "{{2.value}} of {{1.who}}"}},
        {"id": 4, "module": "util:ComposeTransformer", "mapper": {"value": "sent {{2.value}}"}},
        {
            "id": 5,
            "module": "util:TextAggregator",
            "parameters": {"feeder": 2, "rowSeparator": "other", "otherRowSeparator": ","},
            "mapper": {"value": "{{4.value}}"},
        },
        {"id": 6, "module": "util:ComposeTransformer", "mapper": {"value": "[{{5.text}}]"}},
    ],
}


def said(result: Result, module_id: int) -> list[Any]:
    return [o["value"] for each in result.trace if each.module_id == module_id for o in each.output]


def test_a_bundle_that_was_set_aside_goes_on_from_the_module_that_failed() -> None:
    peer = Peer()
    services = Services(bound={"peer:Send": peer})
    first = run(BLUEPRINT, services, given=[{"who": "Ann", "items": [1, 2]}], trace=True)
    assert said(first, 6) == ["[]"]
    assert [each.module_id for each in first.incomplete] == [3, 3]

    again = retry(first.incomplete[0], services)
    assert (again.status, again.incomplete) == (Status.WARNING, [])
    assert (first.incomplete[0].is_resolved, first.incomplete[0].attempts) == (False, 1)

    peer.is_up = True
    results = [retry(each, services, trace=True) for each in first.incomplete]
    assert peer.got == ["1 of Ann", "2 of Ann"]
    assert [said(each, 6) for each in results] == [["[sent 1]"], ["[sent 2]"]]
    assert [sorted(each.operations) for each in results] == [[3, 4, 5, 6]] * 2
    assert all(each.is_resolved for each in first.incomplete)


def test_the_blueprint_of_an_incomplete_execution_may_be_mended_before_the_retry() -> None:
    flow = [
        {"id": 1, "module": "gateway:CustomWebHook"},
        {"id": 2, "module": "util:ComposeTransformer", "mapper": {"value": "x"}},
        {"id": 3, "module": "json:ParseJSON", "mapper": {"json": "{{1.text}}"}},
    ]
    blueprint = {"name": "mend", "flow": flow, "metadata": {"scenario": {"dlq": True}}}
    (kept,) = run(blueprint, given=[{"text": "oops"}]).incomplete

    kept.blueprint["flow"][2]["mapper"]["json"] = '{"n": 1}'

    assert retry(kept).status is Status.SUCCESS
    assert flow[2]["mapper"] == {"json": "{{1.text}}"}


@pytest.mark.parametrize(("limit", "got"), [("5", ["7"]), ("9", [])])
def test_a_filter_that_failed_is_looked_at_again(limit: str, got: list[str]) -> None:
    peer = Peer()
    peer.is_up = True
    step = {
        "id": 3,
        "module": "peer:Send",
        "mapper": {"n": "{{1.n}}"},
        "filter": {"conditions": [[{"a": "{{1.n}}", "o": "number:greater", "b": "none"}]]},
    }
    flow = [{"id": 1, "module": "gateway:CustomWebHook"}, step]
    blueprint = {"name": "mend", "flow": flow, "metadata": {"scenario": {"dlq": True}}}
    services = Services(bound={"peer:Send": peer})
    (kept,) = run(blueprint, services, given=[{"n": "7"}]).incomplete

    kept.blueprint["flow"][1]["filter"]["conditions"][0][0]["b"] = limit

    assert retry(kept, services).status is Status.SUCCESS
    assert peer.got == got
    assert kept.is_resolved


def test_tries_follow_the_schedule_and_then_wait_for_a_person() -> None:
    peer = Peer()
    services = Services(bound={"peer:Send": peer})
    (kept,) = run(BLUEPRINT, services, given=[{"items": [1]}]).incomplete

    waits = []
    while (wait := retry_after(kept)) is not None:
        waits.append(int(wait.total_seconds() / 60))
        retry(kept, services)

    assert waits == [1, 10, 10, 30, 30, 30, 180, 180]


def failed(kind: str) -> Result:
    def fail(_call: Call, _parameters: Any, _values: Any) -> None:
        raise ModuleError(kind, "it broke")

    blueprint = {"name": "fails", "flow": [{"id": 1, "module": "x:Fail"}]}
    return run(blueprint, Services(bound={"x:Fail": fail}))


@pytest.mark.parametrize(
    ("kind", "before", "is_instant", "expected"),
    [
        ("RuntimeError", 0, False, (1, False, None)),
        ("RuntimeError", 2, False, (3, True, None)),
        ("RuntimeError", 0, True, (1, True, None)),
        ("InvalidAccessTokenError", 0, False, (1, True, None)),
        ("ConnectionError", 0, False, (1, False, timedelta(minutes=1))),
        ("ConnectionError", 6, False, (7, False, timedelta(hours=12))),
        ("ConnectionError", 8, False, (9, True, None)),
        ("RateLimitError", 0, False, (1, False, timedelta(minutes=20))),
        ("IncompleteDataError", 2, False, (0, False, None)),
    ],
)
def test_errors_in_a_row_rest_and_then_switch_off_a_scenario(
    kind: str, before: int, is_instant: bool, expected: tuple[int, bool, timedelta | None]
) -> None:
    found = verdict(failed(kind), before, ScenarioSettings(), is_instant=is_instant)

    assert tuple(found) == expected


def test_a_run_that_ends_well_ends_the_row() -> None:
    result = run({"name": "ok", "flow": [{"id": 1, "module": "util:ComposeTransformer"}]})

    assert tuple(verdict(result, 2, ScenarioSettings())) == (0, False, None)


def test_bundles_of_a_source_are_runs_that_know_nothing_of_each_other() -> None:
    flow = [
        {"id": 1, "module": "gateway:CustomWebHook"},
        {"id": 2, "module": "util:GetVariable2", "mapper": {"name": "x"}},
        {
            "id": 3,
            "module": "util:SetVariable2",
            "mapper": {"name": "x", "scope": "execution", "value": "{{1.n}}"},
        },
        {"id": 4, "module": "gateway:WebhookRespond", "mapper": {"body": "{{2.x}}/{{1.n}}"}},
        {"id": 5, "module": "json:ParseJSON", "mapper": {"json": "{{1.n}}"}},
    ]
    taken = Run(Plan({"name": "each", "flow": flow}), Services())

    ends = []
    for text in ("1", "bad", "3"):
        result = taken.take({"n": text})
        assert result.response is not None
        ends.append((result.response.body, result.status, result.counts, result.is_committed))

    assert ends == [
        ("/1", Status.SUCCESS, False, True),
        ("/bad", Status.ERROR, True, False),
        ("/3", Status.SUCCESS, False, True),
    ]
