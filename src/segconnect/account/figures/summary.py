"""What an account holds, in a few numbers. Reports are another matter: these are its contents."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from segconnect.account.store import schema

DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
"""The days of a billing cycle where income is brought to 30 days."""

NO_SOURCE = "(none)"


@dataclass(frozen=True)
class Summary:
    """The contents of an account at one moment; money in cents."""

    contacts: int
    tags: int
    orders: int
    revenue: int  # of all orders, paid or not, refunded or not
    collected: int
    refunded_orders: int
    refunds: int
    waiting_orders: int  # whose contact is not known
    subscriptions: int
    active_subscriptions: int
    mrr: int  # of active subscriptions, brought to 30 days
    ads: int
    ad_spend: int
    clicks: int
    impressions: int
    revenue_by_utm_source: dict[str, int]  # by the contact's own utm_source, largest first


def summarize(engine: Engine, account_pk: int, as_of: int) -> Summary:
    """Counts what the account holds.

    Args:
        engine: The store.
        account_pk: The account.
        as_of: Seconds UTC: the moment at which subscriptions are active or not.
    """
    contacts, orders, subscriptions = schema.contacts, schema.orders, schema.subscriptions
    performance = schema.ad_performance
    own = select(schema.integrations.c.pk).where(schema.integrations.c.account_pk == account_pk)
    is_active = _is_active(as_of)
    with engine.connect() as connection:

        def one(query: Select[int]) -> int:
            return int(connection.scalar(query) or 0)

        def total(value: ColumnElement[int], *where: ColumnElement[bool]) -> int:
            return one(select(func.sum(value)).where(orders.c.account_pk == account_pk, *where))

        def count(table: type[object] | object, *where: ColumnElement[bool]) -> int:
            return one(select(func.count()).select_from(table).where(*where))  # type: ignore[arg-type]  # a table

        source = func.coalesce(contacts.c.utm_source, NO_SOURCE)
        revenue = func.sum(orders.c.amount)
        by_source = connection.execute(
            select(source, revenue)
            .select_from(orders.outerjoin(contacts, contacts.c.pk == orders.c.contact_pk))
            .where(orders.c.account_pk == account_pk)
            .group_by(source)
            .order_by(revenue.desc(), source)
        )
        refunded = orders.c.is_refunded.is_(True)
        figures = connection.execute(
            select(
                func.count(performance.c.ad_id.distinct()),
                func.sum(performance.c.spend),
                func.sum(performance.c.clicks),
                func.sum(performance.c.impressions),
            ).where(performance.c.integration_pk.in_(own))
        ).one()
        return Summary(
            contacts=count(contacts, contacts.c.account_pk == account_pk),
            tags=count(schema.tags, schema.tags.c.integration_pk.in_(own)),
            orders=count(orders, orders.c.account_pk == account_pk),
            revenue=total(orders.c.amount),
            collected=total(orders.c.paid),
            refunded_orders=count(orders, orders.c.account_pk == account_pk, refunded),
            refunds=total(orders.c.amount, refunded),
            waiting_orders=count(
                orders, orders.c.account_pk == account_pk, orders.c.contact_pk.is_(None)
            ),
            subscriptions=count(subscriptions, subscriptions.c.account_pk == account_pk),
            active_subscriptions=count(
                subscriptions, subscriptions.c.account_pk == account_pk, *is_active
            ),
            mrr=mrr(connection, account_pk, as_of),
            ads=int(figures[0]),
            ad_spend=int(figures[1] or 0),
            clicks=int(figures[2] or 0),
            impressions=int(figures[3] or 0),
            revenue_by_utm_source={name: int(amount) for name, amount in by_source},
        )


def mrr(connection: Connection, account_pk: int, as_of: int) -> int:
    """Answers the income of subscriptions that are active at a second, brought to 30 days."""
    table = schema.subscriptions.c
    cycles = connection.execute(
        select(table.billing_cycle, table.frequency, func.sum(table.amount * table.quantity))
        .where(table.account_pk == account_pk, *_is_active(as_of))
        .group_by(table.billing_cycle, table.frequency)
    )
    monthly = sum(
        (
            Fraction(int(amount) * 30, frequency * DAYS[cycle])
            for cycle, frequency, amount in cycles
        ),
        Fraction(),
    )
    return int(monthly + Fraction(1, 2))  # half up


def _is_active(as_of: int) -> tuple[ColumnElement[bool], ...]:
    """Begun, out of trial, and neither canceled nor run out."""
    table = schema.subscriptions
    return (
        table.c.start_date <= as_of,
        table.c.trial_end_date.is_(None) | (table.c.trial_end_date <= as_of),
        table.c.canceled_date.is_(None) | (table.c.canceled_date > as_of),
        table.c.end_date.is_(None) | (table.c.end_date > as_of),
    )
