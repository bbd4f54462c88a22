"""Webhooks: who may call, and what came in and waits to be run.

What comes in is on disk before its caller is answered. On SQLite it lies in a file of its own, in
which only the serving process writes items; how far a scenario is with them is in the journal.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, delete, func, insert, select, text, update

from segconnect import database
from segconnect.database import Migrations
from segconnect.errors import UsageError
from segconnect.scenario import values_json
from segconnect.scenario.hooks.schema import hooks, items
from segconnect.scenario.moments import now
from segconnect.settings import Settings

MIGRATIONS = Migrations("segconnect.scenario.hooks:migrations", "0001", "hooks_version")
QUEUE_LIMIT = 10_000  # requests that may wait. Source: make.com/en/help, webhooks
RATE = 300  # requests in ten seconds. Source: make.com/en/help, webhooks
APPEND_LOCK = 8350_0002  # any number, the same in every process
LAST_ID = "select seq from sqlite_sequence where name = 'hook_items'"
KEPT = 3 * 86_400_000  # milliseconds for which what was run is kept. Source: help.make.com
UNATTACHED = 120 * 3_600_000  # milliseconds; then its address is gone. Source: help.make.com
FORGET_PAGE = 2_000  # items deleted in one commit, so that what comes in meanwhile waits little


class HookRow(NamedTuple):
    """A webhook as it is kept. Times are milliseconds UTC."""

    id: str
    token: str
    name: str
    scenario_id: str | None
    queue_limit: int
    rate: int
    gives_headers: bool
    gives_method: bool
    is_raw: bool
    structure: str | None
    responds: bool
    created_at: int
    detached_at: int | None

    def __repr__(self) -> str:
        """Leaves the token out."""
        return f"HookRow({self.id!r}, {self.name!r})"

    @property
    def is_gone(self) -> bool:
        """Whether it belonged to no scenario for so long that nobody may call it any more."""
        since = self.created_at if self.detached_at is None else self.detached_at
        return self.scenario_id is None and now() - since > UNATTACHED

    @property
    def fields(self) -> Sequence[Mapping[str, Any]] | None:
        """The data structure that a request must fit; None: any request does."""
        found: list[dict[str, Any]] | None = json.loads(self.structure or "null")
        return found

    @property
    def told(self) -> str:
        """Says what of it is not usual, after the words "the webhook"; "" where all is."""
        names = [str(each.get("name")) for each in self.fields or ()]
        told = {
            "gives the headers": self.gives_headers,
            "gives the method": self.gives_method,
            "passes JSON on as text": self.is_raw,
            f"wants fields as they are said ({', '.join(names)})": self.structure is not None,
            f"lets {self.queue_limit:,} requests wait": self.queue_limit != QUEUE_LIMIT,
            f"takes {self.rate:,} requests in ten seconds": self.rate not in (RATE, 0),
            "takes any number of requests in ten seconds": self.rate == 0,
        }
        return "; ".join(words for words, is_so in told.items() if is_so)


class Item(NamedTuple):
    """A request that came in."""

    id: int
    received_at: int
    bundle: dict[str, Any]


def url_of(settings: Settings) -> str:
    """Answers where webhooks are kept."""
    return settings.url_of("hooks.db")


class Hooks:
    """The webhooks of a data directory, or of a PostgreSQL database.

    Raises:
        StoreError: It cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = database.open_engine(url, MIGRATIONS)

    def create(self, name: str, **values: Any) -> HookRow:
        """Makes a webhook with an address of its own."""
        new = {
            "id": secrets.token_hex(8),
            "token": secrets.token_urlsafe(24),
            "name": name,
            "queue_limit": QUEUE_LIMIT,
            "rate": RATE,
            "gives_headers": False,
            "gives_method": False,
            "is_raw": False,
            "responds": False,
            "created_at": now(),
            **values,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(hooks), new)
        return self.get(new["id"])

    def get(self, id_: str) -> HookRow:
        """Finds a webhook.

        Raises:
            UsageError: There is none.
        """
        found = self._find(hooks.c.id == id_)
        if found is None:
            raise UsageError(f"there is no webhook {id_!r}")
        return found

    def all(self) -> list[HookRow]:
        """Answers all webhooks, the oldest first."""
        query = select(hooks).order_by(hooks.c.created_at, hooks.c.id)
        with self.engine.connect() as connection:
            return [HookRow(**row._mapping) for row in connection.execute(query)]

    def by_token(self, token: str) -> HookRow | None:
        """Finds the webhook of an address."""
        return self._find(hooks.c.token == token)

    def set(self, id_: str, **values: Any) -> None:
        """Changes a webhook."""
        with self.engine.begin() as connection:
            connection.execute(update(hooks).where(hooks.c.id == id_).values(**values))

    def detach(self, id_: str) -> None:
        """Says that a webhook belongs to no scenario any more."""
        self.set(id_, scenario_id=None, detached_at=now())

    def delete(self, id_: str) -> None:
        """Deletes a webhook, with all that came in by it."""
        with self.engine.begin() as connection:
            connection.execute(delete(items).where(items.c.hook_id == id_))
            connection.execute(delete(hooks).where(hooks.c.id == id_))

    def erase(self, texts: Sequence[str]) -> int:
        """Deletes requests that wait and hold one of these texts; answers how many they were."""
        held = func.lower(items.c.bundle)
        with self.engine.begin() as connection:
            return sum(
                connection.execute(
                    delete(items).where(held.contains(text.lower(), autoescape=True))
                ).rowcount
                for text in texts
            )

    def append(self, rows: Sequence[tuple[str, str]]) -> list[int]:
        """Writes requests down, in one commit: the webhook's id, and the bundle; answers their ids.

        Ids grow in the order of the commits, so who reads on after an id misses none.
        """
        received = now()
        values: list[dict[str, Any]] = [
            {"hook_id": id_, "received_at": received, "bundle": bundle} for id_, bundle in rows
        ]
        with self.engine.begin() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("begin immediate")
                last = connection.exec_driver_sql(LAST_ID).scalar() or 0
                ids = list(range(last + 1, last + 1 + len(values)))
                for row, id_ in zip(values, ids, strict=True):
                    row["id"] = id_
                connection.execute(insert(items), values)  # half the work of asking for the ids
                return ids
            connection.execute(text(f"select pg_advisory_xact_lock({APPEND_LOCK})"))
            given = insert(items).returning(items.c.id, sort_by_parameter_order=True)
            return list(connection.scalars(given, values))

    def items(self, id_: str, after: int, most: int) -> list[Item]:
        """Answers what came in by a webhook after an item, the oldest first."""
        query = (
            select(items)
            .where(items.c.hook_id == id_, items.c.id > after)
            .order_by(items.c.id)
            .limit(most)
        )
        with self.engine.connect() as connection:
            return [
                Item(row.id, row.received_at, values_json.loads(row.bundle))
                for row in connection.execute(query)
            ]

    def newest(self, id_: str) -> Item | None:
        """Answers what came in last by a webhook, as far as it is still kept."""
        query = select(items).where(items.c.hook_id == id_).order_by(items.c.id.desc()).limit(1)
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Item(row.id, row.received_at, values_json.loads(row.bundle))

    def waiting(self, id_: str, after: int, most: int) -> int:
        """Counts what came in by a webhook after an item; more than most is not counted."""
        some = select(items.c.id).where(items.c.hook_id == id_, items.c.id > after).limit(most + 1)
        with self.engine.connect() as connection:
            return int(connection.scalar(select(func.count()).select_from(some.subquery())) or 0)

    def forget(self, id_: str, up_to: int | None) -> int:
        """Deletes some of what came in long ago; answers how many, until there are none.

        Args:
            id_: The webhook.
            up_to: The last item that was run; None: none will be, so all may go.
        """
        old = (items.c.hook_id == id_) & (items.c.received_at < now() - KEPT)
        if up_to is not None:
            old &= items.c.id <= up_to
        some = select(items.c.id).where(old).order_by(items.c.id).limit(FORGET_PAGE)
        with self.engine.begin() as connection:
            found = connection.scalars(some).all()
            if found:
                between = items.c.id.between(found[0], found[-1])
                connection.execute(delete(items).where(old, between))
        return len(found)

    def close(self) -> None:
        """Closes the database."""
        self.engine.dispose()

    def _find(self, condition: Any) -> HookRow | None:
        with self.engine.connect() as connection:
            found = connection.execute(select(hooks).where(condition)).first()
        return None if found is None else HookRow(**found._mapping)
