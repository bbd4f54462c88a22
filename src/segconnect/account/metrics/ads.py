"""What ads cost, and what they brought."""

from __future__ import annotations

from segconnect.account.metrics.declaring import Formula, Kind, Metric, Ratio, Unit, declare
from segconnect.account.metrics.facts import SPEND
from segconnect.account.metrics.people import customers, leads, new_customers
from segconnect.account.metrics.revenue import revenue

spend = Metric(
    key="adSpend",
    name="Ad Spend",
    type=Kind.CURRENCY,
    fact=SPEND,
    column="spend",
    help="What was spent on all ads, also on those that no visit names.",
    source="help 209",
    aliases=("spend",),
)
unmatched_spend = Metric(
    key="adSpendUnmatched",
    name="Unmatched Ad Spend",
    type=Kind.CURRENCY,
    fact=SPEND,
    column="unmatched_spend",
    help="What was spent on ads that no visit ever named, so that nothing can be credited to them.",
    source="ours",
    aliases=("unmatched spend",),
)
clicks = Metric(
    key="adClicks",
    name="Ad Clicks",
    type=Kind.NUMBER,
    fact=SPEND,
    column="clicks",
    help="Clicks, as the ad platform counts them.",
    source="rest/_ads.md",
    aliases=("clicks",),
)
impressions = Metric(
    key="adImpressions",
    name="Impressions",
    type=Kind.NUMBER,
    fact=SPEND,
    column="impressions",
    help="How often ads were shown.",
    source="rest/_ads.md",
)


def _cost(key: str, name: str, per: Metric, text: str, *aliases: str, scale: int = 1) -> Ratio:
    return Ratio(
        key=key,
        name=name,
        type=Kind.CURRENCY,
        of=spend,
        per=per,
        scale=scale,
        places=6,
        help=f"{text}; nothing where there are none.",
        source="help 209 names it; the formula is ours",
        aliases=aliases,
    )


cpc = _cost("ad_cpc", "Cost per Click", clicks, "Spend for each click", "cpc")
cpm = _cost(
    "adCpm", "Cost per Thousand", impressions, "Spend for a thousand impressions", "cpm", scale=1000
)
cpl = _cost("adCpl", "Cost per Lead", leads, "Spend for each lead", "cpl")
cpa = _cost("adCpa", "Cost per Customer", customers, "Spend for each customer", "cpa")
cac = _cost("adCac", "Cost per New Customer", new_customers, "Spend for each new customer", "cac")
ctr = Ratio(
    key="adCtr",
    name="Click-through Rate",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=clicks,
    per=impressions,
    scale=100,
    is_rate=True,
    help="Clicks, of impressions.",
    source="ours",
    aliases=("ctr",),
)
epc = Ratio(
    key="adEpc",
    name="Earnings per Click",
    type=Kind.CURRENCY,
    of=revenue,
    per=clicks,
    places=6,
    help="Revenue for each click.",
    source="ours",
    aliases=("epc",),
)
roas = Ratio(
    key="adRoas",
    name="Return on Ad Spend",
    type=Kind.NUMBER,
    unit=Unit.TIMES,
    of=revenue,
    per=spend,
    help="Revenue for each unit of spend: 2 means that what was spent came back twice.",
    source="help 209 names it; the formula is ours",
    aliases=("roas",),
)
profit = Formula(
    key="adProfit",
    name="Profit",
    type=Kind.CURRENCY,
    parts=(revenue, spend),
    compute=lambda brought, spent: brought - spent,
    text="revenue − spend",
    is_sum=True,
    help="Revenue less spend.",
    source="ours",
    aliases=("profit",),
)
roi = Ratio(
    key="adRoi",
    name="Return on Investment",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=profit,
    per=spend,
    scale=100,
    help="Profit, of spend: 100 means that what was spent came back twice.",
    source="ours",
    aliases=("roi",),
)
break_even_cpc = Ratio(
    key="breakEvenCpc",
    name="Break-even Cost per Click",
    type=Kind.CURRENCY,
    of=revenue,
    per=clicks,
    places=6,
    help="What a click may cost for profit to be 0: the same as earnings per click.",
    source="ours",
)
break_even_lead = Ratio(
    key="breakEvenCpl",
    name="Break-even Cost per Lead",
    type=Kind.CURRENCY,
    of=revenue,
    per=leads,
    places=6,
    help="What a lead may cost for profit to be 0.",
    source="ours",
)
to_break_even = Formula(
    key="toBreakEven",
    name="To Break Even",
    type=Kind.CURRENCY,
    parts=(revenue, spend),
    compute=lambda brought, spent: max(spent - brought, 0),
    text="spend − revenue, not below 0",
    help="The revenue that is still missing to cover the spend.",
    source="ours",
    aliases=("break-even",),
)

declare(
    spend, clicks, impressions, cpc, cpm, ctr, cpl, cpa, cac, epc, roas, roi, profit,
    break_even_lead, break_even_cpc, to_break_even, unmatched_spend,
)  # fmt: skip
