"""The real command at a job over a file, watched from outside: what `make prove` and others run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from segconnect.connections import Connection, Connections
from segconnect.scenario.journal import Journal, RunRow, url_of
from segconnect.settings import load

SCENARIO = """
name: People
flow:
  - id: 1
    module: csv
    parameters: { file: people.csv }
  - id: 2
    module: add-update-contact
    mapper:
      email: "{{lower(1.Email)}}"
      first_name: "{{1.First}}"
      last_name: "{{1.Last}}"
"""
LOOK_SECONDS = 0.1  # between two looks at the memory of processes


def email(number: int) -> str:
    """The address of a person as it arrives."""
    return f"person{number}@example.com"


def write_people(path: Path, people: int) -> None:
    """Writes a CSV of so many people."""
    lines = (f"Person{number}@Example.com,Joey,Bloggs{number}" for number in range(people))
    path.write_text("Email,First,Last\n" + "\n".join(lines) + "\n")


class Place:
    """A directory with a scenario, a connection, and a journal.

    Args:
        path: The directory; files of the scenario go there.
        root: The API root that the connection leads to.
        environment: Settings, such as SEGCONNECT_RATE.
        address: Key, account and integration; those of a sink do not matter.
        connection: The connection's name.
        data: The data directory, if it is shared with others.
    """

    def __init__(
        self,
        path: Path,
        root: str,
        environment: Mapping[str, str] | None = None,
        address: tuple[str, str, str] = ("0123456789abcdefghijkl", "account", "integration"),
        connection: str = "sink",
        data: Path | None = None,
    ) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path, self.data, self.connection = path, data or path / "data", connection
        self.environment = {**os.environ, "SEGCONNECT_DATA": str(self.data), **(environment or {})}
        database = self.environment.get("SEGCONNECT_DATABASE")
        self.settings = load(data=self.data, database=database)
        key, account, integration = address
        Connections(self.settings).save(
            Connection(
                name=connection, api_key=key, account_id=account, integration_id=integration,
                base_url=f"{root}/api",
            )
        )  # fmt: skip

    def start_run(self) -> Command:
        """Starts a run of people.yaml."""
        return self.start("run", "people.yaml", "--connection", self.connection, "--json")

    def start(self, *arguments: str) -> Command:
        """Starts the command in the directory."""
        return Command(arguments, self.path, self.environment)

    def run(self, *arguments: str) -> str:
        """Runs the command to its end; answers what it printed.

        Raises:
            RuntimeError: It did not end well.
        """
        command = self.start(*arguments)
        out, err = command.ended()
        if command.code not in (0, 1):  # 1: some bundles were refused, or wait
            raise RuntimeError(f"segconnect {' '.join(arguments)}: {err[-2000:] or out}")
        return out

    def latest(self, most: int = 1) -> list[RunRow]:
        """Answers the latest runs of the journal, the newest first."""
        if not (self.data / "runs.db").exists() and self.settings.database is None:
            return []
        with closing(Journal(url_of(self.settings))) as journal:
            return list(journal.latest(most))


class Command:
    """A command that was started, and the most memory that it and its children held."""

    def __init__(
        self, arguments: tuple[str, ...], path: Path, environment: Mapping[str, str]
    ) -> None:
        self.began = time.time()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "segconnect", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=path,
            env=dict(environment),
        )
        self._most = 0  # kilobytes
        self._is_over = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def code(self) -> int:
        """The exit code, once it has ended."""
        return self.process.returncode

    @property
    def megabytes(self) -> float:
        """The most that all its processes held at one moment.

        A page that several of them share is counted once: the system divides it among them.
        """
        return self._most / 1024

    def ended(self, timeout: float = 600.0) -> tuple[str, str]:
        """Waits for its end; answers what it printed, and its complaints."""
        out, err = self.process.communicate(timeout=timeout)
        self._is_over.set()
        self._thread.join()
        return out, err

    def kill(self) -> None:
        """Ends it at once: nothing is closed, nothing more is written."""
        self.process.kill()
        self.ended()

    def end(self) -> tuple[str, str]:
        """Asks it to end, and waits for it."""
        self.process.terminate()
        return self.ended()

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            self._most = max(self._most, sum(map(proportional, tree(self.process.pid))))


def tree(pid: int) -> Iterator[int]:
    """Answers a process and all that come of it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):  # each thread has its own
        with suppress(OSError):  # it has ended
            for child in task.read_text().split():
                yield from tree(int(child))


def proportional(pid: int) -> int:
    """Answers the memory of a process in kilobytes, pages that it shares counted in part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def report_of(out: str) -> dict[str, Any]:
    """Reads what `--json` printed last."""
    found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return found
