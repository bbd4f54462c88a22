"""The file of a copy: which one is this process's own, and how it comes into being."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from time import sleep, time_ns
from typing import IO

from segconnect.errors import StoreError

POLL = 0.1  # seconds between two looks at whether another process is done


class Slot:
    """A file that belongs to this process until it is closed: the first that nobody holds.

    The lock dies with the process, and the next one goes on with the file.
    """

    def __init__(self, directory: Path, account_pk: int) -> None:
        self._directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            for number in count(1):
                self._name = f"{account_pk}-{number}"
                lock = locked(directory / f"{self._name}.lock")
                if lock is not None:
                    self._lock = lock
                    break
        except OSError as error:
            raise StoreError(
                f"the replica cannot be kept in {directory}: {error.strerror}"
            ) from None

    @property
    def building(self) -> Path:
        """Where a file is built, before it has its name."""
        return self._directory / f"{self._name}.building"

    def current(self) -> Path | None:
        """The file that was built last."""
        return max(self._directory.glob(f"{self._name}.*.duckdb"), default=None)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until no other process builds a file in the directory."""
        while (lock := locked(self._directory / "building.lock")) is None:
            sleep(POLL)
        with lock:
            yield

    def put(self) -> Path:
        """Gives what was built its name, which no file had before: some may still read that one."""
        older = list(self._directory.glob(f"{self._name}.*.duckdb"))
        path = self._directory / f"{self._name}.{time_ns()}.duckdb"
        os.replace(self.building, path)
        for each in older:
            remove(each)
        return path

    def close(self) -> None:
        """Lets the file go to the next process."""
        self._lock.close()


def remove(path: Path) -> None:
    """Removes a database with what DuckDB keeps beside it."""
    for beside in (path, Path(f"{path}.wal")):
        with suppress(PermissionError):  # of Windows, while it is open; the next one removes it
            beside.unlink(missing_ok=True)
    shutil.rmtree(f"{path}.tmp", ignore_errors=True)


def locked(path: Path) -> IO[bytes] | None:
    """Takes the lock of a file, until it is closed; None where another process has it."""
    file = path.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
