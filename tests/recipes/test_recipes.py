"""Every recipe: it runs, its own tests pass, and it is found for its samples and for no other."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from segconnect.errors import ScenarioError, UsageError
from segconnect.recipes import Recipe, matches, named, nearest, read, recipes
from segconnect.recipes.loading import find, hold_to_one_level, settle
from segconnect.recipes.reference import reference_page
from segconnect.scenario import blueprint
from segconnect.scenario.sources.tidying import UndecidedError
from segconnect.scenario.testing import cases_of, run_case
from segconnect.settings import Settings

SAMPLES = sorted((Path(__file__).parent / "samples").iterdir())
EXPORTS = (Path(__file__).parents[2] / "examples/exports").glob("[a-z]*")
EXAMPLES = sorted(
    each for each in EXPORTS if each.stem != "page_views"
)  # no tool's: the site's own
RECIPES = [pytest.param(each, id=each.name) for each in recipes().values()]
FILES = [pytest.param(each, id=each.name) for each in SAMPLES]
TABLES = [pytest.param(each, id=each.name) for each in SAMPLES if each.suffix == ".csv"]


def recipe_of(sample: Path) -> str:
    """A sample is named after its recipe: recipe.csv, or recipe.variant.csv."""
    return sample.name.partition(".")[0]


@pytest.mark.parametrize("recipe", RECIPES)
def test_its_own_tests_pass(recipe: Recipe) -> None:
    cases = cases_of(recipe.path, recipe.document)
    bindings = blueprint.Bindings()
    verdicts = [
        run_case(case, recipe.path, recipe.document, bindings, Settings()) for case in cases
    ]

    assert verdicts
    assert [verdict for verdict in verdicts if verdict.problems] == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_runs_as_a_scenario_and_says_what_it_is_for(recipe: Recipe) -> None:
    report = blueprint.check(recipe.document)

    assert report.verdict is blueprint.Verdict.RUNNABLE, report.problems
    assert report.problems == []
    assert recipe.description


@pytest.mark.parametrize("recipe", RECIPES)
def test_converting_it_loses_nothing(recipe: Recipe) -> None:
    again = blueprint.parse(recipe.document.to_json())

    assert again.blueprint.recipe == recipe.document.blueprint.recipe
    assert blueprint.parse(again.to_yaml()).blueprint.raw == recipe.document.blueprint.raw


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_has_a_sample(recipe: Recipe) -> None:
    assert recipe.name in {recipe_of(sample) for sample in SAMPLES}


@pytest.mark.parametrize("sample", FILES)
def test_a_sample_fits_its_recipe_and_no_other(sample: Path) -> None:
    assert [match.recipe.name for match in matches(sample)] == [recipe_of(sample)]


@pytest.mark.parametrize("export", EXAMPLES, ids=lambda path: path.stem)
def test_the_exports_of_the_demo_fit_the_recipes_of_their_names(export: Path) -> None:
    assert [match.recipe.name for match in matches(export)] == [export.stem]


def rows_of(sample: Path) -> list[list[str]]:
    content = sample.read_bytes()
    encoding = "utf-16" if content[:2] == b"\xff\xfe" else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    mark = max(",;\t", key=text.count)
    return [row for row in csv.reader(io.StringIO(text), delimiter=mark) if row]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("sample", TABLES)
def test_columns_in_another_order_and_others_besides_do_not_matter(
    sample: Path, delimiter: str, encoding: str, tmp_path: Path
) -> None:
    rows = rows_of(sample)
    width = max(map(len, rows))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    for row in rows:  # the lines before the header stay short
        writer.writerow([*reversed(row), "new"] if len(row) == width else row)
    saved = tmp_path / "saved again.csv"
    saved.write_bytes(text.getvalue().encode(encoding))

    assert [match.recipe.name for match in matches(saved)] == [recipe_of(sample)]


@pytest.mark.parametrize("sample", TABLES)
def test_a_sample_that_was_saved_as_a_sheet_fits_its_recipe(sample: Path, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows_of(sample):
        sheet.append(row)
    book.save(tmp_path / "saved.xlsx")

    assert [match.recipe.name for match in matches(tmp_path / "saved.xlsx")] == [recipe_of(sample)]


def test_a_file_of_another_kind_fits_none(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("Sensor,Reading\na,1\n")

    assert find(other) is None


def test_what_a_report_lacks_for_its_recipe_is_told(tmp_path: Path) -> None:
    report = tmp_path / "all_time.csv"
    report.write_text("Ad name,Amount spent (USD),Impressions\nVideo,428.60,61200\n")

    assert find(report) is None
    assert [(recipe.name, missing) for recipe, missing in nearest(report)] == [
        ("meta_ads", ["Day"])
    ]


def test_a_recipe_can_be_named() -> None:
    assert find(SAMPLES[0], "shopify_orders") is named("shopify_orders")
    with pytest.raises(UsageError, match="did you mean 'shopify_orders'"):
        find(SAMPLES[0], "shopify_order")


AMBIGUOUS = next(sample for sample in SAMPLES if "ambiguous" in sample.name)


def test_a_date_that_can_be_read_both_ways_is_asked_about() -> None:
    asked: list[Any] = []

    def ask(name: str, question: str, choices: Any) -> str:
        asked.append((name, list(choices)))
        return "dmy"

    loading = settle(AMBIGUOUS, named("activecampaign_contacts"), {}, ask)

    assert asked == [("date_order", ["dmy", "mdy"])]
    parameters = loading.document.blueprint.flow.nodes[0].parameters
    assert parameters["date_order"] == "dmy"


def test_a_date_that_can_be_read_both_ways_is_refused_where_nobody_is_there() -> None:
    recipe = named("activecampaign_contacts")

    with pytest.raises(
        UsageError, match=r"05/02/2026.*--set date_order=dmy or --set date_order=mdy"
    ):
        settle(AMBIGUOUS, recipe, {}, None)
    assert settle(AMBIGUOUS, recipe, {"date_order": "mdy"}, None).inputs == {}


def test_an_answer_that_is_none_is_refused() -> None:
    sample = next(each for each in SAMPLES if each.name == "clickfunnels_orders.json")

    with pytest.raises(UsageError, match="unknown answer 'payed'; did you mean 'paid'"):
        settle(sample, named("clickfunnels_orders"), {"pending": "payed"}, None)
    with pytest.raises(UsageError, match="unknown option 'pend'; did you mean 'pending'"):
        settle(sample, named("clickfunnels_orders"), {"pend": "paid"}, None)
    with pytest.raises(UsageError, match=r"still pending.*--set pending=paid or"):
        settle(sample, named("clickfunnels_orders"), {}, None)


def test_two_levels_of_one_report_are_not_loaded_together(tmp_path: Path) -> None:
    body = '{"data": [{"%s": "1", "spend": "2", "impressions": "3", "date_start": "2026-02-01",'
    body += ' "date_stop": "2026-02-01"}]}'
    files = []
    for level in ("ad_id", "campaign_id"):
        path = tmp_path / f"{level}.json"
        path.write_text(body % level)
        files.append((path, named("meta_ads_insights")))

    hold_to_one_level(files[:1])
    with pytest.raises(UsageError, match=r"is by ad_id and .* is by campaign_id"):
        hold_to_one_level(files)


def test_an_undecided_file_says_what_to_say() -> None:
    error = UndecidedError("both ways", "decimal", "Which?", {".": "1.5", ",": "1,5"})

    assert str(error) == "both ways; say decimal: '.' or decimal: ','"


def test_the_page_about_recipes_is_what_they_say() -> None:
    page = Path(__file__).parents[2] / "docs/recipes.md"

    assert page.read_text(encoding="utf-8") == reference_page(), (
        "write it anew: python -m segconnect.recipes.reference docs/recipes.md"
    )


def test_a_recipe_that_is_wrong_is_told(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: X\nrecipe: {tool: X, kind: shop}\nflow: []\n")

    with pytest.raises(ScenarioError, match=r"wrong.yaml: recipe: export: .*; kind: .*; columns: "):
        read(path)
