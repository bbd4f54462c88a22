"""Facts as Parquet files: all of them, only what changed, and whole whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from segconnect.account.export import Manifest, Written, export, read_manifest
from segconnect.account.export.parquet import TABLES
from segconnect.account.replica import Replica
from segconnect.account.reports import saved
from segconnect.errors import UsageError
from tests.conftest import Account

MODELS = ("any", "linear")


@pytest.fixture
def shop(account: Account) -> Account:
    """Two people, who came, were tagged, and bought in January and in March."""
    for number, day in enumerate(("2026-01-05", "2026-03-05"), 1):
        account.send(
            "contact",
            {
                "contact_id": number,
                "email": f"p{number}@bloggs.com",
                "utm_medium": "cpc",
                "tags": ["VIP"],
                "date_created": day,
            },
        )
        account.order(str(number), contact_id=number, date_created=day)
        account.subscription(str(number), contact_id=number, start_date=day)
    account.send("ad/performance", {"ad": {"id": "a1", "name": "Cup"}, "spend": 1000,
                                    "adcampaign": {"id": "c1", "name": "Spring"},
                                    "date": "2026-03-01"})  # fmt: skip
    account.batch([("POST page_view", {"uid": "u1", "url": "https://tea.shop/",
                                       "email": "p1@bloggs.com",
                                       "date_created": "2026-01-04 03:00:00"})])  # fmt: skip
    return account


@pytest.fixture
def replica(account: Account, tmp_path: Path) -> Iterator[Replica]:
    """The replica of the store."""
    replica = Replica(account.engine, tmp_path / "replica")
    yield replica
    replica.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where exports go."""
    return tmp_path / "it's out"


def write(replica: Replica, shop: Account, out: Path) -> Written:
    """Exports the account."""
    with shop.engine.connect() as connection:
        settings = saved.settings_of(connection, 1)
    with replica.reading(1, MODELS) as facts:
        return export(facts, out, shop.id, settings, MODELS)


def in_files(out: Path, manifest: Manifest) -> dict[str, list[Any]]:
    """The rows of the files that a manifest names."""
    found = {}
    for table, parts in manifest.files.items():
        names = [str(out / part.path) for part in parts]
        rows = (
            duckdb.sql("from read_parquet($n, hive_partitioning = false)", params={"n": names})
            if names
            else None
        )
        found[table] = sorted(rows.fetchall(), key=repr) if rows else []
    return found


def in_replica(replica: Replica) -> dict[str, list[Any]]:
    """The rows of the tables that are exported."""
    with replica.reading(1, MODELS) as facts:
        return {
            table: sorted(facts.connection.execute(f"from {table}").fetchall(), key=repr)
            for table in TABLES
        }


def listed(out: Path) -> set[str]:
    """The Parquet files that there are."""
    return {path.relative_to(out).as_posix() for path in out.rglob("*.parquet")}


def test_every_row_is_in_the_files_and_each_in_its_month(
    shop: Account, replica: Replica, out: Path
) -> None:
    manifest = write(replica, shop, out).manifest

    assert in_files(out, manifest) == in_replica(replica)
    assert {table for table, parts in manifest.files.items() if not parts} == {"adsets"}
    months = {part.month for part in manifest.files["order_items"]}
    assert months == {"2026-01", "2026-03"}
    assert read_manifest(out) == manifest
    assert listed(out) == {part.path for parts in manifest.files.values() for part in parts}


def test_whole_directories_are_read_by_account_and_month(
    shop: Account, replica: Replica, out: Path
) -> None:
    write(replica, shop, out)

    found = duckdb.execute(
        "select account, month from read_parquet($1, hive_partitioning = true,"
        " hive_types_autocast = false) order by month",
        [f"{out}/orders/**/*.parquet"],
    ).fetchall()

    assert found == [(shop.id, "2026-01"), (shop.id, "2026-03")]


def test_only_what_changed_is_written_again(shop: Account, replica: Replica, out: Path) -> None:
    first = write(replica, shop, out)
    again = write(replica, shop, out)
    shop.order("3", contact_id=2, date_created="2026-03-09")
    shop.order("1", contact_id=1, date_created="2026-01-05", amount=45)
    later = write(replica, shop, out)

    assert (again.files, again.removed, again.kept) == (0, 0, first.files)
    assert later.manifest.change > first.manifest.change
    changed = {
        (table, part.month)
        for table, parts in later.manifest.files.items()
        for part in set(parts) - set(first.manifest.files[table])
    }
    assert {("orders", "2026-01"), ("orders", "2026-03")} <= changed
    assert not {("contacts", "2026-01"), ("touches", "2026-01"), ("products", None)} & changed
    assert in_files(out, later.manifest) == in_replica(replica)
    assert listed(out) == {p.path for parts in later.manifest.files.values() for p in parts}


def test_a_month_that_is_empty_now_is_removed(shop: Account, replica: Replica, out: Path) -> None:
    write(replica, shop, out)
    shop.order("1", contact_id=1, date_created="2026-03-01")

    written = write(replica, shop, out)

    assert [part.month for part in written.manifest.files["orders"]] == ["2026-03"]
    assert not (out / "orders" / f"account={shop.id}" / "month=2026-01").exists()


KILLED = """
import os, sys
from pathlib import Path
from segconnect.account.export import manifest, parquet
from segconnect.account.replica import Replica
from segconnect.account.reports import saved
from segconnect.account.store.opening import open_engine

url, directory, out, account, left = sys.argv[1:]
left = int(left)

def sync(path):
    global left
    left -= 1
    if left == 0:
        os._exit(9)

manifest.sync = parquet.sync = sync
engine = open_engine(url)
with engine.connect() as connection:
    settings = saved.settings_of(connection, 1)
with Replica(engine, Path(directory)).reading(1, ("any", "linear")) as facts:
    parquet.export(facts, Path(out), account, settings, ("any", "linear"))
"""


def test_an_export_that_is_killed_leaves_the_one_before_and_the_next_one_is_whole(
    shop: Account, replica: Replica, out: Path, store_url: str, tmp_path: Path
) -> None:
    before = in_files(out, write(replica, shop, out).manifest)
    shop.order("3", contact_id=2, date_created="2026-02-09")
    shop.order("1", contact_id=1, date_created="2026-01-05", amount=45)
    after = in_replica(replica)
    ended = []
    for left in (1, 4, 8, 12, 16, 20):
        arguments = [store_url, tmp_path / "killed", out, shop.id, left]
        ended.append(subprocess.run(
            [sys.executable, "-c", KILLED, *map(str, arguments)], env={**os.environ}, timeout=60,
            check=False,
        ).returncode)  # fmt: skip
        found = in_files(out, read_manifest(out))
        assert found == (after if ended[-1] == 0 else before), left
        if ended[-1] == 0:
            break
    assert 9 in ended

    written = write(replica, shop, out)

    assert in_files(out, written.manifest) == after
    assert listed(out) == {p.path for parts in written.manifest.files.values() for p in parts}
    assert not [path for path in (out / "_segconnect").iterdir() if path.name.endswith(".d")]


def test_two_exports_of_an_account_do_not_write_at_once(
    shop: Account, replica: Replica, out: Path
) -> None:
    from segconnect.account.replica.files import locked

    write(replica, shop, out)
    held = locked(out / "_segconnect" / f"{shop.id}.lock")
    assert held is not None
    with held, pytest.raises(UsageError, match="another process exports"):
        write(replica, shop, out)


def test_a_manifest_of_another_version_is_told_and_not_guessed_at(
    shop: Account, replica: Replica, out: Path
) -> None:
    write(replica, shop, out)
    path = out / "_segconnect" / f"{shop.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(UsageError, match="format 99 is not 1; another version"):
        read_manifest(out)
    path.write_text("[]")
    with pytest.raises(UsageError, match="no manifest"):
        read_manifest(out)
    with pytest.raises(UsageError, match="it holds none"):
        read_manifest(out / "elsewhere")


def test_accounts_share_a_directory(shop: Account, replica: Replica, out: Path) -> None:
    other = shop.another()
    write(replica, shop, out)
    with shop.engine.connect() as connection:
        settings = saved.settings_of(connection, 2)
    with replica.reading(2, MODELS) as facts:
        export(facts, out, other.id, settings, MODELS)

    assert {read_manifest(out, each.id).account_id for each in (shop, other)} == {
        shop.id, other.id,
    }  # fmt: skip
    with pytest.raises(UsageError, match="it holds a"):
        read_manifest(out)
