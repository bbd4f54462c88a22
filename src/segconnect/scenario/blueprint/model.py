"""A blueprint, seen as a tree of modules. It looks at what was read, and copies nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from segconnect.errors import ScenarioError
from segconnect.scenario.blueprint.known import KNOWN, Kind

DEFAULT_SETTINGS: Mapping[str, Any] = {
    "roundtrips": 1,
    "maxErrors": 3,
    "autoCommit": True,
    "autoCommitTriggerLast": True,
    "sequential": False,
    "slots": None,
    "confidential": False,
    "dataloss": False,
    "dlq": False,
    "freshVariables": False,
}
"""What `metadata.scenario` says in a scenario that nobody changed the settings of."""


class ChainKind(StrEnum):
    """What a chain of modules is part of."""

    MAIN = "flow"
    ROUTE = "route"
    BRANCH = "branch"
    HANDLER = "onerror"
    ORPHANS = "orphans"  # beside the scenario; they do not run


Before: TypeAlias = "tuple[Before, int] | None"
"""A module's id and what is before it, so that long flows share what they have in common."""

MAX_MODULES = 5_000
"""How many modules a blueprint may have."""


@dataclass(eq=False)
class Chain:
    """Modules that follow one another."""

    kind: ChainKind
    path: str
    raw: Mapping[str, Any] = field(default_factory=dict)  # the route or branch, else nothing
    nodes: tuple[Node, ...] = ()

    @property
    def label(self) -> str:
        """The name that somebody gave to the route or branch."""
        return str(self.raw.get("label") or "")

    @property
    def is_disabled(self) -> bool:
        """Whether it was switched off."""
        return self.raw.get("disabled") is True


@dataclass(eq=False)
class Node:
    """A module at its place.

    Attributes:
        raw: The module as it was read.
        path: Where it is, such as "flow[2].routes[0].flow[1]".
        chain: The chain that it is part of.
        parent: The router or if-else of its chain, or the module that its chain handles errors of.
        before: What it can read: the module before it, and so on.
        chains: The chains that begin at it: routes, branches, and last its error handler.
    """

    raw: Mapping[str, Any]
    path: str
    chain: Chain
    parent: Node | None
    before: Before
    chains: tuple[Chain, ...] = ()

    @property
    def id(self) -> int | None:
        """The module's id; None if it has none that is a whole number."""
        return whole_number(self.raw.get("id"))

    @property
    def scope(self) -> frozenset[int]:
        """The ids of the modules whose output it can read."""
        return frozenset(_ids(self.before))

    @property
    def module(self) -> str:
        """The app and name of the module, such as json:ParseJSON."""
        return str(self.raw.get("module") or "")

    @property
    def version(self) -> int | None:
        """The version of the module, if it says one."""
        return whole_number(self.raw.get("version"))

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What is set once; not evaluated."""
        return _mapping(self.raw.get("parameters"))

    @property
    def mapper(self) -> Any:
        """The templates that fill the module in; usually a collection, and None for nothing."""
        return self.raw.get("mapper")

    @property
    def filter(self) -> Mapping[str, Any] | None:
        """What a bundle must pass to get here."""
        found = self.raw.get("filter")
        return found if isinstance(found, Mapping) else None

    @property
    def flags(self) -> Mapping[str, Any]:
        """What an aggregator is told: groupBy, stopIfEmpty."""
        return _mapping(self.raw.get("flags"))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the editor keeps with a module: its place, labels and the form of its fields."""
        return _mapping(self.raw.get("metadata"))

    @property
    def name(self) -> str:
        """The name that somebody gave to the module; "" for none."""
        return str(_mapping(self.metadata.get("designer")).get("name") or "")

    @property
    def label(self) -> str:
        """A name to show: the given one, else what the module is called."""
        known = KNOWN.get(self.module)
        return self.name or (known.label if known else self.module)

    @property
    def expect(self) -> list[Mapping[str, Any]]:
        """The fields of the mapper, with their types."""
        return fields(self.metadata.get("expect"))

    @property
    def interface(self) -> list[Mapping[str, Any]]:
        """The fields of the output."""
        return fields(self.metadata.get("interface"))

    @property
    def routes(self) -> tuple[Chain, ...]:
        """A router's routes."""
        return tuple(each for each in self.chains if each.kind is ChainKind.ROUTE)

    @property
    def branches(self) -> tuple[Chain, ...]:
        """An if-else's branches."""
        return tuple(each for each in self.chains if each.kind is ChainKind.BRANCH)

    @property
    def handler(self) -> Chain | None:
        """What happens on an error of this module."""
        return next((each for each in self.chains if each.kind is ChainKind.HANDLER), None)

    @property
    def feeder(self) -> int | None:
        """The module whose bundles an aggregator collects."""
        return whole_number(self.parameters.get("feeder"))

    @property
    def is_aggregator(self) -> bool:
        """Whether it collects the bundles of another module."""
        known = KNOWN.get(self.module)
        return self.feeder is not None or (known is not None and known.kind is Kind.AGGREGATOR)


class Malformed(NamedTuple):
    """A place in a blueprint that holds something else than it should."""

    path: str
    message: str


class Blueprint:
    """A blueprint.

    Raises:
        ScenarioError: It has too many modules.

    Attributes:
        raw: The blueprint as it was read.
        flow: The modules that run.
        orphans: Chains that were left beside the scenario.
        malformed: What could not be seen as modules.
    """

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.malformed: list[Malformed] = []
        self._left = MAX_MODULES
        self.flow = self._chain(ChainKind.MAIN, raw.get("flow"), "flow", None, None, {})
        designer = _mapping(self.metadata.get("designer"))
        self.orphans = tuple(
            self._chain(
                ChainKind.ORPHANS, chain, f"metadata.designer.orphans[{position}]", None, None, {}
            )
            for position, chain in enumerate(_list(designer.get("orphans")))
        )

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.raw.get("name") or "")

    @property
    def description(self) -> str:
        """What it is for."""
        return str(self.raw.get("description") or "")

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What stands beside the flow."""
        return _mapping(self.raw.get("metadata"))

    @property
    def settings(self) -> Mapping[str, Any]:
        """The scenario's settings, complete."""
        return {**DEFAULT_SETTINGS, **_mapping(self.metadata.get("scenario"))}

    @property
    def is_instant(self) -> bool:
        """Whether a webhook starts it."""
        return self.metadata.get("instant") is True

    @property
    def own_timezone(self) -> str | None:
        """The time zone that it says; None if it says none."""
        own = self._own.get("timezone")
        return str(own) if own else None

    @property
    def timezone(self) -> str:
        """The zone of dates without one; UTC if it says none."""
        return self.own_timezone or "UTC"

    @property
    def connection(self) -> str | None:
        """The name of the local connection to send with, if it says one."""
        found = self._own.get("connection")
        return found if isinstance(found, str) else None

    @property
    def tests(self) -> Any:
        """The tests that it carries; see `scenario.testing`."""
        return self._own.get("tests")

    @property
    def recipe(self) -> Any:
        """Which files it is a recipe for; see `segconnect.recipes`."""
        return self._own.get("recipe")

    @property
    def _own(self) -> Mapping[str, Any]:
        return _mapping(self.metadata.get("segconnect"))

    def walk(self) -> Iterator[Node]:
        """Gives every module that runs, in the order in which they are written."""
        yield from _walk(self.flow)

    def walk_orphans(self) -> Iterator[Node]:
        """Gives every module that does not run."""
        for chain in self.orphans:
            yield from _walk(chain)

    def node(self, id_: int) -> Node | None:
        """Finds a module that runs by its id."""
        return next((node for node in self.walk() if node.id == id_), None)

    def _chain(
        self,
        kind: ChainKind,
        modules: Any,
        path: str,
        parent: Node | None,
        before: Before,
        raw: Mapping[str, Any],
    ) -> Chain:
        chain = Chain(kind, path, raw)
        if modules is not None and not isinstance(modules, list):
            self.malformed.append(Malformed(path, "expected a list of modules"))
        nodes = []
        for position, module in enumerate(_list(modules)):
            place = f"{path}[{position}]"
            if not isinstance(module, Mapping):
                self.malformed.append(Malformed(place, "expected a module"))
                continue
            self._left -= 1
            if self._left < 0:
                raise ScenarioError(f"has more than {MAX_MODULES:,} modules")
            node = Node(module, place, chain, parent, before)
            node.chains = self._chains(node, before)
            nodes.append(node)
            before = _after(node, before)
        chain.nodes = tuple(nodes)
        return chain

    def _chains(self, node: Node, before: Before) -> tuple[Chain, ...]:
        inside = before if node.id is None else (before, node.id)
        chains = []
        for key, kind in (("routes", ChainKind.ROUTE), ("branches", ChainKind.BRANCH)):
            given = node.raw.get(key)
            if given is not None and not isinstance(given, list):
                self.malformed.append(Malformed(f"{node.path}.{key}", "expected a list"))
            for position, each in enumerate(_list(given)):
                place = f"{node.path}.{key}[{position}]"
                if not isinstance(each, Mapping):
                    self.malformed.append(Malformed(place, f"expected a {kind} with a flow"))
                    continue
                path = f"{place}.flow"
                chains.append(self._chain(kind, each.get("flow"), path, node, inside, each))
        if node.raw.get("onerror") is not None:
            path = f"{node.path}.onerror"
            modules = node.raw["onerror"]
            chains.append(self._chain(ChainKind.HANDLER, modules, path, node, inside, {}))
        return tuple(chains)


def _after(node: Node, before: Before) -> Before:
    """Answers what can be read after a module: past an aggregator, nothing since its source."""
    if node.is_aggregator and any(id_ == node.feeder for id_ in _ids(before)):
        while before is not None:
            before, id_ = before
            if id_ == node.feeder:
                break
    return before if node.id is None else (before, node.id)


def _ids(before: Before) -> Iterator[int]:
    while before is not None:
        before, id_ = before
        yield id_


def _walk(chain: Chain) -> Iterator[Node]:
    for node in chain.nodes:
        yield node
        for inner in node.chains:
            yield from _walk(inner)


def whole_number(value: Any) -> int | None:
    """Reads an id: a whole number, also as text; None is no such number."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def fields(value: Any) -> list[Mapping[str, Any]]:
    """Reads the description of a form, leaving out what describes no field."""
    return [each for each in _list(value) if isinstance(each, Mapping) and each.get("name")]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
