"""JSON as APIs answer it, item by item."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import SourceError
from segconnect.scenario.bundle import SourceBundle
from segconnect.scenario.sources import open_source
from segconnect.scenario.sources.describing import describe


def bundles(path: Path, **how: Any) -> list[SourceBundle]:
    return list(open_source("json", {"file": path.name, **how}, path.parent).bundles())


PEOPLE = [{"id": 1, "name": "Zoë"}, {"id": 2}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(PEOPLE),
        json.dumps({"object": "list", "data": PEOPLE}),
        "\ufeff" + json.dumps({"response": {"orders": PEOPLE}}),
        "\n".join(map(json.dumps, PEOPLE)),
        "\ufeff" + "\n".join(json.dumps(one, ensure_ascii=False) for one in PEOPLE) + "\n\n",
    ],
    ids=["array", "in an object", "deeper, with a mark", "a line each", "a line each, with a mark"],
)
def test_the_items_are_found(tmp_path: Path, text: str) -> None:
    file = tmp_path / "items.json"
    file.write_text(text, encoding="utf-8")

    assert [bundle.values for bundle in bundles(file)] == PEOPLE


def test_the_path_of_the_items_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "items.json"
    file.write_text(json.dumps({"errors": [], "page": {"rows": [5, {"a": 1}]}}))

    found = bundles(file, items="page.rows")

    assert [bundle.values for bundle in found] == [{"value": 5}, {"a": 1}]
    assert [str(bundle.place) for bundle in found] == ["items.json, item 1", "items.json, item 2"]


def test_a_file_that_breaks_off_gives_what_came_before(tmp_path: Path) -> None:
    file = tmp_path / "items.json"
    file.write_text('[{"a": 1}, {"a": ')

    first, second = bundles(file)

    assert first.values == {"a": 1}
    assert second.error is not None
    assert second.error.why.startswith("the file is not JSON from here on")


def test_a_file_without_an_array_says_so(tmp_path: Path) -> None:
    file = tmp_path / "items.json"
    file.write_text('{"a": 1}')

    with pytest.raises(SourceError, match=r"items\.json: holds no array"):
        bundles(file)


def test_a_line_that_is_no_json_is_told_and_the_next_one_is_read(tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_bytes(b'{"a": 1.10}\n{"a": \n\n{"a": NaN}\n{"a": "caf\xe9"}\n[2]\n')

    found = [each.values if each.error is None else str(each.place) for each in bundles(file)]

    assert found == [
        {"a": Decimal("1.10")},
        "items.jsonl, line 2",
        "items.jsonl, line 4",
        "items.jsonl, line 5",
        {"value": [2]},
    ]


def test_a_whole_file_can_be_one_bundle(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"id": 1, "lines": [{"sku": "tea"}]}')

    assert [each.values for each in bundles(file, items="$")] == [
        {"id": 1, "lines": [{"sku": "tea"}]}
    ]


def test_a_file_that_is_still_broken_is_not_told_twice(tmp_path: Path) -> None:
    file = tmp_path / "items.json"
    file.write_text('[{"a": 1}, {"a": ')
    _, broken = bundles(file)

    source = open_source("json", {"file": "items.json"}, tmp_path)

    assert list(source.bundles(broken.cursor)) == []
    file.write_text('[{"a": 1}, {"a": 2}]')
    source = open_source("json", {"file": "items.json"}, tmp_path)
    assert [each.values for each in source.bundles(broken.cursor)] == [{"a": 2}]


def test_the_arrays_of_a_file_are_described(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"tags": [], "data": {"lines": [{"sku": "tea", "n": [1]}, {"sku": "pot"}]}}')

    assert describe(file, items="data.lines").found == {
        "form": "an array",
        "items": "data.lines",
        "arrays": {"tags": 0, "data.lines": 2},
    }


def test_an_object_without_an_array_is_described_as_one_bundle(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"id": 1, "paid": true, "buyer": {"email": "joey@bloggs.com"}}')

    found = describe(file)

    assert found.parameters == {"file": str(file), "items": "$"}
    assert [(each.name, each.type) for each in found.columns] == [
        ("id", "number"),
        ("paid", "truth"),
        ("buyer", "collection"),
    ]


def test_of_several_arrays_one_must_be_said(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"id": 1, "notes": ["a"], "lines": [{"sku": "tea"}], "taxes": [{"rate": 5}]}')

    with pytest.raises(SourceError) as caught:
        bundles(file)

    assert caught.value.why == (
        "order.json: holds several arrays; say one of them as items: lines, taxes;"
        " items: $ makes the file one bundle"
    )
    with pytest.raises(SourceError, match="there is no array at items 'line'; there is 'notes', "):
        bundles(file, items="line")
    file.write_text('{"id": 1, "notes": ["a"], "lines": [{"sku": "tea"}], "taxes": []}')
    assert [each.values for each in bundles(file)] == [{"sku": "tea"}]
