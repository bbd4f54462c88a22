"""How numbers are written: 1,234.50 or 1.234,50."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Digits in groups: a plain space counts only before decimals, or phone numbers would be numbers.
_SIGN = r"[-+−]?"
_NOTHING = frozenset(("", "-", "--", "—", "–", "n/a", "N/A"))


def _number(decimal: str, group: str) -> re.Pattern[str]:
    fine = rf"[{group}\u00a0\u202f'’]"
    return re.compile(
        rf"{_SIGN}(?:\d+|[1-9]\d{{0,2}}(?:{fine}\d{{3}})+)(?:{decimal}\d+)?"
        rf"|{_SIGN}[1-9]\d{{0,2}}(?: \d{{3}})+{decimal}\d+",
        re.ASCII,
    )


_NUMBERS = {",": _number(",", r"\."), ".": _number(r"\.", ",")}
_EITHER_WAY = re.compile(rf"{_SIGN}[1-9]\d{{0,2}}[.,]\d{{3}}", re.ASCII)
_GROUPING = str.maketrans("", "", " \u00a0\u202f'’")


def plain_number(text: str, decimal: str) -> str:
    """Answers a number as 1234.50, exactly; any other text as it stands.

    Args:
        text: A cell.
        decimal: What decimals begin with: "," or ".".
    """
    cell = text.strip()
    if not _NUMBERS[decimal].fullmatch(cell):
        return text
    cell = cell.translate(_GROUPING).replace("−", "-").removeprefix("+")
    return cell.replace(".", "").replace(",", ".") if decimal == "," else cell.replace(",", "")


def find_decimal(rows: Iterable[Sequence[str]]) -> str | None:
    """Finds what decimals begin with, from the columns that hold nothing but numbers.

    Returns:
        "," or "."; "?" where columns contradict each other or all can be read both ways, as 1,234
        can; None where nothing depends on it.
    """
    columns: dict[int, list[str]] = {}
    for row in rows:
        for number, text in enumerate(row):
            cell = text.strip()
            if cell not in _NOTHING:
                columns.setdefault(number, []).append(cell)
    found: set[str] = set()
    for cells in columns.values():
        marked = [cell for cell in cells if "," in cell or "." in cell]
        fitting = {mark for mark, number in _NUMBERS.items() if all(map(number.fullmatch, cells))}
        if not marked or not fitting:
            continue
        if len(fitting) == 1:
            found |= fitting
        elif all(map(_EITHER_WAY.fullmatch, marked)):
            found.add("?")
    clear = found - {"?"}
    if len(clear) == 1:
        return clear.pop()
    return "?" if found else None
