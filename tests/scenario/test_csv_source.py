"""What the CSV source finds by looking, and where it says that a row lies."""

from __future__ import annotations

import tracemalloc
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


def test_what_looks_like_a_delimiter_within_quotes_is_none(file: Path) -> None:
    text = 'key,text\n6,";\n;a"\n7,";\n;"\n'

    assert read(file, text) == [{"key": "6", "text": ";\n;a"}, {"key": "7", "text": ";\n;"}]


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

    found = [(b.values["rows"], str(b.place)) for b in bundles(file, group_rows_by="Name")]

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
        (b.values if b.error is None else b.error.why) for b in bundles(file, encoding="utf-8")
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


def test_the_dialect_can_be_shown_before_use(file: Path) -> None:
    file.write_bytes("título;é\n1,5;2\n".encode("cp1252"))

    assert source(file).found() == {
        "encoding": "cp1252",
        "delimiter": ";",
        "header_row": 1,
        "decimal": ",",
    }


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_found_without_a_mark(file: Path, encoding: str) -> None:
    assert read(file, "Name,City\nZoë,Malmö\n", encoding) == [{"Name": "Zoë", "City": "Malmö"}]


@pytest.mark.parametrize(
    ("end", "encoding"),
    [
        *((end, code) for end in ("\n", "\r\n") for code in ("utf-8", "utf-16", "utf-32", "sjis")),
        ("\r", "utf-8"),
        ("\r", "mac-roman"),
    ],
)
def test_rows_end_as_on_any_computer(file: Path, end: str, encoding: str) -> None:
    file.write_bytes(end.join(["a,b", '"x', 'y",1', "z,2", ""]).encode(encoding))

    found = bundles(file, encoding=encoding)

    assert [(each.values, each.place.first) for each in found] == [
        ({"a": f"x{end}y", "b": "1"}, 2),
        ({"a": "z", "b": "2"}, 4),
    ]


def test_a_return_within_a_file_of_newlines_ends_a_row_too(file: Path) -> None:
    assert read(file, "a,b\n1,2\r3,4\n") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_a_lost_quote_takes_one_row_with_it_and_no_more(file: Path) -> None:
    file.write_text('a,b\n1,2\n3,"lost\n5,6\n7,8\n')

    found = bundles(file)

    assert [each.values for each in found if each.error is None] == [
        {"a": "1", "b": "2"},
        {"a": "5", "b": "6"},
        {"a": "7", "b": "8"},
    ]
    assert [(str(each.place), each.error.why) for each in found if each.error] == [
        (
            "export.csv, line 3",
            "a cell begins with a quote that never ends: it needs another one after it",
        )
    ]


def test_a_cell_that_is_too_long_is_a_lost_quote(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segconnect.scenario.sources.csv.MAX_CELL", 100)
    file.write_text('a,b\n3,"lost\n' + "5,6\n" * 50 + '"x",7\n')

    found = bundles(file)

    assert [each.error is None for each in found] == [False, *[True] * 51]


def test_a_row_that_is_too_short_is_refused_unless_it_may_be_filled(file: Path) -> None:
    file.write_text("a,b,c\n1,2\n1,2,3\n")

    assert [each.error and each.error.why for each in bundles(file)] == [
        "the row has 2 cells, the header has 3:"
        " if only empty cells at its end are left out, say short_rows: fill",
        None,
    ]
    assert [each.values for each in bundles(file, short_rows="fill") if each.error is None] == [
        {"a": "1", "b": "2"},
        {"a": "1", "b": "2", "c": "3"},
    ]


def test_rows_without_a_cell_are_passed_over(file: Path) -> None:
    assert read(file, "a,b\n,\n\n1,2\n") == [{"a": "1", "b": "2"}]


REPORT = """\
Campaign report
"September 1, 2026 - September 3, 2026"
Day,Campaign,Cost
2026-09-01,Totally new,"1,020.50"
2026-09-02,Total recall,3.00
Total: Account, --,"1,023.50"
Total, --,"1,023.50"
"""


def test_total_rows_are_left_out_when_asked(file: Path) -> None:
    assert [row["Day"] for row in read(file, REPORT)] == [
        "2026-09-01",
        "2026-09-02",
        "Total: Account",
        "Total",
    ]
    assert read(file, REPORT, total_rows="leave out", decimal="auto") == [
        {"Day": "2026-09-01", "Campaign": "Totally new", "Cost": "1020.50"},
        {"Day": "2026-09-02", "Campaign": "Total recall", "Cost": "3.00"},
    ]


@pytest.mark.parametrize(
    ("cell", "given"),
    [
        ("1.234,56", "1234.56"),
        ("1 234,5", "1234.5"),
        ("1\u202f234", "1234"),
        ("-0,5", "-0.5"),
        ("−3", "-3"),
        ("12", "12"),
        ("1.234.567", "1234567"),
        ("020 123 456", "020 123 456"),  # a phone number
        ("12.5.2026", "12.5.2026"),
        ("1,2,3", "1,2,3"),
        ("EUR 1,5", "EUR 1,5"),
    ],
)
def test_numbers_with_a_decimal_comma_are_written_plainly_when_asked(
    file: Path, cell: str, given: str
) -> None:
    assert read(file, f"a;b\n{cell};x\n") == [{"a": cell, "b": "x"}]
    assert read(file, f"a;b\n{cell};x\n", decimal=",") == [{"a": given, "b": "x"}]


@pytest.mark.parametrize("cells", [["1,234"], ["1,5", "2.5"]])
def test_numbers_that_can_be_read_both_ways_are_asked_about(file: Path, cells: list[str]) -> None:
    file.write_text("a;b\n" + "".join(f"{cell};x\n" for cell in cells[:1]) + ";x\n")
    if len(cells) > 1:
        file.write_text(f"a;b\n{cells[0]};{cells[1]}\n")

    with pytest.raises(SourceError, match="can be read both ways here; say decimal"):
        source(file, decimal="auto")


def test_a_large_file_is_read_in_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    with file.open("w") as out:
        out.write("id,email,note\n")
        for number in range(100_000):
            out.write(f"{number},person{number}@example.com,{'x' * 50}\n")
    given = iter(source(file).bundles())
    next(given)

    tracemalloc.start()
    count = 1 + sum(1 for _ in given)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 100_000
    assert peak < 1_000_000  # bytes, of a file of 8 MB


def test_going_on_at_the_end_of_a_large_file_reads_little_of_it(tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    file.write_text("id,note\n" + f"1,{'x' * 100}\n" * 100_000)
    *_, last = bundles(file)
    opened = source(file)

    first = next(iter(opened.bundles(last.cursor)), None)

    assert first is None
    assert opened.progress() == (file.stat().st_size, file.stat().st_size)


def test_what_is_found_in_a_file_is_described(file: Path) -> None:
    file.write_text(REPORT + "2026-09-03\n")

    found = describe(file)

    assert found.module == "csv"
    assert found.parameters == {"file": str(file), "total_rows": "leave out"}
    assert found.found["decimal"] == "."
    assert [(str(place), text) for place, text in found.passed_over] == [
        ("export.csv, line 1", "Campaign report"),
        ("export.csv, line 2", "September 1, 2026 - September 3, 2026"),
    ]
    assert found.totals == ["Total: Account, --,1,023.50", "Total, --,1,023.50"]
    assert [str(each.place) for each in found.refused] == ["export.csv, line 8"]
    assert [(each.name, each.type, each.filled) for each in found.columns] == [
        ("Day", "text", 4),
        ("Campaign", "text", 4),
        ("Cost", "number", 4),
    ]
    assert found.columns[2].examples == ["1,020.50", "3.00", "1,023.50"]
