"""Contact upserts, each answered after its commit, against a bare Starlette echo."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine, open_writer
from segconnect.account.writing.committer import apply
from segconnect.account.writing.work import Operation
from segconnect.settings import load

HERE = Path(__file__).parent
CONNECTIONS = 64


def free_port() -> int:
    """Finds a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def server(
    command: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """Runs a server until the end of the block, once it takes connections; answers its pid."""
    env = {**os.environ, **(environment or {})}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def contact(number: int) -> dict[str, object]:
    """One contact of the benchmark."""
    return {
        "email": f"person{number}@example.com",
        "first_name": "Joey",
        "last_name": "Bloggs",
        "status": "active",
        "date_created": "2026-01-02 03:04:05",
        "utm_source": "google",
        "utm_medium": "cpc",
        "utm_campaign": "spring sale",
        "custom_fields": {"company": "Acme"},
    }


def http_request(path: str, key: str, body: object) -> str:
    """A whole HTTP request."""
    text = json.dumps(body)
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}"
    )


def measure(port: int, requests: list[str], seconds: float) -> dict[str, float]:
    """Runs the load generator in a process of its own."""
    command = [sys.executable, str(HERE / "load.py"), str(port), str(CONNECTIONS), str(seconds)]
    done = subprocess.run(
        command,
        input=json.dumps(requests),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds + 30,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def prepare(database_url: str, preloaded: int) -> tuple[str, str, str]:
    """Makes an account with so many contacts; answers account ID, integration ID and key."""
    engine = open_engine(database_url)
    account_id, key = access.create_account(engine, "benchmark")
    integration_id = access.create_integration(engine, account_id, "crm", "benchmark")
    found = access.Doorkeeper(engine).look_up(key.encode(), account_id, integration_id)
    assert found is not None
    assert found.integration_pk is not None
    engine.dispose()
    writer = open_writer(database_url)
    fields = {**contact(0), "date_created": 1_767_322_000}
    for start in range(0, preloaded, 10_000):
        apply(writer, [
            Operation("POST contact", found.account_pk, found.integration_pk,
                      {**fields, "email": f"person{number}@example.com"})
            for number in range(start, start + 10_000)
        ])  # fmt: skip
    writer.close()
    return account_id, integration_id, key


def run(
    data: Path, database_url: str | None, preloaded: int, rounds: int = 3, seconds: float = 4
) -> dict[str, float]:
    """Measures echo and account in turn; answers medians and the ratio."""
    settings = load(data=data, database=database_url)
    account_id, integration_id, key = prepare(settings.database_url, preloaded)
    path = f"/api/v1/{account_id}/{integration_id}/contact"
    chance = random.Random(7)
    requests = [
        http_request(path, key, contact(chance.randrange(int(preloaded * 1.2))))
        for _ in range(20_000)
    ]
    ours = [sys.executable, "-m", "segconnect", "serve", "--data", str(data)]
    echoes, accounts = [], []
    for _ in range(rounds):
        port = free_port()
        with server([sys.executable, str(HERE / "echo.py"), str(port)], port):
            echoes.append(measure(port, requests, seconds))
        port = free_port()
        with server(
            [*ours, "--port", str(port)],
            port,
            {"SEGCONNECT_DATABASE": database_url} if database_url else None,
        ):
            measure(port, requests, 1)
            accounts.append(measure(port, requests, seconds))
    echo, account = median(e["rate"] for e in echoes), median(a["rate"] for a in accounts)
    return {
        "echo": echo,
        "account": account,
        "ratio": account / echo,
        "p99_ms": median(a["p99_ms"] for a in accounts),
        "failed": sum(a["failed"] for a in accounts),
    }


if __name__ == "__main__":
    print(run(Path(sys.argv[1]), None, int(sys.argv[2])))
