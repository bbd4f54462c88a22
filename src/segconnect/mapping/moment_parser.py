"""Dates read with the tokens of moment.js, in its forgiving way.

Each token takes the first place in the rest of the text that looks like it; what stands before is
skipped, and a token that finds nothing is passed over. What the text does not say is taken from the
current day down to the first part that it does say, and from the beginning of that part on.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeAlias

from segconnect.mapping.moments import (
    MAX_FORMAT,
    MONTHS,
    WEEKDAYS,
    first_sunday,
    in_zone,
    literal,
    sunday_week,
    tokens_of,
    weekday,
)
from segconnect.mapping.values import UnusableError, as_utc, from_milliseconds, shown

MAX_DATE_TEXT: Final = 1000
"""Characters of a text that is read as a date."""


@dataclass(slots=True)
class _Found:
    """What the tokens have found so far; None is what no token has."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: int = 0
    minute: int = 0
    second: int = 0
    micros: int = 0
    has_time: bool = False
    day_of_year: int | None = None
    weekday: int | None = None  # 0 is Sunday
    iso_weekday: int | None = None
    iso_week: int | None = None
    iso_year: int | None = None
    week: int | None = None
    week_year: int | None = None
    is_afternoon: bool | None = None
    offset: tzinfo | None = None
    instant: datetime | None = None
    problems: list[str] = field(default_factory=list)


_Reader: TypeAlias = Callable[[_Found, str], None]
_WORD = r"\d{0,256}['a-z\u00a0-\u05ff\u0700-\ud7ff\uf900-\ufdcf\ufdf0-\uff07\uff10-\uffef]{1,256}"
_ONE_OR_TWO = r"\d\d?"


def parse_as(text: str, pattern: str, zone: tzinfo, now: Callable[[], datetime]) -> datetime:
    """Reads a date in a format.

    Args:
        text: The date.
        pattern: The format, in tokens.
        zone: The zone that the date is in, where the text has no offset.
        now: Answers the moment that missing parts are taken from.

    Returns:
        The moment, in UTC.

    Raises:
        UnusableError: The text does not fit the format, or says a date that is not.
    """
    if len(text) > MAX_DATE_TEXT or len(pattern) > MAX_FORMAT:
        raise UnusableError("the date or its format is too long")
    found, rest, is_empty = _Found(), text, True
    for matcher, read in _steps(pattern):
        match = matcher.search(rest)
        if match is None:
            continue
        rest = rest[match.end() :]
        if read is not None:
            is_empty = False
            read(found, match.group())
    if is_empty:
        found.problems.append("nothing of it is in the text")
    try:
        return _moment(found, zone, now)
    except (UnusableError, OverflowError, ValueError) as error:
        raise UnusableError(
            f"{shown(text)} is not a date in the format {shown(pattern)}: {error}"
        ) from None


def _moment(found: _Found, zone: tzinfo, now: Callable[[], datetime]) -> datetime:
    if found.problems:
        raise UnusableError(found.problems[0])
    if found.instant is not None:
        return as_utc(found.instant)
    _settle_weeks(found, zone, now)
    given = (found.year, found.month, found.day)
    if found.day_of_year is not None:
        year = in_zone(now(), zone).year if found.year is None else found.year
        first = date(_checked_year(year), 1, 1)
        if not 0 < found.day_of_year <= (366 if monthrange(year, 2)[1] == 29 else 365):
            raise UnusableError(f"{year} has no day {found.day_of_year}")
        day = first + timedelta(days=found.day_of_year - 1)
    elif None not in given:
        day = _checked_day(*(part or 0 for part in given))
    else:
        today = in_zone(now(), zone)
        if found.year is not None:
            day = _checked_day(found.year, found.month or 1, found.day or 1)
        elif found.month is not None:
            day = _checked_day(today.year, found.month, found.day or 1)
        elif found.day is not None:
            day = _checked_day(today.year, today.month, found.day)
        else:
            day = today.date()
    if found.weekday is not None and found.weekday != weekday(day):
        raise UnusableError(f"{day.isoformat()} is no {WEEKDAYS[found.weekday]}")
    wall = datetime.combine(day, time.min) + _time_of_day(found)
    return as_utc(wall.replace(tzinfo=found.offset or zone))


def _time_of_day(found: _Found) -> timedelta:
    hour = found.hour
    if found.is_afternoon is True and hour < 12:
        hour += 12
    elif found.is_afternoon is False and hour == 12:
        hour = 0
    is_midnight = hour == 24 and not (found.minute or found.second or found.micros)
    if hour > 23 and not is_midnight:
        raise UnusableError(f"there is no hour {hour}")
    if found.minute > 59:
        raise UnusableError(f"there is no minute {found.minute}")
    if found.second > 59:
        raise UnusableError(f"there is no second {found.second}")
    return timedelta(
        hours=hour, minutes=found.minute, seconds=found.second, microseconds=found.micros
    )


def _checked_year(year: int) -> int:
    if not 1 <= year <= 9999:
        raise UnusableError(f"the year {year} is out of range")
    return year


def _checked_day(year: int, month: int, day: int) -> date:
    _checked_year(year)
    if not 1 <= month <= 12:
        raise UnusableError(f"there is no month {month}")
    if not 1 <= day <= monthrange(year, month)[1]:
        raise UnusableError(f"{MONTHS[month - 1]} {year} has no day {day}")
    return date(year, month, day)


def _settle_weeks(found: _Found, zone: tzinfo, now: Callable[[], datetime]) -> None:
    """Makes a year and a day of the year of what tokens for weeks have found."""
    if found.month is not None or found.day is not None:
        return
    today = None
    if not (found.iso_year is None and found.iso_week is None and found.iso_weekday is None):
        today = in_zone(now(), zone).date()
        year = found.iso_year or found.year or today.isocalendar().year
        week, day = found.iso_week or 1, found.iso_weekday or 1
        if found.iso_week == 0 or not 1 <= day <= 7:
            raise UnusableError("there is no such week, or day of a week")
        settled = date.fromisocalendar(_checked_year(year), week, day)
    elif not (found.week_year is None and found.week is None and found.weekday is None):
        today = in_zone(now(), zone).date()
        current_year, current_week = sunday_week(today)
        year = found.week_year or found.year or current_year
        week = current_week if found.week is None else found.week
        number = first_sunday(_checked_year(year)) + (week - 1) * 7 + (found.weekday or 0)
        settled = date.fromordinal(number)
        if not 1 <= week <= 53 or sunday_week(settled)[0] != year:
            raise UnusableError(f"{year} has no week {week}")
    else:
        return
    found.year, found.day_of_year = settled.year, settled.timetuple().tm_yday


@lru_cache(maxsize=1024)
def _steps(pattern: str) -> list[tuple[re.Pattern[str], _Reader | None]]:
    steps: list[tuple[re.Pattern[str], _Reader | None]] = []
    for token in tokens_of(pattern):
        if token in _READERS:
            expression, read = _READERS[token]
            steps.append((re.compile(expression, re.IGNORECASE), read))
        else:
            steps.append((re.compile(re.escape(literal(token)), re.IGNORECASE), None))
    return steps


def _number(name: str) -> _Reader:
    return lambda found, text: setattr(found, name, int(text))


def _two_digit_year(text: str) -> int:
    return int(text) + (1900 if int(text) > 68 else 2000)


def _year(found: _Found, text: str) -> None:
    found.year = _two_digit_year(text) if len(text) == 2 else int(text)


def _short_year(name: str) -> _Reader:
    return lambda found, text: setattr(found, name, _two_digit_year(text))


def _quarter(found: _Found, text: str) -> None:
    found.month = (int(text) - 1) * 3 + 1


def _month_name(found: _Found, text: str) -> None:
    for position, name in enumerate(MONTHS, 1):
        if text.lower().startswith((name.lower(), name[:3].lower())):
            found.month = position
            return
    found.problems.append(f"{shown(text)} is no month")


def _weekday_name(found: _Found, text: str) -> None:
    for position, name in enumerate(WEEKDAYS):
        if text.lower().startswith((name.lower(), name[:3].lower(), name[:2].lower())):
            found.weekday = position
            return
    found.problems.append(f"{shown(text)} is no day of the week")


def _day(found: _Found, text: str) -> None:
    digits = re.match(_ONE_OR_TWO, text)
    found.day = int(digits.group()) if digits else None


def _day_of_week(found: _Found, text: str) -> None:
    found.weekday = int(text)
    if found.weekday > 6:
        found.problems.append(f"there is no day {text} of a week")


def _hour_of_24(found: _Found, text: str) -> None:
    found.hour = 0 if int(text) == 24 else int(text)


def _fraction(found: _Found, text: str) -> None:
    found.micros = int(text[:3].ljust(3, "0")) * 1000


def _together(found: _Found, text: str) -> None:
    found.hour, found.minute = int(text[:-2]), int(text[-2:])


def _together_with_seconds(found: _Found, text: str) -> None:
    _together(found, text[:-2])
    found.second = int(text[-2:])


def _half_day(found: _Found, text: str) -> None:
    found.is_afternoon = text[0].lower() == "p"


def _offset(found: _Found, text: str) -> None:
    if text in "Zz":
        found.offset = UTC
        return
    digits = re.findall(r"\d\d", text)
    minutes = int(digits[0]) * 60 + (int(digits[1]) if len(digits) > 1 else 0)
    if minutes >= 24 * 60:
        found.problems.append(f"{text} is no offset")
        return
    found.offset = timezone(timedelta(minutes=minutes if text[0] == "+" else -minutes))


def _seconds_since_1970(found: _Found, text: str) -> None:
    _instant(found, text, 1000)


def _milliseconds_since_1970(found: _Found, text: str) -> None:
    _instant(found, text, 1)


def _instant(found: _Found, text: str, factor: int) -> None:
    if len(text) > 30:
        found.problems.append("it is out of range")
        return
    try:
        found.instant = from_milliseconds(Decimal(text) * factor)
    except UnusableError:
        found.problems.append("it is out of range")


_READERS: Final[dict[str, tuple[str, _Reader]]] = {
    "Y": (r"[+-]?\d{1,9}", _number("year")),
    "YY": (_ONE_OR_TWO, _short_year("year")),
    "YYYY": (r"\d{1,4}", _year),
    "YYYYY": (r"[+-]?\d{1,6}", _number("year")),
    "YYYYYY": (r"[+-]?\d{1,6}", _number("year")),
    "y": (r"\d{1,9}", _number("year")),
    "yy": (r"\d{1,9}", _number("year")),
    "yyy": (r"\d{1,9}", _number("year")),
    "yyyy": (r"\d{1,9}", _number("year")),
    "Q": (r"\d", _quarter),
    "M": (_ONE_OR_TWO, _number("month")),
    "MM": (_ONE_OR_TWO, _number("month")),
    "MMM": (_WORD, _month_name),
    "MMMM": (_WORD, _month_name),
    "D": (_ONE_OR_TWO, _number("day")),
    "DD": (_ONE_OR_TWO, _number("day")),
    "Do": (r"\d{1,2}(?:th|st|nd|rd)|\d{1,2}", _day),
    "DDD": (r"\d{1,3}", _number("day_of_year")),
    "DDDD": (r"\d{3}", _number("day_of_year")),
    "d": (_ONE_OR_TWO, _day_of_week),
    "e": (_ONE_OR_TWO, _day_of_week),
    "E": (_ONE_OR_TWO, _number("iso_weekday")),
    "dd": (_WORD, _weekday_name),
    "ddd": (_WORD, _weekday_name),
    "dddd": (_WORD, _weekday_name),
    "gg": (_ONE_OR_TWO, _short_year("week_year")),
    "gggg": (r"\d{1,4}", _number("week_year")),
    "ggggg": (r"[+-]?\d{1,6}", _number("week_year")),
    "GG": (_ONE_OR_TWO, _short_year("iso_year")),
    "GGGG": (r"\d{1,4}", _number("iso_year")),
    "GGGGG": (r"[+-]?\d{1,6}", _number("iso_year")),
    "w": (_ONE_OR_TWO, _number("week")),
    "ww": (_ONE_OR_TWO, _number("week")),
    "W": (_ONE_OR_TWO, _number("iso_week")),
    "WW": (_ONE_OR_TWO, _number("iso_week")),
    "a": (r"[ap]\.?m?\.?", _half_day),
    "A": (r"[ap]\.?m?\.?", _half_day),
    "H": (_ONE_OR_TWO, _number("hour")),
    "HH": (_ONE_OR_TWO, _number("hour")),
    "h": (_ONE_OR_TWO, _number("hour")),
    "hh": (_ONE_OR_TWO, _number("hour")),
    "k": (_ONE_OR_TWO, _hour_of_24),
    "kk": (_ONE_OR_TWO, _hour_of_24),
    "hmm": (r"\d{3,4}", _together),
    "Hmm": (r"\d{3,4}", _together),
    "hmmss": (r"\d{5,6}", _together_with_seconds),
    "Hmmss": (r"\d{5,6}", _together_with_seconds),
    "m": (_ONE_OR_TWO, _number("minute")),
    "mm": (_ONE_OR_TWO, _number("minute")),
    "s": (_ONE_OR_TWO, _number("second")),
    "ss": (_ONE_OR_TWO, _number("second")),
    "S": (r"\d{1,3}", _fraction),
    "SS": (r"\d{1,3}", _fraction),
    "SSS": (r"\d{1,3}", _fraction),
    **{"S" * digits: (r"\d+", _fraction) for digits in range(4, 10)},
    "Z": (r"Z|[+-]\d\d(?::?\d\d)?", _offset),
    "ZZ": (r"Z|[+-]\d\d(?::?\d\d)?", _offset),
    "X": (r"[+-]?\d+(?:\.\d{1,3})?", _seconds_since_1970),
    "x": (r"[+-]?\d+", _milliseconds_since_1970),
}
"""What each token looks like in a text, and what it says."""

READ: Final = tuple(_READERS)
"""The tokens that can be read."""
