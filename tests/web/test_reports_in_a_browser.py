"""What a person asks of the reports."""

from __future__ import annotations

import json
import re

import requests

from segconnect.web.users import Role
from tests.conftest import an_order
from tests.web.conftest import Visitor

FEBRUARY = "start=2026-02-01&end=2026-02-28"


def test_a_report_is_asked_sorted_exported_and_asked_by_a_program(visitor: Visitor) -> None:
    browser, site = visitor.browser, visitor.site
    for number, product, cents in ((1, "Green tea", 1200), (2, "Kettle", 4900)):
        site.send("contact", {"email": f"{number}@bloggs.com"})
        items = [{"name": product, "product_id": product, "amount": cents}]
        order = an_order(f"o{number}", amount=cents, paid=cents, items=items)
        site.send("invoice", {**order, "email": f"{number}@bloggs.com"})
    visitor.come_in_as(Role.VIEWER)

    browser.open(f"/app/reports?type=products&{FEBRUARY}")
    assert browser.text(".tile b") == "€61.00"
    browser.click("th a[href*='sort=revenue'], th a[href*='sort=-revenue']")
    rows = browser.eval("[...document.querySelectorAll('tbody tr')].map(e => e.cells[0].innerText)")
    assert rows == ["Kettle", "Green tea"]
    assert browser.count("th[aria-sort=descending]") == 1
    assert browser.errors == []
    status, content = browser.fetch(f"/app/reports.csv?type=products&{FEBRUARY}&sort=-revenue")
    assert (status, content.splitlines()[1].split(",")[:2]) == (200, ["Kettle", "49"])

    browser.click(".api summary")
    shown = browser.text(".api pre")
    url, body = re.search(r"curl (\S+)", shown), re.search(r"-d '(.*)'", shown, re.DOTALL)
    assert url is not None
    assert body is not None
    answer = requests.post(
        url[1], json=json.loads(body[1]), headers={"authorization": site.key}, timeout=20
    )
    assert answer.ok
    assert answer.json()["totals"][0] == 61


def test_what_cannot_be_answered_is_told(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open("/app/reports?type=produkts")

    visitor.browser.sees("products")
    assert visitor.browser.count(".note.bad[role=alert]") == 1


def test_a_report_is_kept_and_forgotten(visitor: Visitor) -> None:
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    browser.open(f"/app/reports?type=revenue&by=orders.status&{FEBRUARY}")
    browser.fill("#name", "By status")
    browser.click(".saves button")
    browser.sees("By status is saved.")
    assert browser.violations() == []

    browser.open("/app/reports")
    browser.click(".kept a")
    assert browser.eval("document.querySelector('#type').value") == "revenue"
    assert browser.eval("document.querySelector('#by').value") == "orders.status"
    assert browser.eval("document.querySelector('#start').value") == "2026-02-01"
    browser.click(".kept button")
    browser.sees("not kept any more")
    assert browser.count(".kept") == 0
