"""Parquet files, read by pyarrow, which comes with `segconnect[parquet]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zlib import crc32

from pydantic import Field

from segconnect.errors import SourceError
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.sources.options import Cursor, FileOptions, Opening, part
from segconnect.scenario.sources.values import bundle_values

FOOTER_BYTES = 1 << 16
BATCH_ROWS = 5_000


class ParquetOptions(FileOptions):
    """The parameters of a Parquet file."""

    columns: list[str] | None = Field(
        None, description="The columns to read; all of them, if left out."
    )


class ParquetSource:
    """Gives each row of a Parquet file as a bundle; a null is absent from it.

    A file is read on from a row without reading those before its row group. A Parquet file does
    not grow: one that was written anew is another file, and read from its beginning.

    Raises:
        SourceError: The file cannot be opened, lacks a column, or pyarrow is not installed.
    """

    OPTIONS = ParquetOptions
    PARAMETERS = ParquetOptions.model_fields
    label = "Parquet file"

    def __init__(self, options: ParquetOptions, opening: Opening) -> None:
        self.path, self.options = opening.path(options.file), options
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise SourceError(
                "reading Parquet needs pyarrow: pip install 'segconnect[parquet]'"
            ) from None
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - FOOTER_BYTES))
                self._crc = crc32(file.read(), size & 0xFFFFFFFF)
            self._file = parquet.ParquetFile(self.path)
        except pyarrow.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise SourceError(f"{self.path.name}: is no Parquet file: {reason}") from None
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        self._names: list[str] = self._file.schema_arrow.names
        missing = [repr(name) for name in options.columns or () if name not in self._names]
        if missing:
            raise SourceError(
                f"{self.path.name}: there is no column {', '.join(missing)};"
                f" the columns are {', '.join(self._names)}"
            )
        self._done = 0

    def progress(self) -> tuple[int, int]:
        """Answers how many of how many rows were read."""
        return self._done, self._file.metadata.num_rows

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives a bundle for each row."""
        known = part(after, "row") if after else 0
        if after and after.get("crc") != self._crc:
            known = 0
        number, groups = 0, list(range(self._file.num_row_groups))
        while groups and number + self._file.metadata.row_group(groups[0]).num_rows <= known:
            number += self._file.metadata.row_group(groups.pop(0)).num_rows
        self._done = number
        if not groups:
            return
        for batch in self._file.iter_batches(BATCH_ROWS, groups, self.options.columns):
            if number + batch.num_rows <= known:
                number += batch.num_rows
                continue
            names = batch.schema.names
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                if number > known:
                    self._done = number
                    place = Place(self.path.name, number, number, "row")
                    cursor = {"row": number, "crc": self._crc}
                    yield SourceBundle(bundle_values(names, cells), place, None, cursor)

    # -- what is shown before use ----------------------------------------------------------------

    def columns(self) -> list[str]:
        """Answers all columns."""
        return self._names

    def found(self) -> Mapping[str, Any]:
        """Answers what the file says of itself."""
        return {
            "rows": self._file.metadata.num_rows,
            "columns": {each.name: str(each.type) for each in self._file.schema_arrow},
        }
