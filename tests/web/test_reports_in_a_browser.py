"""What a person asks of the reports."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import duckdb
import openpyxl
import pytest
import requests

from segconnect.account.reports.types import TYPES
from segconnect.web.house import COOKIE
from segconnect.web.users import Role
from tests.conftest import an_order
from tests.web.conftest import Site, Visitor

FEBRUARY = "start=2026-02-01&end=2026-02-28"
ROWS = "[...document.querySelectorAll('.report tbody tr')].map(e => e.cells[0].innerText)"


@pytest.fixture(scope="module", autouse=True)
def shop(site: Site) -> None:
    """Two orders of a February: green tea for 12, and a kettle for 49."""
    for number, product, cents in ((1, "Green tea", 1200), (2, "Kettle", 4900)):
        fields = {"company": f"Bloggs {product}", "=1+1": "a formula"}
        contact = {"email": f"{number}@bloggs.com", "custom_fields": fields}
        site.send("contact", {**contact, "date_created": "2026-02-01"})
        items = [{"name": product, "product_id": product, "amount": cents}]
        order = an_order(f"o{number}", amount=cents, paid=cents, items=items)
        site.send("invoice", {**order, "email": f"{number}@bloggs.com"})


def signed_in(site: Site) -> requests.Session:
    """Somebody who looks, without a browser."""
    found = next((each.id for each in site.users.all() if each.email == "v@bloggs.com"), None)
    id_ = found or site.users.add("v@bloggs.com", "Vera", "long enough", Role.VIEWER).id
    session = requests.Session()
    session.cookies.set(COOKIE, site.users.begin_session(id_))
    return session


def test_a_report_is_asked_sorted_and_exported(visitor: Visitor) -> None:
    browser = visitor.browser
    visitor.come_in_as(Role.VIEWER)

    browser.open(f"/app/reports?type=products&{FEBRUARY}")
    assert browser.text(".tile b") == "€61.00"
    browser.click("#sort-revenue")
    assert browser.eval(ROWS) == ["Kettle", "Green tea"]
    assert "sort=-revenue" in browser.eval("location.search")
    assert browser.count("th[aria-sort=descending]") == 1
    assert browser.errors == []
    status, content = browser.fetch(f"/app/reports.csv?type=products&{FEBRUARY}&sort=-revenue")
    assert (status, content.splitlines()[1].split(",")[:2]) == (200, ["Kettle", "49"])
    assert browser.count(".exports a[download]") == 3


def test_the_account_s_own_fields_and_their_values_are_offered(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/reports?type=revenue&{FEBRUARY}")
    browser.click("#filters summary")
    browser.fill("[name=field]", "contacts.custom.company")
    browser.click("[name=value]")
    browser.wait_for("document.querySelectorAll('#values option').length === 2")
    offered = browser.eval("[...document.querySelectorAll('#values option')].map(e => e.value)")
    assert sorted(offered) == ["Bloggs Green tea", "Bloggs Kettle"]
    browser.fill("[name=value]", "Bloggs Kettle")
    browser.wait_for(f"JSON.stringify({ROWS}) === '[\"Kettle\"]'")
    browser.fill("#by select", "contacts.custom.company")
    browser.wait_for(f"JSON.stringify({ROWS}) === '[\"Bloggs Kettle\"]'")
    assert browser.errors == []


@pytest.mark.parametrize("of", ["", "revenue", "chanel", "date.day", "contacts.custom."])
def test_of_what_has_no_values_none_are_offered(site: Site, of: str) -> None:
    asked = f"{site.address}/app/reports/values?type=revenue&of={of}&field=x&op=is&join=all&value=1"
    answer = signed_in(site).get(asked, timeout=20)

    assert (answer.status_code, answer.text.strip()) == (200, "")


def test_fifty_rows_are_shown_and_the_others_when_asked_for(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/reports?type=revenue&by=date.day&start=2026-01-01&end=2026-05-30")
    assert browser.count(".report tbody tr") == 50
    browser.click(".later a")
    browser.wait_for("document.querySelectorAll('.report tbody tr').length === 150")
    assert browser.count(".later a") == 0
    assert browser.errors == []


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_the_table_is_taken_along_as_a_file(site: Site, kind: str, tmp_path: Path) -> None:
    session = signed_in(site)
    asked = f"type=products&{FEBRUARY}&sort=-revenue&metric=revenue&metric=orders"

    answer = session.get(f"{site.address}/app/reports.{kind}?{asked}", timeout=20)

    assert answer.status_code == 200
    name = f"products_2026-02-01_2026-02-28.{kind}"
    assert f'filename="{name}"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    (out := tmp_path / name).write_bytes(answer.content)
    if kind == "csv":
        rows = list(csv.reader(out.read_text().splitlines()))
    elif kind == "xlsx":
        rows = [[*row] for row in openpyxl.load_workbook(out).active.values]
    else:
        found = duckdb.connect().execute("from read_parquet(?)", [str(out)])
        rows = [[each[0] for each in found.description], *map(list, found.fetchall())]
    assert rows[0] == ["product", "revenue", "orders"]
    assert [[row[0], *map(float, row[1:])] for row in rows[1:]] == [
        ["Kettle", 49, 1], ["Green tea", 12, 1],
    ]  # fmt: skip


def test_a_file_that_cannot_be_written_is_told(site: Site) -> None:
    answer = signed_in(site).get(f"{site.address}/app/reports.docx?type=leads", timeout=20)

    assert answer.status_code == 404
    assert "expected csv, xlsx, parquet" in answer.text


def test_programs_run_exactly_as_they_are_shown(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser, site = visitor.browser, visitor.site
    awkward = quote('Joey\'s "tea" $HOME `id` \\ ü')
    browser.open(
        f"/app/reports?type=products&{FEBRUARY}&by=orders.product&by=date.month&model=linear"
        f"&with=exclude_failed&join=all&field=orders.product&op=is_not&value={awkward}"
        "&join=all&field=revenue&op=at_least&value=20"
    )
    browser.click(".api summary")
    assert browser.violations() == []
    curl, python = (browser.eval(f"document.querySelector('#{name}').textContent")
                    for name in ("curl", "python"))  # fmt: skip
    assert site.key not in curl + python

    def run(*command: str) -> str:
        there = {**os.environ, "SEGMETRICS_API_KEY": site.key}
        return subprocess.run(command, env=there, capture_output=True, text=True, check=True).stdout

    answer = json.loads(run("bash", "-c", curl))
    lines = run(sys.executable, "-c", python).splitlines()

    assert [row[:3] for row in answer["rows"]] == [["Kettle", "2026-02", 49]]
    assert lines[0] == str([field["name"] for field in answer["fields"]])
    assert lines[1:-1] == [str(row) for row in answer["rows"]]
    assert lines[-1] == f"total {answer['totals']}"
    assert browser.text(".report tbody td.n").startswith("€49.00")


def test_what_cannot_be_answered_is_told(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open("/app/reports?type=produkts")

    visitor.browser.sees("products")
    assert visitor.browser.count(".note.bad[role=alert]") == 1


def test_a_question_is_put_together_without_leaving_the_page(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/reports?type=revenue&{FEBRUARY}")
    browser.eval("window.stillHere = true")

    browser.fill("#by .pick:nth-of-type(2) select", "date.month")
    browser.wait_for("document.querySelectorAll('.report thead th').length === 8")
    browser.click("#columns summary")
    browser.click("#columns input[value=aov]")
    browser.sees("Total")
    browser.wait_for("document.querySelectorAll('.report thead th').length === 7")
    browser.click("#filters summary")
    browser.fill("[name=field]", "orders.product")
    browser.fill("[name=value]", "Kettle")
    browser.wait_for(f"JSON.stringify({ROWS}) === '[\"Kettle\"]'")
    assert browser.count(".condition") == 2  # there is room for another one
    browser.fill("#scale", "month")
    browser.wait_for("location.search.includes('scale=month')")
    browser.wait_for("!!document.querySelector('#chart canvas')")  # drawn anew
    assert browser.eval("window.stillHere") is True
    assert browser.violations() == []
    asked = browser.eval("location.search")
    browser.back()
    browser.wait_for("!location.search.includes('scale=month') && !window.stillHere")
    browser.settle()
    assert browser.eval(ROWS) == ["Kettle"]
    assert browser.eval("document.querySelector('#scale').value") == "day"

    browser.open(f"/app/reports{asked}")  # the address is the view
    assert browser.eval(ROWS) == ["Kettle"]
    assert browser.count("#by .pick") == 3
    assert browser.count("#columns :checked") == 5
    browser.click(".chips a")
    assert browser.eval(ROWS) == ["Green tea", "Kettle"]
    assert browser.errors == []


def test_a_value_leads_to_what_is_within_it_and_back_again(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/reports?type=revenue&by=date.month&start=2026-01-15&end=2026-03-15")
    assert browser.eval(ROWS) == ["2026-01", "2026-02", "2026-03"]

    browser.click(".report tbody tr:nth-child(2) a")
    assert len(browser.eval(ROWS)) == 28
    assert browser.eval("document.querySelector('#start').value") == "2026-02-01"
    browser.fill("#by select", "orders.product")
    browser.wait_for("document.querySelectorAll('.report tbody tr').length === 2")
    browser.click(".report tbody a[href*='Kettle']")
    assert browser.text(".chips span") == "Product is Kettle"
    assert browser.text(".tile b") == "1"
    browser.click(".splits a[href*='orders.kind']")
    assert browser.eval(ROWS) == ["first"]
    browser.back()
    browser.wait_for("!!document.querySelector('.splits')")


def test_where_no_column_is_known_by_a_split_other_reports_are_offered(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/reports?type=leads&by=subscriptions.plan&{FEBRUARY}")
    assert browser.text("#answer .note a") == "Subscriptions"
    assert browser.violations() == []

    browser.click("#answer .note a")
    assert browser.text("h1") == "Subscriptions"
    assert browser.eval("document.querySelector('#by select').value") == "subscriptions.plan"


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_is_asked_and_says_what_it_is_compared_with(site: Site, type_: str) -> None:
    session = signed_in(site)
    asked = f"{site.address}/app/reports?type={type_}&{FEBRUARY}"

    beside, alone = (session.get(asked + each, timeout=20) for each in ("", "&compare=none"))

    assert (beside.status_code, alone.status_code) == (200, 200)
    assert (", against " in beside.text) == ('id="compare"' in beside.text)
    assert ", against " not in alone.text


def test_what_went_wrong_meanwhile_is_told_and_what_was_shown_stays(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/reports?type=revenue&{FEBRUARY}")
    browser.eval("document.addEventListener('htmx:configRequest', e => e.detail.path += '/behind')")
    browser.fill("#compare", "none")

    browser.sees("There is no figure ''.")
    assert browser.count("#told .note.bad") == 1
    assert browser.count(".report tbody tr") == 2


def test_columns_that_a_split_does_not_know_are_left_out_and_named(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    visitor.browser.open(f"/app/reports?type=ads&by=orders.product&{FEBRUARY}")

    visitor.browser.sees("not known by what the report is split by")
    assert "Ad Spend" in visitor.browser.text(".note.warn")
    assert visitor.browser.eval(ROWS) == ["Green tea", "Kettle"]


def test_the_steps_of_a_funnel_are_put_in_order(visitor: Visitor) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open(f"/app/reports?type=funnel&event=lead&of=&event=order&of=Kettle&{FEBRUARY}")

    assert browser.eval(ROWS) == ["lead", "order Kettle"]
    assert browser.text(".report tbody tr:nth-child(2) .n") == "1"
    browser.click("#steps .pick:nth-of-type(1) .mini")  # the lead is taken away
    browser.wait_for(f"JSON.stringify({ROWS}) === '[\"order Kettle\"]'")
    assert browser.violations() == []


def test_without_a_script_the_form_asks_by_its_button(site: Site) -> None:
    """What a browser sends of the form, every field of it, leads to the address of the view."""
    form = {
        "was": "revenue", "type": "revenue", "account": "", "saved": "", "range": "last_7",
        "start": "2026-01-01", "end": "2026-01-02", "compare": "previous", "model": "",
        "by": ["orders.product", "date.month", ""], "metric": ["revenue", "orders"],
        "join": ["all", "all"], "field": ["revenue", ""], "op": ["at_least", "is"],
        "value": ["20", ""], "view": "", "limit": "", "sort": "", "scale": "day",
    }  # fmt: skip
    answer = signed_in(site).get(f"{site.address}/app/reports", params=form, timeout=20)

    assert answer.status_code == 200
    assert answer.url.partition("?")[2] == (
        "type=revenue&by=orders.product&by=date.month&metric=revenue&metric=orders&join=all"
        "&field=revenue&op=at_least&value=20&range=last_7&scale=day"
    )


@pytest.mark.parametrize("width", [1440, 390])
def test_the_whole_form_is_sound(visitor: Visitor, width: int) -> None:
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    for dark in (False, True):
        browser.look(width, dark=dark)
        browser.open(
            f"/app/reports?type=revenue&by=orders.product&by=date.month&{FEBRUARY}"
            "&join=all&field=clicks.channel&op=is&value=paid&join=any&field=revenue&op=at_least&value=1"
        )
        browser.eval("document.querySelectorAll('#asks details').forEach(e => e.open = true)")
        assert browser.overflow() == []
        assert browser.violations() == []
