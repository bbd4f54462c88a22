"""Who bought what: orders and their lines with all that reports ask of them, in order of time.

A report then reads the days that it is about, and nothing is joined that was joined before. Lines
are an order's items and, where its amount holds more than they do, a rest in place 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ORDER = {
    "pk": "bigint",
    "person": "bigint",
    "moment": "bigint",
    "day": "date",
    "lead_moment": "bigint",
    "lead_day": "date",
    "number": "bigint",  # among the person's orders, from 1, in order of time
    "integration_pk": "bigint",
    "amount": "bigint",
    "paid": "bigint",
    "tax": "bigint",
    "shipping": "bigint",
    "is_refunded": "boolean",
}
LINE = {
    "position": "bigint",
    "product_id": "varchar",
    "line_amount": "bigint",
    "line_paid": "bigint",
    "is_counted": "boolean",  # whether the order is counted by it: a rest beside items is not
}

SOLD = """
insert into sold
select o.pk, p.person, o.date_created, o.day, l.moment, l.day,
  row_number() over (partition by p.person order by o.date_created, o.pk),
  o.integration_pk, o.amount, o.paid, o.tax, o.shipping, o.is_refunded
from orders o join people p on p.kind = 'order' and p.pk = o.pk
left join leads l on l.person = p.person
where true {some}
order by o.date_created, o.pk
"""

LINES = """
insert into sold_lines
with chosen as (from sold s where true {some}),
items as (
  select i.order_pk, i.position, i.product_id, i.amount, i.total_paid
  from order_items i semi join chosen s on s.pk = i.order_pk
),
rests as (
  select s.pk, 0 as position, cast(null as varchar) as product_id,
    s.amount - coalesce(x.amount, 0) as line_amount, s.paid - coalesce(x.paid, 0) as line_paid,
    x.order_pk is null as is_counted
  from chosen s left join (
    select order_pk, sum(amount) as amount, sum(total_paid) as paid from items group by order_pk
  ) x on x.order_pk = s.pk
)
select s.*, x.* exclude (pk)
from chosen s join (
  select order_pk as pk, position, product_id, amount as line_amount, total_paid as line_paid,
    true as is_counted from items
  union all by name
  from rests
) x using (pk)
where x.position > 0 or x.is_counted or x.line_amount <> 0 or x.line_paid <> 0 or s.tax <> 0
  or s.shipping <> 0
order by s.moment, s.pk, x.position
"""


def tables() -> list[str]:
    """Makes the tables."""
    order = ", ".join(f"{name} {type_}" for name, type_ in ORDER.items())
    line = ", ".join(f"{name} {type_}" for name, type_ in LINE.items())
    return [f"create table sold ({order})", f"create table sold_lines ({order}, {line})"]


def everything(copy: DuckDBPyConnection) -> None:
    """Tells of all orders who bought what."""
    for table in ("sold", "sold_lines"):
        copy.execute(f"truncate {table}")
    copy.execute(SOLD.format(some=""))
    copy.execute(LINES.format(some=""))


def changed(copy: DuckDBPyConnection, *, are_orders: bool, are_bought: bool) -> dict[str, int]:
    """Tells it anew of orders that were read anew, and of all of who is `affected`.

    Args:
        copy: The copy, after people and leads.
        are_orders: Whether orders were read anew: those in `keys_orders`.
        are_bought: Whether any who are `affected` have or had orders.

    Returns:
        How many rows there are of them, by table.
    """
    persons = ["select person from affected"] if are_bought else []
    if are_orders:  # whoever bought them before, or does now: the numbers of theirs
        persons += [
            "select s.person from sold s semi join keys_orders k on k.pk = s.pk",
            "select p.person from people p semi join keys_orders k on k.pk = p.pk"
            " where p.kind = 'order'",
        ]
    if not persons:
        return {"sold": 0, "sold_lines": 0}
    copy.execute(
        f"create or replace temp table buyers as select distinct person from"
        f" ({' union all '.join(persons)}) x"
    )
    count = {}
    for table in ("sold", "sold_lines"):
        copy.execute(f"delete from {table} where person in (select person from buyers)")
    found = copy.execute(SOLD.format(some="and p.person in (select person from buyers)"))
    count["sold"] = int(found.fetchall()[0][0])
    found = copy.execute(LINES.format(some="and s.person in (select person from buyers)"))
    count["sold_lines"] = int(found.fetchall()[0][0])
    return count
