"""What schedules cost while nothing is due: the worker's processor time with and without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from segconnect.scenario.journal import Journal, url_of
from segconnect.scenario.moments import now
from segconnect.settings import load

SECONDS = 10.0
SCHEDULES = 1_000
YEAR = 365 * 86_400_000


def _spent(process: int) -> float:
    """Answers the processor seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measured(data: Path) -> float:
    """Answers the part of one processor that an idle worker takes, in percent."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "segconnect", "worker", "--data", str(data)],
        stdout=subprocess.DEVNULL,
    )
    try:
        time.sleep(4)  # until it is at work
        before = _spent(worker.pid)
        time.sleep(SECONDS)
        return (_spent(worker.pid) - before) / SECONDS * 100
    finally:
        worker.terminate()
        worker.wait()


def run(data: Path) -> dict[str, float]:
    """Measures a worker without schedules, and with many."""
    data.mkdir(parents=True, exist_ok=True)
    without = _measured(data)
    journal = Journal(url_of(load(data=data)))
    for number in range(SCHEDULES):
        journal.scenarios.put(
            f"Scenario {number}",
            {
                "file": str(data / "none.yaml"), "document": json.dumps({"name": "n", "flow": []}),
                "bindings": "{}", "inputs": "{}", "takes": "source", "is_instant": False,
                "schedule": json.dumps({"type": "daily", "time": "09:00"}), "timezone": "UTC",
                "is_on": True, "next_at": now() + YEAR,
            },
        )  # fmt: skip
    journal.close()
    return {"without": without, "with": _measured(data)}
