"""CSV → filter → six mapped fields → contacts: a scenario against the same written by hand.

By hand means a loop on our own client: what the engine, its sources and the journal cost is seen.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ingest import free_port, server
from segconnect import AddUpdateContact, Client
from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.connections import Connection, Connections
from segconnect.scenario import blueprint
from segconnect.scenario.preparing import prepare
from segconnect.scenario.runner import Run
from segconnect.settings import Settings, load

SCENARIO = """
name: Benchmark contacts
flow:
  - { id: 1, module: csv, parameters: { file: people.csv } }
  - id: 2
    module: add-update-contact
    filter: { name: Real people, conditions: [[{ a: "{{1.Kind}}", b: test, o: "text:notequal" }]] }
    mapper:
      email: "{{lower(1.Email)}}"
      first_name: "{{trim(1.First)}}"
      last_name: "{{1.Last}}"
      utm_medium: "{{1.Medium}}"
      utm_source: "{{1.Source}}"
      utm_campaign: "{{1.Campaign}}"
"""
ONE_BY_ONE = 3_000  # rows


def write_people(path: Path, rows: int) -> None:
    """Writes a CSV of people, of whom a tenth are tests."""
    chance = random.Random(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("Kind", "Email", "First", "Last", "Medium", "Source", "Campaign"))
        for number in range(rows):
            writer.writerow((
                "test" if number % 10 == 9 else "real", f"Person{number}@Example.com",
                f" First{chance.randrange(900)} ", f"Last{number}", "cpc",
                chance.choice(("google", "meta", "mail")), f"c{chance.randrange(20)}",
            ))  # fmt: skip


def modules(path: Path) -> Iterator[AddUpdateContact]:
    """The modules of the scenario, by hand."""
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["Kind"] == "test":
                continue
            yield AddUpdateContact(
                email=row["Email"].lower(),
                first_name=row["First"].strip(),
                last_name=row["Last"],
                utm_medium=row["Medium"],
                utm_source=row["Source"],
                utm_campaign=row["Campaign"],
            )


def one_by_one(data: Path, settings: Settings) -> tuple[float, float]:
    """Answers rows per second, each answer waited for: by the scenario, and by hand."""
    few = data / "few"
    few.mkdir()
    write_people(few / "people.csv", ONE_BY_ONE)
    (few / "contacts.yaml").write_text(SCENARIO)
    document = blueprint.read(few / "contacts.yaml")
    path = few / "contacts.yaml"
    _, bindings = blueprint.bindings_of(path)
    scenario = prepare(path, document, bindings, settings, connection="benchmark")
    with Client("benchmark", settings=settings) as client:
        list(client.send_many(iter([])))
        began = time.perf_counter()
        for module in modules(few / "people.csv"):
            client.send(module)
        by_hand = ONE_BY_ONE / (time.perf_counter() - began)
    began = time.perf_counter()
    Run(scenario, one_by_one=True).run()
    ours = ONE_BY_ONE / (time.perf_counter() - began)
    scenario.close()
    return ours, by_hand


def run(data: Path, rows: int) -> dict[str, float]:
    """Measures all ways into one account; answers rows per second, and the run's peak memory."""
    settings = load(data=data)
    engine = open_engine(settings.database_url)
    account_id, key = access.create_account(engine, "benchmark")
    integration_id = access.create_integration(engine, account_id, "crm", "benchmark")
    engine.dispose()
    write_people(data / "people.csv", rows)
    (data / "contacts.yaml").write_text(SCENARIO)
    port = free_port()
    command = [sys.executable, "-m", "segconnect", "serve", "--data", str(data), "--no-runs",
               "--port", str(port)]  # fmt: skip
    with server(command, port, {}):
        Connections(settings).save(
            Connection(name="benchmark", api_key=key, account_id=account_id,
                       integration_id=integration_id, base_url=f"http://127.0.0.1:{port}/api")
        )  # fmt: skip
        alone, alone_by_hand = one_by_one(data, settings)
        with Client("benchmark", settings=settings) as client:
            began = time.perf_counter()
            sent = sum(result.error is None for result in client.send_many(
                modules(data / "people.csv")))  # fmt: skip
            by_hand = rows / (time.perf_counter() - began)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.peak", sys.executable, "-m", "segconnect", "run",
             str(data / "contacts.yaml"), "--connection", "benchmark", "--data", str(data),
             "--json"],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    report, peak = map(json.loads, done.stdout.splitlines())
    assert report["delivered"] == sent, report
    return {
        "alone": alone,
        "alone_by_hand": alone_by_hand,
        "batch": rows / report["seconds"],
        "batch_by_hand": by_hand,
        "peak_mb": peak["peak_mb"],
    }
