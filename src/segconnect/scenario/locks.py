"""Locks that die with the process that holds them, so that others know that it is dead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import IO, Any

from segconnect.errors import StoreError
from segconnect.settings import Settings


class Locks:
    """Locks that die with who holds them: on files, or in sessions of PostgreSQL."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url if settings.database else None
        self._directory = settings.data.expanduser() / "workers"

    @contextmanager
    def held(self, executor: str) -> Iterator[None]:
        """Holds the lock of this process until the end of the block.

        Raises:
            StoreError: It cannot be taken.
        """
        if self._url is None:
            lock = self._file(executor)
            if lock is None:
                raise StoreError(f"the lock {executor} is held by another process")
            with lock:
                yield
            (self._directory / executor).unlink(missing_ok=True)
            return
        with self._session() as session:
            session.execute("select pg_advisory_lock(%s)", [_number(executor)])
            yield
            session.execute("select pg_advisory_unlock(%s)", [_number(executor)])

    def is_dead(self, executor: str) -> bool:
        """Whether the process of that name is dead: then its lock can be taken."""
        if self._url is None:
            lock = self._file(executor)
            if lock is None:
                return False
            lock.close()
            return True
        with self._session() as session:
            taken = session.execute("select pg_try_advisory_lock(%s)", [_number(executor)])
            return bool(taken.fetchone()[0])

    def _file(self, executor: str) -> IO[bytes] | None:
        import fcntl  # Windows has none; there, workers need PostgreSQL

        self._directory.mkdir(parents=True, exist_ok=True)
        file = (self._directory / executor).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file

    def _session(self) -> Any:
        import psycopg

        assert self._url is not None
        url = self._url.replace("postgresql+psycopg://", "postgresql://", 1)
        return psycopg.connect(url, autocommit=True)


def _number(executor: str) -> int:
    digest = blake2b(executor.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
