"""The world of the example data: one invented shop, Brindlemoor Tea, as it really happened.

Pure and seeded: the same seed gives the same shop on every machine, Python version and day. It
knows nothing of files or tools; how Shopify or Stripe would write it down is told in `exports`.
The parts draw from dice of their own, so that a change to the ads does not move an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from segconnect.demo.site import View, draw_views
from segconnect.demo.size import SMALL, Size
from segconnect.demo.stock import (
    BEYOND_CP1252,
    COMPANIES,
    DOMAINS,
    EUROPE,
    FIRST_NAMES,
    GOOGLE_ADS,
    LAST_NAMES,
    META_ADS,
    NOTES,
    PLANS,
    PRODUCTS,
    TAGS,
    TOWNS,
    UTMS,
    WHOLESALE,
    Ad,
    Dice,
    Plan,
    Product,
    Town,
    Utm,
    address_of,
)

if TYPE_CHECKING:
    from segconnect.types import Cents

SEED = 20261001
AS_OF = SMALL.as_of


@dataclass(frozen=True)
class Contact:
    """A person as a newsletter tool holds them; the e-mail is spelled as it was typed there."""

    email: str
    first_name: str
    last_name: str
    town: Town
    joined: datetime
    is_active: bool = True
    is_imported: bool = False  # brought in by hand: the tool knows no moment of opting in
    company: str = ""
    tags: tuple[str, ...] = ()
    utm: Utm | None = None

    @property
    def key(self) -> str:
        """What makes two spellings of an address the same person."""
        return self.email.lower()


@dataclass(frozen=True)
class Line:
    """A product in an order, so many of it."""

    product: Product
    quantity: int

    @property
    def amount(self) -> Cents:
        """What the line costs before discount and tax."""
        return self.product.price * self.quantity


@dataclass(frozen=True)
class Order:
    """A purchase, with what became of it."""

    name: str
    email: str  # empty for a sale over the counter
    buyer: Contact
    status: str
    created: datetime
    lines: tuple[Line, ...]
    discount: Cents = 0
    discount_code: str = ""
    shipping: Cents = 0
    tax: Cents = 0
    refunded: Cents = 0
    note: str = ""
    utm: Utm | None = None
    typed_total: str = ""  # what somebody wrote over the total, by hand

    @property
    def subtotal(self) -> Cents:
        """The lines, less the discount."""
        return sum(line.amount for line in self.lines) - self.discount

    @property
    def total(self) -> Cents:
        """What the customer owes: not the sum of the lines."""
        return self.subtotal + self.shipping + self.tax


@dataclass(frozen=True)
class Subscription:
    """Somebody's plan. It is over when it has ended; asking to cancel does not end it yet."""

    id: str
    customer_id: str
    email: str | None
    name: str
    plan: Plan
    quantity: int
    status: str
    started: datetime
    period_start: datetime
    trial_end: datetime | None = None
    cancel_at: datetime | None = None  # when it will end, or ended, by itself
    canceled_at: datetime | None = None  # when somebody asked for that
    ended_at: datetime | None = None


@dataclass(frozen=True)
class AdDay:
    """One ad's figures on one day, in one place where it was shown."""

    ad: Ad
    day: date
    place: str
    spend: Cents
    impressions: int
    clicks: int


@dataclass(frozen=True)
class World:
    """All that happened in the shop. Orders stand newest first, as a shop lists them."""

    audience: tuple[Contact, ...]
    letters: tuple[Contact, ...]
    orders: tuple[Order, ...]
    subscriptions: tuple[Subscription, ...]
    meta: tuple[AdDay, ...]
    google: tuple[AdDay, ...]
    views: tuple[View, ...]
    as_of: datetime = AS_OF  # when all files are exported; nothing happens after it


def build_world(seed: int = SEED, size: Size = SMALL) -> World:
    """Invents the shop of a seed, so large."""
    dice = [Dice(seed * 10 + part) for part in range(8)]
    people = _people(size, dice[0])
    audience = _audience(people[: size.audience], dice[1])
    known = people[size.audience : size.audience + size.letters]
    guests = people[size.audience + size.letters :]
    orders = _orders(size, (audience, known, guests), dice[3])
    meta, google = _meta_days(size, dice[5]), _google_days(size, dice[6])
    return World(
        audience=tuple(audience),
        letters=tuple(_letters(size, known, audience, dice[2])),
        orders=tuple(reversed(orders)),
        subscriptions=tuple(_subscriptions(size, (*audience, *known, *guests[:12]), dice[4])),
        meta=tuple(meta),
        google=tuple(google),
        views=tuple(draw_views(orders, [*meta, *google], dice[7])),
        as_of=size.as_of,
    )


def _people(size: Size, dice: Dice) -> list[Contact]:
    """Draws people of different names; the ones whom only Unicode can write come first."""
    names = dice.shuffled([(first, last) for first in FIRST_NAMES for last in LAST_NAMES])
    count = size.audience + size.letters + size.guests - len(BEYOND_CP1252)
    return [
        Contact(
            email=address_of(first, last, "+tea" * (index % 50 == 7), dice.pick(DOMAINS)),
            first_name=first,
            last_name=last,
            town=dice.pick(TOWNS),
            joined=size.as_of - timedelta(seconds=dice.between(86_400, size.joined_days * 86_400)),
        )
        for index, (first, last) in enumerate([*BEYOND_CP1252, *names[:count]])
    ]


def _audience(people: Sequence[Contact], dice: Dice) -> list[Contact]:
    return sorted(
        (
            replace(
                person,
                is_imported=dice.happens(15),
                company=dice.pick(COMPANIES),
                tags=tuple(tag for tag in TAGS if dice.happens(18)),
                utm=dice.pick(UTMS) if dice.happens(84) else None,
            )
            for person in people
        ),
        key=lambda person: person.joined,
    )


def _letters(
    size: Size, known: Sequence[Contact], audience: Sequence[Contact], dice: Dice
) -> list[Contact]:
    """Draws the second tool's people: its own, some of the first tool's, and a mistyped one."""
    writable = [person for person in audience if _is_cp1252(person)]
    shared = [
        replace(
            person, email=_shouted(person.email, index), joined=_later(size, person.joined, dice)
        )
        for index, person in enumerate(dice.shuffled(writable)[: size.shared])
    ]
    own = [replace(person, is_active=not dice.happens(12)) for person in known]
    mistyped = replace(known[0], email="marlene.voss.example.com", first_name="Marlene")
    letters = sorted([*own, *shared], key=lambda person: person.joined)
    letters.insert(41, replace(mistyped, last_name="Voss", joined=letters[41].joined))
    return [replace(person, town=Town(dice.pick(EUROPE), "", "")) for person in letters]


def _is_cp1252(person: Contact) -> bool:
    try:
        f"{person.first_name}{person.last_name}".encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _shouted(email: str, index: int) -> str:
    """Spells an address as it was, or Like.This@Example.com, or AS THIS, in turn."""
    return (email, email.title(), email.upper())[index % 3]


def _later(size: Size, moment: datetime, dice: Dice) -> datetime:
    return min(
        moment + timedelta(minutes=dice.between(10, 60_000)), size.as_of - timedelta(hours=1)
    )


def _orders(size: Size, crowds: tuple[Sequence[Contact], ...], dice: Dice) -> list[Order]:
    """Draws the orders, oldest first: a few each day, more as the shop becomes known."""
    audience, known, guests = crowds
    turns = [audience] * 72 + [known] * 14 + [guests] * 14
    times = sorted(_waking_hour(size, dice) for _ in range(size.orders))
    fates = [status for status, count in size.outcomes().items() for _ in range(count)]
    fates = dice.shuffled(fates + ["paid"] * (size.orders - 2 - len(fates)))
    over_counter = _over_counter(size, fates, dice)
    orders = [
        Order("#1001", "", dice.pick(audience), "paid", times[0], (Line(WHOLESALE, 4),)),
        Order("#1002", "", dice.pick(audience), "paid", times[1], (Line(WHOLESALE, 10),)),
    ]
    orders[0] = replace(orders[0], email=orders[0].buyer.email, typed_total="n/a")
    orders[1] = replace(orders[1], email=orders[1].buyer.email, typed_total="$1,299.00")
    for index, (status, created) in enumerate(zip(fates, times[2:], strict=True)):
        name, buyer = f"#{1003 + index}", dice.pick(dice.pick(turns))
        order = _order(name, buyer, status, created, dice)
        if index in over_counter:
            order = replace(order, email="", shipping=0, note="", utm=None)
        orders.append(order)
    return orders


def _waking_hour(size: Size, dice: Dice) -> datetime:
    """Draws a moment from seven in the morning to midnight in New York, late days more often."""
    days = (size.as_of.date() - size.opened).days - 1
    back = min(dice.below(days), dice.below(days))
    seconds = dice.between(11 * 3600, 28 * 3600 - 1)  # New York is four hours behind in summer
    return datetime.combine(size.opened, time(), UTC) + timedelta(
        days=days - 1 - back, seconds=seconds
    )


def _over_counter(size: Size, fates: Sequence[str], dice: Dice) -> frozenset[int]:
    """Chooses paid orders and pending ones that nobody left an address for: six and two of 420."""
    paid = dice.shuffled([index for index, status in enumerate(fates) if status == "paid"])
    pending = dice.shuffled([index for index, status in enumerate(fates) if status == "pending"])
    part = size.orders // 420
    return frozenset([*paid[: 6 * part], *pending[: 2 * part]])


def _order(name: str, buyer: Contact, status: str, created: datetime, dice: Dice) -> Order:
    count = dice.pick((1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4))
    lines = tuple(
        Line(product, dice.pick((1, 1, 1, 1, 2, 3))) for product in dice.shuffled(PRODUCTS)[:count]
    )
    gross = sum(line.amount for line in lines)
    code = dice.pick(("SLOWSPRING", "AUTOMATIC DISCOUNTS")) if dice.happens(16) else ""
    discount = (gross * 10 + 50) // 100 if code else 0
    order = Order(
        name=name,
        email=buyer.email.title() if dice.happens(4) else buyer.email,
        buyer=buyer,
        status=status,
        created=created,
        lines=lines,
        discount=discount,
        discount_code=code,
        shipping=0 if gross >= 6000 else 595,
        tax=((gross - discount) * 625 + 5000) // 10_000,
        note=dice.pick(NOTES) if dice.happens(7) else "",
        utm=dice.pick(UTMS) if dice.happens(12) else None,
    )
    back = {"refunded": order.total, "partially_refunded": lines[0].product.price // 2}
    return replace(order, refunded=back.get(status, 0))


def _subscriptions(size: Size, people: Sequence[Contact], dice: Dice) -> list[Subscription]:
    """Draws the subscriptions, newest first as Stripe lists them."""
    plans = [plan for plan in PLANS for _ in range(plan.share)]
    fates = [fate for fate, count in size.fates().items() for _ in range(count)]
    fates = dice.shuffled(fates + ["active"] * (size.subscriptions - len(fates)))
    found = [
        _subscription(size, index, person, fate, dice.pick(plans), dice)
        for index, (person, fate) in enumerate(zip(dice.shuffled(people), fates, strict=False))
    ]
    nobody = next(index for index, it in enumerate(found) if it.status == "active" and index > 20)
    found[nobody] = replace(found[nobody], email=None)
    return sorted(found, key=lambda it: (it.started, it.id), reverse=True)


def _subscription(
    size: Size, index: int, person: Contact, fate: str, plan: Plan, dice: Dice
) -> Subscription:
    days = dice.between(2, 12) if fate == "trialing" else dice.between(30, size.subscribed_days)
    started = size.as_of - timedelta(days=days, seconds=dice.between(3_600, 80_000))
    trial = timedelta(days=14) if fate == "trialing" or dice.happens(25) else timedelta(0)
    is_office = plan.product == "prod_BMoffice01"
    subscription = Subscription(
        id=f"sub_1BM{index + 1:03d}{plan.interval[0].upper()}{plan.count}tea",
        customer_id=f"cus_BM{index + 1:03d}leaf",
        email=person.email,
        name=f"{person.first_name} {person.last_name}",
        plan=plan,
        quantity=dice.between(1, 5) if is_office else dice.pick((1, 1, 1, 1, 1, 2)),
        status="active" if fate == "leaving" else fate,
        started=started,
        period_start=started,
        trial_end=started + trial if trial else None,
    )
    if fate == "trialing":
        return subscription
    if fate == "canceled":
        return _canceled(size, subscription, dice)
    start, end = _period(started + trial, plan, size.as_of)
    subscription = replace(subscription, period_start=start)
    if fate == "leaving":
        asked = (start + (size.as_of - start) / 2).replace(microsecond=0)
        subscription = replace(subscription, cancel_at=end, canceled_at=asked)
    return subscription


def _canceled(size: Size, subscription: Subscription, dice: Dice) -> Subscription:
    """Ends a subscription: at once, or (one in two) at the end of a period, as asked before."""
    billed = subscription.trial_end or subscription.started
    asked = billed + timedelta(seconds=dice.below(int((size.as_of - billed).total_seconds()) - 60))
    start, end = _period(billed, subscription.plan, asked)
    if dice.happens(50) and end < size.as_of:
        return replace(
            subscription, period_start=start, canceled_at=asked, cancel_at=end, ended_at=end
        )
    return replace(subscription, period_start=start, canceled_at=asked, ended_at=asked)


def _period(billed: datetime, plan: Plan, at: datetime) -> tuple[datetime, datetime]:
    """Finds the billing period that holds a moment, counted from the first bill."""
    number = 0
    while _bill(billed, plan, number + 1) <= at:
        number += 1
    return _bill(billed, plan, number), _bill(billed, plan, number + 1)


def _bill(billed: datetime, plan: Plan, number: int) -> datetime:
    """Answers when a bill falls due; day 29 and later become day 28, so that each month has it."""
    count = number * plan.count
    if plan.interval == "week":
        return billed + timedelta(weeks=count)
    months = billed.year * 12 + billed.month - 1 + count * (12 if plan.interval == "year" else 1)
    day = billed.day if number == 0 else min(billed.day, 28)
    return billed.replace(year=months // 12, month=months % 12 + 1, day=day)


def _meta_days(size: Size, dice: Dice) -> list[AdDay]:
    """Draws Meta's days: two ads are shown in two places on some, and the last starts late."""
    found = []
    for number, day in enumerate(size.ad_days()):
        for place_in_list, ad in enumerate(META_ADS):
            if place_in_list == 5 and number < 12:
                continue
            found.append(_figures(ad, day, "facebook", dice, per_click=62))
            if place_in_list < 2 and number % 3 == 1:
                found.append(_figures(ad, day, "instagram", dice, per_click=48))
    return found


def _google_days(size: Size, dice: Dice) -> list[AdDay]:
    """Draws Google's days: ad four rests at first, and ad three once ran without a limit."""
    found = []
    runaway = size.as_of.date() - timedelta(days=12)
    for number, day in enumerate(size.ad_days()):
        for place_in_list, ad in enumerate(GOOGLE_ADS):
            figures = _figures(ad, day, "", dice, per_click=85)
            if place_in_list == 3 and number < 6:
                figures = AdDay(ad, day, "", 0, 0, 0)
            if place_in_list == 2 and day == runaway:
                figures = AdDay(ad, day, "", 102_050, 48_213, 1_206)
            found.append(figures)
    return found


def _figures(ad: Ad, day: date, place: str, dice: Dice, *, per_click: Cents) -> AdDay:
    """Draws a day: about the usual spend, dearer at weekends; now and then nobody clicks."""
    spend = ad.spend * dice.between(70, 130) // 100 * (125 if day.weekday() >= 5 else 100) // 100
    clicks = 0 if dice.happens(3) else max(1, spend * 100 // (per_click * dice.between(80, 130)))
    return AdDay(ad, day, place, spend, spend * dice.between(85, 140) // 100, clicks)
