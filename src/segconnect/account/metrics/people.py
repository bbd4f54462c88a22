"""Leads, customers, and how one becomes the other."""

from __future__ import annotations

from segconnect.account.metrics.declaring import Kind, Metric, Ratio, Unit, declare
from segconnect.account.metrics.facts import LEADS, SALES, VISITS

leads = Metric(
    key="leads",
    name="Leads",
    type=Kind.NUMBER,
    fact=LEADS,
    column="one",
    help="People whose first contact was created in the range. Filters on what was bought do not"
    " change them.",
    source="help 222",
)
lead_customers = Metric(
    key="leadCustomers",
    name="Leads Who Bought",
    type=Kind.NUMBER,
    fact=LEADS,
    column="is_customer",
    help="Leads of the range with an order that meets the filters, placed whenever.",
    source="help 222",
    aliases=("new buyers",),
)
customers = Metric(
    key="numOfCustomers",
    name="Customers",
    type=Kind.NUMBER,
    fact=SALES,
    column="buyer",
    is_distinct=True,
    help="People with an order that meets the filters: of the leads of the range in a cohort"
    " report, in the range in a report by period.",
    source="reporting/_reports.md; help 222",
    aliases=("customers",),
)
new_customers = Metric(
    key="newCustomers",
    name="New Customers",
    type=Kind.NUMBER,
    fact=SALES,
    column="new_buyer",
    is_distinct=True,
    help="Customers whose order is the first that they ever placed.",
    source="ours",
)
conversion_rate = Ratio(
    key="conversionRate",
    name="Conversion Rate",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=lead_customers,
    per=leads,
    scale=100,
    empty=0,
    is_rate=True,
    help="Leads of the range who bought, of all leads of the range; 0 where there are no leads.",
    source="reporting/_reports.md; help 222, 31",
    aliases=("conversion",),
)
days_waited = Metric(
    key="daysWaited",
    name="Days Waited",
    type=Kind.NUMBER,
    unit=Unit.DAYS,
    fact=LEADS,
    column="days_waited",
    help="Days from the creation of each lead to its first order; none for one who bought before.",
    source="help 246",
)
days_until_purchase = Ratio(
    key="daysUntilPurchase",
    name="Days until Purchase",
    type=Kind.NUMBER,
    unit=Unit.DAYS,
    of=days_waited,
    per=lead_customers,
    help="The mean of first order minus creation, over leads who bought.",
    source="help 246, 202",
)
lead_days = Metric(
    key="leadDays",
    name="Lead Days",
    type=Kind.NUMBER,
    unit=Unit.DAYS,
    fact=LEADS,
    column="age_days",
    help="The ages of the leads together.",
    source="ours",
)
customer_age = Ratio(
    key="customerAge",
    name="Customer Age",
    type=Kind.NUMBER,
    unit=Unit.DAYS,
    of=lead_days,
    per=leads,
    help="How many days ago a lead was created, on average. What the hosted service counts exactly"
    " is not published.",
    source="help 246, cut off; a guess",
    aliases=("lead age",),
)
visits = Metric(
    key="visits",
    name="Visits",
    type=Kind.NUMBER,
    fact=VISITS,
    column="one",
    help="Visits that can earn credit.",
    source="ours",
)
visitors = Metric(
    key="visitors",
    name="Visitors",
    type=Kind.NUMBER,
    fact=VISITS,
    column="person",
    is_distinct=True,
    help="People who made a visit.",
    source="ours",
)
ad_visits = Metric(
    key="adVisits",
    name="Ad Visits",
    type=Kind.NUMBER,
    fact=VISITS,
    column="is_from_ad",
    help="Visits that carry an ad's id: clicks as our own tracking saw them.",
    source="ours",
)

declare(
    leads, customers, conversion_rate, lead_customers, new_customers, days_until_purchase,
    customer_age, visits, visitors, ad_visits, days_waited, lead_days,
)  # fmt: skip
