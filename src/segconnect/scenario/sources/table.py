"""Rows of typed cells under a header, as sheets have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

SAMPLE_ROWS = 50


def is_empty(row: Iterable[Any]) -> bool:
    """Whether all cells of a row are empty; blanks are nothing."""
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in row)


def find_header(rows: Sequence[Sequence[Any]]) -> int:
    """Finds the row of the header, from 1: the first that has a cell for every column.

    Titles, which are merged over the columns or stand alone, have fewer.
    """
    widths = [sum(not is_empty((cell,)) for cell in row) for row in rows[:SAMPLE_ROWS]]
    widest = max(widths, default=0)
    return next((number for number, width in enumerate(widths, 1) if width == widest), 1)
