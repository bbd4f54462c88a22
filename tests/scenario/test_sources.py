"""What holds for every source: it is declared once, and its errors come from the declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import ScenarioError, SourceError
from segconnect.scenario.blueprint.known import KNOWN, SHORT, Kind
from segconnect.scenario.sources import (
    LABELS,
    SOURCES,
    SUFFIXES,
    class_of,
    module_for,
    open_source,
    parameters_of,
    problems_with,
)
from segconnect.scenario.sources.reference import COMMAND, PAGE, page

HOUSE = Path(__file__).parents[2]


@pytest.mark.parametrize("module", SOURCES)
def test_a_source_is_declared_whole(module: str) -> None:
    assert class_of(module).label == LABELS[module]
    assert KNOWN[module].kind is Kind.TRIGGER
    assert SHORT[SOURCES[module]] == module
    assert [name for name, each in parameters_of(module).items() if not each.description] == []
    assert SOURCES[module] in (HOUSE / "docs" / "scenario-format.md").read_text(encoding="utf-8")


def test_the_page_says_what_is_declared() -> None:
    assert (HOUSE / PAGE).read_text(encoding="utf-8") == page(), f"write it anew: {COMMAND}"


@pytest.mark.parametrize("module", SOURCES)
def test_all_that_is_wrong_with_parameters_is_told_at_once(module: str) -> None:
    required = [name for name, each in parameters_of(module).items() if each.is_required()]

    told = [sentence for _, sentence in problems_with(module, {"colour": "red", "shape": 1})]

    assert [sentence.split()[:3] for sentence in told[:2]] == [
        ["unknown", "parameter", "'colour';"],
        ["unknown", "parameter", "'shape';"],
    ]
    assert [sentence.partition(":")[0] for sentence in told[2:]] == [
        f"parameter {name!r} is missing" for name in required
    ]


@pytest.mark.parametrize(
    ("module", "parameters", "expected"),
    [
        (
            "csv",
            {"fil": "a.csv", "header_row": 0, "decimal": "comma"},
            "csv: unknown parameter 'fil'; did you mean 'file'?;"
            " parameter 'file' is missing: the file to read, from where the scenario is;"
            " parameter 'header_row' is 0: input should be greater than or equal to 1;"
            " parameter 'decimal' is 'comma': input should be ',', '.' or 'auto'",
        ),
        (
            "segconnect:QueryDatabase",
            {"query": "select 1"},
            "sql: give one of the parameters 'url' and 'connection': the database",
        ),
        (
            "http-pages",
            {"url": "https://example.com", "since_field": "id"},
            "http-pages: give both of 'since_parameter' and 'since_field', or none of them",
        ),
        ("csvs", {}, "unknown source 'csvs'; did you mean 'csv'?"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    module: str, parameters: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        open_source(module, parameters, Path())

    assert str(caught.value) == expected


@pytest.mark.parametrize(("suffix", "module"), SUFFIXES.items())
def test_a_file_is_read_by_the_end_of_its_name(suffix: str, module: str) -> None:
    assert module_for(Path(f"Orders{suffix.upper()}")) == module


def test_a_file_of_another_kind_says_which_can_be_read() -> None:
    with pytest.raises(SourceError, match=r"notes\.pdf: what reads it\? Names end in \.csv"):
        module_for(Path("notes.pdf"))
