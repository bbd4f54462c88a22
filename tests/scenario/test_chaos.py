"""Runs that are killed at random instants end as if nobody had; `make chaos` kills more often."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.chaos import HEAD, ORDERS, Chaos, served
from tests.conftest import Postgres

FEW = {"in batches": (HEAD, 6_000), "one by one": (HEAD + ORDERS, 300)}


def test_kills_at_random_instants_do_not_show(
    store_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        database = None
        if store_kind == "postgres":
            postgres: Postgres = request.getfixturevalue("postgres")
            database = stack.enter_context(postgres.blank())
        engine, root = stack.enter_context(served(tmp_path, database))
        chaos = Chaos(tmp_path, engine, root, database, seed=5, kinds=FEW)

        if database is None:
            chaos.embedded(kills=4)
        else:
            chaos.workers(kills=5)

    assert chaos.problems == []
    assert chaos.kills >= 4
    assert chaos.runs > 0
