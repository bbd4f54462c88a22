"""What a change of the channel rules would move, of all that an account holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, or_, select

from segconnect.account.channels import Rules, Visit, visit
from segconnect.account.store import schema

Moves = Counter[tuple[str, str, str]]
"""How many of a kind ("contacts") go from one channel to another; or stay, where both are equal."""


def moves(connection: Connection, account_pk: int, before: Rules, after: Rules) -> Moves:
    """Counts what would move where."""
    counted: Moves = Counter()
    known: dict[tuple[str, Visit], tuple[str, str, str]] = {}
    for kind, seen in _visits(connection, account_pk):
        key = (kind, seen._replace(arguments=_frozen(seen)))  # type: ignore[arg-type]  # hashable
        if key not in known:
            if len(known) > 100_000:
                known.clear()
            known[key] = (kind, before.classify(seen).channel, after.classify(seen).channel)
        counted[known[key]] += 1
    return counted


def _frozen(seen: Visit) -> frozenset[str]:
    return frozenset(seen.arguments)  # of which the rules read the names alone


def _visits(connection: Connection, account_pk: int) -> Iterator[tuple[str, Visit]]:
    """Reads the visits that contacts say they came by."""
    table = schema.contacts.c
    said = (table.utm_source, table.utm_medium, table.referring_url, table.optin_url)
    query = select(*said).where(
        table.account_pk == account_pk, or_(*(column.is_not(None) for column in said))
    )
    rows = connection.execution_options(yield_per=5000).execute(query)
    for source, medium, referrer, url in rows:
        yield "contacts", visit(url or "", referrer, utm_medium=medium, utm_source=source)
