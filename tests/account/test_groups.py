"""A group is as if each of its operations had come alone: held over random sequences of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from segconnect.account.owner import access
from segconnect.account.store import schema
from segconnect.account.store.opening import open_writer
from segconnect.account.writing.committer import Store, apply
from segconnect.account.writing.work import Operation, own_id
from segconnect.wire.endpoints import ENDPOINTS
from tests.conftest import Account, Clock

Call = tuple[int, str, dict[str, Any]]  # which of two integrations, the endpoint, the body

EXAMPLES = {"sqlite": 40, "postgres": 12}
MORE = int(os.environ.get("SEGCONNECT_TEST_MORE", "1"))  # times as many examples
EMAILS = ("a@x.no", "b@x.no", "c@x.no")


def thorough(store_kind: str) -> settings:
    """As many examples as the store is quick."""
    return settings(
        max_examples=EXAMPLES[store_kind] * MORE, deadline=None, report_multiple_bugs=False
    )


# -- worlds --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """An account with two integrations, in which one sequence is played."""

    store: Store | None  # None: it is only looked at
    engine: Engine
    account_pk: int
    integrations: tuple[int, int]

    def operation(self, call: Call) -> Operation:
        """Checks a call's shape, as the app does."""
        integration, endpoint, body = call
        shape = ENDPOINTS[endpoint].shape
        fields = shape.read(json.dumps(body).encode()).given() if shape else body
        return Operation(endpoint, self.account_pk, self.integrations[integration], fields)

    def play(self, *groups: Sequence[Call]) -> list[tuple[int, Any]]:
        """Commits each group, and answers all replies."""
        assert self.store is not None
        replies: list[tuple[int, Any]] = []
        for group in groups:
            for status, body in apply(self.store, [self.operation(call) for call in group]):
                replies.append((status, json.loads(self.neutral(body.decode()))))
        return replies

    def neutral(self, text: str) -> str:
        """Writes the ids that are our own so that they are the same in every account."""
        for number, integration in enumerate(self.integrations):
            for email in EMAILS:
                own = re.escape(own_id(integration, email))
                text = re.sub(own, f"own {number} {email}", text)
        return re.sub(r"(own \d [a-c]@x\.no)-\d+", r"\1 N", text)

    def state(self) -> dict[str, Any]:
        """All that the account holds, under the ids that its users know."""
        place = {pk: number for number, pk in enumerate(self.integrations)}
        tables = schema.metadata.tables
        with self.engine.connect() as connection:

            def rows(name: str, column: str = "integration_pk") -> Iterator[dict[str, Any]]:
                wanted = {"account_pk": [self.account_pk], "integration_pk": self.integrations}
                table = tables[name]
                for row in connection.execute(
                    select(table).where(table.c[column].in_(wanted[column]))
                ):
                    values = dict(row._mapping)
                    values.pop("account_pk", None)
                    values["integration_pk"] = place[values["integration_pk"]]
                    yield values

            contacts = {row.pop("pk"): row for row in rows("contacts", "account_pk")}
            names = {
                pk: (row["integration_pk"], self.neutral(row["contact_id"]))
                for pk, row in contacts.items()
            }
            tags = {row.pop("pk"): row for row in rows("tags")}
            held: dict[Any, list[Any]] = {name: [] for name in names.values()}
            for contact, tag, date in connection.execute(select(tables["contact_tags"])):
                if contact in names:
                    held[names[contact]].append((tags[tag]["tag_id"], date))
            answer: dict[str, Any] = {
                "contacts": {
                    names[pk]: {**row, "contact_id": None, "tags": sorted(held[names[pk]])}
                    for pk, row in contacts.items()
                },
                "tags": sorted(
                    (row["integration_pk"], row["tag_id"], row["name"]) for row in tags.values()
                ),
            }
            lines: dict[int, list[Any]] = {}
            for order, *line in connection.execute(select(tables["order_items"])):
                lines.setdefault(order, []).append(line)
            for name, key in (("orders", "order_id"), ("subscriptions", "subscription_id")):
                answer[name] = {}
                for row in rows(name, "account_pk"):
                    pk, contact = row.pop("pk"), row.pop("contact_pk")
                    row["contact"] = names[contact] if contact is not None else None
                    row["items"] = sorted(lines.get(pk, [])) if name == "orders" else None
                    answer[name][row["integration_pk"], row[key]] = row
            for name in ("products", "ads", "adsets", "adcampaigns", "ad_performance"):
                answer[name] = sorted(map(repr, rows(name)))
        return answer

    def waiting(self) -> list[Any]:
        """The orders and subscriptions that wait though a contact of their email is there."""
        with self.engine.connect() as connection:
            emails = set(
                connection.scalars(
                    select(schema.contacts.c.email).where(
                        schema.contacts.c.account_pk == self.account_pk,
                        schema.contacts.c.email.is_not(None),
                    )
                )
            )
            return [
                row
                for table in (schema.orders, schema.subscriptions)
                for row in connection.execute(
                    select(table).where(
                        table.c.account_pk == self.account_pk, table.c.contact_pk.is_(None)
                    )
                )
                if row.email in emails
            ]


class Worlds:
    """Makes worlds in one store: accounts know nothing of one another."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine = store, engine
        self._made = 0

    def new(self) -> World:
        """A world in which nothing happened yet."""
        self._made += 1
        first, second = 2 * self._made, 2 * self._made + 1
        return World(self._store, self._engine, self._made, (first, second))


@pytest.fixture
def worlds(store_url: str, engine: Engine, clock: Clock) -> Iterator[Worlds]:
    """Worlds on each kind of store."""
    store = open_writer(store_url)
    yield Worlds(store, engine)
    store.close()


# -- sequences -----------------------------------------------------------------------------------

emails = st.sampled_from(EMAILS)
ids = st.sampled_from(("1", "2", "3"))
someone = st.one_of(
    st.fixed_dictionaries({"email": emails}),
    st.fixed_dictionaries({"contact_id": ids}),
    st.fixed_dictionaries({"contact_id": ids, "email": emails}),
)
values = st.sampled_from(("x", "y", None))


def tag_lists(ids: Sequence[str], names: Sequence[str]) -> st.SearchStrategy[Any]:
    """Tags by id, by name and by both."""
    id_, name = st.sampled_from(ids), st.sampled_from(names)
    return st.lists(
        st.one_of(
            st.sampled_from((*ids, *names)),
            st.fixed_dictionaries({"id": id_}, optional={"name": name}),
            st.fixed_dictionaries({"name": name}, optional={"date": st.just("2026-01-01")}),
        ),
        max_size=3,
    )


def with_(whose: st.SearchStrategy[Any], must: Any, may: Any) -> st.SearchStrategy[Any]:
    """A body that names a contact, and fields that must or may be there."""
    rest = st.fixed_dictionaries(must, optional=may)
    return st.tuples(whose, rest).map(lambda two: two[0] | two[1])


contact_fields: Any = {
    "first_name": values,
    "custom_fields": st.dictionaries(st.sampled_from("kl"), values, max_size=2),
    "status": st.sampled_from(("active", "inactive", "")),
}
order_fields: Any = {
    "amount": st.just(100),
    "paid": st.sampled_from((0, 100)),
    "date_created": st.just("2026-01-01"),
    "items": st.lists(
        st.sampled_from(({"name": "P", "amount": 60}, {"product_id": "q", "amount": 40})),
        max_size=2,
    ),
}
subscription_fields: Any = {
    "amount": st.just(100),
    "product_id": st.sampled_from(("q", "r")),
    "start_date": st.just("2026-01-01"),
    "last_bill_date": st.just("2026-02-01"),
    "billing_cycle": st.just("month"),
    "frequency": st.just(1),
}
may_end: Any = {"canceled_date": st.sampled_from((None, "2026-02-02"))}
performance_body = st.fixed_dictionaries(
    {
        "ad": st.sampled_from(("1", "2")).map(lambda ad: {"id": ad, "name": f"Ad {ad}"}),
        "spend": st.sampled_from((1, 2)),
        "date": st.sampled_from(("2026-01-01", "2026-01-02")),
    },
    optional={"adset": st.just({"id": 7, "adcampaign": 8}), "adcampaign": st.just("9")},
)


def calls(
    bodies: dict[str, st.SearchStrategy[Any]], integrations: Sequence[int] = (0, 0, 1)
) -> st.SearchStrategy[Any]:
    """Calls of these endpoints, through these integrations; contacts more often than others."""
    endpoints = [
        endpoint for endpoint in bodies for _ in range(4 if endpoint == "POST contact" else 2)
    ]
    return st.sampled_from(endpoints).flatmap(
        lambda endpoint: st.tuples(
            st.sampled_from(integrations), st.just(endpoint), bodies[endpoint]
        )
    )


def anything(tags: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Every call, about few things, so that they meet."""
    return {
        "POST contact": with_(someone, {}, {**contact_fields, "tags": tags}),
        "DELETE contact/{id}": st.one_of(emails, ids).map(lambda text: {"id": text}),
        "POST tags/add": with_(someone, {"tags": tags}, {}),
        "POST tags/remove": with_(someone, {"tags": tags}, {}),
        "POST invoice": with_(
            someone,
            {"id": st.sampled_from(("o1", "o2")), **order_fields},
            {"is_refunded": st.booleans()},
        ),
        "DELETE invoice/{id}": st.sampled_from(("o1", "o2")).map(lambda text: {"id": text}),
        "POST subscription": with_(
            someone,
            {"id": st.sampled_from(("s1", "s2")), **subscription_fields},
            {"name": st.just("R"), **may_end},
        ),
        "DELETE subscription/{id}": st.just({"id": "s1"}),
        "POST product": st.sampled_from(({"id": "q", "name": "Q"}, {"id": "P", "name": "Pi"})),
        "POST ad/performance": performance_body,
    }


steady_tags = st.lists(
    st.sampled_from(
        ("A", "B", {"name": "B", "date": "2026-01-01"}, {"id": "7", "name": "C"}, {"id": "7"})
    ),
    max_size=3,
)
ANY = anything(tag_lists(("1", "2"), ("A", "B")))
CONFUSED = anything(tag_lists(("1", "A"), ("A", "1")))  # names of tags are ids of others
TAGS_STEADY = anything(steady_tags)


def steady(contact_id: str, email: str) -> st.SearchStrategy[Any]:
    """Calls about one person, whose id and email, and whose tags, are always the same."""
    person = st.sampled_from(({"email": email}, {"email": email, "contact_id": contact_id}))
    order = {"id": st.just(f"order of {email}")}
    return calls(
        {
            "POST contact": with_(person, {}, {**contact_fields, "tags": steady_tags}),
            "DELETE contact/{id}": st.just({"id": email}),
            "POST tags/add": with_(person, {"tags": steady_tags}, {}),
            "POST tags/remove": with_(person, {"tags": steady_tags}, {}),
            "POST invoice": with_(person, order | order_fields, {"is_refunded": st.booleans()}),
            "DELETE invoice/{id}": st.just({"id": f"order of {email}"}),
            "POST subscription": with_(person, order | subscription_fields, may_end),
        },
        integrations=(0,),
    )


STEADY = st.one_of(*(steady(str(number), email) for number, email in enumerate(EMAILS, 1)))
sequences = st.lists(calls(ANY), min_size=8, max_size=24)
confused = st.lists(calls(CONFUSED), min_size=8, max_size=24)
tags_steady = st.lists(calls(TAGS_STEADY), min_size=8, max_size=24)
cuts = st.lists(st.integers(1, 12), max_size=4)


def grouped(sequence: Sequence[Call], sizes: Sequence[int]) -> list[Sequence[Call]]:
    """Cuts a sequence into groups of these sizes, and the rest."""
    groups, start = [], 0
    for size in sizes:
        groups.append(sequence[start : start + size])
        start += size
    return [group for group in (*groups, sequence[start:]) if group]


# -- rules ---------------------------------------------------------------------------------------


def test_a_group_answers_and_ends_as_its_operations_one_by_one(
    worlds: Worlds, store_kind: str
) -> None:
    @thorough(store_kind)
    @given(st.one_of(sequences, confused), cuts)
    def check(sequence: list[Call], sizes: list[int]) -> None:
        alone, together = worlds.new(), worlds.new()

        replies = alone.play(*([call] for call in sequence))

        assert together.play(*grouped(sequence, sizes)) == replies
        assert differences(together.state(), alone.state()) == []
        assert {status for status, _ in replies} <= {200, 400}
        assert alone.waiting() == []

    check()


def test_an_operation_sent_twice_ends_as_one_sent_once(worlds: Worlds, store_kind: str) -> None:
    @thorough(store_kind)
    @given(tags_steady, cuts)
    def check(sequence: list[Call], sizes: list[int]) -> None:
        once, twice = worlds.new(), worlds.new()

        once.play(sequence)
        twice.play(*grouped([call for call in sequence for _ in "12"], sizes))

        assert differences(twice.state(), once.state()) == []

    check()


def test_what_was_accepted_can_be_replayed_from_the_beginning(
    worlds: Worlds, store_kind: str
) -> None:
    """Where an id always comes with the same email, and a name with the same tag."""

    @thorough(store_kind)
    @given(st.lists(STEADY, min_size=1, max_size=12), cuts)
    def check(sequence: list[Call], sizes: list[int]) -> None:
        world = worlds.new()
        replies = world.play(sequence)
        accepted = [
            call for call, (status, _) in zip(sequence, replies, strict=True) if status == 200
        ]
        once = world.state()

        world.play(*grouped(accepted, sizes))

        assert differences(world.state(), once) == []

    check()


def test_operations_on_different_contacts_commute(worlds: Worlds, store_kind: str) -> None:
    @thorough(store_kind)
    @given(st.lists(STEADY, max_size=12))
    def check(sequence: list[Call]) -> None:
        mixed, sorted_by_contact = worlds.new(), worlds.new()

        mixed.play(sequence)
        sorted_by_contact.play(sorted(sequence, key=lambda call: whose(call[2])))

        assert differences(mixed.state(), sorted_by_contact.state()) == []

    check()


def test_a_batch_answers_and_ends_as_single_calls(account: Account, store_kind: str) -> None:
    @settings(max_examples={"sqlite": 12, "postgres": 4}[store_kind] * MORE, deadline=None)
    @given(st.lists(calls(ANY), min_size=4, max_size=12))
    def check(sequence: list[Call]) -> None:
        single, batch = two_integrations(account.another()), two_integrations(account.another())

        replies = [
            (answer.status, answer.body)
            for integration, endpoint, body in sequence
            for method, _, path in [line(endpoint, body)["endpoint"].partition(" ")]
            for answer in [
                single[integration].request(method, f"{single[integration].root}/{path}", body)
            ]
        ]
        results = [
            result
            for integration, run in groupby(sequence, key=lambda call: call[0])
            for result in batch[integration].batch([line(call[1], call[2]) for call in run])
        ]

        one, other = world_of(single), world_of(batch)
        assert other.neutral(json.dumps(results)) == one.neutral(json.dumps(replies))
        assert differences(other.state(), one.state()) == []

    check()


# -- help ----------------------------------------------------------------------------------------


def differences(one: Any, other: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Where two states differ, and what each has there."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            found
            for key in one | other
            for found in differences(one.get(key), other.get(key), f"{place}/{key}")
        ]
    return [] if one == other else [(place, one, other)]


def whose(body: dict[str, Any]) -> str:
    """The email that a steady call is about."""
    return str(body.get("email") or body["id"]).split()[-1]


def two_integrations(account: Account) -> tuple[Account, Account]:
    """The account through its own integration, and through a second one."""
    return account, account.on("payments")


def line(endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
    """A batch's line."""
    if "{id}" in endpoint:
        return {"endpoint": endpoint.replace("{id}", body["id"])}
    return {"endpoint": endpoint, "body": body}


def world_of(accounts: tuple[Account, Account]) -> World:
    """Looks at an account as a world."""
    first, second = (integration_pk(each) for each in accounts)
    account = accounts[0]
    account_pk = access.account_pk(account.engine, account.id)
    return World(None, account.engine, account_pk, (first, second))


def integration_pk(account: Account) -> int:
    """Finds the key that the store has for the account's integration."""
    table = schema.integrations
    with account.engine.connect() as connection:
        query = select(table.c.pk).where(table.c.integration_id == account.integration)
        pk: int = connection.execute(query).scalar_one()
    return pk
