"""Records per second of the same job, here and by Node-RED and n8n: `make bench-peers`.

CSV → filter → six fields filled in with two functions → HTTP POST to a sink, once as it is and once
where 1% of the answers are HTTP 500. A rate is what arrived at the sink by the time that the job
took, by the tool's own clock: of segconnect by its journal, in which every outcome is on disk by
then. How long a tool takes to start is not counted.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.contacts import SCENARIO, write_people
from benchmarks.faults import Faulty, Plan, faulty
from benchmarks.job import Place
from benchmarks.peers import n8n, node_red
from benchmarks.peers.job import Came, UnusableError, came

Runner = Callable[[Path, Path, int, Faulty], Came]


def ours(directory: Path, people: Path, records: int, sink: Faulty) -> Came:
    """Runs segconnect once."""
    shutil.rmtree(directory, ignore_errors=True)
    place = Place(directory, sink.address)
    shutil.copy(people, directory / "people.csv")
    (directory / "people.yaml").write_text(SCENARIO)
    out, err = place.start_run().ended()
    row = place.latest()[0]
    if row.ended_at is None:
        raise UnusableError(err or out)
    return came(sink, records, (row.ended_at - row.created_at) / 1000)


TOOLS: dict[str, tuple[str, Runner]] = {
    "segconnect": ("segconnect, every outcome on disk", ours),
    "node-red": (f"Node-RED {node_red.VERSION}", node_red.run),
    "n8n": (f"n8n {n8n.VERSION}", n8n.run),
}


def main() -> int:
    """Prints the table; answers 1 if a tool could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--only", choices=TOOLS, action="append", help="a tool; may be repeated")
    parser.add_argument("--rows", type=int, default=10_000, help="of the CSV; a tenth is left out")
    given = parser.parse_args()
    table = Table("", "Records/s", "Of them", "Records/s, 1% of answers 500", "Of them")
    records = sum(number % 10 != 9 for number in range(given.rows))
    code = 0
    with faulty() as sink, tempfile.TemporaryDirectory(prefix="segconnect-peers-") as name:
        people = Path(name) / "people.csv"
        write_people(people, given.rows)
        for tool in given.only or TOOLS:
            title, runner = TOOLS[tool]
            cells = []
            try:
                for plan in (Plan(), Plan({"500": 0.01})):
                    sink.begin(plan)
                    found = runner(Path(name) / tool, people, records, sink)
                    cells += [f"{found.rate:,.0f}", found.told]
            except UnusableError as error:
                print(f"{title} is not measured: {error}", file=sys.stderr)
                code = 1
            table.add_row(title, *cells)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    print(
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {platform.machine()},"
        f" Python {platform.python_version()}, Node.js {node.stdout.strip() or '(none)'},"
        f" {records:,} of {given.rows:,} rows pass the filter"
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
