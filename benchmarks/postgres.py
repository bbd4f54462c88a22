"""A PostgreSQL server for the benchmarks, of the installed binaries, with default durability."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.ingest import free_port


@contextmanager
def cluster() -> Iterator[str]:
    """Runs a server with the databases `one` and `two`; answers its URL without a database."""
    found = shutil.which("initdb") or next(
        iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))), None
    )
    if found is None:
        raise SystemExit("the benchmarks need PostgreSQL's server binaries (Debian: postgresql)")
    binaries = Path(found).resolve().parent
    home = Path(tempfile.mkdtemp(prefix="segconnect-pg-"))
    as_owner: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(home, "postgres", "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    port = free_port()

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_owner, str(binaries / program), *arguments], check=True, stdout=subprocess.DEVNULL
        )

    try:
        call("initdb", "-D", str(home / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
        options += " -c shared_buffers=1GB -c max_wal_size=4GB"
        call(
            "pg_ctl",
            "-D",
            str(home / "data"),
            "-o",
            options,
            "-l",
            str(home / "log"),
            "-w",
            "start",
        )
        try:
            for name in ("one", "two"):
                call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", name)
            yield f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            call("pg_ctl", "-D", str(home / "data"), "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
