"""What a change of the channel rules would move, of all that an account holds; and moving it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, or_, select

from segconnect.account.channels import Rules, Visit, arguments_of, split, visit
from segconnect.account.owner.preferences import channel_rules, tracking_settings
from segconnect.account.store import schema
from segconnect.account.store.changes import ChangeLog
from segconnect.account.writing.committer import Store
from segconnect.account.writing.identities import VISITOR

Moves = Counter[tuple[str, str, str]]
"""How many of a kind ("contacts") go from one channel to another; or stay, where both are equal."""

BATCH = 500  # visitors whose views are moved in one transaction


def moves(connection: Connection, account_pk: int, before: Rules, after: Rules) -> Moves:
    """Counts what would move where."""
    own_hosts = tracking_settings(connection, account_pk).own_hosts
    counted: Moves = Counter()
    known: dict[tuple[str, Visit], tuple[str, str, str]] = {}
    for kind, seen in _visits(connection, account_pk):
        key = (kind, seen._replace(arguments=_frozen(seen)))  # type: ignore[arg-type]  # hashable
        if key not in known:
            if len(known) > 100_000:
                known.clear()
            channels = [rules.classify(seen, own_hosts).channel for rules in (before, after)]
            known[key] = (kind, channels[0], channels[1])
        counted[known[key]] += 1
    return counted


def _frozen(seen: Visit) -> frozenset[str]:
    return frozenset(seen.arguments)  # of which the rules read the names alone


def _visits(connection: Connection, account_pk: int) -> Iterator[tuple[str, Visit]]:
    """Reads the visits that contacts say they came by, and those that were seen."""
    table = schema.contacts.c
    said = (table.utm_source, table.utm_medium, table.referring_url, table.optin_url)
    query = select(*said).where(
        table.account_pk == account_pk, or_(*(column.is_not(None) for column in said))
    )
    streamed = connection.execution_options(yield_per=5000)
    for source, medium, referrer, url in streamed.execute(query):
        yield "contacts", visit(url or "", referrer, utm_medium=medium, utm_source=source)
    views, visitors = schema.page_views, schema.identities.c
    seen = (
        select(views)
        .join(schema.identities, visitors.pk == views.c.visitor_pk)
        .where(visitors.account_pk == account_pk, visitors.kind == VISITOR)
    )
    for row in streamed.execute(seen):
        yield "page views", _seen(row._mapping)


def _seen(row: Mapping[Any, Any]) -> Visit:
    """A page view as the rules look at it."""
    return Visit(
        host=row["host"],
        arguments=arguments_of(row["query"]),
        referrer=split(row["referrer"] or "").host,
        medium=(row["utm_medium"] or "").strip().lower(),
        source=(row["utm_source"] or "").strip().lower(),
        ad_id=row["ad_id"] or "",
    )


def move(store: Store, engine: Engine, account_pk: int) -> int:
    """Gives each page view the channel that the account's rules say now.

    Returns:
        How many page views had another one.
    """
    visitors, moved = schema.identities.c, 0
    with engine.connect() as connection:
        rules = channel_rules(connection, account_pk)
        own_hosts = tracking_settings(connection, account_pk).own_hosts
        query = select(visitors.pk).where(
            visitors.account_pk == account_pk, visitors.kind == VISITOR
        )
        pks = connection.scalars(query).all()
    for start in range(0, len(pks), BATCH):
        with store.transaction([account_pk]) as transaction:
            log, changed = ChangeLog(), []
            keys = [(pk,) for pk in sorted(pks[start : start + BATCH])]
            for row in transaction.select(schema.page_views, ("visitor_pk",), keys):
                channel = rules.classify(_seen(row), own_hosts).channel
                if channel != row["channel"]:
                    changed.append({**row, "channel": channel})
                    log.add(account_pk, "page_views", row["visitor_pk"])
            if changed:
                transaction.upsert(schema.page_views, changed)
                transaction.note(list(log.entries()))
            moved += len(changed)
    return moved
