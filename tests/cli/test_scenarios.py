"""Scenarios and blueprints on the command line: bound, run, traced and tested."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Commands, Shop

CONTACT = {"module": "segmetrics:addUpdateAContact", "parameters": {"__IMTCONN__": 4711}}


def blueprint(*flow: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A blueprint as an export has it; ids are given in order."""
    modules = [
        {"version": 1, "parameters": {}, "mapper": {}, "id": number, **module}
        for number, module in enumerate(flow, 1)
    ]
    return {"name": "Test", "flow": modules, "metadata": {"version": 1}, **rest}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, value: Any) -> None:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


GIVEN = {"id": 1, "module": "util:BasicTrigger", "parameters": {"values": [
    {"spec": [{"name": "mail", "value": "joey@bloggs.com"}, {"name": "first", "value": "Joey"}]}
]}}  # fmt: skip
FILLED = {**CONTACT, "mapper": {"email": "{{1.mail}}", "firstName": "{{1.first}}"}}


def test_a_blueprint_asks_once_what_its_connection_stands_for(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    write(here / "x.blueprint.json", blueprint(GIVEN, FILLED))

    asked = segconnect("run", "x.blueprint.json", stdin="shop\n", in_terminal=True)
    again = segconnect("run", "x.blueprint.json")

    assert asked.code == 0, asked.err
    assert "connection of segmetrics, for module 2" in asked.out
    assert yaml.safe_load((here / "x.bindings.yaml").read_text()) == {
        "connections": {"4711": "shop"}
    }
    assert again.code == 0, again.err
    assert connected.contact("joey@bloggs.com")["first_name"] == "Joey"


def test_what_is_not_bound_stops_a_run_before_anything_is_sent(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    sheet = {"module": "google-sheets:addRow", "mapper": {"values": {"0": "{{1.mail}}"}}}
    write(here / "x.json", blueprint(GIVEN, FILLED, sheet))

    ran = segconnect("run", "x.json", "--connection", "shop")

    assert ran.code == 2
    assert "google-sheets:addRow" in ran.err
    assert "bind it in x.bindings.yaml" in ran.err
    assert connected.contact("joey@bloggs.com") is None


def test_a_foreign_module_may_be_a_sample_or_a_python_function(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    watch = {"module": "google-sheets:watchRows", "parameters": {"sheet": "People"}}
    score = {"module": "acme:Score", "mapper": {"who": "{{1.mail}}"}}
    filled = {**CONTACT, "mapper": {"email": "{{1.mail}}", "customFields": {"score": "{{2.of}}"}}}
    write(here / "x.json", blueprint(watch, score, filled))
    write(here / "rows.json", [{"mail": "ann@b.c"}, {"mail": "bob@b.c"}])
    write(here / "helpers.py", "def score(fields):\n    return {'of': len(fields['who'])}\n")
    write(
        here / "x.bindings.yaml",
        "connections: {'4711': shop}\nmodules:\n"
        "  google-sheets:watchRows: {sample: rows.json}\n"
        "  acme:Score: {python: 'helpers.py:score'}\n",
    )

    ran = segconnect("run", "x.json", "--json")

    assert ran.code == 0, ran.err
    assert ran.json["operations"] == {"1": 1, "2": 2, "3": 2}
    assert connected.contact("bob@b.c")["custom_fields"] == {"score": 7}


def test_a_foreign_module_may_be_an_http_call(
    segconnect: Commands, connected: Shop, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = {"module": "slack:CreateMessage", "mapper": {"text": "Hello {{1.first}}"}}
    write(here / "x.json", blueprint(GIVEN, chat))
    host = connected.address.removeprefix("http://")
    write(
        here / "x.bindings.yaml",
        "modules:\n  slack:CreateMessage:\n    http:\n"
        f"      url: '{connected.address}/api{connected.root}/contact'\n"
        f"      headers: {{Authorization: '{connected.api_key}'}}\n"
        "      body: {email: '{{lower(text)}}@b.c'}\n",
    )

    refused = segconnect("run", "x.json")
    monkeypatch.setenv("SEGCONNECT_ALLOWED_HOSTS", host)
    ran = segconnect("run", "x.json", "--trace")

    assert refused.code == 2
    assert "add 127.0.0.1" in refused.out
    assert ran.code == 2  # the account does not take the blank in it
    assert "hello joey@b.c" in ran.out
    assert connected.api_key not in ran.out


def test_a_webhook_s_request_is_handed_in_and_answered(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    hook = {"module": "gateway:CustomWebHook", "parameters": {"hook": 45}}
    respond = {
        "module": "gateway:WebhookRespond",
        "mapper": {"status": "201", "body": "thanks {{1.first}}"},
    }
    write(here / "x.json", blueprint(hook, FILLED, respond))
    write(here / "one.json", {"mail": "ann@b.c", "first": "Ann"})

    without = segconnect("run", "x.json", "--connection", "shop")
    ran = segconnect("run", "x.json", "--connection", "shop", "--bundle", "one.json", "--json")

    assert without.code == 2
    assert "--bundle" in without.err
    assert ran.json["response"] == {"status": 201, "body": "thanks Ann"}
    assert connected.contact("ann@b.c")["first_name"] == "Ann"


def test_a_trace_prints_every_operation_with_what_it_took_and_gave(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    write(here / "x.json", blueprint(GIVEN, FILLED))

    ran = segconnect("run", "x.json", "--connection", "shop", "--trace")

    assert ran.code == 0, ran.err
    first, second = ran.out.index("util:BasicTrigger"), ran.out.index("addUpdateAContact")
    assert "'mail': 'joey@bloggs.com'" in ran.out[first:second]
    assert "'firstName': 'Joey'" in ran.out[second:]
    assert "'status': 'success'" in ran.out[second:]
    assert connected.api_key not in ran.out


def test_a_dry_run_reaches_nothing(segconnect: Commands, connected: Shop, here: Path) -> None:
    request = {
        "module": "http:ActionSendData",
        "version": 3,
        "mapper": {"url": f"{connected.address}/healthz", "method": "get"},
        "onerror": [{"id": 9, "module": "builtin:Ignore", "version": 1}],
    }
    write(here / "x.json", blueprint(GIVEN, request, FILLED))
    write(here / "y.json", blueprint(GIVEN, FILLED))

    stopped = segconnect("run", "x.json", "--connection", "shop", "--dry-run")
    filled = segconnect("run", "y.json", "--connection", "shop", "--dry-run")

    assert "Nothing is sent, and nothing would be." in stopped.out
    assert '"first_name": "Joey"' in filled.out
    assert connected.contact("joey@bloggs.com") is None


def test_functions_beside_a_scenario_may_be_called(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    write(here / "x.yaml", yaml.safe_dump({
        "name": "x",
        "flow": [
            {"id": 1, "module": "basic-trigger", "parameters": GIVEN["parameters"]},
            {"id": 2, "module": "add-update-contact",
             "mapper": {"email": "{{1.mail}}", "first_name": "{{shout(1.first)}}"}},
        ],
    }))  # fmt: skip
    write(
        here / "x.functions.py",
        "from segconnect.mapping import function\n\n\n"
        "@function('text')\ndef shout(text: str) -> str:\n"
        '    """In capitals."""\n    return text.upper() + \'!\'\n',
    )

    ran = segconnect("run", "x.yaml")

    assert ran.code == 0, ran.err
    assert connected.contact("joey@bloggs.com")["first_name"] == "JOEY!"


def test_a_data_store_remembers_between_two_runs(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    seen = {"module": "datastore:ExistRecord", "parameters": {"datastore": 77},
            "mapper": {"key": "{{1.mail}}"}}  # fmt: skip
    is_new = {"conditions": [[{"a": "{{2.exist}}", "o": "boolean:equal", "b": "false"}]]}
    keep = {"module": "datastore:AddRecord", "parameters": {"datastore": 77}, "filter": is_new,
            "mapper": {"key": "{{1.mail}}", "data": {"at": "{{now}}"}}}  # fmt: skip
    write(here / "x.json", blueprint(GIVEN, seen, keep, FILLED))
    write(here / "x.bindings.yaml", "datastores: {'77': seen}\nconnections: {'4711': shop}\n")

    first = segconnect("run", "x.json", "--json")
    second = segconnect("run", "x.json", "--json")

    assert first.json["operations"] == {"1": 1, "2": 1, "3": 1, "4": 1}
    assert second.json["operations"] == {"1": 1, "2": 1}


def test_a_scenario_calls_another_one(segconnect: Commands, connected: Shop, here: Path) -> None:
    call = {"module": "scenario-service:CallSubscenario", "version": 2,
            "parameters": {"scenarioId": 99},
            "mapper": {"data": {"who": "{{1.mail}}"}}}  # fmt: skip
    filled = {**CONTACT, "mapper": {"email": "{{1.mail}}", "firstName": "{{2.name}}"}}
    write(here / "x.json", blueprint(GIVEN, call, filled))
    write(here / "other.json", blueprint(
        {"module": "util:SetVariable2", "mapper": {"name": "x", "value": "1"}},
        {"module": "scenario-service:ReturnData", "version": 2,
         "mapper": {"name": "from {{var.input.who}}"}},
    ))  # fmt: skip
    write(here / "x.bindings.yaml", "scenarios: {'99': other.json}\nconnections: {'4711': shop}\n")

    ran = segconnect("run", "x.json")

    assert ran.code == 0, ran.out + ran.err
    assert connected.contact("joey@bloggs.com")["first_name"] == "from joey@bloggs.com"


def test_a_database_is_read_with_saved_credentials(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    with sqlite3.connect(here / "crm.db") as database:
        database.execute("create table people (id integer, mail text)")
        database.executemany("insert into people values (?, ?)", [(1, "ann@b.c"), (2, "bob@b.c")])
    saved = segconnect(
        *("connection", "add", "crm", "--service", "values"),
        *("--set", f"url=sqlite:///{here / 'crm.db'}"),
    )
    write(
        here / "x.yaml",
        """
name: People
connection: shop
flow:
  - id: 1
    module: sql
    parameters: {connection: crm, query: "select id, mail from people", cursor_column: id}
  - {id: 2, module: add-update-contact, mapper: {email: "{{1.mail}}"}}
""",
    )

    ran = segconnect("run", "x.yaml")

    assert saved.code == 0, saved.err
    assert ran.code == 0, ran.err
    assert "2 read, 2 delivered" in ran.out
    assert connected.contact("bob@b.c") is not None


def test_a_scenario_that_is_called_is_bound_by_itself(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    """Module 2 of the one is not module 2 of the other, nor is a data store without an id."""
    (here / "sub").mkdir()
    own = {"module": "own:Say", "parameters": None}
    call = {"module": "scenario-service:CallSubscenario", "version": 2,
            "parameters": {"scenarioId": 99}, "mapper": {"data": {}}}  # fmt: skip
    add = {"module": "datastore:AddRecord", "parameters": None, "mapper": {"key": "k", "data": {}}}
    filled = {**CONTACT, "mapper": {"email": "{{1.mail}}", "firstName": "{{2.said}} {{3.said}}"}}
    write(here / "x.json", blueprint(GIVEN, own, call, {**add, "id": 4}, {**filled, "id": 5}))
    write(here / "sub" / "y.json", blueprint(
        {"module": "util:SetVariable2", "mapper": {"name": "x", "value": "1"}},
        own,
        {"module": "scenario-service:ReturnData", "version": 2, "mapper": {"said": "{{2.said}}"}},
        add,
    ))  # fmt: skip
    write(here / "sub" / "say.py", "def say(values): return {'said': 'other'}\n")
    write(here / "x.bindings.yaml", "scenarios: {'99': sub/../sub/y.json}\n"
          "connections: {'4711': shop}\ndatastores: {module 4: one}\n"
          "modules: {'2': {sample: {said: own}}}\n")  # fmt: skip
    write(here / "sub" / "y.bindings.yaml", "datastores: {module 4: two}\n"
          "modules: {'2': {python: 'say.py:say'}}\n")  # fmt: skip

    ran = segconnect("run", "x.json")

    assert ran.code == 0, ran.out + ran.err
    assert connected.contact("joey@bloggs.com")["first_name"] == "own other"


def test_scenarios_that_call_each_other_are_each_read_once(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    (here / "sub").mkdir()
    call = {"module": "scenario-service:CallSubscenario", "version": 2,
            "parameters": {"scenarioId": 9}, "mapper": {"data": {}}}  # fmt: skip
    for file, other in (("x", "sub/y.json"), ("sub/y", "../sub/../x.json")):
        write(here / f"{file}.json", blueprint(GIVEN, call))
        write(here / f"{file}.bindings.yaml", f"scenarios: {{'9': {other}}}\n")

    ran = segconnect("run", "x.json")

    assert ran.code == 2
    assert "call each other more than 5 deep" in ran.out


ROWS = "mail,tag,n\nann@b.c,one,1\nbob@b.c,two,2\nann@b.c,three,3\nnobody,four,4\n"


@pytest.mark.parametrize("options", [[], ["--trace"]], ids=["in batches", "one by one"])
def test_each_row_of_a_file_is_a_run_of_its_own(
    options: list[str], segconnect: Commands, connected: Shop, here: Path
) -> None:
    write(here / "rows.csv", ROWS)
    write(
        here / "x.yaml",
        """
name: Tags
flow:
  - {id: 1, module: csv, parameters: {file: rows.csv}}
  - id: 2
    module: add-update-contact
    mapper: {email: "{{1.mail}}", custom_fields: {n: "{{1.n}}"}}
""",
    )

    ran = segconnect("run", "x.yaml", *options, "--refused", "refused.csv")

    assert ran.code == 1, ran.err
    assert "4 read, 3 delivered, 1 refused" in ran.out
    assert connected.contact("ann@b.c")["custom_fields"] == {"n": "3"}
    assert "rows.csv,5,5,line,Add/Update a Contact" in (here / "refused.csv").read_text()


def test_rows_that_are_collected_are_one_run(
    segconnect: Commands, connected: Shop, here: Path
) -> None:
    write(here / "rows.csv", ROWS)
    write(
        here / "x.yaml",
        """
name: Tags of each
flow:
  - {id: 1, module: csv, parameters: {file: rows.csv}}
  - id: 2
    module: array-aggregator
    parameters: {feeder: 1}
    flags: {groupBy: "{{1.mail}}"}
    mapper: {tag: "{{1.tag}}"}
  - id: 3
    module: add-update-contact
    filter: {conditions: [[{a: "{{2.__IMTKEY__}}", o: "text:contain", b: "@"}]]}
    mapper: {email: "{{2.__IMTKEY__}}", tags: '{{map(2.array; "tag")}}'}
""",
    )

    ran = segconnect("run", "x.yaml", "--json")

    assert ran.code == 0, ran.err
    assert ran.json["operations"] == {"1": 1, "2": 3, "3": 2}
    tags = connected.contact("ann@b.c")["tags"]
    assert [tag["name"] for tag in tags] == ["one", "three"]


TESTED = """
name: Paid orders
flow:
  - {id: 1, module: webhook}
  - id: 2
    module: add-tag-to-contact
    filter: {conditions: [[{a: "{{1.status}}", o: "text:equal", b: paid}]]}
    mapper: {email: "{{1.mail}}", tags: ['paid {{formatDate(now; "YYYY")}}']}
  - id: 3
    module: http-request
    mapper:
      url: https://example.com/told
      method: post
      bodyType: raw
      contentType: application/json
      data: '{"of": "{{2.status}}"}'
tests:
  - name: a paid order tags the contact, and is told
    now: 2026-01-02T03:04:05Z
    given: {status: paid, mail: joey@bloggs.com}
    requests:
      - add-tag-to-contact: {email: joey@bloggs.com, tags: ["paid 2026"]}
      - http: {method: POST, url: "https://example.com/told", body: {of: success}}
  - name: another one does nothing
    given: {status: open}
    requests: []
  - name: an address that is none is an error
    given: {status: paid, mail: joey}
    error: "'joey' is not an e-mail address"
  - name: nobody is told of what was not tagged
    given: {status: paid, mail: joey@bloggs.com}
    answers: {2: {error: "RateLimitError: slow down"}}
    error: slow down
"""


def test_a_scenario_s_own_tests_run_offline(segconnect: Commands, here: Path) -> None:
    write(here / "x.yaml", TESTED)
    write(here / "y.yaml", TESTED.replace("paid 2026", "paid 2025"))

    passed = segconnect("scenario", "test", "x.yaml")
    failed = segconnect("scenario", "test", "y.yaml")

    assert passed.code == 0, passed.out + passed.err
    assert "4 passed, 0 failed" in passed.out
    assert failed.code == 1
    assert "paid 2025" in failed.out
    assert "paid 2026" in failed.out
    assert "3 passed, 1 failed" in failed.out


def test_a_blueprint_s_tests_stand_beside_it(segconnect: Commands, here: Path) -> None:
    write(here / "x.blueprint.json", blueprint(GIVEN, FILLED))
    none = segconnect("scenario", "test", "x.blueprint.json")
    write(
        here / "x.tests.yaml",
        """
tests:
  - name: the contact is sent
    requests: [{add-update-contact: {email: joey@bloggs.com, first_name: Joey}}]
""",
    )
    passed = segconnect("scenario", "test", "x.blueprint.json")

    assert none.code == 2
    assert "has no tests" in none.err
    assert passed.code == 0, passed.out + passed.err


def test_a_test_that_is_wrong_says_where(segconnect: Commands, here: Path) -> None:
    write(here / "x.yaml", TESTED + "  - {nam: x}\n")

    ran = segconnect("scenario", "test", "x.yaml")

    assert ran.code == 2
    assert "test 5: name: Field required" in ran.err


@pytest.mark.parametrize(
    "module",
    ["http:ActionSendDataBasicAuth", "http:ActionSendDataAPIKeyAuth", "http:ActionSendDataOAuth"],
)
@pytest.mark.parametrize("parameters", ["{}", "{auth: 12}"], ids=["published", "exported"])
def test_requests_that_sign_in_are_tested_without_a_connection(
    segconnect: Commands, here: Path, module: str, parameters: str
) -> None:
    write(
        here / "x.yaml",
        f"""
name: Signed in
flow:
  - {{id: 1, module: webhook}}
  - id: 2
    module: '{module}'
    version: 3
    parameters: {parameters}
    mapper: {{url: "https://example.com/told", method: post}}
tests:
  - name: it is told
    given: {{}}
    requests:
      - http: {{method: POST, url: "https://example.com/told"}}
""",
    )

    ran = segconnect("scenario", "test", "x.yaml")

    assert ran.code == 0, ran.out + ran.err
