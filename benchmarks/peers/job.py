"""What each tool has in common: its installation, and the watch over it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.faults import Faulty

MOST_SECONDS = 600.0  # for one job, with the start of the tool
HOME = Path(__file__).parent.parent.parent / "build" / "peers"


class UnusableError(Exception):
    """A tool cannot be installed or run here; says why."""


class Came(NamedTuple):
    """What came to the sink, of a tool's run."""

    rate: float  # records that arrived, a second
    lost: int
    repeated: int  # requests that were done once more

    @property
    def told(self) -> str:
        """For the table."""
        return f"{self.lost:,} lost, {self.repeated:,} repeated"


def install(
    name: str,
    version: str,
    overrides: Mapping[str, str] = MappingProxyType({}),
    builds: Sequence[str] = (),
) -> Path:
    """Installs a tool, unless it is there; answers its directory.

    Args:
        name: Of the package, and of its command.
        version: The one that is measured.
        overrides: Versions of packages that it needs, where its own are not in the registry.
        builds: The packages that are built; if any is named, others are not.

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
    wanted = {"private": True, "dependencies": {name: version}, "overrides": dict(overrides)}
    (place / "package.json").write_text(json.dumps(wanted))
    print(f"Installing {name} {version} in {place} ...", flush=True)
    options = ["--ignore-scripts"] if builds else []
    steps = [["install", "--no-audit", "--no-fund", *options]]
    steps += [["rebuild", *builds]] if builds else []
    for step in steps:
        done = subprocess.run(
            ["nice", "-n", "19", npm, *step], cwd=place, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            with suppress(OSError):
                shutil.rmtree(place / "node_modules")
            told = [line for line in (done.stderr or done.stdout).splitlines() if "error" in line]
            raise UnusableError(f"npm could not install {name} {version}: {' / '.join(told[:5])}")
    return place


def watched(
    command: list[str],
    place: Path,
    environment: Mapping[str, str],
    took: Callable[[str, bool], float | None],
) -> float:
    """Runs a tool until it has done the job; answers the seconds that the job took.

    Args:
        command: The tool.
        place: A directory; what it prints goes there, too.
        environment: Besides that of this process.
        took: Answers the seconds from what it printed, and whether it has ended; None: not yet.

    Raises:
        UnusableError: It ended without, or never did.
    """
    with (place / "log.txt").open("w") as log:
        process = subprocess.Popen(
            command, cwd=place, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            ends = time.monotonic() + MOST_SECONDS
            while time.monotonic() < ends:
                is_over = process.poll() is not None
                told = (place / "log.txt").read_text(errors="replace")
                seconds = took(told, is_over)
                if seconds is not None:
                    return seconds
                if is_over:
                    break
                time.sleep(0.1)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    raise UnusableError(f"it did not do the job: {' / '.join(told.strip().splitlines()[-5:])}")


def came(sink: Faulty, records: int, seconds: float) -> Came:
    """Answers what came to the sink of a job that took so long."""
    told = sink.told()
    arrived = told["records"]
    return Came(arrived / seconds, records - arrived, told["done"] - arrived)
