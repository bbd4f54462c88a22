"""Runs that go on whatever happens: DBOS workflows over the journal.

A run is a workflow, and each of its steps a window of bundles. How far it is within a window is in
the journal, which is written while it goes on; so a process that dies costs no bundle, and another
one that finds it dead goes on where it was.

A process holds a lock for as long as it lives, on a file or in PostgreSQL: whoever can take the
lock of another one knows that it is dead, and only then takes its runs over.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import ExitStack
from threading import Condition
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from segconnect.errors import ScenarioError, SegconnectError, UsageError
from segconnect.scenario.executing import Executor
from segconnect.scenario.journal import Journal, State, url_of
from segconnect.scenario.locks import Locks
from segconnect.scenario.runner import Ledger, Progress, Report
from segconnect.settings import Settings

CLOSE_SECONDS = 10.0  # for which windows may settle what is on its way when the process ends
VERSION = "2"  # of the workflow; another one does not take up runs of this one
SIDE_BY_SIDE = 8  # runs at work in one process
QUEUE = "runs"
LOG = logging.getLogger(__name__)


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
        self._is_brief = is_brief
        self._executor = Executor(settings, journal, lambda: self.is_closing)
        self.results = self._executor.results
        self._at_work = 0  # windows
        self._changed = Condition()
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
                # DBOS sleeps so long before it ends
                "notification_listener_polling_interval_sec": 0.05 if self._is_brief else 1.0,
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
        if self._is_brief:
            DBOS.listen_queues([])  # the one run is begun here
        DBOS.launch()
        if not self._is_brief:
            DBOS.register_queue(QUEUE, worker_concurrency=SIDE_BY_SIDE, polling_interval_sec=0.25)
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

    def enqueue(self, run_id: str, turn: str = "0") -> None:
        """Hands a run to whichever worker has room; doing it twice is harmless.

        Args:
            run_id: The run.
            turn: Tells when it is gone on with from when it began.
        """
        from dbos import SetWorkflowID

        with SetWorkflowID(f"{run_id}-{turn}"):
            self._dbos.enqueue_workflow(QUEUE, self._workflow, run_id)

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
        turn = uuid4().hex[:6]  # a run that rested goes on in a workflow of its own
        with self._executor.watched(run_id, progress, ledgers):
            with SetWorkflowID(f"{run_id}-{turn}"):
                handle = self._dbos.start_workflow(self._workflow, run_id)
            while True:
                try:
                    handle.get_result()
                    break
                except KeyboardInterrupt:  # once: the run rests, and can be gone on with
                    self.journal.ask(run_id, "pause")
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
            if each.status == "PENDING" and not self._locks.is_dead(each.executor_id):
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
            return self._executor.go_on(row)
        except Exception as error:
            told = error if isinstance(error, SegconnectError) else None
            if told is None:
                LOG.exception("run %s", run_id)
                told = ScenarioError(f"a fault of segconnect: {type(error).__name__}: {error}")
            self._executor.fail(row, told)
            return True
