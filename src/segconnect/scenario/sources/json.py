"""JSON as APIs answer it: an array, an object that holds one, or one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn
from zlib import crc32

import ijson
from pydantic import Field

from segconnect.errors import SourceError
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.sources.lines import Fingerprint, Lines, after_mark, place_after
from segconnect.scenario.sources.options import Cursor, FileOptions, Opening, part

SAMPLE_BYTES = 100_000
SAMPLE_EVENTS = 200_000
WHOLE = "$"
_NO_ITEM = ("end_map", "end_array", "map_key")


class JsonOptions(FileOptions):
    """The parameters of a JSON file."""

    items: str | None = Field(
        None,
        description="The path of the array whose items are the bundles, such as data or"
        " response.orders; an empty text is the top, and $ the whole file as one bundle. Left out:"
        " the one array of the file, or its one array of objects; or each line, if the file is one"
        " object a line.",
    )


class JsonSource:
    """Gives each element of an array, or each line, as a bundle, however many there are.

    A file of lines that grew is read on from where it ended. An array is read up to the place once
    more; if all before it is as it was, what follows is new.

    Raises:
        SourceError: The file cannot be opened.
    """

    OPTIONS = JsonOptions
    PARAMETERS = JsonOptions.model_fields
    label = "JSON file"

    def __init__(self, options: JsonOptions, opening: Opening) -> None:
        self.path, self._items = opening.path(options.file), options.items
        self._file: BufferedReader | Lines | None = None
        try:
            self._size = self.path.stat().st_size
            with self.path.open("rb") as file:
                self._is_lines = self._items is None and _is_lines(self.path, file)
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror}") from None

    def progress(self) -> tuple[int, int]:
        """Answers how many of how many bytes were read."""
        if isinstance(self._file, Lines):
            return self._file.at, self._size
        return (self._file.tell() if self._file and not self._file.closed else 0), self._size

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives a bundle for each element or line; one that is no object is given as `value`."""
        if after:
            part(after, "item" if "item" in after else "head", kind=(int, list))
        if self._is_lines:
            return self._of_lines(after if after and "head" in after else None)
        return self._of_array(after if after and "item" in after else None)

    # -- an object a line ------------------------------------------------------------------------

    def _of_lines(self, after: Cursor | None) -> Iterator[SourceBundle]:
        with self.path.open("rb") as file:
            fingerprint = Fingerprint(file)
            start, encoding = after_mark(file, "utf-8")
            place = place_after(file, after) if after else None
            lines = self._file = Lines(file, encoding, *(place or (start, 0)))
            begin, line = lines.at, lines.number
            for text in lines:
                if not text.isspace():
                    values, fault = _read_line(text, lines.is_broken)
                    cursor = fingerprint.cursor(begin, lines.at, lines.crc, line, lines.number)
                    yield SourceBundle(values, self._place(lines.number), fault, cursor)
                begin, line, lines.crc, lines.is_broken = lines.at, lines.number, 0, False

    # -- an array --------------------------------------------------------------------------------

    def _of_array(self, after: Cursor | None) -> Iterator[SourceBundle]:
        known = part(after, "item") if after else 0
        number = crc = 0
        with self.path.open("rb") as file:
            self._file = file
            file.seek(after_mark(file, "utf-8")[0])
            try:
                for item in ijson.items(file, self._prefix()):
                    if after and number == known and crc != after.get("crc"):
                        break
                    number += 1
                    crc = crc32(repr(item).encode("utf-8", "surrogatepass"), crc)
                    if number > known:
                        values = item if isinstance(item, dict) else {"value": item}
                        cursor = {"item": number, "crc": crc}
                        yield SourceBundle(values, self._place(number), None, cursor)
            except (ijson.JSONError, UnicodeDecodeError) as error:
                cursor = {"item": number, "crc": crc, "broken": self._size}
                if number >= known and cursor != after:
                    fault = SourceError(f"the file is not JSON from here on: {error}")
                    yield SourceBundle({}, self._place(number + 1), fault, cursor)
        if number == 0:
            self._check_path()
        if after and (number < known or (number == known and crc != after.get("crc"))):
            yield from self._of_array(None)  # what was read before is no longer there

    def _place(self, number: int) -> Place:
        return Place(self.path.name, number, number, "line" if self._is_lines else "item")

    def _prefix(self) -> str:
        items = self._items_path() if self._items is None else self._items
        if items in ("", WHOLE):
            return "" if items else "item"
        return f"{items}.item"

    def _items_path(self) -> str:
        """Answers where the items are: the one array, or of many the one array of objects.

        Raises:
            SourceError: There is none, or there are several.
        """
        arrays, is_json = self._arrays()
        if "" in arrays or not (arrays or is_json):
            return ""  # where it is no JSON, reading tells what is wrong, and where
        of_objects = [path for path, (_, objects) in arrays.items() if objects]
        candidates = of_objects or list(arrays)
        if len(candidates) == 1:
            return candidates[0]
        what = "holds no array; expected a list of objects"
        if candidates:
            what = f"holds several arrays; say one of them as items: {', '.join(candidates[:10])}"
        raise SourceError(f"{self.path.name}: {what}; items: {WHOLE} makes the file one bundle")

    def _arrays(self) -> tuple[dict[str, tuple[int, int]], bool]:
        """Answers the arrays in the beginning of the file, and whether that is JSON.

        Returns:
            By path, how many items an array has there, and how many of them are objects.
        """
        arrays: dict[str, tuple[int, int]] = {}
        with self.path.open("rb") as file:
            file.seek(after_mark(file, "utf-8")[0])
            try:
                for number, (prefix, event, _) in enumerate(ijson.parse(file)):
                    within, _, last = prefix.rpartition(".") if "." in prefix else ("", "", prefix)
                    if last == "item" and within in arrays and event not in _NO_ITEM:
                        items, objects = arrays[within]
                        arrays[within] = items + 1, objects + (event == "start_map")
                    elif event == "start_array" and "item" not in prefix.split("."):
                        arrays[str(prefix)] = 0, 0
                    if number > SAMPLE_EVENTS and arrays:
                        break
            except (ijson.JSONError, UnicodeDecodeError):
                return arrays, False
        return arrays, True

    def _check_path(self) -> None:
        """Holds a path that led to nothing to the arrays that there are."""
        path, (arrays, is_json) = self._items, self._arrays()
        if path not in (None, WHOLE) and is_json and path not in arrays and ".item" not in path:
            shown = ", ".join(repr(each) for each in arrays) or "none"
            raise SourceError(
                f"{self.path.name}: there is no array at items {path!r}; there is {shown}"
            )

    # -- what is shown before use ----------------------------------------------------------------

    def found(self) -> Mapping[str, Any]:
        """Answers what was found by looking, or said."""
        if self._is_lines:
            return {"form": "an object a line"}
        arrays, _ = self._arrays()
        counts = {path: items for path, (items, _) in arrays.items()}
        items = self._items
        if items is None:
            items = self._items_path() if arrays else WHOLE
        return {"form": "an array", "items": items, "arrays": counts}


def _is_lines(path: Path, file: BufferedReader) -> bool:
    """Whether the first line is an object by itself, and another one follows."""
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return True
    file.seek(after_mark(file, "utf-8")[0])
    lines = [line.strip() for line in file.read(SAMPLE_BYTES).splitlines()]
    first = [line for line in lines if line][:2]
    return len(first) == 2 and all(line[:1] == b"{" and line[-1:] == b"}" for line in first)


def _read_line(text: str, is_broken: bool) -> tuple[dict[str, Any], SourceError | None]:
    if is_broken:
        return {}, SourceError("the line is not UTF-8, which JSON is written in")
    try:
        item = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return {}, SourceError(f"the line is not JSON: {error}")
    return (item if isinstance(item, dict) else {"value": item}), None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")
