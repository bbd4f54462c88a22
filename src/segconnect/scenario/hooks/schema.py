"""The tables of webhooks. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

Id = String(32)
# SQLite numbers rows by itself only where the key is its own INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")

hooks = Table(
    "hooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token", String(64), nullable=False, unique=True),  # whoever knows it may call
    Column("name", Text, nullable=False),
    Column("scenario_id", Id),  # None: it is attached to nothing
    Column("queue_limit", Integer, nullable=False),
    Column("rate", Integer, nullable=False),  # requests in ten seconds; 0 is any number
    Column("gives_headers", Boolean, nullable=False),
    Column("gives_method", Boolean, nullable=False),
    Column("is_raw", Boolean, nullable=False),  # JSON is handed on as text
    Column("structure", Text),  # the fields that a request must have, as JSON
    Column("responds", Boolean, nullable=False),  # whether the scenario answers the caller
    Column("created_at", BigInteger, nullable=False),
    Column("detached_at", BigInteger),
)

items = Table(
    "hook_items",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("hook_id", Id, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("bundle", Text, nullable=False),
    Index("ix_hook_items_hook", "hook_id", "id"),
    sqlite_autoincrement=True,  # or the ids of deleted items would come again
)
