"""Reads single objects back, as the reporting API answers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, Engine, Row, RowMapping, Select, select

from segconnect.account.people.person import Person, events, person_of
from segconnect.account.store import schema
from segconnect.account.writing.imports import ENDS, STARTS, contact_object
from segconnect.database import snapshot
from segconnect.errors import unknown_name
from segconnect.types import in_units
from segconnect.wire.shape import utc_text

Found = dict[str, Any]

EXPANSIONS = ("events", "tags", "orders", "subscriptions", "lists", "companies")


class UnknownExpansionError(ValueError):
    """`extend` names something that a contact does not have."""


def expansions(text: str) -> list[str]:
    """Reads the comma-separated `extend` parameter.

    Raises:
        UnknownExpansionError: It names an expansion that there is not.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [
        unknown_name("expansion", name, EXPANSIONS) for name in names if name not in EXPANSIONS
    ]
    if unknown:
        raise UnknownExpansionError("; ".join(unknown))
    return names


def contact(
    engine: Engine, account_pk: int, currency: str, text: str, extend: Sequence[str] = ()
) -> Found | None:
    """Finds a contact by id, else by email, in any integration of the account.

    Returns:
        The contact with its expansions, money in units of the currency; None if there is none.
    """
    with snapshot(engine) as connection:
        row = _find(connection, account_pk, text)
        return None if row is None else _expanded(connection, row, currency, extend)


def custom_fields(engine: Engine, account_pk: int, latest: int = 200) -> list[str]:
    """Answers the names of custom fields, as the contacts have them that came last."""
    table = schema.contacts.c
    query = select(table.custom_fields).where(table.account_pk == account_pk)
    with engine.connect() as connection:
        rows = connection.scalars(query.order_by(table.pk.desc()).limit(latest)).all()
    return sorted({str(name) for text in rows for name in from_json(text)})


def record(engine: Engine, account_pk: int, text: str) -> Found | None:
    """Answers all columns of the contact that `contact` finds."""
    with engine.connect() as connection:
        row = _find(connection, account_pk, text)
    return None if row is None else dict(row)


def _find(connection: Connection, account_pk: int, text: str) -> RowMapping | None:
    if "\0" in text:  # which PostgreSQL does not take
        return None
    table = schema.contacts
    for match in (table.c.contact_id == text, table.c.email == text.lower()):
        query = select(table).where(table.c.account_pk == account_pk, match).order_by(table.c.pk)
        row = connection.execute(query).first()
        if row is not None:
            return row._mapping
    return None


def contacts(
    engine: Engine,
    account_pk: int,
    integration_pk: int | None,
    *,
    email: str | None = None,
    contact_id: str | None = None,
    limit: int = 20,
    page: int = 1,
) -> list[Found]:
    """Lists contacts, newest first, of one integration or of the whole account."""
    table = schema.contacts
    query: Select[Any] = select(table).where(table.c.account_pk == account_pk)
    if integration_pk is not None:
        query = query.where(table.c.integration_pk == integration_pk)
    if email is not None:
        query = query.where(table.c.email == email.strip().lower())
    if contact_id is not None:
        query = query.where(table.c.contact_id == contact_id.strip())
    if "\0" in f"{email}{contact_id}":
        return []
    query = query.order_by(table.c.pk.desc()).limit(limit).offset((page - 1) * limit)
    with engine.connect() as connection:
        return [contact_object(dict(row._mapping)) for row in connection.execute(query)]


def contacts_of(
    engine: Engine, account_pk: int, pks: Sequence[int], currency: str, extend: Sequence[str] = ()
) -> list[Found]:
    """Reads contacts of an account by their pk, in this order, with their expansions."""
    table = schema.contacts
    query = select(table).where(table.c.account_pk == account_pk, table.c.pk.in_(pks))
    with snapshot(engine) as connection:
        rows = {row.pk: row._mapping for row in connection.execute(query)}
        return [_expanded(connection, rows[pk], currency, extend) for pk in pks if pk in rows]


def _expanded(connection: Connection, row: Any, currency: str, extend: Sequence[str]) -> Found:
    answer = contact_object(dict(row))
    if not extend:
        return answer
    person, contact_id = person_of(connection, row), row["contact_id"]
    for name in extend:
        if name == "events":
            answer[name] = events(connection, person, contact_id)
        elif name == "tags":
            answer[name] = _tags(connection, row)
        elif name == "orders":
            answer[name] = _orders(connection, person, contact_id, currency)
        elif name == "subscriptions":
            answer[name] = _subscriptions(connection, person, contact_id, currency)
        else:  # lists and companies cannot be written through the import API
            answer[name] = []
    return answer


def _tags(connection: Connection, contact: Any) -> list[Found]:
    held, tags = schema.contact_tags, schema.tags
    query = (
        select(tags.c.tag_id, tags.c.name, held.c.date_created)
        .join(held, held.c.tag_pk == tags.c.pk)
        .where(held.c.contact_pk == contact["pk"])
        .order_by(held.c.date_created, tags.c.name)
    )
    return [
        {
            "tag_id": row.tag_id,
            "name": row.name,
            "contact_id": contact["contact_id"],
            "date_created": utc_text(row.date_created),
        }
        for row in connection.execute(query)
    ]


def _orders(connection: Connection, person: Person, contact_id: str, currency: str) -> list[Found]:
    orders, items, products = schema.orders, schema.order_items, schema.products
    answer: dict[int, Found] = {}
    found = [
        order for owns in person.owns(orders)
        for order in connection.execute(select(orders).where(owns))
    ]  # fmt: skip
    for order in sorted(found, key=lambda order: (order.date_created, order.pk)):
        answer[order.pk] = {
            "order_id": order.order_id,
            "contact_id": person.contacts.get(order.contact_pk, contact_id),
            "is_paid": order.paid >= order.amount,
            "is_refunded": bool(order.is_refunded),
            "subtotal": 0,
            "total_tax": in_units(order.tax, currency),
            "total_shipping": in_units(order.shipping, currency),
            "total_discount": in_units(order.discount, currency),
            "total": in_units(order.amount, currency),
            "total_paid": in_units(order.paid, currency),
            "date_created": utc_text(order.date_created),
            "line_items": [],
        }
    query = (
        select(items, products.c.name, orders.c.is_refunded, orders.c.date_created,
               orders.c.imported_at, orders.c.last_imported_at)
        .join(orders, orders.c.pk == items.c.order_pk)
        .join(
            products,
            (products.c.integration_pk == orders.c.integration_pk)
            & (products.c.product_id == items.c.product_id),
        )
        .order_by(items.c.order_pk, items.c.position)
    )  # fmt: skip
    subtotals: dict[int, int] = dict.fromkeys(answer, 0)
    for item in (each for owns in person.owns(orders) for each in
                 connection.execute(query.where(owns))):  # fmt: skip
        order_object = answer[item.order_pk]
        subtotals[item.order_pk] += item.amount
        order_object["line_items"].append(_line_item(item, order_object, currency))
    for pk, subtotal in subtotals.items():
        answer[pk]["subtotal"] = in_units(subtotal, currency)
    return list(answer.values())


def _line_item(item: Row[Any], order: Found, currency: str) -> Found:
    return {
        "order_item_id": item.item_id,
        "order_id": order["order_id"],
        "contact_id": order["contact_id"],
        "product_id": item.product_id,
        "subscription_id": item.subscription_id,
        "product_name": item.name,
        "order_type": "product",
        "is_paid": item.total_paid >= item.amount,
        "is_refunded": bool(item.is_refunded),
        "amount": in_units(item.amount, currency),
        "total_paid": in_units(item.total_paid, currency),
        # In the docs' example an item paid in full has a total_due: it is what was due at first.
        "total_due": in_units(item.amount, currency),
        "date_created": utc_text(item.date_created),
        "imported_at": utc_text(item.imported_at),
        "last_imported_at": utc_text(item.last_imported_at),
    }


def _subscriptions(
    connection: Connection, person: Person, contact_id: str, currency: str
) -> list[Found]:
    table, products = schema.subscriptions, schema.products
    query = select(table, products.c.name).join(
        products,
        (products.c.integration_pk == table.c.integration_pk)
        & (products.c.product_id == table.c.product_id),
    )
    found = [row for owns in person.owns(table) for row in connection.execute(query.where(owns))]
    return [
        {
            "subscription_id": row.subscription_id,
            "contact_id": person.contacts.get(row.contact_pk, contact_id),
            "product_id": row.product_id,
            "product_name": row.name,
            "amount": in_units(row.amount, currency),
            "billing_cycle": row.billing_cycle,
            "frequency": row.frequency,
            "quantity": row.quantity,
            **{
                name: None if value is None else utc_text(value)
                for name in (*STARTS, *ENDS)
                for value in (getattr(row, name),)
            },
        }
        for row in sorted(found, key=lambda row: (row.start_date, row.pk))
    ]
