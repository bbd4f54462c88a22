"""`segconnect load`: from an export to a real account by the recipe that fits, and the truth of it.

The samples are invented, and small enough to be added up by hand.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
import yaml

from segconnect.account.figures.summary import summarize
from segconnect.account.owner import access
from segconnect.demo.shop import AS_OF as AS_OF_THE_DEMO
from segconnect.demo.shop import build_world
from segconnect.demo.truth import tell_truth
from segconnect.recipes import recipes
from tests.cli.conftest import Commands, Server, Shop

SAMPLES = Path(__file__).parents[1] / "recipes/samples"
AS_OF = 1_775_001_600  # 1 April 2026

ANSWERS = {
    "clickfunnels_orders": "pending=paid",
    "ga4_events": "user_id=email",
    "ga4_events_table": "user_id=contact_id",
}
"""What only a person knows of a sample."""

# read, filtered out, delivered and refused, then what the account holds besides zeros
TRUTH: dict[str, tuple[tuple[int, int, int, int], dict[str, int]]] = {
    "activecampaign_contacts.csv": ((2, 0, 2, 0), {"contacts": 2, "tags": 2}),
    "brevo_contacts.csv": ((2, 0, 2, 0), {"contacts": 2}),
    "clickfunnels_contacts.json": ((1, 0, 1, 0), {"contacts": 1, "tags": 1}),
    "clickfunnels_orders.json": (
        (1, 0, 1, 0),
        {"contacts": 1, "orders": 1, "revenue": 12300, "collected": 12300},
    ),
    "clickfunnels_orders.event.json": (
        (1, 0, 1, 0),
        {"contacts": 1, "orders": 1, "revenue": 12300, "collected": 12300},
    ),
    "convertkit_subscribers.csv": ((2, 0, 2, 0), {"contacts": 2, "tags": 2}),
    # one event of nobody; two of Ann, of which one is a purchase
    "ga4_events.jsonl": (
        (3, 1, 2, 0),
        {"contacts": 1, "orders": 1, "revenue": 2999, "collected": 2999},
    ),
    "ga4_events_table.csv": (
        (3, 1, 2, 0),
        {"contacts": 1, "orders": 1, "revenue": 2999, "collected": 2999},
    ),
    # 12.34 + 1,020.50 + 3.10 and the sums of it left out; two devices of one day are one
    "google_ads.csv": (
        (5, 2, 3, 0),
        {"ads": 2, "ad_spend": 103594, "clicks": 97, "impressions": 11774},
    ),
    "google_ads.utf16.csv": (
        (5, 2, 3, 0),
        {"ads": 2, "ad_spend": 103594, "clicks": 97, "impressions": 11774},
    ),
    "google_ads.german.csv": (
        (3, 1, 2, 0),
        {"ads": 1, "ad_spend": 103284, "clicks": 95, "impressions": 11734},
    ),
    "google_ads.french.csv": (
        (3, 1, 2, 0),
        {"ads": 1, "ad_spend": 103284, "clicks": 95, "impressions": 11734},
    ),
    "google_ads_stats.csv": (
        (2, 0, 2, 0),
        {"ads": 1, "ad_spend": 3800, "clicks": 50, "impressions": 201},
    ),
    "kajabi_members.json": ((1, 0, 1, 0), {"contacts": 1}),
    "kajabi_orders.json": (
        (1, 0, 1, 0),
        {"contacts": 1, "orders": 1, "revenue": 1000, "collected": 1000},
    ),
    "kajabi_purchases.jsonl": (
        (2, 0, 2, 0),
        {"contacts": 2, "orders": 2, "revenue": 3500, "collected": 3500},
    ),
    "klaviyo_profiles.csv": ((1, 0, 1, 0), {"contacts": 1}),
    "klaviyo_profiles.list.csv": ((1, 0, 1, 0), {"contacts": 1}),
    "mailchimp_contacts.csv": ((2, 0, 2, 0), {"contacts": 2, "tags": 2}),
    "mailchimp_members.csv": ((2, 0, 2, 0), {"contacts": 2}),
    "mailchimp_contacts.unsubscribed.csv": ((1, 0, 1, 0), {"contacts": 1}),
    # the total is left out; an ad's two platforms are one day: 30.50 + 0.25 + 1.00
    "meta_ads.csv": (
        (4, 1, 3, 0),
        {"ads": 2, "ad_spend": 3175, "clicks": 31, "impressions": 3010},
    ),
    "meta_ads.german.csv": (
        (3, 1, 2, 0),
        {"ads": 2, "ad_spend": 103284, "clicks": 95, "impressions": 11734},
    ),
    "meta_ads_table.csv": (
        (2, 0, 2, 0),
        {"ads": 2, "ad_spend": 7653 + 5526, "clicks": 20, "impressions": 6808},
    ),
    "meta_ads_insights.json": (
        (2, 0, 2, 0),
        {"ads": 2, "ad_spend": 193500, "clicks": 320, "impressions": 16234},
    ),
    # 13.94 + 20 + 30, of which 5 and 30 went back; the fourth is only queued
    "recharge_charges.csv": (
        (4, 1, 3, 0),
        {
            "orders": 3,
            "revenue": 6394,
            "collected": 5894,
            "refunded_orders": 1,
            "refunds": 3000,
            "waiting_orders": 3,
        },
    ),
    "recharge_customers.csv": ((2, 0, 2, 0), {"contacts": 2}),
    # 30 + 1,299 + 20 dollars and 1,300 yen; the cash order has no e-mail, and one is voided
    "shopify_orders.csv": (
        (6, 1, 4, 1),
        {
            "contacts": 4,
            "orders": 4,
            "revenue": 3000 + 129900 + 2000 + 1300,
            "collected": 3000 + 100000 + 2000,
            "refunded_orders": 1,
            "refunds": 2000,
        },
    ),
    # 50 + 50 + 20 dollars, 1,300 yen, and 1,300 kronur, which Stripe writes with two zeros more
    "stripe_charges.json": (
        (7, 1, 5, 1),
        {
            "contacts": 5,
            "orders": 5,
            "revenue": 5000 + 5000 + 2000 + 1300 + 1300,
            "collected": 5000 + 3500 + 2000 + 1300 + 1300,
            "refunded_orders": 1,
            "refunds": 2000,
        },
    ),
    "stripe_customers.json": ((2, 0, 2, 0), {"contacts": 2}),
    # three seats of 20 a month, and 30 + 2 x 10 a quarter; the third has ended
    "stripe_subscriptions.json": (
        (3, 0, 3, 0),
        {"subscriptions": 3, "active_subscriptions": 2, "mrr": 6000 + 1667},
    ),
    "systeme_io_contacts.csv": ((1, 0, 1, 0), {"contacts": 1, "tags": 2}),
    # 30 and a rebill of 30 that went back, and 49 of which 40 went back; the test order is none
    "thrivecart_events.jsonl": (
        (6, 1, 5, 0),
        {
            "contacts": 2,
            "orders": 3,
            "revenue": 10900,
            "collected": 6900,
            "refunded_orders": 1,
            "refunds": 3000,
        },
    ),
    "thrivecart_events.form": (
        (6, 1, 5, 0),
        {
            "contacts": 2,
            "orders": 3,
            "revenue": 10900,
            "collected": 6900,
            "refunded_orders": 1,
            "refunds": 3000,
        },
    ),
    "woocommerce_customers.json": ((2, 0, 2, 0), {"contacts": 2}),
    # 29.35 + 39 + 20 + 15, of which 19 and 20 went back and the last waits; one was cancelled
    "woocommerce_orders.json": (
        (5, 1, 4, 0),
        {
            "contacts": 4,
            "orders": 4,
            "revenue": 10335,
            "collected": 2935 + 2000 + 2000,
            "refunded_orders": 1,
            "refunds": 2000,
        },
    ),
    "woocommerce_orders.single.json": (
        (1, 0, 1, 0),
        {"contacts": 1, "orders": 1, "revenue": 2935, "collected": 2935},
    ),
}


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def held(server: Server, shop: Shop) -> dict[str, int]:
    """What the account holds, without zeros and without the sources."""
    pk = access.account_pk(server.engine, shop.account_id)
    found = summarize(server.engine, pk, AS_OF)
    return {name: n for name, n in vars(found).items() if n and isinstance(n, int)}


def answers(name: str) -> list[str]:
    """The options that a sample needs."""
    said = ANSWERS.get(name.partition(".")[0])
    return [] if said is None else ["--set", said]


@pytest.mark.parametrize("name", TRUTH)
@pytest.mark.usefixtures("connected")
def test_a_file_is_found_where_its_path_begins_here(name: str, segconnect: Commands) -> None:
    path = Path("exports/march") / name
    path.parent.mkdir(parents=True)
    path.write_bytes((SAMPLES / name).read_bytes())

    ran = segconnect("load", path, "--dry-run", "--yes", "--json", *answers(name))

    (told,) = ran.json
    assert told["read"] == TRUTH[name][0][0], ran.err


def test_a_file_that_fits_no_recipe_is_found_there_too(segconnect: Commands) -> None:
    Path("exports").mkdir()
    Path("exports/ours.csv").write_text("Mail,Amount\nann@example.com,12.50\n")

    ran = segconnect("load", "exports/ours.csv")

    assert "exports/ours.csv: no recipe fits it" in ran.out + ran.err
    assert Path("ours.yaml").exists()


@pytest.mark.parametrize("name", TRUTH)
def test_what_an_account_holds_after_an_export_was_loaded(
    name: str, segconnect: Commands, connected: Shop, server: Server
) -> None:
    (read, filtered, delivered, refused), expected = TRUTH[name]

    ran = segconnect("load", SAMPLES / name, "--yes", "--json", *answers(name))

    assert ran.code == (1 if refused else 0), ran.err
    (told,) = ran.json
    counts = [told[key] for key in ("read", "filtered", "delivered", "refused")]
    assert counts == [read, filtered, delivered, refused], told["reasons"]
    assert held(server, connected) == expected


@pytest.mark.parametrize(
    "name",
    ["mailchimp_contacts.csv", "meta_ads.csv", "shopify_orders.csv", "thrivecart_events.form"],
)
def test_loading_an_export_again_changes_nothing(
    name: str, segconnect: Commands, connected: Shop, server: Server
) -> None:
    for _ in range(2):
        segconnect("load", SAMPLES / name, "--yes", *answers(name))

    assert held(server, connected) == TRUTH[name][1]


def test_every_sample_has_its_truth() -> None:
    others = {"activecampaign_contacts.ambiguous.csv", "recharge_subscriptions.csv"}

    assert {path.name for path in SAMPLES.iterdir()} - others == set(TRUTH)
    assert {name.partition(".")[0] for name in {*TRUTH, *others}} == set(recipes())


def test_several_files_are_loaded_in_their_order(
    segconnect: Commands, connected: Shop, server: Server
) -> None:
    files = [SAMPLES / f"recharge_{name}.csv" for name in ("customers", "subscriptions")]

    ran = segconnect("load", *files, "--yes", "--json")

    assert [(told["recipe"], told["delivered"]) for told in ran.json] == [
        ("recharge_customers", 2),
        ("recharge_subscriptions", 2),
    ]
    # two of 19.95 every 28 days, brought to 30; the other was cancelled
    expected = {"contacts": 2, "subscriptions": 2, "active_subscriptions": 1, "mrr": 4275}
    assert held(server, connected) == expected


def test_the_exports_of_the_demo_come_to_what_is_true_of_its_shop(
    segconnect: Commands, connected: Shop, server: Server
) -> None:
    exports = Path(__file__).parents[2] / "examples/exports"
    paths = exports.glob("[a-z]*")
    files = [path for path in paths if path.stem != "page_views"]  # a scenario loads those
    truth = tell_truth(build_world())

    ran = segconnect("load", *sorted(files), "--yes", "--json")

    pk = access.account_pk(server.engine, connected.account_id)
    found = summarize(server.engine, pk, int(AS_OF_THE_DEMO.timestamp()))
    names = {"orders", "revenue", "collected", "refunds", "refunded_orders", "ads", "ad_spend"}
    names |= {"clicks", "impressions", "subscriptions", "active_subscriptions", "mrr", "tags"}
    assert {name: getattr(found, name) for name in names} == {
        name: getattr(truth, name) for name in names
    }
    assert sum(told["refused"] for told in ran.json) == len(truth.refused)
    assert found.waiting_orders == 0  # buyers are contacts, too


def test_a_sheet_with_real_numbers_and_dates_comes_to_the_same(
    segconnect: Commands, connected: Shop, server: Server, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(("Day", "Campaign", "Campaign ID", "Currency code", "Cost", "Impr.", "Clicks"))
    sheet.append((date(2026, 2, 1), "Roofs", 12345678901, "CAD", 1020.5, 10500, 88))
    sheet.append((date(2026, 2, 2), "Roofs", 12345678901, "CAD", 12.34, 1234, 7))
    book.save(tmp_path / "report.xlsx")

    ran = segconnect("load", "report.xlsx", "--yes")

    assert ran.code == 0, ran.err
    expected = {"ads": 1, "ad_spend": 103284, "clicks": 95, "impressions": 11734}
    assert held(server, connected) == expected


def test_a_load_is_a_run_of_the_journal(segconnect: Commands, connected: Shop) -> None:
    (told,) = segconnect("load", SAMPLES / "brevo_contacts.csv", "--yes", "--json").json

    ran = segconnect("runs", "show", told["run"])
    assert ran.code == 0, ran.err
    assert "Brevo contacts" in ran.out


def test_details_arrive(segconnect: Commands, connected: Shop) -> None:
    for name in ("shopify_orders.csv", "mailchimp_contacts.csv", "brevo_contacts.csv"):
        segconnect("load", SAMPLES / name, "--yes")

    ann = connected.contact("ann@example.com")
    assert (ann["first_name"], ann["last_name"]) == ("Ann", "Lee")  # as Brevo said last
    assert ann["custom_fields"]["Shoe size"] == "41"
    assert sorted(tag["name"] for tag in ann["tags"]) == ["Green, please", "VIP"]
    (order,) = ann["orders"]
    assert order["date_created"].startswith("2026-02-04T02:30:00")  # a day later in UTC
    items = [(item["product_name"], item["amount"]) for item in order["line_items"]]
    assert items == [("Green tea", 20), ('Cup, "blue"', 0)]
    ben = connected.contact(quote("benoît@example.com"))
    assert (ben["last_name"], ben["status"]) == ("Müller", "inactive")
    assert ben["date_created"].startswith("2026-02-05T09:30:00")  # the day is first


# -- what is shown and asked ---------------------------------------------------------------------


def test_the_mapping_and_the_first_requests_are_shown_and_nothing_is_sent_dry(
    segconnect: Commands, connected: Shop, server: Server
) -> None:
    ran = segconnect("load", SAMPLES / "brevo_contacts.csv", "--dry-run")

    assert ran.code == 0
    assert "Brevo contacts" in ran.out
    assert "{{1.FIRSTNAME}}" in ran.out
    assert '"add-update-contact"' in ran.out
    assert '"email": "ann@example.com"' in ran.out
    assert "2 read, 2 delivered" in ran.out
    assert "Nothing was sent" in ran.out
    assert held(server, connected) == {}


@pytest.mark.parametrize(("typed", "contacts"), [("y\n", 2), ("n\n", 0)])
def test_a_person_is_asked_before_anything_is_sent(
    typed: str, contacts: int, segconnect: Commands, connected: Shop, server: Server
) -> None:
    ran = segconnect("load", SAMPLES / "brevo_contacts.csv", stdin=typed, in_terminal=True)

    assert ran.code == 0, ran.err
    assert "Load brevo_contacts.csv?" in ran.out
    assert held(server, connected).get("contacts", 0) == contacts


def test_without_a_person_it_takes_a_yes(
    segconnect: Commands, connected: Shop, server: Server
) -> None:
    ran = segconnect("load", SAMPLES / "brevo_contacts.csv")

    assert (ran.code, "say --yes" in ran.err) == (2, True)
    assert held(server, connected) == {}


def test_ambiguous_dates_are_asked_about(segconnect: Commands, connected: Shop) -> None:
    sample = SAMPLES / "activecampaign_contacts.ambiguous.csv"

    ran = segconnect("load", sample, stdin="day\ndmy\ny\n", in_terminal=True)

    assert ran.code == 0, ran.err
    assert "What comes first in a date?" in ran.err
    assert connected.contact("ann@example.com")["date_created"].startswith("2026-02-05T09:10")


def test_ambiguous_dates_are_refused_where_nobody_answers(
    segconnect: Commands, connected: Shop, server: Server
) -> None:
    sample = SAMPLES / "activecampaign_contacts.ambiguous.csv"

    ran = segconnect("load", sample, "--yes")
    assert (ran.code, "say --set date_order=dmy or --set date_order=mdy" in ran.err) == (2, True)
    assert held(server, connected) == {}

    ran = segconnect(
        "load", sample, "--yes", "--set", "date_order=mdy", "--set", "timezone=Asia/Tokyo"
    )
    assert ran.code == 0, ran.err
    found = connected.contact("ann@example.com")
    assert found["date_created"].startswith("2026-05-02T00:10")


def test_a_file_that_no_recipe_fits_gets_a_proposal_that_does_not_run_by_itself(
    segconnect: Commands, connected: Shop, server: Server, tmp_path: Path
) -> None:
    own = tmp_path / "own shop.csv"
    own.write_text(
        "Order No;Customer_Email;Sum total;Ordered at;Remark\n"
        "7;ann@example.com;1.299,50;13/02/2026;x\n"
    )

    ran = segconnect("load", own, "--yes")
    assert ran.code == 2
    assert "no recipe fits" in ran.out
    proposal = tmp_path / "own shop.yaml"
    assert segconnect("run", proposal).code == 2
    assert held(server, connected) == {}

    written = yaml.safe_load(proposal.read_text())
    assert written["flow"][1]["module"] == "add-update-order"
    mapper = written["flow"][1]["mapper"]
    assert mapper["email"] == "{{1.Customer_Email}}"
    assert mapper["invoice_id"] == "{{1.`Order No`}}"
    assert mapper["amount"] == "{{cents(1.`Sum total`)}}"

    filled = proposal.read_text().replace(
        'paid: "{{fillIn()}}"', 'paid: "{{cents(1.`Sum total`)}}"'
    )
    proposal.write_text(filled.replace("{{fillIn()}}", "thing"))
    assert segconnect("run", proposal, "--connection", "shop").code == 0
    expected = {"orders": 1, "revenue": 129950, "collected": 129950, "waiting_orders": 1}
    assert held(server, connected) == expected

    ran = segconnect("load", own)
    assert (ran.code, "is there already; say --output" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("content", "module"),
    [
        ("Mail,Vorname,Tags\nann@example.com,Ann,a\n", "add-update-contact"),
        ("Datum,Anzeige,Kosten,Klicks\n2026-02-01,A,1.5,3\n", "record-ad-performance"),
        ('{"items": [{"user": {"email": "ann@example.com"}, "total": 5}]}', "add-update-order"),
        ("Sensor,Reading\na,1\n", "add-update-contact"),
    ],
)
def test_a_proposal_is_a_scenario(
    content: str, module: str, segconnect: Commands, tmp_path: Path
) -> None:
    (tmp_path / "file.txt").write_text(content)

    segconnect("load", "file.txt", "--output", "proposed.yaml")

    written = yaml.safe_load((tmp_path / "proposed.yaml").read_text())
    assert written["flow"][1]["module"] == module
    told = segconnect("scenario", "check", "proposed.yaml", "--json").json
    problems = [problem["message"] for problem in told["problems"]]
    assert all("fillIn" in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x01\x00\x02\xff" * 5 + b"abc" * 40, "is neither text nor"),
        (b'{"a": ', "this is not JSON"),
        (b"[]", "neither a table nor a record"),
        (b"", "the file is empty"),
        (b"PK\x03\x04", "is no sheet that can be read"),
    ],
)
def test_a_file_that_holds_nothing_gets_no_proposal(
    content: bytes, why: str, segconnect: Commands, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)

    ran = segconnect("load", "file")

    assert (ran.code, why in ran.err) == (2, True), ran.err
    assert [path.name for path in tmp_path.glob("*.yaml")] == []


# -- connections, recipes ------------------------------------------------------------------------


def test_each_kind_of_file_goes_to_its_own_connection(
    segconnect: Commands, connected: Shop, server: Server
) -> None:
    other = server.shop()
    added = segconnect(
        *("connection", "add", "ads", "--account-id", other.account_id),
        *("--integration-id", other.integration_id, "--base-url", other.base_url),
        "--api-key-stdin",
        stdin=other.api_key + "\n",
    )
    assert added.code == 0, added.err
    files = [SAMPLES / "brevo_contacts.csv", SAMPLES / "meta_ads.csv"]

    ran = segconnect("load", *files, "--yes", "--connection", "shop", "--connection", "ads=ads")

    assert ran.code == 0, ran.err
    assert held(server, connected) == {"contacts": 2}
    assert held(server, other)["ad_spend"] == 3175
    ran = segconnect("load", *files, "--connection", "add=ads")
    assert (ran.code, "KIND=NAME" in ran.err) == (2, True)


def test_recipes_are_listed_and_shown(segconnect: Commands) -> None:
    assert "shopify_orders" in segconnect("recipes").out
    told: list[dict[str, Any]] = segconnect("recipes", "--json").json
    assert [each["name"] for each in told] == list(recipes())
    shown = segconnect("recipes", "shopify_orders").out
    assert yaml.safe_load(shown)["recipe"]["tool"] == "Shopify"
    ran = segconnect("recipes", "shopify")
    assert (ran.code, "did you mean 'shopify_orders'" in ran.err) == (2, True)


def test_a_recipe_that_was_copied_runs_as_any_scenario(
    segconnect: Commands, connected: Shop, server: Server, tmp_path: Path
) -> None:
    text = segconnect("recipes", "ga4_events").out
    mine = tmp_path / "mine.yaml"
    mine.write_text(text.replace("events.jsonl", json.dumps(str(SAMPLES / "ga4_events.jsonl"))))

    ran = segconnect("run", mine, "--connection", "shop", "--input", "user_id=email")

    assert ran.code == 0, ran.err
    assert held(server, connected)["revenue"] == 2999
