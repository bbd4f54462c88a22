"""Moments as the tables have them: milliseconds since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from segconnect import clock


def millisecond(moment: datetime) -> int:
    """Answers a moment as the tables have it."""
    return int(moment.timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    """Answers a moment of the tables, aware and UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def now() -> int:
    """Answers the current moment as the tables have it."""
    return millisecond(clock.now())
