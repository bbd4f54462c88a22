"""CSV → mapping → module → account through the batch call, against one POST a row by hand."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import requests

from benchmarks.ingest import free_port, server
from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.connections import Connection, Connections
from segconnect.settings import load

SCENARIO = """
name: Benchmark orders
flow:
  - id: 1
    module: csv
    parameters: { file: orders.csv }
  - id: 2
    module: add-update-order
    mapper:
      email: "{{lower(trim(1.Email))}}"
      invoice_id: "{{1.Order}}"
      amount: "{{round(parseNumber(1.Total) * 100)}}"
      paid: "{{round(parseNumber(1.Total) * 100)}}"
      date_created: "{{1.Date}}"
      items:
        - name: "{{1.Product}}"
          product_id: "{{1.SKU}}"
          amount: "{{round(parseNumber(1.Total) * 100)}}"
"""
BY_HAND_ROWS = 2_000


def write_orders(path: Path, rows: int) -> None:
    """Writes a CSV of orders."""
    chance = random.Random(11)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("Order", "Email", "Date", "Total", "Product", "SKU"))
        for number in range(rows):
            product = chance.randrange(200)
            writer.writerow((
                f"#{number}", f"Person{chance.randrange(rows // 2 + 1)}@Example.com",
                f"2026-0{1 + number % 9}-{1 + number % 28:02d} 10:20:30",
                f"{chance.randrange(500, 50_000) / 100:.2f}",
                f"Product {product}", f"sku-{product}",
            ))  # fmt: skip


def by_hand(path: Path, url: str, key: str) -> float:
    """Sends rows one by one with requests, as a script would; answers rows per second."""
    session = requests.Session()
    session.headers["Authorization"] = key
    began = time.perf_counter()
    with path.open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if number == BY_HAND_ROWS:
                break
            cents = round(float(row["Total"]) * 100)
            answer = session.post(url, json={
                "email": row["Email"].strip().lower(), "id": row["Order"], "amount": cents,
                "paid": cents, "date_created": row["Date"],
                "items": [{"name": row["Product"], "product_id": row["SKU"], "amount": cents}],
            })  # fmt: skip
            answer.raise_for_status()
    return BY_HAND_ROWS / (time.perf_counter() - began)


def run(data: Path, database_url: str | None, rows: int) -> dict[str, float]:
    """Measures both ways into one account; answers rows per second, the ratio and peak memory."""
    data.mkdir(parents=True, exist_ok=True)
    settings = load(data=data, database=database_url)
    engine = open_engine(settings.database_url)
    account_id, key = access.create_account(engine, "benchmark")
    integration_id = access.create_integration(engine, account_id, "payments", "benchmark")
    engine.dispose()
    write_orders(data / "orders.csv", rows)
    (data / "orders.yaml").write_text(SCENARIO)
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "segconnect",
        "serve",
        "--data",
        str(data),
        "--port",
        str(port),
    ]
    environment = {"SEGCONNECT_DATABASE": database_url} if database_url else {}
    with server(command, port, environment):
        root = f"http://127.0.0.1:{port}/api"
        slow = by_hand(data / "orders.csv", f"{root}/v1/{account_id}/{integration_id}/invoice", key)
        Connections(settings).save(
            Connection(name="benchmark", api_key=key, account_id=account_id,
                       integration_id=integration_id, base_url=root)
        )  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.peak", sys.executable, "-m", "segconnect", "run",
             str(data / "orders.yaml"), "--connection", "benchmark", "--data", str(data), "--json"],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    report, peak = map(json.loads, done.stdout.splitlines())
    assert report["delivered"] == rows, report
    fast = rows / report["seconds"]
    return {"by_hand": slow, "batch": fast, "ratio": fast / slow, "peak_mb": peak["peak_mb"]}
