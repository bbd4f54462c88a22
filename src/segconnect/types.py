"""Money, time and names: `Cents`, `Moment`, `Day`, `Id`, `Email`, read from what people send.

Money is whole cents, an int: "12.5" and "$10" are refused with the fix named, never rounded.
A moment is an aware datetime in UTC. The texts read as one are the published list of supported
date and time formats of the scenario builder (year first, US slashes, dotted days first), and
nothing else: 20/06/2016 is refused, since guessing which part is the month loses data.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache, lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field

MAX_ID = 191  # characters
_LONGEST_ZONE = 64  # characters
MAX_CENTS = 2**53 - 1  # what every JSON reader, SQL engine and spreadsheet keeps exactly

_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
_ZONE = r"(?P<zone>Z|(?:GMT|UTC)?[+-]\d{2}:?\d{2}|GMT|UTC)"
_MOMENT = re.compile(
    r"(?:(?P<y1>\d{4})-(?P<m1>\d{1,2})-(?P<d1>\d{1,2})"
    r"|(?P<y2>\d{4})/(?P<m2>\d{1,2})/(?P<d2>\d{1,2})"
    r"|(?P<m3>\d{1,2})/(?P<d3>\d{1,2})/(?P<y3>\d{4})"
    r"|(?P<d4>\d{1,2})\.(?P<m4>\d{1,2})\.(?P<y4>\d{4}))"
    rf"(?:(?:[Tt]|\s+){_TIME}(?:\s*(?P<half>[AaPp][Mm]))?(?:\s*{_ZONE})?)?",
    re.ASCII,
)
_EMAIL = re.compile(r"[^@\s<>,;:\"()]+@[^@\s<>,;:\"()]+")
_PLAIN = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z?", re.ASCII)

DATE_FORMATS = (
    "2016-06-20T17:26:44.356Z",
    "2016-06-20 19:26:44 GMT+02:00",
    "2016-06-20 19:26+0200",
    "2016-06-20 17:26:44",
    "2016-06-20",
    "2016/06/20 17:26:44",
    "2016/06/20 19:26:44+02:00",
    "2016/06/20 17:26",
    "2016/06/20 5:26 PM",
    "2016/06/20",
    "06/20/2016 17:26:44",
    "06/20/2016 19:26:44+02:00",
    "06/20/2016 17:26",
    "06/20/2016 5:26 PM",
    "06/20/2016",
    "20.6.2016 17:26:44",
    "20.6.2016 19:26:44+02:00",
    "20.6.2016",
)
"""The published examples of supported date and time texts."""

default_zone: ContextVar[tzinfo] = ContextVar("default_zone", default=UTC)
"""The time zone of a moment given without one; set from the settings, or from the scenario's."""


def zone_named(name: str) -> ZoneInfo:
    """Finds a time zone of the tz database by its name, whatever its capitals.

    Raises:
        ValueError: There is none of that name; the nearest one is told.
    """
    found = find_zone(name)
    if found is None:
        small = _zones_by_small_name()
        close = difflib.get_close_matches(name[:_LONGEST_ZONE].lower(), small, n=1)
        hint = f"did you mean {small[close[0]]!r}?" if close else "expected one such as Europe/Oslo"
        raise ValueError(f"unknown time zone {shown(name)}; {hint}")
    return found


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """Finds a time zone as `zone_named` does; None if there is none."""
    name = "UTC" if name in ("Z", "z") else name
    if len(name) > _LONGEST_ZONE:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        proper = _zones_by_small_name().get(name.lower())
    return None if proper is None else ZoneInfo(proper)


def zone_names() -> list[str]:
    """Answers the names of places and UTC, for a list to choose from."""
    return ["UTC", *sorted(name for name in available_timezones() if _is_place(name))]


def _is_place(name: str) -> bool:
    return "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))


@cache
def _zones_by_small_name() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def parse_moment(text: str, zone: tzinfo | None = None) -> datetime:
    """Reads a date, with or without time and offset, in one of the published formats.

    Args:
        text: The text; blanks around it do not matter.
        zone: The zone of a text without an offset; default UTC.

    Returns:
        The moment, aware and UTC.

    Raises:
        ValueError: The text is in no supported format, or names a day or time that is not.
    """
    text = text.strip()
    if _PLAIN.fullmatch(text):
        try:
            plain = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not a date: {error}") from None
        return plain if plain.tzinfo else _in_utc(plain.replace(tzinfo=zone or UTC), text)
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a supported date; {_hint(text)}")
    part = match.groupdict()
    year, month, day = (
        int(part[f"{name}1"] or part[f"{name}2"] or part[f"{name}3"] or part[f"{name}4"])
        for name in "ymd"
    )
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
    if part["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{text!r} is not a date: {hour} is no hour of a 12-hour clock")
        hour = hour % 12 + (12 if part["half"].lower() == "pm" else 0)
    micros = int((part["fraction"] or "0").ljust(6, "0")[:6])
    try:
        return _in_utc(
            datetime(
                year, month, day, hour, minute, second, micros, _offset(part["zone"]) or zone or UTC
            ),
            text,
        )
    except ValueError as error:
        hint = f"; {_hint(text)}" if "/" in text else ""
        raise ValueError(f"{text!r} is not a date: {error}{hint}") from None


def _in_utc(moment: datetime, text: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is not a date: out of range") from None


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    digits = text.upper().removeprefix("GMT").removeprefix("UTC")
    if digits in ("", "Z"):
        return UTC
    sign = -1 if digits[0] == "-" else 1
    hours, minutes = int(digits[1:3]), int(digits[-2:])
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def _hint(text: str) -> str:
    if re.fullmatch(r"\d{1,2}/\d{1,2}/\d{2,4}.*", text, re.DOTALL):
        return (
            "slashes are read month first (06/20/2016): parse it with the format that it has, "
            'such as parseDate(date; "DD/MM/YYYY")'
        )
    if re.fullmatch(r"\d{10}|\d{13}", text):
        return 'it looks like Unix time: use parseDate(date; "X") for seconds, "x" for milliseconds'
    return "expected for example 2016-06-20 17:26:44, 06/20/2016 or 20.6.2016"


def _read_moment(value: Any) -> Any:
    if isinstance(value, str):
        return parse_moment(value, default_zone.get())
    if isinstance(value, datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=default_zone.get())
        return _in_utc(zoned, str(value))
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=default_zone.get())
    raise ValueError(f"{shown(value)} is not a date; expected a text such as 2016-06-20 17:26:44")


def _read_day(value: Any) -> Any:
    """A moment's day is its day in the zone that it was given in; a text's day is what it says."""
    if isinstance(value, str):
        match = _MOMENT.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value!r} is not a supported date; {_hint(value.strip())}")
        part = match.groupdict()
        parse_moment(value)  # refuses a day or time that is not
        return date(
            *(
                int(part[f"{name}1"] or part[f"{name}2"] or part[f"{name}3"] or part[f"{name}4"])
                for name in "ymd"
            )
        )
    if isinstance(value, datetime):
        return value.astimezone(default_zone.get()).date() if value.tzinfo else value.date()
    if isinstance(value, date):
        return value
    raise ValueError(f"{shown(value)} is not a day; expected a text such as 2016-06-20")


def _read_cents(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not an amount; expected whole cents, such as 1250")
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"[+-]?\d{1,16}", text, re.ASCII):
            value = int(text)
        else:
            raise ValueError(_not_cents(text))
    elif not isinstance(value, int):
        whole = _whole(value)
        if whole is None:
            raise ValueError(_not_cents(value))
        value = whole
    if abs(value) > MAX_CENTS:
        raise ValueError(f"{shown(value)} is more than can be kept exactly ({MAX_CENTS} cents)")
    return value


def _whole(value: Any) -> int | None:
    """The number as an int, if it is a whole one and not so long that nobody means it."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if not isinstance(value, Decimal) or not value.is_finite() or value.adjusted() >= 40:
        return None
    return int(value) if value == value.to_integral_value() else None


def _not_cents(value: Any) -> str:
    number = re.fullmatch(r"[^\d+-]*([+-]?\d{1,15})(?:[.](\d+))?[^\d]*", str(value))
    if number is None or not isinstance(value, (str, float, Decimal)):
        return f"{shown(value)} is not an amount; expected whole cents, such as 1250 for 12.50"
    whole, fraction = number.group(1), (number.group(2) or "").ljust(2, "0")
    if fraction[2:].strip("0"):
        return f"{shown(value)} is not in whole cents; round it to cents before it is sent"
    cents = int(whole + fraction[:2])
    return f"{shown(value)} is not in whole cents; if it is in units of the currency, send {cents}"


def _read_id(value: Any) -> Any:
    """Ids are opaque texts; one given as a number is the same id as its digits."""
    if isinstance(value, bool) or value is None:
        raise ValueError(f"{shown(value)} is not an ID; expected a text or a whole number")
    if isinstance(value, (float, Decimal)):
        whole = _whole(value)
        if whole is None or abs(whole) >= 2**53:
            raise ValueError(f"{shown(value)} is not an ID; long numbers must be kept as text")
        value = whole
    if isinstance(value, int):
        value = str(value) if abs(value) < 10**40 else "9" * 300  # too long, told as such below
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not an ID; expected a text or a whole number")
    text = value.strip()
    if not text:
        raise ValueError("is empty; expected an ID")
    if len(text) > MAX_ID:
        raise ValueError(f"is longer than {MAX_ID} characters")
    if not text.isprintable():
        raise ValueError(f"{shown(text)} holds a character that cannot be printed")
    return text


def _read_email(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not an e-mail address")
    text = value.strip().lower()
    if not text:
        raise ValueError("is empty; expected an e-mail address")
    if len(text) > 254 or not _EMAIL.fullmatch(text) or not text.isprintable():
        raise ValueError(f"{shown(text)} is not an e-mail address; expected name@example.com")
    return text


def shown(value: Any) -> str:
    """The value as a message shows it: short, and what kind of thing it is when that matters."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    if isinstance(value, Mapping):
        return "a collection"
    if isinstance(value, (list, tuple)):
        return "an array"
    if isinstance(value, int) and abs(value) >= 10**60:
        return "a number of more than 60 digits"
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


Cents = Annotated[int, BeforeValidator(_read_cents), Field(json_schema_extra={"unit": "cents"})]
"""Whole cents. Texts of digits are read; fractions and currency signs are refused."""

Moment = Annotated[datetime, BeforeValidator(_read_moment)]
"""An instant, aware and UTC. A text without an offset is in `default_zone`."""

Day = Annotated[date, BeforeValidator(_read_day)]
"""A calendar day, as the account's people count days; it has no time zone."""

Id = Annotated[
    str, BeforeValidator(_read_id), Field(json_schema_extra={"type": ["string", "integer"]})
]
"""An opaque ID. 42 and "42" are the same one."""

Email = Annotated[str, BeforeValidator(_read_email), Field(json_schema_extra={"format": "email"})]
"""An e-mail address, trimmed and in lower case: mailboxes that differ in case alone are one."""

ZERO_DECIMAL = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
"""Currencies without a smaller unit: their "cents" are the units themselves (ISO 4217)."""


def in_units(cents: int, currency: str) -> int | float:
    """Answers an amount in units of its currency: 12300 cents are 123, 1250 are 12.5."""
    if currency in ZERO_DECIMAL:
        return cents
    whole, rest = divmod(cents, 100)
    return cents / 100 if rest else whole


def money(cents: int, currency: str) -> str:
    """Writes an amount for people: 1,234.50 USD."""
    places = 0 if currency in ZERO_DECIMAL else 2
    return f"{Decimal(cents).scaleb(-places):,.{places}f} {currency}"
