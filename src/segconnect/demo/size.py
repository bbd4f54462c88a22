"""How large the invented shop is, and when all of it happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

OUTCOMES = {"voided": 17, "pending": 22, "refunded": 19, "partially_refunded": 9}
"""What became of so many of 420 orders; the rest were paid."""

FATES = {"canceled": 11, "trialing": 5, "past_due": 3, "leaving": 2}
"""What became of so many of 60 subscriptions; the rest are active."""


@dataclass(frozen=True)
class Size:
    """A shop's size. The counts of people are those of an export each."""

    as_of: datetime  # when all files are exported; nothing happens after it
    opened: date
    first_ad_day: date  # the ads run from then on
    joined_days: int  # for so long people have joined
    subscribed_days: int
    audience: int  # in the first newsletter tool
    letters: int  # only in the second one
    shared: int  # in both
    guests: int  # who buy and are in neither
    orders: int
    subscriptions: int

    def ad_days(self) -> Iterator[date]:
        """Answers the days on which the ads run."""
        for number in range((self.as_of.date() - self.first_ad_day).days):
            yield self.first_ad_day + timedelta(days=number)

    def outcomes(self) -> dict[str, int]:
        """Answers how many orders were not simply paid."""
        return {status: count * self.orders // 420 for status, count in OUTCOMES.items()}

    def fates(self) -> dict[str, int]:
        """Answers how many subscriptions are not simply active."""
        return {fate: count * self.subscriptions // 60 for fate, count in FATES.items()}


SMALL = Size(
    as_of=datetime(2026, 10, 1, tzinfo=UTC),
    opened=date(2026, 2, 2),
    first_ad_day=date(2026, 9, 1),
    joined_days=480,
    subscribed_days=400,
    audience=232,
    letters=68,
    shared=16,
    guests=62,
    orders=420,
    subscriptions=60,
)
"""The shop of examples/exports."""


def two_years(today: date) -> Size:
    """A larger shop, whose two years end with the day before this one."""
    return Size(
        as_of=datetime.combine(today, time(), UTC),
        opened=today - timedelta(days=730),
        first_ad_day=today - timedelta(days=730),
        joined_days=760,
        subscribed_days=720,
        audience=1_650,
        letters=420,
        shared=90,
        guests=230,
        orders=2_700,
        subscriptions=420,
    )
