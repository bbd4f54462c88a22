"""Dates as people and programs write them: ISO, or relative as PHP's strtotime reads them.

Source: the manual of PHP, "Supported Date and Time Formats"; what has no use in a report (Unix
times with fractions, ordinals as words beyond first and last, ISO weeks) is left out.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo

from segconnect.account.owner.choices import WEEKDAYS
from segconnect.errors import UsageError

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
STEPS = {"last": -1, "previous": -1, "this": 0, "next": 1}
FIXED = {
    "sec": timedelta(seconds=1), "second": timedelta(seconds=1),
    "min": timedelta(minutes=1), "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1), "day": timedelta(days=1),
    "week": timedelta(days=7), "fortnight": timedelta(days=14),
}  # fmt: skip

_UNIT = r"(sec|second|min|minute|hour|day|weekday|week|fortnight|month|year)s?"
_WEEKDAY = r"(mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday|s|rs|ur)?"
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_ZONE = r"(z|utc|gmt|[+-]\d{2}:?\d{2})"
_STEP = r"(last|previous|this|next)"

_PARTS = {
    "day_of": r"(first|last) day of\b",
    "weekday_of": rf"(first|second|third|fourth|fifth|last) {_WEEKDAY} of\b",
    "weekday_of_week": rf"{_WEEKDAY} {_STEP} week\b",
    "iso": r"(\d{4})-(\d{1,2})-(\d{1,2})(?=$|[t\s])",
    "iso_month": r"(\d{4})-(\d{1,2})(?=$|\s)",
    "american": r"(\d{1,2})/(\d{1,2})/(\d{4})\b",
    "dotted": r"(\d{1,2})\.(\d{1,2})\.(\d{4})\b",
    "day_month": rf"(\d{{1,2}})(?:st|nd|rd|th)? {_MONTH}(?: (\d{{4}}))?(?=$|\s)",
    "month_day": rf"{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?(?=$|\s)",
    "clock": rf"t?(\d{{1,2}}):(\d{{2}})(?::(\d{{2}})(?:\.\d+)?)?\s*{_ZONE}?(?=$|\s)",
    "unix": r"@(-?\d{1,12})\b",
    "word": r"(now|today|midnight|noon|yesterday|tomorrow)\b",
    "amount": rf"([+-]?\s*\d{{1,6}}) ?{_UNIT}( ago)?\b",
    "step": rf"{_STEP} {_UNIT}\b",
    "step_weekday": rf"{_STEP} {_WEEKDAY}\b",
    "any_weekday": rf"{_WEEKDAY}\b",
    "month_named": rf"{_MONTH}(?: (\d{{4}}))?(?=$|\s)",
    "year_named": r"(\d{4})(?=$|\s)",
}
MAX_TEXT = 200  # characters
_READ = [(name, re.compile(pattern)) for name, pattern in _PARTS.items()]


def read_moment(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Reads a date.

    Args:
        text: Such as `-30 day`, `first day of last month`, `monday this week` or 2026-02-28.
        now: What relative dates start from.
        zone: The zone of what does not say its own.

    Returns:
        The moment, in the zone.

    Raises:
        UsageError: It is no date.
    """
    reader = _Reader(now.astimezone(zone), zone)
    try:
        for name, arguments in _parts(text):
            getattr(reader, f"_{name}")(*arguments)
        return reader.answer()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text[:60]!r} is not a date; expected one such as 2026-02-28, -30 day,"
            " first day of last month, or monday this week"
        ) from None


def _parts(text: str) -> Iterator[tuple[str, tuple[str | None, ...]]]:
    """Takes a text apart; what cannot be read is a ValueError."""
    left = " ".join(text[:MAX_TEXT].lower().replace(",", " ").split())
    if not left:
        raise ValueError("no date")
    while left:
        name, match = next(
            ((name, match) for name, pattern in _READ if (match := pattern.match(left))),
            ("", None),
        )
        if match is None:
            raise ValueError("not a part of a date")
        yield name, match.groups()
        left = left[match.end() :].lstrip()


class _Reader:
    """What the parts of a text say. As in PHP, they take effect together, in a fixed order."""

    def __init__(self, now: datetime, zone: tzinfo) -> None:
        self._zone = zone
        self._year, self._month, self._day = now.year, now.month, now.day
        self._time: time | None = None  # None: as now, unless a part says otherwise
        self._now = now
        self._months = 0
        self._days = 0
        self._workdays = 0
        self._rest = timedelta()
        self._weekday: tuple[int, int] | None = None  # which, and what happens on that day itself
        self._in_week: tuple[int, int] | None = None  # which, and weeks from this one
        self._given = zone  # that the time was said in
        self._edge = ""  # first or last day of the month
        self._nth: tuple[int, int] | None = None  # which of the month, and the weekday

    # -- parts -----------------------------------------------------------------------------------

    def _date(self, year: int, month: int, day: int) -> None:
        datetime(year, month, day)  # noqa: DTZ001  # refuses a day that is not
        self._year, self._month, self._day = year, month, day
        self._reset()

    def _reset(self) -> None:
        if self._time is None:
            self._time = time()

    def _iso(self, year: str, month: str, day: str) -> None:
        self._date(int(year), int(month), int(day))

    def _iso_month(self, year: str, month: str) -> None:
        self._date(int(year), int(month), 1)

    def _american(self, month: str, day: str, year: str) -> None:
        self._date(int(year), int(month), int(day))

    def _dotted(self, day: str, month: str, year: str) -> None:
        self._date(int(year), int(month), int(day))

    def _day_month(self, day: str, month: str, year: str | None) -> None:
        self._date(int(year or self._year), _month(month), int(day))

    def _month_day(self, month: str, day: str, year: str | None) -> None:
        self._day_month(day, month, year)

    def _clock(self, hour: str, minute: str, second: str | None, zone: str | None) -> None:
        self._time = time(int(hour), int(minute), int(second or 0))
        if zone is not None:
            digits = zone.strip("zutcgm").replace(":", "") or "+0000"
            offset = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:]))
            self._given = timezone(offset if digits[0] == "+" else -offset)

    def _unix(self, seconds: str) -> None:
        moment = datetime.fromtimestamp(int(seconds), UTC).astimezone(self._zone)
        self._year, self._month, self._day = moment.year, moment.month, moment.day
        self._time = moment.time()

    def _word(self, word: str) -> None:
        if word == "now":
            return
        self._time = time(12) if word == "noon" else time()
        self._days += {"yesterday": -1, "tomorrow": 1}.get(word, 0)

    def _amount(self, number: str, unit: str, ago: str | None) -> None:
        self._add(int(number.replace(" ", "")) * (-1 if ago else 1), unit)

    def _step(self, step: str, unit: str) -> None:
        self._add(STEPS[step], unit)

    def _add(self, count: int, unit: str) -> None:
        if unit in ("month", "year"):
            self._months += count * (12 if unit == "year" else 1)
        elif unit == "weekday":
            self._workdays += count
        elif FIXED[unit] >= timedelta(days=1):
            self._days += count * FIXED[unit].days
        else:
            self._rest += count * FIXED[unit]

    def _on_weekday(self, name: str, behaviour: int) -> None:
        self._weekday = (_weekday(name), behaviour)
        self._reset()

    def _any_weekday(self, name: str) -> None:
        self._on_weekday(name, 0)

    def _step_weekday(self, step: str, name: str) -> None:
        self._on_weekday(name, STEPS[step])

    def _weekday_of_week(self, name: str, step: str) -> None:
        self._in_week = (_weekday(name), STEPS[step])
        self._reset()

    def _day_of(self, edge: str) -> None:
        self._edge = edge

    def _weekday_of(self, which: str, name: str) -> None:
        order = ("first", "second", "third", "fourth", "fifth")
        self._nth = (order.index(which) if which in order else -1, _weekday(name))
        self._reset()

    def _month_named(self, month: str, year: str | None) -> None:
        self._month = _month(month)
        if year:
            self._year, self._day = int(year), 1
        self._reset()

    def _year_named(self, year: str) -> None:
        self._year = int(year)

    # -- the answer ------------------------------------------------------------------------------

    def answer(self) -> datetime:
        """Puts the parts together."""
        months = self._year * 12 + self._month - 1 + self._months
        year, month = divmod(months, 12)
        if self._edge or self._nth:
            first = datetime(year, month + 1, 1)  # noqa: DTZ001  # a day; its zone comes last
            day = self._in_month(first)
        else:  # the 31st of a month of 30 days is the 1st of the next one
            day = datetime(year, month + 1, 1) + timedelta(self._day - 1)  # noqa: DTZ001  # as above
        day += timedelta(self._days)
        if self._in_week:
            weekday, weeks = self._in_week
            day += timedelta(weekday - day.weekday() + 7 * weeks)
        if self._weekday:
            weekday, behaviour = self._weekday
            ahead = (weekday - day.weekday()) % 7
            if behaviour > 0:
                ahead = ahead or 7
            elif behaviour < 0:
                ahead = (ahead or 7) - 7
                ahead = ahead or -7
            day += timedelta(ahead)
        for _ in range(abs(self._workdays)):
            day += timedelta(1 if self._workdays > 0 else -1)
            while day.weekday() > 4:
                day += timedelta(1 if self._workdays > 0 else -1)
        clock = self._now.time() if self._time is None else self._time
        local = datetime.combine(day, clock.replace(tzinfo=None), self._given)
        return (local.astimezone(UTC) + self._rest).astimezone(self._zone)

    def _in_month(self, first: datetime) -> datetime:
        days = monthrange(first.year, first.month)[1]
        if self._nth is None:
            return first + timedelta(days - 1 if self._edge == "last" else 0)
        nth, weekday = self._nth
        if nth >= 0:
            return first + timedelta((weekday - first.weekday()) % 7 + 7 * nth)
        last = first + timedelta(days - 1)
        return last - timedelta((last.weekday() - weekday) % 7)


def _weekday(name: str) -> int:
    return next(n for n, full in enumerate(WEEKDAYS) if full.startswith(name))


def _month(name: str) -> int:
    return next(n for n, full in enumerate(MONTHS, 1) if full.startswith(name))
