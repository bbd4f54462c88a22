"""CSV: parse, create."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from segconnect.mapping.values import to_array, to_boolean, to_text
from segconnect.scenario.engine.errors import ModuleError, invalid, missing
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Kind,
    Parameters,
    Values,
    aggregator,
    module,
    option,
)

MAX_COLUMNS = 1_000


def _delimiter(parameters: Parameters, values: Values) -> str:
    kind = str(
        option(parameters, values, "delimiterType", option(parameters, values, "delimiter")) or ","
    )
    if kind == "other":
        kind = str(option(parameters, values, "delimiter") or "")
    text = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(kind, kind)
    if len(text) != 1:
        raise invalid(["Invalid delimiter in parameter 'delimiter': it is one character."])
    return text


def read_rows(text: str, delimiter: str, *, relax: bool = False) -> Iterator[list[str]]:
    """Reads rows; `relax` lets quotes stand within a value that has none around it.

    Raises:
        ModuleError: DataError, with the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=not relax)
    try:
        for row in reader:
            if row:
                yield row
    except csv.Error as error:
        raise ModuleError("DataError", f"line {reader.line_num}: {error}") from None


@module("csv:ParseCSV", kind=Kind.SEARCH)
def parse(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Parses CSV; each row is a bundle with col1, col2 and so on."""
    found = values.get("csv")
    if found is None:
        raise missing("csv")
    text = found.decode("utf-8-sig", "replace") if isinstance(found, bytes) else to_text(found)
    relax = to_boolean(option(parameters, values, "relax"))
    rows = read_rows(text.removeprefix("\ufeff"), _delimiter(parameters, values), relax=relax)
    if to_boolean(option(parameters, values, "csvContainsHeaders")):
        next(rows, None)
    count = option(parameters, values, "colCount")
    columns = int(to_text(count)) if count is not None and to_text(count).isdigit() else None
    for row in rows:
        cells = row if columns is None else row[: min(columns, MAX_COLUMNS)]
        yield {f"col{position}": cell for position, cell in enumerate(cells, 1)}


class _Writer:
    """Writes rows; values with a delimiter, quote or line break are quoted."""

    def __init__(self, parameters: Parameters) -> None:
        self._buffer = io.StringIO(newline="")
        newline = str(parameters.get("newline") or parameters.get("rowSeparator") or "\n")
        self._writer = csv.writer(
            self._buffer,
            delimiter=_delimiter(parameters, {}),
            lineterminator={"crlf": "\r\n", "\\r\\n": "\r\n", "\r\n": "\r\n"}.get(newline, "\n"),
            quoting=(
                csv.QUOTE_ALL
                if to_boolean(parameters.get("quoteAll") or parameters.get("quoting"))
                else csv.QUOTE_MINIMAL
            ),
        )

    def add(self, cells: list[Any]) -> None:
        """Writes a row."""
        self._writer.writerow([to_text(cell) for cell in cells])
        if self._buffer.tell() > 20_000_000:
            raise ModuleError("DataError", "the CSV would be longer than 20,000,000 characters")

    @property
    def text(self) -> str:
        return self._buffer.getvalue()


def _has_headers(parameters: Parameters) -> bool:
    for name in ("includeHeaders", "headers", "csvContainsHeaders"):
        if name in parameters and not isinstance(parameters[name], list):
            return to_boolean(parameters[name])
    return False


@aggregator("csv:CreateCSV", "csv:CreateCSVAdvanced")
def create(call: Call, parameters: Parameters, rows: list[Values]) -> Bundle:
    """Makes CSV: a row for each bundle, with its fields as columns."""
    writer = _Writer(parameters)
    columns: list[Any] = []
    for row in rows:
        for name in row:
            if name not in columns:
                columns.append(name)
    single = [row.get("columns") for row in rows if set(row) == {"columns"}]
    if rows and len(single) == len(rows):  # cells without names
        for cells in single:
            writer.add([c.get("value") if isinstance(c, Mapping) else c for c in to_array(cells)])
        return {"text": writer.text}
    if _has_headers(parameters):
        writer.add(columns)
    for row in rows:
        writer.add([row.get(name) for name in columns])
    return {"text": writer.text}
