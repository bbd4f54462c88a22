"""Data health: what in an account makes its reports say less, or more, than what happened.

Each check counts what it finds, tells how much money is in it, shows examples, and says what mends
it. They look at the days of a range, in the account's time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from segconnect.account.metrics import revenue
from segconnect.account.owner.choices import Switches
from segconnect.account.replica import Facts
from segconnect.account.reports.answering import DEFINITIONS, on_wire
from segconnect.account.reports.crediting import find_model
from segconnect.account.reports.cte import with_views
from segconnect.account.reports.dates import Period, read_period
from segconnect.account.reports.plan import Settings
from segconnect.account.reports.views import day, views
from segconnect.account.reports.visits import NO_AD, NO_VISITS

MODEL = "last_touch"
"""The model whose credits tell how much money a visit brought."""
MODELS = (MODEL,)
DEFAULT_START, DEFAULT_END = "-1 year", "now"
EXAMPLES = 5

SPELLED = ("utm_source", "utm_medium", "utm_campaign")


@dataclass(frozen=True)
class Example:
    """Something that was found."""

    what: str
    count: int
    cents: int | None


@dataclass(frozen=True)
class Found:
    """What a check found."""

    count: int
    of: int  # how many were looked at
    cents: int | None  # the money that is in it; None where it is not about money
    examples: Sequence[Example]


class Asked(NamedTuple):
    """What a check looks at."""

    facts: Facts
    settings: Settings
    period: Period

    @property
    def within(self) -> str:
        """The days that are looked at."""
        return f"between {day(self.period.first)} and {day(self.period.last)}"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Asks the replica and the views of reports, day in a query being those of the range."""
        known = views(
            self.period,
            today=self.settings.today,
            as_of=int(self.facts.as_of.timestamp()),
            model=find_model(MODEL),
            switches=Switches(),
            buyers_where="true",
        )
        text = with_views(query.replace("{within}", self.within), known)
        return self.facts.connection.execute(text).fetchall()

    def found(self, summary: str, examples: str) -> Found:
        """Asks for count, of and cents, and then for examples: what, count and cents."""
        ((count, of, cents),) = self.rows(summary)
        shown = self.rows(f"{examples} limit {EXAMPLES}") if count else []
        return Found(
            int(count or 0),
            int(of or 0),
            None if cents is None else int(cents),
            [Example(str(what), int(n), None if c is None else int(c)) for what, n, c in shown],
        )


@dataclass(frozen=True)
class Check:
    """Something that can be wrong with the data of an account."""

    slug: str
    name: str
    unit: str  # what is counted
    help: str
    mend: str
    find: Callable[[Asked], Found]


# An order that two tools report is there twice: of the same person, day and amount.
_TWICE = """
select person, day, amount, sum(n) - max(n) as extra,
  string_agg(name || ' ' || first_id, ', ' order by name, integration_pk) as who
from (
  select p.person, o.day, o.amount, o.integration_pk, i.name, count(*) as n,
    min(o.order_id) as first_id
  from orders o join people p on p.kind = 'order' and p.pk = o.pk
  join integrations i on i.pk = o.integration_pk
  where o.day {within} and o.amount > 0
  group by p.person, o.day, o.amount, o.integration_pk, i.name
) x group by person, day, amount having count(*) > 1"""


def _duplicates(asked: Asked) -> Found:
    return asked.found(
        "select sum(extra), (select count(*) from orders where day {within}),"
        f" coalesce(sum(extra * amount), 0) from ({_TWICE}) x",
        f"select who || ' on ' || cast(day as varchar), extra, extra * amount from ({_TWICE}) x"
        " order by extra * amount desc, who",
    )


def _spelled() -> str:
    """Every value of a UTM parameter, with what it is without case, spaces and such."""
    each = " union all ".join(
        f"select '{name}' as field, {name} as value, person, number from touches"
        f" where day {{within}} and {name} is not null"
        for name in SPELLED
    )
    return f"select *, regexp_replace(lower(value), '[ _.+-]', '', 'g') as folded from ({each}) e"


_SPELLINGS = f"""
select s.field, s.folded, s.value, count(*) as visits,
  row_number() over (partition by s.field, s.folded order by count(*) desc, s.value) as place,
  count(*) over (partition by s.field, s.folded) as ways
from ({_spelled()}) s group by s.field, s.folded, s.value"""


def _variants(asked: Asked) -> Found:
    money = " union ".join(
        f"select c.conversion, c.order_pk from (select order_pk as conversion, order_pk, {name} as"
        f" value from credits where model = '{MODEL}' and order_day {{within}}) c"
        f" join spellings s on s.field = '{name}' and s.value = c.value and s.place > 1"
        for name in SPELLED
    )
    spellings = f"with spellings as ({_SPELLINGS})"
    return asked.found(
        f"{spellings} select (select count(*) from spellings where place > 1),"
        " (select count(*) from spellings), (select coalesce(sum(o.amount), 0) from orders o"
        f" where o.pk in (select x.order_pk from ({money}) x))",
        f"{spellings} select field || ': ' || string_agg(value, ', ' order by place), count(*) - 1,"
        " null from spellings where ways > 1 group by field, folded"
        " order by sum(visits) desc, field, folded",
    )


def _direct(asked: Asked) -> Found:
    return asked.found(
        "select (select count(*) from touches where is_direct and day {within}),"
        " (select count(*) from touches where day {within}),"
        " (select coalesce(sum(c.amount), 0) from credits c"
        f" where c.model = '{MODEL}' and c.order_day {{within}}"
        " and (c.is_direct or c.number is null))",
        "select coalesce(landing_page, '(no page)'), count(*), null from touches"
        " where is_direct and day {within} group by landing_page order by count(*) desc, 1",
    )


def _spend(asked: Asked) -> Found:
    spent = "from spend_facts f where f.day {within}"
    return asked.found(
        f"select count(distinct case when f.ad_match = '{NO_VISITS}' then f.ad_name end),"
        " count(distinct f.ad_name),"
        f" coalesce(sum(case when f.ad_match = '{NO_VISITS}' then f.spend end), 0) {spent}",
        f"select coalesce(f.ad_campaign || ': ', '') || f.ad_name, count(*), sum(f.spend) {spent}"
        f" and f.ad_match = '{NO_VISITS}' group by f.ad_campaign, f.ad_name"
        " order by sum(f.spend) desc, 1",
    )


def _clicks(asked: Asked) -> Found:
    seen = "from visit_facts f where f.day {within} and f.ad_id is not null"
    brought = (
        "select coalesce(sum(c.amount), 0) from credits c"
        f" where c.model = '{MODEL}' and c.order_day {{within}} and c.ad_id is not null"
        " and c.ad_id not in (select ad_id from ads)"
    )
    return asked.found(
        f"select sum(case when f.ad_match = '{NO_AD}' then 1 else 0 end), count(*), ({brought})"
        f" {seen}",
        f"select f.ad_id, count(*), null {seen} and f.ad_match = '{NO_AD}' group by f.ad_id"
        " order by count(*) desc, f.ad_id",
    )


def _orders_where(condition: str) -> Callable[[Asked], Found]:
    """Finds the orders of a condition, over o."""

    def find(asked: Asked) -> Found:
        wrong = f"case when {condition} then"
        return asked.found(
            f"select sum({wrong} 1 else 0 end), count(*), coalesce(sum({wrong} o.amount end), 0)"
            " from orders o where o.day {within}",
            "select i.name || ' ' || o.order_id || ' on ' || cast(o.day as varchar)"
            " || coalesce(' of ' || o.email, ''), 1, o.amount from orders o"
            " join integrations i on i.pk = o.integration_pk"
            f" where o.day {{within}} and {condition} order by o.amount desc, o.pk",
        )

    return find


CHECKS = (
    Check(
        "duplicate_orders", "Orders that came twice", "orders",
        "Orders of one person, day and amount that came by more than one integration.",
        "Send each order by one integration only: the shop, or its payment processor, not both."
        " Delete the copies, then send the rest again.",
        _duplicates,
    ),
    Check(
        "utm_spellings", "UTM values spelled in several ways", "values",
        "Values that differ only in case, spaces, hyphens, underscores, dots and plus signs: each"
        " is a row of its own in a report. The money is of orders last touched by one that is not"
        " the usual one.",
        "Settle on one spelling, the first one shown, and use it in every link from now on.",
        _variants,
    ),
    Check(
        "direct", "Visits from nowhere", "visits",
        "Visits without a referrer and without UTM parameters. The money is of orders whose last"
        " touch is such a visit, or that have none.",
        "Put UTM parameters into the links of emails, apps and documents that lead to these pages,"
        " and the tracking snippet on every page.",
        _direct,
    ),
    Check(
        "unmatched_spend", "Ads that no visit names", "ads",
        "Ads that cost money, and of which no visit carries the id or the campaign's name.",
        "Add ad_id={the platform's placeholder} to the ads' URL parameters, or make utm_campaign"
        " the campaign's name.",
        _spend,
    ),
    Check(
        "unmatched_clicks", "Visits by ads that are not known", "visits",
        "Visits that carry the id of an ad of which no performance was sent.",
        "Connect the ad account that these ads belong to, and send its days.",
        _clicks,
    ),
    Check(
        "unlinked_orders", "Orders of nobody", "orders",
        "Orders that wait for a contact with their email: no lead has them.",
        "Send the contacts, or their emails with the orders.",
        _orders_where("o.contact_pk is null"),
    ),
    Check(
        "failed_invoices", "Orders that were never paid", "orders",
        "Orders with an amount of which nothing was paid: they count as revenue, unless a report"
        " excludes them.",
        "Send the payments, delete the invoices that failed, or set exclude_failed.",
        _orders_where("o.paid = 0 and o.amount > 0 and not o.is_refunded"),
    ),
)  # fmt: skip


def health(
    facts: Facts, settings: Settings, start: str | None = None, end: str | None = None
) -> dict[str, Any]:
    """Answers all checks over a range of days.

    Args:
        facts: The replica, with the credits of MODELS.
        settings: What the account says about its reports.
        start: The first day, as in reports; a year ago.
        end: The last one; today.

    Raises:
        UsageError: Those are no dates.
    """
    period = read_period(
        start or DEFAULT_START, end or DEFAULT_END, None,
        now=settings.now, zone=settings.zone, week_start=settings.week_start,
    )  # fmt: skip
    asked = Asked(facts, settings, period)

    def money(cents: int | None) -> float | int | None:
        return on_wire(revenue.revenue, cents, settings.currency)

    told = []
    for check in CHECKS:
        found = check.find(asked)
        told.append({
            "check": check.slug,
            "name": check.name,
            "help": check.help,
            "count": found.count,
            "of": found.of,
            "unit": check.unit,
            "money": money(found.cents),
            "examples": [
                {"what": each.what, "count": each.count, "money": money(each.cents)}
                for each in found.examples
            ],
            "mend": check.mend,
        })  # fmt: skip
    return {
        "date_range": {
            "start_date": period.first.isoformat(),
            "end_date": period.last.isoformat(),
        },
        "currency": settings.currency,
        "definitions": DEFINITIONS,
        "change": facts.number,
        "as_of": facts.as_of.isoformat(),
        "checks": told,
    }
