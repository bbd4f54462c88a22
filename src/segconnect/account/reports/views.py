"""The views that reports read, over the tables of the replica: docs/decisions/replica.md.

They are common table expressions in the words that DuckDB, SQLite, PostgreSQL and Spark share, so
that a report is one text everywhere. Each fact has its own grain here, and no view fans out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

from segconnect.account.owner.choices import Switches
from segconnect.account.reports import recurring, visits
from segconnect.account.reports.crediting import Crediting
from segconnect.account.reports.cte import View, Views, named
from segconnect.account.reports.dates import Bucket, Period


def day(value: date) -> str:
    """Writes a day in SQL."""
    return f"date '{value.isoformat()}'"


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
) -> Views:
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
    """
    days = f"between {day(period.first)} and {day(period.last)}"
    dated = "order" if is_by_order else "lead" if of_range else ""
    by_model = f"c.model = '{model.kept}'"
    of_orders = by_model + (f" and c.{dated}_day {days}" if dated else "")
    of_leads = by_model + (f" and c.lead_day {days}" if of_range else "")
    of_them = f"select person from leads where day {days}"
    return {
        "periods": partial(_periods, period, today),
        "first_contacts": _first_contacts(f"where p.person in ({of_them})" if of_range else ""),
        "lead_tags": _TAGS,
        "ranks": _ranks(switches),
        "sales": _sales(switches),
        "lines": _lines(switches),
        "buyers": _buyers(switches, buyers_of, buyers_where, days),
        "lead_facts": visits.leads("l.", as_of, "leads l"),
        "ad_tree": visits.AD_TREE,
        "ad_first": "select ad_id, min(integration_pk) as integration_pk from ads group by ad_id",
        "ad_one": visits.AD_ONE,
        "ad_named": visits.AD_NAMED,
        "order_shares": visits.shares("order", of_orders),
        "lead_shares": visits.shares("lead", of_leads),
        "credited_sales": visits.credited_sales(by_model),
        "credited_leads": visits.credited_leads(as_of, of_leads),
        "visit_facts": visits.VISITS,
        "viewed": visits.viewed(days),
        "spans": visits.SPANS,
        "view_facts": visits.VIEWS,
        "base": visits.BASE,
        "known_people": visits.KNOWN_PEOPLE,
        "person_facts": visits.PEOPLE,
        "seen_ads": "select distinct ad_id from touches where ad_id is not null",
        "seen_campaigns": "select distinct lower(utm_campaign) as name from touches"
        " where ad_id is null and utm_campaign is not null",
        "spend_facts": visits.SPEND,
        "terms": recurring.TERMS,
        "states": recurring.STATES,
        "mrr_changes": recurring.MRR_CHANGES,
        "mrr_days": "select person, day, sum(delta) as delta from mrr_changes"
        f" where day <= {day(min(period.last, today))} group by person, day",
        "mrr_running": recurring.MRR_RUNNING,
        "movements": recurring.MOVEMENTS,
    }


# -- time ----------------------------------------------------------------------------------------


def bucket_of(column: str, buckets: Sequence[Bucket]) -> str:
    """The SQL of the bucket that a day of the range is in: halved until there is one left.

    To join a table of all days takes longer, most of it to read its text.
    """
    if len(buckets) == 1:
        return f"'{buckets[0].name}'"
    middle = len(buckets) // 2
    early, late = (bucket_of(column, half) for half in (buckets[:middle], buckets[middle:]))
    return f"case when {column} < {day(buckets[middle].first)} then {early} else {late} end"


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


def _first_contacts(some: str) -> View:
    """Everybody's first contact."""
    columns = ("status", "affiliate_id", "custom_fields")
    return View(
        {"person": "x.person", **named("x", columns), "integration": "i.name"},
        f"""(
  select p.person, {", ".join(f"c.{each}" for each in columns)}, c.integration_pk,
    row_number() over (partition by p.person order by c.date_created, c.pk) as n
  from contacts c join people p on p.kind = 'contact' and p.pk = c.pk
  {some}
) x""",
        {"i": "join integrations i on i.pk = x.integration_pk"},
        "x.n = 1",
    )


_TAGS = """
select distinct p.person, t.name
from contact_tags h join tags t on t.pk = h.tag_pk
join people p on p.kind = 'contact' and p.pk = h.contact_pk"""


def _amount(switches: Switches, amount: str) -> str:
    amount += " - o.tax" if switches.exclude_tax else ""
    return amount + (" - o.shipping" if switches.exclude_shipping else "")


def is_counting_all(switches: Switches) -> bool:
    """Tells whether every order counts."""
    return not _counting(switches)


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


def _of_order(switches: Switches) -> dict[str, str]:
    """What is told of an order, also by its lines."""
    total = _amount(switches, "o.amount")
    place = _place(switches)
    return {
        **named(
            "o",
            (
                "pk",
                "person",
                "moment",
                "day",
                "lead_moment",
                "lead_day",
                "integration_pk",
                "is_refunded",
            ),
        ),
        "one": "1",
        "place": place,
        "order_integration": "i.name",
        "order_status": f"case when o.is_refunded then 'refunded' when o.paid >= {total}"
        " then 'paid' when o.paid > 0 then 'partly paid' else 'unpaid' end",
        "order_kind": f"case when {place} = 1 then 'first' else 'repeat' end",
    }


_OF_ORDER = {
    "r": "join ranks r on r.pk = o.pk",
    "i": "left join integrations i on i.pk = o.integration_pk",
}


def _place(switches: Switches) -> str:
    """The place of an order among those of the person that count."""
    return "o.number" if is_counting_all(switches) else "r.place"


def _owing(switches: Switches) -> str:
    return f"not o.is_refunded and o.paid < {_amount(switches, 'o.amount')}"


def _sales(switches: Switches) -> View:
    amount = _amount(switches, "o.amount")
    columns = {
        **_of_order(switches),
        "buyer": "o.person",
        "amount": amount,
        "paid": "o.paid",
        "order_key": "o.pk",
        "refunded_key": "case when o.is_refunded then o.pk end",
        "refunded": f"case when o.is_refunded then {amount} else 0 end",
        "outstanding": f"case when {_owing(switches)} then {amount} - o.paid else 0 end",
        "new_buyer": f"case when {_place(switches)} = 1 then o.person end",
    }
    return View(columns, "sold o", _OF_ORDER, _counting(switches))


def _lines(switches: Switches) -> View:
    """Lines of orders: what an amount holds beside its items is one of its own.

    No order, refund or buyer is counted by it: they are by the items.
    """
    rest = _amount(switches, "o.line_amount")
    amount = "o.line_amount"
    if rest != amount:
        amount = f"case when o.position = 0 then {rest} else o.line_amount end"
    place = _place(switches)
    columns = {
        **_of_order(switches),
        "position": "o.position",
        "product": "d.name",
        "amount": amount,
        "paid": "o.line_paid",
        "buyer": "case when o.is_counted then o.person end",
        "order_key": "case when o.is_counted then o.pk end",
        "refunded_key": "case when o.is_counted and o.is_refunded then o.pk end",
        "new_buyer": f"case when o.is_counted and {place} = 1 then o.person end",
        "is_item": "case when o.position > 0 then 1 else 0 end",
        "refunded": f"case when o.is_refunded then {amount} else 0 end",
        "outstanding": f"case when {_owing(switches)} then {amount} - o.line_paid else 0 end",
    }
    joins = {
        **_OF_ORDER,
        "d": "left join products d on d.integration_pk = o.integration_pk"
        " and d.product_id = o.product_id",
    }
    where = [f"(o.position > 0 or o.is_counted or {amount} <> 0 or o.line_paid <> 0)"]
    if counting := _counting(switches):
        where.append(counting)
    return View(columns, "sold_lines o", joins, " and ".join(where))


def _buyers(switches: Switches, of: str, where: str, days: str) -> str:
    """When leads of the range bought first of what makes them customers."""
    if where == "true" and is_counting_all(switches):
        return f"select person, moment from sold where number = 1 and lead_day {days}"
    return (
        f"select f.person, min(f.moment) as moment from {of} f"
        f" where {where} and f.lead_day {days} group by f.person"
    )
