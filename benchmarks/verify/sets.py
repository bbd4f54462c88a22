"""The data sets: which files and scenarios load each, and which figures are right."""

from __future__ import annotations

import csv
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb

from benchmarks.verify import plain
from benchmarks.verify.asking import Account, Loaded

SOURCE, FILE, LOOP = "SOURCE.md", "the file", "a plain loop"
CENT = 0.01
EVER = {"start": "1990-01-01", "end": "2030-12-31"}

Figures = tuple[float, ...]


class Check(NamedTuple):
    """Figures that are right, and what the reports say."""

    what: str
    right: Figures
    ours: Figures
    by: str  # who says what is right
    names: str = ""  # of the figures, where there are several
    within: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether both are the same."""
        return len(self.right) == len(self.ours) and all(
            abs(right - ours) <= self.within + 1e-9
            for right, ours in zip(self.right, self.ours, strict=True)
        )


class Load(NamedTuple):
    """A scenario, and the integration that it sends to."""

    scenario: str
    kind: str
    integration: str
    inputs: Mapping[str, str] = {}


Write = Callable[[Path, Path], None]


@dataclass(frozen=True)
class DataSet:
    """A folder of files, how they are loaded, and what is asked afterwards."""

    name: str
    folder: str
    files: Mapping[str, str]  # the file that a scenario reads, and the one of the folder
    loads: Sequence[Load]
    check: Callable[[Account, Path, Sequence[Loaded]], Iterator[Check]]
    written: Mapping[str, Write] = field(default_factory=dict)  # files that have to be made first

    def bring(self, folder: Path, to: Path) -> None:
        """Puts the files where the scenarios look for them."""
        for name, source in self.files.items():
            shutil.copyfile(folder / source, to / name)
        for name, write in self.written.items():
            write(folder, to / name)


# -- CDNOW ---------------------------------------------------------------------------------------


def _write_cdnow(source: str, id_column: int, header_lines: int) -> Write:
    """Makes a CSV of fixed-width text, and numbers the purchases, which have no id."""

    def write(folder: Path, to: Path) -> None:
        lines = (folder / source).read_text("ascii").splitlines()[header_lines:]
        with to.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("purchase", "customer", "date", "dollars"))
            for number, line in enumerate(lines, 1):
                cells = line.split()
                rows.writerow((number, cells[id_column], cells[-3], cells[-1]))

    return write


def _check_cdnow(purchases: int, people: int, *, is_master: bool) -> Callable[..., Iterator[Check]]:
    def check(account: Account, files: Path, _: Sequence[Loaded]) -> Iterator[Check]:
        rows = _rows(files / "cdnow.csv")
        dollars = sum(Decimal(row["dollars"]) for row in rows)
        told = account.report("orders", "orders", "numOfCustomers", "revenue", **EVER).totals
        yield Check("purchases", (purchases,), (told["orders"],), SOURCE)
        yield Check("people", (people,), (told["numOfCustomers"],), SOURCE)
        yield Check("dollars", (float(dollars),), (told["revenue"],), FILE)
        if not is_master:
            return
        by_day = account.report(
            "orders", "orders", "numOfCustomers", by="date.day", start="1996-12-01",
            end="1998-07-31",
        ).rows  # fmt: skip
        days = [int(day.replace("-", "")) for (day,), row in by_day.items() if row["orders"]]
        yield Check("first and last day", (19970101, 19980630), (days[0], days[-1]), SOURCE)
        each_day = sum(row["numOfCustomers"] for row in by_day.values())
        yield Check("more purchases of one day", (2068,), (told["orders"] - each_day,), SOURCE)
        paid_for = account.behind("orders", "revenue", **EVER)
        yield Check("purchases of 0.00", (80,), (told["orders"] - len(paid_for),), SOURCE)

    return check


# -- Online Retail II ----------------------------------------------------------------------------

# Invoices of one minute are entangled in the file, and a scenario joins rows that follow one
# another. Who has no customer is one stand-in for each country.
_RETAIL = """
select "Invoice" as invoice, "StockCode" as product, "Description" as description,
  "Quantity" as quantity, "InvoiceDate" as date, "Price" as price, "Country" as country,
  coalesce(cast(cast("Customer ID" as bigint) as varchar),
    'nobody-' || regexp_replace(lower("Country"), '[^a-z]+', '-', 'g')) as customer
from read_parquet('{source}', file_row_number = true) order by invoice, file_row_number"""
_CUSTOMERS = """
select customer, min(date) as since, arg_max(country, date) as country,
  case when customer like 'nobody%' then 'no' else 'yes' end as is_known
from ({retail}) group by customer order by customer"""


def _write_retail(query: str) -> Write:
    def write(folder: Path, to: Path) -> None:
        retail = _RETAIL.format(source=folder / "online_retail_2009_2010.parquet")
        duckdb.execute(f"copy ({query.format(retail=retail)}) to '{to}' (header)")

    return write


def _check_retail(account: Account, files: Path, _: Sequence[Loaded]) -> Iterator[Check]:
    lines, cents, invoices = 0, 0, set()
    months: Counter[str] = Counter()
    for line in _rows(files / "online_retail.csv"):
        amount = plain.half_away(Decimal(line["price"]) * int(line["quantity"]) * 100)
        lines, cents = lines + 1, cents + amount
        invoices.add(line["invoice"])
        months[line["date"][:7]] += amount
    told = account.report("orders", "orders", "refundedOrders", "lineItems", "revenue", **EVER)
    known = account.report("orders", "lineItems", by="contacts.custom.is_known", **EVER).rows
    countries = account.report("orders", "orders", by="contacts.custom.country", **EVER).rows
    yield Check("invoice lines", (525_461,), (told.totals["lineItems"],), SOURCE)
    yield Check("lines of the file", (525_461,), (lines,), SOURCE)
    yield Check("countries", (40,), (len(countries),), SOURCE)
    yield Check("cancelled invoices", (4_592,), (told.totals["refundedOrders"],), SOURCE)
    yield Check("lines without a customer", (107_927,), (known["no",]["lineItems"],), SOURCE)
    yield Check("invoices", (len(invoices),), (told.totals["orders"],), FILE)
    yield Check("pounds", (cents / 100,), (told.totals["revenue"],), FILE)
    by_month = account.report(
        "revenue", "revenue", by="date.month", start="2009-12-01", end="2010-12-31"
    ).rows
    for (month,), row in by_month.items():
        yield Check(f"pounds in {month}", (months[month[:7]] / 100,), (row["revenue"],), FILE)


# -- ads -----------------------------------------------------------------------------------------

AD_FIGURES = ("adSpend", "adImpressions", "adClicks")


def _check_kag(account: Account, _: Path, __: Sequence[Loaded]) -> Iterator[Check]:
    told = account.report("ads", *AD_FIGURES, **EVER).totals
    ads = account.report("ads", "adClicks", "ad_cpc", by="ads.ad", **EVER).rows
    campaigns = account.report("ads", "adSpend", by="ads.campaign", **EVER).rows
    yield Check("impressions", (213_434_828,), (told["adImpressions"],), SOURCE)
    yield Check("clicks", (38_165,), (told["adClicks"],), SOURCE)
    yield Check("spent", (58_705.23,), (told["adSpend"],), SOURCE)
    yield Check("ads", (1_143,), (len(ads),), SOURCE)
    yield Check("campaigns", (3,), (len(campaigns),), SOURCE)
    without = sum(row["ad_cpc"] is None for row in ads.values())
    yield Check("ads without a click, so without a CPC", (207,), (without,), SOURCE)


class Platform(NamedTuple):
    """How a platform of the MCDM challenge spells its columns."""

    name: str
    scenario: str
    file: str
    ad: str
    impressions: str


MCDM = (
    Platform("Bing", "mcdm_bing", "bing.csv", "ad_id", "imps"),
    Platform("Facebook", "mcdm_facebook", "facebook.csv", "ad_id", "impressions"),
    Platform("TikTok", "mcdm_tiktok", "tiktok.csv", "ad_id", "impressions"),
    Platform("X", "mcdm_twitter", "twitter.csv", "campaign_id", "impressions"),
)


def _check_mcdm(account: Account, files: Path, _: Sequence[Loaded]) -> Iterator[Check]:
    told = account.report("ads", *AD_FIGURES, by="ads.account", **EVER).rows
    dates = sorted(row["date"] for each in MCDM for row in _rows(files / each.file))
    days = account.report(
        "ads", "adSpend", by="ads.account,ads.ad,date.day", start=dates[0], end=dates[-1]
    ).rows
    ad_days = Counter(account_ for account_, *_ in days)
    for each in MCDM:
        rows = _rows(files / each.file)
        right = (
            sum(Decimal(row["spend"]) for row in rows),
            *(sum(int(row[name]) for row in rows) for name in (each.impressions, "clicks")),
        )
        ours = tuple(told[each.name,][name] for name in AD_FIGURES)
        yield Check(each.name, _floats(right), ours, FILE, "spend, impressions, clicks")
        apart = Counter((row[each.ad], row["date"]) for row in rows)
        yield Check(f"{each.name}: days of ads", (len(apart),), (ad_days[each.name],), FILE)
        if each.name == "Facebook":
            more = len(rows) - ad_days[each.name]
            yield Check("Facebook: more rows of an ad's day", (3_112,), (more,), SOURCE)


# -- the dbt playbooks ---------------------------------------------------------------------------

MOVEMENTS = ("newMrr", "expansionMrr", "contractionMrr", "churnedMrr", "reactivatedMrr")


def _check_mrr(account: Account, files: Path, _: Sequence[Loaded]) -> Iterator[Check]:
    right = plain.movements(_rows(files / "subscription_periods.csv"))
    told = account.report(
        "movements", *MOVEMENTS, by="date.month", start=f"{min(right)}-01", end=f"{max(right)}-28"
    ).rows
    for (month,), row in told.items():
        ours = tuple(row[name] for name in MOVEMENTS)
        yield Check(
            month[:7], right.get(month[:7], (0.0,) * 5), ours, LOOP,
            "new, expansion, contraction, churn, reactivation",
        )  # fmt: skip


MODELS = {
    "first": "first_touch@30",
    "last": "last_touch@30",
    "forty-twenty-forty": "position_u@30",
    "linear": "linear@30",
}


def _check_attribution(account: Account, files: Path, _: Sequence[Loaded]) -> Iterator[Check]:
    sessions, conversions = _rows(files / "sessions.csv"), _rows(files / "customer_conversions.csv")
    spent: defaultdict[str, int] = defaultdict(int)
    for paid in _rows(files / "ad_spend.csv"):
        spent[paid["utm_source"]] += int(paid["spend"])
    dates = {"start": "2020-02-01", "end": "2020-02-29"}
    for name, model in MODELS.items():
        right = plain.credits_by_source(sessions, conversions, name)
        told = account.report(
            "revenue", "numOfCustomers", "revenue", by="clicks.utm_source", model=model, **dates
        ).rows
        for source, (points, revenue) in sorted(right.items()):
            row = told.get((source,), {"numOfCustomers": 0, "revenue": 0})
            yield Check(
                f"{name}, {source}", (round(float(points), 4), float(revenue)),
                (row["numOfCustomers"], row["revenue"]), LOOP, "points, revenue", within=CENT,
            )  # fmt: skip
        of_ads = account.report(
            "ads", "adSpend", "adCpa", "adRoas", by="ads.account", model=model, **dates
        ).rows
        for source, spend in sorted(spent.items()):
            points, revenue = right[source]
            cpa, roas = float(spend / points), float(revenue / spend)
            row = of_ads[source,]
            yield Check(
                f"{name}, {source}", (spend, round(cpa, 2), round(roas, 4)),
                (row["adSpend"], round(row["adCpa"], 2), row["adRoas"]), LOOP,
                "spend, CPA, ROAS", within=0.0001,
            )  # fmt: skip


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _floats(figures: Iterable[Decimal | int]) -> Figures:
    return tuple(map(float, figures))


DATA_SETS = (
    DataSet(
        "dbt attribution playbook", "dbt-attribution-playbook",
        {name: name for name in ("sessions.csv", "customer_conversions.csv", "ad_spend.csv")},
        (
            Load("dbt_sessions", "crm", "Sessions"),
            Load("dbt_conversions", "payments", "Conversions"),
            Load("dbt_ad_spend", "ads", "facebook_ads", {"source": "facebook_ads"}),
            Load("dbt_ad_spend", "ads", "adwords", {"source": "adwords"}),
        ),
        _check_attribution,
    ),
    DataSet(
        "dbt MRR playbook", "dbt-mrr-playbook",
        {"subscription_periods.csv": "subscription_periods.csv"},
        (Load("dbt_subscriptions", "payments", "Subscriptions"),),
        _check_mrr,
    ),
    DataSet(
        "KAG Facebook ads", "kag-facebook-ads",
        {"kag.csv": "KAG_conversion_data_with_invented_dates.csv"},
        (Load("kag_ads", "ads", "Facebook"),),
        _check_kag,
    ),
    DataSet(
        "MCDM ads", "mcdm-ads",
        {
            "bing.csv": "src_ads_bing_all_data.csv",
            "facebook.csv": "src_ads_creative_facebook_all_data.csv",
            "tiktok.csv": "src_ads_tiktok_ads_all_data.csv",
            "twitter.csv": "src_promoted_tweets_twitter_all_data.csv",
        },
        tuple(Load(each.scenario, "ads", each.name) for each in MCDM),
        _check_mcdm,
    ),
    DataSet(
        "CDNOW, the sample", "cdnow", {}, (Load("cdnow", "payments", "Shop"),),
        _check_cdnow(6_919, 2_357, is_master=False),
        {"cdnow.csv": _write_cdnow("CDNOW_sample.txt", 1, 0)},
    ),
    DataSet(
        "CDNOW", "cdnow", {}, (Load("cdnow", "payments", "Shop"),),
        _check_cdnow(69_659, 23_570, is_master=True),
        {"cdnow.csv": _write_cdnow("CDNOW_master.txt", 0, 1)},
    ),
    DataSet(
        "Online Retail II", "online-retail-ii-2009-2010", {},
        (
            Load("online_retail_customers", "crm", "Customers"),
            Load("online_retail", "payments", "Shop"),
        ),
        _check_retail,
        {
            "online_retail.csv": _write_retail("{retail}"),
            "online_retail_customers.csv": _write_retail(_CUSTOMERS),
        },
    ),
)  # fmt: skip
"""The small ones first."""
