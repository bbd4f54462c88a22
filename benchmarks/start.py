"""How fast the command line answers, and how light an idle server is."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from statistics import median

from benchmarks.job import proportional, tree

COMMAND = [sys.executable, "-m", "segconnect"]


def run() -> list[tuple[str, str, str, str]]:
    """Measures `--help`, and `serve` on a new store: rows of (what, took, wanted, besides)."""
    helps = []
    for _ in range(7):
        began = time.perf_counter()
        subprocess.run([*COMMAND, "--help"], stdout=subprocess.DEVNULL, check=True)
        helps.append(time.perf_counter() - began)
    ready, megabytes = serve()
    besides = f"{megabytes:.0f} MB idle (wanted 120)"
    return [
        ("segconnect --help", f"{median(helps):.2f} s", "0.3 s", ""),
        ("segconnect serve, until it is ready", f"{ready:.2f} s", "2 s", besides),
    ]


def serve() -> tuple[float, float]:
    """Starts a server; answers the seconds until it is ready, and the memory of its processes."""
    with tempfile.TemporaryDirectory() as data:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", "--data", data], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        ready = time.perf_counter() - began
        time.sleep(1)
        kilobytes = sum(map(proportional, tree(process.pid)))
        process.terminate()
        process.wait()
    return ready, kilobytes / 1024
