"""The figures of the first page are those of the reports that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from segconnect.account.figures.overview import TILES, TOPS, Figures, Standing
from segconnect.account.figures.reporting import Reports
from segconnect.account.owner import access
from segconnect.account.replica import Facts, Replica
from segconnect.account.replica.asking import asked_at, asked_now
from segconnect.account.reports import saved
from tests.conftest import Account, Clock, InProcess


@pytest.fixture
def figures(account: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Figures:
    """The figures of an account where it is 14 February 2026."""
    monkeypatch.setattr(saved, "now", clock)
    clock.set("2026-02-14 12:00:00")
    assert isinstance(account.door, InProcess)
    return Figures(account.door.app.reports)


def look(figures: Figures, account: Account, length: int = 7) -> Standing:
    return figures.standing(access.account_pk(account.engine, account.id), length)


def now(standing: Standing) -> dict[str, float | None]:
    return {each.shown.key: each.now for each in standing.tiles}


def spend(account: Account, day: str, cents: int) -> None:
    ad = {"ad": {"id": "a1", "name": "Green tea"}, "date": day, "spend": cents}
    ad["adcampaign"] = {"id": "c1", "name": "Spring"}
    account.send("ad/performance", {**ad, "clicks": 1, "impressions": 10})


def fill(account: Account) -> None:
    """Two people, their orders, a refund, a subscription, ads."""
    for number, day in enumerate(("02-01", "02-09")):
        email = f"{number}@bloggs.com"
        account.send("contact", {"email": email, "date_created": f"2026-{day} 10:00:00"})
        account.order(f"o{number}", email=email, date_created=f"2026-{day} 11:00:00")
    account.order("again", email="0@bloggs.com", date_created="2026-02-10 00:00:00", paid=600)
    account.order(
        "back", email="0@bloggs.com", date_created="2026-02-11 00:00:00", is_refunded=True
    )
    spend(account, "2026-02-10", 900)


def test_figures_are_of_the_range_and_of_the_one_before_it(
    account: Account, figures: Figures
) -> None:
    fill(account)

    found = look(figures, account)

    assert (found.first, found.last) == (date(2026, 2, 8), date(2026, 2, 14))
    assert now(found) == {
        "revenue": 36, "netRevenue": 24, "adSpend": 9, "adRoas": 4, "leads": 1,
        "numOfCustomers": 2, "orders": 3, "mrr": 0,
    }  # fmt: skip
    assert [each.before for each in found.tiles] == [12, 12, 0, None, 1, 1, 1, 0]


@pytest.mark.parametrize("length", [7, 30, 365])
@pytest.mark.parametrize("shown", TILES, ids=lambda shown: shown.key)
def test_a_tile_equals_the_report_that_it_leads_to(
    account: Account, figures: Figures, shown: Any, length: int
) -> None:
    fill(account)
    found = look(figures, account, length)
    asked = {"start": found.first.isoformat(), "end": found.last.isoformat()}

    query = {"type": shown.type, "date_range": asked}
    answer = account.request("POST", f"/v2/{account.id}/data/query", query).body

    keys = [each["key"] for each in answer["fields"] if each["aggregation"] is not None]
    assert now(found)[shown.key] == answer["totals"][keys.index(shown.key)]


@pytest.mark.parametrize(("title", "type_", "by", "metrics"), TOPS)
def test_what_leads_is_what_the_report_says_first(
    account: Account, figures: Figures, title: str, type_: str, by: str, metrics: tuple[str, ...]
) -> None:
    fill(account)
    found = look(figures, account)
    query = {
        "type": type_, "dimensions": [by], "metrics": list(metrics), "sort": "-revenue",
        "date_range": {"start": found.first.isoformat(), "end": found.last.isoformat()},
    }  # fmt: skip
    answer = account.request("POST", f"/v2/{account.id}/data/query", query).body

    (top,) = [each for each in found.tops if each.title == title]
    assert top.rows == [row for row in answer["rows"] if row[0] not in (None, "(none)")]


def test_parts_add_up_to_the_tiles(account: Account, figures: Figures) -> None:
    fill(account)
    for length in (7, 365):
        found = look(figures, account, length)
        assert sum(each.revenue for each in found.parts) == now(found)["revenue"]
        assert sum(each.spend for each in found.parts) == now(found)["adSpend"]


def test_where_nothing_happened_lately_the_last_days_with_data_are_shown(
    account: Account, figures: Figures, clock: Clock
) -> None:
    account.order("o1", email="a@bloggs.com", date_created="2026-02-10 10:00:00")
    clock.forward(timedelta(days=90))
    found = look(figures, account)
    assert (found.last, found.is_past) == (date(2026, 2, 10), True)
    assert now(found)["revenue"] == 12


def test_an_empty_account_has_figures_too(account: Account, figures: Figures) -> None:
    found = look(figures, account)
    assert now(found)["revenue"] == 0
    assert not any(each.rows for each in found.tops)
    assert (found.is_past, found.freshness) == (False, [])


def test_figures_are_remembered_until_something_changes(account: Account, figures: Figures) -> None:
    fill(account)
    found = look(figures, account)
    assert look(figures, account) is found

    account.order("new", email="0@bloggs.com", date_created="2026-02-13 10:00:00")

    assert now(look(figures, account))["revenue"] == 48


def test_of_another_account_nothing_is_counted(account: Account, figures: Figures) -> None:
    fill(account.another())
    assert now(look(figures, account))["orders"] == 0
    assert now(look(figures, account))["adSpend"] == 0


def test_the_figures_of_a_page_are_one_question(account: Account, tmp_path: Path) -> None:
    fill(account)
    replica, seen = Replica(account.engine, tmp_path), list[float]()

    def reading(account_pk: int, models: Sequence[str]) -> AbstractContextManager[Facts]:
        seen.append(asked_at())
        return replica.reading(account_pk, models)

    with asked_now():
        look(Figures(Reports(account.engine, reading)), account)
    replica.close()

    assert len(seen) > len(TOPS)
    assert len(set(seen)) == 1
