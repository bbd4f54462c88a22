"""`segconnect run`: from a file to a real account, and what the exit code says."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Account, OverHttp

SCENARIO = """
name: People
flow:
  - {id: 1, module: csv, parameters: {file: people.csv}}
  - id: 2
    module: add-update-contact
    filter: {conditions: [[{a: "{{1.Kind}}", o: "text:notequal", b: test}]]}
    mapper: {email: "{{1.Email}}", first_name: "{{1.Name}}"}
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(served: Account, tmp_path: Path) -> Run:
    """Runs a scenario over these lines with a connection to the served account."""
    (tmp_path / "people.yaml").write_text(SCENARIO)
    environment = {**os.environ, "SEGCONNECT_DATA": str(tmp_path / "mine")}

    def segconnect(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "segconnect", *arguments],
            capture_output=True, text=True, cwd=tmp_path, env=environment, check=False, timeout=60,
        )  # fmt: skip

    assert isinstance(served.door, OverHttp)
    added = segconnect(
        "connection", "add", "mine", "--account-id", served.id, "--api-key", served.key,
        "--integration-id", served.integration, "--base-url", f"{served.door.address}/api",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr

    def go(lines: str, *options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "people.csv").write_text("Name,Email,Kind\n" + lines)
        return segconnect("run", "people.yaml", *options)

    return go


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(done.stdout)
    del answer["seconds"], answer["run"]
    return answer


def test_all_that_is_well_is_delivered(run: Run, served: Account) -> None:
    done = run("Ann,ann@b.c,\nBob,bob@b.c,\nTim,tim@b.c,test\n", "--json")

    assert done.returncode == 0, done.stderr
    assert told(done) == {
        "read": 3, "filtered": 1, "delivered": 2, "refused": 0, "waiting": 0, "operations": 2,
        "outcome": "success", "reasons": {}, "stopped_by": None,
    }  # fmt: skip
    assert served.contact("ann@b.c")["first_name"] == "Ann"
    assert served.rows("contacts") == 2


def test_what_is_refused_is_written_down_with_its_line_and_the_rest_arrives(
    run: Run, served: Account, tmp_path: Path
) -> None:
    done = run("Ann,ann@b.c,\nBob,nobody,\nCem,,\n", "--refused", "refused.csv")

    assert done.returncode == 1, done.stderr
    assert served.rows("contacts") == 1
    with (tmp_path / "refused.csv").open(newline="") as file:
        rows = [
            (r["file"], r["first"], r["reason"], json.loads(r["bundle"]))
            for r in csv.DictReader(file)
        ]
    assert rows == [
        (
            "people.csv", "3",
            "Contact Email Address: 'nobody' is not an e-mail address; expected name@example.com",
            {"Name": "Bob", "Email": "nobody"},
        ),
        (
            "people.csv", "4", "missing: give Contact Email Address or Contact ID", {"Name": "Cem"},
        ),
    ]  # fmt: skip


def test_a_run_that_delivers_nothing_fails(run: Run) -> None:
    assert run("Bob,nobody,\n").returncode == 2


def test_a_dry_run_sends_nothing_and_shows_what_it_would(run: Run, served: Account) -> None:
    done = run("Ann,ann@b.c,\n", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert '"email": "ann@b.c"' in done.stdout
    assert served.rows("contacts") == 0


def test_an_unknown_connection_is_told_before_anything_is_read(run: Run) -> None:
    done = run("Ann,ann@b.c,\n", "--connection", "mein")

    assert done.returncode == 2
    assert "did you mean 'mine'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_that_was_revoked_stops_the_run_before_the_first_row_that_was_not_sent(
    run: Run, served: Account, engine: Any, tmp_path: Path
) -> None:
    from segconnect.account.owner import access

    access.revoke_key(engine, served.id, served.key)
    time.sleep(access.FRESH_SECONDS)  # for which the server remembers a key
    done = run("Ann,ann@b.c,\nBob,bob@b.c,\n", "--refused", "refused.csv", "--json")

    assert done.returncode == 2
    assert (told(done)["delivered"], told(done)["read"], told(done)["refused"]) == (0, 0, 0)
    assert "API key" in told(done)["stopped_by"]
    assert served.key not in done.stdout + done.stderr
    assert not (tmp_path / "refused.csv").exists()
