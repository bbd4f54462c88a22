"""The job that each tool is given, and how the sink sees that it is over."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.faults import Faulty

QUIET_SECONDS = 6.0  # without a request, after which nothing more is expected
READY_SECONDS = 180.0  # until the first request
HOME = Path(__file__).parent.parent.parent / "build" / "peers"


class UnusableError(Exception):
    """A tool cannot be installed or run here; says why."""


class Came(NamedTuple):
    """What came to the sink, of a tool's run."""

    rate: float  # requests that were done, a second
    lost: int
    repeated: int  # requests that were done once more

    @property
    def told(self) -> str:
        """For the table."""
        return f"{self.lost:,} lost, {self.repeated:,} repeated"


def install(name: str, version: str) -> Path:
    """Installs a tool, unless it is there; answers its directory.

    Raises:
        UnusableError: npm is not there, or did not manage.
    """
    place = HOME / f"{name}-{version}"
    if (place / "node_modules" / ".bin" / name).exists():
        return place
    npm = shutil.which("npm")
    if npm is None:
        raise UnusableError("npm is not installed; it comes with Node.js")
    place.mkdir(parents=True, exist_ok=True)
    (place / "package.json").write_text(
        f'{{"private": true, "dependencies": {{"{name}": "{version}"}}}}\n'
    )
    print(f"Installing {name} {version} in {place} ...", flush=True)
    done = subprocess.run(
        ["nice", "-n", "19", npm, "install", "--no-audit", "--no-fund"],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0 or not (place / "node_modules" / ".bin" / name).exists():
        with suppress(OSError):
            shutil.rmtree(place / "node_modules")
        last = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise UnusableError(f"npm could not install {name} {version}: {' / '.join(last)}")
    return place


def watched(
    command: list[str], place: Path, environment: dict[str, str], sink: Faulty, records: int
) -> Came:
    """Runs a tool until nothing more comes of it; answers what came.

    Raises:
        UnusableError: Nothing came at all.
    """
    with (place / "log.txt").open("w") as log:
        process = subprocess.Popen(
            command, cwd=place, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            told = _until_quiet(process, sink, records)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if not told["requests"]:
        log_lines = (place / "log.txt").read_text().strip().splitlines()[-5:]
        raise UnusableError(f"it sent nothing: {' / '.join(log_lines) or 'no message'}")
    seconds = max(told["last"] - told["first"], 1e-3)
    arrived = told["records"]
    return Came(told["done"] / seconds, records - arrived, told["done"] - arrived)


def _until_quiet(process: subprocess.Popen[bytes], sink: Faulty, records: int) -> dict[str, Any]:
    """Waits until all came and nothing more does, or nothing came for a while."""
    began = time.monotonic()
    requests, since = 0, time.monotonic()
    while True:
        told = sink.told()
        if told["requests"] != requests:
            requests, since = told["requests"], time.monotonic()
        quiet = time.monotonic() - since
        if requests and quiet > (1.0 if told["done"] == records else QUIET_SECONDS):
            return told
        if process.poll() is not None and quiet > 1.0:
            return told
        if not requests and time.monotonic() - began > READY_SECONDS:
            return told
        time.sleep(0.05)
