"""Joining two by hand and undoing it: reports are as they were before."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from segconnect.account.figures.reporting import Reports
from segconnect.account.store import schema
from tests.account.test_groups import cuts, emails, grouped
from tests.account.test_replica_histories import BY_HAND, Call, World, histories
from tests.account.test_replica_histories import worlds as worlds  # a fixture

ASKED = (
    {"type": "leads", "dimensions": ["clicks.channel"]},
    {"type": "leads", "dimensions": ["date.day"]},
    {"type": "revenue", "dimensions": ["clicks.utm_source"]},
    {"type": "revenue", "dimensions": ["date.day"]},
    {"type": "revenue", "dimensions": ["orders.kind"]},
)


def reports(world: World) -> list[Any]:
    """What reports say."""
    asks = Reports(world.engine, world.replica.reading)
    found = []
    for asked in ASKED:
        for model in ("any", "linear", "first_touch"):
            query = {
                **asked, "date_range": {"start": "2026-01-01", "end": "2026-01-10"},
                "options": {"attribution_model": model},
            }  # fmt: skip
            answer = asks.query(world.account_pk, json.dumps(query).encode())
            found.append((answer["rows"], answer["totals"]))
    return found


def links(world: World) -> dict[int, bool]:
    """The links of an account, and which of them hold."""
    table = schema.links.c
    query = select(table.pk, table.undone_at).where(table.account_pk == world.account_pk)
    with world.engine.connect() as connection:
        return {pk: undone is None for pk, undone in connection.execute(query)}


def test_what_is_joined_by_hand_and_undone_leaves_reports_as_they_were(
    worlds: Any, store_kind: str
) -> None:
    @settings(
        max_examples=15 if store_kind == "sqlite" else 5, deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(histories, cuts, st.lists(emails, min_size=2, max_size=2, unique=True))
    def check(history: list[Call], sizes: list[int], ends: list[str]) -> None:
        world: World = worlds()
        try:
            for group in grouped(history, sizes):
                world.play(group)
            held, before = links(world), reports(world)
            named = [("email", each) for each in ends]
            world.play([(0, "merge", {"ends": named, **BY_HAND})])
            made = [pk for pk, holds in links(world).items() if holds and not held.get(pk)]
            assume(made)  # or a link that was there holds on
            (number,) = made

            world.play([(0, "split", {"link": number, **BY_HAND})])

            assert reports(world) == before
        finally:
            world.replica.close()

    check()
