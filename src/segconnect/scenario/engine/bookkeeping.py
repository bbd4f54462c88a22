"""Between runs: when a scenario that fails is switched off, and when it starts again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from segconnect.scenario.engine.result import Incomplete, Result
from segconnect.scenario.engine.settings import ScenarioSettings

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

RETRIES = (MINUTE, 10 * MINUTE, 10 * MINUTE, *[30 * MINUTE] * 3, 3 * HOUR, 3 * HOUR)
"""How long an incomplete execution waits before each try.

Source: help.make.com, exponential backoff.
"""

BACK_OFF = (MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 12 * HOUR, 24 * HOUR)
"""How long a scenario rests after each failed run in a row that trying again may help.

Source: help.make.com, exponential backoff.
"""

OLDER_BACK_OFF = (10 * MINUTE, HOUR, 3 * HOUR, 12 * HOUR, 24 * HOUR)
"""The same in the words of older manuals. Source: doc.ibexa.co, errors/error_processing."""

_RETRIED = ("ConnectionError", "RateLimitError", "ModuleTimeoutError")


class Verdict(NamedTuple):
    """What a run means for the next one."""

    consecutive_errors: int
    is_disabled: bool
    rest: timedelta | None  # None: start when the schedule says so


def verdict(
    result: Result,
    consecutive_errors: int,
    settings: ScenarioSettings,
    *,
    is_instant: bool = False,
    back_off: Sequence[timedelta] = BACK_OFF,
) -> Verdict:
    """Decides after a run whether the scenario goes on, and when.

    Args:
        result: The run.
        consecutive_errors: How many runs before it failed in a row.
        settings: The scenario's.
        is_instant: Whether a webhook starts it; then the first error switches it off.
        back_off: How long to rest after failures that trying again may help.
    """
    if not result.counts:
        return Verdict(0, result.disables, result.pause)
    count = consecutive_errors + 1
    kind = result.error.kind if result.error else ""
    if result.disables or is_instant:
        return Verdict(count, True, None)
    if kind in _RETRIED:
        if count > len(back_off):
            return Verdict(count, True, None)
        return Verdict(count, False, max(back_off[count - 1], result.pause or timedelta()))
    return Verdict(count, count >= settings.max_errors, result.pause)


def retry_after(incomplete: Incomplete) -> timedelta | None:
    """Answers how long an incomplete execution waits for its next try; None: for a person."""
    if incomplete.is_resolved or incomplete.attempts >= incomplete.retries:
        return None
    if incomplete.interval is not None:
        return incomplete.interval
    return RETRIES[min(incomplete.attempts, len(RETRIES) - 1)]
