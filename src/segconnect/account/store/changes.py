"""What changed in an account, by number: how copies of its facts are kept up to date.

Each group of writes notes the keys of what it wrote or deleted, under the account's next number.
Numbers of one account are in the order of their commits, in both kinds of stores: groups of one
account wait for one another. They are none between accounts. A copy holds the number that it was
made at; what is noted since must be read anew, and what is not there any more was deleted. The
number must be read in the same snapshot as the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, func, select

from segconnect.account.store import schema

KEYS = {
    "contacts": ("pk",),
    "contact_tags": ("contact_pk",),  # all tags of the contact
    "tags": ("pk",),
    "orders": ("pk",),  # and the order's items
    "subscriptions": ("pk",),
    "products": ("integration_pk", "product_id"),
    "adcampaigns": ("integration_pk", "adcampaign_id"),
    "adsets": ("integration_pk", "adset_id"),
    "ads": ("integration_pk", "ad_id"),
    "ad_performance": ("integration_pk", "ad_id", "day"),
    "expenses": ("account_pk", "day", "key"),
    "identities": ("pk",),
    "page_views": ("visitor_pk",),  # all that the visitor saw
}
"""What a table's changes are noted by. A key of one column is noted as its bare value."""

KEPT = 250_000
"""Numbers of an account that are kept; a copy that is older than that is made anew."""

FORGET_EVERY = 1000  # numbers after which older ones are forgotten


class ChangeLog:
    """Collects what one group changes."""

    def __init__(self) -> None:
        self._keys: dict[int, dict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))

    def add(self, account_pk: int, table: str, key: Any) -> None:
        """Notes one key."""
        self._keys[account_pk][table].add(key)

    def entries(self) -> Iterator[tuple[int, str]]:
        """Answers the account and the text of each entry to be written."""
        for account_pk, tables in sorted(self._keys.items()):
            packed = {
                table: _packed(keys) if len(KEYS[table]) == 1 else sorted(keys)
                for table, keys in tables.items()
            }
            yield account_pk, to_json(packed).decode()


def _packed(keys: Iterable[int]) -> list[Any]:
    """Writes whole numbers in their order, and three or more in a row as the first and last."""
    answer: list[Any] = []
    first = last = -1
    for key in sorted(keys):
        if key == last + 1:
            last = key
            continue
        _close(answer, first, last)
        first = last = key
    _close(answer, first, last)
    return answer


def _close(answer: list[Any], first: int, last: int) -> None:
    if last - first > 1:
        answer.append([first, last])
    elif first >= 0:
        answer.extend(range(first, last + 1))


def _unpacked(table: str, packed: list[Any]) -> Iterator[Any]:
    if len(KEYS[table]) > 1:
        yield from map(tuple, packed)
        return
    for each in packed:
        if isinstance(each, list):
            yield from range(each[0], each[1] + 1)
        else:
            yield each


# -- reading -------------------------------------------------------------------------------------


class Changes(NamedTuple):
    """What changed between two numbers: the keys, by table, of what was written or deleted."""

    number: int  # the newest
    keys: dict[str, set[Any]]


def newest(connection: Connection, account_pk: int) -> int:
    """Answers the account's newest number; 0 before anything was written."""
    table = schema.changes
    query = select(func.max(table.c.number)).where(table.c.account_pk == account_pk)
    return int(connection.scalar(query) or 0)


def since(connection: Connection, account_pk: int, number: int) -> Changes | None:
    """Answers what changed after a number; None: that is not known any more, read all anew."""
    table = schema.changes.c
    oldest = select(func.min(table.number)).where(table.account_pk == account_pk)
    if number + 1 < int(connection.scalar(oldest) or 0):
        return None
    found: dict[str, set[Any]] = defaultdict(set)
    query = (
        select(table.number, table.noted)
        .where(table.account_pk == account_pk, table.number > number)
        .order_by(table.number)
    )
    for newer, text in connection.execution_options(yield_per=1000).execute(query):
        number = newer
        for name, packed in from_json(text).items():
            found[name].update(_unpacked(name, packed))
    return Changes(number, dict(found))
