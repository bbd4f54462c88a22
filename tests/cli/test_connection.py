"""`segconnect connection`: saved once it was verified, and the key is never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segconnect.connections import Connections
from segconnect.credentials import SERVICES
from segconnect.settings import Settings

WRONG_KEY = "w" * 22


def added(shop: Any, *more: str) -> list[str]:
    """Answers the arguments that save a connection to a shop, but for its key."""
    return [
        *("connection", "add", "shop", "--account-id", shop.account_id),
        *("--integration-id", shop.integration_id, "--base-url", shop.base_url, *more),
    ]


def test_a_connection_is_verified_saved_listed_shown_tested_and_deleted(
    segconnect: Any, shop: Any
) -> None:
    ran = segconnect(*added(shop, "--api-key-stdin"), stdin=f"{shop.api_key}\n")
    assert (ran.code, ran.out) == (0, "Connection 'shop' is saved; the account accepts it.\n")

    kept = {
        "name": "shop",
        "service": "segmetrics",
        "account_id": shop.account_id,
        "integration_id": shop.integration_id,
        "base_url": shop.base_url,
    }
    assert segconnect("connection", "list", "--json").json == [kept]
    assert segconnect("connection", "show", "shop", "--json").json == kept
    assert segconnect("connection", "test", "shop").out == (
        "The account accepts connection 'shop'.\n"
    )
    assert segconnect("connection", "test", "shop", "--json").json == {
        "name": "shop",
        "accepted": True,
    }
    assert segconnect("connection", "delete", "shop").out == "Connection 'shop' is deleted.\n"
    assert segconnect("connection", "list", "--json").json == []


def test_the_key_is_never_shown_and_not_readable_on_disk(
    segconnect: Any, connected: Any, tmp_path: Path
) -> None:
    shown = [
        segconnect("connection", "list"),
        segconnect("connection", "show", "shop"),
        segconnect("connection", "test", "shop"),
        segconnect("send", "add-update-contact", "--email", "a@b.c"),
        segconnect("send", "add-update-contact", "--email", "a@b.c", "--dry-run"),
        segconnect("send", "add-update-contact", "--email", "a@b.c", "--dry-run", "--json"),
    ]

    assert all(ran.code == 0 for ran in shown)
    assert not any(connected.api_key in ran.out + ran.err for ran in shown)
    files = [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert files
    assert not any(connected.api_key.encode() in path.read_bytes() for path in files)


def test_the_key_comes_from_the_environment_or_an_option(
    segconnect: Any, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGCONNECT_API_KEY", shop.api_key)
    assert segconnect(*added(shop)).code == 0

    monkeypatch.setenv("SEGCONNECT_API_KEY", WRONG_KEY)
    ran = segconnect(*added(shop, "--api-key", shop.api_key))
    assert (ran.code, ran.out) == (0, "Connection 'shop' is replaced; the account accepts it.\n")


def test_without_a_terminal_a_missing_key_is_told_and_not_waited_for(
    segconnect: Any, shop: Any
) -> None:
    ran = segconnect(*added(shop))

    assert ran.code == 2
    assert "set SEGCONNECT_API_KEY, pipe it in with --api-key-stdin" in ran.err


def test_in_a_terminal_the_key_is_asked_for_and_not_echoed(
    segconnect: Any, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []

    def prompt(text: str, *, hide_input: bool) -> str:
        asked.append((text, hide_input))
        return str(shop.api_key)

    monkeypatch.setattr("typer.prompt", prompt)

    assert segconnect(*added(shop), in_terminal=True).code == 0
    assert asked == [("API Key", True)]


def test_a_key_that_is_given_twice_is_refused(segconnect: Any, shop: Any) -> None:
    ran = segconnect(*added(shop, "--api-key", WRONG_KEY, "--api-key-stdin"), stdin=WRONG_KEY)

    assert ran.code == 2
    assert "give one of them" in ran.err


def test_a_key_that_the_account_does_not_accept_is_not_saved(segconnect: Any, shop: Any) -> None:
    ran = segconnect(*added(shop, "--api-key", WRONG_KEY))

    assert ran.code == 2
    assert "does not accept the API key" in ran.err
    assert WRONG_KEY not in ran.err
    assert segconnect("connection", "list", "--json").json == []


def test_no_verify_saves_what_cannot_be_asked_and_test_says_what_is_wrong(
    segconnect: Any, shop: Any
) -> None:
    ran = segconnect(*added(shop, "--api-key", WRONG_KEY, "--no-verify"))
    assert ran.out == "Connection 'shop' is saved; it was not verified.\n"

    asked = segconnect("connection", "test", "shop")
    assert asked.code == 1
    assert "does not accept the API key" in asked.err
    told = segconnect("connection", "test", "shop", "--json")
    assert told.code == 1
    assert told.json["accepted"] is False


def test_an_integration_that_is_not_the_accounts_is_told(segconnect: Any, shop: Any) -> None:
    ran = segconnect(
        *("connection", "add", "shop", "--account-id", shop.account_id),
        *("--integration-id", "nowhere", "--base-url", shop.base_url, "--api-key", shop.api_key),
    )

    assert ran.code == 2
    assert "Integration ID" in ran.err


def test_all_that_is_wrong_with_a_connection_is_told_at_once(segconnect: Any) -> None:
    ran = segconnect(
        *("connection", "add", " ", "--account-id", "..", "--integration-id", ""),
        *("--base-url", "ftp://x", "--api-key", "two words"),
    )

    assert ran.code == 2
    for label in ("Connection name", "API Key", "Account ID", "Integration ID", "Base URL"):
        assert label in ran.err
    assert "two words" not in ran.err


@pytest.mark.parametrize("command", ["show", "test", "delete"])
def test_an_unknown_connection_is_told_with_the_one_that_was_meant(
    segconnect: Any, connected: Any, command: str
) -> None:
    ran = segconnect("connection", command, "shap")

    assert ran.code == 2
    assert "unknown connection 'shap'; did you mean 'shop'?" in ran.err


def test_without_a_connection_the_list_says_how_to_save_one(segconnect: Any) -> None:
    assert "segconnect connection add" in segconnect("connection", "list").out
    assert segconnect("connection", "show", "shop").code == 2


# -- other services ------------------------------------------------------------------------------

MAIL = ("connection", "add", "mail", "--service", "smtp", "--set", "host=mail.example.com")


def test_credentials_are_saved_listed_shown_and_deleted_and_no_value_is_seen(
    segconnect: Any, tmp_path: Path
) -> None:
    ran = segconnect(
        *(*MAIL, "--set", "user=joey@bloggs.com", "--set-from-file", "password=-", "--no-verify"),
        stdin="Tea-at-five\n",
    )
    assert (ran.code, ran.out) == (0, "Connection 'mail' is saved; it was not verified.\n")

    assert segconnect("connection", "list", "--json").json == [{"name": "mail", "service": "smtp"}]
    assert segconnect("connection", "show", "mail").out == (
        "Connection name  mail\n"
        "Service          smtp\n"
        "Values           (kept encrypted, not shown)\n"
    )
    assert Connections(Settings(data=tmp_path / "here")).credentials("mail") == {
        "host": "mail.example.com",
        "port": 587,
        "user": "joey@bloggs.com",
        "password": "Tea-at-five",
        "tls": "starttls",
    }
    assert segconnect("connection", "delete", "mail").code == 0
    assert segconnect("connection", "list", "--json").json == []


def test_a_secret_comes_from_a_file_or_is_asked_for_and_not_echoed(
    segconnect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text("from-the-file\n")
    add = ("connection", "add", "crm", "--service", "api-key")
    store = Connections(Settings(data=tmp_path / "here"))
    assert segconnect(*add, "--set-from-file", f"key={key}").code == 0
    assert store.credentials("crm") == {"key": "from-the-file"}

    asked: list[tuple[str, bool]] = []

    def prompt(text: str, *, hide_input: bool) -> str:
        asked.append((text, hide_input))
        return "typed"

    monkeypatch.setattr("typer.prompt", prompt)
    assert segconnect(*add, in_terminal=True).code == 0
    assert segconnect(*MAIL, "--set", "user=joey", "--no-verify", in_terminal=True).code == 0
    ran = segconnect(
        "connection", "add", "any", "--service", "values", "--set", "pin", in_terminal=True
    )
    assert ran.code == 0

    assert asked == [("Key", True), ("Password", True), ("pin", True)]
    assert store.credentials("crm") == {"key": "typed"}
    assert store.credentials("any") == {"pin": "typed"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--set", "user=joey"), "there is no password: give --set-from-file password=FILE"),
        (("--set", "=x"), "there is no name before the ="),
        (("--set", "host=again"), "host is given twice"),
        (("--set-from-file", "password=/nowhere"), "/nowhere cannot be read"),
        (("--set-from-file", "password"), "give password=FILE, or password=-"),
        (("--account-id", "A12"), "--account-id: only of connections to SegMetrics"),
        (("--set", "tls=maybe"), "Encryption: is none of"),
        (("--set", "prot=25"), "unknown field 'prot'; did you mean 'port'?"),
    ],
)
def test_what_is_wrong_with_credentials_is_told(
    segconnect: Any, more: tuple[str, ...], told: str
) -> None:
    ran = segconnect(*MAIL, "--no-verify", *more)

    assert ran.code == 2
    assert told in ran.err
    assert segconnect("connection", "list", "--json").json == []


def test_values_without_a_service_and_a_connection_without_ids_are_refused(segconnect: Any) -> None:
    assert "need --service" in segconnect("connection", "add", "x", "--set", "a=b").err
    ran = segconnect("connection", "add", "x", "--api-key", "k")
    assert (ran.code, ran.err) == (2, "segconnect: give --account-id and --integration-id\n")


def test_a_mail_server_is_asked_and_other_credentials_cannot_be_tested(segconnect: Any) -> None:
    ran = segconnect(*MAIL[:-1], "host=127.0.0.1", "--set", "port=1")
    assert ran.code == 2
    assert "'mail': cannot sign in to 127.0.0.1, port 1" in ran.err

    add = ("connection", "add", "crm", "--service", "http-basic", "--set", "user=joey")
    assert segconnect(*add, "--set", "password=tea").code == 0
    ran = segconnect("connection", "test", "crm")
    assert ran.code == 2
    assert "connection 'crm' cannot be tested" in ran.err
    dry = segconnect("send", "delete-contact", "--contact", "7", "--dry-run")
    assert dry.out == "DELETE /v1/ACCOUNT_ID/INTEGRATION_ID/contact/7\n"
    ran = segconnect("send", "delete-contact", "--contact", "7", "--connection", "crm")
    assert "connection 'crm' is for http-basic, and not one to SegMetrics" in ran.err


def test_the_services_are_told_with_all_that_they_take(segconnect: Any) -> None:
    told = segconnect("connection", "services", "--json").json

    assert [each["name"] for each in told] == list(SERVICES)
    assert [field["name"] for field in told[0]["fields"]] == [
        "host", "port", "user", "password", "tls", "from",
    ]  # fmt: skip
    text = segconnect("connection", "services").out
    assert "  password      Password (required, secret). " in text
    assert "One of starttls, ssl, none." in text
