"""The set-up, as a person who begins does it."""

from __future__ import annotations

from time import sleep

import requests

from segconnect.account.owner import account_settings
from segconnect.account.owner.access import FRESH_SECONDS
from segconnect.account.owner.uses import LATE_SECONDS
from segconnect.clock import now
from segconnect.web.users import Role
from tests.web.conftest import Visitor


def test_from_an_account_to_a_connection_that_is_tested(visitor: Visitor) -> None:
    visitor.come_in_as(Role.OWNER)
    browser, site = visitor.browser, visitor.site
    browser.open("/app/set-up")
    browser.click("#new summary")
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
    browser.click("form[action$='/set-up/connections'] button.main")
    browser.sees("API key")
    assert browser.eval("document.querySelector('#c-name').value") == "shop"
    assert browser.eval("document.querySelector('#c-key').value") == ""
    browser.fill("#c-key", key)
    browser.click("form[action$='/set-up/connections'] button.main")
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
    refused = requests.post(
        f"{site.address}/api/v1/{account}/{integration}/contact",
        json={"email": "nobody"},
        headers={"authorization": key},
        timeout=20,
    )
    assert refused.status_code == 400
    sleep(LATE_SECONDS + 1)
    browser.open("/app/set-up")
    told = browser.text(f"section[id='{account}'] table")
    assert "1 refused" in told
    assert refused.json()["errors"][0][:60] in told
    assert "used just now" in browser.text(f"section[id='{account}'] .keys")
    browser.click(f"form[data-ask*='{key[-4:]}'] button")
    browser.sees("is not good any more")
    assert "Whoever sends with it cannot any more" in browser.asked[-1]


def test_a_key_is_renewed_and_the_old_one_stops_when_it_was_said(visitor: Visitor) -> None:
    visitor.come_in_as(Role.OWNER)
    browser, site = visitor.browser, visitor.site
    row = f"tr:has([data-ask*='{site.key[-4:]}'])"
    browser.open("/app/set-up")
    browser.fill(f"{row} select", "3600")
    browser.click(f"{row} form[action$='/renew'] button")
    browser.sees("stops in an hour")
    new = browser.eval("document.querySelectorAll('#shown code')[1].textContent")
    assert browser.violations() == []

    def status(key: str) -> int:
        url = f"{site.address}/api/v1/{site.account}/{site.integration}/contact"
        return requests.get(url, headers={"authorization": key}, timeout=20).status_code

    assert (status(site.key), status(new)) == (200, 200)
    browser.open("/app/set-up")
    browser.click(f"tr:has([data-ask*='{new[-4:]}']) form[action$='/renew'] button")
    browser.sees("is not good any more")
    newest = browser.eval("document.querySelectorAll('#shown code')[1].textContent")
    sleep(FRESH_SECONDS)
    assert (status(new), status(newest)) == (401, 200)


def test_a_change_of_settings_is_told_before_it_is_saved(visitor: Visitor) -> None:
    browser, site = visitor.browser, visitor.site
    lately = f"{now():%Y-%m-%d %H:%M:%S}"
    for id_, paid in (("paid", 1200), ("failed", 0)):
        items = [{"name": "Green tea", "product_id": "tea", "amount": 1200}]
        order = {"id": id_, "email": "joey@bloggs.com", "amount": 1200, "paid": paid}
        site.send("invoice", {**order, "date_created": lately, "items": items})
    visitor.come_in_as(Role.OWNER)
    browser.open("/app/set-up")
    browser.click("#account header a[href*='/accounts/']")
    browser.fill("#timezone", "Europe/Olso")
    browser.fill("#currency", "euros")
    browser.fill("#excluded_ips", "here")
    browser.click("#settings button.main")
    browser.sees("3 fields do not do")
    assert browser.count("[aria-invalid=true]") == 3
    assert browser.eval("document.querySelector('#excluded_ips').value") == "here"

    browser.fill("#timezone", "Europe/Oslo")
    browser.fill("#currency", "EUR")
    browser.fill("#excluded_ips", "192.0.2.7")
    browser.click("#exclude_failed")
    browser.click("#settings button")
    browser.sees("Days begin at midnight in Europe/Oslo, not in UTC")
    browser.sees("€24.00 until now, €12.00 with it")
    assert browser.overflow() == []
    assert browser.violations() == []
    assert account_settings.read(site.engine, site.account).timezone == "UTC"
    browser.fill("#week_start", "sunday")  # which was not told yet
    browser.click("button[name=agreed]")
    browser.sees("Weeks begin on Sunday, not on Monday")
    assert account_settings.read(site.engine, site.account).timezone == "UTC"

    browser.click("button[name=agreed]")
    browser.sees("Saved; reports are by this from now on.")
    kept = account_settings.read(site.engine, site.account)
    assert (kept.timezone, kept.switches.exclude_failed) == ("Europe/Oslo", True)
    assert browser.eval("document.querySelector('#excluded_ips').value") == "192.0.2.7/32"


def test_a_viewer_sees_settings_and_changes_none(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser, path = visitor.browser, f"/app/set-up/accounts/{visitor.site.account}"
    browser.open(path)

    assert browser.eval("document.querySelector('#name').matches(':disabled')")
    assert browser.count("#settings button") == 0
    mark = browser.eval("JSON.parse(document.body.getAttribute('hx-headers'))['x-csrf-token']")
    status, _ = browser.fetch(path, method="POST", headers={"x-csrf-token": mark})
    assert status == 403
