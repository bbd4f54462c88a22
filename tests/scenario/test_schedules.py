"""When scenarios start: days and times of a zone, across daylight saving; intervals; cron."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconnect.errors import ScenarioError
from segconnect.scenario.schedules import Schedule, describe, missed, next_after, parse_schedule

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def starts(text: str | dict[str, Any], after: str, count: int, zone: str = BERLIN) -> list[str]:
    """Answers the next starts, as clocks of the zone show them."""
    values = parse_schedule(text) if isinstance(text, str) else text
    schedule, moment = Schedule.read(values), datetime.fromisoformat(after)
    found: list[str] = []
    for _ in range(count):
        at = next_after(schedule, moment, zone, BEGAN)
        if at is None:
            return [*found, "never"]
        found.append(at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M%z"))
        moment = at
    return found


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("every 15m", "2026-03-01T10:07Z", ["2026-03-01T11:15+0100", "2026-03-01T11:30+0100"]),
        ("daily 09:00", "2026-03-01T08:00Z", ["2026-03-02T09:00+0100"]),
        ("daily 09:00,17:30", "2026-03-01T08:00Z", ["2026-03-01T17:30+0100"]),
        # 02:30 is left out on 2026-03-29: the first moment after the gap
        (
            "daily 02:30",
            "2026-03-28T12:00Z",
            ["2026-03-29T03:00+0200", "2026-03-30T02:30+0200"],
        ),
        # 02:30 comes twice on 2026-10-25: it starts once, at the first of them
        (
            "daily 02:30",
            "2026-10-24T12:00Z",
            ["2026-10-25T02:30+0200", "2026-10-26T02:30+0100"],
        ),
        ("cron 30 2 * * *", "2026-03-28T12:00Z", ["2026-03-29T03:00+0200"]),
        (
            "cron 30 2 * * *",
            "2026-10-24T12:00Z",
            ["2026-10-25T02:30+0200", "2026-10-26T02:30+0100"],
        ),
        ("weekly mon,fri 07:00", "2026-11-25T12:00Z", ["2026-11-27T07:00+0100"]),
        ("weekly sun 07:00", "2026-11-25T12:00Z", ["2026-11-29T07:00+0100"]),
        # a month without a 31st is left out
        ("monthly 31 06:00", "2026-01-31T12:00Z", ["2026-03-31T06:00+0200"]),
        ("yearly 29 2 06:00", "2026-01-31T12:00Z", ["2028-02-29T06:00+0100"]),
        ("cron */10 8-18 * * 1-5", "2026-11-27T17:55Z", ["2026-11-30T08:00+0100"]),
        ("once 2026-12-01T09:00", "2026-11-27T17:55Z", ["2026-12-01T09:00+0100", "never"]),
        ("on demand", "2026-11-27T17:55Z", ["never"]),
    ],
)
def test_the_next_starts(text: str, after: str, expected: list[str]) -> None:
    assert starts(text, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        ("America/New_York", "2026-03-07T12:00Z", "2026-03-08T03:00-0400"),
        ("Australia/Lord_Howe", "2026-10-03T00:00Z", "2026-10-04T02:30+1100"),  # half an hour
        ("Asia/Kathmandu", "2026-10-03T00:00Z", "2026-10-04T02:15+0545"),
    ],
)
def test_the_clock_of_a_zone(zone: str, after: str, expected: str) -> None:
    assert starts("daily 02:15", after, 1, zone) == [expected]


def test_starts_are_kept_within_the_hours_and_days_that_are_allowed() -> None:
    values = {
        "type": "indefinitely",
        "interval": 3600,
        "restrict": [{"days": [1, 2, 3, 4, 5], "time": ["09:00", "10:30"]}],
        "between": ["2026-11-27T00:00", "2026-11-30T23:00"],
    }

    assert starts(values, "2026-01-01T00:00Z", 5) == [
        "2026-11-27T09:00+0100",
        "2026-11-27T10:00+0100",
        "2026-11-30T09:00+0100",
        "2026-11-30T10:00+0100",
        "never",
    ]


def test_what_was_missed_is_counted() -> None:
    schedule = Schedule.read(parse_schedule("every 15m"))
    due = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    assert missed(schedule, due, due + timedelta(seconds=30), "UTC", BEGAN) == 0
    assert missed(schedule, due, due + timedelta(minutes=5), "UTC", BEGAN) == 1
    assert missed(schedule, due, due + timedelta(minutes=65), "UTC", BEGAN) == 5


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"type": "hourly"}, "hourly"),
        ({"type": "indefinitely", "interval": 5}, "at least 60 seconds"),
        ({"type": "daily", "time": "25:00"}, "expected a time of day"),
        ({"type": "weekly", "time": "09:00", "days": [7]}, "from 0 to 6"),
        ({"type": "yearly", "time": "09:00", "days": [31], "months": [2]}, "no such month"),
        ({"type": "cron", "expression": "* * *"}, "expected five fields"),
        ({"type": "once"}, "date: is missing"),
        ({"type": "daily", "time": "09:00", "at": 3}, "at: is not known"),
    ],
)
def test_what_cannot_be_is_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        Schedule.read(values)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        Schedule.read({"type": "weekly", "days": [9], "time": "9", "between": 3})

    assert all(name in str(caught.value) for name in ("days", "time", "between"))


def test_it_is_said_in_english() -> None:
    said = {
        text: describe(Schedule.read(parse_schedule(text)), "Europe/Berlin")
        for text in ("every 2h", "daily 09:00,17:30", "weekly mon,wed 09:00")
    }

    assert said == {
        "every 2h": "every 2 hours",
        "daily 09:00,17:30": "every day at 09:00 and 17:30 (Europe/Berlin)",
        "weekly mon,wed 09:00": "Mondays and Wednesdays at 09:00 (Europe/Berlin)",
    }


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
schedules = st.one_of(
    st.fixed_dictionaries({"type": st.just("indefinitely"), "interval": st.integers(60, 90_000)}),
    st.fixed_dictionaries({"type": st.just("daily"), "time": st.lists(times, min_size=1)}),
    st.fixed_dictionaries(
        {
            "type": st.just("weekly"),
            "time": times,
            "days": st.lists(st.integers(0, 6), min_size=1, unique=True),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("monthly"),
            "time": times,
            "days": st.lists(st.integers(1, 28), min_size=1),
        }
    ),
    st.builds(
        lambda minute, hour: {"type": "cron", "expression": f"{minute} {hour} * * *"},
        st.sampled_from(["0", "*/15", "7,37"]),
        st.sampled_from(["*", "2", "1-3", "*/6"]),
    ),
)
zones = st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
moments = st.integers(0, 4 * 366 * 86_400).map(lambda seconds: BEGAN + timedelta(seconds=seconds))


@given(schedules, zones, moments, st.timedeltas(timedelta(), timedelta(days=40)))
def test_the_next_start_is_the_first_one_after_a_moment(
    values: dict[str, Any], zone: str, moment: datetime, ahead: timedelta
) -> None:
    schedule = Schedule.read(values)
    first = next_after(schedule, moment, zone, BEGAN)
    later = next_after(schedule, moment + ahead, zone, BEGAN)

    assert first is not None
    assert later is not None
    assert first > moment
    assert later >= first  # asking later never answers something earlier
    if moment + ahead < first:
        assert later == first  # and nothing lies between
