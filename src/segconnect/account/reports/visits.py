"""The views of ads and visits, and of what visits are credited with: see `views`."""

from __future__ import annotations

from segconnect.account.replica.crediting import FIRST
from segconnect.account.reports.cte import View, named

TOUCHED = (
    "channel", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term",
    "referrer_host", "landing_page", "ad_id", "device", "country_code", "region", "city",
)  # fmt: skip
"""What is known of a touch, in `touches` and in `credits`."""

UNKNOWN_AD = "(unknown ad)"
"""Where a visit carries the id of an ad that is not known: an unmatched click."""

MATCHED, NO_VISITS, NO_AD = "matched", "spend without visits", "visits without an ad"


AD_TREE = View(
    {**named("a", ("integration_pk", "ad_id")), "ad_name": "a.name", "ad_set": "s.name",
     "ad_campaign": "c.name", "ad_account": "i.name"},
    "ads a",
    {
        "i": "join integrations i on i.pk = a.integration_pk",
        "s": "left join adsets s on s.integration_pk = a.integration_pk"
        " and s.adset_id = a.adset_id",
        "c": "left join adcampaigns c on c.integration_pk = a.integration_pk"
        " and c.adcampaign_id = coalesce(a.adcampaign_id, s.adcampaign_id)",
    },
)  # fmt: skip

# A visit names an ad, and not its integration: of two with one id, the first one has it.
AD_ONE = View(
    named("a", ("ad_id", "ad_name", "ad_set", "ad_campaign", "ad_account")),
    "ad_tree a join ad_first m on m.ad_id = a.ad_id and m.integration_pk = a.integration_pk",
)

AD_NAMED = View(
    {**named("y", ("name", "ad_campaign")), "ad_account": "i.name"},
    """(
  select x.name, x.ad_campaign, x.integration_pk,
    row_number() over (partition by x.name order by x.integration_pk, x.ad_campaign) as n
  from (
    select lower(name) as name, name as ad_campaign, integration_pk from adcampaigns
    union all
    select lower(adcampaign_id), name, integration_pk from adcampaigns
  ) x
) y""",
    {"i": "join integrations i on i.pk = y.integration_pk"},
    "y.n = 1",
)

# Of a visit c.
_UNMATCHED = f"case when c.ad_id is not null and a.ad_id is null then '{UNKNOWN_AD}' end"
_BY_ADS = {
    "ad_account": "coalesce(a.ad_account, n.ad_account,"
    f" case when c.ad_id is not null then '{UNKNOWN_AD}' end)",
    "ad_campaign": f"coalesce(a.ad_campaign, n.ad_campaign, {_UNMATCHED})",
    "ad_set": f"coalesce(a.ad_set, {_UNMATCHED})",
    "ad_name": f"coalesce(a.ad_name, case when c.ad_id is not null then '{UNKNOWN_AD}' end)",
    "ad_match": f"case when a.ad_id is not null or n.name is not null then '{MATCHED}'"
    f" when c.ad_id is not null then '{NO_AD}' end",
}
_ADS = {
    "a": "left join ad_one a on a.ad_id = c.ad_id",
    "n": "left join ad_named n"
    " on n.name = case when c.ad_id is null then lower(c.utm_campaign) end",
}
_TOUCH = {**named("c", TOUCHED), **_BY_ADS}
_CREDIT = {**named("c", ("number", "share", FIRST)), **_TOUCH}


def leads(lead: str, as_of: int, source: str, where: str = "", **columns: str) -> View:
    """Leads, with what they are told by; `lead` is what comes before moment and day."""
    alias = lead.partition(".")[0]
    return View(
        {
            "person": f"{alias}.person",
            "day": f"{lead}day",
            "moment": f"{lead}moment",
            "one": "1",
            "is_customer": "case when b.person is null then 0 else 1 end",
            "days_waited": f"case when b.moment > {lead}moment"
            f" then cast(b.moment - {lead}moment as double precision) / 86400 else 0 end",
            "age_days": f"cast({as_of} - {lead}moment as double precision) / 86400",
            **columns,
        },
        source,
        {**_ADS, "b": f"left join buyers b on b.person = {alias}.person"},
        where,
    )


def shares(kind: str, where: str) -> View:
    """What conversions are credited to."""
    table, key = ("credits", "order_pk") if kind == "order" else ("lead_credits", "person")
    columns = {
        "conversion": f"c.{key}",
        "moment": "c.touch_moment",
        "converted": f"c.{kind}_moment",
        **_CREDIT,
    }
    return View(columns, f"{table} c", _ADS, where)


# Of all orders of a person, the one whose visits are those of all of them; or none had a visit.
_LAST_BUYER = """case when c.number is null and c.order_number = 1 then c.person
  when c.number is not null and c.order_number = c.person_orders then c.person end"""


def credited_sales(where: str) -> View:
    """Orders, each with every visit that it is credited to: as often as there are."""
    columns = {
        **named("c", ("person", "lead_day", "person_orders")),
        "pk": "c.order_pk",
        "order_key": "c.order_pk",
        "buyer": "c.person",
        "last_buyer": _LAST_BUYER,
        "one": "1",
        "moment": "c.order_moment",
        "day": "c.order_day",
        "amount": "c.order_amount",
        "paid": "c.order_paid",
        **_CREDIT,
    }
    return View(columns, "credits c", _ADS, where)


def credited_leads(as_of: int, where: str) -> View:
    """Leads, each with every visit that it is credited to."""
    return leads("c.lead_", as_of, "lead_credits c", where, **_CREDIT)


VISITS = View(
    {
        **named("c", ("person", "number", "moment", "day")),
        "one": "1",
        "is_from_ad": "case when c.ad_id is null then 0 else 1 end",
        **_TOUCH,
    },
    "touches c",
    _ADS,
)


def viewed(days: str) -> View:
    """Page views of the range."""
    return View(
        {
            "person": "p.person",
            **named("v", ("visitor_pk", "hit", "day")),
            "moment": "v.date_created",
            "page": "v.host || v.path",
        },
        "page_views v join people p on p.kind = 'visitor' and p.pk = v.visitor_pk",
        where=f"v.device <> 'bot' and v.day {days}",
    )


# A page view is of the visit that began last before it. A visit brings a lead back if it began
# after the lead was created: what follows an opt-in in the same visit does not.
SPANS = View(
    {
        **named("t", ("person", "number", "moment", *TOUCHED)),
        "until": "lead(t.moment) over (partition by t.person order by t.number)",
    },
    "touches t",
    where="t.person in (select person from viewed)",
)
_IS_BACK = "c.moment > l.moment"
VIEWS = View(
    {
        **named("v", ("person", "visitor_pk", "moment", "hit", "day", "page")),
        "one": "1",
        "is_back": f"case when {_IS_BACK} then 1 else 0 end",
        "back": f"case when {_IS_BACK} then v.person end",
        "again": f"case when {_IS_BACK} and c.number > 1 then v.person end",
        "back_visit": f"case when {_IS_BACK} then"
        " cast(v.person as varchar) || ' ' || cast(c.number as varchar) end",
        "back_day": f"case when {_IS_BACK} then"
        " cast(v.person as varchar) || ' ' || cast(v.day as varchar) end",
        **_TOUCH,
    },
    "viewed v",
    {
        "c": "left join spans c on c.person = v.person and v.moment >= c.moment"
        " and (c.until is null or v.moment < c.until)",
        "l": "left join leads l on l.person = v.person",
        **_ADS,
    },
)

BASE = View(
    {"person": "l.person", "bucket": "k.bucket", "one": "1"},
    "leads l join periods k on l.day <= k.last",
)

# A person, from the first that is known of them: a visit, a contact, or an order.
KNOWN_PEOPLE = """
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
  from sales where place <= 2
) y group by person"""
PEOPLE = View(
    {
        **named("x", ("person", "moment", "day", "visited", "joined", "bought", "again")),
        "one": "1",
        **{f"has_{name}": f"case when x.{name} is null then 0 else 1 end"
           for name in ("visited", "joined", "bought", "again")},
        **_TOUCH,
    },
    "known_people x",
    {"c": "left join touches c on c.person = x.person and c.number = 1", **_ADS},
)  # fmt: skip

_HAS_VISITS = "v.ad_id is not null or u.name is not null"
SPEND = View(
    {
        **named("f", ("integration_pk", "ad_id", "day", "spend", "clicks", "impressions")),
        "one": "1",
        "channel": "'paid'",
        "utm_campaign": "a.ad_campaign",
        **named("a", ("ad_account", "ad_campaign", "ad_set")),
        "ad_name": "coalesce(a.ad_name, f.ad_id)",
        "ad_match": f"case when {_HAS_VISITS} then '{MATCHED}' else '{NO_VISITS}' end",
        "unmatched_spend": f"case when {_HAS_VISITS} then 0 else f.spend end",
    },
    "ad_performance f",
    {
        "a": "left join ad_tree a on a.integration_pk = f.integration_pk and a.ad_id = f.ad_id",
        "v": "left join seen_ads v on v.ad_id = f.ad_id",
        "u": "left join seen_campaigns u on u.name = lower(a.ad_campaign)",
    },
)
