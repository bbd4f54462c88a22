"""Runs that go on whatever happens: DBOS workflows over the journal.

A run is a workflow, and each of its steps a window of bundles. How far it is within a window is in
the journal, which is written while it goes on; so a process that dies costs no bundle, and another
one that finds it dead goes on where it was.

A process holds a lock for as long as it lives, on a file or in PostgreSQL: whoever can take the
lock of another one knows that it is dead, and only then takes its runs over.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import Condition
from time import monotonic
from types import TracebackType
from typing import IO, Any, Self
from uuid import uuid4

from segconnect.errors import ScenarioError, SegconnectError, StoreError, UsageError
from segconnect.scenario import blueprint
from segconnect.scenario.blueprint import Bindings, Document
from segconnect.scenario.blueprint.bindings import validated
from segconnect.scenario.journal import Journal, RunRow, State, url_of
from segconnect.scenario.journal.ledger import JournalLedger
from segconnect.scenario.preparing import prepare
from segconnect.scenario.runner import Ledger, Outcome, Progress, Report, Run
from segconnect.settings import Settings

WINDOW_SECONDS = 30.0  # of one step, not counting what it takes until the first bundle comes
OPENINGS = 10  # a window is at least so many times as long as that takes: sorting, summing, seeking
CLOSE_SECONDS = 10.0  # for which windows may settle what is on its way when the process ends
LOOK_SECONDS = 0.5  # between two looks whether a person wants a run to end
VERSION = "1"  # of the workflow; another one does not take up runs of this one
LOG = logging.getLogger(__name__)

STATES = {
    Outcome.SUCCESS: State.SUCCEEDED,
    Outcome.PARTIAL: State.PARTIAL,
    Outcome.FAILURE: State.FAILED,
}


class Leaving(BaseException):
    """This process ends; DBOS is to find the workflow as it is, for another one to go on with."""


class Worker:
    """Carries runs out in this process, and takes over those of processes that are dead.

    Only one may be at work in a process. Use it as a context manager.

    Args:
        settings: Where the journal, connections and locks are kept.
        journal: The runs.
        is_brief: Whether it is for one run alone, and then ends at once.

    Raises:
        StoreError: The journal cannot be opened.
    """

    def __init__(self, settings: Settings, journal: Journal, *, is_brief: bool = False) -> None:
        self.settings, self.journal = settings, journal
        self._look_seconds = 0.05 if is_brief else 1.0  # DBOS sleeps so long before it ends
        self._at_work = 0  # windows
        self._changed = Condition()
        self._watchers: dict[str, tuple[Progress, tuple[Ledger, ...]]] = {}
        self._stack = ExitStack()
        self.is_closing = False
        self._dbos: Any = None

    def __enter__(self) -> Self:
        from dbos import DBOS

        executor = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._locks = Locks(self.settings)
        self._stack.enter_context(self._locks.held(executor))
        logger = logging.getLogger("dbos")
        logger.setLevel(logging.ERROR)
        logger.handlers.clear()  # it writes to the standard error of when it was imported
        DBOS(
            config={
                "name": "segconnect",
                "system_database_url": url_of(self.settings),
                "application_version": VERSION,
                "executor_id": executor,
                "log_level": "ERROR",
                "enable_otlp": False,
                "notification_listener_polling_interval_sec": self._look_seconds,
            }
        )
        self._dbos = DBOS

        @DBOS.step(name="window")
        def window(run_id: str, number: int) -> bool:
            return self._window(run_id)

        @DBOS.workflow(name="run")
        def go_on(run_id: str) -> None:
            number = 0
            while not window(run_id, number):
                number += 1

        self._workflow = go_on
        DBOS.launch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.is_closing = True
        with self._changed:
            self._changed.wait_for(lambda: self._at_work == 0, timeout=CLOSE_SECONDS)
        self._dbos.destroy(destroy_registry=True)
        self._stack.close()

    def carry_out(
        self,
        run_id: str,
        progress: Progress = lambda report, done, total: None,
        ledgers: tuple[Ledger, ...] = (),
    ) -> Report:
        """Begins a run, or goes on with it, and waits until it ends or rests.

        Raises:
            UsageError: Another process is at it.
        """
        from dbos import SetWorkflowID

        self._make_sole(run_id)
        self.journal.rest(run_id)
        self._watchers[run_id] = (progress, ledgers)
        turn = uuid4().hex[:6]  # a run that rested goes on in a workflow of its own
        try:
            with SetWorkflowID(f"{run_id}-{turn}"):
                handle = self._dbos.start_workflow(self._workflow, run_id)
            while True:
                try:
                    handle.get_result()
                    break
                except KeyboardInterrupt:  # once: the run rests, and can be gone on with
                    self.journal.ask(run_id, "pause")
        finally:
            del self._watchers[run_id]
        return self.journal.report(self.journal.get(run_id))

    def _make_sole(self, run_id: str) -> None:
        """Drops the workflows that dead processes left of a run, so that nobody takes them over."""
        left = self._dbos.list_workflows(
            status=["PENDING", "ENQUEUED"],
            workflow_id_prefix=f"{run_id}-",
            load_input=False,
            load_output=False,
        )
        for each in left:
            if not self._locks.is_dead(each.executor_id):
                raise UsageError(
                    f"run {run_id} is at work in another process; `segconnect runs pause {run_id}`"
                    " lets it rest"
                )
            self._dbos.cancel_workflow(each.workflow_id)

    def take_over(self) -> list[str]:
        """Goes on with the runs of processes that are dead; answers the runs' ids."""
        pending = self._dbos.list_workflows(status="PENDING", load_input=False, load_output=False)
        taken = []
        for executor in {each.executor_id for each in pending}:
            if not self._locks.is_dead(executor):
                continue
            for each in pending:
                if each.executor_id == executor:
                    self._dbos.resume_workflow(each.workflow_id)
                    taken.append(each.workflow_id.partition("-")[0])
        return taken

    def _window(self, run_id: str) -> bool:
        """One step: goes on for a while; answers whether the run ended or rests."""
        if self.is_closing:
            raise Leaving
        with self._changed:
            self._at_work += 1
        try:
            return self._try_window(run_id)
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def _try_window(self, run_id: str) -> bool:
        row = self.journal.get(run_id)
        if State(row.state).is_over:
            return True
        try:
            return _go_on_for_a_while(row, self)
        except Exception as error:
            told = error if isinstance(error, SegconnectError) else None
            if told is None:
                LOG.exception("run %s", run_id)
                told = ScenarioError(f"a fault of segconnect: {type(error).__name__}: {error}")
            self.journal.end(run_id, State.FAILED, told)
            return True

    def watchers(self, run_id: str) -> tuple[Progress, tuple[Ledger, ...]]:
        """Answers who in this process looks at a run."""
        return self._watchers.get(run_id, (lambda report, done, total: None, ()))


def _go_on_for_a_while(row: RunRow, worker: Worker) -> bool:
    journal, path = worker.journal, Path(row.file)
    document, bindings = _scenario_of(row)
    scenario = prepare(path, document, bindings, worker.settings, connection=row.connection)
    report = journal.report(row)
    progress, ledgers = worker.watchers(row.id)
    pause = _Pause(worker, row.id)
    try:
        with JournalLedger(journal, row.id) as ledger:
            run = Run(
                scenario,
                ledgers=(ledger, *ledgers),
                inputs=json.loads(row.inputs),
                after=report.cursor,
                report=report,
                should_stop=pause.is_due,
                progress=progress,
            )
            journal.begin(row.id)
            run.run()
        journal.save(row.id, report, [])
    finally:
        scenario.close()
    if report.stopped_by is not None or report.is_ended:
        journal.end(row.id, STATES[report.outcome], report.stopped_by)
        return True
    if pause.asked == "cancel":
        journal.end(row.id, State.CANCELED)
    elif pause.asked == "pause":
        journal.end(row.id, State.PAUSED)
    return pause.asked is not None


def _scenario_of(row: RunRow) -> tuple[Document, Bindings]:
    return blueprint.parse(row.document), validated(json.loads(row.bindings))


class _Pause:
    """Tells when a window is over, or a person wants the run to end."""

    def __init__(self, worker: Worker, run_id: str) -> None:
        self._worker, self._id = worker, run_id
        self._began = monotonic()
        self._ends: float | None = None
        self._looks_at = 0.0
        self.asked: str | None = None

    def is_due(self) -> bool:
        """Whether the run is to stop before its next bundle."""
        now = monotonic()
        if self._ends is None:
            self._ends = now + max(WINDOW_SECONDS, OPENINGS * (now - self._began))
        if now >= self._looks_at:
            self._looks_at = now + LOOK_SECONDS
            self.asked = self._worker.journal.asked(self._id)
        return self.asked is not None or now >= self._ends or self._worker.is_closing


class Locks:
    """Locks that die with who holds them: on files, or in sessions of PostgreSQL."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url if settings.database else None
        self._directory = settings.data.expanduser() / "workers"

    @contextmanager
    def held(self, executor: str) -> Iterator[None]:
        """Holds the lock of this process until the end of the block.

        Raises:
            StoreError: It cannot be taken.
        """
        if self._url is None:
            lock = self._file(executor)
            if lock is None:
                raise StoreError(f"the lock {executor} is held by another process")
            with lock:
                yield
            (self._directory / executor).unlink(missing_ok=True)
            return
        with self._session() as session:
            session.execute("select pg_advisory_lock(%s)", [_number(executor)])
            yield

    def is_dead(self, executor: str) -> bool:
        """Whether the process of that name is dead: then its lock can be taken."""
        if self._url is None:
            lock = self._file(executor)
            if lock is None:
                return False
            lock.close()
            return True
        with self._session() as session:
            taken = session.execute("select pg_try_advisory_lock(%s)", [_number(executor)])
            return bool(taken.fetchone()[0])

    def _file(self, executor: str) -> IO[bytes] | None:
        import fcntl  # Windows has none; there, workers need PostgreSQL

        self._directory.mkdir(parents=True, exist_ok=True)
        file = (self._directory / executor).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file

    def _session(self) -> Any:
        import psycopg

        assert self._url is not None
        url = self._url.replace("postgresql+psycopg://", "postgresql://", 1)
        return psycopg.connect(url, autocommit=True)


def _number(executor: str) -> int:
    digest = blake2b(executor.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
