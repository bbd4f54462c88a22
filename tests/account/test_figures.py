"""How an account did in a span of days, against the span before."""

from __future__ import annotations

from datetime import date

import pytest

from segconnect.account import access
from segconnect.account.figures import Figures, Source, standing
from tests.conftest import Account


def look(account: Account, today: str, length: int, zone: str = "UTC"):  # type: ignore[no-untyped-def]
    pk = access.account_pk(account.engine, account.id)
    return standing(account.engine, pk, zone, date.fromisoformat(today), length)


def spend(account: Account, day: str, cents: int) -> None:
    ad = {"ad": {"id": "a1", "name": "Green tea"}, "date": day, "spend": cents}
    account.send("ad/performance", {**ad, "clicks": 1, "impressions": 10})


def test_figures_are_of_the_span_and_of_the_one_before_it(account: Account) -> None:
    for number, (day, source) in enumerate([("02-01", "google"), ("02-09", "google")]):
        email = f"{number}@bloggs.com"
        account.send(
            "contact",
            {"email": email, "date_created": f"2026-{day} 10:00:00", "utm_source": source},
        )
        account.order(f"o{number}", email=email, date_created=f"2026-{day} 11:00:00")
    account.order("again", email="0@bloggs.com", date_created="2026-02-10 00:00:00", paid=600)
    spend(account, "2026-02-10", 900)

    found = look(account, "2026-02-14", 7)

    assert (found.first, found.last) == (date(2026, 2, 8), date(2026, 2, 14))
    assert found.now == Figures(
        leads=1, customers=1, orders=2, revenue=2400, refunds=0, spend=900, mrr=0
    )
    assert found.now.roas == pytest.approx(2400 / 900)
    assert found.before == Figures(
        leads=1, customers=1, orders=1, revenue=1200, refunds=0, spend=0, mrr=0
    )
    assert found.before.roas is None
    assert found.sources == [Source("google", 1, 2, 2400)]


def test_days_are_those_of_the_zone(account: Account) -> None:
    account.order("late", email="a@bloggs.com", date_created="2026-02-10 23:30:00")

    here, there = look(account, "2026-02-11", 2), look(account, "2026-02-11", 2, "Asia/Kolkata")

    assert [each.revenue for each in here.days] == [1200, 0]
    assert [each.revenue for each in there.days] == [0, 1200]


def test_where_nothing_happened_lately_the_last_days_with_data_are_shown(account: Account) -> None:
    account.order("o1", email="a@bloggs.com", date_created="2026-02-10 10:00:00")

    found = look(account, "2026-06-30", 7)

    assert (found.last, found.is_past) == (date(2026, 2, 10), True)
    assert found.now.revenue == 1200
    assert not look(account, "2026-02-16", 7).is_past


def test_an_empty_account_has_figures_too(account: Account) -> None:
    found = look(account, "2026-02-14", 7)

    assert found.now.revenue == 0
    assert found.sources == []
    assert not found.is_past


def test_of_another_account_nothing_is_counted(account: Account) -> None:
    other = account.another()
    other.order("o1", email="a@bloggs.com", date_created="2026-02-10 10:00:00")
    spend(other, "2026-02-10", 900)

    assert look(account, "2026-02-14", 7).now.orders == 0
    assert look(account, "2026-02-14", 7).now.spend == 0
