"""When a scenario starts: schedules as the builder's API has them, and cron.

Times of day are those of a zone. One that the clock leaves out in spring is the first moment after
the gap; one that comes twice in autumn is the first of the two. Intervals are elapsed time, counted
from when the scenario was switched on, so that a late start moves no other.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from segconnect.errors import ScenarioError, unknown_name
from segconnect.types import shown, zone_named

TYPES = ("immediately", "indefinitely", "once", "daily", "weekly", "monthly", "yearly", "cron",
         "on-demand")  # fmt: skip
SHORTEST, LONGEST = 60, 3660 * 86_400  # seconds between two starts
ALL_DAY = (time(), time(23, 59))
LATE = timedelta(minutes=1)  # a start is missed if it happens later than that
MOST_MISSED = 10_000  # that are counted
AHEAD = timedelta(days=366 * 9)  # that is looked: February 29 may be eight years from now
FAR_AHEAD = timedelta(days=366 * 41)  # and February 29 on a Monday forty
END = datetime(9900, 1, 1, tzinfo=UTC)  # nothing starts after it: calendars end in 9999

_TICK = timedelta(microseconds=1)
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Window(NamedTuple):
    """When starts are allowed: all that is given must hold.

    Attributes:
        days: Of the week, 0 is Sunday; none: all.
        months: 1 to 12; none: all.
        begins: The first minute.
        ends: The last minute: a start within it is allowed.
    """

    days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    begins: time = ALL_DAY[0]
    ends: time = ALL_DAY[1]

    def has(self, day: date) -> bool:
        """Tells whether it is open on a day."""
        is_day = not self.days or day.isoweekday() % 7 in self.days
        return is_day and (not self.months or day.month in self.months)

    def to_values(self) -> dict[str, Any]:
        """Answers it as the builder's API has it."""
        values: dict[str, Any] = {}
        if self.days:
            values["days"] = list(self.days)
        if self.months:
            values["months"] = list(self.months)
        if (self.begins, self.ends) != ALL_DAY:
            values["time"] = [f"{self.begins:%H:%M}", f"{self.ends:%H:%M}"]
        return values


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
        between: Before the first and after the second moment nothing starts; at them it does.
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

        A time may be a list of times; what another type would need is not looked at.

        Raises:
            ScenarioError: It cannot be; every problem is told.
        """
        return _Reading(values).schedule()

    def to_values(self) -> dict[str, Any]:
        """Answers it as the builder's API has it; several times of day are a list."""
        values: dict[str, Any] = {"type": self.type}
        if self.interval:
            values["interval"] = self.interval
        if self.date is not None:
            values["date"] = self.date.isoformat()
        if self.times:
            times = [f"{each:%H:%M}" for each in self.times]
            values["time"] = times if len(times) > 1 else times[0]
        if self.days:
            values["days"] = list(self.days)
        if self.months:
            values["months"] = list(self.months)
        if self.expression:
            values["expression"] = self.expression
        if any(self.between):
            values["between"] = [each and each.isoformat() for each in self.between]
        if self.windows:
            values["restrict"] = [each.to_values() for each in self.windows]
        return values


class _Reading:
    """Reads one schedule, and collects what is wrong with it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._problems: list[str] = []

    def schedule(self) -> Schedule:
        values = self._values
        kind = values.get("type")
        self._names("", values, {*Schedule._fields, "time", "restrict"} - {"times", "windows"})
        if kind not in TYPES:
            what = "type: is missing" if kind is None else unknown_name("type", str(kind), TYPES)
            self._problems.append(what)
        found = Schedule(
            str(kind), between=self._between(), windows=tuple(self._windows(values.get("restrict")))
        )
        match kind:
            case "indefinitely":
                found = found._replace(interval=self._interval())
            case "once":
                found = found._replace(date=self._moment("date", values.get("date")))
            case "daily" | "weekly" | "monthly" | "yearly":
                found = self._with_days(found._replace(times=self._times(values.get("time"))))
            case "cron":
                found = found._replace(expression=self._expression())
        if self._problems:
            raise ScenarioError(f"the schedule: {'; '.join(self._problems)}")
        return found

    def _names(self, place: str, values: Mapping[str, Any], known: set[str]) -> None:
        names = [str(name) for name in values if name not in known]
        self._problems += [f"{place}{unknown_name('key', name, known)}" for name in names]

    def _wrong(self, name: str, given: Any, expected: str) -> None:
        found = "is missing" if given is None else shown(given)
        self._problems.append(f"{name}: {found}; expected {expected}")

    def _with_days(self, found: Schedule) -> Schedule:
        values = self._values
        if found.type == "weekly":
            return found._replace(days=self._numbers("days", values.get("days"), 0, 6))
        if found.type in ("monthly", "yearly"):
            found = found._replace(days=self._numbers("days", values.get("days"), 1, 31))
        if found.type == "yearly":
            found = found._replace(months=self._numbers("months", values.get("months"), 1, 12))
        longest = max(_LONGEST_MONTHS[month - 1] for month in found.months or range(1, 13))
        if found.days and found.days[0] > longest:
            self._problems.append(f"days: no such month has {found.days[0]} days")
        return found

    def _interval(self) -> int:
        given = self._values.get("interval")
        if type(given) is not int or not SHORTEST <= given <= LONGEST:
            self._wrong("interval", given, f"{SHORTEST} to {LONGEST} seconds")
            return SHORTEST
        return given

    def _expression(self) -> str:
        from croniter import CroniterBadDateError, croniter

        given = self._values.get("expression")
        text = " ".join(str(given or "").split())
        # "r" stands for a minute by chance, which would be another one each time it is asked for
        by_chance = re.search(r"\br\b", text, re.IGNORECASE)
        if len(text.split()) != 5 or by_chance or not croniter.is_valid(text):
            fields = "five fields, minute to day of the week, such as '*/10 8-18 * * 1-5'"
            self._wrong("expression", given, fields)
            return ""
        try:
            croniter(text, datetime(2000, 1, 1)).get_next(datetime)  # noqa: DTZ001  (any day)
        except CroniterBadDateError:
            self._wrong("expression", text, "a day that there is in some year")
        return text

    def _times(self, given: Any) -> tuple[time, ...]:
        texts = given if isinstance(given, list) and given else [given]
        return tuple(sorted({self._time("time", text) for text in texts}))

    def _time(self, name: str, given: Any) -> time:
        match = _TIME.fullmatch(str(given))
        if match is None:
            self._wrong(name, given, "a time of day such as 09:00")
            return time()
        return time(int(match[1]), int(match[2]))

    def _numbers(self, name: str, given: Any, least: int, most: int) -> tuple[int, ...]:
        found = given if isinstance(given, list) and given else [given]
        wrong = [each for each in found if type(each) is not int or not least <= each <= most]
        for each in wrong:
            sunday = ", 0 is Sunday" if least == 0 else ""
            self._wrong(name, each, f"numbers from {least} to {most}{sunday}")
        return () if wrong else tuple(sorted(set(found)))

    def _moment(self, name: str, given: Any) -> datetime | None:
        try:
            return given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
        except ValueError:
            self._wrong(name, given, "a moment such as 2027-01-31T09:00")
            return None

    def _between(self) -> tuple[datetime | None, datetime | None]:
        given = self._values.get("between")
        if given is None:
            return None, None
        if not isinstance(given, list) or len(given) != 2:
            self._wrong("between", given, "a list of two moments; null leaves one open")
            return None, None
        first, last = (None if each is None else self._moment("between", each) for each in given)
        if first and last and bool(first.tzinfo) == bool(last.tzinfo) and first > last:
            self._problems.append(f"between: {given[0]} is after {given[1]}")
        return first, last

    def _windows(self, given: Any) -> Iterator[Window]:
        if given is None:
            return
        if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
            self._wrong("restrict", given, "a list of collections with days, months and time")
            return
        for number, each in enumerate(given, 1):
            place = f"restrict {number} "
            self._names(f"{place.strip()}: ", each, {"days", "months", "time"})
            days, months = each.get("days"), each.get("months")
            times = each.get("time") or ["00:00", "23:59"]
            if not isinstance(times, list) or len(times) != 2:
                self._wrong(f"{place}time", times, "a list of two times of day")
                continue
            begins, ends = (self._time(f"{place}time", text) for text in times)
            if begins > ends:
                self._problems.append(
                    f"{place}time: {times[0]} is after {times[1]}; over midnight, give two of them:"
                    f" {times[0]} to 23:59, and 00:00 to {times[1]}"
                )
            yield Window(
                () if days in (None, []) else self._numbers(f"{place}days", days, 0, 6),
                () if months in (None, []) else self._numbers(f"{place}months", months, 1, 12),
                begins,
                ends,
            )


def zone_of(timezone: str) -> ZoneInfo:
    """Finds the zone of a schedule by its name.

    Raises:
        ScenarioError: There is none.
    """
    try:
        return zone_named(timezone)
    except ValueError as error:
        raise ScenarioError(f"the schedule: {error}") from None


def next_after(
    schedule: Schedule, moment: datetime, timezone: str, began: datetime
) -> datetime | None:
    """Answers when a scenario starts next, strictly after a moment; None: never by itself.

    It looks nine years ahead, and forty-one where days of the month and of the week must meet.

    Args:
        schedule: When it starts.
        moment: Aware.
        timezone: The zone of its times of day.
        began: When it was switched on; intervals are counted from there.

    Returns:
        The moment in UTC.

    Raises:
        ScenarioError: There is no such zone.
    """
    return next(_starts(schedule, moment, zone_of(timezone), began), None)


def missed(schedule: Schedule, due: datetime, now: datetime, timezone: str, began: datetime) -> int:
    """Answers how many starts were missed: the one that was due, if late, and those after it.

    More than MOST_MISSED are not counted.
    """
    if now - due <= LATE:
        return 0
    after = _starts(schedule, due, zone_of(timezone), began)
    return 1 + sum(1 for _ in islice(takewhile(lambda at: at <= now, after), MOST_MISSED - 1))


def _starts(
    schedule: Schedule, moment: datetime, zone: ZoneInfo, began: datetime
) -> Iterator[datetime]:
    """All starts after a moment that are allowed, in their order."""
    first, last = (None if each is None else _aware(each, zone) for each in schedule.between)
    after = moment.astimezone(UTC)
    if first is not None and first > after:
        after = first - _TICK
    limit = END if last is None else min(END, last)
    if schedule.type != "once" and after < END:
        of_month = schedule.type in ("monthly", "yearly", "cron")
        is_rare = of_month and any(each.days for each in schedule.windows)
        limit = min(limit, after + (FAR_AHEAD if is_rare else AHEAD))
    while after < limit:
        for found in _due(schedule, after, zone, began):
            if found > limit:
                return
            opens = _opens(schedule.windows, found, zone)
            if opens > found:
                after = opens - _TICK
                break
            yield found
        else:
            return


def _due(
    schedule: Schedule, after: datetime, zone: ZoneInfo, began: datetime
) -> Iterator[datetime]:
    """All starts after a moment, whether they are allowed or not, in their order."""
    if schedule.type == "indefinitely":
        interval = timedelta(seconds=schedule.interval)
        began = began.astimezone(UTC)
        at = began + ((after - began) // interval + 1) * interval
        while True:
            yield at
            at += interval
    if schedule.date is not None:
        at = _aware(schedule.date, zone)
        if at > after:
            yield at
        return
    # No clock leads from one time of day to an earlier moment than from those before it. So they
    # are gone through as the clock shows them, and one that leads to no later moment is left out.
    for wall in _walls(schedule, after.astimezone(zone).replace(tzinfo=None, fold=0)):
        at = _instant(wall, zone)
        if at > after:
            after = at
            yield at


def _walls(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """All times that a clock shows when a scenario starts, after one that it shows."""
    if schedule.type == "cron":
        from croniter import croniter

        steps = croniter(schedule.expression, after.replace(microsecond=0))
        while True:
            yield steps.get_next(datetime)
    day = after.date()
    while schedule.times:
        if _is_day(schedule, day):
            walls = (datetime.combine(day, each) for each in schedule.times)
            yield from (wall for wall in walls if wall > after)
        day += timedelta(days=1)


def _is_day(schedule: Schedule, day: date) -> bool:
    match schedule.type:
        case "weekly":
            return day.isoweekday() % 7 in schedule.days
        case "monthly":
            return day.day in schedule.days
        case "yearly":
            return day.day in schedule.days and day.month in schedule.months
    return True


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Answers the moment at which a clock shows a time: the first of two, or the end of a gap."""
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # In a gap these two are on either side of its end, which is a whole second.
    low = int(wall.replace(tzinfo=zone, fold=1).timestamp())
    high = int(found.timestamp())
    after = found.astimezone(zone).utcoffset()

    def is_after(second: int) -> bool:
        return datetime.fromtimestamp(second, zone).utcoffset() == after

    end = low + bisect_left(range(low, high), True, key=is_after)
    return datetime.fromtimestamp(end, UTC)


def _opens(windows: Sequence[Window], at: datetime, zone: ZoneInfo) -> datetime:
    """Answers the moment itself if a start is allowed, else one before which none is."""
    if not windows:
        return at
    local = at.astimezone(zone)
    day, minute = local.date(), local.time().replace(second=0, microsecond=0, fold=0)
    today = [each for each in windows if each.has(day)]
    if any(each.begins <= minute <= each.ends for each in today):
        return at
    midnight = _instant(datetime.combine(day + timedelta(days=1), time()), zone)
    if today and midnight.astimezone(zone).utcoffset() != local.utcoffset():
        return at + _TICK  # hours are to come again today: go on step by step
    begins = [each.begins for each in today if each.begins > minute]
    while not begins:
        day += timedelta(days=1)
        begins = [each.begins for each in windows if each.has(day)]
    # In an hour that has come again, the first of the two moments is over.
    return max(at + _TICK, _instant(datetime.combine(day, min(begins)), zone))


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo is not None else _instant(moment, zone)
    except OverflowError:  # at the ends of the calendar, where an hour does not matter
        return moment.replace(tzinfo=UTC)
