"""Channels: the published rules, their order, rules of one's own, and what a change would move."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segconnect.account.channels import CHANNELS, Hosts, Rules, classify, published
from segconnect.cli import main
from segconnect.errors import UsageError
from tests.conftest import Account

SHOP = "https://shop.example/tea"
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("url", "referrer", "channel"),
    [
        # the eight rules as they are published
        (SHOP, "https://www.google.com/", "search"),
        (f"{SHOP}?utm_medium=search", "", "search"),
        (SHOP, "https://mail.google.com/mail/u/0/", "email"),
        (f"{SHOP}?utm_medium=email", "", "email"),
        (f"{SHOP}?utm_medium=affiliate", "", "affiliate"),
        (f"{SHOP}?utm_medium=referral", "", "referral"),
        (SHOP, "https://lifehacker.com/best-teas", "referral"),
        (f"{SHOP}?gclid=Cj0", "", "paid"),
        (f"{SHOP}?fbclid=IwAR", "", "paid"),
        (SHOP, "https://googleads.g.doubleclick.net/pagead", "paid"),
        *((f"{SHOP}?utm_medium={medium}", "", "paid") for medium in ("cpc", "ppc", "paidsearch")),
        *((f"{SHOP}?utm_medium={m}", "", "display") for m in ("display", "cpm", "banner")),
        (SHOP, "https://l.facebook.com/l.php", "social"),
        *(
            (f"{SHOP}?utm_medium={medium}", "", "social")
            for medium in (
                *("social", "social-network", "social-media", "sm"),
                *("social+network", "social%20media"),
            )
        ),
        (SHOP, "", "direct"),
        (SHOP, "https://shop.example/", "direct"),
        # the newer one
        (SHOP, "https://chatgpt.com/", "ai"),
        (f"{SHOP}?utm_source=chatgpt.com", "", "ai"),
        (SHOP, "https://www.perplexity.ai/search", "ai"),
        # the API docs' event: signs of an ad go before the site that it was on
        (f"{SHOP}?utm_medium=cpc&ad_id=23&fbclid=Iw", "lifehacker.com", "paid"),
        # precedence
        (f"{SHOP}?utm_medium=email&gclid=1", "", "paid"),
        (f"{SHOP}?utm_medium=email", "https://www.facebook.com/", "email"),
        (f"{SHOP}?ad_id=7", "https://www.google.com/", "paid"),
        (f"{SHOP}?utm_medium=referral", "https://www.google.com/", "referral"),
        (SHOP, "https://gemini.google.com/app", "ai"),
        (SHOP, "https://docs.google.com/document", "referral"),
        (f"{SHOP}?utm_medium=podcast", "", "direct"),
        (f"{SHOP}?utm_medium=podcast", "https://www.bing.com/", "search"),
        # forms of one address
        (f"{SHOP}?UTM_MEDIUM=%20CPC%20", "", "paid"),
        (f"{SHOP}?gclid=", "", "direct"),
        (SHOP, "https://www.google.co.uk/", "search"),
        (SHOP, "https://google.com.br./", "search"),
        (SHOP, "android-app://com.google.android.gm/", "email"),
        (SHOP, "https://www.shop.example/other", "direct"),
        (SHOP, "https://google.evil.example/", "referral"),
        (SHOP, "https://notfacebook.com/", "referral"),
        (SHOP, "http://[broken", "direct"),
        ("", "", "direct"),
    ],
)
def test_a_visit_gets_the_channel_that_is_published(url: str, referrer: str, channel: str) -> None:
    assert classify(url, referrer).channel == channel


@pytest.mark.parametrize(
    ("query", "lenient", "strict"),
    [
        ("fbclid=Iw", "paid", "social"),
        ("fbclid=Iw&utm_medium=cpc", "paid", "paid"),
        ("fbclid=Iw&ad_id=7", "paid", "paid"),
        ("fbclid=Iw&gclid=1", "paid", "paid"),
        ("fbclid=Iw&utm_medium=email", "paid", "email"),
        ("utm_medium=social", "social", "social"),
    ],
)
def test_in_strict_mode_an_fbclid_alone_is_social(query: str, lenient: str, strict: str) -> None:
    url = f"{SHOP}?{query}"

    assert classify(url).channel == lenient
    assert classify(url, rules=published().made_strict()).channel == strict


def test_what_is_known_apart_from_the_url_goes_before_it() -> None:
    url = f"{SHOP}?utm_medium=email"

    assert classify(url, utm_medium="cpc") == ("paid", "paid medium")
    assert classify("", utm_source="claude.ai") == ("ai", "AI assistant as source")
    assert classify("", ad_id="7") == ("paid", "ad id")


def test_further_hosts_of_the_owner_are_no_referrers() -> None:
    assert classify(SHOP, "https://pay.tea.example/", own_hosts=["tea.example"]).channel == "direct"
    assert classify(SHOP, "https://greentea.example/", own_hosts=["tea.example"]).channel != (
        "direct"
    )


def test_every_published_channel_has_a_rule_and_no_rule_is_without_use() -> None:
    assert {rule.channel for rule in published().rules} == set(CHANNELS)


@settings(deadline=None)
@given(url=st.text(max_size=200), referrer=st.text(max_size=200))
def test_whatever_comes_has_a_channel(url: str, referrer: str) -> None:
    assert classify(url, referrer).channel in CHANNELS


@pytest.mark.parametrize("host", ["google.com", "www.google.de", "google.com.au", "google.co.jp"])
def test_a_host_with_a_star_stands_for_every_country(host: str) -> None:
    assert host in Hosts(["google.*"])


# -- rules of one's own --------------------------------------------------------------------------

PODCASTS = """\
lists: {shows: [pod.example]}
rules:
  - {name: podcast, channel: podcast, when: {medium: [podcast]}}
  - {name: show, channel: podcast, when: {referrer: [shows]}}
  - {name: other, channel: referral, when: {referrer: other}}
"""


def test_rules_of_ones_own_stand_in_place_of_the_published_ones() -> None:
    rules = Rules.read(PODCASTS, "mine.yaml")

    assert classify(f"{SHOP}?utm_medium=Podcast", rules=rules) == ("podcast", "podcast")
    assert classify(SHOP, "https://www.pod.example/7", rules=rules) == ("podcast", "show")
    assert classify(SHOP, rules=rules) == ("unknown", None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: [", "mine.yaml: is not YAML: while parsing"),
        ("- 1", "mine.yaml: the file: "),
        ("rules: []", "rules: list should have at least 1 item"),
        ("rule: []", "unknown key 'rule'; did you mean 'rules'?"),
        (
            "rules: [{name: a, chanel: b, when: {}}]",
            "rule 1 (a) chanel: unknown key 'chanel'; did you mean 'channel'?",
        ),
        (
            "rules: [{name: a, channel: Big Channel, when: {ad_id: true}}]",
            "rule 1 (a) channel: string should match pattern",
        ),
        ("rules: [{name: a, channel: b, when: {}}]", "rule 1 (a) when: says nothing; give one of"),
        (
            "rules: [{name: a, channel: b, when: {medum: [x]}}]",
            "unknown key 'medum'; did you mean 'medium'?",
        ),
        (
            "rules: [{name: a, channel: b, when: {referrer: mine}}]",
            "rule 1 (a) when.referrer: expected none, own, other or a list of hosts, found 'mine'",
        ),
        (
            "lists: {my shows: []}\n"
            "rules: [{name: a, channel: b, when: {referrer: [my show]}}]",
            "rule 1 (a) when.referrer: unknown list 'my show'; did you mean 'my shows'?",
        ),
        (
            "rules: [{name: a, channel: b, when: {ad_id: true}},"
            " {name: a, channel: c, when: {ad_id: false}}]",
            "two rules are called 'a'; rename one",
        ),
        (f"# {'x' * 200_001}", "mine.yaml: is longer than 200000 characters"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_of_rules_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        Rules.read(text, "mine.yaml")


# -- the command line ----------------------------------------------------------------------------


@pytest.fixture
def run(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Any:  # fmt: skip
    """Runs `segconnect channels` on the store, and answers what it prints."""
    if not store_url.startswith("sqlite"):
        monkeypatch.setenv("SEGCONNECT_DATABASE", store_url)

    def run(*arguments: str) -> str:
        ours = ["segconnect", "channels", *arguments]
        monkeypatch.setattr("sys.argv", [*ours, "--data", str(tmp_path)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == 0, printed.err
        out: str = printed.out
        return out

    return run


def test_a_test_tells_the_channel_and_the_rule(run: Any) -> None:
    url = f"{SHOP}?fbclid=Iw"

    assert run("test", url) == "paid  (rule: Facebook click id)\n"
    assert run("test", url, "--strict") == "social  (rule: Facebook click id alone)\n"
    assert json.loads(run("test", SHOP, "--referrer", "bing.com", "--json")) == {
        "channel": "search",
        "rule": "search engine",
    }


def test_a_preview_shows_what_rules_would_move_and_using_them_moves_it(
    run: Any, account: Account, tmp_path: Path
) -> None:
    for number, fields in enumerate(
        [
            {"utm_medium": "podcast"},
            {"utm_medium": "podcast"},
            {"utm_medium": "podcast", "referring_url": "https://www.bing.com/"},
            {"referring_url": "https://lifehacker.com/"},
            {},
        ]
    ):
        account.send("contact", {"contact_id": number, **fields})
    page = {"uid": "v1", "url": f"{SHOP}?utm_medium=podcast", "email": "joey@bloggs.com"}
    account.send("page_view", page)
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    file = tmp_path / "mine.yaml"
    file.write_text(PODCASTS)

    def channel() -> str:
        (event,) = account.contact("42", "events")["events"]
        found: str = event["channel"]
        return found

    assert channel() == "direct"
    assert run("preview", str(file), "--account", account.id) == (
        "3 of 4 contacts that say where they came from would move\n"
        "  direct -> podcast  2\n"
        "  search -> podcast  1\n"
        "1 of 1 page views would move\n"
        "  direct -> podcast  1\n"
    )
    before = run("list", "--account", account.id)
    assert run("use", str(file), "--account", account.id).startswith("1 page views have another")
    assert channel() == "podcast"
    assert "podcast" in run("list", "--account", account.id)
    assert run("test", f"{SHOP}?utm_medium=podcast", "--account", account.id).startswith("podcast")
    assert run("preview", str(file), "--account", account.id).startswith("0 of 4")
    assert run("test", f"{SHOP}?utm_medium=podcast").startswith("direct")
    run("reset", "--account", account.id)
    assert channel() == "direct"
    assert run("list", "--account", account.id) == before


def test_the_printed_file_is_the_published_rules(run: Any) -> None:
    text = run("list", "--yaml")

    assert Rules.read(text, "printed").rules == published().rules
    assert json.loads(run("list", "--json"))["rules"][0]["name"] == "click id"


def test_the_page_lists_the_rules_in_their_order() -> None:
    page = (DOCS / "channels.md").read_text()
    rows = re.findall(r"^\| \d+ \| ([^|]+?) \| `(\w+)` \|", page, re.MULTILINE)

    assert rows == [(rule.name, rule.channel) for rule in published().rules]
