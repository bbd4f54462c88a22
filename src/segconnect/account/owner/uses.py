"""What came by each key and integration: counted in memory, and written some seconds later.

A crash loses those seconds: they tell people whether something comes, and settle nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Table, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from segconnect.account.store.schema import api_keys, integration_uses, integrations, key_uses
from segconnect.clock import now

LATE_SECONDS = 2.0  # by which they are written
MAX_ERROR = 300  # characters


@dataclass
class _Counted:
    """What came by an integration since it was last written."""

    received: int = 0
    refused: int = 0
    last_received_at: int | None = None
    last_error: str | None = None
    last_error_at: int | None = None


class Uses:
    """The uses of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock = engine, Lock()
        self._keys: dict[int, int] = {}
        self._counted: dict[int, _Counted] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(
        self,
        key: int,
        integration: int | None = None,
        received: int = 0,
        refused: int = 0,
        error: str = "",
    ) -> None:
        """Counts a request; it is written in a moment, together with what comes until then.

        Args:
            key: The pk of its key.
            integration: That of its integration; None where there is none of that name.
            received: How many calls or lines were taken.
            refused: How many were not.
            error: Why the last one was not.
        """
        at = int(now().timestamp())
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_late())
        with self._lock:
            self._keys[key] = at
            if integration is None:
                return
            counted = self._counted.setdefault(integration, _Counted())
            counted.received += received
            counted.refused += refused
            if received:
                counted.last_received_at = at
            if error:
                counted.last_error, counted.last_error_at = error[:MAX_ERROR], at

    async def close(self) -> None:
        """Writes what was not written yet."""
        if self._writing is not None:
            self._writing.cancel()
        await asyncio.to_thread(self.write)

    async def _write_late(self) -> None:
        await asyncio.sleep(LATE_SECONDS)
        self._writing = None
        await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Writes what was counted; where the store does not answer, it is not."""
        with self._lock:
            keys, self._keys = self._keys, {}
            counted, self._counted = self._counted, {}
        if not keys and not counted:
            return
        try:
            with self._engine.begin() as connection:
                for pk, at in keys.items():
                    _put(connection, key_uses, pk, {"last_used_at": at}, {})
                for pk, each in counted.items():
                    told = {
                        name: value
                        for name in ("last_received_at", "last_error", "last_error_at")
                        if (value := getattr(each, name)) is not None
                    }
                    added = {"received": each.received, "refused": each.refused}
                    _put(connection, integration_uses, pk, told, added)
        except SQLAlchemyError:  # whoever sends is told by the answers; these are only counts
            return


def _put(
    connection: Connection,
    table: Table,
    pk: int,
    values: Mapping[str, int | str],
    added: Mapping[str, int],
) -> None:
    """Sets some columns of a row and adds to others; makes the row if there is none."""
    key = next(iter(table.primary_key))
    sums = {name: table.c[name] + count for name, count in added.items()}
    changed = connection.execute(update(table).where(key == pk).values(**values, **sums))
    if changed.rowcount == 0:
        connection.execute(insert(table).values({key.name: pk, **values, **added}))


class KeyUse(NamedTuple):
    """An API key that is good, and when it was last used."""

    hint: str
    created_at: int
    ends_at: int | None  # until when it is good; None: for good
    last_used_at: int | None


class IntegrationUse(NamedTuple):
    """An integration, and what came by it."""

    integration_id: str
    kind: str
    name: str
    received: int
    refused: int
    last_received_at: int | None
    last_error: str | None
    last_error_at: int | None


def keys_of(connection: Connection, account_pk: int) -> list[KeyUse]:
    """Answers the keys of an account that are good, in the order of their creation."""
    at = int(now().timestamp())
    keys = api_keys.c
    found = connection.execute(
        select(keys.hint, keys.created_at, keys.revoked_at, key_uses.c.last_used_at)
        .select_from(api_keys.outerjoin(key_uses, key_uses.c.key_pk == keys.pk))
        .where(keys.account_pk == account_pk, keys.revoked_at.is_(None) | (keys.revoked_at > at))
        .order_by(keys.pk)
    )
    return [KeyUse(*row) for row in found]


def integrations_of(connection: Connection, account_pk: int) -> list[IntegrationUse]:
    """Answers the integrations of an account, in the order of their creation."""
    own, uses = integrations.c, integration_uses.c
    found = connection.execute(
        select(
            own.integration_id, own.kind, own.name, uses.received, uses.refused,
            uses.last_received_at, uses.last_error, uses.last_error_at,
        )
        .select_from(integrations.outerjoin(integration_uses, uses.integration_pk == own.pk))
        .where(own.account_pk == account_pk)
        .order_by(own.pk)
    )  # fmt: skip
    return [
        IntegrationUse(*row[:3], row.received or 0, row.refused or 0, *row[5:]) for row in found
    ]
