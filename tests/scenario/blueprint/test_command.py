"""`segconnect scenario`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from segconnect.cli import build
from segconnect.errors import UsageError

EXAMPLE = Path(__file__).parents[3] / "examples" / "shopify_orders.yaml"


def scenario(*arguments: object) -> Result:
    """Runs `segconnect scenario ...`."""
    called = ["scenario", *map(str, arguments)]
    return CliRunner().invoke(build(called), called)


def test_check_answers_by_its_exit_code(files: Path) -> None:
    assert scenario("check", EXAMPLE).exit_code == 0
    assert scenario("check", files / "shop_orders.blueprint.json").exit_code == 1
    assert scenario("check", files / "invented_names.json").exit_code == 2


def test_check_shows_the_tree_and_what_is_to_be_bound(files: Path) -> None:
    shown = scenario("check", files / "shop_orders.blueprint.json").stdout

    for part in (
        "a blueprint 'Shop orders to SegMetrics'",
        "├── 4  Lines (builtin:BasicAggregator)  runs",
        "    │       └── on error",
        "route 2 (fallback)",
        "8  slack:CreateMessage: there is no app 'slack' here; bind it to",
        '  "4711": NAME',
        "It runs here once what is missing is bound.",
    ):
        assert part in shown


def test_check_underlines_the_place_of_an_expression_error(files: Path) -> None:
    shown = scenario("check", files / "invented_names.json").stdout

    assert '    {{77.gone}} {{formatDat(now; "YYYY")}}\n                  ^^^^^^^^^' in shown


def test_check_takes_bindings_beside_the_file(files: Path, tmp_path: Path) -> None:
    path = tmp_path / "shop.blueprint.json"
    path.write_bytes((files / "shop_orders.blueprint.json").read_bytes())
    bindings = (
        "connections: {'4711': shop}\nwebhooks: {'45': new-order}\n"
        "modules: {'slack:CreateMessage': {sample: {}}}\n"
    )
    (tmp_path / "shop.bindings.yaml").write_text(bindings, encoding="utf-8")

    assert scenario("check", path).exit_code == 0


def test_check_writes_json(files: Path) -> None:
    answer = json.loads(scenario("check", files / "template.json", "--json").stdout)

    assert (answer["form"], answer["verdict"]) == ("a template", "to_be_bound")
    assert [each["status"] for each in answer["modules"]] == ["to be bound", "runs"]
    assert answer["needs"][0]["key"] == "google-sheets:watchRows"


def test_convert_goes_both_ways(files: Path, tmp_path: Path) -> None:
    before = files / "shop_orders.blueprint.json"
    there, back = tmp_path / "a.yaml", tmp_path / "a.json"

    assert scenario("convert", before, "-o", there).exit_code == 0
    assert scenario("convert", there, "-o", back).exit_code == 0
    assert json.loads(back.read_text()) == json.loads(before.read_text("utf-8-sig"))
    assert scenario("convert", before).stdout == there.read_text()


def test_convert_writes_over_nothing_unasked(files: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("mine")

    result = scenario("convert", files / "template.json", "-o", path)
    assert isinstance(result.exception, UsageError)
    assert path.read_text() == "mine"
    assert scenario("convert", files / "template.json", "-o", path, "--force").exit_code == 0


def test_the_output_is_yaml_or_json(files: Path, tmp_path: Path) -> None:
    result = scenario("convert", files / "template.json", "-o", tmp_path / "a.txt")

    assert isinstance(result.exception, UsageError)


def test_schema_prints_the_schema() -> None:
    assert json.loads(scenario("schema").stdout)["title"] == "segconnect scenario"


@pytest.mark.parametrize("command", ["check", "convert"])
def test_what_cannot_be_read_is_told(command: str, tmp_path: Path) -> None:
    assert "cannot be read" in str(scenario(command, tmp_path / "none.json").exception)
