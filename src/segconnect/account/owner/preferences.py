"""What the owner of an account has set: channel rules of its own, and how visitors are tracked."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, select

from segconnect.account.channels import Rules, compiled
from segconnect.account.owner import tracking_settings as settings
from segconnect.account.owner.access import account_pk
from segconnect.account.owner.tracking_settings import TrackingSettings
from segconnect.account.store import schema

CHANNEL_RULES = "channel_rules"


def channel_rules(connection: Connection, account: int) -> Rules:
    """Answers an account's channel rules: its own, or the published ones."""
    return compiled(get(connection, account, CHANNEL_RULES))


def tracking_settings(connection: Connection, account: int) -> TrackingSettings:
    """Answers what an account's owner decided about tracking."""
    return settings.read(get(connection, account, settings.NAME))


def get(connection: Connection, account: int, name: str) -> str | None:
    """Answers what is set under a name."""
    table = schema.account_settings
    query = select(table.c.value).where(table.c.account_pk == account, table.c.name == name)
    value: str | None = connection.scalar(query)
    return value


def keep(engine: Engine, account_id: str, name: str, value: str | None) -> None:
    """Sets a value of an account; None goes back to the default.

    Raises:
        UsageError: There is no such account.
    """
    table, account = schema.account_settings, account_pk(engine, account_id)
    with engine.begin() as connection:
        connection.execute(delete(table).where(table.c.account_pk == account, table.c.name == name))
        if value is not None:
            connection.execute(table.insert().values(account_pk=account, name=name, value=value))
