"""What an account holds, to compare two: without what differs from one import to the next."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, Table, select

from segconnect.account.store import schema

Rows = list[tuple[Any, ...]]
PASSING = {"created_at", "last_updated", "imported_at", "last_imported_at", "contact_id"}
"""Columns of when and in which order things came."""


def state_of(engine: Engine, account_id: str) -> dict[str, Rows]:
    """Answers the contacts of an account with their tags, and its orders with their items."""
    contacts, orders, items = schema.contacts, schema.orders, schema.order_items
    account = select(schema.accounts.c.pk).where(schema.accounts.c.account_id == account_id)
    mine = account.scalar_subquery()
    tagged = contacts.join(
        schema.contact_tags, schema.contact_tags.c.contact_pk == contacts.c.pk
    ).join(schema.tags, schema.tags.c.pk == schema.contact_tags.c.tag_pk)
    queries = {
        "contacts": select(*_lasting(contacts)).where(contacts.c.account_pk == mine),
        "tags": select(contacts.c.email, schema.tags.c.name)
        .select_from(tagged)
        .where(contacts.c.account_pk == mine),
        "orders": select(*_lasting(orders), contacts.c.email)
        .outerjoin(contacts, contacts.c.pk == orders.c.contact_pk)
        .where(orders.c.account_pk == mine),
        "items": select(orders.c.order_id, *_lasting(items))
        .join(orders, orders.c.pk == items.c.order_pk)
        .where(orders.c.account_pk == mine),
    }
    with engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(query)), key=repr)
            for name, query in queries.items()
        }


def _lasting(table: Table) -> list[Any]:
    return [
        column
        for column in table.columns
        if column.name not in PASSING and column.name != "pk" and not column.name.endswith("_pk")
    ]
