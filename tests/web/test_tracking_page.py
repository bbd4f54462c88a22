"""Whether the snippet works, as the page that waits for a visit tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import time

import pytest

from segconnect.account.owner import access, preferences
from segconnect.web.users import Role
from tests.web.browser import browser as another_browser
from tests.web.conftest import Visitor

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@contextmanager
def a_site(snippet: str) -> Iterator[str]:
    """A site of somebody's, each page of which has the snippet; answers its address."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = f"<!doctype html><title>Tea</title>{snippet}<p>Tea".encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("agent", "settings", "told"),
    [
        (AGENT, {}, "counted"),
        (BOT, {}, "left out of reports"),
        (AGENT, {"excluded_ips": ["127.0.0.0/8"]}, "your own traffic: not counted"),
    ],
    ids=["counted", "bot", "own"],
)
def test_a_visit_is_seen_while_the_page_waits_for_it(
    visitor: Visitor, program: str, agent: str, settings: dict[str, object], told: str
) -> None:
    visitor.come_in_as(Role.EDITOR)
    browser, site = visitor.browser, visitor.site
    account, _ = access.create_account(site.engine, "Tea")
    if settings:
        preferences.keep(site.engine, account, "tracking", json.dumps(settings))
    browser.open(f"/app/set-up/accounts/{account}/tracking")
    snippet = browser.eval("document.querySelector('#snippet').textContent")
    assert account in snippet
    browser.click("#begin")
    browser.sees("Open a page of your site now")

    with a_site(snippet) as address, another_browser(program) as shopper:
        shopper.call("Network.setUserAgentOverride", userAgent=agent)
        shopper.open(f"{address}/green-tea?utm_source=x")
        browser.sees("the snippet works")

    row = browser.text("#check tbody tr")
    assert "127.0.0.1/green-tea" in row
    assert told in row
    assert browser.count("[hx-trigger]") == 0
    assert browser.violations() == []
    assert browser.errors == []


def test_where_nothing_comes_it_is_told_what_to_look_at(visitor: Visitor) -> None:
    visitor.come_in_as(Role.EDITOR)
    browser, site = visitor.browser, visitor.site
    account, _ = access.create_account(site.engine, "Tea")
    preferences.keep(site.engine, account, "tracking", '{"needs_consent": true}')
    began = int((time() - 61) * 1000)
    browser.open(f"/app/set-up/accounts/{account}/tracking/check?since={began}")

    told = browser.text("#check")
    assert "Nothing came within 60 seconds" in told
    assert "Consent is waited for" in told
    assert f"/tag/{account}.js" in told
    assert browser.violations() == []
    browser.click("#begin")
    browser.sees("Open a page of your site now")


def test_a_viewer_has_nothing_to_do_with_it(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    path = f"/app/set-up/accounts/{visitor.site.account}/tracking"
    visitor.browser.open("/app/set-up")
    status, _ = visitor.browser.fetch(path)

    assert status == 403
    assert visitor.browser.count("a[href$='/tracking']") == 0
