"""The facts that metrics are summed over, and what each of them is known by."""

from __future__ import annotations

from segconnect.account.metrics.declaring import Fact, Family

_WHO = {Family.TIME, Family.LEAD, Family.TAG}
_WHENCE = {Family.TOUCH, Family.AD}

LEADS = Fact(
    "leads",
    "a person with a contact, dated by the first one",
    view="lead_facts",
    key=("person",),
    knows=frozenset(_WHO | _WHENCE),
    conversion="lead",
    credited="person",
)
SALES = Fact(
    "sales",
    "an order",
    view="sales",
    key=("pk",),
    knows=frozenset({*_WHO, *_WHENCE, Family.ORDER, Family.AGE}),
    conversion="order",
    credited="pk",
)
LINES = Fact(
    "lines",
    "a line item, and for each order what its amount holds beside them: tax, shipping, discount",
    view="lines",
    key=("pk", "position"),
    knows=frozenset({*_WHO, *_WHENCE, Family.ORDER, Family.AGE, Family.PRODUCT}),
    conversion="order",
    credited="pk",
)
"""Takes the place of SALES where products matter; both have the same sums."""

SPEND = Fact(
    "ad performance",
    "an ad, one day",
    view="spend_facts",
    key=("integration_pk", "ad_id", "day"),
    knows=frozenset({Family.TIME, Family.AD}),
    also=frozenset({"clicks.channel", "clicks.utm_campaign"}),
)
VISITS = Fact(
    "visits",
    "a visit that can earn credit",
    view="visit_facts",
    key=("person", "number"),
    knows=frozenset(_WHO | _WHENCE),
)
PAGE_VIEWS = Fact(
    "page views",
    "a page that somebody viewed",
    view="view_facts",
    key=("visitor_pk", "moment", "hit"),
    knows=frozenset({*_WHO, *_WHENCE, Family.PAGE}),
)
BASE = Fact(
    "leads so far",
    "a person with a contact, at the end of a period",
    view="base",
    key=("person", "bucket"),
    knows=frozenset(_WHO),
    is_timed=False,
)
PEOPLE = Fact(
    "people",
    "a person, dated by the first that is known of them",
    view="person_facts",
    key=("person",),
    knows=frozenset(_WHO | _WHENCE),
)
STATES = Fact(
    "subscriptions",
    "a subscription, at the end of a period",
    view="states",
    key=("pk", "bucket"),
    knows=frozenset({*_WHO, *_WHENCE, Family.PRODUCT, Family.SUBSCRIPTION}),
    conversion="lead",
    credited="person",
    is_timed=False,
)
MOVEMENTS = Fact(
    "MRR movements",
    "a day on which somebody's recurring revenue changed",
    view="movements",
    key=("person", "day"),
    knows=frozenset(_WHO | _WHENCE),
    conversion="lead",
    credited="person",
)

FACTS = (LEADS, SALES, LINES, SPEND, VISITS, PAGE_VIEWS, BASE, PEOPLE, STATES,
         MOVEMENTS)  # fmt: skip
