"""Loads the data sets and prints what is right beside what we got: `make verify-data DATA=DIR`.

The exit code is 1 if anything differs, and 2 if a data set is not there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.verify.asking import Account, serving
from benchmarks.verify.sets import DATA_SETS, Check, DataSet, Figures


def main() -> int:
    """Reads the arguments, and verifies one data set after another."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify", description=__doc__)
    parser.add_argument("directory", nargs="?", default=os.environ.get("DATA", ""), type=str)
    parser.add_argument("--only", default="", help="data sets whose name has this in it")
    options = parser.parse_args()
    wanted = [each for each in DATA_SETS if options.only.lower() in each.name.lower()]
    missing = [
        each.folder for each in wanted if not _folder(Path(options.directory), each).is_dir()
    ]
    if not options.directory or missing:
        sys.stderr.write(
            f"no data set {', '.join(missing)} in {options.directory or 'no directory'}; name the"
            " directory that holds their folders, DATA=../data\n"
        )
        return 2
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    with tempfile.TemporaryDirectory(prefix="segconnect-verify-") as name:
        home = Path(name)
        with serving(home / "data") as address:
            differing = [
                check
                for number, each in enumerate(wanted)
                for check in _verify(
                    console, each, _folder(Path(options.directory), each), home / f"{number}",
                    home / "data", address,
                )
                if not check.is_right
            ]  # fmt: skip
    console.print(f"{len(differing)} differ" if differing else "Everything is right.")
    return 1 if differing else 0


def _folder(directory: Path, each: DataSet) -> Path:
    """Finds the folder of a data set, there or in `datasets` there."""
    inner = directory / "datasets" / each.folder
    return inner if inner.is_dir() else directory / each.folder


def _verify(
    console: Console, each: DataSet, folder: Path, files: Path, data: Path, address: str
) -> list[Check]:
    files.mkdir()
    each.bring(folder, files)
    account = Account(data, address, files, each.name)
    console.print(f"[bold]{each.name}[/]")
    done = []
    for load in each.loads:
        loaded = account.load(load.scenario, load.kind, load.integration, **load.inputs)
        done.append(loaded)
        console.print(
            f"  {loaded.scenario}: {loaded.read:,} read, {loaded.delivered:,} delivered in"
            f" {loaded.seconds:.1f} s, {loaded.read / loaded.seconds:,.0f}/s",
            style="dim",
        )
    begun = time.monotonic()
    checks = list(each.check(account, files, done))
    table = Table("What", "Right", "segconnect", "", "Says", box=None, pad_edge=False)
    names = ""
    for check in checks:
        if check.names != names:
            names = check.names
            if names:
                table.add_row(f"[dim]{names}[/]")
        mark = "" if check.is_right else "[bold red]differs[/]"
        table.add_row(check.what, _told(check.right), _told(check.ours), mark, check.by)
    console.print(table)
    console.print(f"  reports: {time.monotonic() - begun:.1f} s\n", style="dim")
    return checks


def _told(figures: Figures) -> str:
    return "  ".join(f"{figure:,.4f}".rstrip("0").rstrip(".") for figure in figures)


if __name__ == "__main__":
    sys.exit(main())
