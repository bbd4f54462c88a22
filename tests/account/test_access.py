"""Who may do what to whose data: keys, accounts and integrations."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from urllib.parse import quote

import pytest

from segconnect.account.owner import access
from segconnect.errors import UsageError
from tests.conftest import Account, Clock

REFUSED = {"status": "error", "errors": ["not authorized: check API key and account ID"]}
BODY = {"contact_id": 42}


@pytest.mark.parametrize("form", ["{}", "Basic {}", "Bearer {}", "bearer {}", "BASIC   {} ", " {}"])
def test_a_key_is_taken_bare_and_after_basic_or_bearer(account: Account, form: str) -> None:
    header = {"authorization": form.format(account.key)}

    answer = account.request("POST", f"{account.root}/contact", BODY, header)

    assert answer.status == 200


def test_every_wrong_key_gets_the_same_answer(account: Account) -> None:
    """Whether the key, the account or both are wrong is not told."""
    other = account.another()
    keys = ["", "x", account.key[:-1], account.key.swapcase(), account.key + "x", other.key]
    keys += [
        f"Digest {account.key}",
        f"{account.key} {account.key}",
        "\xff" * 22,
        "Bearer",
        "Basic ",
    ]

    answers = [
        account.request("POST", f"{root}/contact", BODY, {"authorization": key})
        for key in keys
        for root in (account.root, f"/api/v1/nobody/{account.integration}")
    ]

    assert {(answer.status, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert answers[0].body == REFUSED
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
    assert account.rows("contacts") == 0


@pytest.mark.parametrize(
    "target", ["/{}/contact/42", "/api/request", "/{}/contact/42?extend=tags", "/nobody/contact/42"]
)
def test_reading_needs_the_key_of_the_account(account: Account, target: str) -> None:
    account.send("contact", BODY)
    other = account.another()
    headers = [{"authorization": ""}, {"authorization": "x" * 22}]
    if "{}" in target:
        headers.append({"authorization": other.key})

    answers = [account.request("GET", target.format(account.id), b"", each) for each in headers]

    assert [(answer.status, answer.body) for answer in answers] == [
        (401, {"message": "Not authorized: check API key and account ID"})
    ] * len(headers)


def test_accounts_cannot_see_or_touch_one_another(account: Account) -> None:
    other = account.another()
    for each, name in ((account, "Joey"), (other, "Chandler")):
        each.send("contact", {"contact_id": 42, "email": "same@x.no", "first_name": name,
                              "tags": [{"id": 7, "name": f"Of {name}"}]})  # fmt: skip
        each.order("100", email="same@x.no")
        waiting = each.order("101", email=f"{name}@x.no")
        each.send("product", {"id": "tea", "name": f"Tea of {name}"})

    account.send("contact", {"contact_id": 43, "email": "chandler@x.no"})
    account.delete("invoice/100")
    account.delete("contact/same@x.no")

    contact = other.contact("42", "tags,orders")
    assert account.contact("42") is None
    assert contact["first_name"] == "Chandler"
    assert [tag["name"] for tag in contact["tags"]] == ["Of Chandler"]
    assert contact["orders"][0]["line_items"][0]["product_name"] == "Tea of Chandler"
    assert (waiting["contact_id"], other.contact("chandler@x.no")) == (None, None)


def test_the_integration_of_another_account_is_as_one_that_there_is_not(account: Account) -> None:
    other = account.another()
    told = "the account has no integration '{}'"

    answers = [
        account.request("POST", f"/api/v1/{account.id}/{quote(each, safe='')}/contact", BODY)
        for each in (other.integration, "nothing", account.id, "a/b", "\0", "'")
    ]

    assert [(answer.status, answer.body["errors"]) for answer in answers] == [
        (404, [told.format(each)])
        for each in (other.integration, "nothing", account.id, "a/b", "\0", "'")
    ]
    assert account.rows("contacts") == 0


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1",
        "/api/v1/",
        "/api/v1//{1}/contact",
        "/api/v1/{0}",
        "/api/v1/{0}/",
        "/api/v1/{0}//contact",
        "/api%2Fv1/{0}/{1}/contact",
        "//api/v1/{0}/{1}/contact",
        "/API/v1/{0}/{1}/contact",
    ],
)
def test_a_path_names_account_and_integration(account: Account, path: str) -> None:
    """Without an account it was taken for the key's own."""
    answer = account.request("GET", path.format(account.id, account.integration))

    assert answer.status == 404
    assert "contact" not in answer.body


def test_two_integrations_of_an_account_have_contacts_of_their_own(account: Account) -> None:
    payments = account.on("payments")

    account.send("contact", {"contact_id": 42, "first_name": "Joey"})
    payments.send("contact", {"contact_id": 42, "first_name": "Joseph"})
    payments.delete("contact/42")

    assert account.contact("42")["first_name"] == "Joey"


def test_a_key_opens_nothing_within_a_second_of_being_revoked(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_key = access.create_key(account.engine, account.id)
    account.send("contact", BODY)

    left = access.revoke_key(account.engine, account.id, account.key)
    later = monotonic() + access.FRESH_SECONDS
    monkeypatch.setattr(access, "monotonic", lambda: later)

    assert left == 1
    assert account.post("contact", BODY) == (401, REFUSED)
    assert account.get("contact/42")[0] == 401
    other = {"authorization": other_key}
    assert account.request("POST", f"{account.root}/contact", BODY, other).status == 200


def test_a_key_is_revoked_by_its_last_four_characters_too(account: Account) -> None:
    key = access.create_key(account.engine, account.id)

    access.revoke_key(account.engine, account.id, key[-4:])

    header = {"authorization": key}
    assert account.request("POST", f"{account.root}/contact", BODY, header).status == 401


def test_a_key_is_revoked_by_its_own_account_only(account: Account) -> None:
    with pytest.raises(UsageError, match="no key of this account ends like this"):
        access.revoke_key(account.engine, account.another().id, account.key)

    account.send("contact", BODY)


def test_names_of_integrations_that_are_not_are_not_remembered(account: Account) -> None:
    """A key could fill the memory with them."""
    door = access.Doorkeeper(account.engine)

    for number in range(3):
        door.look_up(account.key.encode(), account.id, f"nothing-{number}")
    door.look_up(account.key.encode(), account.id, account.integration)

    assert len(door._known) == 1


@pytest.mark.parametrize(
    ("name", "currency", "timezone", "told"),
    [
        (" ", "USD", "UTC", "the account's name is empty"),
        ("Tea", "EURO", "UTC", "'EURO' is not a currency"),
        ("Tea", "E1R", "UTC", "'E1R' is not a currency"),
        ("Tea", "EUR", "Europe/Atlantis", "unknown time zone 'Europe/Atlantis'"),
    ],
)
def test_an_account_has_a_name_a_currency_and_a_zone(
    account: Account, name: str, currency: str, timezone: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        access.create_account(account.engine, name, currency, timezone)

    assert len(access.list_accounts(account.engine)) == 1


def test_an_integration_has_a_kind_and_a_name(account: Account) -> None:
    with pytest.raises(UsageError, match=r"unknown kind of integration 'payment'; did you mean"):
        access.create_integration(account.engine, account.id, "payment", "Shop")
    with pytest.raises(UsageError, match="the integration's name is empty"):
        access.create_integration(account.engine, account.id, "crm", " ")
    with pytest.raises(UsageError, match="there is no account 'nobody' in this store"):
        access.create_integration(account.engine, "nobody", "crm", "Shop")


def test_accounts_are_listed_with_their_integrations(account: Account) -> None:
    account.on("ads")

    assert [
        (each["name"], [(one["kind"], one["name"]) for one in each["integrations"]])
        for each in access.list_accounts(account.engine)
    ] == [("Bloggs Tea", [("crm", "A crm"), ("ads", "A ads")])]


@pytest.mark.parametrize("grace", access.GRACES)
def test_a_renewed_key_is_good_until_its_grace_ends(
    account: Account, clock: Clock, grace: int
) -> None:
    began = clock()
    new = access.renew_key(account.engine, account.id, account.key, grace)
    ends = [grace - 1, grace] if grace else [0]

    def is_good(key: str) -> bool:
        door = access.Doorkeeper(account.engine)
        return door.look_up(key.encode(), account.id, account.integration) is not None

    found = []
    for passed in ends:
        clock.moment = began + timedelta(seconds=passed)
        found.append(is_good(account.key))
        assert is_good(new)
    assert found == ([True, False] if grace else [False])


def test_no_other_grace_is_taken(account: Account) -> None:
    with pytest.raises(UsageError, match="found 5"):
        access.renew_key(account.engine, account.id, account.key, 5)
    account.send("contact", BODY)
