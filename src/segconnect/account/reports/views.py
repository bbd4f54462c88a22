"""The views that reports read, over the tables of the replica: docs/decisions/replica.md.

They are common table expressions in the words that DuckDB, SQLite, PostgreSQL and Spark share, so
that a report is one text everywhere. Each fact has its own grain here, and no view fans out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

from segconnect.account.metrics.subscriptions import MICRO
from segconnect.account.owner.choices import Switches
from segconnect.account.replica.crediting import FIRST
from segconnect.account.reports.crediting import Crediting
from segconnect.account.reports.dates import Period

TOUCHED = (
    "channel", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term",
    "referrer_host", "landing_page", "ad_id", "device", "country_code", "region", "city",
)  # fmt: skip
"""What is known of a touch, in `touches` and in `credits`."""

UNKNOWN_AD = "(unknown ad)"
"""Where a visit carries the id of an ad that is not known: an unmatched click."""

MATCHED, NO_VISITS, NO_AD = "matched", "spend without visits", "visits without an ad"


def day(value: date) -> str:
    """Writes a day in SQL."""
    return f"date '{value.isoformat()}'"


def with_views(body: str, views: Mapping[str, str]) -> str:
    """Puts before a query the views that it reads, and those that they read."""
    needed: set[str] = set()
    texts = [body]
    while texts:
        named = {each for each in _WORD.findall(texts.pop()) if each in views}
        texts += [views[each] for each in named - needed]
        needed |= named
    if not needed:
        return body
    ctes = ",\n".join(f"{name} as {INLINE} ({views[name]})" for name in views if name in needed)
    return f"with {ctes}\n{body}"


INLINE = "not materialized"
"""DuckDB would else make whole tables of views, of which a report reads a few columns. Spark, which
never does, does not know the words: leave them out there."""
_WORD = re.compile(r"\w+")


def views(
    period: Period,
    *,
    today: date,
    as_of: int,
    model: Crediting,
    switches: Switches,
    buyers_where: str,
    buyers_of: str = "sales",
    of_range: bool = False,
    is_by_order: bool = False,
    is_ranked: bool = False,
    is_matched: bool = True,
    has_ads: bool = True,
) -> dict[str, str]:
    """Answers all views by name, each after those that it reads.

    Args:
        period: The range, and its parts if figures are told by time.
        today: The account's day: nothing is known of what comes after it.
        as_of: Seconds UTC: how old leads are is counted up to it.
        model: The attribution model.
        switches: What counts as revenue.
        buyers_where: What orders make a lead a customer: a condition over f.
        buyers_of: The view that the condition is over: sales, or lines.
        of_range: Whether only leads of the range are asked about.
        is_by_order: Whether only orders of the range are asked about.
        is_ranked: Whether it matters which order is the buyer's first.
        is_matched: Whether it matters which ads were visited by, of all visits ever made.
        has_ads: Whether it matters which ad a visit came by.
    """
    days = f"between {day(period.first)} and {day(period.last)}"
    dated = "order" if is_by_order else "lead" if of_range else ""
    leads = f"select person from leads where day {days}" if of_range else "select person from leads"
    shares = {
        "order": "select order_pk as conversion, touch_moment as moment, order_moment as converted,"
        f" {_CREDITED} from credits"
        f" where model = '{model.kept}'{f' and {dated}_day {days}' if dated else ''}",
        "lead": "select person as conversion, touch_moment as moment, lead_moment as converted,"
        f" {_CREDITED} from lead_credits"
        f" where model = '{model.kept}'{f' and lead_day {days}' if of_range else ''}",
    }
    return {
        "calendar": _calendar(period),
        "periods": _periods(period, today),
        "first_contacts": _FIRST_CONTACTS.format(
            some=f"where p.person in ({leads})" if of_range else ""
        ),
        "lead_tags": _TAGS,
        "ranks": _ranks(switches),
        "sales": _sales(switches, is_ranked=is_ranked),
        "lines": _lines(switches, is_ranked=is_ranked),
        "buyers": _buyers(switches, buyers_of, buyers_where, days),
        "lead_facts": _LEAD_FACTS.format(as_of=as_of),
        "ad_tree": _AD_TREE,
        "ad_one": _AD_ONE,
        "ad_named": _AD_NAMED,
        **{f"{each}_shares": text for each, text in shares.items()},
        **{f"{each}_shares_ads": _with_ads(text) for each, text in shares.items()},
        "credited_sales": "select order_pk as pk, order_pk as order_key, person,"
        " person as buyer, order_moment as moment, order_day as day, lead_day, 1 as one,"
        f" order_amount as amount, order_paid as paid, person_orders, {_CREDITED} from credits"
        f" where model = '{model.kept}'",
        "visit_facts": _with_ads(_VISITS) if has_ads else _VISITS,
        "viewed": _VIEWED.format(days=days),
        "view_facts": _with_ads(_VIEWS),
        "base": _BASE,
        "person_facts": _with_ads(_PEOPLE),
        "seen_ads": "select distinct ad_id from touches where ad_id is not null",
        "seen_campaigns": "select distinct lower(utm_campaign) as name from touches"
        " where ad_id is null and utm_campaign is not null",
        "spend_facts": _SPEND if is_matched else _SPEND_ALONE,
        "terms": _TERMS,
        "states": _STATES,
        "mrr_changes": _MRR_CHANGES,
        "mrr_days": "select person, day, sum(delta) as delta from mrr_changes"
        f" where day <= {day(min(period.last, today))} group by person, day",
        "mrr_running": _MRR_RUNNING,
        "movements": _MOVEMENTS,
    }


# -- time ----------------------------------------------------------------------------------------


def _calendar(period: Period) -> str:
    """Each day of the range, and the bucket that it is in."""
    rows = ", ".join(
        f"({day(each)}, '{bucket}')" for bucket, first, last in period.buckets()
        for each in _days(first, last)
    )  # fmt: skip
    return f"select day, bucket from (values {rows}) as c(day, bucket)"


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days) for days in range((last - first).days + 1)]


def _periods(period: Period, today: date) -> str:
    """Each bucket: its first day and the one before, its last that has come, and 30 days before."""
    rows = []
    for bucket, first, last in period.buckets():
        end = max(min(last, today), first - timedelta(1))
        days = (first - timedelta(1), first, end, end - timedelta(30))
        rows.append(f"('{bucket}', {', '.join(map(day, days))})")
    return (
        "select bucket, eve, first, last, before from"
        f" (values {', '.join(rows)}) as c(bucket, eve, first, last, before)"
    )


# -- people and orders ---------------------------------------------------------------------------

_FIRST_CONTACTS = """
select x.person, x.status, x.affiliate_id, x.custom_fields, i.name as integration
from (
  select p.person, c.status, c.affiliate_id, c.custom_fields, c.integration_pk,
    row_number() over (partition by p.person order by c.date_created, c.pk) as n
  from contacts c join people p on p.kind = 'contact' and p.pk = c.pk
  {some}
) x join integrations i on i.pk = x.integration_pk
where x.n = 1"""

_TAGS = """
select distinct p.person, t.name
from contact_tags h join tags t on t.pk = h.tag_pk
join people p on p.kind = 'contact' and p.pk = h.contact_pk"""


def _amount(switches: Switches, amount: str) -> str:
    amount += " - o.tax" if switches.exclude_tax else ""
    return amount + (" - o.shipping" if switches.exclude_shipping else "")


def _counting(switches: Switches) -> str:
    """The condition on orders that count."""
    where = []
    if switches.exclude_failed:
        where.append("not (o.paid = 0 and o.amount > 0)")
    if switches.exclude_refunded:
        where.append("not o.is_refunded")
    return " and ".join(where)


def _ranks(switches: Switches) -> str:
    return (
        "select o.pk, row_number() over (partition by o.person order by o.moment, o.pk) as place"
        f" from sold o where {_counting(switches) or 'true'}"
    )


def _of_orders(switches: Switches, table: str, amount: str, *, is_ranked: bool) -> str:
    """Rows of `sold` or `sold_lines`, and what their order comes to with the switches."""
    place, join = "o.number", ""
    where = _counting(switches)
    if is_ranked and where:
        place, join = "r.place", " join ranks r on r.pk = o.pk"
    total = _amount(switches, "o.amount")
    return f"""select o.*, {amount} as figure, {total} as total, {place} as place,
    not o.is_refunded and o.paid < {total} as is_owing
  from {table} o{join}{f" where {where}" if where else ""}"""


_ORDER = """x.person, x.moment, x.day, x.lead_day, x.integration_pk, 1 as one, x.is_refunded,
  i.name as order_integration,
  case when x.is_refunded then 'refunded' when x.paid >= x.total then 'paid'
    when x.paid > 0 then 'partly paid' else 'unpaid' end as order_status,
  case when x.place = 1 then 'first' else 'repeat' end as order_kind"""


def _sales(switches: Switches, *, is_ranked: bool) -> str:
    amount = _amount(switches, "o.amount")
    return f"""
select x.pk, x.person as buyer, x.figure as amount, x.paid, x.pk as order_key,
  case when x.is_refunded then x.pk end as refunded_key,
  case when x.is_refunded then x.figure else 0 end as refunded,
  case when x.is_owing then x.figure - x.paid else 0 end as outstanding,
  case when x.place = 1 then x.person end as new_buyer, {_ORDER}
from ({_of_orders(switches, "sold", amount, is_ranked=is_ranked)}) x
join integrations i on i.pk = x.integration_pk"""


def _lines(switches: Switches, *, is_ranked: bool) -> str:
    """Lines of orders: what an amount holds beside its items is one of its own.

    No order, refund or buyer is counted by it: they are by the items.
    """
    rest = _amount(switches, "o.line_amount")
    amount = f"case when o.position = 0 then {rest} else o.line_amount end"
    return f"""
select x.pk, x.position, p.name as product, x.figure as amount, x.line_paid as paid,
  case when x.is_counted then x.person end as buyer,
  case when x.is_counted then x.pk end as order_key,
  case when x.is_counted and x.is_refunded then x.pk end as refunded_key,
  case when x.is_counted and x.place = 1 then x.person end as new_buyer,
  case when x.position > 0 then 1 else 0 end as is_item,
  case when x.is_refunded then x.figure else 0 end as refunded,
  case when x.is_owing then x.figure - x.line_paid else 0 end as outstanding, {_ORDER}
from ({_of_orders(switches, "sold_lines", amount, is_ranked=is_ranked)}) x
join integrations i on i.pk = x.integration_pk
left join products p on p.integration_pk = x.integration_pk and p.product_id = x.product_id
where x.position > 0 or x.is_counted or x.figure <> 0 or x.line_paid <> 0"""


def _buyers(switches: Switches, of: str, where: str, days: str) -> str:
    """When leads of the range bought first of what makes them customers."""
    if where == "true" and not _counting(switches):
        return f"select person, moment from sold where number = 1 and lead_day {days}"
    return (
        f"select f.person, min(f.moment) as moment from {of} f"
        f" where {where} and f.lead_day {days} group by f.person"
    )


_LEAD_FACTS = """
select l.person, l.day, 1 as one, case when b.person is null then 0 else 1 end as is_customer,
  case when b.moment > l.moment
    then cast(b.moment - l.moment as double precision) / 86400 else 0 end as days_waited,
  cast({as_of} - l.moment as double precision) / 86400 as age_days
from leads l left join buyers b on b.person = l.person"""

# -- ads, and visits -----------------------------------------------------------------------------

_AD_TREE = """
select a.integration_pk, a.ad_id, a.name as ad_name, s.name as ad_set, c.name as ad_campaign,
  i.name as ad_account
from ads a
join integrations i on i.pk = a.integration_pk
left join adsets s on s.integration_pk = a.integration_pk and s.adset_id = a.adset_id
left join adcampaigns c on c.integration_pk = a.integration_pk
  and c.adcampaign_id = coalesce(a.adcampaign_id, s.adcampaign_id)"""

# A visit names an ad, and not its integration: of two with one id, the first one has it.
_AD_ONE = """
select ad_id, ad_name, ad_set, ad_campaign, ad_account from (
  select ad_tree.*, row_number() over (partition by ad_id order by integration_pk) as n
  from ad_tree
) x where n = 1"""

_AD_NAMED = """
select name, ad_campaign, ad_account from (
  select x.name, x.ad_campaign, i.name as ad_account,
    row_number() over (partition by x.name order by x.integration_pk, x.ad_campaign) as n
  from (
    select lower(name) as name, name as ad_campaign, integration_pk from adcampaigns
    union all
    select lower(adcampaign_id), name, integration_pk from adcampaigns
  ) x join integrations i on i.pk = x.integration_pk
) y where n = 1"""


def _with_ads(touches: str) -> str:
    return f"""
select x.*, coalesce(a.ad_account, n.ad_account,
    case when x.ad_id is not null then '{UNKNOWN_AD}' end) as ad_account,
  coalesce(a.ad_campaign, n.ad_campaign,
    case when x.ad_id is not null and a.ad_id is null then '{UNKNOWN_AD}' end) as ad_campaign,
  coalesce(a.ad_set,
    case when x.ad_id is not null and a.ad_id is null then '{UNKNOWN_AD}' end) as ad_set,
  coalesce(a.ad_name, case when x.ad_id is not null then '{UNKNOWN_AD}' end) as ad_name,
  case when a.ad_id is not null or n.name is not null then '{MATCHED}'
    when x.ad_id is not null then '{NO_AD}' end as ad_match
from ({touches}) x
left join ad_one a on a.ad_id = x.ad_id
left join ad_named n on x.ad_id is null and n.name = lower(x.utm_campaign)"""


_TOUCHED = ", ".join(TOUCHED)
_CREDITED = ", ".join(["number", "share", *TOUCHED, FIRST])
_VISITS = (
    f"select person, number, moment, day, 1 as one, {_TOUCHED},"
    " case when ad_id is null then 0 else 1 end as is_from_ad from touches"
)

# A page view is of the visit that began last before it. A visit brings a lead back if it began
# after the lead was created: what follows an opt-in in the same visit does not.
_VIEWED = """
select p.person, v.visitor_pk, v.date_created as moment, v.hit, v.day, v.host || v.path as page
from page_views v join people p on p.kind = 'visitor' and p.pk = v.visitor_pk
where v.device <> 'bot' and v.day {days}"""
_OF_VISIT = ", ".join(f"t.{name}" for name in TOUCHED)
_VIEWS = f"""
select v.person, v.visitor_pk, v.moment, v.hit, v.day, v.page, 1 as one, {_OF_VISIT},
  case when t.moment > l.moment then 1 else 0 end as is_back,
  case when t.moment > l.moment then v.person end as back,
  case when t.moment > l.moment and t.number > 1 then v.person end as again,
  case when t.moment > l.moment
    then cast(v.person as varchar) || ' ' || cast(t.number as varchar) end as back_visit,
  case when t.moment > l.moment
    then cast(v.person as varchar) || ' ' || cast(v.day as varchar) end as back_day
from viewed v
left join (
  select touches.*, lead(moment) over (partition by person order by number) as until from touches
  where person in (select person from viewed)
) t on t.person = v.person and v.moment >= t.moment and (t.until is null or v.moment < t.until)
left join leads l on l.person = v.person"""

_BASE = """
select l.person, k.bucket, 1 as one from leads l join periods k on l.day <= k.last"""

# A person, from the first that is known of them: a visit, a contact, or an order.
_PEOPLE = f"""
select x.*, 1 as one, case when visited is null then 0 else 1 end as has_visited,
  case when joined is null then 0 else 1 end as has_joined,
  case when bought is null then 0 else 1 end as has_bought,
  case when again is null then 0 else 1 end as has_again, {_OF_VISIT}
from (
  select person, min(moment) as moment, min(day) as day, max(visited) as visited,
    max(joined) as joined, max(bought) as bought, max(again) as again
  from (
    select person, moment, day, moment as visited, cast(null as bigint) as joined,
      cast(null as bigint) as bought, cast(null as bigint) as again
    from touches where number = 1
    union all
    select person, moment, day, null, moment, null, null from leads
    union all
    select person, moment, day, null, null, case when place = 1 then moment end,
      case when place = 2 then moment end
    from (
      select person, moment, day,
        row_number() over (partition by person order by moment, pk) as place from sales
    ) o where place <= 2
  ) y group by person
) x left join touches t on t.person = x.person and t.number = 1"""

_SPENT = """f.integration_pk, f.ad_id, f.day, f.spend, f.clicks, f.impressions, 1 as one,
    'paid' as channel, a.ad_campaign as utm_campaign, a.ad_account, a.ad_campaign, a.ad_set,
    coalesce(a.ad_name, f.ad_id) as ad_name"""
_SPEND_ALONE = f"""
select {_SPENT} from ad_performance f
left join ad_tree a on a.integration_pk = f.integration_pk and a.ad_id = f.ad_id"""
_SPEND = f"""
select x.*, case when x.ad_match = '{NO_VISITS}' then x.spend else 0 end as unmatched_spend
from (
  select {_SPENT},
    case when v.ad_id is not null or u.name is not null then '{MATCHED}' else '{NO_VISITS}' end
      as ad_match
  from ad_performance f
  left join ad_tree a on a.integration_pk = f.integration_pk and a.ad_id = f.ad_id
  left join seen_ads v on v.ad_id = f.ad_id
  left join seen_campaigns u on u.name = lower(a.ad_campaign)
) x"""

# -- subscriptions -------------------------------------------------------------------------------

_DAYS = (
    "case s.billing_cycle when 'year' then 365 when 'month' then 30 when 'week' then 7 else 1 end"
)
_PER_YEAR = (
    "case s.billing_cycle when 'year' then 1 when 'month' then 12 when 'week' then 52 else 365 end"
)
_TERMS = f"""
select s.pk, p.person, s.day as starts, s.trial_end_day,
  case when s.trial_end_day > s.day then s.trial_end_day else s.day end as begins,
  case when s.canceled_day is null or s.end_day < s.canceled_day then s.end_day
    else s.canceled_day end as ends,
  cast(round(cast(s.amount as double precision) * s.quantity * 30 * {MICRO}
    / (s.frequency * {_DAYS})) as bigint) as mrr,
  cast(round(cast(s.amount as double precision) * s.quantity * {_PER_YEAR} * {MICRO}
    / (s.frequency * 12)) as bigint) as mrr_calendar,
  d.name as product, d.name || ', every ' || case when s.frequency = 1 then s.billing_cycle
    else cast(s.frequency as varchar) || ' ' || s.billing_cycle || 's' end as plan
from subscriptions s join people p on p.kind = 'subscription' and p.pk = s.pk
left join products d on d.integration_pk = s.integration_pk and d.product_id = s.product_id"""


def _active(day: str) -> str:
    """Begun, and not ended, at the end of a day."""
    return f"f.begins <= {day} and (f.ends is null or f.ends > {day})"


_STATES = f"""
select x.*, 1 as one, case when is_active = 1 then mrr_full else 0 end as mrr,
  case when is_active = 1 then calendar_full else 0 end as mrr_calendar,
  case when is_active = 1 and starts >= first then 1 else 0 end as is_new,
  case when was_active = 1 and ends <= last then 1 else 0 end as ended_since,
  case when is_active = 1 then 'active' when is_trial = 1 then 'trialing'
    when ends <= last then 'ended' else 'pending' end as status
from (
  select f.pk, f.person, k.bucket, k.first, k.last, f.starts, f.ends, f.product, f.plan,
    f.mrr as mrr_full, f.mrr_calendar as calendar_full,
    case when {_active("k.last")} then 1 else 0 end as is_active,
    case when {_active("k.before")} then 1 else 0 end as was_active,
    case when {_active("k.eve")} then f.mrr else 0 end as opening,
    case when f.starts <= k.last and f.trial_end_day > k.last
      and (f.ends is null or f.ends > k.last) then 1 else 0 end as is_trial,
    case when f.ends between k.first and k.last and f.starts <= f.ends
      then 1 else 0 end as is_ended,
    case when f.trial_end_day <= k.last then 1 else 0 end as trial_over,
    case when f.trial_end_day <= k.last and (f.ends is null or f.ends > f.trial_end_day)
      then 1 else 0 end as trial_paid
  from terms f cross join periods k
) x"""

_MRR_CHANGES = """
select person, begins as day, mrr as delta from terms
where mrr > 0 and (ends is null or ends > begins)
union all
select person, ends, -mrr from terms where mrr > 0 and ends > begins"""

_MRR_RUNNING = """
select person, day, delta,
  sum(delta) over (partition by person order by day rows unbounded preceding) as rest,
  count(*) over (partition by person order by day
    rows between unbounded preceding and 1 preceding) as earlier
from mrr_days"""

_MOVEMENTS = """
select person, day, 1 as one,
  case when rest > 0 and rest = delta and earlier = 0 then delta else 0 end as new_mrr,
  case when rest > 0 and rest = delta and earlier > 0 then delta else 0 end as reactivated,
  case when delta > 0 and rest > delta then delta else 0 end as expansion,
  case when delta < 0 and rest > 0 then -delta else 0 end as contraction,
  case when delta < 0 and rest = 0 then -delta else 0 end as churned
from mrr_running"""
