"""n8n at the job: reads the CSV, filters, sets six fields with expressions, and sends each."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.faults import Faulty
from benchmarks.peers.job import Came, UnusableError, came, install, watched

NAME, VERSION = "n8n", "1.123.81"  # the last that runs on Node.js 20
OVERRIDES = {"xlsx": "0.18.5"}  # its own comes from elsewhere; the job reads no spreadsheet
BUILDS = ("sqlite3",)  # its store; the other engine of expressions would be one, too
FIELDS = {
    "email": "={{ $json.Email.toLowerCase() }}",
    "first_name": "={{ $json.First.trim() }}",
    "last_name": "={{ $json.Last }}",
    "utm_medium": "={{ $json.Medium }}",
    "utm_source": "={{ $json.Source }}",
    "utm_campaign": "={{ $json.Campaign }}",
}


def workflow(file: Path, url: str) -> dict[str, Any]:
    """The workflow; its last node tries again what failed, as n8n does: all items."""
    condition = {
        "leftValue": "={{ $json.Kind }}", "rightValue": "test",
        "operator": {"type": "string", "operation": "notEquals"},
    }  # fmt: skip
    steps: list[tuple[str, str, float, dict[str, Any]]] = [
        ("Begin", "manualTrigger", 1, {}),
        ("Read", "readWriteFile", 1, {"fileSelector": str(file)}),
        ("Rows", "extractFromFile", 1, {"operation": "csv"}),
        ("Filter", "filter", 2.2, {"conditions": {
            "options": {"caseSensitive": True, "typeValidation": "loose", "version": 2},
            "conditions": [condition], "combinator": "and"}}),
        ("Fill in", "set", 3.4, {"assignments": {"assignments": [
            {"id": name, "name": name, "value": value, "type": "string"}
            for name, value in FIELDS.items()]}}),
        ("Send", "httpRequest", 4.2, {
            "method": "POST", "url": url, "sendBody": True, "specifyBody": "json",
            "jsonBody": "={{ JSON.stringify($json) }}"}),
    ]  # fmt: skip
    nodes = [
        {"id": str(place), "name": name, "type": f"n8n-nodes-base.{kind}", "typeVersion": version,
         "position": [200 * place, 0], "parameters": parameters}
        for place, (name, kind, version, parameters) in enumerate(steps)
    ]  # fmt: skip
    nodes[-1] |= {"retryOnFail": True, "maxTries": 5, "waitBetweenTries": 100}
    names = [name for name, *_ in steps]
    connections = {
        first: {"main": [[{"node": second, "type": "main", "index": 0}]]}
        for first, second in pairwise(names)
    }
    return {"id": "people", "name": "People", "nodes": nodes, "connections": connections,
            "active": False, "settings": {"executionOrder": "v1"}}  # fmt: skip


def run(directory: Path, people: Path, records: int, sink: Faulty) -> Came:
    """Runs it once.

    Raises:
        UnusableError: It cannot be installed, or does not run.
    """
    installed = install(NAME, VERSION, OVERRIDES, BUILDS)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    url = f"{sink.address}/api/v1/account/integration/contact"
    (directory / "people.json").write_text(json.dumps(workflow(people, url)))
    binary = str(installed / "node_modules" / ".bin" / NAME)
    environment = {
        "N8N_USER_FOLDER": str(directory), "N8N_DIAGNOSTICS_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_ENABLED": "false", "N8N_TEMPLATES_ENABLED": "false",
        "N8N_RUNNERS_ENABLED": "false", "N8N_EXPRESSION_ENGINE": "legacy",
        "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "true",
        "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "all", "NODE_OPTIONS": "--max-old-space-size=4096",
    }  # fmt: skip
    done = subprocess.run(
        [binary, "import:workflow", "--input=people.json"], cwd=directory,
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise UnusableError(f"it does not take the workflow: {' / '.join(last)}")
    command = [binary, "execute", "--id=people"]

    def took(told: str, is_over: bool) -> float | None:
        return _took(directory / ".n8n" / "database.sqlite") if is_over else None

    return came(sink, records, watched(command, directory, environment, took))


def _took(store: Path) -> float | None:
    """Answers how long the last execution took, by its own record."""
    with closing(sqlite3.connect(store)) as connection:
        row = connection.execute(
            "select startedAt, stoppedAt from execution_entity order by id desc limit 1"
        ).fetchone()
    if row is None or None in row:
        return None
    began, ended = map(datetime.fromisoformat, row)
    return (ended - began).total_seconds()
