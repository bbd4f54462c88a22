"""`segconnect connection`: saved once it was verified, and the key is never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
