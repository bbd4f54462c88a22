"""Contacts in a browser: finding people, and what is done about one of them."""

from __future__ import annotations

import pytest

from segconnect.web.users import Role
from tests.web.conftest import Site, Visitor


@pytest.fixture(scope="module", autouse=True)
def people(site: Site) -> None:
    """Sixty readers, and Joey, who bought."""
    for number in range(60):
        site.send(
            "contact",
            {"contact_id": f"r{number}", "email": f"reader{number}@bloggs.com",
             "first_name": "Rita", "tags": ["Reader"]},
        )  # fmt: skip
    joey = {"contact_id": "joey", "email": "joey@bloggs.com", "first_name": "Joey"}
    site.send("contact", {**joey, "last_name": "Bloggs", "tags": ["Reader", "Buyer"]})
    site.send(
        "invoice",
        {"id": "o1", "email": "joey@bloggs.com", "amount": 1200, "paid": 1200,
         "date_created": "2026-02-01 10:00:00",
         "items": [{"name": "Green tea", "product_id": "tea", "amount": 1200}]},
    )  # fmt: skip


def test_people_are_found_while_one_types_and_by_filters(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/contacts")
    assert browser.count("#found tbody tr") == 51  # and the last one asks for more
    browser.click("#more a")
    browser.wait_for("document.querySelectorAll('#found tbody tr').length === 61")

    browser.click("#q")
    browser.type("joey@b")
    browser.wait_for("document.querySelectorAll('#found tbody tr').length === 1")
    assert "€12.00" in browser.text("#found")
    assert browser.eval("location.search").endswith(f"?account={visitor.site.account}&q=joey%40b")
    browser.fill("#q", "rita 59@")
    browser.wait_for("document.querySelector('#found').innerText.includes('reader59@')")
    assert browser.count("#found tbody tr") == 1

    browser.fill("#q", "")
    browser.click(".filters summary")
    browser.fill("#status", "customer")
    browser.sees("1 contact")
    assert "joey@bloggs.com" in browser.text("#found")
    browser.fill("#tag", "Buyer")
    browser.fill("#status", "lead")
    browser.sees("Nobody is left by these filters.")
    browser.open(browser.eval("location.pathname + location.search"))
    assert browser.eval("document.querySelector('#status').value") == "lead"
    browser.click("#found .empty a")
    assert browser.count("#found tbody tr") == 51
    # htmx tells of what it gave up because more was typed.
    assert [each for each in browser.errors if "[object HTMLDivElement]" not in each] == []
