"""Writes the outcome of each bundle down while a run goes on: many in one commit, soon."""

from __future__ import annotations

from threading import Condition, Lock, Thread
from types import TracebackType
from typing import Self

from segconnect.scenario.journal import Journal, Outcomes, RunRow
from segconnect.scenario.journal.intents import JournalIntents
from segconnect.scenario.runner import Report, Settled

MOST_AHEAD = 2_000
"""Bundles that may be settled and not yet on disk; whoever settles more waits for the disk."""

GATHER_SECONDS = 0.001
"""How long a commit waits for more bundles, unless somebody waits for it."""


class JournalLedger:
    """Keeps a run's outcomes in the journal, by a thread that commits what has come meanwhile.

    After a crash at most MOST_AHEAD bundles, nearly always a few, are taken up again though they
    were done.
    """

    def __init__(self, journal: Journal, run: RunRow, intents: JournalIntents) -> None:
        self._journal, self._run, self._intents = journal, run, intents
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._report: Report | None = None  # what is not on disk yet
        self._outcomes = Outcomes()
        self._ahead = 0
        self._is_idle = self._is_ended = False
        self._failure: Exception | None = None
        self._thread = Thread(target=self._write, name="journal", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def settle(self, settled: Settled, report: Report) -> None:
        """Notes a bundle; waits only if the disk cannot keep up.

        Raises:
            StoreError: The journal cannot be written.
        """
        with self._lock:  # for each bundle: a condition itself takes longer to enter
            self._outcomes.add(settled, report.read)
            self._outcomes.forgets_intents = self._intents.is_used
            self._report = report.snapshot()
            self._ahead += 1
            if self._is_idle or self._is_urgent:
                self._changed.notify_all()
            while self._ahead > MOST_AHEAD and self._failure is None:
                self._changed.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def _is_urgent(self) -> bool:
        """Whether somebody waits for the next commit."""
        return self._is_ended or self._ahead > MOST_AHEAD / 2 or bool(self._outcomes.responses)

    def _write(self) -> None:
        while True:
            with self._changed:
                self._is_idle = True
                self._changed.wait_for(lambda: self._report is not None or self._is_ended)
                self._is_idle = False
                self._changed.wait_for(lambda: self._is_urgent, timeout=GATHER_SECONDS)
                if self._report is None:
                    return
                report, outcomes = self._report, self._outcomes
                self._report, self._outcomes, self._ahead = None, Outcomes(), 0
                self._changed.notify_all()
            try:
                self._journal.save(self._run, report, outcomes)
            except Exception as error:
                with self._changed:
                    self._failure = error
                    self._changed.notify_all()
                return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure
