"""Change numbers: a copy that reads only what changed is always what the store holds."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, tuple_

from segconnect.account.store import changes, schema
from segconnect.account.store.changes import KEYS, Changes
from segconnect.account.store.opening import open_writer
from segconnect.account.writing.committer import apply
from segconnect.account.writing.work import Operation
from tests.account.test_groups import Call, World, Worlds, cuts, grouped, sequences, thorough
from tests.account.test_groups import worlds as worlds  # a fixture
from tests.conftest import Account

Rows = set[tuple[Any, ...]]


def facts(world: World, connection: Connection, table: str, keys: Any = None) -> Rows:
    """The rows of a table that are the world's: all, or those that have one of the keys."""
    rows = schema.metadata.tables[table]
    query = select(rows)
    if keys is not None:
        columns = [rows.c[name] for name in KEYS[table]]
        listed = [key if isinstance(key, tuple) else (key,) for key in keys]
        query = query.where(tuple_(*columns).in_(listed))
    if "account_pk" in rows.c:
        query = query.where(rows.c.account_pk == world.account_pk)
    elif "integration_pk" in rows.c:
        query = query.where(rows.c.integration_pk.in_(world.integrations))
    else:
        own = select(schema.contacts.c.pk).where(
            schema.contacts.c.account_pk == world.account_pk
        )  # fmt: skip
        query = query.where(rows.c.contact_pk.in_(own))
    return {tuple(row) for row in connection.execute(query)}


class Copy:
    """A copy of a world's facts, refreshed by change number."""

    def __init__(self, world: World) -> None:
        self._world, self._number = world, 0
        self.tables: dict[str, Rows] = {name: set() for name in KEYS}

    def refresh(self) -> None:
        """Reads what changed since the last time, and nothing else."""
        with self._world.engine.connect() as connection:
            found = changes.since(connection, self._world.account_pk, self._number)
            assert found is not None
            for table, keys in found.keys.items():
                rows = self.tables[table]
                names = [column.name for column in schema.metadata.tables[table].columns]
                places = [names.index(name) for name in KEYS[table]]
                gone = {key if isinstance(key, tuple) else (key,) for key in keys}
                rows -= {row for row in rows if tuple(row[place] for place in places) in gone}
                rows |= facts(self._world, connection, table, keys)
            self._number = found.number


def test_a_copy_that_reads_what_changed_is_what_the_store_holds(
    worlds: Worlds, store_kind: str
) -> None:
    @thorough(store_kind)
    @given(sequences, cuts)
    def check(sequence: list[Call], sizes: list[int]) -> None:
        world = worlds.new()
        copy = Copy(world)
        for group in grouped(sequence, sizes):
            world.play(group)
            copy.refresh()
            with world.engine.connect() as connection:
                assert copy.tables == {name: facts(world, connection, name) for name in KEYS}

    check()


@given(st.sets(st.integers(1, 60)))
def test_what_is_noted_is_read_as_it_was(keys: set[int]) -> None:
    assert set(changes._unpacked("contacts", changes._packed(keys))) == keys


def test_keys_in_a_row_are_noted_by_the_first_and_the_last() -> None:
    assert changes._packed({7, 1, 2, 3, 4, 9, 10}) == [[1, 4], 7, 9, 10]


def since(account: Account, number: int) -> Changes | None:
    """What changed in the one account of a store."""
    with account.engine.connect() as connection:
        return changes.since(connection, 1, number)


def test_a_deletion_is_noted_with_all_that_it_changes(account: Account) -> None:
    account.send("contact", {"contact_id": 1, "email": "joey@bloggs.com", "tags": ["New"]})
    account.order("7", contact_id=1)
    before = since(account, 0)
    assert before is not None

    account.delete("contact/1")

    assert since(account, before.number) == (
        before.number + 1, {"contacts": {1}, "contact_tags": {1}, "orders": {1}}
    )  # fmt: skip
    assert since(account, before.number + 1) == (before.number + 1, {})


def test_an_order_that_found_its_contact_is_noted(account: Account) -> None:
    account.order("7", email="joey@bloggs.com")
    before = since(account, 0)
    assert before is not None

    account.send("contact", {"email": "joey@bloggs.com"})

    assert since(account, before.number) == (
        before.number + 1, {"contacts": {1}, "orders": {1}}
    )  # fmt: skip


def test_what_was_noted_long_ago_is_forgotten_and_a_copy_of_then_is_told_so(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sqlite", "postgres"):
        monkeypatch.setattr(f"segconnect.account.store.{module}.KEPT", 3)
        monkeypatch.setattr(f"segconnect.account.store.{module}.FORGET_EVERY", 5)

    for number in range(10):
        account.send("contact", {"contact_id": number})

    assert since(account, 6) is None
    found = since(account, 7)
    assert found is not None
    assert (found.number, len(found.keys["contacts"])) == (10, 3)


def test_a_group_that_fails_takes_no_number(account: Account) -> None:
    account.post("contact", {"first_name": "Nobody"})
    account.post("tags/add", {"email": "nobody@bloggs.com", "tags": ["New"]})

    assert since(account, 0) == (0, {})


def test_numbers_are_in_the_order_of_commits_though_several_processes_write(
    engine: Engine, store_url: str
) -> None:
    """A copy would step over what is committed later under a smaller number."""
    writers, begin = 3, Barrier(4)
    seen: list[int] = []

    def write(name: int) -> None:
        store = open_writer(store_url)
        begin.wait()
        for number in range(20):
            apply(store, [Operation("POST contact", 1, 1, {"contact_id": f"{name}-{number}"})])
        store.close()

    def watch(done: Callable[[], bool]) -> None:
        begin.wait()
        while not done():
            with engine.connect() as connection:
                query = select(schema.changes.c.number).order_by(schema.changes.c.number)
                seen.append(len(numbers := connection.scalars(query).all()))
            assert numbers == list(range(1, len(numbers) + 1))

    threads = [Thread(target=write, args=(name,)) for name in range(writers)]
    for thread in threads:
        thread.start()
    watch(lambda: not any(thread.is_alive() for thread in threads))
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        found = changes.since(connection, 1, 0)
        assert found is not None
        assert (found.number, len(found.keys["contacts"])) == (60, 60)
