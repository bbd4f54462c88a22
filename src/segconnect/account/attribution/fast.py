"""The models of one journey, for a million paths at once; `plain` says what they mean.

Each answers what every step of a table is credited with, as a share of its path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from segconnect.account.attribution.table import FloatArray, IntArray, PathTable

Weights: TypeAlias = Callable[..., FloatArray]


def any_page_view(table: PathTable) -> FloatArray:
    """1 for each channel of a path, where it stands first."""
    width = len(table.channels)
    _, first = np.unique(table.paths * width + table.steps, return_index=True)
    return _ones(table, first)


def first_touch(table: PathTable) -> FloatArray:
    """1 for the first step."""
    return _ones(table, table.starts)


def optin(table: PathTable) -> FloatArray:
    """1 for the step of the opt-in."""
    known = _opt_ins(table) >= 0
    return _ones(table, (table.starts + _opt_ins(table))[known])


def last_touch(table: PathTable) -> FloatArray:
    """1 for the last step."""
    return _ones(table, table.ends)


def last_non_direct(table: PathTable) -> FloatArray:
    """1 for the last step that is not direct, else for the last."""
    places = np.where(table.is_direct, -1, np.arange(len(table.steps)))
    last = np.maximum.reduceat(places, table.starts)
    return _ones(table, np.where(last < 0, table.ends, last))


def linear(table: PathTable) -> FloatArray:
    """An equal share."""
    return np.repeat(1 / table.lengths, table.lengths)


def position(table: PathTable, first: float, last: float) -> FloatArray:
    """Shares of the first and the last step, and of those between."""
    return _anchored(table, [(table.starts, first), (table.ends, last)], max(1 - first - last, 0))


def position_w(table: PathTable, anchor: float) -> FloatArray:
    """Shares of the first step, that of the opt-in and the last, and of the others."""
    opt_ins = _opt_ins(table)
    known = (table.starts + opt_ins)[opt_ins >= 0]
    anchors = [(table.starts, anchor), (known, anchor), (table.ends, anchor)]
    return _anchored(table, anchors, 1 - 3 * anchor)


def time_decay(table: PathTable, half_life: float) -> FloatArray:
    """Half as much for each half-life before the last step; steps are a day apart."""
    weights: FloatArray = np.power(0.5, np.arange(table.lengths.max()) / half_life)
    days = np.repeat(table.ends, table.lengths) - np.arange(len(table.steps))
    sums: FloatArray = np.cumsum(weights)[table.lengths - 1]
    shares: FloatArray = weights[days] / np.repeat(sums, table.lengths)
    return shares


WEIGHTS: dict[str, Weights] = {
    "any": any_page_view,
    "first_touch": first_touch,
    "optin": optin,
    "purchase": last_touch,
    "last_touch": last_touch,
    "last_non_direct": last_non_direct,
    "linear": linear,
    "position": position,
    "position_w": position_w,
    "time_decay": time_decay,
}
"""The fast form of each model that looks at one journey at a time."""


def _ones(table: PathTable, at: IntArray) -> FloatArray:
    weights = np.zeros(len(table.steps))
    weights[at] = 1
    return weights


def _opt_ins(table: PathTable) -> IntArray:
    assert table.opt_ins is not None, "the table does not know the opt-ins"
    return table.opt_ins


def _anchored(table: PathTable, anchors: list[tuple[IntArray, float]], others: float) -> FloatArray:
    weights = np.zeros(len(table.steps))
    is_anchor = np.zeros(len(table.steps), dtype=bool)
    for at, weight in anchors:
        weights[at] += weight
        is_anchor[at] = True
    counts = np.add.reduceat((~is_anchor).astype(float), table.starts)
    others_each = np.repeat(others / np.maximum(counts, 1), table.lengths)
    return _in_proportion(table, np.where(is_anchor, weights, others_each))


def _in_proportion(table: PathTable, weights: FloatArray) -> FloatArray:
    totals = np.repeat(np.add.reduceat(weights, table.starts), table.lengths)
    equal: FloatArray = np.repeat(1 / table.lengths, table.lengths)
    np.divide(weights, totals, out=equal, where=totals > 0)
    return equal
