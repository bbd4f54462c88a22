"""Reports as they would have been: from states of an account that were kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segconnect.account import replica as replicas
from segconnect.account.export import export, history
from segconnect.account.figures.reporting import Reports
from segconnect.account.owner import account_settings
from segconnect.account.replica import Replica
from segconnect.account.reports import saved
from segconnect.errors import UsageError
from tests.conftest import Account, Clock

MODELS = ("any", "linear")


class Kept:
    """An account, its states, and what is asked about both."""

    def __init__(self, account: Account, directory: Path) -> None:
        self.account, self.directory = account, directory
        self.replica = Replica(account.engine, directory / "replica")
        self.out = directory / "parquet"
        self.reports = Reports(account.engine, self.replica.reading, self.out)

    def keep(self) -> int:
        """Keeps the state of now; answers its change."""
        with self.account.engine.connect() as connection:
            settings = saved.settings_of(connection, 1)
        with self.replica.reading(1, MODELS) as facts:
            return export(
                facts, self.out, self.account.id, settings, MODELS, keeps=True
            ).manifest.change

    def ask(self, **asked: Any) -> Any:
        """Answers a query for what was sold, by channel, up to the report's own day."""
        body = {"type": "revenue", "dimensions": ["channel"], "metrics": ["revenue", "orders"],
                "date_range": {"start": "-30 day"}, "options": {"attribution_model": "linear"},
                **asked}  # fmt: skip
        return self.reports.query(1, json.dumps(body).encode())


@pytest.fixture
def kept(
    account: Account, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kept]:
    """A shop of one customer, who came by an email."""
    for module in (replicas, saved, history):
        monkeypatch.setattr(module, "now", clock)
    clock.set("2026-03-01 12:00:00")
    account.send("contact", {"contact_id": 1, "email": "ann@bloggs.com", "utm_medium": "email",
                             "date_created": "2026-02-10"})  # fmt: skip
    account.order("1", contact_id=1, amount=1000, paid=1000, date_created="2026-02-11")
    made = Kept(account, tmp_path)
    yield made
    made.replica.close()


def test_a_report_is_answered_as_it_would_have_been(kept: Kept, clock: Clock) -> None:
    before = kept.ask()
    number = kept.keep()
    clock.set("2026-04-15 12:00:00")
    kept.account.order("1", contact_id=1, amount=70, paid=70, date_created="2026-02-11")
    kept.account.order("2", contact_id=1, amount=500, paid=500, date_created="2026-04-11")
    kept.account.delete("contact/1")
    assert kept.ask()["totals"] == [5, 1]

    assert before["rows"] == [["email", 10, 1]]
    for as_of in (number, str(number), "2026-03-01 12:00:00", "-1 day"):
        assert kept.ask(as_of=as_of) == before


def test_the_state_that_was_newest_at_a_moment_answers(kept: Kept, clock: Clock) -> None:
    first = kept.keep()
    clock.set("2026-03-02 12:00:00")
    kept.account.order("2", contact_id=1, amount=500, paid=500, date_created="2026-02-12")
    second = kept.keep()
    clock.set("2026-03-03 12:00:00")

    told = {
        moment: kept.ask(as_of=moment)["change"]
        for moment in ("2026-03-02", "2026-03-02 11:59:59", "2026-03-02 12:00:00", "now")
    }

    assert told == {"2026-03-02": first, "2026-03-02 11:59:59": first,
                    "2026-03-02 12:00:00": second, "now": second}  # fmt: skip


def test_the_newest_state_needs_not_be_kept(kept: Kept) -> None:
    now = kept.ask()

    assert kept.ask(as_of=now["change"]) == now
    kept.account.order("2", contact_id=1, amount=500, paid=500, date_created="2026-02-12")
    with pytest.raises(UsageError, match=f"change {now['change']} of the data is not kept"):
        kept.ask(as_of=now["change"])


def test_what_is_not_kept_is_refused_with_what_is(kept: Kept) -> None:
    with pytest.raises(UsageError, match="change 99 of the data is not kept; keep some: segcon"):
        kept.ask(as_of=99)
    number = kept.keep()
    with pytest.raises(UsageError, match=f"not kept; kept are the changes {number} .2026-03-01 12"):
        kept.ask(as_of=99)
    with pytest.raises(UsageError, match=f"nothing is kept of '2026-02-01' or before; the first"
                       f" is of change {number}"):  # fmt: skip
        kept.ask(as_of="2026-02-01")
    with pytest.raises(UsageError, match="is not a date"):
        kept.ask(as_of="yore")
    kept.account.order("2", contact_id=1, amount=500, paid=500, date_created="2026-02-12")
    with pytest.raises(UsageError, match="holds no credits by first_touch of change"):
        kept.ask(as_of=number, options={"attribution_model": "first_touch"})
    alone = Reports(kept.account.engine, kept.replica.reading)
    with pytest.raises(UsageError, match="keeps no states"):
        alone.query(1, b'{"type": "leads", "as_of": 1}')


def test_a_state_costs_what_changed_and_is_kept_once(kept: Kept) -> None:
    kept.keep()
    files = {path.name for path in kept.out.rglob("*.parquet")}
    kept.keep()
    assert len(history.states(kept.out, kept.account.id)) == 1

    kept.account.order("2", contact_id=1, amount=500, paid=500, date_created="2025-01-12")
    kept.keep()

    after = {path.name for path in kept.out.rglob("*.parquet")}
    assert files < after
    changed = [path for path in kept.out.rglob("*.parquet") if path.name not in files]
    assert {path.relative_to(kept.out).parts[0] for path in changed} == {
        "orders", "order_items", "sold", "sold_lines", "credits", "people",
    }  # fmt: skip
    assert len(history.states(kept.out, kept.account.id)) == 2


def test_a_state_whose_manifest_is_removed_gives_its_files_back(kept: Kept) -> None:
    number = kept.keep()
    kept.account.order("1", contact_id=1, amount=1, paid=1, date_created="2026-02-11")
    for state in history.states(kept.out, kept.account.id):
        state.path.unlink()
    later = kept.keep()

    assert kept.ask(as_of=later)["totals"] == [0.01, 1]
    names = [path.name for path in (kept.out / "orders").rglob("*.parquet")]
    assert (len(names), later) == (1, number + 1)


def test_what_was_left_out_of_revenue_then_is_left_out_of_the_answer(kept: Kept) -> None:
    number = kept.keep()
    before = kept.ask(as_of=number)["totals"]
    account, given = kept.account, {"name": "Tea", "timezone": "UTC", "currency": "USD"}
    kept.account.order(
        "failed", email="joey@bloggs.com", date_created="2026-02-27 10:00:00", paid=0
    )
    switched = account_settings.checked({**given, "exclude_failed": "yes"})
    account_settings.keep(account.engine, account.id, switched)
    later = kept.keep()
    account_settings.keep(account.engine, account.id, account_settings.checked(given))

    assert kept.ask(as_of=later)["totals"] == before
    assert kept.ask(as_of=later, options={"exclude_failed": False})["totals"] != before
