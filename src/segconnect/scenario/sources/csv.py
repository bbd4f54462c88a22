"""Delimited text as tools export it: the dialect is found by looking, and can be said instead.

Encoding: by byte-order mark, else by zero bytes, else UTF-8 if the first megabyte is, else
Windows-1252. Delimiter: the one that gives the most lines the same number of cells. Header: the
first line as wide as the rest, so that title and date lines before it are passed over.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, StringIO
from itertools import groupby, islice
from typing import Any, Literal

from pydantic import Field

from segconnect.errors import SourceError
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.sources.lines import BOMS, Fingerprint, Lines, after_mark, place_after
from segconnect.scenario.sources.numerals import find_decimal, plain_number
from segconnect.scenario.sources.options import Cursor, FileOptions, Opening

SAMPLE_BYTES = 1_000_000
SAMPLE_ROWS = 50
NUMBER_ROWS = 1_000
TAIL_BYTES = 50_000
MAX_CELL = 10_000_000  # characters; a larger one is a lost quote
MAX_GROUP = 100_000  # rows in one bundle
DELIMITERS = ",;\t|"

_TOTAL = re.compile(
    r"\W*(?:grand |sub)?"
    r"(?:totals?|totaux|totale|totaal|gesamt(?:summe)?|summe|insgesamt|итого|razem|celkem|合計|总计)"
    r"\s*(?:[:\-–—(].*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Dialect:
    """How a file is written."""

    encoding: str
    delimiter: str
    header_row: int  # counted from 1, in rows
    decimal: str | None = None  # "," or "."; "?" if it can be read both ways; None: not looked at


class CsvOptions(FileOptions):
    """The parameters of a CSV file."""

    encoding: str | None = Field(
        None, description="The encoding, such as utf-8 or cp1252; found by looking, if left out."
    )
    delimiter: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="What is between cells, one character; found by looking, if left out.",
    )
    header_row: int | None = Field(
        None, ge=1, description="The row of the header, from 1; found by looking, if left out."
    )
    decimal: Literal[",", ".", "auto"] | None = Field(
        None,
        description="How decimals are written; then 1.234,50 is given as 1234.50. Left out, cells"
        " are given as they stand. auto: as found, and refused if it can be read both ways.",
    )
    total_rows: Literal["keep", "leave out"] = Field(
        "keep", description="Whether rows that begin with Total, in many languages, are bundles."
    )
    short_rows: Literal["refuse", "fill"] = Field(
        "refuse", description="Whether a row with too few cells is refused, or lacks the last ones."
    )
    group_rows_by: str | list[str] = Field(
        [],
        description="Columns; rows that follow one another and share them are one bundle: the"
        " first row's cells, and all rows as the array rows.",
    )


class CsvSource:
    """Reads a file with a header row; a cell that is empty is absent from its bundle.

    A file that grew is read on from where it ended. Rows that are added to a group that was given
    already are a bundle of their own.

    Raises:
        SourceError: The file cannot be opened, or has no header.
    """

    OPTIONS = CsvOptions
    PARAMETERS = CsvOptions.model_fields
    label = "CSV file"

    def __init__(self, options: CsvOptions, opening: Opening) -> None:
        self.path = opening.path(options.file)
        self.options = options
        by = options.group_rows_by
        self._group_by = [by] if isinstance(by, str) else list(by)
        csv.field_size_limit(MAX_CELL)
        try:
            self._size = self.path.stat().st_size
            with self.path.open("rb") as file:
                sample = file.read(SAMPLE_BYTES)
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror}") from None
        self.dialect = find_dialect(sample, options, self.path.name)
        self._decimal = self.dialect.decimal if options.decimal else None
        if self._decimal == "?":
            raise SourceError(
                f"{self.path.name}: numbers such as 1,234 and 1.234 can be read both ways here;"
                " say decimal: ',' or decimal: '.'"
            )
        self._lines: Lines | None = None

    def progress(self) -> tuple[int, int]:
        """Answers how many of how many bytes were read."""
        return (self._lines.at if self._lines else 0), self._size

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives a bundle for each row, or for each group of rows."""
        rows = self._rows(after)
        if not self._group_by:
            yield from rows
            return
        for _, group in groupby(rows, key=self._group_key):
            members: list[SourceBundle] = []
            for last in group:
                if len(members) <= MAX_GROUP:
                    members.append(last)
            broken = members[0].error
            if len(members) > MAX_GROUP:
                broken = SourceError(f"more than {MAX_GROUP:,} rows have the same group_rows_by")
            place = Place(self.path.name, members[0].place.first, last.place.last)
            values = {**members[0].values, "rows": [member.values for member in members]}
            yield SourceBundle(values, place, broken, last.cursor)

    def _group_key(self, row: SourceBundle) -> tuple[Any, ...]:
        if row.error:
            return (row.place.first,)  # a row that cannot be read belongs to no group
        return (0, *(row.values.get(column) for column in self._group_by))

    def _rows(self, after: Cursor | None) -> Iterator[SourceBundle]:
        with self.path.open("rb") as file:
            fingerprint = Fingerprint(file)
            start, encoding = after_mark(file, self.dialect.encoding)
            lines = self._lines = Lines(file, encoding, start)
            reader = self._reader(lines)
            header: list[str] = []
            for _ in range(self.dialect.header_row):
                header = next(reader, [])
            names = unique_names(header)
            missing = [column for column in self._group_by if column not in names]
            if missing:
                raise SourceError(
                    f"{self.path.name}: there is no column {missing[0]!r} to group rows by;"
                    f" the columns are {', '.join(names)}"
                )
            place = place_after(file, after) if after else None
            if place is not None:
                lines = Lines(file, encoding, *place)
            else:
                lines = Lines(file, encoding, lines.at, lines.number)
            yield from self._read(file, lines, names, fingerprint)

    def _reader(self, lines: Iterable[str]) -> Any:
        return csv.reader(lines, delimiter=self.dialect.delimiter)

    def _read(
        self, file: BufferedReader, lines: Lines, names: list[str], fingerprint: Fingerprint
    ) -> Iterator[SourceBundle]:
        reader, name = self._reader(lines), self.path.name
        decimal, width = self._decimal, len(names)
        leaves_totals = self.options.total_rows == "leave out"
        self._lines = lines
        while True:
            begin, line, lines.crc, lines.is_broken = lines.at, lines.number, 0, False
            try:
                row = next(reader)
                is_lost = lines.has_ended  # a row asks for one more line only within quotes
            except StopIteration:
                return
            except csv.Error:  # a cell has no end
                row, is_lost = [], True
            if is_lost:  # and took all that follows with it: only its first line is refused
                lines = self._lines = Lines(file, lines.encoding, begin, line)
                left = iter(lines)
                row, reader = [next(left)[:100]], self._reader(left)
                fault: SourceError | None = SourceError(
                    "a cell begins with a quote that never ends: it needs another one after it"
                )
            elif not any(row) or (leaves_totals and is_total(row)):
                continue
            else:
                has_width = len(row) == width
                fault = None if has_width and not lines.is_broken else self._fault(row, width)
            values = {key: cell for key, cell in zip(names, row, strict=False) if cell}
            if decimal is not None:
                values = {key: plain_number(cell, decimal) for key, cell in values.items()}
            place = Place(name, line + 1, lines.number)
            cursor = fingerprint.cursor(begin, lines.at, lines.crc, line, lines.number)
            yield SourceBundle(values, place, fault, cursor)

    def _fault(self, row: list[str], width: int) -> SourceError | None:
        if len(row) != width:
            if len(row) > width and any(row[width:]):
                return SourceError(
                    f"the row has {len(row)} cells, the header has {width}:"
                    " a cell that holds the delimiter needs quotes round it"
                )
            if len(row) < width and self.options.short_rows == "refuse":
                return SourceError(
                    f"the row has {len(row)} cells, the header has {width}:"
                    " if only empty cells at its end are left out, say short_rows: fill"
                )
        if self._lines and self._lines.is_broken:
            return SourceError(
                f"the row is not {self.dialect.encoding}: say the file's encoding in the scenario"
            )
        return None

    # -- what is shown before use ----------------------------------------------------------------

    def found(self) -> Mapping[str, Any]:
        """Answers what was found by looking, or said."""
        if self.dialect.decimal is None:
            self.dialect = find_dialect(self._all_sample(), self.options, self.path.name, True)
        return {
            "encoding": self.dialect.encoding,
            "delimiter": self.dialect.delimiter,
            "header_row": self.dialect.header_row,
            "decimal": self.dialect.decimal,
        }

    def columns(self) -> list[str]:
        """Answers the columns of the header."""
        with self.path.open("rb") as file:
            start, encoding = after_mark(file, self.dialect.encoding)
            rows = self._reader(Lines(file, encoding, start))
            header = list(islice(rows, self.dialect.header_row))
        return unique_names(header[-1] if header else [])

    def passed_over(self) -> list[tuple[Place, str]]:
        """Answers the rows before the header, and their places."""
        found = []
        with self.path.open("rb") as file:
            start, encoding = after_mark(file, self.dialect.encoding)
            lines = Lines(file, encoding, start)
            reader = self._reader(lines)
            for _ in range(self.dialect.header_row - 1):
                first = lines.number + 1
                row: list[str] = next(reader, [])
                if any(row):
                    place = Place(self.path.name, first, lines.number)
                    found.append((place, self.dialect.delimiter.join(row)))
        return found

    def totals(self) -> list[str]:
        """Answers the rows at the end of the file that sum up the others."""
        with self.path.open("rb") as file:
            start, encoding = after_mark(file, self.dialect.encoding)
            lines = Lines(file, encoding, max(start, (self._size - TAIL_BYTES) // 4 * 4))
            rows = list(self._reader(islice(lines, 1, None)))
        return [self.dialect.delimiter.join(row) for row in rows if is_total(row)]

    def _all_sample(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(SAMPLE_BYTES)


def is_total(row: Sequence[str]) -> bool:
    """Whether a row sums up others: its first cell that is not empty says so."""
    first = next((cell for cell in row if cell), "")
    return len(first) < 100 and _TOTAL.fullmatch(first) is not None


def unique_names(header: Sequence[str]) -> list[str]:
    """Answers the columns' names: trimmed; a second "A" is "A (2)", a blank one "Column 3"."""
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(header, 1):
        name = cell.strip().lstrip("\ufeff") or f"Column {number}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def find_dialect(sample: bytes, options: CsvOptions, name: str, looks: bool = False) -> Dialect:
    """Finds how a file is written, from its beginning; what is said is not questioned.

    Args:
        sample: The beginning.
        options: What is said.
        name: The file's, for messages.
        looks: Whether to look for decimals though nobody asked for them.

    Raises:
        SourceError: The file is empty, or is no text in this encoding.
    """
    encoding = options.encoding or _find_encoding(sample)
    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        text = decoder.decode(sample)
    except (LookupError, UnicodeError) as error:
        raise SourceError(f"{name}: cannot be read as {encoding}: {error}") from None
    if not text.strip():
        raise SourceError(f"{name}: the file is empty; expected a header and rows")
    lines = list(StringIO(text, newline=""))  # str.splitlines would end lines in other places, too
    if len(sample) >= SAMPLE_BYTES:
        if len(lines) == 1:
            raise SourceError(f"{name}: is no table; its first {SAMPLE_BYTES:,} bytes are one line")
        lines = lines[:-1]
    marks = [options.delimiter] if options.delimiter else DELIMITERS
    best = max(marks, key=lambda each: _agreement(lines, each))
    header_row = options.header_row or _find_header(lines, best)
    decimal: str | None = options.decimal if options.decimal != "auto" else None
    if decimal is None and (looks or options.decimal):
        decimal = find_decimal(_first_rows(lines, best, NUMBER_ROWS)[header_row:])
    return Dialect(encoding, best, header_row, decimal)


def _find_encoding(sample: bytes) -> str:
    for mark, name, _ in BOMS:
        if sample.startswith(mark):
            return name
    zeros = sample[:10_000].count(0)
    if zeros > len(sample[:10_000]) // 4:  # text of the West in UTF-16, without a mark
        return "utf-16-le" if sample[1:10_000:2].count(0) > zeros // 2 else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _agreement(lines: Iterable[str], delimiter: str) -> tuple[int, int]:
    """Answers how many lines of the first rows agree on a width above one, and that width."""
    counts, before = Counter[int](), 0
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in islice(reader, SAMPLE_ROWS):
            counts[len(row)] += reader.line_num - before  # a quoted cell may lie on several
            before = reader.line_num
    except csv.Error:
        return 0, 1
    wide = [(number, width) for width, number in counts.items() if width > 1]
    return max(wide, default=(0, 1))


def _find_header(lines: Iterable[str], delimiter: str) -> int:
    rows = _first_rows(lines, delimiter)
    _, width = _agreement(lines, delimiter)
    return next((number for number, row in enumerate(rows, 1) if len(row) == width), 1)


def _first_rows(lines: Iterable[str], delimiter: str, most: int = SAMPLE_ROWS) -> list[list[str]]:
    try:
        return list(islice(csv.reader(lines, delimiter=delimiter), most))
    except csv.Error:
        return []
