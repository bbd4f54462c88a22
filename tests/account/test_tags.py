"""Tags of the import side: rest/_tags.md and rest/_contacts.md of the API docs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Account, Clock

NOON = "2026-03-01T12:00:00+00:00"


def tags(account: Account, contact: str = "42") -> list[tuple[str, str]]:
    """The tags of a contact: their ids and names."""
    return [(tag["tag_id"], tag["name"]) for tag in account.contact(contact, "tags")["tags"]]


def names(account: Account, contact: str = "42") -> list[str]:
    """The names of a contact's tags."""
    return [name for _, name in tags(account, contact)]


def test_tags_sent_with_a_contact_replace_the_ones_it_has(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "tags": ["New Lead", "Webinar"]})

    account.send("contact", {"contact_id": 42, "tags": ["Platinum"]})

    assert names(account) == ["Platinum"]


@pytest.mark.parametrize(("given", "left"), [([], []), (None, ["Webinar"])])
def test_an_empty_list_takes_all_tags_away_and_null_none(
    account: Account, given: Any, left: list[str]
) -> None:
    account.send("contact", {"contact_id": 42, "tags": ["Webinar"]})

    account.send("contact", {"contact_id": 42, "tags": given})

    assert names(account) == left


def test_a_contact_sent_without_tags_keeps_them(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "tags": ["Webinar"]})

    account.send("contact", {"contact_id": 42, "first_name": "Joey"})

    assert names(account) == ["Webinar"]


def test_tags_add_appends_and_answers_the_contact(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "tags": ["Webinar"]})

    status, answer = account.post("tags/add", {"contact_id": 42, "tags": ["Platinum"]})

    assert (status, answer["status"], answer["contact"]["contact_id"]) == (200, "success", "42")
    assert names(account) == ["Platinum", "Webinar"]


def test_tags_remove_takes_these_and_leaves_the_others(account: Account) -> None:
    account.send("contact", {"email": "joey@bloggs.com", "tags": ["A", "B", "C"]})

    account.send("tags/remove", {"email": "joey@bloggs.com", "tags": ["A", "C", "Never had"]})

    assert names(account, "joey@bloggs.com") == ["B"]


def test_tags_come_as_ids_names_objects_or_a_mix(account: Account) -> None:
    account.send("contact", {"contact_id": 1, "tags": [{"id": 7, "name": "Webinar"}]})

    account.send(
        "contact",
        {
            "contact_id": 42,
            "tags": [7, "New Lead", {"name": "Platinum"}, {"id": "9"}, {"id": 10, "name": "VIP"}],
        },
    )

    assert sorted(tags(account)) == [
        ("10", "VIP"),
        ("7", "Webinar"),
        ("9", "9"),
        ("New Lead", "New Lead"),
        ("Platinum", "Platinum"),
    ]


@pytest.mark.parametrize(
    "ref",
    [
        "7",
        7,
        "Webinar",
        {"id": 7},
        {"name": "Webinar"},
        {"tag_id": 7},
        {"id": 7, "name": "Webinar"},
    ],
)
def test_a_tag_is_removed_by_whatever_names_it(account: Account, ref: Any) -> None:
    account.send("contact", {"contact_id": 42, "tags": [{"id": 7, "name": "Webinar"}, "Other"]})

    account.send("tags/remove", {"contact_id": 42, "tags": [ref]})

    assert names(account) == ["Other"]


def test_removing_a_tag_that_nobody_knows_creates_none(account: Account) -> None:
    account.send("contact", {"contact_id": 42})

    account.send("tags/remove", {"contact_id": 42, "tags": ["Webinar", {"id": 7, "name": "VIP"}]})

    assert account.rows("tags") == 0


def test_a_tag_is_applied_when_its_date_says_and_now_without(account: Account) -> None:
    account.send("contact", {"contact_id": 42})

    account.send(
        "tags/add",
        {
            "contact_id": 42,
            "tags": [{"id": 7, "name": "Old", "date": "2015-01-02 03:04:05"}, "New"],
        },
    )

    assert account.contact("42", "tags")["tags"] == [
        {
            "tag_id": "7",
            "name": "Old",
            "contact_id": "42",
            "date_created": "2015-01-02T03:04:05+00:00",
        },
        {"tag_id": "New", "name": "New", "contact_id": "42", "date_created": NOON},
    ]


def test_the_first_second_of_1970_is_a_date(account: Account) -> None:
    """It was taken for none, and the tag was dated now."""
    tag = {"name": "Old", "date": "1970-01-01 00:00:00"}

    account.send("contact", {"contact_id": 42, "tags": [tag]})

    assert account.contact("42", "tags")["tags"][0]["date_created"] == "1970-01-01T00:00:00+00:00"


def test_a_tag_sent_again_keeps_its_date_unless_another_is_given(
    account: Account, clock: Clock
) -> None:
    def dates() -> dict[str, str]:
        return {
            tag["name"]: tag["date_created"][:10] for tag in account.contact("42", "tags")["tags"]
        }

    account.send("contact", {"contact_id": 42, "tags": ["A", "B"]})
    clock.set("2026-03-05")

    account.send("contact", {"contact_id": 42, "tags": ["A", {"name": "B", "date": "2026-01-01"}]})
    account.send("tags/add", {"contact_id": 42, "tags": ["A", "C"]})

    assert dates() == {"A": "2026-03-01", "B": "2026-01-01", "C": "2026-03-05"}


def test_a_tag_taken_away_and_added_again_is_dated_anew(account: Account, clock: Clock) -> None:
    account.send("contact", {"contact_id": 42, "tags": ["A"]})
    clock.set("2026-03-05")

    account.batch(
        [
            ("POST tags/remove", {"contact_id": 42, "tags": ["A"]}),
            ("POST tags/add", {"contact_id": 42, "tags": ["A"]}),
        ]
    )

    assert account.contact("42", "tags")["tags"][0]["date_created"] == "2026-03-05T00:00:00+00:00"


def test_the_same_tag_twice_in_one_call_is_one(account: Account) -> None:
    account.send(
        "contact",
        {"contact_id": 42, "tags": ["A", "A", {"name": "A", "date": "2026-01-01"}, {"id": "A"}]},
    )

    assert tags(account) == [("A", "A")]
    assert account.contact("42", "tags")["tags"][0]["date_created"] == "2026-01-01T00:00:00+00:00"


def test_a_tag_first_known_by_its_name_gets_its_id_when_that_comes(account: Account) -> None:
    account.send("contact", {"contact_id": 1, "tags": ["Webinar"]})

    account.send("contact", {"contact_id": 42, "tags": [{"id": 7, "name": "Webinar"}]})

    assert tags(account, "1") == tags(account) == [("7", "Webinar")]


def test_an_id_with_another_name_renames_the_tag_for_all_who_have_it(account: Account) -> None:
    account.send("contact", {"contact_id": 1, "tags": [{"id": 7, "name": "Webinar"}]})

    account.send("contact", {"contact_id": 42, "tags": [{"id": 7, "name": "Seminar"}]})

    assert tags(account, "1") == tags(account) == [("7", "Seminar")]


def test_of_two_tags_with_one_name_the_name_means_the_older(account: Account) -> None:
    """Which one it was depended on what else its group held."""
    both = [{"id": 2, "name": "Webinar"}, {"id": 1, "name": "Webinar"}]
    account.send("contact", {"contact_id": 1, "tags": both})

    account.batch(
        [
            ("POST contact", {"contact_id": 42, "tags": ["Webinar"]}),
            ("POST contact", {"contact_id": 43, "tags": [{"id": 1}]}),
        ]
    )

    assert tags(account) == [("2", "Webinar")]


def test_tags_belong_to_their_integration(account: Account) -> None:
    payments = account.on("payments")
    account.send("contact", {"contact_id": 42, "tags": [{"id": 7, "name": "Webinar"}]})

    payments.send("contact", {"contact_id": 43, "tags": [7]})

    assert tags(account, "43") == [("7", "7")]


@pytest.mark.parametrize("path", ["tags/add", "tags/remove"])
@pytest.mark.parametrize(
    ("whose", "told"),
    [
        ({"contact_id": 43}, "no contact with contact_id '43'"),
        ({"email": "nobody@bloggs.com"}, "no contact with email 'nobody@bloggs.com'"),
        ({"contact_id": 43, "email": "nobody@bloggs.com"}, "no contact with contact_id '43'"),
    ],
)
def test_tags_of_a_contact_that_is_not_known_are_refused(
    account: Account, path: str, whose: dict[str, Any], told: str
) -> None:
    assert account.post(path, {**whose, "tags": ["Webinar"]}) == (
        400,
        {"status": "error", "errors": [told]},
    )
    assert (account.rows("tags"), account.rows("contacts")) == (0, 0)


def test_tags_find_a_contact_by_email_where_the_id_is_not_known(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})

    account.send("tags/add", {"contact_id": 9, "email": "joey@bloggs.com", "tags": ["Webinar"]})

    assert names(account) == ["Webinar"]


@pytest.mark.parametrize("path", ["tags/add", "tags/remove"])
def test_tags_are_needed_and_each_names_something(account: Account, path: str) -> None:
    account.send("contact", {"contact_id": 42})

    nothing = account.post(path, {"contact_id": 42})
    wrong = account.post(path, {"tags": [{}, None, True, ["a"], "", {"id": "x" * 192}]})

    assert nothing == (400, {"status": "error", "errors": ["missing 'tags' field"]})
    assert wrong == (
        400,
        {
            "status": "error",
            "errors": [
                "'tags.0' field: a tag needs an 'id' or a 'name'",
                "missing 'tags.1' field",
                "'tags.2' field: true is not an ID; expected a text or a whole number",
                "'tags.3' field: an array is not an ID; expected a text or a whole number",
                "'tags.4' field: is empty; expected an ID",
                "'tags.5.id' field: is longer than 191 characters",
                "missing 'contact_id' or 'email' field",
            ],
        },
    )


def test_a_name_of_191_characters_and_of_emoji_is_a_tag(account: Account) -> None:
    """Longer ones came through on SQLite and were refused by PostgreSQL."""
    longest = "👩‍💻" + "名" * 188

    account.send("contact", {"contact_id": 42, "tags": [longest]})

    assert names(account) == [longest]
    assert account.post("contact", {"contact_id": 42, "tags": [{"name": longest + "!"}]}) == (
        400,
        {"status": "error", "errors": ["'tags.0.name' field: is longer than 191 characters"]},
    )


def test_a_thousand_tags_come_in_one_call_and_no_more(account: Account) -> None:
    many = [f"Tag {number:04}" for number in range(1001)]

    account.send("contact", {"contact_id": 42, "tags": many[:1000]})
    refused = account.post("contact", {"contact_id": 42, "tags": many})

    assert names(account) == many[:1000]
    assert refused == (
        400,
        {
            "status": "error",
            "errors": ["'tags' field: expected at most 1000 items, found an array"],
        },
    )
