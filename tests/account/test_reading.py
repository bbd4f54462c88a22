"""Reading back: GET contact of the reporting side, and the lists of the import side."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from segconnect.account.owner import access
from segconnect.account.store.opening import open_writer
from segconnect.account.writing.committer import apply
from segconnect.account.writing.work import Operation
from tests.conftest import Account, Answer

NOON = "2026-03-01T12:00:00+00:00"
CORE = {
    "contact_id": "42",
    "first_name": "Joey",
    "last_name": None,
    "email": "joey+tea@bloggs.com",
    "status": "active",
    "date_created": NOON,
    "last_updated": NOON,
    "custom_fields": {"a": 1},
}


@pytest.fixture
def joey(account: Account) -> Account:
    """An account with one contact."""
    account.send(
        "contact",
        {
            "contact_id": 42,
            "first_name": "Joey",
            "email": "joey+tea@bloggs.com",
            "custom_fields": {"a": 1},
        },
    )
    return account


@pytest.mark.parametrize(
    "text", ["42", "joey+tea@bloggs.com", "joey%2Btea%40bloggs.com", "JOEY%2btea%40Bloggs.com"]
)
def test_a_contact_is_read_by_its_id_or_email(joey: Account, text: str) -> None:
    assert joey.get(f"contact/{text}") == (200, {"data": CORE})


def test_only_what_is_asked_for_is_added_to_the_core(joey: Account) -> None:
    joey.order("1", contact_id=42)
    every = "events,tags,orders,subscriptions,lists,companies"

    _, answer = joey.get(f"contact/42?extend={every}")

    assert list(answer["data"]) == [*CORE, *every.split(",")]
    assert [answer["data"][name] for name in ("events", "lists", "companies")] == [[], [], []]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?extend=tags,orders", b""),
        ("?extend=tags%2C%20orders", b""),
        ("", b'{"extend":"tags,orders"}'),
        ("", b'{"extend":["tags","orders"]}'),
        ("", b"extend=tags,orders"),
        ("", b"extend=tags%2Corders"),
        ("?extend=tags,orders", b'{"extend":"lists"}'),
    ],
)
def test_expansions_come_in_the_query_or_in_the_body(
    joey: Account, query: str, body: bytes
) -> None:
    """As the docs' own curl lines send them, with -d and a JSON content type."""
    answer = joey.request("GET", f"/{joey.id}/contact/42{query}", body)

    assert (answer.status, list(answer.body["data"])[-2:]) == (200, ["tags", "orders"])


@pytest.mark.parametrize("body", [b'{"extend":null}', b"{", b"[]", b"\xff", b"{}", b"null"])
def test_a_body_that_says_nothing_is_passed_over(joey: Account, body: bytes) -> None:
    answer = joey.request("GET", f"/{joey.id}/contact/42", body)

    assert (answer.status, answer.body) == (200, {"data": CORE})


def test_an_expansion_that_there_is_not_is_told_with_the_nearest(joey: Account) -> None:
    assert joey.get("contact/42?extend=order,tag") == (
        400,
        {
            "message": "unknown expansion 'order'; did you mean 'orders'?; "
            "unknown expansion 'tag'; did you mean 'tags'?"
        },
    )


def test_a_contact_that_there_is_not_is_not_found(joey: Account) -> None:
    assert joey.get("contact/43") == (404, {"message": "There is no contact '43'"})


def test_an_id_with_a_slash_is_read(account: Account) -> None:
    """The reporting side took the percent-encoded slash for a path's."""
    account.send("contact", {"contact_id": "a/b c"})

    assert account.contact("a%2Fb%20c")["contact_id"] == "a/b c"


def test_of_contacts_with_one_email_the_oldest_is_read(account: Account) -> None:
    account.send("contact", {"contact_id": 1, "email": "joey@bloggs.com"})
    account.send("contact", {"contact_id": 2})
    account.send("contact", {"contact_id": 2, "email": "joey@bloggs.com"})

    assert account.contact("joey@bloggs.com")["contact_id"] == "1"


def test_a_contact_is_read_in_whatever_integration_it_is(joey: Account) -> None:
    joey.on("payments").send("contact", {"contact_id": "cus_1"})

    assert joey.contact("cus_1")["contact_id"] == "cus_1"


def test_head_answers_as_get_without_a_body(served: Account) -> None:
    served.send("contact", {"contact_id": 42})

    answer = served.request("HEAD", f"/{served.id}/contact/42")

    assert (answer.status, answer.content) == (200, b"")


@pytest.mark.parametrize(("currency", "total"), [("USD", 12.5), ("JPY", 1250), ("KWD", 12.5)])
def test_amounts_are_in_units_of_the_accounts_currency(
    account: Account, currency: str, total: float
) -> None:
    account_id, key = access.create_account(account.engine, "Tea", currency)
    other = type(account)(account.door, account.engine, account_id, key, "").on("crm")
    other.send("contact", {"contact_id": 42})
    other.order("1", contact_id=42, amount=1250)

    assert other.contact("42", "orders")["orders"][0]["total"] == total


def test_an_order_that_comes_while_a_contact_is_read_is_not_seen_in_half(
    joey: Account, store_url: str
) -> None:
    """Its lines were found without the order, which was a fault of the server."""
    store = open_writer(store_url)
    pk = access.account_pk(joey.engine, joey.id)
    order: dict[str, Any] = {
        "id": "late", "contact_id": "42", "amount": 5, "paid": 5, "date_created": 0,
        "items": [{"product_id": "tea", "amount": 5}],
    }  # fmt: skip

    @event.listens_for(joey.engine, "before_cursor_execute")
    def arrive(*statement: Any) -> None:
        if "FROM order_items" in statement[2]:
            apply(store, [Operation("POST invoice", pk, 1, order)])

    contact = joey.contact("42", "orders")
    event.remove(joey.engine, "before_cursor_execute", arrive)
    store.close()

    assert contact["orders"] == []
    assert len(joey.contact("42", "orders")["orders"][0]["line_items"]) == 1


# -- the import side -----------------------------------------------------------------------------


def contacts(answer: Answer) -> list[str]:
    """The ids of the contacts in an answer."""
    assert (answer.status, answer.body["status"]) == (200, "success")
    return [contact["contact_id"] for contact in answer.body["contact"]]


def test_the_import_side_answers_a_contact_too(joey: Account) -> None:
    answer = joey.request("GET", f"{joey.root}/contact/42")

    assert (answer.status, answer.body) == (200, {"status": "success", "contact": CORE})


@pytest.mark.parametrize("path", ["contact", "contact/", "request"])
def test_the_newest_contacts_of_an_integration_are_listed(account: Account, path: str) -> None:
    """The app guide's example of an API call reads Body > contact."""
    for number in range(25):
        account.send("contact", {"contact_id": number})
    account.on("payments").send("contact", {"contact_id": "cus_1"})

    def listed(query: str = "") -> list[str]:
        return contacts(account.request("GET", f"{account.root}/{path}{query}"))

    assert listed() == [str(number) for number in range(24, 4, -1)]
    assert listed("?page=2") == ["4", "3", "2", "1", "0"]
    assert listed("?limit=2&page=3") == ["20", "19"]
    assert listed("?page=3") == []


def test_contacts_are_listed_by_email_and_by_id(joey: Account) -> None:
    joey.send("contact", {"contact_id": 43, "email": "other@bloggs.com"})

    def listed(query: str) -> list[str]:
        return contacts(joey.request("GET", f"{joey.root}/contact?{query}"))

    assert listed("email=JOEY%2Btea@bloggs.com") == ["42"]
    assert listed("contact_id=43") == ["43"]
    assert listed("contact_id=43&email=joey%2Btea@bloggs.com") == []


def test_the_guides_own_request_answers_the_newest_of_the_whole_account(joey: Account) -> None:
    joey.on("payments").send("contact", {"contact_id": "cus_1"})

    assert contacts(joey.request("GET", "/api/request")) == ["cus_1", "42"]


# -- health --------------------------------------------------------------------------------------


def test_health_and_readiness_need_no_key(account: Account) -> None:
    for path in ("/healthz", "/readyz"):
        answer = account.request("GET", path, headers={"authorization": ""})
        assert (answer.status, answer.body) == (200, {"status": "ok"})
