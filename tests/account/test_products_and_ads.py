"""Products and ads of the import side: rest/_products.md and rest/_ads.md of the API docs."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from segconnect.account.store import schema
from tests.conftest import Account


def rows(account: Account, table: str) -> list[tuple[Any, ...]]:
    """The rows of a table, without the integration."""
    with account.engine.connect() as connection:
        found = connection.execute(select(schema.metadata.tables[table])).all()
    return sorted(tuple(row)[1:] for row in found)


def test_the_example_of_the_api_docs_adds_a_product(account: Account) -> None:
    assert account.post("product", {"id": 7, "name": "Green tea"}) == (
        200,
        {"status": "success", "product": {"id": "7", "name": "Green tea"}},
    )


def test_the_same_id_again_renames_the_product(account: Account) -> None:
    account.send("product", {"id": 7, "name": "Green tea"})
    account.send("product", {"id": 7, "name": "Black tea"})

    assert rows(account, "products") == [("7", "Black tea")]


def test_a_product_needs_an_id_and_a_name(account: Account) -> None:
    assert account.post("product", {}) == (
        400,
        {"status": "error", "errors": ["missing 'id' field", "missing 'name' field"]},
    )


def test_orders_and_subscriptions_create_the_products_that_they_name(account: Account) -> None:
    account.order("1", email="joey@bloggs.com", items=[
        {"product_id": "a", "name": "Tea", "amount": 1}, {"product_id": "b", "amount": 1},
        {"name": "Cup", "amount": 1}])  # fmt: skip
    account.subscription("s", email="joey@bloggs.com", product_id="club", name="Tea club")
    account.subscription("t", email="joey@bloggs.com", product_id="b", name="Biscuit")
    account.subscription("u", email="joey@bloggs.com", product_id="a")

    assert rows(account, "products") == [
        ("Cup", "Cup"),
        ("a", "Tea"),
        ("b", "Biscuit"),
        ("club", "Tea club"),
    ]


# -- ads -----------------------------------------------------------------------------------------


def test_the_example_of_the_api_docs_records_an_ads_day(account: Account) -> None:
    answer = account.post(
        "ad/performance",
        {
            "ad": {"id": 1, "name": "Cup"},
            "adset": {"id": 2, "name": "Oslo", "adcampaign": 3},
            "adcampaign": {"id": 3, "name": "Spring"},
            "spend": 1234,
            "clicks": 56,
            "impressions": 7890,
            "date": "2026-02-01",
        },
    )

    assert answer == (
        200,
        {
            "status": "success",
            "ad_performance": {
                "ad": "1",
                "date": "2026-02-01",
                "adset_id": "2",
                "adcampaign_id": "3",
                "spend": 1234,
                "clicks": 56,
                "impressions": 7890,
            },
        },
    )
    assert rows(account, "ads") == [("1", "Cup", "2", "3")]
    assert rows(account, "adsets") == [("2", "Oslo", "3")]
    assert rows(account, "adcampaigns") == [("3", "Spring")]
    assert rows(account, "ad_performance") == [("1", "2026-02-01", 1234, 56, 7890)]


def test_an_ad_may_hold_its_ad_set_and_campaign_itself(account: Account) -> None:
    account.send(
        "ad/performance",
        {
            "ad": {"id": 1, "name": "Cup", "adset": {"id": 2, "adcampaign": {"id": 3}}},
            "spend": 1,
            "date": "2026-02-01",
        },
    )

    assert rows(account, "ads") == [("1", "Cup", "2", "3")]
    assert rows(account, "adsets") == [("2", "2", "3")]
    assert rows(account, "adcampaigns") == [("3", "3")]


def test_an_ad_by_its_id_alone_is_created_and_keeps_what_is_known_of_it(account: Account) -> None:
    day = {"spend": 1, "date": "2026-02-01"}
    account.send("ad/performance", {**day, "ad": 9})
    account.send("ad/performance", {**day, "ad": {"id": 1, "name": "Cup"}, "adset": 2})

    account.send("ad/performance", {**day, "ad": "1"})

    assert rows(account, "ads") == [("1", "Cup", "2", None), ("9", "9", None, None)]


def test_an_object_with_another_name_or_place_changes_the_ad(account: Account) -> None:
    day = {"spend": 1, "date": "2026-02-01"}
    account.send("ad/performance", {**day, "ad": {"id": 1, "name": "Cup"}, "adcampaign": 3})

    account.send(
        "ad/performance",
        {**day, "ad": {"id": 1, "name": "Mug"}, "adcampaign": {"id": 4, "name": "Autumn"}},
    )

    assert rows(account, "ads") == [("1", "Mug", None, "4")]
    assert rows(account, "adcampaigns") == [("3", "3"), ("4", "Autumn")]


def test_the_same_ad_and_day_again_replaces_the_figures(account: Account) -> None:
    account.send("ad/performance", {"ad": 1, "spend": 100, "clicks": 5, "date": "2026-02-01"})
    account.send("ad/performance", {"ad": 1, "spend": 200, "impressions": 6, "date": "2026-02-02"})

    account.send("ad/performance", {"ad": 1, "spend": 300, "date": "2026-02-01 23:59:59"})

    assert rows(account, "ad_performance") == [
        ("1", "2026-02-01", 300, 0, 0),
        ("1", "2026-02-02", 200, 0, 6),
    ]


def test_the_day_may_be_called_date_created(account: Account) -> None:
    account.send("ad/performance", {"ad": 1, "spend": 100, "date_created": "2026-02-01"})

    assert rows(account, "ad_performance") == [("1", "2026-02-01", 100, 0, 0)]


def test_an_ads_day_is_the_one_that_the_text_says_whatever_its_zone(account: Account) -> None:
    account.send("ad/performance", {"ad": 1, "spend": 1, "date": "2026-02-01 23:30:00-05:00"})

    assert rows(account, "ad_performance") == [("1", "2026-02-01", 1, 0, 0)]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, ["missing 'ad' field", "missing 'spend' field", "missing 'date' field"]),
        (
            {"ad": {"name": "Cup"}, "spend": 1.5, "date": "2026-02-30", "clicks": -1},
            [
                "missing 'ad.id' field",
                "'spend' field: 1.5 is not in whole cents; if it is in units of the currency,"
                " send 150",
                "'date' field: '2026-02-30' is not a date: day is out of range for month",
                "'clicks' field: expected at least 0, found -1",
            ],
        ),
        (
            {"ad": [1], "spend": 1, "date": 20260201, "adset": True, "impressions": "many"},
            [
                "'ad' field: expected an object, found an array",
                "'date' field: 20260201 is not a day; expected a text such as 2016-06-20",
                "'adset' field: expected an object, found true",
                "'impressions' field: expected a whole number, found 'many'",
            ],
        ),
    ],
)
def test_what_is_wrong_with_an_ads_day_is_told_at_once(
    account: Account, body: Any, errors: list[str]
) -> None:
    assert account.post("ad/performance", body) == (400, {"status": "error", "errors": errors})
    assert account.rows("ads") == 0
