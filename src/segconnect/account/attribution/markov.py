"""The Markov model for many channels: the same as `plain.markov`, on arrays.

A state is the last steps of a journey, at most `order` of them, as one number. What happens
without a channel is what happens until its first visit: what reaches it is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from segconnect.account.attribution.table import FloatArray, IntArray, PathTable, numbered, summed
from segconnect.errors import UsageError

SMALL = 400  # states up to which a dense matrix is inverted at once
MOST_DENSE = 8_000  # states of which one can be: half a gigabyte
UNDERWAY = 1e-13  # the share of journeys that may still be on their way when following ends
MOST_ROUNDS = 5_000


@dataclass(frozen=True, eq=False)
class Chain:
    """A chain of N states, the first of which is the start, with E transitions between them."""

    keys: IntArray  # (N,) what each state is called: its channels as one number
    order: int
    channels: tuple[str, ...]
    sources: IntArray  # (E,)
    targets: IntArray  # (E,)
    chances: FloatArray  # (E,)
    converts: FloatArray  # (N,) the chance that a journey converts right after the state
    earns: FloatArray  # (N, M) the mean of each value of one that ends there

    @property
    def newest(self) -> IntArray:
        """(N,) the channel that each state has just visited; -1 at the start."""
        return self.keys % (len(self.channels) + 1) - 1

    def names(self, state: int) -> tuple[str, ...]:
        """The channels of a state, the newest last."""
        base, key, names = len(self.channels) + 1, int(self.keys[state]), []
        while key:
            key, code = divmod(key, base)
            names.append(self.channels[code - 1])
        return tuple(reversed(names))


@dataclass(frozen=True, eq=False)
class Effects:
    """How much of what journeys come to would be lost without each channel, as a share of it."""

    conversions: FloatArray  # (C,)
    values: FloatArray  # (C, M)


def chain_of(table: PathTable, order: int, *, with_null: bool) -> Chain:
    """Counts how often each state follows each other one.

    Raises:
        UsageError: There are too many channels for that order.
    """
    base = len(table.channels) + 1
    if base**order >= 2**62:
        raise UsageError(f"{base - 1:,} channels are too many for order {order}; take a lower one")
    journeys = table.journeys(with_null=with_null)
    keys = np.zeros(len(table.steps), dtype=np.int64)
    codes = table.steps + 1
    for back in range(order):
        reaches = table.positions[back:] >= back
        keys[back:] += codes[: len(codes) - back] * reaches * base**back
    used = np.repeat(journeys > 0, table.lengths)
    names, states = numbered(np.append(keys[used], 0), base**order)  # the start is 0
    state = np.zeros(len(table.steps), dtype=np.int64)
    state[used] = states[:-1]
    before = np.zeros(len(table.steps), dtype=np.int64)
    before[1:] = state[:-1]
    before[table.starts] = 0
    count = len(names)
    passing = np.repeat(journeys, table.lengths)
    moves, of_move = numbered((before * count + state)[used], count**2)
    moved = summed(of_move, passing[used], len(moves))
    taken = journeys > 0
    last = state[table.ends][taken]
    sources, targets = moves // count, moves % count
    passed = summed(sources, moved, count)
    passed += summed(last, journeys[taken], count)
    passed[passed == 0] = 1
    values = np.zeros(len(journeys)) if table.values is None else table.values
    return Chain(
        keys=names,
        order=order,
        channels=table.channels,
        sources=sources,
        targets=targets,
        chances=moved / passed[sources],
        converts=summed(last, table.conversions[taken], count) / passed,
        earns=(summed(last, values[taken], count) / passed)[:, None],
    )


def removal_effects(chain: Chain) -> Effects:
    """Answers what would be lost without each channel, exactly but for rounding.

    Raises:
        UsageError: The chain is large, and its journeys hardly ever end.
    """
    straight = _without_loops(chain)
    rewards = np.column_stack([straight.converts, straight.earns])
    found = None if len(chain.keys) <= SMALL else _followed(straight, rewards)
    everything, without = found or _solved(straight, rewards)
    lost = 1 - np.divide(without, everything, out=np.ones_like(without), where=everything > 0)
    lost = np.clip(lost, 0, 1)
    return Effects(lost[:, 0], lost[:, 1:])


def _without_loops(chain: Chain) -> Chain:
    """Leaves out that a state follows itself: it goes on in the end as if it had not."""
    loops = chain.sources == chain.targets
    stays = summed(chain.sources[loops], chain.chances[loops], len(chain.keys))
    goes = 1 / (1 - stays)
    kept = ~loops
    return Chain(
        chain.keys,
        chain.order,
        chain.channels,
        chain.sources[kept],
        chain.targets[kept],
        chain.chances[kept] * goes[chain.sources[kept]],
        chain.converts * goes,
        chain.earns * goes[:, None],
    )


def _of_channel(chain: Chain) -> list[IntArray]:
    """The states that have just visited each channel."""
    newest = chain.newest
    by_channel = np.argsort(newest, kind="stable")
    cuts = np.searchsorted(newest[by_channel], np.arange(len(chain.channels) + 1))
    return [by_channel[begin:end] for begin, end in pairwise(cuts)]


Found: TypeAlias = tuple[FloatArray, FloatArray]  # what journeys come to; without each channel


def _solved(chain: Chain, rewards: FloatArray) -> Found:
    """By one inverse: how often each state is visited from each other one.

    Of the visits from the start to a channel's states, the first ones are those that stay when
    the visits that they lead to in turn are taken off.
    """
    if len(chain.keys) > MOST_DENSE:
        raise UsageError(
            f"journeys are too long for order {chain.order} with {len(chain.keys):,} states; take a"
            " lower order"
        )
    leaves = np.eye(len(chain.keys))
    leaves[chain.sources, chain.targets] -= chain.chances
    visits = np.linalg.inv(leaves)
    comes_to = visits @ rewards
    without = np.empty((len(chain.channels), rewards.shape[1]))
    for channel, states in enumerate(_of_channel(chain)):
        again = visits[np.ix_(states, states)]
        first = np.linalg.solve(again.T, visits[0, states])
        without[channel] = comes_to[0] - first @ comes_to[states]
    return comes_to[0], without


def _followed(chain: Chain, rewards: FloatArray) -> Found | None:
    """By following journeys step by step, until hardly any is still on its way.

    What they come to is then known but for those few. None where they go on for too long.
    """
    everything = _flow(chain, rewards, np.zeros(0, dtype=np.int64))
    if everything is None:
        return None
    without = [_flow(chain, rewards, states) for states in _of_channel(chain)]
    return everything, np.array([each for each in without if each is not None])


def _flow(chain: Chain, rewards: FloatArray, closed: IntArray) -> FloatArray | None:
    here = np.zeros(len(chain.keys))
    here[0] = 1
    total = np.zeros(rewards.shape[1])
    for _ in range(MOST_ROUNDS):
        total += here @ rewards
        here = summed(chain.targets, here[chain.sources] * chain.chances, len(chain.keys))
        here[closed] = 0
        if here.sum() < UNDERWAY:
            return total
    return None
