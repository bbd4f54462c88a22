"""The flow of a scenario, compiled: what becomes of one bundle of the source.

Depth first, as scenario builders do it: a bundle goes through all that follows before the next one
does. An iterator begins a bundle for each element of an array; an array aggregator collects what
comes of them, for each bundle that entered the iterator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from segconnect.errors import (
    InvalidBundleError,
    MappingError,
    ScenarioError,
    SegconnectError,
    UsageError,
    unknown_name,
)
from segconnect.mapping import IGNORE, Context, compile_value
from segconnect.mapping.comparison import identity
from segconnect.mapping.values import to_array
from segconnect.modules import MODULES, Module
from segconnect.scenario.filters import Test, compile_filter
from segconnect.scenario.scenario import Scenario, Step
from segconnect.types import shown

Bundles = dict[int, Any]  # what each module put out, by its id
Evaluate = Callable[[Context], Any]


class StepError(Exception):
    """An error and the label of the module in which it happened."""

    def __init__(self, label: str, error: SegconnectError) -> None:
        self.label, self.error = label, error
        super().__init__(label)


class Compiled:
    """One module of the flow, ready to run."""

    def __init__(self, step: Step) -> None:
        self.step, self.id = step, step.id
        self.where = f"module {step.id} ({step.module})"
        self.label = step.module
        self.test: Test | None = compile_filter(step.filter, self.where)


class Iterate(Compiled):
    """Gives each element of an array as a bundle: a collection as it is, else as `value`."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.label = "Iterator"
        self.array = _mapped(self, "array")
        self.aggregator: Aggregate | None = None

    def outputs(self, context: Context) -> Iterator[dict[str, Any]]:
        """Gives the bundles; of an array that is absent, none."""
        array = self.array(context)
        items = [] if array is None else to_array(array)
        for index, item in enumerate(items, 1):
            values = item if isinstance(item, dict) else {"value": item}
            yield {**values, "__IMTINDEX__": index, "__IMTLENGTH__": len(items)}


class Aggregate(Compiled):
    """Collects a value for each bundle that comes of one that entered its iterator."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.label = "Array aggregator"
        self.feeder = step.parameters.get("feeder")
        self.value = compile_value(step.mapper, field="")
        group_by = step.flags.get("groupBy")
        self.group_by = None if group_by is None else compile_value(group_by, field="groupBy")
        self.stop_if_empty = bool(step.flags.get("stopIfEmpty"))

    def outputs(self, contexts: Iterator[Context]) -> list[dict[str, Any]]:
        """Answers the arrays: one, or one for each key of groupBy."""
        groups: dict[Any, dict[str, Any]] = {}
        if self.group_by is None and not self.stop_if_empty:
            groups[None] = {"array": []}
        for context in contexts:
            key = None if self.group_by is None else self.group_by(context)
            mark = None if self.group_by is None else identity(key)
            group = groups.setdefault(mark, {"array": [], "__IMTKEY__": key})
            value = self.value(context)
            if value is not None and value is not IGNORE:
                group["array"].append(value)
        return list(groups.values())


class Send(Compiled):
    """Fills a module of the account in from the bundles."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.module = MODULES[step.module]
        self.label = self.module.label
        if not isinstance(step.mapper, dict):
            raise ScenarioError(f"{self.where}: mapper: expected fields and their templates")
        known = self.module.facts()
        unknown = [name for name in step.mapper if name not in known]
        if unknown:
            raise ScenarioError(
                f"{self.where}: there is no field {', '.join(map(repr, unknown))};"
                f" {self.module.label} has {', '.join(known)}"
            )
        self.fields: Evaluate = compile_value(step.mapper, field="")

    def fill(self, context: Context) -> Module:
        """Answers the module with its values.

        Raises:
            MappingError: A template cannot be evaluated.
            InvalidBundleError: The values do not fit the module's fields.
        """
        return self.module(**self.fields(context))


BUILT_IN: dict[str, type[Compiled]] = {"iterator": Iterate, "array-aggregator": Aggregate}


def _kind(step: Step) -> type[Compiled]:
    if step.module in BUILT_IN:
        return BUILT_IN[step.module]
    try:
        _ = MODULES[step.module]
    except UsageError:
        known = [*BUILT_IN, *(module.slug() for module in MODULES)]
        told = unknown_name("module", step.module, known)
        raise ScenarioError(f"module {step.id}: {told}") from None
    return Send


def _mapped(compiled: Compiled, name: str) -> Evaluate:
    mapper = compiled.step.mapper
    if not isinstance(mapper, dict) or set(mapper) != {name}:
        raise ScenarioError(f"{compiled.where}: mapper: expected {name!r} and nothing else")
    return compile_value(mapper[name], field=name)


class Flow:
    """A scenario's modules after the source.

    Raises:
        ScenarioError: A module, field or filter is not known, or modules do not fit together.
        MappingError: A template cannot be compiled.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.timezone = scenario.timezone
        self.source_id = scenario.flow[0].id
        if scenario.flow[0].filter:
            raise ScenarioError("the first module has a filter; put it on the second")
        problems: list[str] = []
        self.steps: list[Compiled] = []
        for step in scenario.flow[1:]:
            try:
                self.steps.append(_kind(step)(step))
            except MappingError as error:
                problems.append(f"module {step.id} ({step.module}): {error}")
            except SegconnectError as error:
                problems.append(str(error))
        self.sends = [step for step in self.steps if isinstance(step, Send)]
        problems += self._pair()
        if not problems and not self.sends:
            problems.append("nothing is sent: the flow has no module of the account")
        if problems:
            raise ScenarioError(f"{scenario.name}: {'; '.join(problems)}")

    def _pair(self) -> list[str]:
        """Gives each aggregator to the iterator that feeds it."""
        problems = []
        before: dict[int, Compiled] = {}
        for step in self.steps:
            if isinstance(step, Aggregate):
                feeder = before.get(step.feeder) if isinstance(step.feeder, int) else None
                if isinstance(feeder, Iterate) and feeder.aggregator is None:
                    feeder.aggregator = step
                else:
                    problems.append(
                        f"{step.where}: parameter feeder: {shown(step.feeder)} is not the id of an"
                        " iterator before it that feeds no other aggregator"
                    )
            before[step.id] = step
        return problems

    def context(self, bundles: Bundles) -> Context:
        """Answers the world of an evaluation."""
        return Context(bundles, timezone=self.timezone)

    def run(self, values: dict[str, Any], send: Callable[[Send, Module], Any]) -> int:
        """Takes one bundle of the source through the flow.

        Args:
            values: The source's bundle.
            send: Called with each module of the account that is filled in; answers its output.

        Returns:
            How many modules were filled in; 0 if filters stopped the bundle.

        Raises:
            StepError: A module failed; what follows it was not run.
        """
        sent = 0

        def chain(position: int, bundles: Bundles, stop: int) -> Iterator[Context]:
            nonlocal sent
            context = self.context(bundles)
            if position == stop:
                yield context
                return
            step = self.steps[position]
            try:
                if step.test is not None and not step.test(context):
                    return
                if isinstance(step, Iterate) and step.aggregator is not None:
                    aggregator = step.aggregator
                    end = self.steps.index(aggregator)
                    inner = (
                        found
                        for output in step.outputs(context)
                        for found in chain(position + 1, {**bundles, step.id: output}, end)
                    )
                    for output in aggregator.outputs(inner):
                        yield from chain(end + 1, {**bundles, aggregator.id: output}, stop)
                elif isinstance(step, Iterate):
                    for output in step.outputs(context):
                        yield from chain(position + 1, {**bundles, step.id: output}, stop)
                elif isinstance(step, Send):
                    answer = send(step, step.fill(context))
                    sent += 1
                    yield from chain(position + 1, {**bundles, step.id: answer}, stop)
            except (MappingError, InvalidBundleError) as error:
                raise StepError(step.label, error) from None

        for _ in chain(0, {self.source_id: values}, len(self.steps)):
            pass
        return sent
