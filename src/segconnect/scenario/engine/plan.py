"""A blueprint, compiled: its modules in chains, each with its templates, filter and handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from segconnect.errors import MappingError, ScenarioError, SegconnectError
from segconnect.mapping import Context, Functions, compile_value
from segconnect.mapping.values import to_boolean
from segconnect.scenario.blueprint.known import KNOWN
from segconnect.scenario.blueprint.known import Kind as KnownKind
from segconnect.scenario.blueprint.model import whole_number
from segconnect.scenario.engine.conditions import Test, compile_conditions
from segconnect.scenario.engine.fields import Field, coerced
from segconnect.scenario.engine.registry import RUNNABLE, Declaration, Function, Kind, find
from segconnect.scenario.engine.settings import Limits, read_settings
from segconnect.types import shown

CONNECTION_NAMES = ("__IMTCONN__", "connection", "account")
"""The parameters in which a module of an account may name its connection."""

Evaluate = Callable[[Context], Any]
Bound = Mapping[int | str, Function | Declaration]


STRUCTURE = frozenset(
    (
        *(Kind.ROUTER, Kind.CONDITIONAL, Kind.CONVERGER),
        *(Kind.AGGREGATOR, Kind.DIRECTIVE, Kind.NOOP),
    )
)
"""What stands between modules, and cannot be the first one."""


class Chain:
    """Modules one after another: a flow, a route, a branch or an error handler."""

    __slots__ = ("aggregators", "branch", "mark", "nodes", "then")

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.aggregators: list[Node] = []  # those that stand in this chain itself
        self.then: tuple[Chain, int] | None = None  # where a branch that merges leads on
        self.branch = 0  # which of the branches that merge it is
        self.mark = ""  # of its if-else


class Route:
    """One way out of a router."""

    __slots__ = ("chain", "is_fallback")

    def __init__(self, chain: Chain, is_fallback: bool) -> None:
        self.chain, self.is_fallback = chain, is_fallback


class Branch:
    """One way out of an if-else; the last one, without a test, is Else."""

    __slots__ = ("chain", "test")

    def __init__(self, chain: Chain, test: Test | None) -> None:
        self.chain, self.test = chain, test


class Node:
    """One module of a blueprint, ready to run."""

    def __init__(
        self,
        source: Mapping[str, Any],
        declaration: Declaration,
        chain: Chain,
        functions: Functions | None,
    ) -> None:
        self.source, self.declaration, self.chain = source, declaration, chain
        self._functions = functions
        self.id = whole_number(source["id"]) or 0
        self.module = str(source["module"])
        version = source.get("version")
        self.version = version if isinstance(version, int) else max(declaration.versions)
        self.kind = declaration.kind
        self.position = len(chain.nodes)
        self.parameters = _collection(source.get("parameters"))
        self.is_first = False
        self.aggregators: list[Node] = []  # that collect what comes of a bundle that enters here
        self.onerror: Chain | None = None
        self.routes: list[Route] = []
        self.branches: list[Branch] = []
        self.mark = ""  # of a merge: its if-else
        self.feeder: Node | None = None
        self.collected: frozenset[Node] = frozenset()  # between the feeder and this aggregator
        where = self.where
        self.test = compile_conditions(
            _collection(source.get("filter")).get("conditions"), where, functions
        )
        mapper = source.get("mapper")
        self._mapper: Evaluate | None = (
            compile_value(mapper, field="", functions=functions)
            if mapper and declaration.is_mapped
            else None
        )
        expect = _collection(source.get("metadata")).get("expect")
        self._expect: Sequence[Field] = expect if isinstance(expect, list) else ()
        flags = _collection(source.get("flags"))
        group_by = flags.get("groupBy")
        self.group_by = (
            compile_value(group_by, field="groupBy", functions=functions) if group_by else None
        )
        self.stops_if_empty = to_boolean(flags.get("stopIfEmpty"))
        self.outputs = self._merge_outputs() if self.kind is Kind.CONVERGER else []
        self.merge_filters = self._merge_filters() if self.kind is Kind.CONVERGER else []

    @property
    def label(self) -> str:
        """What people call the module."""
        known = KNOWN.get(self.declaration.name)
        return self.module if known is None else known.label

    @property
    def acts(self) -> bool:
        """Whether it does something outside of the run; of a bound module it is taken to."""
        known = KNOWN.get(self.declaration.name)
        return known is None or known.kind is KnownKind.ACTION

    @property
    def connection(self) -> str:
        """The id of the connection that it sends with; "" if it names none."""
        return connection_of(self.parameters)

    @property
    def where(self) -> str:
        """The module, for messages."""
        return f"module {self.source.get('id')} ({self.source.get('module')})"

    def values(self, context: Context) -> dict[str, Any]:
        """Answers the fields as they are mapped, coerced to what the blueprint expects.

        Raises:
            MappingError: A template cannot be evaluated.
            ModuleError: BundleValidationError, if the values do not fit.
        """
        found = self._mapper(context) if self._mapper else {}
        if not isinstance(found, dict):
            found = {"value": found}
        return coerced(found, self._expect, context.zone) if self._expect else found

    def merge(self, context: Context) -> list[dict[str, Any]]:
        """Answers the outputs of a merge for a bundle that came through one of its branches."""
        branch = context.bundles.get(self.mark, 0)
        test = self.merge_filters[branch] if branch < len(self.merge_filters) else None
        if test is not None and not test(context):
            return []
        found = {
            name: mappings[branch](context)
            for name, mappings in self.outputs
            if branch < len(mappings)
        }
        return [{name: value for name, value in found.items() if value is not None}]

    def _merge_outputs(self) -> list[tuple[str, list[Evaluate]]]:
        found = []
        for output in _listed(self.source.get("outputs")):
            name = str(output.get("name", ""))
            mappings = output.get("mappings")
            each = mappings if isinstance(mappings, list) else [mappings]
            found.append(
                (name, [compile_value(one, field=name, functions=self._functions) for one in each])
            )
        return found

    def _merge_filters(self) -> list[Test | None]:
        filters = self.source.get("filters")
        return [
            compile_conditions(_collection(each).get("conditions"), self.where, self._functions)
            for each in (filters if isinstance(filters, list) else [])
        ]


def connection_of(parameters: Mapping[str, Any]) -> str:
    """The id of the connection that a module's parameters name; "" if they name none."""
    for name in CONNECTION_NAMES:
        found = parameters.get(name)
        if found is not None:
            return str(found)
    return ""


def _collection(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


class Plan:
    """A blueprint that can run.

    Args:
        blueprint: As exports have it: name, flow, metadata.
        bound: What modules of other apps do here, by id or by "app:Module".
        limits: How many modules it may have, and how deep they may be nested.
        functions: What templates may call; None is the built-in and installed functions.

    Raises:
        ScenarioError: It cannot run; every problem is told, and nothing was sent.
    """

    def __init__(
        self,
        blueprint: Mapping[str, Any],
        bound: Bound | None = None,
        limits: Limits | None = None,
        functions: Functions | None = None,
    ) -> None:
        self.functions = functions
        self.blueprint, self._bound, self._limits = blueprint, bound or {}, limits or Limits()
        self.name = str(blueprint.get("name") or "")
        self.settings = read_settings(blueprint)
        self.nodes: dict[int, Node] = {}
        self._problems: list[str] = []
        self._ids: set[int] = set()
        flow = blueprint.get("flow")
        if not isinstance(flow, list) or not flow:
            raise ScenarioError(f"{self.name or 'the blueprint'}: the flow has no modules")
        self.flow = self._chain(flow, [], 0)
        first = self.flow.nodes[0] if self.flow.nodes else None
        if first is not None:
            first.is_first = True
            if first.kind in STRUCTURE:
                self._problems.append(f"{first.where}: a scenario cannot start with it")
            if first.test is not None:
                self._problems.append(f"{first.where}: the first module has a filter")
        if self._problems:
            raise ScenarioError(f"{self.name or 'the blueprint'}: {'; '.join(self._problems)}")

    @property
    def first(self) -> Node:
        """The module that starts a cycle."""
        return self.flow.nodes[0]

    def _chain(self, modules: Any, path: list[Node], depth: int, *, outside: int = 0) -> Chain:
        """Compiles modules one after another.

        Args:
            modules: As the blueprint has them.
            path: What stands before them.
            depth: How many routes, branches and handlers they are in.
            outside: Of the path, how many modules stand before the handler that they are in.
        """
        chain = Chain()
        before = list(path)
        if depth > 50:
            self._problems.append("routes are nested more than 50 deep")
            return chain
        for source in _listed(modules):
            node = self._node(source, chain, is_handler=outside > 0)
            if node is None:
                continue
            if chain.nodes and chain.nodes[-1].kind in (Kind.ROUTER, Kind.DIRECTIVE):
                self._problems.append(f"{node.where}: nothing can follow {chain.nodes[-1].where}")
            chain.nodes.append(node)
            self._within(node, before, depth, outside)
            before.append(node)
        return chain

    def _node(self, source: Mapping[str, Any], chain: Chain, *, is_handler: bool) -> Node | None:
        name, key = str(source.get("module")), whole_number(source.get("id"))
        where = f"module {source.get('id')} ({name})"
        if key is None:
            self._problems.append(f"{where}: the id is not a whole number")
            return None
        if key in self._ids or len(self._ids) >= self._limits.modules:
            told = "the id is used twice" if key in self._ids else "there are too many modules"
            self._problems.append(f"{where}: {told}")
            return None
        self._ids.add(key)
        declaration = self._declaration(key, name)
        if declaration is None:
            self._problems.append(f"{where}: does not run here; bind it to what it should do")
            return None
        if declaration.kind is Kind.DIRECTIVE and not is_handler:
            self._problems.append(f"{where}: stands outside of an error handler")
            return None
        try:
            node = Node(source, declaration, chain, self.functions)
        except MappingError as error:
            self._problems.append(f"{where}: {error}")
            return None
        except SegconnectError as error:
            self._problems.append(str(error))
            return None
        self.nodes[key] = node
        return node

    def _declaration(self, key: int, name: str) -> Declaration | None:
        bound = self._bound.get(key) or self._bound.get(name)
        if bound is None:
            return find(name)
        if isinstance(bound, Declaration):
            return bound
        known = RUNNABLE.get(name)
        return Declaration(name, known.kind if known else Kind.ACTION, run=bound)

    def _within(self, node: Node, before: list[Node], depth: int, outside: int) -> None:
        """Compiles what hangs on a module: routes, branches, its handler, its feeder."""
        path = [*before, node]
        match node.kind:
            case Kind.ROUTER:
                self._routes(node, path, depth, outside)
            case Kind.CONDITIONAL:
                self._branches(node, path, depth, outside)
            case Kind.CONVERGER:
                if before and before[-1].kind is Kind.CONDITIONAL:
                    node.mark = f"branch of {before[-1].id}"
                else:
                    self._problems.append(f"{node.where}: does not follow an if-else")
            case Kind.AGGREGATOR:
                self._feeder(node, before[outside:])
        handler = node.source.get("onerror")
        if node.kind in (Kind.ROUTER, Kind.DIRECTIVE):  # they cannot have one; `check` tells
            return
        if isinstance(handler, list) and handler:
            node.onerror = self._chain(handler, path, depth + 1, outside=len(path))
            node.onerror = node.onerror if node.onerror.nodes else None

    def _routes(self, node: Node, path: list[Node], depth: int, outside: int) -> None:
        fallback = whole_number(node.parameters.get("else"))
        for position, route in enumerate(_listed(node.source.get("routes"))):
            chain = self._chain(route.get("flow"), path, depth + 1, outside=outside)
            if not route.get("disabled"):
                node.routes.append(Route(chain, fallback == position))

    def _branches(self, node: Node, path: list[Node], depth: int, outside: int) -> None:
        merging = 0
        for branch in _listed(node.source.get("branches")):
            chain = self._chain(branch.get("flow"), path, depth + 1, outside=outside)
            if branch.get("merge"):
                chain.then = (node.chain, node.position + 1)
                chain.branch, chain.mark = merging, f"branch of {node.id}"
                merging += 1
            if branch.get("disabled"):
                continue
            test: Test | None = None
            if branch.get("type") != "else":
                try:
                    test = compile_conditions(branch.get("conditions"), node.where, self.functions)
                except SegconnectError as error:
                    self._problems.append(f"{node.where}: {error}")
            node.branches.append(Branch(chain, test))

    def _feeder(self, node: Node, before: list[Node]) -> None:
        feeder = node.parameters.get("feeder")
        key = whole_number(feeder)
        found = next((each for each in before if each.id == key), None)
        if found is None or found.kind in (Kind.ROUTER, Kind.CONDITIONAL):
            self._problems.append(
                f"{node.where}: parameter feeder: {shown(feeder)} is not the id of a module before"
                " it whose bundles it could collect"
            )
            return
        inner = next((each for each in before if found in each.collected), None)
        if inner is not None:
            self._problems.append(
                f"{node.where}: parameter feeder: the bundles of {found.where} end in {inner.where}"
            )
            return
        node.collected = frozenset(before[before.index(found) + 1 :])
        node.feeder = found
        found.aggregators.append(node)
        node.chain.aggregators.append(node)
