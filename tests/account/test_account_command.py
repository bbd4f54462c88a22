"""`segconnect account`: accounts of one's own, made and listed on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from segconnect.account.owner.access import KEY_ALPHABET
from segconnect.cli import main
from tests.conftest import Account, OverHttp, Postgres, Server, environment

Run = Callable[..., Any]


@pytest.fixture
def run(store_url: str, tmp_path: Path) -> Run:
    """Runs `segconnect account` on the store, and answers the JSON that it prints."""

    def run(*arguments: str, as_json: bool = True, typed: str = "") -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "segconnect", "account", *arguments, "--data", str(tmp_path)]
            + ["--json"] * as_json,
            env={**os.environ, **environment(store_url)},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if as_json else done.stdout

    return run


def contents(store_url: str, directory: Path, request: pytest.FixtureRequest) -> bytes:
    """All that is stored, as bytes."""
    if store_url.startswith("sqlite"):
        return b"".join(path.read_bytes() for path in directory.rglob("segconnect.db*"))
    postgres: Postgres = request.getfixturevalue("postgres")
    database = store_url.rpartition("/")[2].partition("?")[0]
    return repr(postgres.rows("select * from api_keys", database)).encode()


def test_a_new_accounts_key_has_22_characters_and_is_stored_hashed(
    run: Run, store_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = run("create", "Bloggs Tea", "--currency", "eur", "--timezone", "Europe/Oslo")

    key = made["api_key"]
    stored = contents(store_url, tmp_path, request)
    assert set(made) == {"account_id", "api_key"}
    assert (len(key), set(key) - set(KEY_ALPHABET)) == (22, set())
    assert key.encode() not in stored
    assert key[-4:].encode() in stored  # by which a person tells keys apart


def test_an_account_made_on_the_command_line_is_served(
    run: Run, serve: Callable[[], Server], account: Account
) -> None:
    made = run("create", "Bloggs Tea")
    integration = run(
        "integration", "add", "--account", made["account_id"], "--kind", "payments", "Shop"
    )
    door = OverHttp(serve().address)
    client = Account(
        door, account.engine, made["account_id"], made["api_key"], integration["integration_id"]
    )

    client.send("contact", {"contact_id": 42})
    revoked = run("key", "revoke", "--account", made["account_id"], made["api_key"][-4:])

    since = monotonic()
    while client.get("contact/42")[0] == 200:
        assert monotonic() - since < 2
    door.close()
    assert revoked == {"revoked": True, "keys_left": 0}


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_accounts_are_listed_with_their_integrations_and_never_with_a_key(run: Run) -> None:
    made = run("create", "Bloggs Tea", "--currency", "eur")
    integration = run("integration", "add", "--account", made["account_id"], "--kind", "ads", "Ads")

    listed, shown = run("list"), run("list", as_json=False)

    assert [
        (each["account_id"], each["name"], each["currency"], each["integrations"])
        for each in listed
    ] == [
        (
            made["account_id"],
            "Bloggs Tea",
            "EUR",
            [{"integration_id": integration["integration_id"], "kind": "ads", "name": "Ads"}],
        )
    ]
    assert made["account_id"] in shown
    assert made["api_key"] not in f"{listed}{shown}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", " "), "the account's name is empty; give one"),
        (("create", "Tea", "--currency", "EURO"), "'EURO' is not a currency"),
        (("create", "Tea", "--timezone", "Mars"), "unknown time zone 'Mars'"),
        (("key", "new", "--account", "nobody"), "there is no account 'nobody' in this store"),
        (("key", "revoke", "--account", "nobody", "abcd"), "there is no account 'nobody'"),
        (
            ("integration", "add", "--account", "nobody", "--kind", "ads", "Ads"),
            "there is no account 'nobody'",
        ),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    told: str,
) -> None:
    command = ["segconnect", "account", *arguments, "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", command)
    monkeypatch.delenv("SEGCONNECT_DATABASE", raising=False)

    with pytest.raises(SystemExit) as ended:
        main()

    message = capsys.readouterr().err.strip()
    assert ended.value.code == 2
    assert message.startswith(f"segconnect: {told}")
    assert "\n" not in message


def test_who_is_one_person_is_shown_joined_and_parted(run: Run, account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})
    account.order("100", email="joey@work.com")
    ours = ("--account", account.id)

    def orders() -> int:
        return len(account.contact("42", "orders")["orders"])

    told = run(
        "merge", "joey@bloggs.com", "Joey@Work.com", *ours, "--reason", "phone", as_json=False
    )
    joined = orders()
    shown = run("people", "joey@work.com", *ours)
    link = shown["links"][0]
    run("split", str(link["number"]), *ours, as_json=False)

    assert told == "joey@bloggs.com and Joey@Work.com are one person now.\n"
    assert (joined, orders()) == (1, 0)
    assert shown["known_by"] == [
        ["email", "joey@bloggs.com"], ["email", "joey@work.com"], ["visitor", "v1"]
    ]  # fmt: skip
    assert (link["one"], link["other"], link["reason"]) == (
        "email joey@bloggs.com", "email joey@work.com", "phone"
    )  # fmt: skip
    told = run("people", *ours, as_json=False)
    assert "email joey@bloggs.com = email joey@work.com: phone (by the command line)\n" in told
    assert "    undone 2" in told
    assert told.count("\n") == run("people", *ours, "--by-hand", as_json=False).count("\n") + 1
    assert "visitor v1 = email joey@bloggs.com: identified on the page\n" in told


def test_shared_devices_are_shown_marked_and_taken_back(run: Run, account: Account) -> None:
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})
    ours = ("devices", "--account", account.id)

    before = run(*ours, as_json=False)
    marked = run(*ours, "v1", "--shared", "--reason", "the library's", as_json=False)
    (shown,) = run(*ours)
    run(*ours, "v1", "--not-shared")

    assert before == "No device is marked.\n"
    assert marked == "v1 is shared: what is seen on it is nobody's.\n"
    assert {**shown, "date_created": ""} == {
        "uid": "v1", "is_shared": True, "reason": "the library's", "who": "the command line",
        "date_created": "", "emails": ["joey@bloggs.com"],
    }  # fmt: skip
    assert "v1  not shared since " in run(*ours, as_json=False)


def test_a_person_is_erased_for_good(run: Run, account: Account) -> None:
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.send("contact", {"contact_id": 43, "email": "ann@bloggs.com"})
    account.order("100", email="joey@bloggs.com")
    erase = ("erase", "--account", account.id)

    with pytest.raises(AssertionError, match="that is something else; nothing was erased"):
        run(*erase, "joey@bloggs.com", as_json=False, typed="joe@bloggs.com\n")
    kept = account.contact("42")
    told = run(*erase, "joey@bloggs.com", as_json=False, typed="Joey@Bloggs.com\n")
    erased = run(*erase, "43", "--yes")

    assert kept is not None
    assert "Erases 1 contact, 1 order, and what runs hold of them." in told
    assert told.endswith("Erased. An address that is sent again is kept, as somebody new.\n")
    assert (erased["erased"]["contacts"], erased["kept_states"]) == (1, 0)
    assert account.contact("42") is account.contact("43") is None
    assert account.rows("orders") == 0


def test_what_is_decided_about_tracking_is_set_and_shown(run: Run, account: Account) -> None:
    ours = ("tracking", "--account", account.id)
    before = run(*ours)
    after = run(*ours, "capture_emails=yes", "own_hosts=https://www.Tea.example/, pay.example",
                "excluded_ips=192.0.2.7")  # fmt: skip
    undone = run(*ours, "capture_emails=", "own_hosts=", "excluded_ips=")

    assert (before["capture_emails"], before["own_hosts"]) == (False, [])
    assert after["capture_emails"] is True
    assert after["own_hosts"] == ["tea.example", "pay.example"]
    assert after["excluded_ips"] == ["192.0.2.7/32"]
    assert undone == before
    shown = run(*ours, as_json=False)
    assert "respects_do_not_track   yes           Visitors whose browser asks not" in shown


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("capture_emails", "'capture_emails': expected NAME=VALUE, such as capture_emails=yes"),
        ("capture_mails=yes", "unknown tracking setting 'capture_mails'; did you mean"),
        ("capture_emails=perhaps", "capture_emails: "),
        ("excluded_ips=192.0.2", "'192.0.2' is not an address; expected one such as 192.0.2.7"),
        ("own_hosts=tea", "'tea' is not a host; expected one such as shop.example"),
        ("emails_per_device=0", "emails_per_device: "),
    ],
)
def test_what_cannot_be_decided_about_tracking_is_told(
    account: Account, tmp_path: Path, store_url: str, change: str, told: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name, value in environment(store_url).items():
        monkeypatch.setenv(name, value)
    ours = ["segconnect", "account", "tracking", "--account", account.id, "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*ours, change])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_settings_are_shown_and_changed(run: Run) -> None:
    account = run("create", "Bloggs Tea", "--currency", "EUR")["account_id"]
    usual = run("settings", "--account", account)
    assert usual == {
        "name": "Bloggs Tea", "timezone": "UTC", "currency": "EUR", "week_start": "monday",
        "exclude_failed": False, "exclude_refunded": False, "exclude_tax": False,
        "exclude_shipping": False,
    }  # fmt: skip

    told = run(
        "settings", "--account", account, "timezone=Europe/Oslo", "exclude_tax=yes", as_json=False
    )

    assert "Days begin at midnight in Europe/Oslo, not in UTC" in told
    changed = {"timezone": "Europe/Oslo", "exclude_tax": True}
    assert run("settings", "--account", account) == {**usual, **changed}
    assert run("settings", "--account", account, "exclude_tax=no", "timezone=UTC") == usual


def test_what_cannot_be_set_is_told_all_at_once(store_url: str, tmp_path: Path, run: Run) -> None:
    account = run("create", "Bloggs Tea")["account_id"]
    done = subprocess.run(
        [sys.executable, "-m", "segconnect", "account", "settings", "--account", account,
         "curency=EUR", "exclude_tax=maybe", "EUR", "--data", str(tmp_path)],
        env={**os.environ, **environment(store_url)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    for each in ("'curency'", "'currency'", "'maybe'", "NAME=VALUE"):
        assert each in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_is_renewed(run: Run) -> None:
    made = run("create", "Bloggs Tea")
    account, old = made["account_id"], made["api_key"]
    new = run("key", "renew", old[-4:], "--account", account, "--grace", "3600")["api_key"]

    assert run("key", "revoke", new, "--account", account)["keys_left"] == 1
    assert run("key", "revoke", old, "--account", account)["keys_left"] == 0
