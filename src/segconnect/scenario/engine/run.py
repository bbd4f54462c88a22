"""Runs a blueprint: bundles through modules, depth first, in cycles that are kept or undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from segconnect.mapping import Context
from segconnect.scenario import values_json
from segconnect.scenario.blueprint.model import whole_number
from segconnect.scenario.engine.collecting import Collector
from segconnect.scenario.engine.errors import ModuleError, as_error, error_type
from segconnect.scenario.engine.handling import Bundles, Handling
from segconnect.scenario.engine.measure import bounded
from segconnect.scenario.engine.plan import Chain, Node, Plan
from segconnect.scenario.engine.recording import Recorder
from segconnect.scenario.engine.registry import Bundle, Call, Kind, Values
from segconnect.scenario.engine.result import Incomplete, Operation, Result
from segconnect.scenario.engine.services import Called, Services
from segconnect.scenario.engine.setting_aside import Aside
from segconnect.scenario.engine.state import State
from segconnect.scenario.engine.stopping import Stop


class Run:
    """One run of a plan."""

    def __init__(
        self,
        plan: Plan,
        services: Services,
        *,
        given: Sequence[Bundle] | None = None,
        inputs: Mapping[str, Any] | None = None,
        trace: bool = False,
        resumed: tuple[Sequence[Bundle], Mapping[int, Any]] | None = None,
        retried: Incomplete | None = None,
        as_done: Bundle | None = None,
        depth: int = 0,
        nesting: int = 0,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self.plan, self.services, self.limits = plan, services, services.limits
        self.settings = plan.settings
        self.given = None if given is None else list(given)
        self._resumed = resumed  # what `on_start` was told by a process that died
        self.retried, self._as_done = retried, as_done
        self.state = State(
            uuid4().hex, services.data_stores, dict(inputs or {}), depth=depth, nesting=nesting
        )
        self.state.run_scenario = self._run_scenario
        self.result = Result(plan.name, self.state.execution_id, services.now())
        self._began = services.monotonic()
        self._spent = 0  # operations of the runs before this one, where a source's bundles are runs
        self._collectors: dict[int, list[Collector]] = {}
        self._loose: list[Collector] = []  # of a retry, whose feeder ran before it
        self._is_answered = False
        self._recorder = Recorder(
            self.result,
            services,
            self.state.secrets,
            keeps=trace,
            is_confidential=self.settings.confidential,
        )
        self._aside = Aside(plan, services, self.result, retried)
        self._errors = Handling(self, plan, self.result, self._recorder, self._aside, on_failure)
        self._variables = services.variables_of(
            plan.name, self.state.execution_id, self.state.inputs
        )
        self._ends = {  # the modules that take over what becomes of a bundle
            Kind.AGGREGATOR: self._collect,
            Kind.ROUTER: self._route,
            Kind.CONDITIONAL: self._branch,
            Kind.DIRECTIVE: self._errors.direct,
        }

    def run(self) -> Result:
        """Runs to the end, or to what stops it."""
        result = self.result
        try:
            if self.retried is None:
                self._cycles()
            else:
                self._retry(self.retried)
        except Stop as stop:
            self._end(stop)
        except BaseException:
            self.state.rollback(None, auto_commit=False)
            raise
        result.outputs = self.state.returned
        result.seconds = self.services.monotonic() - self._began
        return result

    # cycles

    def _cycles(self) -> None:
        first = self.plan.first
        while self.result.cycles < self.settings.roundtrips:
            self.result.cycles += 1
            self.state.begin_cycle()
            self.result.is_committed = self.result.is_trigger_committed = False
            outputs = self._start(first)
            if self.services.on_start is not None:
                self.services.on_start(outputs, self.state.cursors)
            if self.settings.auto_commit and not self.settings.commit_trigger_last:
                self._commit_trigger()
            self._go_on(first, {}, outputs)
            self._commit()
            if not outputs or not self._has_more(first):
                return

    def take(self, bundle: Bundle) -> Result:
        """Takes one bundle of a source through the flow, as a run of its own.

        What became of it is in the result, which is that of all bundles taken: its error and
        incomplete executions are those of this one.
        """
        result = self.result
        result.begin()
        result.cycles += 1
        self._spent = result.total
        self.state.begin_run()
        self._began = self.services.monotonic()
        self._is_answered = False
        try:
            self._recorder.gave(self._operation(self.plan.first), [bundle])
            self._go_on(self.plan.first, {}, [bundle])
            self._commit()
        except Stop as stop:
            self._end(stop)
        except BaseException:
            self.state.rollback(None, auto_commit=False)
            raise
        return result

    def tell(self, tell: Callable[[Operation], None] | None) -> None:
        """Says who is told of each operation from now on; None: nobody."""
        self._recorder.tell(tell)

    def _start(self, first: Node) -> list[Bundle]:
        """What the first module puts out in this cycle."""
        if self._resumed is not None:
            outputs, cursors = self._resumed
            self._resumed, self.state.cursors = None, dict(cursors)
            self._recorder.gave(self._operation(first), outputs)
            return list(outputs)
        if self.given is None:
            return self._perform(first, {})
        most = whole_number(first.parameters.get("maxResults")) or 0
        count = most if most > 0 else len(self.given)
        taken = self.given[self.result.taken : self.result.taken + count]
        self.result.taken += len(taken)
        operation = self._operation(first)
        self._recorder.gave(operation, taken)
        return taken

    def _has_more(self, first: Node) -> bool:
        if self.given is not None:
            return self.result.taken < len(self.given)
        return first.kind is Kind.TRIGGER and first.declaration.polls

    def _retry(self, incomplete: Incomplete) -> None:
        node = self.plan.nodes[incomplete.module_id]
        incomplete.attempts += 1
        self.result.cycles = 1
        try:
            is_admitted = not incomplete.is_before_filter
            if self._as_done is None:
                self.walk(node.chain, node.position, incomplete.bundles, is_admitted=is_admitted)
            else:
                self._go_on(node, incomplete.bundles, [self._as_done])
            while self._loose:
                self._flush(self._loose.pop(0))
            self._commit()
        finally:
            self._aside.resolve(incomplete)

    def _commit(self) -> None:
        """Keeps what the cycle did."""
        self._commit_changes()
        self._commit_trigger()
        self.result.is_committed = True
        self._answer()

    def _commit_changes(self) -> None:
        """Keeps what data stores were told.

        Raises:
            Stop: It cannot be kept, and the run ends.
        """
        try:
            self.state.commit()
        except Exception as error:
            self._inconsistent("committed", error, None)
            raise Stop(commits=False) from None

    def _commit_trigger(self) -> None:
        """Keeps the place of the trigger."""
        for module_id, cursor in self.state.cursors.items():
            self.services.cursors[self.plan.name, module_id] = cursor
        self.result.is_trigger_committed = True

    def _end(self, stop: Stop) -> None:
        if stop.commits:
            with suppress(Stop):  # its reason is in the result
                self._commit()
            return
        try:
            self.state.rollback(stop.failed, auto_commit=self.settings.auto_commit)
        except Exception as error:
            self._inconsistent("undone", error, stop.failed)

    def _inconsistent(self, what: str, error: Exception, module_id: int | None) -> None:
        told = ModuleError("InconsistencyError", f"the cycle cannot be {what}: {error}")
        self.result.fail(told, module_id, "", is_handled=False)

    def _answer(self) -> None:
        """Answers a webhook's caller, once."""
        response = self.state.response
        if response is not None and not self._is_answered:
            self._is_answered = True
            self.result.response = response
            if self.services.on_response is not None:
                self.services.on_response(response)

    # bundles

    def walk(
        self, chain: Chain, position: int, bundles: Bundles, *, is_admitted: bool = False
    ) -> None:
        """Takes one bundle through a chain from a position on."""
        self.state.nesting += 1
        if self.state.nesting > self.limits.nesting:
            self._interrupt("DataError", f"nested more than {self.limits.nesting} deep")
        try:
            self._walk_on(chain, position, bundles, is_admitted)
        finally:
            self.state.nesting -= 1

    def _walk_on(self, chain: Chain, position: int, bundles: Bundles, is_admitted: bool) -> None:
        while True:
            if position == len(chain.nodes):
                if chain.then is None:
                    return
                bundles = {**bundles, chain.mark: chain.branch}
                chain, position = chain.then
                continue
            node = chain.nodes[position]
            if not is_admitted and not self.admits(node, bundles):
                return
            is_admitted = False
            ends = self._ends.get(node.kind)
            if ends is not None:
                ends(node, bundles)
                return
            if node.kind is Kind.NOOP:
                position += 1
                continue
            outputs = self._perform(node, bundles)
            if node.aggregators or len(outputs) != 1:
                self._go_on(node, bundles, outputs)
                return
            bundles = {**bundles, node.id: outputs[0]}
            position += 1

    def _go_on(self, node: Node, bundles: Bundles, outputs: Sequence[Bundle]) -> None:
        """Takes each bundle of a module on, one after another; then what was collected of them."""
        opened = [Collector(each, bundles) for each in node.aggregators]
        for collector in opened:
            self._collectors.setdefault(collector.node.id, []).append(collector)
        waiting = list(opened)
        try:
            for output in outputs:
                self.walk(node.chain, node.position + 1, {**bundles, node.id: output})
            while waiting:
                collector = waiting.pop(0)
                self._collectors[collector.node.id].pop()
                self._flush(collector)
        finally:
            for collector in waiting:
                self._collectors[collector.node.id].pop()

    def admits(self, node: Node, bundles: Bundles) -> bool | None:
        """Tells whether a module's filter lets a bundle pass.

        None if the filter failed: its module's handler has dealt with the bundle then.
        """
        if node.test is None:
            return True
        try:
            return node.test(self.context(bundles))
        except Exception as error:
            outputs = self._errors.failed(
                node, bundles, as_error(error), self._operation(node), is_admitted=False
            )
            if outputs:  # of a Resume: the module counts as done
                self._go_on(node, bundles, outputs)
            return None

    def _route(self, node: Node, bundles: Bundles) -> None:
        """Takes a bundle through every route whose filter it passes, else the fallback."""
        is_taken = False
        for route in sorted(node.routes, key=lambda each: each.is_fallback):
            if route.is_fallback and is_taken:
                continue
            chain = route.chain
            admitted = self.admits(chain.nodes[0], bundles) if chain.nodes else True
            is_taken = is_taken or admitted is not False
            if admitted:
                self._enter(chain, bundles)

    def _branch(self, node: Node, bundles: Bundles) -> None:
        """Takes a bundle through the first branch that holds."""
        operation = self._operation(node)
        context = self.context(bundles)
        try:
            chosen = next((b for b in node.branches if b.test is None or b.test(context)), None)
        except Exception as error:
            for output in self._errors.failed(node, bundles, as_error(error), operation):
                self.walk(node.chain, node.position + 1, {**bundles, node.id: output})
            return
        self._recorder.gave(operation, [])
        if chosen is not None:
            first = chosen.chain.nodes[0] if chosen.chain.nodes else None
            if first is None or self.admits(first, bundles):
                self._enter(chosen.chain, bundles)

    def _enter(self, chain: Chain, bundles: Bundles) -> None:
        for each in chain.aggregators:
            for collector in self._collectors.get(each.id, [])[-1:]:
                collector.is_entered = True
        self.walk(chain, 0, bundles, is_admitted=True)

    # aggregators

    def _collect(self, node: Node, bundles: Bundles) -> None:
        stack = self._collectors.get(node.id)
        if stack:
            collector = stack[-1]
        else:
            known = [each for each in self._loose if each.node is node]
            collector = known[0] if known else Collector(node, bundles)
            if not known:
                self._loose.append(collector)
        try:
            collector.add(self.context(bundles), self.limits)
        except Exception as error:
            self._errors.failed(node, bundles, as_error(error), self._operation(node))

    def _flush(self, collector: Collector) -> None:
        """Puts out what an aggregator collected; what its feeder put out is not seen after it."""
        node = collector.node
        made = []
        for key, rows in collector.groups():
            operation = self._operation(node)
            self._recorder.took(operation, {"bundles": len(rows)})
            call = self._call(node, self.context(collector.bundles))
            try:
                assert node.declaration.aggregate is not None
                output = node.declaration.aggregate(call, node.parameters, rows)
                if node.group_by is not None:
                    output = {**output, "__IMTKEY__": key}
                outputs = bounded([output], node.kind, self.limits)
            except Exception as error:
                made += self._errors.failed(node, collector.bundles, as_error(error), operation)
            else:
                self._recorder.gave(operation, outputs)
                made += outputs
        if made or collector.is_entered:
            self._go_on(node, collector.bundles, made)

    # operations

    def _perform(self, node: Node, bundles: Bundles) -> list[Bundle]:
        """Runs a module on a bundle; answers what it, or its Resume handler, puts out."""
        context = self.context(bundles)
        operation = self._operation(node)
        changes = len(self.state.changes)
        intent = ""
        try:
            if node.kind is Kind.CONVERGER:
                outputs = node.merge(context)
            else:
                values = node.values(context)
                self._recorder.took(operation, values)
                assert node.declaration.run is not None
                known = None
                if self._must_not_repeat(node, values):
                    assert self.services.intents is not None
                    digest = _digest(self.plan.name, node.id, values)
                    intent, known = self.services.intents.begin(node.label, digest)
                if known is None:
                    found = node.declaration.run(self._call(node, context), node.parameters, values)
                    outputs = bounded(found, node.kind, self.limits, node.parameters, values)
                else:
                    intent, outputs = "", [dict(each) for each in known]
        except Stop:
            raise
        except Exception as error:
            if self.settings.auto_commit:
                self.state.abandon(changes)
            if intent:
                assert self.services.intents is not None
                self.services.intents.failed(intent)
            return self._errors.failed(node, bundles, as_error(error), operation)
        self._recorder.gave(operation, outputs)
        if self.settings.auto_commit:
            self._commit_changes()
            self._answer()
        if intent:
            assert self.services.intents is not None
            self.services.intents.done(intent, outputs)
        return outputs

    def _must_not_repeat(self, node: Node, values: Values) -> bool:
        """Tells whether an operation is to be written down before it happens."""
        once = node.declaration.once
        if once is None or self.services.intents is None:
            return False
        is_undone = node.declaration.is_transacted and not self.settings.auto_commit
        return not is_undone and once(node.parameters, values)

    def _call(self, node: Node, context: Context) -> Call:
        return Call(
            node.id, node.module, node.version, self.services, self.state, context, self.plan.name
        )

    def context(self, bundles: Bundles) -> Context:
        services = self.services
        return Context(bundles, None, services.timezone, self._variables, services.now)

    def _operation(self, node: Node) -> Operation:
        """Begins an operation, unless the run may have no more of them."""
        if node.declaration.counts:
            if self.services.monotonic() - self._began > self.limits.seconds:
                self._interrupt("ExecutionInterruptedError", "the run took too long", node)
            if self.result.total - self._spent >= self.limits.operations:
                told = f"the run would take more than {self.limits.operations:,} operations"
                self._interrupt("OperationsLimitExceededError", told, node)
            if self.services.should_stop is not None and self.services.should_stop():
                self._interrupt("ExecutionInterruptedError", "a person ended the run", node)
        return self._recorder.begin(node)

    def _interrupt(self, kind: str, message: str, node: Node | None = None) -> None:
        """Ends the run; no handler takes this."""
        error = ModuleError(kind, message)
        self.result.fail(
            error, node.id if node else None, node.module if node else "", is_handled=False
        )
        raise Stop(commits=error_type(kind).is_warning)

    # scenarios within scenarios

    def _run_scenario(self, called: Called, inputs: Mapping[str, Any]) -> Result:
        if self.state.depth >= self.limits.subscenarios:
            raise ModuleError(
                "InvalidConfigurationError",
                f"scenarios call each other more than {self.limits.subscenarios} deep",
            )
        self._commit_changes()
        services = called.services(self.services)
        plan = Plan(called.blueprint, services.bound, self.limits, services.functions)
        result = Run(
            plan,
            services,
            given=[dict(inputs)] if plan.first.kind is Kind.LISTENER else None,
            inputs=inputs,
            depth=self.state.depth + 1,
            nesting=self.state.nesting,
        ).run()
        self.result.incomplete += result.incomplete  # nobody else keeps them
        for warning in result.warnings:
            self.result.warn(f"scenario {plan.name}: {warning}")
        return result


def _digest(scenario: str, module_id: int, values: Values) -> str:
    """Tells one operation from another: its module, and what it is given."""
    text = f"{scenario}\0{module_id}\0{values_json.dumps(values)}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
