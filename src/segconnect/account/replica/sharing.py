"""Answers that several wait for are found once: of what many look at, and ask for at one time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

from segconnect.account.replica.asking import asked_at

T = TypeVar("T")


@dataclass
class _Question:
    """What is asked just now, and by how many."""

    lock: Lock = field(default_factory=Lock)
    people: int = 0
    fresh_at: float = float("-inf")  # all that was acknowledged before is in the answer
    answer: Any = None


class Shared(Generic[T]):
    """The answers that somebody waits for; none is kept when nobody does."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: dict[Hashable, _Question] = {}

    def answer(self, question: Hashable, find: Callable[[], tuple[T, float]]) -> T:
        """Answers a question, with all that was acknowledged before it was asked.

        Who waits for another one's answer takes it, if it is as new as that; else finds the next.

        Args:
            question: What is asked, with all that the answer depends on besides the replica.
            find: Finds the answer, and until when all that was acknowledged is in it.
        """
        asked = asked_at()
        with self._lock:
            found = self._asked.setdefault(question, _Question())
            found.people += 1
        try:
            with found.lock:
                if found.fresh_at < asked:
                    found.answer, found.fresh_at = find()
                answer: T = found.answer
                return answer
        finally:
            with self._lock:
                found.people -= 1
                if not found.people:
                    del self._asked[question]
