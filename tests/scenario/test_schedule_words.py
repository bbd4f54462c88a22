"""Schedules as people write them, and as they are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconnect.errors import ScenarioError
from segconnect.scenario.schedule_words import as_typed, describe, parse_schedule
from segconnect.scenario.schedules import LONGEST, SHORTEST, Schedule

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        ("every 15m", {"type": "indefinitely", "interval": 900}, "every 15 minutes"),
        ("every 1h", {"type": "indefinitely", "interval": 3600}, "every hour"),
        ("every 90s", {"type": "indefinitely", "interval": 90}, "every 90 seconds"),
        ("every 2d", {"type": "indefinitely", "interval": 172_800}, "every 2 days"),
        (
            "daily 9:00",
            {"type": "daily", "time": "09:00"},
            "every day at 09:00 (Europe/Berlin)",
        ),
        (
            "daily 17:30,09:00",
            {"type": "daily", "time": ["09:00", "17:30"]},
            "every day at 09:00 and 17:30 (Europe/Berlin)",
        ),
        (
            "weekly mon,Wednesday 09:00",
            {"type": "weekly", "days": [1, 3], "time": "09:00"},
            "Mondays and Wednesdays at 09:00 (Europe/Berlin)",
        ),
        (
            "weekly sun,mon,tue 09:00",
            {"type": "weekly", "days": [0, 1, 2], "time": "09:00"},
            "Sundays, Mondays and Tuesdays at 09:00 (Europe/Berlin)",
        ),
        (
            "monthly 1,22,3,12 06:00",
            {"type": "monthly", "days": [1, 3, 12, 22], "time": "06:00"},
            "on the 1st, 3rd, 12th and 22nd of each month at 06:00 (Europe/Berlin)",
        ),
        (
            "yearly 31 3,12 18:00",
            {"type": "yearly", "days": [31], "months": [3, 12], "time": "18:00"},
            "on the 31st of March and December at 18:00 (Europe/Berlin)",
        ),
        (
            "cron */10 8-18 * *  1-5",
            {"type": "cron", "expression": "*/10 8-18 * * 1-5"},
            "cron */10 8-18 * * 1-5 (Europe/Berlin)",
        ),
        (
            "once 2026-12-01T09:00",
            {"type": "once", "date": "2026-12-01T09:00:00"},
            "once, at 2026-12-01 09:00 (Europe/Berlin)",
        ),
        (
            "once 2026-12-01T09:00Z",
            {"type": "once", "date": "2026-12-01T09:00:00+00:00"},
            "once, at 2026-12-01 10:00 (Europe/Berlin)",
        ),
        ("immediately", {"type": "immediately"}, "at once, when a request comes in"),
        (" On  demand", {"type": "on-demand"}, "on demand"),
        ("on-demand", {"type": "on-demand"}, "on demand"),
        (
            "every 1h only Mon,tue 09:00-17:00 or in 1,2 OR always",
            {
                "type": "indefinitely",
                "interval": 3600,
                "restrict": [{"days": [1, 2], "time": ["09:00", "17:00"]}, {"months": [1, 2]}, {}],
            },
            "every hour",
        ),
        (
            "cron 0 9 * * mon-fri until 2026-12-24T12:00 from 2026-12-01T00:00 only sat",
            {
                "type": "cron",
                "expression": "0 9 * * mon-fri",
                "between": ["2026-12-01T00:00:00", "2026-12-24T12:00:00"],
                "restrict": [{"days": [6]}],
            },
            "cron 0 9 * * mon-fri, only on Saturdays, from 2026-12-01 00:00, until 2026-12-24 12:00"
            " (Europe/Berlin)",
        ),
        (
            "on demand until 2026-12-24T12:00",
            {"type": "on-demand", "between": [None, "2026-12-24T12:00:00"]},
            "on demand, until 2026-12-24 12:00 (Europe/Berlin)",
        ),
    ],
)
def test_words_are_read_and_told(text: str, values: dict[str, Any], told: str) -> None:
    assert parse_schedule(text) == values
    assert describe(Schedule.read(values), BERLIN) == told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"restrict": [{"days": [1, 2], "time": ["09:00", "17:00"]}, {"months": [12]}]},
            "every hour, only on Mondays and Tuesdays from 09:00 to 17:00 or in December"
            " (Europe/Berlin)",
        ),
        ({"restrict": [{}]}, "every hour"),
        (
            {"between": ["2026-12-01T00:00", "2026-12-24T11:00Z"]},
            "every hour, from 2026-12-01 00:00, until 2026-12-24 12:00 (Europe/Berlin)",
        ),
    ],
)
def test_what_is_allowed_is_told(more: dict[str, Any], told: str) -> None:
    schedule = Schedule.read({"type": "indefinitely", "interval": 3600, **more})

    assert describe(schedule, BERLIN) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' is not a schedule; expected one such as 'every 15m'"),
        ("hourly", "'hourly' is not a schedule"),
        ("every 1h30m", "'every 1h30m' is not a schedule"),
        ("every ٣٠m", "is not a schedule"),
        ("every 30s", "interval: 30; expected 60 to"),
        ("every 9999999d", "expected 60 to"),
        ("daily 09:00,", "time: ''; expected a time of day"),
        ("weekly mon,xyz 25:00", "time: '25:00'"),
        ("weekly mon,xyz 25:00", "days: 'xyz'"),
        ("monthly ² 06:00", "days: '²'; expected numbers from 1 to 31"),
        ("yearly 31 2,4 06:00", "no such month has 31 days"),
        ("once tomorrow", "date: 'tomorrow'; expected a moment"),
        ("every 1h only", "is not a schedule"),
        ("every 1h only mon 9-17 in", "is not a schedule"),
        ("every 1h only mon or or tue", "is not a schedule"),
        ("every 1h only mon until", "is not a schedule"),
        ("every 1h only mon only tue", "is not a schedule"),
        ("every 1h only mun", "restrict 1 days: 'mun'; expected numbers from 0 to 6"),
        ("every 1h only 09:00-25:00", "restrict 1 time: '25:00'; expected a time of day"),
        ("every 1h from 2027-01-02 until 2027-01-01", "between: 2027-01-02 is after 2027-01-01"),
        ("cron 0 9 * *", "expression: '0 9 * *'; expected five fields"),
    ],
)
def test_words_that_cannot_be_are_told(text: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_schedule(text)

    assert told in str(caught.value)


def some(least: int, most: int, *, at_least: int = 1) -> st.SearchStrategy[list[int]]:
    """Distinct numbers."""
    return st.lists(st.integers(least, most), min_size=at_least, max_size=4, unique=True)


CLOCK = st.times().map(lambda at: f"{at:%H:%M}")
TIMES = st.lists(CLOCK, min_size=1, max_size=3)
MOMENTS = st.datetimes(timezones=st.none() | st.timezones()).map(lambda at: at.isoformat())
WHEN = st.one_of(
    st.sampled_from([{"type": "immediately"}, {"type": "on-demand"}]),
    st.builds(lambda n: {"type": "indefinitely", "interval": n}, st.integers(SHORTEST, LONGEST)),
    st.builds(lambda at: {"type": "once", "date": at}, MOMENTS),
    st.builds(lambda time: {"type": "daily", "time": time}, TIMES),
    st.builds(lambda d, time: {"type": "weekly", "days": d, "time": time}, some(0, 6), TIMES),
    st.builds(lambda d, time: {"type": "monthly", "days": d, "time": time}, some(1, 31), TIMES),
    st.builds(
        lambda d, m, time: {"type": "yearly", "days": d, "months": m, "time": time},
        some(1, 29), some(1, 12), TIMES,
    ),
    st.sampled_from(["* * * * *", "*/10 8-18 * * mon-fri"]).map(
        lambda text: {"type": "cron", "expression": text}
    ),
)  # fmt: skip
WINDOWS = st.builds(
    lambda days, months, time: {"days": days, "months": months, "time": sorted(time)},
    some(0, 6, at_least=0), some(1, 12, at_least=0), st.tuples(CLOCK, CLOCK),
)  # fmt: skip


@given(WHEN, st.lists(WINDOWS | st.just({}), max_size=3), st.none() | MOMENTS, st.booleans())
def test_what_is_written_as_people_type_it_is_read_as_it_was(
    when: dict[str, Any], windows: list[dict[str, Any]], limit: str | None, is_first: bool
) -> None:
    between = [limit, None] if is_first else [None, limit]
    schedule = Schedule.read({**when, "restrict": windows, "between": between})

    assert Schedule.read(parse_schedule(as_typed(schedule))) == schedule
