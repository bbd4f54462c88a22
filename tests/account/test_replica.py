"""The replica: it answers what the store holds, at once, whatever happened to its file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from segconnect.account.owner import access, preferences
from segconnect.account.replica import Facts, Replica, sorting
from segconnect.account.replica import copy as copies
from segconnect.account.replica.asking import asked_now
from segconnect.account.replica.crediting import KEPT
from segconnect.account.store import schema
from segconnect.errors import UsageError
from tests.conftest import Account

TABLES = (
    "integrations", "contacts", "contact_tags", "tags", "products", "orders", "order_items",
    "subscriptions", "adcampaigns", "adsets", "ads", "ad_performance", "identities", "page_views",
    "origins", "people", "touches", "leads", "credits", "lead_credits", "sold", "sold_lines",
)  # fmt: skip

MODELS = (*KEPT, "linear@1")


def rows(facts: Facts, query: str) -> list[Any]:
    """The rows of a query."""
    return facts.connection.execute(query).fetchall()


def ask(replica: Replica, query: str, models: Sequence[str] = ()) -> list[Any]:
    """The rows that a query finds now, in the one account of a store."""
    with replica.reading(1, models) as facts:
        return rows(facts, query)


def contents(
    replica: Replica, account_pk: int = 1, models: Sequence[str] = MODELS
) -> dict[str, list[Any]]:
    """All rows of a replica, in an order that does not depend on when they were written."""
    with replica.reading(account_pk, models) as facts:
        return {table: sorted(rows(facts, f"from {table}"), key=repr) for table in TABLES}


def columns_of(replica: Replica, table: str, account_pk: int = 1) -> list[str]:
    """The names of a table's columns."""
    with replica.reading(account_pk, ()) as facts:
        return [name for name, *_ in rows(facts, f"describe {table}")]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the replicas are."""
    return tmp_path / "replica"


@pytest.fixture
def replica(account: Account, directory: Path) -> Iterator[Replica]:
    """The replica of the store."""
    replica = Replica(account.engine, directory)
    yield replica
    replica.close()


@pytest.fixture
def shop(account: Account) -> Account:
    """The account with something in each table."""
    joey = {"contact_id": 1, "email": "joey@bloggs.com"}
    account.send("contact", {**joey, "utm_source": "news", "utm_medium": "email", "tags": ["A"]})
    account.batch([
        ("POST page_view", {"uid": "u1", "url": "https://tea.shop/?ad_id=7", "utm_medium": "cpc",
                            "email": "joey@bloggs.com", "date_created": "2026-01-10 03:00:00"}),
        ("POST page_view", {"uid": "u2", "url": "https://tea.shop/green",
                            "date_created": "2026-01-11 12:00:00"}),
    ])  # fmt: skip
    account.order("1", contact_id=1)
    account.order("2", email="nobody@bloggs.com")
    account.subscription("1", contact_id=1)
    performance = {"ad": {"id": 7, "name": "Tea"}, "spend": 250, "date": "2026-01-10"}
    account.send("ad/performance", {**performance, "adset": 8, "adcampaign": 9})
    return account


def file(directory: Path) -> Path:
    """The one file of a replica."""
    (path,) = directory.glob("*.duckdb")
    return path


# -- what it holds -------------------------------------------------------------------------------


def test_every_table_of_the_account_is_there_under_its_own_names(
    shop: Account, replica: Replica
) -> None:
    with replica.reading(1) as facts, shop.engine.connect() as connection:
        for table in set(TABLES) & set(schema.metadata.tables):
            columns = [c.name for c in schema.metadata.tables[table].columns]
            names = ", ".join(name for name in columns if name not in ("account_pk", "day"))
            query = f"select {names} from {table}"
            stored = {tuple(row) for row in connection.exec_driver_sql(query)}
            assert stored, table
            assert set(rows(facts, query)) == stored, table


def test_days_are_those_of_the_accounts_time_zone(account: Account, directory: Path) -> None:
    """Daylight saving begins on 8 March 2026 in New York: 5 hours behind until then, 4 after."""
    account_id, key = access.create_account(account.engine, "York", timezone="America/New_York")
    integration = access.create_integration(account.engine, account_id, "crm", "York")
    york = Account(account.door, account.engine, account_id, key, integration)
    for number, moment in enumerate(
        ("2026-03-08 04:59:59", "2026-03-08 05:00:00", "2026-03-09 03:59:59", "2026-03-09 04:00:00")
    ):
        york.order(str(number), email="joey@bloggs.com", date_created=moment)

    replica = Replica(account.engine, directory)
    with replica.reading(2) as facts:
        days = rows(facts, "select day from orders order by date_created")
    replica.close()

    assert days == [
        (date(2026, 3, 7),),
        (date(2026, 3, 8),),
        (date(2026, 3, 8),),
        (date(2026, 3, 9),),
    ]


def test_other_accounts_of_the_store_are_not_in_it(shop: Account, replica: Replica) -> None:
    before = contents(replica)
    another = shop.another()
    another.send("contact", {"email": "joey@bloggs.com", "tags": ["A"], "utm_source": "x"})
    another.order("1", email="joey@bloggs.com")

    assert contents(replica) == before
    with replica.reading(2) as facts:
        assert [len(rows(facts, f"from {table}")) for table in ("contacts", "orders")] == [1, 1]


# -- always up to date ---------------------------------------------------------------------------


def test_a_report_includes_what_was_acknowledged_before_it_was_asked(
    account: Account, replica: Replica
) -> None:
    for number in range(5):
        account.order(str(number), email="joey@bloggs.com")

        with replica.reading(1) as facts:
            assert rows(facts, "select count(*) from orders") == [(number + 1,)]
            assert facts.number == number + 1


def test_what_is_asked_as_one_question_is_answered_of_one_moment(
    account: Account, replica: Replica
) -> None:
    count = "select count(*) from orders"
    account.order("1", email="joey@bloggs.com")
    with asked_now():
        before = ask(replica, count)
        account.order("2", email="joey@bloggs.com")
        within = ask(replica, count)

    assert (before, within, ask(replica, count)) == ([(1,)], [(1,)], [(2,)])


def test_what_was_deleted_is_not_in_it_any_more(shop: Account, replica: Replica) -> None:
    assert ask(replica, "select order_id from orders order by 1") == [("1",), ("2",)]

    shop.delete("invoice/1")
    shop.delete("contact/1")
    shop.delete("subscription/1")

    empty = {name for name, held in contents(replica).items() if not held}
    assert empty == {
        "contacts", "contact_tags", "subscriptions", "origins", "leads", "lead_credits",
    }  # fmt: skip
    assert ask(replica, "select order_id from orders") == [("2",)]
    assert ask(replica, "select distinct order_pk from credits") != []


def test_a_report_sees_one_moment_though_others_write_and_ask(
    account: Account, replica: Replica
) -> None:
    account.order("1", email="joey@bloggs.com")

    with replica.reading(1) as facts:
        account.order("2", email="joey@bloggs.com")
        assert ask(replica, "select count(*) from orders") == [(2,)]
        assert rows(facts, "select count(*) from orders") == [(1,)]


def test_reports_in_many_threads_are_each_up_to_date(account: Account, replica: Replica) -> None:
    account.order("0", email="joey@bloggs.com")
    begin, counts = Barrier(4), list[int]()

    def report() -> None:
        begin.wait()
        counts.append(ask(replica, "select count(*) from orders", ["linear"])[0][0])

    threads = [Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counts == [1] * 4


def test_a_new_integration_is_seen(account: Account, replica: Replica) -> None:
    assert ask(replica, "select name from integrations") == [("A crm",)]

    account.on("ads")

    assert ask(replica, "select name from integrations") == [("A crm",), ("A ads",)]


def test_changed_rules_and_time_zones_hold_for_what_came_before(
    account: Account, replica: Replica
) -> None:
    account.send("contact", {"email": "joey@bloggs.com", "utm_source": "pod", "utm_medium": "talk"})
    account.order("1", email="joey@bloggs.com", date_created="2026-02-01 23:30:00")
    assert ask(replica, "select channel from touches") == [("direct",)]

    rules = "rules: [{name: talks, channel: podcast, when: {medium: [talk]}}]"
    preferences.keep(account.engine, account.id, preferences.CHANNEL_RULES, rules)
    with account.engine.begin() as connection:
        connection.exec_driver_sql("update accounts set timezone = 'Europe/Oslo'")

    assert ask(replica, "select channel from touches") == [("podcast",)]
    assert ask(replica, "select day from orders") == [(date(2026, 2, 2),)]


# -- disposable ----------------------------------------------------------------------------------


def test_deleting_the_replica_and_asking_again_gives_the_same_answer(
    shop: Account, replica: Replica, directory: Path
) -> None:
    before = contents(replica)
    replica.close()
    for path in directory.iterdir():
        path.unlink()

    assert contents(replica) == before


def test_a_replica_is_gone_on_with_and_not_made_anew(
    shop: Account, replica: Replica, directory: Path
) -> None:
    contents(replica)
    replica.close()
    path = file(directory)
    shop.order("3", contact_id=1)

    assert len(contents(replica)["orders"]) == 3
    assert file(directory) == path


@pytest.mark.parametrize("content", [b"", b"nonsense" * 1000, None])
def test_a_broken_file_is_thrown_away(
    shop: Account, replica: Replica, directory: Path, content: bytes | None
) -> None:
    before = contents(replica)
    replica.close()
    path = file(directory)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)

    assert contents(replica) == before
    assert file(directory) != path


def test_a_file_of_another_version_is_thrown_away(
    shop: Account, replica: Replica, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(replica)
    path = file(directory)
    monkeypatch.setattr(copies, "LAYOUT", copies.LAYOUT + 1)

    assert contents(replica) == before
    assert file(directory) != path


def test_a_store_that_was_put_back_to_an_earlier_day_is_noticed(
    account: Account, replica: Replica
) -> None:
    """It has the same numbers again, for other changes."""
    account.order("1", email="joey@bloggs.com")
    account.order("2", email="joey@bloggs.com")
    assert ask(replica, "select count(*) from orders") == [(2,)]

    with account.engine.begin() as connection:
        for statement in (
            "delete from order_items where order_pk > 1",
            "delete from orders where pk > 1",
            "delete from changes where number > 1",
        ):
            connection.exec_driver_sql(statement)
    account.send("contact", {"email": "joey@bloggs.com"})

    assert ask(replica, "select count(*) from orders") == [(1,)]


def test_a_replica_that_is_too_old_is_made_anew(
    shop: Account, replica: Replica, directory: Path
) -> None:
    contents(replica)
    path = file(directory)
    shop.order("3", contact_id=1)
    with shop.engine.begin() as connection:
        newest = connection.exec_driver_sql("select max(number) from changes").scalar_one()
        connection.exec_driver_sql(f"delete from changes where number < {newest}")

    assert len(contents(replica)["orders"]) == 3
    assert file(directory) != path


def test_what_was_written_since_is_sorted_in_after_a_while(
    shop: Account, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents(replica)
    monkeypatch.setattr(sorting, "FEW", 0)

    shop.send("contact", {"contact_id": 1, "email": "joey@tea.shop"})
    anyone = {"url": "https://tea.shop", "referrer": "https://x.no", "email": "joey@tea.shop"}
    shop.batch([("POST page_view", {**anyone, "uid": f"u{n}"}) for n in (9, 3, 1)])
    contents(replica)

    with replica.reading(1) as facts:
        for table, order in sorting.ORDER.items():
            assert rows(facts, f"from {table}") == rows(facts, f"from {table} order by {order}")


def test_an_unknown_model_is_refused_with_a_guess(account: Account, replica: Replica) -> None:
    with pytest.raises(UsageError, match=r"unknown attribution model 'linaer'.*'linear'"):
        ask(replica, "select 1", ["linaer"])
    with pytest.raises(UsageError, match="credits by the model markov are not kept"):
        ask(replica, "select 1", ["markov"])
    with pytest.raises(UsageError, match="linear@x: a window is 1 to 3650 days"):
        ask(replica, "select 1", ["linear@x"])


def test_accounts_that_nobody_reads_are_closed_when_many_are_open(
    account: Account, replica: Replica, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segconnect.account.replica.MAX_OPEN", 1)
    for _ in range(2):
        account.another()

    with replica.reading(1) as first:
        for account_pk in (2, 3, 2):
            with replica.reading(account_pk) as facts:
                assert rows(facts, "select count(*) from contacts") == [(0,)]
        assert rows(first, "select count(*) from contacts") == [(0,)]
        with ExitStack() as stack:  # a file that is closed may be had by another process
            other = Replica(account.engine, directory)
            stack.callback(other.close)
            stack.enter_context(other.reading(3))
            assert len(list(directory.glob("3-*.duckdb"))) == 1


# -- processes -----------------------------------------------------------------------------------

ASK = """
import sys
from pathlib import Path
from segconnect.account.replica import Replica
from segconnect.account.store.opening import open_engine

replica = Replica(open_engine(sys.argv[1]), Path(sys.argv[2]))
with replica.reading(1, ["linear"]) as facts:
    print(facts.connection.execute("select count(*) from orders").fetchall()[0][0], flush=True)
    sys.stdin.readline()
"""

# Ends like kill -9 at the n-th statement that DuckDB is given, or file that is renamed.
DIE = """
import os, signal, sys, duckdb
from segconnect.account.replica import copy, files

left = int(sys.argv[3])

def counted(call):
    def counting(*arguments):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments)
    return counting

class Dying:
    def __init__(self, connection):
        self._connection = connection
    def __getattr__(self, name):
        found = getattr(self._connection, name)
        return counted(found) if name in ("execute", "appender", "close") else found

opened = copy._open
copy._open = lambda path: Dying(opened(path))
files.os.replace = counted(os.replace)
files.remove = counted(files.remove)
"""


def start(program: str, store_url: str, *arguments: object) -> subprocess.Popen[str]:
    """Runs a program in a process of its own."""
    command = [sys.executable, "-c", program, store_url, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def test_several_processes_each_have_their_own(
    shop: Account, replica: Replica, store_url: str, directory: Path
) -> None:
    others = [start(ASK, store_url, directory) for _ in range(2)]
    counts = [ask(replica, "select count(*) from orders")[0][0]]
    for other in others:
        assert other.stdout is not None
        counts.append(int(other.stdout.readline()))
    for other in others:
        other.communicate("\n", timeout=60)

    assert counts == [2, 2, 2]
    assert len(list(directory.glob("*.duckdb"))) == 3


def test_a_process_goes_on_with_the_file_of_one_that_ended(
    shop: Account, store_url: str, directory: Path
) -> None:
    for _ in range(2):
        told, _ = start(ASK, store_url, directory).communicate("\n", timeout=60)
        assert told == "2\n"

    file(directory)


@pytest.mark.parametrize("built", [False, True], ids=["first build", "refresh"])
def test_a_kill_at_any_statement_is_harmless(
    shop: Account, replica: Replica, store_url: str, directory: Path, built: bool
) -> None:
    expected = None
    for left in (*range(0, 90, 9 if built else 13), 10_000):
        if built and expected is None:
            contents(replica, models=["linear"])
            replica.close()
        shop.order(f"killed {left}", email="joey@bloggs.com")
        process = start(DIE + ASK, store_url, directory, left)
        process.communicate("\n", timeout=60)
        assert process.returncode in (-signal.SIGKILL, 0)

        expected = contents(replica, models=["linear"])
        replica.close()
        assert len(expected["orders"]) == len(shop.everything()["orders"])
        if not built:
            for path in directory.iterdir():
                path.unlink()
    assert process.returncode == 0, "the last one lives"
