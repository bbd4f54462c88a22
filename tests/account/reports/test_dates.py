"""Dates as PHP reads them, and ranges in an account's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconnect.account.reports.dates import Period, read_period
from segconnect.account.reports.relative_dates import read_moment
from segconnect.errors import UsageError

OSLO = ZoneInfo("Europe/Oslo")
TUESDAY = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)  # 14:30 in Oslo, two days into summer time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-03-31T14:30:00+02:00"),
        ("today", "2026-03-31T00:00:00+02:00"),
        ("yesterday noon", "2026-03-30T12:00:00+02:00"),
        ("tomorrow", "2026-04-01T00:00:00+02:00"),
        ("-30 day", "2026-03-01T14:30:00+01:00"),
        ("-30 days", "2026-03-01T14:30:00+01:00"),
        ("1 week ago", "2026-03-24T14:30:00+01:00"),
        ("-1 month", "2026-03-03T14:30:00+01:00"),  # 31 February
        ("-6 month midnight", "2025-10-01T00:00:00+02:00"),  # 31 September
        ("last year", "2025-03-31T14:30:00+02:00"),
        ("+2 weekdays", "2026-04-02T14:30:00+02:00"),
        ("-1 hour", "2026-03-31T13:30:00+02:00"),
        ("first day of last month", "2026-02-01T14:30:00+01:00"),
        ("last day of previous month", "2026-02-28T14:30:00+01:00"),
        ("first day of", "2026-03-01T14:30:00+01:00"),
        ("first day of january 2025", "2025-01-01T00:00:00+01:00"),
        ("first monday of january 2027", "2027-01-04T00:00:00+01:00"),
        ("last friday of february 2026", "2026-02-27T00:00:00+01:00"),
        ("monday this week", "2026-03-30T00:00:00+02:00"),
        ("sunday last week", "2026-03-29T00:00:00+01:00"),
        ("next monday", "2026-04-06T00:00:00+02:00"),
        ("last friday", "2026-03-27T00:00:00+01:00"),
        ("tuesday", "2026-03-31T00:00:00+02:00"),
        ("last tuesday", "2026-03-24T00:00:00+01:00"),
        ("2026-02-28", "2026-02-28T00:00:00+01:00"),
        ("2026-02-28 10:15", "2026-02-28T10:15:00+01:00"),
        ("2026-02-28T10:00:00+02:00", "2026-02-28T09:00:00+01:00"),
        ("2026-02-28T10:00:00Z", "2026-02-28T11:00:00+01:00"),
        ("02/28/2026", "2026-02-28T00:00:00+01:00"),
        ("28.2.2026", "2026-02-28T00:00:00+01:00"),
        ("5 March 2025", "2025-03-05T00:00:00+01:00"),
        ("Mar 5, 2025", "2025-03-05T00:00:00+01:00"),
        ("2025-02", "2025-02-01T00:00:00+01:00"),
        ("@0", "1970-01-01T01:00:00+01:00"),
    ],
)
def test_a_date_is_read_as_php_reads_it(text: str, expected: str) -> None:
    assert read_moment(text, TUESDAY, OSLO).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "soon", "2026-02-30", "2026-13-01", "-", "25:00", "last of", "+9999999 day",
     "-999999 year", "x" * 300],
)  # fmt: skip
def test_what_is_no_date_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date; expected one such as"):
        read_moment(text, TUESDAY, OSLO)


@given(st.text(max_size=40))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    try:
        read_moment(text, TUESDAY, OSLO)
    except UsageError as error:
        assert "is not a date" in str(error)  # noqa: PT017


def test_the_range_has_the_days_of_the_accounts_zone() -> None:
    late = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)  # already April in Oslo

    in_oslo = read_period(None, None, None, now=late, zone=OSLO)
    in_utc = read_period(None, None, None, now=late, zone=UTC)

    assert (in_oslo.first, in_oslo.last) == (date(2026, 3, 2), date(2026, 4, 1))
    assert (in_utc.first, in_utc.last) == (date(2026, 3, 1), date(2026, 3, 31))


@pytest.mark.parametrize(
    ("scale", "names"),
    [
        ("month", ["2024-01", "2024-02", "2024-03"]),
        ("quarter", ["2024-Q1"]),
        ("year", ["2024"]),
        ("week", ["2024-01-29", "2024-02-05", "2024-02-12", "2024-02-19", "2024-02-26"]),
    ],
)
def test_a_range_is_told_by_parts_that_are_cut_to_it(scale: str, names: list[str]) -> None:
    buckets = list(Period(date(2024, 1, 31), date(2024, 3, 1), scale).buckets())

    assert [bucket.name for bucket in buckets] == names
    assert (buckets[0].first, buckets[-1].last) == (date(2024, 1, 31), date(2024, 3, 1))


def test_a_week_begins_on_the_day_that_the_account_says() -> None:
    period = read_period("2026-03-01", "2026-03-08", "week", now=TUESDAY, zone=UTC,
                         week_start="sunday")  # fmt: skip

    assert [bucket.name for bucket in period.buckets()] == ["2026-03-01", "2026-03-08"]


@pytest.mark.parametrize(
    ("first", "last", "before", "year_before"),
    [
        ("2026-03-01", "2026-03-31", "2026-02-01 2026-02-28", "2025-03-01 2025-03-31"),
        ("2024-03-01", "2024-03-31", "2024-02-01 2024-02-29", "2023-03-01 2023-03-31"),
        ("2026-03-02", "2026-03-31", "2026-01-31 2026-03-01", "2025-03-02 2025-03-31"),
        ("2025-02-01", "2025-02-28", "2025-01-01 2025-01-31", "2024-02-01 2024-02-29"),
        ("2024-02-29", "2024-02-29", "2024-02-28 2024-02-28", "2023-02-28 2023-02-28"),
        ("2026-01-01", "2026-06-30", "2025-07-01 2025-12-31", "2025-01-01 2025-06-30"),
    ],
)
def test_a_range_is_compared_with_whole_months_or_as_many_days(
    first: str, last: str, before: str, year_before: str
) -> None:
    period = Period(date.fromisoformat(first), date.fromisoformat(last))

    for found, expected in ((period.before(), before), (period.year_before(), year_before)):
        assert f"{found.first} {found.last}" == expected


@given(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(0, 800),
    st.sampled_from(["day", "week", "month", "quarter", "year"]), st.integers(0, 6),
)  # fmt: skip
def test_parts_follow_one_another_and_have_every_day_once(
    first: date, days: int, scale: str, week_start: int
) -> None:
    last = date.fromordinal(first.toordinal() + days)
    buckets = list(Period(first, last, scale, week_start).buckets())

    ends = [first.toordinal() - 1, *(bucket.last.toordinal() for bucket in buckets)]
    assert [bucket.first.toordinal() - 1 for bucket in buckets] == ends[:-1]
    assert ends[-1] == last.toordinal()
    assert len({bucket.name for bucket in buckets}) == len(buckets)
