"""What was answered with 200 is on disk: processes are killed, and share one store."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Semaphore

import pytest
from sqlalchemy import Engine, select

from segconnect.account.store import schema
from segconnect.account.store.opening import open_engine
from tests.conftest import Account, OverHttp, Server

KILLS = int(os.environ.get("SEGCONNECT_TEST_KILLS", "4"))
WRITERS = 4
BATCH = 40  # contacts


@pytest.fixture
def connect(account: Account) -> Iterator[Callable[[Server], Account]]:
    """Answers the account over a new connection to another server."""
    with ExitStack() as stack:

        def to(server: Server) -> Account:
            door = OverHttp(server.address)
            stack.callback(door.close)
            return replace(account, door=door)

        yield to


def names(engine: Engine) -> dict[str, str]:
    """The first name of every contact, by its id, as the store has them."""
    with engine.connect() as connection:
        table = schema.contacts
        query = select(table.c.contact_id, table.c.first_name)
        return {row.contact_id: row.first_name for row in connection.execute(query)}


def test_every_acknowledged_write_is_there_after_a_kill_and_a_batch_is_whole_or_not(
    account: Account,
    serve: Callable[[], Server],
    connect: Callable[[Server], Account],
    store_url: str,
) -> None:
    acknowledged: dict[str, int] = {}  # the last number that each writer's contact was given
    batches = [0]
    progress = Semaphore(0)

    def write_one(client: Account, contact: str) -> None:
        number = acknowledged.get(contact, 0)
        while True:
            number += 1
            client.send("contact", {"contact_id": contact, "first_name": str(number)})
            acknowledged[contact] = number
            progress.release()

    def write_batches(client: Account) -> None:
        while True:
            number = str(batches[0] + 1)
            results = client.batch(
                [
                    ("POST contact", {"contact_id": f"b{place}", "first_name": number})
                    for place in range(BATCH)
                ]
            )
            assert {status for status, _ in results} == {200}
            batches[0] += 1
            progress.release()

    for kill in range(KILLS):
        server = serve()
        with ThreadPoolExecutor(WRITERS + 1) as pool:
            tasks = [
                pool.submit(write_one, connect(server), f"w{place}") for place in range(WRITERS)
            ]
            tasks.append(pool.submit(write_batches, connect(server)))
            for _ in range(60):
                assert progress.acquire(timeout=20)
            server.kill(writer_too=kill % 2 == 0)
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


@pytest.mark.skipif(not Path("/proc").exists(), reason="it is found in /proc")
def test_a_writer_that_is_killed_is_started_again(
    account: Account, serve: Callable[[], Server], connect: Callable[[Server], Account]
) -> None:
    server = serve()
    client = connect(server)
    client.send("contact", {"contact_id": 1})

    os.kill(server.writer_pid, signal.SIGKILL)
    while (
        answer := client.request("POST", f"{client.root}/contact", {"contact_id": 2})
    ).status != 200:
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")

    assert [account.contact(each)["contact_id"] for each in "12"] == ["1", "2"]


def test_two_servers_on_one_store_upsert_the_same_contacts_into_one_each(
    account: Account, serve: Callable[[], Server], connect: Callable[[Server], Account]
) -> None:
    servers = [serve(), serve()]
    emails = [f"person{number}@x.no" for number in range(10)]

    def write(client: Account, mark: str) -> None:
        for number, email in enumerate(emails * 2):
            client.send("contact", {"email": email, "custom_fields": {f"{mark}{number}": number}})
            client.send("tags/add", {"email": email, "tags": [mark, "Both"]})
            client.order(f"{mark}-{number}", email=email)

    with ThreadPoolExecutor(4) as pool:
        tasks = [
            pool.submit(write, connect(server), f"{server_mark}{connection}")
            for server_mark, server in zip("ab", servers, strict=True)
            for connection in "12"
        ]
        for task in tasks:
            task.result(timeout=60)

    contacts = [account.contact(email, "tags,orders") for email in emails]
    assert account.rows("contacts") == len(emails)
    assert account.rows("tags") == 5
    for place, contact in enumerate(contacts):
        assert contact["custom_fields"] == {
            f"{mark}{number}": number
            for mark in ("a1", "a2", "b1", "b2")
            for number in range(place, 20, 10)
        }
        assert {tag["name"] for tag in contact["tags"]} == {"a1", "a2", "b1", "b2", "Both"}
        assert len(contact["orders"]) == 8


def test_contacts_that_appear_on_one_server_take_what_waits_on_another(
    account: Account, serve: Callable[[], Server], connect: Callable[[Server], Account]
) -> None:
    """However they come together: neither misses the other."""
    first, second = connect(serve()), connect(serve())
    people = [f"person{number}@x.no" for number in range(20)]

    with ThreadPoolExecutor(2) as pool:
        orders = pool.submit(lambda: [first.order(each, email=each) for each in people])
        contacts = pool.submit(lambda: [second.send("contact", {"email": each}) for each in people])
        orders.result(timeout=60)
        contacts.result(timeout=60)

    assert [
        [order["order_id"] for order in account.contact(each, "orders")["orders"]]
        for each in people
    ] == [[each] for each in people]
