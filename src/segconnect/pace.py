"""How fast one account is asked: by the rate that was set, or by what it shows that it takes."""

from __future__ import annotations

import asyncio
import random
from time import monotonic

BURST = 0.1  # seconds of a rate that may be made up for at once
WINDOW = 5.0  # seconds over which is counted what an account takes
IDLE = 1.0  # seconds without an answer, after which counting begins anew
FASTER, SOON = 0.05, 0.02  # a rate that nobody set grows by so much a second, and by more later
LEAST = 0.85  # of a rate that was found is kept when the account asks for a pause again
LEAST_TROUBLE = 0.05  # the share that fails, where hardly anything does
LATELY = 50  # answers of which the share that fails is told


class Pace:
    """Spaces requests to an account out; it belongs to one event loop.

    A rate that was set is kept. Without one, requests go as fast as they come, until the account
    asks for a pause twice within a short time: from then on as fast as it took them before, and
    slowly faster, until it asks again. A pause is for all requests.

    Args:
        rate: The most requests a second; None: find out.
        spread: Seconds over which requests begin again after a pause, at most.
    """

    def __init__(self, rate: float | None, spread: float) -> None:
        self.trouble = 1.0  # the share of requests that failed lately; all, until one came back
        self._heard_of = 0  # that came back, up to LATELY
        self._is_given, self.rate, self._spread = rate is not None, rate, spread
        self.is_held = self._is_given  # whether a request must wait for its turn
        self._quiet_until = self._next_due = 0.0
        self._learned, self._span = 0, 0.0  # requests that were taken, and in how many seconds
        self._least = 0.0  # the rate whatever was learned
        self._found_at: float | None = None  # the end of the last pause for a limit
        self._grown_at = self._since = self._since_before = self._last = 0.0
        self._count = self._count_before = 0  # requests that were taken, in two windows
        self._restart(monotonic())

    def taken(self) -> None:
        """Notes that the account took a request."""
        self._heard(0.0)
        now = monotonic()
        if now < self._quiet_until and self._span:  # it was sent before the pause
            self._learn(1)
            return
        if now - self._last > IDLE:
            self._restart(now)
        elif now - self._since > WINDOW:
            self._count_before, self._since_before = self._count, self._since
            self._count, self._since = 0, now
        self._count += 1
        self._last = now

    def back_off(self, most: float, tries: int, *, is_down: bool = False) -> float:
        """Notes that a request failed; answers the seconds until it is sent again, by chance.

        They are the fewer, the fewer of the others fail: then it is not the account that is ill,
        and the request was unlucky. One that fails again and again was not, and waits longer.

        Args:
            most: The seconds, at most.
            tries: How often it was sent again already.
            is_down: Whether nobody is there to answer any of the others, whatever came before.
        """
        self._heard(1.0)
        share = 1.0 if is_down else max(self.trouble, LEAST_TROUBLE)
        return random.uniform(0, most * share ** max(0.0, 4 - 0.75 * tries))

    def _heard(self, failed: float) -> None:
        self._heard_of = min(self._heard_of + 1, LATELY)
        self.trouble += (failed - self.trouble) / self._heard_of

    def _learn(self, more: int) -> None:
        self._learned += more
        self.rate = max(self._least, max(1, self._learned) / self._span)

    def _restart(self, now: float) -> None:
        self._count = self._count_before = 0
        self._since = self._since_before = self._last = now

    def pause(self, seconds: float, *, is_limit: bool) -> None:
        """Notes that the account asked for a pause: for its limit, or for other trouble."""
        now = monotonic()
        if not is_limit:
            self._span = 0.0  # what is taken during it says nothing of a limit
        elif not self._is_given and now >= self._quiet_until:  # the first one that is told
            self._least = LEAST * (self.rate or 0.0)
            if self._found_at is not None and (self.rate or now - self._found_at < WINDOW):
                self._learned, self._span = 0, now + seconds - self._since_before
                self._learn(self._count + self._count_before)
            self._found_at = self._grown_at = now + seconds
            self._restart(now + seconds)
        self._quiet_until = max(self._quiet_until, now + seconds)
        self.is_held = True

    async def turn(self) -> None:
        """Waits while the account has asked for a pause, then for the rate."""
        while True:
            while (left := self._quiet_until - monotonic()) > 0:
                await asyncio.sleep(left + random.uniform(0, min(left, self._spread)))
            if self.rate is None:
                self.is_held = False
                return
            now = monotonic()
            if not self._is_given and now > self._grown_at:
                since = now - (self._found_at or now)
                self.rate *= 1 + (FASTER + SOON * since) * (now - self._grown_at)
                self._grown_at = now
            due = max(self._next_due, now - BURST)
            self._next_due = due + 1 / self.rate
            if due <= now:
                return
            await asyncio.sleep(due - now)
            if monotonic() >= self._quiet_until:
                return
