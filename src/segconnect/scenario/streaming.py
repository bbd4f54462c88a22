"""Runs bundles without waiting for the answers to those before them.

What a bundle fills in travels as one unit, while the next bundles are looked at. It is filled in as
if all will go well. Where it does not, the bundle is taken through the flow once more, with the
answers that are known by then: so what an error handler sees, and what becomes of the bundle, is
what it would be one by one. Bundles about the same contact wait for each other, and no others.
"""

from __future__ import annotations

import gc
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from segconnect.errors import SegconnectError
from segconnect.mapping import compile_template
from segconnect.modules import Module
from segconnect.scenario.blueprint.model import Blueprint, whole_number
from segconnect.scenario.blueprint.places import templates, with_before
from segconnect.scenario.blueprint.segmetrics import CANONICAL, renamed
from segconnect.scenario.bundle import Refusal, SourceBundle
from segconnect.scenario.engine.plan import Chain, Node, Plan
from segconnect.scenario.engine.registry import RUNNABLE, Kind
from segconnect.scenario.engine.run import Run as EngineRun
from segconnect.scenario.engine.services import Client
from segconnect.units import Further, Unit

if TYPE_CHECKING:
    from segconnect.scenario.runner import Run, Settled

MOST_WAITING = 10_000
"""Bundles that may be known while one before them is on its way; then no more are read."""

PURE = frozenset(("builtin", "csv", "json", "markdown", "regexp", "util", "xml"))
"""The apps whose modules reach nothing outside of the run, and may be run once more."""


class UnitClient(Client, Protocol):
    """A client that also sends units; see segconnect.Client."""

    def send_units(
        self,
        units: Iterable[Unit | None],
        *,
        decide: Callable[[Unit], Further],
        is_strict: bool,
    ) -> Iterator[Unit]:
        """Sends units as they come, and gives each, in their order, once it is over."""


class Way(NamedTuple):
    """How a scenario can be streamed.

    Attributes:
        connections: Of its modules of an account.
        is_strict: Whether anything may be sent for a bundle after one of its modules has failed.
    """

    connections: tuple[str, ...]
    is_strict: bool


# whether a scenario can be streamed


def way_of(plan: Plan) -> Way | None:
    """Answers how a scenario can be streamed; None if its bundles must go one by one.

    They can if nothing happens outside of it but idempotent modules of an account, and nothing
    reads what these put out, but for handlers of their errors.
    """
    nodes = list(plan.nodes.values())
    senders = {node.id for node in nodes if node.declaration.sends}
    if not senders or not plan.settings.auto_commit:
        return None
    if not all(node.is_first or _may_run_again(node) for node in nodes):
        return None
    handlers = {inner.id for node in nodes if node.onerror for inner in _within(node.onerror)}
    if not all(map(_handles_its_own, nodes)):
        return None
    for id_, reads in _reads(plan):
        known = senders - handlers if id_ in handlers else frozenset()
        if not reads & senders <= known:
            return None
    several = len(senders) > 1 or any(node.kind in (Kind.ITERATOR, Kind.SEARCH) for node in nodes)
    goes_on = plan.settings.dlq or bool(handlers)
    connections = {node.connection: None for node in nodes if node.declaration.sends}
    return Way(tuple(connections), bool(senders & handlers) or (several and goes_on))


def _may_run_again(node: Node) -> bool:
    """Whether a module does no harm if it runs on a bundle once more."""
    declared = node.declaration
    if RUNNABLE.get(declared.name) is not declared:
        return False  # who knows what it is bound to
    if declared.sends:
        return declared.once is None
    if declared.name == "util:FunctionIncrement":
        mapper = node.source.get("mapper")
        found = [node.parameters, mapper if isinstance(mapper, Mapping) else {}]
        return all(each.get("reset") in (None, "", "run", "execution") for each in found)
    return declared.name.partition(":")[0] in PURE


def _handles_its_own(node: Node) -> bool:
    """Whether what a module's handler sends is about what the module itself is about.

    Else a bundle would be about more than is known of it while it is on its way.
    """
    if node.onerror is None or not node.declaration.sends:
        return True
    senders = [inner for inner in _within(node.onerror) if inner.declaration.sends]
    return all(_subjects(inner) <= _subjects(node) for inner in senders)


def _subjects(node: Node) -> set[str]:
    """Answers the templates of the contact that a module is about, else of another object."""
    module = CANONICAL[node.declaration.name]
    mapper = node.source.get("mapper")
    values, _ = renamed(module, mapper if isinstance(mapper, Mapping) else {})
    given = [name for name in module.keyed_by if values.get(name) not in (None, "")]
    names = [name for name in given if name in ("email", "contact_id", "contact")] or given
    return {str(values[name]) for name in names} or {f"something of module {node.id}"}


def _within(chain: Chain) -> Iterator[Node]:
    for node in chain.nodes:
        yield node
        inner = [route.chain for route in node.routes]
        inner += [branch.chain for branch in node.branches]
        for each in [*inner, node.onerror] if node.onerror is not None else inner:
            yield from _within(each)


def _reads(plan: Plan) -> Iterator[tuple[int, set[int]]]:
    """Gives the id of each module with those of modules that its templates read."""
    for node, before in with_before(Blueprint(dict(plan.blueprint)).flow):
        found: set[int] = set()
        for place in templates(node, before):
            if "{{" in place.text:
                names = compile_template(place.text, plan.functions).modules
                found.update(id_ for id_ in map(whole_number, names) if id_ is not None)
        yield node.id or 0, found


# streaming


class _Answers:
    """Stands for the client: gives the answers that are known, and keeps what is to be sent."""

    def __init__(self) -> None:
        self._known: Sequence[Any] = ()
        self._taken = 0
        self.modules: list[Module] = []
        self.sure: int | None = None  # so many of them are; None: all

    def begin(self, known: Sequence[Any]) -> None:
        """Begins a bundle, of which these answers are known."""
        self._known, self._taken, self.modules, self.sure = known, 0, [], None

    def send(self, module: Module) -> Any:
        """Answers what is known to come of a module; of one that is not sent yet, nothing."""
        if self._taken == len(self._known):
            self.modules.append(module)
            return {}
        answer = self._known[self._taken]
        self._taken += 1
        if isinstance(answer, SegconnectError):
            raise answer
        return answer

    def failed(self) -> None:
        """Says that a module failed: what follows depends on what comes of those before it."""
        if self.modules and self.sure is None:
            self.sure = len(self.modules)

    def left(self) -> SegconnectError | None:
        """Answers an error that the bundle did not come to when it was taken once more."""
        if self._taken == len(self._known):  # nearly always
            return None
        left = self._known[self._taken :]
        return next((each for each in left if isinstance(each, SegconnectError)), None)


_NO_OPERATIONS: Counter[int] = Counter()


class _Pending:
    """A bundle that is not settled yet."""

    __slots__ = ("bundle", "number", "operations", "settled", "unit")

    def __init__(self, bundle: SourceBundle, number: int) -> None:
        self.bundle, self.number = bundle, number
        self.operations = _NO_OPERATIONS
        self.settled: Settled | None = None
        self.unit: Unit | None = None  # what it sends


class Stream:
    """Takes the bundles of a run through its flow, many at a time.

    Args:
        run: The run.
        way: How.
        client: Sends units.
    """

    def __init__(self, run: Run, way: Way, client: UnitClient) -> None:
        self._run, self._way, self._client = run, way, client
        self._answers = _Answers()
        services = replace(run.services, client_for=lambda _: self._answers)
        self._engine = EngineRun(
            run.plan, services, inputs=run.inputs, on_failure=self._answers.failed
        )
        self._waiting: deque[_Pending] = deque()  # in their order
        self._acting = frozenset(node.id for node in run.plan.nodes.values() if node.acts)

    def run(self) -> None:
        """Runs to the end of the source, or to what stops it."""
        with _RARE_COLLECTIONS:
            self._run_on()

    def _run_on(self) -> None:
        run, waiting = self._run, self._waiting
        sent = self._client.send_units(
            self._units(), decide=self._take, is_strict=self._way.is_strict
        )
        for _ in sent:
            self._settle(waiting.popleft())
            if run.report.stopped_by is not None:
                return  # those after it are not read yet, as if they had gone one by one
            self._settle_known()
        self._settle_known()

    def _units(self) -> Iterator[Unit | None]:
        """Gives what is to be sent for each bundle; None for one that sends nothing."""
        waiting = self._waiting
        for bundle in self._run.bundles():
            pending = _Pending(bundle, self._run.number)
            unit = Unit((), pending)
            _, unit.modules, unit.is_part, unit.awaited = self._take(unit)
            if unit.modules:
                pending.unit = unit
                waiting.append(pending)
                yield unit
                continue
            if not (waiting and self._joined(waiting[-1], pending)):
                waiting.append(pending)
            self._settle_known()
            while len(waiting) > MOST_WAITING:
                yield None
                time.sleep(0.001)
            yield None

    def _joined(self, last: _Pending, pending: _Pending) -> bool:
        """Adds a bundle to those before it, if all were filtered out: they are settled as one."""
        if not (self._is_filtered(last) and self._is_filtered(pending)):
            return False
        one, other = last.settled, pending.settled
        assert one is not None
        assert other is not None
        other.number = one.number + 1
        last.settled, last.bundle = other, pending.bundle
        last.operations.update(pending.operations)
        return True

    def _is_filtered(self, pending: _Pending) -> bool:
        settled = pending.settled
        return (
            settled is not None
            and pending.unit is None
            and not (settled.refusal or settled.waiting or settled.response or settled.samples)
            and self._acting.isdisjoint(pending.operations)
        )

    def _take(self, unit: Unit) -> Further:
        """Takes a bundle through the flow, with what is known by now; answers what to send."""
        pending, answers = unit.note, self._answers
        answers.begin(unit.outcomes)
        self._engine.result.operations = pending.operations = Counter()
        settled = self._run.attempt(pending.bundle, self._engine, pending.number)
        modules, sure = answers.modules, answers.sure
        left = answers.left()
        if left is not None:  # its flow goes by chance
            bundle = pending.bundle
            settled.refusal = Refusal(bundle.place, self._run.plan.name, left, bundle.values)
            modules, sure = [], None
        pending.settled = settled
        if sure is not None:
            return Further(unit, modules[:sure], True, modules[sure:])
        # the operations that are kept for people to look at show what was answered
        return Further(unit, modules, bool(settled.samples))

    def _settle_known(self) -> None:
        """Settles the bundles that nothing is sent for, up to one that is on its way."""
        while self._waiting and self._waiting[0].unit is None:
            self._settle(self._waiting.popleft())

    def _settle(self, pending: _Pending) -> None:
        settled, run = pending.settled, self._run
        assert settled is not None
        if run.leaves(settled):
            return
        counted = run.counted
        for id_, count in pending.operations.items():
            counted[id_] += count
        if pending.unit is not None:
            for outcome in pending.unit.outcomes:
                if not isinstance(outcome, SegconnectError):
                    run.report.operations += 1
            pending.unit = None  # they name each other, and would be freed late
        settled.is_delivered = not self._acting.isdisjoint(pending.operations)
        run.settle(settled)


class _RareCollections:
    """Lets the garbage collector look for cycles less often, and not in what is there already.

    There are none in bundles, and looking through all that waits takes a fifth of the time. Several
    runs of a process may be in it at once.
    """

    def __init__(self) -> None:
        self._lock, self._runs, self._is_frozen = Lock(), 0, False
        self._before = gc.get_threshold()

    def __enter__(self) -> None:
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self._before = gc.get_threshold()
                # A forked process has what it shares frozen, and keeps it so.
                self._is_frozen = gc.get_freeze_count() == 0
                if self._is_frozen:
                    gc.freeze()
                gc.set_threshold(max(self._before[0], 50_000), *self._before[1:])

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._runs -= 1
            if not self._runs:
                gc.set_threshold(*self._before)
                if self._is_frozen:
                    gc.unfreeze()


_RARE_COLLECTIONS = _RareCollections()
