"""The replica: made, refreshed and asked, against the same question asked of SQLite itself."""

from __future__ import annotations

import random
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from segconnect.account.owner import access
from segconnect.account.replica import Facts, Replica
from segconnect.account.store import schema
from segconnect.account.store.opening import open_engine, open_writer
from segconnect.account.writing.committer import apply
from segconnect.account.writing.work import Operation

DAY = 86_400
NOW = 1_774_000_000
CHANNELS = ("paid", "email", "search", "social", "direct", "direct", "direct", "direct")

# Revenue of the last 30 days by the channel of the last visit before the order.
ON_SQLITE = """
select channel, sum(amount) from (
  select o.amount, (
    select v.channel from page_views v where v.visitor_pk = i.pk
    and v.date_created <= o.date_created order by v.date_created desc limit 1) as channel
  from orders o join contacts c on c.pk = o.contact_pk
  join identities e on e.account_pk = c.account_pk and e.kind = 'email' and e.value = c.email
  join identities i on i.person = e.person and i.kind = 'visitor'
  where o.date_created >= ?)
group by channel
"""
ON_REPLICA = """
select channel, sum(amount) from credits
where model = 'last_touch' and order_moment >= ? group by channel
"""


CHANGES = (
    ("1 contact renamed", "first_name", 1),
    ("1,000 contacts renamed", "first_name", 1000),
    ("1,000 contacts of another campaign, with what their orders are credited to",
     "utm_campaign", 1000),
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Seconds, but for what says otherwise."""

    rows: int
    build: float
    read: float  # the same rows, from SQLite into Python, and nothing else
    credits: float  # of everybody, by three models
    poll: float  # a question when nothing changed
    refresh: dict[str, float]  # a question after these changes
    question: float
    on_sqlite: float
    peak_mb: float


def generate(database: Path, contacts: int) -> tuple[int, int]:
    """Fills a store: to each contact two orders and ten page views; answers account and place."""
    engine = open_engine(f"sqlite:///{database}")
    account_id, key = access.create_account(engine, "benchmark", timezone="America/New_York")
    place = access.create_integration(engine, account_id, "crm", "benchmark")
    found = access.Doorkeeper(engine).look_up(key.encode(), account_id, place)
    assert found is not None
    assert found.integration_pk is not None
    engine.dispose()
    own = {"account_pk": found.account_pk, "integration_pk": found.integration_pk}
    connection = sqlite3.connect(database)
    connection.execute("pragma synchronous=off")
    for name, rows in (
        ("contacts", _contacts(contacts)),
        ("identities", _identities(contacts)),
        ("page_views", _page_views(contacts)),
        ("orders", _orders(contacts)),
        ("order_items", _items(contacts)),
    ):
        _insert(connection, name, own, rows)
    connection.execute("insert into changes values (?, 1, '{}')", [found.account_pk])
    connection.execute("insert into counters values ('contacts', ?)", [contacts + 1000])
    connection.commit()
    connection.close()
    return found.account_pk, found.integration_pk


def _insert(
    connection: sqlite3.Connection, name: str, own: dict[str, int], rows: Iterator[dict[str, Any]]
) -> None:
    columns = [column.name for column in schema.metadata.tables[name].columns]
    values = ", ".join("?" for _ in columns)
    shared = {column: own.get(column) for column in columns}
    connection.executemany(
        f"insert into {name} values ({values})",
        ([row.get(column, shared[column]) for column in columns] for row in rows),
    )


def _contacts(count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)
    for pk in range(1, count + 1):
        created = NOW - chance.randrange(730 * DAY)
        told = {"utm_source": "news", "utm_medium": "email"} if pk % 4 == 0 else {}
        yield {
            "pk": pk, "contact_id": f"c{pk}", "email": f"person{pk}@example.com",
            "first_name": "Joey", "last_name": "Bloggs", "status": "active",
            "date_created": created, "last_updated": created, "custom_fields": "{}", **told,
        }  # fmt: skip


def _identities(count: int) -> Iterator[dict[str, Any]]:
    for pk in range(1, count + 1):
        for kind, value, own in (
            ("visitor", f"u{pk}", 2 * pk), ("email", f"person{pk}@example.com", 2 * pk + 1)
        ):  # fmt: skip
            yield {"pk": own, "kind": kind, "value": value, "person": 2 * pk, "is_shared": 0,
                   "first_seen": NOW}  # fmt: skip


def _page_views(count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(2)
    for pk in range(1, count + 1):
        for hit in range(10):
            channel = chance.choice(CHANNELS)
            yield {
                "visitor_pk": 2 * pk, "date_created": NOW - chance.randrange(730 * DAY),
                "hit": hit, "is_secure": 1, "host": "tea.shop", "path": f"/tea/{hit}",
                "query": "", "channel": channel, "device": "desktop",
                "referrer": None if channel == "direct" else f"https://{channel}.example/",
                "utm_source": channel if channel in ("paid", "email") else None,
                "utm_campaign": f"campaign {pk % 50}" if channel == "paid" else None,
            }  # fmt: skip


def _orders(count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(3)
    for pk in range(1, 2 * count + 1):
        sold, amount = NOW - chance.randrange(730 * DAY), chance.randrange(500, 20_000)
        contact = (pk + 1) // 2
        yield {
            "pk": pk, "order_id": f"o{pk}", "contact_pk": contact,
            "email": f"person{contact}@example.com", "amount": amount, "paid": amount,
            "is_refunded": 0, "discount": 0, "tax": 0, "shipping": 0, "date_created": sold,
            "imported_at": sold, "last_imported_at": sold,
        }  # fmt: skip


def _items(count: int) -> Iterator[dict[str, Any]]:
    for pk in range(1, 2 * count + 1):
        yield {"order_pk": pk, "position": 1, "item_id": f"o{pk}-1", "product_id": "tea",
               "amount": 100, "total_paid": 100}  # fmt: skip


def run(data: Path, contacts: int) -> Measured:
    """Measures on a store of so many contacts."""
    database = data / "segconnect.db"
    account_pk, integration_pk = generate(database, contacts)
    engine = open_engine(f"sqlite:///{database}")
    rows, read = _read(database)
    replica = Replica(engine, data / "replica")
    models = ("last_touch", "linear", "position")

    def asked(models: tuple[str, ...] = models) -> float:
        began = time.perf_counter()
        with replica.reading(account_pk, models) as facts:
            answer(facts)
        return time.perf_counter() - began

    def answer(facts: Facts) -> float:
        began = time.perf_counter()
        facts.connection.execute(ON_REPLICA, [NOW - 30 * DAY]).fetchall()
        return time.perf_counter() - began

    build = asked(())
    credit = asked()
    poll = median(asked() for _ in range(20))
    with replica.reading(account_pk, models) as facts:
        question = median(answer(facts) for _ in range(20))
    writer = open_writer(f"sqlite:///{database}")
    refresh = {}
    for what, field, number in CHANGES:
        took = []
        for turn in range(5):
            apply(writer, [
                Operation("POST contact", account_pk, integration_pk,
                          {"contact_id": f"c{pk}", field: f"turn {turn}"})
                for pk in random.Random(turn).sample(range(1, contacts + 1), number)
            ])  # fmt: skip
            took.append(asked())
        refresh[what] = median(took)
    writer.close()
    replica.close()
    engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(rows, build, read, credit, poll, refresh, question, _on_sqlite(database), peak)


def _read(database: Path) -> tuple[int, float]:
    connection = sqlite3.connect(database)
    began, rows = time.perf_counter(), 0
    for name in ("contacts", "identities", "page_views", "orders", "order_items"):
        cursor = connection.execute(f"select * from {name}")
        while part := cursor.fetchmany(10_000):
            rows += len(part)
    return rows, time.perf_counter() - began


def _on_sqlite(database: Path) -> float:
    connection = sqlite3.connect(database)
    took = []
    for _ in range(3):
        began = time.perf_counter()
        connection.execute(ON_SQLITE, [NOW - 30 * DAY]).fetchall()
        took.append(time.perf_counter() - began)
    return min(took)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="segconnect-bench-") as name:
        print(run(Path(name), int(sys.argv[1])))
