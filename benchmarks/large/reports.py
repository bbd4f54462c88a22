"""Every report, and by each model, against the same answer in SQL that is written by hand.

By hand, it is what somebody writes who knows the tables of the replica: one query for the rows of
each report and one for its totals, with only what they need. Answers are checked equal before they
are timed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from benchmarks.large.world import DAYS, NOW, ZONE, World
from segconnect.account.figures.reporting import models_of
from segconnect.account.replica import Facts, Replica
from segconnect.account.replica.crediting import KEPT
from segconnect.account.reports.plan import Plan, Query, Settings, plan
from segconnect.account.reports.run import run
from segconnect.account.store.opening import open_engine

TODAY = datetime.fromtimestamp(NOW, UTC).astimezone(ZoneInfo(ZONE)).date()
RANGES = {"30 days": TODAY - timedelta(29), "two years": TODAY - timedelta(DAYS - 1)}
ROUNDS = 7
CENTS = 2  # by which rows of shares may differ: ours are whole cents that add up


class Report(NamedTuple):
    """A report, and the queries that answer the same by hand."""

    type: str
    metrics: Sequence[str]
    by: str
    model: str
    sql: str  # the group, then the metrics; {days}: between two days
    totals: str  # the metrics


_LINES = """
select p.name, sum(l.line_amount), count(distinct case when l.is_counted then l.pk end),
  count(distinct case when l.is_counted then l.person end)
from sold_lines l left join products p using (integration_pk, product_id)
where l.day {days} group by 1"""
_ADS = """
select d, sum(a), sum(b), sum(c) from (
  select coalesce(g.name, h.name) as d, 0 as a, sum(c.share * c.order_amount) as b, 0 as c
  from credits c
  left join (select ad_id, adcampaign_id from ads) a on a.ad_id = c.ad_id
  left join adcampaigns g on g.adcampaign_id = a.adcampaign_id
  left join adcampaigns h on c.ad_id is null and lower(h.name) = lower(c.utm_campaign)
  where c.model = 'last_touch' and c.order_day {days} group by 1
  union all
  select coalesce(g.name, h.name), sum(c.share), 0, 0
  from lead_credits c
  left join (select ad_id, adcampaign_id from ads) a on a.ad_id = c.ad_id
  left join adcampaigns g on g.adcampaign_id = a.adcampaign_id
  left join adcampaigns h on c.ad_id is null and lower(h.name) = lower(c.utm_campaign)
  where c.model = 'last_touch' and c.lead_day {days} group by 1
  union all
  select g.name, 0, 0, sum(f.spend) from ad_performance f left join ads a using (ad_id)
  left join adcampaigns g on g.adcampaign_id = a.adcampaign_id where f.day {days} group by 1
) x group by d"""
_PLANS = """
  sum(case when s.end_day is null or s.end_day > {last} then 1 else 0 end),
  sum(case when s.end_day {days} then 1 else 0 end) from subscriptions s"""
_JOINED = "select count(*) from leads where day {days}"
_COHORT = (
    f"select ({_JOINED}), count(distinct person), sum(amount) from sold where lead_day {{days}}"
)
_SOLD = "select sum(amount), count(*) from sold where day {days}"

REPORTS = {
    "leads by channel": Report(
        "leads", ("leads", "numOfCustomers", "revenue"), "clicks.channel", "any",
        """
select d, sum(a), sum(b), sum(c) from (
  select channel as d, count(*) as a, 0 as b, 0 as c from lead_credits
  where model = 'any' and first_of_channel and lead_day {days} group by 1
  union all
  select channel, 0, count(distinct person), sum(order_amount) from credits
  where model = 'any' and first_of_channel and lead_day {days} group by 1
) x group by d""", _COHORT,
    ),
    "leads by day": Report(
        "leads", ("leads", "numOfCustomers", "revenue"), "date.day", "any", """
select cast(d as varchar), sum(a), sum(b), sum(c) from (
  select day as d, count(*) as a, 0 as b, 0 as c from leads where day {days} group by 1
  union all
  select lead_day, 0, count(distinct person), sum(amount) from sold where lead_day {days}
  group by 1
) x group by d""", _COHORT,
    ),
    "revenue by channel": Report(
        "revenue", ("revenue", "orders"), "clicks.channel", "linear", """
select channel, sum(share * order_amount), sum(share) from credits
where model = 'linear' and order_day {days} group by 1""", _SOLD,
    ),
    "ads by campaign": Report(
        "ads", ("leads", "revenue", "adSpend"), "ads.campaign", "last_touch", _ADS,
        f"select ({_JOINED}), (select sum(amount) from sold where day {{days}}),"
        " (select sum(spend) from ad_performance where day {days})",
    ),
    "products": Report(
        "products", ("revenue", "orders", "numOfCustomers"), "orders.product", "any", _LINES,
        "select sum(line_amount), count(distinct pk), count(distinct person) from sold_lines"
        " where day {days}",
    ),
    "subscriptions by plan": Report(
        "subscriptions", ("activeSubscriptions", "cancellations"), "subscriptions.plan", "any",
        f"select p.name || ', every ' || s.billing_cycle, {_PLANS}"
        " left join products p using (integration_pk, product_id) where s.day <= {last} group by 1",
        f"select {_PLANS} where s.day <= {{last}}",
    ),
    "orders by status": Report(
        "orders", ("orders", "revenue"), "orders.status", "any", """
select case when is_refunded then 'refunded' when paid >= amount then 'paid'
    when paid > 0 then 'partly paid' else 'unpaid' end, count(*), sum(amount)
from sold where day {days} group by 1""",
        "select count(*), sum(amount) from sold where day {days}",
    ),
    "visits by channel": Report(
        "acquisition", ("visits", "leads"), "clicks.channel", "any", """
select d, sum(a), sum(b) from (
  select channel as d, count(*) as a, 0 as b from touches where day {days} group by 1
  union all
  select channel, 0, count(*) from lead_credits
  where model = 'any' and first_of_channel and lead_day {days} group by 1
) x group by d""", f"select (select count(*) from touches where day {{days}}), ({_JOINED})",
    ),
    "leads by landing page": Report(
        "pages", ("leads",), "clicks.landing_page", "any", """
select d, count(*) from (
  select distinct landing_page as d, person from lead_credits
  where model = 'any' and lead_day {days}
) x group by 1""", _JOINED,
    ),
    "leads by tag": Report(
        "nurture", ("leads",), "contacts.tag", "any", """
select g.name, count(*) from leads l
join (select distinct p.person, t.name from contact_tags h join tags t on t.pk = h.tag_pk
  join people p on p.kind = 'contact' and p.pk = h.contact_pk) g using (person)
where l.day {days} group by 1""", _JOINED,
    ),
}  # fmt: skip
"""By what they are told."""

DASHBOARD = (
    "leads by day", "leads by channel", "revenue by channel", "ads by campaign", "products",
    "subscriptions by plan",
)  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """Seconds that a report takes, of one range."""

    name: str
    range: str
    cold: float  # the first after the copy was opened
    warm: float
    by_hand: float

    @property
    def ratio(self) -> float:
        """Times as long as by hand."""
        return self.warm / self.by_hand


def settings() -> Settings:
    """The account's, as of when its data ends."""
    return Settings(datetime.fromtimestamp(NOW, UTC), ZoneInfo(ZONE), "USD")


def planned(report: Report, first: date) -> Plan:
    """Plans a report from a day until today."""
    options = {"attribution_model": report.model}
    query = Query(
        report.type, [report.by], report.metrics, first.isoformat(), TODAY.isoformat(),
        options=options,
    )  # fmt: skip
    return plan(query, settings())


def by_hand(text: str, first: date) -> str:
    """A query by hand, from a day until today."""
    days = f"between date '{first}' and date '{TODAY}'"
    return text.replace("{days}", days).replace("{last}", f"date '{TODAY}'")


def by_model(model: str) -> Report:
    """Revenue and orders by channel, and by a model."""
    first = " and first_of_channel" if model == "any" else ""
    return Report(
        "revenue", ("revenue", "orders"), "clicks.channel", model,
        "select channel, sum(share * order_amount), sum(share) from credits"
        f" where model = '{model}'{first} and order_day {{days}} group by 1",
        _SOLD,
    )  # fmt: skip


@contextmanager
def replica_of(world: World, directory: Path) -> Iterator[Replica]:
    """Opens the world's replica."""
    engine = open_engine(world.url)
    replica = Replica(engine, directory)
    try:
        yield replica
    finally:
        replica.close()
        engine.dispose()


def answers(world: World, directory: Path, names: Sequence[str] | None = None) -> Iterator[Timed]:
    """Times reports over both ranges: all of them and all models, unless some are named."""
    chosen = {name: REPORTS[name] for name in names or REPORTS}
    if names is None:
        chosen |= {f"revenue by channel, {model}": by_model(model) for model in KEPT}
    for name, report in chosen.items():
        for told, first in RANGES.items():
            yield _timed(world, directory, name, told, first, report)


def _timed(
    world: World, directory: Path, name: str, told: str, first: date, report: Report
) -> Timed:
    asked = planned(report, first)
    models = models_of(asked)
    with replica_of(world, directory) as replica, replica.reading(world.account_pk, models):
        pass  # credits are computed when they are asked for first; that is not the report
    with replica_of(world, directory) as replica:
        cold = ask(replica, world, asked)
        with replica.reading(world.account_pk, models) as facts:
            check(name, facts, report, asked, first)
        warm = median(ask(replica, world, asked) for _ in range(ROUNDS))
        took = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with replica.reading(world.account_pk, models) as facts:
                for text in (report.sql, report.totals):
                    facts.connection.execute(by_hand(text, first)).fetchall()
            took.append(time.perf_counter() - began)
    return Timed(name, told, cold, warm, median(took))


def ask(replica: Replica, world: World, asked: Plan) -> float:
    """Asks a report; answers the seconds that it took."""
    began = time.perf_counter()
    with replica.reading(world.account_pk, models_of(asked)) as facts:
        run(facts, asked)
    return time.perf_counter() - began


def check(name: str, facts: Facts, report: Report, asked: Plan, first: date) -> None:
    """Holds our rows against those by hand."""
    answer = run(facts, replace(asked, limit=None))
    ours = {
        row.cells[0]: [float(answer.value(each, row.sums) or 0) for each in asked.metrics]
        for row in answer.rows
    }
    total = [float(answer.value(each, answer.totals) or 0) for each in asked.metrics]
    rows, (totals,) = (
        facts.connection.execute(by_hand(text, first)).fetchall()
        for text in (report.sql, report.totals)
    )
    for one, other in zip(total, totals, strict=True):
        assert one == float(other or 0), (name, total, totals)
    theirs: Mapping[Any, list[float]] = {
        group: [float(each or 0) for each in figures] for group, *figures in rows
    }
    for group in {*ours, *theirs}:
        nothing = [0.0] * len(asked.metrics)
        for one, other in zip(ours.get(group, nothing), theirs.get(group, nothing), strict=True):
            assert abs(one - other) < CENTS, (name, group, ours.get(group), theirs.get(group))
