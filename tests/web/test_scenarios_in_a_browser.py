"""What a person does with scenarios: keep, map, switch on, watch, mend, load a file."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import requests

from segconnect.scenario.journal import Journal
from segconnect.scenario.schedule_words import as_typed
from segconnect.scenario.schedules import Schedule
from segconnect.web.users import Role
from tests.web.conftest import Site, Visitor

WELCOME = """\
name: {name}
settings: {{dlq: true}}
flow:
  - {{id: 1, module: "gateway:CustomWebHook", parameters: {{hook: 1}}}}
  - id: 2
    module: add-update-contact
    mapper: {{email: "{{{{1.email}}}}", first_name: "{{{{1.name}}}}"}}
"""
CAREFUL = """\
name: {name}
settings: {{dlq: true}}
flow:
  - {{id: 1, module: "gateway:CustomWebHook", parameters: {{hook: 1}}}}
  - {{id: 2, module: "json:ParseJSON", mapper: {{json: "{{{{1.extra}}}}"}}}}
  - id: 3
    module: add-update-contact
    mapper: {{email: "{{{{1.email}}}}", first_name: "{{{{2.name}}}}"}}
"""
ORDERS = """\
Name,Email,Financial Status,Created at,Total,Currency,Lineitem name,Lineitem price,Lineitem quantity
#1,ann@bloggs.com,paid,2026-02-01 10:00:00 +0000,12.00,EUR,Green tea,12.00,1
#2,,paid,2026-02-02 10:00:00 +0000,24.00,EUR,Green tea,24.00,1
"""


@pytest.fixture
def editor(visitor: Visitor) -> Visitor:
    """An editor, and a connection by the name of tea."""
    visitor.site.connect()
    visitor.come_in_as(Role.EDITOR)
    return visitor


def keep(editor: Visitor, name: str, scenario: str = WELCOME) -> str:
    """Keeps a scenario that begins with a webhook, switches it on, and answers its address."""
    browser = editor.browser
    browser.open("/app/scenarios/new")
    browser.fill("#connection", "tea")
    browser.fill("#yaml", scenario.format(name=name))
    browser.click("form:has(#yaml) button.main")
    browser.sees("Kept.")
    browser.click("form[action$='/switch'] button")
    browser.sees(f"{name} is on.")
    return browser.text(".secret code")


def contact(site: Site, email: str) -> str | None:
    """The first name of a contact, as the account has it."""
    answer = requests.get(
        f"{site.address}/{site.account}/contact/{email}",
        headers={"authorization": site.key},
        timeout=20,
    )
    return answer.json()["data"]["first_name"] if answer.ok else None


def test_what_a_webhook_gets_is_seen_in_its_run(editor: Visitor) -> None:
    browser, site = editor.browser, editor.site
    address = keep(editor, "Welcome")
    here = browser.path
    assert requests.post(address, json={"email": "mia@bloggs.com", "name": "Mia"}, timeout=20).ok

    browser.wait_for("fetch(location.href).then(r => r.text()).then(t => t.includes('/app/runs/'))")
    browser.open(here)
    browser.click("main .card a[href^='/app/runs/']")
    browser.sees("succeeded")
    assert contact(site, "mia@bloggs.com") == "Mia"
    browser.wait_for("!document.querySelector('.state.live')")
    assert browser.errors == []


def test_a_bundle_that_failed_is_mended_and_taken_up(editor: Visitor) -> None:
    browser, site = editor.browser, editor.site
    address = keep(editor, "Careful", CAREFUL)
    sent = {"email": "nora@bloggs.com", "extra": "not JSON"}
    assert requests.post(address, json=sent, timeout=20).ok

    browser.open("/app/incomplete")
    browser.wait_for("fetch(location.href).then(r => r.text()).then(t => t.includes('Careful'))")
    browser.open("/app/incomplete")
    browser.click("main td a")
    held = browser.eval("document.querySelector('#bundles').value")
    assert "not JSON" in held
    browser.fill("#bundles", "nothing of the kind")
    browser.click("form[action$='/save'] button")
    browser.sees("expected JSON")
    browser.fill("#bundles", held.replace("not JSON", '{\\"name\\": \\"Nora\\"}'))
    browser.click("form[action$='/save'] button")
    browser.sees("Saved.")
    browser.click("form[action$='/retry'] button")
    assert browser.path.startswith("/app/runs/")
    browser.sees("succeeded")
    assert contact(site, "nora@bloggs.com") == "Nora"


def test_a_field_shows_what_it_comes_to_while_it_is_typed(editor: Visitor) -> None:
    browser = editor.browser
    address = keep(editor, "Mapped")
    here = browser.path
    requests.post(address, json={"email": "joey@bloggs.com", "name": "Joey"}, timeout=20)
    browser.wait_for("fetch(location.href).then(r => r.text()).then(t => t.includes('/app/runs/'))")
    browser.open(f"{here}/modules/2")
    browser.wait_for("fetch(location.href).then(r => r.text()).then(t => t.includes('joey@'))")
    browser.open(f"{here}/modules/2")
    browser.sees("joey@bloggs.com")

    browser.fill("#f-first_name", "{{upper(1.name)}}")
    browser.wait_for("document.querySelector('#p-first_name').innerText.includes('JOEY')")
    browser.fill("#f-first_name", "{{upper(1.name}}")
    browser.wait_for("!!document.querySelector('#p-first_name .problem mark')")
    browser.click("form.card > header button.main")
    browser.sees("Nothing was saved")
    assert browser.count("#f-first_name[aria-invalid=true]") == 1

    browser.fill("#f-first_name", "Dear ")
    browser.eval("document.querySelector('#f-first_name').focus()")
    browser.click(".pill[data-insert='{{1.name}}']")
    browser.wait_for("document.querySelector('#p-first_name').innerText.includes('Dear Joey')")
    browser.click("form.card > header button.main")
    browser.sees("Saved")

    browser.open(f"{here}/versions")
    browser.sees("Dear {{1.name}}")
    browser.click("form[action$='/versions/1'] button")
    browser.sees("It is again what it was in version 1")
    assert "Dear" not in browser.text(".flow")
    assert browser.asked[-1].startswith("Make it again")


def test_what_is_wrong_with_a_scenario_is_told_and_what_was_typed_stays(editor: Visitor) -> None:
    browser = editor.browser
    browser.open("/app/scenarios/new")
    typed = WELCOME.format(name="Wrong").replace("add-update-contact", "add-update-kontact")
    browser.fill("#yaml", typed)
    browser.click("form:has(#yaml) button.main")

    browser.sees("add-update-kontact")
    assert "add-update-kontact" in browser.text("#yaml-told")
    assert browser.eval("document.querySelector('#yaml').value").strip() == typed.strip()


def test_an_export_is_recognized_shown_loaded_and_its_refused_rows_downloaded(
    editor: Visitor, tmp_path: Path
) -> None:
    browser, file = editor.browser, tmp_path / "orders.csv"
    file.write_text(ORDERS)
    browser.open("/app/scenarios/new")
    browser.attach("#export", file)
    browser.click("form[action='/app/scenarios/upload'] button")
    browser.sees("Shopify orders")
    browser.sees("The first requests")
    assert '"amount": 1200' in browser.text()
    assert contact(editor.site, "ann@bloggs.com") is None

    browser.click(".bar-below button")
    browser.sees("Refused")
    browser.wait_for("!document.querySelector('.state.live')")
    browser.sees("partial")
    status, content = browser.fetch(f"{browser.path}/refused.csv")
    assert status == 200
    assert "orders.csv" in content
    assert "missing: give" in content


def test_a_file_that_nobody_knows_gets_a_proposal(editor: Visitor, tmp_path: Path) -> None:
    browser, file = editor.browser, tmp_path / "people.csv"
    file.write_text("Mail,Vorname\nann@bloggs.com,Ann\n")
    browser.open("/app/scenarios/new")
    browser.attach("#export", file)
    browser.click("form[action='/app/scenarios/upload'] button")

    browser.sees("No recipe knows this file")
    assert "add-update-contact" in browser.eval("document.querySelector('#yaml').value")


def test_a_schedule_and_its_zone_that_were_set_elsewhere_stay_and_can_be_changed(
    editor: Visitor, tmp_path: Path
) -> None:
    browser = editor.browser
    given = "daily 09:00 only mon,fri 08:00-18:00 or sat in 1,2 until 2099-01-31T18:00:00"
    keep(editor, "Timed", WELCOME)
    here = browser.path
    (tmp_path / "timed.yaml").write_text(WELCOME.format(name="Timed"))
    switched = subprocess.run(
        [sys.executable, "-m", "segconnect", "scenario", "on", str(tmp_path / "timed.yaml"),
         "--schedule", given, "--zone", "Europe/Oslo", "--connection", "tea",
         "--data", str(editor.site.data)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert switched.returncode == 0, switched.stderr

    def saved() -> tuple[str, str]:
        browser.click("form:has(#yaml) button.main")
        browser.sees("Saved;")
        [row] = (each for each in scenarios.all() if each.name == "Timed")
        return as_typed(Schedule.read(json.loads(row.schedule))), row.timezone

    with closing(Journal(f"sqlite:///{editor.site.data / 'runs.db'}")) as journal:
        scenarios = journal.scenarios
        browser.open(here)
        kept = saved()
        browser.fill("#schedule", "daily 10:00 only tue")
        browser.fill("#zone", "Europe/Olso")
        browser.click("form:has(#yaml) button.main")
        browser.sees("did you mean 'Europe/Oslo'?")
        browser.fill("#zone", "Europe/Berlin")
        changed = saved()

    assert kept == (given, "Europe/Oslo")
    assert changed == ("daily 10:00 only tue", "Europe/Berlin")


def test_the_keyboard_is_enough(editor: Visitor) -> None:
    browser = editor.browser
    browser.open("/app/overview")
    browser.press("Tab")
    assert browser.eval("document.activeElement.textContent") == "Skip to the page"
    browser.press("Enter")
    assert browser.eval("document.activeElement.id") == "room"
    browser.open("/app/contacts")
    browser.press("/")
    assert browser.eval("document.activeElement.id") == "q"
    browser.type("nobody")
    browser.sees("Nobody is found by")

    browser.open("/app/scenarios/new")
    for _ in range(60):
        browser.press("Tab")
        if browser.eval("document.activeElement.id") == "yaml":
            break
    seen = browser.eval("getComputedStyle(document.activeElement).outlineStyle")
    assert seen == "solid"
