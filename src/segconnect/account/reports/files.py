"""Reports as files: CSV, JSON, Parquet and Excel."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from segconnect.account.metrics import Kind
from segconnect.errors import UsageError


def header_of(told: dict[str, Any]) -> list[str]:
    """Answers the keys of the columns."""
    return [field["key"] for field in told["fields"]]


def rows_of(told: dict[str, Any]) -> list[list[Any]]:
    """Answers the rows; where there are none to tell apart, the totals."""
    grouped = len(told["fields"]) > len(told["totals"])
    return told["rows"] if grouped else [told["totals"]]


def write_rows(file: Any, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Writes CSV."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[harmless(each) for each in row] for row in rows])


def harmless(each: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{each}" if isinstance(each, str) and each[:1] in ("=", "+", "-", "@") else each


def write(told: dict[str, Any], out: Path) -> None:
    """Writes a report to a file, by its ending.

    Raises:
        UsageError: The ending is not known, the file cannot be written, or an extra is missing.
    """
    kind = out.suffix.lower()
    if kind not in WRITERS:
        raise UsageError(f"{out}: ends in {kind or 'nothing'}; expected {', '.join(WRITERS)}")
    try:
        WRITERS[kind](told, out)
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror or error}") from None


def writes_excel() -> bool:
    """Whether what Excel files need is installed."""
    return find_spec("openpyxl") is not None


def _write_csv(told: dict[str, Any], out: Path) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, header_of(told), rows_of(told))


def _write_json(told: dict[str, Any], out: Path) -> None:
    out.write_text(json.dumps(told), "utf-8")


def _write_parquet(told: dict[str, Any], out: Path) -> None:
    import duckdb

    kinds = ["varchar" if field["type"] == Kind.STRING else "double" for field in told["fields"]]
    names = [name.replace('"', '""') for name in header_of(told)]
    columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(names, kinds, strict=True))
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"create table report ({columns})")
        appender = connection.appender("report")
        appender.append_rows(rows_of(told))
        appender.flush()
        path = str(out).replace("'", "''")
        try:
            connection.execute(f"copy report to '{path}' (format parquet)")
        except duckdb.IOException as error:
            raise OSError(str(error)) from None


def _write_excel(told: dict[str, Any], out: Path) -> None:
    try:
        from openpyxl import Workbook
    except ImportError:
        raise UsageError("Excel files need an extra: pip install 'segconnect[excel]'") from None
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Report")
    sheet.append(header_of(told))
    for row in rows_of(told):
        sheet.append([harmless(each) for each in row])
    book.save(out)


WRITERS: dict[str, Callable[[dict[str, Any], Path], None]] = {
    ".csv": _write_csv, ".json": _write_json, ".parquet": _write_parquet, ".xlsx": _write_excel,
}  # fmt: skip
