"""What pages deleted, kept for a while so that it can be given back.

Whatever a page deletes goes this one way: it is written down here, whole, then removed where it
was. Who undoes it gets it back as it was. After a day it is gone for good.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Engine, delete, insert, select

from segconnect.errors import UsageError
from segconnect.scenario.moments import now
from segconnect.web.schema import deleted

KEPT = 86_400_000  # milliseconds for which it can be undone


class Deleted(NamedTuple):
    """Something that was deleted."""

    id: str
    kind: str
    name: str
    held: str  # all that there was of it, as JSON
    who: str
    deleted_at: int

    @property
    def values(self) -> dict[str, Any]:
        """All that there was of it."""
        found: dict[str, Any] = json.loads(self.held)
        return found

    def __repr__(self) -> str:
        """Leaves out what it held, which may be a secret."""
        return f"Deleted({self.kind} {self.name!r})"


class Trash:
    """What was deleted lately."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(
        self, kind: str, name: str, held: Mapping[str, Any], who: str, remove: Callable[[], None]
    ) -> str:
        """Writes something down and removes it; answers the id by which it is undone.

        Args:
            kind: What it is, which says how it is given back.
            name: What it is called.
            held: All that is needed for that.
            who: Who deletes it.
            remove: Removes it where it is; if that fails, nothing was deleted.
        """
        row = Deleted(secrets.token_hex(8), kind, name, json.dumps(held), who, now())
        with self._engine.begin() as connection:
            connection.execute(insert(deleted), row._asdict())
        try:
            remove()
        except BaseException:
            self.drop(row.id)
            raise
        return row.id

    def get(self, id_: str) -> Deleted:
        """Finds what was deleted.

        Raises:
            UsageError: It is gone, or was given back already.
        """
        query = select(deleted).where(deleted.c.id == id_, deleted.c.deleted_at > now() - KEPT)
        with self._engine.connect() as connection:
            found = connection.execute(query).first()
        if found is None:
            raise UsageError("it is back already, or was deleted more than a day ago")
        return Deleted(**found._mapping)

    def all(self) -> list[Deleted]:
        """Answers what can be given back, the latest first."""
        query = select(deleted).where(deleted.c.deleted_at > now() - KEPT)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(deleted.c.deleted_at.desc())).all()
        return [Deleted(**row._mapping) for row in rows]

    def old(self) -> list[Deleted]:
        """Answers what was deleted too long ago to be given back."""
        query = select(deleted).where(deleted.c.deleted_at <= now() - KEPT)
        with self._engine.connect() as connection:
            return [Deleted(**row._mapping) for row in connection.execute(query)]

    def drop(self, id_: str) -> None:
        """Forgets something for good."""
        with self._engine.begin() as connection:
            connection.execute(delete(deleted).where(deleted.c.id == id_))
