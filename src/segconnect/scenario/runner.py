"""Runs a scenario over a file: streaming, with progress, and every bundle accounted for.

Each bundle of a file is a run of its own, as if it had come by a webhook: what one of them cannot
do does not keep the others from being delivered. Where nothing reads what the modules of an account
answer, bundles are on their way side by side; what becomes of each is the same.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Protocol, Self

from pydantic_core import to_json

from segconnect.errors import Recovery, SegconnectError, SourceError, UnauthorizedError
from segconnect.modules import Module
from segconnect.scenario.bundle import Refusal, SourceBundle
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.fetching import NO_NETWORK
from segconnect.scenario.engine.plan import Plan
from segconnect.scenario.engine.result import Incomplete, Operation
from segconnect.scenario.engine.run import Run as EngineRun
from segconnect.scenario.engine.services import (
    Client,
    FetchRequest,
    FetchResponse,
    Mail,
    Services,
)
from segconnect.scenario.engine.state import Response
from segconnect.scenario.engine.stores import DataStores
from segconnect.scenario.preparing import Scenario
from segconnect.scenario.sources import SOURCES, Cursor, Source, open_source
from segconnect.scenario.streaming import Stream, UnitClient, Way, way_of

TELL_SECONDS = 0.1  # between two calls of progress


class Outcome(IntEnum):
    """How a run ended; the number is the command's exit code."""

    SUCCESS = 0
    PARTIAL = 1  # some bundles were refused, or set aside
    FAILURE = 2  # nothing was delivered, or the run had to stop


@dataclass
class Report:
    """What became of a run's bundles: read = filtered + delivered + refused + waiting."""

    scenario: str
    read: int = 0
    filtered: int = 0
    delivered: int = 0
    refused: int = 0
    waiting: int = 0  # set aside: incomplete executions
    operations: int = 0  # modules of an account that were sent
    seconds: float = 0.0
    modules: Counter[int] = field(default_factory=Counter)  # operations, by module id
    reasons: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)  # the first ones; all are in the file
    stopped_by: SegconnectError | None = None
    cursor: Any = None  # of the last bundle that was settled
    is_ended: bool = False  # whether the source has no more

    @property
    def outcome(self) -> Outcome:
        """How the run ended."""
        if self.stopped_by or (self.refused and not self.delivered):
            return Outcome.FAILURE
        return Outcome.PARTIAL if self.refused or self.waiting else Outcome.SUCCESS

    def snapshot(self) -> Report:
        """Answers the counts as they are now; what grows in it is shared."""
        found = Report.__new__(Report)  # for each bundle: copy() takes five times as long
        found.__dict__.update(self.__dict__)
        return found


Progress = Callable[[Report, int, int], None]  # with the bytes read, and the bytes in all
SHOWN_REFUSALS = 100
SAMPLED = 5  # bundles whose operations are kept


class Outbox:
    """Stands for the clients of a run: keeps what it is to send, and sends nothing."""

    def __init__(self) -> None:
        self.modules: list[Module] = []

    def send(self, module: Module) -> dict[str, Any]:
        """Keeps a module; what the account would answer is not known yet."""
        self.modules.append(module)
        return {}


def stay_at_home(services: Services, outbox: Outbox) -> Services:
    """Answers services that reach nothing outside: for a dry run."""

    def fetch(request: FetchRequest) -> FetchResponse:
        raise ModuleError("RuntimeError", f"a dry run sends nothing to {request.url[:200]}")

    def send_mail(mail: Mail) -> None:
        raise ModuleError("RuntimeError", "a dry run sends no e-mail")

    return replace(
        services,
        client_for=lambda _: outbox,
        fetch=fetch,
        send_mail=send_mail,
        data_stores=DataStores(),
        allowed_hosts=NO_NETWORK,
    )


class _Counting:
    """A client that counts what was sent."""

    def __init__(self, client: Client) -> None:
        self._client, self.sent = client, 0

    def send(self, module: Module) -> Any:
        """Sends a module, and answers its output."""
        output = self._client.send(module)
        self.sent += 1
        return output


def source_of(scenario: Scenario) -> Source:
    """Opens the source that a scenario begins with.

    Raises:
        ScenarioError: Its parameters are wrong.
        SourceError: It cannot be opened.
    """
    first, services = scenario.plan.first, scenario.services
    return open_source(first.module, first.parameters, services.base, services)


def reads_a_file(plan: Plan) -> bool:
    """Whether each bundle of a file is a run of its own.

    It is not where something collects all that is in the file: then that is one run.
    """
    return plan.first.module in SOURCES and not plan.first.aggregators


@dataclass(slots=True)
class Settled:
    """What became of a bundle.

    Attributes:
        bundle: As the source gave it.
        refusal: Why it did not get to the end, if it did not.
        waiting: What was set aside of it, to be taken up again.
        response: What a webhook's caller is answered, if the scenario said so.
        samples: The operations that it took, where they are kept.
        is_delivered: Whether anything was done with it outside of the run.
        number: How many bundles it stands for; those before it were filtered out, too.
    """

    bundle: SourceBundle
    refusal: Refusal | None = None
    waiting: Sequence[Incomplete] = ()
    response: Response | None = None
    samples: Sequence[Operation] = ()
    is_delivered: bool = False
    number: int = 1


class Ledger(Protocol):
    """Keeps what became of bundles. It is told of each once it is settled, in their order."""

    def settle(self, settled: Settled, report: Report) -> None:
        """Notes what became of a bundle; the report counts it, and all that were before it."""


class Run:
    """One run of a scenario over its file.

    Args:
        scenario: What to run.
        ledgers: Who keeps what became of each bundle.
        inputs: The scenario inputs, `var.input`.
        is_dry: Fill modules in, and send nothing.
        one_by_one: Wait for each answer, as a trace needs it.
        after: The cursor of the last bundle that was settled by an earlier run; None begins anew.
        report: What the earlier run came to.
        should_stop: Asked before each bundle: whether the run is to end, to go on later.
        progress: Called a few times a second, and at the end.
        source: What gives the bundles, if it is not the scenario's own.
        keeps_incomplete: Whether what is set aside is kept by a ledger; else it is refused.
        keeps_samples: Whether the operations of the first bundles are kept, for the history.

    Raises:
        ScenarioError: The scenario cannot run; nothing was sent.
        SourceError: Its source cannot be opened.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        ledgers: Sequence[Ledger] = (),
        inputs: Mapping[str, Any] | None = None,
        is_dry: bool = False,
        one_by_one: bool = False,
        after: Cursor | None = None,
        report: Report | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        progress: Progress = lambda report, done, total: None,
        source: Source | None = None,
        keeps_incomplete: bool = False,
        keeps_samples: bool = False,
    ) -> None:
        services, self.plan = scenario.services, scenario.plan
        self.source = source or source_of(scenario)
        self._keeps_incomplete = keeps_incomplete
        self.counted: Counter[int] = Counter()  # operations of this run, by module
        self.report = report or Report(self.plan.name)
        self.filled: list[Module] = []  # the first modules of a dry run
        self._progress, self._ledgers = progress, ledgers
        self.services, self._is_dry, self.inputs = services, is_dry, inputs
        self._after, self._should_stop = after, should_stop
        self._way = None if is_dry or one_by_one else way_of(self.plan)
        self.number = self.report.read  # of the bundle that the source gave last
        self._sampled = SAMPLED if keeps_samples and not self.number else 0
        self._is_told = False  # whether the engine tells of its operations
        self._earlier = Counter(self.report.modules)
        self._spent = self.report.seconds
        self._began = self._told_at = 0.0

    def run(self) -> Report:
        """Runs to the end of the source, or to what stops it."""
        self._began = monotonic()
        try:
            client = None if self._way is None else self._client_of(self._way)
            if self._way is None or client is None:
                self._one_by_one()
            else:
                Stream(self, self._way, client).run()
        except SourceError as error:  # the source as a whole; what it gave before is settled
            self.report.stopped_by = error
        self._told_at = 0.0
        self._tell()
        return self.report

    def _client_of(self, way: Way) -> UnitClient | None:
        """Opens the client that all modules of an account send with, if it is one for all."""
        found = {id(each): each for each in map(self.services.client_for, way.connections)}
        client: Any = next(iter(found.values())) if len(found) == 1 else None
        return client if hasattr(client, "send_units") else None

    def bundles(self) -> Iterator[SourceBundle]:
        """Gives the bundles of the source, until it has no more or the run is to stop."""
        for bundle in self.source.bundles(after=self._after):
            if self.report.stopped_by is not None or self._should_stop():
                return
            self.number += 1
            yield bundle
        self.report.is_ended = True

    def _tell(self) -> None:
        """Tells the progress, a few times a second."""
        now = monotonic()
        if now - self._told_at > TELL_SECONDS:
            self._told_at = now
            self.report.seconds = self._spent + now - self._began
            self.report.modules = self._earlier + self.counted
            self._progress(self.report, *self.source.progress())

    def _one_by_one(self) -> None:
        outbox = Outbox()
        clients: dict[str, _Counting] = {}

        def client_for(id_: str) -> Client:
            if id_ not in clients:
                clients[id_] = _Counting(self.services.client_for(id_))
            return clients[id_]

        services = replace(self.services, client_for=client_for)
        services = stay_at_home(self.services, outbox) if self._is_dry else services
        run = EngineRun(self.plan, services, inputs=self.inputs)
        self.counted = run.result.operations
        acting = [node.id for node in self.plan.nodes.values() if node.acts]
        once = [node.id for node in self.plan.nodes.values() if node.declaration.once]
        done, sent = run.result.operations, self.report.operations
        for bundle in self.bundles():
            before, before_once = (sum(done[id_] for id_ in ids) for ids in (acting, once))
            settled = self.attempt(bundle, run, self.number)
            self.filled += outbox.modules[: SHOWN_REFUSALS - len(self.filled)]
            outbox.modules.clear()
            self.report.operations = sent + sum(each.sent for each in clients.values())
            if sum(done[id_] for id_ in once) == before_once and self.leaves(settled):
                return
            settled.is_delivered = sum(done[id_] for id_ in acting) > before
            self.settle(settled)

    def attempt(self, bundle: SourceBundle, run: EngineRun, number: int) -> Settled:
        """Takes a bundle through the flow; answers what became of it.

        Args:
            bundle: The bundle.
            run: Takes it.
            number: Its place in the source, from 1.
        """
        refusal = None
        if bundle.error is not None:
            refusal = Refusal(bundle.place, self.source.label, bundle.error, bundle.values)
            return Settled(bundle, refusal)
        if self.services.intents is not None:
            self.services.intents.enter(number)
        samples: list[Operation] = []
        if number <= self._sampled or self._is_told:
            self._is_told = number <= self._sampled
            run.tell(samples.append if self._is_told else None)
        result = run.take(bundle.values)
        if result.error is not None:
            refusal = self._refusal(bundle, result.error.module_id, result.error.cause)
        elif result.incomplete and not self._keeps_incomplete:
            aside = result.incomplete[0]
            refusal = self._refusal(bundle, aside.module_id, aside.cause)
        waiting = result.incomplete if self._keeps_incomplete else ()
        return Settled(bundle, refusal, waiting, result.response, samples)

    def _refusal(
        self, bundle: SourceBundle, module_id: int | None, error: SegconnectError
    ) -> Refusal:
        node = self.plan.nodes.get(module_id) if module_id is not None else None
        label = self.plan.name if node is None else node.label
        return Refusal(bundle.place, label, error, bundle.values)

    def leaves(self, settled: Settled) -> bool:
        """Stops before a bundle that every other would fare like; else answers False.

        Nobody is there, or lets us in. It is not taken then, nor are those after it: they are when
        the run goes on.
        """
        refusal = settled.refusal
        if refusal is None or not (
            refusal.error.is_absent or isinstance(refusal.error, UnauthorizedError)
        ):
            return False
        self.report.stopped_by = refusal.error
        return True

    def settle(self, settled: Settled) -> None:
        """Counts what became of a bundle, and tells who keeps it."""
        report, refusal = self.report, settled.refusal
        report.read += settled.number
        report.cursor = settled.bundle.cursor
        if refusal is not None:
            report.refused += 1
            report.reasons[refusal.error.why] += 1
            if len(report.refusals) < SHOWN_REFUSALS:
                report.refusals.append(refusal)
            if refusal.error.recovery is Recovery.STOP or refusal.error.is_absent:
                report.stopped_by = refusal.error
        elif settled.waiting:
            report.waiting += 1
        elif settled.is_delivered:
            report.delivered += 1
        else:
            report.filtered += settled.number
        for ledger in self._ledgers:
            ledger.settle(settled, report)
        self._tell()


class RefusedFile:
    """A CSV of the bundles that were refused: where each lies, why, and what it held."""

    HEADER = ("file", "first", "last", "unit", "module", "kind", "reason", "bundle")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        with suppress(FileNotFoundError):
            self.path.unlink()  # of an earlier run
        return self

    def settle(self, settled: Settled, report: Report) -> None:
        """Adds a row for a bundle that was refused."""
        if settled.refusal is not None:
            self.write(settled.refusal)

    def write(self, refusal: Refusal) -> None:
        """Adds a row."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(self.HEADER)
        self._writer.writerow(self.columns(refusal))

    @staticmethod
    def columns(refusal: Refusal) -> tuple[Any, ...]:
        """Answers what the row of a bundle holds."""
        place, error = refusal.place, refusal.error
        values = json.dumps(json.loads(to_json(refusal.values)), ensure_ascii=False)
        return (
            place.source, place.first, place.last, place.unit, refusal.module, error.kind,
            error.why, values,
        )  # fmt: skip

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
