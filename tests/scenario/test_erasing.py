"""Taking somebody out of what runs, webhooks and the audit log hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from segconnect.scenario.hooks import Hooks
from segconnect.scenario.journal import Journal
from segconnect.scenario.journal.schema import refusals, samples
from segconnect.web.users import FIRST, Users


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with what two people left in it."""
    journal = Journal(f"sqlite:///{tmp_path / 'runs.db'}")
    with journal.engine.begin() as connection:
        for number, text in enumerate(('{"to": "Ann@Bloggs.com"}', '{"to": "bo@bloggs.com"}'), 1):
            sample = {"run_id": "r", "number": number, "bundle": 1, "module_id": 1, "module": "m",
                      "took": 1, "input": text, "output": "{}"}  # fmt: skip
            refusal = {"run_id": "r", "number": number, "source": "a.csv", "first": 1, "last": 1,
                       "unit": "line", "module": "m", "kind": "DataError", "reason": "why",
                       "bundle": text}  # fmt: skip
            connection.execute(insert(samples), sample)
            connection.execute(insert(refusals), refusal)
    yield journal
    journal.close()


def held(journal: Journal) -> list[Any]:
    """The numbers of the samples and refusals that are left."""
    with journal.engine.connect() as connection:
        return [
            connection.scalars(select(table.c.number)).all() for table in (samples, refusals)
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "count", "left"),
    [
        (["ann@bloggs.com"], 2, [[2], [2]]),
        (["ann@bloggs.com", "bo@bloggs.com"], 4, [[], []]),
        (["a_n@bloggs.com", "%"], 0, [[1, 2], [1, 2]]),
        ([], 0, [[1, 2], [1, 2]]),
    ],
)
def test_samples_and_refusals_of_somebody_go(
    journal: Journal, texts: list[str], count: int, left: list[Any]
) -> None:
    assert journal.erase(texts) == count
    assert held(journal) == left


def test_requests_that_wait_go(tmp_path: Path) -> None:
    hooks = Hooks(f"sqlite:///{tmp_path / 'hooks.db'}")
    hook = hooks.create("shop")
    hooks.append([(hook.id, '{"email": "Ann@Bloggs.com"}'), (hook.id, '{"email": "bo@x.no"}')])

    assert hooks.erase(["ann@bloggs.com"]) == 1
    assert hooks.erase(["ann@bloggs.com"]) == 0
    hooks.close()


def test_the_audit_log_names_somebody_no_more(tmp_path: Path) -> None:
    users = Users(f"sqlite:///{tmp_path / 'web.db'}")
    for what in ("exported contact 4", "exported contact 42", "joined contact 42 with contact 4",
                 "undid link 4", "marked device 4 as shared"):  # fmt: skip
        users.note(FIRST, what)

    users.erase(["4"])

    assert [row.what for row in reversed(users.log())] == [
        "exported contact (erased)", "exported contact 42",
        "joined contact 42 with contact (erased)", "undid link 4",
        "marked device (erased) as shared",
    ]  # fmt: skip
    users.close()
