"""Sheets as people make them: titles, empty rows, several sheets, dates."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from segconnect.errors import SourceError
from segconnect.scenario.bundle import SourceBundle
from segconnect.scenario.sources import open_source
from segconnect.scenario.sources.describing import describe


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A workbook with a hidden sheet, an empty one, and two of orders; the first has a title."""
    book = openpyxl.Workbook()
    hidden: Any = book.active
    hidden.title, hidden.sheet_state = "Lists", "hidden"
    hidden.append(["paid"])
    book.create_sheet("Empty")
    orders = book.create_sheet("Orders")
    orders["B2"] = "Orders of September"
    orders.merge_cells("B2:E2")
    rows: list[list[Any]] = [
        ["Day", "Amount", "Paid at", "Buyer"],
        [date(2026, 9, 1), 12.5, datetime(2026, 9, 1, 13, 45), "Zoë"],  # noqa: DTZ001
        [None, None, None, None],
        [date(2026, 9, 2), 12345678901, time(8, 30), None],
        ["Total", 12345678913.5, None, None],
    ]
    for number, row in enumerate(rows, 4):
        for column, value in enumerate(row, 2):
            orders.cell(number, column, value)
    book.create_sheet("2025").append(["Day"])
    book.save(tmp_path / "shop.xlsx")
    return tmp_path / "shop.xlsx"


def bundles(file: Path, **how: Any) -> list[SourceBundle]:
    return list(open_source("excel", {"file": file.name, **how}, file.parent).bundles())


def test_rows_below_the_header_are_bundles_with_days_and_times_as_they_stand(file: Path) -> None:
    assert [(each.values, str(each.place)) for each in bundles(file, total_rows="leave out")] == [
        (
            {"Day": "2026-09-01", "Amount": 12.5, "Paid at": "2026-09-01 13:45:00", "Buyer": "Zoë"},
            "shop.xlsx, Orders, row 5",
        ),
        (
            {"Day": "2026-09-02", "Amount": 12345678901, "Paid at": "08:30:00"},
            "shop.xlsx, Orders, row 7",
        ),
    ]
    assert bundles(file)[-1].values == {"Day": "Total", "Amount": 12345678913.5}


@pytest.mark.parametrize("sheet", ["Orders", 3])
def test_a_sheet_is_named_or_counted(file: Path, sheet: str | int) -> None:
    assert len(bundles(file, sheet=sheet)) == 3


def test_a_header_row_is_not_questioned(file: Path) -> None:
    [first, *_] = bundles(file, header_row=5)

    assert first.values == {"2026-09-01": "2026-09-02", "12.5": 12345678901,
        "2026-09-01 13:45:00": "08:30:00"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"sheet": "Oders"}, "unknown sheet 'Oders'; did you mean 'Orders'?"),
        ({"sheet": 9}, "unknown sheet '9'; known are 2025, Empty, Lists, Orders"),
    ],
)
def test_a_sheet_that_is_not_there_says_so(file: Path, how: dict[str, Any], reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        bundles(file, **how)

    assert caught.value.why == f"shop.xlsx: {reason}"


def test_what_is_no_sheet_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.xlsx").write_text("hello")

    with pytest.raises(SourceError, match=r"notes\.xlsx: is no sheet that can be read"):
        bundles(tmp_path / "notes.xlsx")
    with pytest.raises(SourceError, match=r"none\.xlsx: cannot be read: No such file"):
        bundles(tmp_path / "none.xlsx")


def test_what_is_found_in_a_workbook_is_described(file: Path) -> None:
    found = describe(file)

    assert found.parameters == {"file": str(file), "total_rows": "leave out"}
    assert found.found == {
        "sheet": "Orders",
        "sheets": ["Lists", "Empty", "Orders", "2025"],
        "header_row": 4,
    }
    assert [(str(place), text) for place, text in found.passed_over] == [
        ("shop.xlsx, Orders, row 2", "Orders of September")
    ]
    assert found.totals == ["Total; 12345678913.5"]
