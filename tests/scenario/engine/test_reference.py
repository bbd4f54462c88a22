"""Random flows, run by the engine and by a reference that shares nothing with it."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from segconnect.scenario.engine import run

Step = dict[str, Any]
Steps = list[Step]
Env = dict[int, Any]

GIVEN = [
    {"n": 1, "items": [1, 2, 3]},
    {"n": 2, "items": []},
    {"n": 3, "items": [5]},
]


class Reference:
    """Takes bundles through steps: say, each (an iterator), route, gather (an aggregator)."""

    def __init__(self, steps: Steps) -> None:
        self.said: list[str] = []
        self.operations: dict[int, int] = {1: 1}
        self.feed({"id": 1}, GIVEN, steps, {}, {})

    def go(self, steps: Steps, env: Env, opened: Env) -> None:
        if not steps:
            return
        step, rest = steps[0], steps[1:]
        if not passes(step, env):
            return
        if step["kind"] == "route":
            taken = [each for each in step["flows"][1:] if not each or passes(each[0], env)]
            for flow in taken or step["flows"][:1]:  # the first one is the fallback
                if not flow or passes(flow[0], env):
                    for gather in flow:
                        if gather["id"] in opened:
                            opened[gather["id"]]["entered"] = True
                    self.go(flow, env, opened)
        elif step["kind"] == "gather":
            opened[step["id"]]["rows"].append(text(env, step["of"]))
        else:
            self.count(step)
            if step["kind"] == "each":
                outputs = env[1]["items"] if 1 in env else []
            else:
                outputs = [f"{step['id']}:{text(env, step['of'])}"]
                self.said += outputs
            self.feed(step, outputs, rest, env, opened)

    def feed(self, step: Step, outputs: list[Any], rest: Steps, env: Env, opened: Env) -> None:
        own: Env = {
            gather["id"]: {"rows": [], "entered": gather in rest, "then": then}
            for gather, then in gathers(rest)
            if gather["feeder"] == step["id"]
        }
        for output in outputs:
            self.go(rest, {**env, step["id"]: output}, {**opened, **own})
        for id_, collected in own.items():
            if collected["entered"]:
                gather = {"id": id_}
                self.count(gather)
                made = ",".join(collected["rows"])
                self.feed(gather, [made], collected["then"], env, {**opened, **own})

    def count(self, step: Step) -> None:
        self.operations[step["id"]] = self.operations.get(step["id"], 0) + 1


def passes(step: Step, env: Env) -> bool:
    return "above" not in step or (1 in env and env[1]["n"] > step["above"])


def text(env: Env, id_: int) -> str:
    value = env.get(id_, "")  # nothing is seen of a source behind its aggregator
    return str(value["n"] if isinstance(value, dict) else value)


def gathers(steps: Steps) -> list[tuple[Step, Steps]]:
    found = []
    for position, step in enumerate(steps):
        if step["kind"] == "gather":
            found.append((step, steps[position + 1 :]))
        for flow in step.get("flows", []):
            found += gathers(flow)
    return found


def steps_of(random: Random, ids: list[int], depth: int, made: list[int]) -> Steps:
    """Makes steps that may read, or gather from, those of the ids before them."""
    ids, steps = list(ids), []
    for _ in range(random.randint(0, 4)):
        made.append(len(made) + 1)
        kind = random.choice(["say", "say", "each", "gather", "route"])
        step: Step = {"id": made[-1], "kind": kind, "of": random.choice(ids)}
        if random.random() < 0.3:
            step["above"] = random.randint(0, 3)
        steps.append(step)
        if kind == "gather":
            step["feeder"] = random.choice(ids)
            ids = ids[: ids.index(step["feeder"]) + 1]  # no other one gathers from what is between
        if kind == "route":
            step.pop("above", None)
            flows = random.randint(1, 3) if depth < 3 else 0
            step["flows"] = [steps_of(random, ids, depth + 1, made) for _ in range(flows)]
            return steps
        ids.append(made[-1])
    return steps


def module(step: Step) -> dict[str, Any]:
    read = (
        "{{1.n}}" if step["of"] == 1 else f"{{{{ifempty({step['of']}.value; {step['of']}.text)}}}}"
    )
    names = {"say": "util:ComposeTransformer", "each": "builtin:BasicFeeder"}
    found: dict[str, Any] = {"id": step["id"], "module": names.get(step["kind"])}
    if "above" in step:
        rows = [[{"a": "{{1.n}}", "o": "number:greater", "b": step["above"]}]]
        found["filter"] = {"conditions": rows}
    match step["kind"]:
        case "say":
            found["mapper"] = {"value": f"{step['id']}:{read}"}
        case "each":
            found["mapper"] = {"array": "{{1.items}}"}
        case "gather":
            found |= {"module": "util:TextAggregator", "mapper": {"value": read}}
            found["parameters"] = {"feeder": step["feeder"], "rowSeparator": ","}
        case "route":
            routes = [{"flow": [module(each) for each in flow]} for flow in step["flows"]]
            found |= {"module": "builtin:BasicRouter", "routes": routes, "parameters": {"else": 0}}
    return found


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_engine_does_what_the_reference_does(random: Random) -> None:
    steps = steps_of(random, [1], 0, [1])
    flow = [{"id": 1, "module": "gateway:CustomWebHook"}, *map(module, steps)]

    result = run({"name": "random", "flow": flow}, given=GIVEN, trace=True)

    wanted = Reference(steps)
    said = [
        operation.output[0]["value"]
        for operation in result.trace
        if operation.module == "util:ComposeTransformer"
    ]
    assert result.error is None
    assert (said, dict(result.operations)) == (wanted.said, wanted.operations)
