"""What an account must hold once the shop's exports have been brought in.

Reckoned from the world alone, never from the files, so that a mistake in writing or in reading
them shows. The rules are the ones of the example scenarios:

- An order's amount is its total. What was paid is the total, less a refund of a part; an order
  still pending has paid nothing. An order refunded in full is flagged, and its paid stays.
- A voided order is left out by a filter: neither sent nor refused.
- An order without an e-mail, or with a total that is no number, is refused; so are a contact with
  a mistyped address and a subscription of a customer without one.
- An ad has the revenue of the orders of its days whose buyer came by it last: by its id, or by its
  campaign's name. Visits that nothing tells of count for nothing, and where a contact's own UTM
  fields are told last, that was no ad.
- Two spellings of an address, differing in large and small letters, are one person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, TypedDict

from segconnect.demo.shop import Order, Subscription, World

if TYPE_CHECKING:
    from segconnect.demo.stock import Ad
    from segconnect.types import Cents

    Touches = defaultdict[str, list[tuple[datetime, Ad | None]]]

NO_SOURCE = "(none)"
"""The source of revenue from people of whom no `utm_source` is known."""

CYCLE_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}

MISSING_EMAIL = "missing_email"
INVALID_EMAIL = "invalid_email"
UNREADABLE_AMOUNT = "unreadable_amount"


@dataclass(frozen=True)
class Refusal:
    """A record that cannot be brought in, where it begins in its file, and why."""

    file: str
    line: int  # as an editor counts, from 1: a line break inside a cell counts, too
    record: str  # how a person finds it: the order's name, the subscription's id, the e-mail
    why: str


class Earned(TypedDict):
    """What a campaign cost, and what it brought."""

    spend: Cents
    orders: int
    revenue: Cents


@dataclass(frozen=True)
class Truth:
    """What the account must hold. Money is in cents."""

    as_of: datetime
    contacts: int
    inactive_contacts: int
    tags: int
    orders: int
    voided_orders: int  # left out by the filter, so not counted in orders
    revenue: Cents
    collected: Cents
    refunded_orders: int
    refunds: Cents
    subscriptions: int
    active_subscriptions: int
    mrr: Cents
    ads: int
    ad_days: int
    ad_spend: Cents
    clicks: int
    impressions: int
    revenue_by_utm_source: Mapping[str, Cents]  # the greatest first
    ads_by_campaign: Mapping[str, Earned]  # on the days of the ads; "(none)" has what no ad brought
    refused: tuple[Refusal, ...]  # by file, in the order of its lines


def tell_truth(world: World) -> Truth:
    """Reckons what the account holds."""
    as_of = world.as_of
    orders = [it for it in world.orders if it.status != "voided" and not _refused_order(it)]
    refunded = [order for order in orders if order.status == "refunded"]
    subscriptions = [it for it in world.subscriptions if it.email is not None]
    people = [*world.audience, *(it for it in world.letters if "@" in it.email)]
    ad_days = [*world.meta, *world.google]
    return Truth(
        as_of=as_of,
        contacts=len({person.key for person in people}),
        inactive_contacts=len({person.key for person in people if not person.is_active}),
        tags=len({tag for person in people for tag in person.tags}),
        orders=len(orders),
        voided_orders=sum(order.status == "voided" for order in world.orders),
        revenue=sum(order.total for order in orders),
        collected=sum(paid(order) for order in orders),
        refunded_orders=len(refunded),
        refunds=sum(order.total for order in refunded),
        subscriptions=len(subscriptions),
        active_subscriptions=sum(is_active(it, as_of) for it in subscriptions),
        mrr=_half_up(
            sum((monthly(it) for it in subscriptions if is_active(it, as_of)), Fraction())
        ),
        ads=len({it.ad.id for it in ad_days}),
        ad_days=len({(it.ad.id, it.day) for it in ad_days}),
        ad_spend=sum(it.spend for it in ad_days),
        clicks=sum(it.clicks for it in ad_days),
        impressions=sum(it.impressions for it in ad_days),
        revenue_by_utm_source=_by_source(world, orders),
        ads_by_campaign=_by_campaign(world, orders),
        refused=(
            *_refused_orders(world),
            *_refused_contacts(world),
            *_refused_subscriptions(world),
        ),
    )


def paid(order: Order) -> Cents:
    """Answers what came in for an order, less what a refund of a part gave back."""
    if order.status in ("pending", "voided"):
        return 0
    return order.total - (order.refunded if order.status == "partially_refunded" else 0)


def is_active(subscription: Subscription, at: datetime) -> bool:
    """Answers whether a subscription has started, is past its trial and has not ended.

    One that was asked to cancel at the end of its period is active until then.
    """
    end = subscription.ended_at or subscription.cancel_at
    return (
        subscription.started <= at
        and (subscription.trial_end is None or subscription.trial_end <= at)
        and (end is None or end > at)
    )


def monthly(subscription: Subscription) -> Fraction:
    """Answers the cents of 30 days, exactly."""
    plan = subscription.plan
    days = plan.count * CYCLE_DAYS[plan.interval]
    return Fraction(plan.amount * subscription.quantity * 30, days)


def _half_up(amount: Fraction) -> Cents:
    return int(amount + Fraction(1, 2))


def _by_source(world: World, orders: list[Order]) -> dict[str, Cents]:
    sources = {person.key: person.utm.source for person in world.audience if person.utm}
    sums: defaultdict[str, Cents] = defaultdict(int)
    for order in orders:
        sums[sources.get(order.email.lower(), NO_SOURCE)] += order.total
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _by_campaign(world: World, orders: list[Order]) -> dict[str, Earned]:
    days = [*world.meta, *world.google]
    first = min((it.day for it in days), default=world.as_of.date())
    visitors = {view.visitor: view.email.lower() for view in world.views if view.email}
    touches: Touches = defaultdict(list)
    for view in world.views:
        if view.visitor in visitors and not view.origin.is_direct:
            touches[visitors[view.visitor]].append((view.moment, view.origin.ad))
    _tell_origins(world, touches)
    spend: defaultdict[str, Cents] = defaultdict(int)
    revenue: defaultdict[str, Cents] = defaultdict(int)
    counts: defaultdict[str, int] = defaultdict(int)
    for it in days:
        spend[it.ad.campaign] += it.spend
    for order in orders:
        if order.created.date() < first:
            continue
        buyer = order.email.lower()
        before = [each for each in touches.get(buyer, ()) if each[0] <= order.created]
        _, ad = max(before, key=lambda each: each[0], default=(None, None))
        campaign = ad.campaign if ad else NO_SOURCE
        revenue[campaign] += order.total
        counts[campaign] += 1
    return {
        name: Earned(spend=spend[name], orders=counts[name], revenue=revenue[name])
        for name in {**spend, **revenue}
    }


def _tell_origins(world: World, touches: Touches) -> None:
    """Adds what contacts' own fields tell of a visit: where none was seen the day before."""
    created = {person.key: person.joined for person in world.audience}
    for person in world.letters:  # the second tool writes its own date, without seconds
        created[person.key] = person.joined.replace(second=0)
    for person in world.audience:
        moment, known = created[person.key], touches[person.key]
        if person.utm and not any(moment - timedelta(1) <= each <= moment for each, _ in known):
            known.append((moment, None))


def _refused_order(order: Order) -> str | None:
    if not order.email:
        return MISSING_EMAIL
    if order.typed_total and not any(letter.isdigit() for letter in order.typed_total):
        return UNREADABLE_AMOUNT
    return None


def _refused_orders(world: World) -> Iterator[Refusal]:
    line = 2
    for order in world.orders:
        why = _refused_order(order)
        if why and order.status != "voided":
            yield Refusal("shopify_orders.csv", line, order.name, why)
        line += len(order.lines) + order.note.count("\n")
        if order.utm:  # source and medium have a line each, and so has a campaign
            line += 2 if order.utm.campaign else 1


def _refused_contacts(world: World) -> Iterator[Refusal]:
    for line, person in enumerate(world.letters, start=2):
        if "@" not in person.email:
            yield Refusal("brevo_contacts.csv", line, person.email, INVALID_EMAIL)


def _refused_subscriptions(world: World) -> Iterator[Refusal]:
    for line, subscription in enumerate(world.subscriptions, start=2):
        if subscription.email is None:
            yield Refusal("stripe_subscriptions.json", line, subscription.id, MISSING_EMAIL)
