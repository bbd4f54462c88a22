"""Places are reached without a mouse."""

from __future__ import annotations

import pytest

from segconnect.web.users import Role
from tests.web.conftest import Visitor


@pytest.mark.parametrize(
    ("keys", "path"),
    [("go", "/app/overview"), ("gr", "/app/reports"), ("gc", "/app/contacts"),
     ("gs", "/app/scenarios"), ("gu", "/app/set-up")],
)  # fmt: skip
def test_two_keys_lead_to_a_place(visitor: Visitor, keys: str, path: str) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/you")
    for key in keys:
        browser.press(key)
    browser.wait_for(f"location.pathname === {path!r}")
    assert browser.errors == []


def test_places_are_found_by_a_few_letters(visitor: Visitor) -> None:
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    browser.open("/app/overview")
    browser.press("?", shift=True)
    browser.wait_for("document.activeElement.id === 'keys-search'")
    assert browser.violations() == []
    browser.type("zzz")
    browser.sees("No place is called so.")
    browser.fill("#keys-search", "")
    browser.type("hea")
    assert browser.text("dialog ul").split("\n")[0] == "Data health"
    browser.press("Enter")
    browser.wait_for("location.pathname === '/app/health'")


def test_the_list_gives_the_focus_back(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/overview")
    browser.click("[data-open-keys]")
    browser.wait_for("document.querySelector('dialog').open")
    assert browser.count("dialog a[href='/app/users']") == 0
    browser.press("Escape")
    browser.wait_for("!document.querySelector('dialog').open")
    assert browser.eval("document.activeElement.matches('[data-open-keys]')")


def test_who_types_goes_nowhere(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/contacts")
    browser.press("/")
    for key in "gs":
        browser.press(key)
    assert browser.path == "/app/contacts"
    assert browser.eval("document.activeElement.value") == "gs"
