"""Orders of the import side (`invoice` on the wire): rest/_orders.md of the API docs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Account, Clock

NOON = "2026-03-01T12:00:00+00:00"


def orders(account: Account, contact: str) -> list[str]:
    """The ids of a contact's orders."""
    return [order["order_id"] for order in account.contact(contact, "orders")["orders"]]


def test_the_example_of_the_api_docs_adds_an_order(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    answer = account.post(
        "invoice",
        {
            "id": 100,
            "contact_id": 42,
            "email": "joey@bloggs.com",
            "amount": 9900,
            "paid": "9900",
            "date_created": "2026-02-01 10:00:00",
            "is_refunded": False,
            "discount": 100,
            "tax": 200,
            "shipping": 300,
            "items": [
                {"id": 1, "name": "Green tea", "product_id": 7, "amount": 9900, "total_paid": 9900}
            ],
        },
    )

    assert answer == (
        200,
        {
            "status": "success",
            "invoice": {
                "id": "100",
                "contact_id": "42",
                "email": "joey@bloggs.com",
                "amount": 9900,
                "paid": 9900,
                "is_refunded": False,
                "discount": 100,
                "tax": 200,
                "shipping": 300,
                "date_created": "2026-02-01T10:00:00+00:00",
            },
        },
    )


def test_an_order_reads_back_in_units_of_the_currency(account: Account, clock: Clock) -> None:
    account.send("contact", {"contact_id": 42})
    account.order(
        "100",
        contact_id=42,
        amount=1250,
        paid=1000,
        tax=50,
        items=[
            {"name": "Green tea", "product_id": "tea", "amount": 1000, "total_paid": 1000},
            {"id": "gift", "name": "Cup", "amount": 199, "subscription_id": "s1"},
        ],
    )
    clock.set("2026-03-02 12:00:00")
    account.send("product", {"id": "Cup", "name": "Blue cup"})

    line = {
        "order_id": "100",
        "contact_id": "42",
        "order_type": "product",
        "is_refunded": False,
        "date_created": "2026-02-01T00:00:00+00:00",
        "imported_at": NOON,
        "last_imported_at": NOON,
    }
    assert account.contact("42", "orders")["orders"] == [
        {
            "order_id": "100",
            "contact_id": "42",
            "is_paid": False,
            "is_refunded": False,
            "subtotal": 11.99,
            "total_tax": 0.5,
            "total_shipping": 0,
            "total_discount": 0,
            "total": 12.5,
            "total_paid": 10,
            "date_created": "2026-02-01T00:00:00+00:00",
            "line_items": [
                line
                | {
                    "order_item_id": "100-1",
                    "product_id": "tea",
                    "subscription_id": None,
                    "product_name": "Green tea",
                    "is_paid": True,
                    "amount": 10,
                    "total_paid": 10,
                    "total_due": 10,
                },
                line
                | {
                    "order_item_id": "gift",
                    "product_id": "Cup",
                    "subscription_id": "s1",
                    "product_name": "Blue cup",
                    "is_paid": False,
                    "amount": 1.99,
                    "total_paid": 0,
                    "total_due": 1.99,
                },
            ],
        }
    ]


def test_all_that_is_missing_is_told_at_once(account: Account) -> None:
    body = {"items": [{}, {"name": "Tea", "amount": "$10"}, {"name": "T" * 192, "amount": 1}]}

    assert account.post("invoice", body) == (
        400,
        {
            "status": "error",
            "errors": [
                "missing 'id' field",
                "missing 'amount' field",
                "missing 'paid' field",
                "missing 'date_created' field",
                "missing 'items.0.product_id' field",
                "missing 'items.0.amount' field",
                "'items.1.amount' field: '$10' is not in whole cents; if it is in units of the"
                " currency, send 1000",
                "missing 'items.2.product_id' field; the name is not fit to stand for it",
                "missing 'contact_id' or 'email' field",
            ],
        },
    )


@pytest.mark.parametrize("amount", [12.5, "12.50", "$10", True, None, "", 2**53, 1e300, [], {}])
def test_money_is_whole_cents(account: Account, amount: Any) -> None:
    status, answer = account.post(
        "invoice", {"id": 1, "email": "joey@bloggs.com", "amount": amount, "paid": 0,
                    "date_created": "2026-02-01", "items": []}
    )  # fmt: skip

    assert (status, answer["errors"][1:]) == (400, [])
    assert "'amount' field" in answer["errors"][0]
    assert account.rows("orders") == 0


def test_the_same_id_again_updates_the_order_and_replaces_its_lines(
    account: Account, clock: Clock
) -> None:
    account.send("contact", {"contact_id": 42})
    account.order("100", contact_id=42, paid=0, discount=5, items=[
        {"name": "A", "amount": 700}, {"name": "B", "amount": 500}])  # fmt: skip
    clock.set("2026-03-02 12:00:00")

    account.order("100", contact_id=42, is_refunded=True, items=[{"name": "C", "amount": 1200}])

    (order,) = account.contact("42", "orders")["orders"]
    (line,) = order["line_items"]
    assert (order["is_refunded"], order["total_paid"], order["total_discount"]) == (True, 12, 0.05)
    assert (line["order_item_id"], line["product_name"], line["total_paid"]) == ("100-1", "C", 12)
    assert (line["imported_at"], line["last_imported_at"]) == (NOON, "2026-03-02T12:00:00+00:00")


def test_an_order_for_an_unknown_contact_id_is_refused_and_changes_nothing(
    account: Account,
) -> None:
    before = account.everything()

    answer = account.post(
        "invoice",
        {"id": 1, "contact_id": 42, "email": "joey@bloggs.com", "amount": 1, "paid": 1,
         "date_created": "2026-02-01", "items": [{"name": "Tea", "amount": 1}]},
    )  # fmt: skip

    assert answer == (400, {"status": "error", "errors": ["no contact with contact_id '42'"]})
    assert account.everything() == before


def test_an_order_for_an_unknown_email_waits_until_the_contact_appears(account: Account) -> None:
    order = account.order("100", email="joey@bloggs.com")

    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    assert (order["contact_id"], order["email"]) == (None, "joey@bloggs.com")
    assert orders(account, "42") == ["100"]


def test_an_order_waits_for_a_contact_that_changes_to_its_email(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "old@bloggs.com"})
    account.order("100", email="joey@bloggs.com")

    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    assert orders(account, "42") == ["100"]


def test_an_order_stays_with_a_contact_whose_email_changes(account: Account) -> None:
    """An update under the old email took the order away from its contact."""
    account.send("contact", {"contact_id": 42, "email": "old@bloggs.com"})
    account.order("100", email="old@bloggs.com")
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    updated = account.order("100", email="old@bloggs.com", is_refunded=True)

    assert updated["contact_id"] == "42"
    assert orders(account, "42") == ["100"]


def test_an_order_sent_again_for_another_contact_moves_to_it(account: Account) -> None:
    account.send("contact", {"contact_id": 1, "email": "one@x.no"})
    account.send("contact", {"contact_id": 2, "email": "two@x.no"})
    account.order("100", contact_id=1)

    account.order("100", email="two@x.no")
    assert (orders(account, "1"), orders(account, "2")) == ([], ["100"])

    account.order("100", email="nobody@x.no")
    assert (orders(account, "1"), orders(account, "2")) == ([], [])


def test_an_email_that_a_contact_had_in_passing_took_what_waited_for_it(
    account: Account,
) -> None:
    """Within one group only the last email of a contact was looked at."""
    account.order("100", email="passing@x.no")

    account.batch(
        [
            ("POST contact", {"contact_id": 42, "email": "first@x.no"}),
            ("POST contact", {"contact_id": 42, "email": "passing@x.no"}),
            ("POST contact", {"contact_id": 42, "email": "last@x.no"}),
            ("POST contact", {"contact_id": 43, "email": "passing@x.no"}),
        ]
    )

    assert (orders(account, "42"), orders(account, "43")) == (["100"], [])


def test_an_order_and_the_contact_it_waits_for_may_come_in_one_batch(account: Account) -> None:
    results = account.batch(
        [
            ("POST invoice", an_order("1", email="joey@bloggs.com")),
            ("POST contact", {"contact_id": 42, "email": "joey@bloggs.com"}),
            ("POST invoice", an_order("2", email="joey@bloggs.com")),
            ("POST invoice", an_order("3", contact_id=42)),
        ]
    )

    assert [body["invoice"]["contact_id"] for _, body in results if "invoice" in body] == [
        None,
        "42",
        "42",
    ]
    assert orders(account, "42") == ["1", "2", "3"]


def test_an_order_in_one_integration_finds_its_contact_in_another(account: Account) -> None:
    payments = account.on("payments")
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    payments.order("by email", email="joey@bloggs.com")
    payments.order("by id", contact_id=42)
    payments.order("waiting", email="later@bloggs.com")
    account.send("contact", {"contact_id": 43, "email": "later@bloggs.com"})

    assert orders(account, "42") == ["by email", "by id"]
    assert orders(account, "43") == ["waiting"]


def test_an_order_prefers_the_contact_of_its_own_integration(account: Account) -> None:
    payments = account.on("payments")
    account.send("contact", {"contact_id": "crm", "email": "joey@bloggs.com"})
    payments.send("contact", {"contact_id": "cus_1", "email": "joey@bloggs.com"})

    payments.order("100", email="joey@bloggs.com")

    (order,) = account.contact("crm", "orders")["orders"]  # of one person in both
    assert (order["order_id"], order["contact_id"]) == ("100", "cus_1")


def test_the_same_order_id_in_two_integrations_is_two_orders(account: Account) -> None:
    payments = account.on("payments")
    account.send("contact", {"contact_id": 42})
    account.order("100", contact_id=42)
    payments.order("100", contact_id=42)

    payments.delete("invoice/100")

    assert orders(account, "42") == ["100"]
    assert account.rows("orders") == 1


def test_an_item_without_product_id_is_known_by_its_name(account: Account) -> None:
    account.send("contact", {"contact_id": 42})

    account.order("100", contact_id=42, items=[{"name": " Green tea ", "amount": 1200}])

    (line,) = account.contact("42", "orders")["orders"][0]["line_items"]
    assert (line["product_id"], line["product_name"]) == ("Green tea", " Green tea ")


def test_an_order_with_the_longest_id_has_items_with_an_id(account: Account) -> None:
    """PostgreSQL refused the ids made from it."""
    account.send("contact", {"contact_id": 42})
    longest = "x" * 191

    account.order(longest, contact_id=42, items=[{"name": "A", "amount": 1}] * 1000)

    lines = account.contact("42", "orders")["orders"][0]["line_items"]
    assert [lines[0]["order_item_id"], lines[-1]["order_item_id"]] == [
        f"{longest}-1",
        f"{longest}-1000",
    ]


def test_an_item_is_paid_with_its_order_unless_it_says_otherwise(account: Account) -> None:
    account.send("contact", {"contact_id": 42})
    items = [{"name": "A", "amount": 700}, {"name": "B", "amount": 500, "total_paid": 100}]

    account.order("paid", contact_id=42, items=items)
    account.order("open", contact_id=42, items=items, paid=1199)

    assert {
        order["order_id"]: [line["total_paid"] for line in order["line_items"]]
        for order in account.contact("42", "orders")["orders"]
    } == {"paid": [7, 1], "open": [0, 1]}


def test_an_order_may_have_no_items(account: Account) -> None:
    account.send("contact", {"contact_id": 42})
    account.order("100", contact_id=42)

    account.order("100", contact_id=42, items=[])

    assert account.contact("42", "orders")["orders"][0]["line_items"] == []


def test_deleting_an_order_answers_as_the_docs_do_and_takes_its_lines(account: Account) -> None:
    account.send("contact", {"contact_id": 42})
    account.order("100", contact_id=42)

    assert account.delete("invoice/100") == (
        200,
        {"id": "100", "status": "success", "object": "invoice", "deleted": True},
    )
    assert account.delete("invoice/100")[1]["deleted"] is False
    assert orders(account, "42") == []
    assert account.rows("order_items") == 0


def test_an_order_deleted_and_sent_again_in_one_batch_begins_anew(account: Account) -> None:
    account.send("contact", {"contact_id": 42})
    account.order("100", contact_id=42, is_refunded=True)

    account.batch(
        [
            {"endpoint": "DELETE invoice/100"},
            ("POST invoice", an_order("100", contact_id=42)),
        ]
    )

    (order,) = account.contact("42", "orders")["orders"]
    assert (order["is_refunded"], order["line_items"]) == (False, [])


def an_order(order_id: str, **fields: Any) -> dict[str, Any]:
    """The body of an order without lines."""
    return {"id": order_id, "amount": 5, "paid": 5, "date_created": "2026-02-01", "items": [],
            **fields}  # fmt: skip
