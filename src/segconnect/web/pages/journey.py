"""What happened to one person, as a time line: days, and what happened on each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from segconnect.account.people.person import Link
from segconnect.web.filters import units

SHOWN = 300  # of what happened to one person
VISIT = timedelta(minutes=30)  # between two pages of one visit
ENDS = (
    ("trial_end_date", "Trial ended"),
    ("canceled_date", "Canceled"),
    ("end_date", "Subscription ended"),
)


class Happened(NamedTuple):
    """Something on the time line."""

    at: datetime
    kind: str  # visit, contact, tag, order, refund, subscription, end, joined, parted
    told: str
    detail: str = ""
    pages: Sequence[str] = ()


class Day(NamedTuple):
    """A day of the time line, and what happened on it, the latest first."""

    day: date
    happened: list[Happened]


def days(happened: Sequence[Happened], zone: str) -> list[Day]:
    """Puts what happened, the latest first, under the days of a zone."""

    def day(each: Happened) -> date:
        return each.at.astimezone(ZoneInfo(zone)).date()

    return [Day(key, list(group)) for key, group in groupby(happened, day)]


def journey(
    contact: dict[str, Any], links: Sequence[Link], record: dict[str, Any], currency: str
) -> list[Happened]:
    """Puts what happened to somebody in order, the latest first.

    Args:
        contact: The contact with all its expansions.
        links: Why it is one person with others.
        record: Its row in the store.
        currency: That money is shown in.
    """
    found = [
        *_visits(contact["events"]),
        _happened(contact["date_created"], "contact", "Became a contact", utm(record)),
        *_tagged(contact["tags"]),
        *_joined(links),
    ]
    for order in contact["orders"]:
        items = ", ".join(str(item["product_name"]) for item in order["line_items"])
        told = f"Ordered for {units(order['total'], currency)}"
        if order["is_refunded"]:
            told += ", refunded"
        elif order["total_paid"] != order["total"]:
            told += f", paid {units(order['total_paid'], currency)}"
        kind = "refund" if order["is_refunded"] else "order"
        detail = f"{items} · {order['order_id']}"
        found.append(_happened(order["date_created"], kind, told, detail))
    for each in contact["subscriptions"]:
        every = each["billing_cycle"]
        every = every if each["frequency"] == 1 else f"{each['frequency']} {every}s"
        price = f"{units(each['amount'], currency)} every {every} · {each['subscription_id']}"
        name = each["product_name"] or each["product_id"]
        found.append(_happened(each["start_date"], "subscription", f"Subscribed to {name}", price))
        found += [
            _happened(each[key], "end", f"{told}: {name}") for key, told in ENDS if each.get(key)
        ]
    return sorted(found, key=lambda each: each.at, reverse=True)


def _tagged(tags: list[dict[str, Any]]) -> Iterator[Happened]:
    """Tells of tags that came together as one."""
    for at, group in groupby(tags, lambda tag: str(tag["date_created"])):
        yield _happened(at, "tag", f"Tagged {', '.join(tag['name'] for tag in group)}")


def _joined(links: Sequence[Link]) -> Iterator[Happened]:
    for link in links:
        both = f"{link.one} = {link.other}"
        for at, kind, told, reason, who in (
            (link.date_created, "joined", "Joined", link.reason, link.made_by),
            (link.undone_at, "parted", "Parted", link.undone_reason, link.undone_by),
        ):
            if at is not None:
                by = f", by {who}" if who else ""
                moment = datetime.fromtimestamp(at, UTC)
                yield Happened(moment, kind, f"{told}: {reason}{by}", both)


def _visits(events: list[dict[str, Any]]) -> Iterator[Happened]:
    """Makes visits of page views: those on one device that follow within half an hour."""
    of_device: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        of_device[event["uid"]].append(event)
    for views in of_device.values():
        visit: list[dict[str, Any]] = []
        last: datetime | None = None
        for view in views:
            at = datetime.fromisoformat(view["date_created"])
            if last is not None and at - last > VISIT:
                yield _visit(visit)
                visit = []
            visit.append(view)
            last = at
        yield _visit(visit)


def _visit(views: list[dict[str, Any]]) -> Happened:
    first, count = views[0], len(views)
    told = "Visited 1 page" if count == 1 else f"Visited {count} pages"
    begun, ended = (datetime.fromisoformat(each["date_created"]) for each in (first, views[-1]))
    if minutes := round((ended - begun).total_seconds() / 60):
        told += f" in {minutes} minute{'' if minutes == 1 else 's'}"
    device = first["meta"]["device"]
    where = ", ".join(filter(None, (first["city"], first["country_code"])))
    parts = (first["channel"], utm(first), first["referrer"], where,
             "" if device == "unknown" else device)  # fmt: skip
    detail = " · ".join(filter(None, parts))
    return Happened(begun, "visit", told, detail, [view["url"] for view in views])


def utm(values: dict[str, Any]) -> str:
    """The source, medium and campaign of a visit, as one text."""
    found = [values.get(name) for name in ("utm_source", "utm_medium", "utm_campaign")]
    return " / ".join(str(value) for value in found if value)


def _happened(at: str, kind: str, told: str, detail: str = "") -> Happened:
    return Happened(datetime.fromisoformat(at), kind, told, detail)
