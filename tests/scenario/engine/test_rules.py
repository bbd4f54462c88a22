"""Every rule of the engine, each a small blueprint in files/, with what is given and expected.

A file holds the rule, the blueprint, what the first module puts out (`given`), what the run may
use (`services`), and what is expected: of `order`, the texts that compose modules made, one after
another; of `outputs`, the bundles of a module; of `operations`, how many each module took.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from segconnect.scenario.engine import Call, DataStores, Limits, ModuleError, Result, Services, run
from segconnect.scenario.engine.services import Called

from .conftest import Asked

FILES = sorted((Path(__file__).parent / "files").glob("*.json"))


def fail(_call: Call, _parameters: Any, values: dict[str, Any]) -> None:
    """A module of another app that fails as it is told to."""
    raise ModuleError(values["kind"], values["message"])


def echo(_call: Call, _parameters: Any, values: dict[str, Any]) -> dict[str, Any]:
    """A module of another app that gives what it gets."""
    return values


class Clock:
    """A clock that goes on only when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def monotonic(self) -> float:
        return sum(self.slept)


def services_of(told: dict[str, Any], clock: Clock, asked: Asked) -> Services:
    stores = DataStores()
    for store, records in told.get("records", {}).items():
        for key, record in records.items():
            stores[store].put(key, record)
        stores.commit()
    return Services(
        sleep=clock.sleep,
        monotonic=clock.monotonic,
        bound={"test:Fail": fail, "test:Echo": echo},
        data_stores=stores,
        structures=told.get("structures", {}),
        variables=told.get("variables", {}),
        load_scenario=lambda key: Called(told["scenarios"][key]),
        limits=Limits(**told.get("limits", {})),
        allowed_hosts=[asked.host],
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rule(path: Path, asked: Asked) -> None:
    text = path.read_text(encoding="utf-8").replace("SERVER", asked.url)
    file = json.loads(text)
    clock = Clock()
    services = services_of(file.get("services", {}), clock, asked)

    result = run(
        file["blueprint"], services, given=file.get("given"), inputs=file.get("inputs"), trace=True
    )

    expected = {"status": "SUCCESS", **file["expected"]}
    found = observed(result, services, clock, asked, expected)
    assert {name: found[name] for name in expected} == expected


def observed(
    result: Result, services: Services, clock: Clock, asked: Asked, expected: dict[str, Any]
) -> dict[str, Any]:
    """What came of the run, under the names that files use."""
    error = result.error
    told = error and {"kind": error.kind, "message": error.message, "module_id": error.module_id}
    response = result.response
    wanted = expected.get("outputs", {})
    return {
        "status": result.status.name,
        "order": [
            output["value"]
            for operation in result.trace
            if operation.module == "util:ComposeTransformer"
            for output in operation.output
            if isinstance(output, dict)
        ],
        "outputs": {
            key: [o for each in result.trace if str(each.module_id) == key for o in each.output]
            for key in wanted
        },
        "operations": {key: result.operations[int(key)] for key in expected.get("operations", {})},
        "cycles": result.cycles,
        "taken": result.taken,
        "error": told and {name: told[name] for name in expected.get("error") or {}},
        "incomplete": [[each.module_id, each.kind, each.retries] for each in result.incomplete],
        "committed": result.is_committed,
        "counts": result.counts,
        "disables": result.disables,
        "pause": result.pause and result.pause.total_seconds(),
        "slept": clock.slept,
        "response": response and [*response[:2], [list(each) for each in response.headers]],
        "stores": {
            name: dict(services.data_stores[name].all()) for name in expected.get("stores", {})
        },
        "requests": [list(each) for each in asked],
    }


def test_a_file_is_named_by_its_rule() -> None:
    for path in FILES:
        rule = json.loads(path.read_text(encoding="utf-8"))["rule"]
        assert path.stem == re.sub(r"[^a-z0-9]+", "_", rule.lower()).strip("_")
