"""The types of reports: what each shows when nothing else is asked for."""

from __future__ import annotations

from dataclasses import dataclass

COHORT, PERIOD = "cohort", "period"
COHORTS, FUNNEL, PATHS, JOURNEY, COMPARISON = "cohort", "funnel", "paths", "journey", "comparison"
SPECIAL = (COHORTS, FUNNEL, PATHS, JOURNEY, COMPARISON)
"""The types that are more than sums of facts; they are asked for by queries."""
VIEWS = {
    COHORT: "orders of the leads that were created in the range, whenever they were placed",
    PERIOD: "orders that were placed in the range, whoever placed them",
}


@dataclass(frozen=True)
class ReportType:
    """A type of report."""

    slug: str
    name: str
    question: str
    view: str
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]
    columns: tuple[str, ...] = ()  # of the table, where they are others than the metrics
    people: tuple[str, ...] = ("leads",)  # the metrics whose people are those of the report
    source: str = "ours"

    def __str__(self) -> str:
        return self.slug


_LEADS = ("leads", "numOfCustomers", "conversionRate", "revenue", "leadValue")
_ADS = ("leads", "numOfCustomers", "conversionRate", "revenue", "leadValue", "adClicks", "adSpend")
_ENGAGED = ("leadVisits", "leadPageViews", "visitsPerLead", "pagesPerLead", "daysPerLead",
            "returningLeads")  # fmt: skip

TYPES = {
    each.slug: each
    for each in (
        ReportType(
            "leads", "Leads", "How good are the people who joined in this range?", COHORT,
            _LEADS, ("clicks.channel",), source="reporting/_reports.md",
        ),
        ReportType(
            "revenue", "Revenue", "What was sold in this range?", PERIOD,
            ("numOfCustomers", "revenue", "orders", "aov", "customerValue", "netRevenue"),
            ("orders.product",), people=("numOfCustomers",), source="help 205",
        ),
        ReportType(
            "orders", "Orders", "Which orders were placed in this range?", PERIOD,
            ("orders", "numOfCustomers", "revenue", "aov", "refundedOrders", "refundRate"),
            ("orders.status",), people=("numOfCustomers",), source="help 627",
        ),
        ReportType(
            "products", "Products", "Which products bring the money?", PERIOD,
            ("revenue", "orders", "numOfCustomers", "collected", "refunds"),
            ("orders.product",), people=("numOfCustomers",), source="help 205",
        ),
        ReportType(
            "collections", "Collections", "How much of the sales is in the bank?", PERIOD,
            ("revenue", "collected", "refunds", "outstanding"),
            ("orders.product",), people=("numOfCustomers",), source="help 210",
        ),
        ReportType(
            "ads", "Ads", "What did the money for ads bring?", PERIOD,
            ("leads", "numOfCustomers", "revenue", "adSpend", "adCpa", "adRoas"),
            ("ads.campaign",), people=("leads", "numOfCustomers"),
            columns=(*_ADS, "ad_cpc", "adCpa", "adCac", "adRoi", "adRoas",
                     "adSpendUnmatched"),
            source="help 209",
        ),
        ReportType(
            "subscriptions", "Subscriptions", "How healthy is recurring income?", PERIOD,
            ("mrr", "activeSubscriptions", "newSubscriptions", "cancellations", "churnRate",
             "arpu"),
            ("subscriptions.plan",), people=("activeSubscriptions", "cancellations"),
            source="help 211",
        ),
        ReportType(
            "movements", "MRR Movements", "Why did recurring income change?", PERIOD,
            ("newMrr", "expansionMrr", "reactivatedMrr", "contractionMrr", "churnedMrr",
             "netNewMrr"),
            ("date.month",), people=("newMrr", "expansionMrr", "reactivatedMrr", "contractionMrr",
                                     "churnedMrr"),
        ),
        ReportType(
            "acquisition", "Acquisition", "How do strangers become leads?", COHORT,
            ("visits", "visitors", "leads", "leadCustomers", "conversionRate"),
            ("clicks.channel",), source="help 622, cut off",
        ),
        ReportType(
            "pages", "Pages", "Which pages bring leads and customers?", COHORT,
            ("visits", "leads", "leadCustomers", "revenue", "leadValue"),
            ("clicks.landing_page",), source="help 622, cut off",
        ),
        ReportType(
            "velocity", "Sales Velocity", "How long until leads become valuable?", COHORT,
            ("leads", "leadCustomers", "revenue", "leadValue", "daysUntilPurchase",
             "customerAge"),
            ("date.month",), source="help 246, 202",
        ),
        ReportType(
            "cohort", "Lead Value Cohorts", "What has a lead brought by its age?", COHORT,
            ("leads", "revenue", "leadValue"), ("date.month",), source="help 246",
        ),
        ReportType(
            "funnel", "Funnel", "How many people go from step to step?", PERIOD,
            ("leads",), (), source="reporting/_query.md",
        ),
        ReportType(
            PATHS, "Conversion Paths", "Which visits, in which order, come before a conversion?",
            PERIOD, ("orders", "numOfCustomers", "revenue"), ("clicks.channel",),
            people=("numOfCustomers",),
        ),
        ReportType(
            JOURNEY, "Journey", "How far do people come, and how long does it take them?", COHORT,
            ("leads",), (),
        ),
        ReportType(
            COMPARISON, "Attribution Comparison", "What does each model give the credit to?",
            PERIOD, ("revenue", "orders"), ("clicks.channel",), people=("numOfCustomers",),
        ),
        ReportType(
            "engagement", "Engagement", "What do leads do after they became leads?", PERIOD,
            ("engagedLeads", "leadsToDate", "engagementRate", *_ENGAGED), ("views.page",),
            columns=("engagedLeads", *_ENGAGED), people=("engagedLeads",),
            source="help 625, cut off",
        ),
        ReportType(
            "nurture", "Nurture", "What became of those who got a tag?", COHORT,
            _LEADS, ("contacts.tag",), source="help 135",
        ),
    )
}  # fmt: skip
"""All types. Those of SPECIAL have files of their own."""
PATH_METRICS = {"order": TYPES[PATHS].metrics,
                "lead": ("leads", "leadCustomers", "conversionRate", "revenue")}  # fmt: skip
"""What paths tell of the conversions that they lead to, unless something else is asked for."""
