"""Delimited text as tools export it: the dialect is found by looking, and can be said instead.

Encoding: by byte-order mark, else UTF-8 if the first megabyte is, else Windows-1252. Delimiter: the
one that gives the most lines the same number of cells. Header: the first line as wide as the rest,
so that title and date lines before it are passed over.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from segconnect.errors import SourceError
from segconnect.scenario.bundle import Place, SourceBundle

SAMPLE_BYTES = 1_000_000
SAMPLE_ROWS = 50
MAX_CELL = 10_000_000  # characters; a larger one is a lost quote
DELIMITERS = ",;\t|"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Dialect:
    """How a file is written."""

    encoding: str
    delimiter: str
    header_row: int  # counted from 1, in rows


class CsvSource:
    """Reads a file with a header row; a cell that is empty is absent from its bundle.

    Args:
        path: The file.
        encoding: Python's name of the encoding; default: found.
        delimiter: One character; default: found.
        header_row: The row of the header, from 1; default: found.
        group_rows_by: A column or columns. Rows that follow one another with the same values there
            are one bundle: the first row's cells, and all rows as the array `rows`.

    Raises:
        SourceError: The file cannot be opened, or has no header.
    """

    PARAMETERS = ("file", "encoding", "delimiter", "header_row", "group_rows_by")
    label = "CSV file"

    def __init__(
        self,
        path: Path,
        *,
        encoding: str | None = None,
        delimiter: str | None = None,
        header_row: int | None = None,
        group_rows_by: str | Sequence[str] = (),
    ) -> None:
        self.path = path
        self._group_by = [group_rows_by] if isinstance(group_rows_by, str) else list(group_rows_by)
        csv.field_size_limit(MAX_CELL)
        try:
            self._size = path.stat().st_size
            with path.open("rb") as file:
                sample = file.read(SAMPLE_BYTES)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
        self.dialect = find_dialect(sample, encoding, delimiter, header_row, path.name)
        self._file: BufferedReader | None = None

    def progress(self) -> tuple[int, int]:
        """Answers how many of how many bytes were read."""
        return (self._file.tell() if self._file and not self._file.closed else 0), self._size

    def bundles(self) -> Iterator[SourceBundle]:
        """Gives a bundle for each row, or for each group of rows."""
        rows = self._rows()
        if not self._group_by:
            yield from rows
            return
        for _, group in groupby(rows, key=self._group_key):
            members = list(group)
            broken = next((member.error for member in members if member.error), None)
            place = Place(self.path.name, members[0].place.first, members[-1].place.last)
            values = {**members[0].values, "rows": [member.values for member in members]}
            yield SourceBundle(values, place, broken)

    def _group_key(self, row: SourceBundle) -> tuple[Any, ...]:
        if row.error:
            return (row.place.first,)  # a row that cannot be read belongs to no group
        return (0, *(row.values.get(column) for column in self._group_by))

    def _rows(self) -> Iterator[SourceBundle]:
        self._file = self.path.open("rb")
        with TextIOWrapper(
            self._file, self.dialect.encoding, errors="surrogateescape", newline=""
        ) as text:
            reader = csv.reader(text, delimiter=self.dialect.delimiter)
            header: list[str] = []
            for _ in range(self.dialect.header_row):
                header = next(reader)
            names = unique_names(header)
            missing = [column for column in self._group_by if column not in names]
            if missing:
                raise SourceError(
                    f"{self.path.name}: there is no column {missing[0]!r} to group rows by;"
                    f" the columns are {', '.join(names)}"
                )
            yield from self._read(reader, names)

    def _read(self, reader: Any, names: list[str]) -> Iterator[SourceBundle]:
        width, name = len(names), self.path.name
        last: int = reader.line_num
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                place = Place(name, last + 1, reader.line_num)
                yield SourceBundle({}, place, SourceError(f"the row cannot be read: {error}"))
                last = reader.line_num
                continue
            first, last = last + 1, reader.line_num
            if not row:
                continue
            values = {key: cell for key, cell in zip(names, row, strict=False) if cell}
            place = Place(name, first, last)
            yield SourceBundle(values, place, self._fault(row, width))

    def _fault(self, row: list[str], width: int) -> SourceError | None:
        if len(row) > width and any(row[width:]):
            return SourceError(
                f"the row has {len(row)} cells, the header has {width}:"
                " a cell that holds the delimiter needs quotes round it"
            )
        line = "".join(row)
        if not line.isascii() and any("\ud800" <= char <= "\udfff" for char in line):
            return SourceError(
                f"the row is not {self.dialect.encoding}: say the file's encoding in the scenario"
            )
        return None


def unique_names(header: Sequence[str]) -> list[str]:
    """Answers the columns' names: trimmed; a second "A" is "A (2)", a blank one "Column 3"."""
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(header, 1):
        name = cell.strip().lstrip("\ufeff") or f"Column {number}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def find_dialect(
    sample: bytes, encoding: str | None, delimiter: str | None, header_row: int | None, name: str
) -> Dialect:
    """Finds how a file is written, from its beginning; what is given is not questioned.

    Raises:
        SourceError: The file is empty, or is no text in this encoding.
    """
    encoding = encoding or _find_encoding(sample)
    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors="surrogateescape")
        text = decoder.decode(sample)
    except (LookupError, UnicodeError) as error:
        raise SourceError(f"{name}: cannot be read as {encoding}: {error}") from None
    if not text.strip():
        raise SourceError(f"{name}: the file is empty; expected a header and rows")
    lines = text.splitlines(keepends=True)
    if len(sample) >= SAMPLE_BYTES:
        lines = lines[:-1] or lines
    best = max([delimiter] if delimiter else DELIMITERS, key=lambda each: _agreement(lines, each))
    return Dialect(encoding, best, header_row or _find_header(lines, best))


def _find_encoding(sample: bytes) -> str:
    for mark, name in BOMS:
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _agreement(lines: Iterable[str], delimiter: str) -> tuple[int, int]:
    """Answers how many of the first rows agree on a width above one, and that width."""
    counts = Counter(len(row) for row in _first_rows(lines, delimiter))
    wide = [(number, width) for width, number in counts.items() if width > 1]
    return max(wide, default=(0, 1))


def _find_header(lines: Iterable[str], delimiter: str) -> int:
    rows = _first_rows(lines, delimiter)
    _, width = _agreement(lines, delimiter)
    return next((number for number, row in enumerate(rows, 1) if len(row) == width), 1)


def _first_rows(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    try:
        return list(islice(csv.reader(lines, delimiter=delimiter), SAMPLE_ROWS))
    except csv.Error:
        return []
