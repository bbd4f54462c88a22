"""What was answered with 200 is on disk: processes are killed, and share one store."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Semaphore

import pytest
from sqlalchemy import Engine, select

from segconnect.account.store import schema
from segconnect.account.store.opening import open_engine
from tests.conftest import Account, OverHttp, Server

KILLS = int(os.environ.get("SEGCONNECT_TEST_KILLS", "3"))
WRITERS = 4
BATCH = 40  # contacts


@pytest.fixture
def connect(served: Account) -> Iterator[Callable[[Server], Account]]:
    """Answers the account over a new connection to another server."""
    with ExitStack() as stack:

        def to(server: Server) -> Account:
            door = OverHttp(server.address)
            stack.callback(door.close)
            return replace(served, door=door)

        yield to


def names(engine: Engine) -> dict[str, str]:
    """The first name of every contact, by its id, as the store has them."""
    with engine.connect() as connection:
        table = schema.contacts
        query = select(table.c.contact_id, table.c.first_name)
        return {row.contact_id: row.first_name for row in connection.execute(query)}


@pytest.mark.parametrize("writer_too", [False, True], ids=["server", "server and writer"])
def test_every_acknowledged_write_is_there_after_a_kill_and_a_batch_is_whole_or_not(
    served: Account,
    serve: Callable[[], Server],
    connect: Callable[[Server], Account],
    store_url: str,
    writer_too: bool,
) -> None:
    acknowledged: dict[str, int] = {}  # the last number that each writer's contact was given
    batches = [0]
    progress = Semaphore(0)

    def write_one(account: Account, contact: str) -> None:
        number = acknowledged.get(contact, 0)
        while True:
            number += 1
            account.send("contact", {"contact_id": contact, "first_name": str(number)})
            acknowledged[contact] = number
            progress.release()

    def write_batches(account: Account) -> None:
        while True:
            number = str(batches[0] + 1)
            results = account.batch(
                [
                    ("POST contact", {"contact_id": f"b{place}", "first_name": number})
                    for place in range(BATCH)
                ]
            )
            assert {status for status, _ in results} == {200}
            batches[0] += 1
            progress.release()

    for _ in range(KILLS):
        server = serve()
        with ThreadPoolExecutor(WRITERS + 1) as pool:
            tasks = [
                pool.submit(write_one, connect(server), f"w{place}") for place in range(WRITERS)
            ]
            tasks.append(pool.submit(write_batches, connect(server)))
            for _ in range(100):
                assert progress.acquire(timeout=20)
            server.kill(writer_too=writer_too)
            ends = [task.exception(timeout=20) for task in tasks]

        engine = open_engine(store_url)
        held = names(engine)
        engine.dispose()
        assert [type(end).__mro__[-3:-2] for end in ends] == [(Exception,)] * (WRITERS + 1)
        for contact, number in acknowledged.items():
            assert int(held[contact]) in (number, number + 1)
        whole = {held.get(f"b{place}", "0") for place in range(BATCH)}
        assert len(whole) == 1
        assert int(whole.pop()) in (batches[0], batches[0] + 1)


def test_a_writer_that_is_killed_is_started_again(
    served: Account, serve: Callable[[], Server], connect: Callable[[Server], Account]
) -> None:
    server = serve()
    account = connect(server)
    account.send("contact", {"contact_id": 1})

    os.kill(server.writer_pid, signal.SIGKILL)
    while (
        answer := account.request("POST", f"{account.root}/contact", {"contact_id": 2})
    ).status != 200:
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")

    assert [account.contact(each)["contact_id"] for each in "12"] == ["1", "2"]


def test_a_server_that_is_told_to_stop_answers_what_it_has_begun(
    served: Account, serve: Callable[[], Server], connect: Callable[[Server], Account]
) -> None:
    server = serve()
    account = connect(server)
    account.send("contact", {"contact_id": 1})

    server.stop()

    assert served.contact("1")["contact_id"] == "1"


def test_two_servers_on_one_store_upsert_the_same_contacts_into_one_each(
    served: Account, serve: Callable[[], Server], connect: Callable[[Server], Account]
) -> None:
    servers = [serve(), serve()]
    emails = [f"person{number}@x.no" for number in range(10)]

    def write(account: Account, mark: str) -> None:
        for number, email in enumerate(emails * 4):
            account.send("contact", {"email": email, "custom_fields": {f"{mark}{number}": number}})
            account.send("tags/add", {"email": email, "tags": [mark, "Both"]})
            account.order(f"{mark}-{number}", email=email)

    with ThreadPoolExecutor(4) as pool:
        tasks = [
            pool.submit(write, connect(server), f"{server_mark}{connection}")
            for server_mark, server in zip("ab", servers, strict=True)
            for connection in "12"
        ]
        for task in tasks:
            task.result(timeout=60)

    contacts = [served.contact(email, "tags,orders") for email in emails]
    assert served.rows("contacts") == len(emails)
    assert served.rows("tags") == 5
    for place, contact in enumerate(contacts):
        assert contact["custom_fields"] == {
            f"{mark}{number}": number
            for mark in ("a1", "a2", "b1", "b2")
            for number in range(place, 40, 10)
        }
        assert {tag["name"] for tag in contact["tags"]} == {"a1", "a2", "b1", "b2", "Both"}
        assert len(contact["orders"]) == 16


def test_contacts_that_appear_on_one_server_take_what_waits_on_another(
    served: Account, serve: Callable[[], Server], connect: Callable[[Server], Account]
) -> None:
    """However they come together: neither misses the other."""
    first, second = connect(serve()), connect(serve())
    people = [f"person{number}@x.no" for number in range(40)]

    with ThreadPoolExecutor(2) as pool:
        orders = pool.submit(lambda: [first.order(each, email=each) for each in people])
        contacts = pool.submit(lambda: [second.send("contact", {"email": each}) for each in people])
        orders.result(timeout=60)
        contacts.result(timeout=60)

    assert [
        [order["order_id"] for order in served.contact(each, "orders")["orders"]] for each in people
    ] == [[each] for each in people]
