"""Every report in SQL that is written by hand: rows, and totals, from the tables of the replica.

It is what somebody writes who knows these tables, with only what the answer needs. {days} stands
for being between two days, {last} for the last one, and {as_of} for the seconds at which it is
asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Report(NamedTuple):
    """A report, and the queries that answer the same by hand."""

    type: str
    metrics: Sequence[str]
    by: str  # a dimension; "" for none
    model: str
    sql: str  # the group, then the figures
    totals: str  # the figures, after the groups that they are of
    options: Mapping[str, Any] = {}
    steps: Sequence[Mapping[str, str]] = ()
    groups: int = 1  # columns that tell rows apart
    total_groups: int = 0  # the same, of totals


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
SOLD = "select sum(amount), count(*) from sold where day {days}"

_COLLECTED = """sum(line_amount), sum(line_paid),
  sum(case when is_refunded then line_amount else 0 end),
  sum(case when not is_refunded and paid < amount then line_amount - line_paid else 0 end)
from sold_lines"""
_CHANGED = """
with terms as (
  select p.person, greatest(s.day, s.trial_end_day) as begins,
    least(s.end_day, s.canceled_day) as ends,
    cast(round(cast(s.amount as double) * s.quantity * 30 * 1000000 / (s.frequency
      * case s.billing_cycle when 'year' then 365 when 'month' then 30 when 'week' then 7
        else 1 end)) as bigint) as mrr
  from subscriptions s join people p on p.kind = 'subscription' and p.pk = s.pk
),
changes as (
  select person, day, sum(delta) as delta from (
    select person, begins as day, mrr as delta from terms where ends is null or ends > begins
    union all
    select person, ends, -mrr from terms where ends > begins
  ) x where day <= {last} group by 1, 2
),
running as (
  select day, delta, sum(delta) over so_far as rest, row_number() over so_far = 1 as is_first
  from changes window so_far as (partition by person order by day)
)
"""
_MOVED = """
  sum(case when rest = delta and is_first and rest > 0 then delta else 0 end) / 1e6,
  sum(case when delta > 0 and rest > delta then delta else 0 end) / 1e6,
  sum(case when rest = delta and not is_first and rest > 0 then delta else 0 end) / 1e6,
  sum(case when delta < 0 and rest > 0 then -delta else 0 end) / 1e6,
  sum(case when delta < 0 and rest = 0 then -delta else 0 end) / 1e6
from running where day {days}"""
_WAITED = """count(*), count(b.person), sum(b.amount),
  sum(case when b.first > l.moment then b.first - l.moment else 0 end) / 86400.0 / count(b.person),
  avg({as_of} - l.moment) / 86400
from leads l left join (
  select person, min(moment) as first, sum(amount) as amount from sold where lead_day {days}
  group by 1
) b using (person) where l.day {days}"""
_COHORTS = """
with joined as (
  select date_trunc('month', day) as month, count(*) as leads from leads where day {days} group by 1
),
spent as (
  select date_trunc('month', lead_day) as month,
    greatest(moment - lead_moment, 0) // 2592000 as age, sum(amount) as amount
  from sold where lead_day {days} group by 1, 2
),
ages as (
  select month, leads, unnest(range(0, greatest(({last} - least(last_day(month), {last}) - 1) // 30,
    0))) as age
  from joined
),
brought as (
  select month, age, leads,
    sum(coalesce(amount, 0)) over (partition by month order by age) as amount
  from ages left join spent using (month, age)
)
"""
_STEPS = """
with visit as (
  select person, min(moment) as first from touches where channel = 'paid' and day {days} group by 1
),
joined as (
  select v.person, v.first, l.moment, l.moment - v.first as waited from visit v
  join leads l on l.person = v.person and l.moment between v.first and v.first + 90 * 86400
),
bought as (
  select j.person, min(s.moment) - any_value(j.moment) as waited from joined j
  join sold s on s.person = j.person and s.moment between j.moment and j.first + 90 * 86400
  group by 1
)
"""
_OF_STEP = "count(*), avg(waited) / 86400, median(waited) / 86400 from"
_PAGES = """
with viewed as (
  select p.person, v.date_created as moment, v.day, v.host || v.path as page
  from page_views v join people p on p.kind = 'visitor' and p.pk = v.visitor_pk
  where v.device <> 'bot' and v.day {days}
),
back as (
  select v.page, v.person, v.day, t.number from viewed v
  asof join touches t on t.person = v.person and t.moment <= v.moment
  join leads l on l.person = v.person and t.moment > l.moment
)
"""
_ENGAGED = """count(distinct person), count(distinct (person, number)), count(*),
  count(distinct (person, day)), count(distinct person) filter (number > 1) from back"""
_PATHS = """
with visits as (
  select order_pk, person, order_amount, number, channel, order_moment - touch_moment as before,
    lag(channel) over (partition by order_pk order by number) as earlier
  from credits where model = 'any' and order_day {days}
),
paths as (
  select any_value(person) as person, any_value(order_amount) as amount,
    coalesce(string_agg(channel, chr(31) order by number)
      filter (earlier is distinct from channel), '') as path,
    nullif(count(number), 0) as visits, max(before) as before
  from visits group by order_pk
)
"""
_OF_PATHS = (
    "count(*), count(distinct person), sum(amount) / 100, avg(visits), avg(before) / 86400"
    " from paths"
)
_KNOWN = """
with people as (
  select person, max(visited) as visited, max(joined) as joined, max(bought) as bought,
    max(again) as again
  from (
    select person, day, moment as visited, null as joined, null as bought, null as again
    from touches where number = 1
    union all
    select person, day, null, moment, null, null from leads
    union all
    select person, day, null, null, case when number = 1 then moment end,
      case when number = 2 then moment end from sold where number <= 2
  ) x group by person having min(day) {days}
)
"""


def _step(name: str, before: str, column: str) -> str:
    waited = f"case when {column} >= {before} then {column} - {before}" + (
        f" when {column} < {before} then 0 end"
    )
    return (
        f"select '{name}', count({column}), 100.0 * count({waited}) / nullif(count({before}), 0),"
        f" 100.0 * count({column}) / nullif(count(*), 0), median({waited}) / 86400.0,"
        f" avg({waited}) / 86400 from people"
    )


_COMPARED = ("first_touch", "linear", "position", "last_touch")


def _beside(figure: str) -> list[str]:
    """A figure by each model, and what it is more than by the first one."""
    by_model = [f"sum({figure}) filter (model = '{each}')" for each in _COMPARED]
    return [*by_model, *(f"{each} - {by_model[0]}" for each in by_model[1:])]


_BY_MODEL = f"""
select channel, {", ".join([*_beside("amount"), *_beside("orders")])} from (
  select channel, model, sum(share * order_amount) / 100 as amount, sum(share) as orders
  from credits where model in {_COMPARED} and order_day {{days}} group by 1, 2
) x group by 1"""


def _times(figure: str) -> str:
    return ", ".join([*[figure] * len(_COMPARED), *["0"] * (len(_COMPARED) - 1)])


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
where model = 'linear' and order_day {days} group by 1""", SOLD,
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
    "collections": Report(
        "collections", ("revenue", "collected", "refunds", "outstanding"), "orders.product", "any",
        "select p.name, " + _COLLECTED + " left join products p using (integration_pk, product_id)"
        " where day {days} group by 1", f"select {_COLLECTED} where day {{days}}",
    ),
    "movements by month": Report(
        "movements",
        ("newMrr", "expansionMrr", "reactivatedMrr", "contractionMrr", "churnedMrr"),
        "date.month", "any",
        f"{_CHANGED} select strftime(day, '%Y-%m'), {_MOVED} group by 1",
        f"{_CHANGED} select {_MOVED}",
    ),
    "velocity by month": Report(
        "velocity",
        ("leads", "leadCustomers", "revenue", "daysUntilPurchase", "customerAge"), "date.month",
        "any", f"select strftime(l.day, '%Y-%m'), {_WAITED} group by 1", f"select {_WAITED}",
    ),
    "cohorts by month": Report(
        "cohort", (), "date.month", "any",
        f"{_COHORTS} select strftime(month, '%Y-%m'), age, leads, amount / leads / 100"
        " from brought",
        f"{_COHORTS} select age, sum(amount) / sum(leads) / 100 from brought group by 1",
        groups=2, total_groups=1,
    ),
    "funnel": Report(
        "funnel", (), "", "any",
        f"{_STEPS} select 'visit paid', count(*), 0, 0 from visit"
        f" union all select 'lead', {_OF_STEP} joined union all select 'order', {_OF_STEP} bought",
        "select 0", {"window": 90},
        ({"event": "visit", "channel": "paid"}, {"event": "lead"}, {"event": "order"}),
    ),
    "engagement by page": Report(
        "engagement",
        ("engagedLeads", "leadVisits", "leadPageViews", "activeDays", "returningLeads"),
        "views.page", "any", f"{_PAGES} select page, {_ENGAGED} group by 1",
        f"{_PAGES} select {_ENGAGED}",
    ),
    "paths": Report(
        "paths", (), "clicks.channel", "any",
        f"{_PATHS}, foremost as (select path from paths group by 1 order by count(*) desc, path"
        " limit 20) select case when f.path is null then '(other paths)' when f.path = '' then"
        f" '(no visits)' else replace(f.path, chr(31), ' → ') end, {_OF_PATHS}"
        " left join foremost f using (path) group by 1", f"{_PATHS} select {_OF_PATHS}",
    ),
    "journey": Report(
        "journey", (), "", "any",
        f"{_KNOWN} select 'First Visit', count(visited),"
        " 100.0 * count(visited) / nullif(count(*), 0),"
        " 100.0 * count(visited) / nullif(count(*), 0), 0, 0 from people union all "
        + " union all ".join([
            _step("Lead", "visited", "joined"), _step("Customer", "joined", "bought"),
            _step("Repeat Customer", "bought", "again"),
        ]),
        f"{_KNOWN} select count(*) from people",
    ),
    "comparison by channel": Report(
        "comparison", (), "clicks.channel", "", _BY_MODEL,
        f"select {_times('sum(amount) / 100')}, {_times('count(*)')} from sold where day {{days}}",
    ),
}  # fmt: skip
"""By what they are told."""
