"""Envelopes, and what is no blueprint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import ScenarioError
from segconnect.scenario.blueprint import Form, parse, read
from segconnect.scenario.blueprint.text import MAX_DEPTH

FLOW = [{"id": 1, "module": "util:BasicTrigger", "version": 1}]
BARE = {"name": "Ann's", "flow": FLOW, "metadata": {"version": 1}}
SCHEDULE = {"type": "daily", "time": "09:00"}


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (BARE, Form.BARE),
        (json.dumps(BARE), Form.BARE),
        ({"blueprint": BARE}, Form.WRAPPED),
        ({"blueprint": json.dumps(BARE), "teamId": 1}, Form.WRAPPED),
        ({"code": "OK", "response": {"blueprint": BARE, "concept": False}}, Form.ANSWER),
        ({"response": {"blueprint": json.dumps(BARE)}}, Form.ANSWER),
        ({"blueprint": BARE, "controller": {}, "language": "en", "metadata": {}}, Form.TEMPLATE),
        ({"subflows": [BARE], "metadata": {"version": 1}}, Form.COPIED),
        ({"scenario": {"id": 3, "blueprint": BARE}}, Form.WRAPPED),
        ([BARE], Form.WRAPPED),
    ],
)
def test_a_blueprint_is_found_in_its_envelope(content: Any, form: Form) -> None:
    document = parse(json.dumps(content))

    assert document.form is form
    assert document.blueprint.raw == BARE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.blueprint.json"
    path.write_text(json.dumps(BARE), encoding=encoding)

    assert read(path).blueprint.name == "Ann's"


@pytest.mark.parametrize("schedule", [SCHEDULE, json.dumps(SCHEDULE)])
def test_the_schedule_stands_beside_the_blueprint(schedule: Any) -> None:
    answer = {"code": "OK", "response": {"blueprint": BARE, "scheduling": schedule}}

    assert parse(json.dumps(answer)).scheduling == SCHEDULE
    assert parse(json.dumps(BARE)).scheduling is None


def test_yaml_may_be_ours_or_hold_a_blueprint() -> None:
    ours = parse("name: a\nflow: [{id: 1, module: csv}]")
    blueprint = parse("name: a\nflow: [{id: 1, module: 'util:BasicTrigger'}]\nmetadata: {}")

    assert (ours.form, blueprint.form) == (Form.YAML, Form.BARE)
    assert ours.blueprint.flow.nodes[0].module == "segconnect:ReadCsvFile"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("[]", "a list of 0; expected a flow of modules"),
        ("3", "is no blueprint; expected a flow of modules"),
        ('{"name": "x"}', "found 'name'"),
        ('{"nodes": [], "connections": {}}', "is an n8n workflow"),
        ('{"flow": {}}', "flow is not a list of modules"),
        ('{"blueprint": null}', "'blueprint' is null"),
        ('{"id": 1, "module": "util:BasicTrigger"}', "is a single module; put it into"),
        ('[{"id": 1, "module": "a:B"}, {"id": 2, "module": "a:B"}]', "is a list of modules"),
        ('{"name": "x", "flow": [', "is not JSON: line 1, column 24"),
        ("flow: [\n  }", "is not YAML: line 2, column 3"),
        ('{"flow": [], "x": NaN}', "holds NaN, which is no JSON"),
        ('{"flow": [], "x": 1e999}', "holds the number 1e999, which is too large"),
        ("name: x\nflow: [{id: 1, module: csv, paramaters: {}}]", "did you mean 'parameters'?"),
        ("name: x\nflow: []\ntime: now", "unknown key 'time'"),
        ("name: x\nname: y\nflow: []", "line 2, column 1: the key 'name' is there twice"),
        ("name: x\nflow: 7", "flow: expected a list of modules"),
        ("name: x\nflow: []\nscheduling: daily", "scheduling: expected a collection"),
        ("name: x\nflow: [{id: 1, module: csv, at: !!binary abcd}]", "which JSON does not have"),
    ],
)
def test_what_is_no_scenario_is_told(content: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(content)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"flow": ' + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "}",
        "flow: " + "[" * 100_000,
        "flow: &a [*a]",
        "a: &a [x, x]\n"
        + "".join(
            f"{c}: &{c} [*{b}, *{b}]\n"
            for b, c in zip("abcdefghijklmnopqrstuvw", "bcdefghijklmnopqrstuvwx", strict=True)
        ),
        '{"flow": [], "x": ' + "9" * 5000 + "}",
        '{"flow": [' + ",".join(['{"id": 1, "module": "a:B"}'] * 5001) + "]}",
    ],
    ids=range(8),
)
def test_size_and_nesting_are_bounded(content: str) -> None:
    with pytest.raises(ScenarioError):
        parse(content)


def test_an_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.json: cannot be read"):
        read(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"name": "\xe9"}')
    with pytest.raises(ScenarioError, match=r"latin\.json: is not UTF-8 text"):
        read(tmp_path / "latin.json")


def test_writing_back_keeps_text_in_json_as_it_was(files: Path) -> None:
    before = json.loads((files / "text_in_json.json").read_text())

    assert json.loads(read(files / "text_in_json.json").to_json()) == before


def test_a_changed_blueprint_is_written_in_the_same_envelope() -> None:
    document = parse(json.dumps({"blueprint": json.dumps(BARE), "teamId": 7}))

    written = json.loads(document.with_blueprint({**BARE, "name": "New"}).to_json())

    assert (json.loads(written["blueprint"])["name"], written["teamId"]) == ("New", 7)


def test_yaml_scalars_are_those_of_json() -> None:
    document = parse(
        "name: no\nflow:\n- id: 1\n  module: util:ComposeTransformer\n  mapper:\n"
        "    {a: on, b: 12:30, c: 010, d: 2026-01-31, e: 1e3, f: true, g: ~, h: .5, 5: x}\n"
    )

    assert document.blueprint.name == "no"
    assert document.blueprint.flow.nodes[0].mapper == {
        "a": "on",
        "b": "12:30",
        "c": "010",
        "d": "2026-01-31",
        "e": 1000.0,
        "f": True,
        "g": None,
        "h": 0.5,
        "5": "x",
    }
