"""Dates written with the tokens of moment.js, in English; and the tokens themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, TypeAlias

from segconnect.mapping.values import UnusableError, milliseconds

MONTHS: Final = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
WEEKDAYS: Final = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

TOKENS: Final = re.compile(
    r"\[[^\[\]]*\]|\\.|[Hh]mm(?:ss)?|Mo|MM?M?M?|Do|DDDo|DD?D?D?|ddd?d?|do?|wo|ww?|Wo|WW?|Qo?|N{1,5}"
    r"|YYYYYY|YYYYY|YYYY|YY|Y|y{1,4}|gg(?:ggg?)?|GG(?:GGG?)?|e|E|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}"
    r"|x|X|zz?|ZZ?|LTS|LT|LL?L?L?|l{1,4}|.",
    re.DOTALL,
)
"""One token of a format, or one character or [bracketed text] that stands for itself."""

LONG_FORMS: Final = {
    "LT": "h:mm A",
    "LTS": "h:mm:ss A",
    "L": "MM/DD/YYYY",
    "LL": "MMMM D, YYYY",
    "LLL": "MMMM D, YYYY h:mm A",
    "LLLL": "dddd, MMMM D, YYYY h:mm A",
    "l": "M/D/YYYY",
    "ll": "MMM D, YYYY",
    "lll": "MMM D, YYYY h:mm A",
    "llll": "ddd, MMM D, YYYY h:mm A",
}

MAX_FORMAT: Final = 1000
"""Characters of a date format."""

Piece: TypeAlias = str | Callable[[datetime], str]


def format_moment(moment: datetime, pattern: str, zone: tzinfo) -> str:
    """Writes a moment as the wall clock of a zone shows it."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment.tzinfo is not zone:
        moment = in_zone(moment, zone)
    pieces = _pieces(pattern) if len(pattern) <= MAX_FORMAT else _refuse_format()
    return "".join([piece if type(piece) is str else piece(moment) for piece in pieces])  # type: ignore[operator]


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The same instant on the wall clock of a zone."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        raise UnusableError("the date is out of range") from None


def _refuse_format() -> list[Piece]:
    raise UnusableError(f"the format is longer than {MAX_FORMAT} characters")


def tokens_of(pattern: str) -> list[str]:
    """Cuts a format into tokens, long forms such as LLL written out."""
    tokens: list[str] = []
    for token in TOKENS.findall(pattern):
        if token in LONG_FORMS:
            tokens.extend(TOKENS.findall(LONG_FORMS[token]))
        else:
            tokens.append(token)
    return tokens


def literal(token: str) -> str:
    """The text that a token stands for that is none: [at] is at, and \\d is d."""
    if token.startswith("[") and token.endswith("]") and len(token) > 1:
        return token[1:-1]
    return token[1:] if token.startswith("\\") and len(token) > 1 else token


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> list[Piece]:
    pieces: list[Piece] = []
    for token in tokens_of(pattern):
        piece = _WRITERS.get(token) or literal(token)
        if pieces and isinstance(piece, str) and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces


def ordinal(number: int) -> str:
    """Writes 1st, 2nd, 3rd, 4th, 11th."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def weekday(day: date) -> int:
    """The day of the week, 0 for Sunday."""
    return day.isoweekday() % 7


def sunday_week(day: date) -> tuple[int, int]:
    """The year and week of a day where weeks begin on Sunday and week 1 has January 1."""
    number, year = day.toordinal(), day.year
    if number >= first_sunday(year + 1):
        return year + 1, 1
    return year, (number - first_sunday(year)) // 7 + 1


def first_sunday(year: int) -> int:
    """The day that week 1 begins with, as a proleptic ordinal (0 is a Sunday)."""
    before = year - 1
    january = before * 365 + before // 4 - before // 100 + before // 400 + 1
    return january - january % 7


def _offset(moment: datetime, separator: str) -> str:
    minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{separator}{abs(minutes) % 60:02}"


def _zone_name(moment: datetime) -> str:
    return moment.tzname() or ""


def _fraction(digits: int) -> Callable[[datetime], str]:
    return lambda moment: f"{moment.microsecond // 1000:03}".ljust(9, "0")[:digits]


def _hour12(moment: datetime) -> int:
    return moment.hour % 12 or 12


def _hour24(moment: datetime) -> int:
    return moment.hour or 24


def _day_of_year(moment: datetime) -> int:
    return moment.timetuple().tm_yday


def _quarter(moment: datetime) -> int:
    return (moment.month + 2) // 3


def _iso_year(moment: datetime) -> int:
    return moment.isocalendar().year


def _iso_week(moment: datetime) -> int:
    return moment.isocalendar().week


def _era(moment: datetime) -> str:
    return "AD"


_WRITERS: Final[dict[str, Callable[[datetime], str]]] = {
    "YY": lambda moment: f"{moment.year % 100:02}",
    "YYYY": lambda moment: f"{moment.year:04}",
    "YYYYY": lambda moment: f"{moment.year:05}",
    "YYYYYY": lambda moment: f"+{moment.year:06}",
    "Y": lambda moment: f"{moment.year:04}",
    "y": lambda moment: str(moment.year),
    "yy": lambda moment: f"{moment.year:02}",
    "yyy": lambda moment: f"{moment.year:03}",
    "yyyy": lambda moment: f"{moment.year:04}",
    "N": _era,
    "NN": _era,
    "NNN": _era,
    "NNNN": lambda moment: "Anno Domini",
    "NNNNN": _era,
    "Q": lambda moment: str(_quarter(moment)),
    "Qo": lambda moment: ordinal(_quarter(moment)),
    "M": lambda moment: str(moment.month),
    "Mo": lambda moment: ordinal(moment.month),
    "MM": lambda moment: f"{moment.month:02}",
    "MMM": lambda moment: MONTHS[moment.month - 1][:3],
    "MMMM": lambda moment: MONTHS[moment.month - 1],
    "D": lambda moment: str(moment.day),
    "Do": lambda moment: ordinal(moment.day),
    "DD": lambda moment: f"{moment.day:02}",
    "DDD": lambda moment: str(_day_of_year(moment)),
    "DDDo": lambda moment: ordinal(_day_of_year(moment)),
    "DDDD": lambda moment: f"{_day_of_year(moment):03}",
    "d": lambda moment: str(weekday(moment)),
    "do": lambda moment: ordinal(weekday(moment)),
    "dd": lambda moment: WEEKDAYS[weekday(moment)][:2],
    "ddd": lambda moment: WEEKDAYS[weekday(moment)][:3],
    "dddd": lambda moment: WEEKDAYS[weekday(moment)],
    "e": lambda moment: str(weekday(moment)),
    "E": lambda moment: str(moment.isoweekday()),
    "w": lambda moment: str(sunday_week(moment.date())[1]),
    "wo": lambda moment: ordinal(sunday_week(moment.date())[1]),
    "ww": lambda moment: f"{sunday_week(moment.date())[1]:02}",
    "gg": lambda moment: f"{sunday_week(moment.date())[0] % 100:02}",
    "gggg": lambda moment: f"{sunday_week(moment.date())[0]:04}",
    "ggggg": lambda moment: f"{sunday_week(moment.date())[0]:05}",
    "W": lambda moment: str(_iso_week(moment)),
    "Wo": lambda moment: ordinal(_iso_week(moment)),
    "WW": lambda moment: f"{_iso_week(moment):02}",
    "GG": lambda moment: f"{_iso_year(moment) % 100:02}",
    "GGGG": lambda moment: f"{_iso_year(moment):04}",
    "GGGGG": lambda moment: f"{_iso_year(moment):05}",
    "a": lambda moment: "pm" if moment.hour >= 12 else "am",
    "A": lambda moment: "PM" if moment.hour >= 12 else "AM",
    "H": lambda moment: str(moment.hour),
    "HH": lambda moment: f"{moment.hour:02}",
    "h": lambda moment: str(_hour12(moment)),
    "hh": lambda moment: f"{_hour12(moment):02}",
    "k": lambda moment: str(_hour24(moment)),
    "kk": lambda moment: f"{_hour24(moment):02}",
    "hmm": lambda moment: f"{_hour12(moment)}{moment.minute:02}",
    "hmmss": lambda moment: f"{_hour12(moment)}{moment.minute:02}{moment.second:02}",
    "Hmm": lambda moment: f"{moment.hour}{moment.minute:02}",
    "Hmmss": lambda moment: f"{moment.hour}{moment.minute:02}{moment.second:02}",
    "m": lambda moment: str(moment.minute),
    "mm": lambda moment: f"{moment.minute:02}",
    "s": lambda moment: str(moment.second),
    "ss": lambda moment: f"{moment.second:02}",
    **{"S" * digits: _fraction(digits) for digits in range(1, 10)},
    "Z": lambda moment: _offset(moment, ":"),
    "ZZ": lambda moment: _offset(moment, ""),
    "z": _zone_name,
    "zz": _zone_name,
    "X": lambda moment: str(milliseconds(moment) // 1000),
    "x": lambda moment: str(milliseconds(moment)),
}
"""How each token is written."""

WRITTEN: Final = tuple(_WRITERS)
"""The tokens that can be written."""
