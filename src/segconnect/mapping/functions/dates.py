"""Date functions. Their wall clock is that of the organisation's time zone."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, DecimalException

from segconnect.mapping.context import Context
from segconnect.mapping.moment_parser import parse_as
from segconnect.mapping.moments import MONTHS, WEEKDAYS, format_moment, in_zone, weekday
from segconnect.mapping.registry import function
from segconnect.mapping.values import (
    Number,
    UnusableError,
    Value,
    as_utc,
    shown,
    to_date,
    to_number,
    to_text,
)


@function(
    'formatDate("2016-06-20T17:26:44.356Z"; "DD.MM.YYYY HH:mm") → "20.06.2016 17:26"',
    'formatDate("2016-06-20T17:26:44Z"; "HH:mm Z"; "Europe/Prague") → "19:26 +02:00"',
)
def format_date(context: Context, date: datetime, format: str, timezone: str = "") -> str:  # noqa: A002
    """Writes a date in a format of tokens, in the organisation's time zone or in another."""
    return format_moment(date, format, context.zone_or_own(timezone) if timezone else context.zone)


@function(
    'parseDate("28/12/2016"; "DD/MM/YYYY") → "2016-12-28T00:00:00.000Z"',
    'parseDate("1482929804"; "X") → "2016-12-28T12:56:44.000Z"',
    'parseDate("2016-12-28 13:00"; "YYYY-MM-DD HH:mm"; "Europe/Prague")'
    ' → "2016-12-28T12:00:00.000Z"',
)
def parse_date(context: Context, date: Value, format: str = "", timezone: str = "") -> datetime:  # noqa: A002
    """Reads a date that is written in a format of tokens; without one, in a supported format."""
    zone = context.zone_or_own(timezone) if timezone else context.zone
    if not format or isinstance(date, datetime):
        return to_date(date, zone)
    return parse_as(to_text(date), format, zone, lambda: context.now)


@function('addSeconds("2016-12-08T08:55:57Z"; 2) → "2016-12-08T08:55:59.000Z"')
def add_seconds(date: datetime, number: Number) -> datetime:
    """Adds seconds; a negative number takes them away."""
    return _later(date, number, 1)


@function('addMinutes("2016-12-08T08:55:57Z"; 2) → "2016-12-08T08:57:57.000Z"')
def add_minutes(date: datetime, number: Number) -> datetime:
    """Adds minutes."""
    return _later(date, number, 60)


@function(
    'addHours("2016-12-08T08:55:57Z"; 2) → "2016-12-08T10:55:57.000Z"',
    'addHours("2016-12-08T08:00:00Z"; -24.5) → "2016-12-07T07:30:00.000Z"',
)
def add_hours(date: datetime, number: Number) -> datetime:
    """Adds hours; parts of one count."""
    return _later(date, number, 3600)


@function('addDays("2016-12-08T08:55:57Z"; 2) → "2016-12-10T08:55:57.000Z"')
def add_days(context: Context, date: datetime, number: Number) -> datetime:
    """Adds days, rounded to whole ones; the wall clock stays the same."""
    days = _whole(number)
    return _on_wall_clock(context, date, lambda wall: wall + timedelta(days=days))


@function(
    'addMonths("2016-08-08T08:55:57Z"; 2) → "2016-10-08T08:55:57.000Z"',
    'addMonths("2023-01-31T12:00:00Z"; 1) → "2023-02-28T12:00:00.000Z"',
)
def add_months(context: Context, date: datetime, number: Number) -> datetime:
    """Adds months, rounded to whole ones; a day that the month does not have is its last."""
    return _add_months(context, date, _whole(number))


@function('addYears("2016-08-08T08:55:57Z"; 2) → "2018-08-08T08:55:57.000Z"')
def add_years(context: Context, date: datetime, number: Number) -> datetime:
    """Adds years; the 29th of February becomes the 28th where there is none."""
    return _add_months(context, date, _whole(number * 12))


@function('setSecond("2015-10-07T11:36:39.138Z"; 61) → "2015-10-07T11:37:01.138Z"')
def set_second(context: Context, date: datetime, number: Number) -> datetime:
    """Sets the second; outside 0 to 59 it goes on into other minutes."""
    count = int(_bounded(number))
    return _on_wall_clock(
        context, date, lambda wall: wall.replace(second=0) + timedelta(seconds=count)
    )


@function('setMinute("2015-10-07T11:36:39.138Z"; 10) → "2015-10-07T11:10:39.138Z"')
def set_minute(context: Context, date: datetime, number: Number) -> datetime:
    """Sets the minute; outside 0 to 59 it goes on into other hours."""
    count = int(_bounded(number))
    return _on_wall_clock(
        context, date, lambda wall: wall.replace(minute=0) + timedelta(minutes=count)
    )


@function('setHour("2015-10-07T11:36:39.138Z"; 6) → "2015-10-07T06:36:39.138Z"')
def set_hour(context: Context, date: datetime, number: Number) -> datetime:
    """Sets the hour; outside 0 to 23 it goes on into other days."""
    count = int(_bounded(number))
    return _on_wall_clock(context, date, lambda wall: wall.replace(hour=0) + timedelta(hours=count))


@function(
    'setDay("2018-06-27T11:36:39.138Z"; "monday") → "2018-06-25T11:36:39.138Z"',
    'setDay("2018-06-27T11:36:39.138Z"; 1) → "2018-06-24T11:36:39.138Z"',
)
def set_day(context: Context, date: datetime, number_or_name: Value) -> datetime:
    """Sets the day of the week, 1 is Sunday and 7 Saturday; outside it goes on into other weeks."""
    number = _named(number_or_name, WEEKDAYS, "day of the week")
    return _on_wall_clock(
        context, date, lambda wall: wall + timedelta(days=number - 1 - weekday(wall))
    )


@function('setDate("2015-08-07T11:36:39.138Z"; 32) → "2015-09-01T11:36:39.138Z"')
def set_date(context: Context, date: datetime, number: Number) -> datetime:
    """Sets the day of the month; outside the month it goes on into others."""
    count = int(_bounded(number)) - 1
    return _on_wall_clock(context, date, lambda wall: wall.replace(day=1) + timedelta(days=count))


@function(
    'setMonth("2015-08-07T11:36:39.138Z"; 5) → "2015-05-07T11:36:39.138Z"',
    'setMonth("2015-08-07T11:36:39.138Z"; 17) → "2016-05-07T11:36:39.138Z"',
    'setMonth("2015-08-07T11:36:39.138Z"; "january") → "2015-01-07T11:36:39.138Z"',
)
def set_month(context: Context, date: datetime, number_or_name: Value) -> datetime:
    """Sets the month, by number or English name; outside 1 to 12 it goes on into other years."""
    number = _named(number_or_name, MONTHS, "month")
    return _on_wall_clock(context, date, lambda wall: _in_month(wall, wall.year, number))


@function('setYear("2015-08-07T11:36:39.138Z"; 2017) → "2017-08-07T11:36:39.138Z"')
def set_year(context: Context, date: datetime, number: Number) -> datetime:
    """Sets the year."""
    year = int(_bounded(number))
    return _on_wall_clock(context, date, lambda wall: _in_month(wall, year, wall.month))


def _on_wall_clock(
    context: Context, date: datetime, change: Callable[[datetime], datetime]
) -> datetime:
    """Changes what the wall clock shows; a time that it skips is moved on by what it skips."""
    if context.zone is UTC and date.tzinfo is UTC:
        try:
            return change(date)
        except (OverflowError, ValueError):
            raise UnusableError("the date would be out of range") from None
    wall = in_zone(as_utc(date), context.zone)
    try:
        changed = change(wall.replace(tzinfo=None))
    except (OverflowError, ValueError):
        raise UnusableError("the date would be out of range") from None
    return as_utc(changed.replace(tzinfo=context.zone))


def _later(date: datetime, number: Number, seconds: int) -> datetime:
    try:
        return as_utc(date) + timedelta(microseconds=int(number * seconds * 1_000_000))
    except (OverflowError, ValueError, DecimalException):
        raise UnusableError("the date would be out of range") from None


def _add_months(context: Context, date: datetime, months: int) -> datetime:
    return _on_wall_clock(
        context, date, lambda wall: _in_month(wall, wall.year, wall.month + months)
    )


def _in_month(wall: datetime, year: int, month: int) -> datetime:
    """The same day and time in another month, where 13 is January of the year after."""
    years, month = divmod(month - 1, 12)
    year, month = year + years, month + 1
    if not 1 <= year <= 9999:
        raise ValueError(year)
    return wall.replace(year=year, month=month, day=min(wall.day, monthrange(year, month)[1]))


def _named(value: Value, names: list[str], what: str) -> int:
    if isinstance(value, str):
        small = value.strip().lower()
        for position, name in enumerate(names, 1):
            if small in (name.lower(), name[:3].lower()):
                return position
    try:
        return int(_bounded(to_number(value)))
    except UnusableError:
        raise UnusableError(f"{shown(value)} is no {what}: a number or an English name") from None


def _whole(number: Number) -> int:
    if type(number) is int:
        return int(_bounded(number))
    return int(Decimal(_bounded(number)).to_integral_value(ROUND_HALF_UP))


def _bounded(number: Number) -> Number:
    if not -(10**12) <= number <= 10**12:
        raise UnusableError("the date would be out of range")
    return number
