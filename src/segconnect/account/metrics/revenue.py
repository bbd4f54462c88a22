"""Money that orders bring."""

from __future__ import annotations

from segconnect.account.metrics.declaring import Formula, Kind, Metric, Ratio, Unit, declare
from segconnect.account.metrics.facts import LINES, SALES
from segconnect.account.metrics.people import customers, leads

revenue = Metric(
    key="revenue",
    name="Revenue",
    type=Kind.CURRENCY,
    fact=SALES,
    column="amount",
    help="The amounts of all orders, as if every one were paid in full; refunded ones are counted,"
    " unless they are excluded. In a cohort report all that the leads of the range ever ordered.",
    source="reporting/_reports.md; help 222, 205, 627",
    aliases=("gross revenue", "sales revenue"),
)
refunds = Metric(
    key="refunds",
    name="Refunds",
    type=Kind.CURRENCY,
    fact=SALES,
    column="refunded",
    help="The amounts of orders that are marked as refunded, by the date of the order: when it was"
    " refunded is not known.",
    source="help 210",
    aliases=("refunded",),
)
net_revenue = Formula(
    key="netRevenue",
    name="Net Revenue",
    type=Kind.CURRENCY,
    parts=(revenue, refunds),
    compute=lambda gross, back: gross - back,
    text="revenue − refunds",
    is_sum=True,
    help="Revenue without refunded orders.",
    source="ours",
    aliases=("net",),
)
collected = Metric(
    key="collected",
    name="Collected",
    type=Kind.CURRENCY,
    fact=SALES,
    column="paid",
    help="What was paid of the orders.",
    source="help 210",
)
outstanding = Metric(
    key="outstanding",
    name="Outstanding",
    type=Kind.CURRENCY,
    fact=SALES,
    column="outstanding",
    help="What is still owed on orders that are not refunded; an order that is overpaid owes 0.",
    source="help 210; the rest is ours",
    aliases=("delinquent",),
)
orders = Metric(
    key="orders",
    name="Orders",
    type=Kind.NUMBER,
    fact=SALES,
    column="order_key",
    is_distinct=True,
    help="Orders, each counted once however many line items it has.",
    source="help 222",
)
line_items = Metric(
    key="lineItems",
    name="Line Items",
    type=Kind.NUMBER,
    fact=LINES,
    column="is_item",
    help="The lines of orders, as the shop wrote them: how many of a thing a line is about is not"
    " known.",
    source="ours",
    aliases=("items",),
)
refunded_orders = Metric(
    key="refundedOrders",
    name="Refunded Orders",
    type=Kind.NUMBER,
    fact=SALES,
    column="refunded_key",
    is_distinct=True,
    help="Orders that are marked as refunded.",
    source="ours",
)
aov = Ratio(
    key="aov",
    name="Average Order Value",
    type=Kind.CURRENCY,
    of=revenue,
    per=orders,
    empty=0,
    places=6,
    help="Revenue for each order; 0 where there are none.",
    source="help 205",
)
lead_value = Ratio(
    key="leadValue",
    name="Lead Value",
    type=Kind.CURRENCY,
    of=revenue,
    per=leads,
    empty=0,
    places=6,
    help="Revenue for each lead; 0 where there are no leads.",
    source="reporting/_reports.md; help 222, 31",
)
customer_value = Ratio(
    key="customerValue",
    name="Customer Value",
    type=Kind.CURRENCY,
    of=revenue,
    per=customers,
    empty=0,
    places=6,
    help="Revenue for each customer. In a cohort report, all that they ever ordered: their"
    " lifetime value.",
    source="help 205, cut off; a guess",
    aliases=("ltv", "buyer value"),
)
refund_rate = Ratio(
    key="refundRate",
    name="Refund Rate",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=refunded_orders,
    per=orders,
    scale=100,
    is_rate=True,
    help="Refunded orders, of all orders.",
    source="ours",
)
refunded_share = Ratio(
    key="refundedShare",
    name="Refunded Share of Revenue",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=refunds,
    per=revenue,
    scale=100,
    help="Refunds, of revenue.",
    source="ours",
)
orders_per_customer = Ratio(
    key="ordersPerCustomer",
    name="Orders per Customer",
    type=Kind.NUMBER,
    of=orders,
    per=customers,
    help="How many orders a customer placed, on average.",
    source="ours",
)

declare(
    revenue, net_revenue, refunds, collected, outstanding, orders, line_items, refunded_orders, aov,
    lead_value, customer_value, refund_rate, refunded_share, orders_per_customer,
)  # fmt: skip
