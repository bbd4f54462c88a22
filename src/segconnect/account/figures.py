"""How an account did in a span of days, against the span before: what its first page shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, func, select

from segconnect.account.store import schema
from segconnect.account.summary import NO_SOURCE, mrr

QUARTER = 900  # seconds: every zone is off by whole quarters of an hour
MOST_SOURCES = 8


@dataclass(frozen=True)
class Figures:
    """What happened in a span of days; money in cents."""

    leads: int  # contacts that came to be
    customers: int  # people whose first order is in the span
    orders: int
    revenue: int  # the amounts of the orders of the span, as in reports
    refunds: int
    spend: int  # on ads
    mrr: int  # at its end

    @property
    def roas(self) -> float | None:
        """Revenue for each unit of ad spend; None where nothing was spent."""
        return self.revenue / self.spend if self.spend else None


class Day(NamedTuple):
    """One day in the account's zone."""

    day: date
    revenue: int
    spend: int
    orders: int


class Source(NamedTuple):
    """What came by one utm_source, which is that of the contact."""

    name: str
    leads: int
    orders: int
    revenue: int


@dataclass(frozen=True)
class Standing:
    """All of it."""

    first: date
    last: date
    now: Figures
    before: Figures
    days: Sequence[Day]
    sources: Sequence[Source]
    last_import: int | None  # seconds UTC
    is_past: bool  # whether the span ends with the last data, which is some time ago


def standing(engine: Engine, account_pk: int, zone: str, today: date, length: int) -> Standing:
    """Reads how an account did in the last days.

    Where nothing happened in them, they are the last ones in which something did.

    Args:
        engine: The store.
        account_pk: The account.
        zone: Of its days.
        today: The day that the span ends with.
        length: How many days it has.
    """
    local = ZoneInfo(zone)
    with engine.connect() as connection:
        newest = _newest(connection, account_pk, local)
        last, is_past = today, False
        if newest is not None and newest <= today - timedelta(days=length):
            last, is_past = newest, True
        first = last - timedelta(days=length - 1)
        earlier = first - timedelta(days=length)
        imported = connection.scalar(
            select(func.max(schema.contacts.c.last_updated)).where(
                schema.contacts.c.account_pk == account_pk
            )
        )
        return Standing(
            first,
            last,
            _figures(connection, account_pk, local, first, last),
            _figures(connection, account_pk, local, earlier, first - timedelta(days=1)),
            _days(connection, account_pk, local, first, last),
            _sources(connection, account_pk, local, first, last),
            imported,
            is_past,
        )


def _newest(connection: Connection, account_pk: int, zone: ZoneInfo) -> date | None:
    """The last day of which the account has an order or ad spend, if it has any."""
    order = connection.scalar(
        select(func.max(schema.orders.c.date_created)).where(
            schema.orders.c.account_pk == account_pk
        )
    )
    spent = connection.scalar(
        select(func.max(schema.ad_performance.c.day)).where(
            schema.ad_performance.c.integration_pk.in_(_own(account_pk))
        )
    )
    days = [datetime.fromtimestamp(order, zone).date()] if order is not None else []
    days += [date.fromisoformat(spent)] if spent else []
    return max(days, default=None)


def _figures(
    connection: Connection, account_pk: int, zone: ZoneInfo, first: date, last: date
) -> Figures:
    begin, end = _second(first, zone), _second(last + timedelta(days=1), zone)
    contacts, orders = schema.contacts.c, schema.orders.c
    leads = connection.scalar(
        select(func.count()).where(
            contacts.account_pk == account_pk,
            contacts.date_created >= begin,
            contacts.date_created < end,
        )
    )
    count, amount = connection.execute(
        select(func.count(), func.sum(orders.amount)).where(
            orders.account_pk == account_pk,
            orders.date_created >= begin,
            orders.date_created < end,
        )
    ).one()
    refunds = connection.scalar(
        select(func.sum(orders.amount)).where(
            orders.account_pk == account_pk,
            orders.is_refunded.is_(True),
            orders.date_created >= begin,
            orders.date_created < end,
        )
    )
    began = (
        select(func.min(orders.date_created).label("at"))
        .where(orders.account_pk == account_pk)
        .group_by(orders.contact_pk, orders.email)
        .subquery()
    )
    customers = connection.scalar(select(func.count()).where(began.c.at >= begin, began.c.at < end))
    performance = schema.ad_performance.c
    spend = connection.scalar(
        select(func.sum(performance.spend)).where(
            performance.integration_pk.in_(_own(account_pk)),
            performance.day >= first.isoformat(),
            performance.day <= last.isoformat(),
        )
    )
    return Figures(
        leads=int(leads or 0),
        customers=int(customers or 0),
        orders=int(count),
        revenue=int(amount or 0),
        refunds=int(refunds or 0),
        spend=int(spend or 0),
        mrr=mrr(connection, account_pk, end),
    )


def _days(
    connection: Connection, account_pk: int, zone: ZoneInfo, first: date, last: date
) -> list[Day]:
    begin, end = _second(first, zone), _second(last + timedelta(days=1), zone)
    orders, performance = schema.orders.c, schema.ad_performance.c
    quarter = orders.date_created - orders.date_created % QUARTER
    revenue: dict[date, int] = defaultdict(int)
    counts: dict[date, int] = defaultdict(int)
    for at, amount, count in connection.execute(
        select(quarter, func.sum(orders.amount), func.count())
        .where(
            orders.account_pk == account_pk,
            orders.date_created >= begin,
            orders.date_created < end,
        )
        .group_by(quarter)
    ):
        day = datetime.fromtimestamp(at, zone).date()
        revenue[day] += int(amount)
        counts[day] += int(count)
    spend = {
        date.fromisoformat(day): int(cents)
        for day, cents in connection.execute(
            select(performance.day, func.sum(performance.spend))
            .where(
                performance.integration_pk.in_(_own(account_pk)),
                performance.day >= first.isoformat(),
                performance.day <= last.isoformat(),
            )
            .group_by(performance.day)
        )
    }
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [Day(day, revenue[day], spend.get(day, 0), counts[day]) for day in days]


def _sources(
    connection: Connection, account_pk: int, zone: ZoneInfo, first: date, last: date
) -> list[Source]:
    begin, end = _second(first, zone), _second(last + timedelta(days=1), zone)
    contacts, orders = schema.contacts, schema.orders
    source = func.coalesce(contacts.c.utm_source, NO_SOURCE)
    leads = {
        name: int(count)
        for name, count in connection.execute(
            select(source, func.count())
            .where(
                contacts.c.account_pk == account_pk,
                contacts.c.date_created >= begin,
                contacts.c.date_created < end,
            )
            .group_by(source)
        )
    }
    found = {name: Source(name, count, 0, 0) for name, count in leads.items()}
    for name, count, amount in connection.execute(
        select(source, func.count(), func.sum(orders.c.amount))
        .select_from(orders.outerjoin(contacts, contacts.c.pk == orders.c.contact_pk))
        .where(
            orders.c.account_pk == account_pk,
            orders.c.date_created >= begin,
            orders.c.date_created < end,
        )
        .group_by(source)
    ):
        found[name] = Source(name, leads.get(name, 0), int(count), int(amount or 0))
    return sorted(found.values(), key=lambda each: (-each.revenue, -each.leads, each.name))[
        :MOST_SOURCES
    ]


def _second(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp())


def _own(account_pk: int) -> Any:
    return select(schema.integrations.c.pk).where(schema.integrations.c.account_pk == account_pk)
