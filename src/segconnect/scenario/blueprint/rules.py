"""What a blueprint must be like to be run: the rules of the official validator, and more.

Rules that are about publishing a blueprint (no labels, no secrets, places for every module) are not
held against one that is to run.

Source: integromat/make-blueprints, scripts/validate.mjs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from segconnect.scenario.blueprint.known import KNOWN, Kind
from segconnect.scenario.blueprint.model import Blueprint, Chain, ChainKind, Node, whole_number
from segconnect.scenario.blueprint.report import Problem, Severity
from segconnect.scenario.sources import SOURCES, problems_with
from segconnect.types import shown, zone_named

MODULE_ID = re.compile(r"^[a-z][a-z0-9-]*:[A-Za-z0-9]+$")

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def problem(severity: Severity, rule: str, node: Node, message: str, inside: str = "") -> Problem:
    """Makes a problem of a module, or of a place inside of it."""
    return Problem(severity, rule, f"{node.path}{inside}", node.id, message)


def broken(blueprint: Blueprint) -> Iterator[Problem]:
    """Gives every rule that a blueprint breaks."""
    for place in blueprint.malformed:
        yield Problem(ERROR, "shape", place.path, None, place.message)
    if not blueprint.flow.nodes and not blueprint.malformed:
        yield Problem(ERROR, "empty", "flow", None, "there is no module; a flow has at least one")
    if blueprint.raw.get("name") in (None, ""):
        yield Problem(WARNING, "name", "name", None, "the scenario has no name")
    nodes = list(blueprint.walk())
    yield from _zone(blueprint)
    yield from _ids(nodes)
    for node in nodes:
        for rule in _RULES:
            yield from rule(node)
    yield from _first(blueprint)
    for chain in _chains(blueprint.flow):
        yield from _in_order(chain)


def _zone(blueprint: Blueprint) -> Iterator[Problem]:
    try:
        zone_named(blueprint.timezone)
    except ValueError as error:
        yield Problem(ERROR, "timezone", "timezone", None, str(error))


def _ids(nodes: list[Node]) -> Iterator[Problem]:
    counted = Counter(node.id for node in nodes)
    seen: set[int] = set()
    for node in nodes:
        if node.id is None or node.id < 1:
            found = "none" if "id" not in node.raw else shown(node.raw["id"])
            message = f"the id is a whole number from 1, found {found}"
            yield problem(ERROR, "id", node, message, ".id")
        elif isinstance(node.raw["id"], str):
            message = f"the id {node.id} is a text; it is read as the number"
            yield problem(WARNING, "id", node, message, ".id")
        if node.id is not None and counted[node.id] > 1 and node.id in seen:
            message = f"the id {node.id} belongs to another module already; ids are unique"
            yield problem(ERROR, "id", node, message, ".id")
        if node.id is not None:
            seen.add(node.id)


def _name(node: Node) -> Iterator[Problem]:
    module = node.raw.get("module")
    if not isinstance(module, str) or not module:
        found = "none" if "module" not in node.raw else shown(module)
        yield problem(ERROR, "module", node, f"expected app:Module, found {found}", ".module")
    elif not MODULE_ID.match(module) and node.module not in KNOWN:
        message = f"{module!r} is not of the form app:Module"
        yield problem(WARNING, "module", node, message, ".module")


def _version(node: Node) -> Iterator[Problem]:
    known = KNOWN.get(node.module)
    if "version" in node.raw and node.raw["version"] is not None and node.version is None:
        message = f"the version is a whole number, found {shown(node.raw['version'])}"
        yield problem(WARNING, "version", node, message, ".version")
    elif known and node.version not in (None, known.version, *known.other_versions):
        message = f"version {node.version} is not known; it runs as version {known.version}"
        yield problem(WARNING, "version", node, message, ".version")


def _kind(node: Node) -> Kind | None:
    known = KNOWN.get(node.module)
    return known.kind if known else None


def _router(node: Node) -> Iterator[Problem]:
    kind = _kind(node)
    if kind is not Kind.ROUTER:
        if node.raw.get("routes"):
            message = f"only a router has routes; {node.module} is none"
            yield problem(ERROR, "routes", node, message, ".routes")
        return
    if not node.routes:
        yield problem(ERROR, "routes", node, "the router has no routes", ".routes")
    if node.filter and node.filter.get("conditions"):
        message = "a router has no filter; put it on the first module of a route"
        yield problem(WARNING, "filter", node, message, ".filter")
    fallback = node.parameters.get("else")
    number = whole_number(fallback)
    if fallback is not None and (number is None or not 0 <= number < len(node.routes)):
        message = f"the fallback route is a position from 0, found {shown(fallback)}"
        yield problem(ERROR, "routes", node, message, ".parameters.else")


def _if_else(node: Node) -> Iterator[Problem]:
    if _kind(node) is not Kind.CONDITIONAL:
        if node.raw.get("branches"):
            message = f"only an if-else has branches; {node.module} is none"
            yield problem(ERROR, "branches", node, message, ".branches")
        return
    if not node.branches:
        yield problem(ERROR, "branches", node, "the if-else has no branches", ".branches")
    types = [branch.raw.get("type") for branch in node.branches]
    if types.count("else") > 1:
        yield problem(ERROR, "branches", node, "there is more than one Else branch", ".branches")
    for position, branch in enumerate(node.branches):
        inside = f".branches[{position}]"
        if branch.raw.get("type") not in ("condition", "else"):
            message = f"the type is condition or else, found {shown(branch.raw.get('type'))}"
            yield problem(ERROR, "branches", node, message, inside)
        elif branch.raw.get("type") == "else" and branch.raw.get("conditions"):
            message = "an Else branch has no conditions; these are not looked at"
            yield problem(WARNING, "branches", node, message, inside)
        elif branch.raw.get("type") == "condition" and not branch.raw.get("conditions"):
            message = "the branch has no conditions, so that it is never taken"
            yield problem(WARNING, "branches", node, message, inside)
        for inner in _nodes(branch):
            if _kind(inner) in (Kind.ROUTER, Kind.CONDITIONAL):
                message = "the scenario builder takes no router or if-else inside of a branch"
                yield problem(WARNING, "branches", inner, message)


def _aggregator(node: Node) -> Iterator[Problem]:
    if _kind(node) is not Kind.AGGREGATOR:
        return
    given = node.parameters.get("feeder")
    if node.feeder is None:
        found = "none" if given is None else shown(given)
        message = f"the source of an aggregator is the id of a module, found {found}"
        yield problem(ERROR, "feeder", node, message, ".parameters.feeder")
    elif node.feeder not in node.scope:
        message = f"its source, module {node.feeder}, is not before it on the same way"
        yield problem(ERROR, "feeder", node, message, ".parameters.feeder")
    else:
        source = next((each for each in _before(node) if each.id == node.feeder), None)
        if source is None:
            message = f"its source, module {node.feeder}, is outside of the error handler"
            yield problem(ERROR, "feeder", node, message, ".parameters.feeder")
        elif _kind(source) in (Kind.ROUTER, Kind.CONDITIONAL):
            message = f"its source, {source.label}, puts out no bundles"
            yield problem(ERROR, "feeder", node, message, ".parameters.feeder")


def _handler(node: Node) -> Iterator[Problem]:
    if node.handler and _kind(node) in (Kind.ROUTER, Kind.DIRECTIVE):
        message = f"{node.label} cannot have an error handler; it is not looked at"
        yield problem(WARNING, "onerror", node, message, ".onerror")


def _directive(node: Node) -> Iterator[Problem]:
    kinds = [chain.kind for chain in _ways_to(node)]
    if _kind(node) is Kind.DIRECTIVE and "onerror" not in kinds:
        message = f"{node.label} ends an error handler; it stands in `onerror` of another module"
        yield problem(ERROR, "directive", node, message)


def _response(node: Node) -> Iterator[Problem]:
    if node.module != "gateway:WebhookRespond" or not isinstance(node.mapper, dict):
        return
    status = node.mapper.get("status")
    if isinstance(status, str) and "{{" in status:
        return
    number = whole_number(status)
    if status not in (None, "") and (number is None or not 100 <= number <= 999):
        message = f"the status is a number from 100, found {shown(status)}"
        yield problem(ERROR, "status", node, message, ".mapper.status")


_OLD_HTTP = {
    "qs": "queryParameters",
    "bodyType": "contentType",
    "data": "jsonStringBodyContent",
    "serializeUrl": None,
    "handleErrors": "stopOnHttpError",
    "followRedirect": "allowRedirects",
}
_NEW_HTTP = {
    "queryParameters": "qs",
    "jsonStringBodyContent": "data",
    "inputMethod": "bodyType",
    "stopOnHttpError": "handleErrors, among the parameters",
    "allowRedirects": "followRedirect",
}


def _http_names(node: Node) -> Iterator[Problem]:
    """Finds the fields of one HTTP app in a module of the other: they would not be looked at."""
    if not isinstance(node.mapper, dict) or not node.module.startswith("http:"):
        return
    names: Any = _OLD_HTTP if node.module == "http:MakeRequest" else _NEW_HTTP
    for name in node.mapper:
        if name in names:
            instead = f"; here it is {names[name]}" if names[name] else ""
            message = f"{name!r} is a field of the other HTTP app{instead}"
            yield problem(WARNING, "http", node, message, f".mapper.{name}")


def _placeholder(node: Node) -> Iterator[Problem]:
    if _kind(node) is Kind.PLACEHOLDER:
        yield problem(ERROR, "placeholder", node, "no module was chosen here; choose one")


def _source(node: Node) -> Iterator[Problem]:
    """Holds a source of ours to its parameters."""
    if node.module not in SOURCES:
        return
    for name, sentence in problems_with(node.module, node.parameters):
        place = f".parameters.{name}" if name else ".parameters"
        yield problem(ERROR, "source", node, sentence, place)


_RULES: tuple[Callable[[Node], Iterator[Problem]], ...] = (
    _name,
    _version,
    _placeholder,
    _source,
    _router,
    _if_else,
    _aggregator,
    _handler,
    _directive,
    _response,
    _http_names,
)


def _first(blueprint: Blueprint) -> Iterator[Problem]:
    if not blueprint.flow.nodes:
        return
    first = blueprint.flow.nodes[0]
    if first.filter and first.filter.get("conditions"):
        message = "the first module has a filter; put it on the second"
        yield problem(ERROR, "filter", first, message, ".filter")
    starts = (Kind.TRIGGER, Kind.LISTENER)
    for node in blueprint.walk():
        if node is not first and _kind(node) in starts:
            message = f"{node.label} can only be the first module"
            yield problem(ERROR, "trigger", node, message)


def _in_order(chain: Chain) -> Iterator[Problem]:
    """Holds a chain to what may follow what."""
    for before, node in zip((None, *chain.nodes), chain.nodes, strict=False):
        merging = (
            sum(branch.raw.get("merge") is True for branch in before.branches) if before else 0
        )
        if before is not None and _kind(before) in (Kind.ROUTER, Kind.DIRECTIVE):
            message = f"nothing follows {before.label}; put it into a route, or before it"
            yield problem(ERROR, "order", node, message)
        if _kind(node) is Kind.CONVERGER:
            yield from _merge(node, before, merging)
        elif merging:
            message = "an if-else whose branches merge is followed by a merge at once"
            yield problem(ERROR, "merge", node, message)
    if chain.nodes and any(b.raw.get("merge") is True for b in chain.nodes[-1].branches):
        message = "its branches merge, but no merge follows; what comes of them ends here"
        yield problem(WARNING, "merge", chain.nodes[-1], message)


def _merge(node: Node, before: Node | None, merging: int) -> Iterator[Problem]:
    if before is None or _kind(before) is not Kind.CONDITIONAL:
        yield problem(ERROR, "merge", node, "a merge stands right after an if-else")
        return
    if not merging:
        yield problem(ERROR, "merge", node, "no branch of the if-else before it has merge: true")
        return
    outputs = node.raw.get("outputs")
    for position, output in enumerate(outputs if isinstance(outputs, list) else []):
        inside = f".outputs[{position}]"
        if not isinstance(output, dict) or not output.get("name"):
            yield problem(ERROR, "merge", node, "an output has a name and mappings", inside)
            continue
        mappings = output.get("mappings")
        count = len(mappings) if isinstance(mappings, list) else 0
        if count != merging:
            message = f"{count} mappings for {merging} branches that merge; give one for each"
            yield problem(ERROR, "merge", node, message, f"{inside}.mappings")


def _chains(chain: Chain) -> Iterator[Chain]:
    yield chain
    for node in chain.nodes:
        for inner in node.chains:
            yield from _chains(inner)


def _nodes(chain: Chain) -> Iterator[Node]:
    for each in _chains(chain):
        yield from each.nodes


def _before(node: Node) -> Iterator[Node]:
    """Gives the modules before a module, as far as the start of the error handler it is in."""
    at: Node | None = node
    while at is not None:
        yield from at.chain.nodes[: at.chain.nodes.index(at)]
        at = None if at.chain.kind is ChainKind.HANDLER else at.parent
        if at is not None:
            yield at


def _ways_to(node: Node) -> Iterator[Chain]:
    """Gives the chain of a module, and those round it."""
    at: Node | None = node
    while at is not None:
        yield at.chain
        at = at.parent
