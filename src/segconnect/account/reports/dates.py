"""The range of a report: whole days of the account's time zone, and the parts it is shown by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from segconnect.account.owner.choices import WEEKDAYS
from segconnect.account.reports.relative_dates import read_moment
from segconnect.errors import UsageError, unknown_name

SCALES = ("day", "week", "month", "quarter", "year")
DEFAULT_START, DEFAULT_END = "-30 day", "now"
MAX_DAYS = 36_600  # a century
MAX_PARTS = 5000


class Bucket(NamedTuple):
    """A part of a range."""

    name: str
    first: date
    last: date


@dataclass(frozen=True)
class Period:
    """A range, both ends included."""

    first: date
    last: date
    scale: str = ""  # what it is told by; "" tells it as a whole
    week_start: int = 0  # Monday

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def told_by(self, scale: str) -> Period:
        """The same range, told by days, weeks or so; "" for the whole of it."""
        return replace(self, scale=scale)

    def buckets(self) -> Iterator[Bucket]:
        """Answers its parts in order, each cut to the range. A week is named by its first day."""
        if not self.scale:
            yield Bucket("", self.first, self.last)
            return
        first = self.first
        while first <= self.last:
            begin = self._begin(first)
            end = self._end(begin)
            yield Bucket(self._name(begin), first, min(end, self.last))
            first = end + timedelta(1)

    def _begin(self, day: date) -> date:
        if self.scale == "week":
            return day - timedelta((day.weekday() - self.week_start) % 7)
        if self.scale == "month":
            return day.replace(day=1)
        if self.scale == "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        return day.replace(month=1, day=1) if self.scale == "year" else day

    def _end(self, begin: date) -> date:
        months = {"month": 1, "quarter": 3, "year": 12}.get(self.scale)
        if months is None:
            return begin + timedelta(6 if self.scale == "week" else 0)
        return months_later(begin, months) - timedelta(1)

    def _name(self, begin: date) -> str:
        if self.scale == "month":
            return f"{begin:%Y-%m}"
        if self.scale == "quarter":
            return f"{begin.year:04}-Q{(begin.month + 2) // 3}"
        return f"{begin.year:04}" if self.scale == "year" else begin.isoformat()

    def before(self) -> Period:
        """The range right before it: whole months before whole months, else as many days."""
        if self.first.day == 1 and (self.last + timedelta(1)).day == 1:
            months = (
                (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
            )
            return replace(
                self, first=months_later(self.first, -months), last=self.first - timedelta(1)
            )
        return replace(
            self, first=self.first - timedelta(self.days), last=self.first - timedelta(1)
        )

    def year_before(self) -> Period:
        """The same range a year ago; 29 February was the 28th."""
        last = months_later(self.last, -12)
        if self.last.month == 2 and (self.last + timedelta(1)).day == 1:
            last = months_later(self.last.replace(day=1), -11) - timedelta(1)  # a whole February
        return replace(self, first=months_later(self.first, -12), last=last)


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    following = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(first + timedelta(day.day - 1), following - timedelta(1))


def read_period(
    start: str | None,
    end: str | None,
    scale: str | None,
    *,
    now: datetime,
    zone: tzinfo,
    week_start: str = "monday",
) -> Period:
    """Reads a range. Without a start it covers the last 30 days up to now.

    Raises:
        UsageError: A date cannot be read, the end is before the start, or the scale is unknown.
    """
    if scale is not None and scale not in SCALES:
        raise UsageError(unknown_name("scale", scale[:100], SCALES))
    if week_start not in WEEKDAYS:
        raise UsageError(unknown_name("first day of the week", week_start, WEEKDAYS))
    last = read_moment(end or DEFAULT_END, now, zone).date()
    first = read_moment(start or DEFAULT_START, now, zone).date()
    if last < first:
        raise UsageError(f"the range ends on {last}, before it starts on {first}")
    period = Period(first, last, scale or "", WEEKDAYS.index(week_start))
    if period.days > MAX_DAYS:
        raise UsageError(f"the range has {period.days} days; at most {MAX_DAYS}, a century")
    if scale and sum(1 for _ in period.buckets()) > MAX_PARTS:
        raise UsageError(f"the range has more than {MAX_PARTS} {scale}s; take a coarser scale")
    return period
