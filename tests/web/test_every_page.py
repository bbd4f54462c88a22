"""What holds for every page: by day and by night, at a desk and on a phone."""

from __future__ import annotations

import json
from time import monotonic, sleep

import pytest
import requests

from segconnect.scenario.journal import Journal
from segconnect.web.users import Role
from tests.web.conftest import Site, Visitor

WEIGHT = 150_000  # bytes, besides the chart library
HOOKED = """\
name: Welcome
settings: {dlq: true}
flow:
  - {id: 1, module: "gateway:CustomWebHook", parameters: {hook: 1}}
  - id: 2
    module: add-update-contact
    mapper: {email: "{{1.email}}", first_name: "{{1.name}}"}
"""
PAGES = (
    "/app/overview", "/app/health", "/app/reports", "/app/reports?type=ads&by=date.month",
    "/app/contacts", "/app/contacts?q=nobody", "/app/contacts/{contact}",
    "/app/contacts?status=customer&q=joey", "/app/people/merges", "/app/people/devices",
    "/app/people/edit?id={contact_id}", "/app/people/erase?id={contact_id}",
    "/app/people/data?id={contact_id}",
    "/app/people/join?id={contact_id}", "/app/people/join?id={contact_id}&with=mia",
    "/app/scenarios", "/app/scenarios/new", "/app/scenarios/{scenario}",
    "/app/scenarios/{scenario}/versions", "/app/scenarios/{scenario}/modules/2",
    "/app/runs", "/app/runs?state=paused", "/app/runs/{run}", "/app/incomplete",
    "/app/set-up", "/app/set-up/accounts/{account}", "/app/set-up/accounts/{account}/tracking",
    "/app/set-up/connection/new?service=smtp",
    "/app/users", "/app/you", "/app/nowhere", "/app/welcome",
)  # fmt: skip


@pytest.fixture(scope="module")
def names(site: Site) -> dict[str, str]:
    """Makes one of everything, and answers its name."""
    site.connect()
    site.send("contact", {"email": "joey@bloggs.com", "contact_id": "joey", "first_name": "Joey"})
    order = {"id": "o1", "email": "joey@bloggs.com", "amount": 1200, "paid": 1200}
    items = [{"name": "Green tea", "product_id": "tea", "amount": 1200}]
    site.send("invoice", {**order, "date_created": "2026-02-01 00:00:00", "items": items})
    owner = site.users.add("o@bloggs.com", "Olga", "long enough", Role.OWNER)
    session = requests.Session()
    session.cookies.set("segconnect", site.users.begin_session(owner.id))
    mark = json.loads(
        session.get(f"{site.address}/app/you", timeout=20)
        .text.partition("hx-headers='")[2]
        .partition("'")[0]
    )
    kept = session.post(
        f"{site.address}/app/scenarios/new",
        data={"yaml": HOOKED, "connection": "tea"},
        headers=mark,
        timeout=20,
    )
    assert "/app/scenarios/" in kept.url, kept.text
    scenario = kept.url.partition("/app/scenarios/")[2].partition("?")[0]
    session.post(f"{site.address}/app/scenarios/{scenario}/switch", headers=mark, timeout=20)
    journal = Journal(f"sqlite:///{site.data / 'runs.db'}")
    hook = session.get(f"{site.address}/app/scenarios/{scenario}", timeout=20).text
    token = hook.partition("/hook/")[2].partition("<")[0]
    for email in ("mia@bloggs.com", "no email"):
        sent = {"email": email, "name": "Mia"}
        requests.post(f"{site.address}/hook/{token}", json=sent, timeout=20)
    try:
        ends = monotonic() + 60
        while not any(run.ended_at for run in journal.latest(5)) and monotonic() < ends:
            sleep(0.5)
        (run, *_) = journal.latest(5)
    finally:
        journal.close()
    site.send("contact", {"email": "mia@bloggs.com", "contact_id": "mia"})
    site.send("identify", {"uid": "v1", "email": "joey@bloggs.com"})
    for number in range(4):
        site.send("identify", {"uid": "desk", "email": f"clerk{number}@bloggs.com"})
    return {
        "account": site.account,
        "scenario": scenario,
        "run": run.id,
        "contact": f"joey?account={site.account}",
        "contact_id": f"joey&account={site.account}",
    }


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_sound(visitor: Visitor, names: dict[str, str], path: str) -> None:
    visitor.come_in_as(Role.OWNER)
    visitor.browser.call("Network.setCacheDisabled", cacheDisabled=True)  # what is kept weighs too
    browser, found = visitor.browser, path.format(**names)
    for width, dark in ((1440, False), (1440, True), (390, False), (390, True)):
        browser.look(width, dark=dark)
        browser.open(found)
        assert browser.overflow() == [], width
        assert browser.violations() == [], (width, dark)
    assert sum(size for url, size in browser.loaded.items() if "echarts" not in url) < WEIGHT
    assert all(url.startswith((visitor.site.address, "data:")) for url in browser.loaded)
    assert [each for each in browser.errors if "404" not in each] == []


@pytest.mark.usefixtures("names")
def test_a_contact_is_found_where_the_address_names_no_account(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open("/app/contacts/joey")

    assert "joey@bloggs.com" in visitor.browser.text("main")


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/app/runs/no", "/app/runs"), ("/app/people/edit?id=no", "/app/contacts"),
        ("/app/set-up/connection?name=no", "/app/set-up"), ("/app/nowhere", ""),
        ("/app/incomplete/no", "/app/incomplete"), ("/app/contacts?start=x", ""),
    ],
)  # fmt: skip
def test_what_is_not_there_leads_to_where_it_would_be(
    visitor: Visitor, path: str, room: str
) -> None:
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    browser.open(path)
    ways = browser.eval("[...document.querySelectorAll('main a')].map(e => e.pathname)")
    told = browser.text("main p")

    assert ways == [each for each in (room, "/app/overview") if each]
    assert told[0].isupper()
    assert browser.violations() == []


@pytest.mark.parametrize("path", ["/app/overview", "/app/sign-in", "/app/nowhere"])
def test_a_page_allows_no_script_but_its_own(visitor: Visitor, path: str) -> None:
    answer = requests.get(visitor.site.address + path, timeout=20)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["app.css", "keys.js", "vendor/htmx.min.js"])
def test_styles_and_scripts_come_compressed_and_are_the_same(site: Site, path: str) -> None:
    url = f"{site.address}/app/static/{path}"
    plain = requests.get(url, headers={"accept-encoding": "identity"}, timeout=20)
    packed = requests.get(url, headers={"accept-encoding": "gzip"}, timeout=20)

    assert "content-encoding" not in plain.headers
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == (
        "gzip", "accept-encoding",
    )  # fmt: skip
    assert packed.content == plain.content
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    kept = {"accept-encoding": "gzip", "if-none-match": packed.headers["etag"]}
    assert requests.get(url, headers=kept, timeout=20).status_code == 304


def test_a_page_is_not_compressed(visitor: Visitor) -> None:
    """It holds the token of its forms beside what is asked for."""
    visitor.come_in_as(Role.OWNER)
    visitor.browser.open("/app/contacts?q=a")
    script = "fetch('/app/contacts?q=a').then(r => r.headers.get('content-encoding'))"
    assert visitor.browser.eval(script) is None


def test_an_address_of_no_page_says_so(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open("/app/nowhere")

    assert "There is no such page" in visitor.browser.text("main p")
    assert visitor.browser.count("main a[href='/app/overview']") == 1
