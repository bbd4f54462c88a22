"""The queries by hand on PostgreSQL: the same tables, and an index for each question."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from benchmarks.large.by_hand import REPORTS
from benchmarks.large.reports import RANGES, by_hand
from benchmarks.postgres import cluster
from segconnect.account.replica import Facts

TABLES = {
    "sold": ("day", "lead_day"),
    "credits": ("model, order_day", "model, lead_day"),
    "lead_credits": ("model, lead_day",),
    "leads": ("day",),
}
ASKED = ("leads by channel", "leads by day", "revenue by channel", "orders by status")
ROUNDS = 3
TYPES = {"VARCHAR": "text", "DOUBLE": "double precision"}


def times(facts: Facts) -> dict[tuple[str, str], float]:
    """Answers the seconds of each query and range."""
    found = {}
    with TemporaryDirectory(prefix="segconnect-bench-") as name, cluster() as create:
        url = make_url(create("reports")).set(drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as there:
            there.execute("set max_parallel_workers_per_gather = 2")
            there.execute("set work_mem = '256MB'")
            for table, indexes in TABLES.items():
                _copy(facts, there, table, indexes, Path(name) / f"{table}.csv")
            for asked in ASKED:
                for told, first in RANGES.items():
                    text = by_hand(REPORTS[asked].sql, first, facts.as_of)
                    took = []
                    for _ in range(ROUNDS):
                        began = time.perf_counter()
                        theirs = there.execute(text.encode()).fetchall()
                        took.append(time.perf_counter() - began)
                    ours = facts.connection.execute(text).fetchall()
                    assert _rounded(ours) == _rounded(theirs), asked
                    found[asked, told] = median(took)
    return found


def _copy(
    facts: Facts, there: psycopg.Connection, table: str, indexes: tuple[str, ...], file: Path
) -> None:
    described = facts.connection.execute(f"describe {table}").fetchall()
    columns = ", ".join(f"{name} {TYPES.get(type_, type_)}" for name, type_, *_ in described)
    there.execute(f"create table {table} ({columns})".encode())
    facts.connection.execute(f"copy {table} to '{file}' (format csv, header false)")
    text = f"copy {table} from stdin (format csv)".encode()
    with file.open("rb") as read, there.cursor().copy(text) as copy:
        while part := read.read(1 << 20):
            copy.write(part)
    for index in indexes:
        there.execute(f"create index on {table} ({index})".encode())
    there.execute(f"vacuum analyze {table}".encode())


def _rounded(rows: list[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    return sorted(
        tuple(str(each) if isinstance(each, str | None) else f"{float(each):.3f}" for each in row)
        for row in rows
    )
