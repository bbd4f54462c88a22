"""Random blueprints on random bundles: an error before the run, or a result; nothing else."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from segconnect.errors import ScenarioError
from segconnect.scenario.engine import RUNNABLE, Kind, Limits, Services, retry, run

APPS = ("builtin", "csv", "datastore", "gateway", "json", "markdown", "regexp", "util", "xml")
NAMES = sorted(name for name in RUNNABLE if name.partition(":")[0] in APPS)
FIELDS = (
    *("array", "value", "name", "text", "json", "xml", "csv", "html", "data", "key", "object"),
    *(
        "pattern",
        "repeats",
        "start",
        "input",
        "casesTable",
        "variables",
        "status",
        "body",
        "filter",
    ),
)
PARAMETERS = ("rowSeparator", "delimiter", "space", "limit", "global", "fn", "scope", "overwrite")
OPERATORS = ("text:equal", "number:greater", "exist", "array:contain", "date:less", "text:pattern")
TEXTS = (
    *("", "a", "1", "-3.5", "1e400", "2026-01-02", "x,y\nz", '{"a": [1, 2]}', "<a b='1'>t</a>"),
    *("# h", "/(a+)+/g", "(a", "\0", "\ud800", "true", "other", "[" * 99, "{{", "x" * 3000),
)
FUNCTIONS = ("if", "length", "map", "join", "split", "get", "formatDate", "sum", "replace", "merge")


class Maker:
    """Makes blueprints; every choice is the random's."""

    def __init__(self, random: Random) -> None:
        self.random, self.last = random, 0

    def value(self, depth: int = 0) -> Any:
        choice = self.random.randrange(10 if depth < 3 else 7)
        if choice < 4:
            return self.random.choice(TEXTS)
        if choice < 7:
            return self.random.choice([0, -1, 10**30, 1.5, True, None])
        items = [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return items if choice < 9 else dict(zip(FIELDS, items, strict=False))

    def expression(self, ids: list[int], depth: int = 0) -> str:
        if self.random.random() < 0.6 or depth > 2:
            return f"{self.random.choice(ids)}.{self.random.choice(FIELDS)}"
        count = self.random.randint(1, 3)
        inner = "; ".join(self.expression(ids, depth + 1) for _ in range(count))
        return f"{self.random.choice(FUNCTIONS)}({inner})"

    def template(self, ids: list[int]) -> Any:
        around = self.random.choice(["", "", "a"])
        mapped = f"{around}{{{{{self.expression(ids)}}}}}"
        return mapped if self.random.random() < 0.7 else self.value()

    def chain(self, ids: list[int], depth: int = 0) -> list[dict[str, Any]]:
        flow: list[dict[str, Any]] = []
        for _ in range(self.random.randrange(5 - depth)):
            flow.append(self.module(ids, depth))
            ids = [*ids, self.last]
            if flow[-1]["module"] == "builtin:BasicRouter":
                break
        return flow

    def module(self, ids: list[int], depth: int) -> dict[str, Any]:
        self.last += 1
        id_, name = self.last, self.random.choice(NAMES)
        while RUNNABLE[name].kind in (Kind.DIRECTIVE, Kind.CONVERGER):
            name = self.random.choice(NAMES)
        found: dict[str, Any] = {"id": id_, "module": name}
        found["mapper"] = {field: self.template(ids) for field in FIELDS}
        found["parameters"] = {"feeder": self.random.choice(ids), "datastore": 5}
        found["parameters"][self.random.choice(PARAMETERS)] = self.value()
        if self.random.random() < 0.3:
            condition = {"a": self.template(ids), "o": self.random.choice(OPERATORS)}
            found["filter"] = {"conditions": [[{**condition, "b": self.template(ids)}]]}
        if self.random.random() < 0.3:
            found["flags"] = {"groupBy": self.template(ids)}
        chains = (
            [{"flow": self.chain([*ids, id_], depth + 1)} for _ in range(2)] if depth < 3 else []
        )
        found["routes"] = chains
        found["branches"] = [{**chain, "type": "else"} for chain in chains[:1]]
        if self.random.random() < 0.4 and depth < 3 and name != "builtin:BasicRouter":
            self.last += 1
            directive = self.random.choice(["Ignore", "Resume", "Commit", "Rollback", "Break"])
            mapper = {field: self.template(ids) for field in ("retry", "count", "value")}
            ends = {"id": self.last, "module": f"builtin:{directive}", "mapper": mapper}
            found["onerror"] = [*self.chain([*ids, id_], depth + 1), ends]
        return found


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_a_run_ends_with_a_result(seed: int) -> None:
    random = Random(seed)
    maker = Maker(random)
    maker.last = 1
    blueprint = {
        "name": "random",
        "flow": [{"id": 1, "module": "gateway:CustomWebHook"}, *maker.chain([1])],
        "metadata": {
            "scenario": {"dlq": random.random() < 0.5, "autoCommit": random.random() < 0.5}
        },
    }
    limits = Limits(operations=2_000, items=1_000, incomplete=3)
    services = Services(sleep=lambda seconds: None, limits=limits)
    bundles = [{field: maker.value() for field in FIELDS} for _ in range(2)]

    with suppress(ScenarioError):
        result = run(blueprint, services, given=bundles, trace=True)
        for incomplete in result.incomplete:
            retry(incomplete, services)
        assert result.total == sum(result.operations.values()) <= limits.operations
        assert (result.error is None) or not result.error.message.startswith("TypeError")
