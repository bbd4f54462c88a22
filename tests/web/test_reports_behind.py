"""A number opens the people and orders behind it."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

import pytest

from segconnect.web.users import Role
from tests.conftest import an_order
from tests.web.conftest import Site, Visitor

FEBRUARY = "start=2026-02-01&end=2026-02-28"
PEOPLE = 60


@pytest.fixture(scope="module", autouse=True)
def shop(site: Site) -> None:
    """Sixty people, each with an order of 12.00 for a green tea; one more has no contact."""
    for number in range(1, PEOPLE + 1):
        email = f"p{number:02}@bloggs.com"
        contact = {"email": email, "contact_id": f"c/{number}", "date_created": "2026-02-01"}
        site.send("contact", contact)
        site.send("invoice", {**an_order(f"o{number}"), "email": email})
    site.send("invoice", {**an_order("=alone"), "email": "=nobody@bloggs.com"})


def test_a_number_opens_the_orders_behind_it_which_lead_to_their_people(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/reports?type=products&{FEBRUARY}")
    assert browser.text(".report tbody tr td.n") == "€732.00\nnew"  # 61 times 12
    browser.click(".report tbody tr td.n a")

    browser.sees("61 parts, together €732.00")
    assert browser.text("h1") == "Behind Revenue"
    assert "Product Green tea" in browser.text(".head")
    assert browser.count(".report tbody tr") == 50
    assert browser.text(".report tfoot .n") == "€732.00"
    assert browser.violations() == []
    browser.click(".pages a[rel=next]")
    assert browser.count(".report tbody tr") == 11
    assert browser.count(".pages a[rel=next]") == 0
    assert browser.count("a[download]") == 0  # people are exported by editors
    browser.click(".report tbody a")
    browser.sees("Ordered for")
    assert browser.path.startswith("/app/contacts/c/")


def test_a_rate_opens_both_figures_that_it_is_made_of(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    for width, dark in ((1440, True), (390, False)):
        browser.look(width, dark=dark)
        browser.open(f"/app/reports/behind?type=revenue&figure=aov&{FEBRUARY}")
        assert browser.text(".made-of") == "Revenue €732.00\nOrders 61"
        browser.click(".made-of a:nth-child(2)")
        assert browser.text(".made-of [aria-current]") == "Orders 61"
        assert browser.overflow() == []
        assert browser.violations() == []


def test_an_editor_takes_them_along_as_a_file_without_formulas(visitor: Visitor) -> None:
    asked = f"/app/reports/behind.csv?type=products&{FEBRUARY}&figure=revenue&cell=Green+tea"
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open("/app/reports")
    assert visitor.browser.fetch(asked)[0] == 403
    visitor.come_in_as(Role.EDITOR)
    status, content = visitor.browser.fetch(asked)

    rows = list(csv.DictReader(io.StringIO(content)))
    assert status == 200
    assert sum(float(row["part"]) for row in rows) == 732
    alone = next(row for row in rows if not row["contact"])
    assert (alone["email"], alone["of"]) == ("'=nobody@bloggs.com", "'=alone")
    assert "exported the 61 people and orders behind revenue" in [
        each.what for each in visitor.site.users.log()
    ]


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("figure=revenu", 404, "no figure"),
        ("figure=revenue&cell=a&cell=b", 400, "2 values of a row"),
        ("figure=revenue&part=leads", 404, "behind this figure"),
        ("figure=adSpend&by=orders.product", 200, "The total"),
        (
            "figure=adSpend&by=orders.product&cell=Tea",
            400,
            "adSpend is not known by orders.product",
        ),
        ("figure=revenue&page=99999", 200, "together"),
        ("figure=revenue&page=-1", 200, "together"),
        (f"figure=revenue&by=orders.age&cell={quote('0; drop')}", 400, "expected a number"),
    ],
)
def test_what_is_not_there_is_told(visitor: Visitor, query: str, status: int, told: str) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open("/app/reports")

    found = visitor.browser.fetch(f"/app/reports/behind?type=revenue&{FEBRUARY}&{query}")

    assert found[0] == status
    assert told in found[1]
