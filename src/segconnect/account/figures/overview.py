"""What an account's first page shows: figures of its reports, and how fresh its data is.

Every figure is one that a report answers, asked in the same way, so that it equals what is seen
where it leads. They are remembered as long as nothing changes in the account.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date, timedelta
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from pydantic_core import to_json

from segconnect.account.figures.reporting import Reports
from segconnect.account.metrics import METRICS, Kind
from segconnect.account.reports.answering import Json

FRESH_SECONDS = 60.0  # for which figures are remembered: what subscriptions come to moves with time
MOST_REMEMBERED = 200
ROWS = 6  # of a list
MANY_DAYS = 100  # from which on weeks are drawn
NOBODY = "(none)"


class Shown(NamedTuple):
    """A figure of the page, and the report that has it."""

    key: str
    type: str
    more_is: str = "good"  # or bad, or neither


TILES = (
    Shown("revenue", "revenue"), Shown("netRevenue", "revenue"),
    Shown("adSpend", "ads", "neither"), Shown("adRoas", "ads"),
    Shown("leads", "leads"), Shown("numOfCustomers", "revenue"),
    Shown("orders", "revenue"), Shown("mrr", "subscriptions"),
)  # fmt: skip

DRAWN = ("revenue", "adSpend", "orders")
TOPS = (
    ("Channels", "revenue", "clicks.channel", ("revenue", "orders")),
    ("Campaigns", "ads", "ads.campaign", ("revenue", "adSpend", "adRoas")),
    ("Products", "products", "orders.product", ("revenue", "orders")),
)
"""What leads in something: its title, the type of report, the dimension, and the metrics."""


class Tile(NamedTuple):
    """A figure in the range, and in the one before; money in units."""

    shown: Shown
    name: str
    help: str
    is_money: bool
    now: float | None
    before: float | None


class Top(NamedTuple):
    """What leads in something."""

    title: str
    type: str
    by: str
    fields: Sequence[tuple[str, bool]]  # the name of each metric, and whether it is money
    rows: Sequence[Sequence[Any]]


class Part(NamedTuple):
    """A day or a week; money in units."""

    name: str
    revenue: float
    spend: float
    orders: int


class Standing(NamedTuple):
    """All of it."""

    first: date
    last: date
    is_past: bool  # whether the range ends with the last data, which is some time ago
    scale: str
    tiles: Sequence[Tile]
    parts: Sequence[Part]
    tops: Sequence[Top]
    model: str  # that channels are credited by
    freshness: Sequence[tuple[str, int | date]]  # what came last: seconds UTC, or a day


class Figures:
    """The figures of the accounts of one store."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._lock = Lock()
        self._known: OrderedDict[tuple[int, str], tuple[Any, float, Any]] = OrderedDict()

    def standing(self, account_pk: int, length: int) -> Standing:
        """Answers how an account did in the last days, its own today included.

        Where nothing happened in them, they are the last ones in which something did.

        Args:
            account_pk: The account.
            length: How many days.
        """
        found: Standing = self._remembered(account_pk, f"standing {length}", self._stand, length)
        return found

    def health(self, account_pk: int, length: int) -> Json:
        """Answers what is wrong with the data of the last days, as reports do."""
        found: Json = self._remembered(account_pk, f"health {length}", self._check, length)
        return found

    def _remembered(self, account_pk: int, what: str, ask: Any, length: int) -> Any:
        state = self._reports.state(account_pk)
        with self._lock:
            known = self._known.get((account_pk, what))
        if known is not None and known[0] == state and known[1] > monotonic():
            return known[2]
        found = ask(account_pk, state.today, length)
        with self._lock:
            self._known[account_pk, what] = state, monotonic() + FRESH_SECONDS, found
            self._known.move_to_end((account_pk, what))
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _check(self, account_pk: int, _today: date, length: int) -> Json:
        return self._reports.health(account_pk, {"start": f"-{length - 1} day"})

    def _stand(self, account_pk: int, today: date, length: int) -> Standing:
        fresh = self._reports.freshness(account_pk)
        newest = max((each for each in (fresh.order_day, fresh.spend_day) if each), default=today)
        is_past = newest <= today - timedelta(days=length)
        last = newest if is_past else today
        first = last - timedelta(days=length - 1)
        scale = "week" if length > MANY_DAYS else "day"

        def ask(query: dict[str, Any]) -> Json:
            range_ = {"start": first.isoformat(), "end": last.isoformat()}
            return self._reports.query(account_pk, to_json({**query, "date_range": range_}))

        keys = [each.key for each in TILES]
        queries: list[dict[str, Any]] = [
            {"type": "revenue", "dimensions": [], "metrics": keys, "compare": "previous"},
            {"type": "revenue", "dimensions": [f"date.{scale}"], "metrics": DRAWN},
            *(
                {"type": type_, "dimensions": [by], "metrics": metrics, "sort": "-revenue",
                 "limit": ROWS + 1}
                for _, type_, by, metrics in TOPS
            ),
        ]  # fmt: skip
        with ThreadPoolExecutor(len(queries)) as pool:
            # in the context of the page: they are parts of one question
            waiting = [pool.submit(copy_context().run, ask, query) for query in queries]
            tiles, parts, *tops = [each.result() for each in waiting]
        return Standing(
            first,
            last,
            is_past,
            scale,
            _tiles(tiles),
            [Part(str(row[0]), *row[1:]) for row in parts["rows"]],
            [_top(*asked[:3], answer) for asked, answer in zip(TOPS, tops, strict=True)],
            tops[0]["attribution_model"],
            fresh.told(),
        )


def _tiles(answer: Json) -> list[Tile]:
    figures = zip(TILES, answer["totals"], answer["comparison"]["totals"], strict=True)
    found = []
    for shown, now, before in figures:
        metric = METRICS[shown.key]
        is_money = metric.type is Kind.CURRENCY
        found.append(Tile(shown, metric.name, metric.help, is_money, now, before))
    return found


def _top(title: str, type_: str, by: str, answer: Json) -> Top:
    fields = [(each["name"], each["type"] == "CURRENCY") for each in answer["fields"][1:]]
    named = [row for row in answer["rows"] if row[0] not in (None, NOBODY)]
    return Top(title, type_, by, fields, [row for row in named if any(row[1:])][:ROWS])
