"""Who comes in, how, and what they may do."""

from __future__ import annotations

from segconnect.web.users import TRIES, Role
from tests.web.conftest import Visitor


def csrf(visitor: Visitor) -> str:
    """What the forms of the page that is shown carry."""
    return str(
        visitor.browser.eval("JSON.parse(document.body.getAttribute('hx-headers'))")["x-csrf-token"]
    )


def post(visitor: Visitor, path: str, body: str, mark: str) -> int:
    """Sends a form as a script would; 0 is an answer that leads elsewhere."""
    headers = {"content-type": "application/x-www-form-urlencoded", "x-csrf-token": mark}
    return visitor.browser.fetch(path, method="POST", body=body, headers=headers)[0]


def test_the_printed_address_makes_the_first_owner_who_then_has_a_password(
    visitor: Visitor,
) -> None:
    browser, site = visitor.browser, visitor.site
    browser.open(site.first)
    assert browser.path == "/app/welcome"
    browser.fill("#email", "ann@bloggs.com")
    browser.fill("#name", "Ann")
    browser.fill("#password", "a long password")
    browser.click("form button.main")
    assert browser.path == "/app/overview"
    browser.click(".who form button")
    assert browser.path == "/app/sign-in"

    browser.open(site.first)
    browser.sees("was used already")

    browser.open("/app/runs")
    assert browser.path == "/app/sign-in"
    browser.fill("#email", "ann@bloggs.com")
    browser.fill("#password", "another password")
    browser.click("form button.main")
    browser.sees("do not go together")
    browser.fill("#email", "ANN@bloggs.com")
    browser.fill("#password", "a long password")
    browser.click("form button.main")
    assert browser.path == "/app/runs"
    cookies = browser.call("Network.getAllCookies")["cookies"]
    (cookie,) = [each for each in cookies if each["name"] == "segconnect"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/app")


def test_what_is_wrong_with_a_new_user_is_told_beside_what_was_typed(visitor: Visitor) -> None:
    token = visitor.site.users.invite("late@bloggs.com", Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/join/{token}")
    browser.fill("#name", "Late")
    browser.eval("document.querySelector('#password').removeAttribute('minlength')")
    browser.fill("#password", "short")
    browser.click("form button.main")

    browser.sees("Shorter than 10 characters")
    assert browser.eval("document.querySelector('#name').value") == "Late"
    assert (
        browser.eval("document.querySelector('#password').getAttribute('aria-invalid')") == "true"
    )


def test_who_is_invited_joins_in_the_role_and_a_viewer_changes_nothing(visitor: Visitor) -> None:
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    browser.open("/app/users")
    browser.fill("#email", "vera@bloggs.com")
    browser.fill("#role", "viewer")
    browser.click("#invite button")
    link = browser.text(".secret code")
    browser.call("Network.clearBrowserCookies")

    browser.open(link)
    browser.fill("#name", "Vera")
    browser.fill("#password", "a long password")
    browser.click("form button.main")
    assert browser.path == "/app/overview"
    assert browser.text(".who .role") == "viewer"
    browser.open("/app/set-up")
    assert browser.count("main form") == 0
    mark = csrf(visitor)
    for path in ("/app/set-up/account", "/app/scenarios/new", "/app/users/invite"):
        assert post(visitor, path, "name=Mine", mark) in (403, 422)
    assert len(visitor.site.users.all()) > 1
    browser.open("/app/users")
    browser.sees("for owners")
    browser.call("Network.clearBrowserCookies")
    browser.open(link)
    browser.sees("not good any more")


def test_a_form_of_another_site_is_refused(visitor: Visitor) -> None:
    visitor.come_in_as(Role.OWNER)
    visitor.browser.open("/app/users")

    assert post(visitor, "/app/users/invite", "email=eve@bloggs.com&role=owner", "") == 403
    assert post(visitor, "/app/users/invite", "email=eve@bloggs.com&role=owner", "0" * 64) == 403

    visitor.browser.open("/app/users")
    assert "eve@bloggs.com" not in visitor.browser.text()


def test_sign_out_everywhere_ends_every_session(visitor: Visitor) -> None:
    visitor.come_in_as(Role.EDITOR)
    elsewhere = visitor.site.users.begin_session(
        next(each.id for each in visitor.site.users.all() if each.role == "editor")
    )
    visitor.browser.open("/app/you")
    visitor.browser.click("#everywhere button")

    assert visitor.browser.path == "/app/sign-in"
    assert visitor.site.users.user_of(elsewhere) is None


def test_too_many_tries_have_to_wait(visitor: Visitor) -> None:
    browser = visitor.browser
    browser.open("/app/sign-in")
    body = "email=bob@bloggs.com&password=guess"
    answers = [post(visitor, "/app/sign-in", body, "") for _ in range(TRIES + 2)]

    assert answers[0] == 401
    assert answers[-1] == 429
    browser.open("/app/sign-in")
    browser.fill("#email", "bob@bloggs.com")
    browser.fill("#password", "guess")
    browser.click("form button.main")
    browser.sees("wait five minutes")
