"""The table of a report as people read it: figures with their change, and where each leads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlencode

from segconnect.account.metrics import METRICS, Family, Number, Unit, find_dimension
from segconnect.account.owner.choices import WEEKDAYS
from segconnect.account.reports.dates import Bucket, Period
from segconnect.account.reports.plan import Settings
from segconnect.account.reports.special import OTHERS, TOOK
from segconnect.web.filters import units
from segconnect.web.pages.reports.drill import down
from segconnect.web.pages.reports.view import View

FEW, MOST = 50, 500  # rows that are shown at first, and at most
UNKNOWN = "–"
BEHIND = "/app/reports/behind"
UNITS = {
    "stepRate": Unit.PERCENT, "overallRate": Unit.PERCENT, "daysSince": Unit.DAYS,
    "daysMedian": Unit.DAYS, "daysMean": Unit.DAYS, "pathDays": Unit.DAYS,
}  # fmt: skip
"""Of figures that are no metrics: those of funnels, journeys and paths."""


class Cell(NamedTuple):
    """What a row is of."""

    text: str
    href: str  # "": it leads nowhere


class Figure(NamedTuple):
    """A number in its place."""

    text: str
    now: Number | None
    before: Number | None  # what it is compared with
    sure: str  # how sure it is, in words
    href: str

    @property
    def brief(self) -> str:
        """The same where it stands large: of thousands, no cents."""
        is_large = self.now is not None and abs(self.now) >= 1000
        return re.sub(r"\.\d+", "", self.text) if is_large else self.text


class Column(NamedTuple):
    """A head."""

    name: str
    key: str
    is_figure: bool
    href: str  # sorts by it
    sorted: str  # ascending or descending; "" where rows are not sorted by it
    help: str


@dataclass(frozen=True)
class Table:
    """A report to look at."""

    columns: list[Column]
    rows: list[tuple[list[Cell], list[Figure]]]
    totals: list[Figure]
    count: int  # of all rows, shown or not

    @property
    def names(self) -> list[Column]:
        """The columns that say what a row is of."""
        return [each for each in self.columns if not each.is_figure]

    @property
    def figures(self) -> list[Column]:
        """The others."""
        return [each for each in self.columns if each.is_figure]


def figure(field: Mapping[str, Any], value: Number | None, currency: str) -> str:
    """Writes a figure for people, with its unit."""
    if value is None:
        return UNKNOWN
    if field["type"] == "CURRENCY":
        return units(value, currency)
    text = f"{int(value):,}" if value == int(value) else f"{value:,.2f}"
    key = field["key"]
    return f"{text}{METRICS[key].unit if key in METRICS else UNITS.get(key, '')}"


def table_of(
    view: View,
    answer: dict[str, Any],
    settings: Settings,
    *,
    most: int = MOST,
    leads: bool = True,
    listed: bool = False,
) -> Table:
    """Makes the table of an answer.

    Args:
        view: What was asked.
        answer: Its answer, in the shape of a query's.
        settings: Of the account.
        most: Rows that are shown.
        leads: Whether values lead deeper, and figures to what is behind them.
        listed: Whether figures do, though values lead nowhere.
    """
    fields = answer["fields"]
    count = len(fields) - len(answer["totals"])
    measured = fields[count:]
    sure = answer.get("certainty") or {}
    by_time = _time(view)
    before = _before(answer, count, by_time, settings)
    key_of = _keys(answer["date_range"], by_time, settings)
    buckets = _buckets(answer["date_range"], by_time, settings) if leads else {}

    def figures(
        row: Sequence[Number | None], cells: Sequence[str] | None, place: int
    ) -> list[Figure]:
        earlier = before.get(() if cells is None else key_of(cells), [None] * len(row))
        told = []
        for number, (field, value) in enumerate(zip(measured, row, strict=True)):
            certain = sure.get(field["key"]) or {}
            each = certain.get("totals") if cells is None else _at(certain.get("rows"), place)
            is_one = (leads or listed) and value and cells != [OTHERS]
            href = _behind(view, field["key"], cells) if is_one else ""
            text = figure(field, value, answer["currency"])
            told.append(Figure(text, value, earlier[number], _sure(each), href))
        return told

    rows = []
    for place, row in enumerate(answer["rows"][:most]):
        cells = [str(each) for each in row[:count]]
        shown = [
            Cell(text, _down(view, number, text, buckets) if leads else "")
            for number, text in enumerate(cells)
        ]
        rows.append((shown, figures(row[count:], cells, place)))
    return Table(
        columns=[
            _column(view, each, is_figure=number >= count) for number, each in enumerate(fields)
        ],
        rows=rows,
        totals=figures(answer["totals"], None, 0),
        count=len(answer["rows"]),
    )


def _column(view: View, field: Mapping[str, Any], *, is_figure: bool) -> Column:
    key = str(field["key"])
    is_down, is_up = view.sort == f"-{key}", view.sort == key
    wanted = key if is_down or (not is_figure and not is_up) else f"-{key}"
    return Column(
        field["name"], key, is_figure, f"/app/reports?{view.address(sort=wanted)}",
        "descending" if is_down else "ascending" if is_up else "",
        METRICS[key].help if is_figure and key in METRICS else "",
    )  # fmt: skip


def _behind(view: View, key: str, cells: Sequence[str] | None) -> str:
    if key not in METRICS and key != TOOK.key:
        return ""
    told = [*view.parameters(), ("figure", key), *(("cell", each) for each in cells or ())]
    return f"{BEHIND}?{urlencode(told)}"


def _down(view: View, place: int, text: str, buckets: Mapping[str, Bucket]) -> str:
    found = down(view, place, text, buckets) if place < len(view.asked_dimensions) else None
    return "" if found is None else f"/app/reports?{found.address()}"


def _at(rows: Any, place: int) -> Any:
    return rows[place] if isinstance(rows, list) and place < len(rows) else None


def _sure(told: Any) -> str:
    if not told or not told.get("interval"):
        return ""
    low, high = told["interval"]
    return f"{low:.2f} to {high:.2f}% with 95% confidence, of {told['sample']:,}"


# beside the time before

ByTime = tuple[int, str] | None
"""The place of the dimension of time, and what it is told by."""


def _before(
    answer: dict[str, Any], count: int, by_time: ByTime, settings: Settings
) -> dict[tuple[object, ...], list[Number | None]]:
    """The figures of the comparison, by what they are of; () has the totals."""
    told = answer.get("comparison")
    if not told:
        return {}
    key_of = _keys(told["date_range"], by_time, settings)
    found = {key_of([str(each) for each in row[:count]]): row[count:] for row in told["rows"]}
    return {**found, (): told["totals"]}


def _keys(
    ranged: Mapping[str, str], by_time: ByTime, settings: Settings
) -> Callable[[Sequence[str]], tuple[object, ...]]:
    """How rows of two ranges are told to be of the same: the first day is beside the first day."""
    numbers = {name: place for place, name in enumerate(_buckets(ranged, by_time, settings))}
    place = by_time[0] if by_time else None

    def key(cells: Sequence[str]) -> tuple[object, ...]:
        return tuple(
            numbers.get(text, text) if number == place else text
            for number, text in enumerate(cells)
        )

    return key


def _time(view: View) -> ByTime:
    for place, name in enumerate(view.asked_dimensions):
        dimension = find_dimension(name)
        if dimension.family is Family.TIME:
            return place, dimension.key
    return None


def _buckets(ranged: Mapping[str, str], by_time: ByTime, settings: Settings) -> dict[str, Bucket]:
    """The parts of a range, by their names, where rows are of them."""
    if by_time is None:
        return {}
    first, last = (date.fromisoformat(ranged[f"{end}_date"]) for end in ("start", "end"))
    period = Period(first, last, by_time[1], WEEKDAYS.index(settings.week_start))
    return {each.name: each for each in period.buckets()}
