"""An account of our own that data sets are loaded into by the real command, and that is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.connections import Connection, Connections
from segconnect.settings import load

COMMAND = (sys.executable, "-m", "segconnect")
SCENARIOS = Path(__file__).parents[2] / "examples" / "datasets"


class Loaded(NamedTuple):
    """What became of a scenario's bundles."""

    scenario: str
    read: int
    delivered: int
    seconds: float


class Table(NamedTuple):
    """A report's rows by the cells of their dimensions, and its totals; money in units."""

    rows: Mapping[tuple[str, ...], Mapping[str, Any]]
    totals: Mapping[str, Any]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Reads an answer of `segconnect report --json`."""
        keys = [each["key"] for each in told["fields"]]
        by = len(keys) - len(told["totals"])
        rows = {
            tuple(row[:by]): dict(zip(keys[by:], row[by:], strict=True)) for row in told["rows"]
        }
        return cls(rows, dict(zip(keys[by:], told["totals"], strict=True)))


class Account:
    """An account of its own for one data set, in a directory with the set's files and scenarios."""

    def __init__(self, data: Path, address: str, files: Path, name: str) -> None:
        self.files, self._data, self._address = files, data, address
        self._settings = load(data=data)
        self._engine = open_engine(self._settings.database_url)
        self.id, self._key = access.create_account(self._engine, name)

    def load(self, scenario: str, kind: str, integration: str, **inputs: str) -> Loaded:
        """Runs a scenario of examples/datasets into an integration of this name, made anew.

        Raises:
            SystemExit: A bundle was refused, or the run stopped: then no figure can be right.
        """
        connection = f"{self.id}-{integration}"
        Connections(self._settings).save(
            Connection(
                name=connection,
                api_key=self._key,
                account_id=self.id,
                integration_id=access.create_integration(self._engine, self.id, kind, integration),
                base_url=f"{self._address}/api",
            )
        )
        path = self.files / f"{scenario}.yaml"
        path.write_text((SCENARIOS / path.name).read_text("utf-8"), "utf-8")
        given = [each for name, value in inputs.items() for each in ("--input", f"{name}={value}")]
        begun = time.monotonic()
        told = self._run("run", str(path), "--connection", connection, *given, code=(0, 1))
        if told["refused"]:
            sys.exit(f"{scenario}: {told['refused']:,} refused: {told['reasons']}")
        return Loaded(scenario, told["read"], told["delivered"], time.monotonic() - begun)

    def report(self, type_: str, *metrics: str, by: str = "", **options: str) -> Table:
        """Asks for a report, as a user does."""
        given = [each for name, value in options.items() for each in (f"--{name}", value)]
        asked = ["--metric", ",".join(metrics), "--by", by, *given]
        return Table.of(self._run("report", type_, "--account", self.id, *asked))

    def behind(self, type_: str, metric: str, **options: str) -> list[float]:
        """Lists the part of each order or person in the total of a metric."""
        given = [each for name, value in options.items() for each in (f"--{name}", value)]
        told = self._run("report", type_, "--account", self.id, "--metric", metric, "--by", "",
                         *given, "--behind", "")  # fmt: skip
        return [each["part"] for each in told]

    def _run(self, *arguments: str, code: tuple[int, ...] = (0,)) -> Any:
        done = subprocess.run(
            [*COMMAND, *arguments, "--data", str(self._data), "--json"],
            cwd=self.files,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in code or not done.stdout:
            sys.exit(f"segconnect {' '.join(arguments)}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout)


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """Serves a store in a process of its own; answers its address."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--data", str(data)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1].rstrip(",")
    finally:
        process.terminate()
        process.wait()
