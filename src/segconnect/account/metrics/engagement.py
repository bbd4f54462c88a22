"""What leads do after they became leads: the visits that bring them back, and what they view."""

from __future__ import annotations

from segconnect.account.metrics.declaring import Kind, Metric, Ratio, Unit, declare
from segconnect.account.metrics.facts import BASE, PAGE_VIEWS

_SOURCE = "help 625, cut off; a guess"

leads_to_date = Metric(
    key="leadsToDate",
    name="Leads to Date",
    type=Kind.NUMBER,
    fact=BASE,
    column="one",
    help="All people with a contact, at the end of the range.",
    source="help 625",
    aliases=("all contacts",),
)
page_views = Metric(
    key="pageViews",
    name="Page Views",
    type=Kind.NUMBER,
    fact=PAGE_VIEWS,
    column="one",
    help="Pages that were viewed, by whomever; not by bots.",
    source="help 622",
)
lead_page_views = Metric(
    key="leadPageViews",
    name="Page Views of Leads",
    type=Kind.NUMBER,
    fact=PAGE_VIEWS,
    column="is_back",
    help="Pages that leads viewed in visits that began after they became leads: what follows an"
    " opt-in in the same visit is not among them.",
    source=_SOURCE,
)
lead_visits = Metric(
    key="leadVisits",
    name="Visits of Leads",
    type=Kind.NUMBER,
    fact=PAGE_VIEWS,
    column="back_visit",
    is_distinct=True,
    help="Visits that leads began after they became leads, each counted once in a row.",
    source=_SOURCE,
)
engaged_leads = Metric(
    key="engagedLeads",
    name="Engaged Leads",
    type=Kind.NUMBER,
    fact=PAGE_VIEWS,
    column="back",
    is_distinct=True,
    help="Leads with such a visit.",
    source=_SOURCE,
)
returning_leads = Metric(
    key="returningLeads",
    name="Returning Leads",
    type=Kind.NUMBER,
    fact=PAGE_VIEWS,
    column="again",
    is_distinct=True,
    help="Engaged leads whose visit was not their first one ever; others were leads before anybody"
    " saw a visit of theirs.",
    source="ours",
)
active_days = Metric(
    key="activeDays",
    name="Active Days",
    type=Kind.NUMBER,
    unit=Unit.DAYS,
    fact=PAGE_VIEWS,
    column="back_day",
    is_distinct=True,
    help="Days on which each engaged lead viewed something, added up.",
    source="ours",
)
engagement_rate = Ratio(
    key="engagementRate",
    name="Engagement Rate",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=engaged_leads,
    per=leads_to_date,
    scale=100,
    is_rate=True,
    help="Engaged leads, of all leads to date: the share of the database that is engaged.",
    source="help 625",
)


def _for_each_lead(key: str, name: str, of: Metric, unit: Unit = Unit.COUNT) -> Ratio:
    return Ratio(
        key=key, name=name, type=Kind.NUMBER, unit=unit, of=of, per=engaged_leads,
        help=f"{of.name} for each engaged lead.", source="ours",
    )  # fmt: skip


visits_per_lead = _for_each_lead("visitsPerLead", "Visits per Lead", lead_visits)
pages_per_lead = _for_each_lead("pagesPerLead", "Pages per Lead", lead_page_views)
days_per_lead = _for_each_lead("daysPerLead", "Days Active per Lead", active_days, Unit.DAYS)
returning_rate = Ratio(
    key="returningRate",
    name="Returning Rate",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=returning_leads,
    per=engaged_leads,
    scale=100,
    is_rate=True,
    help="Returning leads, of engaged ones.",
    source="ours",
)

declare(
    leads_to_date, engaged_leads, engagement_rate, lead_visits, lead_page_views, active_days,
    visits_per_lead, pages_per_lead, days_per_lead, returning_leads, returning_rate, page_views,
)  # fmt: skip
