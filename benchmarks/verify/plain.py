"""What is right, in loops that a reader can check: no SQL, and nothing of segconnect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

Row = Mapping[str, str]


def half_away(amount: Decimal) -> int:
    """Rounds to a whole number, a half away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def movements(periods: Iterable[Row]) -> dict[str, tuple[float, ...]]:
    """Answers new, expansion, contraction, churned and reactivated MRR by month, as 2018-11.

    Of each customer, each month is compared with the one before.
    """
    paid: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    months = set()
    for period in periods:
        month = period["start_date"][:7]
        while month < period["end_date"][:7]:
            paid[period["customer_id"]][month] += float(period["monthly_amount"])
            months.add(month)
            month = _next(month)
        months.add(month)
    found: dict[str, tuple[float, ...]] = {}
    for month in sorted(months):
        sums = [0.0] * 5
        for by_month in paid.values():
            now = by_month.get(month, 0.0)
            before = by_month.get(_before(month), 0.0)
            if now and not before:
                sums[4 if any(known < month for known in by_month) else 0] += now
            elif now > before:
                sums[1] += now - before
            elif before and not now:
                sums[3] += before
            else:
                sums[2] += before - now
        found[month] = tuple(sums)
    return found


def _next(month: str) -> str:
    return f"{(datetime.fromisoformat(f'{month}-01') + timedelta(31)):%Y-%m}"


def _before(month: str) -> str:
    return f"{(datetime.fromisoformat(f'{month}-01') - timedelta(1)):%Y-%m}"


def credits_by_source(
    sessions: Iterable[Row], conversions: Iterable[Row], model: str
) -> dict[str, tuple[Fraction, Fraction]]:
    """Answers points and revenue of each source, from sessions up to 30 days before."""
    found: defaultdict[str, tuple[Fraction, Fraction]] = defaultdict(
        lambda: (Fraction(), Fraction())
    )
    visits = sorted(sessions, key=lambda row: _moment(row["started_at"]))
    for conversion in conversions:
        end = _moment(conversion["converted_at"])
        journey = [
            row["utm_source"]
            for row in visits
            if row["customer_id"] == conversion["customer_id"]
            and end - timedelta(30) <= _moment(row["started_at"]) <= end
        ]
        for source, share in zip(journey, _shares(model, len(journey)), strict=True):
            points, revenue = found[source]
            found[source] = points + share, revenue + share * int(conversion["revenue"])
    return dict(found)


def _shares(model: str, count: int) -> list[Fraction]:
    if model == "first":
        return [Fraction(place == 0) for place in range(count)]
    if model == "last":
        return [Fraction(place == count - 1) for place in range(count)]
    if model == "linear" or count < 3:
        return [Fraction(1, count)] * count
    assert model == "forty-twenty-forty"
    return [
        Fraction(2, 5) if place in (0, count - 1) else Fraction(1, 5) / (count - 2)
        for place in range(count)
    ]


def _moment(text: str) -> datetime:
    """Reads 2020-02-04 4:30:21, whose hour may have one digit."""
    return datetime.strptime(f"{text} +0000", "%Y-%m-%d %H:%M:%S %z")
