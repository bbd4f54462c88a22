"""`segconnect report`: what an account holds, in figures, on the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from segconnect.account.owner.access import account_pk as pk_of
from segconnect.account.owner.access import create_account, create_integration
from segconnect.account.store.opening import open_engine, open_writer
from segconnect.account.writing.committer import apply
from segconnect.account.writing.work import Operation
from segconnect.wire.endpoints import ENDPOINTS

MARCH = ("--start", "2026-03-01", "--end", "2026-03-31")


@pytest.fixture
def shop(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """A data directory with an account: two leads of March, who came by an ad and an email."""
    path = tmp_path / "segconnect.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    url = f"sqlite:///{path}"
    engine = open_engine(url)
    account_id, _ = create_account(engine, "Tea")
    create_integration(engine, account_id, "crm", "CRM")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("POST ad/performance", {"ad": {"id": "a1", "name": "Cup"}, "spend": 1000, "clicks": 10,
                                 "adcampaign": {"id": "c1", "name": "Spring"},
                                 "date": "2026-03-01"}),
        ("POST contact", {"contact_id": 1, "email": "ann@bloggs.com", "utm_medium": "cpc",
                          "utm_campaign": "Spring", "date_created": "2026-03-02"}),
        ("POST contact", {"contact_id": 2, "email": "=bob@bloggs.com", "utm_medium": "email",
                          "date_created": "2026-03-03"}),
    ]  # fmt: skip
    for number, (day, cents) in enumerate((("02-10", 500), ("03-10", 3000), ("03-11", 45)), 1):
        calls.append((
            "POST invoice",
            {"id": f"o{number}", "contact_id": 1 + (number == 3), "amount": cents, "paid": cents,
             "date_created": f"2026-{day}", "items": [{"name": "Tea", "amount": cents}]},
        ))  # fmt: skip
    pk = pk_of(engine, account_id)
    store = open_writer(url)
    operations = []
    for endpoint, body in calls:
        shape = ENDPOINTS[endpoint].shape
        assert shape is not None
        operations.append(Operation(endpoint, pk, 1, shape.read_object(body).given()))
    replies = apply(store, operations)
    assert {status for status, _ in replies} == {200}, replies
    store.close()
    engine.dispose()
    return tmp_path


@pytest.fixture
def report(segconnect: Any, shop: Path) -> Any:
    """Runs `segconnect report` on the shop."""
    return lambda *arguments: segconnect("report", *arguments, "--data", shop)


def test_the_ads_report_shows_what_each_campaign_cost_and_brought(report: Any) -> None:
    ran = report("ads", *MARCH, "--by", "campaign", "--model", "linear")

    lines = ran.out.splitlines()
    assert lines[0].split("  ")[0] == "Ad Campaign"
    assert ["Spring", "1", "1", "30.00", "10.00", "10.00", "3.00x"] in map(str.split, lines)
    assert ["Total", "2", "2", "30.45", "10.00", "5.00", "3.04x"] in map(str.split, lines)
    assert "Ads, 2026-03-01 to 2026-03-31" in lines
    assert (ran.code, ran.err) == (0, "")


def test_revenue_is_shared_out_by_what_channels_are_missed_for(report: Any) -> None:
    asked = ("revenue", *MARCH, "--by", "channel", "--metric", "revenue")

    told = report(*asked, "--model", "markov:2@30", "--json").json

    assert sorted(told["rows"]) == [["email", 0.45], ["paid", 30]]
    assert (told["totals"], told["attribution_model"]) == ([30.45], "markov:2@30")
    refused = report("revenue", *MARCH, "--by", "product", "--model", "markov")
    assert refused.code != 0
    assert "it tells nothing by orders.product" in refused.err


def test_a_comparison_shows_by_how_much_each_figure_changed(report: Any) -> None:
    ran = report("revenue", *MARCH, "--metric", "revenue", "--by", "product", "--compare",
                 "previous")  # fmt: skip

    assert ["Tea", "30.45", "+509%"] in map(str.split, ran.out.splitlines())
    assert "compared with 2026-02-01 to 2026-02-28" in ran.out


def test_bars_are_as_long_as_their_figures(report: Any) -> None:
    ran = report("revenue", "--start", "2026-02-01", "--end", "2026-03-31", "--metric", "revenue",
                 "--by", "month", "--chart")  # fmt: skip

    lines = [line.split() for line in ran.out.splitlines()]
    assert ["2026-02", "5.00", "█" * 7] in lines
    assert ["2026-03", "30.45", "█" * 40] in lines


def test_json_is_what_the_api_answers(report: Any) -> None:
    told = report("leads", *MARCH, "--by", "channel", "--metric", "leads,revenue", "--json").json

    assert sorted(told["rows"]) == [
        ["(none)", 0, 5],  # Ann bought once before any visit of hers
        ["email", 1, 0.45],
        ["paid", 1, 30],
    ]
    assert told["totals"] == [2, 35.45]


def test_csv_has_a_row_for_each_group_and_no_totals(report: Any) -> None:
    ran = report("revenue", *MARCH, "--metric", "revenue", "--by", "month", "--csv")

    assert list(csv.reader(io.StringIO(ran.out))) == [["month", "revenue"], ["2026-03", "30.45"]]


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "xlsx"])
def test_a_report_is_written_to_a_file_by_its_ending(
    report: Any, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"it's.{ending}"

    report("revenue", *MARCH, "--metric", "revenue", "--by", "month", "--out", out)

    rows: list[Any]
    if ending == "csv":
        rows = list(csv.reader(out.read_text().splitlines()))[1:]
    elif ending == "json":
        rows = json.loads(out.read_text())["rows"]
    elif ending == "parquet":
        rows = duckdb.connect().execute("from read_parquet(?)", [str(out)]).fetchall()
    else:
        sheet = openpyxl.load_workbook(out).active
        rows = list(sheet.values)[1:]
    assert [[month, float(figure)] for month, figure in rows] == [["2026-03", 30.45]]


def test_what_is_behind_a_figure_is_listed_and_adds_up_to_it(report: Any) -> None:
    asked = ("revenue", *MARCH, "--metric", "revenue", "--by", "product", "--behind", "Tea")

    assert sorted(report(*asked, "--json").json, key=lambda each: str(each["of"])) == [
        {"contact": "1", "email": "ann@bloggs.com", "of": "o2", "part": 30},
        {"contact": "2", "email": "=bob@bloggs.com", "of": "o3", "part": 0.45},
    ]
    assert report(*asked).out.splitlines()[-1].split() == ["Total", "30.45"]
    assert "'=bob@bloggs.com" in report(*asked, "--csv").out  # a spreadsheet would run it


@pytest.mark.parametrize(
    ("filter_", "revenue"),
    [("channel=paid", 30), ("channel!=paid", 0.45), ("product~te", 30.45), ("tag=", 30.45),
     ("channel=email", 0.45)],
)  # fmt: skip
def test_filters_are_written_as_on_paper(report: Any, filter_: str, revenue: float) -> None:
    told = report("revenue", *MARCH, "--metric", "revenue", "--by", "month", "--where", filter_,
                  "--json").json  # fmt: skip

    assert told["totals"] == [revenue]


def test_rows_are_filtered_sorted_and_cut(report: Any) -> None:
    asked = ("revenue", *MARCH, "--metric", "revenue", "--by", "channel", "--json")

    assert report(*asked, "--where", "revenue>=1").json["rows"] == [["paid", 30]]
    assert report(*asked, "--sort", "revenue").json["rows"][0] == ["email", 0.45]
    assert report(*asked, "--limit", 1).json["rows_hidden"] == 1


def test_a_funnel_is_asked_for_step_by_step(report: Any) -> None:
    ran = report("funnel", *MARCH, "--step", "lead", "--step", "order=Tea", "--json")

    assert [row[:3] for row in ran.json["rows"]] == [["lead", 2, 100], ["order Tea", 2, 100]]
    assert "Of the First Step" in report("funnel", *MARCH, "--step", "lead").out


def test_paths_are_printed_drawn_and_listed(report: Any) -> None:
    asked = ("paths", *MARCH)

    ran = report(*asked)
    lines = ran.out.splitlines()
    assert ["paid", "1", "1", "30.00", "1.00", "8.00"] in map(str.split, lines)
    assert ["Total", "2", "2", "30.45", "1.00", "8.00"] in map(str.split, lines)
    assert "Visits before orders, model any" in lines
    assert ["paid", "1", "█" * 40] in map(str.split, report(*asked, "--chart").out.splitlines())
    assert report(*asked, "--csv").out.splitlines()[0] == (
        "path,orders,numOfCustomers,revenue,pathVisits,pathDays"
    )
    leads = report(*asked, "--to", "lead", "--repeats", "--json").json
    assert sorted(row[0] for row in leads["rows"]) == ["email", "paid"]
    listed = report(*asked, "--behind", "paid", "--json").json
    assert listed == [{"contact": "1", "email": "ann@bloggs.com", "of": "o2", "part": 1}]


def test_a_journey_is_printed_step_by_step(report: Any) -> None:
    ran = report("journey", "--start", "2026-02-01", "--end", "2026-03-31")

    lines = list(map(str.split, ran.out.splitlines()))
    assert ["Lead", "2", "100.00", "100.00", "0.00", "0.00"] in lines
    assert ["Repeat", "Customer", "1", "50.00", "50.00", "28.00", "28.00"] in lines
    by = report("journey", "--start", "2026-02-01", "--end", "2026-03-31", "--by", "channel",
                "--chart")  # fmt: skip
    assert ["paid", "Lead", "1", "█" * 40] in map(str.split, by.out.splitlines())
    listed = report("journey", "--start", "2026-02-01", "--behind", "repeat", "--json").json
    assert [each["contact"] for each in listed] == ["1"]


def test_models_stand_side_by_side(report: Any) -> None:
    asked = ("comparison", *MARCH, "--metric", "revenue", "--model", "first_touch,markov")

    ran = report(*asked, "--json")
    assert sorted(ran.json["rows"]) == [["email", 0.45, 0.45, 0], ["paid", 30, 30, 0]]
    assert "Revenue, Markov Chain" in report(*asked).out.splitlines()[0]
    bars = list(map(str.split, report(*asked, "--chart").out.splitlines()))
    assert ["paid", "markov", "30.00", "█" * 40] in bars
    refused = report(*asked, "--engine", "spark")
    assert (refused.code, "model markov looks at all journeys together" in refused.err) == (2, True)


def test_of_the_usual_metrics_those_are_told_that_a_dimension_knows(report: Any) -> None:
    told = report("ads", *MARCH, "--by", "product", "--json").json

    assert [field["key"] for field in told["fields"]] == ["product", "numOfCustomers", "revenue"]


def test_a_cohort_table_is_printed(report: Any) -> None:
    assert report("cohort", *MARCH).out.splitlines()[0].split()[:2] == ["Month", "Leads"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ad",), "unknown report type 'ad'; did you mean 'ads'?"),
        (("ads", "--by", "campain"), "unknown dimension 'campain'"),
        (("ads", "--start", "30d ago"), "'30d ago' is not a date"),
        (("ads", "--csv", "--json"), "give one of them"),
        (("ads", "--where", "paid"), "'paid' is no filter"),
        (("ads", "--account", "nobody"), "there is no account 'nobody'"),
        (("ads", "--out", "report.doc"), "ends in .doc; expected .csv"),
        (("funnel",), "a funnel needs an array of steps"),
    ],
)
def test_what_cannot_be_answered_is_told_in_a_line(
    report: Any, arguments: tuple[str, ...], told: str
) -> None:
    ran = report(*arguments)

    assert told in ran.err
    assert ran.code == 2


def test_a_state_that_was_kept_answers_by_its_number(segconnect: Any, shop: Path) -> None:
    told = segconnect("export", "parquet", "--keep", "--json", "--data", shop).json
    asked = ("report", "revenue", *MARCH, "--by", "month", "--data", shop)

    then = segconnect(*asked, "--as-of", told["change"])

    assert (then.code, then.out) == (0, segconnect(*asked).out)
    assert told["is_new_state"]
    refused = segconnect(*asked, "--as-of", "99")
    assert (refused.code, "change 99 of the data is not kept; kept are" in refused.err) == (2, True)
    refused = segconnect(*asked, "--as-of", told["change"], "--save", "x")
    assert (refused.code, "--save is for reports of what the store holds now" in refused.err) == (
        2, True,
    )  # fmt: skip
