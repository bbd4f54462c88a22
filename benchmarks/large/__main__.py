"""Measures the large account: python -m benchmarks.large [--contacts N] [--data DIR] [PART ...]

A million contacts, two orders and twenty page views each; --contacts 5000 takes a minute. A store
that is in the directory already is measured again, and stays. Parts are credits, reports, markov,
postgres, imports and export; all of them, unless some are named.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.large import chain, importing, on_postgres, reports
from benchmarks.large.by_hand import REPORTS
from benchmarks.large.world import World, world
from segconnect.account.replica.crediting import KEPT

PARTS = ("credits", "reports", "markov", "postgres", "imports", "export")
FOR_POSTGRES = 100_000  # contacts: a larger one takes it a quarter of an hour to load
CHANGES = (1, 1_000, 100_000)
SECONDS = 5.0


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.large")
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, help="a directory that stays; else one that does not")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    given = parser.parse_args()
    if wrong := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(wrong))}; there are {', '.join(PARTS)}")
    console = Console(width=150 if not sys.stdout.isatty() else None)
    with _directory(given.data) as directory:
        began = time.perf_counter()
        place = world(directory, given.contacts)
        console.print(
            f"{time.strftime('%Y-%m-%d')}, commit {_commit()}, {os.cpu_count()} cores"
            f" ({platform.machine()}), Python {platform.python_version()}, {given.contacts:,}"
            f" contacts (generated in {time.perf_counter() - began:.0f} s)"
        )
        copy = directory / f"replica-{given.contacts}"
        for part in PARTS:
            if not given.parts or part in given.parts:
                console.print(TABLES[part](place, copy))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        console.print(f"peak of this process {peak:,.0f} MB")


def _commit() -> str:
    ran = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return ran.stdout.strip() or "?"


@contextmanager
def _directory(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="segconnect-bench-") as name:
        yield Path(name)


def credits_table(place: World, copy: Path) -> Table:
    """Making the copy and the credits, and keeping them up."""
    table = Table("What", "Took", "Besides")
    with reports.replica_of(place, copy) as replica:

        def asked(*models: str) -> float:
            began = time.perf_counter()
            with replica.reading(place.account_pk, models):
                pass
            return time.perf_counter() - began

        table.add_row("Copy made, or opened if it was there", f"{asked():.1f} s", "")
        for model in KEPT:
            table.add_row(
                f"Everybody's credits by {model}, unless kept", f"{asked(model):.2f} s", ""
            )
        for count in CHANGES:
            if count > place.contacts // 5:
                continue
            pks = random.Random(count).sample(range(1, place.contacts + 1), count)
            importing.change(place, pks, f"campaign of {count}, {time.time():.0f}")
            table.add_row(
                f"Upkeep after {count:,} contacts came from another campaign",
                f"{asked(*KEPT):.2f} s", f"credits by {len(KEPT)} models",
            )  # fmt: skip
        with replica.reading(place.account_pk) as facts:
            began = time.perf_counter()
            rows = facts.connection.execute(
                "from touches where person = ? order by number", [2 * (place.contacts // 2)]
            ).fetchall()
            took = time.perf_counter() - began
        table.add_row("One journey", f"{took * 1000:.1f} ms", f"{len(rows)} visits")
    return table


def reports_table(place: World, copy: Path) -> Table:
    """All reports and models."""
    table = Table("Report", "Range", "Cold", "Warm", "By hand in SQL", "Ratio", "Wanted")
    dashboard = 0.0
    for each in reports.answers(place, copy):
        if each.range == "30 days" and each.name in reports.DASHBOARD:
            dashboard += each.warm
        table.add_row(
            each.name, each.range, f"{each.cold * 1000:.0f} ms", f"{each.warm * 1000:.0f} ms",
            f"{each.by_hand * 1000:.0f} ms", f"{each.ratio:.2f}", "at most 1.3",
        )  # fmt: skip
    count = len(reports.DASHBOARD)
    table.add_row(
        f"a dashboard of {count}", "30 days", "", f"{dashboard * 1000:.0f} ms", "", "", "300 ms"
    )
    return table


def markov_table(place: World, copy: Path) -> Table:
    """Markov chains."""
    table = Table(
        "Markov of order", "Ours, in all", "ChannelAttribution", "its paths by SQL", "Ratio"
    )
    for each in chain.compare(place, copy):
        theirs = each.theirs
        table.add_row(
            f"{each.order}, orders and revenue by channel, two years", f"{each.ours:.2f} s",
            "SKIPPED" if theirs is None else f"{theirs:.2f} s", f"{each.paths:.2f} s",
            "" if theirs is None else f"{(theirs + each.paths) / each.ours:.1f}",
        )  # fmt: skip
    return table


def postgres_table(place: World, copy: Path) -> Table:
    """The same queries on PostgreSQL, over a smaller account."""
    if place.contacts > FOR_POSTGRES:
        place = world(place.database.parent, FOR_POSTGRES)
        copy = copy.with_name(f"replica-{FOR_POSTGRES}")
    table = Table(f"Report, {place.contacts:,} contacts", "Range", "Ours", "PostgreSQL", "Ratio")
    with (
        reports.replica_of(place, copy) as replica,
        replica.reading(place.account_pk, ("any", "linear")) as facts,
    ):
        theirs = on_postgres.times(facts)
    for each in reports.answers(place, copy, on_postgres.ASKED):
        took = theirs[each.name, each.range]
        table.add_row(
            each.name, each.range, f"{each.warm * 1000:.0f} ms", f"{took * 1000:.0f} ms",
            f"{took / each.warm:.1f}",
        )  # fmt: skip
    return table


def imports_table(place: World, copy: Path) -> Table:
    """How fast imports are while reports are asked, and without them."""
    command = [
        sys.executable, "-m", "benchmarks.large.importing", str(place.database.parent),
        str(place.contacts), str(SECONDS),
    ]  # fmt: skip

    def alone_rate() -> float:
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(ran.stdout)

    alone_rate()  # the first one reads the store's pages
    alone = alone_rate()
    asked = [
        reports.planned(REPORTS[name], reports.RANGES["30 days"]) for name in reports.DASHBOARD
    ]
    count = 0
    with reports.replica_of(place, copy) as replica:
        for each in asked:
            reports.ask(replica, place, each)
        importing_now = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        began = time.perf_counter()
        while importing_now.poll() is None:
            reports.ask(replica, place, asked[count % len(asked)])
            count += 1
        took = time.perf_counter() - began
        beside = float(importing_now.communicate()[0])
    table = Table("Imports of contacts, in groups of 100", "A second", "Ratio", "Besides")
    table.add_row("alone", f"{alone:,.0f}", "", "")
    table.add_row(
        "while the dashboard's reports are asked, one after another", f"{beside:,.0f}",
        f"{beside / alone:.2f}", f"{count / took:.1f} reports a second, each with all that came in",
    )  # fmt: skip
    return table


def export_table(place: World, copy: Path) -> Table:
    """What an export takes, by a process of its own."""
    table = Table("Export of all facts as Parquet", "Took", "Peak memory")
    with tempfile.TemporaryDirectory(prefix="segconnect-bench-", dir=copy.parent) as name:
        for what in ("everything", "nothing changed"):
            code = (
                "from pathlib import Path\n"
                "from benchmarks.large import reports; from benchmarks.large.world import world\n"
                "from segconnect.account.export.parquet import export\n"
                f"place = world(Path({str(place.database.parent)!r}), {place.contacts})\n"
                f"with reports.replica_of(place, Path({str(copy)!r})) as replica:\n"
                "    with replica.reading(place.account_pk, ('any',)) as facts:\n"
                f"        export(facts, Path({name!r}), place.account_id, reports.settings(),"
                " ['any'])\n"
                "status = Path('/proc/self/status').read_text()\n"  # ru_maxrss is the parent's, too
                "print(int(status.partition('VmHWM:')[2].split()[0]) / 1024)\n"
            )
            began = time.perf_counter()
            ran = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            took = time.perf_counter() - began
            table.add_row(what, f"{took:.1f} s", f"{float(ran.stdout):,.0f} MB")
    return table


TABLES = {
    "credits": credits_table,
    "reports": reports_table,
    "markov": markov_table,
    "postgres": postgres_table,
    "imports": imports_table,
    "export": export_table,
}


if __name__ == "__main__":
    main()
