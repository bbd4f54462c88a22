"""Exports as people have them: columns by many names, numbers, dates, groups and sums."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import ScenarioError, SourceError
from segconnect.scenario.sources import open_source, summing
from segconnect.scenario.sources.export import Raw
from segconnect.scenario.sources.tidying import UndecidedError

Read = Callable[..., list[Any]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes a file and reads it: values, or the reason why a row cannot be read."""

    def go(content: str | bytes, name: str = "export.csv", **parameters: Any) -> list[Any]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        given = {"file": name, **parameters}
        source = open_source("segconnect:ReadExport", given, tmp_path)
        bundles = list(source.bundles())
        return [str(bundle.error) if bundle.error else bundle.values for bundle in bundles]

    return go


# ---------------------------------------------------------------- columns


def test_a_column_has_one_name_however_it_is_spelled(read: Read) -> None:
    columns = {"Cost": ["Kosten"], "Day": "Tag", "Spent": "Amount spent ({currency})"}

    assert read("TAG,kosten,Other\n1,2,3\n", columns=columns) == [
        {"Day": "1", "Cost": "2", "Other": "3"}
    ]
    assert read("Day;Amount  spent (USD)\n1;5\n", columns=columns) == [
        {"Day": "1", "Spent": "5", "currency": "USD"}
    ]


def test_of_two_columns_of_one_name_the_first_counts(read: Read) -> None:
    assert read("Cost,Kosten\n1,2\n", columns={"Cost": ["Kosten"]}) == [
        {"Cost": "1", "Kosten": "2"}
    ]


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,234.50", "7"], ["1234.50", "7"]),
        (["1.234,50", "7"], ["1234.50", "7"]),
        (["1 234,50", "1 234"], ["1234.50", "1234"]),
        (["12,34,567.00", "1"], ["1234567.00", "1"]),  # as in India
        (["$1,299.00", "-€5.00"], ["1299.00", "-5.00"]),
        (["USD 12.50", "12.50 kr"], ["12.50", "'12.50 kr' is not a number written like 1,234.50"]),
        (["1,234", "0.5"], ["1234", "0.5"]),  # the second cell tells how to read the first
        (["1,234", "1,234,567"], ["1234", "1234567"]),
        (["1'234.50", "\u22123.5"], ["1234.50", "-3.5"]),
        (["144.", "1.5"], ["144", "1.5"]),
        (["1.5", "n/a"], ["1.5", "'n/a' is not a number written like 1,234.50"]),
        (["1.5", "1,5"], ["1.5", "'1,5' is not a number written like 1,234.50"]),
    ],
)
def test_numbers_become_plain(read: Read, cells: list[str], expected: list[str]) -> None:
    rows = read("A;B\n" + "".join(f"{cell};x\n" for cell in cells), numbers=["A"])

    found = [row["A"] if isinstance(row, Mapping) else row.removeprefix("A: ") for row in rows]
    assert found == expected


def test_what_says_that_there_is_nothing_is_absent(read: Read) -> None:
    assert read("A;B\n --;x\n—;x\n", numbers=["A"]) == [{"B": "x"}, {"B": "x"}]


def test_numbers_that_can_be_read_both_ways_are_asked_about(read: Read) -> None:
    with pytest.raises(UndecidedError, match=r"such as 1,234 can be read both ways") as told:
        read("A;B\n1,234;x\n", numbers=["A"])
    assert (told.value.parameter, list(told.value.choices)) == ("decimal", [".", ","])
    assert read("A;B\n1,234;x\n", numbers=["A"], decimal=",") == [{"A": "1.234", "B": "x"}]


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["13/02/2026", "03/02/2026"], ["2026-02-13", "2026-02-03"]),
        (["02/13/2026", "03/02/2026 5:26 PM"], ["2026-02-13", "2026-03-02 5:26 PM"]),
        (["13-02-26 09:30", "1-2-26"], ["2026-02-13 09:30", "2026-02-01"]),
        (["3.2.2026", "4.2.2026"], ["2026-02-03", "2026-02-04"]),  # dots: the day is first
        (["05/05/2026", "6/6/2026"], ["2026-05-05", "2026-06-06"]),  # the same both ways
        (["2026-02-03 10:00:00 -0500", "20260203"], ["2026-02-03 10:00:00 -0500", "2026-02-03"]),
        (["Feb 3, 2026", "3 February 2026 10:00"], ["2026-02-03", "2026-02-03 10:00"]),
        (["Total: Account", "2026-02-03"], ["Total: Account", "2026-02-03"]),
    ],
)
def test_dates_become_plain(read: Read, cells: list[str], expected: list[str]) -> None:
    rows = read("A;B\n" + "".join(f"{cell};x\n" for cell in cells), dates=["A"])

    assert [row["A"] for row in rows] == expected


def test_dates_that_can_be_read_both_ways_are_asked_about(read: Read) -> None:
    with pytest.raises(UndecidedError, match=r"dates such as 03/04/2026 can be read both ways"):
        read("A;B\n03/04/2026;x\n05/05/2026;x\n", dates=["A"])
    assert read("A;B\n03/04/2026;x\n", dates=["A"], date_order="mdy")[0]["A"] == "2026-03-04"


def test_a_file_with_both_orders_is_asked_about(read: Read) -> None:
    with pytest.raises(UndecidedError, match="some dates have the day first, and some the month"):
        read("A;B\n13/02/2026;x\n02/13/2026;x\n", dates=["A"])


def test_a_date_that_contradicts_what_was_said_is_refused_alone(read: Read) -> None:
    rows = read("A;B\n03/04/2026;x\n02/13/2026;x\n", dates=["A"], date_order="dmy")

    assert rows == [
        {"A": "2026-04-03", "B": "x"},
        "A: '02/13/2026' is not day first, as in 31/12/2026",
    ]


def test_an_id_that_a_spreadsheet_has_rounded_is_refused(read: Read) -> None:
    rows = read("Id;B\n7.85525E+12;x\n7855246847342;y\n", ids=["Id"])

    assert rows[0].startswith("Id: '7.85525E+12' is what a spreadsheet has left of a long ID")
    assert rows[1] == {"Id": "7855246847342", "B": "y"}


# ---------------------------------------------------------------- groups and sums


def test_an_order_begins_where_only_its_first_row_has_a_cell(read: Read) -> None:
    rows = read(
        "Name,Id,Line\n#1,7,tea\n#1,,cup\n#1,8,pot\n#2,9,tea\n",
        group_rows_by=["Name"],
        group_starts_at="Id",
    )

    assert [(row["Id"], [line["Line"] for line in row["rows"]]) for row in rows] == [
        ("7", ["tea", "cup"]),
        ("8", ["pot"]),
        ("9", ["tea"]),
    ]


def test_rows_of_one_key_are_summed_wherever_they_are(read: Read) -> None:
    rows = read(
        "Day,Ad,Ad set,Spend,Clicks\n1,a,s,0.10,1\n1,b,s,5,\n1,a,s,0.20,\n1,,,5.30,1\n2,a,s,x,\n",
        numbers=["Clicks"],
        sum_rows_by=["Day", "Ad", "Campaign"],  # the file has no campaigns
        sums=["Spend", "Clicks"],
    )

    assert rows == [
        {"Day": "1", "Spend": "5.30", "Clicks": "1", "is_total": True},
        "Spend: 'x' is not a number",
        {"Day": "1", "Ad": "a", "Ad set": "s", "Spend": "0.3", "Clicks": "1"},
        {"Day": "1", "Ad": "b", "Ad set": "s", "Spend": "5"},
    ]


@pytest.mark.parametrize("in_memory", [7, 20_000])
def test_sums_are_exact_and_keep_the_order_in_memory_and_on_disk(
    in_memory: int, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summing, "IN_MEMORY", in_memory)
    lines = "".join(f"{number % 2_000},0.01\n" for number in range(6_000))
    rows = read("Ad,Spend\n" + lines, sum_rows_by=["Ad"], sums=["Spend"])

    assert [row["Ad"] for row in rows] == [str(number) for number in range(2_000)]
    assert {row["Spend"] for row in rows} == {"0.03"}


# ---------------------------------------------------------------- forms


RECORDS = [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (json.dumps(RECORDS), RECORDS),
        (json.dumps({"data": RECORDS, "more": [3]}), RECORDS),
        (json.dumps({"data": {"id": 1}}), [{"id": 1}]),
        (json.dumps({"id": 1, "lines": [{"id": 5}]}), [{"id": 1, "lines": [{"id": 5}]}]),
        ('{"id": 1}\n{"id": 2}\n', RECORDS),
        ("\ufeff" + json.dumps(RECORDS), RECORDS),
        (
            "a=1&b[c]=x+y&d[0][e]=2&d[1][e]=3\n",
            [{"a": "1", "b": {"c": "x y"}, "d": [{"e": "2"}, {"e": "3"}]}],
        ),
    ],
)
def test_records_are_found_in_whatever_holds_them(read: Read, content: str, expected: Any) -> None:
    assert read(content, "export.txt", items="data") == expected


def test_one_json_record_may_be_utf_16(read: Read) -> None:
    assert read(json.dumps({"id": "ü"}).encode("utf-16"), "one.json") == [{"id": "ü"}]


def test_a_whole_array_may_be_one_record(read: Read) -> None:
    assert read(json.dumps(RECORDS), "a.json", whole=True) == [{"value": RECORDS}]
    assert read("[1]\n[2]\n", "a.jsonl", whole=True) == [{"value": [1]}, {"value": [2]}]
    assert read("[[1], [2]]", "a.json", whole=True) == [{"value": [1]}, {"value": [2]}]


def test_json_that_is_broken_is_refused_with_its_place(read: Read) -> None:
    assert "not JSON" in read('{"id": 1', "one.json")[0]
    assert read('[{"id": 1}, {"id"', "many.json")[0] == {"id": 1}


def test_paths_tell_what_objects_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"type": "orders", "lines": [{"sku": 1}]}]')

    assert Raw(path, None, False, {}).columns() == ["type", "type=orders", "lines", "lines.sku"]


def test_what_nothing_reads_is_told(read: Read, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="empty"):
        read("")
    with pytest.raises(SourceError, match="cannot be read"):
        open_source("segconnect:ReadExport", {"file": "none.csv"}, tmp_path)
    with pytest.raises(ScenarioError, match="unknown parameter 'sum'"):
        read("a,b\n1,2\n", sum=["a"])


@pytest.mark.parametrize("in_memory", [1, 20_000])
def test_what_cannot_be_added_up_exactly_is_refused(
    in_memory: int, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summing, "IN_MEMORY", in_memory)
    rows = read(
        "Ad,Spend\na,0.0000001\nb,9999999999\nc,-1.5\nd,1\nc,0.25\n",
        sum_rows_by=["Ad"],
        sums=["Spend"],
    )

    assert rows == [
        "Spend: '0.0000001' cannot be added up exactly",
        "Spend: '9999999999' cannot be added up exactly",
        {"Ad": "c", "Spend": "-1.25"},
        {"Ad": "d", "Spend": "1"},
    ]


def test_a_sum_tells_where_its_rows_lie(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Ad,Spend\na,1\nb,2\na,3\n")
    given = {"file": "a.csv", "sum_rows_by": ["Ad"], "sums": ["Spend"]}
    source = open_source("segconnect:ReadExport", given, tmp_path)

    assert [str(bundle.place) for bundle in source.bundles()] == [
        "a.csv, lines 2-4",
        "a.csv, line 3",
    ]
