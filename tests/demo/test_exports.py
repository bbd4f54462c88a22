"""The example exports: the same bytes every time, and every quirk of the real ones in them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from segconnect.demo.exports import EXPORTS, SHOPIFY_COLUMNS
from segconnect.demo.shop import AS_OF, SEED, World, build_world

COMMITTED = Path(__file__).parents[2] / "examples" / "exports"
SEEDS = [SEED, 1, 2, 3]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world()


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed{seed}")
def any_world(request: pytest.FixtureRequest) -> World:
    return build_world(request.param)


# The committed files


def test_generating_the_exports_again_gives_the_committed_bytes(world: World) -> None:
    assert {name: render(world) for name, render in EXPORTS.items()} == {
        path.name: path.read_bytes() for path in COMMITTED.iterdir() if path.name[0] != "."
    }


def test_the_command_writes_the_same_bytes_in_any_zone_language_and_hash_seed(
    tmp_path: Path,
) -> None:
    elsewhere = {
        **os.environ,
        "TZ": "Asia/Kolkata",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "PYTHONUTF8": "0",
    }
    subprocess.run(
        [sys.executable, "-m", "segconnect.demo", str(tmp_path / "new" / "exports")],
        check=True,
        env=elsewhere,
        capture_output=True,
    )

    assert {path.name: path.read_bytes() for path in (tmp_path / "new" / "exports").iterdir()} == {
        name: (COMMITTED / name).read_bytes() for name in EXPORTS
    }


def test_the_exports_together_stay_under_550_kb() -> None:
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) < 550_000


def test_another_seed_makes_another_shop(world: World) -> None:
    assert build_world(1).orders != world.orders


def test_every_address_and_number_is_one_that_nobody_can_have(any_world: World) -> None:
    texts = [
        shopify_text(any_world),
        EXPORTS["mailchimp_contacts.csv"](any_world).decode("utf-8-sig"),
        EXPORTS["brevo_contacts.csv"](any_world).decode("cp1252"),
        EXPORTS["stripe_subscriptions.json"](any_world).decode(),
        EXPORTS["page_views.jsonl"](any_world).decode(),
    ]
    domains = {domain.lower() for text in texts for domain in re.findall(r"@([\w.-]+)", text)}
    addresses = {ip for text in texts for ip in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text)}
    phones = {phone for text in texts for phone in re.findall(r"\b1?617-?555\S{5}|\+\d+", text)}

    assert domains == {"example.com", "mail.example", "post.example", "studio.example"}
    assert {ip.rpartition(".")[0] for ip in addresses} == {"192.0.2"}
    assert {re.sub(r"\D", "", phone)[-7:-2] for phone in phones} == {"55501"}


def test_nothing_happens_after_the_moment_of_the_export(any_world: World) -> None:
    moments = [
        *(order.created for order in any_world.orders),
        *(person.joined for person in (*any_world.audience, *any_world.letters)),
        *(view.moment for view in any_world.views),
        *(it.started for it in any_world.subscriptions),
        *(it.canceled_at or AS_OF for it in any_world.subscriptions),
        *(it.ended_at or AS_OF for it in any_world.subscriptions),
    ]

    assert max(moments) == AS_OF
    assert {moment.microsecond for moment in moments} == {0}


# The quirks


def shopify_text(world: World) -> str:
    return EXPORTS["shopify_orders.csv"](world).decode()


def records(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def cents(text: str) -> int:
    amount = Decimal(text.replace("$", "").replace(",", "") or 0) * 100
    assert amount == int(amount)
    return int(amount)


def test_shopify_writes_79_columns_and_nothing_before_them(world: World) -> None:
    head, rest = shopify_text(world).split("\n", 1)

    assert head.split(",") == list(SHOPIFY_COLUMNS)
    assert (len(SHOPIFY_COLUMNS), len(set(SHOPIFY_COLUMNS))) == (79, 79)
    assert "\r" not in rest


def test_shopify_orders_have_several_rows_and_totals_on_the_first_only(any_world: World) -> None:
    rows = records(shopify_text(any_world))
    firsts = [row for row in rows if row["Financial Status"]]
    others = [row for row in rows if not row["Financial Status"]]
    names = [row["Name"] for row in rows]

    assert len(firsts) == 420
    assert len(others) > 150
    assert all(row[it] == "" for row in others for it in ("Total", "Id", "Currency", "Taxes"))
    assert {row["Email"] for row in others if row["Name"] == firsts[0]["Name"]} <= {
        firsts[0]["Email"]
    }
    assert names == sorted(names, key=lambda name: int(name[1:]), reverse=True)


def test_shopify_totals_take_in_discount_shipping_and_tax(any_world: World) -> None:
    lines: Counter[str] = Counter()
    odd = 0
    for row in records(shopify_text(any_world)):
        lines[row["Name"]] += int(row["Lineitem quantity"]) * cents(row["Lineitem price"])
    for row in records(shopify_text(any_world)):
        if row["Total"] not in ("", "n/a"):
            parts = (row["Shipping"], row["Taxes"])
            subtotal = lines[row["Name"]] - cents(row["Discount Amount"])
            assert cents(row["Subtotal"]) == subtotal
            assert cents(row["Total"]) == subtotal + sum(map(cents, parts))
            odd += cents(row["Total"]) != lines[row["Name"]]

    assert odd > 400


def test_shopify_orders_are_paid_pending_voided_and_refunded_whole_or_in_part(
    any_world: World,
) -> None:
    firsts = [row for row in records(shopify_text(any_world)) if row["Total"]]
    by_status = defaultdict(list)
    for row in firsts:
        by_status[row["Financial Status"]].append(row)

    assert {status: len(rows) for status, rows in by_status.items()} == {
        "paid": 353,
        "pending": 22,
        "refunded": 19,
        "voided": 17,
        "partially_refunded": 9,
    }
    assert all(row["Refunded Amount"] == row["Total"] for row in by_status["refunded"])
    assert all(
        0 < cents(row["Refunded Amount"]) < cents(row["Total"])
        for row in by_status["partially_refunded"]
    )
    assert all(row["Cancelled at"] for row in by_status["voided"])
    assert not any(row["Paid at"] for row in by_status["pending"])


def test_shopify_ends_with_a_total_as_currency_and_one_that_is_no_number(
    any_world: World,
) -> None:
    firsts = [row for row in records(shopify_text(any_world)) if row["Total"]]

    assert [row["Total"] for row in firsts[-2:]] == ["$1,299.00", "n/a"]
    assert all(re.fullmatch(r"\d+\.\d\d", row["Total"]) for row in firsts[:-2])


def test_shopify_cells_hold_commas_quotes_line_breaks_and_other_scripts(any_world: World) -> None:
    rows = records(shopify_text(any_world))
    names = "".join(row["Lineitem name"] for row in rows)

    assert all(sign in names for sign in (",", '"', "玉露", "“", "\u2010", "\u202f", "&"))
    assert any("\n\n" in row["Notes"] for row in rows)
    assert any(row["Notes"].count("\n") == 1 for row in rows)
    assert any(row["Shipping Zip"].startswith("'0") for row in rows)


def test_shopify_note_attributes_hold_utm_lines_on_some_orders(any_world: World) -> None:
    notes = [row["Note Attributes"] for row in records(shopify_text(any_world))]
    told = [note for note in notes if note]

    assert 20 < len(told) < 100
    assert {line.partition(": ")[0] for note in told for line in note.split("\n")} == {
        "UTM source",
        "UTM medium",
        "UTM campaign",
    }


def test_shopify_times_have_two_offsets_and_some_lie_on_another_utc_day(any_world: World) -> None:
    times = [row["Created at"] for row in records(shopify_text(any_world))]
    moments = [datetime.strptime(time, "%Y-%m-%d %H:%M:%S %z") for time in times]

    assert {time[-6:] for time in times} == {" -0500", " -0400"}
    assert sum(moment.date() != moment.astimezone(UTC).date() for moment in moments) > 50


def test_mailchimp_begins_with_a_mark_and_keeps_tags_in_one_cell(any_world: World) -> None:
    data = EXPORTS["mailchimp_contacts.csv"](any_world)
    text = data.decode("utf-8-sig")
    header = text.split("\n")[0].split(",")

    assert data.startswith(b"\xef\xbb\xbfEmail Address,")
    assert ',"""VIP"",""Blog' in text
    assert '""Green, please""' in text
    assert header[4:8] == ["COMPANY", "UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN"]
    assert header[-1] == "TAGS"


def test_mailchimp_times_have_no_zone_and_opting_in_may_be_unknown(any_world: World) -> None:
    rows = records(EXPORTS["mailchimp_contacts.csv"](any_world).decode("utf-8-sig"))
    plain = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

    assert all(plain.fullmatch(row["CONFIRM_TIME"]) for row in rows)
    assert {bool(row["OPTIN_TIME"]) for row in rows} == {True, False}
    assert {bool(row["UTM_SOURCE"]) for row in rows} == {True, False}
    assert any("+tea@" in row["Email Address"] for row in rows)
    assert any("美咲" in row["First Name"] for row in rows)


def test_brevo_is_cp1252_with_semicolons_and_dates_day_first(any_world: World) -> None:
    data = EXPORTS["brevo_contacts.csv"](any_world)
    rows = records(data.decode("cp1252"), delimiter=";")
    days = [int(row["ADDED_TIME"][:2]) for row in rows]

    with pytest.raises(UnicodeDecodeError):
        data.decode()
    assert b"\x92" in data  # the curly apostrophe, which latin-1 does not have
    assert data.count(b"\r\n") == data.count(b"\n") == len(rows) + 1
    assert all(re.fullmatch(r"\d\d-\d\d-\d{4} \d\d:\d\d", row["ADDED_TIME"]) for row in rows)
    assert min(days) <= 12 < max(days)  # month first would be wrong for some, impossible for others
    assert {row["EMAIL_BLACKLISTED"] for row in rows} == {"Yes", "No"}


def test_brevo_shares_people_with_mailchimp_in_other_spellings(any_world: World) -> None:
    first = {person.email for person in any_world.audience}
    second = {person.email for person in any_world.letters}
    lowered = {email.lower() for email in second}

    assert len(first & lowered) == 16
    assert len(first & second) == 6
    assert [email for email in second if "@" not in email] == ["marlene.voss.example.com"]


def test_stripe_lists_unix_times_expanded_customers_and_every_kind_of_plan(
    any_world: World,
) -> None:
    listed = json.loads(EXPORTS["stripe_subscriptions.json"](any_world))
    items = [it["items"]["data"][0] for it in listed["data"]]
    plans = {tuple(item["price"]["recurring"].values()) for item in items}

    assert (listed["object"], listed["has_more"], len(listed["data"])) == ("list", False, 60)
    assert plans == {("month", 1), ("month", 3), ("year", 1), ("week", 1), ("week", 2)}
    assert Counter(it["status"] for it in listed["data"]) == {
        "active": 41,
        "canceled": 11,
        "trialing": 5,
        "past_due": 3,
    }
    assert all(isinstance(it["start_date"], int) for it in listed["data"])
    assert all(
        it["start_date"] <= it["items"]["data"][0]["current_period_start"] for it in listed["data"]
    )
    assert [it["customer"]["email"] for it in listed["data"]].count(None) == 1
    assert max(item["quantity"] for item in items) > 1


def test_stripe_says_canceled_at_of_two_that_only_end_later(any_world: World) -> None:
    listed = json.loads(EXPORTS["stripe_subscriptions.json"](any_world))["data"]
    leaving = [it for it in listed if it["canceled_at"] and it["status"] == "active"]

    assert len(leaving) == 2
    assert all(it["ended_at"] is None for it in leaving)
    assert all(it["cancel_at"] > AS_OF.timestamp() > it["canceled_at"] for it in leaving)


def test_meta_has_a_row_of_sums_long_ids_and_days_in_two_rows(any_world: World) -> None:
    total, *rows = records(EXPORTS["meta_ads.csv"](any_world).decode())
    ids = [row[it] for row in rows for it in ("Ad ID", "Ad set ID", "Campaign ID")]
    days = Counter((row["Ad ID"], row["Day"]) for row in rows)

    assert (total["Day"], total["Ad ID"], total["Ad name"]) == ("", "", "")
    assert cents(total["Amount spent (USD)"]) == sum(
        cents(row["Amount spent (USD)"]) for row in rows
    )
    assert all(len(it) == 18 and int(float(it)) != int(it) for it in ids)
    assert Counter(days.values()) == {1: 148, 2: 20}
    assert any(row["Link clicks"] == "" for row in rows)
    assert {(row["Reporting starts"], row["Reporting ends"]) for row in rows} == {
        ("2026-09-01", "2026-09-30")
    }


def test_google_is_utf16_with_tabs_lines_before_the_header_and_sums_after(
    any_world: World,
) -> None:
    data = EXPORTS["google_ads.csv"](any_world)
    text = data.decode("utf-16")
    rows = records(text.split("\n", 2)[2], delimiter="\t")

    assert data.startswith(b"\xff\xfeA\x00d\x00")
    assert text.split("\n")[:2] == ["Ad report", "September 1, 2026 - September 30, 2026"]
    assert [row["Day"] for row in rows[-3:]] == ["Total: Ads", "Total: Search", "Total: Account"]
    assert [len(rows), len({row["Ad ID"] for row in rows[:-3]})] == [183, 6]
    assert {row["Cost"] for row in rows[-3:]} == {
        f"{Decimal(sum(cents(row['Cost']) for row in rows[:-3])) / 100:,.2f}"
    }
    assert "1,020.50" in {row["Cost"] for row in rows}
    assert " --" in {row["Avg. CPC"] for row in rows[:-3]}


def test_views_carry_the_ids_of_ads_or_the_name_of_a_campaign_whose_links_are_older(
    any_world: World,
) -> None:
    views = [json.loads(line) for line in EXPORTS["page_views.jsonl"](any_world).splitlines()]
    told = [dict(parse_qsl(urlsplit(view["url"]).query)) for view in views]
    ids = {each["ad_id"] for each in told if "ad_id" in each}
    days = (*any_world.meta, *any_world.google)
    by_name = {it.ad.id for it in days if it.ad.campaign == "Brand - Search"}

    assert ids == {it.ad.id for it in days} - by_name
    assert any(each.get("utm_campaign") == "Brand - Search" for each in told)
    assert not any("ad_id" in each for each in told if each.get("utm_campaign") == "Brand - Search")
    assert [view["at"] for view in views] == sorted(view["at"] for view in views)
    assert views[0]["at"] >= "2026-09-01"


def test_a_visitor_is_known_from_the_page_that_thanks_for_an_order(any_world: World) -> None:
    views = [json.loads(line) for line in EXPORTS["page_views.jsonl"](any_world).splitlines()]

    assert {"email" in view for view in views if "/thank-you" in view["url"]} == {True}
    assert {"email" in view for view in views if "/thank-you" not in view["url"]} == {False}
