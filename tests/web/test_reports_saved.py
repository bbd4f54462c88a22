"""Reports that are kept, and those that are shared by a link."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import select, update

from segconnect.account.owner import access
from segconnect.web.app import ROUTES
from segconnect.web.house import COOKIE
from segconnect.web.schema import shares
from segconnect.web.users import Role
from tests.conftest import an_order
from tests.web.conftest import Site, Visitor

FEBRUARY = "start=2026-02-01&end=2026-02-28"
ASKED = f"type=revenue&by=orders.product&{FEBRUARY}&join=all&field=revenue&op=at_least&value=1"


@pytest.fixture(scope="module", autouse=True)
def shop(site: Site) -> None:
    """One person, with an order of 12.00 for a green tea."""
    site.send("contact", {"email": "joey@bloggs.com", "date_created": "2026-02-01"})
    site.send("invoice", {**an_order("o1"), "email": "joey@bloggs.com"})


@pytest.fixture
def stranger() -> Iterator[requests.Session]:
    """Somebody who has not signed in."""
    with requests.Session() as session:
        yield session


def audited(site: Site) -> list[str]:
    return [each.what for each in site.users.log()]


def links(site: Site) -> int:
    """Counts the links that were made."""
    with site.users.engine.connect() as connection:
        return len(connection.execute(select(shares.c.id)).all())


def made_link(visitor: Visitor, days: str = "7", asked: str = ASKED) -> str:
    """Shares a report as an editor does, and answers the link."""
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    browser.open(f"/app/reports?{asked}")
    browser.click(".share summary")
    browser.fill("#shared-name", "For the board")
    browser.fill("#days", days)
    browser.click(".share button")
    return browser.text(".secret code")


def test_a_report_is_kept_opened_updated_and_renamed(visitor: Visitor) -> None:
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    browser.open(f"/app/reports?{ASKED}")
    browser.fill("#name", "By product")
    browser.click(".saves button")
    browser.sees("By product is saved.")
    browser.click(".chips a")  # without its filter
    browser.click(".keeping > form button")
    browser.sees("By product is updated.")

    browser.open("/app/reports/saved")
    assert browser.text("#kept + .small") == "1"
    assert browser.text("table tbody tr").split("\t")[1:3] == ["Revenue", "2026-02-01 – 2026-02-28"]
    browser.click(".rename summary")
    browser.fill(".rename input[name=name]", "Teas")
    browser.click(".rename button")
    browser.sees("By product is called Teas now.")
    browser.click("table a")
    assert browser.eval("document.querySelector('#type').value") == "revenue"
    assert browser.count(".chips li") == 0
    assert browser.text(".kept [aria-current]") == "Teas"
    assert {"saved report By product", "changed report By product",
            "renamed report By product to Teas"} <= set(audited(visitor.site))  # fmt: skip


def test_what_was_deleted_is_taken_back_under_its_id(visitor: Visitor) -> None:
    visitor.come_in_as(Role.EDITOR)
    browser, site = visitor.browser, visitor.site
    browser.open(f"/app/reports?{ASKED}&compare=last_year&model=linear&scale=week")
    browser.fill("#name", "Short-lived")
    browser.click(".saves button")
    id_ = re.search("saved=(r[a-z0-9]{9})", browser.eval("location.search"))
    assert id_ is not None
    asked = f"{site.address}/{site.account}/report/revenue/{id_[1]}"
    key = {"authorization": site.key}
    before = requests.get(asked, headers=key, timeout=20).json()["table"]

    browser.open("/app/reports/saved")
    browser.click("[aria-label='Delete Short-lived']")
    browser.sees("Short-lived is deleted.")
    assert browser.violations() == []
    assert requests.get(asked, headers=key, timeout=20).status_code == 404
    browser.click(".note button")
    browser.sees("Short-lived is back.")

    assert requests.get(asked, headers=key, timeout=20).json()["table"] == before
    browser.open("/app/reports/saved")
    browser.eval("[...document.querySelectorAll('td a')].find(e => e.innerText === 'Short-lived')"
                 ".click()")  # fmt: skip
    browser.wait_for("!!document.querySelector('#compare')")
    assert browser.eval("document.querySelector('#compare').value") == "last_year"
    assert browser.eval("document.querySelector('#model').value") == "linear"
    assert browser.text(".chips span") == "Revenue is at least 1"


def test_a_viewer_opens_what_is_kept_and_changes_nothing(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/reports")
    assert browser.count(".keeping") == 0
    browser.open("/app/reports/saved")
    assert browser.count("main form") == 0
    mark = browser.eval("JSON.parse(document.body.getAttribute('hx-headers'))")["x-csrf-token"]
    headers = {"content-type": "application/x-www-form-urlencoded", "x-csrf-token": mark}
    for path in ("save", "share", "saved/rabc/delete", "saved/rabc/rename",
                 "shared/abc/revoke"):  # fmt: skip
        status, _ = browser.fetch(
            f"/app/reports/{path}?{ASKED}", method="POST", body="name=Mine&days=7", headers=headers
        )
        assert status == 403, path


@pytest.mark.parametrize("path", ["save", "share", "shared/abc/revoke", "saved/rabc/delete"])
def test_a_form_of_another_site_keeps_and_shares_nothing(visitor: Visitor, path: str) -> None:
    visitor.come_in_as(Role.OWNER)
    visitor.browser.open("/app/reports")
    headers = {"content-type": "application/x-www-form-urlencoded"}

    status, _ = visitor.browser.fetch(
        f"/app/reports/{path}", method="POST", body="name=Mine&days=7", headers=headers
    )

    assert status == 403


def test_a_link_shows_its_report_to_whoever_has_it(
    visitor: Visitor, stranger: requests.Session
) -> None:
    link = made_link(visitor)
    browser = visitor.browser
    browser.call("Network.clearBrowserCookies")

    for width, dark in ((1440, False), (1440, True), (390, False), (390, True)):
        browser.look(width, dark=dark)
        browser.open(link)
        assert browser.text("h1") == "For the board"
        assert browser.text(".report tbody tr").split("\t")[0] == "Green tea"
        assert browser.count("#chart canvas") == 1
        assert browser.overflow() == []
        assert browser.violations() == []
    assert browser.errors == []
    assert browser.count("main a, main form, nav") == 0  # it leads nowhere
    assert "joey" not in browser.eval("document.documentElement.outerHTML")
    answer = stranger.get(link, timeout=20)
    assert "noindex" in answer.headers["x-robots-tag"]
    assert '<meta name="robots" content="noindex, nofollow">' in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers


def test_a_link_opens_no_other_page_and_no_other_question(
    visitor: Visitor, stranger: requests.Session
) -> None:
    link = made_link(visitor)
    token = link.rpartition("/")[2]
    site = visitor.site
    shown = stranger.get(link, timeout=20).text

    asked = f"?type=leads&by=contacts.custom.email&account=other&message=Mine&saved=x&{FEBRUARY}"
    assert stranger.get(link + asked, timeout=20).text == shown
    for method in ("POST", "PUT", "DELETE"):
        assert stranger.request(method, link, timeout=20).status_code == 405
    for cookie in ("", token):  # it is no session
        stranger.cookies.set(COOKIE, cookie)
        for path, _, _, method in ROUTES:
            filled = re.sub("{[a-z]+(:[a-z]+)?}", "1", path)
            for suffix in ("", f"?token={token}"):
                answer = stranger.request(
                    method, f"{site.address}/app{filled}{suffix}", timeout=20, allow_redirects=False
                )
                assert answer.status_code == 303, path
                assert answer.headers["location"].startswith("/app/sign-in"), path
    signed = stranger.get(f"{site.address}/app/sign-in?token={token}", timeout=20)
    assert "was used already" in signed.text
    assert COOKIE not in signed.headers.get("set-cookie", "")
    for path in ("", "/", "/behind", "/../reports", "/reports.csv"):
        if path:
            assert stranger.get(link + path, timeout=20, allow_redirects=False).status_code != 200
    for key in (token, f"Bearer {token}"):
        asked = f"{site.address}/{site.account}/report/leads"
        answer = stranger.get(asked, headers={"authorization": key}, timeout=20)
        assert answer.status_code == 401


def test_a_link_shows_the_account_it_was_made_in(visitor: Visitor) -> None:
    site = visitor.site
    other, _ = access.create_account(site.engine, "Another shop", "USD")
    link = made_link(visitor, asked=f"{ASKED}&account={other}")

    shown = requests.get(link, params={"account": site.account}, timeout=20).text

    assert "Another shop" in shown
    assert "Green tea" not in shown
    browser = visitor.browser
    browser.open(f"/app/reports?{ASKED}")
    browser.eval("document.querySelector('#account').focus()")
    browser.press("ArrowDown")
    browser.sees("Nothing in this range.")
    assert f"account={other}" in browser.eval("location.search")
    assert browser.count(".chips li") == 1
    assert browser.violations() == []


def test_links_end_by_themselves_and_when_they_are_revoked(
    visitor: Visitor, stranger: requests.Session
) -> None:
    site, browser = visitor.site, visitor.browser
    ended, revoked, good = (made_link(visitor, days) for days in ("1", "30", "90"))
    with site.users.engine.begin() as connection:
        kept = list(connection.execute(select(shares)))
        last = max(kept, key=lambda each: each.expires_at - each.created_at)
        assert last.expires_at - last.created_at == 90 * 86_400_000
        assert all(len(each.hash) == 64 and ended.rpartition("/")[2] not in str(each)
                   for each in kept)  # fmt: skip
        day = [each.id for each in kept if each.expires_at - each.created_at == 86_400_000]
        connection.execute(
            update(shares).where(shares.c.id.in_(day)).values(expires_at=kept[0].created_at)
        )
    assert stranger.get(revoked, timeout=20).status_code == 200

    browser.open("/app/reports/saved")
    assert browser.violations() == []
    browser.eval(
        "[...document.querySelectorAll('#links tbody tr')]"
        ".find(e => !e.textContent.includes('never')).querySelector('button').id = 'that'"
    )
    rows = browser.count("#links tbody tr")
    browser.click("#that")
    browser.sees("is not good any more")
    assert browser.count("#links tbody tr") == rows - 1

    never = f"{site.address}/app/shared/never"
    answers = {stranger.get(link, timeout=20).text for link in (ended, revoked, never)}
    assert len(answers) == 1  # nobody learns which of them there was
    assert stranger.get(revoked, timeout=20).status_code == 404
    assert stranger.get(good, timeout=20).status_code == 200
    told = audited(site)
    assert any(each.startswith("shared report For the board by a link until ") for each in told)
    assert "revoked a link to report For the board" in told
    assert not any(good.rpartition("/")[2] in each for each in told)


@pytest.mark.parametrize("days", ["0", "8", "-1", "99999", "7.5", "", "forever"])
def test_a_link_is_good_for_as_long_as_is_offered_and_no_longer(
    visitor: Visitor, days: str
) -> None:
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    browser.open("/app/reports")
    mark = browser.eval("JSON.parse(document.body.getAttribute('hx-headers'))")["x-csrf-token"]
    before = links(visitor.site)

    status, told = browser.fetch(
        f"/app/reports/share?{ASKED}", method="POST", body=f"name=Mine&days={days}",
        headers={"content-type": "application/x-www-form-urlencoded", "x-csrf-token": mark,
                 "hx-request": "true"},
    )  # fmt: skip

    assert status == 422
    assert "a link is good for 1, 7, 30, 90 days" in told
    assert links(visitor.site) == before


def test_what_cannot_be_asked_is_neither_kept_nor_shared(visitor: Visitor) -> None:
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    browser.open("/app/reports")
    mark = browser.eval("JSON.parse(document.body.getAttribute('hx-headers'))")["x-csrf-token"]
    headers = {"content-type": "application/x-www-form-urlencoded", "x-csrf-token": mark,
               "hx-request": "true"}  # fmt: skip
    for path in ("save", "share"):
        status, told = browser.fetch(
            f"/app/reports/{path}?type=revenue&by=chanel", method="POST", body="name=Mine&days=7",
            headers=headers,
        )  # fmt: skip
        assert status == 422
        assert "clicks.channel" in told
