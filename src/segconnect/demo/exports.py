"""Writes the shop down as the tools export it, each with its quirks. Same world, same bytes.

The cells are quoted here rather than by `csv`, whose rules have changed between Pythons.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from segconnect.demo.shop import AdDay, Contact, Order, Subscription, World

if TYPE_CHECKING:
    from segconnect.types import Cents


def _columns(header: str) -> tuple[str, ...]:
    return tuple(header.split(","))


SHOPIFY_COLUMNS = _columns(
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
    "Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,"
    "Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,"
    "Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,"
    "Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,"
    "Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,"
    "Location,Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,"
    "Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,"
    "Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,"
    "Payment Terms Name,Next Payment Due At,Payment References"
)
MAILCHIMP_COLUMNS = _columns(
    "Email Address,First Name,Last Name,Phone Number,COMPANY,UTM_SOURCE,UTM_MEDIUM,UTM_CAMPAIGN,"
    "MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,"
    "TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
BREVO_COLUMNS = _columns(
    "EMAIL,LASTNAME,FIRSTNAME,SMS,CITY,EMAIL_BLACKLISTED,SMS_BLACKLISTED,ADDED_TIME,MODIFIED_TIME"
)
META_COLUMNS = _columns(
    "Reporting starts,Reporting ends,Day,Campaign name,Campaign ID,Ad set name,Ad set ID,Ad name,"
    "Ad ID,Platform,Amount spent (USD),Impressions,Link clicks"
)
GOOGLE_COLUMNS = _columns(
    "Day,Campaign,Campaign ID,Ad group,Ad group ID,Ad ID,Currency code,Cost,Avg. CPC,Impr.,Clicks"
)

_MONTHS = _columns(
    "January,February,March,April,May,June,July,August,September,October,November,December"
)
NEW_YORK = ZoneInfo("America/New_York")


def write_exports(world: World, directory: Path) -> list[Path]:
    """Writes every export into a directory, which is made if it is not there."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, render in EXPORTS.items():
        path = directory / name
        path.write_bytes(render(world))
        written.append(path)
    return written


def shopify_orders(world: World) -> bytes:
    """Renders the orders: one row for each line item, the totals on the first row only."""
    rows = [row for order in world.orders for row in _order_rows(order)]
    return _table([SHOPIFY_COLUMNS, *_picked(SHOPIFY_COLUMNS, rows)]).encode()


def _order_rows(order: Order) -> Iterator[dict[str, str]]:
    for index, line in enumerate(order.lines):
        yield {
            "Name": order.name,
            "Email": order.email,
            **(_order_head(order) if index == 0 else {}),
            "Created at": _local(order.created),
            "Lineitem quantity": str(line.quantity),
            "Lineitem name": line.product.name,
            "Lineitem price": _money(line.product.price),
            "Lineitem sku": line.product.sku,
            "Lineitem requires shipping": "true",
            "Lineitem taxable": "true",
            "Lineitem fulfillment status": "pending" if order.status == "voided" else "fulfilled",
            "Vendor": "Brindlemoor",
            "Lineitem discount": "0.00",
        }


def _order_head(order: Order) -> dict[str, str]:
    """Tells what only the first row of an order says."""
    number = int(order.name[1:])
    is_paid = order.status not in ("pending", "voided")
    is_counter = not order.email
    head = {
        "Financial Status": order.status,
        "Paid at": _local(order.created + timedelta(seconds=3)) if is_paid else "",
        "Fulfillment Status": "unfulfilled" if order.status == "voided" else "fulfilled",
        "Accepts Marketing": "yes" if number % 3 else "no",
        "Currency": "USD",
        "Subtotal": _money(order.subtotal),
        "Shipping": _money(order.shipping),
        "Taxes": _money(order.tax),
        "Total": order.typed_total or _money(order.total),
        "Discount Code": order.discount_code,
        "Discount Amount": _money(order.discount),
        "Shipping Method": "Pickup" if is_counter else "Standard",
        "Notes": order.note,
        "Note Attributes": _note_attributes(order),
        "Cancelled at": _local(order.created + timedelta(hours=5)) * (order.status == "voided"),
        "Payment Method": "Shopify Payments" if is_paid else "Bank Deposit",
        "Payment Reference": f"r{number}.1" if is_paid else "",
        "Refunded Amount": _money(order.refunded),
        "Outstanding Balance": _money(order.total if order.status == "pending" else 0),
        "Id": str(5_801_347_000_000 + number * 32_771),
        "Tags": "wholesale, by hand" if order.typed_total else "",
        "Risk Level": "Low",
        "Source": "pos" if is_counter else "web",
        "Location": "Brindlemoor Shop" if is_counter else "",
    }
    if order.tax:
        head |= {"Tax 1 Name": "Tax 6.25%", "Tax 1 Value": _money(order.tax)}
    return head | ({} if is_counter else _addresses(order.buyer))


def _addresses(buyer: Contact) -> dict[str, str]:
    return {
        "Billing Name": f"{buyer.first_name} {buyer.last_name}",
        "Shipping Name": f"{buyer.first_name} {buyer.last_name}",
        "Shipping City": buyer.town.city,
        "Shipping Zip": f"'{buyer.town.zip_code}",  # keeps the leading zero in a spreadsheet
        "Shipping Province": buyer.town.province,
        "Shipping Country": "US",
    }


def _note_attributes(order: Order) -> str:
    if order.utm is None:
        return ""
    utm = order.utm
    lines = (f"UTM source: {utm.source}", f"UTM medium: {utm.medium}")
    return "\n".join((*lines, f"UTM campaign: {utm.campaign}") if utm.campaign else lines)


def mailchimp_contacts(world: World) -> bytes:
    """Renders the first newsletter tool's people, with a byte-order mark in front."""
    rows = [_member(index, person, world.as_of) for index, person in enumerate(world.audience)]
    return b"\xef\xbb\xbf" + _table([MAILCHIMP_COLUMNS, *_picked(MAILCHIMP_COLUMNS, rows)]).encode()


def _member(index: int, person: Contact, as_of: datetime) -> dict[str, str]:
    joined = _plain(person.joined)
    utm = person.utm
    return {
        "Email Address": person.email,
        "First Name": person.first_name,
        "Last Name": person.last_name,
        "Phone Number": f"617-555-01{index % 100:02d}" if index % 6 == 0 else "",
        "COMPANY": person.company,
        "UTM_SOURCE": utm.source if utm else "",
        "UTM_MEDIUM": utm.medium if utm else "",
        "UTM_CAMPAIGN": utm.campaign if utm else "",
        "MEMBER_RATING": str(2 + index % 4),
        "OPTIN_TIME": "" if person.is_imported else joined,
        "OPTIN_IP": "" if person.is_imported else f"192.0.2.{index % 250 + 1}",
        "CONFIRM_TIME": joined if person.is_imported else _plain(_after(person.joined, 52, as_of)),
        "LAST_CHANGED": _plain(_after(person.joined, 4000, as_of)),
        "LEID": str(30_214_007 + index * 13),
        "EUID": f"{(index + 1) * 48_271_999 % 16**10:010x}",
        "TAGS": ",".join(f'"{tag}"' for tag in person.tags),
    }


def brevo_contacts(world: World) -> bytes:
    """Renders the second newsletter tool's people, as saved again from a Windows spreadsheet."""
    rows = [_recipient(index, person, world.as_of) for index, person in enumerate(world.letters)]
    table = _table([BREVO_COLUMNS, *_picked(BREVO_COLUMNS, rows)], delimiter=";", ending="\r\n")
    return table.encode("cp1252")


def _recipient(index: int, person: Contact, as_of: datetime) -> dict[str, str]:
    return {
        "EMAIL": person.email,
        "LASTNAME": person.last_name,
        "FIRSTNAME": person.first_name,
        "SMS": f"161755501{index % 100:02d}" if index % 4 == 0 else "",
        "CITY": person.town.city,
        "EMAIL_BLACKLISTED": "No" if person.is_active else "Yes",
        "SMS_BLACKLISTED": "No",
        "ADDED_TIME": f"{person.joined:%d-%m-%Y %H:%M}",
        "MODIFIED_TIME": f"{_after(person.joined, 9000, as_of):%d-%m-%Y %H:%M}",
    }


def stripe_subscriptions(world: World) -> bytes:
    """Renders the subscriptions as the API lists them, one to a line."""
    items = [
        json.dumps(_listed(subscription), ensure_ascii=False)
        for subscription in world.subscriptions
    ]
    head = '{"object": "list", "url": "/v1/subscriptions", "has_more": false, "data": [\n'
    return (head + ",\n".join(items) + "\n]}\n").encode()


def _listed(subscription: Subscription) -> dict[str, Any]:
    plan = subscription.plan
    price = {
        "id": plan.price,
        "object": "price",
        "currency": "usd",
        "nickname": plan.name,
        "product": plan.product,
        "recurring": {"interval": plan.interval, "interval_count": plan.count},
        "type": "recurring",
        "unit_amount": plan.amount,
    }
    item = {
        "id": subscription.id.replace("sub_", "si_"),
        "object": "subscription_item",
        "current_period_start": _unix(subscription.period_start),
        "price": price,
        "quantity": subscription.quantity,
    }
    customer = {
        "id": subscription.customer_id,
        "object": "customer",
        "email": subscription.email,
        "name": subscription.name,
    }
    is_leaving = subscription.cancel_at is not None and subscription.ended_at is None
    return {
        "id": subscription.id,
        "object": "subscription",
        "cancel_at": _unix(subscription.cancel_at),
        "cancel_at_period_end": is_leaving,
        "canceled_at": _unix(subscription.canceled_at),
        "created": _unix(subscription.started),
        "currency": "usd",
        "customer": customer,
        "ended_at": _unix(subscription.ended_at),
        "items": {"object": "list", "data": [item], "has_more": False},
        "start_date": _unix(subscription.started),
        "status": subscription.status,
        "trial_end": _unix(subscription.trial_end),
    }


def meta_ads(world: World) -> bytes:
    """Renders Meta's days: a row that sums the report first, then ads by day and platform."""
    first, last = world.meta[0].day.isoformat(), world.meta[-1].day.isoformat()
    total = _sums(world.meta)
    rows = [
        META_COLUMNS,
        [first, last, *("",) * 8, _money(total.spend), str(total.impressions), str(total.clicks)],
    ]
    rows += [
        [
            *(first, last, it.day.isoformat()),
            *(it.ad.campaign, it.ad.campaign_id, it.ad.ad_set, it.ad.ad_set_id),
            *(it.ad.name, it.ad.id, it.place),
            *(_money(it.spend), str(it.impressions), str(it.clicks) if it.clicks else ""),
        ]
        for it in world.meta
    ]
    return _table(rows).encode()


def google_ads(world: World) -> bytes:
    """Renders Google's days: a title and the dates before the header, the same sums after it."""
    first, last = world.google[0].day, world.google[-1].day
    dates = " - ".join(f"{_MONTHS[day.month - 1]} {day.day}, {day.year}" for day in (first, last))
    total = _sums(world.google)
    rows = [["Ad report"], [dates], GOOGLE_COLUMNS]
    rows += [
        [
            *(it.day.isoformat(), it.ad.campaign, it.ad.campaign_id),
            *(it.ad.ad_set, it.ad.ad_set_id, it.ad.id),
            *_google_figures(it),
        ]
        for it in world.google
    ]
    rows += [
        [f"Total: {what}", *(" --",) * 5, *_google_figures(total)]
        for what in ("Ads", "Search", "Account")
    ]
    return b"\xff\xfe" + _table(rows, delimiter="\t").encode("utf-16-le")


def _google_figures(figures: AdDay) -> list[str]:
    spend, clicks = figures.spend, figures.clicks
    each = _grouped((spend * 2 + clicks) // (clicks * 2)) if clicks else " --"
    return ["USD", _grouped(spend), each, f"{figures.impressions:,}", f"{clicks:,}"]


def _sums(days: Sequence[AdDay]) -> AdDay:
    return AdDay(
        ad=days[0].ad,
        day=days[0].day,
        place="",
        spend=sum(it.spend for it in days),
        impressions=sum(it.impressions for it in days),
        clicks=sum(it.clicks for it in days),
    )


def page_views(world: World) -> bytes:
    """Renders the site's own log, a view on each line; what is not known is not there."""
    lines = (
        {
            "at": f"{view.moment:%Y-%m-%dT%H:%M:%SZ}",
            "visitor": view.visitor,
            "url": view.url,
            "referrer": view.origin.referrer,
            "email": view.email,
        }
        for view in world.views
    )
    told = ({name: value for name, value in line.items() if value} for line in lines)
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in told).encode()


EXPORTS: dict[str, Callable[[World], bytes]] = {
    "shopify_orders.csv": shopify_orders,
    "mailchimp_contacts.csv": mailchimp_contacts,
    "brevo_contacts.csv": brevo_contacts,
    "stripe_subscriptions.json": stripe_subscriptions,
    "meta_ads.csv": meta_ads,
    "google_ads.csv": google_ads,
    "page_views.jsonl": page_views,
}
"""Each file of the example exports, and what renders it."""


def _picked(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> Iterator[list[str]]:
    """Lays the rows out by column, empty where they say nothing."""
    for row in rows:
        assert row.keys() <= set(columns), row.keys() - set(columns)
        yield [row.get(column, "") for column in columns]


def _table(rows: Iterable[Sequence[str]], delimiter: str = ",", ending: str = "\n") -> str:
    special = (delimiter, '"', "\n", "\r")
    return "".join(
        delimiter.join(
            '"' + cell.replace('"', '""') + '"' if any(it in cell for it in special) else cell
            for cell in row
        )
        + ending
        for row in rows
    )


def _money(cents: Cents) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _grouped(cents: Cents) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}"


def _local(moment: datetime) -> str:
    """Writes a moment as New York's clocks show it, with their offset."""
    return f"{moment.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S %z}"


def _plain(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _after(moment: datetime, minutes: int, as_of: datetime) -> datetime:
    return min(moment + timedelta(minutes=minutes), as_of)
