"""What the CSV source finds by looking, and where it says that a row lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import SourceError
from segconnect.scenario.bundle import SourceBundle
from segconnect.scenario.sources import open_source
from segconnect.scenario.sources.csv import CsvSource
from segconnect.scenario.sources.describing import describe


def source(path: Path, **how: Any) -> CsvSource:
    opened = open_source("csv", {"file": path.name, **how}, path.parent)
    assert isinstance(opened, CsvSource)
    return opened


def bundles(path: Path, **how: Any) -> list[SourceBundle]:
    return list(source(path, **how).bundles())


def read(path: Path, text: str, encoding: str = "utf-8", **how: Any) -> list[dict[str, Any]]:
    path.write_bytes(text.encode(encoding))
    return [bundle.values for bundle in bundles(path, **how)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.csv"


TWO_ROWS = [{"Name": "Zoë", "City": "Malmö"}, {"Name": "Jo, the 2nd", "City": "Oslo"}]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [
        ("utf-8", ","),
        ("utf-8-sig", ";"),
        ("cp1252", ";"),
        ("utf-16", "\t"),
        ("utf-16-le", "|"),
    ],
)
def test_encoding_and_delimiter_are_found(file: Path, encoding: str, delimiter: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    text = f'{mark}Name,City\r\nZoë,Malmö\r\n"Jo; the 2nd",Oslo\r\n'
    text = text.replace(",", delimiter).replace("Jo; the", "Jo, the")

    assert read(file, text, encoding) == TWO_ROWS


def test_lines_before_the_header_are_passed_over(file: Path) -> None:
    text = 'Campaign report\n"September 1, 2026 - September 3, 2026"\nDay,Cost\n2026-09-01,12.34\n'

    assert read(file, text) == [{"Day": "2026-09-01", "Cost": "12.34"}]


def test_what_is_said_is_not_questioned(file: Path) -> None:
    text = "a;b,c\n1;2,3\n"

    assert read(file, text, delimiter=";") == [{"a": "1", "b,c": "2,3"}]
    assert read(file, text, delimiter=",", header_row=2) == []


def test_an_empty_cell_is_absent(file: Path) -> None:
    assert read(file, "a,b,c\n1,,3\n") == [{"a": "1", "c": "3"}]


def test_columns_of_one_name_are_told_apart(file: Path) -> None:
    assert read(file, "a,a,\n1,2,3\n") == [{"a": "1", "a (2)": "2", "Column 3": "3"}]


def test_a_row_lies_on_all_its_lines(file: Path) -> None:
    file.write_text('a,b\n1,"two\nlines"\n\n3,4\n')

    places = [str(bundle.place) for bundle in bundles(file)]

    assert places == ["export.csv, lines 2-3", "export.csv, line 5"]


def test_rows_of_one_order_are_one_bundle(file: Path) -> None:
    text = "Name,Total,Item\n#1,9,tea\n#1,,cup\n#2,5,pot\n#1,7,again\n"
    file.write_text(text)

    found = [
        (b.values["rows"], str(b.place)) for b in bundles(file, group_rows_by="Name")
    ]

    assert found == [
        (
            [{"Name": "#1", "Total": "9", "Item": "tea"}, {"Name": "#1", "Item": "cup"}],
            "export.csv, lines 2-3",
        ),
        ([{"Name": "#2", "Total": "5", "Item": "pot"}], "export.csv, line 4"),
        ([{"Name": "#1", "Total": "7", "Item": "again"}], "export.csv, line 5"),
    ]


def test_a_row_that_cannot_be_read_is_told_and_the_next_one_is_read(file: Path) -> None:
    file.write_bytes(b"a,b\n1,2,3\n" + b"caf\xe9,1\nx,y\n")

    found = [
        (b.values if b.error is None else b.error.why)
        for b in bundles(file, encoding="utf-8")
    ]

    assert found == [
        "the row has 3 cells, the header has 2:"
        " a cell that holds the delimiter needs quotes round it",
        "the row is not utf-8: say the file's encoding in the scenario",
        {"a": "x", "b": "y"},
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file is empty"), (b"\xef\xbb\xbf \n", "the file is empty")],
)
def test_a_file_without_rows_says_so(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)

    with pytest.raises(SourceError, match=reason):
        source(file)


def test_a_missing_file_and_a_missing_column_say_so(file: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        source(file)

    file.write_text("a,b\n1,2\n")
    with pytest.raises(
        SourceError, match="no column 'Name' to group rows by; the columns are a, b"
    ):
        bundles(file, group_rows_by="Name")


