"""When scenarios start: days and times of a zone, across daylight saving; intervals; cron."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segconnect.errors import ScenarioError
from segconnect.scenario.schedule_words import parse_schedule
from segconnect.scenario.schedules import AHEAD, Schedule, missed, next_after

BEGAN = datetime(2010, 1, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"
MINUTE = timedelta(minutes=1)


def starts(text: str | dict[str, Any], after: str, count: int, zone: str = BERLIN) -> list[str]:
    """Answers the next starts, as clocks of the zone show them."""
    values = parse_schedule(text) if isinstance(text, str) else text
    schedule, moment = Schedule.read(values), datetime.fromisoformat(after)
    found: list[str] = []
    for _ in range(count):
        at = next_after(schedule, moment, zone, BEGAN)
        if at is None:
            return [*found, "never"]
        assert at.second == at.microsecond == 0
        found.append(at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M%z"))
        moment = at
    return found


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("every 15m", "2026-03-01T10:07Z", ["2026-03-01T11:15+0100", "2026-03-01T11:30+0100"]),
        # two hours are two hours, whatever the clock does meanwhile
        ("every 2h", "2026-03-28T23:00Z", ["2026-03-29T01:00+0100", "2026-03-29T04:00+0200"]),
        ("daily 09:00", "2026-03-01T07:59:59Z", ["2026-03-01T09:00+0100"]),
        ("daily 09:00", "2026-03-01T08:00Z", ["2026-03-02T09:00+0100"]),
        ("daily 17:30,09:00", "2026-03-01T08:00Z", ["2026-03-01T17:30+0100"]),
        ("daily 00:00", "2026-12-31T12:00Z", ["2027-01-01T00:00+0100"]),
        # 02:30 is left out on 2026-03-29: the first moment after the gap
        ("daily 02:30", "2026-03-28T12:00Z", ["2026-03-29T03:00+0200", "2026-03-30T02:30+0200"]),
        ("daily 02:07", "2026-03-28T12:00Z", ["2026-03-29T03:00+0200", "2026-03-30T02:07+0200"]),
        # several that are left out, and the one right after the gap, are one start
        (
            "daily 02:07,02:30,03:00,03:01",
            "2026-03-28T12:00Z",
            ["2026-03-29T03:00+0200", "2026-03-29T03:01+0200", "2026-03-30T02:07+0200"],
        ),
        ("cron * 2 * * *", "2026-03-28T12:00Z", ["2026-03-29T03:00+0200", "2026-03-30T02:00+0200"]),
        # 02:30 comes twice on 2026-10-25: it starts once, at the first of them
        ("daily 02:30", "2026-10-24T12:00Z", ["2026-10-25T02:30+0200", "2026-10-26T02:30+0100"]),
        ("daily 02:30", "2026-10-25T00:45Z", ["2026-10-26T02:30+0100"]),
        ("cron 9 2 * * *", "2026-10-24T12:00Z", ["2026-10-25T02:09+0200", "2026-10-26T02:09+0100"]),
        ("cron 9 * * * *", "2026-10-25T00:00Z", ["2026-10-25T02:09+0200", "2026-10-25T03:09+0100"]),
        ("weekly mon,fri 07:00", "2026-11-25T12:00Z", ["2026-11-27T07:00+0100"]),
        ("weekly sun 07:00", "2026-11-25T12:00Z", ["2026-11-29T07:00+0100"]),
        ("monthly 1,15 06:00", "2026-12-15T12:00Z", ["2027-01-01T06:00+0100"]),
        # a month without a 31st is left out
        ("monthly 31 06:00", "2026-01-31T12:00Z", ["2026-03-31T06:00+0200"]),
        ("yearly 31 1,6 06:00", "2026-01-31T12:00Z", ["2027-01-31T06:00+0100"]),
        ("yearly 29 2 06:00", "2026-01-31T12:00Z", ["2028-02-29T06:00+0100"]),
        # 2100 has no February 29
        ("yearly 29 2 06:00", "2096-03-01T00:00Z", ["2104-02-29T06:00+0100"]),
        ("cron 0 6 29 2 *", "2096-03-01T00:00Z", ["2104-02-29T06:00+0100"]),
        ("cron */10 8-18 * * 1-5", "2026-11-27T17:55Z", ["2026-11-30T08:00+0100"]),
        ("cron 0 0 L * *", "2028-02-01T00:00Z", ["2028-02-29T00:00+0100"]),
        # a day of the month and one of the week: either of them
        ("cron 0 0 9 * 5", "2026-11-06T12:00Z", ["2026-11-09T00:00+0100", "2026-11-13T00:00+0100"]),
        ("once 2026-12-01T09:00", "2026-11-27T17:55Z", ["2026-12-01T09:00+0100", "never"]),
        ("once 2026-12-01T09:00Z", "2026-11-27T17:55Z", ["2026-12-01T10:00+0100", "never"]),
        ("once 2026-03-29T02:20", "2026-01-01T00:00Z", ["2026-03-29T03:00+0200", "never"]),
        ("once 2080-01-01T09:00", "2026-01-01T00:00Z", ["2080-01-01T09:00+0100", "never"]),
        ("once 9999-12-31T23:59", "2026-01-01T00:00Z", ["never"]),
        ("immediately", "2026-11-27T17:55Z", ["never"]),
        ("on demand", "2026-11-27T17:55Z", ["never"]),
    ],
)  # fmt: skip
def test_the_next_starts(text: str, after: str, expected: list[str]) -> None:
    assert starts(text, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        ("America/New_York", "2026-03-07T12:00Z", "2026-03-08T03:00-0400"),
        ("Australia/Lord_Howe", "2026-10-03T00:00Z", "2026-10-04T02:30+1100"),  # half an hour
        ("Asia/Kathmandu", "2026-10-03T00:00Z", "2026-10-04T02:15+0545"),
        ("Pacific/Apia", "2011-12-29T13:00Z", "2011-12-31T00:00+1400"),  # a day was left out
    ],
)
def test_the_clock_of_a_zone(zone: str, after: str, expected: str) -> None:
    assert starts("daily 02:15", after, 1, zone) == [expected]


@pytest.mark.parametrize("zone", ["Europe/Berln", "", "../etc"])
def test_a_zone_that_there_is_not_is_told(zone: str) -> None:
    with pytest.raises(ScenarioError, match="the schedule: unknown time zone"):
        next_after(Schedule.read(DAILY), BEGAN, zone, BEGAN)


def test_a_late_start_moves_no_other() -> None:
    schedule = Schedule.read({"type": "indefinitely", "interval": 1000})
    due = BEGAN + timedelta(seconds=5000)

    for late in (0, 1, 999):
        moment = due + timedelta(seconds=late)
        assert next_after(schedule, moment, BERLIN, BEGAN) == BEGAN + timedelta(seconds=6000)


HOURLY = {"type": "indefinitely", "interval": 3600}
DAILY = {"type": "daily", "time": "09:00"}


@pytest.mark.parametrize(
    ("values", "after", "expected"),
    [
        (
            HOURLY
            | {
                "restrict": [{"days": [1, 2, 3, 4, 5], "time": ["09:00", "10:30"]}],
                "between": ["2026-11-27T00:00", "2026-11-30T23:00"],
            },
            "2026-01-01T00:00Z",
            [f"2026-11-{day}T{hour}:00+0100" for day in (27, 30) for hour in ("09", "10")]
            + ["never"],
        ),
        # one of several is enough
        (
            HOURLY | {"restrict": [{"time": ["22:00", "23:59"]}, {"time": ["00:00", "00:30"]}]},
            "2026-11-27T00:00Z",
            ["2026-11-27T22:00+0100", "2026-11-27T23:00+0100", "2026-11-28T00:00+0100"],
        ),
        # both ends of it are allowed, and what is before and after them is not
        (
            DAILY | {"between": ["2026-11-27T09:00", "2026-11-28T09:00"]},
            "2026-01-01T00:00Z",
            ["2026-11-27T09:00+0100", "2026-11-28T09:00+0100", "never"],
        ),
        (DAILY | {"between": [None, "9999-12-31"]}, "2026-01-01T00:00Z", ["2026-01-01T09:00+0100"]),
        (DAILY | {"between": ["0001-01-01", None]}, "2026-01-01T00:00Z", ["2026-01-01T09:00+0100"]),
        (DAILY | {"between": ["9999-12-31", None]}, "2026-01-01T00:00Z", ["never"]),
        (DAILY | {"restrict": [{"time": ["10:00", "11:00"]}]}, "2026-01-01T00:00Z", ["never"]),
        (DAILY | {"restrict": [{"months": [2]}]}, "2026-03-01T00:00Z", ["2027-02-01T09:00+0100"]),
        # February 29 on a Monday
        (
            {"type": "yearly", "days": [29], "months": [2], "time": "09:00"}
            | {"restrict": [{"days": [1]}]},
            "2026-03-01T00:00Z",
            ["2044-02-29T09:00+0100"],
        ),
        # what the clock moved is looked at where it was moved to
        (
            {"type": "daily", "time": "02:30"} | {"restrict": [{"time": ["02:00", "02:59"]}]},
            "2026-03-28T12:00Z",
            ["2026-03-30T02:30+0200"],
        ),
        # an hour that is allowed is so both times that it comes
        (
            {"type": "indefinitely", "interval": 1800, "restrict": [{"time": ["02:00", "02:15"]}]},
            "2026-10-24T12:00Z",
            ["2026-10-25T02:00+0200", "2026-10-25T02:00+0100", "2026-10-26T02:00+0100"],
        ),
    ],
)
def test_starts_are_kept_within_what_is_allowed(
    values: dict[str, Any], after: str, expected: list[str]
) -> None:
    assert starts(values, after, len(expected)) == expected


def test_what_was_missed_is_counted() -> None:
    schedule = Schedule.read(parse_schedule("every 15m"))
    due = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    assert missed(schedule, due, due + timedelta(seconds=30), "UTC", BEGAN) == 0
    assert missed(schedule, due, due + timedelta(minutes=5), "UTC", BEGAN) == 1
    assert missed(schedule, due, due + timedelta(minutes=65), "UTC", BEGAN) == 5
    assert missed(schedule, due, due + timedelta(days=365), "UTC", BEGAN) == 10_000  # no more


def test_what_was_not_allowed_was_not_missed() -> None:
    schedule = Schedule.read(HOURLY | {"restrict": [{"time": ["09:00", "11:00"]}]})
    due = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    assert missed(schedule, due, due + timedelta(days=2, minutes=5), "UTC", BEGAN) == 7


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "type: is missing"),
        ({"type": "weekli"}, "unknown type 'weekli'; did you mean 'weekly'?"),
        ({"type": "indefinitely"}, "interval: is missing; expected 60 to"),
        ({"type": "indefinitely", "interval": 59}, "interval: 59; expected 60 to"),
        ({"type": "indefinitely", "interval": 10**12}, "expected 60 to"),
        ({"type": "daily", "time": "25:00"}, "time: '25:00'; expected a time of day such as 09:00"),
        ({"type": "daily", "time": []}, "time: an array; expected a time of day"),
        ({"type": "weekly", "time": "09:00", "days": [7]}, "days: 7; expected numbers from 0 to 6"),
        ({"type": "weekly", "time": "09:00", "days": [True]}, "days: true; expected numbers"),
        ({"type": "monthly", "time": "09:00", "days": [0]}, "days: 0; expected numbers from 1"),
        ({"type": "monthly", "time": "09:00"}, "days: is missing"),
        ({"type": "yearly", "time": "09:00", "days": [31], "months": [2]}, "no such month"),
        ({"type": "cron", "expression": "* * *"}, "expression: '* * *'; expected five fields"),
        ({"type": "cron", "expression": "60 * * * *"}, "expected five fields"),
        ({"type": "cron", "expression": "R 3 * * *"}, "expected five fields"),
        ({"type": "cron", "expression": "0 0 30 2 *"}, "a day that there is in some year"),
        ({"type": "once"}, "date: is missing"),
        ({"type": "once", "date": "tomorrow"}, "date: 'tomorrow'; expected a moment such as"),
        (DAILY | {"at": 3}, "unknown key 'at'"),
        (DAILY | {"between": ["2027-01-01"]}, "between: an array; expected a list of two moments"),
        (DAILY | {"between": ["2027-01-01", "2026-01-01"]}, "2027-01-01 is after 2026-01-01"),
        (DAILY | {"restrict": {"days": [1]}}, "restrict: a collection; expected a list"),
        (DAILY | {"restrict": [{"day": [1]}]}, "restrict 1: unknown key 'day'"),
        (DAILY | {"restrict": [{}, {"days": [9]}]}, "restrict 2 days: 9; expected"),
        (DAILY | {"restrict": [{"time": ["22:00", "06:00"]}]}, "over midnight, give two of them"),
    ],
)
def test_what_cannot_be_is_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        Schedule.read(values)

    assert told in str(caught.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        Schedule.read({"type": "weekly", "days": [9], "time": "9", "between": 3})

    assert str(caught.value) == (
        "the schedule: between: 3; expected a list of two moments; null leaves one open;"
        " time: '9'; expected a time of day such as 09:00;"
        " days: 9; expected numbers from 0 to 6, 0 is Sunday"
    )


def test_it_is_written_as_the_builders_api_has_it() -> None:
    values = {
        "type": "yearly",
        "time": "09:00",
        "days": [1, 15],
        "months": [3],
        "between": [None, "2027-01-31T09:00:00"],
        "restrict": [{"days": [1], "months": [3], "time": ["09:00", "17:00"]}],
    }

    assert Schedule.read(values).to_values() == values


# Every value: compared with a clock that is watched minute by minute.

hours = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
at_night = st.builds("{:02}:{:02}".format, st.integers(0, 3), st.integers(0, 59))
times = at_night | hours
weekdays = st.lists(st.integers(0, 6), min_size=1)
kinds: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(
        lambda minutes: {"type": "indefinitely", "interval": minutes * 60}, st.integers(1, 500)
    ),
    st.fixed_dictionaries(
        {"type": st.just("daily"), "time": times | st.lists(times, min_size=1, max_size=5)}
    ),
    st.fixed_dictionaries({"type": st.just("weekly"), "time": times, "days": weekdays}),
    st.fixed_dictionaries(
        {
            "type": st.just("monthly"),
            "time": times,
            "days": st.lists(st.integers(1, 31), min_size=1, max_size=9),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("yearly"),
            "time": times,
            "days": st.lists(st.integers(1, 29), min_size=1, max_size=9),
            "months": st.lists(st.integers(1, 12), min_size=1),
        }
    ),
    st.builds(
        lambda minute, hour, day, weekday: {
            "type": "cron",
            "expression": f"{minute} {hour} {day} * {weekday}",
        },
        st.sampled_from(["0", "*", "*/15", "7,37", "59"]),
        st.sampled_from(["*", "0", "2", "1-3", "*/6", "23"]),
        st.sampled_from(["*", "28-31", "1"]),
        st.sampled_from(["*", "0", "sat,sun", "mon-fri"]),
    ),
)


def window(ends: tuple[str, str], more: dict[str, Any]) -> dict[str, Any]:
    return {"time": sorted(ends), **more}


windows = st.lists(
    st.builds(
        window,
        st.tuples(times, times),
        st.fixed_dictionaries(
            {}, optional={"days": weekdays, "months": st.lists(st.integers(1, 12), min_size=1)}
        ),
    ),
    min_size=1,
    max_size=2,
)
any_schedule = st.builds(
    lambda values, more: values | more,
    kinds,
    st.just({}) | st.fixed_dictionaries({"restrict": windows}),
)
# Where clocks are changed: by an hour or by half of one, at night or at midnight, over a whole day.
CHANGES = {
    "UTC": ["2026-12-31"],
    BERLIN: ["2026-03-29", "2026-10-25", "2028-02-29"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "America/Santiago": ["2026-04-05", "2026-09-06"],
    "America/Havana": ["2026-03-08", "2026-11-01"],
    "Asia/Kathmandu": ["2026-12-31"],
    "Pacific/Apia": ["2011-12-30"],
}
nights = st.sampled_from(
    [(zone, datetime.fromisoformat(day)) for zone in CHANGES for day in CHANGES[zone]]
)
seconds = st.integers(-86_400, 86_400)


def rule(values: dict[str, Any]) -> Callable[[datetime], bool]:
    """Tells of what a clock shows whether something starts then."""
    if values["type"] == "cron":
        minutes, hours, days, _, weekdays = croniter.expand(values["expression"])[0]

        def is_day(wall: datetime) -> bool:
            is_one, is_other = wall.day in days, wall.isoweekday() % 7 in weekdays
            if days == ["*"] or weekdays == ["*"]:
                return (is_one or days == ["*"]) and (is_other or weekdays == ["*"])
            return is_one or is_other  # as cron does

        return lambda wall: (
            (minutes == ["*"] or wall.minute in minutes)
            and (hours == ["*"] or wall.hour in hours)
            and is_day(wall)
        )
    given = values["time"] if isinstance(values["time"], list) else [values["time"]]
    times = {tuple(map(int, each.split(":"))) for each in given}
    days = values.get("days", range(32))
    months = values.get("months", range(13))
    is_weekly = values["type"] == "weekly"
    return lambda wall: (
        (wall.hour, wall.minute) in times
        and (wall.isoweekday() % 7 if is_weekly else wall.day) in days
        and wall.month in months
    )


def is_open(values: dict[str, Any], wall: datetime) -> bool:
    return "restrict" not in values or any(
        wall.isoweekday() % 7 in each.get("days", range(7))
        and wall.month in each.get("months", range(13))
        and each["time"][0] <= f"{wall:%H:%M}" <= each["time"][1]
        for each in values["restrict"]
    )


def watched(
    values: dict[str, Any], zone: ZoneInfo, after: datetime, until: datetime
) -> Iterator[datetime]:
    """Watches a clock: each minute that it shows for the first time, or passes over, counts."""
    starts_at = None if values["type"] == "indefinitely" else rule(values)
    at = after.replace(second=0, microsecond=0) - timedelta(hours=3)
    newest = at.astimezone(zone).replace(tzinfo=None)
    while at < until:
        at += MINUTE
        wall = at.astimezone(zone).replace(tzinfo=None)
        is_start = False
        if starts_at is None:
            is_start = (at - BEGAN) % timedelta(seconds=values["interval"]) == timedelta()
        while newest < wall:
            newest += MINUTE
            is_start = is_start or (starts_at is not None and starts_at(newest))
        if is_start and after < at <= until and is_open(values, wall):
            yield at


@settings(deadline=None)
@given(any_schedule, nights, seconds, st.integers(1, 3600))
@example({"type": "daily", "time": "02:07"}, (BERLIN, datetime.fromisoformat("2026-03-29")), 0, 60)
@example(
    {"type": "indefinitely", "interval": 900, "restrict": [{"time": ["02:00", "02:30"]}]},
    (BERLIN, datetime.fromisoformat("2026-10-25")),
    0,
    60,
)
def test_starts_are_those_that_a_clock_shows(
    values: dict[str, Any], night: tuple[str, datetime], second: int, minutes: int
) -> None:
    name, day = night
    schedule, zone = Schedule.read(values), ZoneInfo(name)
    after = day.replace(tzinfo=zone).astimezone(UTC) + timedelta(seconds=second)
    until = after + timedelta(minutes=minutes)

    found, at = [], next_after(schedule, after, name, BEGAN)
    while at is not None and at <= until:
        found.append(at)
        at = next_after(schedule, at, name, BEGAN)

    assert found == list(watched(values, zone, after, until))


@settings(deadline=None)  # to find that something never starts is slower
@given(any_schedule, nights, seconds, st.timedeltas(timedelta(), timedelta(days=400)))
def test_asking_later_never_answers_something_earlier(
    values: dict[str, Any], night: tuple[str, datetime], second: int, ahead: timedelta
) -> None:
    name, day = night
    schedule = Schedule.read(values)
    after = day.replace(tzinfo=UTC) + timedelta(seconds=second)
    first = next_after(schedule, after, name, BEGAN)
    later = next_after(schedule, after + ahead, name, BEGAN)

    if first is None:
        assert later is None or later - after > AHEAD
    elif after + ahead < first:
        assert first > after
        assert later == first  # and nothing lies between
    else:
        assert later is None or later > first


def bounds(first: datetime | None, last: datetime | None) -> list[str | None]:
    if first and last:
        first, last = min(first, last), max(first, last)
    return [each.isoformat() if each else None for each in (first, last)]


ends = st.none() | st.datetimes()


@given(
    any_schedule
    | st.fixed_dictionaries({"type": st.just("once"), "date": st.datetimes().map(str)}),
    st.just({}) | st.fixed_dictionaries({"between": st.builds(bounds, ends, ends)}),
)
def test_what_is_read_and_written_stays_the_same(
    values: dict[str, Any], more: dict[str, Any]
) -> None:
    schedule = Schedule.read(values | more)

    assert Schedule.read(schedule.to_values()) == schedule
