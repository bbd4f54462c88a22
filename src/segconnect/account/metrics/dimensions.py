"""What figures are grouped and filtered by. For the names in their SQL see `Dimension.sql`."""

from __future__ import annotations

from segconnect.account.metrics.declaring import (
    DIMENSIONS,
    Dimension,
    Family,
    Kind,
    declare_dimensions,
)
from segconnect.errors import UsageError

CUSTOM = "contacts.custom."
"""Before the name of a custom field: contacts.custom.company."""

DOCS = "reporting/_query.md"


def _touch(
    column: str, name: str, help_: str, *aliases: str, source: str = "ours", key: str = ""
) -> Dimension:
    return Dimension(
        slug=f"clicks.{column}", key=key or column, name=name, family=Family.TOUCH,
        sql=f"t.{column}", help=help_, source=source, aliases=aliases,
    )  # fmt: skip


def _ad(column: str, key: str, name: str, help_: str, *aliases: str) -> Dimension:
    return Dimension(
        slug=f"ads.{key.removeprefix('ad_')}", key=key, name=name, family=Family.AD,
        sql=f"t.{column}", help=help_, source="help 209", aliases=aliases,
    )  # fmt: skip


def _time(key: str, name: str, help_: str) -> Dimension:
    return Dimension(
        slug=f"date.{key}", key=key, name=name, family=Family.TIME, sql="",
        help=f"{help_} In the account's time zone.", source="ours",
    )  # fmt: skip


declare_dimensions(
    _touch("channel", "Channel", "The kind of traffic a visit came by: paid, social and so on.",
           source=DOCS),
    _touch("utm_source", "UTM Source", "Of the visit.", "source"),
    _touch("utm_medium", "UTM Medium", "Of the visit.", "medium"),
    _touch("utm_campaign", "UTM Campaign",
           "Of the visit. Spend is told by it where an ad campaign has that name."),
    _touch("utm_content", "UTM Content", "Of the visit."),
    _touch("utm_term", "UTM Term", "Of the visit.", "keyword"),
    _touch("referrer_host", "Referrer", "The host that the visit came from.", "clicks.referrer",
           key="referrer"),
    _touch("landing_page", "Landing Page", "The host and path that the visit began on.", "page"),
    _touch("country_code", "Country", "Of the visit: two letters.", "clicks.country",
           key="country"),
    _touch("region", "Region", "Of the visit."),
    _touch("city", "City", "Of the visit."),
    _touch("device", "Device", "Of the visit: mobile, tablet, desktop, bot or unknown."),
    _ad("ad_account", "ad_account", "Ad Account", "The integration that the ad came by."),
    _ad("ad_campaign", "ad_campaign", "Ad Campaign",
        "The visit's ad belongs to it, or the visit's utm_campaign is its name or id.",
        "campaign"),
    _ad("ad_set", "adset", "Ad Set", "The visit's ad belongs to it."),
    _ad("ad_name", "ad", "Ad", "The visit's ad."),
    _ad("ad_match", "ad_match", "Ad Match",
        "Whether ads and visits found each other: `matched`, `spend without visits`, or `visits"
        " without an ad`, which carry the id of an ad that is not known.", "match"),
    Dimension(
        slug="views.page", key="viewed_page", name="Viewed Page", family=Family.PAGE,
        sql="f.page", help="The host and path of a page that was viewed.", source="help 625",
        aliases=("viewed",),
    ),
    Dimension(
        slug="contacts.status", key="status", name="Status", family=Family.LEAD, sql="d.status",
        help="Opt-in status of the lead.", source="rest/_contacts.md",
    ),
    Dimension(
        slug="contacts.integration", key="integration", name="Integration", family=Family.LEAD,
        sql="d.integration", help="The integration that the lead first came by.", source="ours",
    ),
    Dimension(
        slug="contacts.affiliate", key="affiliate", name="Affiliate", family=Family.LEAD,
        sql="d.affiliate_id", help="Who sent the lead.", source="rest/_contacts.md",
    ),
    Dimension(
        slug="contacts.tag", key="tag", name="Tag", family=Family.TAG, sql="g.name",
        help="Tags of the lead. One with several is counted in each of their rows.",
        source="rest/_tags.md", is_multiple=True, aliases=("tags",),
    ),
    Dimension(
        slug="orders.product", key="product", name="Product", family=Family.PRODUCT,
        sql="f.product", help="The product of a line item, or of a subscription. What an order's"
        " amount holds beside its items (tax, shipping, discount) has none.",
        source="help 205", aliases=("products",),
    ),
    Dimension(
        slug="orders.status", key="order_status", name="Order Status", family=Family.ORDER,
        sql="f.order_status", help="refunded, paid, partly paid or unpaid.", source="help 627",
    ),
    Dimension(
        slug="orders.kind", key="order_kind", name="New or Returning", family=Family.ORDER,
        sql="f.order_kind", help="Whether it is the buyer's first order: `first` or `repeat`.",
        source="ours",
    ),
    Dimension(
        slug="orders.age", key="age", name="Months since Lead", family=Family.AGE,
        sql="case when f.moment < f.lead_moment then 0 else"
        " cast(floor(cast(f.moment - f.lead_moment as double precision) / 2592000) as integer) end",
        help="Whole months of 30 days from the lead's creation to the order; 0 before it.",
        source="help 246", type=Kind.NUMBER,
    ),
    Dimension(
        slug="orders.integration", key="order_integration", name="Order Integration",
        family=Family.ORDER, sql="f.order_integration",
        help="The integration that the order came by.", source="ours",
    ),
    Dimension(
        slug="subscriptions.plan", key="plan", name="Plan", family=Family.SUBSCRIPTION,
        sql="f.plan", help="The product and how often it is billed.", source="help 211",
    ),
    Dimension(
        slug="subscriptions.status", key="subscription_status", name="Subscription Status",
        family=Family.SUBSCRIPTION, sql="f.status",
        help="pending, trialing, active or ended, at the end of the range.", source="ours",
    ),
    _time("day", "Day", "2026-02-28."),
    _time("week", "Week", "The day that the week begins on; Monday unless the account says."),
    _time("month", "Month", "2026-02."),
    _time("quarter", "Quarter", "2026-Q1."),
    _time("year", "Year", "2026."),
)  # fmt: skip


def find_dimension(name: str) -> Dimension:
    """Finds a dimension by any of its names; contacts.custom.NAME is that custom field.

    Raises:
        UsageError: There is none.
    """
    if name.startswith(CUSTOM):
        field = name.removeprefix(CUSTOM)
        if not 0 < len(field) <= 200 or not field.isprintable():
            raise UsageError(f"{CUSTOM} is followed by the name of a custom field")
        return Dimension(
            slug=name, key=field, name=field, family=Family.LEAD, sql="",
            help="A custom field of the lead.", source="rest/_contacts.md",
        )  # fmt: skip
    return DIMENSIONS.find(name)
