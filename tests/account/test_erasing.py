"""Erasing a person: everything of theirs goes, and nothing of anybody else's."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from segconnect.account.owner import access
from segconnect.account.store import schema
from segconnect.account.store.opening import open_writer
from segconnect.account.writing import erasing
from segconnect.account.writing.committer import Store, apply
from segconnect.account.writing.work import Operation
from tests.account.test_groups import cuts, grouped
from tests.account.test_replica_histories import BY_HAND, Call, World, histories
from tests.account.test_replica_histories import worlds as worlds  # a fixture
from tests.conftest import Account


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A writer beside the account's own, as the command line has one."""
    store = open_writer(store_url)
    yield store
    store.close()


def erase(account: Account, store: Store, kind: str, value: str) -> tuple[int, Any]:
    """Erases somebody, as the command line does."""
    pk = access.account_pk(account.engine, account.id)
    (reply,) = apply(store, [Operation("erase", pk, 0, {"named": [kind, value], **BY_HAND})])
    return reply[0], json.loads(reply[1])


def look(account: Account, kind: str, value: str) -> erasing.Goes | None:
    """What would go."""
    pk = access.account_pk(account.engine, account.id)
    return erasing.look(account.engine, pk, (kind, value))


def somebody(account: Account, name: str) -> None:
    """Somebody with two devices, two contacts, two orders and a subscription."""
    email = f"{name}@bloggs.com"
    for uid in ("phone", "laptop"):
        view = {"uid": f"{name}-{uid}", "url": "https://tea.example/?gclid=1"}
        account.send("page_view", {**view, "date_created": "2026-01-05", "email": email})
    account.order(f"{name}1", email=email)  # which waits for a contact
    account.send("contact", {"contact_id": name, "email": email, "first_name": name.title()})
    account.send("tags/add", {"contact_id": name, "tags": ["Reader"]})
    account.on("payments").send("contact", {"contact_id": f"cus_{name}", "email": email})
    account.subscription(f"{name}s", contact_id=name)
    account.order(f"{name}2", email=f"{name}@work.com")  # which waits for good


def reports(account: Account) -> list[Any]:
    """What reports say: by day, by channel, by product, and in all."""
    query = {"date_range": {"start": "2026-01-01", "end": "2026-03-01"}}
    asked: list[dict[str, Any]] = [
        {"type": type_, "dimensions": dimensions}
        for type_, *dimensions in (
            ("leads", "date.day"), ("leads", "clicks.channel"), ("revenue", "date.day"),
            ("revenue", "clicks.channel"), ("revenue", "orders.product"),
            ("subscriptions", "date.month"),
        )
    ]  # fmt: skip
    answers = [
        account.request("POST", f"/v2/{account.id}/data/query", {**query, **each}) for each in asked
    ]
    assert [each.status for each in answers] == [200] * len(asked), answers[-1].body
    return [(each.body["rows"], each.body["totals"]) for each in answers]


def test_reports_are_those_of_an_account_that_never_knew_them(
    account: Account, store: Store
) -> None:
    other = account.another()
    for each in (account, other):
        somebody(each, "joey")
        somebody(each, "ann")
    with_both = reports(account)
    ends = [["email", "ann@bloggs.com"], ["email", "ann@work.com"]]
    pk = access.account_pk(account.engine, account.id)
    apply(store, [Operation("merge", pk, 0, {"ends": ends, **BY_HAND})])

    seen = look(account, "contact", "ann")
    status, answer = erase(account, store, "contact", "ann")

    assert seen is not None
    assert (seen.contacts, seen.orders, seen.subscriptions, seen.page_views, seen.tags) == (
        2, 2, 1, 2, 1
    )  # fmt: skip
    assert (status, answer["erased"]) == (
        200, {"contacts": 2, "orders": 2, "subscriptions": 1, "page_views": 2}
    )  # fmt: skip
    assert {value for _, value in answer["known_as"]} == {
        "ann@bloggs.com", "ann@work.com", "ann", "cus_ann", "ann-phone", "ann-laptop"
    }  # fmt: skip
    never = account.another()
    somebody(never, "joey")
    assert reports(account) == reports(never) != with_both
    assert reports(other) == with_both
    assert account.contact("ann") is account.contact("ann@bloggs.com") is None
    assert look(account, "contact", "ann") is look(account, "email", "ann@work.com") is None
    assert erase(account, store, "contact", "ann")[0] == 400


def test_no_row_of_the_store_holds_a_word_of_them(account: Account, store: Store) -> None:
    for name in ("joey", "ann"):
        somebody(account, name)
    for email in ("ann@bloggs.com", "b@x.no", "c@x.no", "d@x.no"):
        account.send("identify", {"uid": "desk", "email": email})

    for email in ("ann@bloggs.com", "ann@work.com"):
        erase(account, store, "email", email)

    told = json.dumps(account.everything()).lower()
    assert "ann" not in told
    assert "joey" in told


def test_the_last_refusal_that_names_them_goes(account: Account) -> None:
    pk = access.account_pk(account.engine, account.id)
    table = schema.integration_uses
    with account.engine.begin() as connection:
        (own,) = connection.scalars(select(schema.integrations.c.pk)).all()
        row = {"integration_pk": own, "received": 1, "refused": 1, "last_error_at": 1}
        told = "no contact with email 'ann@bloggs.com'"
        connection.execute(table.insert().values(**row, last_error=told))

    def error() -> str | None:
        with account.engine.connect() as connection:
            return connection.scalar(select(table.c.last_error))

    erasing.erase_errors(account.engine, pk, ["an_@bloggs.com", "bo@bloggs.com"])
    kept = error()
    erasing.erase_errors(account.engine, pk, ["ann@bloggs.com"])

    assert (kept, error()) == (told, None)


def test_what_is_erased_is_overwritten_on_the_disk(
    account: Account, store: Store, store_kind: str, tmp_path: Path
) -> None:
    if store_kind != "sqlite":
        pytest.skip("PostgreSQL has a vacuum of its own")
    somebody(account, "annabella")
    somebody(account, "joey")

    for place in ("bloggs", "work"):
        erase(account, store, "email", f"annabella@{place}.com")

    held = b"".join(path.read_bytes() for path in tmp_path.glob("segconnect.db*"))
    assert b"annabella@" not in held
    assert b"joey@bloggs.com" in held


def test_an_address_that_is_sent_again_is_somebody_new(account: Account, store: Store) -> None:
    somebody(account, "ann")
    erase(account, store, "email", "ann@bloggs.com")

    account.send("contact", {"contact_id": "ann", "email": "ann@bloggs.com"})

    read = account.contact("ann", "events,orders,subscriptions,tags")
    assert (read["events"], read["orders"], read["subscriptions"], read["tags"]) == ([],) * 4


def test_one_of_two_that_were_parted_by_hand_stays(account: Account, store: Store) -> None:
    account.send("identify", {"uid": "v1", "contact_id": "ann"})
    account.send("contact", {"contact_id": "ann", "email": "ann@bloggs.com"})
    with account.engine.connect() as connection:
        numbers = connection.scalars(select(schema.links.c.pk).order_by("pk")).all()
    pk = access.account_pk(account.engine, account.id)
    parts = [Operation("split", pk, 0, {"link": numbers[-1], **BY_HAND})]
    assert apply(store, parts)[0][0] == 200

    status, answer = erase(account, store, "visitor", "v1")

    assert (status, answer["erased"]["contacts"]) == (200, 0)
    assert account.contact("ann") is not None


def test_exactly_what_reports_take_for_one_person_goes(worlds: Any, store_kind: str) -> None:
    @settings(
        max_examples=25 if store_kind == "sqlite" else 8, deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(histories, cuts, st.randoms(use_true_random=False))
    def check(history: list[Call], sizes: list[int], chance: random.Random) -> None:
        world: World = worlds()
        try:
            held(world, history, sizes, chance)
        finally:
            world.replica.close()

    def held(world: World, history: list[Call], sizes: list[int], chance: random.Random) -> None:
        for group in grouped(history, sizes):
            world.play(group)

        def people() -> dict[tuple[str, int], int]:
            rows = world.facts(world.replica)["people"]
            return {(kind, pk): person for kind, pk, person in rows}

        before, contacts = people(), world.facts(world.replica)["contacts"]
        named = [(pk, ("email", email)) for pk, _, _, email, *_ in contacts if email is not None]
        assume(named)
        pk, who = chance.choice(sorted(named))
        gone = before["contact", pk]
        world.play([(0, "erase", {"named": who, **BY_HAND})])

        left = {key for key, person in before.items() if person != gone}
        after = people()
        assert after.keys() == left
        together = {
            (one, other): before[one] == before[other] for one in left for other in left
        }  # fmt: skip
        assert together == {(a, b): after[a] == after[b] for a, b in together}

    check()
