"""When a scenario starts: schedules as the builder's API has them, and cron.

Times of day are those of a zone. One that the clock leaves out in spring is the first moment after
the gap; one that comes twice in autumn is the first of the two. Intervals are elapsed time, counted
from when the scenario was switched on, so that a late start moves no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from segconnect.errors import ScenarioError, unknown_name

TYPES = ("immediately", "indefinitely", "once", "daily", "weekly", "monthly", "yearly", "cron",
         "on-demand")  # fmt: skip
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # 0 is Sunday, as in the builder
DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SHORTEST = 60  # seconds between two starts
LATE = timedelta(minutes=1)  # a start is missed if it happens later than that
MOST_MISSED = 10_000  # that are counted
YEARS = 9  # that are looked ahead: February 29 may be eight years off

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class Window(NamedTuple):
    """When starts are allowed: all that is given must hold."""

    days: frozenset[int]
    months: frozenset[int]
    begins: time
    ends: time


class Schedule(NamedTuple):
    """When a scenario starts.

    Attributes:
        type: One of TYPES.
        interval: Of "indefinitely", in seconds.
        date: Of "once": in the schedule's zone, if it says none.
        times: Of day, in their order.
        days: Of the week, 0 is Sunday; of "monthly" and "yearly" of the month, 1 to 31. A month
            that does not have one is left out.
        months: Of "yearly", 1 to 12.
        expression: Of "cron", with five fields.
        between: Before the first and after the second moment nothing starts.
        windows: A start is allowed if it is in one of these, or if there are none.
    """

    type: str
    interval: int = 0
    date: datetime | None = None
    times: tuple[time, ...] = ()
    days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    expression: str = ""
    between: tuple[datetime | None, datetime | None] = (None, None)
    windows: tuple[Window, ...] = ()

    @property
    def starts_by_itself(self) -> bool:
        """Whether the clock starts it."""
        return self.type not in ("immediately", "on-demand")

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Schedule:
        """Reads what the builder's API, or `scheduling` in a scenario, says.

        Raises:
            ScenarioError: It cannot be; every problem is told.
        """
        return _Reading(values).schedule()


class _Reading:
    """Reads one schedule, and collects what is wrong with it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._problems: list[str] = []

    def schedule(self) -> Schedule:
        values = self._values
        kind = str(values.get("type"))
        known = {"type", "interval", "date", "time", "days", "months", "expression", "between",
                 "restrict"}  # fmt: skip
        self._problems += [f"{name}: is not known" for name in values if name not in known]
        if kind not in TYPES:
            self._problems.append(unknown_name("type", kind, TYPES))
        found = Schedule(
            kind,
            between=self._between(),
            windows=tuple(self._windows()),
        )
        match kind:
            case "indefinitely":
                found = found._replace(interval=self._interval())
            case "once":
                found = found._replace(date=self._moment("date", values.get("date")))
                if values.get("date") is None:
                    self._problems.append("date: is missing")
            case "daily" | "weekly" | "monthly" | "yearly":
                found = found._replace(times=self._times(values.get("time")))
                found = self._with_days(found)
            case "cron":
                found = found._replace(expression=self._expression())
        if self._problems:
            raise ScenarioError(f"the schedule: {'; '.join(self._problems)}")
        return found

    def _with_days(self, found: Schedule) -> Schedule:
        values = self._values
        if found.type == "weekly":
            return found._replace(days=self._numbers("days", values.get("days"), 0, 6))
        if found.type in ("monthly", "yearly"):
            found = found._replace(days=self._numbers("days", values.get("days"), 1, 31))
        if found.type == "yearly":
            found = found._replace(months=self._numbers("months", values.get("months"), 1, 12))
        longest = max((_LENGTHS[month] for month in found.months or range(1, 13)), default=31)
        if found.days and min(found.days) > longest:
            self._problems.append(f"days: no such month has {min(found.days)} days")
        return found

    def _interval(self) -> int:
        given = self._values.get("interval")
        if not isinstance(given, int) or isinstance(given, bool) or given < SHORTEST:
            self._problems.append(f"interval: {given!r}: expected at least {SHORTEST} seconds")
            return SHORTEST
        return given

    def _expression(self) -> str:
        from croniter import croniter

        text = str(self._values.get("expression") or "")
        if len(text.split()) != 5 or not croniter.is_valid(text):
            self._problems.append(
                f"expression: {text!r}: expected five fields, minute to day of the week, such as"
                " '*/10 8-18 * * 1-5'"
            )
            return "* * * * *"
        return text

    def _times(self, given: Any) -> tuple[time, ...]:
        texts = given if isinstance(given, list) else [given]
        return tuple(sorted({self._time("time", text) for text in texts}))

    def _time(self, name: str, text: Any) -> time:
        match = _TIME.fullmatch(str(text))
        if match is None:
            self._problems.append(f"{name}: {text!r}: expected a time of day such as 09:00")
            return time()
        return time(int(match[1]), int(match[2]))

    def _numbers(self, name: str, given: Any, least: int, most: int) -> tuple[int, ...]:
        found = given if isinstance(given, list) else [given]
        numbers = [n for n in found if isinstance(n, int) and least <= n <= most]
        if len(numbers) != len(found) or not numbers:
            self._problems.append(f"{name}: {given!r}: expected numbers from {least} to {most}")
        return tuple(sorted(set(numbers)))

    def _moment(self, name: str, given: Any) -> datetime | None:
        if given is None:
            return None
        try:
            return given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
        except ValueError:
            self._problems.append(f"{name}: {given!r}: expected a moment such as 2027-01-31T09:00")
            return None

    def _between(self) -> tuple[datetime | None, datetime | None]:
        given = self._values.get("between")
        if given is None:
            return None, None
        if not isinstance(given, list) or len(given) != 2:
            self._problems.append("between: expected a list of two moments")
            return None, None
        return self._moment("between", given[0]), self._moment("between", given[1])

    def _windows(self) -> Iterator[Window]:
        given = self._values.get("restrict")
        if given is None:
            return
        if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
            self._problems.append("restrict: expected a list of days, months and time")
            return
        for each in given:
            days = self._numbers("restrict days", each["days"], 0, 6) if each.get("days") else ()
            months: tuple[int, ...] = ()
            if each.get("months"):
                months = self._numbers("restrict months", each["months"], 1, 12)
            times = each.get("time") or ["00:00", "23:59"]
            if not isinstance(times, list) or len(times) != 2:
                self._problems.append("restrict time: expected a list of two times of day")
                continue
            begins, ends = (self._time("restrict time", text) for text in times)
            if begins > ends:
                self._problems.append(f"restrict time: {times[0]} is after {times[1]}")
            yield Window(frozenset(days), frozenset(months), begins, ends)


_LENGTHS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}


def next_after(
    schedule: Schedule, moment: datetime, timezone: str, began: datetime
) -> datetime | None:
    """Answers when a scenario starts next, strictly after a moment; None: never by itself.

    Args:
        schedule: When it starts.
        moment: Aware.
        timezone: The zone of its times of day.
        began: When it was switched on; intervals are counted from there.

    Returns:
        The moment in UTC.
    """
    zone = ZoneInfo(timezone)
    first, last = (None if each is None else _aware(each, zone) for each in schedule.between)
    after = moment.astimezone(UTC)
    if first is not None and first > after:
        after = first - timedelta(microseconds=1)
    steps = _stepper(schedule, zone, began.astimezone(UTC))
    horizon = after + timedelta(days=366 * YEARS)
    while True:
        found = steps(after)
        if found is None or found > horizon or (last is not None and found > last):
            return None
        opens = _opens(schedule.windows, found, zone)
        if opens == found:
            return found
        if opens is None:
            return None
        after = opens - timedelta(microseconds=1)


def missed(schedule: Schedule, due: datetime, now: datetime, timezone: str, began: datetime) -> int:
    """Answers how many starts were missed: the one that was due, if late, and those after it."""
    if now - due <= LATE:
        return 0
    count, at = 1, next_after(schedule, due, timezone, began)
    while at is not None and at <= now and count < MOST_MISSED:
        count, at = count + 1, next_after(schedule, at, timezone, began)
    return count


Step = Callable[[datetime], datetime | None]


def _stepper(schedule: Schedule, zone: ZoneInfo, began: datetime) -> Step:
    match schedule.type:
        case "indefinitely":
            interval = timedelta(seconds=schedule.interval)
            return lambda after: began + (((after - began) // interval) + 1) * interval
        case "once":
            assert schedule.date is not None
            at = _aware(schedule.date, zone)
            return lambda after: at if at > after else None
        case "cron":
            return _cron(schedule.expression, zone)
        case "daily" | "weekly" | "monthly" | "yearly":
            return lambda after: _next_time(schedule, after, zone)
    return lambda after: None


def _cron(expression: str, zone: ZoneInfo) -> Step:
    from croniter import croniter

    def following(after: datetime) -> datetime | None:
        # In wall-clock time, so that each of them happens once; then as for other times of day.
        local = after.astimezone(zone).replace(tzinfo=None) - timedelta(hours=3)
        steps = croniter(expression, local)
        while True:
            wall = steps.get_next(datetime)
            found = _instant(wall.date(), wall.time(), zone)
            if found > after:
                return found

    return following


def _next_time(schedule: Schedule, after: datetime, zone: ZoneInfo) -> datetime | None:
    day = after.astimezone(zone).date() - timedelta(days=1)  # of which a moved time may be left
    for _ in range(366 * YEARS):
        if _is_day(schedule, day):
            for each in schedule.times:
                found = _instant(day, each, zone)
                if found > after:
                    return found
        try:
            day += timedelta(days=1)
        except OverflowError:
            return None
    return None


def _is_day(schedule: Schedule, day: date) -> bool:
    match schedule.type:
        case "weekly":
            return day.isoweekday() % 7 in schedule.days
        case "monthly":
            return day.day in schedule.days
        case "yearly":
            return day.day in schedule.days and day.month in schedule.months
    return True


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Answers the moment of a time of day: the first of two, or the first after a gap."""
    wall = datetime.combine(day, at)
    early = wall.replace(tzinfo=zone).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)  # before the gap; `early` is after it
    high = early
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return (high + timedelta(microseconds=500_000)).replace(microsecond=0)


def _opens(windows: Sequence[Window], at: datetime, zone: ZoneInfo) -> datetime | None:
    """Answers the first moment from one on at which a start is allowed; None: never again."""
    if not windows:
        return at
    local = at.astimezone(zone)
    day = local.date()
    for ahead in range(366 * YEARS):
        found = [
            max(at, _instant(day, each.begins, zone)) if ahead == 0 else
            _instant(day, each.begins, zone)
            for each in windows
            if (not each.days or day.isoweekday() % 7 in each.days)
            and (not each.months or day.month in each.months)
            and (ahead or local.time().replace(second=0, microsecond=0, fold=0) <= each.ends)
        ]  # fmt: skip
        if found:
            return min(found)
        day += timedelta(days=1)
    return None


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return _instant(moment.date(), moment.time(), zone)


# for the command line


def parse_schedule(text: str) -> dict[str, Any]:
    """Reads a schedule as people write it, and answers it as the builder's API has it.

    Such as `every 15m`, `daily 09:00,17:30`, `weekly mon,wed 09:00`, `monthly 1,15 06:00`,
    `yearly 1 3,9 06:00` (months after days), `cron */10 8-18 * * 1-5`, `once 2027-01-31T09:00`,
    `immediately`, `on demand`.

    Raises:
        ScenarioError: It is none.
    """
    kind, _, rest = " ".join(text.split()).partition(" ")
    values = _parsed(kind.lower(), rest.strip())
    if values is None:
        raise ScenarioError(
            f"{text!r} is not a schedule; expected one such as 'every 15m', 'daily 09:00', 'weekly"
            " mon,fri 09:00', 'monthly 1,15 06:00', 'cron 0 9 * * 1-5', 'once 2027-01-31T09:00',"
            " 'immediately' or 'on demand'"
        )
    Schedule.read(values)
    return values


def _parsed(kind: str, rest: str) -> dict[str, Any] | None:
    words = rest.split()
    match kind, len(words):
        case "every", 1:
            match = re.fullmatch(r"(\d{1,7})([smhd])", words[0])
            if match is None:
                return None
            return {"type": "indefinitely", "interval": int(match[1]) * _UNITS[match[2]]}
        case "daily", 1:
            return {"type": "daily", "time": words[0].split(",")}
        case "weekly", 2:
            days = [DAYS.index(d) if d in DAYS else d for d in words[0].lower().split(",")]
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
            return {"type": "on-demand"} if words == ["demand"] else None
    return None


def _whole(text: str) -> list[Any]:
    return [int(each) if each.isdigit() else each for each in text.split(",")]


def describe(schedule: Schedule, timezone: str) -> str:
    """Says in English when a scenario starts."""
    times = " and ".join(f"{each:%H:%M}" for each in schedule.times)
    match schedule.type:
        case "immediately":
            told = "at once, when a request comes in"
        case "on-demand":
            told = "on demand"
        case "indefinitely":
            told = f"every {_span(schedule.interval)}"
        case "once":
            told = f"once, at {schedule.date:%Y-%m-%d %H:%M}"
        case "daily":
            told = f"every day at {times} ({timezone})"
        case "weekly":
            days = " and ".join(f"{DAY_NAMES[day]}s" for day in schedule.days)
            told = f"{days} at {times} ({timezone})"
        case "cron":
            told = f"cron {schedule.expression} ({timezone})"
        case _:
            days = ", ".join(map(str, schedule.days))
            months = f" of months {', '.join(map(str, schedule.months))}" if schedule.months else ""
            told = f"on day {days}{months} at {times} ({timezone})"
    return f"{told}, in the hours that are allowed" if schedule.windows else told


def _span(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return unit if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"
