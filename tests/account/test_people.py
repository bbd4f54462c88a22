"""Who is who: what is credited to whom, joined, parted, and guarded against."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from segconnect.account.owner import access
from segconnect.account.owner.preferences import keep
from segconnect.account.people.person import devices
from segconnect.account.store import changes, schema
from segconnect.account.store.opening import open_writer
from segconnect.account.writing.committer import Store, apply
from segconnect.account.writing.identities import _groups
from segconnect.account.writing.work import Operation
from tests.account.test_groups import (
    EMAILS,
    Call,
    Worlds,
    cuts,
    grouped,
    ids,
    sequences,
    someone,
    thorough,
)
from tests.account.test_groups import worlds as worlds  # a fixture
from tests.conftest import Account

DAY = 86_400


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A writer beside the account's own, as the command line has one."""
    store = open_writer(store_url)
    yield store
    store.close()


def view(account: Account, uid: str, path: str = "/", day: int = 1, **fields: Any) -> Any:
    """A page view on a day of February."""
    return account.send(
        "page_view",
        {"uid": uid, "url": f"https://tea.example{path}", "date_created": f"2026-02-{day:02d}",
         **fields},
    )  # fmt: skip


def seen(account: Account, contact: str) -> list[tuple[str, str]]:
    """What a contact saw: uid and path."""
    return [(e["uid"], e["path"]) for e in account.contact(contact, "events")["events"]]


def by_hand(account: Account, store: Store, endpoint: str, **fields: Any) -> tuple[int, Any]:
    """Joins or parts people as the command line does."""
    pk = access.account_pk(account.engine, account.id)
    given = {"who": "olga@bloggs.com", **fields}
    (reply,) = apply(store, [Operation(endpoint, pk, 0, given)])
    return reply[0], json.loads(reply[1])


def joined(account: Account, store: Store, one: str, other: str) -> Any:
    """Joins two emails by hand."""
    ends = [["email", one], ["email", other]]
    return by_hand(account, store, "merge", ends=ends, reason="told by phone")


def links(account: Account) -> list[Any]:
    """Every link, oldest first."""
    with account.engine.connect() as connection:
        return [row._mapping for row in connection.execute(select(schema.links).order_by("pk"))]


# -- what is credited ----------------------------------------------------------------------------


def test_what_was_seen_before_somebody_is_known_is_theirs_afterwards(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    view(account, "v1", "/ad", 1)
    view(account, "v1", "/tea", 2)
    view(account, "v2", "/other", 2)
    assert seen(account, "42") == []

    account.send("identify", {"uid": "v1", "email": "Joey@Bloggs.com"})
    view(account, "v1", "/later", 3)

    assert seen(account, "42") == [("v1", "/ad"), ("v1", "/tea"), ("v1", "/later")]


def test_a_contact_that_is_imported_later_has_what_its_email_saw(account: Account) -> None:
    view(account, "v1", "/ad")
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})

    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    assert seen(account, "42") == [("v1", "/ad")]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_visitor_who_is_known_by_contact_id_is_that_contact(
    account: Account, is_first: bool
) -> None:
    view(account, "v1", "/ad")
    if is_first:
        account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.send("identify", {"uid": "v1", "contact_id": 42})
    if not is_first:
        account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.on("payments").send("contact", {"contact_id": "cus_1", "email": "joey@bloggs.com"})

    assert seen(account, "42") == seen(account, "cus_1") == [("v1", "/ad")]


def test_two_devices_of_one_email_are_one_journey_oldest_first(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    view(account, "phone", "/b", 2)
    view(account, "laptop", "/c", 3)
    view(account, "phone", "/a", 1)

    for uid in ("phone", "laptop"):
        account.send("identify", {"uid": uid, "email": "joey@bloggs.com"})

    assert seen(account, "42") == [("phone", "/a"), ("phone", "/b"), ("laptop", "/c")]


def test_two_emails_of_one_device_are_one_person(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.order("100", email="joey@work.com")
    view(account, "v1", "/ad")

    for email in ("joey@bloggs.com", "joey@work.com"):
        account.send("identify", {"uid": "v1", "email": email})

    read = account.contact("42", "orders,events")
    assert [order["order_id"] for order in read["orders"]] == ["100"]
    assert [event["path"] for event in read["events"]] == ["/ad"]


def test_a_contact_keeps_what_it_saw_under_the_email_that_it_had(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    view(account, "v1", "/ad")
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})

    account.send("contact", {"contact_id": 42, "email": "joey@new.com"})

    assert seen(account, "42") == [("v1", "/ad")]


def test_a_visitor_without_uid_gets_the_same_one_each_time(account: Account) -> None:
    uids = {account.send("identify", {"email": "joey@bloggs.com"})["uid"] for _ in "12"}
    other = account.send("identify", {"email": "ann@bloggs.com"})["uid"]

    assert len(uids) == 1
    assert uids != {other}


def test_accounts_know_nothing_of_one_anothers_visitors(account: Account) -> None:
    other = account.another()
    for each in (account, other):
        each.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
        each.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})
    view(account, "v1", "/ad")

    assert (seen(account, "42"), seen(other, "42")) == ([("v1", "/ad")], [])


def test_an_order_of_one_person_is_there_once_in_each_integration(account: Account) -> None:
    payments = account.on("payments")
    for each, contact_id in ((account, 42), (payments, "cus_1")):
        each.send("contact", {"contact_id": contact_id, "email": "joey@bloggs.com"})
    account.order("1", contact_id=42)
    payments.order("2", email="joey@bloggs.com")

    for contact in ("42", "cus_1"):
        found = account.contact(contact, "orders")["orders"]
        assert [(o["order_id"], o["contact_id"]) for o in found] == [("1", "42"), ("2", "cus_1")]


# -- by hand -------------------------------------------------------------------------------------


def test_an_order_with_another_email_is_joined_by_hand_and_parted_again(
    account: Account, store: Store
) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.order("100", email="joey@work.com")
    account.subscription("s1", email="joey@work.com")

    def bought() -> list[str]:
        read = account.contact("42", "orders,subscriptions")
        return [*(o["order_id"] for o in read["orders"]),
                *(s["subscription_id"] for s in read["subscriptions"])]  # fmt: skip

    before = bought()
    answer = joined(account, store, "joey@bloggs.com", "joey@work.com")
    after = bought()
    (link,) = links(account)
    by_hand(account, store, "split", link=link["pk"], reason="a mistake")

    assert answer == (200, {"status": "success", "merged": ["joey@bloggs.com", "joey@work.com"]})
    assert (before, after, bought()) == ([], ["100", "s1"], [])
    (link,) = links(account)
    assert (link["reason"], link["undone_reason"]) == ("told by phone", "a mistake")


def test_what_was_parted_by_hand_is_joined_again_by_hand_alone(
    account: Account, store: Store
) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    view(account, "v1", "/ad")
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})
    by_hand(account, store, "split", link=links(account)[0]["pk"], reason="not him")

    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})
    parted = seen(account, "42")
    ends = [["visitor", "v1"], ["email", "joey@bloggs.com"]]
    by_hand(account, store, "merge", ends=ends, reason="him after all")

    assert (parted, seen(account, "42")) == ([], [("v1", "/ad")])


@pytest.mark.parametrize(
    ("endpoint", "fields", "told"),
    [
        ("merge", {"ends": [["visitor", "v9"], ["email", "a@x.no"]]}, "there is no visitor 'v9'"),
        ("merge", {"ends": [["email", "a@x.no"]] * 2}, "both are the same"),
        ("split", {"link": 99}, "there is no link 99"),
    ],
)
def test_what_cannot_be_joined_or_parted_is_told(
    account: Account, store: Store, endpoint: str, fields: Any, told: str
) -> None:
    status, body = by_hand(account, store, endpoint, reason="", **fields)

    assert status == 400
    assert told in body["errors"][0]


# -- the guard -----------------------------------------------------------------------------------


def test_a_device_with_more_emails_than_one_person_has_is_nobodys(account: Account) -> None:
    people = [f"{name}@bloggs.com" for name in ("joey", "ann", "bo", "cy")]
    for email in people:
        account.send("contact", {"email": email})
    view(account, "desk", "/admin")
    view(account, "phone", "/ad")
    account.send("identify", {"uid": "phone", "email": people[0]})
    for email in people[:3]:
        account.send("identify", {"uid": "desk", "email": email})
    before = [seen(account, email) for email in people]

    account.send("identify", {"uid": "desk", "email": people[3]})

    all_three = [("desk", "/admin"), ("phone", "/ad")]
    assert [sorted(each) for each in before] == [all_three] * 3 + [[]]
    assert [seen(account, email) for email in people] == [[("phone", "/ad")], [], [], []]
    assert {link["undone_reason"] for link in links(account)} == {None, "shared device"}


def test_how_many_emails_a_device_may_have_is_for_the_owner_to_say(account: Account) -> None:
    keep(account.engine, account.id, "tracking", '{"emails_per_device": 1}')
    view(account, "v1", "/ad")
    for email in ("joey@bloggs.com", "ann@bloggs.com"):
        account.send("contact", {"email": email})
        account.send("identify", {"uid": "v1", "email": email})

    assert seen(account, "joey@bloggs.com") == seen(account, "ann@bloggs.com") == []


def shared_desk(account: Account) -> None:
    """A desk on which four people gave their emails."""
    view(account, "desk", "/admin")
    for name in ("joey", "ann", "bo", "cy"):
        account.send("contact", {"email": f"{name}@bloggs.com"})
        account.send("identify", {"uid": "desk", "email": f"{name}@bloggs.com"})


def marks(account: Account) -> list[Any]:
    """What was said of devices: uid, whether it is shared, by whom, and its emails."""
    pk = access.account_pk(account.engine, account.id)
    with account.engine.connect() as connection:
        return [(d.uid, d.is_shared, d.who, len(d.emails)) for d in devices(connection, pk, 9)]


def test_a_mark_that_is_taken_back_lets_the_device_be_one_persons_whatever_comes(
    account: Account, store: Store
) -> None:
    shared_desk(account)
    marked, lost = marks(account), seen(account, "joey@bloggs.com")

    by_hand(account, store, "device", uid="desk", is_shared=False, reason="he is four people")
    account.send("contact", {"email": "dee@bloggs.com"})
    account.send("identify", {"uid": "desk", "email": "dee@bloggs.com"})

    assert (marked, lost) == ([("desk", True, None, 4)], [])
    assert marks(account) == [("desk", False, "olga@bloggs.com", 5)]
    for name in ("joey", "ann", "bo", "cy", "dee"):
        assert seen(account, f"{name}@bloggs.com") == [("desk", "/admin")]


def test_what_was_parted_by_hand_stays_parted_when_a_mark_is_taken_back(
    account: Account, store: Store
) -> None:
    account.send("contact", {"email": "joey@bloggs.com"})
    view(account, "v1", "/ad")
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})
    by_hand(account, store, "split", link=links(account)[0]["pk"], reason="shared device")

    for is_shared in (True, False):
        by_hand(account, store, "device", uid="v1", is_shared=is_shared, reason="")

    assert seen(account, "joey@bloggs.com") == []


def test_a_device_is_marked_by_hand(account: Account, store: Store) -> None:
    account.send("contact", {"email": "joey@bloggs.com"})
    view(account, "v1", "/ad")
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})

    by_hand(account, store, "device", uid="v1", is_shared=True, reason="the library's")
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})

    assert seen(account, "joey@bloggs.com") == []
    assert by_hand(account, store, "device", uid="v9", is_shared=True, reason="")[0] == 400


# -- for all histories ---------------------------------------------------------------------------

uids = st.sampled_from(("u1", "u2", "u3"))
identifications = st.tuples(
    st.just(0),
    st.just("POST identify"),
    st.tuples(someone, st.fixed_dictionaries({}, optional={"uid": uids})).map(
        lambda two: two[0] | two[1]
    ),
)
page_views = st.tuples(
    st.just(0),
    st.just("POST page_view"),
    st.fixed_dictionaries(
        {"uid": uids, "url": st.sampled_from(("https://tea.example/a", "https://tea.example/b"))},
        optional={"date_created": st.sampled_from(("2026-01-01", "2026-01-02")),
                  "email": st.sampled_from(EMAILS), "contact_id": ids},
    ),
)  # fmt: skip
histories = st.lists(
    st.one_of(identifications, page_views, sequences.map(lambda calls: calls[0])),
    min_size=4, max_size=16,
)  # fmt: skip

Partition = set[frozenset[tuple[str, str]]]


def people(engine: Engine, account_pk: int) -> tuple[Partition, Partition, set[Any]]:
    """Identities by the person that each has; by the links that hold; and what is shared."""
    table = schema.identities
    with engine.connect() as connection:
        rows = connection.execute(select(table).where(table.c.account_pk == account_pk)).all()
        held = connection.execute(
            select(schema.links.c.one_pk, schema.links.c.other_pk).where(
                schema.links.c.account_pk == account_pk, schema.links.c.undone_at.is_(None)
            )
        ).all()
    names = {row.pk: (row.kind, row.value) for row in rows}
    labelled: dict[int, set[int]] = {}
    for row in rows:
        labelled.setdefault(row.person, set()).add(row.pk)
    assert all(label in pks for label, pks in labelled.items())

    def named(groups: Sequence[set[int]]) -> Partition:
        return {frozenset(names[pk] for pk in group) for group in groups}

    return (
        named([*labelled.values()]),
        named(_groups(names, [(one, other) for one, other in held])),
        {names[row.pk] for row in rows if row.is_shared},
    )


def neutral(partition: Any, account_pk: int) -> Any:
    """The same with the uids that are made from an account's number under one name."""
    text = repr(sorted(sorted(group) for group in partition))
    return [len(group) for group in partition], text.count("'u")


def test_a_person_is_always_what_the_links_that_hold_join(
    worlds: Worlds, store_kind: str
) -> None:  # fmt: skip
    @thorough(store_kind)
    @given(histories, cuts, st.randoms(use_true_random=False))
    def check(history: list[Call], sizes: list[int], chance: random.Random) -> None:
        world = worlds.new()
        assert world.store is not None
        for group in grouped(history, sizes):
            world.play(group)
            by_label, by_links, _ = people(world.engine, world.account_pk)
            assert by_label == by_links
            with world.engine.connect() as connection:
                held = connection.scalars(
                    select(schema.links.c.pk).where(
                        schema.links.c.account_pk == world.account_pk,
                        schema.links.c.undone_at.is_(None),
                    )
                ).all()
            if held and chance.random() < 0.5:
                fields = {"link": chance.choice(sorted(held)), "reason": "by chance", "who": "olga"}
                apply(world.store, [Operation("split", world.account_pk, 0, fields)])
                by_label, by_links, _ = people(world.engine, world.account_pk)
                assert by_label == by_links

    check()


def test_a_mark_that_is_set_and_taken_back_leaves_people_as_they_were(
    worlds: Worlds, store_kind: str
) -> None:
    @thorough(store_kind)
    @given(histories, uids)
    def check(history: list[Call], uid: str) -> None:
        world = worlds.new()
        store = world.store
        assert store is not None

        def mark(is_shared: bool) -> None:
            fields = {"uid": uid, "is_shared": is_shared, "reason": "", "who": "olga"}
            apply(store, [Operation("device", world.account_pk, 0, fields)])

        world.play(*([call] for call in history))
        mark(False)
        before = people(world.engine, world.account_pk)
        mark(True)
        by_label, by_links, _ = people(world.engine, world.account_pk)
        assert by_label == by_links
        assert not [each for each in by_label if ("visitor", uid) in each and len(each) > 1]
        mark(False)
        assert people(world.engine, world.account_pk) == before

    check()


def test_people_of_a_group_are_those_of_its_operations_one_by_one(
    worlds: Worlds, store_kind: str
) -> None:
    @thorough(store_kind)
    @given(histories, cuts)
    def check(history: list[Call], sizes: list[int]) -> None:
        given = [
            (where, endpoint, {"uid": "u0", **body} if endpoint == "POST identify" else body)
            for where, endpoint, body in history
        ]
        alone, together = worlds.new(), worlds.new()
        alone.play(*([call] for call in given))
        together.play(*grouped(given, sizes))

        assert people(alone.engine, alone.account_pk) == people(
            together.engine, together.account_pk
        )

    check()


def test_late_data_is_noted_for_exactly_the_identities_that_it_concerns(account: Account) -> None:
    for uid, email in (("v1", "joey@bloggs.com"), ("v2", "ann@bloggs.com")):
        view(account, uid)
        account.send("identify", {"uid": uid, "email": email})
    with account.engine.connect() as connection:
        number = changes.newest(connection, 1)
    view(account, "v3")
    with account.engine.connect() as connection:
        found = changes.since(connection, 1, number)
        assert found is not None
        (v3,) = found.keys["identities"]
        assert found.keys["page_views"] == {v3}
        number = found.number

    account.send("identify", {"uid": "v3", "email": "ann@bloggs.com"})

    with account.engine.connect() as connection:
        found = changes.since(connection, 1, number)
    assert found is not None
    assert found.keys == {"identities": {v3}}
