"""Runs the tests that a scenario carries: offline, with nothing that is not given.

    tests:
      - name: a paid order is sent
        given: {number: 7, total: 12.5, mail: joey@bloggs.com}
        requests:
          - add-update-order: {email: joey@bloggs.com, id: "7", amount: 1250, paid: 1250}

They stand in the scenario itself, or beside a blueprint in x.tests.yaml.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import to_json

from segconnect import clock
from segconnect.errors import ScenarioError, SegconnectError
from segconnect.modules import Module
from segconnect.scenario.blueprint import Bindings, Document
from segconnect.scenario.blueprint.case import Case
from segconnect.scenario.blueprint.text import read_yaml
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.fetching import NO_NETWORK
from segconnect.scenario.engine.plan import Plan
from segconnect.scenario.engine.registry import Bundle, Call, Declaration, Kind, Parameters, Values
from segconnect.scenario.engine.result import Result
from segconnect.scenario.engine.run import Run
from segconnect.scenario.engine.services import FetchRequest, FetchResponse, Mail, Services
from segconnect.scenario.engine.stores import DataStores
from segconnect.scenario.preparing import prepare
from segconnect.scenario.runner import reads_a_file
from segconnect.settings import Settings


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a test: its name, and what was not as expected."""

    name: str
    problems: list[str]


def cases_of(path: Path, document: Document) -> list[Case]:
    """Reads the tests of a scenario, and those in a file beside it.

    Raises:
        ScenarioError: One of them is wrong; every problem is told.
    """
    stem = path.name.removesuffix(path.suffix).removesuffix(".blueprint")
    beside = path.with_name(f"{stem}.tests.yaml")
    found = [(path, document.blueprint.tests)]
    if beside.is_file():
        values = read_yaml(beside.read_text(encoding="utf-8-sig"))
        found.append((beside, values.get("tests") if isinstance(values, Mapping) else values))
    cases, problems = [], []
    for file, tests in found:
        if tests is not None and not isinstance(tests, list):
            problems.append(f"{file}: tests: expected a list")
        for position, test in enumerate(tests if isinstance(tests, list) else [], 1):
            try:
                cases.append(Case.model_validate(test))
            except ValidationError as error:
                problems += [
                    f"{file}: test {position}: {'.'.join(map(str, e['loc']))}: {e['msg']}"
                    for e in error.errors()
                ]
    if problems:
        raise ScenarioError("; ".join(problems))
    return cases


def run_case(
    case: Case, path: Path, document: Document, bindings: Bindings, settings: Settings
) -> Verdict:
    """Runs one test.

    Raises:
        ScenarioError: The scenario does not run.
    """
    world = _World(case)
    scenario = prepare(path, document, bindings, settings, is_offline=True)
    services = replace(
        scenario.services,
        now=world.now,
        sleep=lambda seconds: None,
        client_for=lambda connection: world,
        fetch=world.fetch,
        send_mail=world.send_mail,
        data_stores=world.stores(),
        allowed_hosts=NO_NETWORK,
    )
    bound = {**services.bound, **world.answering(scenario.plan)}
    plan = Plan(scenario.plan.blueprint, bound, services.limits, services.functions)
    services = replace(services, bound=bound)
    results = list(_results(plan, services, case))
    return Verdict(case.name, _problems(case, world.requests, results))


def _results(plan: Plan, services: Services, case: Case) -> Iterable[Result]:
    given = [case.given] if isinstance(case.given, dict) else case.given
    if given is None or not reads_a_file(plan):
        yield Run(plan, services, given=given, inputs=case.inputs).run()
        return
    run = Run(plan, services, inputs=case.inputs)
    for bundle in given:  # each is a run of its own
        yield replace(run.take(bundle))


def _problems(case: Case, requests: list[dict[str, Any]], results: list[Result]) -> list[str]:
    problems = []
    errors = [f"{each.error.kind}: {each.error.message}" for each in results if each.error]
    errors += [f"{aside.kind}: {aside.reason}" for each in results for aside in each.incomplete]
    if case.error is None and errors:
        problems += [f"failed: {each}" for each in errors]
    elif case.error is not None and not any(case.error in each for each in errors):
        problems.append(f"expected an error with {case.error!r}, found {errors or 'none'}")
    if case.requests is not None:
        problems += _difference("requests", case.requests, requests)
    response = results[-1].response if results else None
    if case.response is not None:
        found = response and {"status": response.status, "body": response.body}
        wanted = {"status": 200, **case.response}
        problems += _difference("response", wanted, found and {k: found[k] for k in wanted})
    if case.outputs is not None:
        problems += _difference("outputs", case.outputs, results[-1].outputs)
    return problems


def _difference(what: str, wanted: Any, found: Any) -> list[str]:
    wanted, found = _plain(wanted), _plain(found)
    if wanted == found:
        return []
    return [f"{what}: expected\n{_written(wanted)}\n  found\n{_written(found)}"]


def _plain(value: Any) -> Any:
    """As JSON has it, so that 1 and 1.0 are one."""
    return json.loads(to_json(value))


def _written(value: Any) -> str:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=None)
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())


class _World:
    """What a test's run reaches instead of the world: it keeps what is sent."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._now = case.now or clock.now()
        self.requests: list[dict[str, Any]] = []

    def now(self) -> datetime:
        """The moment of the test."""
        return self._now

    def stores(self) -> DataStores:
        """The data stores, with the records that are given."""
        stores = DataStores()
        for name, records in self._case.stores.items():
            for key, record in records.items():
                stores[name].put(key, record)
        stores.commit()
        return stores

    def send(self, module: Module) -> Bundle:
        """Keeps a module of an account."""
        self.requests.append({module.slug(): module.on_the_wire()})
        return {"status": "success"}

    def fetch(self, request: FetchRequest) -> FetchResponse:
        """Keeps an HTTP request."""
        told: dict[str, Any] = {"method": request.method, "url": request.url}
        if request.body:
            try:
                told["body"] = json.loads(request.body)
            except ValueError:
                told["body"] = request.body.decode("utf-8", "replace")
        self.requests.append({"http": told})
        return FetchResponse(200, [("content-type", "application/json")], b"{}")

    def send_mail(self, mail: Mail) -> None:
        """Keeps an e-mail."""
        body = mail.message.get_body(("plain", "html"))
        told = {
            "to": list(mail.recipients),
            "subject": str(mail.message["Subject"]),
            "text": body.get_content().strip() if body is not None else "",
        }
        self.requests.append({"email": told})

    def answering(self, plan: Plan) -> dict[int | str, Declaration]:
        """Makes modules put out what the test says, after they did what they do.

        Raises:
            ScenarioError: The scenario has no module of an id.
        """
        bound: dict[int | str, Declaration] = {}
        for id_, answer in self._case.answers.items():
            node = plan.nodes.get(id_)
            if node is None:
                raise ScenarioError(f"{self._case.name}: answers: there is no module {id_}")
            declared = node.declaration
            kind = Kind.SEARCH if isinstance(answer, list) else declared.kind
            bound[id_] = replace(declared, run=_answering(declared, answer), kind=kind)
        return bound


def _answering(declared: Declaration, answer: Any) -> Any:
    def run(call: Call, parameters: Parameters, values: Values) -> Any:
        if declared.run is not None:
            try:
                found = declared.run(call, parameters, values)
                if found is not None and not isinstance(found, Mapping):
                    list(found)
            except SegconnectError as error:
                if error.kind == "BundleValidationError":
                    raise
        if isinstance(answer, Mapping) and set(answer) == {"error"}:
            kind, is_named, message = str(answer["error"]).partition(": ")
            is_kind = bool(is_named) and kind.isalpha()
            raise ModuleError(
                kind if is_kind else "RuntimeError", message if is_kind else str(answer["error"])
            )
        return answer if isinstance(answer, (list, dict)) else {"data": answer}

    return run
