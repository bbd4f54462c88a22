"""Runs blueprints: bundles through modules, in memory.

    result = run(blueprint, Services(), given=[{"email": "joey@bloggs.com"}], trace=True)

`RUNNABLE` holds every module that runs by itself; `Services` is what a run may use.
"""

from __future__ import annotations

from segconnect.scenario.engine import apps as apps  # declares the modules
from segconnect.scenario.engine.bookkeeping import retry_after, verdict
from segconnect.scenario.engine.errors import ERROR_TYPES, ErrorType, ModuleError
from segconnect.scenario.engine.plan import Plan
from segconnect.scenario.engine.registry import RUNNABLE, Call, Declaration, Kind, find
from segconnect.scenario.engine.result import Incomplete, Operation, Result, Status
from segconnect.scenario.engine.running import retry, run
from segconnect.scenario.engine.services import (
    Client,
    Fetch,
    FetchRequest,
    FetchResponse,
    Mail,
    Services,
)
from segconnect.scenario.engine.settings import Limits, ScenarioSettings, read_settings
from segconnect.scenario.engine.state import Response
from segconnect.scenario.engine.stores import DataStores

__all__ = [
    "ERROR_TYPES",
    "RUNNABLE",
    "Call",
    "Client",
    "DataStores",
    "Declaration",
    "ErrorType",
    "Fetch",
    "FetchRequest",
    "FetchResponse",
    "Incomplete",
    "Kind",
    "Limits",
    "Mail",
    "ModuleError",
    "Operation",
    "Plan",
    "Response",
    "Result",
    "ScenarioSettings",
    "Services",
    "Status",
    "find",
    "read_settings",
    "retry",
    "retry_after",
    "run",
    "verdict",
]
