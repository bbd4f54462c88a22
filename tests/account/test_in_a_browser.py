"""The script in real pages, in a real Chromium, against a real server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic, sleep, time
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from segconnect.account.owner.preferences import keep
from segconnect.account.store import schema
from tests.browser import NO_BROWSER, Browser, Page, chromium
from tests.conftest import Account, OverHttp

SHOP = "http://shop.example"
HOSTS = ("shop.example", "blog.shop.example", "pay.test", "www.ecosia.org")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
YEAR = 365 * 86_400


class Site(BaseHTTPRequestHandler):
    """Every page of every site: what `pages` says for its host and path, and else the snippet."""

    pages: dict[str, str]
    snippet: str

    def do_GET(self) -> None:
        """Answers a page."""
        place = f"{self.headers['host']}{self.path.partition('?')[0]}"
        body = self.pages.get(place, self.snippet)
        content = f"<!doctype html><title>{place}</title><body>{body}".encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class World:
    """A shop, a search engine, a browser, and the account that sees it all."""

    def __init__(self, account: Account, stack: ExitStack) -> None:
        self.account = account
        self._stack = stack
        self.snippet = (
            "<script>var _segq=_segq||[],_segs=_segs||{}</script>"
            f'<script async src="http://track.example/tag/{account.id}.js"></script>'
        )
        self.pages: dict[str, str] = {}
        site = type("OneSite", (Site,), {"pages": self.pages, "snippet": self.snippet})
        server = ThreadingHTTPServer(("127.0.0.1", 0), site)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        self._site = f"127.0.0.1:{server.server_port}"

    def browser(self, *arguments: str) -> Browser:
        """Starts a browser in this world."""
        assert isinstance(self.account.door, OverHttp)
        track = urlsplit(self.account.door.address).netloc
        hosts = {"track.example": track, **dict.fromkeys(HOSTS, self._site)}
        browser = Browser(hosts, f"--user-agent={AGENT}", *arguments)
        self._stack.callback(browser.close)
        return browser

    def views(self) -> list[Any]:
        """Every page view, in order, with the visitor's uid."""
        views, visitors = schema.page_views, schema.identities
        query = (
            select(views, visitors.c.value.label("uid"))
            .join(visitors, visitors.c.pk == views.c.visitor_pk)
            .order_by(views.c.date_created, views.c.hit)
        )
        with self.account.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def paths(self, count: int) -> list[str]:
        """The paths that were seen, once there are so many."""
        return [view["path"] for view in wait_for(self.views, lambda found: len(found) >= count)]

    def settled(self) -> list[str]:
        """The paths that were seen, after whatever else may be on its way."""
        sleep(0.3)
        return [view["path"] for view in self.views()]

    def emails(self) -> list[str]:
        """The emails that visitors are known by."""
        table = schema.identities.c
        query = select(table.value).where(table.kind == "email").order_by(table.pk)
        with self.account.engine.connect() as connection:
            return list(connection.scalars(query))


def wait_for(read: Callable[[], Any], is_enough: Callable[[Any], bool]) -> Any:
    """Reads until it is enough."""
    deadline = monotonic() + 20
    while not is_enough(found := read()):
        assert monotonic() < deadline, found
        sleep(0.02)
    return found


@pytest.fixture
def world(served: Account) -> Iterator[World]:
    """A world for the account of a real server; without a browser the test is skipped loudly."""
    if chromium() is None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    with ExitStack() as stack:
        yield World(served, stack)


def owner_says(world: World, settings: str) -> None:
    """Sets what the account's owner decides about tracking."""
    keep(world.account.engine, world.account.id, "tracking", settings)


def cookies(page: Page) -> dict[str, Any]:
    """The cookies of the page, by name."""
    return {each["name"]: each for each in page.call("Network.getCookies")["cookies"]}


ON_ONE_STORE = pytest.mark.parametrize("store_kind", ["sqlite"], indirect=True)
"""For what is of the page alone."""

FORM = (
    '<form action="/thanks"><input name="your-email" id="m"><input type="password" name="email2">'
    "<button>Join</button></form>"
)


def opt_in(page: Page, email: str) -> None:
    """Types an email into the form of the page, and sends the form."""
    with page.loading():
        page.run(
            f"document.querySelector('#m').value = '{email}';"
            " document.querySelector('form').requestSubmit()"
        )


def test_an_ad_a_search_an_opt_in_and_an_order_are_read_back_as_a_journey(world: World) -> None:
    account = world.account
    owner_says(world, '{"capture_emails": true}')
    world.pages["www.ecosia.org/search"] = f'<a href="{SHOP}/green">Green tea</a>'
    world.pages["shop.example/join"] = world.snippet + FORM
    page = world.browser().page()

    page.open(
        f"{SHOP}/spring?utm_source=google&utm_medium=cpc&utm_campaign=Spring&ad_id=A1&gclid=x"
    )
    world.paths(1)
    page.open("http://www.ecosia.org/search?q=tea")
    with page.loading():
        page.run("document.querySelector('a').click()")
    world.paths(2)
    page.open(f"{SHOP}/join")
    world.paths(3)
    opt_in(page, "Joey@Bloggs.com")
    world.paths(4)
    wait_for(world.emails, bool)
    account.send("contact", {"contact_id": 42, "email": "joey@bloggs.com"})
    account.order("100", email="joey@bloggs.com", amount=1200)

    read = account.contact("42", "events,orders")
    told = ("path", "channel", "referrer", "utm_source", "utm_campaign", "ad_id")
    assert [tuple(event[name] for name in told) for event in read["events"]] == [
        ("/spring", "paid", None, "google", "Spring", "A1"),
        ("/green", "search", "www.ecosia.org", None, None, None),
        ("/join", "direct", None, None, None, None),
        ("/thanks", "direct", "shop.example", None, None, None),
    ]
    assert [(order["order_id"], order["total"]) for order in read["orders"]] == [("100", 12)]
    (uid,) = {event["uid"] for event in read["events"]}
    assert uid == page.run("_segs.data.uid")
    cookie = cookies(page)["_seg_uid"]
    assert (cookie["value"], cookie["domain"]) == (uid, ".shop.example")
    assert abs(cookie["expires"] - time() - YEAR) < 120


@ON_ONE_STORE
def test_emails_of_forms_are_left_alone_unless_the_owner_wants_them(world: World) -> None:
    world.pages["shop.example/join"] = world.snippet + FORM
    page = world.browser().page()
    page.open(f"{SHOP}/join")
    world.paths(1)

    opt_in(page, "joey@bloggs.com")

    assert world.paths(2) == ["/join", "/thanks"]
    assert (world.settled(), world.emails()) == (["/join", "/thanks"], [])


@ON_ONE_STORE
def test_who_is_identified_before_the_script_is_there_is_known_and_nonsense_is_dropped(
    world: World,
) -> None:
    world.pages["shop.example/account"] = (
        "<script>var _segq=_segq||[],_segs=_segs||{};"
        '_segq.push(["identify", "joey@bloggs.com"]);'
        '_segq.push(["identify", "nonsense"], ["identify"], ["identify", {}], null, ["other", 1]);'
        "</script>" + world.snippet
    )
    page = world.browser().page()
    page.open(f"{SHOP}/account")
    wait_for(world.emails, bool)

    page.run('_segq.push(["identify", {email: "Ann@Bloggs.com ", contact_id: 7}])')

    assert wait_for(world.emails, lambda found: len(found) > 1) == [
        "joey@bloggs.com",
        "ann@bloggs.com",
    ]
    assert (world.settled(), len(world.emails())) == (["/account"], 2)


@ON_ONE_STORE
def test_the_common_script_loads_that_of_the_account(world: World) -> None:
    world.pages["shop.example/old"] = (
        f'<script>var _segq=_segq||[],_segs=_segs||{{}};_segs.integration="{world.account.id}"'
        '</script><script async src="http://track.example/seg.js"></script>'
    )
    page = world.browser().page()

    page.open(f"{SHOP}/old")

    assert world.paths(1) == ["/old"]


@ON_ONE_STORE
def test_a_script_that_is_there_twice_sees_a_page_once(world: World) -> None:
    world.pages["shop.example/twice"] = world.snippet * 2
    page = world.browser().page()

    page.open(f"{SHOP}/twice")
    world.paths(1)

    assert world.settled() == ["/twice"]


@ON_ONE_STORE
def test_ones_own_visits_are_left_out_until_they_are_wanted(world: World) -> None:
    page = world.browser().page()
    page.open(f"{SHOP}/a?seg-pixel=disable&seg-expire=7")
    page.until("window._segs && _segs.loaded")
    week = cookies(page)["_seg_off"]["expires"] - time()
    page.open(f"{SHOP}/b")
    page.until("window._segs && _segs.loaded")
    before = world.settled()

    page.open(f"{SHOP}/c?seg-pixel=enable")
    after = world.paths(1)

    assert (before, after) == ([], ["/c"])
    assert abs(week - 7 * 86_400) < 120
    assert abs(cookies(page)["_seg_on"]["expires"] - time() - 86_400 / 2) < 120


@ON_ONE_STORE
def test_nothing_is_kept_or_sent_before_the_visitor_agrees_and_then_all_that_waited(
    world: World,
) -> None:
    owner_says(world, '{"needs_consent": true}')
    page = world.browser().page()
    page.open(f"{SHOP}/a")
    page.until("window._segs && _segs.loaded")
    page.run('_segq.push(["identify", "joey@bloggs.com"])')
    before = (world.settled(), world.emails(), set(cookies(page)))

    page.run('_segq.push(["consent", true])')

    assert before == ([], [], set())
    assert world.paths(1) == ["/a"]
    assert wait_for(world.emails, bool) == ["joey@bloggs.com"]
    page.open(f"{SHOP}/b")
    assert world.paths(2) == ["/a", "/b"]
    page.run('_segq.push(["consent", false])')
    assert set(cookies(page)) == set()
    page.open(f"{SHOP}/c")
    page.until("window._segs && _segs.loaded")
    assert world.settled() == ["/a", "/b"]


@ON_ONE_STORE
@pytest.mark.parametrize("is_heeded", [True, False])
def test_who_asks_not_to_be_tracked_is_not_unless_the_owner_does_not_heed_it(
    world: World, is_heeded: bool
) -> None:
    owner_says(world, f'{{"respects_do_not_track": {str(is_heeded).lower()}}}')
    page = world.browser().page()
    asks = "Object.defineProperty(navigator, 'globalPrivacyControl', {get: () => true})"
    page.call("Page.addScriptToEvaluateOnNewDocument", source=asks)

    page.open(f"{SHOP}/a")
    page.until("window._segs && _segs.loaded")
    if not is_heeded:
        world.paths(1)

    assert world.settled() == ([] if is_heeded else ["/a"])
    assert set(cookies(page)) == (set() if is_heeded else {"_seg_uid"})


@ON_ONE_STORE
def test_a_visitor_is_one_on_all_hosts_of_a_site_and_is_handed_to_the_owners_others(
    world: World,
) -> None:
    owner_says(world, '{"own_hosts": ["shop.example", "pay.test"]}')
    world.pages["blog.shop.example/"] = world.snippet + '<a href="http://pay.test/in?x=1">Pay</a>'
    page = world.browser().page()
    page.open(f"{SHOP}/")
    world.paths(1)
    page.open("http://blog.shop.example/")
    world.paths(2)

    with page.loading():
        page.run("document.querySelector('a').click()")
    world.paths(3)

    views = world.views()
    assert len({view["uid"] for view in views}) == 1
    assert [(view["host"], view["query"], view["channel"]) for view in views] == [
        ("shop.example", "", "direct"),
        ("blog.shop.example", "", "direct"),
        ("pay.test", "x=1", "direct"),
    ]


@ON_ONE_STORE
def test_a_page_that_changes_without_loading_is_seen_again(world: World) -> None:
    page = world.browser().page()
    page.open(f"{SHOP}/app")
    world.paths(1)

    page.run("history.pushState({}, '', '/app/teas'); history.replaceState({}, '', '#top')")

    assert world.paths(2) == ["/app", "/app/teas"]
    page.run("history.back()")
    assert world.paths(3) == ["/app", "/app/teas", "/app"]
    assert world.views()[1]["referrer"] == f"{SHOP}/app"
