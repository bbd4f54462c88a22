"""Subscriptions of the import side: rest/_subscriptions.md of the API docs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Account


def subscriptions(account: Account, contact: str) -> list[str]:
    """The ids of a contact's subscriptions."""
    found = account.contact(contact, "subscriptions")["subscriptions"]
    return [subscription["subscription_id"] for subscription in found]


def test_the_example_of_the_api_docs_adds_a_subscription(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    answer = account.post(
        "subscription",
        {
            "id": 7,
            "contact_id": 42,
            "amount": 2900,
            "product_id": 9,
            "name": "Tea club",
            "start_date": "2026-01-15 08:00:00",
            "last_bill_date": "2026-02-15 08:00:00",
            "billing_cycle": "month",
            "frequency": 3,
            "quantity": 2,
            "trial_end_date": "2026-01-29",
            "end_date": "2027-01-15",
            "canceled_date": None,
        },
    )

    assert answer == (
        200,
        {
            "status": "success",
            "subscription": {
                "id": "7",
                "contact_id": "42",
                "email": "joey@bloggs.com",
                "amount": 2900,
                "product_id": "9",
                "billing_cycle": "month",
                "frequency": 3,
                "quantity": 2,
                "start_date": "2026-01-15T08:00:00+00:00",
                "last_bill_date": "2026-02-15T08:00:00+00:00",
                "trial_end_date": "2026-01-29T00:00:00+00:00",
                "end_date": "2027-01-15T00:00:00+00:00",
                "canceled_date": None,
            },
        },
    )
    assert account.contact("42", "subscriptions")["subscriptions"] == [
        {
            "subscription_id": "7",
            "contact_id": "42",
            "product_id": "9",
            "product_name": "Tea club",
            "amount": 29,
            "billing_cycle": "month",
            "frequency": 3,
            "quantity": 2,
            "start_date": "2026-01-15T08:00:00+00:00",
            "last_bill_date": "2026-02-15T08:00:00+00:00",
            "trial_end_date": "2026-01-29T00:00:00+00:00",
            "end_date": "2027-01-15T00:00:00+00:00",
            "canceled_date": None,
        }
    ]


def test_a_subscription_never_creates_an_order(account: Account) -> None:
    account.subscription("s", email="joey@bloggs.com")

    assert (account.rows("subscriptions"), account.rows("orders")) == (1, 0)


def test_all_that_is_missing_is_told_at_once(account: Account) -> None:
    assert account.post("subscription", {"billing_cycle": "fortnight", "frequency": 0}) == (
        400,
        {
            "status": "error",
            "errors": [
                "missing 'id' field",
                "missing 'amount' field",
                "missing 'product_id' field",
                "missing 'start_date' field",
                "missing 'last_bill_date' field",
                "'billing_cycle' field: expected 'year', 'month', 'week' or 'day',"
                " found 'fortnight'",
                "'frequency' field: expected at least 1, found 0",
                "missing 'contact_id' or 'email' field",
            ],
        },
    )


@pytest.mark.parametrize("cycle", ["year", "month", "week", "day", "Month", " YEAR "])
def test_a_billing_cycle_is_a_year_month_week_or_day(account: Account, cycle: str) -> None:
    sent = account.subscription("s", email="joey@bloggs.com", billing_cycle=cycle)

    assert sent["billing_cycle"] == cycle.strip().lower()


def test_the_quantity_is_one_unless_it_says_otherwise(account: Account) -> None:
    assert account.subscription("s", email="joey@bloggs.com")["quantity"] == 1
    assert account.subscription("s", email="joey@bloggs.com", quantity="5")["quantity"] == 5
    assert account.subscription("s", email="joey@bloggs.com", quantity="")["quantity"] == 5


def test_the_names_of_another_client_are_understood(account: Account) -> None:
    account.send("contact", {"contact_id": 42})

    account.subscription(
        "s",
        contact_id=42,
        product_name="Tea club",
        trial_start="2026-02-01",
        trial_end="2026-02-15",
        cancellation_date="2026-02-20",
    )

    (read,) = account.contact("42", "subscriptions")["subscriptions"]
    assert (read["product_name"], read["trial_end_date"], read["canceled_date"]) == (
        "Tea club",
        "2026-02-15T00:00:00+00:00",
        "2026-02-20T00:00:00+00:00",
    )


def test_the_same_id_again_updates_and_null_takes_an_end_back(account: Account) -> None:
    account.subscription("s", email="joey@bloggs.com", canceled_date="2026-02-20", quantity=3)

    kept = account.subscription("s", email="joey@bloggs.com", amount=1500)
    revoked = account.subscription("s", email="joey@bloggs.com", canceled_date=None)

    assert (kept["amount"], kept["quantity"]) == (1500, 3)
    assert kept["canceled_date"] == "2026-02-20T00:00:00+00:00"
    assert revoked["canceled_date"] is None
    assert account.rows("subscriptions") == 1


def test_a_subscription_for_an_unknown_contact_id_is_refused(account: Account) -> None:
    before = account.everything()
    body: dict[str, Any] = {
        "id": "s", "contact_id": 42, "email": "joey@bloggs.com", "amount": 1, "product_id": "tea",
        "start_date": "2026-02-01", "last_bill_date": "2026-02-01", "billing_cycle": "day",
        "frequency": 1,
    }  # fmt: skip

    assert account.post("subscription", body) == (
        400,
        {"status": "error", "errors": ["no contact with contact_id '42'"]},
    )
    assert account.everything() == before


def test_a_subscription_for_an_unknown_email_waits_until_the_contact_appears(
    account: Account,
) -> None:
    account.subscription("s1", email="joey@bloggs.com")
    account.subscription("s2", email="later@bloggs.com")

    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.send("contact", {"contact_id": 42, "email": "later@bloggs.com"})

    assert subscriptions(account, "42") == ["s1", "s2"]


def test_deleting_a_subscription_answers_as_the_docs_do(account: Account) -> None:
    account.subscription("s", email="joey@bloggs.com")

    assert account.delete("subscription/s") == (
        200,
        {"id": "s", "status": "success", "object": "subscription", "deleted": True},
    )
    assert account.delete("subscription/s")[1]["deleted"] is False
    assert account.rows("subscriptions") == 0
