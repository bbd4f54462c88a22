"""Touches and credits of everybody at once are those of attribution's plain forms, one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segconnect.account.attribution import (
    MODELS,
    Conversion,
    Kind,
    Source,
    Touch,
    Window,
    credits_of,
    fold,
)
from segconnect.account.replica import crediting, derived
from segconnect.account.replica.origins import COLUMNS
from segconnect.account.replica.tables import COPIED

TABLES = {table.name: table for table in COPIED}


class Seen(NamedTuple):
    """A page view, or what a contact's own fields tell."""

    person: int
    minute: int
    channel: str
    source: str = ""  # utm_source
    ad_id: str = ""
    is_told: bool = False

    @property
    def is_direct(self) -> bool:
        """Whether it names no origin."""
        return self.channel == "direct" and not self.source and not self.ad_id

    @property
    def touch(self) -> Touch:
        """The same for `fold`."""
        return Touch(
            datetime.fromtimestamp(self.minute * 60, UTC),
            self.channel,
            self.is_direct,
            Source.CONTACT if self.is_told else Source.PAGE_VIEW,
            Kind.OPT_IN if self.is_told else Kind.VISIT,
            self.ad_id,
            (self.source, "", "", "", "") if self.source else (),
        )


def row(table: str, **values: Any) -> list[Any]:
    """A row of a copied table: what is not given is empty."""
    columns = TABLES[table].columns
    return [values.get(name, 0 if type_ == "bigint" else None) for name, type_ in columns.items()]


def touches_of(seen: Sequence[Seen]) -> list[tuple[Any, ...]]:
    """The touches that the replica finds."""
    copy = duckdb.connect()
    for statement in (
        *(each for name in ("page_views", "contacts") for each in TABLES[name].statements()),
        *derived.tables(),
    ):
        copy.execute(statement)
    for place, each in enumerate(seen, 1):
        told = {"date_created": each.minute * 60, "utm_source": each.source or None,
                "channel": each.channel, "ad_id": each.ad_id or None}  # fmt: skip
        if each.is_told:
            contact = row("contacts", pk=place, date_created=told["date_created"])
            insert(copy, "contacts", [*contact, None])
            insert(copy, "origins", [{"contact_pk": place, **told}.get(name) for name in COLUMNS])
            insert(copy, "people", ["contact", place, each.person])
        else:
            page = {"visitor_pk": place, "device": "desktop", "host": "x.no", "path": "/"}
            insert(copy, "page_views", [*row("page_views", **page, **told), None, None])
            insert(copy, "people", ["visitor", place, each.person])
    derived.all_touches(copy)
    return copy.execute(
        "select person, moment // 60, channel, coalesce(utm_source, ''), coalesce(ad_id, ''),"
        " is_direct from touches order by person, number"
    ).fetchall()


def insert(copy: Any, table: str, values: list[Any]) -> None:
    """Inserts a row."""
    copy.execute(f"insert into {table} values ({', '.join('?' for _ in values)})", values)


def plain_touches_of(seen: Sequence[Seen]) -> list[tuple[Any, ...]]:
    """The touches that `fold` makes."""
    return [
        (
            person, round(touch.moment.timestamp()) // 60, touch.channel,
            touch.utm[0] if touch.utm else "", touch.ad_id, touch.is_direct,
        )
        for person in sorted({each.person for each in seen})
        for touch in fold(each.touch for each in seen if each.person == person)
    ]  # fmt: skip


ORIGINS = [
    ("paid", "google", "1"),
    ("paid", "google", ""),
    ("paid", "", "2"),
    ("paid", "", ""),
    ("email", "news", ""),
    ("search", "", ""),
]


def visits(*, is_told: bool) -> st.SearchStrategy[Seen]:
    """What is seen or told, some of it within half an hour, some of it days apart.

    Never a day apart: of a visit that began 24 hours before what a contact tells, and went on
    after that, `fold` looks at the beginning, and the replica at the last of it.
    """
    return st.builds(
        lambda person, day, slot, what: Seen(
            person, day * 2880 + slot * 10, what[0], what[1], what[2], is_told
        ),
        st.sampled_from((1, 2)),
        st.integers(0, 3),
        st.integers(0, 8),
        st.sampled_from([*ORIGINS, *([] if is_told else [("direct", "", "")] * 3)]),
    )


SEEN = st.tuples(
    st.lists(visits(is_told=False), max_size=7, unique=True),
    st.lists(visits(is_told=True), max_size=2, unique_by=lambda each: each.person),
).map(lambda two: two[0] + two[1])


@settings(max_examples=100, deadline=None)
@given(SEEN)
def test_touches_are_those_that_are_folded_one_by_one(seen: list[Seen]) -> None:
    assert touches_of(seen) == plain_touches_of(seen)


# -- credits -------------------------------------------------------------------------------------

AMOUNTS = st.sampled_from((0, 1, 7, 99, 100, 12_345, -5, 10**7))
ORDERS = st.lists(
    st.tuples(st.sampled_from((1, 2)), st.integers(0, 7), AMOUNTS, AMOUNTS), max_size=3
)
OPTED_IN = st.dictionaries(st.sampled_from((1, 2)), st.integers(0, 7))
JOURNEYS = st.lists(
    st.tuples(st.sampled_from((1, 2)), st.integers(0, 7), st.sampled_from(("direct", "paid"))),
    max_size=10,
    unique_by=lambda each: each[:2],
).map(sorted)
HOURS = 17  # between two moments of these
"""Touches as person, moment, channel; orders as person, moment, amount and what was paid."""

Touches = list[tuple[int, int, str]]
Orders = list[tuple[int, int, int, int]]


def credits_kept(
    names: Sequence[str], touches: Touches, orders: Orders, opted_in: dict[int, int]
) -> dict[tuple[str, int], list[tuple[Any, ...]]]:
    """The credits that the replica computes: touch, share, amount and paid, by model and order."""
    copy = duckdb.connect()
    for statement in (
        *(each for name in ("orders", "contacts") for each in TABLES[name].statements()),
        *derived.tables(),
        *crediting.tables(),
    ):
        copy.execute(statement)
    numbers = count(1)
    for person, moment, channel in touches:
        told = {"person": person, "number": next(numbers), "moment": moment * HOURS * 3600,
                "channel": channel, "is_direct": channel == "direct"}  # fmt: skip
        columns = ("person", "number", "moment", "day", *derived.TOUCH)
        insert(copy, "touches", [told.get(name) for name in columns])
    for pk, (person, moment, amount, paid) in enumerate(orders):
        sold = {"pk": pk, "date_created": moment * HOURS * 3600, "amount": amount, "paid": paid}
        insert(copy, "orders", [*row("orders", **sold), None])
        insert(copy, "people", ["order", pk, person])
    for person, moment in opted_in.items():
        insert(
            copy,
            "contacts",
            [*row("contacts", pk=person, date_created=moment * HOURS * 3600), None],
        )
        insert(copy, "people", ["contact", person, person])
    derived.all_leads(copy)
    crediting.keep(copy, crediting.named(names))
    kept = defaultdict(list)
    for name, pk, *credit in copy.execute(
        "select model, order_pk, number, share, amount, paid from credits order by all"
    ).fetchall():
        kept[name, pk].append(tuple(credit))
    return kept


def plain_credits(
    name: str, touches: Touches, order: tuple[int, int, int, int], opted_in: dict[int, int]
) -> list[tuple[Any, ...]]:
    """The credits of one order that `credits_of` answers; touches that earn nothing left out."""
    person, sold, *totals = order
    slug, _, days = name.partition("@")
    window = Window(timedelta(days=int(days)) if days else None)
    own = [
        Touch(moment_of(moment), channel, channel == "direct", ad_id=str(number))
        for number, (whose, moment, channel) in enumerate(touches, 1)
        if whose == person
    ]
    opt_in = moment_of(opted_in[person]) if person in opted_in else None
    found = []
    for total in totals:
        conversion = Conversion("", moment_of(sold), total, "", opt_in)
        journey = window.journey(own, conversion)
        found.append(credits_of(conversion, journey, MODELS[slug]))
    return sorted(
        (
            int(amount.touch.ad_id) if amount.touch else None,
            pytest.approx(float(amount.share), abs=2e-9), amount.cents, paid.cents,
        )
        for amount, paid in zip(*found, strict=True)
        if amount.share
    )  # fmt: skip


def moment_of(step: int) -> datetime:
    """A moment of these tests."""
    return datetime.fromtimestamp(step * HOURS * 3600, UTC)


@settings(max_examples=60, deadline=None)
@given(JOURNEYS, ORDERS, OPTED_IN)
def test_credits_are_those_that_are_shared_out_one_by_one(
    touches: Touches, orders: Orders, opted_in: dict[int, int]
) -> None:
    fractional = [name for name in crediting.KEPT if MODELS[name].is_fractional]
    names = [*fractional, "linear@1", "position@2", "last_touch@1"]

    kept = credits_kept(names, touches, orders, opted_in)

    for (name, pk), credited in kept.items():
        told = [(number, float(share), *cents) for number, share, *cents in credited if share]
        assert told == plain_credits(name, touches, orders[pk], opted_in), name
        assert [sum(part) for part in list(zip(*credited, strict=True))[1:]] == [1, *orders[pk][2:]]
    assert len(kept) == len(names) * len(orders)
