"""Reading a table of paths: from a CSV file, or from rows; all that is wrong is told at once."""

from __future__ import annotations

import csv
import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BufferedReader, BytesIO
from pathlib import Path as File
from typing import Any, TypeAlias

from segconnect.account.attribution.models import Path
from segconnect.account.attribution.table import PathTable, TableBuilder
from segconnect.errors import PathsError

Rows: TypeAlias = "str | File | PathTable | Iterable[Mapping[str, Any] | Sequence[Any] | Path]"

COLUMNS = {
    "path": ("path", "paths", "journey"),
    "conversions": ("conversions", "conversion", "total_conversions"),
    "value": ("value", "total_conversion_value", "conversion_value", "revenue"),
    "null": ("null", "nulls", "total_null", "total_nulls"),
    "optin": ("optin", "opt_in"),
}
"""Each column of a table, and what it may be called; the first two are needed."""

NEEDED = ("path", "conversions")
OTHERS = {"value": "value", "null": "null", "opt_in": "optin"}  # parameters of TableBuilder.add
DELIMITERS = ",;\t|"
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
MAX_CELL = 10_000_000  # characters of a path


def read_paths(paths: Rows, separator: str = ">") -> PathTable:
    """Reads a table with the columns path, conversions and, where known, value, null and optin.

    Args:
        paths: A file, by its name, `-` being the standard input; or rows: mappings by column, or
            sequences in the order above.
        separator: What stands between the steps of a path; blanks around it do not matter.

    Raises:
        PathsError: The file cannot be read, or rows are wrong; it tells all of them.
    """
    if isinstance(paths, PathTable):
        return paths
    if not separator.strip():
        raise PathsError("paths", ["the separator is empty; expected one such as >"])
    builder = TableBuilder(separator.strip())
    if isinstance(paths, (str, File)):
        name = "standard input" if str(paths) == "-" else File(paths).name
        _add_file(builder, paths)
    else:
        name = "paths"
        _add_rows(builder, paths)
    if not builder.problems and builder.is_empty:
        builder.problems.append("there are no paths")
    if builder.problems:
        raise PathsError(name, builder.problems)
    return builder.table()


def _add_rows(builder: TableBuilder, rows: Iterable[Any]) -> None:
    rows = list(rows)
    tables = [row for row in rows if isinstance(row, Mapping)]
    names = {_column(str(key)) for row in tables for key in row}
    widest = max((len(row) for row in rows if isinstance(row, (list, tuple))), default=0)
    builder.has_values = "value" in names or widest > 2
    builder.has_nulls = "null" in names or widest > 3
    builder.has_opt_ins = "optin" in names or widest > 4
    for number, row in enumerate(rows, 1):
        place = f"row {number}"
        if isinstance(row, Path):
            opt_in = 0 if row.opt_in is None else row.opt_in + 1
            builder.add(number, row.steps, row.conversions, row.value, row.null, opt_in)
            continue
        if isinstance(row, Mapping):
            cells = {_column(str(key)): cell for key, cell in row.items()}
        elif isinstance(row, (list, tuple)):
            cells = dict(zip(COLUMNS, row, strict=False))
        else:
            builder.problems.append(f"{place}: expected a mapping or a list, and not {row!r}")
            continue
        missing = [name for name in NEEDED if name not in cells]
        if missing:
            builder.problems.append(f"{place}: {' and '.join(missing)} missing")
            continue
        path = cells["path"]
        if not isinstance(path, (str, list, tuple)):
            builder.problems.append(f"{place}: path {path!r} is no text and no list of steps")
            continue
        builder.add(
            number,
            path,
            cells["conversions"],
            cells.get("value", 0),
            cells.get("null", 0),
            cells.get("optin", 0),
        )


def _add_file(builder: TableBuilder, path: str | File) -> None:
    csv.field_size_limit(MAX_CELL)
    try:
        if str(path) == "-":
            _add_lines(builder, _standard_input())
        else:
            with File(path).expanduser().open("rb") as file:
                _add_lines(builder, file)
    except OSError as error:
        builder.problems.append(f"cannot be read: {error.strerror}")


def _standard_input() -> BufferedReader:
    if isinstance(buffer := getattr(sys.stdin, "buffer", None), BufferedReader):
        return buffer
    return BufferedReader(BytesIO(sys.stdin.read().encode()))


def _add_lines(builder: TableBuilder, file: BufferedReader) -> None:
    start = file.peek(4)[:4]
    encoding = next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")
    lines = _decoded(file, encoding, builder.problems)
    before, header = next(((at, line) for at, line in enumerate(lines, 1) if line.strip()), (0, ""))
    if not header:
        if not builder.problems:
            builder.problems.append("the file is empty; expected path,conversions,value,null")
        return
    delimiter = max(DELIMITERS, key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    places = _places(f"line {before}", names, builder.problems)
    if places is None:
        return
    builder.has_values, builder.has_nulls = "value" in places, "null" in places
    builder.has_opt_ins = "optin" in places
    reader = csv.reader(lines, delimiter=delimiter)
    builder.unit = "line"
    wanted = [places[name] for name in NEEDED]
    more = [(name, places[column]) for name, column in OTHERS.items() if column in places]
    try:
        for row in reader:
            if not row:
                continue
            line = reader.line_num + before
            if len(row) != len(names):
                builder.problems.append(f"line {line}: {len(row)} cells, expected {len(names)}")
                continue
            builder.add(line, *[row[at] for at in wanted], **{name: row[at] for name, at in more})
    except csv.Error as error:
        builder.problems.append(f"line {reader.line_num + before}: cannot be read: {error}")


def _decoded(file: BufferedReader, encoding: str, problems: list[str]) -> Iterator[str]:
    """The lines of a file; one that is in another encoding is told, and read as far as it goes."""
    if encoding == "utf-16":
        try:
            yield from file.read().decode(encoding).splitlines(keepends=True)
        except UnicodeDecodeError as error:
            problems.append(f"is no UTF-16: {error.reason}; save it as UTF-8")
        return
    for number, raw in enumerate(file, 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            problems.append(
                f"line {number}: byte {raw[error.start]:#04x} is no UTF-8; save the file as UTF-8"
            )
            line = raw.decode("utf-8", "replace")
        yield line.replace("\0", "\ufffd")


def _places(line: str, names: list[str], problems: list[str]) -> dict[str, int] | None:
    """Where each known column stands; None where one that is needed is missing."""
    places: dict[str, int] = {}
    for at, name in enumerate(names):
        column = _column(name)
        if column in places and column in COLUMNS:
            problems.append(f"{line}: the columns {names[places[column]]} and {name} are the same")
        places.setdefault(column, at)
    missing = [column for column in NEEDED if column not in places]
    for column in missing:
        close = difflib.get_close_matches(column, names, n=1)
        meant = f"; is {close[0]!r} meant?" if close else ""
        found = ", ".join(name or "(without a name)" for name in names[:10])
        problems.append(f"{line}: the column {column} is missing; found are {found}{meant}")
    return None if missing else places


def _column(name: str) -> str:
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    return next((column for column, names in COLUMNS.items() if plain in names), plain)
