"""Settings: what is read from outside, and in which forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconnect.errors import UsageError
from segconnect.settings import load


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no segconnect.toml


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ("", []),
        ("crm.internal", ["crm.internal"]),
        ("CRM.internal, 10.0.0.7:8080 ,", ["crm.internal", "10.0.0.7:8080"]),
        ('["crm.internal", "10.0.0.7:8080"]', ["crm.internal", "10.0.0.7:8080"]),
        ("::1,[::1]:8080,[fd00::7]", ["[::1]", "[::1]:8080", "[fd00::7]"]),
        ("[::1]:8080", ["[::1]:8080"]),
    ],
)
def test_allowed_hosts_have_commas_between_or_are_json(
    given: str, hosts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGCONNECT_ALLOWED_HOSTS", given)

    assert load().allowed_hosts == hosts


def test_allowed_hosts_are_a_list_in_the_file_and_none_by_default() -> None:
    assert load().allowed_hosts == []

    Path("segconnect.toml").write_text('allowed_hosts = ["crm.internal:8080"]')
    assert load().allowed_hosts == ["crm.internal:8080"]


@pytest.mark.parametrize(
    "given",
    ["http://crm.internal", "crm/path", "*", "joey@crm", "crm:0", "crm:65536", "crm:", ":8"],
)
def test_what_is_no_host_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGCONNECT_ALLOWED_HOSTS", given)

    with pytest.raises(UsageError, match=r"allowed_hosts.* is not a host, or host:port"):
        load()


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("attempts", "0"),
        ("timeout", "0"),
        ("read_timeout", "soon"),
        ("rate", "-1"),
        ("rate", "inf"),
    ],
)
def test_a_limit_that_is_none_is_refused_by_name(
    name: str, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SEGCONNECT_{name.upper()}", given)

    with pytest.raises(UsageError, match=f"settings: {name}: "):
        load()


@pytest.mark.parametrize(
    ("host", "root"),
    [
        ("127.0.0.1", "http://127.0.0.1:8350/api"),
        ("localhost", "http://localhost:8350/api"),
        ("::1", "http://[::1]:8350/api"),
        ("[::1]", "http://[::1]:8350/api"),
        ("fd00::7", "http://[fd00::7]:8350/api"),
        ("0.0.0.0", "http://127.0.0.1:8350/api"),
        ("::", "http://[::1]:8350/api"),
    ],
)
def test_our_own_account_is_reached_where_the_server_listens(host: str, root: str) -> None:
    assert load(host=host).local_url == root


def test_the_address_that_people_come_by_is_one_of_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEGCONNECT_URL", "https://seg.example.com/")
    assert load().url == "https://seg.example.com"

    for wrong in ("seg.example.com", "https://seg.example.com/app", "ftp://seg.example.com"):
        monkeypatch.setenv("SEGCONNECT_URL", wrong)
        with pytest.raises(UsageError, match="settings: url: "):
            load()
