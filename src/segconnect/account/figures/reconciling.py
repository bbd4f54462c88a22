"""Compares the orders of a processor's export with those that an account has of it, by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from segconnect.account.metrics import revenue
from segconnect.account.replica import Facts
from segconnect.account.reports.answering import on_wire
from segconnect.account.reports.plan import Settings
from segconnect.wire.order import OrderShape

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 10_000  # orders that are held in memory at a time
MOST = 10_000  # orders that differ and are told one by one


class Difference(StrEnum):
    """How an order differs."""

    MISSING_HERE = "missing here"
    MISSING_THERE = "missing there"
    AMOUNT = "another amount"
    PAID = "another payment"
    STATUS = "another status"
    DAY = "another day"


def reconcile(
    facts: Facts, settings: Settings, integration_pk: int, orders: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Compares orders, as they go over the wire, with those of an integration.

    Orders are the same that have one id; of several with one id the last counts, as it does where
    they are imported. Of the account's, those of the days of the export are looked at.

    Raises:
        ShapeError: An order is none.
    """
    connection = facts.connection
    connection.execute(
        "create or replace temp table theirs"
        " (place bigint, order_id varchar, moment bigint, amount bigint, paid bigint,"
        " is_refunded boolean)"
    )
    zone = "'{}'".format(str(settings.zone).replace("'", "''"))
    _fill(connection, orders)
    connection.execute(_COMPARED.format(zone=zone), [integration_pk])
    days = connection.execute(_DAYS).fetchall()
    differing = connection.execute(_DIFFERING).fetchmany(MOST)
    counts = connection.execute(_COUNTS).fetchall()

    def money(cents: int | None) -> float | int | None:
        return on_wire(revenue.revenue, cents, settings.currency)

    def sums(row: tuple[Any, ...]) -> dict[str, Any]:
        return {
            "orders_there": row[0], "orders_here": row[1],
            "amount_there": money(row[2]), "amount_here": money(row[3]),
            "paid_there": money(row[4]), "paid_here": money(row[5]),
            "differ": row[6],
        }  # fmt: skip

    totals = tuple(sum(int(day[place]) for day in days) for place in range(1, 8))
    return {
        "currency": settings.currency,
        "change": facts.number,
        "as_of": facts.as_of.isoformat(),
        "totals": sums(totals),
        "days": [{"day": str(day), **sums(tuple(map(int, rest)))} for day, *rest in days],
        "differences": {what: int(count) for what, count in counts},
        "orders": [
            {
                "order": order_id, "day": str(day), "difference": what,
                "amount_there": money(theirs), "amount_here": money(ours),
                "paid_there": money(paid_theirs), "paid_here": money(paid_ours),
                "refunded_there": refunded_theirs, "refunded_here": refunded_ours,
            }
            for order_id, day, what, theirs, ours, paid_theirs, paid_ours, refunded_theirs,
            refunded_ours in differing
        ],
    }  # fmt: skip


def _fill(connection: DuckDBPyConnection, orders: Iterable[Mapping[str, Any]]) -> None:
    left = enumerate(orders)
    while chunk := list(islice(left, CHUNK)):
        rows = []
        for place, body in chunk:
            given = OrderShape.read_object(dict(body)).given()
            money = (given["amount"], given["paid"], bool(given.get("is_refunded")))
            rows.append((place, given["id"], given["date_created"], *money))
        appender = connection.appender("theirs")
        appender.append_rows(rows)
        appender.flush()


_COMPARED = f"""
create or replace temp table compared as
with dated as (
  select *, cast(timezone({{zone}}, to_timestamp(moment)) as date) as day from theirs
  qualify row_number() over (partition by order_id order by place desc) = 1
)
select coalesce(d.order_id, o.order_id) as order_id, coalesce(d.day, o.day) as day,
  case when o.order_id is null then '{Difference.MISSING_HERE}'
    when d.order_id is null then '{Difference.MISSING_THERE}'
    when d.amount <> o.amount then '{Difference.AMOUNT}'
    when d.is_refunded <> o.is_refunded then '{Difference.STATUS}'
    when d.paid <> o.paid then '{Difference.PAID}'
    when d.day <> o.day then '{Difference.DAY}' end as difference,
  d.amount as theirs, o.amount as ours, d.paid as paid_theirs, o.paid as paid_ours,
  d.is_refunded as refunded_theirs, o.is_refunded as refunded_ours
from dated d full join (select * from orders where integration_pk = ?) o
  on o.order_id = d.order_id
where d.order_id is not null
  or o.day between (select min(day) from dated) and (select max(day) from dated)"""

_DAYS = """
select day, count(theirs), count(ours), coalesce(sum(theirs), 0), coalesce(sum(ours), 0),
  coalesce(sum(paid_theirs), 0), coalesce(sum(paid_ours), 0), count(difference)
from compared group by day order by day"""

_COUNTS = """
select difference, count(*) from compared where difference is not null
group by difference order by difference"""

_DIFFERING = """
select order_id, day, difference, theirs, ours, paid_theirs, paid_ours, refunded_theirs,
  refunded_ours
from compared where difference is not null order by day, order_id"""
