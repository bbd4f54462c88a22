"""The record store: migrations, query plans, and what happens when it fails."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, event, select, text

from segconnect import database
from segconnect.account.owner.access import create_account
from segconnect.account.store import opening, schema, sqlite
from segconnect.account.store.opening import open_engine, open_writer
from segconnect.account.store.postgres import PostgresStore
from segconnect.account.store.sqlite import SqliteStore
from segconnect.account.writing import rules
from segconnect.account.writing.committer import Reply, Store, apply
from segconnect.account.writing.work import Operation
from segconnect.errors import StoreError
from tests.conftest import Account, InProcess, Postgres, a_subscription, an_order

OWN = (1, 1)  # account and integration
BY_HAND = {"reason": "told by phone", "who": "olga@bloggs.com"}


@pytest.fixture
def blank_url(store_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place for a store where there is none yet."""
    if store_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'segconnect.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    with postgres.blank() as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A writer of each kind of store."""
    store = open_writer(store_url)
    yield store
    store.close()


def contact(**fields: Any) -> Operation:
    """A contact on its way to the store."""
    return Operation("POST contact", *OWN, fields)


def statuses(replies: list[Reply]) -> list[int]:
    """The HTTP statuses of replies."""
    return [status for status, _ in replies]


# -- opening and migrating -----------------------------------------------------------------------


def test_a_new_store_is_created_with_the_tables_that_the_code_knows(blank_url: str) -> None:
    engine = open_engine(blank_url)

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_object": lambda _o, name, *_: name != "ix_contacts_email_begins",
            },
        )
        differences = compare_metadata(context, schema.metadata)
    engine.dispose()

    assert differences == []


def test_the_tables_of_sqlite_have_every_detail_that_the_code_asks_for(tmp_path: Path) -> None:
    """That rows lie in the primary key is nothing that a comparison of metadata sees."""

    def statements(engine: Engine) -> list[list[str]]:
        with engine.connect() as connection:
            found = connection.scalars(text("select sql from sqlite_master where sql is not null"))
            return sorted(
                sorted(filter(None, (part.strip(" \t)") for part in re.split(r"[,\n]", sql))))
                for sql in found
                if "alembic_version" not in sql
            )

    migrated = open_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    created = create_engine(f"sqlite:///{tmp_path / 'created.db'}")
    schema.metadata.create_all(created)

    assert statements(migrated) == statements(created)
    migrated.dispose()
    created.dispose()


def test_a_store_is_opened_again_as_it_was(blank_url: str) -> None:
    engine = open_engine(blank_url)
    account_id, _ = create_account(engine, "Tea")
    engine.dispose()

    engine = open_engine(blank_url)
    with engine.connect() as connection:
        found = connection.scalars(select(schema.accounts.c.account_id)).all()
    engine.dispose()

    assert found == [account_id]


def test_processes_that_open_a_new_store_at_once_all_succeed(blank_url: str) -> None:
    def revision(_: int) -> Any:
        engine = open_engine(blank_url)
        found = database.revision(engine, opening.MIGRATIONS)
        engine.dispose()
        return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(revision, range(4))) == [opening.HEAD] * 4


def test_a_store_of_a_newer_version_says_so(blank_url: str) -> None:
    engine = open_engine(blank_url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    engine.dispose()

    with pytest.raises(StoreError, match=r"written by another version .* upgrade segconnect"):
        open_engine(blank_url)


def test_the_newest_migration_is_the_one_that_opening_looks_for() -> None:
    names = [
        path.name for path in (Path(opening.__file__).parent / "migrations/versions").glob("v*")
    ]

    assert max(names).startswith(f"v{opening.HEAD}_")


def test_a_file_that_is_no_store_says_so(tmp_path: Path) -> None:
    (tmp_path / "segconnect.db").write_bytes(b"not a database at all" * 100)

    with pytest.raises(StoreError, match="the store cannot be opened: file is not a database"):
        open_engine(f"sqlite:///{tmp_path / 'segconnect.db'}")
    with pytest.raises(StoreError, match="the store cannot be opened: unable to open"):
        open_engine(f"sqlite:///{tmp_path}")


def test_a_database_that_does_not_answer_says_so(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://nobody@/none?host={tmp_path}"

    with pytest.raises(StoreError, match="the store cannot be opened: "):
        open_engine(url)
    assert statuses(apply(PostgresStore(url), [contact(contact_id="1")])) == [503]


# -- query plans ---------------------------------------------------------------------------------


def everything() -> list[Operation]:
    """Operations that make the store ask and write all that it ever does."""
    order = {**an_order("o", email="a@x.no"), "date_created": 0}
    order["items"] = [{"product_id": "tea", "amount": 1}]
    subscription = {**a_subscription("s", email="a@x.no"), "start_date": 0, "last_bill_date": 0}
    ad = {"ad": {"id": "1", "adset": {"id": "2"}}, "adcampaign": {"id": "3"}, "spend": 1}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("POST invoice", order),
        ("POST subscription", subscription),
        ("POST contact", {"email": "a@x.no", "tags": ["A", {"id": "1", "name": "B"}]}),
        ("POST contact", {"contact_id": "1", "email": "a@x.no"}),
        ("POST contact", {"contact_id": "1", "email": "b@x.no"}),
        ("POST invoice", order),
        ("POST tags/add", {"contact_id": "1", "tags": [{"id": "A2", "name": "A"}]}),
        ("POST tags/remove", {"email": "b@x.no", "tags": ["B"]}),
        ("POST product", {"id": "tea", "name": "Tea"}),
        ("POST ad/performance", {**ad, "date": "2026-02-01"}),
        ("POST page_view", {"uid": "v1", "url": "https://x.no/", "email": "b@x.no"}),
        ("hit", {"uid": "v1", "url": "https://x.no/", "asks_not": False, "has_agreed": False}),
        ("expense", {"utm_source": "x", "spend": 1}),
        ("POST identify", {"uid": "v1", "email": "c@x.no", "contact_id": "1"}),
        ("POST contact", {"contact_id": "1", "email": "d@x.no"}),
        ("merge", {"ends": [["email", "b@x.no"], ["email", "e@x.no"]], **BY_HAND}),
        ("split", {"link": 1, **BY_HAND}),
        ("device", {"uid": "v1", "is_shared": True, **BY_HAND}),
        ("device", {"uid": "v1", "is_shared": False, **BY_HAND}),
        ("DELETE contact/{id}", {"id": "b@x.no"}),
        ("erase", {"named": ["email", "c@x.no"], **BY_HAND}),
        ("DELETE invoice/{id}", {"id": "o"}),
        ("DELETE subscription/{id}", {"id": "s"}),
    ]
    return [Operation(endpoint, *OWN, fields) for endpoint, fields in calls]


def test_no_group_on_sqlite_walks_a_table(tmp_path: Path, migrated_sqlite: Path) -> None:
    """Without statistics SQLite would rather walk a whole account than use the email's index."""
    shutil.copy(migrated_sqlite, tmp_path / "segconnect.db")
    store = SqliteStore(tmp_path / "segconnect.db")
    statements: set[str] = set()
    store._connection.set_trace_callback(statements.add)
    for operation in everything():
        assert statuses(apply(store, [operation])) == [200]
    store._connection.set_trace_callback(None)

    plans = {
        statement: [
            step[3] for step in store._connection.execute(f"explain query plan {statement}")
        ]
        for statement in statements
        if statement.startswith(("select", "update", "delete"))
    }
    store.close()

    assert len(plans) > 30
    walks = {s: steps for s, steps in plans.items() if any("SCAN" in step for step in steps)}
    assert walks == {}


def test_no_group_on_postgres_walks_a_table(postgres: Postgres) -> None:
    plans: dict[str, str] = {}

    class Explained:
        """A connection that notes the plan of what it is asked."""

        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def execute(self, statement: Any, values: Any = None) -> Any:
            """Explains a statement over a list of keys, then executes it."""
            if "unnest" in str(statement) and "advisory" not in str(statement):
                sql = statement if isinstance(statement, bytes) else statement.encode()
                rows = self._connection.execute(b"explain " + sql, values).fetchall()
                plans[str(statement)] = "\n".join(row[0] for row in rows)
            return self._connection.execute(statement, values)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

    with postgres.migrated() as url:
        store = PostgresStore(url)
        connection = store._connected()
        connection.execute("set enable_seqscan = off")  # the tables are still small
        store._connection = Explained(connection)  # type: ignore[assignment]
        for operation in everything():
            assert statuses(apply(store, [operation])) == [200]
        store.close()

    assert len(plans) > 20
    assert {sql: plan for sql, plan in plans.items() if "Seq Scan" in plan} == {}


# -- failing -------------------------------------------------------------------------------------


def test_an_operation_that_cannot_be_written_does_not_hurt_those_beside_it(
    store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(rules.RULES, "POST product", fail)
    group = [contact(contact_id=str(number)) for number in range(7)]
    group.insert(3, Operation("POST product", *OWN, {"id": "tea", "name": "Tea"}))

    replies = apply(store, group)

    assert statuses(replies) == [200, 200, 200, 500, 200, 200, 200, 200]
    assert replies[3][1] == (
        b'{"status":"error","errors":'
        b'["a fault of the server, which has logged it (ZeroDivisionError)"]}'
    )
    assert "POST product could not be written" in caplog.text
    with engine.connect() as connection:
        assert len(connection.execute(select(schema.contacts)).all()) == 7
    assert statuses(apply(store, [contact(contact_id="1")])) == [200]


def test_values_that_the_database_refuses_do_not_hurt_those_beside_them(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    """The staging tables of the group that failed are gone; the next one makes its own."""
    with postgres.migrated() as url:
        store = PostgresStore(url)
        group = [contact(contact_id="x" * size) for size in (1, 191, 192, 2)]

        replies = [apply(store, group), apply(store, group)]
        store.close()

    assert [statuses(each) for each in replies] == [[200, 200, 500, 200]] * 2
    assert "StringDataRightTruncation" in caplog.text


def test_a_full_disk_is_told_as_such_and_changes_nothing(
    tmp_path: Path, migrated_sqlite: Path
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "segconnect.db")
    store = SqliteStore(tmp_path / "segconnect.db")
    pages = store._connection.execute("pragma page_count").fetchone()[0]
    store._connection.execute(f"pragma max_page_count = {pages}")
    group = [contact(contact_id=str(number), first_name="x" * 9000) for number in range(50)]

    full = apply(store, group)
    store._connection.execute("pragma max_page_count = 1000000")
    again = apply(store, group)
    store.close()

    assert {status for status, _ in full} == {503}
    assert b"database or disk is full; try again" in full[0][1]
    assert {status for status, _ in again} == {200}


def test_a_store_that_another_process_holds_is_waited_for_and_then_told_as_busy(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "segconnect.db")
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    store = SqliteStore(tmp_path / "segconnect.db")
    other = sqlite3.connect(tmp_path / "segconnect.db", isolation_level=None)
    other.execute("begin immediate")

    busy = apply(store, [contact(contact_id="1")])
    other.execute("rollback")
    free = apply(store, [contact(contact_id="1")])
    other.close()
    store.close()

    assert (statuses(busy), statuses(free)) == ([503], [200])


def disconnect(postgres: Postgres, url: str, *, allow_connections: bool) -> None:
    """Ends all connections to a database, as a restart of the server would."""
    name = url.rpartition("/")[2].partition("?")[0]
    postgres.run(f"alter database {name} with allow_connections {allow_connections}")
    postgres.run(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")


def test_after_a_restart_of_postgres_all_goes_on(postgres: Postgres) -> None:
    with postgres.migrated() as url:
        door = InProcess(url)
        account = Account.create(door, door.app.engine)
        account.send("contact", {"contact_id": 1})

        disconnect(postgres, url, allow_connections=True)
        answers = [
            account.request("POST", f"{account.root}/contact", {"contact_id": 2}) for _ in "12"
        ]
        read = account.contact("1")
        door.close()

    assert [answer.status for answer in answers] == [503, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert read["contact_id"] == "1"


def test_while_the_store_is_gone_every_answer_is_a_503_that_says_try_again(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    with postgres.blank() as url:
        door = InProcess(url)
        account = Account.create(door, door.app.engine)
        account.send("contact", {"contact_id": 1})
        disconnect(postgres, url, allow_connections=False)

        known = account.request("POST", f"{account.root}/contact", {"contact_id": 1})
        unknown = account.request("POST", f"{account.root}x/contact", {"contact_id": 1})
        batch = account.batch([("POST contact", {"contact_id": 1})])
        read = account.request("GET", f"/{account.id}/contact/1")
        ready, healthy = account.request("GET", "/readyz"), account.request("GET", "/healthz")
        door.close()

    assert [answer.status for answer in (known, unknown, read, ready)] == [503] * 4
    assert [answer.headers["retry-after"] for answer in (known, unknown, read)] == ["1"] * 3
    assert unknown.body["errors"] == ["the store does not answer; try again"]
    assert [status for status, _ in batch] == [503]
    assert set(read.body) == {"message"}
    assert healthy.status == 200


def test_a_long_reader_does_not_hold_up_the_writing(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer waited half a minute for it, whenever the log had grown long."""
    shutil.copy(migrated_sqlite, tmp_path / "segconnect.db")
    monkeypatch.setattr(sqlite, "RESTART_PAGES", 1)
    store = SqliteStore(tmp_path / "segconnect.db")
    reader = sqlite3.connect(tmp_path / "segconnect.db", isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from contacts").fetchone()

    store._checkpoints._pages = 1000
    since = monotonic()
    written = apply(store, [contact(contact_id="1")])
    took = monotonic() - since
    held_up = store._checkpoints._restart_at
    reader.close()
    store._checkpoints._pages = held_up + 1
    apply(store, [contact(contact_id="2")])
    after = store._checkpoints._restart_at
    store.close()

    assert (statuses(written), held_up, after) == ([200], 2000, 1)
    assert took < 5


# -- reading -------------------------------------------------------------------------------------


def test_no_reading_on_sqlite_walks_a_table(tmp_path: Path, migrated_sqlite: Path) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "segconnect.db")
    door = InProcess(f"sqlite:///{tmp_path / 'segconnect.db'}")
    account = Account.create(door, door.app.engine)
    account.send("contact", {"contact_id": 42, "email": "a@x.no"})
    account.send("page_view", {"uid": "v", "url": "https://x.no/", "email": "a@x.no"})
    asked: dict[str, Any] = {}

    @event.listens_for(door.app.engine, "before_cursor_execute")
    def note(*arguments: Any) -> None:
        asked[arguments[2]] = arguments[3]

    account.contact("a@x.no", "events,tags,orders,subscriptions")
    for query in ("", "?email=a@x.no", "?contact_id=42", "/42"):
        account.request("GET", f"{account.root}/contact{query}")
    account.request("POST", f"{account.root}/contact", {}, {"authorization": "unknown"})
    event.remove(door.app.engine, "before_cursor_execute", note)
    with door.app.engine.connect() as connection:
        explain = connection.exec_driver_sql
        plans = {
            statement: [step[3] for step in explain(f"explain query plan {statement}", values)]
            for statement, values in asked.items()
            if statement.startswith("SELECT")
        }
    door.close()

    assert len(plans) >= 8
    walks = {s: steps for s, steps in plans.items() if any("SCAN" in step for step in steps)}
    assert walks == {}
