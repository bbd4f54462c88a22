"""Counts the Markov chain of journeys that are packed into whole numbers, many at a time.

A visit takes a few bits of its journey's number, the first one the lowest: a code from 1, and 0
where there is none any more. What is counted at a visit is the window of it and the `order` visits
before it, which shifting the number makes; no journey is ever unpacked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from segconnect.account.attribution.markov import Chain
from segconnect.account.attribution.table import FloatArray, IntArray, summed

MOST_BITS = 62  # of a window
MOST_LOOKED_UP = 1 << 20  # sums that are kept by key, also of keys that there are not


class Packed(NamedTuple):
    """Journeys that fit into a number each."""

    paths: IntArray  # (P,)
    journeys: FloatArray  # (P,) how many took each of them
    earned: FloatArray  # (P, M) what these came to: conversions, then values


class Long(NamedTuple):
    """Journeys that do not, visit after visit."""

    codes: IntArray  # (S,) from 1
    starts: IntArray  # (L,) where each begins
    earned: FloatArray  # (L, M)


def fits(bits: int, order: int) -> bool:
    """Whether windows of that order can be counted."""
    return bits * (order + 1) <= MOST_BITS


def chain_of(
    channels: Sequence[str], bits: int, order: int, packed: Sequence[Packed], long: Sequence[Long]
) -> Chain:
    """Counts how often each state follows each other one, and what journeys come to that end there.

    Args:
        channels: What codes from 1 stand for.
        bits: Those that a visit takes.
        order: How many visits make a state.
        packed: Journeys.
        long: Others.
    """
    moves, ends = _Sums(1, bits * (order + 1)), _Sums(_width(packed, long) + 1, bits * order)
    for each in packed:
        _count(each, bits, order, moves, ends)
    for each_long in long:
        _count_long(each_long, bits, order, moves, ends)
    windows, moved = moves.found()
    last, ended = ends.found()
    mask = (1 << bits * order) - 1
    before, after = windows & mask, windows >> bits
    states = np.unique(np.concatenate([np.zeros(1, dtype=np.int64), before, after, last]))
    sources, targets = np.searchsorted(states, before), np.searchsorted(states, after)
    here = np.searchsorted(states, last)
    passed = summed(sources, moved[:, 0], len(states))
    passed[here] += ended[:, 0]
    passed[passed == 0] = 1
    comes_to = np.zeros((len(states), ended.shape[1] - 1))
    comes_to[here] = ended[:, 1:]
    comes_to /= passed[:, None]
    return Chain(
        keys=_keys(states, bits, order, len(channels) + 1),
        order=order,
        channels=tuple(channels),
        sources=sources,
        targets=targets,
        chances=moved[:, 0] / passed[sources],
        converts=comes_to[:, 0],
        earns=comes_to[:, 1:],
    )


class _Sums:
    """Sums by key: looked up where there are few possible keys, else sorted in the end."""

    def __init__(self, width: int, bits: int) -> None:
        size = 1 << bits
        self._size, self._width = size, width
        self._is_small = size * width <= MOST_LOOKED_UP
        self._sums = np.zeros((size, width)) if self._is_small else np.zeros((0, width))
        self._keys: list[IntArray] = []
        self._weights: list[FloatArray] = []

    def add(self, keys: IntArray, weights: Iterable[FloatArray]) -> None:
        """Adds weights, a column each."""
        columns = list(weights)
        if self._is_small:
            for place, column in enumerate(columns):
                self._sums[:, place] += summed(keys, column, self._size)
            return
        distinct, of_key = np.unique(keys, return_inverse=True)
        self._keys.append(distinct)
        sums = [summed(of_key, column, len(distinct)) for column in columns]
        self._weights.append(np.column_stack(sums))

    def found(self) -> tuple[IntArray, FloatArray]:
        """Answers the keys (K,), ascending, and their sums (K, width)."""
        if self._is_small:
            keys = np.flatnonzero(self._sums[:, 0])
            return keys, self._sums[keys]
        if not self._keys:
            return np.zeros(0, dtype=np.int64), self._sums
        distinct, of_key = np.unique(np.concatenate(self._keys), return_inverse=True)
        weights = np.concatenate(self._weights)
        sums = [summed(of_key, weights[:, at], len(distinct)) for at in range(self._width)]
        return distinct, np.column_stack(sums)


def _width(packed: Sequence[Packed], long: Sequence[Long]) -> int:
    earned = [each.earned for each in packed] + [each.earned for each in long]
    return max(int(each.shape[1]) for each in earned)


def _count(each: Packed, bits: int, order: int, moves: _Sums, ends: _Sums) -> None:
    """Goes along all journeys at once, a visit at a time, until the last one is over."""
    paths, journeys = each.paths, each.journeys
    rows = np.arange(len(paths))
    window = (1 << bits * (order + 1)) - 1
    place = 0
    while len(paths):
        # of early visits those before it are 0, as at the start
        back = bits * (place - order)
        windows = (paths >> back if back >= 0 else paths << -back) & window
        moves.add(windows, [journeys])
        after = bits * (place + 1)
        goes_on = paths >> after > 0 if after < 64 else np.zeros(len(paths), dtype=bool)
        over = ~goes_on
        ended = rows[over]
        ends.add(
            windows[over] >> bits,
            [journeys[over], *(each.earned[ended, at] for at in range(each.earned.shape[1]))],
        )
        paths, journeys, rows = paths[goes_on], journeys[goes_on], rows[goes_on]
        place += 1


def _count_long(each: Long, bits: int, order: int, moves: _Sums, ends: _Sums) -> None:
    lengths = np.diff(each.starts, append=len(each.codes))
    place = np.arange(len(each.codes)) - np.repeat(each.starts, lengths)
    windows = np.zeros(len(each.codes), dtype=np.int64)
    for back in range(order + 1):
        reaches = place[back:] >= back
        codes = each.codes[: len(each.codes) - back] * reaches
        windows[back:] += codes << bits * (order - back)
    moves.add(windows, [np.ones(len(windows))])
    last = each.starts + lengths - 1
    columns = [each.earned[:, at] for at in range(each.earned.shape[1])]
    ends.add(windows[last] >> bits, [np.ones(len(last)), *columns])


def _keys(states: IntArray, bits: int, order: int, base: int) -> IntArray:
    """What states are called in a chain: the newest channel is the lowest digit."""
    keys = np.zeros(len(states), dtype=np.int64)
    for back in range(order):
        code = states >> bits * (order - 1 - back) & (1 << bits) - 1
        keys += code * base**back
    return keys
