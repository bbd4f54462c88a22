"""Nothing is lost: writing back, blueprint to YAML to blueprint, YAML to blueprint to YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segconnect.errors import ScenarioError
from segconnect.scenario.blueprint import check, text
from segconnect.scenario.blueprint.convert import TOP_KEYS
from segconnect.scenario.blueprint.known import KNOWN, SHORT
from segconnect.scenario.blueprint.reading import parse, read

FILES = sorted((Path(__file__).parent / "files").glob("*.json"))
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))

numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=8) | st.sampled_from(
    [
        "",
        "{{1.email}}",
        '{{if(1.a = "x"; "y"; )}}',
        "no",
        "null",
        "12:30",
        "007",
        "1e3",
        "2026-01-31",
        "two\nlines\n",
        "  indented\n\ttabs ",
        "{{1.first_name}} and a long text that goes on and on, over the edge of the page  twice.",
        "é\u2028\x85\ud800\U0001f600",
    ]
)
scalars = st.none() | st.booleans() | numbers | texts
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A collection with some of the optional keys, and some that nobody knows."""
    unknown = st.dictionaries(
        st.sampled_from(["blueprint", "without", "at", "modules", "x y", "1"]), values, max_size=1
    )
    known = st.fixed_dictionaries(required, optional=optional)
    return st.builds(lambda a, b: {**b, **a}, known, unknown)


designer = some({}, {"x": numbers, "y": numbers, "name": texts}) | values
leaf = some(
    {},
    {
        "id": st.integers(1, 5) | values,
        "module": st.sampled_from([*KNOWN, *SHORT, "google-sheets:addRow"]) | values,
        "version": st.sampled_from([1, 1.0, True, 4]) | values,
        "parameters": values,
        "mapper": values,
        "filter": values,
        "flags": values,
        "metadata": some({}, {"designer": designer, "expect": values}) | values,
    },
)
modules: st.SearchStrategy[Any] = st.recursive(
    leaf,
    lambda inner: st.builds(
        lambda module, more: {**module, **more},
        leaf,
        st.fixed_dictionaries(
            {},
            optional={
                "routes": st.lists(some({}, {"flow": st.lists(inner, max_size=2)}), max_size=2),
                "branches": values | st.lists(some({"flow": st.lists(inner, max_size=2)}, {})),
                "onerror": st.lists(inner, max_size=2) | values,
            },
        ),
    ),
    max_leaves=5,
)
scenario_settings = some({}, {"roundtrips": numbers, "slots": values, "dlq": values}) | values
blueprints = some(
    {
        "flow": st.lists(modules | values, max_size=3),
        "metadata": some(
            {},
            {
                "version": values,
                "scenario": scenario_settings,
                "notes": values,
                "designer": values,
                "segconnect": some({}, {"timezone": texts, "connection": values}) | values,
            },
        )
        | values,
    },
    {"name": values, "description": values, "io": values},
)


@st.composite
def envelopes(draw: st.DrawFn) -> Any:
    """A blueprint in one of its envelopes."""
    blueprint = draw(blueprints)
    inside = draw(st.sampled_from([blueprint, json.dumps(blueprint)]))
    beside = draw(st.fixed_dictionaries({}, optional={"scheduling": values, "language": texts}))
    return draw(
        st.sampled_from(
            [
                inside,
                {"blueprint": inside, **beside},
                {"code": "OK", "response": {"blueprint": inside, "concept": False, **beside}},
                {"subflows": [blueprint], "metadata": {"version": 1}},
                [blueprint],
            ]
        )
    )


def opened(whole: Any) -> Any:
    """A file's value, with texts that hold JSON read: their formatting may differ."""
    if isinstance(whole, str) and whole.startswith("{"):
        return ["text", json.loads(whole)]
    if isinstance(whole, dict) and "flow" not in whole:
        return {k: opened(v) if k in ("blueprint", "response") else v for k, v in whole.items()}
    return whole


@given(envelopes())
@settings(max_examples=100, deadline=None)
def test_writing_back_gives_what_was_read(whole: Any) -> None:
    document = parse(json.dumps(whole))

    assert text.is_same(json.loads(document.to_json()), whole)


@given(envelopes())
@settings(max_examples=100, deadline=None)
def test_a_blueprint_survives_our_yaml(whole: Any) -> None:
    document = parse(json.dumps(whole))

    again = parse(document.to_yaml())

    assert text.is_same(opened(again.whole), opened(whole))
    assert text.is_same(text.read_yaml(again.to_yaml()), text.read_yaml(document.to_yaml()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_survives_our_yaml(path: Path) -> None:
    document = read(path)

    assert text.is_same(opened(parse(document.to_yaml()).whole), opened(document.whole))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_survives_the_blueprint_apart_from_its_comments(path: Path) -> None:
    said = text.read_yaml(path.read_text())

    again = parse(parse(path.read_text()).to_json()).to_yaml()

    assert text.is_same(text.read_yaml(again), said)


@given(values)
@settings(max_examples=100, deadline=None)
def test_yaml_keeps_every_value_of_json(value: Any) -> None:
    assert text.is_same(text.read_yaml(text.write_yaml({"a": value})), {"a": value})


@given(envelopes())
@settings(max_examples=60, deadline=None)
def test_a_check_tells_of_whatever_it_is_given(whole: Any) -> None:
    report = check(parse(json.dumps(whole)))

    assert json.dumps(report.to_values())


@given(
    st.fixed_dictionaries(
        {"flow": st.lists(modules, max_size=2) | values},
        optional={key: values for key in TOP_KEYS if key != "flow"},
    ),
    st.none()
    | st.fixed_dictionaries(
        {"steps": st.lists(st.none() | st.sampled_from(["blueprint", 0, 1])), "around": values}
    ),
)
@settings(max_examples=100, deadline=None)
def test_yaml_is_a_scenario_or_an_error_and_survives_the_blueprint(said: Any, around: Any) -> None:
    try:
        document = parse(text.write_yaml({**said, **({"envelope": around} if around else {})}))
    except ScenarioError:
        return

    again = parse(document.to_yaml())

    assert text.is_same(opened(again.whole), opened(document.whole))
