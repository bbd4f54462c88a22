"""What people looked at in the shop's web pages, as the site's own log has it.

The log is that of the days on which the ads ran. Who ordered came by a few visits, often by an ad;
of all others who came by an ad, the log holds one in so many.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from segconnect.demo.stock import GOOGLE_ADS, META_ADS, Ad, Dice

if TYPE_CHECKING:
    from segconnect.demo.shop import AdDay, Order

SITE = "https://brindlemoor.example"
PAGES = ("/", "/collections/black", "/collections/green", "/collections/gifts", "/pages/brewing")
WORD = re.compile("[a-z]+")
STRANGERS = 20
"""Of so many clicks that a platform counts, the log holds one of somebody who did not order."""

BY_NAME = GOOGLE_ADS[0].campaign
"""The campaign whose links carry its name, and no ad's id: they are older than the others."""

SHARES = (
    *((META_ADS[0], 9), (META_ADS[1], 5), (META_ADS[2], 8), (META_ADS[3], 4), (META_ADS[4], 3)),
    *((META_ADS[5], 11), (GOOGLE_ADS[0], 12), (GOOGLE_ADS[1], 6), (GOOGLE_ADS[2], 5)),
    *((GOOGLE_ADS[3], 6), (GOOGLE_ADS[4], 4), (GOOGLE_ADS[5], 7)),
)
"""How many of a hundred visits before an order are by each ad; the rest are by no ad."""


class Origin(NamedTuple):
    """How somebody came to the site."""

    arguments: tuple[tuple[str, str], ...] = ()
    referrer: str = ""
    ad: Ad | None = None

    @property
    def is_direct(self) -> bool:
        """Whether nothing tells where the visit came from."""
        return not self.arguments and not self.referrer


@dataclass(frozen=True)
class View:
    """One page, seen once."""

    moment: datetime
    visitor: str
    page: str
    origin: Origin
    email: str = ""  # known on the page that thanks for an order

    @property
    def url(self) -> str:
        """The address, with what the link added to it."""
        query = f"?{urlencode(self.origin.arguments)}" if self.origin.arguments else ""
        return f"{SITE}{self.page}{query}"


DIRECT = Origin()
OTHERS = (
    Origin(referrer="https://www.google.com/"),
    Origin(referrer="https://www.google.com/"),
    Origin(referrer="https://l.instagram.com/"),
    Origin(
        (("utm_source", "newsletter"), ("utm_medium", "email"), ("utm_campaign", "first_flush"))
    ),
    Origin((("utm_source", "podcast"), ("utm_medium", "audio"), ("utm_campaign", "kettle_talk"))),
    DIRECT,
    DIRECT,
)


def origin_of(ad: Ad) -> Origin:
    """Answers what the link of an ad adds to the address of a page."""
    is_google = ad in GOOGLE_ADS
    has_id = ad.campaign != BY_NAME
    arguments = (
        ("utm_source", "google" if is_google else "facebook"),
        ("utm_medium", "cpc" if is_google else "paid_social"),
        ("utm_campaign", "_".join(WORD.findall(ad.campaign.lower())) if has_id else ad.campaign),
        *((("ad_id", ad.id),) if has_id else ()),
    )
    return Origin(arguments, f"https://{'www.google' if is_google else 'l.facebook'}.com/", ad)


def draw_views(orders: Sequence[Order], days: Sequence[AdDay], dice: Dice) -> list[View]:
    """Draws the log, in the order of time."""
    ran = {(it.ad.id, it.day) for it in days if it.clicks}
    first = min(it.day for it in days)
    visitors: dict[str, str] = {}
    views: list[View] = []
    for order in orders:
        if order.created.date() >= first and order.email:
            known = visitors.setdefault(order.buyer.key, f"b{len(visitors):04d}")
            views += _before(order, known, ran, first, dice)
    for it in days:
        views += _strangers(it, dice, len(views))
    return sorted(views, key=lambda view: (view.moment, view.visitor))


def _before(
    order: Order, visitor: str, ran: set[tuple[str, date]], first: date, dice: Dice
) -> list[View]:
    """Draws the visits before an order, and the page that thanks for it."""
    views = []
    for back in range(dice.pick((1, 1, 2, 2, 3)) - 1, -1, -1):
        moment = order.created - timedelta(days=back * 3, minutes=dice.between(4, 26))
        if moment.date() >= first:
            origin = _drawn(dice)
            if origin.ad and (origin.ad.id, moment.date()) not in ran:
                origin = DIRECT
            views.append(View(moment, visitor, dice.pick(PAGES), origin))
    thanks = View(order.created, visitor, "/thank-you", DIRECT, order.buyer.email)
    return [*views, thanks]


def _drawn(dice: Dice) -> Origin:
    drawn = dice.below(100)
    for ad, share in SHARES:
        if drawn < share:
            return origin_of(ad)
        drawn -= share
    return dice.pick(OTHERS)


def _strangers(day: AdDay, dice: Dice, number: int) -> list[View]:
    """Draws those who clicked on an ad that day, and did not order."""
    midnight = datetime(day.day.year, day.day.month, day.day.day, tzinfo=UTC)
    count = (day.clicks + dice.below(STRANGERS)) // STRANGERS
    return [
        View(
            midnight + timedelta(seconds=dice.between(11 * 3600, 86_000)),
            f"s{number + each:05d}", dice.pick(PAGES), origin_of(day.ad),
        )
        for each in range(count)
    ]  # fmt: skip
