"""The views that reports read, over the tables of the replica: docs/decisions/replica.md.

They are common table expressions in the words that DuckDB, SQLite, PostgreSQL and Spark share, so
that a report is one text everywhere. Each fact has its own grain here, and no view fans out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from segconnect.account.metrics.subscriptions import MICRO
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


@dataclass
class Parameters:
    """Values that a query is given, in the order in which its text has them."""

    values: list[object] = field(default_factory=list)

    def bind(self, value: object) -> str:
        """Keeps a value, and answers what stands for it in the text until `finish`."""
        self.values.append(value)
        return f"\x01{len(self.values) - 1}\x01"

    def finish(self, text: str) -> tuple[str, list[object]]:
        """Answers the text with a ? for each value, and the values in the order of the text."""
        used = [self.values[int(each)] for each in _TOKEN.findall(text)]
        return _TOKEN.sub("?", text), used


_TOKEN = re.compile("\x01(\\d+)\x01")


@dataclass(frozen=True)
class Switches:
    """What counts as revenue; the defaults are those of the hosted service."""

    exclude_failed: bool = False
    exclude_refunded: bool = False
    exclude_tax: bool = False
    exclude_shipping: bool = False


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
    """
    days = f"between {day(period.first)} and {day(period.last)}"
    leads = f"select person from leads where day {days}" if of_range else "select person from leads"
    shares = {
        "order": "select order_pk as conversion, number, share, touch_moment as moment,"
        f" order_moment as converted, {_TOUCHED} from credits"
        f" where model = '{model.kept}'{f' and order_day {days}' if is_by_order else ''}",
        "lead": "select person as conversion, number, share, touch_moment as moment,"
        f" lead_moment as converted, {_TOUCHED} from lead_credits"
        f" where model = '{model.kept}'{f' and lead_day {days}' if of_range else ''}",
    }
    return {
        "calendar": _calendar(period),
        "periods": _periods(period, today),
        "first_contacts": _FIRST_CONTACTS.format(
            some=f"where p.person in ({leads})" if of_range else ""
        ),
        "lead_tags": _TAGS,
        "sales": _sales(switches, is_ranked=is_ranked),
        "lines": _LINES,
        "buyers": f"select f.person, min(f.moment) as moment from {buyers_of} f"
        f" where {buyers_where} and f.person in ({leads})"
        " group by f.person",
        "lead_facts": _LEAD_FACTS.format(as_of=as_of),
        "ad_tree": _AD_TREE,
        "ad_one": _AD_ONE,
        "ad_named": _AD_NAMED,
        **{f"{each}_shares": text for each, text in shares.items()},
        **{f"{each}_shares_ads": _with_ads(text) for each, text in shares.items()},
        "visit_facts": _with_ads(_VISITS),
        "viewed": _VIEWED.format(days=days),
        "view_facts": _with_ads(_VIEWS),
        "base": _BASE,
        "person_facts": _with_ads(_PEOPLE),
        "seen_ads": "select distinct ad_id from touches where ad_id is not null",
        "seen_campaigns": "select distinct lower(utm_campaign) as name from touches"
        " where ad_id is null and utm_campaign is not null",
        "spend_facts": _SPEND,
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


def _sales(switches: Switches, *, is_ranked: bool) -> str:
    amount = "o.amount"
    amount += " - o.tax" if switches.exclude_tax else ""
    amount += " - o.shipping" if switches.exclude_shipping else ""
    where = ["true"]
    if switches.exclude_failed:
        where.append("not (o.paid = 0 and o.amount > 0)")
    if switches.exclude_refunded:
        where.append("not o.is_refunded")
    rank = "row_number() over (partition by p.person order by o.date_created, o.pk)"
    return f"""
select x.pk, x.person, x.person as buyer, x.moment, x.day, x.amount, x.paid, x.integration_pk,
  x.pk as order_key, 1 as one, i.name as order_integration, x.is_owing,
  case when x.is_refunded then x.pk end as refunded_key,
  case when x.is_refunded then x.amount else 0 end as refunded, x.is_refunded,
  case when x.is_owing then x.amount - x.paid else 0 end as outstanding,
  case when x.is_refunded then 'refunded' when x.paid >= x.amount then 'paid'
    when x.paid > 0 then 'partly paid' else 'unpaid' end as order_status,
  case when x.place = 1 then x.person end as new_buyer,
  case when x.place = 1 then 'first' else 'repeat' end as order_kind
from (
  select o.pk, p.person, o.date_created as moment, o.day, {amount} as amount, o.paid,
    o.integration_pk, o.is_refunded, {rank if is_ranked else "0"} as place,
    not o.is_refunded and o.paid < {amount} as is_owing
  from orders o join people p on p.kind = 'order' and p.pk = o.pk
  where {" and ".join(where)}
) x join integrations i on i.pk = x.integration_pk"""


_LINE = """s.person, s.moment, s.day, s.integration_pk, 1 as one, s.order_integration,
  s.is_refunded, s.order_status, s.order_kind"""

# What an order's amount holds beside its items is a line of its own, which no order, refund or
# buyer is counted by: they are by the items.
_LINES = f"""
select s.pk, i.position, p.name as product, s.buyer, s.order_key, s.refunded_key, s.new_buyer,
  i.amount, i.total_paid as paid, 1 as is_item, {_LINE},
  case when s.is_refunded then i.amount else 0 end as refunded,
  case when s.is_owing then i.amount - i.total_paid else 0 end as outstanding
from order_items i join sales s on s.pk = i.order_pk
left join products p on p.integration_pk = s.integration_pk and p.product_id = i.product_id
union all
select s.pk, 0, null, case when x.order_pk is null then s.buyer end,
  case when x.order_pk is null then s.order_key end,
  case when x.order_pk is null then s.refunded_key end,
  case when x.order_pk is null then s.new_buyer end,
  s.amount - coalesce(x.amount, 0), s.paid - coalesce(x.paid, 0), 0, {_LINE},
  case when s.is_refunded then s.amount - coalesce(x.amount, 0) else 0 end,
  case when s.is_owing
    then s.amount - coalesce(x.amount, 0) - s.paid + coalesce(x.paid, 0) else 0 end
from sales s left join (
  select order_pk, sum(amount) as amount, sum(total_paid) as paid from order_items
  group by order_pk
) x on x.order_pk = s.pk
where x.order_pk is null or s.amount <> x.amount or s.paid <> x.paid"""

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

_SPEND = f"""
select x.*, case when x.ad_match = '{NO_VISITS}' then x.spend else 0 end as unmatched_spend
from (
  select f.integration_pk, f.ad_id, f.day, f.spend, f.clicks, f.impressions, 1 as one,
    'paid' as channel, a.ad_campaign as utm_campaign, a.ad_account, a.ad_campaign, a.ad_set,
    coalesce(a.ad_name, f.ad_id) as ad_name,
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
