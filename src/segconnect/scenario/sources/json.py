"""JSON as APIs answer it: an array, an object that holds one, or one object a line."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import ijson

from segconnect.errors import SourceError
from segconnect.scenario.bundle import Place, SourceBundle


class JsonSource:
    """Gives each element of an array as a bundle, however long the array is.

    Args:
        path: The file.
        items: The path of the array, such as "data" or "response.orders"; "" is the top; default:
            the first array that the file holds. A file of one object a line needs none.

    Raises:
        SourceError: The file cannot be opened.
    """

    PARAMETERS = ("file", "items")
    label = "JSON file"

    def __init__(self, path: Path, *, items: str | None = None) -> None:
        self.path, self._items = path, items
        self._file: BufferedReader | None = None
        try:
            self._size = path.stat().st_size
            with path.open("rb") as file:
                self._is_lines = items is None and _is_lines(file.read(100_000))
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from None

    def progress(self) -> tuple[int, int]:
        """Answers how many of how many bytes were read."""
        return (self._file.tell() if self._file and not self._file.closed else 0), self._size

    def bundles(self) -> Iterator[SourceBundle]:
        """Gives a bundle for each element; one that is no object is given as `value`."""
        number = 0
        with self.path.open("rb") as file:
            self._file = file
            if file.read(3) != b"\xef\xbb\xbf":
                file.seek(0)
            prefix = "" if self._is_lines else self._prefix()
            try:
                for item in ijson.items(file, prefix, multiple_values=self._is_lines):
                    number += 1
                    values = item if isinstance(item, dict) else {"value": item}
                    yield SourceBundle(values, self._place(number))
            except (ijson.JSONError, UnicodeDecodeError) as error:
                fault = SourceError(f"the file is not JSON from here on: {error}")
                yield SourceBundle({}, self._place(number + 1), fault)

    def _place(self, number: int) -> Place:
        return Place(self.path.name, number, number, "line" if self._is_lines else "item")

    def _prefix(self) -> str:
        if self._items is not None:
            return f"{self._items}.item" if self._items else "item"
        with self.path.open("rb") as file:
            if file.read(3) != b"\xef\xbb\xbf":
                file.seek(0)
            try:
                for prefix, event, _ in ijson.parse(file):
                    if event == "start_array":
                        return f"{prefix}.item" if prefix else "item"
            except (ijson.JSONError, UnicodeDecodeError):
                return "item"  # reading tells what is wrong, and where
        raise SourceError(f"{self.path.name}: holds no array; expected a list of objects")


def _is_lines(sample: bytes) -> bool:
    """Whether the first line is an object by itself, and another one follows."""
    lines = [line.strip() for line in sample.removeprefix(b"\xef\xbb\xbf").splitlines()]
    first = [line for line in lines if line][:2]
    return len(first) == 2 and all(line[:1] == b"{" and line[-1:] == b"}" for line in first)
