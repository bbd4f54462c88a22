"""The set-up, as a person who begins does it."""

from __future__ import annotations

import requests

from segconnect.web.users import Role
from tests.web.conftest import Visitor


def test_from_an_account_to_a_connection_that_is_tested(visitor: Visitor) -> None:
    visitor.come_in_as(Role.OWNER)
    browser, site = visitor.browser, visitor.site
    browser.open("/app/set-up")
    browser.fill("#account-name", "Brindlemoor")
    browser.fill("#currency", "NOK")
    browser.fill("#timezone", "Europe/Olso")
    browser.click("form[action$='/set-up/account'] button")
    browser.sees("Europe/Olso")
    assert browser.eval("document.querySelector('#account-name').value") == "Brindlemoor"
    browser.fill("#timezone", "Europe/Oslo")
    browser.click("form[action$='/set-up/account'] button")
    browser.sees("Shown this one time")
    assert "Brindlemoor" in browser.text()

    browser.fill("#name-2", "Shop")
    browser.fill("#kind-2", "payments")
    browser.click("#integration-2 button.main")
    browser.wait_for("document.querySelectorAll('#shown code').length === 3")
    account, integration, key = (
        browser.eval(f"document.querySelectorAll('#shown code')[{number}].textContent")
        for number in range(3)
    )
    browser.open("/app/set-up")
    assert key not in browser.text()

    browser.fill("#c-name", "shop")
    browser.fill("#c-key", "wrong")
    browser.fill("#c-account", account)
    browser.fill("#c-integration", integration)
    assert browser.eval("document.querySelector('#c-url').value") == f"{site.address}/api"
    browser.click("form[action$='/set-up/connection'] button.main")
    browser.sees("API key")
    assert browser.eval("document.querySelector('#c-name').value") == "shop"
    assert browser.eval("document.querySelector('#c-key').value") == ""
    browser.fill("#c-key", key)
    browser.click("form[action$='/set-up/connection'] button.main")
    browser.sees("shop is saved")
    browser.click("#connections form[action$='/test'] button")
    browser.sees("accepts shop")

    sent = requests.post(
        f"{site.address}/api/v1/{account}/{integration}/contact",
        json={"email": "ann@bloggs.com"},
        headers={"authorization": key},
        timeout=20,
    )
    assert sent.ok
    browser.click(f"form[data-ask*='{key[-4:]}'] button")
    browser.sees("is not good any more")
    assert "Whoever sends with it cannot any more" in browser.asked[-1]
