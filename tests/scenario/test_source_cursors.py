"""A source goes on right after any of its bundles, and a later run gets only what is new."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from segconnect.errors import SourceError
from segconnect.scenario.bundle import SourceBundle
from segconnect.scenario.engine.services import FetchRequest, FetchResponse, Services
from segconnect.scenario.sources import SOURCES, open_source

Rows = Sequence[tuple[int, str]]
"""What is written: rows of a key that grows, and a text."""

TEXTS = st.text("ab\"',;\n é–😀\t", max_size=8)
ROWS = st.lists(TEXTS, min_size=1, max_size=12).map(lambda texts: list(enumerate(texts, 1)))


def write_csv(folder: Path, rows: Rows, encoding: str = "utf-8") -> dict[str, Any]:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("key", "text"), *rows])
    (folder / "rows.csv").write_bytes(text.getvalue().encode(encoding))
    return {"file": "rows.csv", "delimiter": ",", "header_row": 1}


def write_wide_csv(folder: Path, rows: Rows) -> dict[str, Any]:
    return write_csv(folder, rows, "utf-16")


def write_groups(folder: Path, rows: Rows) -> dict[str, Any]:
    return {**write_csv(folder, [(key // 3, text) for key, text in rows]), "group_rows_by": "key"}


def write_array(folder: Path, rows: Rows) -> dict[str, Any]:
    content = {"data": [{"key": key, "text": text} for key, text in rows]}
    (folder / "rows.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return {"file": "rows.json"}


def write_lines(folder: Path, rows: Rows) -> dict[str, Any]:
    lines = [json.dumps({"key": key, "text": text}, ensure_ascii=False) for key, text in rows]
    (folder / "rows.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return {"file": "rows.jsonl"}


def write_sheet(folder: Path, rows: Rows) -> dict[str, Any]:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(("key", "text"))
    for row in rows:
        sheet.append(row)
    book.save(folder / "rows.xlsx")
    return {"file": "rows.xlsx"}


def write_parquet(folder: Path, rows: Rows) -> dict[str, Any]:
    table = pyarrow.table({"key": [row[0] for row in rows], "text": [row[1] for row in rows]})
    parquet.write_table(table, folder / "rows.parquet", row_group_size=4)
    return {"file": "rows.parquet"}


def write_database(folder: Path, rows: Rows) -> dict[str, Any]:
    with sqlite3.connect(folder / "shop.db") as database:
        database.execute("drop table if exists rows")
        database.execute("create table rows (key integer primary key, text text)")
        database.executemany("insert into rows values (?, ?)", rows)
    database.close()
    return {
        "url": "sqlite:///shop.db",
        "query": "select * from rows where key > :least",
        "parameters": {"least": 0},
        "cursor_column": "key",
    }


def write_pages(folder: Path, rows: Rows) -> dict[str, Any]:
    items = [{"key": key, "text": text} for key, text in rows]
    (folder / "api.json").write_text(json.dumps(items))
    return {
        "url": "http://192.0.2.1/rows",
        "pagination": "page",
        "page_size": 3,
        "since_parameter": "since",
        "since_field": "key",
    }


def write_folder(folder: Path, rows: Rows) -> dict[str, Any]:
    (folder / "inbox").mkdir(exist_ok=True)
    for number in range(0, len(rows), 5):
        name = "rows.csv" if number % 2 else "rows.jsonl"
        write = write_csv if number % 2 else write_lines
        write(folder, rows[number : number + 5])
        (folder / name).rename(folder / "inbox" / f"{number:03}-{name}")
    return {"folder": "inbox", "settle_seconds": 0}


def write_sums(folder: Path, rows: Rows) -> dict[str, Any]:
    return {**write_csv(folder, rows), "sum_rows_by": ["key"], "sums": []}


def write_forms(folder: Path, rows: Rows) -> dict[str, Any]:
    lines = [urlencode({"key": key, "text": text, "a[b]": "c"}) for key, text in rows]
    (folder / "rows.txt").write_text("".join(f"{line}\n" for line in lines))
    return {"file": "rows.txt"}


def services_of(folder: Path) -> Services:
    """What answers as an API whose items are in a file."""

    def fetch(request: FetchRequest) -> FetchResponse:
        query = dict(each.split("=") for each in request.url.partition("?")[2].split("&"))
        items = json.loads((folder / "api.json").read_text())
        since = [item for item in items if item["key"] >= int(query.get("since", 0))]
        first = (int(query["page"]) - 1) * 3
        return FetchResponse(200, (), json.dumps(since[first : first + 3]).encode())

    return Services(fetch=fetch, allowed_hosts=["192.0.2.1"])


WRITERS: dict[str, tuple[str, Callable[[Path, Rows], dict[str, Any]]]] = {
    "csv": ("csv", write_csv),
    "csv in UTF-16": ("csv", write_wide_csv),
    "csv in groups": ("csv", write_groups),
    "json": ("json", write_array),
    "json lines": ("json", write_lines),
    "excel": ("excel", write_sheet),
    "parquet": ("parquet", write_parquet),
    "sql": ("sql", write_database),
    "http-pages": ("http-pages", write_pages),
    "folder": ("folder", write_folder),
    "export": ("export", write_csv),
    "export of sums": ("export", write_sums),
    "export of forms": ("export", write_forms),
}
FILES = ["csv", "json", "json lines", "excel", "parquet"]
FILES += ["export", "export of sums", "export of forms"]
GROWING = {name: WRITERS[name] for name in WRITERS if name not in ("parquet", "csv in groups")}


def test_every_source_is_tried() -> None:
    assert {module for module, _ in WRITERS.values()} == set(SOURCES.values())


def read(
    folder: Path, module: str, parameters: dict[str, Any], after: Any = None
) -> list[SourceBundle]:
    after = json.loads(json.dumps(after))  # a cursor is plain JSON
    return list(open_source(module, parameters, folder, services_of(folder)).bundles(after))


def shown(bundles: Sequence[SourceBundle]) -> list[tuple[Any, ...]]:
    return [(each.values, each.place, str(each.error), each.cursor) for each in bundles]


@pytest.mark.parametrize("kind", WRITERS)
@given(rows=ROWS, data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_source_goes_on_after_any_bundle(kind: str, rows: Rows, data: st.DataObject) -> None:
    module, write = WRITERS[kind]
    with TemporaryDirectory() as place:
        folder = Path(place)
        parameters = write(folder, rows)
        whole = read(folder, module, parameters)
        index = data.draw(st.integers(0, len(whole) - 1)) if whole else 0

        rest = read(folder, module, parameters, whole[index].cursor) if whole else []

        assert all(each.error is None for each in whole)
        assert shown(rest) == shown(whole[index + 1 :])


CONTENTS = {
    "rows.csv": [b"1,2", b'"', b",", b"\n", b"\r\n", b"\r", b'"a\n', b"\xe9", b"Total\n", b"3,4\n"],
    "rows.jsonl": [b'{"a": 1}', b"\n", b"\r\n", b"\xe9", b"[", b"]", b'"'],
    "rows.json": [b'{"a": 1}', b",", b" ", b"\xe9", b"[", b"]", b'"'],
}


@pytest.mark.parametrize("name", CONTENTS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_broken_file_is_gone_on_with_too(name: str, data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.sampled_from(CONTENTS[name]), max_size=25))
    beginning = b"[" if name == "rows.json" else b"a,b\n" if name == "rows.csv" else b""
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / name).write_bytes(beginning + b"".join(pieces))
        how = {"file": name, **({"delimiter": ",", "header_row": 1} if "csv" in name else {})}
        if name == "rows.json":
            how["items"] = ""
        module = name[5:].rstrip("l")

        whole = read(folder, module, how) if pieces or beginning else []

        for index, bundle in enumerate(whole):
            assert shown(read(folder, module, how, bundle.cursor)) == shown(whole[index + 1 :])
        if name == "rows.csv":
            lines = [
                line for each in whole for line in range(each.place.first, each.place.last + 1)
            ]
            assert lines == sorted(set(lines))  # each line in one bundle at most


@pytest.mark.parametrize("kind", GROWING)
@given(rows=ROWS, more=st.integers(0, 11))
@settings(max_examples=25, deadline=None)
def test_a_later_run_gets_only_what_is_new(kind: str, rows: Rows, more: int) -> None:
    module, write = GROWING[kind]
    first, then = rows[: more % len(rows) or 1], rows
    with TemporaryDirectory() as place:
        folder = Path(place)
        before = read(folder, module, write(folder, first))
        after = before[-1].cursor if before else None

        new = read(folder, module, write(folder, then), after)

        texts = [each.values["key"] for each in (*before, *new)]
        assert [int(key) for key in texts] == [key for key, _ in then]


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path, kind: str) -> None:
    module, write = WRITERS[kind]
    parameters = write(tmp_path, [(1, "a"), (2, "b")])
    after = read(tmp_path, module, parameters)[-1].cursor

    write(tmp_path, [(7, "x"), (8, "y"), (9, "z")])

    new = read(tmp_path, module, parameters, after)
    assert [str(each.values["key"]) for each in new] == ["7", "8", "9"]


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_shrank_is_read_anew(tmp_path: Path, kind: str) -> None:
    module, write = WRITERS[kind]
    parameters = write(tmp_path, [(1, "a"), (2, "b"), (3, "c")])
    after = read(tmp_path, module, parameters)[-1].cursor

    write(tmp_path, [(1, "a")])

    assert [str(each.values["key"]) for each in read(tmp_path, module, parameters, after)] == ["1"]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_line_that_was_not_whole_yet_is_given_again(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"key,text\n1,a\n2,unfin")
    after = read(tmp_path, "csv", {"file": "rows.csv"})[-1].cursor

    with file.open("ab") as more:
        more.write(f"ished{ending}".encode())

    [again] = read(tmp_path, "csv", {"file": "rows.csv"}, after)
    assert (again.values, again.place.first) == ({"key": "2", "text": "unfinished"}, 3)


def test_a_last_line_without_an_end_was_whole_if_the_next_one_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"key,text\n1,a")
    after = read(tmp_path, "csv", {"file": "rows.csv"})[-1].cursor

    with file.open("ab") as more:
        more.write(b"\r\n2,b")

    assert [
        (each.values["key"], each.place.first)
        for each in read(tmp_path, "csv", {"file": "rows.csv"}, after)
    ] == [("2", 3)]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_cursor_of_another_source_is_refused(tmp_path: Path, kind: str) -> None:
    module, write = WRITERS[kind]
    parameters = write(tmp_path, [(1, "a")])

    with pytest.raises(SourceError, match="the place that was kept is of another source"):
        read(tmp_path, module, parameters, {"nothing": "known"})
