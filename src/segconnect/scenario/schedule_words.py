"""Schedules as people write them on the command line, and as it says them in English."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from segconnect.errors import ScenarioError
from segconnect.scenario.schedules import ALL_DAY, Schedule, Window, zone_of

DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTH_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August",
               "September", "October", "November", "December")  # fmt: skip
_LIMITS = ("only", "from", "until")  # the words that begin when starts are allowed
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_schedule(text: str) -> dict[str, Any]:
    """Reads a schedule as people write it, and answers it as the builder's API has it.

    Such as `every 15m`, `daily 09:00,17:30`, `weekly mon,wed 09:00`, `monthly 1,15 06:00`,
    `yearly 1 3,9 06:00` (months after days), `cron */10 8-18 * * 1-5`, `once 2027-01-31T09:00`,
    `immediately`, `on demand`. Behind it may stand when starts are allowed, such as `only
    mon,fri 09:00-17:00 or sat in 1,2` (months), `from 2027-01-01T00:00`, `until 2027-03-31T18:00`.

    Raises:
        ScenarioError: It is none; every problem is told.
    """
    clauses = _clauses(text.split())
    words = clauses.pop("", [])
    values = _parsed(words[0].lower(), " ".join(words[1:])) if words else None
    limits = _limits(clauses)
    if values is None or limits is None:
        raise ScenarioError(
            f"{text!r} is not a schedule; expected one such as 'every 15m', 'daily 09:00', 'weekly"
            " mon,fri 09:00', 'monthly 1,15 06:00', 'yearly 31 3,12 18:00', 'cron 0 9 * * 1-5',"
            " 'once 2027-01-31T09:00', 'immediately' or 'on demand', and behind it 'only mon,fri"
            " 09:00-17:00 or sat in 1,2', 'from 2027-01-01T00:00' or 'until 2027-03-31T18:00'"
        )
    return Schedule.read({**values, **limits}).to_values()


def _clauses(words: Sequence[str]) -> dict[str, list[str]]:
    """Answers what follows each of the words that begin a clause; "" begins the first."""
    found: dict[str, list[str]] = {"": []}
    name = ""
    for word in words:
        small = word.lower()
        if small in _LIMITS and small not in found:
            name = small
            found[name] = []
        else:
            found[name].append(word)
    return found


def _limits(clauses: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """Reads when starts are allowed; None if it is not understood."""
    values: dict[str, Any] = {}
    between = [clauses.get(name) for name in ("from", "until")]
    if any(words is not None and len(words) != 1 for words in between):
        return None
    if any(between):
        values["between"] = [words and words[0] for words in between]
    if "only" in clauses:
        words = [each.lower() for each in clauses["only"]]
        windows = [_window(each.split()) for each in " ".join(words).split(" or ")]
        if None in windows:
            return None
        values["restrict"] = windows
    return values


def _window(words: list[str]) -> dict[str, Any] | None:
    if words == ["always"]:
        return {}
    values: dict[str, Any] = {}
    if words and words[0] != "in" and not words[0][0].isdigit():
        values["days"] = [_weekday(each) for each in words.pop(0).split(",")]
    if words and "-" in words[0]:
        values["time"] = words.pop(0).split("-")
    if len(words) == 2 and words[0] == "in":
        values["months"] = _whole(words[1])
        words = []
    return values if values and not words else None


def as_typed(schedule: Schedule) -> str:
    """Writes a schedule as people type it: what `parse_schedule` reads."""
    parts = [_base(schedule)]
    if schedule.windows:
        parts.append(f"only {' or '.join(map(_window_typed, schedule.windows))}")
    for word, limit in zip(("from", "until"), schedule.between, strict=True):
        if limit is not None:
            parts.append(f"{word} {limit.isoformat()}")
    return " ".join(parts)


def _base(schedule: Schedule) -> str:
    times = ",".join(f"{each:%H:%M}" for each in schedule.times)
    match schedule.type:
        case "indefinitely":
            seconds = schedule.interval
            units = ((unit, length) for unit, length in reversed(_UNITS.items()))
            return next(f"every {seconds // n}{unit}" for unit, n in units if seconds % n == 0)
        case "daily":
            return f"daily {times}"
        case "weekly":
            return f"weekly {_weekdays_typed(schedule.days)} {times}"
        case "monthly":
            return f"monthly {_comma(schedule.days)} {times}"
        case "yearly":
            return f"yearly {_comma(schedule.days)} {_comma(schedule.months)} {times}"
        case "cron":
            return f"cron {schedule.expression}"
        case "once":
            assert schedule.date is not None
            return f"once {schedule.date.isoformat()}"
    return schedule.type.replace("-", " ")


def _window_typed(window: Window) -> str:
    told = []
    if window.days:
        told.append(_weekdays_typed(window.days))
    if (window.begins, window.ends) != ALL_DAY:
        told.append(f"{window.begins:%H:%M}-{window.ends:%H:%M}")
    if window.months:
        told.append(f"in {_comma(window.months)}")
    return " ".join(told) or "always"


def _weekdays_typed(days: Sequence[int]) -> str:
    return ",".join(DAY_NAMES[day][:3].lower() for day in days)


def _comma(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


def _parsed(kind: str, rest: str) -> dict[str, Any] | None:
    words = rest.split()
    match kind, len(words):
        case "every", 1:
            match = re.fullmatch(r"(\d{1,9})([smhd])", words[0], re.ASCII)
            if match is None:
                return None
            return {"type": "indefinitely", "interval": int(match[1]) * _UNITS[match[2]]}
        case "daily", 1:
            return {"type": "daily", "time": words[0].split(",")}
        case "weekly", 2:
            days = [_weekday(each) for each in words[0].split(",")]
            return {"type": "weekly", "days": days, "time": words[1].split(",")}
        case "monthly", 2:
            return {"type": "monthly", "days": _whole(words[0]), "time": words[1].split(",")}
        case "yearly", 3:
            days, months = _whole(words[0]), _whole(words[1])
            return {"type": "yearly", "days": days, "months": months, "time": words[2].split(",")}
        case "cron", _:
            return {"type": "cron", "expression": rest}
        case "once", 1:
            return {"type": "once", "date": words[0]}
        case ("immediately", 0) | ("on-demand", 0):
            return {"type": kind}
        case "on", 1:
            return {"type": "on-demand"} if words[0].lower() == "demand" else None
    return None


def _weekday(text: str) -> int | str:
    names = [name.lower() for name in DAY_NAMES]
    found = [day for day, name in enumerate(names) if text.lower() in (name, name[:3])]
    return found[0] if found else text


def _whole(text: str) -> list[int | str]:
    return [int(each) if re.fullmatch(r"[0-9]{1,9}", each) else each for each in text.split(",")]


def describe(schedule: Schedule, timezone: str) -> str:
    """Says in English when a scenario starts, in one line."""
    times = _and([f"{each:%H:%M}" for each in schedule.times])
    match schedule.type:
        case "immediately":
            told = "at once, when a request comes in"
        case "on-demand":
            told = "on demand"
        case "indefinitely":
            told = f"every {_span(schedule.interval)}"
        case "once":
            told = f"once, at {_moment(schedule.date, timezone)}"
        case "daily":
            told = f"every day at {times}"
        case "weekly":
            told = f"{_weekdays(schedule.days)} at {times}"
        case "cron":
            told = f"cron {schedule.expression}"
        case _:
            months = _and([MONTH_NAMES[month - 1] for month in schedule.months]) or "each month"
            told = f"on the {_and([_ordinal(day) for day in schedule.days])} of {months} at {times}"
    first, last = (_moment(each, timezone) for each in schedule.between)
    limits = [f", from {first}" if first else "", f", until {last}" if last else ""]
    if schedule.windows and Window() not in schedule.windows:
        limits.insert(0, f", only {' or '.join(map(_opening, schedule.windows))}")
    limit = "".join(limits)
    is_elapsed = schedule.type in ("immediately", "on-demand", "indefinitely")
    return f"{told}{limit}" if is_elapsed and not limit else f"{told}{limit} ({timezone})"


def _moment(moment: datetime | None, timezone: str) -> str:
    """Answers what a clock of the zone shows."""
    if moment is None:
        return ""
    shown = moment if moment.tzinfo is None else moment.astimezone(zone_of(timezone))
    return f"{shown:%Y-%m-%d %H:%M}"


def _weekdays(days: Sequence[int]) -> str:
    return _and([f"{DAY_NAMES[day]}s" for day in days])


def _opening(window: Window) -> str:
    told = []
    if window.days:
        told.append(f"on {_weekdays(window.days)}")
    if window.months:
        told.append(f"in {_and([MONTH_NAMES[month - 1] for month in window.months])}")
    if (window.begins, window.ends) != ALL_DAY:
        told.append(f"from {window.begins:%H:%M} to {window.ends:%H:%M}")
    return " ".join(told)


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _ordinal(day: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day // 10 != 1 else 0, "th")
    return f"{day}{ending}"


def _span(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return unit if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"
