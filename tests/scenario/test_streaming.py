"""Streaming: what comes of a run is what would come of it one by one, whatever way it takes."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from pydantic_core import to_json
from sqlalchemy import delete, select

from segconnect import Client, Connection
from segconnect.account.api.app import Account as App
from segconnect.account.owner import access
from segconnect.account.store import schema
from segconnect.account.writing import committer
from segconnect.limits import Limits
from segconnect.scenario import streaming
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.engine.plan import Plan
from segconnect.scenario.engine.services import Services
from segconnect.scenario.preparing import Scenario
from segconnect.scenario.runner import Report, Run, Settled
from segconnect.scenario.streaming import way_of
from segconnect.transport import Transport
from segconnect.transport.http import Reply
from segconnect.types import parse_moment
from segconnect.wire.request import Answer, Request
from tests.conftest import asgi

Blueprint = dict[str, Any]
Bundle = dict[str, Any]
Outcome = dict[str, Any]

# -- a small world -------------------------------------------------------------------------------


class InMemory(Transport):
    """A transport that reaches an account in this process, and no network."""

    def __init__(self, world: World, offers: str | None) -> None:
        key = world.connection.api_key.get_secret_value()
        super().__init__("http://memory/api", key, limits=Limits(attempts=2, backoff=0.001))
        self._world = world
        self._headers = {"authorization": key, "content-type": "application/json"}
        self._offers = offers  # what it says of batches; None: as it is

    async def _attempt(self, request: Request) -> Answer:
        body = request.body
        raw = b"" if body is None else body if isinstance(body, bytes) else to_json(body)
        headers = {**self._headers, **request.headers}
        answer = await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(
                asgi(self._world.app, request.method, f"/api{request.path}", raw, headers),
                self._world.loop,
            )
        )
        offered = answer.headers["segconnect-batch"] if self._offers is None else self._offers
        is_plain = answer.status == 200 and request.endpoint is not None
        heads = None if is_plain else answer.headers
        return self._answered(request, Reply(answer.status, heads, answer.content, offered))


@dataclass
class Bundles:
    """A source of these bundles."""

    given: Sequence[Bundle]
    label: str = "Bundles"

    def bundles(self, after: Any = None) -> Iterator[SourceBundle]:
        """See `Source`."""
        for number, values in enumerate(self.given, 1):
            yield SourceBundle(values, Place("given", number, number, "item"), None, number)

    def progress(self) -> tuple[int, int]:
        """See `Source`."""
        return 0, 0


@dataclass
class Kept:
    """A ledger that keeps everything."""

    settled: list[Settled] = field(default_factory=list)
    cursors: list[Any] = field(default_factory=list)

    def settle(self, settled: Settled, report: Report) -> None:
        """See `Ledger`."""
        self.settled.append(settled)
        self.cursors.append(report.cursor)


@dataclass
class World:
    """An account in memory, which is emptied before each run."""

    app: App
    loop: asyncio.AbstractEventLoop  # of the app, in a thread of its own
    connection: Connection

    def client(self, offers: str | None) -> Client:
        """A client that reaches it, to whom it says that of batches."""
        client = Client(self.connection)
        client._client._transport = InMemory(self, offers)
        return client

    def empty(self) -> None:
        """Removes everything that was sent."""
        with self.app.engine.begin() as connection:
            for table in CONTENT:
                connection.execute(delete(table))

    def content(self) -> dict[str, list[str]]:
        """Every row; what refers to one does so by its name, since numbers are given by turns."""
        with self.app.engine.connect() as connection:
            rows = {
                table.name: [dict(row._mapping) for row in connection.execute(select(table))]
                for table in CONTENT
            }
        names = {
            column: {None: None, **{row["pk"]: row[name] for row in rows[table]}}
            for table, name, columns in NUMBERS
            for column in columns
        }
        for row in (row for found in rows.values() for row in found):
            row.pop("pk", None)
            row.update({key: names[key][row[key]] for key in names.keys() & row.keys()})
        return {name: sorted(map(repr, found)) for name, found in rows.items()}


NUMBERS = (  # of rows, and the columns that refer to them
    ("contacts", "contact_id", ["contact_pk"]),
    ("tags", "name", ["tag_pk"]),
    ("orders", "order_id", ["order_pk"]),
    ("identities", "value", ["person", "one_pk", "other_pk", "visitor_pk"]),
)
USES = {"key_uses", "integration_uses"}  # counted a while later
KEEPS = {"accounts", "api_keys", "integrations", "counters", "changes"} | USES
CONTENT = [table for table in schema.metadata.sorted_tables if table.name not in KEEPS]


@pytest.fixture(scope="module")
def world(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An account in memory, at noon of 1 March 2026."""
    path = tmp_path_factory.mktemp("streaming") / "segconnect.db"
    shutil.copy(migrated_sqlite, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(committer, "now", lambda: parse_moment("2026-03-01 12:00:00"))
        app = App(f"sqlite:///{path}")
        account_id, key = access.create_account(app.engine, "Bloggs Tea")
        integration = access.create_integration(app.engine, account_id, "crm", "A CRM")
        connection = Connection(
            name="shop", api_key=key, account_id=account_id, integration_id=integration,
            base_url="http://127.0.0.1:1/api",
        )  # fmt: skip
        loop = asyncio.new_event_loop()
        thread = Thread(target=loop.run_forever)
        thread.start()
        yield World(app, loop, connection)
        asyncio.run_coroutine_threadsafe(app.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


ONE_BY_ONE = "one by one"
WAYS = {  # what the account says of batches
    ONE_BY_ONE: "",
    "streamed": "",
    "in batches": None,
    "in small batches": "3; after",
    "in batches without after": "5000",
}


def play(world: World, way: str, blueprint: Blueprint, bundles: Sequence[Bundle]) -> Outcome:
    """Runs a blueprint on the empty account; answers all that came of it."""
    world.empty()
    kept = Kept()
    with closing(world.client(WAYS[way])) as client:
        services = Services(client_for=lambda _: client)
        scenario = Scenario(Plan(blueprint), services, lambda id_: "shop", {})
        report = Run(
            scenario,
            ledgers=[kept],
            one_by_one=way == ONE_BY_ONE,
            source=Bundles(bundles),
            keeps_incomplete=True,
            keeps_samples=True,
        ).run()
    counts = ("read", "filtered", "delivered", "refused", "waiting", "operations", "modules")
    return {
        **{name: getattr(report, name) for name in counts},
        "stopped by": str(report.stopped_by),
        "cursor": report.cursor,
        "reasons": report.reasons,
        "refusals": [
            (str(each.place), each.module, each.error.kind, str(each.error), each.values)
            for settled in kept.settled
            if (each := settled.refusal) is not None
        ],
        "incomplete": [
            (settled.bundle.cursor, each.module_id, each.kind, each.reason, each.retries,
             each.interval, each.is_before_filter, each.bundles)
            for settled in kept.settled
            for each in settled.waiting
        ],
        "samples": [
            (settled.bundle.cursor, each.module_id, each.input, each.output, each.error,
             each.handled_by)
            for settled in kept.settled
            for each in settled.samples
        ],
        "account": world.content(),
    }  # fmt: skip


# -- random scenarios ----------------------------------------------------------------------------

MAPPERS: dict[str, Bundle] = {
    "segmetrics:addUpdateAContact": {
        "email": "EMAIL",
        "first_name": "n{{1.n}}",
        "date_created": "2026-01-01",
    },
    # refused where the account has no such contact yet
    "segmetrics:addTagToContact": {"email": "EMAIL", "tags": ["{{1.tag}}"]},
    # not filled in where the amount is no number
    "segmetrics:addUpdateAnOrder": {
        "email": "EMAIL",
        "invoice_id": "EMAIL-{{1.order}}",
        "amount": "{{1.amount}}",
        "paid": "{{1.n}}",
        "date_created": "2026-02-01",
        "items": [{"name": "Tea", "product_id": "tea", "amount": "{{1.n}}"}],
    },
    "segmetrics:addUpdateASubscription": {
        "email": "EMAIL",
        "subscription_id": "EMAIL-{{1.order}}",
        "amount": "{{1.n}}",
        "product_id": "tea",
        "name": "Tea",
        "start_date": "2026-02-01",
        "last_bill_date": "2026-02-01",
        "billing_cycle": "month",
        "frequency": 1,
    },
    "segmetrics:deleteAContact": {"contact": "EMAIL"},
}
OWN = "{{1.email}}"
DIRECTIVES = ("Ignore", "Resume", "Commit", "Rollback", "Break")

emails = st.sampled_from(["ann@b.c", "bob@b.c", "cid@b.c", "dan@b.c", "nobody"])
bundles_given = st.lists(
    st.fixed_dictionaries(
        {
            "email": emails,
            "tag": st.sampled_from(["Vip", "New", ""]),
            "order": st.sampled_from(["1", "2", "3", "4"]),
            "amount": st.sampled_from([100, 250, 250, "much"]),
            "group": st.sampled_from(["a", "b"]),
            "emails": st.lists(emails, max_size=3),
        }
    ),
    min_size=1,
    max_size=12,
).map(lambda rows: [{**row, "n": number} for number, row in enumerate(rows, 1)])


@st.composite
def blueprints(draw: st.DrawFn) -> Blueprint:
    """A scenario that fills modules in: routed, filtered, iterated, with handlers."""
    last = [1]

    def module(name: str, **parts: Any) -> dict[str, Any]:
        last[0] += 1
        found = {"id": last[0], "module": name, "version": 1, "parameters": {}, **parts}
        found.setdefault("mapper", {})
        if draw(st.integers(0, 3)) == 0:
            condition = {"a": "{{1.group}}", "o": "text:equal", "b": draw(st.sampled_from("ab"))}
            found["filter"] = {"name": "", "conditions": [[condition]]}
        return found

    def sender(email: str, *, is_handled: bool) -> dict[str, Any]:
        name = draw(st.sampled_from(list(MAPPERS)))
        mapper = json.loads(json.dumps(MAPPERS[name]).replace("EMAIL", email))
        found = module(name, mapper=mapper)
        if is_handled and draw(st.booleans()):
            handler: list[Any] = []
            if draw(st.booleans()):
                handler.append(sender(email, is_handled=False))
            if draw(st.booleans()):
                message = "{{" + f"{found['id']}.error.message" + "}}"
                handler.append(
                    module(
                        "segmetrics:addUpdateAContact",
                        mapper={"email": email, "last_name": message,
                                "date_created": "2026-01-01"},
                    )
                )  # fmt: skip
            directive = f"builtin:{draw(st.sampled_from(DIRECTIVES))}"
            handler.append(module(directive))
            found["onerror"] = handler
        return found

    def senders(least: int, most: int, *whose: str) -> list[dict[str, Any]]:
        count = draw(st.integers(least, most))
        return [sender(draw(st.sampled_from(whose)), is_handled=True) for _ in range(count)]

    def chain(depth: int) -> list[dict[str, Any]]:
        found = senders(1 - min(depth, 1), 3, OWN)
        kind = draw(st.sampled_from(["", "", "router", "iterator", "aggregator"]))
        if kind == "router" and depth < 2:
            router = module("builtin:BasicRouter", mapper=None)
            router.pop("filter", None)
            flows = [chain(depth + 1) for _ in range(draw(st.integers(1, 3)))]
            router["routes"] = [{"flow": flow} for flow in flows if flow]
            found.append(router)
        elif kind:
            feeder = module("builtin:BasicFeeder", mapper={"array": "{{1.emails}}"})
            found += [feeder, *senders(1, 2, OWN, "{{" + f"{feeder['id']}.value" + "}}")]
            if kind == "aggregator":
                collects = {"parameters": {"feeder": feeder["id"]}, "mapper": {"value": "{{1.n}}"}}
                found += [module("builtin:BasicAggregator", **collects), *senders(0, 1, OWN)]
        return found

    flow = [
        {"id": 1, "module": "segconnect:ReadJsonFile", "version": 1, "parameters": {"file": "x"},
         "mapper": {}},
        *chain(0),
    ]  # fmt: skip
    return {
        "name": "Random",
        "flow": flow,
        "metadata": {"version": 1, "scenario": {"dlq": draw(st.booleans()), "autoCommit": True}},
    }


@given(blueprint=blueprints(), bundles=bundles_given)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target),
)
def test_whatever_way_a_run_takes_all_that_comes_of_it_is_the_same(
    world: World, blueprint: Blueprint, bundles: list[Bundle]
) -> None:
    assert way_of(Plan(blueprint)) is not None
    expected = play(world, ONE_BY_ONE, blueprint, bundles)
    assert expected["read"] == len(bundles)
    for way in list(WAYS)[1:]:
        found = play(world, way, blueprint, bundles)
        note(way)
        assert found == expected


def test_bundles_in_a_row_that_send_nothing_after_all_are_counted_each(world: World) -> None:
    """An address that is none is found before anything is sent; the handler lets it go on."""
    known = [{"email": "ann@b.c"}] * 9  # they are still on their way when the others are read
    bundles = [*known, {"email": "nobody"}, {"email": "nobody"}, {"email": "nobody"}]
    for way in WAYS:
        found = play(world, way, handled_with("builtin:Commit"), bundles)
        assert (found["read"], found["delivered"]) == (12, 12), way


def handled_with(directive: str) -> Blueprint:
    """Adds or updates contacts, and goes on so after an error."""
    flow = [SOURCE, {**CONTACT, "onerror": [{"id": 3, "module": directive}]}]
    return {"name": "X", "flow": flow, "metadata": {"scenario": {}}}


# -- what is streamed ----------------------------------------------------------------------------

SOURCE = {"id": 1, "module": "segconnect:ReadJsonFile", "parameters": {"file": "x"}}
CONTACT = {"id": 2, "module": "segmetrics:addUpdateAContact", "mapper": {"email": OWN}}
TAGS = {"id": 3, "module": "segmetrics:addTagToContact", "mapper": {"email": OWN, "tags": ["a"]}}


def scenario(*flow: Bundle, **options: Any) -> Blueprint:
    """A scenario that begins with a file."""
    return {"name": "X", "flow": [SOURCE, *flow], "metadata": {"scenario": options}}


def handled(*handler: Bundle) -> Bundle:
    """Adds or updates a contact, with a handler of its errors."""
    return {**CONTACT, "onerror": [*handler, {"id": 99, "module": "builtin:Ignore"}]}


STREAMED = {
    "one module": scenario(CONTACT),
    "a module after another": scenario(CONTACT, TAGS),
    "a handler that reads the error": scenario(
        handled({**TAGS, "mapper": {"email": OWN, "tags": ["{{2.error.message}}"]}})
    ),
    "a counter of one run": scenario({"id": 4, "module": "util:FunctionIncrement"}, CONTACT),
}
ONE_AT_A_TIME = {
    "nothing is sent": scenario(),
    "all is committed at the end": scenario(CONTACT, autoCommit=False),
    "an output is read": scenario(
        CONTACT, {**TAGS, "mapper": {"email": "{{2.contact.email}}", "tags": ["a"]}}
    ),
    "a filter reads an output": scenario(
        CONTACT, {**TAGS, "filter": {"conditions": [[{"a": "{{2.status}}", "o": "exist"}]]}}
    ),
    "a handler reads what it has sent itself": scenario(
        handled(TAGS, {"id": 4, "module": "util:SetVariable2",
                       "mapper": {"name": "x", "value": "{{3.status}}"}})
    ),
    "a handler is about somebody else": scenario(
        handled({**TAGS, "mapper": {"email": "errors@b.c", "tags": ["a"]}})
    ),
    "a call that must not be repeated": scenario(
        CONTACT, {"id": 4, "module": "segmetrics:makeAnApiCall",
                  "mapper": {"url": "/x", "method": "POST"}}
    ),
    "something else reaches outside": scenario(
        CONTACT, {"id": 4, "module": "http:ActionSendData", "mapper": {"url": "http://x.y"}}
    ),
    "a counter that is never reset": scenario(
        {"id": 4, "module": "util:FunctionIncrement", "parameters": {"reset": "never"}}, CONTACT
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*STREAMED, *ONE_AT_A_TIME])
def test_only_what_may_be_taken_once_more_is_streamed(name: str) -> None:
    plan = Plan({**STREAMED, **ONE_AT_A_TIME}[name])

    assert (way_of(plan) is not None) == (name in STREAMED)


# -- holding up ----------------------------------------------------------------------------------


class Waiting(InMemory):
    """A transport on which the request of one contact takes until it is let go."""

    def __init__(self, world: World, let_go: Callable[[int], bool]) -> None:
        super().__init__(world, "")
        self.others = 0
        self._let_go = let_go
        self.has_answered = True  # or the first request would go alone, to see what it offers

    async def _attempt(self, request: Request) -> Answer:
        if request.body["email"] != "slow@b.c":
            self.others += 1
            return await super()._attempt(request)
        while not self._let_go(self.others):
            await asyncio.sleep(0.01)
        return await super()._attempt(request)


def run_waiting(world: World, source: Bundles, let_go: Callable[[int], bool]) -> Report:
    """Runs a scenario of one contact for each bundle over such a transport."""
    world.empty()
    with closing(world.client("")) as client:
        client._client._transport = Waiting(world, let_go)
        ready = Scenario(
            Plan(scenario(CONTACT)), Services(client_for=lambda _: client), lambda id_: "shop", {}
        )
        return Run(ready, source=source).run()


def test_a_request_that_takes_long_does_not_hold_up_those_about_others(world: World) -> None:
    bundles = [{"email": "slow@b.c"}, *({"email": f"n{number}@b.c"} for number in range(100))]

    report = run_waiting(world, Bundles(bundles), lambda others: others == 100)

    assert (report.read, report.delivered) == (101, 101)


def test_only_so_many_bundles_are_held_while_one_is_on_its_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MOST_WAITING", 50)

    class Counting(Bundles):
        taken = 0

        def bundles(self, after: Any = None) -> Iterator[SourceBundle]:
            for bundle in super().bundles(after):
                self.taken += 1
                yield bundle

    source = Counting([{"email": "slow@b.c"}, *[{"email": "nobody"}] * 5_000])
    began = time.monotonic()
    seen: list[int] = []

    def let_go(others: int) -> bool:
        seen.append(source.taken)
        return time.monotonic() > began + 1

    report = run_waiting(world, source, let_go)

    assert max(seen) <= 52
    assert (report.read, report.delivered, report.refused) == (5_001, 1, 5_000)
