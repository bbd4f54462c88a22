"""Scenarios that call scenarios, what they give back, and what a run is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segconnect.mapping.values import to_boolean, to_text
from segconnect.scenario.engine.errors import ModuleError, missing
from segconnect.scenario.engine.registry import Bundle, Call, Parameters, Values, module, option
from segconnect.scenario.engine.result import Status


def _called(call: Call, parameters: Parameters, values: Values, waits: bool) -> Bundle:
    scenario = option(parameters, values, "scenario", option(parameters, values, "scenarioId"))
    if scenario is None:
        raise missing("scenario")
    data: Any = values.get("data", values.get("inputs"))
    if data is None:
        own = ("scenario", "scenarioId", "shouldWaitForExecutionEnd")
        data = {name: value for name, value in values.items() if name not in own}
    inputs = data if isinstance(data, Mapping) else {"data": data}
    assert call.state.run_scenario is not None
    result = call.state.run_scenario(call.services.load_scenario(to_text(scenario)), inputs)
    if not waits:
        return {"executionId": result.execution_id}
    if result.status is Status.ERROR:
        told = result.error
        raise ModuleError(
            told.kind if told else "RuntimeError",
            f"scenario {to_text(scenario)} failed: {told.message if told else 'no reason given'}",
        )
    return {"executionId": result.execution_id, **(result.outputs or {})}


@module("scenario-service:CallSubscenario", versions=(1, 2))
def call_subscenario(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Runs another scenario, and gives what it returns."""
    waits = option(parameters, values, "shouldWaitForExecutionEnd")
    return _called(call, parameters, values, waits is None or to_boolean(waits))


@module("scenario-service:StartSubscenario", versions=(1, 2))
def start_subscenario(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Runs another scenario; what it returns is given if it is waited for."""
    waits = to_boolean(option(parameters, values, "shouldWaitForExecutionEnd"))
    return _called(call, parameters, values, waits)


@module("scenario-service:ReturnData", versions=(1, 2))
def return_data(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Gives the scenario's outputs back to who called it; the last one counts."""
    call.state.returned = dict(values)
    return {}


@module("scenario-service:NameExecution")
def name_execution(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Names the run in the history."""
    call.state.name = to_text(values.get("name"))[:256]
    return {}
