"""Kills runs at random instants until they have ended, and looks whether it shows: `make chaos`.

Embedded, a run is killed (-9) and gone on with by the next command, again and again. On PostgreSQL
two workers carry runs out, and one of them is killed and replaced, again and again. When a run has
ended, what its account holds and what the journal counted must equal those of a run that nobody
disturbed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from benchmarks.ingest import free_port, server
from benchmarks.job import Command, Place
from benchmarks.postgres import cluster
from benchmarks.state import Rows, state_of
from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.scenario.journal import RunRow, State
from segconnect.settings import load

HEAD = """
name: People
flow:
  - { id: 1, module: csv, parameters: { file: people.csv } }
  - id: 2
    module: add-update-contact
    mapper:
      email: "{{1.Email}}"
      date_created: 2026-02-01
      tags: ["{{1.Tag}}"]
      custom_fields: { n: "{{1.n}}" }
"""
ORDERS = """
  - id: 3
    module: add-update-order
    mapper:
      email: "{{1.Email}}"
      invoice_id: "#{{1.n}}"
      amount: "{{1.n}}"
      paid: "{{1.n}}"
      date_created: 2026-02-01
      items: [{ name: Green tea, product_id: tea, amount: "{{1.n}}" }]
"""
KINDS = {"in batches": (HEAD, 20_000), "one by one": (HEAD + ORDERS, 1_000)}
"""Scenarios, and the rows of their files: such that a run takes a few seconds."""

LATER_SECONDS = 1.5  # within which a process is killed, from its start or its first bundle
WORKER_SECONDS = 2.5  # between two kills of workers, at most
SIDE_BY_SIDE = 3  # runs, on two workers
STUCK_SECONDS = 60.0  # in which runs should get on, whatever is killed


class Counts(NamedTuple):
    """What the journal counted of a run."""

    state: str
    was_read: int
    delivered: int
    refused: int
    waiting: int
    filtered: int

    @classmethod
    def of(cls, row: RunRow) -> Counts:
        """The counts of a run."""
        return cls(*(getattr(row, name) for name in cls._fields))


class Ended(NamedTuple):
    """What a run leaves behind."""

    counts: Counts
    state: dict[str, Rows]


@dataclass
class Begun:
    """A run that is disturbed: where its files are, and the account that it fills."""

    kind: str
    place: Place
    account: str

    def row(self) -> RunRow | None:
        """Its row in the journal, once there is one."""
        known = self.place.latest(1_000)
        mine = [each for each in known if each.file == str(self.place.path / "people.yaml")]
        return max(mine, key=lambda each: each.id) if mine else None


class Chaos:
    """Runs, and who kills them.

    Args:
        directory: Where files are.
        engine: The store of the accounts.
        root: Where they are served.
        database: The URL of the journal; None: each run has one of its own on SQLite.
        seed: Another one kills at other instants.
        kinds: What is run: names, scenarios and rows.
    """

    def __init__(
        self,
        directory: Path,
        engine: Engine,
        root: str,
        database: str | None = None,
        seed: int = 1,
        kinds: dict[str, tuple[str, int]] | None = None,
    ) -> None:
        self._directory, self._engine, self._root = directory, engine, root
        self._environment = {} if database is None else {"SEGCONNECT_DATABASE": database}
        self._random = random.Random(seed)
        self._numbers = count(1)
        self._kinds = KINDS if kinds is None else kinds
        self._undisturbed: dict[str, Ended] = {}
        self.kills = self.runs = 0
        self.problems: list[str] = []

    def _begun(self, kind: str) -> Begun:
        """Writes the files of a run, for a new account."""
        account, key = access.create_account(self._engine, "Bloggs Tea")
        integration = access.create_integration(self._engine, account, "crm", "CRM")
        path = self._directory / str(next(self._numbers))
        data = self._directory / "data" if self._environment else None  # of workers, it is one
        place = Place(
            path, self._root, self._environment, (key, account, integration), path.name, data
        )
        scenario, rows = self._kinds[kind]
        lines = (
            f"p{n}@b.c,t{n % 7},{n}" if n % 500 else "nobody,t,0"  # which the account refuses
            for n in range(rows)
        )
        (path / "people.csv").write_text("Email,Tag,n\n" + "\n".join(lines) + "\n")
        (path / "people.yaml").write_text(scenario)
        return Begun(kind, place, account)

    def _ended(self, begun: Begun, row: RunRow) -> Ended:
        return Ended(Counts.of(row), state_of(self._engine, begun.account))

    def undisturbed(self, kind: str) -> Ended:
        """Answers what a run of a kind leaves behind, if it is let alone."""
        if kind not in self._undisturbed:
            begun = self._begun(kind)
            begun.place.start_run().ended()
            row = begun.row()
            assert row is not None
            self._undisturbed[kind] = self._ended(begun, row)
        return self._undisturbed[kind]

    def _check(self, begun: Begun, row: RunRow) -> None:
        self.runs += 1
        found, wanted = self._ended(begun, row), self.undisturbed(begun.kind)
        where = f"run {row.id} ({begun.kind}, {begun.place.path})"
        if found.counts != wanted.counts:
            self.problems.append(
                f"{where}: counted {found.counts}, not {wanted.counts}: {row.error}"
            )
        for table, rows in wanted.state.items():
            missing = set(rows) - set(found.state[table])
            more = set(found.state[table]) - set(rows)
            if found.state[table] != rows:
                told = f"{len(missing)} are missing, {len(more)} too many"
                self.problems.append(f"{where}: {table}: {told}")

    # -- embedded: one process after the other -----------------------------------------------------

    def embedded(self, kills: int) -> None:
        """Kills commands until there were so many kills, and lets the last run end."""
        for kind in cycle(self._kinds):
            begun = self._begun(kind)
            self.undisturbed(kind)
            while (row := begun.row()) is None or not State(row.state).is_over:
                self._go_on(begun, row, is_killed=self.kills < kills)
            self._check(begun, row)
            if self.kills >= kills:
                return

    def _go_on(self, begun: Begun, row: RunRow | None, *, is_killed: bool) -> None:
        """Starts a run, or goes on with it; kills that at once, later, or never."""
        place = begun.place
        command = (
            place.start_run() if row is None else place.start("runs", "resume", row.id, "--json")
        )
        if is_killed:
            if self._random.random() < 0.5:  # else it may be killed before it has begun
                before = 0 if row is None else row.was_read
                self._wait(
                    30,
                    lambda: (
                        _is_over(command)
                        or ((now := begun.row()) is not None and now.was_read > before)
                    ),
                )
            self._wait(self._random.uniform(0, LATER_SECONDS), lambda: _is_over(command))
            if command.process.poll() is None:
                command.kill()
                self.kills += 1
                return
        _, err = command.ended()
        found = begun.row()
        if not is_killed and (found is None or not State(found.state).is_over):
            raise SystemExit(f"{begun.place.path}: the run does not go on: {err}")

    # -- on PostgreSQL: two workers ----------------------------------------------------------------

    def workers(self, kills: int) -> None:
        """Kills one of two workers, until there were so many kills, and lets the last runs end."""
        kinds = cycle(self._kinds)
        for kind in self._kinds:
            self.undisturbed(kind)
        under_way = [self._handed_over(next(kinds)) for _ in range(SIDE_BY_SIDE)]
        worker = under_way[0].place
        two = [worker.start("worker"), worker.start("worker")]
        settled, ends = -1, 0.0
        try:
            while under_way:
                time.sleep(self._random.uniform(0, WORKER_SECONDS))
                if self.kills < kills:
                    which = self._random.randrange(2)
                    two[which].kill()
                    two[which] = worker.start("worker")
                    self.kills += 1
                before, settled = settled, 0
                for begun in list(under_way):
                    row = begun.row()
                    assert row is not None
                    settled += row.was_read
                    if State(row.state).is_over:
                        self._check(begun, row)
                        under_way.remove(begun)
                        if self.kills < kills:
                            under_way.append(self._handed_over(next(kinds)))
                if settled != before:
                    ends = time.monotonic() + STUCK_SECONDS
                elif time.monotonic() > ends:
                    stuck = [row._asdict() for each in under_way if (row := each.row())]
                    told = [f"{each['id']} {each['state']} {each['was_read']}" for each in stuck]
                    self.problems.append(f"these runs do not end: {', '.join(told)}")
                    return
        finally:
            for each in two:
                each.kill()

    def _handed_over(self, kind: str) -> Begun:
        """Begins a run in a process that is killed once it is at it, so that workers take it."""
        begun = self._begun(kind)
        command = begun.place.start_run()
        self._wait(30, lambda: (row := begun.row()) is not None and row.was_read > 0)
        command.kill()
        self.kills += 1
        return begun

    @staticmethod
    def _wait(seconds: float, holds: Callable[[], bool]) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not holds():
            time.sleep(0.005)


def _is_over(command: Command) -> bool:
    return command.process.poll() is not None


@contextmanager
def served(directory: Path, database: str | None) -> Iterator[tuple[Engine, str]]:
    """Serves accounts; answers their store and the address."""
    settings = load(data=directory / "served", database=database)
    (directory / "served").mkdir()
    engine = open_engine(settings.database_url)
    port = free_port()
    command = [sys.executable, "-m", "segconnect", "serve", "--no-runs", "--port", str(port),
               "--data", str(directory / "served")]  # fmt: skip
    environment = {} if database is None else {"SEGCONNECT_DATABASE": database}
    try:
        with server(command, port, environment):
            yield engine, f"http://127.0.0.1:{port}"
    finally:
        engine.dispose()


def run(store: str, kills: int, seed: int) -> Chaos:
    """Kills so often on a store: "sqlite" or "postgres"."""
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="segconnect-chaos-"))
        database = None
        if store == "postgres":
            database = stack.enter_context(cluster())("chaos")
        engine, root = stack.enter_context(served(Path(name), database))
        chaos = Chaos(Path(name), engine, root, database, seed)
        (chaos.embedded if database is None else chaos.workers)(kills)
    return chaos


def main() -> int:
    """Tells what was found; answers 1 if it shows that runs were killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="on each store")
    parser.add_argument("--store", choices=("sqlite", "postgres"), help="one of them alone")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    stores = [given.store] if given.store else ["sqlite", "postgres"]
    problems: list[str] = []
    for store in stores:
        began = time.monotonic()
        chaos = run(store, given.kills, given.seed)
        what = "commands" if store == "sqlite" else "workers"
        took = time.monotonic() - began
        print(f"{store}: {chaos.kills} kills of {what}, {chaos.runs} runs ended, {took:.0f} s")
        problems += chaos.problems
    for problem in problems:
        print(problem, file=sys.stderr)
    print("As if nobody had disturbed them." if not problems else f"{len(problems)} differences.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
