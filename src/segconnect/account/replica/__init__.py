"""The columnar copy of an account that reports are answered from: disposable, always up to date.

`copy` makes and refreshes one account's file, out of the tables in `tables`; `derived` finds who
is who and which visits they made, `crediting` what these are credited with. `asking`
knows when a question was asked, and `sharing` answers once what several wait for.
docs/decisions/replica.md lists what there is to ask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from segconnect.account.replica import crediting
from segconnect.account.replica.asking import asked_at
from segconnect.account.replica.copy import Copy
from segconnect.account.replica.crediting import Kept
from segconnect.account.replica.files import Slot
from segconnect.clock import now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_OPEN = 8  # copies that stay open while nobody reads them


@dataclass(frozen=True)
class Facts:
    """What a report is answered from: the account as it was at one moment."""

    connection: DuckDBPyConnection
    number: int  # the data's change number
    as_of: datetime  # all that was acknowledged before is in it
    fresh_at: float = float("-inf")  # the same, by the monotonic clock; of a kept state: never


@dataclass
class _Held:
    """An account's copy, and how many are at it."""

    slot: Slot
    copy: Copy
    lock: Lock = field(default_factory=Lock)
    readers: int = 0
    number: int = 0
    as_of: datetime = field(default_factory=now)
    fresh_at: float = float("-inf")  # all that was acknowledged before is in the copy

    def refresh(self, models: Sequence[Kept]) -> None:
        began, as_of, self.fresh_at = monotonic(), now(), float("-inf")
        self.number = self.copy.refresh(models)
        self.as_of, self.fresh_at = as_of, began

    def close(self) -> None:
        self.copy.close()
        self.slot.close()


class Replica:
    """The copies of all accounts of a store, as far as they are asked for."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine, self._directory = engine, directory
        self._lock = Lock()
        self._held: OrderedDict[int, _Held] = OrderedDict()  # the one read last is last

    @contextmanager
    def reading(self, account_pk: int, models: Sequence[str] = ()) -> Iterator[Facts]:
        """Answers the account's facts, with all that was acknowledged before.

        Args:
            account_pk: The account.
            models: Attribution models whose credits are needed, by their slugs; with a look-back
                window in days as in linear@30, under which name the credits are then kept.

        Raises:
            UsageError: One of the models is unknown, or its credits are not kept.
            StoreError: The store cannot be read, or the copy not be written.
        """
        wanted = crediting.named(models)
        asked = asked_at()
        held = self._take(account_pk)
        try:
            with held.lock:
                # whoever waited for the lock may find that what came before was brought in
                if held.fresh_at < asked or not held.copy.keeps(wanted):
                    held.refresh(wanted)
                cursor = held.copy.cursor()
                facts = Facts(cursor, held.number, held.as_of, held.fresh_at)
            try:
                yield facts
            finally:
                cursor.close()
        finally:
            with self._lock:
                held.readers -= 1

    def is_made(self, account_pk: int) -> bool:
        """Whether there is a copy of an account, which has to be brought up to date."""
        slot = Slot(self._directory, account_pk)
        try:
            return slot.current() is not None
        finally:
            slot.close()

    def close(self) -> None:
        """Closes all copies; nobody may be reading."""
        with self._lock:
            while self._held:
                self._held.popitem()[1].close()

    def _take(self, account_pk: int) -> _Held:
        with self._lock:
            held = self._held.get(account_pk)
            if held is None:
                slot = Slot(self._directory, account_pk)
                held = self._held[account_pk] = _Held(slot, Copy(self._engine, slot, account_pk))
            held.readers += 1
            self._held.move_to_end(account_pk)
            idle = [pk for pk, each in self._held.items() if not each.readers]
            for pk in idle[: max(0, len(self._held) - MAX_OPEN)]:
                self._held.pop(pk).close()
            return held
