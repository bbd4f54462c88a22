"""JSON as APIs answer it, item by item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import SourceError
from segconnect.scenario.bundle import SourceBundle
from segconnect.scenario.sources import open_source


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
