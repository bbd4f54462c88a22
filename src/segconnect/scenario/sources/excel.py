"""Sheets of Excel (xlsx, xlsm, xlsb, xls) and OpenDocument (ods), read by calamine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Literal
from zlib import crc32

from pydantic import Field
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from segconnect.errors import SourceError, unknown_name
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.sources.csv import is_total, unique_names
from segconnect.scenario.sources.options import Cursor, FileOptions, Opening, part
from segconnect.scenario.sources.table import SAMPLE_ROWS, find_header, is_empty
from segconnect.scenario.sources.values import bundle_values, plain


class ExcelOptions(FileOptions):
    """The parameters of an Excel file."""

    sheet: str | int | None = Field(
        None,
        description="The sheet, by its name or by its number from 1; the first one that is shown"
        " and has cells, if left out.",
    )
    header_row: int | None = Field(
        None, ge=1, description="The row of the header, from 1; found by looking, if left out."
    )
    total_rows: Literal["keep", "leave out"] = Field(
        "keep", description="Whether rows that begin with Total, in many languages, are bundles."
    )


class ExcelSource:
    """Reads a sheet with a header row; a cell that is empty is absent from its bundle.

    Formulas are their last result; an error such as #N/A is an empty cell. Dates have no zone in a
    sheet and are given as texts, "2026-09-01" or "2026-09-01 13:45:00", as a CSV would have them.
    A sheet that was written anew is read on where all rows before the place are as they were.
    A sheet is held in memory while it is read; it has a million rows at most.

    Raises:
        SourceError: The file cannot be opened, or has no such sheet.
    """

    OPTIONS = ExcelOptions
    PARAMETERS = ExcelOptions.model_fields
    label = "Excel file"

    def __init__(self, options: ExcelOptions, opening: Opening) -> None:
        self.path, self.options = opening.path(options.file), options
        try:
            with self.path.open("rb"):
                pass
            self._book = CalamineWorkbook.from_path(self.path)
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror}") from None
        except CalamineError as error:
            reason = str(error) or "it is damaged, or protected by a password"
            raise SourceError(f"{self.path.name}: is no sheet that can be read: {reason}") from None
        self.sheet = self._find_sheet()
        self._done = self._total = 0

    def progress(self) -> tuple[int, int]:
        """Answers how many of how many rows were read."""
        return self._done, self._total

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives a bundle for each row that is not empty."""
        known = part(after, "row") if after else 0
        if after and self._checked(known) != after.get("crc"):
            known = 0  # rows that were given are no longer as they were
        sheet = self._sheet()
        self._total = sheet.end[0] + 1 if sheet.end else 0
        header_row = self._header_row(sheet)
        leaves_totals = self.options.total_rows == "leave out"
        names: list[str] = []
        for number, crc, row in self._rows(sheet, header_row):
            self._done = number
            if number == header_row:
                names = unique_names([str(plain(cell) or "") for cell in row])
            if number <= max(known, header_row) or is_empty(row):
                continue
            if leaves_totals and is_total([str(cell) for cell in row]):
                continue
            cursor = {"row": number, "crc": crc}
            yield SourceBundle(bundle_values(names, row), self._place(number), None, cursor)

    def _checked(self, known: int) -> int:
        """Answers the CRC of the rows from the header to one; 0 where there are not so many."""
        sheet = self._sheet()
        rows = self._rows(sheet, self._header_row(sheet))
        return next((crc for number, crc, _ in rows if number == known), 0)

    def _rows(self, sheet: CalamineSheet, header_row: int) -> Iterator[tuple[int, int, list[Any]]]:
        """Gives the rows from the header on: number, CRC of all so far, cells."""
        crc = 0
        for number, row in enumerate(sheet.iter_rows(), 1):
            if number >= header_row:
                crc = crc32(repr(row).encode("utf-8", "surrogatepass"), crc)
                yield number, crc, row

    def _place(self, number: int) -> Place:
        return Place(f"{self.path.name}, {self.sheet}", number, number, "row")

    def _sheet(self) -> CalamineSheet:
        return self._book.get_sheet_by_name(self.sheet)

    def _header_row(self, sheet: CalamineSheet) -> int:
        return self.options.header_row or find_header(list(islice(sheet.iter_rows(), SAMPLE_ROWS)))

    def _find_sheet(self) -> str:
        names, said = self._book.sheet_names, self.options.sheet
        if said is None:
            shown = [
                each.name
                for each in self._book.sheets_metadata
                if each.visible == SheetVisibleEnum.Visible
                and each.typ == SheetTypeEnum.WorkSheet
                and self._book.get_sheet_by_name(each.name).end is not None
            ]
            if not shown:
                raise SourceError(f"{self.path.name}: has no sheet with cells in it")
            return shown[0]
        if str(said) in names:
            return str(said)
        if isinstance(said, int) and 1 <= said <= len(names):
            return names[said - 1]
        raise SourceError(f"{self.path.name}: {unknown_name('sheet', str(said), names)}")

    # -- what is shown before use ----------------------------------------------------------------

    def found(self) -> Mapping[str, Any]:
        """Answers what was found by looking, or said."""
        sheet = self._sheet()
        return {
            "sheet": self.sheet,
            "sheets": list(self._book.sheet_names),
            "header_row": self._header_row(sheet),
        }

    def columns(self) -> list[str]:
        """Answers the columns of the header, also of those that are empty."""
        sheet = self._sheet()
        header = next(islice(sheet.iter_rows(), self._header_row(sheet) - 1, None), [])
        return unique_names([str(plain(cell) or "") for cell in header])

    def passed_over(self) -> list[tuple[Place, str]]:
        """Answers the rows before the header, and their places."""
        sheet = self._sheet()
        rows = enumerate(islice(sheet.iter_rows(), self._header_row(sheet) - 1), 1)
        return [(self._place(number), _told(row)) for number, row in rows if not is_empty(row)]

    def totals(self) -> list[str]:
        """Answers the rows that sum up the others."""
        rows = self._sheet().iter_rows()
        return [_told(row) for row in rows if is_total([str(cell) for cell in row])]


def _told(row: list[Any]) -> str:
    return "; ".join(str(plain(cell)) for cell in row if not is_empty((cell,)))
