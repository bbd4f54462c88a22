"""Runs a scenario: streaming, with progress, and every bundle accounted for."""

from __future__ import annotations

import csv
import json
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Protocol, Self

from pydantic_core import to_json

from segconnect.errors import Recovery, SegconnectError
from segconnect.modules import Module
from segconnect.scenario.bundle import Refusal, SourceBundle
from segconnect.scenario.flow import Flow, Send, StepError
from segconnect.scenario.scenario import Scenario
from segconnect.scenario.sources import Source, open_source
from segconnect.types import default_zone, zone_named

TELL_SECONDS = 0.1  # between two calls of progress


class Outcome(IntEnum):
    """How a run ended; the number is the command's exit code."""

    SUCCESS = 0
    PARTIAL = 1  # some bundles were refused
    FAILURE = 2  # nothing was delivered, or the run had to stop


class Client(Protocol):
    """What a run needs of a client; see segconnect.Client."""

    def send(self, module: Module) -> Any:
        """Sends one module, and answers its output."""

    def send_many(self, modules: Iterator[Module]) -> Iterator[Any]:
        """Sends modules in their order; gives a result with output or error for each."""


@dataclass
class Report:
    """What became of a run's bundles: read = filtered + delivered + refused."""

    scenario: str
    read: int = 0
    filtered: int = 0
    delivered: int = 0
    refused: int = 0
    operations: int = 0  # modules that were sent
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)  # the first ones; all are in the file
    stopped_by: SegconnectError | None = None

    @property
    def outcome(self) -> Outcome:
        """How the run ended."""
        if self.stopped_by or (self.refused and not self.delivered):
            return Outcome.FAILURE
        return Outcome.PARTIAL if self.refused else Outcome.SUCCESS


Progress = Callable[[Report, int, int], None]  # with the bytes read, and the bytes in all
SHOWN_REFUSALS = 100


class Run:
    """One run of a scenario.

    Args:
        scenario: What to run.
        base: The directory that its files are relative to.
        client: Where to send; None fills modules in and sends nothing (a dry run).
        refused: The file to write refused bundles to; it is made when the first one comes.
        progress: Called a few times a second, and at the end.

    Raises:
        ScenarioError: The scenario cannot run; nothing was sent.
        SourceError: Its source cannot be opened.
    """

    def __init__(
        self,
        scenario: Scenario,
        base: Path,
        client: Client | None,
        *,
        refused: Path,
        progress: Progress = lambda report, done, total: None,
    ) -> None:
        self.flow = Flow(scenario)
        first = scenario.flow[0]
        self.source: Source = open_source(first.module, first.parameters, base)
        self.client, self.progress = client, progress
        self.report = Report(scenario.name)
        self.filled: list[Module] = []  # the first modules of a dry run
        self._refused = RefusedFile(refused)
        self._zone = zone_named(scenario.timezone)
        self._began = self._told_at = 0.0

    def run(self) -> Report:
        """Runs to the end, or to an error that only a person can mend."""
        self._began = monotonic()
        token = default_zone.set(self._zone)
        bundles = self.source.bundles()
        # Only a last module may travel in batches: what one before it puts out may be needed.
        streams = self.client is not None and self.flow.sends == self.flow.steps[-1:]
        try:
            with self._refused:
                if self.client is not None and streams:
                    self._stream(self.client, bundles)
                else:
                    self._one_by_one(bundles)
        finally:
            default_zone.reset(token)
        self._told_at = 0.0
        self._tell()
        return self.report

    def _tell(self) -> None:
        """Tells the progress, a few times a second."""
        now = monotonic()
        if now - self._told_at > TELL_SECONDS:
            self._told_at = now
            self.report.seconds = now - self._began
            self.progress(self.report, *self.source.progress())

    def _stream(self, client: Client, bundles: Iterator[SourceBundle]) -> None:
        """Fills modules in while those before them are on their way; the client bounds how many."""
        sent: deque[tuple[SourceBundle, int]] = deque()  # with how many modules

        def modules() -> Iterator[Module]:
            for bundle in bundles:
                filled: list[Module] = []
                if self._try(bundle, lambda _, module, into=filled: into.append(module)):  # type: ignore[misc]  # a default that binds
                    sent.append((bundle, len(filled)))
                    yield from filled
                if self.report.stopped_by is not None:
                    return

        results = client.send_many(modules())
        while results_of := list(islice(results, 1)):
            bundle, count = sent.popleft()
            results_of += islice(results, count - 1)
            errors = [result.error for result in results_of if result.error is not None]
            self.report.operations += count - len(errors)
            if errors:
                self._refuse(bundle, self.flow.sends[0].label, errors[0])
            else:
                self.report.delivered += 1
            self._tell()

    def _one_by_one(self, bundles: Iterator[SourceBundle]) -> None:
        for bundle in bundles:
            if self._try(bundle, self._send):
                self.report.delivered += 1
            self._tell()
            if self.report.stopped_by is not None:
                return

    def _send(self, step: Send, module: Module) -> Any:
        if self.client is None:
            if len(self.filled) < SHOWN_REFUSALS:
                self.filled.append(module)
            return {}
        try:
            output = self.client.send(module)
        except SegconnectError as error:
            raise StepError(step.label, error) from None
        self.report.operations += 1
        return output

    def _try(self, bundle: SourceBundle, send: Callable[[Send, Module], Any]) -> bool:
        """Takes a bundle through the flow; tells whether it is still on its way at the end."""
        self.report.read += 1
        if bundle.error is not None:
            self._refuse(bundle, self.source.label, bundle.error)
            return False
        try:
            if self.flow.run(bundle.values, send):
                return True
            self.report.filtered += 1
        except StepError as failure:
            self._refuse(bundle, failure.label, failure.error)
        return False

    def _refuse(self, bundle: SourceBundle, label: str, error: SegconnectError) -> None:
        report = self.report
        report.refused += 1
        report.reasons[error.why] += 1
        refusal = Refusal(bundle.place, label, error, bundle.values)
        if len(report.refusals) < SHOWN_REFUSALS:
            report.refusals.append(refusal)
        self._refused.write(refusal)
        if error.recovery is Recovery.STOP:
            report.stopped_by = error


class RefusedFile:
    """A CSV of the bundles that were refused: where each lies, why, and what it held."""

    HEADER = ("file", "first", "last", "unit", "module", "kind", "reason", "bundle")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)  # of an earlier run
        return self

    def write(self, refusal: Refusal) -> None:
        """Adds a row."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(self.HEADER)
        place, error = refusal.place, refusal.error
        bundle = json.dumps(json.loads(to_json(refusal.values)), ensure_ascii=False)
        self._writer.writerow(
            (place.source, place.first, place.last, place.unit, refusal.module, error.kind,
             error.why, bundle)
        )  # fmt: skip

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
