"""Waiting for a sample of a webhook, which is mapped before the scenario ever ran."""

from __future__ import annotations

import requests

from segconnect.web.users import Role
from tests.web.conftest import Visitor

READERS = """\
name: Readers
flow:
  - {id: 1, module: "gateway:CustomWebHook", parameters: {hook: 1}}
  - {id: 2, module: add-update-contact, mapper: {email: "{{1.email}}", tags: [Reader]}}
"""


def test_a_sample_is_waited_for_and_mapped_while_the_scenario_is_off(visitor: Visitor) -> None:
    visitor.site.connect()
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    browser.open("/app/scenarios/new")
    browser.fill("#connection", "tea")
    browser.fill("#yaml", READERS)
    browser.click("form:has(#yaml) button.main")
    browser.sees("Kept.")
    assert '["Reader"]' in browser.text(".flow")
    place, address = browser.path, browser.text(".secret code")

    browser.eval("document.querySelector('#sample button').click()")
    browser.sees("Send a request to the address now")
    assert browser.violations() == []
    sent = {"email": "ann@bloggs.com", "who": {"first": "Ann"}}
    assert requests.post(address, json=sent, timeout=20).ok
    browser.sees("Its fields can be mapped now")
    assert "The scenario is off" in browser.text("#sample")
    assert '"first": "Ann"' in browser.text("#sample pre")
    assert browser.violations() == []
    assert browser.overflow() == []

    browser.click("#sample .note a")
    assert browser.path == f"{place}/modules/2"
    browser.sees("ann@bloggs.com")
    browser.click("#f-first_name")
    browser.click(".pill[data-insert='{{1.who.first}}']")
    browser.wait_for("document.querySelector('#p-first_name').innerText.includes('Ann')")

    browser.fill("#f-last_name", "{{lower(1.who.first}}")
    browser.wait_for("!!document.querySelector('#p-last_name .problem mark')")


def test_who_waited_in_vain_is_told_what_to_look_at(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/scenarios")
    browser.click("td a[href*='/app/scenarios/']")
    place = browser.path
    for given in ("began=1&since=99", "began=1&since=%C2%B2", "began=-1&since=x", "began=&since="):
        status, text = browser.fetch(f"{place}/sample?{given}")
        assert status == 200, given
        told = "No request came" if given == "began=1&since=99" else "Send a request"
        assert told in text, given
