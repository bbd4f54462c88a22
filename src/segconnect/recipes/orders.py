"""The orders of an export, as loading it would send them; nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from segconnect.errors import SegconnectError
from segconnect.modules.orders import AddUpdateOrder
from segconnect.scenario.bundle import Place
from segconnect.scenario.engine.run import Run as EngineRun
from segconnect.scenario.preparing import Scenario
from segconnect.scenario.runner import Outbox, stay_at_home
from segconnect.scenario.sources import open_source


def orders_of(
    scenario: Scenario, inputs: Mapping[str, Any]
) -> Iterator[dict[str, Any] | tuple[Place, SegconnectError]]:
    """Answers each order as it would go over the wire; or where one is refused, and why."""
    outbox = Outbox()
    run = EngineRun(scenario.plan, stay_at_home(scenario.services, outbox), inputs=inputs)
    first = scenario.plan.first
    for bundle in open_source(first.module, first.parameters, scenario.services.base).bundles():
        error = bundle.error
        if error is None:
            result = run.take(bundle.values)
            error = result.error.cause if result.error is not None else None
        if error is not None:
            yield bundle.place, error
        for module in outbox.modules:
            if isinstance(module, AddUpdateOrder):
                yield module.on_the_wire()
        outbox.modules.clear()
