"""The rows of the journal: what they hold, and how they are made."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from segconnect.scenario import values_json
from segconnect.scenario.bundle import Refusal
from segconnect.scenario.engine.result import Incomplete, Operation
from segconnect.scenario.engine.state import Response
from segconnect.scenario.moments import now
from segconnect.scenario.runner import Report, Settled


class State(StrEnum):
    """Where a run is."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  # some bundles were refused
    FAILED = "failed"  # nothing was delivered, or it had to stop
    CANCELED = "canceled"

    @property
    def is_over(self) -> bool:
        """Whether it ended for good."""
        return self not in (State.QUEUED, State.RUNNING, State.PAUSED)


class Takes(StrEnum):
    """What a run takes through its scenario."""

    SOURCE = "source"  # the bundles of the scenario's source, each one a run of its own
    WHOLE = "whole"  # what the first module puts out, as one run
    REFUSED = "refused"  # the bundles that another run refused
    HOOK = "hook"  # what came in by a webhook
    INCOMPLETE = "incomplete"  # incomplete executions


class RunRow(NamedTuple):
    """A run as it is kept. Times are milliseconds UTC."""

    id: str
    scenario: str
    file: str
    document: str
    bindings: str
    inputs: str
    connection: str | None
    cause: str
    state: str
    asked: str | None
    created_at: int
    ended_at: int | None
    took: int
    was_read: int
    filtered: int
    delivered: int
    refused: int
    operations: int
    cursor: str | None
    error_kind: str | None
    error: str | None
    scenario_id: str | None
    takes: str
    origin: str | None
    first: int
    last: int
    waiting: int
    given: str | None
    modules: str
    returned: str | None


class WindowRow(NamedTuple):
    """A window of a run."""

    run_id: str
    number: int
    ended_at: int
    was_read: int
    cursor: str | None


class SampleRow(NamedTuple):
    """An operation of a run, as it was kept; what it took in microseconds."""

    run_id: str
    number: int
    bundle: int
    module_id: int
    module: str
    took: int
    input: str
    output: str
    error: str | None


@dataclass
class Outcomes:
    """What became of bundles since the last commit."""

    refused: list[tuple[int, Refusal]] = field(default_factory=list)
    waiting: list[tuple[Incomplete, int, str]] = field(default_factory=list)
    responses: list[tuple[Any, Response]] = field(default_factory=list)
    samples: list[tuple[int, int, Operation]] = field(default_factory=list)
    forgets_intents: bool = False

    def add(self, settled: Settled, number: int) -> None:
        """Adds a bundle of the source, by its number."""
        if settled.refusal is not None:
            self.refused.append((number, settled.refusal))
        for each in settled.waiting:
            self.waiting.append((each, number, str(settled.bundle.place)))
        if settled.response is not None:
            self.responses.append((settled.bundle.cursor["item"], settled.response))
        for operation in settled.samples:
            self.samples.append((operation.number, number, operation))


_COUNTS = ("was_read", "filtered", "delivered", "refused", "waiting", "operations", "took")


def new_run(scenario: str, file: Path | str, cause: str, **values: Any) -> dict[str, Any]:
    """Answers the columns of a run that is about to begin. Later ones sort after it.

    Args:
        scenario: The scenario's name.
        file: The scenario's, absolute.
        cause: Why it runs: "by hand", "schedule", "webhook", "retry".
        values: Other columns; document, bindings and inputs at least, as JSON text.
    """
    return {
        "id": f"{now():011x}{secrets.token_hex(3)}",
        "scenario": scenario,
        "file": str(file),
        "cause": cause,
        "takes": Takes.SOURCE.value,
        "state": State.QUEUED.value,
        "created_at": now(),
        "first": 0,
        "last": 0,
        "modules": "{}",
        **dict.fromkeys(_COUNTS, 0),
        **values,
    }


def repeated(row: RunRow, cause: str, takes: Takes | None, first: int, last: int) -> dict[str, Any]:
    """Answers the columns of a run that takes bundles of an earlier one again.

    Args:
        row: The earlier run.
        cause: Why it runs.
        takes: What it takes; None is what the earlier run took.
        first: The number of the first bundle, from 1; 0 is the beginning.
        last: The number of the last one; 0 is the end.
    """
    cursor = None
    if takes is None and row.takes in (Takes.SOURCE, Takes.HOOK) and row.given is not None:
        cursor = row.given  # where the earlier run began
        if first or last:
            cursor = json.dumps({"number": 0, "cursor": json.loads(row.given)})
    return new_run(
        row.scenario,
        Path(row.file),
        cause,
        document=row.document,
        bindings=row.bindings,
        inputs=row.inputs,
        connection=row.connection,
        scenario_id=row.scenario_id if row.takes == Takes.HOOK else None,
        takes=row.takes if takes is None else takes.value,
        origin=row.origin if takes is None and row.takes == Takes.REFUSED else row.id,
        first=first,
        last=last,
        cursor=cursor,
        given=row.given if takes is None else None,
    )


def progress_of(report: Report) -> dict[str, Any]:
    return {
        "was_read": report.read,
        "filtered": report.filtered,
        "delivered": report.delivered,
        "refused": report.refused,
        "waiting": report.waiting,
        "operations": report.operations,
        "modules": json.dumps(report.modules),
        "took": int(report.seconds * 1000),
        "cursor": None if report.cursor is None else json.dumps(report.cursor),
    }


def refusal_columns(id_: str, number: int, refusal: Refusal) -> dict[str, Any]:
    place = refusal.place
    return {
        "run_id": id_,
        "number": number,
        "source": place.source,
        "first": place.first,
        "last": place.last,
        "unit": place.unit,
        "module": refusal.module,
        "kind": refusal.error.kind,
        "reason": refusal.error.why,
        "bundle": values_json.dumps(refusal.values),
    }


def sample_columns(id_: str, number: int, bundle: int, operation: Operation) -> dict[str, Any]:
    error = operation.error
    return {
        "run_id": id_,
        "number": number,
        "bundle": bundle,
        "module_id": operation.module_id,
        "module": operation.module,
        "took": int(operation.seconds * 1_000_000),
        "input": values_json.dumps(operation.input),
        "output": values_json.dumps(operation.output),
        "error": None if error is None else values_json.dumps(error),
    }
