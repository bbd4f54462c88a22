"""The two ways to run: a blueprint, and a bundle that was set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.plan import Plan
from segconnect.scenario.engine.registry import Bundle
from segconnect.scenario.engine.result import Incomplete, Result
from segconnect.scenario.engine.run import Run
from segconnect.scenario.engine.services import Services


def run(
    blueprint: Mapping[str, Any],
    services: Services | None = None,
    *,
    given: Sequence[Bundle] | None = None,
    inputs: Mapping[str, Any] | None = None,
    trace: bool = False,
) -> Result:
    """Runs a blueprint once.

    Args:
        blueprint: As exports have it.
        services: What it may use.
        given: What the first module puts out, such as a webhook's requests; None lets it run.
        inputs: The scenario inputs, `var.input`.
        trace: Keep every operation with its bundles.

    Raises:
        ScenarioError: It cannot run; nothing was sent.
    """
    services = services or Services()
    plan = Plan(blueprint, services.bound, services.limits, services.functions)
    return Run(plan, services, given=given, inputs=inputs, trace=trace).run()


def retry(
    incomplete: Incomplete,
    services: Services | None = None,
    *,
    as_done: Bundle | None = None,
    trace: bool = False,
) -> Result:
    """Takes an incomplete execution up at the module that failed; tells in it what came of it.

    Args:
        incomplete: What was set aside.
        services: What its run may use.
        as_done: What the module is taken to have put out; None lets it run again.
        trace: Keep every operation with its bundles.

    Raises:
        ScenarioError: Its blueprint cannot run, or has the module no more.
    """
    services = services or Services()
    plan = Plan(incomplete.blueprint, services.bound, services.limits, services.functions)
    if incomplete.module_id not in plan.nodes:
        raise ModuleError(
            "InvalidConfigurationError",
            f"module {incomplete.module_id} is not in the scenario any more; it failed there",
        )
    return Run(plan, services, retried=incomplete, as_done=as_done, trace=trace).run()
