"""What a blueprint sets for its runs, and the limits that hold for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segconnect.mapping.values import to_boolean


@dataclass(frozen=True, slots=True)
class ScenarioSettings:
    """The scenario settings, `metadata.scenario` in a blueprint.

    Attributes:
        roundtrips: The most cycles of a run.
        max_errors: After how many failed runs in a row a scheduled scenario is switched off.
        auto_commit: Commit each module right after it ran; else all at the end of the cycle.
        commit_trigger_last: Keep the trigger's place only after all else is committed.
        sequential: No runs side by side; and none before incomplete executions are resolved.
        confidential: Keep no bundle in the history.
        dlq: Store incomplete executions.
        dataloss: Go on where they cannot be stored.
        fresh_variables: Read variables anew in each run.
    """

    roundtrips: int = 1
    max_errors: int = 3
    auto_commit: bool = True
    commit_trigger_last: bool = True
    sequential: bool = False
    confidential: bool = False
    dlq: bool = False
    dataloss: bool = False
    fresh_variables: bool = False


def read_settings(blueprint: Mapping[str, Any]) -> ScenarioSettings:
    """Reads a blueprint's settings; what it does not say, or says wrongly, is the default."""
    metadata = blueprint.get("metadata")
    found = metadata.get("scenario") if isinstance(metadata, Mapping) else None
    said = found if isinstance(found, Mapping) else {}

    def count(name: str, default: int, most: int) -> int:
        value = said.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return min(value, most)
        return default

    def flag(name: str, default: bool) -> bool:
        value = said.get(name)
        return default if value is None else to_boolean(value)

    return ScenarioSettings(
        roundtrips=count("roundtrips", 1, 10_000),
        max_errors=count("maxErrors", 3, 10_000),
        auto_commit=flag("autoCommit", True),
        commit_trigger_last=flag("autoCommitTriggerLast", True),
        sequential=flag("sequential", False),
        confidential=flag("confidential", False),
        dlq=flag("dlq", False),
        dataloss=flag("dataloss", False),
        fresh_variables=flag("freshVariables", False),
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a run; the defaults are the builder's, where it says them.

    Source: help.make.com, types of modules and warnings.
    """

    seconds: float = 40 * 60  # of a run
    module_seconds: float = 40  # of one request
    operations: int = 1_000_000
    results: int = 3_200  # bundles of one search
    items: int = 100_000  # bundles of one iterator, or collected by one aggregator
    bundle_bytes: int = 20_000_000
    response_bytes: int = 50_000_000  # of one HTTP answer
    incomplete: int = 1_000  # incomplete executions kept
    modules: int = 5_000  # in one blueprint
    nesting: int = 150  # bundles within bundles, routes within routes
    subscenarios: int = 5  # within subscenarios
    module_bytes: int = 100_000_000  # of all bundles that a module puts out at once
    trace: int = 10_000  # operations kept with their bundles
    trace_bytes: int = 100_000_000  # of all that is kept of them
    trace_text: int = 2_000  # characters of one text that are kept
    trace_items: int = 50  # items of one array or collection that are kept
