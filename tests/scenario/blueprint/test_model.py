"""The tree of modules: places, and what is in scope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segconnect.scenario.blueprint import Blueprint, read
from segconnect.scenario.blueprint.places import templates


def module(id_: int, name: str, **more: Any) -> dict[str, Any]:
    """A module as blueprints have it."""
    return {"id": id_, "module": name, "version": 1, "parameters": {}, "mapper": {}, **more}


def test_every_module_has_a_place_and_a_scope(files: Path) -> None:
    blueprint = read(files / "shop_orders.blueprint.json").blueprint

    assert [(n.id, n.path, sorted(n.scope)) for n in blueprint.walk()] == [
        (1, "flow[0]", []),
        (3, "flow[1]", [1]),
        (4, "flow[2]", [1, 3]),
        (5, "flow[3]", [1, 4]),  # what the aggregator collected from is out of scope
        (7, "flow[3].routes[0].flow[0]", [1, 4, 5]),
        (9, "flow[3].routes[0].flow[0].onerror[0]", [1, 4, 5, 7]),
        (8, "flow[3].routes[1].flow[0]", [1, 4, 5]),
    ]


def test_branches_are_out_of_scope_after_an_if_else_but_for_its_merge(files: Path) -> None:
    blueprint = read(files / "if_else_merge.blueprint.json").blueprint
    before, merge, after = blueprint.flow.nodes[1:]

    assert sorted(after.scope) == [1, 2, 5]
    assert [(place.field, sorted(place.scope)) for place in templates(merge, before)] == [
        ("outputs[0].mappings[0]", [1, 2, 3]),
        ("outputs[0].mappings[1]", [1, 2, 4]),
    ]


def test_every_template_has_a_place() -> None:
    node = module(
        2,
        "util:TextAggregator",
        mapper={"a": {"b": ["{{1.x}}"]}},
        filter={"name": "n", "conditions": [[{"a": "{{1.a}}", "o": "exist"}]]},
        flags={"groupBy": "{{1.key}}"},
    )
    blueprint = Blueprint({"flow": [module(1, "util:BasicTrigger"), node]})

    assert [(place.path, place.text) for place in templates(blueprint.flow.nodes[1])] == [
        ("flow[1].mapper.a.b[0]", "{{1.x}}"),
        ("flow[1].filter.conditions[0][0].a", "{{1.a}}"),
        ("flow[1].flags.groupBy", "{{1.key}}"),
    ]


def test_orphans_stand_beside_the_flow(files: Path) -> None:
    blueprint = read(files / "behind_an_aggregator.blueprint.json").blueprint

    assert [node.path for node in blueprint.walk_orphans()] == ["metadata.designer.orphans[0][0]"]
    assert 30 not in {node.id for node in blueprint.walk()}


def test_what_cannot_be_a_module_is_told_and_passed_over() -> None:
    flow = [
        "x",
        module(1, "builtin:BasicRouter", routes=[7, {"flow": "y"}], branches={}, onerror=[3]),
    ]
    blueprint = Blueprint({"flow": flow})

    assert [place.path for place in blueprint.malformed] == [
        "flow[0]",
        "flow[1].routes[0]",
        "flow[1].routes[1].flow",
        "flow[1].branches",
        "flow[1].onerror[0]",
    ]


def test_settings_are_complete() -> None:
    blueprint = Blueprint({"flow": [], "metadata": {"scenario": {"dlq": True}}})

    assert (blueprint.settings["dlq"], blueprint.settings["maxErrors"]) == (True, 3)
