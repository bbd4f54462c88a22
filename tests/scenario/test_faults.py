"""Scenarios over an account that fails on purpose: every run ends, every bundle is accounted for.

The account is a real server; before it stands `benchmarks.faults`, which does what networks and
busy servers do. A fault is transient where the next attempt goes through.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine

from benchmarks.faults import KINDS, Faulty, Plan, faulty
from benchmarks.job import Place, report_of
from benchmarks.state import state_of
from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.scenario.journal import Journal, State, url_of
from tests.conftest import Server

PEOPLE = 16
HEAD = """
name: People
settings: {dlq: false}
flow:
  - {id: 1, module: csv, parameters: {file: people.csv}}
"""
CONTACT = (
    HEAD
    + """
  - id: 2
    module: add-update-contact
    mapper: {email: "{{1.Email}}", tags: [New], date_created: 2026-02-01}
"""
)
CONTACT_AND_ORDER = (
    CONTACT
    + """
  - id: 3
    module: add-update-order
    mapper:
      email: "{{1.Email}}"
      invoice_id: "{{1.Order}}"
      amount: 1200
      paid: 1200
      date_created: 2026-02-01
      items: [{name: Green tea, product_id: tea, amount: 1200}]
"""
)
CALL = (
    HEAD
    + """
  - id: 2
    module: make-api-call
    mapper:
      url: /v1/ACCOUNT/INTEGRATION/contact
      method: POST
      body: '{"email": "{{1.Email}}"}'
"""
)
IMPATIENT = {"SEGCONNECT_READ_TIMEOUT": "0.4"}
NOT_DONE = {"429", "500", "503", "hang", "unread"}


class World:
    """A served account store with a faulty server before it."""

    def __init__(self, engine: Engine, faulty: Faulty, path: Path) -> None:
        self.engine, self.faulty, self._path = engine, faulty, path
        self._made = 0

    def account(self) -> tuple[str, str, str]:
        """Opens an account; answers key, account and integration."""
        account_id, key = access.create_account(self.engine, "Bloggs Tea")
        return key, account_id, access.create_integration(self.engine, account_id, "crm", "CRM")

    def ran(
        self,
        scenario: str,
        plan: Plan,
        *,
        people: int = PEOPLE,
        dlq: bool = False,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Ran:
        """Runs a scenario over so many people to a new account, while the plan is in force."""
        self._made += 1
        address = self.account()
        place = Place(
            self._path / str(self._made), self.faulty.address, {**IMPATIENT, **environment}, address
        )
        lines = (f"person{n}@b.c,#{n}" for n in range(people))
        (place.path / "people.csv").write_text("Email,Order\n" + "\n".join(lines) + "\n")
        text = scenario.replace("ACCOUNT", address[1]).replace("INTEGRATION", address[2])
        text = text.replace("dlq: false", f"dlq: {str(dlq).lower()}")
        (place.path / "people.yaml").write_text(text)
        self.faulty.begin(plan)
        out = place.run("run", "people.yaml", "--connection", "sink", "--json")
        return Ran(self, place, report_of(out), address[1])


class Ran:
    """What a run came to."""

    def __init__(self, world: World, place: Place, report: dict[str, Any], account: str) -> None:
        self.report, self.account = report, account
        self.state = state_of(world.engine, account)
        self.told, self.effects = world.faulty.told(), world.faulty.effects()
        self.row = place.latest()[0]
        with closing(Journal(url_of(place.settings))) as journal:
            self.refusals = journal.refusals(self.row.id, 1000)
            self.waiting = journal.incompletes.waiting(1000, run_id=self.row.id)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many bundles were done, refused, and wait."""
        return self.report["delivered"], self.report["refused"], self.report["waiting"]

    def check_accounts(self) -> None:
        """Every bundle that was read is in the journal, as one of three, and nothing else is."""
        assert sum(self.counts) == self.report["read"]
        numbers = [number for number, _ in self.refusals]
        assert len(set(numbers)) == len(self.refusals) == self.row.refused
        assert len({each.number for each in self.waiting}) == self.row.waiting
        assert all(refusal.error.why for _, refusal in self.refusals)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[World]:
    data = tmp_path_factory.mktemp("account")
    shutil.copy(migrated_sqlite, data / "segconnect.db")
    url = f"sqlite:///{data / 'segconnect.db'}"
    server, engine = Server(data, url), open_engine(url)
    address = urlsplit(server.address)
    assert address.hostname is not None
    assert address.port is not None
    try:
        with faulty(upstream=(address.hostname, address.port)) as before:
            yield World(engine, before, tmp_path_factory.mktemp("runs"))
    finally:
        engine.dispose()
        server.stop()


@pytest.fixture(scope="module")
def undisturbed(world: World) -> dict[str, Any]:
    """What the account holds after a run without faults."""
    return world.ran(CONTACT_AND_ORDER, Plan()).state


ALONE = Plan(takes_batches=False)  # each request is about one record
PLANS = {
    **{
        kind: replace(ALONE, shares={kind: 0.1 if kind in ("429", "503") else 0.25}, most=1)
        for kind in KINDS
    },
    "all of them": replace(ALONE, shares=dict.fromkeys(KINDS, 0.04), seed=179, most=2),
}


@pytest.mark.parametrize("name", PLANS)
def test_after_transient_faults_the_account_is_as_if_there_had_been_none(
    world: World, undisturbed: dict[str, Any], name: str
) -> None:
    ran = world.ran(CONTACT_AND_ORDER, PLANS[name])

    assert set(ran.told["happened"]) == ({name} if name in KINDS else set(KINDS))
    assert ran.counts == (PEOPLE, 0, 0)
    assert ran.row.state == State.SUCCEEDED
    assert ran.state == undisturbed
    if name in NOT_DONE:
        assert ran.told["repeated"] == 0


@pytest.mark.parametrize("takes_batches", [True, False])
def test_side_by_side_and_in_batches_faults_cost_nothing_either(
    world: World, takes_batches: bool
) -> None:
    shares = dict.fromkeys(KINDS, 0.12 if takes_batches else 0.01)
    plan = Plan(shares, seed=3, most=2, takes_batches=takes_batches)
    people = 4_000 if takes_batches else 300

    ran = world.ran(CONTACT_AND_ORDER if takes_batches else CONTACT, plan, people=people)

    assert ran.told["happened"]
    assert (ran.told["requests"] > people) is not takes_batches
    assert len(ran.state["orders"]) == (people if takes_batches else 0)
    assert ran.counts == (people, 0, 0)
    assert sorted(row[0] for row in ran.state["contacts"]) == sorted(
        f"person{n}@b.c" for n in range(people)
    )
    assert len(ran.state["tags"]) == people


@pytest.mark.parametrize(
    ("kind", "dlq"), [("429", False), ("429", True), ("500", False), ("lost", True)]
)
def test_what_fails_for_good_is_refused_with_its_reason_or_waits(
    world: World, kind: str, dlq: bool
) -> None:
    plan = replace(ALONE, shares={kind: 1.0}, only="person7@", retry_after=0)

    ran = world.ran(CONTACT_AND_ORDER, plan, dlq=dlq, environment={"SEGCONNECT_ATTEMPTS": "2"})

    ran.check_accounts()
    assert ran.row.state == State.PARTIAL
    assert ran.counts == ((PEOPLE - 1, 0, 1) if dlq else (PEOPLE - 1, 1, 0))
    wanted = "RateLimitError" if kind == "429" else "ConnectionError"
    kinds = [each.kind for each in ran.waiting] + [each.error.kind for _, each in ran.refusals]
    assert kinds == [wanted]
    assert len(ran.state["orders"]) == PEOPLE - 1


@pytest.mark.parametrize("dlq", [False, True])
def test_a_call_that_may_not_be_repeated_is_not_and_is_told(world: World, dlq: bool) -> None:
    plan = Plan({"lost": 0.1, "reset": 0.1, "500": 0.1, "hang": 0.1}, seed=192)

    ran = world.ran(CALL, plan, dlq=dlq)

    ran.check_accounts()
    assert set(ran.told["happened"]) == set(plan.shares)
    assert max(ran.effects.values()) == 1
    assert ran.told["requests"] == PEOPLE
    failed = sum(ran.told["happened"].values())
    assert ran.counts == ((PEOPLE - failed, 0, failed) if dlq else (PEOPLE - failed, failed, 0))


def test_an_account_with_a_limit_gets_all_of_them_though_nobody_said_how_much_it_takes(
    world: World,
) -> None:
    plan = Plan(limit=8, takes_batches=False)

    ran = world.ran(CONTACT, plan, people=60)

    assert ran.counts == (60, 0, 0)
    assert ran.told["happened"]["429"] < 60
