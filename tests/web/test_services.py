"""Connections to other services on pages: added, changed, tested, deleted; never told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from segconnect.connections import Connections
from segconnect.credentials import SERVICES
from segconnect.settings import load
from segconnect.web.users import Role
from tests.web.conftest import Visitor

NEW = "/app/set-up/connection/new"
READER = """\
name: Pages of the shop
flow:
  - {id: 1, module: "segconnect:FetchPages", parameters: {url: "https://shop.example/orders", connection: shop-key}}
  - {id: 2, module: delete-contact, mapper: {contact: "{{1.id}}"}}
"""  # noqa: E501


@pytest.fixture
def kept(visitor: Visitor) -> Iterator[Connections]:
    """The connections of the site, which are none before and after."""
    found = Connections(load(data=visitor.site.data))
    yield found
    for each in found.list():
        found.delete(each.name)


def test_a_key_is_added_and_changed_and_never_shown_again(
    visitor: Visitor, kept: Connections
) -> None:
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    browser.open("/app/set-up")
    browser.click(f"a[href='{NEW}']")
    browser.click("a.choice[href$='service=api-key']")
    browser.fill("#name", "shop-key")
    browser.fill("[name=v-key]", "s3cret key")
    browser.fill("[name=v-name]", "X-Key")
    browser.click("form[action$='/new'] button.main")
    browser.sees("shop-key is saved")
    assert kept.credentials("shop-key") == {"key": "s3cret key", "name": "X-Key"}

    browser.click("#connections a[href*='shop-key']")
    assert browser.eval("document.querySelector('[name=v-name]').value") == "X-Key"
    assert "s3cret" not in browser.eval("document.documentElement.outerHTML")
    browser.fill("[name=v-name]", "X-Token")
    browser.fill("[name=v-placement]", "query")
    browser.click("#change button")
    browser.sees("shop-key is saved")
    found = {"key": "s3cret key", "name": "X-Token", "placement": "query"}
    assert kept.credentials("shop-key") == found

    browser.open("/app/set-up/connection?name=shop-key")
    assert browser.count("form[action$='/connection/test']") == 0  # there is nobody to ask
    browser.click("form[action$='/connection/delete'] button")
    browser.sees("shop-key is deleted")
    assert browser.asked[-1] == "Delete the connection shop-key?"
    assert kept.list() == []
    browser.click("form[action*='/undo/'] button")
    browser.sees("shop-key is back")
    assert kept.credentials("shop-key") == found


def test_a_mail_server_that_refuses_keeps_nothing_until_it_is_not_asked(
    visitor: Visitor, kept: Connections
) -> None:
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    browser.open(f"{NEW}?service=smtp")
    browser.fill("#name", "mail")
    for name, value in {"host": "127.0.0.1", "port": "1", "tls": "none"}.items():
        browser.fill(f"[name=v-{name}]", value)
    browser.fill("[name=v-user]", "joey")
    browser.fill("[name=v-password]", "tea time")
    browser.click("form[action$='/new'] button.main")
    browser.sees("cannot sign in to 127.0.0.1, port 1")
    assert kept.list() == []
    values = {name: browser.eval(f"document.querySelector('[name=v-{name}]').value")
              for name in ("host", "port", "tls", "user", "password")}  # fmt: skip
    assert values == {
        "host": "127.0.0.1", "port": "1", "tls": "none", "user": "joey", "password": "",
    }  # fmt: skip
    assert browser.eval("document.querySelector('#name').value") == "mail"

    browser.fill("[name=v-password]", "tea time")
    browser.click("[name=ask]")
    browser.click("form[action$='/new'] button.main")
    browser.sees("nobody was asked")
    browser.open("/app/set-up/connection?name=mail")
    browser.click("form[action$='/connection/test'] button")
    browser.sees("mail does not work")

    browser.click("[name=forget-password]")
    browser.fill("[name=v-user]", "")
    browser.click("[name=ask]")
    browser.click("#change button")
    browser.sees("mail is saved")
    assert kept.credentials("mail") == {"host": "127.0.0.1", "port": 1, "tls": "none"}


def test_of_keys_and_values_some_stay_some_go_and_some_come(
    visitor: Visitor, kept: Connections
) -> None:
    kept.save_credentials("base", "values", {"url": "sqlite:///a.db", "old": "1"}, verify=False)
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    browser.open("/app/set-up/connection?name=base")
    assert "sqlite" not in browser.eval("document.documentElement.outerHTML")
    browser.click("[name=forget-old]")
    browser.fill("#key-1", "certificate")
    browser.fill("#value-1", "one\ntwo")
    browser.click("#change button")
    browser.sees("base is saved")
    assert kept.credentials("base") == {"url": "sqlite:///a.db", "certificate": "one\ntwo"}

    browser.open("/app/set-up/connection?name=base")
    browser.fill("#value-1", "nameless")
    browser.click("#change button")
    browser.sees("a value has no key; name it")


def test_a_scenario_whose_source_names_a_connection_uses_it(
    visitor: Visitor, kept: Connections
) -> None:
    visitor.site.connect()
    kept.save_credentials("shop-key", "api-key", {"key": "k"}, verify=False)
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    browser.open("/app/scenarios/new")
    browser.fill("#yaml", READER)
    browser.fill("#connection", "tea")
    browser.click("form:has(#yaml) button.main")
    browser.sees("Kept.")
    browser.open("/app/set-up/connection?name=shop-key")

    assert "Pages of the shop" in browser.text("section[aria-labelledby=used]")
    assert browser.count("#change") == 0  # an editor changes none


def test_a_name_that_is_taken_is_not_written_over(visitor: Visitor, kept: Connections) -> None:
    kept.save_credentials("shop-key", "api-key", {"key": "first"}, verify=False)
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    browser.open(f"{NEW}?service=api-key")
    browser.fill("#name", "shop-key")
    browser.fill("[name=v-key]", "second")
    browser.click("form[action$='/new'] button.main")
    browser.sees("there is a connection 'shop-key' already")

    assert kept.credentials("shop-key") == {"key": "first"}


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_the_page_of_a_service_is_sound(visitor: Visitor, service: str) -> None:
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    for width, dark in ((1440, False), (390, True)):
        browser.look(width, dark=dark)
        browser.open(f"{NEW}?service={service}" if service else NEW)
        assert browser.overflow() == [], width
        assert browser.violations() == [], (width, dark)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_only_owners_add_connections(visitor: Visitor, role: Role) -> None:
    visitor.come_in_as(role)
    visitor.browser.open(NEW)

    visitor.browser.sees("That is for owners")
