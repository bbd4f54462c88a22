"""Charts of reports as people see them: by day and night, on a desk and on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.web.users import Role
from tests.conftest import an_order
from tests.web.conftest import Site, Visitor

RANGE = "start=2026-01-01&end=2026-04-30"
KINDS = {
    "cohort": ".cell rect",
    "funnel&event=visit&of=&event=lead&of=&event=order&of=": ".filled",
    "journey": ".filled",
    "journey&by=clicks.channel": ".filled",
    "paths": ".ribbon",
    "paths&conversion=lead&with=repeats": ".ribbon",
    "paths&by=clicks.utm_campaign&limit=1": ".ribbon",
    "movements": "canvas",
    "comparison": "canvas",
    "comparison&beside=any&beside=markov": "canvas",
    "engagement": "canvas",
}
"""What is asked for, and what is drawn of it."""


@pytest.fixture(scope="module")
def shop(site: Site) -> Site:
    """Three people who came by an ad, an email or both, bought and subscribed, and one who left."""
    for number, months in ((1, (1, 2, 3)), (2, (2, 4)), (3, (3,)), (4, ())):
        email = f"{number}@bloggs.com"
        for visit, medium in enumerate(("cpc", "email", "cpc")[: number % 4 + 1]):
            contact = {
                "email": email, "contact_id": f"{number}-{visit}", "utm_medium": medium,
                "utm_campaign": f"A campaign with a long name {visit}",
                "date_created": f"2026-01-0{visit + 1} 10:00:00",
            }  # fmt: skip
            site.send("contact", contact)
        view = {
            "uid": f"u{number}", "email": email, "url": f"https://tea.shop/{number}",
            "date_created": "2026-02-01 10:00:00",
        }  # fmt: skip
        site.send("page_view", view)
        for month in months:
            order = an_order(f"o{number}-{month}", amount=1200 * number, paid=1200)
            site.send("invoice", {**order, "email": email, "date_created": f"2026-0{month}-20"})
        subscription = {
            "id": f"s{number}", "email": email, "amount": 1900 + number, "product_id": "club",
            "name": "Club", "billing_cycle": "month", "frequency": 1,
            "start_date": f"2026-0{number % 3 + 1}-05", "last_bill_date": "2026-04-05",
            "canceled_date": "2026-04-10" if number == 4 else None,
        }  # fmt: skip
        site.send("subscription", subscription)
    return site


@pytest.mark.parametrize("asked", KINDS)
@pytest.mark.usefixtures("shop")
def test_a_chart_is_drawn_above_the_table_that_says_the_same(visitor: Visitor, asked: str) -> None:
    browser = visitor.browser
    visitor.come_in_as(Role.VIEWER)
    for width, dark in ((1440, False), (390, True)):
        browser.look(width, dark=dark)
        browser.open(f"/app/reports?type={asked}&{RANGE}")

        browser.wait_for(f"document.querySelectorAll('#chart {KINDS[asked]}').length > 0")
        assert browser.text("#chart ~ *") == ""
        assert len(browser.eval("document.getElementById('chart').getAttribute('aria-label')")) > 20
        assert browser.count("table.report tbody tr") > 0
        assert browser.violations() == []
        assert browser.overflow() == []
        assert browser.errors == []
    browser.look()


@pytest.mark.usefixtures("shop")
def test_wide_ribbons_are_those_of_many_orders(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open(f"/app/reports?type=paths&{RANGE}")
    visitor.browser.wait_for("document.querySelectorAll('#chart .ribbon').length > 0")

    told: dict[str, float] = visitor.browser.eval(
        "Object.fromEntries([...document.querySelectorAll('.ribbon')].map("
        "e => [e.textContent, Number(e.getAttribute('stroke-width'))]))"
    )

    widths = {text.partition(":")[0]: width for text, width in told.items()}
    counts = {text.partition(":")[0]: float(text.partition(": ")[2]) for text in told}
    (each,) = {round(widths[name] / counts[name], 3) for name in widths}
    assert each > 0


@pytest.mark.parametrize(
    ("asked", "people"),
    [("journey", 3), ("paths", 3),
     ("funnel&event=lead&of=&event=order&of=&event=order&of=", 2)],
)  # fmt: skip
@pytest.mark.usefixtures("shop")
def test_the_people_of_a_step_or_path_are_opened_by_its_figure(
    visitor: Visitor, asked: str, people: int
) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/reports?type={asked}&{RANGE}")
    cell = {"journey": "tbody tr:nth-child(3)", "paths": "tfoot tr"}.get(asked, "tfoot tr")
    column = "td:nth-of-type(2)" if asked == "paths" else "td:nth-of-type(1)"
    assert browser.text(f".report {cell} {column} a").split()[0] == str(people)

    browser.click(f".report {cell} {column} a")

    assert browser.path == "/app/reports/behind"
    assert browser.count(".report tbody tr") == people
    assert browser.text(".report tfoot td.n") == str(people)
    assert browser.violations() == []
    assert browser.errors == []


@pytest.mark.usefixtures("shop")
def test_no_label_of_an_axis_is_there_twice_where_all_is_nothing(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open("/app/reports?type=revenue&start=2020-01-01&end=2020-01-31")
    visitor.browser.wait_for("document.querySelectorAll('#chart canvas').length > 0")

    labels: list[Any] = visitor.browser.eval(
        "(() => { const c = echarts.getInstanceByDom(document.getElementById('chart'));"
        " const axis = c.getModel().getComponent('yAxis').axis;"
        " return axis.getViewLabels().map(e => e.formattedLabel); })()"
    )

    assert len(labels) == len(set(labels)) > 1


@pytest.mark.usefixtures("shop")
def test_another_report_that_is_asked_for_is_drawn_instead(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/reports?type=paths&{RANGE}")
    browser.wait_for("document.querySelectorAll('#chart .ribbon').length > 0")
    before = browser.text("#chart")
    browser.fill("select[name=by]", "clicks.utm_campaign")

    browser.wait_for("document.getElementById('chart')?.innerHTML.includes('campaign')")
    assert browser.text("#chart") != before
    assert browser.errors == []
