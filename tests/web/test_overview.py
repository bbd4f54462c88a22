"""What the first page says, and where it leads."""

from __future__ import annotations

import pytest

from segconnect.clock import now
from segconnect.web.users import Role
from tests.web.conftest import Site, Visitor


@pytest.fixture(scope="module", autouse=True)
def sold(site: Site) -> None:
    """Two orders of today: of a contact, and of nobody; one of them was never paid."""
    today = f"{now():%Y-%m-%d} 00:00:01"
    site.send("contact", {"email": "joey@bloggs.com", "date_created": today})
    for email, cents, paid in (("joey@bloggs.com", 1234, 1234), ("nobody@bloggs.com", 4900, 0)):
        items = [{"name": "Green tea", "product_id": "tea", "amount": cents}]
        order = {"id": email, "email": email, "amount": cents, "paid": paid, "items": items}
        site.send("invoice", {**order, "date_created": today})


@pytest.mark.parametrize(("key", "shown"), [("revenue", "€61.34"), ("leads", "1")])
def test_a_tile_leads_to_the_report_that_says_the_same(
    visitor: Visitor, key: str, shown: str
) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/overview")
    tile = f"a.tile[data-key={key}]"
    assert browser.text(f"{tile} b") == shown
    browser.click(tile)
    assert browser.path == "/app/reports"
    browser.sees(shown)


def test_what_is_wrong_with_the_data_leads_to_what_mends_it(visitor: Visitor) -> None:
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    browser.open("/app/overview")
    browser.sees("Orders of nobody")
    assert "1 order, €49.00" in browser.text("#needs-card")
    browser.click("#needs-card a[href$='#failed_invoices']")
    browser.sees("For instance")
    assert browser.violations() == []
    browser.click("#failed_invoices a.button")
    assert browser.path.startswith("/app/set-up/accounts/")
    browser.click("#exclude_failed")
    browser.click("#settings button.main")
    browser.sees("€61.34 until now, €12.34 with it")
    browser.click("button[name=agreed]")
    browser.open("/app/overview")
    browser.sees("Orders of nobody")

    assert browser.text("a.tile[data-key=revenue] b") == "€12.34"
    assert "never paid" not in browser.text("#needs-card")


def test_a_viewer_is_not_led_to_what_they_may_not_do(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open("/app/health")
    visitor.browser.sees("Orders of nobody")
    assert visitor.browser.count("#unlinked_orders a.button") == 0
