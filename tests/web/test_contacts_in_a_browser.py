"""Contacts in a browser: finding people, and what is done about one of them."""

from __future__ import annotations

import json
import re

import pytest
import requests

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
    given_up = re.compile(r"\[object HTML(Div|Span)Element\]")
    assert [each for each in browser.errors if not given_up.search(each)] == []


def test_what_is_changed_of_a_contact_is_sent_and_nothing_else(visitor: Visitor) -> None:
    site, browser = visitor.site, visitor.browser
    fields = {"plan": "gold", "seats": 3, "vip": True, "old": "x"}
    site.send(
        "contact",
        {"contact_id": "ed/1", "email": "ed@bloggs.com", "first_name": "Ed", "utm_source": "news",
         "tags": ["Reader", "Late"], "custom_fields": fields,
         "date_created": "2026-02-01 10:00:00"},
    )  # fmt: skip
    visitor.come_in_as(Role.EDITOR)
    browser.open(f"/app/contacts/ed/1?account={site.account}")
    assert "news" in browser.text("main")
    browser.click("a[href*='/people/edit']")
    browser.fill("#email", "no email")
    browser.fill("#first_name", "Edward")
    browser.click(".bar-below button")
    assert "no email" in browser.text(".problem")
    assert browser.eval("document.querySelector('#first_name').value") == "Edward"

    site.send("contact", {"contact_id": "ed/1", "last_name": "Late"})  # meanwhile
    browser.fill("#email", "edward@bloggs.com")
    browser.fill("#date_created", "2026-02-02T11:30:00")
    browser.click("input[name=tag][value=Late]")
    browser.fill("#new_tags", "Writer, Speaker")
    for name, value in (("seats", "4"), ("vip", "false"), ("old", "")):
        browser.fill(f"[name='custom-{name}']", value)
    browser.fill("#key-0", "shoe")
    browser.fill("#value-0", "44")
    browser.click(".bar-below button")

    browser.sees("Saved.")
    read = f"{site.address}/{site.account}/contact/ed%2F1?extend=tags"
    found = requests.get(read, headers={"authorization": site.key}, timeout=20).json()["data"]
    assert (found["first_name"], found["last_name"]) == ("Edward", "Late")
    assert (found["email"], found["date_created"]) == (
        "edward@bloggs.com", "2026-02-02T11:30:00+00:00"
    )  # fmt: skip
    assert sorted(tag["name"] for tag in found["tags"]) == ["Reader", "Speaker", "Writer"]
    assert found["custom_fields"] == {"plan": "gold", "seats": 4, "vip": False, "shoe": "44"}
    assert "edward@bloggs.com" not in str(site.users.log())


def test_a_journey_is_told_by_days_and_what_earned_its_orders(visitor: Visitor) -> None:
    site, browser = visitor.site, visitor.browser
    site.send("contact", {"contact_id": "jill", "email": "jill@bloggs.com",
                          "date_created": "2026-02-01 10:00:00"})  # fmt: skip
    for uid, minute, path in (("phone", "00", "/?gclid=1"), ("laptop", "05", "/"),
                              ("phone", "10", "/tea")):  # fmt: skip
        site.send(
            "page_view",
            {"uid": f"jill-{uid}", "url": f"https://tea.example{path}", "email": "jill@bloggs.com",
             "date_created": f"2026-02-02 23:{minute}:00"},
        )  # fmt: skip
    site.send(
        "invoice",
        {"id": "o7", "email": "jill@bloggs.com", "amount": 2000, "paid": 500,
         "date_created": "2026-02-03 00:30:00", "items": [{"name": "Pot", "amount": 2000}]},
    )  # fmt: skip
    visitor.come_in_as(Role.EDITOR)
    browser.open(f"/app/contacts/jill?account={site.account}")

    headings = "[...document.querySelectorAll('.day')].map(each => each.innerText)"
    assert browser.eval(headings)[1:] == [
        "3 Feb 2026 Tuesday", "2 Feb 2026 Monday", "1 Feb 2026 Sunday"
    ]  # fmt: skip
    day = ".day:nth-of-type({}) + .journey"
    assert "Joined: identified on the page" in browser.text(day.format(1))
    assert "00:30\nOrdered for €20.00, paid €5.00" in browser.text(day.format(2))
    assert "Visited 2 pages in 10 minutes" in browser.text(day.format(3))  # on the phone
    assert "Visited 1 page\n" in browser.text(day.format(3))
    moment = browser.eval("document.querySelector('.journey .order time').title")
    assert moment == "2026-02-03 00:30:00 UTC"
    browser.sees("By the account's model: Any Page View, which credits each visit in full.")
    assert "€20.00 o7" in browser.text("#credits")
    assert "paid" in browser.text("#credits li")

    browser.click("a[href*='/people/data']")
    assert "https://tea.example/?gclid=1" in browser.text("main")
    assert "Pot €20.00" in browser.text("[aria-labelledby=orders]")
    status, told = browser.fetch(
        browser.eval("document.querySelector('a[href*=export]').getAttribute('href')")
    )
    found = json.loads(told)
    assert (status, found["email"], len(found["events"])) == (200, "jill@bloggs.com", 3)
    assert [link["reason"] for link in found["joined"]] == ["identified on the page"] * 2
    assert found["joined"][0]["date_created"].endswith("+00:00")


def test_two_are_joined_for_a_reason_and_parted_again(visitor: Visitor) -> None:
    site, browser = visitor.site, visitor.browser
    site.send("contact", {"contact_id": "jo", "email": "jo@work.com", "first_name": "Jo"})
    visitor.come_in_as(Role.EDITOR)
    browser.open(f"/app/contacts/jo?account={site.account}")
    assert "€0.00" in browser.text(".tiles")
    browser.click("a[href*='/people/join']")
    browser.fill("#q", "joey@")
    browser.wait_for("document.querySelectorAll('#others tbody tr').length === 1")
    browser.click("#others tbody a")
    browser.sees("Are these one person?")
    assert "jo@work.com" in browser.text("main")
    assert "joey@bloggs.com" in browser.text("main")
    browser.fill("#reason", "told by phone")
    browser.click("form[action*='/people/join'] button.main")

    browser.sees("They are one person now.")
    assert "€12.00" in browser.text(".tiles")
    browser.click("#known ~ a")
    browser.sees("told by phone, by editor@bloggs.com")
    browser.look(390)
    browser.click(".does summary")
    assert browser.overflow() == []
    browser.look(1440)
    browser.fill(".does input[name=reason]", "a mistake")
    browser.click(".does button")
    browser.sees("a mistake, by editor@bloggs.com")
    browser.open(f"/app/contacts/jo?account={site.account}")
    assert "€0.00" in browser.text(".tiles")

    browser.open(f"/app/people/merges?account={site.account}&which=undone")
    browser.click(".does summary")
    browser.fill(".does input[name=reason]", "he is, after all")
    browser.click(".does button")
    browser.sees("They are one person again.")
    browser.open(f"/app/people/join?account={site.account}&id=jo&with=joey")
    browser.sees("They are one person already.")
    assert [each for each in browser.errors if "[object HTMLDivElement]" not in each] == []


def test_a_shared_device_is_marked_and_the_mark_taken_back(visitor: Visitor) -> None:
    site, browser = visitor.site, visitor.browser
    for name in ("ann", "bo", "cy", "dee"):
        site.send("identify", {"uid": "desk", "email": f"{name}@bloggs.com"})
    site.send("identify", {"uid": "sofa", "email": "ann@bloggs.com"})
    visitor.come_in_as(Role.EDITOR)
    browser.open("/app/contacts")
    browser.click("a[href*='/people/devices']")
    browser.sees("more than 3 emails")
    browser.click(".does summary")
    browser.fill(".does input[name=reason]", "Ann's, who has four addresses")
    browser.click(".does button")
    browser.sees("desk is one person's again.")
    browser.fill("#uid", "sofa")
    browser.fill("#why", "the family's")
    browser.click("form:has(#uid) button.main")
    browser.sees("sofa is shared")
    browser.fill("#uid", "nobody")
    browser.fill("#why", "?")
    browser.click("form:has(#uid) button.main")
    browser.sees("there is no visitor 'nobody'")


def test_a_person_is_erased_after_typing_who(visitor: Visitor) -> None:
    site, browser = visitor.site, visitor.browser
    site.send("contact", {"contact_id": "gone-42", "email": "gone@bloggs.com"})
    site.send(
        "invoice",
        {"id": "o9", "email": "gone@bloggs.com", "amount": 99_00, "paid": 99_00,
         "date_created": "2026-02-01", "items": [{"name": "Tea", "amount": 99_00}]},
    )  # fmt: skip
    visitor.come_in_as(Role.EDITOR)
    browser.open(f"/app/contacts/gone-42?account={site.account}")
    assert browser.count("a[href*='/people/erase']") == 0
    browser.fetch(f"/app/contacts/gone-42/export.json?account={site.account}")
    assert "contact gone-42" in str(site.users.log())

    visitor.come_in_as(Role.OWNER)
    browser.open(f"/app/contacts/gone-42?account={site.account}")
    browser.click("a[href*='/people/erase']")
    assert "gone@bloggs.com" in browser.text(".facts")
    browser.fill("#typed", "gone@blogs.com")
    browser.click("button.bad")
    browser.sees("Type gone@bloggs.com, as it stands here.")
    browser.fill("#typed", "Gone@bloggs.com")
    browser.click("button.bad")

    browser.sees("Erased: 1 contact, 1 order.")
    browser.fill("#q", "gone@")
    browser.sees("Nobody is found by")
    log = str(site.users.log())
    assert "exported contact (erased)" in log
    assert "erased a person: 1 contact, 1 order" in log
    assert "gone-42" not in log
    assert "gone@bloggs.com" not in log


def test_a_viewer_looks_and_changes_nothing(visitor: Visitor) -> None:
    site, browser = visitor.site, visitor.browser
    visitor.come_in_as(Role.VIEWER)
    for path in ("merges", "devices"):
        browser.open(f"/app/people/{path}?account={site.account}")
        assert browser.count("main form[method=post]") == 0
    browser.open(f"/app/contacts/joey?account={site.account}")
    assert browser.count("main form, main .head .button") == 0
    csrf = browser.eval("JSON.parse(document.body.getAttribute('hx-headers'))['x-csrf-token']")
    for path in ("edit", "join", "split", "device", "erase"):
        status, told = browser.fetch(
            f"/app/people/{path}?account={site.account}",
            method="POST", headers={"x-csrf-token": csrf},
        )  # fmt: skip
        assert (status, "That is for" in told) == (403, True), path


def test_a_list_tells_how_each_came_first_once_it_is_shown(visitor: Visitor) -> None:
    visitor.site.send("contact", {"contact_id": "zed", "email": "zed@bloggs.com"})
    visitor.site.send(
        "page_view",
        {"uid": "z1", "email": "zed@bloggs.com", "date_created": "2026-01-01",
         "url": "https://tea.example/?utm_source=letter&utm_medium=email"},
    )  # fmt: skip
    visitor.come_in_as(Role.VIEWER)
    browser = visitor.browser
    browser.open("/app/contacts")
    row = "#found tr:has(a[href*='/zed?'])"
    browser.wait_for(f"document.querySelector(`{row}`).innerText.includes('letter')")
    assert "email" in browser.text(f"{row} td:nth-child(3)")
    browser.click("#more a")
    last = "[...document.querySelectorAll('#found td:nth-child(3)')].at(-1).innerText"
    browser.wait_for(f"{last} === '–'")  # nothing is known of the first reader's visits
    assert browser.errors == []
