"""Runs survive: a process that is killed, a person who lets one rest, one that takes over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segconnect.scenario.journal import Journal, State
from segconnect.scenario.locks import Locks
from segconnect.settings import Settings
from tests.conftest import Account, OverHttp

SCENARIO = """
name: People
flow:
  - {id: 1, module: csv, parameters: {file: people.csv}}
  - id: 2
    module: add-update-contact
    mapper: {email: "{{1.mail}}", custom_fields: {n: "{{1.n}}"}}
"""
ROWS = 30_000


class Here:
    """A directory with a scenario, and a connection to the served account."""

    def __init__(self, path: Path, served: Account, database: str | None) -> None:
        self.path, self.served = path, served
        self.environment = {**os.environ, "SEGCONNECT_DATA": str(path / "mine")}
        if database is not None:
            self.environment["SEGCONNECT_DATABASE"] = database
        self.settings = Settings(data=path / "mine", database=database)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "segconnect", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.path,
            env=self.environment | environment,
        )

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self("runs", "--json").stdout)
        return found

    def started(self) -> subprocess.Popen[str]:
        """Starts the scenario, and waits until it is in the midst of it."""
        known = {run["id"] for run in self.latest()}  # the store may hold those of other tests
        # some batches a second, so that it does not end before others have begun
        process = self.start("run", "people.yaml", "--json", SEGCONNECT_RATE="4")
        self.wait_for(
            lambda: any(run["was_read"] > 0 and run["id"] not in known for run in self.latest())
        )
        return process

    def latest(self) -> list[dict[str, Any]]:
        if not (self.path / "mine" / "runs.db").exists() and not self.settings.database:
            return []
        journal = Journal(self.url)
        rows = [row._asdict() for row in journal.latest()]
        journal.close()
        return rows

    @property
    def url(self) -> str:
        from segconnect.scenario.journal import url_of

        return url_of(self.settings)

    def wait_for(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def here(served: Account, store_url: str, tmp_path: Path) -> Here:
    database = store_url if store_url.startswith("postgresql") else None
    place = Here(tmp_path, served, database)
    (tmp_path / "people.yaml").write_text(SCENARIO)
    lines = (f"p{n}@b.c,{n}" if n % 1000 else "nobody,0" for n in range(ROWS))
    (tmp_path / "people.csv").write_text("mail,n\n" + "\n".join(lines) + "\n")
    assert isinstance(served.door, OverHttp)
    added = place(
        "connection", "add", "mine", "--account-id", served.id, "--api-key", served.key,
        "--integration-id", served.integration, "--base-url", f"{served.door.address}/api",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    return place


def test_a_run_that_was_killed_is_gone_on_with_and_nothing_is_lost(here: Here) -> None:
    process = here.started()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = here.latest()[0]

    went_on = here("runs", "resume", left["id"][-6:], "--json")

    assert 0 < left["was_read"] < ROWS
    assert left["state"] == State.RUNNING
    assert went_on.returncode == 1, went_on.stderr
    told = json.loads(went_on.stdout)
    assert (told["read"], told["delivered"], told["refused"]) == (ROWS, ROWS - 30, 30)
    assert here.served.rows("contacts") == ROWS - 30
    with (here.path / "people.refused.csv").open() as file:
        assert len(file.readlines()) == 31


def test_a_run_rests_when_it_is_asked_to_and_goes_on_later(here: Here) -> None:
    process = here.started()
    row = here.runs()[0]
    here("runs", "pause", row["id"])
    out, err = process.communicate(timeout=30)
    rested = json.loads(out)
    went_on = json.loads(here("runs", "resume", row["id"], "--json").stdout)

    assert process.returncode == 1, err
    assert f"segconnect runs resume {row['id']}" in err
    assert rested["read"] < ROWS
    assert (went_on["read"], went_on["refused"]) == (ROWS, 30)


def test_a_run_that_another_process_is_at_is_not_gone_on_with(here: Here) -> None:
    process = here.started()
    run_id = here.latest()[0]["id"]
    refused = here("runs", "resume", run_id)
    out, err = process.communicate(timeout=60)

    assert refused.returncode == 2
    assert "is at work in another process" in refused.stderr
    assert process.returncode == 1, err
    assert json.loads(out)["read"] == ROWS


def test_ctrl_c_lets_a_run_rest(here: Here) -> None:
    process = here.started()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    row = here.runs()[0]
    assert (process.returncode, row["state"]) == (1, State.PAUSED), err
    assert json.loads(out)["read"] == row["was_read"] < ROWS
    assert "Traceback" not in err


def test_a_worker_takes_over_the_run_of_a_process_that_is_dead(here: Here) -> None:
    process = here.started()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = here.latest()[0]
    worker = here.start("worker")

    here.wait_for(lambda: here.latest()[0]["state"] == State.PARTIAL)

    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=30)
    ended = here.latest()[0]
    assert worker.returncode == 0, err
    assert f"Took over run {left['id']}" in out
    assert (ended["was_read"], ended["refused"]) == (ROWS, 30)
    assert here.served.rows("contacts") == ROWS - 30


def test_a_canceled_run_does_not_go_on(here: Here) -> None:
    process = here.started()
    row = here.runs()[0]
    here("runs", "cancel", row["id"])
    process.communicate(timeout=30)

    ended = here.runs()[0]
    assert ended["state"] == State.CANCELED
    again = here("runs", "pause", row["id"])
    assert again.returncode == 2
    assert "has ended (canceled)" in again.stderr


def test_a_lock_tells_whether_its_process_lives(here: Here) -> None:
    locks = Locks(here.settings)

    with locks.held("worker"):
        assert not locks.is_dead("worker")
    assert locks.is_dead("worker")


def test_the_tables_are_those_that_the_migrations_make(here: Here) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from segconnect.scenario.journal.schema import metadata

    journal = Journal(here.url)
    with journal.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables},
        )
        assert compare_metadata(context, metadata) == []
    journal.close()
