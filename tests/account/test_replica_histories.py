"""A replica that only read what changed is the one that would be made from scratch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from segconnect.account.owner.access import Doorkeeper, create_account, create_integration
from segconnect.account.replica import Replica
from segconnect.account.replica.crediting import EVERY_TOUCH, FIRST
from segconnect.account.store.opening import open_writer
from segconnect.account.writing.committer import apply
from segconnect.account.writing.work import Operation
from segconnect.wire.endpoints import ENDPOINTS
from tests.account.test_groups import cuts, emails, grouped, ids, someone, with_
from tests.account.test_replica import MODELS, columns_of, contents
from tests.conftest import Clock

Call = tuple[int, str, Any]
BY_HAND = {"reason": "by hand", "who": "olga"}

moments = st.integers(0, 40).map(lambda step: f"2026-01-{1 + step // 10:02} {step % 10:02}:10:00")
uids = st.sampled_from(("u1", "u2", "u3", "u4"))
campaigns = st.sampled_from(
    (
        {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring"},
        {"utm_source": "google", "utm_medium": "cpc"},
        {"utm_source": "news", "utm_medium": "email"},
        {},
    )
)
views = st.builds(
    lambda uid, moment, page, campaign, more: {
        "uid": uid, "date_created": moment, "url": f"https://tea.shop/{page}", **campaign, **more
    },
    uids,
    moments,
    st.sampled_from(("", "tea", "tea?ad_id=7")),
    campaigns,
    st.fixed_dictionaries(
        {},
        optional={
            "referrer": st.sampled_from(("https://tea.shop/", "https://www.google.com/search")),
            "user_agent": st.sampled_from(("Mozilla/5.0", "Googlebot/2.1")),
            "email": emails,
        },
    ),
)  # fmt: skip
orders = st.fixed_dictionaries(
    {
        "id": st.sampled_from(("o1", "o2", "o3")),
        "amount": st.sampled_from((100, 99, 7, 0, -5)),
        "paid": st.sampled_from((0, 50, 99)),
        "date_created": moments,
        "items": st.just([{"name": "Tea", "amount": 100}]),
    }
)
bodies: dict[str, st.SearchStrategy[Any]] = {
    "POST page_view": views,
    "POST identify": st.tuples(uids, someone).map(lambda two: {"uid": two[0], **two[1]}),
    "POST contact": st.tuples(
        with_(someone, {}, {"date_created": moments, "tags": st.just(["A"])}), campaigns
    ).map(lambda two: two[0] | two[1]),
    "DELETE contact/{id}": st.one_of(emails, ids).map(lambda text: {"id": text}),
    "POST invoice": st.tuples(someone, orders).map(lambda two: two[0] | two[1]),
    "DELETE invoice/{id}": st.sampled_from(("o1", "o2")).map(lambda text: {"id": text}),
    "merge": st.tuples(emails, emails).map(
        lambda two: {"ends": [("email", each) for each in two], **BY_HAND}
    ),
    "split": st.integers(1, 6).map(lambda number: {"link": number, **BY_HAND}),
    "erase": st.one_of(
        emails.map(lambda email: ("email", email)),
        ids.map(lambda id_: ("contact", id_)),
        uids.map(lambda uid: ("visitor", uid)),
    ).map(lambda named: {"named": named, **BY_HAND}),
    "device": st.tuples(uids, st.booleans()).map(
        lambda two: {"uid": two[0], "is_shared": two[1], **BY_HAND}
    ),
}
often = ["POST page_view"] * 5 + ["POST contact", "POST identify", "POST invoice"] * 2
histories = st.lists(
    st.sampled_from([*often, *bodies]).flatmap(
        lambda endpoint: st.tuples(st.sampled_from((0, 0, 1)), st.just(endpoint), bodies[endpoint])
    ),
    min_size=6,
    max_size=25,
)


class World:
    """An account, its store, and a replica that follows it."""

    _made = count(1)

    def __init__(self, store: Any, engine: Engine, directory: Path) -> None:
        account, key = create_account(engine, "Bloggs", timezone="America/New_York")
        places = [create_integration(engine, account, "crm", name) for name in ("one", "two")]
        found = [Doorkeeper(engine).look_up(key.encode(), account, place) for place in places]
        self.account_pk = next(each.account_pk for each in found if each)
        self._integrations = [each.integration_pk for each in found if each]
        self._store, self.engine, self._directory = store, engine, directory
        self.links: list[int] = []
        self.replica = self.another()

    def another(self) -> Replica:
        """A replica that knows nothing yet."""
        return Replica(self.engine, self._directory / f"replica{next(self._made)}")

    def play(self, group: Sequence[Call]) -> None:
        """Commits a group."""
        apply(self._store, [self._operation(call) for call in group])

    def _operation(self, call: Call) -> Operation:
        place, endpoint, body = call
        shape = ENDPOINTS[endpoint].shape if endpoint in ENDPOINTS else None
        fields = shape.read(json.dumps(body).encode()).given() if shape else body
        integration = self._integrations[place]
        assert integration is not None
        return Operation(endpoint, self.account_pk, integration, fields)

    def facts(self, replica: Replica) -> dict[str, list[Any]]:
        """All that a replica holds."""
        return contents(replica, self.account_pk)


@pytest.fixture
def worlds(store_url: str, engine: Engine, clock: Clock, tmp_path: Path) -> Iterator[Any]:
    """Makes worlds on each kind of store."""
    store = open_writer(store_url)
    yield lambda: World(store, engine, tmp_path)
    store.close()


def check_sums(facts: dict[str, list[Any]]) -> None:
    """Credits of fractional models add up to the orders, each."""
    credited: dict[tuple[str, int], list[Any]] = {
        (model, order[0]): [0, 0, 0]
        for model in MODELS
        if model != EVERY_TOUCH
        for order in facts["orders"]
    }
    for model, order_pk, *_, share, amount, paid in facts["credits"]:
        if model != EVERY_TOUCH:
            for place, part in enumerate((share, amount, paid)):
                credited[model, order_pk][place] += part
    amounts = {pk: [1, amount, paid] for pk, _, _, _, _, amount, paid, *_ in facts["orders"]}
    assert credited == {key: amounts[key[1]] for key in credited}


def check_firsts(facts: dict[str, list[Any]], columns: list[str]) -> None:
    """The first touch of each channel, where every touch is credited, is told to be it."""
    credits_ = [dict(zip(columns, row, strict=True)) for row in facts["credits"]]
    seen: set[tuple[int, Any]] = set()
    for row in sorted(credits_, key=lambda row: row["number"] or 0):
        if row["model"] != EVERY_TOUCH:
            assert row[FIRST] is None
            continue
        assert row[FIRST] == ((row["order_pk"], row["channel"]) not in seen)
        seen.add((row["order_pk"], row["channel"]))


def test_what_is_kept_equals_what_is_computed_from_scratch(worlds: Any, store_kind: str) -> None:
    is_fast = store_kind == "sqlite"

    @settings(
        max_examples=25 if is_fast else 6, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(histories, cuts)
    def check(history: list[Call], sizes: list[int]) -> None:
        world = worlds()
        for group in grouped(history, sizes):
            world.play(group)
            kept = world.facts(world.replica)
        anew = world.another()
        assert kept == world.facts(anew)
        check_sums(kept)
        check_firsts(kept, columns_of(world.replica, "credits", world.account_pk))
        world.replica.close()
        anew.close()

    check()
