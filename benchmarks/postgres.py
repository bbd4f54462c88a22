"""A PostgreSQL server for the benchmarks: the tests' own, but with its commits on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.engine import make_url

from tests.conftest import NO_POSTGRES, postgres_binaries, postgres_server


@contextmanager
def cluster() -> Iterator[Callable[[str], str]]:
    """Runs a server; answers what creates a database of a name, and answers its URL."""
    binaries = postgres_binaries()
    if binaries is None:
        raise SystemExit(NO_POSTGRES)
    with postgres_server(binaries, is_durable=True) as url:

        def create(name: str) -> str:
            plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
            with psycopg.connect(plain, autocommit=True) as connection:
                connection.execute(f"create database {name}".encode())
            return make_url(url).set(database=name).render_as_string(hide_password=False)

        yield create
