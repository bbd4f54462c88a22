"""The history on the command line: what ran, run again in parts, and what waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Commands, Shop

SCENARIO = """
name: People
settings: {{dlq: {dlq}}}
flow:
  - {{id: 1, module: csv, parameters: {{file: people.csv}}}}
  - {{id: 2, module: "json:ParseJSON", mapper: {{json: "{{{{1.{field}}}}}"}}}}
  - {{id: 3, module: add-update-contact, mapper: {{email: "{{{{2.mail}}}}"}}}}
"""


class Place:
    """A directory with a scenario of which a row cannot be read."""

    def __init__(self, path: Path, segconnect: Commands, shop: Shop) -> None:
        self.path, self._segconnect = path, segconnect
        self.shop = shop
        self.write("false")
        rows = ['{"mail": "ann@b.c"}', "no JSON", '{"mail": "bob@b.c"}', '{"mail": "cid@b.c"}']
        lines = "".join('"{}"\n'.format(row.replace('"', '""')) for row in rows)
        (path / "people.csv").write_text("text\n" + lines)
        self(
            "connection", "add", "shop", "--account-id", shop.account_id, "--integration-id",
            shop.integration_id, "--base-url", shop.base_url, "--api-key-stdin",
            stdin=shop.api_key + "\n",
        )  # fmt: skip

    def write(self, dlq: str, field: str = "text", name: str = "people.yaml") -> None:
        (self.path / name).write_text(SCENARIO.format(dlq=dlq, field=field))

    def __call__(self, *arguments: object, stdin: str = "") -> Any:
        return self._segconnect(*arguments, stdin=stdin)

    def run(self) -> str:
        """Runs the scenario; answers the run's id."""
        done = self("run", "people.yaml", "--connection", "shop", "--json")
        assert done.code == 1, done.err
        run: str = done.json["run"]
        return run

    def show(self, run: str) -> Any:
        return self("runs", "show", run, "--json").json


@pytest.fixture
def place(
    tmp_path: Path, segconnect: Commands, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, segconnect, shop)


def test_a_run_is_shown_with_its_operations_and_what_went_in_and_came_out(place: Place) -> None:
    run = place.run()
    shown, page = place.show(run), place("runs", "show", run).out

    assert shown["modules"] == {"1": 4, "2": 4, "3": 3}
    assert [each["read"] for each in shown["windows"]] == [4]
    parsed = [each for each in shown["samples"] if each["module_id"] == 2]
    assert parsed[0]["input"] == {"json": '{"mail": "ann@b.c"}'}
    assert parsed[0]["output"] == [{"mail": "ann@b.c"}]
    assert parsed[1]["error"]["type"] == "DataError"
    assert [each["where"] for each in shown["refused_bundles"]] == ["people.csv, line 3"]
    assert "people.csv, line 3" in page
    assert "Parse JSON" in page


def test_refused_bundles_are_run_alone_when_the_scenario_is_mended(place: Place) -> None:
    run = place.run()
    mended = (place.path / "people.yaml").read_text().splitlines()
    del mended[5]  # what could not be read is not read
    mended[-1] = mended[-1].replace("{{2.mail}}", "eve@b.c")
    (place.path / "mended.yaml").write_text("\n".join(mended))

    same = place("runs", "retry", run, "--json")
    done = place("runs", "retry", run, "--scenario", "mended.yaml", "--json")

    assert (same.json["read"], same.json["refused"]) == (1, 1)
    assert (done.json["read"], done.json["delivered"]) == (1, 1), done.err
    assert place.shop.contact("eve@b.c")["email"] == "eve@b.c"
    assert place("runs", "retry", done.json["run"]).code == 2  # it refused nothing


def test_a_run_is_run_again_from_a_bundle_on_and_one_bundle_is_replayed(place: Place) -> None:
    run = place.run()

    again = place("runs", "again", run, "--from", 3, "--json").json
    whole = place("runs", "again", run, "--window", 1, "--json").json
    replayed = place("runs", "replay", run, 2, "--json").json
    none = place("runs", "again", run, "--window", 7)

    assert (again["read"], again["delivered"]) == (2, 2)
    assert whole["read"] == 4
    assert (replayed["read"], replayed["refused"]) == (1, 1)
    assert [each["where"] for each in place.show(replayed["run"])["refused_bundles"]] == [
        "people.csv, line 3"
    ]
    assert none.code == 2
    assert "had 1 windows" in none.err


def test_what_waits_is_listed_edited_taken_up_and_dropped(place: Place) -> None:
    flow = (place.path / "people.yaml").read_text().replace("dlq: false", "dlq: true")
    flow = flow.replace(
        'mapper: {json: "{{1.text}}"}}',
        'mapper: {json: "{{1.text}}"}, onerror: [{id: 9, module: break, mapper: {retry: false}}]}',
    )
    (place.path / "people.yaml").write_text(flow)
    run = place.run()
    [waiting] = place("incomplete", "list", "--json").json
    id_ = waiting["id"]
    held = place("incomplete", "show", id_, "--json").json["bundles"]
    bundles = {"1": {"text": '{"mail": "dan@b.c"}'}}
    (place.path / "held.json").write_text(json.dumps(bundles))

    edited = place("incomplete", "edit", id_[:10], "--bundles", "held.json")
    wrong = place("incomplete", "edit", id_, "--bundles", "people.csv")
    taken = place("incomplete", "retry", id_, "--json")
    again = place("incomplete", "retry", id_)

    assert place.show(run)["waiting"] == 1
    assert (waiting["place"], waiting["module_id"], waiting["state"]) == (
        "people.csv, line 3", 2, "unresolved",
    )  # fmt: skip
    assert held == {"1": {"text": "no JSON"}}
    assert edited.code == 0, edited.err
    assert wrong.code == 2
    assert "expected JSON" in wrong.err
    assert (taken.code, taken.json["delivered"]) == (0, 1), taken.err
    assert again.code == 2
    assert "is resolved already" in again.err
    assert place.shop.contact("dan@b.c") is not None
    assert place("incomplete", "list").out == "Nothing waits.\n"

    place.run()
    [other] = place("incomplete", "list", "--json").json
    assert place("incomplete", "drop", other["id"]).code == 0
    assert place("incomplete", "list", "--json").json == []
    assert len(place("incomplete", "list", "--all", "--json").json) == 2


def test_a_run_that_failed_says_why_and_what_to_do_next(place: Place) -> None:
    (place.path / "people.yaml").write_text(
        """
name: People
settings: {dlq: true}
flow:
  - {id: 1, module: csv, parameters: {file: people.csv}}
  - id: 2
    module: "util:SetVariable2"
    mapper: {name: at, value: '{{parseDate("2026"; "YYYY")}}'}
  - id: 3
    module: "json:ParseJSON"
    mapper: {json: "{{1.text}}"}
    onerror: [{id: 9, module: break}]
"""
    )
    (place.path / "people.csv").write_text("text\nno JSON\nnor this\n")
    run = place("run", "people.yaml", "--json").json["run"]

    shown = place("runs", "show", run).out
    listed = place("runs").out
    waits = place("incomplete", "list", "--most", 1).out

    assert "2026-01-01 00:00:00+00:00" in shown
    assert "\\u0000" not in shown
    assert "people.csv, line 2 waits at module 3" in shown
    assert "What waits: segconnect incomplete list" in shown
    assert listed.splitlines()[0].split()[-1] == "Waiting"
    assert listed.splitlines()[1].split()[-1] == "2"
    assert "These are the oldest 1; --most 10 lists more." in waits


def test_a_scenario_is_switched_on_and_off_and_forgotten(place: Place) -> None:
    on = place("scenario", "on", "people.yaml", "--connection", "shop", "--schedule", "every 15m")
    wrong = place("scenario", "on", "people.yaml", "--connection", "shop", "--schedule", "soon")
    immediate = place(
        "scenario", "on", "people.yaml", "--connection", "shop", "--schedule", "immediately"
    )
    off = place("scenario", "off", "People")
    [kept] = place("scenario", "list", "--json").json
    again = place("scenario", "on", "People")
    removed = place("scenario", "remove", "People")
    unknown = place("scenario", "now", "Peple")

    assert "every 15 minutes" in on.out, on.err
    assert wrong.code == immediate.code == unknown.code == 2
    assert "is not a schedule" in wrong.err
    assert "no webhook starts it" in immediate.err
    assert (off.code, kept["on"], kept["next"]) == (0, False, None)
    assert again.code == removed.code == 0
    assert place("scenario", "list", "--json").json == []


HOOK = """
name: Welcome
flow:
  - {id: 1, module: "gateway:CustomWebHook", parameters: {hook: 1}}
  - {id: 2, module: add-update-contact, mapper: {email: "{{1.email}}"}}
"""
FIELDS = [{"name": "email", "type": "email", "required": True}]


def test_what_a_webhook_does_is_said_when_its_scenario_is_switched_on_and_kept(
    place: Place,
) -> None:
    (place.path / "welcome.yaml").write_text(HOOK)
    (place.path / "fields.json").write_text(json.dumps(FIELDS))

    on = place(
        "scenario", "on", "welcome.yaml", "--connection", "shop", "--headers", "--method",
        "--pass-through", "--structure", "fields.json", "--rate", 0,
    )  # fmt: skip
    place("scenario", "on", "welcome.yaml", "--connection", "shop", "--no-method")
    place("scenario", "on", "Welcome", "--queue", 7)
    listed = place("scenario", "list").out
    [kept] = place("scenario", "list", "--json").json
    place("scenario", "on", "Welcome", "--structure", "none")
    [any_] = place("scenario", "list", "--json").json

    assert on.code == 0, on.err
    assert "gives the headers; gives the method; passes JSON on as text; wants" in on.out
    assert kept["webhook_options"] == {
        "queue": 7,
        "rate": 0,
        "headers": True,
        "method": False,
        "pass_through": True,
        "structure": FIELDS,
    }
    assert "gives the headers" in listed
    assert any_["webhook_options"]["structure"] is None
    assert any_["webhook"] == kept["webhook"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["people.yaml", "--headers"], "People: no webhook starts it; leave out the options"),
        (["welcome.yaml", "--structure", "no.json"], "no.json: a data structure cannot be read"),
        (["welcome.yaml", "--structure", "people.csv"], "people.csv: a data structure is not JSON"),
        (["welcome.yaml", "--structure", "wrong.json"], "wrong.json: expected a list of fields"),
    ],
)
def test_options_of_a_webhook_that_cannot_be_are_told_and_nothing_is_kept(
    place: Place, given: list[str], told: str
) -> None:
    (place.path / "welcome.yaml").write_text(HOOK)
    (place.path / "wrong.json").write_text('["email"]')

    refused = place("scenario", "on", *given, "--connection", "shop")

    assert refused.code == 2
    assert told in refused.err
    assert place("scenario", "list", "--json").json == []


def test_one_rule_holds_for_time_zones_when_a_scenario_is_checked_run_and_switched_on(
    place: Place,
) -> None:
    scenario = (place.path / "people.yaml").read_text()
    (place.path / "far.yaml").write_text("timezone: Europe/Olso\n" + scenario)
    (place.path / "small.yaml").write_text("timezone: europe/oslo\n" + scenario)
    told = "unknown time zone 'Europe/Olso'; did you mean 'Europe/Oslo'?"

    checked = place("scenario", "check", "far.yaml")
    ran = place("run", "far.yaml", "--connection", "shop")
    on = place("scenario", "on", "far.yaml", "--connection", "shop")
    zone = place("scenario", "on", "people.yaml", "--connection", "shop", "--zone", "Europe/Olso")
    small = place(
        "scenario", "on", "small.yaml", "--connection", "shop", "--schedule", "daily 9:00"
    )

    assert [each.code for each in (checked, ran, on, zone)] == [2, 2, 2, 2]
    assert told in checked.out
    assert [told in each.err for each in (ran, on, zone)] == [True, True, True]
    assert "every day at 09:00 (Europe/Oslo)" in small.out, small.err
