"""Keeps tables in the order that they are read in, so that a question reads little of them.

What is written anew lands at the end of a table. When that is much, the table is sorted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ORDER = {
    "page_views": "visitor_pk, date_created, hit",
    "touches": "person, number",
    "leads": "moment, person",
    "sold": "moment, pk",
    "sold_lines": "moment, pk, position",
    "credits": "model, order_moment, order_pk, number",
    "lead_credits": "model, lead_moment, person, number",
}
FEW = 200_000  # rows out of order that do no harm in any table
SHARE = 5  # one row in so many


def sort(copy: DuckDBPyConnection, table: str) -> None:
    """Sorts a table."""
    copy.execute(
        f"create or replace table {table} as select * from {table} order by {ORDER[table]}"
    )
    copy.execute("delete from appended where name = ?", [table])


def sort_where_needed(copy: DuckDBPyConnection, added: Mapping[str, int]) -> None:
    """Sorts those tables of which much was written anew, by how many rows were added."""
    rows = ", ".join(f"('{table}', {added[table]})" for table in ORDER if added[table])
    if not rows:
        return
    copy.execute(f"insert into appended values {rows}")
    many = f"select name, sum(rows) from appended group by name having sum(rows) > {FEW}"
    for table, count in copy.execute(many).fetchall():
        ((whole,),) = copy.execute(f"select count(*) from {table}").fetchall()
        if count > whole // SHARE:
            sort(copy, table)
