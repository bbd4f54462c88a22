"""Rows of a database: only read, in the order of the cursor columns, secrets kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from segconnect.errors import SegconnectError, SourceError, UnreachableError
from segconnect.scenario.bundle import SourceBundle
from segconnect.scenario.sources import open_source
from segconnect.scenario.sources.describing import preview
from tests.conftest import Postgres

SHOP = "sqlite:///shop.db"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A database of four orders; two were changed in the same second."""
    run(
        tmp_path,
        "create table orders (id integer primary key, changed text, total numeric)",
        "insert into orders values (1, '2026-09-01 10:00:00', 1), (2, '2026-09-01 11:00:00', 2),"
        " (3, '2026-09-01 11:00:00', 3), (4, null, null)",
    )
    return tmp_path


def run(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "shop.db")) as database, database:
        for statement in statements:
            database.execute(statement)


def bundles(folder: Path, query: str, after: Any = None, **how: Any) -> list[SourceBundle]:
    parameters = {"url": SHOP, "query": query, **how}
    after = json.loads(json.dumps(after))
    return list(open_source("sql", parameters, folder).bundles(after))


def ids(found: list[SourceBundle]) -> list[int]:
    return [each.values["id"] for each in found]


def test_a_row_is_a_bundle_without_what_is_null(shop: Path) -> None:
    found = bundles(shop, "select * from orders where id > :least order by id;", **LEAST)

    assert [(each.values, str(each.place)) for each in found] == [
        ({"id": 3, "changed": "2026-09-01 11:00:00", "total": 3}, "shop.db, row 1"),
        ({"id": 4}, "shop.db, row 2"),
    ]


LEAST: dict[str, Any] = {"parameters": {"least": 2}}
ALL = "select * from orders"


def test_columns_that_grow_together_tell_equal_moments_apart(shop: Path) -> None:
    by = {"cursor_column": ["changed", "id"]}
    _, _, second, _ = bundles(shop, ALL, **by)  # the row without a moment comes first

    run(shop, "insert into orders values (5, '2026-09-01 11:00:00', 5)")

    assert second.values["id"] == 2
    assert ids(bundles(shop, ALL, second.cursor, **by)) == [3, 5]


def test_of_one_column_equal_values_are_read_again_rather_than_lost(shop: Path) -> None:
    by = {"cursor_column": "changed"}
    whole = bundles(shop, ALL, **by)

    assert [ids(bundles(shop, ALL, each.cursor, **by)) for each in whole[1:]] == [
        [2, 3],
        [2, 3],
        [],
    ]


def test_a_row_without_a_place_in_the_order_is_refused(shop: Path) -> None:
    refused = [each for each in bundles(shop, ALL, cursor_column="changed") if each.error]

    assert [(each.values, each.error and each.error.why) for each in refused] == [
        ({"id": 4}, "the row has no changed, so no place in the order")
    ]


def test_without_a_cursor_column_every_run_reads_all(shop: Path) -> None:
    first, *_, last = bundles(shop, ALL)

    assert ids(bundles(shop, ALL, first.cursor)) == [2, 3, 4]
    assert ids(bundles(shop, ALL, last.cursor)) == [1, 2, 3, 4]
    assert ids(bundles(shop, f"{ALL} where id > 1", first.cursor)) == [2, 3, 4]


@pytest.mark.parametrize(
    ("query", "how", "reason"),
    [
        ("delete from orders", {}, "the query failed: attempt to write a readonly database"),
        ("pragma query_only = off", {}, "the query gives no rows; expected a SELECT"),
        ("select nix from orders", {}, "the query failed: no such column: nix"),
        (
            "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n",
            {"timeout": 0.1},
            "the query failed: it took longer than the timeout of 0.1 seconds: interrupted",
        ),
    ],
)
def test_a_query_that_cannot_be_run_says_why(
    shop: Path, query: str, how: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SourceError) as caught:
        bundles(shop, query, **how)

    assert caught.value.why == f"shop.db: {reason}"


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        bundles(tmp_path, "select 1")

    assert list(tmp_path.iterdir()) == []


SECRET = "mu6-Tq"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://joey:{SECRET}@127.0.0.1:9/shop",
        f"postgresql+psycopg://127.0.0.1:9/shop?user=joey&password={SECRET}",
        f"nothing://joey:{SECRET}@127.0.0.1:9/shop",
        f"no url at all {SECRET}",
    ],
)
def test_a_secret_of_the_url_is_never_told(tmp_path: Path, url: str) -> None:
    def saved(name: str) -> dict[str, str]:
        return {"shop": {"url": url}}[name]

    def read() -> None:
        how = {"connection": "shop", "query": "select 1"}
        list(open_source("sql", how, tmp_path, credentials=saved).bundles())

    with pytest.raises(SegconnectError) as caught:
        read()

    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_database_that_is_away_is_tried_again_later(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="shop: cannot be reached"):
        bundles(tmp_path, "select 1", url="postgresql+psycopg://127.0.0.1:9/shop")


@pytest.fixture
def server(postgres: Postgres) -> Iterator[str]:
    """A database of 3,000 orders, changed at moments with a zone; its URL."""
    with postgres.blank() as url:
        plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(
                "create table orders as select n as id, timestamptz '2026-09-01 10:00:00+02' +"
                " n / 2 * interval '1 minute' as changed, n * 1.5 as total"
                " from generate_series(0, 2999) n"
            )
            connection.execute("create sequence numbers")
        yield url


def test_postgresql_is_read_in_order_and_read_only(server: str, tmp_path: Path) -> None:
    how = {"url": server, "cursor_column": ["changed", "id"]}
    whole = bundles(tmp_path, ALL, **how)

    rest = bundles(tmp_path, ALL, whole[1500].cursor, **how)

    assert ids(whole) == list(range(3000))
    assert whole[0].values["changed"] == datetime(2026, 9, 1, 8, tzinfo=UTC)
    assert ids(rest) == list(range(1501, 3000))
    assert bundles(tmp_path, ALL, whole[-1].cursor, **how) == []
    with pytest.raises(SourceError, match=r"cannot execute nextval\(\) in a read-only transaction"):
        bundles(tmp_path, "select nextval('numbers') as id", url=server)
    with pytest.raises(SourceError, match=r"longer than the timeout of 0\.1 seconds"):
        bundles(tmp_path, "select pg_sleep(5)", url=server, timeout=0.1)


def test_what_a_query_gives_can_be_seen_before_it_is_used(shop: Path) -> None:
    found = preview("sql", {"url": SHOP, "query": ALL}, shop)

    assert found.found == {"database": "shop.db", "kind": "sqlite"}
    assert [(each.name, each.type, each.filled) for each in found.columns] == [
        ("id", "number", 4),
        ("changed", "date", 3),
        ("total", "number", 3),
    ]
