"""Tracking over HTTP: the script, hits, /identify, the snippet and expenses."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from segconnect.account.api.tracking import TrackingApp, client_address
from segconnect.account.owner.preferences import keep
from segconnect.account.store import schema
from tests.conftest import Account, Answer, Clock

URL = "https://tea.example/green"
NO_KEY = {"authorization": "", "content-type": "text/plain;charset=UTF-8"}


@pytest.fixture
def joey(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with one contact, whose settings are asked for anew each time."""
    monkeypatch.setattr("segconnect.account.api.tracking.FRESH_SECONDS", 0)
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    return account


def owner_says(account: Account, **settings: Any) -> None:
    """Sets what the account's owner decides about tracking."""
    keep(account.engine, account.id, "tracking", json.dumps(settings))


def hit(
    account: Account, url: str = URL, uid: str = "v1", headers: Any = None, **fields: Any
) -> Answer:
    """Sends what the script in a page sends."""
    body = {"a": account.id, "u": uid, "l": url, "i": "x", **fields}
    return account.request("POST", "/hit", body, {**NO_KEY, **(headers or {})})


def identify(account: Account, **parameters: Any) -> Answer:
    """Asks for /identify without a key."""
    query = urlencode({"a": account.id, **parameters})
    return account.request("GET", f"/identify?{query}", headers=NO_KEY)


def paths(account: Account) -> list[str]:
    """What the contact saw."""
    return [event["path"] for event in account.contact("42", "events")["events"]]


# -- the script ----------------------------------------------------------------------------------


def test_the_script_is_served_under_every_path_that_snippets_name(joey: Account) -> None:
    own = joey.request("GET", f"/{joey.id}.js", headers=NO_KEY)
    tag = joey.request("GET", f"/tag/{joey.id}.js", headers=NO_KEY)
    loader = joey.request("GET", "/seg.js", headers=NO_KEY)

    assert [each.status for each in (own, tag, loader)] == [200] * 3
    assert own.content == tag.content
    assert own.headers["content-type"] == "text/javascript; charset=utf-8"
    assert f'"account":"{joey.id}"'.encode() in own.content
    assert loader.content.rstrip().endswith(b"null);")


def test_the_script_is_small_and_needs_no_other(joey: Account) -> None:
    script = joey.request("GET", f"/{joey.id}.js", headers=NO_KEY).content

    assert len(gzip.compress(script, 9)) < 4000
    assert not re.search(rb"https?://|import\b|require\(", script)


def test_a_script_that_a_browser_has_is_not_sent_again(joey: Account) -> None:
    first = joey.request("GET", f"/{joey.id}.js", headers=NO_KEY)
    asked = {**NO_KEY, "if-none-match": first.headers["etag"]}
    again = joey.request("GET", f"/{joey.id}.js", headers=asked)
    owner_says(joey, capture_emails=True)
    changed = joey.request("GET", f"/{joey.id}.js", headers=asked)

    assert (again.status, again.content) == (304, b"")
    assert "max-age=" in first.headers["cache-control"]
    assert changed.status == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_there_is_no_script_of_an_account_that_there_is_not(joey: Account) -> None:
    assert joey.request("GET", "/nobody.js", headers=NO_KEY).status == 404
    assert joey.request("POST", "/seg.js", {}, NO_KEY).headers["allow"] == "GET, HEAD"


# -- hits ----------------------------------------------------------------------------------------


def test_a_hit_is_kept_when_it_is_answered_and_read_back_with_who_was_identified(
    joey: Account, clock: Clock
) -> None:
    clock.set("2026-02-01 09:30:00")
    answer = hit(joey, f"{URL}?utm_source=google&utm_medium=cpc&ad_id=A1", r="https://google.com/",
                 headers={"user-agent": "Mozilla/5.0 (Windows NT 10.0)"})  # fmt: skip
    identify(joey, uid="v1", e="joey@bloggs.com")

    (event,) = joey.contact("42", "events")["events"]
    told = ("date_created", "channel", "utm_source", "ad_id", "referrer", "meta")
    assert (answer.status, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert [event[name] for name in told] == [
        "2026-02-01T09:30:00+00:00", "paid", "google", "A1", "google.com",
        {"device": "desktop", "referrer_url": "https://google.com/"},
    ]  # fmt: skip


def test_hits_of_one_second_stay_in_their_order(joey: Account, clock: Clock) -> None:
    order = ["/c", "/a", "/d", "/b"]
    for number, path in enumerate(order):
        clock.moment = clock.moment.replace(microsecond=number * 1000)
        hit(joey, f"https://tea.example{path}")
    identify(joey, uid="v1", e="joey@bloggs.com")

    assert paths(joey) == order


def test_a_hit_also_comes_as_an_image(joey: Account) -> None:
    query = urlencode({"a": joey.id, "u": "v1", "l": URL})
    answer = joey.request("GET", f"/hit?{query}", headers=NO_KEY)

    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.headers["cache-control"] == "no-store"
    assert joey.rows("page_views") == 1


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"u":"v1","l":"x"}', 400, "missing 'a' field: the account's ID"),
        (b'{"a":"nobody","u":"v1","l":"x"}', 404, "there is no account 'nobody'"),
        (b'{"a":"{id}","l":"x"}', 400, "missing 'uid', 'contact_id' or 'email' field"),
        (b'{"a":"{id}","u":"v1"}', 400, "'url' field: is empty; expected a page's address"),
        (b'{"a":', 400, "the body is not a JSON object"),
        (b"x" * 33_000, 413, "the body is larger than 32000 bytes"),
    ],
)
def test_a_hit_that_cannot_be_used_is_told_why(
    joey: Account, body: bytes, status: int, told: str
) -> None:
    answer = joey.request("POST", "/hit", body.replace(b"{id}", joey.id.encode()), NO_KEY)

    assert answer.status == status
    assert told in answer.body["errors"][0]
    assert joey.rows("page_views") == 0


@pytest.mark.parametrize("header", ["dnt", "sec-gpc"])
def test_who_asks_not_to_be_tracked_is_not_unless_the_owner_does_not_heed_it(
    joey: Account, header: str
) -> None:
    hit(joey, headers={header: "1"})
    heeded = joey.rows("page_views")
    owner_says(joey, respects_do_not_track=False)
    hit(joey, headers={header: "1"})

    assert (heeded, joey.rows("page_views")) == (0, 1)


def test_where_consent_is_needed_nothing_is_kept_without_it(joey: Account) -> None:
    owner_says(joey, needs_consent=True)
    hit(joey)
    before = joey.rows("page_views")
    hit(joey, k=1)

    assert (before, joey.rows("page_views")) == (0, 1)


def test_a_page_of_any_site_may_ask(joey: Account) -> None:
    asked = {**NO_KEY, "origin": "https://tea.example", "access-control-request-method": "POST"}
    answer = joey.request("OPTIONS", "/hit", headers=asked)

    assert answer.status == 204
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert joey.request("PUT", "/hit", {}, NO_KEY).status == 405


@pytest.mark.parametrize(
    ("client", "told", "address"),
    [
        ("8.8.8.8", "", "8.8.8.8"),
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"),  # anyone can say so
        ("127.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.2", "9.9.9.9, 1.1.1.1, 10.0.0.3", "1.1.1.1"),
        ("10.0.0.2", "nonsense", "nonsense"),  # which is no address, and not kept
        (None, "1.1.1.1", "1.1.1.1"),
        (None, "", None),
    ],
)
def test_a_proxy_is_believed_on_a_private_address_only(
    client: str | None, told: str, address: str | None
) -> None:
    scope = {"client": (client, 1) if client else None}

    assert client_address(scope, {b"x-forwarded-for": told.encode()} if told else {}) == address


# -- identify ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        {"a": "a", "uid": "uid", "e": "e"},
        {"a": "account_id", "uid": "seg_uid", "e": "email"},
    ],
)
def test_a_visitor_is_identified_under_the_names_that_programs_use(
    joey: Account, names: dict[str, str]
) -> None:
    hit(joey)
    values = {"a": joey.id, "uid": "v1", "e": "Joey@bloggs.com"}
    query = urlencode({names[name]: value for name, value in values.items()})
    answer = joey.request("GET", f"/identify?{query}", headers=NO_KEY)

    assert (answer.status, answer.body["status"]) == (200, "success")
    assert answer.body["identify"]["uid"] == "v1"
    assert paths(joey) == ["/green"]


def test_a_contact_id_identifies_and_an_email_that_is_none_is_passed_over(joey: Account) -> None:
    hit(joey)

    answer = identify(joey, uid="v1", cid=42, e="nonsense")

    assert answer.body["identify"] == {"uid": "v1", "email": None, "contact_id": "42"}
    assert paths(joey) == ["/green"]


def test_without_a_uid_it_is_made_from_the_contact(joey: Account) -> None:
    by_id = [
        identify(joey, cid=42, **more).body["identify"]["uid"] for more in ({}, {"e": "a@b.c"})
    ]
    by_email = identify(joey, e="joey@bloggs.com").body["identify"]["uid"]

    assert by_id[0] == by_id[1] != by_email


@pytest.mark.parametrize(
    ("parameters", "errors"),
    [
        ({}, ["missing 'e' or 'cid' field"]),
        ({"e": "nonsense"}, ["'e' field: 'nonsense' is not an e-mail address"]),
        ({"e": "", "cid": " "}, ["missing 'e' or 'cid' field"]),
    ],
)
def test_nobody_is_identified_by_nothing_that_is_valid(
    joey: Account, parameters: dict[str, str], errors: list[str]
) -> None:
    answer = identify(joey, uid="v1", **parameters)

    assert answer.status == 400
    assert all(told in got for told, got in zip(errors, answer.body["errors"], strict=True))
    assert joey.rows("identities") == 0


# -- what owners ask and send --------------------------------------------------------------------


def test_the_snippet_is_what_the_wordpress_plugin_asks_for(joey: Account) -> None:
    headers = {"version": "1.1.3", "host": "track.tea.example"}
    answer = joey.request("GET", f"/{joey.id}/settings/snippet", headers=headers)

    assert answer.status == 200
    assert answer.body["account"] == joey.id
    assert answer.body["tracking-domain"] == "track.tea.example"
    assert f"//track.tea.example/tag/{joey.id}.js" in answer.body["snippet"]
    owner_says(joey, tracking_domain="t.tea.example")
    answer = joey.request("GET", f"/{joey.id}/settings/snippet", headers=headers)
    assert answer.body["tracking-domain"] == "t.tea.example"


@pytest.mark.parametrize("target", ["settings/snippet", "direct_marketing/"])
def test_owners_need_their_key(joey: Account, target: str) -> None:
    method = "GET" if target.startswith("settings") else "POST"
    answer = joey.request(method, f"/{joey.id}/{target}", headers={"authorization": "wrong"})

    assert (answer.status, list(answer.body)) == (401, ["message"])
    assert joey.request("DELETE", f"/{joey.id}/{target}").status == 405


def expenses(account: Account, lines: Any) -> Answer:
    """Sends expenses as the help pages do: a form with a field `data`."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = urlencode({"data": json.dumps(lines)}).encode()
    return account.request("POST", f"/{account.id}/direct_marketing/", body, form)


def test_expenses_of_a_day_are_replaced_by_the_same_utm_values(joey: Account, clock: Clock) -> None:
    answer = expenses(
        joey,
        [
            {"utm_source": "adroll", "spend": 123},
            {"utm_source": "adroll", "utm_campaign": "spring", "spend": "45", "clicks": 2},
            {"utm_source": "adroll", "spend": 99, "date": "2026-02-01"},
        ],
    )
    expenses(joey, [{"utm_source": "adroll", "spend": 150}])

    table = schema.expenses.c
    with joey.engine.connect() as connection:
        found = connection.execute(
            select(table.day, table.utm_campaign, table.spend, table.clicks)
        ).all()
    assert answer.body == {"status": "success", "expenses": 3}
    assert sorted(map(tuple, found), key=repr) == [
        ("2026-02-01", None, 99, 0),
        ("2026-03-01", "spring", 45, 2),
        ("2026-03-01", None, 150, 0),
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "missing 'data' field: a JSON list of expenses"),
        (b"data=[", "'data' field: is not JSON"),
        (b'[{"utm_source":"a","spend":1},{"spend":"1.5"}]', "line 2: 'spend' field: '1.5' is not"),
        (b'[{"spend":1}]', "line 1: missing 'utm_source' field"),
    ],
)
def test_expenses_that_cannot_be_used_are_told_by_line_and_none_is_kept(
    joey: Account, body: bytes, told: str
) -> None:
    answer = joey.request("POST", f"/{joey.id}/direct_marketing", body)

    assert answer.status == 400
    assert told in answer.body["errors"][0]
    assert answer.body["message"]
    assert joey.rows("expenses") == 0


def test_hits_that_arrive_together_are_all_kept(joey: Account) -> None:
    assert isinstance(joey.door.app._tracking, TrackingApp)  # type: ignore[attr-defined]
    requests = [
        ("POST", "/hit", json.dumps({"a": joey.id, "u": f"v{n % 5}", "l": f"{URL}/{n}"}).encode(),
         NO_KEY)
        for n in range(200)
    ]  # fmt: skip
    answers = joey.door.together(requests)  # type: ignore[attr-defined]

    assert {answer.status for answer in answers} == {204}
    assert joey.rows("page_views") == 200
