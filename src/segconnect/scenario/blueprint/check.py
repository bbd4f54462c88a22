"""Tells whether a scenario runs here: which modules do, what must be bound, and what is wrong."""

from __future__ import annotations

from segconnect.mapping import Functions
from segconnect.scenario.blueprint import expressions, known, needs, rules, segmetrics
from segconnect.scenario.blueprint.bindings import Bindings
from segconnect.scenario.blueprint.model import Node
from segconnect.scenario.blueprint.reading import Document
from segconnect.scenario.blueprint.report import (
    ModuleReport,
    Problem,
    Report,
    Status,
    is_switched_off,
)

HOW = "bind it to an HTTP call, to a recorded sample or to a Python function"


def check(
    document: Document, bindings: Bindings | None = None, functions: Functions | None = None
) -> Report:
    """Checks a scenario; nothing is sent, opened or run.

    Args:
        document: The scenario.
        bindings: What its foreign ids are bound to.
        functions: What templates may call; None is the built-in and installed functions.
    """
    bindings = bindings or Bindings()
    blueprint = document.blueprint
    report = Report(str(document.form), blueprint.name)
    runs = known.runnable()
    for node in (*blueprint.walk(), *blueprint.walk_orphans()):
        report.modules[node.path] = _module(node, bindings, runs)
    found = [
        *rules.broken(blueprint),
        *_unreal(report),
        *expressions.wrong(blueprint, functions),
    ]
    report.problems = _in_order(found, report)
    asked = {
        path: each.status is Status.RUNS
        for path, each in report.modules.items()
        if each.status in (Status.RUNS, Status.BOUND, Status.BINDABLE)
    }
    report.needs = needs.needs_of(blueprint, asked)
    for need in report.needs:
        need.is_bound = bindings.bound_to(need) is not None
    return report


def _module(node: Node, bindings: Bindings, runs: frozenset[str]) -> ModuleReport:
    if is_switched_off(node):
        return ModuleReport(node, Status.IGNORED, "it is not part of the run")
    if bindings.module(node.id, node.module) is not None:
        return ModuleReport(node, Status.BOUND, "the bindings say what it does")
    if node.module in runs or segmetrics.resolve(node.module) is not None:
        return ModuleReport(node, Status.RUNS)
    meant = known.meant_by(node.module)
    if meant is not None:
        advice = f"did you mean {meant!r}?" if meant in _names() else meant
        return ModuleReport(node, Status.UNREAL, f"there is no module {node.module!r}; {advice}")
    if node.module in known.KNOWN:
        return ModuleReport(node, Status.BINDABLE, f"it does not run here yet; {HOW}")
    app = node.module.partition(":")[0]
    close = known.nearest(node.module)
    guess = f" (or did you mean {close!r}?)" if close and close != node.module else ""
    if segmetrics.is_segmetrics(node.module):
        which = ", ".join(segmetrics.CANONICAL)
        why = f"no module of SegMetrics is known by this name; known are {which}; {HOW}"
    elif app in known.APPS:
        why = f"no such module of {app!r} is known{guess}; {HOW}"
    else:
        why = f"there is no app {app!r} here{guess}; {HOW}"
    return ModuleReport(node, Status.BINDABLE, why)


def _names() -> set[str]:
    return {*known.KNOWN, *known.FOREIGN}


def _unreal(report: Report) -> list[Problem]:
    return [
        rules.problem(rules.ERROR, "unreal", each.node, each.why, ".module")
        for each in report.modules.values()
        if each.status is Status.UNREAL
    ]


def _in_order(found: list[Problem], report: Report) -> list[Problem]:
    """Orders problems as the file is, and leaves those out of routes that are switched off."""
    order = {path: position for position, path in enumerate(report.modules)}
    off = {path for path, each in report.modules.items() if each.status is Status.IGNORED}

    def owner(problem: Problem) -> str:
        path = problem.path
        while path and path not in order:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return path

    placed = [(owner(problem), problem) for problem in found]
    kept = [(path, problem) for path, problem in placed if path not in off]
    return [p for _, p in sorted(kept, key=lambda each: order.get(each[0], -1))]
