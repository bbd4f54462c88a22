"""Numbers and dates as people's spreadsheets write them, made plain: 1020.50 and 2026-09-01.

How a file writes them is found from all of its first rows together, since one cell alone often does
not tell: 1,234 and 03/04/2026 can be read both ways. Where the rows do not tell either, nothing is
guessed: somebody has to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from segconnect.errors import SourceError


class UndecidedError(SourceError):
    """A file can be read in several ways, and does not say which one is meant.

    Attributes:
        told: What can be read both ways.
        parameter: The parameter of the source that says it.
        question: What to ask a person.
        choices: What may be answered, and what each means.
    """

    def __init__(
        self, told: str, parameter: str, question: str, choices: Mapping[str, str]
    ) -> None:
        self.told, self.parameter = told, parameter
        self.question, self.choices = question, choices
        ways = " or ".join(f"{parameter}: {choice!r}" for choice in choices)
        super().__init__(f"{told}; say {ways}")


# ---------------------------------------------------------------- numbers

DECIMALS = {".": "1,234.50", ",": "1.234,50"}
_NOTHING = frozenset(("", "-", "--", "—", "–"))
_MARKS = re.compile(r"[\s\u00a0\u202f'’$€£¥₹₩]|^[A-Z]{3}(?=[\s\d+-])|(?<=[\s\d])[A-Z]{3}$")
_GROUPS = r"\d{1,3}(?:%s\d{2,3})*%s\d{3}"  # groups of two are India's: 12,34,567.00
_NUMBERS = {
    decimal: re.compile(rf"[+-]?(?:\d+|{_GROUPS % (group, group)})?(?:{mark}\d*)?", re.ASCII)
    for decimal, mark, group in ((".", r"\.", ","), (",", ",", r"\."))
}
_EITHER_WAY = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)


class Numbers:
    """Makes the numbers of a file plain, once it is known what their decimals begin with."""

    def __init__(self, decimal: str | None) -> None:
        self.decimal = decimal
        self._open = ""  # a number that can be read both ways

    def look(self, text: str) -> None:
        """Takes a cell as evidence."""
        if self.decimal is not None:
            return
        cell = _bare(text)
        if _EITHER_WAY.fullmatch(cell):
            self._open = self._open or text
            return
        ways = [mark for mark, number in _NUMBERS.items() if number.fullmatch(cell)]
        if len(ways) == 1:
            self.decimal = ways[0]

    def settle(self, name: str) -> None:
        """Holds the evidence to what was seen.

        Raises:
            UndecidedError: There are numbers that can be read both ways, and none that cannot.
        """
        if self.decimal is None and self._open:
            raise self._undecided(f"{name}: numbers such as {self._open} can be read both ways")

    def plain(self, column: str, text: str) -> str | None:
        """Answers a number as 1234.50; None for a cell that says that there is none.

        Raises:
            SourceError: It is no number as this file writes them.
        """
        if text.isdecimal() and text.isascii():  # as most are
            return text
        cell = _bare(text)
        if cell in _NOTHING:
            return None
        if self.decimal is None and _EITHER_WAY.fullmatch(cell):
            raise self._undecided(f"{column}: {text!r} can be read both ways")
        decimal = self.decimal or "."
        if not (_NUMBERS[decimal].fullmatch(cell) and any(map(str.isdigit, cell))):
            raise SourceError(
                f"{column}: {text!r} is not a number written like {DECIMALS[decimal]}"
            )
        return cell.replace("," if decimal == "." else ".", "").replace(",", ".").removesuffix(".")

    def _undecided(self, told: str) -> UndecidedError:
        ways = {mark: f"as in {example}" for mark, example in DECIMALS.items()}
        return UndecidedError(told, "decimal", "What do decimals begin with?", ways)


def _bare(text: str) -> str:
    return _MARKS.sub("", _MARKS.sub("", text.strip())).replace("\u2212", "-")


# ---------------------------------------------------------------- dates

ORDERS = {"dmy": "day first, as in 31/12/2026", "mdy": "month first, as in 12/31/2026"}
_REST = r"(?P<rest>(?:[T,]?\s*\d{1,2}:.*)?)"
_DIGITS = re.compile(
    rf"(?P<a>\d{{1,2}})(?P<mark>[/.-])(?P<b>\d{{1,2}})(?P=mark)(?P<y>\d{{4}}|\d\d){_REST}", re.ASCII
)
_NAMED = (
    re.compile(rf"(?:[^\W\d]+, ?)?(?P<m>[A-Za-z]{{3,9}})\.? (?P<d>\d\d?),? (?P<y>\d{{4}}){_REST}"),
    re.compile(
        rf"(?:[^\W\d]+, ?)?(?P<d>\d\d?)\.? (?P<m>[A-Za-z]{{3,9}})\.?,? (?P<y>\d{{4}}){_REST}"
    ),
)
_TOGETHER = re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Dates:
    """Makes the dates of a file plain, once it is known whether the day or the month is first.

    Dates with dots have the day first, and those that begin with the year are plain already.
    """

    def __init__(self, order: str | None) -> None:
        self.order = order
        self._found: set[str] = set()
        self._open = ""

    def look(self, text: str) -> None:
        """Takes a cell as evidence."""
        match = _DIGITS.fullmatch(text.strip())
        if self.order is not None or match is None or match["mark"] == ".":
            return
        a, b = int(match["a"]), int(match["b"])
        if a > 12 or b > 12:
            self._found.add("dmy" if a > 12 else "mdy")
        elif a != b:
            self._open = self._open or text

    def settle(self, name: str) -> None:
        """Holds the evidence to what was seen.

        Raises:
            UndecidedError: There are dates that can be read both ways, and none that cannot; or
                some that can only be read in one way, and some only in the other.
        """
        if self.order is not None:
            return
        if len(self._found) == 1:
            self.order = self._found.pop()
        elif self._found:
            raise self._undecided(f"{name}: some dates have the day first, and some the month")
        elif self._open:
            raise self._undecided(f"{name}: dates such as {self._open} can be read both ways")

    def plain(self, column: str, text: str) -> str:
        """Answers a date as 2026-09-01, with its time as it stands; any other text as it is.

        Raises:
            SourceError: It is not a date as this file writes them.
        """
        if text[4:5] == "-" and text[:4].isdecimal():  # as most are
            return text
        cell = text.strip()
        match = _DIGITS.fullmatch(cell)
        if match is not None:
            a, b = int(match["a"]), int(match["b"])
            order = "dmy" if match["mark"] == "." else self.order
            if order is None and a != b:
                if a <= 12 and b <= 12:
                    raise self._undecided(f"{column}: {text!r} can be read both ways")
                order = "dmy" if a > 12 else "mdy"
            day, month = (a, b) if order == "dmy" else (b, a)
            if month > 12:
                raise SourceError(f"{column}: {text!r} is not {ORDERS[order or 'dmy']}")
            return _written(match, month, day)
        together = _TOGETHER.fullmatch(cell)
        if together is not None:
            return f"{together['y']}-{together['m']}-{together['d']}"
        for form in _NAMED:
            match = form.fullmatch(cell)
            if match is not None and match["m"][:3].lower() in _MONTHS:
                month = _MONTHS.index(match["m"][:3].lower()) + 1
                return _written(match, month, int(match["d"]))
        return text

    def _undecided(self, told: str) -> UndecidedError:
        return UndecidedError(told, "date_order", "What comes first in a date?", ORDERS)


def _written(match: re.Match[str], month: int, day: int) -> str:
    year, rest = match["y"], match["rest"].lstrip("T, ")
    century = "20" if len(year) == 2 else ""
    return f"{century}{year}-{month:02}-{day:02}" + (f" {rest}" if rest else "")


_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[Ee]\+?\d+", re.ASCII)


class Tidier:
    """Makes the columns of numbers and of dates plain, bundle by bundle.

    Args:
        numbers: Columns of numbers.
        dates: Columns of dates.
        ids: Columns of IDs, which a spreadsheet may have rounded.
        decimal: What decimals begin with, if it was said.
        order: dmy or mdy, if it was said.
    """

    def __init__(
        self,
        numbers: Sequence[str],
        dates: Sequence[str],
        ids: Sequence[str],
        decimal: str | None,
        order: str | None,
    ) -> None:
        self.numbers, self.dates = Numbers(decimal), Dates(order)
        self._numbers, self._dates, self._ids = numbers, dates, ids

    def look(self, values: Mapping[str, Any]) -> None:
        """Takes a bundle as evidence."""
        for names, kind in ((self._numbers, self.numbers), (self._dates, self.dates)):
            for name in names:
                if isinstance(value := values.get(name), str):
                    kind.look(value)

    def settle(self, name: str) -> None:
        """Holds the evidence to what was seen.

        Raises:
            UndecidedError: The file can be read in several ways.
        """
        self.numbers.settle(name)
        self.dates.settle(name)

    def tidy(self, values: dict[str, Any]) -> None:
        """Makes a bundle plain; what says that there is nothing is left out.

        Raises:
            SourceError: A cell is no number or date as this file writes them, or an ID was rounded.
        """
        for name in self._ids:
            if isinstance(value := values.get(name), str) and _ROUNDED.fullmatch(value.strip()):
                raise SourceError(
                    f"{name}: {value!r} is what a spreadsheet has left of a long ID, and may be"
                    " that of several; load the file as the tool wrote it"
                )
        for name in self._numbers:
            if isinstance(value := values.get(name), str):
                number = self.numbers.plain(name, value)
                if number is None:
                    del values[name]
                else:
                    values[name] = number
        for name in self._dates:
            if isinstance(value := values.get(name), str):
                values[name] = self.dates.plain(name, value)
