"""Runs all benchmarks and prints one table: `make bench`.

Everything is a ratio against a named reference measured in the same run. SEGCONNECT_BENCH=small
measures with a tenth of the data.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    attribution,
    client,
    contacts,
    idle,
    ingest,
    mapping,
    pipeline,
    replica,
    start,
)
from benchmarks.postgres import cluster

IS_SMALL = os.environ.get("SEGCONNECT_BENCH") == "small"
CONTACTS = 100_000 if IS_SMALL else 1_000_000
ROWS = 100_000 if IS_SMALL else 1_000_000


@contextmanager
def directory() -> Iterator[Path]:
    """A directory for one benchmark's store."""
    with tempfile.TemporaryDirectory(prefix="segconnect-bench-") as name:
        yield Path(name)


def main() -> None:
    """Prints the table."""
    table = Table("What", "Ours", "Reference", "Ratio", "Wanted", "Besides")

    def ingest_row(name: str, url: str | None) -> None:
        with directory() as data:
            found = ingest.run(data, url, CONTACTS)
        table.add_row(
            f"{name}: contact upserts answered after commit, {ingest.CONNECTIONS} connections,"
            f" {CONTACTS:,} contacts",
            f"{found['account']:,.0f}/s",
            f"Starlette echo {found['echo']:,.0f}/s",
            f"{found['ratio']:.2f}",
            "0.5",
            f"p99 {found['p99_ms']:.0f} ms (wanted 30)",
        )

    def pipeline_row(name: str, url: str | None) -> None:
        with directory() as data:
            found = pipeline.run(data, url, ROWS)
        table.add_row(
            f"{name}: CSV → mapping → module → account, {ROWS:,} order rows",
            f"{found['batch']:,.0f}/s",
            f"requests, one POST a row {found['by_hand']:,.0f}/s",
            f"{found['ratio']:.1f}",
            "15",
            f"peak {found['peak_mb']:.0f} MB (wanted 250)",
        )

    def replica_rows() -> None:
        with directory() as data:
            found = replica.run(data, CONTACTS // 5)
        asked = "revenue of 30 days by channel of the last visit"
        table.add_row(
            f"Replica: {found.rows:,} rows made from SQLite, with everybody's visits",
            f"{found.rows / found.build:,.0f}/s",
            f"the rows read into Python {found.rows / found.read:,.0f}/s",
            f"{found.read / found.build:.2f}",
            "0.10",
            f"three models credited {found.credits:.1f} s, peak {found.peak_mb:.0f} MB",
        )
        for what, took in {"nothing changed": found.poll, **found.refresh}.items():
            table.add_row(
                f"Replica: {asked}, after {what}; the ratio is of times",
                f"{took * 1000:,.0f} ms",
                f"asked of SQLite itself {found.on_sqlite * 1000:,.0f} ms",
                f"{took / found.on_sqlite:.2f}",
                "",
                f"the question alone {found.question * 1000:.0f} ms",
            )

    ingest_row("SQLite", None)
    replica_rows()
    found = client.run()
    table.add_row(
        "Client: requests to a sink, 64 in flight",
        f"{found['client']:,.0f}/s",
        f"bare pyreqwest loop {found['bare']:,.0f}/s",
        f"{found['ratio']:.2f}",
        "0.7",
        "",
    )
    measured = mapping.run()
    ours, by_hand, by_jinja = measured.rates()
    slowest, template = measured.slowest()
    table.add_row(
        f"Mapping: {len(mapping.FIELDS)} templates of an order; the ratio is of times",
        f"{ours:,.0f}/s",
        f"the same in Python by hand {by_hand:,.0f}/s",
        f"{by_hand / ours:.1f}",
        "at most 4.0",
        f"Jinja2 {by_jinja:,.0f}/s; slowest {slowest:.1f}: {template}",
    )
    pipeline_row("SQLite", None)
    with directory() as data:
        found = contacts.run(data, ROWS)
    for way, kind in (("alone", "one by one"), ("batch", "in batches")):
        ours_rate, hand_rate = found[way], found[f"{way}_by_hand"]
        table.add_row(
            f"CSV → filter → six fields → contacts, {kind}",
            f"{ours_rate:,.0f}/s",
            f"by hand on our client {hand_rate:,.0f}/s",
            f"{ours_rate / hand_rate:.2f}",
            "0.6",
            f"{ROWS:,} rows, peak {found['peak_mb']:.0f} MB" if way == "batch" else "",
        )
    with directory() as data:
        found = idle.run(data)
    table.add_row(
        f"{idle.SCHEDULES:,} idle schedules: processor time of a worker",
        f"{found['with']:.1f} %",
        f"without any {found['without']:.1f} %",
        "",
        "",
        "",
    )
    credit = attribution.run(ROWS)
    for model, (seconds, in_loops) in credit.models.items():
        table.add_row(
            f"Attribution: {model}{f' of order {attribution.ORDER}' if model == 'markov' else ''},"
            f" {ROWS:,} distinct paths, {attribution.CHANNELS} channels",
            f"{seconds:.2f} CPU s",
            f"loops and dictionaries {in_loops:.2f} CPU s",
            f"{in_loops / seconds:.1f}",
            attribution.WANTED[model],
            f"reading them {credit.reading:.1f} CPU s" if model == "markov" else "",
        )
    with cluster() as create:
        ingest_row("PostgreSQL", create("one"))
        pipeline_row("PostgreSQL", create("two"))
    for name, took, wanted, besides in start.run():
        table.add_row(name, took, "", "", wanted, besides)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    console = Console(width=150 if not sys.stdout.isatty() else None)
    console.print(
        f"{time.strftime('%Y-%m-%d')}, commit {commit or '?'}, {os.cpu_count()} cores"
        f" ({platform.machine()}), Python {platform.python_version()}"
    )
    console.print(table)


if __name__ == "__main__":
    main()
