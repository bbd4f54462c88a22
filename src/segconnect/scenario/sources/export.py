"""The exports of a tool, as its people have them: saved again, in another language, in any form.

What the file is, is found by looking: a table, JSON, or the form body of a delivery. What a recipe
says is what its columns are called here and there, and which of them hold numbers and dates; the
bundles then are the same wherever the file came from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl
from zlib import crc32

import ijson
from pydantic import Field

from segconnect.errors import SourceError
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.sources.options import Cursor, FileOptions, Opening, part
from segconnect.scenario.sources.summing import summed
from segconnect.scenario.sources.tidying import Tidier

LOOKED_AT = 10_000  # bundles, to find how numbers and dates are written
FIRST = 100  # bundles, to find the columns where no header tells
SAMPLE_BYTES = 100_000
MAX_WHOLE = 10_000_000  # bytes of a file that is one bundle
MAX_GROUP = 10_000  # rows of one bundle
BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FORM = re.compile(r"[\w.%\[\]+-]+=[^&\s]*(?:&[\w.%\[\]+-]+=[^&\s]*)+\s*")
_STEP = re.compile(r"[^\[\]]+")


class ExportOptions(FileOptions):
    """The parameters of an export."""

    items: str | None = Field(
        None,
        description="JSON: the key that holds the records, such as data; where it is not there, or"
        " holds no array, the file is one record.",
    )
    whole: bool = Field(False, description="JSON: whether an array is one record, as value.")
    columns: dict[str, str | list[str]] = Field(
        {},
        description="By their name here, how columns are spelled in files, whatever the capitals"
        " and blanks. {x} stands for any text, which the bundle then has under that name.",
    )
    numbers: list[str] = Field([], description="Columns of numbers, which are given as 1020.50.")
    decimal: Literal[".", ","] | None = Field(
        None, description="What decimals begin with; found by looking, if left out."
    )
    dates: list[str] = Field([], description="Columns of dates, which are given as 2026-09-01.")
    date_order: Literal["dmy", "mdy"] | None = Field(
        None, description="Whether the day or the month is first; found by looking, if left out."
    )
    ids: list[str] = Field(
        [], description="Columns of IDs; a row is refused where a spreadsheet has rounded one."
    )
    group_rows_by: str | list[str] = Field(
        [],
        description="Columns; rows that follow one another and share them are one bundle: the"
        " first row's cells, and all rows as the array rows.",
    )
    group_starts_at: str | None = Field(
        None, description="A column that only the first row of a group has."
    )
    sum_rows_by: list[str] = Field(
        [],
        description="Columns; all rows that share them are one bundle, wherever they are. A row"
        " that lacks one of them, as a total does, is given by itself, with is_total.",
    )
    sums: list[str] = Field([], description="The columns that are added up then.")
    encoding: str | None = Field(
        None, description="Of a table: the encoding; found by looking, if left out."
    )
    delimiter: str | None = Field(
        None, description="Of a table: what is between cells; found by looking, if left out."
    )
    header_row: int | None = Field(
        None, ge=1, description="Of a table: the row of the header; found by looking, if left out."
    )


class ExportSource:
    """Reads an export: a table, JSON, or form bodies of deliveries, as is found by looking.

    Columns have one name in every language, and numbers and dates are plain. Sums are those of the
    whole file, so they are given anew when it has grown.

    Raises:
        SourceError: The file cannot be read.
        UndecidedError: Its numbers or dates can be read in several ways.
    """

    OPTIONS = ExportOptions
    PARAMETERS = ExportOptions.model_fields
    label = "Export of a tool"

    def __init__(self, options: ExportOptions, opening: Opening) -> None:
        self.path, self.options = opening.path(options.file), options
        names = ("encoding", "delimiter", "header_row")
        dialect = {name: getattr(options, name) for name in names}
        self._raw = Raw(self.path, options.items, options.whole, dialect)
        self._names = Names(options.columns)
        by = options.group_rows_by
        self._group_by = [by] if isinstance(by, str) else by
        self._tidier = Tidier(
            options.numbers, options.dates, options.ids, options.decimal, options.date_order
        )
        if options.numbers or options.dates:
            for bundle in islice(self._raw.bundles(), LOOKED_AT):
                self._tidier.look(self._names.renamed(bundle.values))
            self._tidier.settle(self.path.name)

    def progress(self) -> tuple[int, int]:
        """Answers how many of how many bytes were read."""
        return self._raw.progress()

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives the bundles; sums are always those of the whole file."""
        if self.options.sum_rows_by:
            found = {self._names.name_of(column)[0] for column in self._raw.columns()}
            keys = [name for name in self.options.sum_rows_by if name in found]
            sums = self.options.sums
            return numbered(lambda: summed(self._rows(None), keys, sums), after)
        rows = self._rows(after)
        return self._grouped(rows) if self._group_by else rows

    def _rows(self, after: Cursor | None) -> Iterator[SourceBundle]:
        for bundle in self._raw.bundles(after):
            values, fault = self._names.renamed(bundle.values), bundle.error
            try:
                self._tidier.tidy(values)
            except SourceError as error:
                fault = fault or error
            yield replace(bundle, values=values, error=fault)

    def _grouped(self, rows: Iterator[SourceBundle]) -> Iterator[SourceBundle]:
        members: list[SourceBundle] = []
        for row in rows:
            if members and not self._continues(members, row):
                yield _group(members)
                members = []
            members.append(row)
        if members:
            yield _group(members)

    def _continues(self, members: list[SourceBundle], row: SourceBundle) -> bool:
        first = members[0]
        if row.error is not None or first.error is not None or len(members) >= MAX_GROUP:
            return False
        start = self.options.group_starts_at
        if start is not None and row.values.get(start) is not None:
            return False
        return all(first.values.get(name) == row.values.get(name) for name in self._group_by)


def _group(members: list[SourceBundle]) -> SourceBundle:
    first, last = members[0], members[-1]
    place = replace(first.place, last=last.place.last)
    values = {**first.values, "rows": [member.values for member in members]}
    fault = first.error
    if len(members) >= MAX_GROUP:
        fault = SourceError(f"more than {MAX_GROUP:,} rows belong together")
    return replace(last, values=values, place=place, error=fault)


def numbered(
    read: Callable[[], Iterator[SourceBundle]], after: Cursor | None
) -> Iterator[SourceBundle]:
    """Gives bundles with cursors of their number, and of what came before them.

    They are read once more up to the place; if all before it is as it was, what follows is new.
    """
    known, known_crc = (part(after, "record"), part(after, "crc")) if after else (0, 0)
    number = crc = 0
    for bundle in read():
        if number == known and crc != known_crc:
            break
        number += 1
        crc = crc32(repr(bundle.values).encode("utf-8", "surrogatepass"), crc)
        if number > known:
            yield replace(bundle, cursor={"record": number, "crc": crc})
    if number < known or (number == known and crc != known_crc):
        yield from numbered(read, None)  # what was read before is no longer there


class Names:
    """What columns are called here, and how they are spelled in files.

    Args:
        columns: By its name here, each column's other spellings.
    """

    def __init__(self, columns: Mapping[str, str | Sequence[str]]) -> None:
        self._forms: list[tuple[str, re.Pattern[str]]] = []
        self._known: dict[str, tuple[str, dict[str, str]]] = {}
        for name, spelled in columns.items():
            others = [spelled] if isinstance(spelled, str) else spelled
            self._forms += [(name, _form_of(each)) for each in (name, *others)]

    def name_of(self, column: str) -> tuple[str, dict[str, str]]:
        """Answers a column's name here, and what its spelling says besides."""
        found = self._known.get(column)
        if found is None:
            found = self._known[column] = self._look_up(column)
        return found

    def _look_up(self, column: str) -> tuple[str, dict[str, str]]:
        plain = " ".join(column.split())
        for name, form in self._forms:
            match = form.fullmatch(plain)
            if match is not None:
                return name, match.groupdict()
        return column, {}

    def renamed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Answers a bundle under the names here; of two columns of one name, the first counts."""
        renamed: dict[str, Any] = {}
        for column, value in values.items():
            name, besides = self.name_of(column)
            renamed[column if name in renamed else name] = value
            for key, text in besides.items():
                renamed.setdefault(key, text)
        return renamed


def _form_of(spelling: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", " ".join(spelling.split()))
    pattern = "".join(
        f"(?P<{each}>.+)" if number % 2 else re.escape(each) for number, each in enumerate(parts)
    )
    return re.compile(pattern, re.IGNORECASE)


@dataclass
class Raw:
    """What a file holds, under the names that it has there.

    Attributes:
        path: The file.
        items: JSON: the key that holds the records.
        whole: JSON: an array is one record.
        dialect: What is known of a table: encoding, delimiter, header_row.
        form: What the file is: csv, json, form, excel or parquet.
    """

    path: Path
    items: str | None
    whole: bool
    dialect: Mapping[str, Any]

    def __post_init__(self) -> None:
        try:
            with self.path.open("rb") as file:
                head = file.read(SAMPLE_BYTES)
            self._size = self.path.stat().st_size
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror}") from None
        self._done = 0
        self._source: Any = None
        self.is_array = False  # JSON: whether `items` holds an array
        self.form = _form_of_file(head)
        if self.form == "csv" and _is_binary(head):
            raise SourceError(f"{self.path.name}: is neither text nor any other kind that is read")
        if self.form == "json":
            self._source = self._of_json(head)
        elif self.form != "form":
            self._source = self._open(self.form, self.dialect)

    @property
    def is_table(self) -> bool:
        """Whether it has rows of cells under a header."""
        return self.form not in ("json", "form")

    def progress(self) -> tuple[int, int]:
        """Answers how many of how many bytes were read."""
        if self._source is None:
            return self._done, self._size
        found: tuple[int, int] = self._source.progress()
        return found

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives the bundles."""
        if self._source is not None:
            found: Iterator[SourceBundle] = self._source.bundles(after)
            return found
        return numbered(self._of_forms if self.form == "form" else self._of_one, after)

    def columns(self) -> list[str]:
        """Lists the columns of a table; or the paths of objects, as far as the first ones go.

        Where a key tells what something is, its value is listed, too: "event=order.success".
        """
        if self.is_table:
            header: list[str] = self._source.columns()
            return header
        found: dict[str, None] = {}
        for bundle in islice(self.bundles(), FIRST):
            found.update(dict.fromkeys(_paths(bundle.values, "")))
        return list(found)

    # the forms

    def _open(self, name: str, parameters: Mapping[str, Any]) -> Any:
        from segconnect.scenario.sources import SOURCES, open_source

        module = next((id_ for id_, short in SOURCES.items() if short == name), None)
        if module is None:
            raise SourceError(f"{self.path.name}: save it as CSV; there is nothing to read it with")
        given = {key: value for key, value in parameters.items() if value is not None}
        return open_source(module, {"file": self.path.name, **given}, self.path.parent)

    def _of_json(self, head: bytes) -> Any:
        """Opens what streams; None where the file is one record, or each line an array."""
        if _is_lines(head):
            return (
                None if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"[" else self._open("json", {})
            )
        first, second, self.is_array = self._shape()
        if first == "start_array" and (not self.whole or second == "start_array"):
            return self._open("json", {"items": ""})
        if first == "start_map" and self.is_array and not self.whole:
            return self._open("json", {"items": self.items})
        if self._size > MAX_WHOLE:
            raise SourceError(f"{self.path.name}: one record of more than {MAX_WHOLE:,} bytes")
        return None

    def _shape(self) -> tuple[str, str, bool]:
        """Answers the first two events of the JSON, and whether `items` holds an array."""
        events: list[str] = []
        with self.path.open("rb") as file:
            if file.read(3) != b"\xef\xbb\xbf":
                file.seek(0)
            try:
                for prefix, event, _ in ijson.parse(file):
                    events.append(event)
                    is_known = events[0] != "start_map" or not self.items
                    if is_known and len(events) == 2:
                        break
                    if self.items and prefix == self.items and event.startswith("start_"):
                        return events[0], events[1], event == "start_array"
            except (ijson.JSONError, UnicodeDecodeError):
                pass  # reading tells what is wrong, and where
        first, second = [*events, "", ""][:2]
        return first, second, False

    def _of_one(self) -> Iterator[SourceBundle]:
        """Gives a file that is one record; or one for each line, of lines that are arrays."""
        text = _decoded(self.path)
        lines = text.splitlines()
        is_lines = _is_lines(text[:SAMPLE_BYTES].encode())
        for number, piece in enumerate(lines if is_lines else [text], 1):
            if not piece.strip():
                continue
            place = Place(self.path.name, number, number, "line" if is_lines else "item")
            try:
                value = json.loads(piece, parse_float=Decimal)
            except (ValueError, RecursionError) as error:
                yield SourceBundle({}, place, SourceError(f"this is not JSON: {error}"))
                continue
            inner = value.get(self.items) if isinstance(value, dict) and self.items else None
            value = inner if isinstance(inner, dict) else value
            yield SourceBundle(value if isinstance(value, dict) else {"value": value}, place)
        self._done = self._size

    def _of_forms(self) -> Iterator[SourceBundle]:
        """Gives a bundle for each line that is a form body: customer[email]=... is nested."""
        with self.path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, 1):
                self._done += len(line)
                if line.strip():
                    pairs = parse_qsl(line.strip(), keep_blank_values=True)
                    yield SourceBundle(_nested(pairs), Place(self.path.name, number, number))
        self._done = self._size


def _is_binary(head: bytes) -> bool:
    """Whether there are zero bytes, but fewer than text in UTF-16 has."""
    has_mark = any(head.startswith(mark) for mark, _ in BOMS)
    return not has_mark and 0 < head.count(0) < len(head) // 4


def _form_of_file(head: bytes) -> str:
    """Answers what a file is: csv, json, form, excel or parquet."""
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "excel"
    if head.startswith(b"PAR1"):
        return "parquet"
    encoding = next((name for mark, name in BOMS if head.startswith(mark)), "utf-8")
    text = head.decode(encoding, "ignore").lstrip()
    if text[:1] in ("{", "["):
        return "json"
    first = text.partition("\n")[0]
    return "form" if _FORM.fullmatch(first) else "csv"


def _is_lines(head: bytes) -> bool:
    """Whether the first line is a whole value by itself, and another one begins after it."""
    lines = [line for line in head.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()][:2]
    if len(lines) < 2 or lines[0].strip()[:1] != lines[1].strip()[:1]:
        return False
    with suppress(ValueError):
        return isinstance(json.loads(lines[0]), (dict, list))
    return False


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    encoding = next((name for mark, name in BOMS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise SourceError(f"{path.name}: is not UTF-8 text; save it as UTF-8") from None


_TELLING = frozenset(("type", "object", "event", "event_type"))
DEPTH = 5


def _paths(value: Any, prefix: str, depth: int = 0) -> Iterator[str]:
    if isinstance(value, list):
        for item in value[:20]:
            yield from _paths(item, prefix, depth)
    elif isinstance(value, Mapping) and depth < DEPTH:
        for key, item in value.items():
            path = f"{prefix}.{key}" if prefix else str(key)
            yield path
            if key in _TELLING and isinstance(item, str):
                yield f"{path}={item}"
            yield from _paths(item, path, depth + 1)


def _nested(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Makes collections of keys such as customer[email], and arrays of those such as charges[0]."""
    root: dict[str, Any] = {}
    for key, value in pairs:
        steps = _STEP.findall(key)
        place = root
        for step in steps[:-1]:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                inner = place[step] = {}
            place = inner
        if steps:
            place[steps[-1]] = value
    return {key: _with_arrays(value) for key, value in root.items()}


def _with_arrays(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    made = {key: _with_arrays(item) for key, item in value.items()}
    return list(made.values()) if all(map(str.isdigit, made)) else made
