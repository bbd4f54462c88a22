"""How busy a webhook may be: requests in ten seconds, and requests that wait."""

from __future__ import annotations

from collections import deque
from math import ceil

RATE_SECONDS = 10.0
COUNT_SECONDS = 0.5  # between two counts of what waits
COUNT_SECONDS_FULL = 0.05  # the same while the queue is full


class Rate:
    """Notes when requests came, as far back as the rate looks."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque()

    def wait(self, most: int, now: float) -> int:
        """Notes a request; answers the seconds to wait instead if there were too many.

        Args:
            most: Requests in ten seconds; 0 is any number.
            now: Seconds of a clock that only goes on.
        """
        if not most:
            return 0
        calls = self._calls
        while calls and now - calls[0] >= RATE_SECONDS:
            calls.popleft()
        if len(calls) >= most:
            return ceil(RATE_SECONDS - (now - calls[len(calls) - most]))
        calls.append(now)
        return 0


class Queue:
    """How many of a webhook's requests wait: counted now and then, and in between added to.

    What is still being written counts, too, so that those who come together do not overfill it.
    """

    def __init__(self) -> None:
        self._counted = 0
        self._admitted = self._writing = 0
        self._mark = 0  # of those who were admitted: they, and none after, are in the count
        self._counted_at: float | None = None

    @property
    def is_counted(self) -> bool:
        """Whether what waits was ever counted."""
        return self._counted_at is not None

    def is_full(self, most: int) -> bool:
        """Whether as many wait as may, as far as is known."""
        return self._counted + self._admitted - self._mark >= most

    def is_due(self, most: int, now: float) -> bool:
        """Whether what waits should be counted again."""
        if self._counted_at is None:
            return True
        rest = COUNT_SECONDS_FULL if self.is_full(most) else COUNT_SECONDS
        return now - self._counted_at > rest

    def begin_count(self) -> int:
        """Answers a mark, for `end_count`: what is not on disk now may not be in the count."""
        return self._admitted - self._writing

    def end_count(self, counted: int, mark: int, now: float) -> None:
        """Takes a count."""
        self._counted, self._mark, self._counted_at = counted, mark, now

    def admit(self) -> None:
        """Lets a request in; once it is written, or could not be, `settle` it."""
        self._admitted += 1
        self._writing += 1

    def settle(self) -> None:
        """Says that a request is written, or could not be; the next count will tell."""
        self._writing -= 1
