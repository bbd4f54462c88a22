"""Page views in bulk: a server's log goes through a scenario, and journeys are read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cli.conftest import Commands, Shop

SCENARIO = """
name: A server's log
timezone: Europe/Oslo
flow:
  - {id: 1, module: csv, parameters: {file: log.csv}}
  - id: 2
    module: record-page-view
    mapper:
      uid: "{{1.visitor}}"
      url: "https://tea.example{{1.request}}"
      referrer: "{{1.referrer}}"
      date_created: "{{1.time}}"
      user_agent: "{{1.agent}}"
      ip_address: "{{1.address}}"
"""
LOG = """\
time,visitor,address,request,referrer,agent
2026-02-01 10:00:00,v1,203.0.113.7,/green?utm_medium=cpc&ad_id=A1,https://www.google.com/,Mozilla/5.0 (Windows NT)
2026-02-02 10:00:00,v1,203.0.113.7,/black,,Mozilla/5.0 (Windows NT)
2026-02-02 10:00:01,v2,203.0.113.9,/robots.txt,,Googlebot/2.1
"""  # noqa: E501  # as a log has it


def events(shop: Shop, contact: str) -> list[Any]:
    """What a contact saw."""
    url = f"{shop.address}/{shop.account_id}/contact/{contact}?extend=events"
    with urlopen(Request(url, headers={"authorization": shop.api_key}), timeout=10) as answer:
        found: list[Any] = json.load(answer)["data"]["events"]
    return found


def test_a_servers_log_is_credited_to_who_is_identified_and_does_no_harm_twice(
    segconnect: Commands, connected: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.yaml").write_text(SCENARIO)
    (tmp_path / "log.csv").write_text(LOG)

    for _ in "12":
        ran = segconnect("run", "log.yaml", "--connection", "shop")
        assert ran.code == 0, ran.err
    ours = ("--connection", "shop")
    segconnect("send", "add-update-contact", "--email", "joey@bloggs.com", *ours)
    ran = segconnect("send", "identify-visitor", "--uid", "v1", "--email",
                     "joey@bloggs.com", *ours)  # fmt: skip
    assert ran.code == 0, ran.err

    told = ("date_created", "path", "channel", "ad_id", "ip_address")
    assert [tuple(e[name] for name in told) for e in events(connected, "joey@bloggs.com")] == [
        ("2026-02-01T09:00:00+00:00", "/green", "paid", "A1", "203.0.113.0"),
        ("2026-02-02T09:00:00+00:00", "/black", "direct", None, "203.0.113.0"),
    ]
