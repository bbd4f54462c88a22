"""SegMetrics: every module of the app, under each name that an export may have for it."""

from __future__ import annotations

from segconnect.errors import InvalidBundleError
from segconnect.modules import MODULES, Module
from segconnect.scenario.blueprint.segmetrics import CANONICAL, renamed, resolve, with_pairs
from segconnect.scenario.engine.errors import invalid
from segconnect.scenario.engine.plan import connection_of
from segconnect.scenario.engine.registry import (
    ALIASES,
    RUNNABLE,
    Bundle,
    Call,
    Declaration,
    Function,
    Kind,
    Parameters,
    Values,
)
from segconnect.types import default_zone

_NAMES = {module: name for name, module in CANONICAL.items()}


def alias(name: str) -> str | None:
    """Answers the name here of a SegMetrics module under another one."""
    module = resolve(name)
    return None if module is None else _NAMES.get(module)


def _filled(module: type[Module], values: Values) -> Module:
    given, unknown = renamed(module, values)
    if unknown:
        raise invalid(f"Unknown parameter '{name}'." for name in unknown)
    method = given.get("method")
    if isinstance(method, str):
        given["method"] = method.upper()
    try:
        return module(**with_pairs(module, given))
    except InvalidBundleError as error:
        raise invalid(f"{problem}." for problem in error.problems) from None


def _function(module: type[Module]) -> Function:
    def run(call: Call, parameters: Parameters, values: Values) -> Bundle:
        token = default_zone.set(call.context.zone)
        try:
            filled = _filled(module, values)
        finally:
            default_zone.reset(token)
        output = call.services.client_for(connection_of(parameters)).send(filled)
        return dict(output) if isinstance(output, dict) else {"body": output}

    return run


def _acts(parameters: Parameters, values: Values) -> bool:
    return str(values.get("method")).upper() not in ("GET", "PUT", "DELETE")


def _declare() -> None:
    for module in MODULES:
        name = _NAMES[module]
        first_line = (module.__doc__ or "").partition("\n")[0]
        once = None if module.idempotent else _acts
        RUNNABLE[name] = Declaration(
            name, Kind.ACTION, run=_function(module), help=first_line, sends=True, once=once
        )
    ALIASES.append(alias)


_declare()
