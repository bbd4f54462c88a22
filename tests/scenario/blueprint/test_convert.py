"""How a blueprint looks in YAML, and the schema for editors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from segconnect.scenario.blueprint import bindings, check, parse, read, text
from segconnect.scenario.blueprint.schema import FILE, scenario_schema, written

FILES = sorted((Path(__file__).parent / "files").glob("*.json"))
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def test_yaml_is_short_and_keeps_the_editor_s_metadata_at_the_end() -> None:
    blueprint = {
        "name": "Greet",
        "flow": [
            {
                "id": 1,
                "module": "gateway:CustomWebHook",
                "version": 1,
                "parameters": {"hook": 45},
                "mapper": {},
                "metadata": {
                    "designer": {"x": 0, "y": 150, "name": "Orders"},
                    "interface": [{"name": "email", "type": "text"}],
                },
            },
            {
                "id": 2,
                "module": "builtin:BasicRouter",
                "version": 1,
                "mapper": None,
                "routes": [
                    {
                        "label": "All",
                        "flow": [
                            {
                                "id": 3,
                                "module": "google-sheets:addRow",
                                "version": 2,
                                "parameters": {},
                                "mapper": {"mode": "select"},
                                "onerror": [{"id": 4, "module": "builtin:Ignore", "version": 1}],
                            }
                        ],
                    }
                ],
            },
        ],
        "metadata": {"version": 1, "scenario": {"roundtrips": 1, "dlq": True}},
    }

    assert (
        parse(json.dumps(blueprint)).to_yaml()
        == """\
name: Greet
settings:
  roundtrips: 1
  dlq: true
flow:
  - id: 1
    module: webhook
    name: Orders
    at: [0, 150]
    parameters:
      hook: 45
  - id: 2
    module: router
    without: [parameters]
    routes:
      - label: All
        flow:
          - id: 3
            module: google-sheets:addRow
            version: 2
            mapper:
              mode: select
            onerror:
              - id: 4
                module: ignore
                without: [parameters, mapper]
without: [metadata.scenario.*]
module-blueprints:
  "1":
    metadata:
      interface: [{name: email, type: text}]
"""
    )


def test_a_short_scenario_makes_a_whole_blueprint() -> None:
    document = parse(
        "name: Contacts\ntimezone: Europe/Prague\nconnection: shop\nsettings: {dlq: true}\n"
        "scheduling: {type: daily, time: '09:00'}\n"
        "flow:\n- {id: 1, module: csv, parameters: {file: a.csv}}\n"
        "- {id: 2, module: add-update-contact, at: [300, 0], mapper: {email: '{{1.mail}}'}}\n"
    )

    assert json.loads(document.to_json()) == {
        "blueprint": {
            "name": "Contacts",
            "flow": [
                {
                    "id": 1,
                    "module": "segconnect:ReadCsvFile",
                    "version": 1,
                    "parameters": {"file": "a.csv"},
                    "mapper": {},
                },
                {
                    "id": 2,
                    "module": "segmetrics:addUpdateAContact",
                    "version": 1,
                    "parameters": {},
                    "mapper": {"email": "{{1.mail}}"},
                    "metadata": {"designer": {"x": 300, "y": 0}},
                },
            ],
            "metadata": {
                "version": 1,
                "scenario": {
                    "roundtrips": 1,
                    "maxErrors": 3,
                    "autoCommit": True,
                    "autoCommitTriggerLast": True,
                    "sequential": False,
                    "slots": None,
                    "confidential": False,
                    "dataloss": False,
                    "dlq": True,
                    "freshVariables": False,
                },
                "segconnect": {"timezone": "Europe/Prague", "connection": "shop"},
            },
        },
        "scheduling": {"type": "daily", "time": "09:00"},
    }
    assert document.blueprint.timezone == "Europe/Prague"
    assert document.blueprint.connection == "shop"
    assert document.scheduling == {"type": "daily", "time": "09:00"}


def test_the_schema_file_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == written()


@pytest.fixture(scope="module")
def validator() -> Any:
    """The schema, ready to validate."""
    schema = scenario_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(validator: Any, path: Path) -> None:
    assert list(validator.iter_errors(text.read_yaml(path.read_text()))) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_converted_blueprint_is_valid(validator: Any, path: Path) -> None:
    assert list(validator.iter_errors(text.read_yaml(read(path).to_yaml()))) == []


@pytest.mark.parametrize(
    "content",
    [
        "name: x",
        "flow: [{id: 1}]",
        "flow: [{id: 1, module: cvs}]",
        "flow: [{id: 1, module: csv, parameters: {}}]",
        "flow: [{id: 1, module: csv, paramaters: {}}]",
    ],
)
def test_a_slip_is_not_valid(validator: Any, content: str) -> None:
    assert list(validator.iter_errors(text.read_yaml(content))) != []


GUIDE = (Path(__file__).parents[3] / "docs" / "scenario-format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL))
def test_a_scenario_in_the_guide_is_valid_and_without_errors(validator: Any, content: str) -> None:
    assert list(validator.iter_errors(text.read_yaml(content))) == []
    assert check(parse(content)).errors == []


def test_the_bindings_in_the_guide_are_valid() -> None:
    (content,) = re.findall(r"```yaml bindings\n(.*?)```", GUIDE, re.DOTALL)

    assert bindings.parse(content).webhooks == {"45": "new-order"}
