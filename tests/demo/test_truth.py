"""What the account must hold after the example exports, held against a reading of the files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from segconnect.demo.exports import EXPORTS
from segconnect.demo.shop import AS_OF, SEED, Subscription, World, build_world
from segconnect.demo.stock import Plan
from segconnect.demo.truth import Earned, Refusal, Truth, is_active, monthly, tell_truth

SEEDS = [SEED, 1, 2, 3]


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed{seed}")
def any_world(request: pytest.FixtureRequest) -> World:
    return build_world(request.param)


def test_the_truth_of_the_committed_exports() -> None:
    assert tell_truth(build_world()) == Truth(
        as_of=datetime(2026, 10, 1, tzinfo=UTC),
        contacts=300,
        inactive_contacts=12,
        tags=8,
        orders=394,
        voided_orders=17,
        revenue=24_065_56,
        collected=22_257_19,
        refunded_orders=19,
        refunds=910_06,
        subscriptions=59,
        active_subscriptions=43,
        mrr=1_654_92,
        ads=12,
        ad_days=348,
        ad_spend=4_194_64,
        clicks=5_373,
        impressions=408_149,
        revenue_by_utm_source={
            "(none)": 8_585_77,
            "google": 6_281_71,
            "facebook": 4_163_39,
            "newsletter": 2_812_62,
            "podcast": 1_311_31,
            "instagram": 910_76,
        },
        ads_by_campaign={
            "Fall Blends – Purchase": {"spend": 1_225_68, "orders": 21, "revenue": 1_021_24},
            "Gifts, early birds": {"spend": 413_83, "orders": 4, "revenue": 156_55},
            "Come back": {"spend": 58_25, "orders": 4, "revenue": 192_98},
            "Brand - Search": {"spend": 244_41, "orders": 15, "revenue": 1_015_28},
            "Tea & Teaware": {"spend": 1_978_52, "orders": 12, "revenue": 583_19},
            "Gifts": {"spend": 273_95, "orders": 5, "revenue": 464_36},
            "(none)": {"spend": 0, "orders": 18, "revenue": 848_50},
        },
        refused=(
            Refusal("shopify_orders.csv", 44, "#1399", "missing_email"),
            Refusal("shopify_orders.csv", 139, "#1346", "missing_email"),
            Refusal("shopify_orders.csv", 258, "#1286", "missing_email"),
            Refusal("shopify_orders.csv", 271, "#1278", "missing_email"),
            Refusal("shopify_orders.csv", 286, "#1271", "missing_email"),
            Refusal("shopify_orders.csv", 422, "#1203", "missing_email"),
            Refusal("shopify_orders.csv", 595, "#1111", "missing_email"),
            Refusal("shopify_orders.csv", 681, "#1070", "missing_email"),
            Refusal("shopify_orders.csv", 806, "#1001", "unreadable_amount"),
            Refusal("brevo_contacts.csv", 43, "marlene.voss.example.com", "invalid_email"),
            Refusal("stripe_subscriptions.json", 56, "sub_1BM022M1tea", "missing_email"),
        ),
    )


def test_the_readme_of_the_examples_tells_the_truth() -> None:
    readme = (Path(__file__).parents[2] / "examples" / "README.md").read_text(encoding="utf-8")
    truth = tell_truth(build_world())

    assert (
        f"{truth.contacts} contacts, {truth.orders} orders worth ${truth.revenue / 100:,.2f}, "
        f"{truth.active_subscriptions} active subscriptions worth ${truth.mrr / 100:,.2f} in 30 "
        f"days, and ${truth.ad_spend / 100:,.2f} spent on ads"
    ) in " ".join(readme.split())


def test_the_truth_adds_up(any_world: World) -> None:
    truth = tell_truth(any_world)

    assert sum(truth.revenue_by_utm_source.values()) == truth.revenue
    assert truth.refunds < truth.collected < truth.revenue
    assert truth.contacts == 300
    assert truth.subscriptions == 59
    assert truth.orders + truth.voided_orders + 9 == 420
    assert Counter((it.file, it.why) for it in truth.refused) == {
        ("shopify_orders.csv", "missing_email"): 8,
        ("shopify_orders.csv", "unreadable_amount"): 1,
        ("brevo_contacts.csv", "invalid_email"): 1,
        ("stripe_subscriptions.json", "missing_email"): 1,
    }


def test_reading_the_files_gives_the_truth_reckoned_from_the_world(any_world: World) -> None:
    truth = tell_truth(any_world)
    sources, people, inactive, tags = read_contacts(any_world)
    orders, voided, refused_orders = read_orders(any_world)
    subscriptions, mrr, active = read_subscriptions(any_world)
    by_source: Counter[str] = Counter()
    for order in orders:
        by_source[sources.get(order["Email"].lower()) or "(none)"] += cents(order["Total"])
    refunded = [order for order in orders if order["Financial Status"] == "refunded"]
    ads = read_ads(any_world)

    assert truth == Truth(
        as_of=AS_OF,
        contacts=len(people),
        inactive_contacts=len(inactive),
        tags=len(tags),
        orders=len(orders),
        voided_orders=voided,
        revenue=by_source.total(),
        collected=sum(map(came_in, orders)),
        refunded_orders=len(refunded),
        refunds=sum(cents(order["Refunded Amount"]) for order in refunded),
        subscriptions=subscriptions,
        active_subscriptions=active,
        mrr=mrr,
        ads=len({ad for ad, _ in ads}),
        ad_days=len(ads),
        ad_spend=sum(figures[0] for figures in ads.values()),
        impressions=sum(figures[1] for figures in ads.values()),
        clicks=sum(figures[2] for figures in ads.values()),
        revenue_by_utm_source=dict(by_source),
        ads_by_campaign=read_earned(any_world, orders),
        refused=(*refused_orders, *refused_people(any_world), *refused_items(any_world)),
    )


DAY = timedelta(days=1)
MONTHLY = Plan("prod_1", "price_1", "Club", 1900, "month", 1, 1)
SIMPLE = Subscription(
    id="sub_1",
    customer_id="cus_1",
    email="joey@example.com",
    name="Joey",
    plan=MONTHLY,
    quantity=1,
    status="active",
    started=AS_OF - 40 * DAY,
    period_start=AS_OF - 10 * DAY,
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"started": AS_OF}, True),
        ({"started": AS_OF + DAY}, False),
        ({"trial_end": AS_OF}, True),
        ({"trial_end": AS_OF + DAY}, False),
        ({"ended_at": AS_OF}, False),
        ({"ended_at": AS_OF + DAY}, True),
        ({"canceled_at": AS_OF - DAY, "cancel_at": AS_OF + DAY}, True),
        ({"canceled_at": AS_OF - DAY, "cancel_at": AS_OF}, False),
        ({"status": "past_due"}, True),
    ],
    ids=str,
)
def test_a_subscription_is_active_between_its_trial_and_its_end(
    change: dict[str, Any], expected: bool
) -> None:
    assert is_active(Subscription(**{**vars(SIMPLE), **change}), AS_OF) is expected


@pytest.mark.parametrize(
    ("amount", "interval", "count", "quantity", "expected"),
    [
        (1900, "month", 1, 1, Fraction(1900)),
        (1900, "month", 1, 2, Fraction(3800)),
        (5400, "month", 3, 1, Fraction(1800)),
        (700, "week", 1, 1, Fraction(3000)),
        (1400, "week", 2, 1, Fraction(3000)),
        (12_000, "year", 1, 1, Fraction(72_000, 73)),
        (100, "day", 1, 1, Fraction(3000)),
    ],
)
def test_recurring_revenue_is_the_price_of_30_days(
    amount: int, interval: str, count: int, quantity: int, expected: Fraction
) -> None:
    plan = Plan("prod_1", "price_1", "Club", amount, interval, count, 1)
    subscription = Subscription(**{**vars(SIMPLE), "plan": plan, "quantity": quantity})

    assert monthly(subscription) == expected


def test_recurring_revenue_is_rounded_half_up_once() -> None:
    half = Plan("prod_1", "price_1", "Club", 7, "week", 2, 1)  # 30 * 7 / 14 = 15 cents
    odd = Plan("prod_1", "price_1", "Club", 1, "month", 4, 1)  # 0.25 cents
    subscriptions = tuple(
        Subscription(**{**vars(SIMPLE), "plan": plan}) for plan in (half, odd, odd)
    )
    small = World((), (), (), subscriptions, (), (), ())

    assert tell_truth(small).mrr == 16


# A reading of the files that shares nothing with what wrote them


def table(text: str, delimiter: str = ",") -> list[tuple[int, list[str]]]:
    """The rows, each with the line of the text that it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, line = [], 1
    for row in reader:
        rows.append((line, row))
        line = reader.line_num + 1
    return rows


def records(text: str, delimiter: str = ",", skip: int = 0) -> Iterator[dict[str, str]]:
    (_, header), *rows = table(text, delimiter)[skip:]
    for line, row in rows:
        yield {**dict(zip(header, row, strict=True)), "line": str(line)}


def cents(text: str) -> int:
    amount = Decimal(text.replace("$", "").replace(",", "") or 0) * 100
    assert amount == int(amount)
    return int(amount)


def came_in(order: dict[str, str]) -> int:
    status, total = order["Financial Status"], cents(order["Total"])
    returned = cents(order["Refunded Amount"]) if status == "partially_refunded" else 0
    return 0 if status == "pending" else total - returned


def read_contacts(world: World) -> tuple[dict[str, str], set[str], set[str], set[str]]:
    text = EXPORTS["mailchimp_contacts.csv"](world).decode("utf-8-sig")
    first = list(records(text))
    second = [
        row
        for row in records(EXPORTS["brevo_contacts.csv"](world).decode("cp1252"), delimiter=";")
        if "@" in row["EMAIL"]
    ]
    inactive = {row["EMAIL"].lower() for row in second if row["EMAIL_BLACKLISTED"] == "Yes"}
    tags = {tag for row in first for tag in re.findall(r'"([^"]+)"', row["TAGS"])}
    sources = {row["Email Address"].lower(): row["UTM_SOURCE"] for row in first}
    return sources, {*sources, *(row["EMAIL"].lower() for row in second)}, inactive, tags


def read_orders(world: World) -> tuple[list[dict[str, str]], int, list[Refusal]]:
    kept, voided, refused = [], 0, []
    for row in records(EXPORTS["shopify_orders.csv"](world).decode()):
        why = "missing_email" if not row["Email"] else ""
        why = why or ("unreadable_amount" if row["Total"] == "n/a" else "")
        if not row["Financial Status"]:
            continue
        if row["Financial Status"] == "voided":
            voided += 1
        elif why:
            refused.append(Refusal("shopify_orders.csv", int(row["line"]), row["Name"], why))
        else:
            kept.append(row)
    return kept, voided, refused


def read_subscriptions(world: World) -> tuple[int, int, int]:
    """How many there are, the cents of 30 days, and how many are active."""
    days = {"week": 7, "month": 30, "year": 365}
    known, total, active = 0, Fraction(0), 0
    for it in json.loads(EXPORTS["stripe_subscriptions.json"](world))["data"]:
        if it["customer"]["email"] is None:
            continue
        known += 1
        if it["status"] in ("active", "past_due"):
            (item,) = it["items"]["data"]
            recurring = item["price"]["recurring"]
            active += 1
            total += Fraction(
                30 * item["quantity"] * item["price"]["unit_amount"],
                recurring["interval_count"] * days[recurring["interval"]],
            )
    return known, int(total + Fraction(1, 2)), active


def read_ads(world: World) -> dict[tuple[str, str], list[int]]:
    """Spend, impressions and clicks of each ad on each day."""
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    meta = records(EXPORTS["meta_ads.csv"](world).decode())
    google = records(EXPORTS["google_ads.csv"](world).decode("utf-16"), delimiter="\t", skip=2)
    rows = [(row, ("Amount spent (USD)", "Impressions", "Link clicks")) for row in meta]
    rows += [(row, ("Cost", "Impr.", "Clicks")) for row in google]
    for row, columns in rows:
        if row["Ad ID"].strip(" -"):
            figures = sums[row["Ad ID"], row["Day"]]
            for index, column in enumerate(columns):
                number = (
                    cents(row[column]) if index == 0 else int(row[column].replace(",", "") or 0)
                )
                figures[index] += number
    return sums


def read_earned(world: World, orders: list[dict[str, str]]) -> dict[str, Earned]:
    """What each campaign of the ads' files cost, and had of the orders of September."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    campaigns: dict[str, str] = {}
    meta = records(EXPORTS["meta_ads.csv"](world).decode())
    google = records(EXPORTS["google_ads.csv"](world).decode("utf-16"), delimiter="\t", skip=2)
    rows = [(row, row["Campaign name"], row["Amount spent (USD)"]) for row in meta if row["Ad ID"]]
    rows += [(row, row["Campaign"], row["Cost"]) for row in google if row["Ad ID"] != " --"]
    for row, campaign, spend in rows:
        campaigns |= {row["Ad ID"]: campaign, campaign: campaign}
        found[campaign]["spend"] += cents(spend)
    touches = read_touches(world)
    for order in orders:
        created = datetime.strptime(order["Created at"], "%Y-%m-%d %H:%M:%S %z")
        if created >= datetime(2026, 9, 1, tzinfo=UTC):
            known = touches[order["Email"].lower()]
            names = [name for moment, name in sorted(known) if moment <= created]
            campaign = campaigns.get(names[-1], "(none)") if names else "(none)"
            found[campaign] += Counter(orders=1, revenue=cents(order["Total"]))
    return {
        name: Earned(spend=sums["spend"], orders=sums["orders"], revenue=sums["revenue"])
        for name, sums in found.items()
    }


def read_touches(world: World) -> dict[str, list[tuple[datetime, str]]]:
    """By email, when somebody came from somewhere, and the ad's id or else the campaign."""
    views = [json.loads(line) for line in EXPORTS["page_views.jsonl"](world).splitlines()]
    emails = {view["visitor"]: view["email"].lower() for view in views if "email" in view}
    touches: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for view in views:
        told = dict(parse_qsl(urlsplit(view["url"]).query))
        if view["visitor"] in emails and (told or "referrer" in view):
            name = told.get("ad_id") or told.get("utm_campaign", "")
            touches[emails[view["visitor"]]].append((datetime.fromisoformat(view["at"]), name))
    created = {}
    people = list(records(EXPORTS["mailchimp_contacts.csv"](world).decode("utf-8-sig")))
    for row in people:
        joined = datetime.fromisoformat(row["OPTIN_TIME"] or row["CONFIRM_TIME"])
        created[row["Email Address"].lower()] = joined.replace(tzinfo=UTC)
    for row in records(EXPORTS["brevo_contacts.csv"](world).decode("cp1252"), delimiter=";"):
        added = datetime.strptime(f"{row['ADDED_TIME']} +0000", "%d-%m-%Y %H:%M %z")
        created[row["EMAIL"].lower()] = added
    for row in people:
        email = row["Email Address"].lower()
        seen = [moment for moment, _ in touches[email]]
        if row["UTM_SOURCE"] and not any(
            timedelta(0) <= created[email] - each <= DAY for each in seen
        ):
            touches[email].append((created[email], row["UTM_CAMPAIGN"]))
    return touches


def refused_people(world: World) -> list[Refusal]:
    rows = records(EXPORTS["brevo_contacts.csv"](world).decode("cp1252"), delimiter=";")
    return [
        Refusal("brevo_contacts.csv", int(row["line"]), row["EMAIL"], "invalid_email")
        for row in rows
        if "@" not in row["EMAIL"]
    ]


def refused_items(world: World) -> list[Refusal]:
    lines = EXPORTS["stripe_subscriptions.json"](world).decode().split("\n")
    return [
        Refusal("stripe_subscriptions.json", number, it["id"], "missing_email")
        for number, line in enumerate(lines, start=1)
        if line.startswith('{"id"')
        for it in [json.loads(line.rstrip(","))]
        if it["customer"]["email"] is None
    ]
