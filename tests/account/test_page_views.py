"""Page views: what is kept of them, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segconnect.account.owner.preferences import keep
from segconnect.account.writing import views
from tests.conftest import Account

URL = "https://tea.example/green"


@pytest.fixture
def joey(account: Account) -> Account:
    """An account in which visitor v1 is a contact."""
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})
    return account


def events(account: Account) -> list[Any]:
    """What the contact saw."""
    found: list[Any] = account.contact("42", "events")["events"]
    return found


def owner_says(account: Account, **decided: Any) -> None:
    """Sets what the account's owner decides about tracking."""
    keep(account.engine, account.id, "tracking", json.dumps(decided))


def test_a_view_is_read_back_with_every_field_of_the_docs(joey: Account) -> None:
    answer = joey.send(
        "page_view",
        {
            "uid": "v1",
            "url": f"{URL}?utm_source=face&utm_medium=cpc&utm_campaign=Spring&utm_term=t"
            "&utm_content=c&ad_id=23&fbclid=Iw",
            "referrer": "https://lifehacker.com/teas?page=2",
            "date_created": "2026-02-01T09:30:00+01:00",
            "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148",
            "ip_address": "203.0.113.77",
            "country_code": "no",
            "region": "Oslo",
            "city": "Oslo",
            "postal_code": "0150",
            "latitude": 59.9,
            "longitude": 10.75,
        },
    )

    assert answer == {"uid": "v1", "is_counted": True, "channel": "paid"}
    assert events(joey) == [
        {
            "type": "page_view",
            "contact_id": "42",
            "uid": "v1",
            "fingerprint": None,
            "date_created": "2026-02-01T08:30:00+00:00",
            "ip_address": "203.0.113.0",
            "country_code": "NO",
            "region": "Oslo",
            "city": "Oslo",
            "postal_code": "0150",
            "latitude": "59.9",
            "longitude": "10.75",
            "url": URL,
            "full_url": f"{URL}?utm_source=face&utm_medium=cpc&utm_campaign=Spring&utm_term=t"
            "&utm_content=c&ad_id=23&fbclid=Iw",
            "referrer": "lifehacker.com",
            "host": "tea.example",
            "path": "/green",
            "args": {
                "utm_source": "face",
                "utm_medium": "cpc",
                "utm_campaign": "Spring",
                "utm_term": "t",
                "utm_content": "c",
                "ad_id": "23",
                "fbclid": "Iw",
            },
            "meta": {"device": "mobile", "referrer_url": "https://lifehacker.com/teas?page=2"},
            "channel": "paid",
            "utm_source": "face",
            "utm_medium": "cpc",
            "utm_campaign": "Spring",
            "utm_term": "t",
            "utm_content": "c",
            "ad_id": "23",
        }
    ]


def test_the_same_view_again_is_no_second_one(joey: Account) -> None:
    body = {"uid": "v1", "url": URL, "date_created": "2026-02-01"}
    for more in ({}, {}, {"id": "a"}, {"id": "b"}, {"id": "b"}, {"url": f"{URL}?page=2"}):
        joey.send("page_view", {**body, **more})

    assert len(events(joey)) == 4


def test_many_views_come_in_one_batch_and_again_without_harm(joey: Account) -> None:
    lines = [
        ("POST page_view", {"uid": f"v{number % 7}", "url": f"{URL}/{number}",
                            "date_created": "2026-02-01"})
        for number in range(1500)
    ]  # fmt: skip

    for _ in "12":
        assert {status for status, _ in joey.batch(lines)} == {200}

    assert joey.rows("page_views") == 1500
    assert len(events(joey)) == 215


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"url": URL}, "missing 'uid', 'contact_id' or 'email' field"),
        ({"uid": "v1"}, "missing 'url' field"),
        ({"uid": "v1", "url": URL, "latitude": 91}, "'latitude' field: expected at most 90"),
        (
            {"uid": "v1", "url": URL, "country_code": "Norway"},
            "'Norway' is no country; expected its two letters",
        ),
        ({"uid": "v1", "url": URL, "postal_code": "1" * 33}, "is no postal code"),
        ({"uid": "v1", "url": URL, "email": "joey"}, "'joey' is not an e-mail address"),
    ],
)
def test_a_view_that_cannot_be_used_is_told_why(
    account: Account, body: dict[str, Any], told: str
) -> None:
    status, answer = account.post("page_view", body)

    assert status == 400
    assert told in "; ".join(answer["errors"])


def test_a_view_of_somebody_who_is_named_needs_no_uid(joey: Account) -> None:
    joey.send("page_view", {"url": URL, "contact_id": 42})
    joey.send("page_view", {"url": URL, "email": "joey@bloggs.com"})

    assert len(events(joey)) == 2


def test_bots_are_marked_and_are_nobody(joey: Account) -> None:
    joey.send("page_view", {"uid": "v1", "url": URL, "user_agent": "Googlebot/2.1"})

    assert events(joey) == []
    assert joey.rows("page_views") == 1


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140", "desktop"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Mobile/15E148", "tablet"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X700) Chrome/140 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bot"),
        ("facebookexternalhit/1.1", "bot"),
        ("curl/8.5.0", "bot"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_browser_says_what_it_runs_on(user_agent: str | None, device: str) -> None:
    assert views.device(user_agent) == device


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:aaaa:bbbb:cccc::1", "2001:db8:aaaa::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("nonsense", None),
        ("", None),
    ],
)
def test_of_an_address_the_last_part_is_not_kept(
    joey: Account, address: str, kept: str | None
) -> None:
    joey.send("page_view", {"uid": "v1", "url": URL, "ip_address": address})

    assert events(joey)[0]["ip_address"] == kept


def test_an_owner_may_keep_addresses_whole(joey: Account) -> None:
    owner_says(joey, keeps_whole_ips=True)
    joey.send("page_view", {"uid": "v1", "url": URL, "ip_address": "203.0.113.77"})

    assert events(joey)[0]["ip_address"] == "203.0.113.77"


def test_views_from_an_excluded_network_are_not_kept(joey: Account) -> None:
    owner_says(joey, excluded_ips=["203.0.113.0/28", "2001:db8::/32"])
    answers = [
        joey.send("page_view", {"uid": "v1", "url": URL, "ip_address": address})["is_counted"]
        for address in ("203.0.113.7", "203.0.113.77", "2001:db8::7", "::ffff:203.0.113.1")
    ]

    assert answers == [False, True, False, False]
    assert joey.rows("page_views") == 1


def test_who_follows_a_link_in_a_mail_is_known_and_not_named_in_what_is_kept(
    joey: Account,
) -> None:
    owner_says(joey, email_parameters=["m"], contact_parameters=["c"])
    joey.send("page_view", {"uid": "v2", "url": f"{URL}?m=JOEY@bloggs.com&utm_medium=email"})
    joey.send("page_view", {"uid": "v3", "url": f"{URL}?c=42"})
    joey.send("page_view", {"uid": "v4", "url": f"{URL}?m=nonsense"})

    assert [(event["uid"], event["full_url"]) for event in events(joey)] == [
        ("v2", f"{URL}?utm_medium=email"),
        ("v3", URL),
    ]


def test_a_visit_from_another_host_of_the_owner_is_direct(joey: Account) -> None:
    owner_says(joey, own_hosts=["pay.example"])
    joey.send("page_view", {"uid": "v1", "url": URL, "referrer": "https://www.pay.example/done"})

    assert events(joey)[0]["channel"] == "direct"


def test_a_nul_character_in_an_argument_is_left_out(joey: Account) -> None:
    joey.send("page_view", {"uid": "v1", "url": f"{URL}?utm_source=a%00b&ad_id=%00"})

    (event,) = events(joey)
    assert (event["utm_source"], event["ad_id"]) == ("ab", None)


@settings(deadline=None)
@given(url=st.text(max_size=80), referrer=st.text(max_size=80), agent=st.text(max_size=40))
def test_whatever_a_page_sends_can_be_kept(
    shared_account: Account, url: str, referrer: str, agent: str
) -> None:
    body = {"uid": "v1", "url": url, "referrer": referrer, "user_agent": agent}
    status, _ = shared_account.post("page_view", body)

    assert status == (200 if url.strip() and "\0" not in f"{url}{referrer}{agent}" else 400)
