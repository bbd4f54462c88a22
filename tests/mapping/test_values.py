"""What becomes of a value in a field of another type: the table that scenario builders know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from segconnect.mapping import ERASE, IGNORE, UnusableError
from segconnect.mapping.comparison import exists, is_equal, is_less
from segconnect.mapping.values import (
    to_array,
    to_boolean,
    to_buffer,
    to_collection,
    to_date,
    to_json,
    to_number,
    to_text,
    to_time,
)

MOMENT = datetime(2016, 6, 20, 17, 26, 44, 356000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("coerce", "value", "expected"),
    [
        (to_array, [1], [1]),
        (to_array, "a", ["a"]),
        (to_array, {"a": 1}, [{"a": 1}]),
        (to_array, (1, 2), [1, 2]),
        (to_array, None, []),
        (to_boolean, True, True),
        (to_boolean, 0, True),
        (to_boolean, 1, True),
        (to_boolean, "", False),
        (to_boolean, "false", False),
        (to_boolean, "False", True),
        (to_boolean, "no", True),
        (to_boolean, [], True),
        (to_boolean, MOMENT, True),
        (to_boolean, None, False),
        (to_buffer, b"x", b"x"),
        (to_buffer, "é", b"\xc3\xa9"),
        (to_buffer, True, b"true"),
        (to_buffer, Decimal("1.50"), b"1.5"),
        (to_buffer, MOMENT, b"2016-06-20T17:26:44.356Z"),
        (to_collection, {"a": 1}, {"a": 1}),
        (to_date, MOMENT, MOMENT),
        (to_date, "2016-06-20T17:26:44.356Z", MOMENT),
        (to_date, 1466443604356, MOMENT),
        (to_date, 1466443604356.0, MOMENT),
        (to_date, date(2016, 6, 20), datetime(2016, 6, 20, tzinfo=UTC)),
        (to_number, 5, 5),
        (to_number, "5.50", Decimal("5.5")),
        (to_number, 0.1, Decimal("0.1")),
        (to_number, "1e3", 1000),
        (to_text, "a", "a"),
        (to_text, 1.50, "1.5"),
        (to_text, 1e21, "1000000000000000000000"),
        (to_text, 1e-7, "0.0000001"),
        (to_text, True, "true"),
        (to_text, MOMENT, "2016-06-20T17:26:44.356Z"),
        (to_text, {"a": [1, None, "x"]}, '{"a":[1,null,"x"]}'),
        (to_text, [{"a": 1}, {"b": 2}], '{"a":1},{"b":2}'),
        (to_text, [1, "b", True], "1,b,true"),
        (to_text, b"abc", "abc"),
        (to_text, None, ""),
        (to_time, "17:26:44", time(17, 26, 44)),
        (to_time, "7:05", time(7, 5)),
    ],
)
def test_a_value_becomes(coerce: Callable[[Any], Any], value: Any, expected: Any) -> None:
    result = coerce(value)

    assert (type(result), result) == (type(expected), expected)


@pytest.mark.parametrize(
    ("coerce", "value"),
    [
        (to_buffer, {}),
        (to_buffer, []),
        (to_collection, []),
        (to_collection, "{}"),
        (to_date, "20/06/2016"),
        (to_date, "1466443604"),
        (to_date, True),
        (to_date, {}),
        (to_date, None),
        (to_number, ""),
        (to_number, "five"),
        (to_number, True),
        (to_number, MOMENT),
        (to_number, None),
        (to_number, float("nan")),
        (to_text, b"\xff"),
        (to_text, object()),
        (to_time, "25:00"),
        (to_time, "noon"),
        (to_time, 5),
    ],
)
def test_a_value_does_not_become(coerce: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(UnusableError):
        coerce(value)


def test_a_text_without_a_zone_is_in_the_zone_of_the_organisation() -> None:
    assert to_date("2016-06-20 17:26:44", ZoneInfo("Europe/Prague")) == datetime(
        2016, 6, 20, 15, 26, 44, tzinfo=UTC
    )


def test_dates_are_the_instants_they_stand_for() -> None:
    prague = MOMENT.astimezone(timezone(timedelta(hours=2)))

    assert is_equal(prague, MOMENT)
    assert not is_less(prague, MOMENT)
    assert to_json([prague]) == '["2016-06-20T17:26:44.356Z"]'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (IGNORE, False),
        (ERASE, False),
        ("", True),
        ([], True),
        (0, True),
        ("a", True),
    ],
)
def test_the_empty_text_exists_and_nothing_does_not(value: Any, expected: bool) -> None:
    assert exists(value) is expected
