"""Contacts of the import side: rest/_contacts.md of the API docs, and what it leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Account, Clock

NOON = "2026-03-01T12:00:00+00:00"


def joey(**fields: Any) -> dict[str, Any]:
    """The core of a contact as the account answers it."""
    return {
        "contact_id": "42",
        "first_name": None,
        "last_name": None,
        "email": "joey@bloggs.com",
        "status": "active",
        "date_created": NOON,
        "last_updated": NOON,
        "custom_fields": {},
        **fields,
    }


def test_the_example_of_the_api_docs_adds_a_contact(account: Account) -> None:
    answer = account.post(
        "contact",
        {
            "contact_id": 42,
            "email": "Joey@Bloggs.com ",
            "first_name": "Joey",
            "last_name": "Bloggs",
            "status": "inactive",
            "date_created": "2026-02-03 04:05:06",
            "last_updated": "2026-02-04T05:06:07+01:00",
            "utm_source": "google",
            "utm_medium": "cpc",
            "utm_campaign": "spring",
            "utm_content": "video",
            "utm_term": "green tea",
            "referring_url": "https://example.com/",
            "optin_url": "https://bloggs.com/tea",
            "ip_address": "203.0.113.7",
            "affiliate_id": 9,
            "geo_lat": "59.91",
            "geo_lon": 10.75,
            "tags": ["New Lead", 17, {"id": 3, "name": "Webinar", "date": "2026-02-28"}],
            "custom_fields": {"company": "Acme", "seats": 4, "vip": True, "score": 1.5},
        },
    )

    assert answer == (
        200,
        {
            "status": "success",
            "contact": joey(
                first_name="Joey",
                last_name="Bloggs",
                status="inactive",
                date_created="2026-02-03T04:05:06+00:00",
                last_updated="2026-02-04T04:06:07+00:00",
                custom_fields={"company": "Acme", "score": 1.5, "seats": 4, "vip": True},
            ),
        },
    )


def test_fields_that_are_not_known_are_left_aside(account: Account) -> None:
    assert account.send("contact", {"contact_id": 42, "shoe_size": [1, {"a": None}]}) == joey(
        email=None
    )


@pytest.mark.parametrize(
    "body", [{}, {"first_name": "Joey"}, {"contact_id": None, "email": ""}, {"email": None}]
)
def test_a_contact_needs_an_id_or_an_email(account: Account, body: Any) -> None:
    assert account.post("contact", body) == (
        400,
        {"status": "error", "errors": ["missing 'contact_id' or 'email' field"]},
    )
    assert account.rows("contacts") == 0


def test_every_problem_is_told_at_once(account: Account) -> None:
    body = {
        "status": "asleep",
        "date_created": "soon",
        "geo_lat": 91,
        "tags": "New Lead",
        "custom_fields": {"a": {}},
    }

    status, answer = account.post("contact", body)

    assert (status, answer["status"]) == (400, "error")
    assert answer["errors"] == [
        "'status' field: expected 'active' or 'inactive', found 'asleep'",
        "'date_created' field: 'soon' is not a supported date; expected for example"
        " 2016-06-20 17:26:44, 06/20/2016 or 20.6.2016",
        "'geo_lat' field: expected at most 90.0, found 91",
        "'tags' field: expected an array, found 'New Lead'",
        "'custom_fields.a' field: expected a text, number, boolean or null",
        "missing 'contact_id' or 'email' field",
    ]


def test_a_contact_id_is_looked_for_before_an_email(account: Account) -> None:
    account.send("contact", {"contact_id": 1, "email": "one@x.no"})
    account.send("contact", {"contact_id": 2, "email": "two@x.no"})

    account.send("contact", {"contact_id": 1, "email": "two@x.no", "first_name": "One"})

    assert account.contact("1")["email"] == "two@x.no"
    assert account.contact("1")["first_name"] == "One"
    assert account.contact("2")["first_name"] is None
    assert account.contact("one@x.no") is None
    assert account.rows("contacts") == 2


def test_an_id_as_number_and_as_text_is_the_same(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "first_name": "Joey"})
    account.send("contact", {"contact_id": "42", "last_name": "Bloggs"})

    assert account.contact("42") == joey(email=None, first_name="Joey", last_name="Bloggs")


def test_emails_that_differ_in_case_are_one(account: Account) -> None:
    account.send("contact", {"email": "joey@bloggs.com"})
    account.send("contact", {"email": " JOEY@Bloggs.COM"})

    assert account.rows("contacts") == 1


def test_an_id_sent_with_a_known_email_rekeys_the_contact_with_all_it_has(
    account: Account,
) -> None:
    own = account.send(
        "contact", {"email": "joey@bloggs.com", "tags": ["Lead"], "custom_fields": {"a": 1}}
    )
    account.order("1", email="joey@bloggs.com")

    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    contact = account.contact("42", "tags,orders")
    assert account.contact(own["contact_id"]) is None
    assert [tag["name"] for tag in contact["tags"]] == ["Lead"]
    assert [each["order_id"] for each in contact["orders"]] == ["1"]
    assert contact["custom_fields"] == {"a": 1}
    assert account.contact("joey@bloggs.com")["contact_id"] == "42"


def test_a_contact_known_by_email_alone_gets_the_same_id_when_it_comes_again(
    account: Account,
) -> None:
    first = account.send("contact", {"email": "joey@bloggs.com"})
    account.delete("contact/joey@bloggs.com")

    assert account.send("contact", {"email": "joey@bloggs.com"}) == first


def test_what_is_absent_stays_and_null_empties(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "first_name": "Joey", "last_name": "Bloggs"})

    account.send("contact", {"contact_id": 42, "last_name": None})

    assert account.contact("42") == joey(email=None, first_name="Joey", last_name=None)


@pytest.mark.parametrize("nothing", ["", None])
def test_an_empty_status_or_date_changes_nothing(account: Account, nothing: str | None) -> None:
    before = account.send(
        "contact", {"contact_id": 42, "status": "inactive", "date_created": "2026-01-02"}
    )

    after = account.send("contact", {"contact_id": 42, "status": nothing, "date_created": nothing})

    assert after == before


def test_a_status_is_read_whatever_its_case(account: Account) -> None:
    assert account.send("contact", {"contact_id": 42, "status": "Inactive"})["status"] == "inactive"


def test_a_null_email_or_id_beside_the_other_changes_neither(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    account.send("contact", {"contact_id": 42, "email": None})
    account.send("contact", {"contact_id": "", "email": "joey@bloggs.com"})

    assert account.contact("42") == joey()
    assert account.rows("contacts") == 1


def test_an_update_is_dated_now_and_keeps_when_the_contact_was_created(
    account: Account, clock: Clock
) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    clock.set("2026-03-02 12:00:00")

    account.send("contact", {"contact_id": 42})

    assert account.contact("42") == joey(last_updated="2026-03-02T12:00:00+00:00")


def test_custom_fields_are_merged_and_null_removes_one(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "custom_fields": {"a": 1, "b": "two", "c": True}})

    account.send("contact", {"contact_id": 42, "custom_fields": {"b": None, "c": "", "d": 0}})

    assert account.contact("42")["custom_fields"] == {"a": 1, "c": "", "d": 0}


@pytest.mark.parametrize("nothing", [{}, [], None])
def test_custom_fields_without_keys_change_nothing(account: Account, nothing: Any) -> None:
    account.send("contact", {"contact_id": 42, "custom_fields": {"a": 1}})

    account.send("contact", {"contact_id": 42, "custom_fields": nothing})

    assert account.contact("42")["custom_fields"] == {"a": 1}


@pytest.mark.parametrize("value", [[], {}, ["a"], {"a": 1}, 2**63, -(2**63) - 1])
def test_a_custom_field_is_a_plain_value(account: Account, value: Any) -> None:
    assert account.post("contact", {"contact_id": 42, "custom_fields": {"a": value}}) == (
        400,
        {
            "status": "error",
            "errors": ["'custom_fields.a' field: expected a text, number, boolean or null"],
        },
    )


def test_numbers_are_kept_to_the_last_digit(account: Account) -> None:
    fields = {"a": 2**63 - 1, "b": -(2**63) + 1, "c": 0.1, "d": 1e300, "e": -0.5}

    account.send("contact", {"contact_id": 42, "custom_fields": fields})

    assert account.contact("42")["custom_fields"] == fields


def test_texts_of_every_script_are_kept(account: Account) -> None:
    name = "Ünï 名前 👩‍💻 \u202e \ufffd \ue000 \U0010ffff \t\n'\"\\%s"

    account.send(
        "contact", {"contact_id": "ключ", "first_name": name, "custom_fields": {name: name}}
    )

    contact = account.contact("%D0%BA%D0%BB%D1%8E%D1%87")
    assert (contact["first_name"], contact["custom_fields"]) == (name, {name: name})


# -- deleting ------------------------------------------------------------------------------------


def test_deleting_by_id_answers_as_the_docs_do(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    assert account.delete("contact/42") == (
        200,
        {"id": "42", "status": "success", "object": "contact", "deleted": True},
    )
    assert account.contact("42") is None


def test_deleting_by_email_deletes_every_contact_with_it_and_no_other(account: Account) -> None:
    account.send("contact", {"contact_id": 1, "email": "joey@bloggs.com", "tags": ["Lead"]})
    account.send("contact", {"contact_id": 2})
    account.send("contact", {"contact_id": 2, "email": "joey@bloggs.com"})
    account.send("contact", {"contact_id": 3, "email": "chandler@bloggs.com"})

    assert account.delete("contact/Joey%40Bloggs.com") == (
        200,
        {"id": "Joey@Bloggs.com", "status": "success", "object": "contact", "deleted": True},
    )

    assert [account.contact(each) and each for each in "123"] == [None, None, "3"]
    assert account.rows("contact_tags") == 0


def test_an_email_with_a_plus_is_deleted_by_its_percent_encoded_form(account: Account) -> None:
    account.send("contact", {"email": "joey+tea@bloggs.com"})

    assert account.delete("contact/joey%2Btea%40bloggs.com")[1]["deleted"] is True
    assert account.rows("contacts") == 0


def test_deleting_a_contact_that_is_not_there_says_so(account: Account) -> None:
    assert account.delete("contact/42") == (
        200,
        {"id": "42", "status": "success", "object": "contact", "deleted": False},
    )


def test_deleting_keeps_orders_and_subscriptions_which_wait_for_the_email(
    account: Account,
) -> None:
    account.send("contact", {"contact_id": 1, "email": "joey@bloggs.com"})
    account.order("by id", contact_id=1)
    account.order("by email", email="joey@bloggs.com")
    account.subscription("s", contact_id=1)

    account.delete("contact/1")
    account.send("contact", {"contact_id": 2, "email": "joey@bloggs.com"})

    contact = account.contact("2", "orders,subscriptions")
    assert [each["order_id"] for each in contact["orders"]] == ["by id", "by email"]
    assert [each["subscription_id"] for each in contact["subscriptions"]] == ["s"]


def test_what_a_deleted_contact_had_goes_to_another_of_its_email(account: Account) -> None:
    payments = account.on("payments")
    account.send("contact", {"contact_id": "crm", "email": "joey@bloggs.com"})
    payments.send("contact", {"contact_id": "cus_1", "email": "joey@bloggs.com"})
    payments.order("1", email="joey@bloggs.com")

    payments.delete("contact/cus_1")

    assert [each["order_id"] for each in account.contact("crm", "orders")["orders"]] == ["1"]


def test_a_deleted_contact_that_comes_again_has_nothing_of_its_old_fields(
    account: Account,
) -> None:
    account.send(
        "contact",
        {"contact_id": 42, "first_name": "Joey", "custom_fields": {"a": 1}, "tags": ["Lead"]},
    )
    account.delete("contact/42")

    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    assert account.contact("42", "tags") == joey(tags=[])


# -- in one group --------------------------------------------------------------------------------


def test_contacts_that_swap_their_ids_in_one_batch_keep_all_else(account: Account) -> None:
    """Written one after the other, the first would have met the second's old id."""
    account.send("contact", {"contact_id": 1, "email": "one@x.no", "tags": ["One"]})
    account.send("contact", {"contact_id": 2, "email": "two@x.no", "tags": ["Two"]})

    results = account.batch(
        [
            ("POST contact", {"contact_id": 3, "email": "one@x.no"}),
            ("POST contact", {"contact_id": 1, "email": "two@x.no"}),
            ("POST contact", {"contact_id": 2, "email": "one@x.no"}),
        ]
    )

    assert [status for status, _ in results] == [200, 200, 200]
    assert [
        (account.contact(each)["email"], account.contact(each, "tags")["tags"][0]["name"])
        for each in "12"
    ] == [("two@x.no", "Two"), ("one@x.no", "One")]


def test_an_id_of_our_own_is_free_for_whoever_has_its_email_next(account: Account) -> None:
    """A contact kept the id made from an email that it had lost, and the next one was refused."""
    payments = account.on("payments")
    account.send("contact", {"contact_id": "crm", "email": "joey@bloggs.com"})
    own = payments.send("contact", {"email": "joey@bloggs.com"})["contact_id"]
    payments.send("contact", {"contact_id": own, "email": "chandler@bloggs.com"})

    joey_again = payments.send("contact", {"email": "joey@bloggs.com"})

    assert joey_again["contact_id"] != own
    assert account.rows("contacts") == 3


def test_a_contact_added_and_deleted_in_one_batch_stays_deleted(account: Account) -> None:
    """PostgreSQL wrote it again with the next contact, out of its staging table."""
    account.batch(
        [
            ("POST contact", {"contact_id": 1, "tags": ["Lead"]}),
            {"endpoint": "DELETE contact/1"},
            ("POST contact", {"contact_id": 2}),
        ]
    )

    assert [account.contact(each) and each for each in "12"] == [None, "2"]
    assert account.rows("contact_tags") == 0


def test_who_gets_a_deleted_contacts_orders_is_who_has_its_email_at_that_moment(
    account: Account,
) -> None:
    """And not who had it before the batch."""
    account.send("contact", {"contact_id": 1, "email": "joey@bloggs.com"})
    account.order("100", email="joey@bloggs.com")
    account.send("contact", {"contact_id": 2})
    account.send("contact", {"contact_id": 2, "email": "joey@bloggs.com"})

    account.batch(
        [
            ("POST contact", {"contact_id": 2, "email": "chandler@bloggs.com"}),
            {"endpoint": "DELETE contact/1"},
            ("POST contact", {"contact_id": 3, "email": "joey@bloggs.com"}),
        ]
    )

    assert [
        [order["order_id"] for order in account.contact(each, "orders")["orders"]] for each in "23"
    ] == [[], ["100"]]
