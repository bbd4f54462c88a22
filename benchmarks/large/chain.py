"""Markov over the account's journeys, against ChannelAttribution on the same paths.

ChannelAttribution is no dependency of ours: it is installed from PyPI into an environment beside
the data, and the benchmark says so loudly where it cannot be. Its paths are made by DuckDB, as
texts, by hand; both parts are timed. It draws journeys by chance, so shares agree but for that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.large.by_hand import Report
from benchmarks.large.reports import RANGES, planned, replica_of
from benchmarks.large.world import World
from segconnect.account.figures.reporting import models_of
from segconnect.account.reports.run import run

PACKAGES = ("ChannelAttribution==2.2.5", "pandas", "matplotlib")
ORDERS = (1, 2, 3)
AGREES = 0.02  # of a share
THERE = """
import json, sys, time
import pandas
from ChannelAttribution import markov_model
paths = pandas.read_csv(sys.argv[1])
began = time.perf_counter()
found = markov_model(paths, "path", "conversions", var_value="value", order=int(sys.argv[2]),
                     ncore=2, verbose=False, flg_pro=False)
took = time.perf_counter() - began
print(json.dumps([took, dict(zip(found["channel_name"], found["total_conversions"]))]))
"""


class Compared(NamedTuple):
    """Seconds of one order of the chain."""

    order: int
    ours: float  # the whole report: paths, chain and totals
    theirs: float | None  # the chain alone; None: it could not be installed
    paths: float  # to make the paths as texts


def compare(world: World, directory: Path) -> list[Compared]:
    """Times both over two years, orders by channel, and checks that they agree."""
    python = installed(world.database.parent)
    first = RANGES["two years"]
    found = []
    with replica_of(world, directory) as replica:
        with replica.reading(world.account_pk, ("any",)) as facts:
            file = world.database.parent / "paths.csv"
            began = time.perf_counter()
            facts.connection.execute(
                "copy (select path, count(*) as conversions, sum(amount) as value from (select"
                " string_agg(channel, ' > ' order by number) as path, any_value(order_amount) as"
                f" amount from credits where model = 'any' and order_day >= date '{first}' and"
                f" number is not null group by order_pk) x group by path) to '{file}' (header)"
            )
            paths = time.perf_counter() - began
        for order in ORDERS:
            report = Report(
                "revenue", ("orders", "revenue"), "clicks.channel", f"markov:{order}", "", ""
            )
            asked = planned(report, first)
            took = []
            for _ in range(3):
                began = time.perf_counter()
                with replica.reading(world.account_pk, models_of(asked)) as facts:
                    answer = run(facts, asked)
                took.append(time.perf_counter() - began)
            theirs = None
            if python is not None:
                theirs, shares = _there(python, file, order)
                ours = {row.cells[0]: row.sums["orders"] for row in answer.rows if row.cells[0]}
                for channel, orders in ours.items():
                    part = orders / sum(ours.values()) - shares[channel] / sum(shares.values())
                    assert abs(part) < AGREES, (order, channel, ours, shares)
            found.append(Compared(order, median(took), theirs, paths))
    return found


def installed(directory: Path) -> Path | None:
    """Answers the Python that has the package; None where it cannot be had."""
    place = directory / "channel-attribution"
    python = place / "bin" / "python"
    if not (place / ".ready").exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", place], check=True, capture_output=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", *PACKAGES],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            (place / ".ready").touch()
        except (OSError, subprocess.CalledProcessError) as error:
            reason = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
            print(f"SKIPPED: {PACKAGES[0]} cannot be installed: {' '.join(map(str, reason))}")
            return None
    return python


def _there(python: Path, file: Path, order: int) -> tuple[float, dict[str, float]]:
    ran = subprocess.run(
        [python, "-c", THERE, file, str(order)], check=True, capture_output=True, text=True
    )
    took, shares = json.loads(ran.stdout.splitlines()[-1])
    return took, shares
