"""What a page deletes can be had back for a day, whatever it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segconnect.connections import Connections
from segconnect.scenario.journal import Journal
from segconnect.settings import load
from segconnect.web.pages.undo import KINDS
from segconnect.web.schema import deleted
from segconnect.web.trash import KEPT, Trash
from segconnect.web.users import Role, Users
from tests.web.conftest import Visitor

YAML = """\
name: {name}
settings: {{dlq: true}}
flow:
  - {{id: 1, module: "gateway:CustomWebHook", parameters: {{hook: 1}}}}
  - {{id: 2, module: add-update-contact, mapper: {{email: "{{{{1.email}}}}"}}}}
"""


def keep_scenario(visitor: Visitor, name: str) -> None:
    """Keeps a scenario by the page for it."""
    browser = visitor.browser
    browser.open("/app/you")
    mark = browser.eval("JSON.parse(document.body.getAttribute('hx-headers'))['x-csrf-token']")
    given = json.dumps({"yaml": YAML.format(name=name), "connection": "tea", "csrf": mark})
    browser.eval(
        f"fetch('/app/scenarios/new', {{method: 'POST', body: new URLSearchParams({given})}})"
        ".then(answer => answer.status)"
    )


def test_a_connection_that_scenarios_use_is_deleted_and_had_back(visitor: Visitor) -> None:
    visitor.site.connect()
    visitor.come_in_as(Role.OWNER)
    browser = visitor.browser
    keep_scenario(visitor, "Welcome")
    browser.open("/app/set-up/connection?name=tea")
    assert "Welcome" in browser.text("section[aria-labelledby=used]")
    browser.fill("#integration_id", "nothing")
    browser.click("#change button")
    browser.sees("Integration ID")
    assert browser.count(".note.bad[role=alert]") == 1
    browser.fill("#integration_id", visitor.site.integration)
    browser.click("#change button")
    browser.sees("tea is saved; the account accepts it.")
    assert browser.violations() == []

    browser.click("form[action$='/delete'] button")
    assert "Welcome cannot run without it" in browser.asked[-1]
    browser.sees("tea is deleted; Welcome cannot run without it.")
    connections = Connections(load(data=visitor.site.data))
    assert connections.list() == []
    assert browser.violations() == []
    browser.click(".note button")
    browser.sees("tea is back.")
    assert connections.get("tea").api_key.get_secret_value() == visitor.site.key
    browser.click("#connections form[action$='/test'] button")
    browser.sees("accepts tea; it answered in")


def test_a_scenario_is_back_with_its_versions_and_its_address(visitor: Visitor) -> None:
    visitor.site.connect()
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    keep_scenario(visitor, "Goodbye")
    journal = Journal(f"sqlite:///{visitor.site.data / 'runs.db'}")
    try:
        row = journal.scenarios.get("Goodbye")
        held = journal.scenarios.held(row.id)
        browser.open(f"/app/scenarios/{row.id}")
        address = browser.eval("document.body.innerText.match(/\\/hook\\/\\S+/)[0]")
        browser.click("form[action$='/remove'] button")
        browser.sees("Goodbye is removed")
        assert journal.scenarios.find(row.id) is None
        browser.click(".note button")
        browser.sees("Goodbye is back.")

        assert journal.scenarios.held(row.id) == held
        browser.open(f"/app/scenarios/{row.id}")
        assert address in browser.text()
    finally:
        journal.close()


def test_an_upload_is_back(visitor: Visitor, tmp_path: Path) -> None:
    visitor.come_in_as(Role.EDITOR)
    browser = visitor.browser
    export = tmp_path / "people.csv"
    export.write_text("email,name\nann@bloggs.com,Ann\n")
    browser.open("/app/scenarios/new")
    browser.attach("input[type=file]", export)
    browser.click("form[action$='/upload'] button")
    browser.sees("people.csv")
    place = browser.path
    browser.click("form[action$='/discard'] button")
    browser.sees("people.csv is deleted")
    assert browser.fetch(place)[0] == 404
    browser.click(".note button")
    browser.sees("people.csv is back.")
    assert browser.path == place


def test_a_user_and_an_invitation_are_back(visitor: Visitor) -> None:
    visitor.come_in_as(Role.OWNER)
    browser, users = visitor.browser, visitor.site.users
    ann = users.add("ann@bloggs.com", "Ann", "long enough", Role.VIEWER)
    token = users.invite("bea@bloggs.com", Role.EDITOR)
    browser.open("/app/users")
    browser.click(f"form[action='/app/users/{ann.id}/remove'] button")
    browser.sees("ann@bloggs.com is removed")
    assert users.sign_in("ann@bloggs.com", "long enough", "here") is None
    browser.click(".note button")
    browser.sees("ann@bloggs.com is back.")
    assert users.sign_in("ann@bloggs.com", "long enough", "here") is not None

    browser.click("form[action$='/withdraw'] button")
    browser.sees("The link for bea@bloggs.com is not good any more.")
    assert users.invitation(token) is None
    assert browser.violations() == []
    browser.click("form[action^='/app/undo/'] button[aria-label]")  # of the list
    browser.sees("bea@bloggs.com is back.")
    assert users.invitation(token) is not None
    browser.open("/app/users")
    browser.click("form[action$='/withdraw'] button")


def test_an_editor_gives_back_nothing_of_the_owner(visitor: Visitor) -> None:
    trash = Trash(visitor.site.users.engine)
    id_ = trash.put("connection", "gone", {"name": "gone", "fields": {}}, "Olga", lambda: None)
    visitor.come_in_as(Role.EDITOR)
    visitor.browser.open("/app/you")
    mark = visitor.browser.eval(
        "JSON.parse(document.body.getAttribute('hx-headers'))['x-csrf-token']"
    )
    status, _ = visitor.browser.fetch(
        f"/app/undo/{id_}", method="POST", headers={"x-csrf-token": mark}
    )
    assert status == 403
    assert trash.get(id_).name == "gone"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_deleted_is_gone_after_a_day(tmp_path: Path, kind: str) -> None:
    users = Users(f"sqlite:///{tmp_path / 'web.db'}")
    trash = Trash(users.engine)
    id_ = trash.put(kind, "Tea", {}, "Olga", lambda: None)
    assert [each.id for each in trash.all()] == [id_]
    with users.engine.begin() as connection:
        connection.execute(deleted.update().values(deleted_at=deleted.c.deleted_at - KEPT))

    assert trash.all() == []
    assert [each.id for each in trash.old()] == [id_]
    with pytest.raises(Exception, match="more than a day ago"):
        trash.get(id_)
    users.close()


def test_what_cannot_be_removed_is_not_deleted(tmp_path: Path) -> None:
    users = Users(f"sqlite:///{tmp_path / 'web.db'}")
    trash = Trash(users.engine)

    def refuse() -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        trash.put("upload", "people.csv", {}, "Olga", refuse)
    assert trash.all() == []
    users.close()
