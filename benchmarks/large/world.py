"""A store of any size: two years of a shop with ads, two orders and twenty page views a contact.

Whoever visits comes ten times, by another channel each time, and looks at two pages. Ids have
leading zeros, so that their indexes grow at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from segconnect.account.owner import access
from segconnect.account.store import schema
from segconnect.account.store.opening import open_engine

DAY = 86_400
NOW = 1_774_000_000
DAYS = 730
ZONE = "America/New_York"
CHANNELS = np.array(["direct", "search", "paid", "email", "social", "referral"])
CHANCES = [0.4, 0.2, 0.15, 0.1, 0.1, 0.05]
COUNTRIES = np.array(["US", "GB", "DE", "CA"])
DEVICES = np.array(["desktop", "mobile", "tablet"])
ADS, ADSETS, CAMPAIGNS = 200, 40, 10
PRODUCTS = [f"tea {number:02}" for number in range(20)]
PRICES = 500 + 950 * np.arange(len(PRODUCTS))
TAGS = 10
VISITS, PAGES = 10, 2
ORDERS = 2
CHUNK = 20_000  # contacts that are made at a time


class World(NamedTuple):
    """Where the store is, and who writes to it."""

    database: Path
    contacts: int
    account_id: str
    account_pk: int
    integration_pk: int

    @property
    def url(self) -> str:
        """The store, for SQLAlchemy."""
        return f"sqlite:///{self.database}"


def world(directory: Path, contacts: int) -> World:
    """Opens the store of so many contacts in a directory, and fills it if it is not there yet."""
    directory.mkdir(parents=True, exist_ok=True)
    database = directory / f"{contacts}.db"
    if not database.exists():
        building = directory / f"{contacts}.building"
        building.unlink(missing_ok=True)
        _generate(building, contacts)
        building.rename(database)
    connection = sqlite3.connect(database)
    (account,) = connection.execute("select account_id, pk from accounts").fetchall()
    (place,) = connection.execute("select pk from integrations where kind = 'crm'").fetchall()
    connection.close()
    return World(database, contacts, *account, *place)


def _generate(database: Path, contacts: int) -> None:
    engine = open_engine(f"sqlite:///{database}")
    account_id, _ = access.create_account(engine, "benchmark", timezone=ZONE)
    for kind in ("crm", "ads"):
        access.create_integration(engine, account_id, kind, kind)
    engine.dispose()
    connection = sqlite3.connect(database)
    for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -400000"):
        connection.execute(f"pragma {pragma}")
    (account,) = connection.execute("select pk from accounts").fetchone()
    found = connection.execute("select kind, pk from integrations").fetchall()
    places: dict[str, int] = dict(found)
    own = {"account_pk": account, "integration_pk": places["crm"]}
    _small_tables(connection, own, {**own, "integration_pk": places["ads"]})
    chance = np.random.default_rng(1)
    for first in range(1, contacts + 1, CHUNK):
        some = np.arange(first, min(first + CHUNK, contacts + 1))
        for name, columns in _people(chance, some):
            _insert(connection, name, own, columns)
    connection.execute("insert into changes values (?, 1, '{}')", [account])
    connection.execute("insert into counters values ('contacts', ?)", [contacts + 1000])
    connection.commit()
    connection.close()


def _insert(
    connection: sqlite3.Connection, name: str, own: dict[str, int], columns: dict[str, Any]
) -> None:
    """Inserts rows that are given by column; arrays and lists are as long, all else is repeated."""
    known = [column.name for column in schema.metadata.tables[name].columns]
    assert not columns.keys() - set(known), columns.keys() - set(known)
    values = {**{each: own[each] for each in known if each in own}, **columns}
    lists = {
        each: value.tolist() if isinstance(value, np.ndarray) else value
        for each, value in values.items() if isinstance(value, (list, np.ndarray))
    }  # fmt: skip
    shared = [value for each, value in values.items() if each not in lists]
    names = [*lists, *(each for each in values if each not in lists)]
    holes = ", ".join(["?"] * len(names))
    connection.executemany(
        f"insert into {name} ({', '.join(names)}) values ({holes})",
        ((*row, *shared) for row in zip(*lists.values(), strict=True)),
    )


def _small_tables(connection: sqlite3.Connection, crm: dict[str, int], ads: dict[str, int]) -> None:
    _insert(connection, "products", crm, {"product_id": PRODUCTS, "name": PRODUCTS})
    tags = list(range(1, TAGS + 1))
    _insert(connection, "tags", crm, {
        "pk": tags, "tag_id": [f"t{tag}" for tag in tags], "name": [f"tag {tag}" for tag in tags],
    })  # fmt: skip
    campaigns = [f"campaign {number}" for number in range(CAMPAIGNS)]
    _insert(connection, "adcampaigns", ads, {"adcampaign_id": campaigns, "name": campaigns})
    sets = range(ADSETS)
    _insert(connection, "adsets", ads, {
        "adset_id": [f"set{at}" for at in sets], "name": [f"set {at}" for at in sets],
        "adcampaign_id": [campaigns[at % CAMPAIGNS] for at in sets],
    })  # fmt: skip
    _insert(connection, "ads", ads, {
        "ad_id": [f"ad{at}" for at in range(ADS)], "name": [f"ad {at}" for at in range(ADS)],
        "adset_id": [f"set{at % ADSETS}" for at in range(ADS)],
        "adcampaign_id": [campaigns[at % CAMPAIGNS] for at in range(ADS)],
    })  # fmt: skip
    last = datetime.fromtimestamp(NOW, UTC).date()
    days = [(last - timedelta(back)).isoformat() for back in range(DAYS)]
    spent = [(f"ad{at}", day) for at in range(ADS) for day in days]
    shown = np.random.default_rng(2).integers(100, 10_000, len(spent))
    _insert(connection, "ad_performance", ads, {
        "ad_id": [ad for ad, _ in spent], "day": [day for _, day in spent],
        "spend": shown // 4, "clicks": shown // 50, "impressions": shown,
    })  # fmt: skip


def _people(
    chance: np.random.Generator, pks: np.ndarray[Any, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Some contacts with all that belongs to them, by table."""
    count = len(pks)
    created = NOW - chance.integers(0, DAYS * DAY, count)
    emails = [f"person{pk:08}@example.com" for pk in pks.tolist()]
    from_news = pks % 4 == 0
    yield "contacts", {
        "pk": pks, "contact_id": [f"c{pk:08}" for pk in pks.tolist()], "email": emails,
        "first_name": "Joey", "last_name": "Bloggs", "status": "active", "date_created": created,
        "last_updated": created, "custom_fields": "{}",
        "utm_source": _some("news", from_news), "utm_medium": _some("email", from_news),
    }  # fmt: skip
    yield "contact_tags", {"contact_pk": pks, "tag_pk": 1 + pks % TAGS, "date_created": created}
    for kind, values, offset in (
        ("visitor", [f"u{pk:08}" for pk in pks.tolist()], 0), ("email", emails, 1)
    ):  # fmt: skip
        yield "identities", {"pk": 2 * pks + offset, "kind": kind, "value": values,
                             "person": 2 * pks, "is_shared": 0, "first_seen": created}  # fmt: skip
    yield "page_views", _page_views(chance, pks, created)
    yield from _orders(chance, pks, created, emails)
    subscribed = pks[pks % 10 == 0]
    began = _later(chance, created[pks % 10 == 0])
    ended = began + chance.integers(30, 600, len(began)) * DAY
    yield "subscriptions", {
        "pk": subscribed, "subscription_id": [f"s{pk:08}" for pk in subscribed.tolist()],
        "contact_pk": subscribed,
        "email": [f"person{pk:08}@example.com" for pk in subscribed.tolist()],
        "amount": 1000 + subscribed % 7 * 500,
        "product_id": [PRODUCTS[pk % 3] for pk in subscribed],
        "billing_cycle": "month", "frequency": 1, "quantity": 1, "start_date": began,
        "last_bill_date": began, "imported_at": began, "last_imported_at": began,
        "end_date": [end if end < NOW else None for end in ended.tolist()],
    }  # fmt: skip


def _later(chance: np.random.Generator, since: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Mostly within two months of these moments; at any time, where that has not come yet."""
    after = since + chance.exponential(60 * DAY, len(since)).astype(np.int64)
    return np.where(after < NOW, after, NOW - chance.integers(0, DAYS * DAY, len(since)))


def _some(value: str, where: Iterable[Any]) -> list[str | None]:
    return [value if each else None for each in where]


def _page_views(
    chance: np.random.Generator, pks: np.ndarray[Any, Any], created: np.ndarray[Any, Any]
) -> dict[str, Any]:
    visits = len(pks) * VISITS
    begins = _later(chance, np.repeat(created - 5 * DAY, VISITS)).reshape(-1, VISITS)
    begins.sort(axis=1)
    views = visits * PAGES
    page = np.tile(np.arange(PAGES), visits)
    moments = np.repeat(begins.reshape(-1), PAGES) + 40 * page
    came_by = np.repeat(chance.choice(CHANNELS, visits, p=CHANCES), PAGES)
    channel = np.where(page == 0, came_by, "direct")
    ad = np.repeat(chance.integers(0, ADS, visits), PAGES)
    is_paid, is_mail = channel == "paid", channel == "email"
    return {
        "visitor_pk": np.repeat(2 * pks, VISITS * PAGES), "date_created": moments,
        "hit": np.arange(views) % (VISITS * PAGES), "is_secure": 1, "host": "tea.shop",
        "path": [f"/tea/{at}" for at in chance.integers(0, 50, views).tolist()], "query": "",
        "channel": channel, "device": np.repeat(chance.choice(DEVICES, visits), PAGES),
        "referrer": [None if each == "direct" else f"https://{each}.example/" for each in channel],
        "utm_source": [each if paid or mail else None for each, paid, mail
                       in zip(channel.tolist(), is_paid.tolist(), is_mail.tolist(), strict=True)],
        "utm_campaign": [f"campaign {at % CAMPAIGNS}" if paid else None for at, paid
                         in zip(ad.tolist(), is_paid.tolist(), strict=True)],
        "ad_id": [f"ad{at}" if paid else None for at, paid
                  in zip(ad.tolist(), is_paid.tolist(), strict=True)],
        "country_code": np.repeat(chance.choice(COUNTRIES, visits), PAGES),
    }  # fmt: skip


def _orders(
    chance: np.random.Generator,
    pks: np.ndarray[Any, Any],
    created: np.ndarray[Any, Any],
    emails: list[str],
) -> Iterator[tuple[str, dict[str, Any]]]:
    orders = np.arange((pks[0] - 1) * ORDERS + 1, pks[-1] * ORDERS + 1)
    products = chance.integers(0, len(PRODUCTS), (len(orders), 2))
    is_two = chance.random(len(orders)) < 0.5
    prices = PRICES[products]
    shipping = np.where(chance.random(len(orders)) < 0.2, 490, 0)
    amount = prices[:, 0] + np.where(is_two, prices[:, 1], 0) + shipping
    sold = _later(chance, np.repeat(created, ORDERS))
    yield "orders", {
        "pk": orders, "order_id": [f"o{pk:08}" for pk in orders.tolist()],
        "contact_pk": np.repeat(pks, ORDERS), "email": np.repeat(emails, ORDERS),
        "amount": amount, "paid": amount, "is_refunded": (chance.random(len(orders)) < 0.03) + 0,
        "discount": 0, "tax": 0, "shipping": shipping, "date_created": sold, "imported_at": sold,
        "last_imported_at": sold,
    }  # fmt: skip
    for place in (0, 1):
        here = np.ones_like(is_two) if place == 0 else is_two
        yield "order_items", {
            "order_pk": orders[here], "position": place + 1,
            "item_id": [f"o{pk:08}-{place + 1}" for pk in orders[here].tolist()],
            "product_id": [PRODUCTS[at] for at in products[here, place].tolist()],
            "amount": prices[here, place], "total_paid": prices[here, place],
        }  # fmt: skip
