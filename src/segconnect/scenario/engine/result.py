"""What became of a run: its status, its operations, what was set aside and what comes next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from segconnect.errors import SegconnectError
from segconnect.scenario.engine.errors import delay_of, error_type
from segconnect.scenario.engine.state import Response


class Status(Enum):
    """How a run ended; the numbers are those of the builder's API."""

    SUCCESS = 1
    WARNING = 2
    ERROR = 3


@dataclass(slots=True)
class Operation:
    """One module on one bundle, as the inspector shows it: shortened, and without secrets."""

    number: int
    cycle: int
    module_id: int
    module: str
    input: Any
    output: list[Any] = field(default_factory=list)
    error: dict[str, Any] | None = None
    handled_by: str | None = None  # the directive that took the error
    seconds: float = 0.0  # that it took


@dataclass(slots=True)
class RunError:
    """What stopped a run."""

    kind: str
    message: str
    module_id: int | None
    module: str
    cause: SegconnectError


@dataclass(slots=True)
class Incomplete:
    """A bundle that was set aside at a module that failed, to be taken up there again.

    Attributes:
        bundles: What each module before it put out, by module id: where the bundle stood.
        blueprint: The scenario as it was; it may be edited before the retry.
        retries: How often it is tried again by itself; 0 leaves it to a person.
        interval: Between those tries; None is the usual schedule.
        is_before_filter: Whether it was the module's filter that failed.
        module: What people call the module.
        file: Of the scenario that the module is in; None where it is in no file.
    """

    id: str
    reason: str
    kind: str
    module_id: int
    bundles: dict[Any, Any]
    blueprint: dict[str, Any]
    created: datetime
    execution_id: str
    cause: SegconnectError
    retries: int = 0
    interval: timedelta | None = None
    attempts: int = 0
    is_before_filter: bool = False
    module: str = ""
    file: Path | None = None
    is_resolved: bool = False


@dataclass
class Result:
    """One run.

    Attributes:
        operations: How many operations each module took, by module id.
        taken: How many of the bundles handed in were begun.
        is_committed: Whether the last cycle was committed.
        is_trigger_committed: Whether the trigger's place was kept, so that the bundles of the last
            cycle do not come again.
        counts: Whether this run counts to the consecutive errors.
        disables: Whether the scenario is to be switched off at once.
        pause: How long the scenario rests before it starts again.
    """

    scenario: str
    execution_id: str
    started: datetime
    status: Status = Status.SUCCESS
    cycles: int = 0
    total: int = 0  # all operations
    operations: Counter[int] = field(default_factory=Counter)
    trace: list[Operation] = field(default_factory=list)
    is_trace_cut: bool = False
    incomplete: list[Incomplete] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: RunError | None = None
    response: Response | None = None
    outputs: dict[str, Any] | None = None
    taken: int = 0
    is_committed: bool = False
    is_trigger_committed: bool = False
    counts: bool = False
    disables: bool = False
    pause: timedelta | None = None
    seconds: float = 0.0

    def begin(self) -> None:
        """Forgets how a run ended, where the next one is counted with it."""
        self.status, self.error = Status.SUCCESS, None
        self.incomplete, self.warnings = [], []
        self.response = self.outputs = self.pause = None
        self.is_committed = self.is_trigger_committed = self.counts = self.disables = False

    def warn(self, message: str) -> None:
        """Adds a warning; a run that ended well ends with a warning then."""
        self.warnings.append(message)
        if self.status is Status.SUCCESS:
            self.status = Status.WARNING

    def fail(
        self, error: SegconnectError, module_id: int | None, module: str, *, is_handled: bool
    ) -> None:
        """Ends the run with an error; one that a Rollback directive took does not count."""
        kind = error_type(error.kind)
        self.error = RunError(error.kind, str(error), module_id, module, error)
        if kind.is_warning and not is_handled:
            self.warn(f"{error.kind}: {error}")
            return
        self.status = Status.ERROR
        self.counts = not is_handled
        self.disables = kind.disables and not is_handled
        if not is_handled:
            self.rest(error)

    def rest(self, error: SegconnectError) -> None:
        """Lets the scenario rest for as long as the error asks for, if it does."""
        seconds = delay_of(error)
        if seconds:
            self.pause = max(self.pause or timedelta(), timedelta(seconds=seconds))
