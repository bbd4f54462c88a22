"""What time it is: the one place that asks, so that tests can say it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Answers the current moment, aware and UTC."""
    return datetime.now(UTC)
