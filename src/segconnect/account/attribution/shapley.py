"""The Shapley model for many channels: the same as `plain.shapley`, on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from segconnect.account.attribution.plain import EXACT_UP_TO
from segconnect.account.attribution.table import FloatArray, IntArray, PathTable, summed


@dataclass(frozen=True, eq=False)
class Added:
    """What each channel adds on average, as a share of what all of them come to."""

    shares: FloatArray  # (C,)
    errors: FloatArray | None = None  # (C,) standard errors of the shares, where orders were drawn


def by_conversions(table: PathTable, earned: FloatArray) -> Added:
    """Where a set is worth what the journeys within it earned: exact for any number of channels.

    A journey adds to the worth of exactly those sets that hold its channels. By symmetry, each of
    them adds an equal part of it (Zhao, Mahboobi and Bagheri, Shapley Value Methods for Attribution
    Modeling in Online Advertising, 2018).
    """
    paths, channels = table.members
    sizes = np.bincount(paths, minlength=len(earned))
    added = summed(channels, (earned / sizes)[paths], len(table.channels))
    return Added(_shares(added))


def by_rate(
    table: PathTable, earned: FloatArray, journeys: FloatArray, samples: int, seed: int
) -> Added:
    """Where a set is worth what a journey within it earns on average.

    Exact over all sets of up to 16 channels; of more, over orders of joining that are drawn.
    """
    count = len(table.channels)
    if count <= EXACT_UP_TO:
        return Added(_shares(_over_all_sets(table, earned, journeys)))
    mean, error = _over_drawn_orders(table, earned, journeys, samples, seed)
    total = mean.sum()
    return Added(_shares(mean), error / total if total > 0 else error)


def _over_all_sets(table: PathTable, earned: FloatArray, journeys: FloatArray) -> FloatArray:
    count = len(table.channels)
    paths, channels = table.members
    sets = summed(paths, np.exp2(channels), len(earned)).astype(np.int64)
    worth = _rate(
        _within(summed(sets, earned, 2**count), count),
        _within(summed(sets, journeys, 2**count), count),
    )
    every = np.arange(2**count)
    sizes = np.array([int(each).bit_count() for each in every])
    weights = np.array([1 / (count * comb(count - 1, size)) for size in range(count)])
    added = np.empty(count)
    for channel in range(count):
        without = every[every >> channel & 1 == 0]
        gains = worth[without | 1 << channel] - worth[without]
        added[channel] = gains @ weights[sizes[without]]
    return added


def _within(of_set: FloatArray, count: int) -> FloatArray:
    """Sums over all subsets of each set."""
    sums = of_set.astype(float)
    for channel in range(count):
        halves = sums.reshape(-1, 2, 1 << channel)
        halves[:, 1] += halves[:, 0]
    return sums


def _over_drawn_orders(
    table: PathTable, earned: FloatArray, journeys: FloatArray, samples: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Means over drawn orders of joining, and their standard errors.

    In an order, a path is within those that joined as soon as the last of its channels has.
    """
    count = len(table.channels)
    paths, channels = table.members
    starts: IntArray = np.searchsorted(paths, np.arange(len(earned)))
    chance = np.random.default_rng(seed)
    mean, squares = np.zeros(count), np.zeros(count)
    for drawn in range(1, samples + 1):
        joins = chance.permutation(count)  # the turn of each channel
        complete = np.maximum.reduceat(joins[channels], starts)
        worth = _rate(
            np.cumsum(summed(complete, earned, count)),
            np.cumsum(summed(complete, journeys, count)),
        )
        gains = np.diff(worth, prepend=0.0)[joins]
        away = gains - mean
        mean += away / drawn
        squares += away * (gains - mean)
    return mean, np.sqrt(squares / (samples - 1) / samples)


def _rate(earned: FloatArray, journeys: FloatArray) -> FloatArray:
    return np.divide(earned, journeys, out=np.zeros_like(earned), where=journeys > 0)


def _shares(added: FloatArray) -> FloatArray:
    total = added.sum()
    return added / total if total else np.zeros_like(added)
